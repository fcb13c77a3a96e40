/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that hv writes while hvctl reads it. It is touched by these functions
 * alone: one load or one copy, and what came out is checked, never what is
 * still in there. Offsets are in bytes and multiples of 8.
 */
#ifndef HVCTL_SHARED_H
#define HVCTL_SHARED_H

#include <stddef.h>
#include <stdint.h>

struct shared {
	void *memory; /* 8-byte aligned; only ever read; not owned */
	size_t size; /* bytes */
};

/* One 64-bit word; what was written before it is seen after it (acquire). */
uint64_t shared_load(const struct shared *shared, size_t offset);

/*
 * Copies length bytes from offset on. The caller has checked the bounds; a
 * range outside of the memory ends the program.
 */
void shared_copy(void *to, const struct shared *shared, size_t offset, size_t length);

/* Loads behind this see memory no older than the copies before it saw. */
void shared_copies_done(void);

#endif
