/* SPDX-License-Identifier: GPL-2.0-only */
/* Scenarios of messages alone: protocol, gpadls, deaf, rounds. */
#include "vmbus-devices.h"
#include "vmbus-scenarios.h"

void *memcpy(void *to, const void *from, size_t size);

/* ---- protocol ---- */

static uint32_t some_relid(void)
{
	if (one_in(3) || !bus_offer_count)
		return (uint32_t)(one_in(2) ? random64() : random_below(2048));
	return bus_offers[random_below(bus_offer_count)].relid;
}

/* Words that mean something in one message or another. */
static uint32_t word(void)
{
	switch (random_below(6)) {
	case 0:
		return some_relid();
	case 1:
		return (uint32_t)random_below(8);
	case 2:
		return 0x10000u + (uint32_t)random_below(0x100);
	case 3:
		return PAGE * (uint32_t)random_below(64);
	case 4:
		return ~0u - (uint32_t)random_below(3);
	default:
		return (uint32_t)random64();
	}
}

static uint32_t fill_message(uint32_t words[VMBUS_MESSAGE_MAX / 4], uint32_t type)
{
	for (uint32_t i = 0; i < VMBUS_MESSAGE_MAX / 4; i++)
		words[i] = word();
	words[0] = type;
	if (one_in(2))
		words[2] = some_relid();
	/* Also a GPADL that could be one. */
	if (type == VMBUS_MSG_GPADL_HEADER && one_in(2)) {
		words[4] = 16 | 1u << 16;
		words[5] = PAGE;
		words[6] = 0;
		return 36;
	}
	return (uint32_t)(one_in(2) ? VMBUS_MESSAGE_MAX : random_below(VMBUS_MESSAGE_MAX + 1));
}

/* Messages of every type, unknown ones too, but for what ends the connection. */
static void storm(uint32_t count)
{
	uint32_t words[VMBUS_MESSAGE_MAX / 4];

	for (uint32_t i = 0; i < count; i++) {
		uint32_t type = (uint32_t)(one_in(20) ? random64() : random_below(28)), size;

		if (type == VMBUS_MSG_UNLOAD || type == VMBUS_MSG_INITIATE_CONTACT)
			type = VMBUS_MSG_OPEN_CHANNEL;
		/* Else there would soon be no channel left. */
		if (type == VMBUS_MSG_RELID_RELEASED && !one_in(100))
			type = VMBUS_MSG_GPADL_BODY;
		size = fill_message(words, type);
		bus_post(words, size);
	}
}

/* What hv itself refuses, and what is not VMBus's. */
static void strange_posts(void)
{
	uint8_t bytes[VMBUS_MESSAGE_MAX] = { VMBUS_MSG_REQUEST_OFFERS };
	uint64_t status;

	expect("a connection that is not there", bus_try_post(2, 1, bytes, 8),
	       HV_STATUS_INVALID_CONNECTION_ID);
	expect("a channel's connection", bus_try_post(0x2001, 1, bytes, 8),
	       HV_STATUS_INVALID_CONNECTION_ID);
	expect("a message of 241 bytes", bus_try_post(4, 1, bytes, 241),
	       HV_STATUS_INVALID_PARAMETER);
	expect("a message of type 0", bus_try_post(4, 0, bytes, 8), HV_STATUS_INVALID_PARAMETER);
	for (uint32_t i = 0; i < 200; i++) {
		status = bus_try_post(one_in(2) ? VMBUS_CONNECTION_OLD : VMBUS_CONNECTION_NEW,
				      2 + (uint32_t)random_below(1000), bytes, 8);
		if (status == HV_STATUS_INSUFFICIENT_BUFFERS)
			nap();
	}
}

/* Each version there ever was, and others; twice. */
static void versions(void)
{
	static const uint16_t all[][3] = {
		{ 0, 13, 0 }, { 1, 1, 0 }, { 2, 4, 0 }, { 3, 0, 0 },
		{ 4, 0, 1 },  { 4, 1, 1 }, { 5, 0, 1 }, { 5, 1, 1 },
		{ 5, 2, 1 },  { 5, 3, 1 }, { 6, 0, 0 }, { 65535, 65535, 0 },
	};

	for (uint32_t i = 0; i < 2 * sizeof(all) / sizeof(all[0]); i++) {
		const uint16_t *version = all[i % (sizeof(all) / sizeof(all[0]))];

		expect("the version is spoken",
		       bus_try_contact(VMBUS_VERSION(version[0], version[1])), version[2]);
	}
}

