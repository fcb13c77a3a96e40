/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vsp/input: keyboard and mouse, with a guest that does what Linux's hyperv_keyboard and
 * hid_hyperv do, one that does not read, and ones that send anything.
 */
#include <event2/event.h>
#include <linux/input-event-codes.h>
#include <vmbus/input.h>

#include "../check.h"
#include "input.h"
#include "utils-fake.h"

#define SOON 5000u /* ms: longer than anything here takes */

static struct event_base *base;
static struct fake fake;

/* ---- keyboard ---- */

static void request_keyboard(uint32_t version)
{
	struct vmbus_keyboard_request request = { VMBUS_KEYBOARD_REQUEST, version };

	fake_put_type(&fake, VMBUS_PACKET_INBAND, &request, sizeof(request), true);
}

static void expect_response(bool accepted)
{
	const struct fake_packet *packet = fake_take(&fake);
	struct vmbus_keyboard_response response;

	if (!CHECK(packet))
		return;
	memcpy(&response, packet->bytes, sizeof(response));
	CHECK_EQ(packet->size, sizeof(response));
	CHECK_EQ(response.type, VMBUS_KEYBOARD_RESPONSE);
	CHECK_EQ(response.status, accepted);
}

static struct device *keyboard(void)
{
	struct device *device = input_keyboard_new();

	REQUIRE(device);
	REQUIRE(fake_open(&fake, base, device, false));
	fake_run(base, 0);
	CHECK(!fake.count);
	CHECK(!input_is_ready(device));
	request_keyboard(VMBUS_KEYBOARD_VERSION);
	expect_response(true);
	CHECK_EQ(fake.answers, 1);
	CHECK(input_is_ready(device));
	return device;
}

static void close_and_free(struct device *device)
{
	fake_close(&fake);
	CHECK(!input_is_ready(device));
	input_free(device);
}

/*
 * The bytes that Linux's driver makes of all that waits: prefix, code, 0x80 for a
 * release. Returns how many.
 */
static size_t take_bytes(uint8_t *bytes, size_t room)
{
	const struct fake_packet *packet;
	size_t count = 0;

	while ((packet = fake_take(&fake)) && count + 2 <= room) {
		struct vmbus_keyboard_event event;

		memcpy(&event, packet->bytes, sizeof(event));
		CHECK_EQ(packet->type, VMBUS_PACKET_INBAND);
		CHECK_EQ(packet->flags, 0);
		CHECK_EQ(packet->size, 16);
		CHECK_EQ(event.type, VMBUS_KEYBOARD_EVENT);
		CHECK_EQ(event.reserved, 0);
		CHECK(event.code < 0x80);
		CHECK(!(event.info &
			~(VMBUS_KEYBOARD_BREAK | VMBUS_KEYBOARD_E0 | VMBUS_KEYBOARD_E1)));
		if (event.info & VMBUS_KEYBOARD_E0)
			bytes[count++] = 0xe0;
		if (event.info & VMBUS_KEYBOARD_E1)
			bytes[count++] = 0xe1;
		bytes[count++] =
			(uint8_t)(event.code | (event.info & VMBUS_KEYBOARD_BREAK ? 0x80 : 0));
	}
	return count;
}

