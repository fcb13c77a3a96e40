/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page-aligned buffers for O_DIRECT, for guest memory that the kernel cannot pin
 * (guest_is_pinnable) or that is not aligned: such data is copied. There is a bound to all
 * of them together; who finds none waits in order.
 */
#ifndef VSP_STORAGE_BOUNCE_H
#define VSP_STORAGE_BOUNCE_H

#include <stddef.h>

/* The largest buffer, bytes. */
#define BOUNCE_MAX 1048576u

struct bounce;

struct bounce_wait {
	size_t size; /* bytes, 1 to BOUNCE_MAX */
	/* Here is a buffer of at least that size; NULL: no memory. May come within the call. */
	void (*ready)(struct bounce_wait *wait, void *buffer);
	struct bounce_wait *next; /* the pool's */
};

/* limit: bytes, at least BOUNCE_MAX. NULL: no memory. */
struct bounce *bounce_new(size_t limit);
/* All buffers are given back. bounce may be NULL. */
void bounce_free(struct bounce *bounce);

void bounce_get(struct bounce *bounce, struct bounce_wait *wait);
/* size: as it was asked for. */
void bounce_put(struct bounce *bounce, void *buffer, size_t size);

#endif
