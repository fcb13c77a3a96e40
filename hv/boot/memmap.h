/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The physical memory map: what firmware says, what hv takes, what the parent
 * is told. Types are e820's (ACPI 6.5, table 15.2), which is also what
 * multiboot2 hands over.
 */
#ifndef HV_BOOT_MEMMAP_H
#define HV_BOOT_MEMMAP_H

#include "core/types.h"

enum memtype {
	MEM_USABLE = 1,
	MEM_RESERVED = 2,
	MEM_ACPI = 3,
	MEM_NVS = 4,
	MEM_UNUSABLE = 5,
	MEM_PERSISTENT = 7,
};

struct memrange {
	u64 base;
	u64 size; /* bytes, not 0 */
	u32 type; /* enum memtype; unknown values are kept and treated as reserved */
};

#define MEMMAP_MAX 256

struct memmap {
	u32 count;
	struct memrange r[MEMMAP_MAX];
};

/* Appends a range as firmware gave it; size 0 and wrapping ranges are dropped.
 * Returns false when the map is full. */
bool memmap_add(struct memmap *map, u64 base, u64 size, u32 type);

/* Sorts by address, resolves overlaps in favour of the less usable type, joins
 * neighbours of one type. Returns false when the result does not fit. */
bool memmap_normalize(struct memmap *map);

/* Gives [base, base + size) a type whatever was there before. The map must be
 * normalized and stays so. Returns false, map unchanged, when it does not fit. */
bool memmap_set(struct memmap *map, u64 base, u64 size, u32 type);

/* Is every byte of [base, base + size) of this type? Map normalized, size > 0. */
bool memmap_covers(const struct memmap *map, u64 base, u64 size, u32 type);

/* The end of the highest range of a type, 0 if there is none. */
u64 memmap_end(const struct memmap *map, u32 type);

/*
 * Finds size bytes of usable memory at the highest address that is a multiple
 * of align (a power of two), not below min, with its end not above max, clear
 * of the avoid ranges. Map normalized. Returns false if there is none.
 */
bool memmap_find(const struct memmap *map, u64 size, u64 align, u64 min, u64 max,
		 const struct memrange *avoid, u32 avoid_count, u64 *base);

#endif
