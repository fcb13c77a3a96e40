/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Resources by the ids that the guest chooses, their pages, and what they count for.
 *
 * Pages become pieces of our own mapping of the guest's memory. The renderer is given them
 * when all are known, and gives them up before they change.
 */
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "state.h"

#define PAGE 4096u

struct resource *resource_find(const struct gpu *gpu, uint32_t id)
{
	struct resource *resource = gpu->buckets[id % RESOURCE_BUCKETS];

	while (resource && resource->id != id)
		resource = resource->next;
	return resource;
}

struct resource *resource_named(struct gpu *gpu, struct context *context,
				const struct message *message, uint32_t id)
{
	struct resource *resource = resource_find(gpu, id);

	if (!resource)
		session_fault(gpu, context, MULLION_GPU_LOST_PROTOCOL, message->header.type,
			      "there is no resource %u", id);
	return resource && resource->kind != RESOURCE_LOST ? resource : NULL;
}

/* ---- what they count for ---- */

static bool pay(struct gpu *gpu, struct resource *resource, uint64_t bytes)
{
	if (bytes > gpu->config.memory_max - gpu->memory)
		return false;
	gpu->memory += bytes;
	resource->memory += bytes;
	return true;
}

static void refund(struct gpu *gpu, struct resource *resource, uint64_t bytes)
{
	gpu->memory -= bytes;
	resource->memory -= bytes;
}

/* ---- pages ---- */

static void drop_pages(struct gpu *gpu, struct resource *resource)
{
	if (resource->given)
		gpu->renderer->ops->drop_pages(gpu->renderer, resource->id);
	resource->given = false;
	refund(gpu, resource, resource->piece_room * sizeof(*resource->pieces));
	free(resource->pieces);
	resource->pieces = NULL;
	resource->piece_count = resource->piece_room = 0;
	resource->page_count = resource->page_total = 0;
}

/* False: no memory, or not for this guest. */
static bool make_room(struct gpu *gpu, struct resource *resource)
{
	uint32_t room = resource->piece_room ? 2 * resource->piece_room : 4;
	uint64_t more = (room - resource->piece_room) * sizeof(*resource->pieces);
	struct iovec *pieces;

	if (resource->pieces && resource->piece_count < resource->piece_room)
		return true;
	if (!pay(gpu, resource, more))
		return false;
	pieces = realloc(resource->pieces, room * sizeof(*pieces));
	if (!pieces) {
		refund(gpu, resource, more);
		return false;
	}
	resource->pieces = pieces;
	resource->piece_room = room;
	return true;
}

static bool add_piece(struct gpu *gpu, struct resource *resource, uint8_t *at, size_t size)
{
	struct iovec *last = resource->pieces && resource->piece_count ?
				     &resource->pieces[resource->piece_count - 1] :
				     NULL;

	if (last && (uint8_t *)last->iov_base + last->iov_len == at) {
		last->iov_len += size;
		return true;
	}
	if (!make_room(gpu, resource))
		return false;
	resource->pieces[resource->piece_count++] = (struct iovec){ at, size };
	return true;
}

enum added {
	ADDED,
	NO_MEMORY,
	NOT_THERE
};

/* A run, at once where it lies in one range of the guest's memory. */
static enum added add_run(struct gpu *gpu, struct resource *resource,
			  const struct mullion_gpu_run *run)
{
	uint64_t step =
		guest_at(gpu->channel->guest, run->pfn * PAGE, (uint64_t)run->count * PAGE) ?
			run->count :
			1;

	for (uint64_t i = 0; i < run->count; i += step) {
		uint8_t *at = guest_at(gpu->channel->guest, (run->pfn + i) * PAGE, step * PAGE);

		if (!at)
			return NOT_THERE;
		if (!add_piece(gpu, resource, at, step * PAGE))
			return NO_MEMORY;
	}
	resource->page_count += run->count;
	return ADDED;
}

static void blame_pages(struct gpu *gpu, struct context *context, const struct message *message,
			enum mullion_gpu_reason reason, const char *what)
{
	session_fault(gpu, context, reason, message->header.type, "resource %u: %s",
		      message->pages->resource, what);
}

/* All are known: the renderer gets them. */
static void give_pages(struct gpu *gpu, struct context *context, struct resource *resource,
		       const struct message *message)
{
	int error;

	if (resource->kind != RESOURCE_DRAWN || !resource->page_total ||
	    resource->page_count != resource->page_total)
		return;
	error = gpu->renderer->ops->give_pages(gpu->renderer, resource->id, resource->pieces,
					       (int)resource->piece_count);
	resource->given = !error;
	if (error)
		session_fault(gpu, context, MULLION_GPU_LOST_RENDERER, message->header.type,
			      "resource %u: its pages are not taken", resource->id);
}

void resource_pages(struct gpu *gpu, struct context *context, const struct message *message)
{
	const struct mullion_gpu_pages *pages = message->pages;
	struct resource *resource = resource_named(gpu, context, message, pages->resource);
	enum added added = ADDED;

	if (!resource)
		return;
	if (resource->shared) {
		blame_pages(gpu, context, message, MULLION_GPU_LOST_PROTOCOL, "it is shared");
		return;
	}
	if (!pages->first) {
		if (resource->kind == RESOURCE_PLAIN)
			screen_forget(gpu, resource);
		drop_pages(gpu, resource);
		resource->page_total = pages->total;
	}
	if (pages->first != resource->page_count || pages->total != resource->page_total) {
		blame_pages(gpu, context, message, MULLION_GPU_LOST_PROTOCOL,
			    "pages out of their order");
		return;
	}
	for (uint32_t i = 0; i < pages->count && added == ADDED; i++)
		added = add_run(gpu, resource, &pages->runs[i]);
	if (added != ADDED) {
		drop_pages(gpu, resource);
		blame_pages(gpu, context, message,
			    added == NO_MEMORY ? MULLION_GPU_LOST_MEMORY :
						 MULLION_GPU_LOST_PROTOCOL,
			    added == NO_MEMORY ? "no memory for so many pages" :
						 "pages that are not the guest's");
		return;
	}
	give_pages(gpu, context, resource, message);
}

