/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages of the guest as memory that contexts work in: SHARE makes them a dma-buf
 * (dmabuf.h). Nothing is copied, and the guest has nothing to map.
 *
 * The renderer's processes have it open and mapped, and give it up some time after they are
 * told so. The guest must not have such pages back before that, or a process that ends late
 * writes to what the guest uses for something else. So a resource that is destroyed leaves:
 * its dma-buf is kept, and looked at until nobody else has it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dmabuf.h"
#include "state.h"

/* Processes end in a few milliseconds; the guest waits for us meanwhile. */
#define WAIT_MS 1000u
#define WAIT_STEP_MS 5u

/* NULL: it can be shared. */
static const char *judge(const struct gpu *gpu, const struct resource *resource)
{
	if (!(gpu->features & MULLION_GPU_FEATURE_SHARE))
		return "sharing was not agreed on";
	if (resource->kind != RESOURCE_PLAIN)
		return "it is the renderer's";
	if (resource->shared)
		return "it is shared already";
	if (!resource->page_total || resource->page_count != resource->page_total)
		return "not all of its pages are known";
	return NULL;
}

/* 0, or an errno. */
static int make_shared(struct gpu *gpu, struct resource *resource, uint32_t as)
{
	struct shared *shared = calloc(1, sizeof(*shared));
	int error;

	if (!shared)
		return ENOMEM;
	shared->dmabuf = dmabuf_make(gpu->channel->guest, resource->pieces, resource->piece_count);
	error = shared->dmabuf < 0 ?
			errno :
			gpu->renderer->ops->import(gpu->renderer, resource->id, as, shared->dmabuf,
						   (uint64_t)resource->page_total * 4096);
	if (!error) {
		resource->shared = shared;
		return 0;
	}
	if (shared->dmabuf >= 0)
		close(shared->dmabuf);
	free(shared);
	return error;
}

void resource_share(struct gpu *gpu, struct context *context, const struct message *message)
{
	const struct mullion_gpu_share *share = message->share;
	struct resource *resource = resource_named(gpu, context, message, share->resource);
	const char *wrong = resource ? judge(gpu, resource) : NULL;
	int error;

	if (!resource)
		return;
	if (wrong) {
		session_fault(gpu, context, MULLION_GPU_LOST_PROTOCOL, message->header.type,
			      "resource %u: %s", resource->id, wrong);
		return;
	}
	error = make_shared(gpu, resource, share->as);
	if (error)
		session_fault(gpu, context, MULLION_GPU_LOST_MEMORY, message->header.type,
			      "resource %u cannot be shared: %s", resource->id, strerror(error));
}

/* ---- leaving ---- */

void share_leave(struct gpu *gpu, struct resource *resource)
{
	struct shared *shared = resource->shared;

	resource->shared = NULL;
	shared->since = now_ns();
	if (gpu->own)
		shared->before = gpu->own->timelines[MULLION_GPU_RING_RETURNED].last;
	*gpu->leaving_end = shared;
	gpu->leaving_end = &shared->next;
}

static void drop_first(struct gpu *gpu)
{
	struct shared *first = gpu->leaving;

	gpu->leaving = first->next;
	if (!gpu->leaving)
		gpu->leaving_end = &gpu->leaving;
	close(first->dmabuf);
	free(first);
}

static void drop_unused(struct gpu *gpu)
{
	while (gpu->leaving && !dmabuf_is_in_use(gpu->leaving->dmabuf))
		drop_first(gpu);
}

void share_wait(struct gpu *gpu)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_MS * 1000000L };

	drop_unused(gpu);
	for (unsigned int i = 0; gpu->leaving && i < WAIT_MS / WAIT_STEP_MS; i++) {
		nanosleep(&step, NULL);
		drop_unused(gpu);
	}
}

void share_look(struct gpu *gpu)
{
	struct timeline *timeline = gpu->own ? &gpu->own->timelines[MULLION_GPU_RING_RETURNED] :
					       NULL;

	drop_unused(gpu);
	if (timeline)
		fence_store(gpu, timeline, gpu->leaving ? gpu->leaving->before : timeline->last);
	if (gpu->leaving)
		gpu->calls->look(gpu->context);
}

void share_forget(struct gpu *gpu)
{
	while (gpu->leaving)
		drop_first(gpu);
}
