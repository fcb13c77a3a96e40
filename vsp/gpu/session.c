/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guest says and is told, from HELLO to the channel's end.
 *
 * HELLO begins anew, whatever was before: a driver whose HELLO crossed a RESET says it
 * twice. Messages before it are dropped unread.
 *
 * No packet is taken while a message of ours waits for room in the ring, or the renderer
 * owes too many fences: so the guest bounds what we keep for it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

#define PAGE 4096u
/* A turn takes no more messages after so long. */
#define LONG_TURN_NS 1000000u
/* No new work while the renderer owes as many as this. */
#define FENCES_MANY (RENDERER_FENCES_MAX / 2)

static void set_problem(struct gpu *gpu, const char *text)
{
	snprintf(gpu->problem, sizeof(gpu->problem), "%s", text);
}

/* ---- sending ---- */

static enum channel_send send_now(struct gpu *gpu, const void *bytes, uint32_t size)
{
	struct iovec part = { (void *)(uintptr_t)bytes, size };

	return channel_send(gpu->channel, VMBUS_PACKET_INBAND, 0, 0, NULL, 0, &part, 1);
}

static void keep(struct gpu *gpu, const void *bytes, uint32_t size)
{
	struct unsent *unsent = malloc(sizeof(*unsent) + size);

	if (!unsent) {
		channel_broken(gpu->channel, "the GPU: no memory for what is to be told");
		return;
	}
	unsent->next = NULL;
	unsent->size = size;
	memcpy(unsent->bytes, bytes, size);
	*gpu->unsent_end = unsent;
	gpu->unsent_end = &unsent->next;
	session_throttle(gpu);
}

void session_send(struct gpu *gpu, uint32_t type, void *bytes, uint32_t size)
{
	struct mullion_gpu_header *header = bytes;

	header->type = (uint16_t)type;
	header->size = size;
	if (gpu->unsent || send_now(gpu, bytes, size) == CHANNEL_FULL)
		keep(gpu, bytes, size);
}

static void drop_first(struct gpu *gpu)
{
	struct unsent *first = gpu->unsent;

	gpu->unsent = first->next;
	if (!gpu->unsent)
		gpu->unsent_end = &gpu->unsent;
	free(first);
}

void session_ready(struct gpu *gpu)
{
	while (gpu->unsent && send_now(gpu, gpu->unsent->bytes, gpu->unsent->size) != CHANNEL_FULL)
		drop_first(gpu);
	session_throttle(gpu);
}

void session_throttle(struct gpu *gpu)
{
	if (gpu->channel)
		channel_pause(gpu->channel, gpu->unsent || gpu->fences >= FENCES_MANY);
}

/* ---- faults ---- */

static void tell_lost(struct gpu *gpu, uint32_t id, enum mullion_gpu_reason reason, uint32_t type,
		      const char *text)
{
	struct mullion_gpu_lost lost = { .header.context = id, .reason = reason, .type = type };

	snprintf(lost.text, sizeof(lost.text), "%s", text);
	/* What was the driver's own fault is told while there is room: it can have no end. */
	if (id || !gpu->unsent)
		session_send(gpu, MULLION_GPU_CONTEXT_LOST, &lost, sizeof(lost));
}

void session_fault(struct gpu *gpu, struct context *context, enum mullion_gpu_reason reason,
		   uint32_t type, const char *format, ...)
{
	char text[112], line[160];
	va_list arguments;

	if (context->lost)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (context->id) {
		context_lose(gpu, context, text);
		snprintf(line, sizeof(line), "context %u is lost: %.100s", context->id, text);
	} else {
		snprintf(line, sizeof(line), "%s: %.110s", decode_name(type), text);
		set_problem(gpu, line);
	}
	tell_lost(gpu, context->id, reason, type, text);
	gpu->calls->lost(gpu->context, context->id, line);
}

/* ---- the beginning and the end of a session ---- */

static void drop_session(struct gpu *gpu)
{
	context_drop_all(gpu);
	resource_drop_all(gpu);
	screen_drop_all(gpu);
	share_wait(gpu);
	if (gpu->own)
		fence_drop_own(gpu);
	free(gpu->own);
	gpu->own = NULL;
	guest_unmap_pages(gpu->shared, gpu->shared_pages, gpu->shared_pages);
	gpu->shared = NULL;
	free(gpu->commands);
	gpu->commands = NULL;
	gpu->commands_room = 0;
	gpu->fences_due = gpu->signal_due = false;
	gpu->features = 0;
	if (gpu->state == SESSION_WORKING)
		gpu->calls->working(gpu->context, false);
	gpu->state = SESSION_WAITING;
}

void session_begin(struct gpu *gpu, struct channel *channel)
{
	struct mullion_gpu_header reset = { 0 };

	gpu->channel = channel;
	gpu->state = SESSION_WAITING;
	if (!channel->resumed)
		return;
	session_send(gpu, MULLION_GPU_RESET, &reset, sizeof(reset));
	gpu->calls->resumed(gpu->context);
}

