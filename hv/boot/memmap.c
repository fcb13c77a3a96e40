/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory map arithmetic. Pure. Normalized: sorted, disjoint, neighbours of one
 * type joined, no empty range. */
#include "boot/memmap.h"

bool memmap_add(struct memmap *map, u64 base, u64 size, u32 type)
{
	if (!size || base + size < base)
		return true;
	if (map->count == MEMMAP_MAX)
		return false;
	map->r[map->count++] = (struct memrange){ base, size, type };
	return true;
}

static u64 range_end(const struct memrange *r)
{
	return r->base + r->size;
}

/* Overlaps go to the type that promises least. */
static u32 severity(u32 type)
{
	switch (type) {
	case MEM_USABLE:
		return 0;
	case MEM_PERSISTENT:
		return 1;
	case MEM_ACPI:
		return 2;
	case MEM_NVS:
		return 3;
	case MEM_UNUSABLE:
		return 5;
	default:
		return 4;
	}
}

/* Appends to a map that is being built in ascending order. */
static bool push(struct memmap *map, u64 base, u64 end, u32 type)
{
	struct memrange *last = map->count ? &map->r[map->count - 1] : NULL;

	if (base >= end)
		return true;
	if (last && last->type == type && range_end(last) == base) {
		last->size += end - base;
		return true;
	}
	return memmap_add(map, base, end - base, type);
}

/* The next address above pos at which any range begins or ends. */
static u64 next_boundary(const struct memmap *map, u64 pos)
{
	u64 next = UINT64_MAX;

	for (u32 i = 0; i < map->count; i++) {
		if (map->r[i].base > pos)
			next = min_u64(next, map->r[i].base);
		if (range_end(&map->r[i]) > pos)
			next = min_u64(next, range_end(&map->r[i]));
	}
	return next;
}

static const struct memrange *worst_at(const struct memmap *map, u64 pos)
{
	const struct memrange *worst = NULL;

	for (u32 i = 0; i < map->count; i++) {
		const struct memrange *r = &map->r[i];

		if (pos < r->base || pos >= range_end(r))
			continue;
		if (!worst || severity(r->type) > severity(worst->type))
			worst = r;
	}
	return worst;
}

/* Results are built beside the old map: hv's stack is too small for a copy, and
 * maps change only while one CPU boots. */
static struct memmap scratch;

bool memmap_normalize(struct memmap *map)
{
	u64 pos = 0;

	scratch.count = 0;
	while (pos != UINT64_MAX) {
		const struct memrange *worst = worst_at(map, pos);
		u64 next = next_boundary(map, pos);

		if (worst && !push(&scratch, pos, next, worst->type))
			return false;
		pos = next;
	}
	*map = scratch;
	return true;
}

bool memmap_set(struct memmap *map, u64 base, u64 size, u32 type)
{
	u64 end = base + size;
	bool placed = false;
	bool ok = true;

	if (!size || end < base)
		return false;
	scratch.count = 0;
	for (u32 i = 0; i < map->count; i++) {
		const struct memrange *r = &map->r[i];

		ok = ok && push(&scratch, r->base, min_u64(range_end(r), base), r->type);
		if (!placed && range_end(r) > base) {
			ok = ok && push(&scratch, base, end, type);
			placed = true;
		}
		ok = ok && push(&scratch, max_u64(r->base, end), range_end(r), r->type);
	}
	if (!placed)
		ok = ok && push(&scratch, base, end, type);
	if (ok)
		*map = scratch;
	return ok;
}

bool memmap_covers(const struct memmap *map, u64 base, u64 size, u32 type)
{
	if (!size || base + size < base)
		return false;
	for (u32 i = 0; i < map->count; i++) {
		const struct memrange *r = &map->r[i];

		if (r->type == type && base >= r->base && base + size <= range_end(r))
			return true;
	}
	return false;
}

u64 memmap_end(const struct memmap *map, u32 type)
{
	u64 end = 0;

	for (u32 i = 0; i < map->count; i++) {
		if (map->r[i].type == type)
			end = max_u64(end, range_end(&map->r[i]));
	}
	return end;
}

/* The lowest avoided range that overlaps [base, base + size), or NULL. */
static const struct memrange *first_overlap(const struct memrange *avoid, u32 count, u64 base,
					    u64 size)
{
	const struct memrange *first = NULL;

	for (u32 i = 0; i < count; i++) {
		if (avoid[i].size == 0 || base >= range_end(&avoid[i]) ||
		    base + size <= avoid[i].base)
			continue;
		if (!first || avoid[i].base < first->base)
			first = &avoid[i];
	}
	return first;
}

/* The highest fit in [low, high), stepping down below whatever is in the way. */
static bool fit(u64 low, u64 high, u64 size, u64 align, const struct memrange *avoid, u32 count,
		u64 *base)
{
	while (high >= size && high - size >= low) {
		u64 try = align_down(high - size, align);
		const struct memrange *hit;

		if (try < low)
			return false;
		hit = first_overlap(avoid, count, try, size);
		if (!hit) {
			*base = try;
			return true;
		}
		high = hit->base;
	}
	return false;
}

bool memmap_find(const struct memmap *map, u64 size, u64 align, u64 min, u64 max,
		 const struct memrange *avoid, u32 avoid_count, u64 *base)
{
	if (!size)
		return false;
	for (u32 i = map->count; i > 0; i--) {
		const struct memrange *r = &map->r[i - 1];

		if (r->type == MEM_USABLE && fit(max_u64(r->base, min), min_u64(range_end(r), max),
						 size, align, avoid, avoid_count, base))
			return true;
	}
	return false;
}
