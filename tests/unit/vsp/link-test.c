/* SPDX-License-Identifier: GPL-2.0-only */
/* vsp/channel/link.c: the provider's end, with hv-vsp's played by hand. */
#include "link.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>

#include "channel-guest.h"

static struct event_base *base;
static struct rig rig;
static struct link *linked;
static int hv = -1; /* our end */
static unsigned int opens, closes, ends;
static bool refuse, hold, free_in_end;
static struct channel *channels[8]; /* by sub */

/* What open() does beside. */
static void (*in_open)(struct channel *channel);
static void (*in_packet)(struct channel *channel);
static void (*in_close)(struct channel *channel);

/* ---- the provider ---- */

static void on_packet(struct channel *channel, const struct packet *packet)
{
	if (in_packet)
		in_packet(channel);
	channel_answer(channel, packet->ticket, "yes", 4);
}

static const struct channel_ops ops = { .packet = on_packet };

static bool on_open(struct device *device, struct channel *channel)
{
	(void)device;
	opens++;
	channel->ops = &ops;
	if (in_open)
		in_open(channel);
	if (!refuse)
		channels[channel->sub] = channel;
	return !refuse;
}

static void on_close(struct device *device, struct channel *channel)
{
	(void)device;
	closes++;
	channel->held = hold;
	if (!hold)
		channels[channel->sub] = NULL;
	if (in_close)
		in_close(channel);
}

static const struct device_ops device_ops = { .open = on_open, .close = on_close };

static const struct vmbus_guid instance = { .bytes = { 1, 2, 3 } };
static const struct vmbus_guid unknown = { .bytes = { 9 } };

static struct device *find(void *context, const struct vmbus_guid *wanted)
{
	(void)context;
	return memcmp(wanted, &instance, sizeof(instance)) == 0 ? &rig.device : NULL;
}

static void on_end(void *context)
{
	(void)context;
	ends++;
	if (free_in_end) {
		link_free(linked);
		linked = NULL;
	}
}

/* ---- hv-vsp ---- */