void session_end(struct gpu *gpu)
{
	drop_session(gpu);
	while (gpu->unsent)
		drop_first(gpu);
	gpu->driver[0] = gpu->kernel[0] = gpu->problem[0] = '\0';
	gpu->state = SESSION_CLOSED;
	gpu->channel = NULL;
}

/* Maps the shared pages and makes the driver's own timelines. False: not the guest's
 * memory, or none for us. */
static bool share(struct gpu *gpu, const struct mullion_gpu_hello *hello)
{
	uint64_t pfns[MULLION_GPU_SHARED_PAGES_MAX];

	for (uint32_t i = 0; i < MULLION_GPU_SHARED_PAGES_MAX; i++)
		pfns[i] = hello->pfns[i];
	gpu->shared =
		guest_map_pages(gpu->channel->guest, pfns, hello->page_count, hello->page_count);
	gpu->shared_pages = hello->page_count;
	gpu->own = gpu->shared ? context_new(0, MULLION_GPU_OWN_RINGS) : NULL;
	for (uint32_t i = 0; gpu->own && i < MULLION_GPU_OWN_RINGS; i++)
		timeline_begin(gpu, &gpu->own->timelines[i], i);
	return gpu->own;
}

static void welcome(struct gpu *gpu, bool welcome)
{
	struct mullion_gpu_welcome message = {
		.version = welcome ? MULLION_GPU_VERSION : 0,
		.version_min = MULLION_GPU_VERSION,
		.version_max = MULLION_GPU_VERSION,
	};

	if (welcome) {
		message.displays = MULLION_GPU_DISPLAYS_MAX;
		message.features = gpu->features;
		message.capset_count = gpu->features & MULLION_GPU_FEATURE_3D ? gpu->capset_count :
										0;
		memcpy(message.capsets, gpu->capsets,
		       message.capset_count * sizeof(message.capsets[0]));
	}
	snprintf(message.renderer, sizeof(message.renderer), "%s",
		 gpu->renderer ? gpu->renderer->name : "none");
	session_send(gpu, MULLION_GPU_WELCOME, &message, sizeof(message));
}

static bool speak(const struct mullion_gpu_hello *hello)
{
	return hello->version_min <= MULLION_GPU_VERSION &&
	       hello->version_max >= MULLION_GPU_VERSION;
}

static uint64_t features_of(const struct renderer *renderer)
{
	if (!renderer)
		return 0;
	return MULLION_GPU_FEATURE_3D | (renderer->imports ? MULLION_GPU_FEATURE_SHARE : 0);
}

static void on_hello(struct gpu *gpu, const struct mullion_gpu_hello *hello)
{
	static const struct vmbus_guid none;
	char line[160];

	drop_session(gpu);
	memcpy(gpu->driver, hello->driver, sizeof(gpu->driver));
	memcpy(gpu->kernel, hello->kernel, sizeof(gpu->kernel));
	gpu->problem[0] = '\0';
	if (!speak(hello)) {
		gpu->state = SESSION_REFUSED;
		snprintf(line, sizeof(line),
			 "the guest's driver speaks versions %u to %u of the GPU channel, not %u",
			 hello->version_min, hello->version_max, MULLION_GPU_VERSION);
		set_problem(gpu, line);
		welcome(gpu, false);
		gpu->calls->lost(gpu->context, 0, line);
		return;
	}
	if (!share(gpu, hello)) {
		drop_session(gpu);
		set_problem(gpu, "HELLO: shared pages that are not the guest's memory");
		channel_broken(gpu->channel, "the GPU: %s", gpu->problem);
		return;
	}
	gpu->state = SESSION_WORKING;
	gpu->features = hello->features & features_of(gpu->renderer);
	welcome(gpu, true);
	for (uint32_t i = 0; i < MULLION_GPU_DISPLAYS_MAX; i++)
		screen_tell(gpu, i);
	if (memcmp(&gpu->config.replaces, &none, sizeof(none)) != 0)
		channel_replaces(gpu->channel, &gpu->config.replaces);
	gpu->calls->working(gpu->context, true);
}

/* ---- messages ---- */

static void on_get_capset(struct gpu *gpu, struct context *context, const struct message *message)
{
	const struct mullion_gpu_get_capset *asked = message->get_capset;
	const struct mullion_gpu_capset_info *info = NULL;
	struct mullion_gpu_capset *answer;
	uint32_t size = sizeof(*answer);

	for (uint32_t i = 0; i < gpu->capset_count; i++)
		if (gpu->capsets[i].capset == asked->capset &&
		    asked->version <= gpu->capsets[i].version)
			info = &gpu->capsets[i];
	size += info ? info->size : 0;
	answer = calloc(1, size);
	if (!answer) {
		session_fault(gpu, context, MULLION_GPU_LOST_MEMORY, message->header.type,
			      "no memory");
		return;
	}
	answer->capset = asked->capset;
	answer->version = asked->version;
	if (info)
		gpu->renderer->ops->fill_capset(gpu->renderer, asked->capset, asked->version,
						answer->data);
	session_send(gpu, MULLION_GPU_CAPSET, answer, size);
	free(answer);
}