static void keys_become_scan_codes(void)
{
	static const struct {
		uint16_t code;
		uint8_t down[4], up[4];
	} rows[] = {
		{ KEY_A, { 0x1e }, { 0x9e } },
		{ KEY_ESC, { 0x01 }, { 0x81 } },
		{ KEY_F12, { 0x58 }, { 0xd8 } },
		{ KEY_102ND, { 0x56 }, { 0xd6 } },
		{ KEY_KPDOT, { 0x53 }, { 0xd3 } },
		{ KEY_SYSRQ, { 0x54 }, { 0xd4 } },
		{ KEY_DELETE, { 0xe0, 0x53 }, { 0xe0, 0xd3 } },
		{ KEY_RIGHTCTRL, { 0xe0, 0x1d }, { 0xe0, 0x9d } },
		{ KEY_RIGHTALT, { 0xe0, 0x38 }, { 0xe0, 0xb8 } },
		{ KEY_KPENTER, { 0xe0, 0x1c }, { 0xe0, 0x9c } },
		{ KEY_LEFTMETA, { 0xe0, 0x5b }, { 0xe0, 0xdb } },
		{ KEY_UP, { 0xe0, 0x48 }, { 0xe0, 0xc8 } },
		{ KEY_PRINT, { 0xe0, 0x37 }, { 0xe0, 0xb7 } },
		{ KEY_PAUSE, { 0xe1, 0x1d, 0x45 }, { 0xe1, 0x9d, 0xc5 } },
	};
	struct device *device = keyboard();
	uint8_t bytes[8] = { 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct input_key key = { rows[i].code, true };

		CHECK_NOTE("%s", input_key_name(key.code));
		CHECK_EQ(input_keyboard_send(device, &key, 1), INPUT_OK);
		CHECK_EQ(take_bytes(bytes, sizeof(bytes)), strlen((const char *)rows[i].down));
		CHECK_MEM(bytes, rows[i].down, strlen((const char *)rows[i].down));
		key.down = false;
		CHECK_EQ(input_keyboard_send(device, &key, 1), INPUT_OK);
		CHECK_EQ(take_bytes(bytes, sizeof(bytes)), strlen((const char *)rows[i].up));
		CHECK_MEM(bytes, rows[i].up, strlen((const char *)rows[i].up));
	}
	close_and_free(device);
}

/* No two keys send the same, and each name leads to its number and back. */
static void names_and_numbers(void)
{
	struct device *device = keyboard();
	static uint8_t sent[256][4];
	unsigned int count;
	const char *name;

	for (count = 0; count < 256 && (name = input_key_at(count)); count++) {
		struct input_key key = { input_key_code(name), true };

		CHECK_NOTE("%s", name);
		CHECK(key.code && key.code < 256);
		CHECK_STR(input_key_name(key.code), name);
		CHECK_EQ(strncmp(name, "KEY_", 4), 0);
		CHECK_EQ(input_keyboard_send(device, &key, 1), INPUT_OK);
		take_bytes(sent[count], 4);
		for (unsigned int i = 0; i < count; i++)
			CHECK(memcmp(sent[i], sent[count], 4) != 0);
	}
	CHECK(count > 130);
	CHECK_EQ(input_key_code("KEY_LEFTCTRL"), KEY_LEFTCTRL);
	CHECK_EQ(input_key_code("KEY_DELETE"), KEY_DELETE);
	CHECK_EQ(input_key_code("KEY_Z"), KEY_Z);
	CHECK_EQ(input_key_code("KEY_F10"), KEY_F10);
	CHECK_EQ(input_key_code("KEY_NONE"), 0);
	CHECK_EQ(input_key_code(""), 0);
	CHECK(!input_key_name(0));
	CHECK(!input_key_name(UINT16_MAX));
	close_and_free(device);
}

static void wrong_versions_are_refused(void)
{
	struct device *device = input_keyboard_new();
	struct input_key key = { KEY_A, true };

	CHECK_EQ(input_keyboard_send(device, &key, 1), INPUT_NOT_READY);
	CHECK_STR(input_text(INPUT_NOT_READY), "the guest is not ready");
	REQUIRE(fake_open(&fake, base, device, false));
	CHECK_EQ(input_keyboard_send(device, &key, 1), INPUT_NOT_READY);
	request_keyboard(0x00020000);
	expect_response(false);
	CHECK(!fake.broken);
	CHECK_EQ(input_keyboard_send(device, &key, 1), INPUT_NOT_READY);
	request_keyboard(VMBUS_KEYBOARD_VERSION);
	expect_response(true);
	CHECK_EQ(input_keyboard_send(device, &key, 1), INPUT_OK);
	close_and_free(device);
}

