/* SPDX-License-Identifier: GPL-2.0-only */
/* vsp/channel/channel.c between a provider and a guest that are made up. */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "channel-guest.h"

/* ---- the provider ---- */

#define GOT_MAX 1024u

struct provider {
	struct rig rig;
	bool refuse, hold;
	unsigned int opens, closes, closed, complaints, readies;
	char complaint[200];
	struct {
		uint16_t type;
		uint32_t ticket, size, ranges;
		uint64_t transaction;
		bool replayed;
	} got[GOT_MAX];
	unsigned int count;
	struct packet_range range; /* the last packet's last */
	uint64_t pfns[64];
	/* Called in open(), packet() and ready(). */
	void (*in_open)(struct provider *p, struct channel *channel);
	void (*in_packet)(struct provider *p, struct channel *channel, const struct packet *packet);
	void (*in_ready)(struct provider *p, struct channel *channel);
	void (*in_turn)(struct provider *p, struct channel *channel);
	unsigned int turns;
};

static struct event_base *base;

static struct provider *of(const struct device *device)
{
	return device->context;
}

static void on_packet(struct channel *channel, const struct packet *packet)
{
	struct provider *p = channel->context;
	unsigned int i = p->count++ % GOT_MAX;

	CHECK_EQ((uintptr_t)packet->payload % 8, 0);
	p->got[i].type = packet->type;
	p->got[i].ticket = packet->ticket;
	p->got[i].size = packet->size;
	p->got[i].ranges = packet->range_count;
	p->got[i].transaction = packet->transaction;
	p->got[i].replayed = packet->replayed;
	if (packet->range_count) {
		p->range = packet->ranges[packet->range_count - 1];
		memcpy(p->pfns, p->range.pfns,
		       8ul * (p->range.pfn_count < 64 ? p->range.pfn_count : 64));
	}
	if (p->in_packet)
		p->in_packet(p, channel, packet);
}

static void on_ready(struct channel *channel)
{
	struct provider *p = channel->context;

	p->readies++;
	if (p->in_ready)
		p->in_ready(p, channel);
}

static void on_turn(struct channel *channel)
{
	struct provider *p = channel->context;

	p->turns++;
	if (p->in_turn)
		p->in_turn(p, channel);
}

static const struct channel_ops ops = { .packet = on_packet, .ready = on_ready, .turn = on_turn };

static bool on_open(struct device *device, struct channel *channel)
{
	struct provider *p = of(device);

	p->opens++;
	channel->ops = &ops;
	channel->context = p;
	if (p->in_open)
		p->in_open(p, channel);
	return !p->refuse;
}

static void on_close(struct device *device, struct channel *channel)
{
	struct provider *p = of(device);

	p->closes++;
	channel->held = p->hold;
}

static const struct device_ops device_ops = { .open = on_open, .close = on_close };

static uint32_t on_gpadl(struct channel *channel, uint32_t gpadl, uint64_t **pfns, uint32_t *offset,
			 uint32_t *length)
{
	(void)channel;
	*pfns = NULL;
	*offset = *length = 0;
	return gpadl;
}

static bool on_offer_subs(struct channel *channel, uint32_t count)
{
	(void)channel;
	return count == 7;
}

static void on_closed(struct device *device, uint32_t sub)
{
	CHECK_EQ(sub, 0);
	of(device)->closed++;
}

static void on_complain(struct device *device, uint32_t sub, const char *text)
{
	struct provider *p = of(device);

	CHECK_EQ(sub, 0);
	p->complaints++;
	snprintf(p->complaint, sizeof(p->complaint), "%s", text);
}

static const struct channel_owner owner = {
	.gpadl = on_gpadl,
	.offer_subs = on_offer_subs,
	.closed = on_closed,
	.complain = on_complain,
};

static struct channel *try_open(struct provider *p, bool resumed)
{
	struct channel_parts parts = rig_parts(&p->rig);

	parts.resumed = resumed;
	return channel_open(&parts, &owner);
}

static void open_channel(struct provider *p)
{
	p->rig.channel = try_open(p, false);
	REQUIRE(p->rig.channel);
	rig_run(&p->rig);
}

static struct provider *new_provider(uint32_t up, uint32_t down)
{
	struct provider *p = calloc(1, sizeof(*p));

	REQUIRE(p);
	rig_new(&p->rig, base, &device_ops, up, down);
	p->rig.device.context = p;
	return p;
}

static struct provider *new_open(uint32_t up, uint32_t down)
{
	struct provider *p = new_provider(up, down);

	open_channel(p);
	return p;
}

static void free_provider(struct provider *p)
{
	if (p->rig.channel) {
		channel_close(p->rig.channel);
		CHECK_EQ(p->closes, p->opens);
		CHECK_EQ(p->closed, p->closes);
	}
	rig_free(&p->rig);
	free(p);
}

