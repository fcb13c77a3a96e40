/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/boot/memmap.c, against a model that keeps a type for each of a few hundred
 * units of the address space. The same walks run at the bottom of the address
 * space and at its top.
 */
#include "check.h"

#include "boot/memmap.h"

#define UNITS 200u
#define UNIT 0x1000ul
#define NONE 0u

static struct memmap map;

struct model {
	uint32_t type[UNITS];
	uint64_t origin;
};

/* Less usable wins: the order that memmap.h promises. */
static unsigned int rank(uint32_t type)
{
	static const uint32_t order[] = { NONE,	   MEM_USABLE,	 MEM_PERSISTENT, MEM_ACPI,
					  MEM_NVS, MEM_RESERVED, MEM_UNUSABLE };

	for (unsigned int i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (order[i] == type)
			return i;
	}
	return 5; /* unknown: as reserved */
}

static uint32_t random_type(void)
{
	static const uint32_t types[] = { MEM_USABLE,	MEM_USABLE,   MEM_USABLE,
					  MEM_RESERVED, MEM_RESERVED, MEM_ACPI,
					  MEM_NVS,	MEM_UNUSABLE, MEM_PERSISTENT };

	return types[check_below(sizeof(types) / sizeof(types[0]))];
}

static uint64_t address(const struct model *m, uint64_t unit)
{
	return m->origin + unit * UNIT;
}

static void check_normal(void)
{
	for (uint32_t i = 0; i < map.count; i++) {
		const struct memrange *r = &map.r[i];

		CHECK(r->size > 0);
		CHECK(r->base + r->size > r->base);
		if (!i)
			continue;
		CHECK(map.r[i - 1].base + map.r[i - 1].size <= r->base);
		CHECK(map.r[i - 1].base + map.r[i - 1].size < r->base ||
		      map.r[i - 1].type != r->type);
	}
}

static uint32_t type_at(uint64_t pa)
{
	for (uint32_t i = 0; i < map.count; i++) {
		if (pa >= map.r[i].base && pa - map.r[i].base < map.r[i].size)
			return map.r[i].type;
	}
	return NONE;
}

static void check_same(const struct model *m)
{
	check_normal();
	for (uint32_t u = 0; u < UNITS; u++) {
		if (!CHECK_EQ(type_at(address(m, u)), m->type[u]) ||
		    !CHECK_EQ(type_at(address(m, u) + UNIT - 1), m->type[u]))
			return;
	}
}

static void check_covers(const struct model *m)
{
	for (int i = 0; i < 50; i++) {
		uint64_t first = check_below(UNITS), count = 1 + check_below(UNITS - first);
		uint32_t type = m->type[first] ? m->type[first] : MEM_USABLE;
		bool all = true;

		for (uint64_t u = first; u < first + count; u++)
			all = all && m->type[u] == type;
		CHECK(memmap_covers(&map, address(m, first), count * UNIT, type) == all);
	}
}

static bool model_free(const struct model *m, uint64_t first, uint64_t count,
		       const struct memrange *avoid, uint32_t avoid_count)
{
	for (uint64_t u = first; u < first + count; u++) {
		if (u >= UNITS || m->type[u] != MEM_USABLE)
			return false;
		for (uint32_t i = 0; i < avoid_count; i++) {
			if (address(m, u) < avoid[i].base + avoid[i].size &&
			    address(m, u) + UNIT > avoid[i].base)
				return false;
		}
	}
	return true;
}

static void check_find(const struct model *m)
{
	for (int i = 0; i < 30; i++) {
		struct memrange avoid[4];
		uint32_t avoid_count = (uint32_t)check_below(5);
		uint64_t count = 1 + check_below(check_below(2) ? 8 : 40);
		uint64_t step = 1ul << check_below(5);
		uint64_t low = check_below(UNITS), high = check_below(UNITS + 1);
		uint64_t base = 0, want = 0;
		bool found = false, got;

		if (check_below(2))
			low = 0;
		if (check_below(2))
			high = UNITS;
		for (uint32_t k = 0; k < avoid_count; k++) {
			avoid[k].base = address(m, check_below(UNITS - 20));
			avoid[k].size = check_below(20) * UNIT / (1 + check_below(2));
		}
		for (uint64_t u = 0; u < UNITS; u++) {
			if (u >= low && u + count <= high && address(m, u) % (step * UNIT) == 0 &&
			    model_free(m, u, count, avoid, avoid_count)) {
				found = true;
				want = address(m, u);
			}
		}
		got = memmap_find(&map, count * UNIT, step * UNIT, address(m, low),
				  address(m, high), avoid, avoid_count, &base);
		CHECK(got == found);
		if (got && found)
			CHECK_EQ(base, want);
	}
}

