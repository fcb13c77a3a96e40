/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pointer with absolute coordinates, buttons and wheels, as a HID device: see input.h
 * and vmbus/input.h. A report tells the whole state, so a report that was dropped is
 * made good by the next one, and by one more when there is room again.
 */
#include <string.h>

#include "class.h"

#define MEMO_MAGIC 0x3153554du

/* Ids of the device for which Linux's driver is looked up. */
#define VENDOR 0x045e
#define PRODUCT 0x0621
#define VERSION 2

/* HID 1.11, 6.2.2, and HID Usage Tables: five buttons, X and Y of 16 bits, two wheels. */
static const uint8_t descriptor[] = {
	0x05, 0x01, /* page: generic desktop */
	0x09, 0x02, /* usage: mouse */
	0xa1, 0x01, /* collection: application */
	0x09, 0x01, /* usage: pointer */
	0xa1, 0x00, /* collection: physical */
	0x05, 0x09, /* page: buttons */
	0x19, 0x01, 0x29, 0x05, /* usages: 1 to 5 */
	0x15, 0x00, 0x25, 0x01, /* values: 0 to 1 */
	0x75, 0x01, 0x95, 0x05, 0x81, 0x02, /* 5 times a bit: variables */
	0x75, 0x03, 0x95, 0x01, 0x81, 0x01, /* 3 bits of nothing */
	0x05, 0x01, /* page: generic desktop */
	0x09, 0x30, 0x09, 0x31, /* usages: X, Y */
	0x15, 0x00, 0x26, 0xff, 0x7f, /* values: 0 to 32767 */
	0x75, 0x10, 0x95, 0x02, 0x81, 0x02, /* twice 16 bits: variables, absolute */
	0x09, 0x38, /* usage: wheel */
	0x15, 0x81, 0x25, 0x7f, /* values: -127 to 127 */
	0x75, 0x08, 0x95, 0x01, 0x81, 0x06, /* 8 bits: a variable, relative */
	0x05, 0x0c, 0x0a, 0x38, 0x02, /* page: consumer; usage: AC pan */
	0x75, 0x08, 0x95, 0x01, 0x81, 0x06, /* the same */
	0xc0, 0xc0, /* end of both collections */
};

struct report {
	uint8_t buttons;
	uint16_t x, y;
	int8_t wheel, pan;
} VMBUS_PACKED;

_Static_assert(sizeof(struct report) == 7, "as descriptor[] says");

enum progress {
	REQUESTED = 0, /* the guest's request is waited for */
	DESCRIBED, /* its acknowledgement */
	READY,
};

/* Of channel->memo. */
struct memo {
	uint32_t magic; /* MEMO_MAGIC */
	uint32_t version; /* that the guest asked for */
	uint8_t progress; /* enum progress */
	uint8_t response_due, info_due; /* wait for room */
	struct report last; /* the state that the guest was told */
};

_Static_assert(sizeof(struct memo) <= CHANNEL_MEMO, "a memo");

struct mouse {
	struct input input;
	struct report queue[INPUT_MOUSE_QUEUE];
	unsigned int first, count;
	struct report now; /* without wheels */
	bool behind; /* the guest was not told it all: a report was dropped */
};

static struct memo *memo_of(const struct mouse *mouse)
{
	return mouse->input.channel->memo;
}

/* ---- Sending ---- */

/* A message in the pipe. As input_put(). */
static bool put(struct mouse *mouse, const void *message, size_t size)
{
	struct {
		struct vmbus_pipe pipe;
		uint8_t bytes[128];
	} VMBUS_PACKED data = { .pipe = { VMBUS_PIPE_DATA, (uint32_t)size } };

	memcpy(data.bytes, message, size);
	return input_put(&mouse->input, &data, sizeof(data.pipe) + size);
}