static void answer_all(struct provider *p, size_t size)
{
	static const uint8_t bytes[CHANNEL_ANSWER_MAX];

	for (unsigned int i = 0; i < p->count; i++)
		channel_answer(p->rig.channel, p->got[i].ticket, bytes, size);
}

static void answer_at_once(struct provider *p, struct channel *channel, const struct packet *packet)
{
	(void)p;
	channel_answer(channel, packet->ticket, &packet->transaction, 8);
}

/* ---- the guest ---- */

static uint64_t answers[GOT_MAX];
static unsigned int answer_count;

static void note_answer(struct rig *rig, const struct ring_packet *packet)
{
	(void)rig;
	CHECK_EQ(packet->type, VMBUS_PACKET_COMPLETION);
	CHECK_EQ(packet->flags, 0);
	answers[answer_count++ % GOT_MAX] = packet->transaction;
}

/* Lets the provider work, and reads what it said. */
static unsigned int exchange(struct provider *p)
{
	answer_count = 0;
	rig_publish(&p->rig);
	rig_run(&p->rig);
	return rig_drain(&p->rig, note_answer);
}

/* ---- tests ---- */

static void test_open(void)
{
	static const uint64_t outside[] = { 1, 2, 3, RIG_PAGES };
	struct provider *p = new_provider(2, 3);
	struct channel_parts parts = rig_parts(&p->rig);
	static const uint32_t bad[] = { 0, 1, 6, 7, 8, UINT32_MAX };

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_NOTE("downstream %u", bad[i]);
		parts.downstream = bad[i];
		CHECK(!channel_open(&parts, &owner) && errno == EINVAL);
	}
	CHECK_NOTE("pages outside");
	parts = rig_parts(&p->rig);
	parts.pfns = outside;
	parts.pfn_count = 4;
	parts.downstream = 2;
	CHECK(!channel_open(&parts, &owner) && errno == EFAULT);
	CHECK_NOTE("indices");
	rig_header(p->rig.up_map)->write_index = 4;
	CHECK(!try_open(p, false) && errno == EINVAL);
	rig_reset(&p->rig);
	CHECK_NOTE("journal");
	p->rig.device.packet_max = 4097;
	CHECK_EQ(device_packet_max(&p->rig.device), 8192);
	CHECK(!try_open(p, false) && errno == EINVAL);
	p->rig.device.packet_max = 1;
	CHECK_EQ(p->opens, 0);
	CHECK_NOTE("refused");
	p->refuse = true;
	CHECK(!try_open(p, false) && errno == EACCES);
	CHECK_EQ(p->opens, 1);
	CHECK_EQ(p->closes + p->closed, 0);
	free_provider(p);
}

static void test_packets(void)
{
	struct provider *p = new_open(1, 1);

	CHECK(rig_ask(&p->rig, 1, 24, true) && rig_ask(&p->rig, 2, 5, false));
	CHECK(rig_write(&p->rig, VMBUS_PACKET_COMPLETION, 1, 3, NULL, 0, NULL, 0) == RING_OK);
	CHECK_EQ(exchange(p), 0);
	REQUIRE(p->count == 3);
	CHECK(p->got[0].type == 6 && p->got[0].transaction == 1 && p->got[0].size == 24);
	CHECK(p->got[0].ticket < CHANNEL_TICKETS && !p->got[0].replayed);
	CHECK(p->got[1].transaction == 2 && p->got[1].size == 8);
	CHECK_EQ(p->got[1].ticket, CHANNEL_NO_TICKET);
	CHECK(p->got[2].type == 11 && p->got[2].ticket == CHANNEL_NO_TICKET);
	CHECK_EQ(channel_transaction(p->rig.channel, p->got[0].ticket), 1);
	CHECK_EQ(channel_transaction(p->rig.channel, CHANNEL_NO_TICKET), 0);

	CHECK_NOTE("answers that are none");
	channel_answer(p->rig.channel, CHANNEL_NO_TICKET, "x", 1);
	channel_answer(p->rig.channel, p->got[0].ticket + 1, "x", 1);
	channel_answer(p->rig.channel, p->got[0].ticket, "x", CHANNEL_ANSWER_MAX + 1);
	CHECK_EQ(exchange(p), 0);
	CHECK_NOTE("an empty one, and once more");
	channel_answer(p->rig.channel, p->got[0].ticket, NULL, 0);
	channel_answer(p->rig.channel, p->got[0].ticket, NULL, 0);
	CHECK_EQ(exchange(p), 1);
	CHECK_EQ(answers[0], 1);
	CHECK_EQ(channel_transaction(p->rig.channel, p->got[0].ticket), 0);

	CHECK_NOTE("owner");
	CHECK(channel_offer_subs(p->rig.channel, 7) && !channel_offer_subs(p->rig.channel, 8));
	CHECK_EQ(channel_gpadl(p->rig.channel, 5, &(uint64_t *){ NULL }, &(uint32_t){ 0 },
			       &(uint32_t){ 0 }),
		 5);
	channel_set_vp(p->rig.channel, 3);
	CHECK_EQ(p->rig.channel->vp, 3);
	free_provider(p);
}