static void check_end(const struct model *m)
{
	uint64_t end = 0;

	for (uint32_t u = 0; u < UNITS; u++) {
		if (m->type[u] == MEM_USABLE)
			end = address(m, u) + UNIT;
	}
	CHECK_EQ(memmap_end(&map, MEM_USABLE), end);
}

static void walk(uint64_t origin, int rounds)
{
	for (int round = 0; round < rounds; round++) {
		struct model m = { .origin = origin };

		map.count = 0;
		for (uint64_t n = check_below(40); n > 0; n--) {
			uint64_t first = check_below(UNITS);
			uint64_t count = 1 + check_below(check_below(4) ? 10 : UNITS - first);
			uint32_t type = random_type();

			if (count > UNITS - first)
				count = UNITS - first;
			REQUIRE(memmap_add(&map, address(&m, first), count * UNIT, type));
			for (uint64_t u = first; u < first + count; u++) {
				if (rank(type) > rank(m.type[u]))
					m.type[u] = type;
			}
		}
		CHECK_NOTE("origin 0x%" PRIx64 " round %d", origin, round);
		CHECK(memmap_normalize(&map));
		check_same(&m);
		for (int i = 0; i < 6; i++) {
			uint64_t first = check_below(UNITS), count = 1 + check_below(UNITS - first);
			uint32_t type = random_type();

			if (check_below(2) && count > 5)
				count = 5;
			CHECK(memmap_set(&map, address(&m, first), count * UNIT, type));
			for (uint64_t u = first; u < first + count; u++)
				m.type[u] = type;
			check_same(&m);
		}
		check_covers(&m);
		check_find(&m);
		check_end(&m);
	}
}

static void random_maps(void)
{
	check_seed(0x6d656d6d6170);
	walk(0, 400);
	walk(0x100000000ul - 100 * UNIT, 400);
	/* The last byte that a range can have: its end must not be 2^64. */
	walk(0ul - (UNITS + 1) * UNIT, 400);
}

/* Odd bytes: real firmware does not keep to pages. */
static void real_e820(void)
{
	static const struct memrange given[] = {
		{ 0x100000, 0x7fee0000, MEM_USABLE },	 { 0, 0x9fc00, MEM_USABLE },
		{ 0x9fc00, 0x400, MEM_RESERVED },	 { 0xf0000, 0x10000, MEM_RESERVED },
		{ 0x7ffe0000, 0x20000, MEM_RESERVED },	 { 0xfeffc000, 0x4000, MEM_RESERVED },
		{ 0x100000000, 0x80000000, MEM_USABLE }, { 0xfd00000000, 0x300000000, 12 },
	};
	static const struct memrange want[] = {
		{ 0, 0x9fc00, MEM_USABLE },
		{ 0x9fc00, 0x400, MEM_RESERVED },
		{ 0xf0000, 0x10000, MEM_RESERVED },
		{ 0x100000, 0x100000, MEM_USABLE },
		{ 0x200000, 0x400000, MEM_RESERVED },
		{ 0x600000, 0x7f9e0000, MEM_USABLE },
		{ 0x7ffe0000, 0x20000, MEM_RESERVED },
		{ 0xfeffc000, 0x4000, MEM_RESERVED },
		{ 0x100000000, 0x80000000, MEM_USABLE },
		{ 0xfd00000000, 0x300000000, 12 },
	};

	map.count = 0;
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		REQUIRE(memmap_add(&map, given[i].base, given[i].size, given[i].type));
	CHECK(memmap_normalize(&map));
	CHECK(memmap_set(&map, 0x200000, 0x400000, MEM_RESERVED));
	CHECK_EQ(map.count, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		CHECK_NOTE("range %zu", i);
		CHECK_EQ(map.r[i].base, want[i].base);
		CHECK_EQ(map.r[i].size, want[i].size);
		CHECK_EQ(map.r[i].type, want[i].type);
	}
}

