/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/core/frames.c, pool.c and gpamap.c: pages that go from the parent to pools and
 * maps of two partitions and back, in any order, with numbers that are right, nearly
 * right and wrong. Whatever came, each page has one owner, the books agree with the
 * table, and taking everything apart gives every page back to the parent.
 */
#include "fuzz.h"

#define REQUIRE(condition) FUZZ_CHECK(condition)
#define CHECK_EQ(got, wanted) FUZZ_CHECK((got) == (wanted))

#include <hyperv/hypercall.h>
#include <hyperv/status.h>

#include "core/gpamap.h"
#include "ram.h"

#define PARTITIONS 2u
#define BLOCK 512u /* frames that are donated together */

struct partition {
	struct pool pool;
	struct gpamap map;
};

static struct partition partitions[PARTITIONS];

static void flush(struct gpamap *map)
{
	(void)map;
}

/* What the books of both say is what the table of owners says. */
static void check(void)
{
	u64 pooled = 0, mapped = 0;

	for (u32 i = 0; i < PARTITIONS; i++) {
		const struct partition *p = &partitions[i];

		FUZZ_CHECK(p->pool.pages == p->pool.free + p->map.pt.tables);
		pooled += p->pool.pages;
		mapped += p->map.mapped_pages;
	}
	FUZZ_CHECK(frames_count(FRAME_POOL) == pooled);
	FUZZ_CHECK(frames_count(FRAME_MAPPED) == mapped);
}

/* A page's number: of RAM as a rule, of the partition's whole space now and then. */
static u64 take_number(const uint8_t **data, size_t *size, bool large)
{
	u64 number = fuzz_u64(data, size, 2);

	if (number & 0x8000)
		number = (number & 0x7fff) << (number & 31);
	return large ? number & ~(u64)(LARGE_FRAMES - 1) : number;
}

static void map(struct partition *p, u64 op, const uint8_t **data, size_t *size)
{
	bool large = op & 0x40;
	u64 gfn = take_number(data, size, large && (op & 0x80));
	u64 frame = take_number(data, size, large && (op & 0x80));
	u32 rights = (u32)fuzz_u64(data, size, 1);
	enum frame_owner owner = frames_owner(frame);
	u64 before = p->map.mapped_pages;
	u16 status = gpamap_map(&p->map, gfn, frame, large, rights);

	if (status == HV_STATUS_SUCCESS) {
		FUZZ_CHECK(owner == FRAME_PARENT && frames_owner(frame) == FRAME_MAPPED);
		FUZZ_CHECK(p->map.mapped_pages == before + (large ? LARGE_FRAMES : 1));
		FUZZ_CHECK(gpamap_page(&p->map, gfn, false) ==
			   phys_to_virt(HPA(frame << PAGE_SHIFT)));
	} else {
		FUZZ_CHECK(frames_owner(frame) == owner && p->map.mapped_pages == before);
	}
}

static void unmap(struct partition *p, const uint8_t **data, size_t *size)
{
	u64 gfn = take_number(data, size, false), count = fuzz_u64(data, size, 2) + 1;

	if (gfn >= GFN_END || count > GFN_END - gfn)
		return; /* the caller's to refuse */
	if (gpamap_unmap(&p->map, gfn, count))
		FUZZ_CHECK(!gpamap_page(&p->map, gfn, false) &&
			   !gpamap_page(&p->map, gfn + count - 1, false));
	else
		FUZZ_CHECK(!p->pool.free);
}

static void step(const uint8_t **data, size_t *size)
{
	u64 op = fuzz_u64(data, size, 1), frame;
	struct partition *p = &partitions[op >> 3 & 1];

	switch (op & 7) {
	case 0: /* a block of the parent's, or one of its pages that is no block */
		frame = take_number(data, size, op & 0x80);
		frames_move(frame, op & 0x80 ? BLOCK : 1, FRAME_PARENT, FRAME_DONATED);
		break;
	case 1:
		frame = take_number(data, size, op & 0x80);
		frames_move(frame, op & 0x80 ? BLOCK : 1, FRAME_DONATED, FRAME_PARENT);
		break;
	case 2:
	case 3:
		frame = take_number(data, size, false);
		for (u64 i = 0; i < 1 + (op >> 4); i++) {
			enum frame_owner owner = frames_owner(frame + i);

			FUZZ_CHECK(pool_deposit(&p->pool, frame + i) == (owner == FRAME_DONATED));
		}
		break;
	case 4:
		if (pool_withdraw(&p->pool, &frame))
			FUZZ_CHECK(frames_owner(frame) == FRAME_DONATED);
		break;
	case 5:
		if (p->map.pt.root)
			unmap(p, data, size);
		break;
	case 6:
		if (p->map.pt.root)
			gpamap_access(&p->map, take_number(data, size, false) % GFN_END,
				      fuzz_u64(data, size, 1) & HV_GPA_ACCESS_MASK);
		break;
	default:
		if (p->map.pt.root || gpamap_init(&p->map, &pt_format_npt, &p->pool, flush))
			map(p, op, data, size);
		break;
	}
}

/* Everything back to the parent. */
static void take_apart(struct partition *p)
{
	u64 frame;

	if (p->map.pt.root) {
		while (!gpamap_destroy(&p->map, 7))
			;
	}
	while (pool_withdraw(&p->pool, &frame))
		;
	FUZZ_CHECK(!p->pool.pages && !p->map.mapped_pages && !p->map.pt.tables);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ram_make();
	memset(partitions, 0, sizeof(partitions));
	/* As a partition begins that can do something. */
	FUZZ_CHECK(frames_move(BLOCK, BLOCK, FRAME_PARENT, FRAME_DONATED));
	for (u64 i = 0; i < 6ul * PARTITIONS; i++)
		FUZZ_CHECK(pool_deposit(&partitions[i % PARTITIONS].pool, BLOCK + i));
	while (size) {
		step(&data, &size);
		check();
	}
	for (u32 i = 0; i < PARTITIONS; i++)
		take_apart(&partitions[i]);
	for (u64 frame = 0; frame < RAM_FRAMES; frame++) {
		if (frames_owner(frame) == FRAME_DONATED)
			FUZZ_CHECK(frames_move(frame, 1, FRAME_DONATED, FRAME_PARENT));
	}
	ram_check_idle();
	return 0;
}
