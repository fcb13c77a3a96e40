/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parent partition: its map of guest-physical memory and the checked ways
 * into it. The map is the identity; hv's memory is absent, the pages that hv
 * shares and the local APIC's registers are read-only.
 *
 * The map is made by the boot CPU before a VP runs and does not change after.
 */
#ifndef HV_CORE_PARENT_H
#define HV_CORE_PARENT_H

#include "boot/memmap.h"
#include "core/types.h"
#include "x86/paging.h"

struct parent {
	struct pagetable map;
	struct pagetable native_map; /* the same, with the APIC's page writable */
	struct memmap memory; /* what the parent is told; hv's memory is reserved */
	u64 image_base; /* hv's image and arena, in bytes */
	u64 image_size;
	u64 arena_base;
	u64 arena_size;
};

extern struct parent parent;

/* What hv shares with the parent, in the arena; sizes are whole pages. */
struct shared_area {
	void *base;
	u64 size;
};

extern struct shared_area log_area;
extern struct shared_area stats_area;

/* Table pages that the parent's map may need. */
u64 parent_map_pages(u32 address_bits, bool has_1g);

/* Builds the map. parent.memory and the hv ranges are set; panics when the
 * arena does not hold it. */
void parent_map_build(u32 address_bits, bool has_1g);

/* Is [gpa, gpa + size) in hv's memory, wholly or in part? */
bool parent_hits_hv(gpa_t gpa, u64 size);

/* Copies size bytes out of, into, the parent's RAM. Return false, nothing
 * copied, unless all of it is RAM that is the parent's. */
bool parent_read(gpa_t gpa, void *buf, u64 size);
bool parent_write(gpa_t gpa, const void *buf, u64 size);

#endif