static void bad_keys(void)
{
	struct device *device = keyboard(), *mouse = input_mouse_new();
	struct input_key keys[2] = { { KEY_A, true }, { 700, true } };
	uint16_t code = 700;

	CHECK_EQ(input_keyboard_send(device, keys, 2), INPUT_NO_KEY);
	CHECK_EQ(input_keyboard_press(device, &code, 1, 0), INPUT_NO_KEY);
	CHECK_EQ(input_keyboard_press(device, &code, 0, 0), INPUT_INVALID);
	CHECK_EQ(input_keyboard_press(device, &code, INPUT_PRESS_MAX + 1, 0), INPUT_INVALID);
	CHECK_EQ(input_keyboard_send(mouse, keys, 1), INPUT_INVALID);
	CHECK_EQ(input_mouse_move(device, 1, 1), INPUT_INVALID);
	CHECK(!fake_take(&fake));
	input_free(mouse);
	input_free(NULL);
	close_and_free(device);
}

static void pressed_held_and_released(void)
{
	static const uint16_t codes[] = { KEY_LEFTCTRL, KEY_LEFTALT, KEY_DELETE };
	static const uint8_t down[] = { 0x1d, 0x38, 0xe0, 0x53 };
	static const uint8_t up[] = { 0xe0, 0xd3, 0xb8, 0x9d };
	struct device *device = keyboard();
	uint8_t bytes[16] = { 0 };
	size_t count = 0;

	CHECK_EQ(input_keyboard_press(device, codes, 3, 5), INPUT_OK);
	CHECK_EQ(take_bytes(bytes, sizeof(bytes)), sizeof(down));
	CHECK_MEM(bytes, down, sizeof(down));
	CHECK_EQ(input_keyboard_press(device, codes, 3, 5), INPUT_BUSY);
	for (unsigned int i = 0; !count && i < SOON; i++) {
		fake_run(base, 1);
		count = take_bytes(bytes, sizeof(bytes));
	}
	CHECK_EQ(count, sizeof(up));
	CHECK_MEM(bytes, up, sizeof(up));
	CHECK_EQ(input_keyboard_press(device, codes, 1, 60000), INPUT_OK);
	close_and_free(device);
}

/* The oldest are kept, the newest dropped, and a release always finds room. */
static void guest_that_does_not_read(void)
{
	struct device *device = keyboard();
	static struct input_key keys[INPUT_KEYBOARD_QUEUE];
	static uint8_t bytes[2 * INPUT_KEYBOARD_QUEUE];
	struct input_counters counters;
	uint16_t shift = KEY_LEFTSHIFT;

	fake.room = 0;
	CHECK_EQ(input_keyboard_press(device, &shift, 1, 1), INPUT_OK);
	for (unsigned int i = 0; i < INPUT_KEYBOARD_QUEUE; i++)
		keys[i] = (struct input_key){ KEY_A, !(i % 2) };
	CHECK_EQ(input_keyboard_send(device, keys, INPUT_KEYBOARD_QUEUE - 1), INPUT_FULL);
	CHECK_EQ(input_keyboard_send(device, keys, INPUT_KEYBOARD_QUEUE - 2), INPUT_OK);
	CHECK_EQ(input_keyboard_send(device, keys, 1), INPUT_FULL);
	fake_run(base, 10);
	REQUIRE(input_count(device, &counters));
	CHECK_EQ(counters.waiting, INPUT_KEYBOARD_QUEUE);
	CHECK_EQ(counters.dropped, INPUT_KEYBOARD_QUEUE);
	CHECK_EQ(counters.sent, 0);
	CHECK_EQ(input_keyboard_press(device, &shift, 1, 1), INPUT_FULL);
	fake_room(&fake, 3);
	CHECK_EQ(take_bytes(bytes, sizeof(bytes)), 3);
	CHECK_MEM(bytes, "\x2a\x1e\x9e", 3);
	fake_room(&fake, FAKE_PACKETS);
	CHECK_EQ(take_bytes(bytes, sizeof(bytes)), INPUT_KEYBOARD_QUEUE - 3);
	CHECK_EQ(bytes[INPUT_KEYBOARD_QUEUE - 4], 0xaa); /* shift's release */
	REQUIRE(input_count(device, &counters));
	CHECK_EQ(counters.waiting, 0);
	CHECK_EQ(counters.sent, INPUT_KEYBOARD_QUEUE);
	close_and_free(device);
}

