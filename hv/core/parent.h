/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parent partition: its map of guest-physical memory and the checked ways
 * into it. The map is the identity; hv's memory is absent, the pages that hv
 * shares and the local APIC's registers are read-only.
 *
 * The map is made by the boot CPU before a VP runs. After that only whole blocks of
 * 2 MiB leave it and come back (parent_donate); tables for that exist from the start.
 * core/frames.h knows which frame of RAM is whose.
 */
#ifndef HV_CORE_PARENT_H
#define HV_CORE_PARENT_H

#include "boot/memmap.h"
#include "core/pool.h"
#include "core/types.h"
#include "x86/paging.h"

/* What VPs have of the CPUs, in the order of HV_PARTITION_PROPERTY_CPU_*; the units are
 * mullion/parent.h's. */
enum share {
	SHARE_RESERVE,
	SHARE_CAP,
	SHARE_WEIGHT,
	SHARES,
};

struct parent {
	struct pagetable map;
	struct pagetable native_map; /* the same, with the APIC's page writable */
	struct memmap memory; /* what the parent is told; hv's memory is reserved */
	u64 image_base; /* hv's image, arena and table of frames, in bytes */
	u64 image_size;
	u64 arena_base;
	u64 arena_size;
	u64 frames_base;
	u64 frames_size;
	u64 ram_end; /* of RAM, hv's included */
	struct pool pool; /* pays for the structures of partitions */
	u32 share[SHARES]; /* of each of its VPs */
};

extern struct parent parent;

/* What hv shares with the parent, in the arena; sizes are whole pages. */
struct shared_area {
	void *base;
	u64 size;
};

extern struct shared_area log_area;
extern struct shared_area stats_area;

/* Bytes of RAM that hv keeps for itself. */
u64 parent_hv_bytes(void);

/* Table pages that the parent's map may need for RAM up to ram_end. */
u64 parent_map_pages(u32 address_bits, bool has_1g, u64 ram_end);

/* Builds the map and the table of frames. parent.memory, ram_end and the hv ranges are
 * set; panics when the arena does not hold it. */
void parent_map_build(u32 address_bits, bool has_1g);

/* Is gpa in hv's memory, or out of the parent's map for a child? */
bool parent_hits_hv(gpa_t gpa);

/* Copies size bytes out of, into, the parent's RAM. Return false, nothing
 * copied, unless all of it is RAM that is in the parent's map. */
bool parent_read(gpa_t gpa, void *buf, u64 size);
bool parent_write(gpa_t gpa, const void *buf, u64 size);

/*
 * MULLION_CALL_DONATE and RECLAIM, without their check of alignment: the frames of the
 * block at gpa go out of the parent's map, or come back zeroed. Return false, nothing
 * changed, when a frame is in another state.
 */
bool parent_donate(gpa_t gpa);
bool parent_reclaim(gpa_t gpa);

/* When it returns no CPU has a translation of the parent's from before the call. */
void parent_flush(void);

#endif