static unsigned int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	REQUIRE(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void new_link(void)
{
	int pair[2];

	REQUIRE(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
	hv = pair[0];
	linked = link_new(base, pair[1], rig.guest, find, on_end, NULL);
	REQUIRE(linked);
	opens = closes = ends = 0;
	refuse = hold = free_in_end = false;
	in_open = in_packet = in_close = NULL;
	rig_reset(&rig);
	rig_new_journal(&rig);
}

static void end_link(void)
{
	link_free(linked);
	linked = NULL;
	if (hv >= 0)
		close(hv);
	hv = -1;
}

static struct link_message message_of(uint32_t type, uint32_t sub)
{
	return (struct link_message){ .type = type, .sub = sub, .instance = instance };
}

static void say(const struct link_message *message, const int *fds, unsigned int count)
{
	/* The link may be at its end. */
	CHECK(link_send(hv, message, fds, count, MSG_DONTWAIT) || errno == EPIPE);
}

static void say_open(uint32_t sub, unsigned int fd_count)
{
	struct link_message message = message_of(LINK_OPEN, sub);
	int fds[LINK_FDS] = { link_pages_write(rig.pfns, rig.pfn_count), rig.to_host, rig.to_guest,
			      rig.journal };

	message.open.pfn_count = rig.pfn_count;
	message.open.downstream = rig.downstream;
	message.open.vp = 3;
	say(&message, fds, fd_count);
	close(fds[0]);
}

static void say_type(uint32_t type, uint32_t sub)
{
	struct link_message message = message_of(type, sub);

	say(&message, NULL, 0);
}

static struct link_message heard; /* the last message */

/* False: nothing, or the end. No message to us has descriptors. */
static bool hear(void)
{
	int fds[LINK_FDS];
	unsigned int count = 0;
	bool got = link_receive(hv, &heard, fds, &count, MSG_DONTWAIT) == 1;

	CHECK_EQ(count, 0);
	return got && CHECK(memcmp(&heard.instance, &instance, sizeof(instance)) == 0);
}

static bool hear_type(uint32_t type, uint32_t sub)
{
	rig_run(&rig);
	return hear() && CHECK_EQ(heard.type, type) && CHECK_EQ(heard.sub, sub);
}

static void open_sub(uint32_t sub)
{
	say_open(sub, LINK_FDS);
	CHECK(hear_type(LINK_OPENED, sub) && heard.ok);
}

/* ---- tests ---- */

static void test_life(void)
{
	struct link_message vp = message_of(LINK_VP, 0);
	struct ring_packet packet;

	new_link();
	open_sub(0);
	REQUIRE(channels[0]);
	CHECK(channels[0]->vp == 3 && !channels[0]->resumed);
	CHECK_EQ(link_open_channels(linked, &rig.device), 1);
	vp.vp = 2;
	say(&vp, NULL, 0);
	rig_run(&rig);
	CHECK_EQ(channels[0]->vp, 2);
	rig_ask(&rig, 5, 8, true);
	rig_publish(&rig);
	rig_run(&rig);
	CHECK(rig_read(&rig, &packet) && packet.transaction == 5);
	channel_broken(channels[0], "%0200d", 1);
	CHECK(hear_type(LINK_COMPLAIN, 0));
	CHECK_EQ(strlen(heard.text), LINK_TEXT - 1);
	say_type(LINK_CLOSE, 0);
	CHECK(hear_type(LINK_CLOSED, 0));
	CHECK(opens == 1 && closes == 1 && !ends);
	CHECK_EQ(link_open_channels(linked, &rig.device), 0);
	CHECK(!rig.device.host);
	open_sub(0);
	end_link();
	CHECK(opens == 2 && closes == 2 && !ends);
}

static void test_replaces(void)
{
	new_link();
	open_sub(0);
	channel_replaces(channels[0], &unknown);
	CHECK(hear_type(LINK_REPLACES, 0));
	CHECK_MEM(&heard.other, &unknown, sizeof(unknown));
	end_link();
}

static void test_refusals(void)
{
	struct link_message message = message_of(LINK_OPEN, 0);

	new_link();
	refuse = true;
	say_open(0, LINK_FDS);
	say_type(LINK_VP, 0);
	say_type(LINK_CLOSE, 0);
	CHECK(hear_type(LINK_OPENED, 0) && !heard.ok);
	rig_run(&rig);
	CHECK(!hear() && !ends && opens == 1 && closes == 0);
	CHECK_NOTE("pages that are not there");
	message.open.pfn_count = rig.pfn_count + 1;
	message.open.downstream = rig.downstream;
	for (int i = 0; i < 2; i++) {
		int fds[LINK_FDS] = { link_pages_write(rig.pfns, rig.pfn_count), rig.to_host,
				      rig.to_guest, rig.journal };

		say(&message, fds, LINK_FDS);
		CHECK(hear_type(LINK_OPENED, 0) && !heard.ok);
		close(fds[0]);
		message.open.pfn_count = i ? 0 : UINT32_MAX;
	}
	CHECK_NOTE("no such device");
	message.instance = unknown;
	say(&message, (int[]){ 0, 0, 0, 0 }, LINK_FDS);
	rig_run(&rig);
	{
		int fds[LINK_FDS];
		unsigned int count;

		CHECK_INT(link_receive(hv, &heard, fds, &count, MSG_DONTWAIT), 1);
		CHECK(heard.type == LINK_OPENED && !heard.ok);
	}
	CHECK_NOTE("and at last");
	refuse = false;
	open_sub(0);
	end_link();
}

/* Each ends the link, with a channel open. */
static void test_nonsense(void)
{
	static const struct {
		const char *name;
		uint32_t type;
		unsigned int fds;
	} table[] = {
		{ "type 0", 0, 0 },
		{ "type", 99, 3 },
		{ "ours", LINK_OPENED, 0 },
		{ "an answer to nothing", LINK_GPADL, 1 },
		{ "an answer to nothing", LINK_RESULT, 0 },
		{ "opened twice", LINK_OPEN, LINK_FDS },
		{ "no descriptors", LINK_OPEN, 0 },
		{ "three descriptors", LINK_OPEN, 3 },
	};

	for (unsigned int i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		new_link();
		CHECK_NOTE("%s", table[i].name);
		open_sub(0);
		if (table[i].type == LINK_OPEN) {
			say_open(table[i].fds != LINK_FDS, table[i].fds);
		} else {
			struct link_message message = message_of(table[i].type, 0);
			int fds[LINK_FDS] = { 0, 0, 0, 0 };

			say(&message, fds, table[i].fds);
		}
		rig_run(&rig);
		CHECK(ends == 1 && opens == 1 && closes == 1);
		end_link();
		CHECK_EQ(ends, 1);
	}
}

static void send_raw(size_t size, unsigned int fd_count)
{
	static struct link_message bytes[2];
	int fds[16] = { 0 };
	struct iovec part = { bytes, size };
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(fds))];
	} control = { 0 };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };

	REQUIRE(hv >= 0);
	if (fd_count) {
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * fd_count);
	}
	CHECK_EQ(sendmsg(hv, &header, 0), size);
}

