/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/core/gpamap.c against an array with a word for each page of a window of the
 * guest's memory. The flush of the map looks whether the order is kept: what is being
 * unmapped is not reachable any more, and its frames are not the parent's yet.
 */
#include "check.h"

#include <hyperv/hypercall.h>
#include <hyperv/status.h>

#include "core/gpamap.h"
#include "ram.h"

#define WINDOW 4096u /* pages, around a 1 GiB boundary of the guest's memory */
#define WINDOW_GFN (0x7c0000u - 3 * LARGE_FRAMES)
#define POOL_BASE (MIB(2) >> PAGE_SHIFT) /* frames */
#define SOURCE_BASE (MIB(4) >> PAGE_SHIFT)
#define SOURCES (RAM_FRAMES - SOURCE_BASE)
#define RX (HV_MAP_GPA_READABLE | HV_MAP_GPA_EXECUTABLE)
#define RWX (RX | HV_MAP_GPA_WRITABLE)

struct page {
	uint64_t frame; /* 0: nothing */
	uint32_t rights;
	uint8_t state; /* HV_GPA_PAGE_* */
};

static struct page model[WINDOW];
static struct pool pool;
static struct gpamap map;
static uint64_t going, going_end; /* what is being unmapped, in pages of the window */
static unsigned int flushes;

static void check_flush(struct gpamap *m)
{
	CHECK(m == &map);
	flushes++;
	for (uint64_t i = going; i < going_end; i++) {
		if (!model[i].frame)
			continue;
		CHECK_EQ(frames_owner(model[i].frame), FRAME_MAPPED);
		CHECK(!gpamap_page(m, WINDOW_GFN + i, false));
	}
}

static void start(uint64_t pages)
{
	ram_make();
	memset(model, 0, sizeof(model));
	memset(&pool, 0, sizeof(pool));
	REQUIRE(frames_move(POOL_BASE, 512, FRAME_PARENT, FRAME_DONATED));
	for (uint64_t i = 0; i < pages; i++)
		REQUIRE(pool_deposit(&pool, POOL_BASE + i));
	REQUIRE(gpamap_init(&map, &pt_format_npt, &pool, check_flush));
}

/* In steps of any size; then everything is where it came from. */
static void finish(uint64_t pages)
{
	uint64_t frame, bound = map.pt.tables + map.mapped_pages + 1;

	while (!gpamap_destroy(&map, (uint32_t)check_below(5)))
		REQUIRE(bound--);
	CHECK(gpamap_destroy(&map, 0));
	CHECK_EQ(map.pt.tables, 0);
	CHECK_EQ(map.mapped_pages, 0);
	CHECK_EQ(pool.free, pages);
	while (pool_withdraw(&pool, &frame))
		;
	REQUIRE(frames_move(POOL_BASE, 512, FRAME_DONATED, FRAME_PARENT));
	ram_check_idle();
}

/* The page as the CPU would see it, by a look at the entry itself. */
static void check_page(uint64_t i)
{
	uint64_t size = 0, at = (uint64_t)(WINDOW_GFN + i) << PAGE_SHIFT;
	uint64_t entry = pt_lookup(&map.pt, at, &size);
	const struct page *p = &model[i];
	uint64_t pa;

	if (!p->frame) {
		CHECK_EQ(entry, 0);
		return;
	}
	REQUIRE(entry);
	pa = (entry & PTE_ADDR) + (at & (size - 1));
	CHECK_EQ(pa, p->frame << PAGE_SHIFT);
	CHECK_EQ(entry & (PTE_P | PTE_U), PTE_P | PTE_U);
	CHECK_EQ(!!(entry & PTE_W), !!(p->rights & HV_MAP_GPA_WRITABLE));
	CHECK_EQ(!(entry & PTE_NX), !!(p->rights & HV_MAP_GPA_EXECUTABLE));
	CHECK_EQ(frames_owner(p->frame), FRAME_MAPPED);
}

static void check_all(void)
{
	uint64_t mapped = 0;

	for (uint64_t i = 0; i < WINDOW; i++) {
		check_page(i);
		mapped += model[i].frame != 0;
	}
	CHECK_EQ(map.mapped_pages, mapped);
	CHECK_EQ(frames_count(FRAME_MAPPED), mapped);
	CHECK_EQ(pool.pages - pool.free, map.pt.tables);
	ram_check();
}