static void add_boundaries(void)
{
	map.count = 0;
	CHECK(memmap_add(&map, 0x1000, 0, MEM_USABLE));
	CHECK(memmap_add(&map, UINT64_MAX, 2, MEM_USABLE));
	CHECK(memmap_add(&map, 1, UINT64_MAX, MEM_USABLE));
	CHECK(memmap_add(&map, 0x8000000000000000ul, 0x8000000000000000ul, MEM_USABLE));
	CHECK_EQ(map.count, 0);
	CHECK(memmap_add(&map, 0, UINT64_MAX, MEM_RESERVED));
	CHECK_EQ(map.count, 1);
	CHECK(memmap_normalize(&map));
	CHECK_EQ(map.count, 1);
	CHECK_EQ(map.r[0].size, UINT64_MAX);
	CHECK(!memmap_set(&map, 0, 0, MEM_USABLE));
	CHECK(!memmap_set(&map, UINT64_MAX, 2, MEM_USABLE));
	CHECK(!memmap_covers(&map, 0, 0, MEM_RESERVED));
	CHECK(!memmap_covers(&map, UINT64_MAX, 2, MEM_RESERVED));
	CHECK(memmap_covers(&map, 0, UINT64_MAX, MEM_RESERVED));
}

static void full(void)
{
	static struct memmap before;
	uint64_t base = 0;

	map.count = 0;
	for (uint32_t i = 0; i < MEMMAP_MAX; i++)
		CHECK(memmap_add(&map, i * 0x10000ul, 0x8000, MEM_USABLE));
	CHECK(!memmap_add(&map, 0x10000000, 0x1000, MEM_USABLE));
	CHECK(memmap_add(&map, 0x10000000, 0, MEM_USABLE)); /* nothing to keep */
	CHECK_EQ(map.count, MEMMAP_MAX);
	CHECK(memmap_normalize(&map));
	CHECK_EQ(map.count, MEMMAP_MAX);
	before = map;
	/* A hole in a range needs two more, one at its end needs one more. */
	CHECK(!memmap_set(&map, 0x1000, 0x1000, MEM_RESERVED));
	CHECK_MEM(&map, &before, sizeof(map));
	CHECK(!memmap_set(&map, 0, 0x1000, MEM_RESERVED));
	CHECK_MEM(&map, &before, sizeof(map));
	CHECK(memmap_set(&map, 0, 0x8000, MEM_RESERVED)); /* as many as before */
	CHECK(memmap_set(&map, 0x8000, 0x8000, MEM_RESERVED)); /* joins its neighbour */
	CHECK_EQ(map.count, MEMMAP_MAX);
	CHECK(memmap_find(&map, 0x8000, 0x8000, 0, 0x20000, NULL, 0, &base));
	CHECK_EQ(base, 0x10000);
	/* Overlaps can make more ranges than were given. */
	map.count = 0;
	CHECK(memmap_add(&map, 0, 0x10000000, MEM_USABLE));
	for (uint32_t i = 1; i < MEMMAP_MAX; i++)
		CHECK(memmap_add(&map, i * 0x10000ul, 0x8000, MEM_RESERVED));
	CHECK(!memmap_normalize(&map));
}

static void find_boundaries(void)
{
	uint64_t base = 0x55;

	map.count = 0;
	CHECK(memmap_add(&map, 0x1000, 0x3000, MEM_USABLE));
	CHECK(!memmap_find(&map, 0, 0x1000, 0, UINT64_MAX, NULL, 0, &base));
	CHECK(!memmap_find(&map, 0x3001, 1, 0, UINT64_MAX, NULL, 0, &base));
	CHECK(!memmap_find(&map, UINT64_MAX, 1, 0, UINT64_MAX, NULL, 0, &base));
	CHECK(!memmap_find(&map, 0x1000, 0x8000, 0, UINT64_MAX, NULL, 0, &base));
	CHECK(!memmap_find(&map, 0x1000, 0x1000, 0x4000, UINT64_MAX, NULL, 0, &base));
	CHECK(!memmap_find(&map, 0x1000, 0x1000, 0, 0x1fff, NULL, 0, &base));
	CHECK(!memmap_find(&map, 0x1000, 0x1000, UINT64_MAX, 0, NULL, 0, &base));
	CHECK_EQ(base, 0x55);
	CHECK(memmap_find(&map, 0x3000, 0x1000, 0x1000, 0x4000, NULL, 0, &base));
	CHECK_EQ(base, 0x1000);
	CHECK(memmap_find(&map, 1, 1, 0, UINT64_MAX, NULL, 0, &base));
	CHECK_EQ(base, 0x3fff);
}

int main(void)
{
	CHECK_RUN(add_boundaries);
	CHECK_RUN(real_e820);
	CHECK_RUN(full);
	CHECK_RUN(find_boundaries);
	CHECK_RUN(random_maps);
	return check_done();
}
