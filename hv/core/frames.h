/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who owns each page frame of RAM: a byte for each 4 KiB up to the end of RAM.
 * The owners are those of mullion/parent.h. All changes are made under one lock;
 * a range is looked at as a whole before any of it changes.
 */
#ifndef HV_CORE_FRAMES_H
#define HV_CORE_FRAMES_H

#include "boot/memmap.h"
#include "core/types.h"

enum frame_owner {
	FRAME_NONE, /* no RAM, or firmware's */
	FRAME_PARENT,
	FRAME_HV,
	FRAME_DONATED,
	FRAME_POOL,
	FRAME_MAPPED,
	FRAME_SHARED,
	FRAME_OWNERS,
};

/* Bytes of the table for RAM that ends at ram_end. */
u64 frames_size(u64 ram_end);

/* Makes owner, frames_size(ram_end) bytes, the table. Frames that map calls usable as
 * a whole are the parent's, all others nobody's. Boot CPU. */
void frames_init(u8 *owner, u64 ram_end, const struct memmap *map);

/* Makes [base, base + size), page aligned, nobody's before, hv's. Boot CPU. */
void frames_claim(u64 base, u64 size);

/* FRAME_NONE beyond the table. Any CPU, without the lock: the answer may be old. */
enum frame_owner frames_owner(u64 frame);

/* Gives the frames [first, first + count) from one owner to another. Returns false,
 * nothing changed, unless every one of them is the first owner's. */
bool frames_move(u64 first, u64 count, enum frame_owner from, enum frame_owner to);

/* Shares the parent's page at gpa, page aligned: hv may use it until frame_unshare.
 * NULL, nothing changed, when it is not the parent's or not aligned. */
void *frame_share(gpa_t gpa);
void frame_unshare(hpa_t page);

/* How many frames an owner has. */
u64 frames_count(enum frame_owner owner);

/* Are all frames of [pa, pa + size), which is not empty, in the parent's map? */
bool frames_visible(u64 pa, u64 size);

/* Copies size bytes, to or from the memory at pa, under the lock: no frame there becomes
 * hv's in between. Returns false, nothing copied, unless they are visible. */
bool frames_copy(u64 pa, void *dest, const void *src, u64 size);

#endif
