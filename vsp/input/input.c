/* SPDX-License-Identifier: GPL-2.0-only */
/* Keyboard and mouse in common: see class.h and input.h. */
#include <event2/event.h>
#include <stdlib.h>

#include "class.h"

const char *input_text(enum input_result result)
{
	switch (result) {
	case INPUT_OK:
		return "done";
	case INPUT_NOT_READY:
		return "the guest is not ready";
	case INPUT_FULL:
		return "the guest does not read its input";
	case INPUT_BUSY:
		return "keys are held down already";
	case INPUT_NO_KEY:
		return "the keyboard has no such key";
	case INPUT_INVALID:
		break;
	}
	return "an argument is invalid";
}

static struct input *from(const struct device *device)
{
	return device->context;
}

bool input_put(struct input *input, const void *data, size_t size)
{
	struct iovec part = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };

	return channel_send(input->channel, VMBUS_PACKET_INBAND, 0, 0, NULL, 0, &part, 1) !=
	       CHANNEL_FULL;
}

static void stop(struct input *input)
{
	input->ready = false;
	input->channel = NULL;
	input->class->closed(input);
}

static void packet_came(struct channel *channel, const struct packet *packet)
{
	struct input *input = channel->context;
	const char *wrong = "no message of its protocol";

	if (input->channel && packet->type != VMBUS_PACKET_COMPLETION) {
		if (packet->type == VMBUS_PACKET_INBAND)
			wrong = input->class->message(input, packet->payload, packet->size);
		if (!wrong)
			input->class->pump(input);
	} else {
		wrong = NULL;
	}
	/* Drivers ask for completions, but look at nothing in them. */
	if (packet->ticket != CHANNEL_NO_TICKET)
		channel_answer(channel, packet->ticket, NULL, 0);
	if (wrong) {
		channel_broken(channel, "%s: %s", input->class->name, wrong);
		stop(input);
	}
}

static void room(struct channel *channel)
{
	struct input *input = channel->context;

	if (input->channel)
		input->class->pump(input);
}

static const struct channel_ops channel_ops = { .packet = packet_came, .ready = room };

static void started(evutil_socket_t fd, short what, void *context)
{
	struct input *input = context;

	(void)fd;
	(void)what;
	if (!input->channel)
		return;
	input->class->started(input);
	input->class->pump(input);
}

static bool open_channel(struct device *device, struct channel *channel)
{
	struct input *input = from(device);
	struct timeval now = { 0 };

	if (input->opened || channel->sub)
		return false;
	input->start = evtimer_new(channel->base, started, input);
	if (!input->start)
		return false;
	input->channel = channel;
	if (!input->class->opened(input)) {
		event_free(input->start);
		input->start = NULL;
		input->channel = NULL;
		return false;
	}
	input->opened = channel;
	channel->ops = &channel_ops;
	channel->context = input;
	event_add(input->start, &now);
	return true;
}

static void close_channel(struct device *device, struct channel *channel)
{
	struct input *input = from(device);

	if (input->opened != channel)
		return;
	event_free(input->start);
	input->start = NULL;
	input->opened = NULL;
	stop(input);
}

static const struct device_ops device_ops = { .open = open_channel, .close = close_channel };

void *input_new(const struct input_class *class, size_t size)
{
	struct input *input = calloc(1, size);

	if (!input)
		return NULL;
	input->class = class;
	input->device.ops = &device_ops;
	input->device.context = input;
	return input;
}

void *input_of(const struct device *device, const struct input_class *class)
{
	if (device->ops != &device_ops || (class && from(device)->class != class))
		return NULL;
	return device->context;
}

bool input_count(const struct device *device, struct input_counters *counters)
{
	const struct input *input = input_of(device, NULL);

	if (!input)
		return false;
	*counters = input->counters;
	return true;
}

bool input_is_ready(const struct device *device)
{
	const struct input *input = input_of(device, NULL);

	return input && input->ready;
}

void input_free(struct device *device)
{
	struct input *input;

	if (!device)
		return;
	input = from(device);
	if (input->start)
		event_free(input->start);
	free(input);
}
