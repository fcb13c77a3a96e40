/* SPDX-License-Identifier: GPL-2.0-only */
/* The last bytes of a stream: see ring.h. */
#include "ring.h"

void ring_put(struct ring *ring, uint8_t byte)
{
	ring->bytes[ring->written++ % ring->size] = byte;
}

uint64_t ring_oldest(const struct ring *ring)
{
	return ring->written > ring->size ? ring->written - ring->size : 0;
}

size_t ring_peek(const struct ring *ring, uint64_t *at, const uint8_t **bytes)
{
	uint64_t oldest = ring_oldest(ring);
	size_t offset, count;

	if (*at < oldest)
		*at = oldest;
	offset = *at % ring->size;
	count = ring->size - offset;
	*bytes = ring->bytes + offset;
	return ring->written - *at < count ? (size_t)(ring->written - *at) : count;
}
