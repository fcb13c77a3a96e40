/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A keyboard: see input.h and vmbus/input.h. Which keys are down is in the channel's
 * memo: the next process releases them, as it does not know who holds them.
 */
#include <event2/event.h>
#include <string.h>

#include "class.h"
#include "keys.h"

#define MEMO_MAGIC 0x3142424bu

/* Of channel->memo. */
struct memo {
	uint32_t magic; /* MEMO_MAGIC */
	uint8_t ready; /* the version was accepted */
	uint8_t due; /* an answer to the guest's request waits for room */
	uint8_t down[KEY_CODES / 8]; /* keys, by Linux's number */
};

_Static_assert(sizeof(struct memo) <= CHANNEL_MEMO, "a memo");

struct stroke {
	uint16_t code;
	uint16_t info; /* VMBUS_KEYBOARD_* */
};

struct keyboard {
	struct input input;
	struct stroke queue[INPUT_KEYBOARD_QUEUE];
	unsigned int first, count;
	unsigned int reserved; /* of what is free, for keys that are held */
	struct event *release;
	uint16_t held[INPUT_PRESS_MAX];
	unsigned int held_count;
};

static struct memo *memo_of(const struct keyboard *keyboard)
{
	return keyboard->input.channel->memo;
}

/* ---- The queue ---- */

static void pump(struct input *input)
{
	struct keyboard *keyboard = (struct keyboard *)input;
	struct memo *memo = memo_of(keyboard);

	if (memo->due) {
		struct vmbus_keyboard_response response = {
			.type = VMBUS_KEYBOARD_RESPONSE,
			.status = memo->ready ? VMBUS_KEYBOARD_ACCEPTED : 0,
		};

		if (!input_put(input, &response, sizeof(response)))
			return;
		memo->due = false;
	}
	while (keyboard->count) {
		const struct stroke *stroke = &keyboard->queue[keyboard->first];
		struct vmbus_keyboard_event event = {
			.type = VMBUS_KEYBOARD_EVENT,
			.code = stroke->code,
			.info = stroke->info,
		};

		if (!input_put(input, &event, sizeof(event)))
			break;
		keyboard->first = (keyboard->first + 1) % INPUT_KEYBOARD_QUEUE;
		keyboard->count--;
		input->counters.sent++;
	}
	input->counters.waiting = keyboard->count;
}

static unsigned int strokes(const struct key *key)
{
	return key->second ? 2 : 1;
}

static void add(struct keyboard *keyboard, uint8_t code, uint32_t info)
{
	unsigned int at = (keyboard->first + keyboard->count++) % INPUT_KEYBOARD_QUEUE;

	keyboard->queue[at].code = code;
	keyboard->queue[at].info = (uint16_t)info;
}

/* There is room. */
static void add_key(struct keyboard *keyboard, const struct key *key, bool down)
{
	struct memo *memo = memo_of(keyboard);
	uint32_t info = down ? 0 : VMBUS_KEYBOARD_BREAK;
	uint8_t bit = (uint8_t)(1u << key->code % 8);

	if (down)
		memo->down[key->code / 8] |= bit;
	else
		memo->down[key->code / 8] &= (uint8_t)~bit;
	add(keyboard, key->scan,
	    info | (key->prefix == 0xe0 ? VMBUS_KEYBOARD_E0 :
		    key->prefix == 0xe1 ? VMBUS_KEYBOARD_E1 :
					  0));
	if (key->second)
		add(keyboard, key->second, info);
}

static bool fits(struct keyboard *keyboard, unsigned int count)
{
	if (count <= INPUT_KEYBOARD_QUEUE - keyboard->count - keyboard->reserved)
		return true;
	keyboard->input.counters.dropped += count;
	return false;
}

/* ---- The guest ---- */

static void release(evutil_socket_t fd, short what, void *context)
{
	struct keyboard *keyboard = context;

	(void)fd;
	(void)what;
	keyboard->reserved = 0;
	while (keyboard->held_count)
		add_key(keyboard, key_find(keyboard->held[--keyboard->held_count]), false);
	pump(&keyboard->input);
}

