/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's memory by linear address: the walk through its page tables, in every
 * paging mode. Pure: the tables are read and marked by functions that the caller gives.
 *
 * Not looked at: SMEP, SMAP, protection keys, and physical addresses wider than
 * the CPU has.
 *
 * Sources: AMD APM volume 2, chapter 5; Intel SDM volume 3, chapter 4.
 */
#ifndef HV_X86_GUEST_H
#define HV_X86_GUEST_H

#include "core/vp.h"

/* A partition's memory. */
struct guest_memory {
	/* Copies size bytes that cross no page, from gpa; false: not all of it is there. */
	bool (*read)(void *ctx, gpa_t gpa, void *buf, u64 size);
	/* For GUEST_MARK. Sets bits in the entry of size bytes (4 or 8) at gpa, which it
	 * is aligned to, if it still is entry; false: it cannot be written. */
	bool (*mark)(void *ctx, gpa_t gpa, u32 size, u64 entry, u64 bits);
	void *ctx;
};

/* What an access wants; none of it: rights do not matter. */
#define GUEST_WRITE 1u
#define GUEST_EXECUTE 2u
#define GUEST_USER 4u /* from CPL 3 */
#define GUEST_MARK 8u /* sets what the CPU would set: accessed, and for a write dirty */

/*
 * Where linear lies. Returns HV_TRANSLATE_GVA_* (hyperv/hypercall.h):
 *   SUCCESS                   *gpa is set; whether there is memory is not known
 *   PAGE_NOT_PRESENT          an entry says so, or the address is not canonical
 *   PRIVILEGE_VIOLATION       the page exists without a right that access wants
 *   INVALID_PAGE_TABLE_FLAGS  a reserved bit is set
 *   GPA_UNMAPPED              a table is not in memory
 *   GPA_NO_WRITE_ACCESS       a table cannot be marked; those above it are
 */
u32 guest_translate(const struct guest_memory *memory, const struct vp_mode *mode, u64 linear,
		    u32 access, gpa_t *gpa);

/* Up to n bytes from linear, rights unchecked; fewer, perhaps none, when a page is
 * not there. */
size_t guest_read_linear(const struct guest_memory *memory, const struct vp_mode *mode, u64 linear,
			 u8 *buf, size_t n);

#endif
