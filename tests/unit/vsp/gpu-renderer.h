/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A renderer that draws nothing, for tests: it keeps account of what there is, ends the
 * program where the GPU breaks a rule of renderer.h, and lets fences be done when told.
 */
#ifndef GPU_RENDERER_H
#define GPU_RENDERER_H

#include "renderer.h"

#define FAKE_CAPSET 2u
#define FAKE_PROCESS_CAPSET 4u /* of contexts with a process, and with rings */
#define FAKE_CAPSET_SIZE 40u
#define FAKE_IDS 1024u
#define FAKE_FENCES RENDERER_FENCES_MAX

struct fake_resource {
	uint32_t id; /* 0: free */
	struct iovec *pieces; /* NULL: none */
	int count;
};

struct fake_renderer {
	struct renderer renderer;
	uint32_t contexts[FAKE_IDS]; /* 0: free */
	uint32_t process_context; /* the last one that has a process; 0: none */
	struct fake_resource resources[FAKE_IDS];
	struct renderer_fence fences[FAKE_FENCES]; /* the oldest first */
	unsigned int fence_count;
	uint64_t last_id;
	/* What was called. */
	unsigned int creates, destroys, attaches, detaches, transfers, submits, reads, imports;
	uint64_t submitted; /* words */
	uint32_t sum; /* of them */
	int result; /* of calls that can fail */
	bool process_ended; /* those that reach it fail */
};

struct renderer *fake_renderer(struct fake_renderer *fake);
/* The oldest fences are done; so many, or all. */
void fake_renderer_done(struct fake_renderer *fake, unsigned int count);
/* Nothing is left. */
bool fake_renderer_is_empty(const struct fake_renderer *fake);

#endif