/* What the model says of a call to gpamap_map that has pages enough. */
static bool can_map(uint64_t i, uint64_t frame, uint64_t count, uint32_t rights)
{
	if (i % count || frame % count || !(rights & HV_MAP_GPA_READABLE) ||
	    (rights & ~HV_MAP_GPA_PERMISSIONS_MASK))
		return false;
	for (uint64_t k = 0; k < count; k++) {
		if (frames_owner(frame + k) != FRAME_PARENT || model[i + k].frame)
			return false;
	}
	return true;
}

static unsigned int step_map(void)
{
	static const uint32_t rights[] = { RWX,
					   RWX,
					   RX,
					   HV_MAP_GPA_READABLE,
					   HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE,
					   HV_MAP_GPA_WRITABLE,
					   0,
					   RWX | 0x10000 };
	bool large = check_below(4) == 0;
	uint64_t count = large ? LARGE_FRAMES : 1;
	uint64_t i = check_below(WINDOW), frame = SOURCE_BASE + check_below(SOURCES);
	uint32_t r = rights[check_below(8)];
	bool can;
	uint16_t status;

	if (large && check_below(8)) {
		i -= i % count;
		frame -= frame % count;
	} else if (large) {
		i = i > WINDOW - count ? 0 : i;
	}
	can = can_map(i, frame, count, r);
	status = gpamap_map(&map, WINDOW_GFN + i, frame, large, r);
	if (status == HV_STATUS_INSUFFICIENT_MEMORY) {
		CHECK_EQ(pool.free, 0);
		if (can)
			CHECK_EQ(frames_owner(frame), FRAME_PARENT);
		return 1;
	}
	CHECK_EQ(status, can ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_PARAMETER);
	for (uint64_t k = 0; can && k < count; k++)
		model[i + k] = (struct page){ frame + k, r, 0 };
	return 0;
}

static unsigned int step_unmap(void)
{
	uint64_t i = check_below(WINDOW), count = 1 + check_below(check_below(3) ? 20 : 1200);
	unsigned int before = flushes;
	bool any = false;

	if (count > WINDOW - i)
		count = WINDOW - i;
	going = i;
	going_end = i + count;
	if (!gpamap_unmap(&map, WINDOW_GFN + i, count)) {
		CHECK_EQ(pool.free, 0);
		CHECK_EQ(flushes, before);
		return 1;
	}
	for (uint64_t k = i; k < i + count; k++) {
		any |= model[k].frame != 0;
		if (model[k].frame)
			CHECK_EQ(frames_owner(model[k].frame), FRAME_PARENT);
		model[k] = (struct page){ 0 };
	}
	CHECK_EQ(flushes, before + any);
	return 0;
}

static void step_page(void)
{
	uint64_t i = check_below(WINDOW), size = 0;
	bool write = check_below(2);
	struct page *p = &model[i];
	const uint8_t *page = gpamap_page(&map, WINDOW_GFN + i, write);
	bool can = p->frame && (!write || (p->rights & HV_MAP_GPA_WRITABLE));
	uint8_t bits = HV_GPA_PAGE_ACCESSED | (write ? HV_GPA_PAGE_DIRTY : 0);

	CHECK(page == (can ? phys_to_virt(HPA(p->frame << PAGE_SHIFT)) : NULL));
	if (!can)
		return;
	/* A large page has one state. */
	pt_lookup(&map.pt, (uint64_t)(WINDOW_GFN + i) << PAGE_SHIFT, &size);
	size >>= PAGE_SHIFT;
	for (uint64_t k = i - i % size; k < i - i % size + size; k++)
		model[k].state |= bits;
}

static void step_access(void)
{
	uint64_t i = check_below(WINDOW), flags = check_below(16), size = 0;
	struct page *p = &model[i];
	uint8_t clear = (uint8_t)((flags & 1 ? 1 : 0) | (flags & 4 ? 2 : 0));
	uint8_t set = (uint8_t)((flags & 2 ? 1 : 0) | (flags & 8 ? 2 : 0));

	CHECK_EQ(gpamap_access(&map, WINDOW_GFN + i, flags), p->frame ? p->state : 0);
	if (!p->frame)
		return;
	pt_lookup(&map.pt, (uint64_t)(WINDOW_GFN + i) << PAGE_SHIFT, &size);
	size >>= PAGE_SHIFT;
	if (size > 1 && (p->state & clear)) {
		CHECK_EQ(pool.free, 0); /* no page to split it */
		clear = 0;
	}
	for (uint64_t k = i - i % size; k < i - i % size + size; k++)
		model[k].state = (uint8_t)((model[k].state & ~clear) | set);
}

