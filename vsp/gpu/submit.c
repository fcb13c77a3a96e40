/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands to the renderer: those of a message, or copied out of the guest's pages. */
#include <stdlib.h>
#include <string.h>

#include "state.h"

#define PAGE 4096u

static void give(struct gpu *gpu, struct context *context, uint32_t type, const void *words,
		 uint32_t count)
{
	const char *why;

	gpu->statistics.submissions++;
	gpu->statistics.command_bytes += (uint64_t)count * 4;
	if (!count || !gpu->renderer->ops->submit(gpu->renderer, context->id, words, count))
		return;
	/* It reads them itself, so they cannot be wrong yet. */
	if (context_has_process(context)) {
		session_fault(gpu, context, MULLION_GPU_LOST_RENDERER, type,
			      "its process has ended");
		return;
	}
	why = gpu->renderer->ops->why(gpu->renderer);
	session_fault(gpu, context, MULLION_GPU_LOST_COMMANDS, type, "%s",
		      *why ? why : "the renderer does not take its commands");
}

void submit(struct gpu *gpu, struct context *context, const struct message *message)
{
	give(gpu, context, message->header.type, message->commands, message->command_count);
}

static bool make_room(struct gpu *gpu, size_t size)
{
	void *bytes;

	if (size <= gpu->commands_room)
		return true;
	bytes = malloc(size);
	if (!bytes)
		return false;
	free(gpu->commands);
	gpu->commands = bytes;
	gpu->commands_room = size;
	return true;
}

/* False: not all of it is the guest's memory. */
static bool copy(const struct gpu *gpu, const struct mullion_gpu_submit_pages *pages)
{
	uint64_t offset = pages->offset;
	uint32_t left = pages->bytes;
	uint8_t *to = gpu->commands;

	for (uint32_t i = 0; left; i++) {
		const struct mullion_gpu_run *run = &pages->runs[i];
		uint64_t there = (uint64_t)run->count * PAGE - offset;
		uint32_t size = there < left ? (uint32_t)there : left;

		if (!guest_read(gpu->channel->guest, run->pfn * PAGE + offset, to, size))
			return false;
		to += size;
		left -= size;
		offset = 0;
	}
	return true;
}

void submit_pages(struct gpu *gpu, struct context *context, const struct message *message)
{
	const struct mullion_gpu_submit_pages *pages = message->submit_pages;
	const char *wrong = NULL;

	if (!make_room(gpu, pages->bytes))
		wrong = "no memory for its commands";
	else if (!copy(gpu, pages))
		wrong = "commands that are not in the guest's memory";
	if (pages->taken && !fence_ask(gpu, gpu->own, MULLION_GPU_RING_TAKEN, pages->taken) &&
	    !wrong)
		wrong = "a number that is not above the last";
	if (wrong)
		session_fault(gpu, context, MULLION_GPU_LOST_PROTOCOL, message->header.type, "%s",
			      wrong);
	else
		give(gpu, context, message->header.type, gpu->commands, pages->bytes / 4);
}