/* Requests, as many as it likes, while there is no room: one answer. */
static void requests_without_room(void)
{
	struct device *device = keyboard();

	fake.room = 0;
	for (unsigned int i = 0; i < 1000; i++)
		request_keyboard(VMBUS_KEYBOARD_VERSION + i % 2);
	CHECK_EQ(fake.answers, 1001);
	request_keyboard(VMBUS_KEYBOARD_VERSION);
	fake_room(&fake, 100);
	expect_response(true);
	CHECK(!fake_take(&fake));
	close_and_free(device);
}

static void keyboard_packets_that_cannot_be(void)
{
	uint32_t words[4] = { VMBUS_KEYBOARD_REQUEST };

	for (unsigned int row = 0; row < 5; row++) {
		struct device *device = keyboard();
		struct input_key key = { KEY_A, true };

		CHECK_NOTE("row %u", row);
		words[0] = row == 2 ? VMBUS_KEYBOARD_EVENT : row == 3 ? 99 : 1;
		fake_put_type(&fake, row == 4 ? VMBUS_PACKET_GPA_DIRECT : VMBUS_PACKET_INBAND,
			      words,
			      row == 0 ? 0 :
			      row == 1 ? 4 :
					 16,
			      true);
		/* A packet has a multiple of 8 bytes: 4 of them are a request for 0.0. */
		CHECK_EQ(fake.broken, row != 1);
		CHECK_EQ(fake.answers, 2);
		CHECK_EQ(input_keyboard_send(device, &key, 1), INPUT_NOT_READY);
		fake_run(base, 2);
		close_and_free(device);
	}
}

static void keyboard_ignores(void)
{
	struct device *device = keyboard();
	uint32_t leds[2] = { VMBUS_KEYBOARD_LEDS, 7 };

	fake_put(&fake, leds, sizeof(leds));
	fake_put_type(&fake, VMBUS_PACKET_COMPLETION, leds, sizeof(leds), false);
	CHECK(!fake.broken);
	CHECK(!fake_take(&fake));
	close_and_free(device);
}

/* What was held when the process ended is released by the next. */
static void keyboard_resumes(void)
{
	static const struct input_key keys[] = {
		{ KEY_LEFTCTRL, true }, { KEY_A, true }, { KEY_A, false }, { KEY_RIGHTALT, true }
	};
	struct device *device = keyboard();
	struct input_key key = { KEY_B, true };
	uint8_t bytes[16] = { 0 };

	CHECK_EQ(input_keyboard_send(device, keys, 4), INPUT_OK);
	close_and_free(device);
	device = input_keyboard_new();
	REQUIRE(fake_open(&fake, base, device, true));
	CHECK(input_is_ready(device));
	CHECK(!fake_take(&fake));
	fake_run(base, 1);
	CHECK_EQ(take_bytes(bytes, sizeof(bytes)), 3);
	CHECK_MEM(bytes, "\x9d\xe0\xb8", 3);
	CHECK_EQ(input_keyboard_send(device, &key, 1), INPUT_OK);
	CHECK_EQ(take_bytes(bytes, sizeof(bytes)), 1);
	close_and_free(device);
	/* Before the guest was answered. */
	device = input_keyboard_new();
	REQUIRE(fake_open(&fake, base, device, false));
	fake.room = 0;
	request_keyboard(VMBUS_KEYBOARD_VERSION);
	close_and_free(device);
	device = input_keyboard_new();
	REQUIRE(fake_open(&fake, base, device, true));
	fake_run(base, 1);
	expect_response(true);
	close_and_free(device);
}

/* ---- mouse ---- */

static void put_hid(uint32_t type, const void *data, uint32_t size)
{
	struct {
		struct vmbus_pipe pipe;
		struct vmbus_hid head;
		uint8_t bytes[16];
	} VMBUS_PACKED message = {
		.pipe = { VMBUS_PIPE_DATA, (uint32_t)sizeof(message.head) + size },
		.head = { type, size },
	};

	if (size)
		memcpy(message.bytes, data, size);
	fake_put_type(&fake, VMBUS_PACKET_INBAND, &message,
		      sizeof(message.pipe) + message.pipe.size, true);
}

static void request_mouse(uint32_t version)
{
	put_hid(VMBUS_HID_REQUEST, &version, sizeof(version));
}

