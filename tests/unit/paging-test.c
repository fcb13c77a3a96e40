/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/x86/paging.c against an array with a word for each 4 KiB page of a window.
 * Table pages come from an arena at made-up physical addresses, so that a table
 * that is used without its offset, or after none was left, is seen.
 */
#include "check.h"

#include "x86/paging.h"

#define PAGE 0x1000ul
#define MEG2 0x200000ul
#define GIG1 0x40000000ul
#define ARENA_PA 0x7654321000ul

struct arena {
	unsigned char *bytes;
	size_t pages;
	size_t used;
};

static uint64_t arena_alloc(void *ctx)
{
	struct arena *a = ctx;

	if (a->used == a->pages)
		return 0;
	return ARENA_PA + PAGE * a->used++;
}

static void start(struct pagetable *pt, struct arena *a, size_t pages, const struct pt_format *f,
		  bool has_1g)
{
	a->bytes = aligned_alloc(PAGE, pages * PAGE);
	REQUIRE(a->bytes);
	memset(a->bytes, 0, pages * PAGE);
	a->pages = pages;
	a->used = 0;
	*pt = (struct pagetable){
		.format = f,
		.has_1g = has_1g,
		.virt_offset = (uint64_t)(uintptr_t)a->bytes - ARENA_PA,
		.alloc_page = arena_alloc,
		.ctx = a,
	};
	REQUIRE(pt_init(pt));
}

/* What the entry says about va: its physical page and flags, 0 for nothing. */
static uint64_t page_entry(const struct pagetable *pt, uint64_t va, uint64_t *page_size)
{
	uint64_t size = 0;
	uint64_t entry = pt_lookup(pt, va, &size);
	uint64_t pa, flags;

	if (page_size)
		*page_size = size;
	if (!entry)
		return 0;
	flags = entry & ~PTE_ADDR;
	if (size > PAGE) {
		CHECK(flags & PTE_PS);
		flags &= ~PTE_PS;
	}
	pa = entry & PTE_ADDR;
	CHECK_EQ(pa % size, 0);
	return (pa + (va & (size - 1) & ~(PAGE - 1))) | flags;
}

