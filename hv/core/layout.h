/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv's address space. Shared with assembly and the linker script: numbers only.
 *
 * HV_BASE     the image, HV_IMAGE_SIZE bytes, wherever it was loaded
 * PHYSMAP     physical memory, address p at PHYSMAP + p
 * APIC_WINDOW the local APIC's register page, uncached
 *
 * The image occupies a whole 2 MiB page, so that taking it out of the parent's
 * map splits nothing.
 */
#ifndef HV_CORE_LAYOUT_H
#define HV_CORE_LAYOUT_H

#define HV_BASE 0xffffffff80000000
#define HV_IMAGE_SIZE 0x200000
#ifndef PHYSMAP /* a host test has it elsewhere */
#define PHYSMAP 0xffff800000000000
#endif
#define APIC_WINDOW 0xffffffffc0000000

#define STACK_SIZE 16384
#define IST_STACK_SIZE 4096

#define SEL_CODE64 0x08
#define SEL_DATA 0x10
#define SEL_TSS 0x18

#endif