/* A message's bytes behind its header, and how many. */
static const uint8_t *take_hid(uint32_t type, uint32_t *size)
{
	const struct fake_packet *packet = fake_take(&fake);
	struct vmbus_pipe pipe;
	struct vmbus_hid head;

	if (!CHECK(packet))
		return NULL;
	memcpy(&pipe, packet->bytes, sizeof(pipe));
	memcpy(&head, packet->bytes + sizeof(pipe), sizeof(head));
	CHECK_EQ(packet->type, VMBUS_PACKET_INBAND);
	CHECK_EQ(pipe.type, VMBUS_PIPE_DATA);
	CHECK_EQ(pipe.size, sizeof(head) + head.size);
	CHECK_EQ(packet->size, (sizeof(pipe) + pipe.size + 7) & ~7u);
	*size = head.size;
	return CHECK_EQ(head.type, type) ? packet->bytes + sizeof(pipe) + sizeof(head) : NULL;
}

static void expect_version(uint32_t version, bool accepted)
{
	uint32_t size, got;
	const uint8_t *bytes = take_hid(VMBUS_HID_RESPONSE, &size);

	if (!bytes)
		return;
	/* Linux copies it into 24 bytes, pipe header included. */
	CHECK_EQ(size, 5);
	memcpy(&got, bytes, sizeof(got));
	CHECK_EQ(got, version);
	CHECK_EQ(bytes[4], accepted);
}

static uint8_t report_descriptor[128];

static size_t expect_info(void)
{
	struct vmbus_hid_info info;
	uint32_t size;
	const uint8_t *bytes = take_hid(VMBUS_HID_INFO, &size);

	if (!bytes)
		return 0;
	memcpy((uint8_t *)&info + sizeof(info.header), bytes, sizeof(info) - sizeof(info.header));
	CHECK_EQ(info.size, 32);
	CHECK_EQ(info.descriptor.length, sizeof(info.descriptor));
	CHECK_EQ(info.descriptor.type, 0x21);
	CHECK_EQ(info.descriptor.count, 1);
	CHECK_EQ(info.descriptor.report_type, 0x22);
	CHECK_EQ(size, sizeof(info) - sizeof(info.header) + info.descriptor.report_length);
	REQUIRE(info.descriptor.report_length <= sizeof(report_descriptor));
	memcpy(report_descriptor, bytes + sizeof(info) - sizeof(info.header),
	       info.descriptor.report_length);
	return info.descriptor.report_length;
}

static void acknowledge(void)
{
	put_hid(VMBUS_HID_INFO_ACK, "", 1);
}

static struct device *mouse(void)
{
	struct device *device = input_mouse_new();

	REQUIRE(device);
	REQUIRE(fake_open(&fake, base, device, false));
	fake_run(base, 0);
	request_mouse(VMBUS_HID_VERSION);
	expect_version(VMBUS_HID_VERSION, true);
	expect_info();
	CHECK(!input_is_ready(device));
	acknowledge();
	CHECK(input_is_ready(device));
	CHECK_EQ(fake.answers, 2);
	CHECK(!fake_take(&fake));
	return device;
}

static void expect_report(uint8_t buttons, uint16_t x, uint16_t y, int wheel, int pan)
{
	uint8_t want[7] = { buttons,	       (uint8_t)x,     (uint8_t)(x >> 8), (uint8_t)y,
			    (uint8_t)(y >> 8), (uint8_t)wheel, (uint8_t)pan };
	uint32_t size;
	const uint8_t *bytes = take_hid(VMBUS_HID_REPORT, &size);

	if (!bytes)
		return;
	CHECK_EQ(size, sizeof(want));
	CHECK_MEM(bytes, want, sizeof(want));
}