/* Too short, too long, too many descriptors: all end it, and no descriptor stays. */
static void test_sizes(void)
{
	static const size_t sizes[] = { 0, 1, sizeof(struct link_message) - 1,
					sizeof(struct link_message),
					sizeof(struct link_message) + 1 };
	static const unsigned int counts[] = { 0, 1, 4, 5, 16 };
	unsigned int before = descriptors();

	for (unsigned int i = 0; i < 25; i++) {
		new_link();
		CHECK_NOTE("%zu bytes, %u descriptors", sizes[i / 5], counts[i % 5]);
		send_raw(sizes[i / 5], counts[i % 5]);
		rig_run(&rig);
		CHECK_EQ(ends, 1);
		end_link();
		CHECK_EQ(descriptors(), before);
	}
}

/* ---- what channels ask ---- */

static struct {
	uint32_t count, offset, length;
	uint64_t first;
	bool subs;
} got;

static void ask_gpadl(struct channel *channel)
{
	uint64_t *pfns = NULL;

	got.count = channel_gpadl(channel, 77, &pfns, &got.offset, &got.length);
	got.first = got.count ? pfns[0] : 0;
	CHECK(!got.count == !pfns);
	free(pfns);
}

static void ask_subs(struct channel *channel)
{
	got.subs = channel_offer_subs(channel, 3);
}

/* The answers lie there before they are asked for; others before them. */
static void answer_gpadl(uint32_t count, uint32_t offset, uint32_t length)
{
	static const uint64_t pfns[] = { 40, 41, 42 };
	struct link_message message = message_of(LINK_GPADL, 0);
	int fd = link_pages_write(pfns, 3);

	message.pages.count = count;
	message.pages.offset = offset;
	message.pages.length = length;
	say(&message, &fd, count != 0);
	close(fd);
}

static void ask_in_packet(void (*what)(struct channel *channel))
{
	in_packet = what;
	rig_ask(&rig, 1, 8, true);
	rig_signal(&rig);
	rig_publish(&rig);
}

static void test_gpadl(void)
{
	static const struct {
		uint32_t count, offset, length, result;
	} table[] = {
		{ 3, 5, 3 * 4096 - 5, 3 },
		{ 3, 5, 3 * 4096 - 4, 0 },
		{ 3, 4096, 1, 0 },
		{ 3, 0, 0, 0 },
		{ 2, 0, 4097, 2 },
		{ 4, 0, 1, 0 },
		{ 0, 0, 0, 0 },
		{ 3, UINT32_MAX, 2, 0 },
		{ 1u << 31, 0, 1, 0 },
	};

	new_link();
	open_sub(0);
	in_packet = ask_gpadl;
	for (unsigned int i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		unsigned int before = descriptors();

		CHECK_NOTE("row %u", i);
		answer_gpadl(table[i].count, table[i].offset, table[i].length);
		/* Before the loop looks at the socket. */
		ask_gpadl(channels[0]);
		CHECK(hear_type(LINK_GET_GPADL, 0) && heard.gpadl == 77);
		CHECK_EQ(got.count, table[i].result);
		if (got.count)
			CHECK(got.first == 40 && got.offset == table[i].offset &&
			      got.length == table[i].length);
		CHECK_EQ(descriptors(), before);
	}
	CHECK_EQ(ends, 0);
	end_link();
}

/* Messages that come before an answer keep their order. */
static void test_between(void)
{
	struct link_message vp = message_of(LINK_VP, 0), result = message_of(LINK_RESULT, 0);

	new_link();
	open_sub(0);
	vp.vp = 1;
	say(&vp, NULL, 0);
	say_open(1, LINK_FDS);
	say_type(LINK_CLOSE, 0);
	result.ok = 1;
	say(&result, NULL, 0);
	say_open(0, LINK_FDS);
	ask_subs(channels[0]);
	CHECK(got.subs && channels[0]->vp == 3 && opens == 1);
	CHECK(hear_type(LINK_OFFER_SUBS, 0) && heard.count == 3);
	CHECK(hear_type(LINK_OPENED, 1) && heard.ok);
	CHECK(hear_type(LINK_CLOSED, 0));
	CHECK(hear_type(LINK_OPENED, 0) && heard.ok);
	CHECK(opens == 3 && closes == 1 && !ends);
	end_link();
}