/* Contacts faster than they can be answered, with channels open. */
static void contacts(void)
{
	struct vmbus_msg_contact contact = {
		.header = { .type = VMBUS_MSG_INITIATE_CONTACT },
		.sint = VMBUS_SINT,
	};
	uint64_t before = bus_seen[VMBUS_MSG_VERSION_RESPONSE];

	bus_connect();
	devices_find();
	for (uint32_t i = 0; i < DEVICES; i++)
		channel_open(&devices[i].channel);
	for (uint32_t i = 0; i < 800; i++) {
		contact.version = one_in(4) ? (uint32_t)random64() :
					      VMBUS_VERSION(4 + i % 2, (uint32_t)random_below(4));
		contact.vp = one_in(10) ? (uint32_t)random64() : 0;
		bus_post(&contact, sizeof(contact));
		if (one_in(4))
			bus_post_type(VMBUS_MSG_REQUEST_OFFERS);
	}
	/* Here the order is known again. */
	contact.version = VMBUS_VERSION(5, 3);
	contact.vp = 0;
	bus_post(&contact, sizeof(contact));
	bus_unload();
	tell("protocol", "contacts answered", bus_seen[VMBUS_MSG_VERSION_RESPONSE] - before);
}

/* Below 5.3 nobody answers it: the host alone says how fast. */
static void modify_storm(void)
{
	struct vmbus_msg_modify modify = { .header = { .type = VMBUS_MSG_MODIFY_CHANNEL } };
	struct channel *channel = &devices[STORAGE].channel;

	expect("version 5.2 is spoken", bus_try_contact(VMBUS_VERSION(5, 2)), true);
	bus_request_offers();
	devices_find();
	channel_open(channel);
	modify.relid = channel->relid;
	for (uint32_t i = 0; i < 1500; i++) {
		modify.vp = i % 2;
		bus_post(&modify, sizeof(modify));
	}
	bus_fence();
	device_close(&devices[STORAGE]);
	device_works(&devices[STORAGE]);
	tell("protocol", "changes of the VP", 1500);
}

void scenario_protocol(void)
{
	uint64_t offers, ends;
	uint32_t count;

	strange_posts();
	storm(1000);
	bus_post_type(VMBUS_MSG_UNLOAD);
	versions();
	expect("messages but version responses",
	       bus_seen[VMBUS_MSG_OFFER_CHANNEL] + bus_seen[VMBUS_MSG_UNLOAD_RESPONSE] +
		       bus_seen[VMBUS_MSG_GPADL_CREATED] + bus_seen[VMBUS_MSG_OPEN_RESULT],
	       0);
	tell("protocol", "nothing but contacts is answered before one, answers",
	     bus_seen[VMBUS_MSG_VERSION_RESPONSE]);

	bus_connect();
	count = bus_offer_count;
	offers = bus_seen[VMBUS_MSG_OFFER_CHANNEL];
	ends = bus_seen[VMBUS_MSG_ALL_OFFERS_DELIVERED];
	for (uint32_t i = 0; i < 300; i++)
		bus_post_type(VMBUS_MSG_REQUEST_OFFERS);
	bus_fence();
	expect("offers", bus_seen[VMBUS_MSG_OFFER_CHANNEL], offers);
	expect("ends of offers", bus_seen[VMBUS_MSG_ALL_OFFERS_DELIVERED], ends);
	tell("protocol", "offers are told once, channels", count);

	storm(4000);
	bus_fence();
	tell("protocol", "GPADLs made or refused in a storm", bus_seen[VMBUS_MSG_GPADL_CREATED]);
	contacts();
	bus_connect();
	expect("channels are offered again", bus_offer_count, count);
	devices_find();
	for (uint32_t i = 0; i < DEVICES; i++)
		device_works(&devices[i]);
	modify_storm();
	bus_unload();
	tell("protocol", "done, devices work", DEVICES);
}

/* ---- gpadls ---- */

#define GPADLS 4096u
#define MORE 200u
#define LARGEST 8190u /* pages */
/* So many of the largest, and so many pages, are all that a partition may have. */
#define LARGE 128u
#define LARGE_LEFT 256u

/* Takes answers to `count` requests: how many were granted. */
static uint32_t granted(uint32_t count)
{
	struct message message;
	uint32_t good = 0;

	while (count--) {
		bus_expect(&message, VMBUS_MSG_GPADL_CREATED);
		good += message.created.status == VMBUS_STATUS_OK;
	}
	return good;
}