/* Random orders of answers. */
static void test_orders(void)
{
	struct provider *p = new_open(2, 2);
	uint64_t next = 1, seen = 0;

	check_seed(0x6368616e6e656c31);
	for (int step = 0; step < 3000; step++) {
		for (uint64_t n = check_below(6); n; n--)
			next += rig_ask(&p->rig, next, check_below(400), true);
		p->count = 0;
		seen += exchange(p);
		CHECK_NOTE("step %d", step);
		for (unsigned int i = 0; i < p->count; i++) {
			unsigned int other = (unsigned int)check_below(p->count);
			uint32_t ticket = p->got[i].ticket;

			p->got[i].ticket = p->got[other].ticket;
			p->got[other].ticket = ticket;
		}
		answer_all(p, check_below(300));
	}
	for (int i = 0; i < 5; i++) {
		p->count = 0;
		seen += exchange(p);
		answer_all(p, 0);
	}
	CHECK_EQ(seen, next - 1);
	CHECK_EQ(p->complaints, 0);
	free_provider(p);
}

struct direct {
	uint32_t reserved, count;
	struct {
		uint32_t length, offset;
		uint64_t pfns[4];
	} range[200];
};

static void send_direct(struct provider *p, const void *extra, size_t size)
{
	CHECK(rig_write(&p->rig, VMBUS_PACKET_GPA_DIRECT, VMBUS_PACKET_ANSWER_WANTED, 9, extra,
			size, "payload", 8) == RING_OK);
	exchange(p);
}

static void test_ranges(void)
{
	struct provider *p = new_open(4, 1);
	uint32_t words[16] = { 0, 1, 4096 + 100, 50, 11, 0, 12, 0 };
	struct direct many = { .count = 64 };

	CHECK_NOTE("two pages");
	send_direct(p, words, 32);
	REQUIRE(p->count == 1 && p->got[0].ranges == 1 && p->got[0].size == 8);
	CHECK(p->range.length == 4196 && p->range.offset == 50 && p->range.pfn_count == 2);
	CHECK(p->pfns[0] == 11 && p->pfns[1] == 12);
	CHECK_NOTE("none");
	words[1] = 0;
	send_direct(p, words, 8);
	CHECK(p->count == 2 && !p->got[1].ranges);
	CHECK_NOTE("many");
	for (uint32_t i = 0; i < 64; i++) {
		many.range[i].length = 3 * 4096 + 1;
		many.range[i].offset = 4095;
		many.range[i].pfns[3] = i;
	}
	send_direct(p, &many, 8 + 64 * sizeof(many.range[0]));
	CHECK(p->count == 3 && p->got[2].ranges == 64);
	CHECK(p->range.pfn_count == 4 && p->pfns[3] == 63);
	CHECK_EQ(p->complaints, 0);
	free_provider(p);
}

/* Each breaks the channel: one line, and nothing more is taken. */
static void test_bad_ranges(void)
{
	static const struct {
		const char *name;
		uint32_t words[8];
		size_t size;
	} bad[] = {
		{ "no head", { 0 }, 0 },
		{ "no range", { 0, 1 }, 8 },
		{ "no page", { 0, 1, 1, 0 }, 16 },
		{ "one page too few", { 0, 1, 4097, 0, 1, 0 }, 24 },
		{ "length 0", { 0, 1, 0, 0, 1, 0 }, 24 },
		{ "offset 4096", { 0, 1, 1, 4096, 1, 0, 2, 0 }, 32 },
		{ "long", { 0, 1, UINT32_MAX, 4095, 1, 0 }, 24 },
		{ "second", { 0, 2, 1, 0, 1, 0, 1, 0 }, 32 },
		{ "count", { 0, UINT32_MAX, 1, 0, 1, 0 }, 24 },
		{ "more than 128", { 0, 129, 1, 0, 1, 0 }, 24 },
	};

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct provider *p = new_open(1, 1);

		CHECK_NOTE("%s", bad[i].name);
		send_direct(p, bad[i].words, bad[i].size);
		CHECK_EQ(p->count, 0);
		CHECK_EQ(p->complaints, 1);
		rig_ask(&p->rig, 1, 8, true);
		rig_signal(&p->rig);
		exchange(p);
		CHECK_EQ(p->count, 0);
		CHECK_EQ(p->complaints, 1);
		free_provider(p);
	}
}