/* What comes in an answer's place is none of ours: the loop ends the link. */
static void test_nonsense_for_answer(void)
{
	new_link();
	open_sub(0);
	send_raw(1, 1);
	ask_gpadl(channels[0]);
	CHECK(!got.count && !ends);
	rig_run(&rig);
	CHECK(ends == 1 && closes == 1);
	end_link();
}

/* Asked in open(), while an open of another lies before the answer, which asks too. */
static void test_asked_in_open(void)
{
	new_link();
	in_open = ask_gpadl;
	say_open(0, LINK_FDS);
	say_open(1, LINK_FDS);
	say_open(2, LINK_FDS);
	answer_gpadl(3, 0, 4096);
	answer_gpadl(2, 0, 4096);
	answer_gpadl(1, 0, 4096);
	rig_run(&rig);
	CHECK_EQ(got.count, 1);
	for (uint32_t i = 0; i < 3; i++) {
		CHECK(hear_type(LINK_GET_GPADL, i));
		CHECK(hear_type(LINK_OPENED, i) && heard.ok);
	}
	CHECK_EQ(ends, 0);
	CHECK_NOTE("messages that nobody handles");
	say_open(3, LINK_FDS);
	ask_in_packet(ask_subs);
	CHECK_EQ(shutdown(hv, SHUT_WR), 0);
	ask_subs(channels[0]);
	CHECK(!got.subs);
	end_link();
	CHECK_EQ(closes, 3);
}

/* The end comes while an answer is waited for, in open(), in a packet, in close(). */
static void test_end_while_asking(void)
{
	void (**const places[])(struct channel *channel) = { &in_open, &in_packet, &in_close };
	unsigned int before = descriptors();

	for (unsigned int i = 0; i < 12; i++) {
		new_link();
		CHECK_NOTE("case %u", i);
		free_in_end = i & 1;
		if (i % 6 >= 2)
			open_sub(0);
		*places[i % 6 / 2] = i < 6 ? ask_subs : ask_gpadl;
		if (i % 6 < 2)
			say_open(0, LINK_FDS);
		else if (i % 6 < 4)
			ask_in_packet(in_packet);
		else
			say_type(LINK_CLOSE, 0);
		say_type(LINK_CLOSE, 3);
		CHECK_EQ(shutdown(hv, SHUT_WR), 0);
		rig_run(&rig);
		CHECK(ends == 1 && opens == 1 && closes == 1);
		end_link();
		CHECK_EQ(descriptors(), before);
	}
}

/* The end at each message. */
static void test_end_at_each(void)
{
	unsigned int before = descriptors();

	for (unsigned int i = 0; i < 32; i++) {
		new_link();
		CHECK_NOTE("case %u", i);
		free_in_end = i & 1;
		hold = i & 2;
		for (unsigned int n = 0; n < i / 4; n++) {
			if (n % 3 == 2)
				say_type(LINK_CLOSE, n / 3);
			else
				say_open(n - n / 3, LINK_FDS);
			if (i & 8)
				rig_run(&rig);
		}
		close(hv);
		hv = -1;
		rig_run(&rig);
		CHECK_EQ(ends, 1);
		CHECK_EQ(closes, opens);
		for (uint32_t n = 0; hold && n < 8; n++) {
			if (channels[n])
				channel_let_go(channels[n]);
			channels[n] = NULL;
		}
		end_link();
		CHECK_EQ(descriptors(), before);
		CHECK(!rig.device.host);
	}
}

/* The provider holds a channel while its link is freed, and comes with a new link. */
static void test_held(void)
{
	struct link *old;
	unsigned int before = descriptors();

	new_link();
	open_sub(0);
	hold = true;
	say_type(LINK_CLOSE, 0);
	rig_run(&rig);
	CHECK(!hear() && closes == 1);
	CHECK_EQ(link_open_channels(linked, &rig.device), 1);
	say_type(LINK_CLOSE, 0);
	say_type(LINK_VP, 0);
	rig_run(&rig);
	CHECK(!hear() && closes == 1 && !ends);
	old = linked;
	link_free(old);
	close(hv);
	new_link();
	CHECK_NOTE("not twice");
	say_open(0, LINK_FDS);
	CHECK(hear_type(LINK_OPENED, 0) && !heard.ok);
	CHECK_EQ(opens, 0);
	channel_let_go(channels[0]);
	CHECK_NOTE("it let go");
	open_sub(0);
	hold = true;
	say_type(LINK_CLOSE, 0);
	rig_run(&rig);
	channel_let_go(channels[0]);
	channels[0] = NULL;
	CHECK(hear_type(LINK_CLOSED, 0));
	end_link();
	CHECK_EQ(descriptors(), before);
}

