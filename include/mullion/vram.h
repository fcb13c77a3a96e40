/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The memory of a guest's screen: RAM in the window that ACPI gives to VMBus devices,
 * from MULLION_VRAM_GPA on, and nothing else in it, so that a guest's driver that takes
 * what its device asks for (mmio_megabytes of the offer) from there gets memory. Not in
 * the guest's memory map. All of it is the synthetic video device's: the GPU channel shows
 * and draws in the guest's own pages.
 */
#ifndef MULLION_VRAM_H
#define MULLION_VRAM_H

#include <linux/types.h>

#define MULLION_VRAM_GPA 0xc0000000u
#define MULLION_VRAM_WINDOW 0x3e000000u /* of all VMBus devices; bytes */

/* Bytes of it: a multiple of UNIT. */
#define MULLION_VRAM_UNIT (2u << 20)
#define MULLION_VRAM_MIN (16u << 20)
#define MULLION_VRAM_MAX (512u << 20)

#endif
