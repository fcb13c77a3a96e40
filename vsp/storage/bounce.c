/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See bounce.h. Buffers come in a few sizes and are kept for the next one; those kept of
 * other sizes are given up where the limit would be passed.
 */
#include "bounce.h"

#include <stdlib.h>

static const size_t sizes[] = { 16384, 131072, BOUNCE_MAX };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))
#define PAGE 4096u

struct kept {
	struct kept *next;
};

struct bounce {
	size_t limit, held; /* bytes; held: given out and kept */
	size_t out; /* buffers given out */
	struct kept *kept[SIZES];
	struct bounce_wait *first, **last;
};

static unsigned int class_of(size_t size)
{
	unsigned int class = 0;

	while (class < SIZES - 1 && sizes[class] < size)
		class ++;
	return class;
}

static void give_up_kept(struct bounce *bounce, size_t wanted)
{
	for (unsigned int class = 0; class < SIZES; class ++) {
		while (bounce->kept[class] && bounce->held + wanted > bounce->limit) {
			struct kept *kept = bounce->kept[class];

			bounce->kept[class] = kept->next;
			bounce->held -= sizes[class];
			free(kept);
		}
	}
}

static void *take(struct bounce *bounce, unsigned int class)
{
	struct kept *kept = bounce->kept[class];
	void *buffer;

	if (kept) {
		bounce->kept[class] = kept->next;
		bounce->out++;
		return kept;
	}
	give_up_kept(bounce, sizes[class]);
	if (bounce->held + sizes[class] > bounce->limit)
		return NULL;
	buffer = aligned_alloc(PAGE, sizes[class]);
	if (buffer) {
		bounce->held += sizes[class];
		bounce->out++;
	}
	return buffer;
}

/* With nothing given out nothing will come back: then no buffer means no memory. */
static void serve(struct bounce *bounce)
{
	while (bounce->first) {
		struct bounce_wait *wait = bounce->first;
		void *buffer = take(bounce, class_of(wait->size));

		if (!buffer && bounce->out)
			return;
		bounce->first = wait->next;
		if (!bounce->first)
			bounce->last = &bounce->first;
		wait->ready(wait, buffer);
	}
}

void bounce_get(struct bounce *bounce, struct bounce_wait *wait)
{
	wait->next = NULL;
	*bounce->last = wait;
	bounce->last = &wait->next;
	serve(bounce);
}

void bounce_put(struct bounce *bounce, void *buffer, size_t size)
{
	unsigned int class = class_of(size);
	struct kept *kept = buffer;

	kept->next = bounce->kept[class];
	bounce->kept[class] = kept;
	bounce->out--;
	serve(bounce);
}

struct bounce *bounce_new(size_t limit)
{
	struct bounce *bounce = calloc(1, sizeof(*bounce));

	if (!bounce)
		return NULL;
	bounce->limit = limit;
	bounce->last = &bounce->first;
	return bounce;
}

void bounce_free(struct bounce *bounce)
{
	if (!bounce)
		return;
	give_up_kept(bounce, bounce->limit);
	free(bounce);
}