static void many(const struct channel *channel)
{
	uint64_t pfn = 0x1000, before;
	uint32_t first = gpadl_id();

	for (uint32_t i = 0; i < GPADLS + MORE; i++)
		gpadl_post_header(channel->relid, i ? gpadl_id() : first, &pfn, 1);
	expect("GPADLs granted", granted(GPADLS + MORE), GPADLS);
	before = bus_seen[VMBUS_MSG_GPADL_TORNDOWN];
	/* The last ones, with those that were refused, and each twice. */
	for (uint32_t i = GPADLS - MORE; i < GPADLS + MORE; i++) {
		gpadl_post_teardown(channel->relid, first + i);
		gpadl_post_teardown(channel->relid, first + i);
	}
	bus_fence();
	expect("GPADLs torn down", bus_seen[VMBUS_MSG_GPADL_TORNDOWN] - before, MORE);
	tell("gpadls", "more were asked for, granted", GPADLS);
}

/* Breaks GPADLs off by bodies that cannot be. Nothing else ends one but the channel. */
static void break_off(const struct channel *channel, uint32_t first, uint32_t count)
{
	struct {
		struct vmbus_msg_gpadl_body head;
		uint32_t half;
	} __attribute__((packed)) body = {
		.head.header = { .type = VMBUS_MSG_GPADL_BODY },
	};

	for (uint32_t i = 0; i < count; i++) {
		gpadl_post_teardown(channel->relid, first + i);
		body.head.gpadl = first + i;
		bus_post(&body, sizeof(body));
	}
	expect("GPADLs broken off and granted", granted(count), 0);
}

/* Bodies that never come: what was granted stays reserved. */
static void unfinished(const struct channel *channel)
{
	static uint64_t pfns[LARGE_LEFT];
	uint64_t before = bus_seen[VMBUS_MSG_GPADL_CREATED];
	uint32_t first = gpadl_id(), id;

	for (uint32_t i = 0; i < LARGE + MORE; i++)
		gpadl_post_header(channel->relid, i ? gpadl_id() : first, pfns, LARGEST);
	bus_fence();
	expect("GPADLs refused", bus_seen[VMBUS_MSG_GPADL_CREATED] - before - 1, MORE);
	gpadl_post_header(channel->relid, gpadl_id(), pfns, LARGE_LEFT + 1);
	expect("more pages than are left", granted(1), 0);
	id = gpadl_id();
	expect("the pages that are left", gpadl_make(channel->relid, id, pfns, LARGE_LEFT),
	       VMBUS_STATUS_OK);
	gpadl_teardown(channel->relid, id);
	device_works(&devices[HEARTBEAT]);
	break_off(channel, first, LARGE);
	tell("gpadls", "unfinished ones of 8190 pages granted", LARGE);
}

static void contradict(const struct channel *channel, uint16_t size, uint16_t ranges,
		       uint32_t length, uint32_t offset)
{
	struct {
		struct vmbus_msg_gpadl_header head;
		uint64_t pfns[26];
	} __attribute__((packed)) message = {
		.head = {
			.header = { .type = VMBUS_MSG_GPADL_HEADER },
			.relid = channel->relid,
			.gpadl = gpadl_id(),
			.ranges_size = size,
			.range_count = ranges,
			.length = length,
			.offset = offset,
		},
	};

	bus_post(&message, sizeof(message));
	expect("a GPADL that contradicts itself", granted(1), 0);
}

static void contradictions(const struct channel *channel)
{
	uint64_t pfns[2] = { 0x1000, 0x1001 };
	uint32_t id = gpadl_id();

	contradict(channel, 16, 0, PAGE, 0);
	contradict(channel, 16, 2, PAGE, 0);
	contradict(channel, 16, 65535, PAGE, 0);
	contradict(channel, 24, 1, PAGE, 0);
	contradict(channel, 8, 1, PAGE, 0);
	contradict(channel, 0, 1, PAGE, 0);
	contradict(channel, 65535, 1, PAGE, 0);
	contradict(channel, 16, 1, 0, 0);
	contradict(channel, 16, 1, ~0u, 0);
	contradict(channel, 16, 1, PAGE, PAGE);
	contradict(channel, 16, 1, PAGE, ~0u);
	contradict(channel, 16, 1, PAGE, 1);
	contradict(channel, 16, 1, PAGE, 0); /* more page numbers than pages */
	expect("an id that is new", gpadl_make(channel->relid, id, pfns, 2), VMBUS_STATUS_OK);
	expect("an id that is in use", gpadl_make(channel->relid, id, pfns, 1) != 0, true);
	gpadl_teardown(channel->relid, id);
}