static void break_it(struct provider *p, struct channel *channel, const struct packet *packet)
{
	(void)p;
	channel_broken(channel, "transaction %u", (unsigned int)packet->transaction);
	channel_answer(channel, packet->ticket, "x", 1);
	CHECK(channel_send(channel, 6, 0, 0, NULL, 0, NULL, 0) == CHANNEL_DEAD);
}

static void test_broken(void)
{
	static const uint8_t large[8192];
	struct provider *p = new_open(4, 1);

	CHECK_NOTE("type");
	rig_write(&p->rig, VMBUS_PACKET_TRANSFER_PAGES, 0, 1, NULL, 0, NULL, 0);
	exchange(p);
	CHECK(p->complaints == 1 && !p->count);
	free_provider(p);
	CHECK_NOTE("size");
	p = new_open(4, 1);
	rig_write(&p->rig, VMBUS_PACKET_INBAND, 0, 1, NULL, 0, large, 4080);
	exchange(p);
	CHECK(!p->complaints && p->count == 1 && p->got[0].size == 4080);
	rig_write(&p->rig, VMBUS_PACKET_INBAND, 0, 1, NULL, 0, large, 4088);
	exchange(p);
	CHECK(p->complaints == 1 && p->count == 1);
	free_provider(p);
	CHECK_NOTE("index");
	p = new_open(4, 1);
	rig_header(p->rig.up_map)->write_index = 5;
	rig_signal(&p->rig);
	exchange(p);
	CHECK(p->complaints == 1 && !p->count);
	free_provider(p);
	CHECK_NOTE("by the provider");
	p = new_open(4, 1);
	p->in_packet = break_it;
	rig_ask(&p->rig, 7, 8, true);
	rig_ask(&p->rig, 8, 8, true);
	CHECK_EQ(exchange(p), 0);
	CHECK(p->complaints == 1 && p->count == 1);
	CHECK_STR(p->complaint, "transaction 7");
	free_provider(p);
}

/* Answers find no room: they wait, in order; further ones behind them, and ready() last. */
static void test_full(bool signals)
{
	static const uint8_t bytes[200];
	struct iovec part = { (void *)(uintptr_t)bytes, sizeof(bytes) };
	struct provider *p = new_open(4, 1);
	unsigned int sent = 0, got;

	if (!signals)
		rig_header(p->rig.down_map)->features = 0;
	for (uint64_t i = 0; i < 60; i++)
		CHECK(rig_ask(&p->rig, i, 8, true));
	rig_publish(&p->rig);
	rig_run(&p->rig);
	CHECK_EQ(p->count, 60);
	while (channel_send(p->rig.channel, 6, 0, 1000, NULL, 0, &part, 1) == CHANNEL_SENT)
		sent++;
	CHECK_EQ(sent, 4088 / (200 + 24));
	answer_all(p, sizeof(bytes));
	answer_all(p, sizeof(bytes));
	CHECK_NOTE("behind answers");
	CHECK(channel_send(p->rig.channel, 6, 0, 1000, NULL, 0, &part, 0) == CHANNEL_FULL);
	CHECK_EQ(p->readies, 0);
	got = 0;
	for (int i = 0; i < 1000 && got < 60 + sent; i++) {
		struct ring_packet packet;
		static const struct timespec while_it_looks = { .tv_nsec = 1000000 };

		CHECK(rig_signalled(&p->rig) || i);
		while (rig_read(&p->rig, &packet)) {
			CHECK_EQ(packet.transaction, got < sent ? 1000 : got - sent);
			got++;
		}
		if (signals) {
			rig_release(&p->rig);
		} else {
			ring_release(&p->rig.down);
			nanosleep(&while_it_looks, NULL);
		}
		rig_run(&p->rig);
	}
	CHECK_EQ(got, 60 + sent);
	CHECK_EQ(p->readies, 1);
	if (!signals)
		CHECK_EQ(p->rig.signals_sent, 1);
	CHECK(channel_send(p->rig.channel, 6, 0, 1, NULL, 0, &part, 1) == CHANNEL_SENT);
	free_provider(p);
}

static void test_full_with_signals(void)
{
	test_full(true);
}

static void test_full_without(void)
{
	test_full(false);
}

/* The guest's ring is full, and it sleeps until there is room. */
static void test_guest_full(void)
{
	struct provider *p = new_open(1, 1);
	uint64_t next = 0;

	channel_pause(p->rig.channel, true);
	while (rig_ask(&p->rig, next, 100, false))
		next++;
	CHECK(!ring_want_room(&p->rig.up, ring_packet_size(0, 1000)));
	rig_publish(&p->rig);
	rig_run(&p->rig);
	CHECK(p->count == 0 && !rig_signalled(&p->rig));
	channel_pause(p->rig.channel, false);
	CHECK_EQ(p->count, 0);
	rig_run(&p->rig);
	CHECK_EQ(p->count, next);
	CHECK(rig_signalled(&p->rig));
	CHECK_EQ(p->rig.signals, 1);
	free_provider(p);
}