/* Closing one lets another go, which is next in the list. */
static void let_others_go(struct channel *channel)
{
	for (uint32_t i = 0; i < 4; i++) {
		struct channel *other = channels[i];

		channels[i] = NULL;
		if (i != channel->sub && other && other->held)
			channel_let_go(other);
	}
}

static void test_let_go_in_close(void)
{
	unsigned int before = descriptors();

	for (uint32_t first = 0; first < 3; first++) {
		new_link();
		hold = true;
		for (uint32_t i = 0; i < 3; i++)
			open_sub(i);
		for (uint32_t i = 0; i < 3; i++) {
			if (i != first)
				say_type(LINK_CLOSE, i);
		}
		rig_run(&rig);
		CHECK_EQ(closes, 2);
		hold = false;
		in_close = let_others_go;
		end_link();
		CHECK_EQ(closes, 3);
		CHECK_EQ(descriptors(), before);
		memset(channels, 0, sizeof(channels));
	}
}

static void test_pages(void)
{
	static const uint64_t pfns[3] = { 1, UINT64_MAX, 3 };
	int fd = link_pages_write(pfns, 3);
	uint64_t *read = link_pages_read(fd, 3);

	REQUIRE(read);
	CHECK(memcmp(read, pfns, sizeof(pfns)) == 0);
	free(read);
	CHECK(!link_pages_read(fd, 4) && errno == EPROTO);
	CHECK(!link_pages_read(fd, 0) && !link_pages_read(fd, UINT32_MAX));
	CHECK(!link_pages_read(-1, 1));
	close(fd);
	CHECK(!link_new(base, -1, rig.guest, find, on_end, NULL));
}

/* Random messages, in numbers, with held channels that are let go at random. */
static void test_walk(void)
{
	unsigned int before = descriptors();

	check_seed(0x6c696e6b77616c6b);
	for (int walk = 0; walk < 300; walk++) {
		new_link();
		CHECK_NOTE("walk %d", walk);
		free_in_end = check_below(2);
		for (int step = 0; step < 40 && !ends; step++) {
			uint32_t sub = (uint32_t)check_below(4);

			hold = check_below(2);
			switch (check_below(40)) {
			case 0 ... 15:
				if (!channels[sub])
					say_open(sub, LINK_FDS);
				break;
			case 16 ... 25:
				say_type(LINK_CLOSE, sub);
				break;
			case 26 ... 37:
				if (channels[sub] && channels[sub]->held) {
					channel_let_go(channels[sub]);
					channels[sub] = NULL;
				}
				break;
			default:
				say_type((uint32_t)check_below(12), sub);
			}
			if (check_below(2))
				rig_run(&rig);
		}
		for (uint32_t i = 0; i < 4; i++) {
			hold = false;
			if (channels[i] && channels[i]->held) {
				channel_let_go(channels[i]);
				channels[i] = NULL;
			}
		}
		end_link();
		CHECK_EQ(opens, closes);
		CHECK_EQ(descriptors(), before);
	}
}

int main(void)
{
	base = event_base_new();
	REQUIRE(base);
	rig_new(&rig, base, &device_ops, 1, 1);
	CHECK_RUN(test_pages);
	CHECK_RUN(test_life);
	CHECK_RUN(test_replaces);
	CHECK_RUN(test_refusals);
	CHECK_RUN(test_nonsense);
	CHECK_RUN(test_sizes);
	CHECK_RUN(test_gpadl);
	CHECK_RUN(test_between);
	CHECK_RUN(test_nonsense_for_answer);
	CHECK_RUN(test_asked_in_open);
	CHECK_RUN(test_end_while_asking);
	CHECK_RUN(test_end_at_each);
	CHECK_RUN(test_held);
	CHECK_RUN(test_let_go_in_close);
	CHECK_RUN(test_walk);
	rig_free(&rig);
	event_base_free(base);
	return check_done();
}