/* Opens a channel with rings that cannot be. */
static void bad_rings(struct channel *channel, uint64_t pfn, uint64_t step, uint32_t pages,
		      uint32_t downstream)
{
	static uint64_t pfns[LARGEST];
	uint32_t id = gpadl_id();

	for (uint32_t i = 0; i < pages; i++)
		pfns[i] = pfn + i * step;
	expect("a GPADL of no memory", gpadl_make(channel->relid, id, pfns, pages),
	       VMBUS_STATUS_OK);
	expect("rings that cannot be are refused",
	       channel_try_open(channel, id, downstream, 0) != VMBUS_STATUS_OK, true);
	gpadl_teardown(channel->relid, id);
}

/* The largest rings, of two pages again and again: nothing adjoins. */
static void scattered(struct channel *channel)
{
	uint64_t page = (uintptr_t)channel->rings / PAGE;
	static uint64_t pfns[LARGEST];
	struct vmbus_msg_relid close = { .header = { .type = VMBUS_MSG_CLOSE_CHANNEL } };
	uint32_t id = gpadl_id();

	for (uint32_t i = 0; i < LARGEST; i++)
		pfns[i] = i % 2 ? page + 2 : page;
	expect("a GPADL of two pages", gpadl_make(channel->relid, id, pfns, LARGEST),
	       VMBUS_STATUS_OK);
	if (channel_try_open(channel, id, LARGEST / 2, 0) == VMBUS_STATUS_OK) {
		close.relid = channel->relid;
		bus_post(&close, sizeof(close));
	}
	gpadl_teardown(channel->relid, id);
}

static void rings(struct channel *channel)
{
	uint64_t page = (uintptr_t)channel->rings / PAGE;

	bad_rings(channel, 0x100000, 1, 10, 5); /* beyond memory */
	bad_rings(channel, ~0ull, 0, 10, 5);
	bad_rings(channel, ~0ull - 5, 1, 10, 5);
	bad_rings(channel, 1ull << 52, 1, 10, 5);
	bad_rings(channel, 0xfee00, 0, 10, 5); /* the local APIC */
	bad_rings(channel, page, 1, 10, 0);
	bad_rings(channel, page, 1, 10, 1);
	bad_rings(channel, page, 1, 10, 9);
	bad_rings(channel, page, 1, 10, 10);
	bad_rings(channel, page, 1, 10, ~0u);
	bad_rings(channel, page, 1, 3, 2);
	if (channel == &devices[HEARTBEAT].channel) /* more than 4096 data pages */
		bad_rings(channel, page, 0, LARGEST, LARGEST - 2);
}

static void leave_unfinished(const struct channel *channel)
{
	static uint64_t pfns[32];

	for (uint32_t i = 0; i < LARGE; i++)
		gpadl_post_header(channel->relid, gpadl_id(), pfns, LARGEST);
}

void scenario_gpadls(void)
{
	struct channel *channel = &devices[HEARTBEAT].channel;

	bus_connect();
	devices_find();
	many(channel);
	device_works(&devices[HEARTBEAT]);
	bus_connect();
	devices_find();
	unfinished(channel);
	device_works(&devices[HEARTBEAT]);
	contradictions(channel);
	for (uint32_t i = 0; i < DEVICES; i++) {
		rings(&devices[i].channel);
		if (i == HEARTBEAT || i >= STORAGE)
			scattered(&devices[i].channel);
		device_works(&devices[i]);
	}
	/* What is left at the end goes with the connection. */
	leave_unfinished(channel);
	bus_unload();
	bus_connect();
	devices_find();
	device_works(&devices[STORAGE]);
	bus_unload();
	tell("gpadls", "done, devices work", DEVICES);
}

/* ---- deaf ---- */

/* Asks for answers and reads none, until the host takes no more for a while. */
static uint32_t ask_in_vain(uint32_t most)
{
	struct vmbus_msg_gpadl_header bad = { .header = { .type = VMBUS_MSG_GPADL_HEADER } };
	uint64_t last = now_ms();
	uint32_t taken = 0;

	while (now_ms() < last + QUIET_MS && taken < most) {
		bad.gpadl = taken;
		if (bus_try_post(VMBUS_CONNECTION_NEW, 1, &bad, sizeof(bad)) != HV_STATUS_SUCCESS) {
			nap();
			continue;
		}
		last = now_ms();
		taken++;
	}
	return taken;
}