/* So many tickets and no more are under way; packets that want no answer wait too. */
static void test_tickets(void)
{
	struct provider *p = new_open(16, 16);
	struct channel_counters counters;

	for (uint64_t i = 0; i < CHANNEL_TICKETS + 20; i++)
		CHECK(rig_ask(&p->rig, i, 8, i != CHANNEL_TICKETS));
	exchange(p);
	rig_run(&p->rig);
	CHECK_EQ(p->count, CHANNEL_TICKETS);
	channel_answer(p->rig.channel, p->got[100].ticket, "x", 1);
	CHECK_EQ(p->count, CHANNEL_TICKETS);
	CHECK_EQ(exchange(p), 1);
	CHECK_EQ(p->count, CHANNEL_TICKETS + 2);
	CHECK_EQ(p->got[CHANNEL_TICKETS].ticket, CHANNEL_NO_TICKET);
	CHECK_EQ(p->got[CHANNEL_TICKETS + 1].ticket, p->got[100].ticket);
	p->got[100].ticket = CHANNEL_NO_TICKET;
	answer_all(p, 8);
	CHECK_EQ(exchange(p), CHANNEL_TICKETS);
	CHECK_EQ(p->count, CHANNEL_TICKETS + 20);
	channel_count(p->rig.channel, &counters);
	CHECK_EQ(counters.packets_in, CHANNEL_TICKETS + 20);
	CHECK_EQ(counters.packets_out, CHANNEL_TICKETS + 1);
	CHECK_EQ(counters.bytes_in, (CHANNEL_TICKETS + 20) * 32);
	free_provider(p);
}

/* Few tickets are left, those of the turn itself are answered in it: it goes on. */
static void test_few_tickets(void)
{
	struct provider *p = new_open(16, 16);

	for (uint64_t i = 0; i < CHANNEL_TICKETS - 5; i++)
		CHECK(rig_ask(&p->rig, i, 8, true));
	exchange(p);
	CHECK_EQ(p->count, CHANNEL_TICKETS - 5);
	p->in_packet = answer_at_once;
	for (uint64_t i = 0; i < 100; i++)
		CHECK(rig_ask(&p->rig, i, 8, true));
	rig_publish(&p->rig);
	for (int i = 0; i < 30; i++)
		rig_run(&p->rig);
	CHECK_EQ(p->count, CHANNEL_TICKETS - 5 + 100);
	free_provider(p);
}

static void pause_it(struct provider *p, struct channel *channel, const struct packet *packet)
{
	(void)p, (void)packet;
	channel_pause(channel, true);
}

static void test_pause(void)
{
	struct provider *p = new_open(1, 1);

	p->in_packet = pause_it;
	for (uint64_t i = 0; i < 5; i++)
		CHECK(rig_ask(&p->rig, i, 8, false));
	exchange(p);
	CHECK_EQ(p->count, 1);
	rig_signal(&p->rig);
	exchange(p);
	CHECK_EQ(p->count, 1);
	for (unsigned int i = 2; i <= 5; i++) {
		channel_pause(p->rig.channel, false);
		exchange(p);
		CHECK_EQ(p->count, i);
	}
	channel_pause(p->rig.channel, false);
	rig_ask(&p->rig, 5, 8, false);
	exchange(p);
	CHECK_EQ(p->count, 6);
	free_provider(p);
}

static void fill_again(struct provider *p, struct channel *channel, const struct packet *packet)
{
	(void)channel, (void)packet;
	while (rig_ask(&p->rig, 0, 8, false))
		;
	rig_publish(&p->rig);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	++*(unsigned int *)context;
}

/* A channel that is never empty does not keep others, descriptors and timers waiting. */
static void test_turns(void)
{
	static const struct timeval soon = { .tv_usec = 1000 };
	struct provider *busy = new_open(4, 1), *other = new_open(1, 1);
	unsigned int timers = 0;
	struct event *timer = event_new(base, -1, EV_PERSIST, on_timer, &timers);

	REQUIRE(timer && !event_add(timer, &soon));
	busy->in_packet = fill_again;
	CHECK(rig_ask(&busy->rig, 0, 8, false));
	rig_publish(&busy->rig);
	for (unsigned int i = 0; i < 50; i++) {
		unsigned int before = busy->count;

		rig_ask(&other->rig, i, 8, false);
		rig_publish(&other->rig);
		event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
		event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
		CHECK_NOTE("round %u", i);
		CHECK_EQ(other->count, i + 1);
		CHECK(busy->count > before && busy->count - before <= 3 * CHANNEL_TURN);
	}
	for (int i = 0; i < 10000 && timers < 3; i++)
		event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	CHECK(timers >= 3);
	event_free(timer);
	free_provider(busy);
	free_provider(other);
}