static const char *message(struct input *input, const uint8_t *data, uint32_t size)
{
	struct keyboard *keyboard = (struct keyboard *)input;
	struct memo *memo = memo_of(keyboard);
	struct vmbus_keyboard_request request;

	if (size < sizeof(request))
		return "a message that is too short";
	memcpy(&request, data, sizeof(request));
	if (request.type == VMBUS_KEYBOARD_LEDS)
		return NULL;
	if (request.type != VMBUS_KEYBOARD_REQUEST)
		return "a message that is no guest's";
	input->ready = request.version == VMBUS_KEYBOARD_VERSION;
	memo->magic = MEMO_MAGIC;
	memo->ready = input->ready;
	memo->due = true;
	return NULL;
}

static bool opened(struct input *input)
{
	struct keyboard *keyboard = (struct keyboard *)input;
	const struct memo *memo = memo_of(keyboard);

	keyboard->release = evtimer_new(input->channel->base, release, keyboard);
	if (!keyboard->release)
		return false;
	input->ready = input->channel->resumed && memo->magic == MEMO_MAGIC && memo->ready;
	return true;
}

static void started(struct input *input)
{
	struct keyboard *keyboard = (struct keyboard *)input;
	const struct key *key;

	for (uint16_t code = 0; input->channel->resumed && code < KEY_CODES; code++) {
		if (!(memo_of(keyboard)->down[code / 8] & 1u << code % 8))
			continue;
		key = key_find(code);
		if (key && fits(keyboard, strokes(key)))
			add_key(keyboard, key, false);
	}
}

static void closed(struct input *input)
{
	struct keyboard *keyboard = (struct keyboard *)input;

	keyboard->count = keyboard->reserved = keyboard->held_count = 0;
	input->counters.waiting = 0;
	if (keyboard->release)
		event_free(keyboard->release);
	keyboard->release = NULL;
}

static const struct input_class class = {
	.name = "keyboard",
	.opened = opened,
	.started = started,
	.message = message,
	.pump = pump,
	.closed = closed,
};

/* ---- Keys ---- */

struct device *input_keyboard_new(void)
{
	struct keyboard *keyboard = input_new(&class, sizeof(*keyboard));

	return keyboard ? &keyboard->input.device : NULL;
}

enum input_result input_keyboard_send(struct device *device, const struct input_key *keys,
				      unsigned int count)
{
	struct keyboard *keyboard = input_of(device, &class);
	unsigned int needed = 0;

	if (!keyboard)
		return INPUT_INVALID;
	for (unsigned int i = 0; i < count && needed <= INPUT_KEYBOARD_QUEUE; i++) {
		const struct key *key = key_find(keys[i].code);

		if (!key)
			return INPUT_NO_KEY;
		needed += strokes(key);
	}
	if (!keyboard->input.ready)
		return INPUT_NOT_READY;
	if (!fits(keyboard, needed))
		return INPUT_FULL;
	for (unsigned int i = 0; i < count; i++)
		add_key(keyboard, key_find(keys[i].code), keys[i].down);
	pump(&keyboard->input);
	return INPUT_OK;
}

enum input_result input_keyboard_press(struct device *device, const uint16_t *codes,
				       unsigned int count, uint32_t hold_ms)
{
	struct keyboard *keyboard = input_of(device, &class);
	struct timeval hold = { .tv_sec = hold_ms / 1000,
				.tv_usec = (suseconds_t)(hold_ms % 1000) * 1000 };
	unsigned int needed = 0;

	if (!keyboard || !count || count > INPUT_PRESS_MAX)
		return INPUT_INVALID;
	for (unsigned int i = 0; i < count; i++) {
		const struct key *key = key_find(codes[i]);

		if (!key)
			return INPUT_NO_KEY;
		needed += strokes(key);
	}
	if (!keyboard->input.ready)
		return INPUT_NOT_READY;
	if (keyboard->held_count)
		return INPUT_BUSY;
	if (!fits(keyboard, 2 * needed))
		return INPUT_FULL;
	if (event_add(keyboard->release, &hold))
		return INPUT_FULL;
	for (unsigned int i = 0; i < count; i++)
		add_key(keyboard, key_find(codes[i]), true);
	memcpy(keyboard->held, codes, count * sizeof(codes[0]));
	keyboard->held_count = count;
	keyboard->reserved = needed;
	pump(&keyboard->input);
	return INPUT_OK;
}
