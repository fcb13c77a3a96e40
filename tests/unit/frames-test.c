/* SPDX-License-Identifier: GPL-2.0-only */
/* hv/core/frames.c and pool.c against an array of owners and a list of pages. */
#include "check.h"

#include "core/pool.h"
#include "ram.h"

static void edges(void)
{
	static struct memmap map = {
		.count = 3,
		.r = { { 0x800, 0x3800, MEM_USABLE },
		       { 0x5001, 0x2000, MEM_USABLE },
		       { 0x9000, 0x100000, MEM_USABLE } },
	};
	static uint8_t owner[PAGE_SIZE];

	/* Frames that are usable in part are nobody's; what is above the end is not there. */
	CHECK_EQ(frames_size(0xb000), PAGE_SIZE);
	frames_init(owner, 0xb000, &map);
	for (uint64_t i = 0; i < 20; i++)
		CHECK_EQ(frames_owner(i), (i >= 1 && i <= 3) || i == 6 || i == 9 || i == 10);
	CHECK_EQ(frames_owner(~0ul), FRAME_NONE);
	CHECK_EQ(frames_count(FRAME_PARENT), 6);
	CHECK_EQ(frames_count(FRAME_NONE), 5);
	CHECK(!frames_move(10, 2, FRAME_PARENT, FRAME_HV));
	CHECK(!frames_move(1, ~0ul, FRAME_PARENT, FRAME_HV));
	CHECK(!frames_move(~0ul, 2, FRAME_PARENT, FRAME_HV));
	CHECK(!frames_move(3, 2, FRAME_PARENT, FRAME_HV));
	CHECK_EQ(frames_owner(3), FRAME_PARENT);
	CHECK(frames_move(9, 2, FRAME_PARENT, FRAME_HV));
}

static void random_moves(void)
{
	static uint8_t model[RAM_FRAMES];

	check_seed(0x6672616d65);
	ram_make();
	for (uint64_t i = 0; i < RAM_FRAMES; i++)
		model[i] = ram_usable(i) ? FRAME_PARENT : FRAME_NONE;
	for (int step = 0; step < 200000; step++) {
		uint64_t first = check_below(RAM_FRAMES + 3),
			 count = 1 + check_below(1 + check_below(40));
		enum frame_owner from = check_below(FRAME_OWNERS), to = check_below(FRAME_OWNERS);
		bool ok = first + count <= RAM_FRAMES;

		if (first < RAM_FRAMES && check_below(2))
			from = model[first];
		for (uint64_t i = first; ok && i < first + count; i++)
			ok = model[i] == from;
		CHECK_EQ(frames_move(first, count, from, to), ok);
		for (uint64_t i = first; ok && i < first + count; i++)
			model[i] = to;
	}
	for (uint64_t i = 0; i < RAM_FRAMES; i++)
		CHECK_EQ(frames_owner(i), model[i]);
	ram_check();
}

/* Which owners' frames the parent's structures may lie in. */
static void copies(void)
{
	static const bool readable[FRAME_OWNERS] = {
		[FRAME_PARENT] = true,
		[FRAME_MAPPED] = true,
		[FRAME_SHARED] = true,
	};
	uint64_t pa = MIB(2) - 8;
	uint8_t buf[16], text[16] = "fifteen letters";

	for (unsigned int o = 0; o < FRAME_OWNERS; o++) {
		ram_make();
		REQUIRE(frames_move(MIB(2) >> PAGE_SHIFT, 1, FRAME_PARENT, (enum frame_owner)o));
		CHECK_NOTE("owner %u", o);
		CHECK_EQ(frames_copy(pa, phys_to_virt(HPA(pa)), text, 16), readable[o]);
		memset(buf, 0x55, 16);
		CHECK_EQ(frames_copy(pa, buf, phys_to_virt(HPA(pa)), 16), readable[o]);
		CHECK_EQ(buf[0], readable[o] ? 'f' : 0x55);
		CHECK_EQ(memcmp(phys_to_virt(HPA(pa)), text, 16) == 0, readable[o]);
		CHECK(frames_copy(pa, phys_to_virt(HPA(pa)), text, 8));
	}
	CHECK(!frames_visible(MIB(1) - 1, 2));
	CHECK(!frames_visible(RAM_END - 1, 2));
	CHECK(frames_visible(RAM_END - 2, 2));
	CHECK(!frames_visible(~0ul - 3, 16));
	CHECK(!frames_visible(MIB(2), 0));
}

#define POOL_PAGES 100u

/* Pages that are in use are filled, so that one that is given out twice, or not
 * zeroed, is seen. */
static void random_pool(void)
{
	struct pool pool = { 0 };
	uint64_t *used[POOL_PAGES], count = 0, deposited = 0, frame;
	const uint64_t base = MIB(4) >> PAGE_SHIFT;

	check_seed(0x706f6f6c);
	ram_make();
	REQUIRE(frames_move(base, POOL_PAGES, FRAME_PARENT, FRAME_DONATED));
	CHECK(!pool_alloc(&pool));
	CHECK(!pool_withdraw(&pool, &frame));
	CHECK(!pool_deposit(&pool, base - 1));
	for (int step = 0; step < 50000; step++) {
		uint64_t f = base + check_below(POOL_PAGES);
		bool donated = frames_owner(f) == FRAME_DONATED;
		uint64_t *page;

		switch (check_below(4)) {
		case 0:
			CHECK_EQ(pool_deposit(&pool, f), donated);
			deposited += donated;
			break;
		case 1:
			if (check_below(3))
				break;
			frame = 0;
			CHECK_EQ(pool_withdraw(&pool, &frame), deposited > count);
			if (frame) {
				CHECK_EQ(frames_owner(frame), FRAME_DONATED);
				deposited--;
			}
			break;
		case 2:
			page = pool_alloc(&pool);
			CHECK_EQ(page != NULL, deposited > count);
			if (!page)
				break;
			CHECK_EQ(frames_owner(virt_to_phys(page).v >> PAGE_SHIFT), FRAME_POOL);
			for (int i = 0; i < 512; i++) {
				CHECK_EQ(page[i], 0);
				page[i] = virt_to_phys(page).v + (uint64_t)i;
			}
			used[count++] = page;
			break;
		default:
			if (!count)
				break;
			f = check_below(count);
			for (int i = 0; i < 512; i++)
				CHECK_EQ(used[f][i], virt_to_phys(used[f]).v + (uint64_t)i);
			pool_free(&pool, used[f]);
			used[f] = used[--count];
		}
		CHECK_EQ(pool.pages, deposited);
		CHECK_EQ(pool.free, deposited - count);
		CHECK_EQ(frames_count(FRAME_POOL), deposited);
	}
	while (count)
		pool_free(&pool, used[--count]);
	while (pool_withdraw(&pool, &frame))
		;
	CHECK_EQ(pool.pages | pool.free | pool.first, 0);
	REQUIRE(frames_move(base, POOL_PAGES, FRAME_DONATED, FRAME_PARENT));
	ram_check_idle();
}

int main(void)
{
	CHECK_RUN(edges);
	CHECK_RUN(random_moves);
	CHECK_RUN(copies);
	CHECK_RUN(random_pool);
	return check_done();
}