/* One signal for what a turn sends, none to a guest that reads or wants none. */
static void test_signals(void)
{
	struct provider *p = new_open(2, 2);
	struct channel_counters counters;

	p->in_packet = answer_at_once;
	for (uint64_t i = 0; i < 10; i++)
		rig_ask(&p->rig, i, 8, true);
	rig_publish(&p->rig);
	CHECK_EQ(p->rig.signals_sent, 1);
	rig_run(&p->rig);
	CHECK(rig_signalled(&p->rig) && p->rig.signals == 1);
	CHECK_NOTE("it has not read");
	rig_ask(&p->rig, 10, 8, true);
	rig_publish(&p->rig);
	CHECK_EQ(p->rig.signals_sent, 2);
	rig_run(&p->rig);
	CHECK(!rig_signalled(&p->rig));
	CHECK_NOTE("it is reading");
	ring_mask(&p->rig.down);
	answer_count = 0;
	CHECK_EQ(exchange(p), 11);
	ring_mask(&p->rig.down);
	rig_ask(&p->rig, 11, 8, true);
	rig_publish(&p->rig);
	rig_run(&p->rig);
	CHECK(!rig_signalled(&p->rig));
	CHECK(ring_unmask(&p->rig.down));
	CHECK_EQ(exchange(p), 1);
	CHECK_NOTE("outside of a turn");
	CHECK(channel_send(p->rig.channel, 6, 0, 1, NULL, 0, NULL, 0) == CHANNEL_SENT);
	CHECK(channel_send(p->rig.channel, 6, 0, 2, NULL, 0, NULL, 0) == CHANNEL_SENT);
	CHECK(!rig_signalled(&p->rig));
	channel_flush(p->rig.channel);
	CHECK(rig_signalled(&p->rig));
	rig_run(&p->rig);
	CHECK(!rig_signalled(&p->rig) && p->rig.signals == 2);
	channel_count(p->rig.channel, &counters);
	CHECK_EQ(counters.signals_out, 2);
	CHECK_EQ(counters.signals_in, p->rig.signals_sent);
	free_provider(p);
}

static void signal_in_turn(struct provider *p, struct channel *channel)
{
	(void)p;
	channel_signal(channel);
	channel_signal(channel);
	CHECK(channel_send(channel, 6, 0, 5, NULL, 0, NULL, 0) == CHANNEL_SENT);
}

static void signal_alone(struct provider *p, struct channel *channel)
{
	(void)p;
	channel_signal(channel);
}

static void end_turn(struct provider *p, struct channel *channel, const struct packet *packet)
{
	(void)p, (void)packet;
	channel_end_turn(channel);
}

/* A turn's end comes once for its packets, and not without one; signals are merged with what
 * was sent, and come without a packet too. */
static void test_turn_end(void)
{
	struct provider *p = new_open(2, 2);

	rig_run(&p->rig);
	CHECK_EQ(p->turns, 0);
	p->in_turn = signal_in_turn;
	for (uint64_t i = 0; i < 10; i++)
		rig_ask(&p->rig, i, 8, false);
	rig_publish(&p->rig);
	rig_run(&p->rig);
	CHECK_EQ(p->turns, 1);
	CHECK(rig_signalled(&p->rig) && p->rig.signals == 1);
	CHECK_NOTE("the guest has not read: there is a signal nevertheless");
	p->in_turn = signal_alone;
	rig_ask(&p->rig, 10, 8, false);
	rig_publish(&p->rig);
	rig_run(&p->rig);
	CHECK_EQ(p->turns, 2);
	CHECK(rig_signalled(&p->rig) && p->rig.signals == 2);
	CHECK_NOTE("outside of a turn");
	channel_signal(p->rig.channel);
	CHECK(rig_signalled(&p->rig) && p->rig.signals == 3);
	rig_run(&p->rig);
	CHECK(!rig_signalled(&p->rig));
	CHECK_EQ(p->turns, 2);
	CHECK_NOTE("packets that take long");
	p->in_turn = NULL;
	p->in_packet = end_turn;
	p->count = 0;
	for (uint64_t i = 0; i < 10; i++)
		rig_ask(&p->rig, i, 8, false);
	rig_publish(&p->rig);
	rig_run(&p->rig);
	CHECK_EQ(p->count, 10);
	CHECK_EQ(p->turns, 12);
	CHECK_NOTE("nobody has asked to replace anything");
	channel_replaces(p->rig.channel, &(struct vmbus_guid){ { 1 } });
	free_provider(p);
}