/* What HID's items say: bits of a report by usage, and that collections are closed. */
static void descriptor_tells_the_report(void)
{
	struct device *device = mouse();
	unsigned int bits = 0, depth = 0, size = 0, count = 0, inputs = 0;
	size_t length, at = 0;

	fake_close(&fake);
	REQUIRE(fake_open(&fake, base, device, false));
	request_mouse(VMBUS_HID_VERSION);
	expect_version(VMBUS_HID_VERSION, true);
	length = expect_info();
	/* The byte that Linux corrects in a host that has it wrong. */
	CHECK_EQ(report_descriptor[14], 0x29);
	while (at < length) {
		uint8_t item = report_descriptor[at];
		unsigned int bytes = item & 3, value = report_descriptor[at + 1];

		at += 1 + (bytes == 3 ? 4 : bytes);
		if ((item & 0xfc) == 0x74)
			size = value;
		else if ((item & 0xfc) == 0x94)
			count = value;
		else if ((item & 0xfc) == 0x80) {
			bits += size * count;
			inputs++;
		} else if ((item & 0xfc) == 0xa0)
			depth++;
		else if ((item & 0xfc) == 0xc0)
			depth--;
	}
	CHECK_EQ(at, length);
	CHECK_EQ(depth, 0);
	CHECK_EQ(inputs, 5);
	CHECK_EQ(bits, 7 * 8);
	close_and_free(device);
}

static void moves_buttons_and_wheels(void)
{
	struct device *device = mouse();
	struct input_counters counters;

	CHECK_EQ(input_mouse_move(device, 0, INPUT_MOUSE_MAX), INPUT_OK);
	expect_report(0, 0, 32767, 0, 0);
	CHECK_EQ(input_mouse_buttons(device, INPUT_MOUSE_RIGHT), INPUT_OK);
	expect_report(2, 0, 32767, 0, 0);
	CHECK_EQ(input_mouse_move(device, 0x1234, 0x5678), INPUT_OK);
	expect_report(2, 0x1234, 0x5678, 0, 0);
	CHECK_EQ(input_mouse_wheel(device, -1, 127), INPUT_OK);
	expect_report(2, 0x1234, 0x5678, -1, 127);
	CHECK_EQ(input_mouse_buttons(device, 0), INPUT_OK);
	expect_report(0, 0x1234, 0x5678, 0, 0);
	CHECK_EQ(input_mouse_move(device, INPUT_MOUSE_MAX + 1, 0), INPUT_INVALID);
	CHECK_EQ(input_mouse_buttons(device, 32), INPUT_INVALID);
	CHECK_EQ(input_mouse_wheel(device, 128, 0), INPUT_INVALID);
	CHECK_EQ(input_mouse_wheel(device, 0, -128), INPUT_INVALID);
	CHECK(!fake_take(&fake));
	REQUIRE(input_count(device, &counters));
	CHECK_EQ(counters.sent, 5);
	close_and_free(device);
}

static void mouse_that_is_not_read(void)
{
	struct device *device = mouse();
	struct input_counters counters;

	fake.room = 0;
	/* Moves replace one another. */
	for (uint16_t i = 0; i < 1000; i++)
		CHECK_EQ(input_mouse_move(device, i, 1), INPUT_OK);
	for (unsigned int i = 1; i < INPUT_MOUSE_QUEUE; i++)
		CHECK_EQ(input_mouse_buttons(device, i % 2), INPUT_OK);
	REQUIRE(input_count(device, &counters));
	CHECK_EQ(counters.waiting, INPUT_MOUSE_QUEUE);
	CHECK_EQ(counters.dropped, 0);
	CHECK_EQ(input_mouse_buttons(device, 4), INPUT_FULL);
	CHECK_EQ(input_mouse_buttons(device, 0), INPUT_FULL);
	REQUIRE(input_count(device, &counters));
	CHECK_EQ(counters.dropped, 2);
	fake_room(&fake, 1);
	expect_report(0, 999, 1, 0, 0);
	fake_room(&fake, FAKE_PACKETS);
	for (unsigned int i = 1; i < INPUT_MOUSE_QUEUE; i++)
		expect_report(i % 2, 999, 1, 0, 0);
	/* What was dropped left a button down: that is made good. */
	expect_report(0, 999, 1, 0, 0);
	CHECK(!fake_take(&fake));
	close_and_free(device);
}

