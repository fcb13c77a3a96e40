/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's memory by linear address: the walk through its page tables, in every
 * paging mode. Pure: the tables are read by a function that the caller gives.
 *
 * Not looked at: SMEP, SMAP, protection keys, and physical addresses wider than
 * the CPU has. Accessed and dirty bits are not set.
 *
 * Sources: AMD APM volume 2, chapter 5; Intel SDM volume 3, chapter 4.
 */
#ifndef HV_X86_GUEST_H
#define HV_X86_GUEST_H

#include "core/vp.h"

/* A partition's memory. read copies size bytes that cross no page, from gpa; false:
 * not all of it is there. */
struct guest_memory {
	bool (*read)(void *ctx, gpa_t gpa, void *buf, u64 size);
	void *ctx;
};

/* What an access wants; none of it: rights do not matter. */
#define GUEST_WRITE 1u
#define GUEST_EXECUTE 2u
#define GUEST_USER 4u /* from CPL 3 */

/*
 * Where linear lies. Returns HV_TRANSLATE_GVA_* (hyperv/hypercall.h):
 *   SUCCESS                   *gpa is set; whether there is memory is not known
 *   PAGE_NOT_PRESENT          an entry says so, or the address is not canonical
 *   PRIVILEGE_VIOLATION       the page exists without a right that access wants
 *   INVALID_PAGE_TABLE_FLAGS  a reserved bit is set
 *   GPA_UNMAPPED              a table is not in memory
 */
u32 guest_translate(const struct guest_memory *memory, const struct vp_mode *mode, u64 linear,
		    u32 access, gpa_t *gpa);

/* Up to n bytes from linear, rights unchecked; fewer, perhaps none, when a page is
 * not there. */
size_t guest_read_linear(const struct guest_memory *memory, const struct vp_mode *mode, u64 linear,
			 u8 *buf, size_t n);

#endif