static void send_in_open(struct provider *p, struct channel *channel)
{
	(void)p;
	while (channel_send(channel, 6, 0, 5, NULL, 0, NULL, 0) == CHANNEL_SENT)
		;
	((char *)channel->memo)[0]++;
}

static void test_send_in_open(void)
{
	struct provider *p = new_provider(1, 1);
	struct ring_packet packet;
	unsigned int count = 0;

	p->in_open = send_in_open;
	p->refuse = true;
	CHECK(!try_open(p, false));
	rig_run(&p->rig);
	rig_reset(&p->rig);
	p->refuse = false;
	p->opens = 0;
	open_channel(p);
	CHECK(rig_signalled(&p->rig));
	while (rig_read(&p->rig, &packet))
		count++;
	CHECK_EQ(count, 4088 / 24);
	CHECK_EQ(p->readies, 0);
	rig_release(&p->rig);
	rig_run(&p->rig);
	CHECK_EQ(p->readies, 1);
	CHECK_EQ(((char *)p->rig.channel->memo)[0], 2);
	free_provider(p);
}

static void send_in_ready(struct provider *p, struct channel *channel)
{
	static const uint8_t bytes[4096];
	struct iovec part = { (void *)(uintptr_t)bytes, p->readies == 1 ? 4096 : 8 };

	CHECK(channel_send(channel, 6, 0, 5, NULL, 0, &part, 1) ==
	      (p->readies == 1 ? CHANNEL_DEAD : CHANNEL_SENT));
	if (p->readies == 2)
		channel_broken(channel, "enough");
}

static void test_ready(void)
{
	struct provider *p = new_open(1, 1);

	p->in_ready = send_in_ready;
	for (int i = 0; i < 2; i++) {
		while (channel_send(p->rig.channel, 6, 0, 5, NULL, 0, NULL, 0) == CHANNEL_SENT)
			;
		rig_run(&p->rig);
		rig_drain(&p->rig, NULL);
		rig_run(&p->rig);
	}
	CHECK_EQ(p->readies, 2);
	CHECK_STR(p->complaint, "enough");
	free_provider(p);
}

/* A provider that still works when its channel is closed. */
static void test_held(void)
{
	struct provider *p = new_open(1, 1);
	struct channel *channel = p->rig.channel;

	rig_ask(&p->rig, 1, 8, true);
	rig_ask(&p->rig, 2, 8, true);
	exchange(p);
	CHECK_EQ(p->count, 2);
	p->hold = true;
	channel_pause(channel, true);
	channel_answer(channel, p->got[0].ticket, "x", 1);
	channel_close(channel);
	p->rig.channel = NULL;
	CHECK(p->closes == 1 && !p->closed);
	CHECK_NOTE("the answer that was given came through");
	CHECK_EQ(exchange(p), 1);
	CHECK_NOTE("nothing else does");
	rig_ask(&p->rig, 3, 8, true);
	channel_answer(channel, p->got[1].ticket, "x", 1);
	CHECK(channel_send(channel, 6, 0, 1, NULL, 0, NULL, 0) == CHANNEL_DEAD);
	channel_pause(channel, false);
	channel_flush(channel);
	rig_signal(&p->rig);
	CHECK_EQ(exchange(p), 0);
	CHECK_EQ(p->count, 2);
	channel_let_go(channel);
	CHECK(p->closes == 1 && p->closed == 1);
	free_provider(p);
}

static void let_go_in_close(struct device *device, struct channel *channel)
{
	on_close(device, channel);
	channel->held = true;
	channel_let_go(channel);
}

static void test_let_go_in_close(void)
{
	static const struct device_ops at_once = { .open = on_open, .close = let_go_in_close };
	static const struct device_ops no_close = { .open = on_open };
	struct provider *p = new_provider(1, 1);

	p->rig.device.ops = &at_once;
	open_channel(p);
	channel_close(p->rig.channel);
	CHECK(p->closes == 1 && p->closed == 1);
	p->rig.device.ops = &no_close;
	open_channel(p);
	channel_close(p->rig.channel);
	CHECK_EQ(p->closed, 2);
	p->rig.channel = NULL;
	free_provider(p);
}

