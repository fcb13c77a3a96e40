/* SPDX-License-Identifier: GPL-2.0-only */
/* Integration components in common: see ic.h and vmbus/utils.h. */
#include "ic.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define MEMO_MAGIC 0x31434943u

/* Of channel->memo. */
struct memo {
	uint32_t magic; /* MEMO_MAGIC: the versions are agreed on */
	struct vmbus_ic_version frame, message;
	uint8_t transaction; /* kept from the first message on */
};

static const struct vmbus_ic_version frames[] = { { 1, 0 }, { 3, 0 } };
#define FRAME_COUNT (sizeof(frames) / sizeof(frames[0]))

const char *utils_text(enum utils_result result)
{
	switch (result) {
	case UTILS_OK:
		return "done";
	case UTILS_NOT_READY:
		return "the guest is not ready";
	case UTILS_BUSY:
		return "the guest is busy with an earlier request";
	case UTILS_UNSUPPORTED:
		return "the guest does not support it";
	case UTILS_INVALID:
		break;
	}
	return "an argument is invalid";
}

static struct ic *from(const struct device *device)
{
	return device->context;
}

struct utils_status utils_status(const struct device *device)
{
	const struct ic *ic = from(device);
	struct utils_status status = { .state = ic->state };

	if (ic->state == UTILS_READY) {
		status.frame[0] = ic->frame.major;
		status.frame[1] = ic->frame.minor;
		status.message[0] = ic->message.major;
		status.message[1] = ic->message.minor;
	}
	return status;
}

void utils_free(struct device *device)
{
	struct ic *ic;

	if (!device)
		return;
	ic = from(device);
	if (ic->timer)
		event_free(ic->timer);
	if (ic->class->free)
		ic->class->free(ic);
	free(ic);
}

static void stop(struct ic *ic, enum utils_state state)
{
	ic->state = state;
	ic->waiting = false;
	if (ic->timer)
		event_del(ic->timer);
	if (ic->class->closed)
		ic->class->closed(ic);
}

/* ---- Sending ---- */

void ic_after(struct ic *ic, uint32_t milliseconds)
{
	struct timeval time = {
		.tv_sec = milliseconds / 1000,
		.tv_usec = (suseconds_t)(milliseconds % 1000) * 1000,
	};

	if (ic->timer)
		event_add(ic->timer, &time);
}

void ic_forget(struct ic *ic)
{
	ic->waiting = false;
}

static enum channel_send put(struct ic *ic, uint16_t type, const void *data, size_t size)
{
	struct memo *memo = ic->channel->memo;
	struct {
		struct vmbus_pipe pipe;
		struct vmbus_ic ic;
	} VMBUS_PACKED head = {
		.pipe = { VMBUS_PIPE_DATA, (uint32_t)(sizeof(head.ic) + size) },
		.ic = {
			.frame = ic->frame,
			.type = type,
			.message = ic->message,
			.size = (uint16_t)size,
			.transaction = (uint8_t)(ic->transaction + 1),
			.flags = VMBUS_IC_TRANSACTION | VMBUS_IC_REQUEST,
		},
	};
	struct iovec parts[] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = (void *)(uintptr_t)data, .iov_len = size },
	};
	enum channel_send sent = channel_send(ic->channel, VMBUS_PACKET_INBAND, 0,
					      head.ic.transaction, NULL, 0, parts, 2);

	if (sent == CHANNEL_SENT) {
		ic->transaction = memo->transaction = head.ic.transaction;
		ic->waiting = true;
	}
	return sent;
}

enum channel_send ic_send(struct ic *ic, const void *data, size_t size)
{
	if (ic->state != UTILS_READY)
		return CHANNEL_DEAD;
	return put(ic, ic->class->type, data, size);
}

/* ---- The agreement on versions ---- */

static void negotiate(struct ic *ic)
{
	struct {
		struct vmbus_ic_negotiate head;
		struct vmbus_ic_version versions[FRAME_COUNT + IC_VERSIONS];
	} VMBUS_PACKED data = { 0 };
	size_t count = ic->class->version_count;

	data.head.frame_count = FRAME_COUNT;
	data.head.message_count = (uint16_t)count;
	memcpy(data.versions, frames, sizeof(frames));
	memcpy(data.versions + FRAME_COUNT, ic->class->versions,
	       count * sizeof(ic->class->versions[0]));
	if (put(ic, VMBUS_IC_NEGOTIATE, &data,
		sizeof(data.head) + (FRAME_COUNT + count) * sizeof(data.versions[0])) ==
	    CHANNEL_DEAD)
		stop(ic, UTILS_FAILED);
}

static bool offered(const struct vmbus_ic_version *versions, size_t count,
		    const struct vmbus_ic_version *chosen)
{
	for (size_t i = 0; i < count; i++) {
		if (versions[i].major == chosen->major && versions[i].minor == chosen->minor)
			return true;
	}
	return false;
}

static bool negotiated(struct ic *ic, const uint8_t *data, uint32_t size)
{
	struct memo *memo = ic->channel->memo;
	struct {
		struct vmbus_ic_negotiate head;
		struct vmbus_ic_version frame, message;
	} VMBUS_PACKED answer;

	if (size < sizeof(answer))
		return false;
	memcpy(&answer, data, sizeof(answer));
	if (!answer.head.frame_count && !answer.head.message_count) {
		stop(ic, UTILS_FAILED);
		return true;
	}
	if (answer.head.frame_count != 1 || answer.head.message_count != 1 ||
	    !offered(frames, FRAME_COUNT, &answer.frame) ||
	    !offered(ic->class->versions, ic->class->version_count, &answer.message))
		return false;
	ic->frame = memo->frame = answer.frame;
	ic->message = memo->message = answer.message;
	memo->magic = MEMO_MAGIC;
	ic->state = UTILS_READY;
	ic->class->ready(ic, false);
	return true;
}