static void largest_pages(void)
{
	static const struct {
		uint64_t va, pa, size;
		bool has_1g;
		struct {
			uint64_t at, page;
		} look[4];
		uint64_t tables;
	} rows[] = {
		{ 0, 0, 512 * GIG1, true, { { 0, GIG1 }, { 511 * GIG1, GIG1 } }, 2 },
		{ 0, 0, GIG1, false, { { 0, MEG2 }, { GIG1 - 1, MEG2 } }, 3 },
		{ 0, 0, 2 * GIG1, false, { { 0, MEG2 }, { 2 * GIG1 - PAGE, MEG2 } }, 4 },
		{ 0,
		  0,
		  GIG1 + MEG2 + PAGE,
		  true,
		  { { 0, GIG1 }, { GIG1, MEG2 }, { GIG1 + MEG2, PAGE } },
		  4 },
		{ GIG1 - PAGE,
		  GIG1 - PAGE,
		  GIG1 + 2 * PAGE,
		  true,
		  { { GIG1 - PAGE, PAGE }, { GIG1, GIG1 }, { 2 * GIG1, PAGE } },
		  6 },
		/* Physical alignment counts too. */
		{ 0, MEG2, GIG1, true, { { 0, MEG2 }, { GIG1 - 1, MEG2 } }, 3 },
		{ 0, PAGE, MEG2, true, { { 0, PAGE }, { MEG2 - 1, PAGE } }, 4 },
		{ 0xffffff80000000ul & 0xffffffffffff,
		  0x200000,
		  MEG2,
		  true,
		  { { 0xffffff80000000ul & 0xffffffffffff, MEG2 } },
		  3 },
		/* The last page of the address space. */
		{ 0xfffffffff000, 0xff000, PAGE, true, { { 0xfffffffff000, PAGE } }, 4 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a;
		struct pagetable pt;

		start(&pt, &a, 64, &pt_format_npt, rows[i].has_1g);
		CHECK_NOTE("row %zu", i);
		CHECK(pt_map(&pt, rows[i].va, rows[i].pa, rows[i].size, PTE_P | PTE_W | PTE_U));
		for (size_t k = 0; k < 4 && rows[i].look[k].page; k++) {
			uint64_t page = 0, at = rows[i].look[k].at;

			CHECK_EQ(page_entry(&pt, at, &page),
				 ((rows[i].pa + at - rows[i].va) & ~(PAGE - 1)) | PTE_P | PTE_W |
					 PTE_U);
			CHECK_EQ(page, rows[i].look[k].page);
		}
		CHECK_EQ(pt_lookup(&pt, (rows[i].va - 1) & 0xffffffffffff, NULL), 0);
		CHECK_EQ(pt_lookup(&pt, (rows[i].va + rows[i].size) & 0xffffffffffff, NULL), 0);
		CHECK_EQ(pt.tables, rows[i].tables);
		CHECK_EQ(a.used, rows[i].tables);
		free(a.bytes);
	}
}

/* The parent's map: everything in large pages, hv's memory absent. */
static void carve(void)
{
	struct arena a;
	struct pagetable pt;
	uint64_t page = 0;
	const uint64_t hv = 3 * GIG1 + 5 * MEG2 + 7 * PAGE, size = 2 * MEG2 + 3 * PAGE;

	start(&pt, &a, 16, &pt_format_npt, true);
	CHECK(pt_map(&pt, 0, 0, 8 * GIG1, PTE_P | PTE_W | PTE_U));
	CHECK(pt_unmap(&pt, hv, size));
	for (uint64_t va = 0; va < 8 * GIG1; va += PAGE) {
		bool inside = va >= hv && va < hv + size;

		CHECK_EQ(page_entry(&pt, va, &page), inside ? 0 : va | PTE_P | PTE_W | PTE_U);
		if (va / GIG1 != 3)
			CHECK_EQ(page, GIG1);
		else if (va / MEG2 != hv / MEG2 && va / MEG2 != (hv + size) / MEG2 && !inside)
			CHECK_EQ(page, MEG2);
	}
	/* One table for the split GiB, and one at each end: nothing for what is gone. */
	CHECK_EQ(pt.tables, 2 + 1 + 2);
	free(a.bytes);
}

/* Each entry on the way down must let through what any leaf below allows. */
static void table_bits(void)
{
	const struct pt_format *formats[] = { &pt_format_x86, &pt_format_npt };

	for (size_t i = 0; i < 2; i++) {
		const uint64_t user = i ? PTE_U : 0;
		struct arena a;
		struct pagetable pt;
		uint64_t entry, pa;

		start(&pt, &a, 8, formats[i], true);
		CHECK(pt_map(&pt, 5 * GIG1, 5 * GIG1, GIG1, PTE_P | PTE_W | user));
		CHECK(pt_map(&pt, 5 * GIG1 + PAGE, 0x9000, PAGE, PTE_P | PTE_NX));
		pa = pt.root;
		for (int level = 4; level > 1; level--) {
			unsigned int index = ((5 * GIG1 + PAGE) >> (12 + 9 * (level - 1))) & 511;

			memcpy(&entry, a.bytes + (pa - ARENA_PA) + 8ul * index, sizeof(entry));
			CHECK_NOTE("format %zu level %d", i, level);
			CHECK_EQ(entry & (PTE_P | PTE_W | PTE_PS | PTE_NX), PTE_P | PTE_W);
			CHECK_EQ(entry & PTE_U, user);
			pa = entry & PTE_ADDR;
		}
		CHECK_EQ(page_entry(&pt, 5 * GIG1 + PAGE, NULL), 0x9000 | PTE_P | PTE_NX);
		free(a.bytes);
	}
}

/* A window that straddles a 512 GiB and many other boundaries. */
#define WINDOW (3 * GIG1)
#define WINDOW_BASE (512 * GIG1 - 3 * GIG1 / 2)
#define WINDOW_PAGES (WINDOW / PAGE)

struct step {
	uint64_t va, pa, size, flags;
	bool map;
};

static struct step random_step(void)
{
	static const uint64_t units[] = { PAGE, PAGE, MEG2, MEG2, 64 * MEG2, GIG1 };
	uint64_t unit = units[check_below(6)];
	struct step s = { .map = check_below(3) != 0 };

	s.va = WINDOW_BASE + check_below(WINDOW / unit) * unit;
	s.va -= s.va % unit;
	if (s.va < WINDOW_BASE)
		s.va = WINDOW_BASE;
	s.size = (1 + check_below(4)) * unit + (check_below(4) ? 0 : PAGE * check_below(600));
	if (s.size > WINDOW_BASE + WINDOW - s.va)
		s.size = WINDOW_BASE + WINDOW - s.va;
	switch (check_below(3)) {
	case 0: /* the identity */
		s.pa = s.va;
		break;
	case 1:
		s.pa = check_below(1024) * unit;
		break;
	default:
		s.pa = check_below(1u << 20) * PAGE;
	}
	s.flags = PTE_P | (check_below(2) ? PTE_W : 0) | (check_below(2) ? PTE_U : 0) |
		  (check_below(2) ? PTE_NX : 0) | (check_below(4) ? 0 : PTE_PCD);
	return s;
}

static uint64_t wanted(const struct step *s, uint64_t page)
{
	return s->map ? (s->pa + (WINDOW_BASE + page * PAGE - s->va)) | s->flags : 0;
}

static void random_walk(size_t arena_pages, bool has_1g, int steps)
{
	uint64_t *model = calloc(WINDOW_PAGES, sizeof(*model));
	uint64_t failed = 0;
	struct arena a;
	struct pagetable pt;

	REQUIRE(model);
	start(&pt, &a, arena_pages, has_1g ? &pt_format_npt : &pt_format_x86, has_1g);
	for (int i = 0; i < steps; i++) {
		struct step s = random_step();
		uint64_t first = (s.va - WINDOW_BASE) / PAGE, count = s.size / PAGE;
		bool ok = s.map ? pt_map(&pt, s.va, s.pa, s.size, s.flags) :
				  pt_unmap(&pt, s.va, s.size);

		CHECK_NOTE("arena %zu step %d: %s 0x%" PRIx64 " + 0x%" PRIx64, arena_pages, i,
			   s.map ? "map" : "unmap", s.va, s.size);
		failed += !ok;
		for (uint64_t p = first; p < first + count; p++) {
			uint64_t want = wanted(&s, p);

			/* Out of tables: a page is as before or as asked for, in that order. */
			if (!ok && page_entry(&pt, WINDOW_BASE + p * PAGE, NULL) != want)
				break;
			model[p] = want;
		}
		CHECK_EQ(pt.tables, a.used);
		for (int k = 0; k < 2000; k++) {
			uint64_t p = k < 4 ? (first + (k & 1 ? count - 1 : 0) + WINDOW_PAGES +
					      (uint64_t)(k >> 1) * (k & 1 ? 1 : -1ul)) %
						     WINDOW_PAGES :
					     check_below(WINDOW_PAGES);

			CHECK_EQ(page_entry(&pt, WINDOW_BASE + p * PAGE + check_below(PAGE), NULL),
				 model[p]);
		}
		if (i % 32 == 31) {
			for (uint64_t p = 0; p < WINDOW_PAGES; p++)
				CHECK_EQ(page_entry(&pt, WINDOW_BASE + p * PAGE, NULL), model[p]);
		}
	}
	CHECK(arena_pages > 1000 ? !failed : failed > 0);
	free(a.bytes);
	free(model);
}

static void random_maps(void)
{
	check_seed(0x706167696e67);
	random_walk(20000, true, 160);
	random_walk(20000, false, 160);
	random_walk(12, true, 64);
	random_walk(40, false, 64);
}

static void no_page(void)
{
	struct arena a = { 0 };
	struct pagetable pt = { .format = &pt_format_x86, .alloc_page = arena_alloc, .ctx = &a };

	CHECK(!pt_init(&pt));
	CHECK_EQ(pt.tables, 0);
}

/* A page in the middle of 1 GiB and 2 MiB pages, mapped in two ways. */
static void twins(void)
{
	const uint64_t va = 3 * GIG1 + 0x3ee00000;
	struct pagetable pt, twin;
	struct arena a;

	start(&pt, &a, 16, &pt_format_npt, true);
	REQUIRE(pt_map(&pt, 0, 0, 512 * GIG1, PTE_P | PTE_W));
	REQUIRE(pt_map(&pt, va, va, PAGE, PTE_P));
	REQUIRE(pt_twin(&pt, &twin, va));
	CHECK_EQ(twin.tables, 4);
	CHECK(twin.root != pt.root);
	REQUIRE(pt_map(&twin, va, va, PAGE, PTE_P | PTE_W | PTE_NX));
	CHECK_EQ(twin.tables, 4); /* nothing left to split */
	CHECK_EQ(page_entry(&pt, va, NULL), va | PTE_P);
	CHECK_EQ(page_entry(&twin, va, NULL), va | PTE_P | PTE_W | PTE_NX);
	for (uint64_t near = va - 4 * PAGE; near < va + 4 * PAGE; near += PAGE) {
		if (near != va)
			CHECK_EQ(page_entry(&twin, near, NULL), page_entry(&pt, near, NULL));
	}
	CHECK_EQ(page_entry(&twin, 77 * GIG1, NULL), 77 * GIG1 | PTE_P | PTE_W);
	/* What is not on the way to the page is one and the same. */
	REQUIRE(pt_map(&pt, 600 * GIG1, 0, PAGE, PTE_P));
	CHECK_EQ(page_entry(&twin, 600 * GIG1, NULL), 0); /* the top table is a copy */
	free(a.bytes);

	/* Out of tables at each step. */
	for (size_t pages = 4; pages < 8; pages++) {
		start(&pt, &a, pages, &pt_format_npt, true);
		REQUIRE(pt_map(&pt, 0, 0, 512 * GIG1, PTE_P | PTE_W));
		REQUIRE(pt_map(&pt, va, va, PAGE, PTE_P));
		CHECK(!pt_twin(&pt, &twin, va));
		CHECK_EQ(page_entry(&pt, va, NULL), va | PTE_P);
		free(a.bytes);
	}
}

int main(void)
{
	CHECK_RUN(no_page);
	CHECK_RUN(largest_pages);
	CHECK_RUN(carve);
	CHECK_RUN(table_bits);
	CHECK_RUN(random_maps);
	CHECK_RUN(twins);
	return check_done();
}
