/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Types and numbers that all of the Hyper-V interface uses.
 *
 * The headers in this directory state facts of the public interface, under its own
 * names: for hv (freestanding), for kernel modules, for programs. Structures are
 * little-endian and have no padding that is not named. Fields are masks and
 * shifts, not C bit-fields.
 *
 * Sources: Hypervisor Top Level Functional Specification (TLFS) 6.0b and its
 * continuation at https://learn.microsoft.com/virtualization/hyper-v-on-windows/tlfs;
 * where that is silent, the user and hypervisor ABI that Linux's /dev/mshv and its
 * VMMs share.
 */
#ifndef HYPERV_TYPES_H
#define HYPERV_TYPES_H

#if defined(__KERNEL__)
#include <linux/types.h>
#elif !defined(_LINUX_TYPES_H) /* else the kernel's user headers came first */
#include <stdint.h>
typedef uint8_t __u8;
typedef uint16_t __u16;
typedef uint32_t __u32;
typedef uint64_t __u64;
typedef int32_t __s32;
typedef int64_t __s64;
#endif

#define HV_PAGE_SHIFT 12
#define HV_PAGE_SIZE 4096u
#define HV_LARGE_PAGE_SHIFT 21

/* Partition ids (64 bits) and VP indices (32 bits) with a meaning of their own. */
#define HV_PARTITION_ID_INVALID 0ull
#define HV_PARTITION_ID_SELF (~0ull)
#define HV_VP_INDEX_SELF 0xfffffffeu
#define HV_ANY_VP 0xffffffffu

struct hv_u128 {
	__u64 low;
	__u64 high;
};

_Static_assert(sizeof(struct hv_u128) == 16, "TLFS: HV_UINT128");

#endif