/* ---- made and destroyed ---- */

static void unlink_resource(struct gpu *gpu, const struct resource *resource)
{
	struct resource **link = &gpu->buckets[resource->id % RESOURCE_BUCKETS];

	while (*link != resource)
		link = &(*link)->next;
	*link = resource->next;
	gpu->resource_count--;
}

static void destroy(struct gpu *gpu, struct resource *resource)
{
	screen_forget(gpu, resource);
	drop_pages(gpu, resource);
	if (resource->kind == RESOURCE_DRAWN || resource->shared)
		gpu->renderer->ops->destroy(gpu->renderer, resource->id);
	if (resource->shared)
		share_leave(gpu, resource);
	refund(gpu, resource, resource->memory);
	unlink_resource(gpu, resource);
	free(resource);
}

/* NULL after a fault. */
static struct resource *add(struct gpu *gpu, struct context *context, const struct message *message,
			    uint32_t id)
{
	struct resource *resource = NULL;

	if (gpu->resource_count < GPU_RESOURCES_MAX)
		resource = calloc(1, sizeof(*resource));
	if (!resource) {
		session_fault(gpu, context, MULLION_GPU_LOST_MEMORY, message->header.type,
			      "too many resources");
		return NULL;
	}
	resource->id = id;
	resource->next = gpu->buckets[id % RESOURCE_BUCKETS];
	gpu->buckets[id % RESOURCE_BUCKETS] = resource;
	gpu->resource_count++;
	return resource;
}

static void blame_taken(struct gpu *gpu, struct context *context, const struct message *message,
			uint32_t id)
{
	session_fault(gpu, context, MULLION_GPU_LOST_PROTOCOL, message->header.type,
		      "there is a resource %u already", id);
}

void resource_plain(struct gpu *gpu, struct context *context, const struct message *message)
{
	uint32_t id = message->plain_create->resource;
	struct resource *resource;

	if (resource_find(gpu, id)) {
		blame_taken(gpu, context, message, id);
		return;
	}
	resource = add(gpu, context, message, id);
	if (!resource)
		return;
	resource->kind = RESOURCE_PLAIN;
	resource->size = message->plain_create->size;
}

/* The renderer makes it. False after a fault. */
static bool draw(struct gpu *gpu, struct context *context, struct resource *resource,
		 const struct message *message)
{
	const struct mullion_gpu_resource_create *create = message->resource_create;
	uint64_t bytes = format_memory(create);

	if (!gpu->renderer || !(gpu->features & MULLION_GPU_FEATURE_3D)) {
		session_fault(gpu, context, MULLION_GPU_LOST_PROTOCOL, message->header.type,
			      "3D was not agreed on");
		return false;
	}
	if (!pay(gpu, resource, bytes)) {
		session_fault(gpu, context, MULLION_GPU_LOST_MEMORY, message->header.type,
			      "resource %u is more than the memory left", resource->id);
		return false;
	}
	if (gpu->renderer->ops->create(gpu->renderer, create)) {
		refund(gpu, resource, bytes);
		session_fault(gpu, context, MULLION_GPU_LOST_COMMANDS, message->header.type,
			      "resource %u is refused", resource->id);
		return false;
	}
	resource->target = create->target;
	resource->format = create->format;
	resource->width = create->width;
	resource->height = create->height;
	return true;
}

void resource_create(struct gpu *gpu, struct context *context, const struct message *message)
{
	uint32_t id = message->resource_create->resource;
	struct resource *resource = resource_find(gpu, id);

	if (resource && (resource->kind != RESOURCE_PLAIN || resource->shared)) {
		if (resource->kind != RESOURCE_LOST)
			blame_taken(gpu, context, message, id);
		return;
	}
	if (!resource)
		resource = add(gpu, context, message, id);
	if (!resource)
		return;
	if (!draw(gpu, context, resource, message)) {
		screen_forget(gpu, resource);
		drop_pages(gpu, resource);
		resource->kind = RESOURCE_LOST;
		return;
	}
	resource->kind = RESOURCE_DRAWN;
	screen_promote(gpu, resource);
	give_pages(gpu, context, resource, message);
}

void resource_destroy(struct gpu *gpu, struct context *context, const struct message *message)
{
	struct resource *resource = resource_find(gpu, message->name->resource);

	if (resource)
		destroy(gpu, resource);
	else
		session_fault(gpu, context, MULLION_GPU_LOST_PROTOCOL, message->header.type,
			      "there is no resource %u", message->name->resource);
}

void resource_attach(struct gpu *gpu, struct context *context, const struct message *message)
{
	struct resource *resource = resource_named(gpu, context, message, message->name->resource);

	if (!resource)
		return;
	if (resource->kind != RESOURCE_DRAWN && !resource->shared)
		session_fault(gpu, context, MULLION_GPU_LOST_PROTOCOL, message->header.type,
			      "resource %u is not the renderer's", resource->id);
	else if (message->header.type == MULLION_GPU_ATTACH)
		gpu->renderer->ops->attach(gpu->renderer, context->id, resource->id);
	else
		gpu->renderer->ops->detach(gpu->renderer, context->id, resource->id);
}

void resource_drop_all(struct gpu *gpu)
{
	for (uint32_t i = 0; i < RESOURCE_BUCKETS; i++)
		while (gpu->buckets[i])
			destroy(gpu, gpu->buckets[i]);
}
