/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest and a host around a VMBus server, for tests: messages as a driver writes them,
 * answers as a provider's process gives them, and a look at what came out of a step.
 */
#ifndef VMBUS_GUEST_H
#define VMBUS_GUEST_H

#include "check.h"
#include "server.h"
#include "state.h"

#define VPS 4u

static struct vmbus_actions out;
static struct vmbus_server *server;

static inline bool step(const struct vmbus_event *event)
{
	static uint32_t steps;
	bool done = vmbus_server_step(server, event, &out);

	CHECK(!server->overflow);
	/* With thousands of GPADLs that takes long. */
	if (server->gpadls.count < 64 || ++steps % 256 == 0)
		CHECK(vmbus_server_valid(server));
	return done;
}

static inline void new_server(void)
{
	vmbus_server_free(server);
	server = vmbus_server_new(VPS);
	REQUIRE(server);
	out.count = 0;
}

/* ---- the guest ---- */

static inline bool guest_send(const void *message, size_t size)
{
	/* Unaligned, and at the end of what the sanitizer lets read. */
	uint8_t *copy = malloc(size + 1);
	struct vmbus_event event = { .type = VMBUS_EVENT_MESSAGE, .size = size };
	bool done;

	REQUIRE(copy);
	memcpy(copy + 1, message, size);
	event.message = copy + 1;
	done = step(&event);
	free(copy);
	return done;
}

static inline bool guest_words(uint32_t type, uint32_t a, uint32_t b, uint32_t count)
{
	uint32_t words[4] = { type, 0, a, b };

	return guest_send(words, 8 + 4u * count);
}

static inline bool guest_contact(uint32_t version, uint32_t vp)
{
	struct vmbus_msg_contact contact = { .header = { .type = 14 },
					     .version = version,
					     .vp = vp };

	if (version >= VMBUS_VERSION(5, 0))
		contact.sint = 2;
	else
		contact.interrupt_page = 0x1234000;
	contact.monitor_pages[0] = 0x5000;
	contact.monitor_pages[1] = 0x6000;
	return guest_send(&contact, sizeof(contact));
}

static inline bool guest_request_offers(void)
{
	return guest_words(3, 0, 0, 0);
}

static inline bool guest_close(uint32_t relid)
{
	return guest_words(7, relid, 0, 1);
}

static inline bool guest_release(uint32_t relid)
{
	return guest_words(13, relid, 0, 1);
}

static inline bool guest_teardown(uint32_t relid, uint32_t gpadl)
{
	return guest_words(11, relid, gpadl, 2);
}

static inline bool guest_modify(uint32_t relid, uint32_t vp)
{
	return guest_words(22, relid, vp, 2);
}

static inline bool guest_unload(void)
{
	return guest_words(16, 0, 0, 0);
}

static inline bool guest_open(uint32_t relid, uint32_t number, uint32_t gpadl, uint32_t vp,
			      uint32_t downstream)
{
	struct vmbus_msg_open open = { .header = { .type = 5 },
				       .relid = relid,
				       .open = number,
				       .gpadl = gpadl,
				       .vp = vp,
				       .downstream = downstream };

	memset(open.user, (int)number & 0xff, sizeof(open.user));
	return guest_send(&open, sizeof(open));
}

/* A page number that tells whose it is. */
static inline uint64_t pfn_of(uint32_t gpadl, uint32_t index)
{
	return (uint64_t)gpadl << 20 | index;
}

/* As Linux does: 26 page numbers in the first message, 28 in each that follows. */
#define HEADER_PFNS 26u
#define BODY_PFNS 28u

static inline uint32_t pages_of(uint32_t offset, uint32_t length)
{
	return (uint32_t)(((uint64_t)offset + length + 4095) / 4096);
}

static inline bool guest_gpadl_header(uint32_t relid, uint32_t gpadl, uint32_t offset,
				      uint32_t length, uint32_t pfns)
{
	uint8_t message[VMBUS_MESSAGE_MAX];
	struct vmbus_msg_gpadl_header header = {
		.header = { .type = 8 },
		.relid = relid,
		.gpadl = gpadl,
		.ranges_size = (uint16_t)(8 + 8 * pages_of(offset, length)),
		.range_count = 1,
		.length = length,
		.offset = offset,
	};

	memcpy(message, &header, 28);
	for (uint32_t i = 0; i < pfns; i++) {
		uint64_t pfn = pfn_of(gpadl, i);

		memcpy(&message[28 + 8 * i], &pfn, 8);
	}
	return guest_send(message, 28 + 8 * (size_t)pfns);
}

static inline bool guest_gpadl_body(uint32_t gpadl, uint32_t first, uint32_t pfns)
{
	uint32_t message[VMBUS_MESSAGE_MAX / 4] = { 9, 0, 1, gpadl };

	for (uint32_t i = 0; i < pfns; i++) {
		uint64_t pfn = pfn_of(gpadl, first + i);

		memcpy(&message[4 + 2 * i], &pfn, 8);
	}
	return guest_send(message, 16 + 8 * (size_t)pfns);
}

