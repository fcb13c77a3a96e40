/* SPDX-License-Identifier: GPL-2.0-only */
/* Contexts: made, destroyed, lost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

struct context *context_new(uint32_t id, uint32_t rings)
{
	struct context *context =
		calloc(1, sizeof(*context) + rings * sizeof(context->timelines[0]));

	if (!context)
		return NULL;
	context->id = id;
	context->rings = rings;
	context->fences_end = &context->fences;
	return context;
}

/* Where the context of that id is; 0: a free place. NULL: there is none. */
static struct context **place_of(struct gpu *gpu, uint32_t id)
{
	for (uint32_t i = 0; i < MULLION_GPU_CONTEXTS_MAX; i++) {
		struct context *context = gpu->contexts[i];

		if (id ? context && context->id == id : !context)
			return &gpu->contexts[i];
	}
	return NULL;
}

struct context *context_find(const struct gpu *gpu, uint32_t id)
{
	struct context **place = id ? place_of((struct gpu *)(uintptr_t)gpu, id) : NULL;

	if (!id)
		return gpu->own;
	return place ? *place : NULL;
}

bool context_has_process(const struct context *context)
{
	return context->capset > 2;
}

static bool is_offered(const struct gpu *gpu, uint32_t capset)
{
	for (uint32_t i = 0; i < gpu->capset_count; i++)
		if (gpu->capsets[i].capset == capset)
			return true;
	return false;
}

/* NULL, or why it cannot be. */
static const char *judge(struct gpu *gpu, const struct message *message)
{
	const struct mullion_gpu_context_create *create = message->context_create;
	uint32_t slots = (gpu->shared_pages - 1) * MULLION_GPU_SLOTS_PER_PAGE;

	if (!(gpu->features & MULLION_GPU_FEATURE_3D))
		return "3D was not agreed on";
	if (context_find(gpu, message->header.context))
		return "the id is taken";
	if (create->slot < MULLION_GPU_OWN_RINGS || create->slot > slots ||
	    create->rings > slots - create->slot)
		return "slots that are not there";
	if (!is_offered(gpu, create->capset))
		return "no such capset";
	return place_of(gpu, 0) ? NULL : "there are too many";
}

void context_create(struct gpu *gpu, const struct message *message)
{
	const struct mullion_gpu_context_create *create = message->context_create;
	const char *wrong = judge(gpu, message);
	struct context *context = NULL;

	if (!wrong) {
		context = context_new(message->header.context, create->rings);
		wrong = context ? NULL : "no memory";
	}
	if (wrong) {
		session_fault(gpu, gpu->own, MULLION_GPU_LOST_PROTOCOL, message->header.type,
			      "context %u: %s", message->header.context, wrong);
		return;
	}
	context->capset = create->capset;
	memcpy(context->name, create->name, sizeof(context->name));
	for (uint32_t i = 0; i < create->rings; i++)
		timeline_begin(gpu, &context->timelines[i], create->slot + i);
	*place_of(gpu, 0) = context;
	gpu->context_count++;
	if (gpu->renderer->ops->context_create(gpu->renderer, context->id, context->capset,
					       context->name))
		session_fault(gpu, context, MULLION_GPU_LOST_RENDERER, message->header.type,
			      "the renderer cannot make it");
}

void context_lose(struct gpu *gpu, struct context *context, const char *why)
{
	context->lost = true;
	snprintf(context->why, sizeof(context->why), "%s", why);
	gpu->statistics.contexts_lost++;
	gpu->renderer->ops->context_destroy(gpu->renderer, context->id);
	fence_drop(gpu, context);
}

void context_destroy(struct gpu *gpu, struct context *context)
{
	struct context **place = place_of(gpu, context->id);

	if (!context->lost)
		gpu->renderer->ops->context_destroy(gpu->renderer, context->id);
	fence_drop(gpu, context);
	if (place)
		*place = NULL;
	gpu->context_count--;
	free(context);
}

void context_drop_all(struct gpu *gpu)
{
	for (uint32_t i = 0; i < MULLION_GPU_CONTEXTS_MAX; i++)
		if (gpu->contexts[i])
			context_destroy(gpu, gpu->contexts[i]);
}

bool gpu_context(const struct gpu *gpu, unsigned int number, struct gpu_context *info)
{
	for (uint32_t i = 0; i < MULLION_GPU_CONTEXTS_MAX; i++) {
		const struct context *context = gpu->contexts[i];

		if (!context || number--)
			continue;
		*info = (struct gpu_context){
			.id = context->id,
			.capset = context->capset,
			.name = context->name,
			.lost = context->lost ? context->why : NULL,
		};
		return true;
	}
	return false;
}