/* In the order of the questions. */
static void hear_all(uint32_t count)
{
	struct message message;

	for (uint32_t i = 0; i < count; i++) {
		bus_expect(&message, VMBUS_MSG_GPADL_CREATED);
		expect("the answer's number", message.created.gpadl, i);
	}
	bus_fence();
	expect("nothing more comes", bus_take(&message), false);
}

void scenario_deaf(void)
{
	struct channel *channel = &devices[HEARTBEAT].channel;
	static struct packet packet;
	uint32_t taken;

	bus_connect();
	devices_find();
	channel_open(channel);
	heartbeat_serve(channel);
	for (uint32_t round = 0; round < 3; round++) {
		taken = ask_in_vain(10000);
		tell("deaf", "questions taken", taken);
		expect("few are taken, and some", taken >= 15 && taken <= 64, true);
		/* What needs no messages goes on. */
		while (channel_take(channel, &packet))
			;
		heartbeat_serve(channel);
		hear_all(taken);
	}
	/* Answers have nowhere to go, and are lost. */
	bus_message_page(false);
	tell("deaf", "questions taken without a page for messages", ask_in_vain(200));
	bus_message_page(true);
	bus_fence();
	channel_close(channel);
	device_works(&devices[HEARTBEAT]);
	bus_unload();
	tell("deaf", "done, rounds", 3);
}

/* ---- rounds ---- */

/* Open, close, open, close, and what becomes of it is not waited for. */
static void hurry(struct channel *channel)
{
	struct vmbus_msg_open open = {
		.header = { .type = VMBUS_MSG_OPEN_CHANNEL },
		.relid = channel->relid,
		.downstream = RING_PAGES + 1,
	};
	struct vmbus_msg_relid close = {
		.header = { .type = VMBUS_MSG_CLOSE_CHANNEL },
		.relid = channel->relid,
	};
	uint64_t pfns[RINGS_PAGES];

	memory_pfns(channel->rings, RINGS_PAGES, pfns);
	open.gpadl = gpadl_id();
	expect("GPADL of the rings", gpadl_make(channel->relid, open.gpadl, pfns, RINGS_PAGES),
	       VMBUS_STATUS_OK);
	for (uint32_t i = 0; i < 100; i++) {
		bus_post(&open, sizeof(open));
		bus_post(&close, sizeof(close));
	}
	bus_fence();
}

/* Each with a GPADL of its own, and with what was closed before still being let go. */
static void open_and_close(struct device *device, uint32_t count)
{
	struct channel *channel = &device->channel;
	struct vmbus_msg_relid close = {
		.header = { .type = VMBUS_MSG_CLOSE_CHANNEL },
		.relid = channel->relid,
	};
	uint64_t begin = now_ms(), created = bus_seen[VMBUS_MSG_GPADL_CREATED];
	uint64_t torn_down = bus_seen[VMBUS_MSG_GPADL_TORNDOWN];
	uint64_t pfns[RINGS_PAGES];

	memory_pfns(channel->rings, RINGS_PAGES, pfns);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t id = gpadl_id();

		gpadl_post_header(channel->relid, id, pfns, RINGS_PAGES);
		expect("a channel opens", channel_try_open(channel, id, RING_PAGES + 1, 0),
		       VMBUS_STATUS_OK);
		bus_post(&close, sizeof(close));
		gpadl_post_teardown(channel->relid, id);
	}
	channel_open(channel);
	expect("GPADLs that were made", bus_seen[VMBUS_MSG_GPADL_CREATED] - created, count + 1);
	expect("GPADLs given back", bus_seen[VMBUS_MSG_GPADL_TORNDOWN] - torn_down, count);
	device->talk(channel);
	device_close(device);
	tell("rounds", channel->name, count);
	tell("rounds", "milliseconds", now_ms() - begin);
}

void scenario_rounds(void)
{
	uint32_t count = (uint32_t)option("rounds", 1000);

	bus_connect();
	devices_find();
	open_and_close(&devices[TIMESYNC], count);
	open_and_close(&devices[STORAGE], count);
	for (uint32_t i = 0; i < DEVICES; i++) {
		hurry(&devices[i].channel);
		bus_connect();
		devices_find();
		device_works(&devices[i]);
	}
	bus_unload();
	tell("rounds", "done, rounds", count);
}