/* All of its messages. */
static inline bool guest_gpadl(uint32_t relid, uint32_t gpadl, uint32_t offset, uint32_t length)
{
	uint32_t count = pages_of(offset, length);
	uint32_t done = count < HEADER_PFNS ? count : HEADER_PFNS;
	bool ok = guest_gpadl_header(relid, gpadl, offset, length, done);

	while (ok && done < count) {
		uint32_t now = count - done < BODY_PFNS ? count - done : BODY_PFNS;

		CHECK_EQ(out.count, 0);
		ok = guest_gpadl_body(gpadl, done, now);
		done += now;
	}
	return ok;
}

/* ---- the host ---- */

static inline struct vmbus_device device_of(uint32_t number)
{
	struct vmbus_device device = { .number = number,
				       .class = VMBUS_CLASS_NETWORK,
				       .flags = VMBUS_OFFER_ENUMERATE,
				       .mmio_megabytes = (uint16_t)number };

	memset(device.instance.bytes, (int)number + 1, sizeof(device.instance.bytes));
	memset(device.user, (int)number + 2, sizeof(device.user));
	return device;
}

static inline bool host_offer_as(uint32_t number, uint32_t instance)
{
	struct vmbus_device device = device_of(instance);

	device.number = number;
	return step(&(struct vmbus_event){ .type = VMBUS_EVENT_OFFER, .offer = &device });
}

static inline bool host_offer(uint32_t number)
{
	return host_offer_as(number, number);
}

static inline bool host_event(enum vmbus_event_type type, uint32_t device, uint32_t sub, bool ok)
{
	return step(&(struct vmbus_event){ .type = type, .device = device, .sub = sub, .ok = ok });
}

static inline bool host_subs(uint32_t device, uint32_t subs)
{
	return step(
		&(struct vmbus_event){ .type = VMBUS_EVENT_SUBS, .device = device, .subs = subs });
}

static inline bool host_rescind(uint32_t device)
{
	return host_event(VMBUS_EVENT_RESCIND, device, 0, false);
}

static inline bool host_opened(uint32_t device, uint32_t sub, bool ok)
{
	return host_event(VMBUS_EVENT_OPEN_ANSWERED, device, sub, ok);
}

static inline bool host_closed(uint32_t device, uint32_t sub)
{
	return host_event(VMBUS_EVENT_CLOSED, device, sub, false);
}

static inline bool host_modified(uint32_t device, uint32_t sub, bool ok)
{
	return host_event(VMBUS_EVENT_MODIFY_ANSWERED, device, sub, ok);
}

static inline bool host_let_go(uint32_t device, uint32_t sub, uint32_t gpadl)
{
	return step(&(struct vmbus_event){
		.type = VMBUS_EVENT_GPADL_LET_GO, .device = device, .sub = sub, .gpadl = gpadl });
}

static inline bool host_reset(void)
{
	return step(&(struct vmbus_event){ .type = VMBUS_EVENT_RESET });
}

/* ---- what came out ---- */

/* A 32-bit word of a posted message, by its offset on the wire. */
static inline uint32_t word_at(const struct vmbus_action *action, uint32_t offset)
{
	uint32_t word;

	memcpy(&word, &action->post.bytes[offset], sizeof(word));
	return word;
}

/* One letter for each action, in order; of posts the message's name. */
static inline const char *summary(void)
{
	static const char actions[] = "?BUOCRMGcdl";
	static const char messages[] = "?or.a.P...g.t..v.u......m";
	static char text[VMBUS_ACTIONS_MAX + 1];

	for (uint32_t i = 0; i < out.count; i++) {
		const struct vmbus_action *action = &out.list[i];

		text[i] = actions[action->type];
		if (action->type == VMBUS_ACTION_POST)
			text[i] = word_at(action, 0) < 25 ? messages[word_at(action, 0)] : '?';
	}
	text[out.count] = '\0';
	return text;
}

/* What a step gave, as summary() has it: B bind U unbind O open C close R release M modify
 * G gone c connected d disconnected l log; messages: o offer r rescind a all offers
 * P open result g created t torndown v version u unloaded m modify result. */
#define CHECK_OUT(text) CHECK_STR(summary(), text)

/* Connected with these devices, all offered: device n has relid n + 1. */
static inline void connect_with(uint32_t version, uint32_t devices)
{
	new_server();
	for (uint32_t i = 0; i < devices; i++)
		CHECK(host_offer(i));
	CHECK(guest_contact(version, 1));
	CHECK_OUT("cv");
	CHECK(guest_request_offers());
	CHECK_EQ(out.count, devices + 1);
}

/* With rings of 2 * 4 pages in a GPADL. */
static inline void open_channel(uint32_t relid, uint32_t gpadl, uint32_t device, uint32_t sub)
{
	CHECK(guest_gpadl(relid, gpadl, 0, 8 * 4096));
	CHECK_OUT("g");
	CHECK_EQ(word_at(&out.list[0], 16), 0);
	CHECK(guest_open(relid, gpadl, gpadl, 0, 4));
	CHECK_OUT("BO");
	CHECK(host_opened(device, sub, true));
	CHECK_OUT("P");
	CHECK_EQ(word_at(&out.list[0], 16), 0);
}

#endif