static void random_walk(uint64_t pages, int steps)
{
	unsigned int failed = 0;

	CHECK_NOTE("pool of %" PRIu64 " pages", pages);
	start(pages);
	for (int i = 0; i < steps; i++) {
		switch (check_below(8)) {
		case 0:
		case 1:
		case 2:
			failed += step_map();
			break;
		case 3:
			failed += step_unmap();
			break;
		case 4:
		case 5:
			step_page();
			break;
		default:
			step_access();
		}
		if (i % 64 == 63)
			check_all();
	}
	CHECK(pages > 100 ? !failed : failed > 0);
	check_all();
	finish(pages);
}

static void random_maps(void)
{
	check_seed(0x67706d6170);
	random_walk(512, 20000);
	random_walk(8, 4000);
	random_walk(6, 4000);
	for (uint64_t pages = 1; pages < 6; pages++)
		random_walk(pages, 300);
}

static void no_pool(void)
{
	ram_make();
	memset(&pool, 0, sizeof(pool));
	CHECK(!gpamap_init(&map, &pt_format_npt, &pool, check_flush));
	CHECK_EQ(map.pt.tables, 0);
}

/* Numbers at the ends of what there is. */
static void bounds(void)
{
	uint64_t frame = SOURCE_BASE;

	start(32);
	CHECK_EQ(gpamap_map(&map, GFN_END, frame, false, RWX), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(gpamap_map(&map, ~0ul, frame, false, RWX), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(gpamap_map(&map, 0, RAM_FRAMES, false, RWX), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(gpamap_map(&map, 0, ~0ul, false, RWX), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(gpamap_map(&map, 0, ~0ul << 9, true, RWX), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(gpamap_map(&map, 0, HOLE_BASE >> PAGE_SHIFT, true, RWX),
		 HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(gpamap_map(&map, GFN_END - 1, frame, false, RWX), HV_STATUS_SUCCESS);
	CHECK_EQ(gpamap_map(&map, 0, frame, false, RWX), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(gpamap_map(&map, 0, frame + 1, false, RWX), HV_STATUS_SUCCESS);
	CHECK(gpamap_page(&map, GFN_END - 1, true));
	CHECK(!gpamap_page(&map, GFN_END, true));
	CHECK(!gpamap_page(&map, ~0ul, true));
	CHECK_EQ(gpamap_access(&map, ~0ul, 15), 0);
	going_end = 0;
	CHECK(gpamap_unmap(&map, 0, GFN_END)); /* skips what is empty by whole tables */
	CHECK_EQ(map.mapped_pages, 0);
	CHECK_EQ(frames_owner(frame), FRAME_PARENT);
	finish(32);
}

/* A large page where small ones were: through the table that is left. */
static void large_after_small(void)
{
	start(16);
	CHECK_EQ(gpamap_map(&map, 512 + 511, SOURCE_BASE + 3, false, RWX), HV_STATUS_SUCCESS);
	CHECK_EQ(gpamap_map(&map, 512, SOURCE_BASE + 512, true, RWX), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(frames_owner(SOURCE_BASE + 512), FRAME_PARENT);
	CHECK(gpamap_unmap(&map, 1023, 1));
	CHECK_EQ(gpamap_map(&map, 512, SOURCE_BASE + 512, true, RX), HV_STATUS_SUCCESS);
	CHECK_EQ(map.mapped_pages, 512);
	for (uint64_t i = 0; i < 512; i++) {
		CHECK(gpamap_page(&map, 512 + i, false) ==
		      phys_to_virt(HPA((SOURCE_BASE + 512 + i) << PAGE_SHIFT)));
		CHECK(!gpamap_page(&map, 512 + i, true));
	}
	finish(16);
}

int main(void)
{
	CHECK_RUN(no_pool);
	CHECK_RUN(bounds);
	CHECK_RUN(large_after_small);
	CHECK_RUN(random_maps);
	return check_done();
}