static bool put_response(struct mouse *mouse)
{
	const struct memo *memo = memo_of(mouse);
	struct vmbus_hid_response response = {
		.header = { VMBUS_HID_RESPONSE, sizeof(response) - sizeof(response.header) },
		.version = memo->version,
		.accepted = memo->version == VMBUS_HID_VERSION,
	};

	return put(mouse, &response, sizeof(response));
}

static bool put_info(struct mouse *mouse)
{
	struct {
		struct vmbus_hid_info info;
		uint8_t descriptor[sizeof(descriptor)];
	} VMBUS_PACKED data = {
		.info = {
			.header = { VMBUS_HID_INFO, sizeof(data) - sizeof(data.info.header) },
			.size = 32,
			.vendor = VENDOR,
			.product = PRODUCT,
			.version = VERSION,
			.descriptor = {
				.length = sizeof(data.info.descriptor),
				.type = VMBUS_HID_DESCRIPTOR,
				.release = 0x0111,
				.count = 1,
				.report_type = VMBUS_HID_REPORT_DESCRIPTOR,
				.report_length = sizeof(descriptor),
			},
		},
	};

	_Static_assert(sizeof(data) <= 128, "put()");
	memcpy(data.descriptor, descriptor, sizeof(descriptor));
	return put(mouse, &data, sizeof(data));
}

static bool put_report(struct mouse *mouse, const struct report *report)
{
	struct {
		struct vmbus_hid_report head;
		struct report report;
	} VMBUS_PACKED data = {
		.head.header = { VMBUS_HID_REPORT, sizeof(*report) },
		.report = *report,
	};

	if (!put(mouse, &data, sizeof(data)))
		return false;
	memo_of(mouse)->last = *report;
	mouse->input.counters.sent++;
	return true;
}

static bool put_due(struct mouse *mouse)
{
	struct memo *memo = memo_of(mouse);

	if (memo->response_due && !put_response(mouse))
		return false;
	memo->response_due = false;
	if (memo->info_due && !put_info(mouse))
		return false;
	memo->info_due = false;
	return true;
}

static void put_queue(struct mouse *mouse)
{
	while (mouse->count) {
		if (!put_report(mouse, &mouse->queue[mouse->first]))
			return;
		mouse->first = (mouse->first + 1) % INPUT_MOUSE_QUEUE;
		mouse->count--;
	}
	if (mouse->behind && mouse->input.ready && put_report(mouse, &mouse->now))
		mouse->behind = false;
}

static void pump(struct input *input)
{
	struct mouse *mouse = (struct mouse *)input;

	if (put_due(mouse))
		put_queue(mouse);
	input->counters.waiting = mouse->count;
}

/* ---- The guest ---- */

static const char *request(struct mouse *mouse, const uint8_t *data, uint32_t size)
{
	struct memo *memo = memo_of(mouse);
	struct vmbus_hid_request message;

	if (size < sizeof(message))
		return "a message that is too short";
	memcpy(&message, data, sizeof(message));
	memo->magic = MEMO_MAGIC;
	memo->version = message.version;
	memo->response_due = true;
	memo->info_due = message.version == VMBUS_HID_VERSION;
	memo->progress = memo->info_due ? DESCRIBED : REQUESTED;
	mouse->input.ready = false;
	mouse->count = 0;
	return NULL;
}

static const char *message(struct input *input, const uint8_t *data, uint32_t size)
{
	struct mouse *mouse = (struct mouse *)input;
	struct memo *memo = memo_of(mouse);
	struct vmbus_pipe pipe;
	struct vmbus_hid head;

	if (size < sizeof(pipe) + sizeof(head))
		return "a message that is too short";
	memcpy(&pipe, data, sizeof(pipe));
	memcpy(&head, data + sizeof(pipe), sizeof(head));
	if (pipe.type != VMBUS_PIPE_DATA || pipe.size > size - sizeof(pipe) ||
	    pipe.size < sizeof(head))
		return "sizes that do not fit";
	if (head.type == VMBUS_HID_REQUEST)
		return request(mouse, data + sizeof(pipe), pipe.size);
	if (head.type != VMBUS_HID_INFO_ACK || memo->progress == REQUESTED)
		return "a message that is no guest's, or comes too early";
	memo->progress = READY;
	input->ready = true;
	return NULL;
}