/* A move replaces no click and no turn of the wheel. */
static void moves_replace_only_moves(void)
{
	struct device *device = mouse();

	fake.room = 0;
	input_mouse_buttons(device, 1);
	input_mouse_buttons(device, 0);
	input_mouse_wheel(device, 1, 0);
	input_mouse_move(device, 5, 6);
	input_mouse_wheel(device, 0, 1);
	input_mouse_move(device, 7, 8);
	input_mouse_move(device, 9, 8);
	fake_room(&fake, FAKE_PACKETS);
	expect_report(1, 0, 0, 0, 0);
	expect_report(0, 0, 0, 0, 0);
	expect_report(0, 0, 0, 1, 0);
	expect_report(0, 5, 6, 0, 0);
	expect_report(0, 5, 6, 0, 1);
	expect_report(0, 9, 8, 0, 0);
	CHECK(!fake_take(&fake));
	close_and_free(device);
}

static void mouse_of_another_version(void)
{
	struct device *device = input_mouse_new();

	CHECK_EQ(input_mouse_move(device, 1, 1), INPUT_NOT_READY);
	REQUIRE(fake_open(&fake, base, device, false));
	request_mouse(0x00010000);
	expect_version(0x00010000, false);
	CHECK(!fake_take(&fake));
	CHECK_EQ(input_mouse_move(device, 1, 1), INPUT_NOT_READY);
	request_mouse(VMBUS_HID_VERSION);
	expect_version(VMBUS_HID_VERSION, true);
	expect_info();
	CHECK_EQ(input_mouse_buttons(device, 1), INPUT_NOT_READY);
	acknowledge();
	CHECK_EQ(input_mouse_buttons(device, 1), INPUT_OK);
	close_and_free(device);
}

static void mouse_without_room(void)
{
	struct device *device = input_mouse_new();

	REQUIRE(fake_open(&fake, base, device, false));
	fake.room = 0;
	for (unsigned int i = 0; i < 1000; i++)
		request_mouse(VMBUS_HID_VERSION);
	fake_room(&fake, 1);
	expect_version(VMBUS_HID_VERSION, true);
	CHECK(!fake_take(&fake));
	fake_room(&fake, 10);
	expect_info();
	CHECK(!fake_take(&fake));
	acknowledge();
	CHECK(input_is_ready(device));
	/* The guest begins anew: what waited is not for it. */
	fake.room = 0;
	input_mouse_buttons(device, 1);
	request_mouse(VMBUS_HID_VERSION);
	CHECK(!input_is_ready(device));
	fake_room(&fake, 10);
	expect_version(VMBUS_HID_VERSION, true);
	expect_info();
	CHECK(!fake_take(&fake));
	close_and_free(device);
}

static void mouse_packets_that_cannot_be(void)
{
	struct {
		struct vmbus_pipe pipe;
		struct vmbus_hid_request request;
		uint32_t more;
	} VMBUS_PACKED message;

	for (unsigned int row = 0; row < 7; row++) {
		struct device *device = input_mouse_new();
		size_t size = sizeof(message);
		uint16_t type = VMBUS_PACKET_INBAND;

		CHECK_NOTE("row %u", row);
		memset(&message, 0, sizeof(message));
		message.pipe.type = VMBUS_PIPE_DATA;
		message.pipe.size = sizeof(message.request);
		message.request.version = VMBUS_HID_VERSION;
		if (row == 0)
			size = 8;
		else if (row == 1)
			message.pipe.size = 17;
		else if (row == 2)
			message.pipe.size = 7;
		else if (row == 3)
			message.pipe.size = 11;
		else if (row == 4)
			message.pipe.type = 0;
		else if (row == 5)
			message.request.header.type = VMBUS_HID_INFO_ACK;
		else
			type = VMBUS_PACKET_TRANSFER_PAGES;
		REQUIRE(fake_open(&fake, base, device, false));
		fake_put_type(&fake, type, &message, size, true);
		CHECK(fake.broken);
		CHECK_EQ(fake.answers, 1);
		CHECK(!fake_take(&fake));
		CHECK_EQ(input_mouse_move(device, 1, 1), INPUT_NOT_READY);
		fake_run(base, 1);
		close_and_free(device);
	}
}

