/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A child's map of guest-physical memory: which frames of the parent's it sees
 * where, and what it may do with them. Tables come from the partition's pool.
 *
 * Changed by one CPU at a time, under the partition's lock. gpamap_page may be called
 * without a lock by whoever handles an exit of the partition: entries are written
 * at once, and what they led to is given back only behind flush.
 *
 * A page of the guest is named by its number (gfn), a page of the parent's by frame.
 */
#ifndef HV_CORE_GPAMAP_H
#define HV_CORE_GPAMAP_H

#include "core/pool.h"
#include "core/types.h"
#include "x86/paging.h"

/* Four levels reach 48 bits. */
#define GFN_END BIT(36)
#define LARGE_FRAMES 512u

struct gpamap {
	struct pagetable pt; /* its tables: pt.tables */
	struct pool *pool;
	u64 mapped_pages; /* of 4 KiB */
	/* When it returns no CPU has a translation by an entry that was there before the
	 * call, nor a pointer that gpamap_page returned before. */
	void (*flush)(struct gpamap *map);
};

/* The top table, for the vendor. */
static inline hpa_t gpamap_root(const struct gpamap *map)
{
	return HPA(map->pt.root);
}

/* Makes an empty map. Returns false when the pool has no page. */
bool gpamap_init(struct gpamap *map, const struct pt_format *format, struct pool *pool,
		 void (*flush)(struct gpamap *map));

/*
 * Maps 1 page, or with large LARGE_FRAMES from aligned numbers on, readable and as
 * rights (HV_MAP_GPA_*, hyperv/hypercall.h) say. Returns an HV_STATUS; nothing is
 * mapped unless it is SUCCESS, but tables may have been made:
 * INVALID_PARAMETER: a number is out of range or not aligned, the rights are none
 * that can be had, a frame is not the parent's, something is mapped there.
 * INSUFFICIENT_MEMORY: the pool had no page for a table.
 */
u16 gpamap_map(struct gpamap *map, u64 gfn, u64 frame, bool large, u32 rights);

/* Unmaps what is mapped of [gfn, gfn + count), below GFN_END, flushes, and gives the
 * frames back to the parent. Returns false, nothing unmapped, when the pool had no
 * page for splitting a large one. */
bool gpamap_unmap(struct gpamap *map, u64 gfn, u64 count);

/* Where hv finds the page; NULL when it is not mapped, or write is asked for and not
 * allowed. Counts as the guest's access. Valid until the exit was handled. */
void *gpamap_page(const struct gpamap *map, u64 gfn, bool write);

/* HV_GPA_PAGE_* of a page, 0 where nothing is mapped; then flags (HV_GPA_ACCESS_*) are
 * applied. What they clear is set again by accesses after the next flush. A large
 * page is split first; without a page for that its bits stay set. */
u8 gpamap_access(struct gpamap *map, u64 gfn, u64 flags);

/* Takes the map apart in steps; nothing runs by it any more, and flush was done. True
 * when it is gone, all frames are the parent's and all tables the pool's. */
bool gpamap_destroy(struct gpamap *map, u32 steps);

#endif