/* The same journal and rings with a provider's next process: see channel-crash-test.c. */
static void test_resume(void)
{
	struct provider *p = new_open(1, 1);

	for (uint64_t i = 0; i < 3; i++)
		rig_ask(&p->rig, i, 8 + 8 * i, true);
	exchange(p);
	memcpy(p->rig.channel->memo, "memo", 5);
	channel_answer(p->rig.channel, p->got[1].ticket, "x", 1);
	channel_close(p->rig.channel);
	rig_ask(&p->rig, 3, 8, true);
	rig_publish(&p->rig);
	rig_signalled(&p->rig);
	p->count = 0;
	CHECK_NOTE("what the last one waited for is nothing now");
	rig_header(p->rig.down_map)->pending_send_size = 100;
	p->rig.channel = try_open(p, true);
	REQUIRE(p->rig.channel);
	CHECK(p->rig.channel->resumed);
	CHECK_EQ(rig_header(p->rig.down_map)->pending_send_size, 0);
	CHECK_STR((char *)p->rig.channel->memo, "memo");
	CHECK_NOTE("the last one may have owed a signal");
	CHECK(rig_signalled(&p->rig));
	CHECK_EQ(exchange(p), 1);
	REQUIRE(p->count == 3);
	CHECK(p->got[0].transaction == 0 && p->got[0].replayed && p->got[0].size == 8);
	CHECK(p->got[1].transaction == 2 && p->got[1].replayed && p->got[1].size == 24);
	CHECK(p->got[2].transaction == 3 && !p->got[2].replayed);
	answer_all(p, 0);
	CHECK_EQ(exchange(p), 3);
	free_provider(p);
}

/* ---- a guest with a thread of its own, which sleeps ---- */

#define THREAD_REQUESTS 20000u

struct sleeper {
	struct rig *rig;
	uint64_t sent, seen;
	bool failed, done; /* atomic */
};

static bool sleep_on(struct rig *rig)
{
	struct timeval limit = { .tv_sec = 10 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(rig->to_guest, &set);
	return select(rig->to_guest + 1, &set, NULL, NULL, &limit) == 1 && rig_signalled(rig);
}

static void *run_sleeper(void *context)
{
	struct sleeper *s = context;
	struct rig *rig = s->rig;
	bool room = true;

	while (s->seen < THREAD_REQUESTS) {
		while (room && s->sent < THREAD_REQUESTS) {
			room = rig_ask(rig, s->sent, s->sent * 40 % 200, true);
			s->sent += room;
			if (!room)
				room = ring_want_room(&rig->up, ring_packet_size(0, 200));
			if (!room || s->sent % 3 == 0)
				rig_publish(rig);
		}
		rig_publish(rig);
		s->seen += rig_drain(rig, NULL);
		if (s->seen < THREAD_REQUESTS && !sleep_on(rig)) {
			__atomic_store_n(&s->failed, true, __ATOMIC_SEQ_CST);
			break;
		}
		room = true;
	}
	__atomic_store_n(&s->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static void answer_some(struct provider *p, struct channel *channel, const struct packet *packet)
{
	static const uint8_t bytes[100];
	unsigned int i = p->count - 1;

	if (packet->transaction % 8 != 7 && packet->transaction != THREAD_REQUESTS - 1)
		return;
	for (; i < p->count; i--)
		channel_answer(channel, p->got[i].ticket, bytes, p->got[i].transaction % 100);
	p->count = 0;
}

static void test_sleeping_guest(void)
{
	struct provider *p = new_open(1, 1);
	struct sleeper s = { .rig = &p->rig };
	static const struct timeval a_while = { .tv_usec = 20000 };
	struct event *timer = event_new(base, -1, EV_PERSIST, on_timer, &(unsigned int){ 0 });
	pthread_t thread;

	REQUIRE(timer && !event_add(timer, &a_while));
	p->in_packet = answer_some;
	REQUIRE(!pthread_create(&thread, NULL, run_sleeper, &s));
	while (!__atomic_load_n(&s.done, __ATOMIC_SEQ_CST))
		event_base_loop(base, EVLOOP_ONCE);
	pthread_join(thread, NULL);
	event_free(timer);
	CHECK(!s.failed);
	CHECK_EQ(s.seen, THREAD_REQUESTS);
	free_provider(p);
}

int main(void)
{
	base = event_base_new();
	REQUIRE(base);
	CHECK_RUN(test_open);
	CHECK_RUN(test_packets);
	CHECK_RUN(test_orders);
	CHECK_RUN(test_ranges);
	CHECK_RUN(test_bad_ranges);
	CHECK_RUN(test_broken);
	CHECK_RUN(test_full_with_signals);
	CHECK_RUN(test_full_without);
	CHECK_RUN(test_guest_full);
	CHECK_RUN(test_tickets);
	CHECK_RUN(test_few_tickets);
	CHECK_RUN(test_pause);
	CHECK_RUN(test_turns);
	CHECK_RUN(test_signals);
	CHECK_RUN(test_turn_end);
	CHECK_RUN(test_send_in_open);
	CHECK_RUN(test_ready);
	CHECK_RUN(test_held);
	CHECK_RUN(test_let_go_in_close);
	CHECK_RUN(test_resume);
	CHECK_RUN(test_sleeping_guest);
	event_base_free(base);
	return check_done();
}