static void mouse_resumes(void)
{
	struct device *device = mouse();

	input_mouse_move(device, 7, 8);
	input_mouse_buttons(device, INPUT_MOUSE_LEFT);
	close_and_free(device);
	device = input_mouse_new();
	REQUIRE(fake_open(&fake, base, device, true));
	CHECK(input_is_ready(device));
	fake_run(base, 1);
	expect_report(0, 7, 8, 0, 0);
	CHECK_EQ(input_mouse_move(device, 9, 9), INPUT_OK);
	expect_report(0, 9, 9, 0, 0);
	close_and_free(device);
	/* Between the request and the acknowledgement. */
	device = input_mouse_new();
	REQUIRE(fake_open(&fake, base, device, false));
	fake.room = 1;
	request_mouse(VMBUS_HID_VERSION);
	expect_version(VMBUS_HID_VERSION, true);
	close_and_free(device);
	device = input_mouse_new();
	REQUIRE(fake_open(&fake, base, device, true));
	CHECK(!input_is_ready(device));
	fake_run(base, 1);
	expect_info();
	CHECK(!fake_take(&fake));
	acknowledge();
	CHECK(input_is_ready(device));
	close_and_free(device);
}

static void one_channel_each(void)
{
	struct device *device = mouse();
	struct fake second = { 0 };

	CHECK(!fake_open(&second, base, device, false));
	fake_end(&second);
	CHECK(input_is_ready(device));
	close_and_free(device);
}

/* ---- anything ---- */

static void poke(struct device *device, bool keys)
{
	struct input_key key = { (uint16_t)check_below(130), check_below(2) };
	uint16_t code = (uint16_t)check_below(130);

	if (keys && check_below(2))
		input_keyboard_send(device, &key, 1);
	else if (keys)
		input_keyboard_press(device, &code, 1, 0);
	else if (check_below(2))
		input_mouse_move(device, (uint16_t)check_below(32768), 5);
	else
		input_mouse_buttons(device, (uint8_t)check_below(32));
}

static void floods(void)
{
	check_seed(0x696e7075);
	for (unsigned int round = 0; round < 400; round++) {
		bool keys = check_below(2);
		struct device *device = keys ? input_keyboard_new() : input_mouse_new();
		struct input_counters counters;

		REQUIRE(fake_open(&fake, base, device, false));
		for (unsigned int i = 0; i < 100; i++) {
			uint32_t words[8] = { 1, (uint32_t)check_below(40),
					      (uint32_t)check_below(5), 4 };

			words[4] = VMBUS_HID_VERSION;
			if (keys)
				words[1] = VMBUS_KEYBOARD_VERSION;
			if (check_below(60) == 0)
				words[check_below(8)] = (uint32_t)check_rand();
			if (check_below(3) == 0)
				fake_put_type(&fake, VMBUS_PACKET_INBAND, words,
					      check_below(100) ? 32 : check_below(32),
					      check_below(2));
			poke(device, keys);
			fake_room(&fake, check_below(3) ? 0 : 4);
			while (check_below(4) && fake_take(&fake))
				;
			if (check_below(10) == 0)
				fake_run(base, 0);
			REQUIRE(input_count(device, &counters));
			CHECK(counters.waiting <=
			      (keys ? INPUT_KEYBOARD_QUEUE : INPUT_MOUSE_QUEUE));
		}
		close_and_free(device);
	}
}

int main(void)
{
	base = event_base_new();
	REQUIRE(base);
	CHECK_RUN(keys_become_scan_codes);
	CHECK_RUN(names_and_numbers);
	CHECK_RUN(wrong_versions_are_refused);
	CHECK_RUN(bad_keys);
	CHECK_RUN(pressed_held_and_released);
	CHECK_RUN(guest_that_does_not_read);
	CHECK_RUN(requests_without_room);
	CHECK_RUN(keyboard_packets_that_cannot_be);
	CHECK_RUN(keyboard_ignores);
	CHECK_RUN(keyboard_resumes);
	CHECK_RUN(descriptor_tells_the_report);
	CHECK_RUN(moves_buttons_and_wheels);
	CHECK_RUN(mouse_that_is_not_read);
	CHECK_RUN(moves_replace_only_moves);
	CHECK_RUN(mouse_of_another_version);
	CHECK_RUN(mouse_without_room);
	CHECK_RUN(mouse_packets_that_cannot_be);
	CHECK_RUN(mouse_resumes);
	CHECK_RUN(one_channel_each);
	CHECK_RUN(floods);
	fake_end(&fake);
	event_base_free(base);
	return check_done();
}