typedef void handler(struct gpu *gpu, struct context *context, const struct message *message);

/* HELLO and what makes and destroys contexts is not among them. */
static handler *const handlers[MULLION_GPU_TO_HOST_END] = {
	[MULLION_GPU_GET_CAPSET] = on_get_capset,
	[MULLION_GPU_ATTACH] = resource_attach,
	[MULLION_GPU_DETACH] = resource_attach,
	[MULLION_GPU_PLAIN_CREATE] = resource_plain,
	[MULLION_GPU_RESOURCE_CREATE] = resource_create,
	[MULLION_GPU_SHARE] = resource_share,
	[MULLION_GPU_RESOURCE_DESTROY] = resource_destroy,
	[MULLION_GPU_PAGES] = resource_pages,
	[MULLION_GPU_TRANSFER_TO] = transfer,
	[MULLION_GPU_TRANSFER_FROM] = transfer,
	[MULLION_GPU_SUBMIT] = submit,
	[MULLION_GPU_SUBMIT_PAGES] = submit_pages,
	[MULLION_GPU_SCANOUT] = screen_scanout,
	[MULLION_GPU_FLUSH] = screen_flush,
	[MULLION_GPU_CURSOR] = screen_cursor,
};

/* What is done also for a context that is lost: resources are everybody's. */
static bool is_for_all(uint32_t type)
{
	return type == MULLION_GPU_RESOURCE_DESTROY || type == MULLION_GPU_PLAIN_CREATE ||
	       type == MULLION_GPU_PAGES || type == MULLION_GPU_RESOURCE_CREATE ||
	       type == MULLION_GPU_SHARE;
}

/* The message was done, or never will be. */
static void on_fence(struct gpu *gpu, struct context *context, const struct message *message)
{
	const struct mullion_gpu_header *header = &message->header;

	if (!(header->flags & MULLION_GPU_FENCE))
		return;
	if (header->ring >= context->rings)
		session_fault(gpu, context, MULLION_GPU_LOST_PROTOCOL, header->type,
			      "there is no ring %u", header->ring);
	else if (!fence_ask(gpu, context, header->ring, header->fence))
		session_fault(gpu, context, MULLION_GPU_LOST_PROTOCOL, header->type,
			      "a number that is not above the last");
}

/* wrong: NULL, or what is. */
static void obey(struct gpu *gpu, const struct message *message, const char *wrong)
{
	const struct mullion_gpu_header *header = &message->header;
	struct context *context;

	if (header->type == MULLION_GPU_CONTEXT_CREATE && !wrong)
		context_create(gpu, message);
	context = context_find(gpu, header->context);
	if (!context) {
		/* One that could not be made has been told of. */
		if (header->type != MULLION_GPU_CONTEXT_CREATE)
			session_fault(gpu, gpu->own, MULLION_GPU_LOST_PROTOCOL, header->type,
				      "there is no context %u", header->context);
		return;
	}
	if (wrong)
		session_fault(gpu, context, MULLION_GPU_LOST_PROTOCOL, header->type, "%s", wrong);
	else if (handlers[header->type] && (!context->lost || is_for_all(header->type)))
		handlers[header->type](gpu, context, message);
	on_fence(gpu, context, message);
	if (header->type == MULLION_GPU_CONTEXT_DESTROY && !wrong)
		context_destroy(gpu, context);
}

static bool is_message(const struct packet *packet)
{
	return packet->type == VMBUS_PACKET_INBAND && packet->ticket == CHANNEL_NO_TICKET;
}

void session_packet(struct gpu *gpu, const struct packet *packet)
{
	struct message message;
	const char *wrong;

	gpu->statistics.messages++;
	if (!is_message(packet)) {
		channel_broken(gpu->channel, "the GPU: a packet that is no message");
		return;
	}
	wrong = decode_message(packet->payload, packet->size, &message);
	if (!wrong && message.header.type == MULLION_GPU_HELLO) {
		if (gpu->state != SESSION_REFUSED)
			on_hello(gpu, message.hello);
		return;
	}
	if (gpu->state == SESSION_WORKING && message.has_header)
		obey(gpu, &message, wrong);
	else if (gpu->state == SESSION_WORKING)
		session_fault(gpu, gpu->own, MULLION_GPU_LOST_PROTOCOL, 0, "%s", wrong);
	if (!gpu->turn_began)
		gpu->turn_began = now_ns();
	else if (now_ns() - gpu->turn_began > LONG_TURN_NS)
		channel_end_turn(gpu->channel);
}

void session_turn(struct gpu *gpu)
{
	gpu->turn_began = 0;
	fence_give(gpu);
	fence_signal(gpu);
}
