/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine's RAM for hv's memory code on the host: physical memory lies at PHYSMAP,
 * which the test's definition puts where the host has nothing. The first MiB and a
 * hole in the middle are no RAM.
 */
#ifndef RAM_H
#define RAM_H

#include <sys/mman.h>

#include "core/frames.h"
#include "core/memory.h"

#define RAM_END MIB(64)
#define HOLE_BASE MIB(40)
#define HOLE_SIZE MIB(3)
#define RAM_FRAMES (RAM_END >> PAGE_SHIFT)

static uint8_t ram_owner[RAM_FRAMES];

static inline bool ram_usable(uint64_t frame)
{
	uint64_t pa = frame << PAGE_SHIFT;

	return pa >= MIB(1) && pa < RAM_END && (pa < HOLE_BASE || pa >= HOLE_BASE + HOLE_SIZE);
}

static inline void ram_make_map(struct memmap *map)
{
	map->count = 0;
	REQUIRE(memmap_add(map, MIB(1), HOLE_BASE - MIB(1), MEM_USABLE));
	REQUIRE(memmap_add(map, HOLE_BASE, HOLE_SIZE, MEM_ACPI));
	REQUIRE(memmap_add(map, HOLE_BASE + HOLE_SIZE, RAM_END - HOLE_BASE - HOLE_SIZE,
			   MEM_USABLE));
}

/* All of it the parent's, with contents that are not 0. */
static inline void ram_make(void)
{
	static struct memmap map;
	void *at = (void *)PHYSMAP; /* NOLINT(performance-no-int-to-ptr) */

	REQUIRE(mmap(at, RAM_END, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == at);
	ram_make_map(&map);
	frames_init(ram_owner, RAM_END, &map);
}

/* What every owner has adds up, and the table says the same as the counts. */
static inline void ram_check(void)
{
	uint64_t counted[FRAME_OWNERS] = { 0 };

	for (uint64_t i = 0; i < RAM_FRAMES; i++)
		counted[frames_owner(i)]++;
	for (unsigned int o = 0; o < FRAME_OWNERS; o++)
		CHECK_EQ(frames_count((enum frame_owner)o), counted[o]);
}

/* Is all RAM the parent's again? */
static inline void ram_check_idle(void)
{
	for (uint64_t i = 0; i < RAM_FRAMES; i++)
		CHECK_EQ(frames_owner(i), ram_usable(i) ? FRAME_PARENT : FRAME_NONE);
	ram_check();
}

#endif