/* ---- The channel ---- */

static void broken(struct ic *ic, const char *what)
{
	channel_broken(ic->channel, "integration component %u: %s", ic->class->type, what);
	stop(ic, UTILS_FAILED);
}

static void answer(struct ic *ic, const struct vmbus_ic *head, const uint8_t *data)
{
	bool first = head->type == VMBUS_IC_NEGOTIATE;
	bool ok;

	/* Late, or of a question that the process before this one has asked. */
	if (!ic->waiting || head->transaction != ic->transaction)
		return;
	if (first != (ic->state == UTILS_NEGOTIATING) ||
	    (!first && head->type != ic->class->type)) {
		broken(ic, "an answer of another type");
		return;
	}
	ic->waiting = false;
	if (first)
		ok = negotiated(ic, data, head->size);
	else
		ok = ic->class->answer(ic, head->status, data, head->size);
	if (!ok)
		broken(ic, "an answer that cannot be");
}

static void packet_came(struct channel *channel, const struct packet *packet)
{
	struct ic *ic = channel->context;
	struct vmbus_pipe pipe;
	struct vmbus_ic head;

	/* Drivers want no completion, but who wants one gets it. */
	if (packet->ticket != CHANNEL_NO_TICKET)
		channel_answer(channel, packet->ticket, NULL, 0);
	if (packet->type == VMBUS_PACKET_COMPLETION || ic->state == UTILS_FAILED)
		return;
	if (packet->type != VMBUS_PACKET_INBAND || packet->size < sizeof(pipe) + sizeof(head)) {
		broken(ic, "a packet without a message");
		return;
	}
	memcpy(&pipe, packet->payload, sizeof(pipe));
	memcpy(&head, packet->payload + sizeof(pipe), sizeof(head));
	if (pipe.type != VMBUS_PIPE_DATA || pipe.size > packet->size - sizeof(pipe) ||
	    pipe.size < sizeof(head) || head.size > pipe.size - sizeof(head)) {
		broken(ic, "sizes that do not fit");
		return;
	}
	if (!(head.flags & VMBUS_IC_RESPONSE)) {
		broken(ic, "a message that is no answer");
		return;
	}
	answer(ic, &head, packet->payload + sizeof(pipe) + sizeof(head));
}

static void room(struct channel *channel)
{
	struct ic *ic = channel->context;

	if (ic->state == UTILS_NEGOTIATING && ic->started && !ic->waiting)
		negotiate(ic);
	else if (ic->state == UTILS_READY && ic->class->room)
		ic->class->room(ic);
}

static const struct channel_ops channel_ops = { .packet = packet_came, .ready = room };

static void tick(evutil_socket_t fd, short what, void *context)
{
	struct ic *ic = context;
	bool first = !ic->started;

	(void)fd;
	(void)what;
	ic->started = true;
	if (ic->state == UTILS_NEGOTIATING)
		negotiate(ic);
	else if (ic->state == UTILS_READY && first)
		ic->class->ready(ic, true);
	else if (ic->state == UTILS_READY)
		ic->class->tick(ic);
	/* What is sent by the clock is sent at that time. */
	if (ic->channel && ic->state != UTILS_FAILED)
		channel_flush(ic->channel);
}

/* Whether the memo is that of a process before this one, whose agreement still holds. */
static bool take_up(struct ic *ic)
{
	const struct memo *memo = ic->channel->memo;

	ic->transaction = memo->transaction;
	if (!ic->channel->resumed || memo->magic != MEMO_MAGIC ||
	    !offered(frames, FRAME_COUNT, &memo->frame) ||
	    !offered(ic->class->versions, ic->class->version_count, &memo->message))
		return false;
	ic->frame = memo->frame;
	ic->message = memo->message;
	return true;
}

static bool open_channel(struct device *device, struct channel *channel)
{
	struct ic *ic = from(device);

	if (ic->channel || channel->sub)
		return false;
	ic->timer = evtimer_new(channel->base, tick, ic);
	if (!ic->timer)
		return false;
	channel->ops = &channel_ops;
	channel->context = ic;
	ic->channel = channel;
	ic->started = false;
	ic->waiting = false;
	memset(&ic->frame, 0, sizeof(ic->frame));
	memset(&ic->message, 0, sizeof(ic->message));
	ic->state = take_up(ic) ? UTILS_READY : UTILS_NEGOTIATING;
	if (ic->class->opened)
		ic->class->opened(ic);
	ic_after(ic, 0);
	return true;
}

static void close_channel(struct device *device, struct channel *channel)
{
	struct ic *ic = from(device);

	if (ic->channel != channel)
		return;
	event_free(ic->timer);
	ic->timer = NULL;
	ic->channel = NULL;
	stop(ic, UTILS_CLOSED);
}

static const struct device_ops device_ops = { .open = open_channel, .close = close_channel };

void *ic_new(const struct ic_class *class, size_t size)
{
	struct ic *ic = calloc(1, size);

	if (!ic)
		return NULL;
	ic->class = class;
	ic->device.ops = &device_ops;
	ic->device.context = ic;
	return ic;
}

void *ic_of(const struct device *device, const struct ic_class *class)
{
	if (device->ops != &device_ops || from(device)->class != class)
		return NULL;
	return device->context;
}