static bool opened(struct input *input)
{
	struct mouse *mouse = (struct mouse *)input;
	const struct memo *memo = memo_of(mouse);
	bool resumed = input->channel->resumed && memo->magic == MEMO_MAGIC;

	memset(&mouse->now, 0, sizeof(mouse->now));
	mouse->behind = false;
	input->ready = resumed && memo->progress == READY;
	/* Nobody holds the buttons any more that the process before this one had down. */
	if (input->ready) {
		mouse->now.x = memo->last.x;
		mouse->now.y = memo->last.y;
		mouse->behind = memo->last.buttons;
	}
	return true;
}

static void started(struct input *input)
{
	(void)input;
}

static void closed(struct input *input)
{
	struct mouse *mouse = (struct mouse *)input;

	mouse->count = 0;
	mouse->behind = false;
	input->counters.waiting = 0;
}

static const struct input_class class = {
	.name = "mouse",
	.opened = opened,
	.started = started,
	.message = message,
	.pump = pump,
	.closed = closed,
};

/* ---- Reports ---- */

struct device *input_mouse_new(void)
{
	struct mouse *mouse = input_new(&class, sizeof(*mouse));

	return mouse ? &mouse->input.device : NULL;
}

static struct report *newest(struct mouse *mouse)
{
	return &mouse->queue[(mouse->first + mouse->count - 1) % INPUT_MOUSE_QUEUE];
}

static enum input_result add(struct mouse *mouse, int vertical, int horizontal)
{
	struct report report = mouse->now;

	report.wheel = (int8_t)vertical;
	report.pan = (int8_t)horizontal;
	if (mouse->count == INPUT_MOUSE_QUEUE) {
		mouse->input.counters.dropped++;
		mouse->behind = true;
		return INPUT_FULL;
	}
	mouse->count++;
	*newest(mouse) = report;
	pump(&mouse->input);
	return INPUT_OK;
}

/* Whether the newest report that waits differs by nothing but the position. */
static bool can_replace(struct mouse *mouse)
{
	const struct report *last;

	if (!mouse->count)
		return false;
	last = newest(mouse);
	return last->buttons == mouse->now.buttons && !last->wheel && !last->pan;
}

enum input_result input_mouse_move(struct device *device, uint16_t x, uint16_t y)
{
	struct mouse *mouse = input_of(device, &class);

	if (!mouse || x > INPUT_MOUSE_MAX || y > INPUT_MOUSE_MAX)
		return INPUT_INVALID;
	if (!mouse->input.ready)
		return INPUT_NOT_READY;
	mouse->now.x = x;
	mouse->now.y = y;
	if (!can_replace(mouse))
		return add(mouse, 0, 0);
	*newest(mouse) = mouse->now;
	return INPUT_OK;
}

enum input_result input_mouse_buttons(struct device *device, uint8_t buttons)
{
	struct mouse *mouse = input_of(device, &class);

	if (!mouse || buttons & ~INPUT_MOUSE_BUTTONS)
		return INPUT_INVALID;
	if (!mouse->input.ready)
		return INPUT_NOT_READY;
	mouse->now.buttons = buttons;
	return add(mouse, 0, 0);
}

enum input_result input_mouse_wheel(struct device *device, int vertical, int horizontal)
{
	struct mouse *mouse = input_of(device, &class);

	if (!mouse || vertical < -127 || vertical > 127 || horizontal < -127 || horizontal > 127)
		return INPUT_INVALID;
	if (!mouse->input.ready)
		return INPUT_NOT_READY;
	return add(mouse, vertical, horizontal);
}
