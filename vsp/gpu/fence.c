/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fences: numbers of timelines, stored in slots of the shared pages when they are done.
 *
 * Numbers that a turn of the channel asks for become one fence of the renderer's for each
 * timeline, at the turn's end. A renderer's fence is done after all earlier ones of the same
 * context and ring, so a context's fences are a queue.
 *
 * done and wanted: the guest stores wanted and looks at done, we store done and look at
 * wanted, each with a full barrier in between: one of both sees the other's.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "state.h"

/* So long a process may take to read what it is sent. */
#define PROBE_NS 10000000000u

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void timeline_begin(const struct gpu *gpu, struct timeline *timeline, uint32_t slot)
{
	struct mullion_gpu_slot *slots = (void *)(gpu->shared + 4096);

	*timeline = (struct timeline){ .slot = &slots[slot] };
	timeline->done = __atomic_load_n(&timeline->slot->done, __ATOMIC_RELAXED);
	timeline->last = timeline->given = timeline->done;
}

void fence_store(struct gpu *gpu, struct timeline *timeline, uint64_t number)
{
	uint64_t wanted;

	if (number <= timeline->done)
		return;
	timeline->done = number;
	__atomic_store_n(&timeline->slot->done, number, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	wanted = __atomic_load_n(&timeline->slot->wanted, __ATOMIC_RELAXED);
	if (wanted && wanted <= number && wanted != timeline->told) {
		timeline->told = wanted;
		gpu->signal_due = true;
	}
}

/* What is done as soon as its message was: all is that has nothing to do with the renderer. */
static bool is_immediate(const struct gpu *gpu, const struct context *context, uint32_t ring)
{
	return context->lost || !gpu->renderer || (!context->id && ring != MULLION_GPU_RING_DRAWN);
}

/* share.c has it, which looks at what is leaving. */
static bool is_returned(const struct context *context, uint32_t ring)
{
	return !context->id && ring == MULLION_GPU_RING_RETURNED;
}

bool fence_ask(struct gpu *gpu, struct context *context, uint32_t ring, uint64_t number)
{
	struct timeline *timeline = &context->timelines[ring];

	if (number <= timeline->last)
		return false;
	timeline->last = number;
	gpu->statistics.fences++;
	if (is_returned(context, ring)) {
		share_look(gpu);
		return true;
	}
	if (is_immediate(gpu, context, ring)) {
		timeline->given = number;
		fence_store(gpu, timeline, number);
		return true;
	}
	if (!(context->due & 1ull << ring))
		timeline->since = now_ns();
	context->due |= 1ull << ring;
	gpu->fences_due = true;
	return true;
}

static void count_time(struct gpu *gpu, uint64_t since)
{
	uint64_t took = now_ns() - since;

	gpu->statistics.fence_ns += took;
	if (took > gpu->statistics.fence_max_ns)
		gpu->statistics.fence_max_ns = took;
}

static void lose_process(struct gpu *gpu, struct context *context)
{
	session_fault(gpu, context, MULLION_GPU_LOST_RENDERER, 0, "its process has ended");
}

/* Contexts of virgl, and what has none, have one row of fences in the renderer. */
static uint32_t row_of(const struct context *context, uint32_t ring)
{
	return context_has_process(context) ? ring : 0;
}

static void give_one(struct gpu *gpu, struct context *context, uint32_t ring)
{
	struct timeline *timeline = &context->timelines[ring];
	struct fence *fence = malloc(sizeof(*fence));
	bool good;

	context->due &= ~(1ull << ring);
	timeline->given = timeline->last;
	if (fence)
		*fence = (struct fence){ .id = ++gpu->fence_id,
					 .number = timeline->last,
					 .since = timeline->since,
					 .ring = ring,
					 .row = row_of(context, ring) };
	good = fence &&
	       !gpu->renderer->ops->fence(gpu->renderer, context->id, fence->row, fence->id);
	if (!good) {
		/* It will never tell: better too early than never. */
		free(fence);
		fence_store(gpu, timeline, timeline->last);
		if (fence && context_has_process(context))
			lose_process(gpu, context);
		return;
	}
	*context->fences_end = fence;
	context->fences_end = &fence->next;
	gpu->fences++;
}

/*
 * Nobody tells of a process that has ended, and its fences are never done; nor need there
 * be any: a program may wait for what lies in shared memory. A fence for ring 0, that of the
 * process itself, is done as soon as it was read.
 */
static void probe(struct gpu *gpu, struct context *context)
{
	if (!context_has_process(context) || context->lost)
		return;
	if (context->probe) {
		if (now_ns() - context->probe_since > PROBE_NS)
			lose_process(gpu, context);
		return;
	}
	context->probe = ++gpu->fence_id;
	context->probe_since = now_ns();
	if (gpu->renderer->ops->fence(gpu->renderer, context->id, 0, context->probe))
		lose_process(gpu, context);
}

void gpu_probe(struct gpu *gpu)
{
	for (uint32_t i = 0; i < MULLION_GPU_CONTEXTS_MAX; i++)
		if (gpu->contexts[i])
			probe(gpu, gpu->contexts[i]);
	fence_signal(gpu);
}

static void give_context(struct gpu *gpu, struct context *context)
{
	while (context->due && gpu->fences < RENDERER_FENCES_MAX)
		give_one(gpu, context, (uint32_t)__builtin_ctzll(context->due));
	gpu->fences_due |= context->due != 0;
}

void fence_give(struct gpu *gpu)
{
	if (!gpu->fences_due || !gpu->own)
		return;
	gpu->fences_due = false;
	give_context(gpu, gpu->own);
	for (uint32_t i = 0; i < MULLION_GPU_CONTEXTS_MAX; i++)
		if (gpu->contexts[i])
			give_context(gpu, gpu->contexts[i]);
	session_throttle(gpu);
}

void fence_signal(struct gpu *gpu)
{
	if (gpu->signal_due && gpu->channel)
		channel_signal(gpu->channel);
	gpu->signal_due = false;
}

/* end: of the list that link is in */
static void drop_one(struct gpu *gpu, struct fence **link, struct fence ***end)
{
	struct fence *fence = *link;

	*link = fence->next;
	if (!fence->next)
		*end = link;
	free(fence);
	gpu->fences--;
}

/* Of the context's fences those of that row up to the id. */
static void settle(struct gpu *gpu, struct context *context, const struct renderer_fence *done)
{
	struct fence **link = &context->fences;

	if (!done->ring && done->id >= context->probe)
		context->probe = 0;
	while (*link && (*link)->id <= done->id) {
		struct fence *fence = *link;

		if (fence->row != done->ring) {
			link = &fence->next;
			continue;
		}
		gpu->progress_at = now_ns();
		count_time(gpu, fence->since);
		fence_store(gpu, &context->timelines[fence->ring], fence->number);
		drop_one(gpu, link, &context->fences_end);
	}
}

static void settle_orphans(struct gpu *gpu, const struct renderer_fence *done)
{
	while (!done->context && gpu->orphans && gpu->orphans->id <= done->id) {
		gpu->progress_at = now_ns();
		drop_one(gpu, &gpu->orphans, &gpu->orphans_end);
	}
}

void fence_done(void *context, const struct renderer_fence *fences, unsigned int count)
{
	struct gpu *gpu = context;

	for (unsigned int i = 0; i < count; i++) {
		struct context *of = gpu->own ? context_find(gpu, fences[i].context) : NULL;

		settle_orphans(gpu, &fences[i]);
		/* One that is gone had its numbers done with it. */
		if (of)
			settle(gpu, of, &fences[i]);
	}
	fence_give(gpu);
	session_throttle(gpu);
	fence_signal(gpu);
}

void fence_drop(struct gpu *gpu, struct context *context)
{
	context->due = 0;
	while (context->fences)
		drop_one(gpu, &context->fences, &context->fences_end);
	for (uint32_t ring = 0; ring < context->rings; ring++) {
		struct timeline *timeline = &context->timelines[ring];

		timeline->given = timeline->last;
		fence_store(gpu, timeline, timeline->last);
	}
}

void fence_drop_own(struct gpu *gpu)
{
	struct context *own = gpu->own;

	*gpu->orphans_end = own->fences;
	if (own->fences)
		gpu->orphans_end = own->fences_end;
	own->fences = NULL;
	own->fences_end = &own->fences;
	fence_drop(gpu, own);
}

void fence_forget(struct gpu *gpu)
{
	while (gpu->orphans)
		drop_one(gpu, &gpu->orphans, &gpu->orphans_end);
}

uint64_t gpu_oldest_fence(const struct gpu *gpu)
{
	uint64_t oldest = UINT64_MAX, now = now_ns();

	if (gpu->orphans)
		oldest = gpu->orphans->since;
	if (gpu->leaving && gpu->leaving->since < oldest)
		oldest = gpu->leaving->since;
	if (gpu->own && gpu->own->fences && gpu->own->fences->since < oldest)
		oldest = gpu->own->fences->since;
	for (uint32_t i = 0; i < MULLION_GPU_CONTEXTS_MAX; i++) {
		const struct context *context = gpu->contexts[i];

		if (context && context->fences && context->fences->since < oldest)
			oldest = context->fences->since;
	}
	return oldest < now ? now - oldest : 0;
}

uint64_t gpu_without_progress(const struct gpu *gpu)
{
	uint64_t oldest = gpu_oldest_fence(gpu), ago = now_ns() - gpu->progress_at;

	return oldest < ago ? oldest : ago;
}
