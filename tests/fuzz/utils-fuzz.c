/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vsp/utils and vsp/input: a guest that answers, answers wrongly, or sends bytes, does or
 * does not read, closes and opens again, while their host asks for something.
 */
#include "fuzz.h"

#include <event2/event.h>
#include <vmbus/input.h>
#include <vmbus/utils.h>

#include "input.h"
#include "utils-fake.h"
#include "utils.h"

static struct event_base *base;
static struct fake fake;
static uint8_t message[FAKE_PACKET]; /* the guest's, of what it was sent last */
static uint32_t message_size;

static bool reference_time(void *context, uint64_t *time)
{
	(void)context;
	*time = 1;
	return true;
}

static void addresses(void *context, const struct utils_kvp_ip *ip)
{
	(void)context;
	if (ip)
		FUZZ_CHECK(strlen(ip->address) + strlen(ip->subnet) + strlen(ip->gateway) +
				   strlen(ip->dns) <
			   12000);
}

static const struct utils_timesync_calls timesync_calls = { reference_time };

static struct device *create(unsigned int kind)
{
	switch (kind) {
	case 0:
		return utils_shutdown_new(NULL, NULL);
	case 1:
		return utils_timesync_new(&timesync_calls, NULL, 0);
	case 2:
		return utils_heartbeat_new(NULL, NULL);
	case 3:
		return utils_kvp_new(NULL, NULL);
	case 4:
		return input_keyboard_new();
	default:
		return input_mouse_new();
	}
}

/* Each call finds one device that it is for, and leaves others alone. */
static void ask(struct device *device, uint64_t what)
{
	uint16_t codes[] = { (uint16_t)(what % 130), 29 };
	struct input_key keys[] = { { codes[0], what & 128 }, { 119, true } };

	utils_shutdown_request(device, what % 4, what & 4, 1, "\xff");
	utils_timesync_set(device);
	utils_kvp_refresh(device);
	if (what & 8)
		utils_kvp_ip(device, message, addresses, NULL);
	if (what & 16)
		input_keyboard_press(device, codes, 2, 0);
	input_keyboard_send(device, keys, 2);
	input_mouse_move(device, (uint16_t)(what << 7), 3);
	input_mouse_buttons(device, (uint8_t)(what & 31));
	input_mouse_wheel(device, (int)what, 0);
}

/* What a driver would answer to the last message. */
static void answer(uint64_t how)
{
	static const uint8_t counts[] = { 1, 0, 1, 0 };

	if (!message_size)
		return;
	message[8 + 17] = VMBUS_IC_TRANSACTION | VMBUS_IC_RESPONSE;
	if (message[8 + 4] == VMBUS_IC_NEGOTIATE && !message[8 + 5]) {
		memcpy(message + 28, counts, sizeof(counts));
		memcpy(message + 40, message + 44, 4); /* the first of the component's */
	} else if (how & 1) {
		memset(message + 20, how & 2 ? 0 : 0x80, 4); /* the status */
	}
	fake_put_type(&fake, VMBUS_PACKET_INBAND, message, message_size, how & 4);
}

static void change(const uint8_t **data, size_t *size)
{
	size_t at = (size_t)fuzz_u64(data, size, 2) % sizeof(message);
	size_t count = (size_t)fuzz_u64(data, size, 1) % 16;

	if (count > sizeof(message) - at)
		count = sizeof(message) - at;
	fuzz_take(data, size, message + at, count);
}

static void greet(unsigned int kind, uint64_t how)
{
	static const uint32_t keyboard[] = { 1, VMBUS_KEYBOARD_VERSION };
	static const uint32_t mouse[] = { 1, 12, 0, 4, VMBUS_HID_VERSION, 0 };
	static const uint32_t ack[] = { 1, 9, 3, 1, 0, 0 };

	if (kind == 4)
		fake_put_type(&fake, VMBUS_PACKET_INBAND, keyboard, sizeof(keyboard), true);
	else if (how & 1)
		fake_put_type(&fake, VMBUS_PACKET_INBAND, ack, sizeof(ack), true);
	else
		fake_put_type(&fake, VMBUS_PACKET_INBAND, mouse, sizeof(mouse), true);
}

static void step(struct device **device, unsigned int kind, const uint8_t **data, size_t *size)
{
	uint64_t op = fuzz_u64(data, size, 1), how = fuzz_u64(data, size, 1);
	const struct fake_packet *packet;

	switch (op % 9) {
	case 0:
		fake_put_type(&fake, how & 1 ? (uint16_t)(how >> 1) : VMBUS_PACKET_INBAND, message,
			      (size_t)fuzz_u64(data, size, 2) % sizeof(message), how & 2);
		break;
	case 1:
		change(data, size);
		break;
	case 2:
		fake_room(&fake, (unsigned int)how % 5);
		break;
	case 3: /* its next process, or the guest again */
		fake_close(&fake);
		if (how & 1) {
			kind < 4 ? utils_free(*device) : input_free(*device);
			*device = create(kind);
		}
		FUZZ_CHECK(*device && fake_open(&fake, base, *device, how & 2));
		break;
	case 4:
		ask(*device, how);
		break;
	case 5:
		greet(kind, how);
		break;
	case 6:
		event_base_loop(base, EVLOOP_NONBLOCK);
		break;
	default:
		packet = fake_take(&fake);
		if (packet) {
			message_size = packet->size;
			memcpy(message, packet->bytes, sizeof(message));
		}
		answer(how);
		break;
	}
}

static void check(const struct device *device, unsigned int kind)
{
	const struct utils_kvp_entry *entries;
	struct input_counters counters;
	unsigned int count;
	size_t bytes = 0;

	if (kind >= 4) {
		FUZZ_CHECK(input_count(device, &counters));
		FUZZ_CHECK(counters.waiting <= INPUT_KEYBOARD_QUEUE);
		return;
	}
	count = utils_kvp_table(device, &entries);
	FUZZ_CHECK(count <= UTILS_KVP_KEYS);
	for (unsigned int i = 0; i < count; i++) {
		bytes += strlen(entries[i].key) + strlen(entries[i].value) + 2;
		FUZZ_CHECK(entries[i].key[0] && !strpbrk(entries[i].value, "\x1b\n\r\x7f"));
	}
	FUZZ_CHECK(bytes <= UTILS_KVP_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int kind = (unsigned int)fuzz_u64(&data, &size, 1) % 6;
	struct device *device = create(kind);

	if (!base)
		base = event_base_new();
	FUZZ_CHECK(base && device);
	message_size = 0;
	memset(message, 0, sizeof(message));
	FUZZ_CHECK(fake_open(&fake, base, device, false));
	event_base_loop(base, EVLOOP_NONBLOCK);
	while (size) {
		step(&device, kind, &data, &size);
		check(device, kind);
	}
	fake_close(&fake);
	kind < 4 ? utils_free(device) : input_free(device);
	return 0;
}
