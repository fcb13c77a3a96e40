/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The last bytes of a stream. Positions count bytes from its beginning; a reader
 * that falls behind is moved on to the oldest byte that is left.
 */
#ifndef WORKER_RING_H
#define WORKER_RING_H

#include <stddef.h>
#include <stdint.h>

struct ring {
	uint8_t *bytes;
	size_t size;
	uint64_t written; /* bytes put in so far */
};

void ring_put(struct ring *ring, uint8_t byte);

/* The position of the oldest byte that is left. */
uint64_t ring_oldest(const struct ring *ring);

/*
 * Points *bytes at what follows position *at, which moves on when it is too old.
 * Returns how many bytes lie there in one piece; 0: none.
 */
size_t ring_peek(const struct ring *ring, uint64_t *at, const uint8_t **bytes);

#endif
