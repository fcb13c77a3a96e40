/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A page that is being unmapped keeps its frame in an entry that is not present,
 * until the flush is behind: what is to be given back needs no list.
 */
#include "core/gpamap.h"

#include <hyperv/hypercall.h>
#include <hyperv/status.h>

#include "core/frames.h"
#include "core/memory.h"

static u64 alloc_table(void *ctx)
{
	const struct gpamap *map = ctx;
	void *page = pool_alloc(map->pool);

	return page ? virt_to_phys(page).v : 0;
}

static void free_table(void *ctx, u64 pa)
{
	const struct gpamap *map = ctx;

	pool_free(map->pool, phys_to_virt(HPA(pa)));
}

bool gpamap_init(struct gpamap *map, const struct pt_format *format, struct pool *pool,
		 void (*flush)(struct gpamap *map))
{
	*map = (struct gpamap){
		.pt = {
			.format = format,
			.virt_offset = PHYSMAP,
			.alloc_page = alloc_table,
			.free_page = free_table,
			.ctx = map,
		},
		.pool = pool,
		.flush = flush,
	};
	return pt_init(&map->pt);
}

static u64 pages_of(int level)
{
	return 1ul << (9 * (level - 1));
}

static bool present(const struct gpamap *map, u64 entry)
{
	return entry & map->pt.format->present;
}

static u64 make_leaf(const struct pt_format *f, u64 frame, u32 rights)
{
	return (frame << PAGE_SHIFT) | f->leaf | (rights & HV_MAP_GPA_WRITABLE ? f->write : 0) |
	       (rights & HV_MAP_GPA_EXECUTABLE ? f->execute : f->no_execute);
}

static struct pt_place find(const struct gpamap *map, u64 gfn)
{
	return pt_find(&map->pt, gfn << PAGE_SHIFT);
}

u16 gpamap_map(struct gpamap *map, u64 gfn, u64 frame, bool large, u32 rights)
{
	const struct pt_format *f = map->pt.format;
	u64 count = large ? LARGE_FRAMES : 1, step;
	struct pt_place at;

	if (gfn >= GFN_END || (gfn | frame) % count || !(rights & HV_MAP_GPA_READABLE) ||
	    (rights & ~HV_MAP_GPA_PERMISSIONS_MASK) || find(map, gfn).value)
		return HV_STATUS_INVALID_PARAMETER;
	at = pt_make(&map->pt, gfn << PAGE_SHIFT, large ? 2 : 1);
	if (!at.entry)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	/* A large page where there is a table from before is made of small ones. */
	step = pages_of(at.level);
	for (u64 i = 0; i < count / step; i++) {
		if (at.entry[i])
			return HV_STATUS_INVALID_PARAMETER;
	}
	if (!frames_move(frame, count, FRAME_PARENT, FRAME_MAPPED))
		return HV_STATUS_INVALID_PARAMETER;
	for (u64 i = 0; i < count / step; i++)
		WRITE_ONCE(at.entry[i],
			   make_leaf(f, frame + i * step, rights) | (at.level > 1 ? f->large : 0));
	map->mapped_pages += count;
	return HV_STATUS_SUCCESS;
}

/* Makes sure that no large page has gfn in its middle. */
static bool cut(struct gpamap *map, u64 gfn)
{
	struct pt_place at = find(map, gfn);

	return gfn % pages_of(at.level) == 0 || !present(map, at.value) ||
	       pt_make(&map->pt, gfn << PAGE_SHIFT, 1).entry;
}

static u64 next_place(u64 gfn, int level)
{
	return align_down(gfn, pages_of(level)) + pages_of(level);
}

static void give_back(void *ctx, u64 entry, int level)
{
	struct gpamap *map = ctx;

	frames_move((entry & PTE_ADDR) >> PAGE_SHIFT, pages_of(level), FRAME_MAPPED, FRAME_PARENT);
	map->mapped_pages -= pages_of(level);
}

bool gpamap_unmap(struct gpamap *map, u64 gfn, u64 count)
{
	u64 end = gfn + count;
	struct pt_place at;
	bool any = false;

	if (!cut(map, gfn) || (end < GFN_END && !cut(map, end)))
		return false;
	for (u64 i = gfn; i < end; i = next_place(i, at.level)) {
		at = find(map, i);
		if (!present(map, at.value))
			continue;
		__atomic_fetch_and(at.entry, ~map->pt.format->present, __ATOMIC_RELAXED);
		any = true;
	}
	if (!any)
		return true;
	map->flush(map);
	for (u64 i = gfn; i < end; i = next_place(i, at.level)) {
		at = find(map, i);
		if (!at.value)
			continue;
		give_back(map, at.value, at.level);
		WRITE_ONCE(*at.entry, 0);
	}
	return true;
}

void *gpamap_page(const struct gpamap *map, u64 gfn, bool write)
{
	const struct pt_format *f = map->pt.format;
	struct pt_place at;
	u64 used, frame;

	if (gfn >= GFN_END)
		return NULL;
	do { /* until the entry that gets the bits is the one that was looked at */
		at = find(map, gfn);
		if (!(at.value & f->present) || (write && !(at.value & f->write)))
			return NULL;
		used = at.value | f->accessed | (write ? f->dirty : 0);
	} while (used != at.value &&
		 !__atomic_compare_exchange_n(at.entry, &at.value, used, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	frame = ((used & PTE_ADDR) >> PAGE_SHIFT) + gfn % pages_of(at.level);
	return phys_to_virt(HPA(frame << PAGE_SHIFT));
}

u8 gpamap_access(struct gpamap *map, u64 gfn, u64 flags)
{
	const struct pt_format *f = map->pt.format;
	u64 set = (flags & HV_GPA_ACCESS_SET_ACCESSED ? f->accessed : 0) |
		  (flags & HV_GPA_ACCESS_SET_DIRTY ? f->dirty : 0);
	u64 clear = (flags & HV_GPA_ACCESS_CLEAR_ACCESSED ? f->accessed : 0) |
		    (flags & HV_GPA_ACCESS_CLEAR_DIRTY ? f->dirty : 0);
	struct pt_place at;
	u64 old;

	if (gfn >= GFN_END)
		return 0;
	at = find(map, gfn);
	if (!present(map, at.value))
		return 0;
	if (at.level > 1 && (at.value & clear)) {
		u64 *small = pt_make(&map->pt, gfn << PAGE_SHIFT, 1).entry;

		at.entry = small ? small : at.entry;
		clear = small ? clear : 0;
	}
	old = __atomic_fetch_and(at.entry, ~clear, __ATOMIC_RELAXED);
	if (set)
		__atomic_fetch_or(at.entry, set, __ATOMIC_RELAXED);
	return (u8)((old & f->accessed ? HV_GPA_PAGE_ACCESSED : 0) |
		    (old & f->dirty ? HV_GPA_PAGE_DIRTY : 0));
}

bool gpamap_destroy(struct gpamap *map, u32 steps)
{
	return pt_dismantle(&map->pt, steps, give_back);
}
