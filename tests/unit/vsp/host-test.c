/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vsp/server/host.c and remote.c: a guest that is made up talks VMBus to a host whose
 * devices are of this process, or a provider's at the other end of a socket.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/types.h> /* before <mullion/parent.h>, which has them too */
#include <mullion/uapi.h>
#include <pthread.h>
#include <sys/socket.h>
#include <vmbus/message.h>

#include "channel-guest.h"
#include "host.h"
#include "link.h"

#define MEMORY (512ul * 4096)
#define VPS 4u
#define CHANNELS 4u /* that a guest uses */
#define DATA_PAGES 2u

static struct event_base *base;
static struct host *host;
static unsigned int connections, disconnections, warnings, losses, ends;
static uint32_t lost; /* bits */
static char warning[256];

/* ---- the owner ---- */

static void on_connected(void *context, uint32_t version)
{
	(void)context;
	connections += version != 0;
	disconnections += version == 0;
}

static void on_warning(void *context, const char *text)
{
	(void)context;
	warnings++;
	snprintf(warning, sizeof(warning), "%s", text);
}

static void on_lost(void *context, int provider)
{
	(void)context;
	losses++;
	lost |= 1u << provider;
}

static void on_ended(void *context)
{
	(void)context;
	ends++;
}

static const struct host_calls calls = { .connected = on_connected,
					 .warning = on_warning,
					 .provider_lost = on_lost,
					 .ended = on_ended };

static struct host_device device_of(uint8_t number)
{
	struct host_device device = { .class = VMBUS_CLASS_NETWORK };

	memset(device.instance.bytes, number, sizeof(device.instance.bytes));
	return device;
}

static void run(void)
{
	for (int i = 0; i < 12; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

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

static void new_host(void)
{
	fake_new(MEMORY);
	host = host_new(base, fake.file, VPS, &calls, NULL);
	REQUIRE(host);
	connections = disconnections = warnings = losses = ends = 0;
	lost = 0;
	warning[0] = '\0';
}

/* ---- devices: answer each packet with its transaction, twice ---- */

struct echo {
	struct device device;
	bool refuse, hold;
	unsigned int opens, closes, resumed;
	struct channel *channels[CHANNELS];
};

static void on_packet(struct channel *channel, const struct packet *packet)
{
	uint64_t words[2] = { packet->transaction, packet->transaction };

	channel_answer(channel, packet->ticket, words, sizeof(words));
}

static const struct channel_ops ops = { .packet = on_packet };

static bool on_open(struct device *device, struct channel *channel)
{
	struct echo *echo = device->context;

	REQUIRE(channel->sub < CHANNELS);
	echo->opens++;
	echo->resumed += channel->resumed;
	channel->ops = &ops;
	if (echo->refuse)
		return false;
	CHECK(!echo->channels[channel->sub]);
	echo->channels[channel->sub] = channel;
	return true;
}

static void on_close(struct device *device, struct channel *channel)
{
	struct echo *echo = device->context;

	echo->closes++;
	channel->held = echo->hold;
	if (!echo->hold)
		echo->channels[channel->sub] = NULL;
}

static const struct device_ops device_ops = { .open = on_open, .close = on_close };

static struct echo local, remote[3];

static void new_echo(struct echo *echo)
{
	*echo = (struct echo){ .device = { .ops = &device_ops, .context = echo } };
}

static void let_go(struct echo *echo, uint32_t sub)
{
	struct channel *channel = echo->channels[sub];

	echo->channels[sub] = NULL;
	channel_let_go(channel);
}

/* ---- the guest ---- */

static struct guest_channel {
	uint32_t relid, connection, sub;
	uint8_t instance;
	bool rescinded, open;
	struct rig rig;
} channels[CHANNELS];
static uint32_t offers, created, opened_status, torn_down, unloaded, version, modified, all_offers;

static void send_message(const void *message, uint32_t size)
{
	fake_message(VMBUS_CONNECTION_NEW, VMBUS_MESSAGE_TYPE, message, size);
}

static void send_words(uint32_t type, uint32_t a, uint32_t b, uint32_t count)
{
	uint32_t words[4] = { type, 0, a, b };

	send_message(words, 8 + 4 * count);
}

static void got_offer(const struct vmbus_msg_offer *offer)
{
	struct guest_channel *channel = channels;

	while (channel->relid)
		REQUIRE(++channel < channels + CHANNELS);
	offers++;
	channel->relid = offer->relid;
	channel->connection = offer->connection;
	channel->sub = offer->sub;
	channel->instance = offer->instance.bytes[0];
	channel->rescinded = channel->open = false;
}

static void got_rescind(uint32_t relid)
{
	for (uint32_t i = 0; i < CHANNELS; i++)
		channels[i].rescinded |= channels[i].relid == relid;
}

static void got_post(const struct fake_post *post)
{
	uint32_t words[8];

	memcpy(words, post->bytes, sizeof(words));
	switch (words[0]) {
	case VMBUS_MSG_OFFER_CHANNEL:
		got_offer((const void *)post->bytes);
		break;
	case VMBUS_MSG_RESCIND_OFFER:
		got_rescind(words[2]);
		break;
	case VMBUS_MSG_ALL_OFFERS_DELIVERED:
		all_offers++;
		break;
	case VMBUS_MSG_OPEN_RESULT:
		opened_status = words[4];
		break;
	case VMBUS_MSG_GPADL_CREATED:
		created = words[4] ? 0 : words[3];
		break;
	case VMBUS_MSG_GPADL_TORNDOWN:
		torn_down = words[2];
		break;
	case VMBUS_MSG_VERSION_RESPONSE:
		version = post->bytes[8];
		break;
	case VMBUS_MSG_UNLOAD_RESPONSE:
		unloaded++;
		break;
	case VMBUS_MSG_MODIFY_RESULT:
		modified = words[3] + 1;
		break;
	default:
		CHECK_EQ(words[0], 0);
	}
}

/* Reads what was posted, as long as there is something. */
static void listen_to_host(void)
{
	do {
		for (uint32_t i = 0; i < fake.post_count; i++)
			got_post(&fake.posts[i]);
		fake.post_count = 0;
		run();
	} while (fake.post_count);
}

static void guest_forgets(void)
{
	for (uint32_t i = 0; i < CHANNELS; i++) {
		struct guest_channel *channel = &channels[i];

		if (channel->rig.guest) {
			guest_unmap_pages(channel->rig.up_map, channel->rig.downstream, 1);
			guest_unmap_pages(channel->rig.down_map, channel->rig.downstream, 1);
			guest_free(channel->rig.guest);
			close(channel->rig.to_host);
			close(channel->rig.to_guest);
		}
		*channel = (struct guest_channel){ 0 };
	}
	offers = created = torn_down = unloaded = version = modified = all_offers = 0;
}

static void guest_connect(void)
{
	struct vmbus_msg_contact contact = { .header = { .type = VMBUS_MSG_INITIATE_CONTACT },
					     .version = VMBUS_VERSION(5, 3),
					     .vp = 1,
					     .sint = VMBUS_SINT };

	guest_forgets();
	send_message(&contact, sizeof(contact));
	listen_to_host();
	CHECK_EQ(version, 1);
	send_words(VMBUS_MSG_REQUEST_OFFERS, 0, 0, 0);
	listen_to_host();
	CHECK_EQ(all_offers, 1);
}

/* Waits for it: a channel of that instance and sub. */
static struct guest_channel *find_channel(uint8_t instance, uint32_t sub)
{
	listen_to_host();
	for (uint32_t i = 0; i < CHANNELS; i++) {
		if (channels[i].relid && channels[i].instance == instance &&
		    channels[i].sub == sub && !channels[i].rescinded)
			return &channels[i];
	}
	return NULL;
}

/* The rings lie in pages of their own for each channel. */
static void make_rings(struct guest_channel *channel)
{
	const struct guest_range range = { 0, MEMORY };
	struct rig *rig = &channel->rig;
	uint32_t first = 16 + 64 * (uint32_t)(channel - channels);

	if (!rig->guest) {
		*rig = (struct rig){ .base = base, .journal = -1, .to_host = -1, .to_guest = -1 };
		rig->pfn_count = 2 * (DATA_PAGES + 1);
		rig->downstream = DATA_PAGES + 1;
		for (uint32_t i = 0; i < rig->pfn_count; i++)
			rig->pfns[i] = first + 2 * i;
		rig->guest = guest_new(fake.memory, &range, 1);
		REQUIRE(rig->guest);
		rig->up_map = guest_map_pages(rig->guest, rig->pfns, rig->downstream, 1);
		rig->down_map = guest_map_pages(rig->guest, rig->pfns + rig->downstream,
						rig->downstream, 1);
		REQUIRE(rig->up_map && rig->down_map);
	}
	rig_reset(rig);
}

static void make_gpadl(const struct guest_channel *channel, uint32_t gpadl)
{
	uint8_t message[VMBUS_MESSAGE_MAX];
	const struct rig *rig = &channel->rig;
	struct vmbus_msg_gpadl_header header = {
		.header = { .type = VMBUS_MSG_GPADL_HEADER },
		.relid = channel->relid,
		.gpadl = gpadl,
		.ranges_size = (uint16_t)(8 + 8 * rig->pfn_count),
		.range_count = 1,
		.length = rig->pfn_count * 4096,
	};

	memcpy(message, &header, sizeof(header));
	memcpy(message + sizeof(header), rig->pfns, 8ul * rig->pfn_count);
	send_message(message, (uint32_t)sizeof(header) + 8 * rig->pfn_count);
	listen_to_host();
	CHECK_EQ(created, gpadl);
}

/* Asks, and does not wait. */
static void ask_open(struct guest_channel *channel)
{
	struct vmbus_msg_open open = { .header = { .type = VMBUS_MSG_OPEN_CHANNEL },
				       .relid = channel->relid,
				       .open = 7,
				       .gpadl = 100 + channel->relid,
				       .vp = 2,
				       .downstream = DATA_PAGES + 1 };

	make_rings(channel);
	make_gpadl(channel, 100 + channel->relid);
	opened_status = 99;
	send_message(&open, sizeof(open));
	channel->open = true;
}

/* The ends of the signals, when the channel is open. */
static void take_signals(struct guest_channel *channel)
{
	const struct fake_port *port = fake_find_port(channel->connection);
	const struct fake_signal *signal = fake_find_signal(channel->relid);
	struct rig *rig = &channel->rig;

	REQUIRE(port && signal);
	CHECK_EQ(signal->vp, 2);
	if (rig->to_host >= 0) {
		close(rig->to_host);
		close(rig->to_guest);
	}
	rig->to_host = dup(port->eventfd);
	rig->to_guest = dup(signal->eventfd);
}

static void guest_open(struct guest_channel *channel)
{
	REQUIRE(channel);
	ask_open(channel);
	listen_to_host();
	CHECK_EQ(opened_status, 0);
	take_signals(channel);
}

/* And gets its memory back. */
static void guest_close(struct guest_channel *channel)
{
	channel->open = false;
	torn_down = 0;
	send_words(VMBUS_MSG_CLOSE_CHANNEL, channel->relid, 0, 1);
	send_words(VMBUS_MSG_GPADL_TEARDOWN, channel->relid, 100 + channel->relid, 2);
	listen_to_host();
}

static unsigned int answered;

static void got_answer(struct rig *rig, const struct ring_packet *packet)
{
	uint64_t words[2];

	(void)rig;
	CHECK(packet->type == VMBUS_PACKET_COMPLETION && packet->payload_size == sizeof(words));
	memcpy(words, packet->payload, sizeof(words));
	CHECK(words[0] == packet->transaction && words[1] == packet->transaction);
	answered++;
}

static void guest_ask(struct guest_channel *channel, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		CHECK(rig_ask(&channel->rig, i, 40, true));
	rig_publish(&channel->rig);
}

/* All answers come, and none twice. */
static bool guest_hears(struct guest_channel *channel, unsigned int count)
{
	answered = 0;
	for (int i = 0; i < 50 && answered < count; i++) {
		run();
		if (rig_signalled(&channel->rig))
			rig_drain(&channel->rig, got_answer);
	}
	return CHECK_EQ(answered, count);
}

static bool works(struct guest_channel *channel)
{
	guest_ask(channel, 20);
	return guest_hears(channel, 20);
}

static void end_host(void)
{
	host_free(host);
	host = NULL;
	guest_forgets();
	fake_end();
}

/* ---- providers ---- */

static struct link *provider;
static unsigned int provider_ends;

static struct device *find(void *context, const struct vmbus_guid *instance)
{
	uint8_t number = instance->bytes[0];

	(void)context;
	return number >= 10 && number < 13 ? &remote[number - 10].device : NULL;
}

static void on_link_end(void *context)
{
	(void)context;
	provider_ends++;
}

/* The provider's end; the host has not got its own yet. */
static int new_provider(void)
{
	const struct guest_range range = { 0, MEMORY };
	static struct guest *memory;
	int pair[2];

	REQUIRE(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	guest_free(memory);
	memory = NULL;
	if (!host) {
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	memory = guest_new(fake.memory, &range, 1);
	provider = link_new(base, pair[1], memory, find, on_link_end, NULL);
	REQUIRE(memory && provider);
	return pair[0];
}

static int provide(unsigned int count)
{
	struct host_device devices[3] = { device_of(10), device_of(11), device_of(12) };

	return host_provide(host, devices, count, new_provider());
}

static void kill_provider(void)
{
	link_free(provider);
	provider = NULL;
}

/* ---- tests ---- */

static void test_new(void)
{
	unsigned int before = descriptors();
	uint64_t time = 0;

	fake_new(MEMORY);
	host = host_new(base, fake.file, VPS, &calls, NULL);
	REQUIRE(host);
	CHECK(host_reference_time(host, &time) && time == 12345);
	CHECK(!host_new(base, fake.file, VPS, &calls, NULL) && errno == EBUSY);
	CHECK_EQ(fake_bound(), 2);
	host_free(host);
	CHECK_NOTE("the next one on the same file");
	host = host_new(base, fake.file, VPS, &calls, NULL);
	REQUIRE(host);
	end_host();
	fake_new(MEMORY);
	fake.fail = MULLION_IOC_MEMORY;
	CHECK(!host_new(base, fake.file, VPS, &calls, NULL) && errno == EIO);
	fake.fail = MULLION_IOC_BIND_PORT;
	CHECK(!host_new(base, fake.file, VPS, &calls, NULL) && errno == EIO);
	CHECK(!host_new(base, -1, VPS, &calls, NULL) && errno == EBADF);
	host_free(NULL);
	fake_end();
	CHECK_EQ(descriptors(), before);
}

static void local_life(struct guest_channel *channel)
{
	guest_open(channel);
	CHECK(works(channel));
	CHECK_EQ(fake_bound(), 4);
	guest_close(channel);
	CHECK_EQ(torn_down, 100 + channel->relid);
	CHECK_EQ(fake_bound(), 2);
	CHECK(local.opens == local.closes);
}

static void test_local(void)
{
	struct host_device what = device_of(1);
	struct guest_channel *channel;
	struct vmbus_counters counters;
	unsigned int before = descriptors();

	new_host();
	new_echo(&local);
	CHECK(host_offer(host, &what, &local.device));
	CHECK(!host_offer(host, &what, &local.device));
	guest_connect();
	CHECK(connections == 1 && offers == 1);
	channel = find_channel(1, 0);
	REQUIRE(channel);
	local_life(channel);
	local_life(channel);
	CHECK_NOTE("sub-channels");
	guest_open(channel);
	CHECK(channel_offer_subs(local.channels[0], 2));
	CHECK(!channel_offer_subs(local.channels[0], 2));
	CHECK(!channel_offer_subs(local.channels[0], 200));
	CHECK(find_channel(1, 1) && find_channel(1, 2));
	guest_open(find_channel(1, 2));
	CHECK(works(find_channel(1, 2)) && works(channel));
	CHECK_NOTE("GPADL");
	{
		uint64_t *pfns = NULL;
		uint32_t offset, length;

		make_gpadl(channel, 555);
		CHECK_EQ(channel_gpadl(local.channels[0], 555, &pfns, &offset, &length),
			 channel->rig.pfn_count);
		CHECK(pfns && pfns[1] == channel->rig.pfns[1] && offset == 0);
		free(pfns);
		CHECK(!channel_gpadl(local.channels[0], 556, &pfns, &offset, &length));
	}
	CHECK_NOTE("VP");
	send_words(VMBUS_MSG_MODIFY_CHANNEL, channel->relid, 3, 2);
	listen_to_host();
	CHECK(modified == 1 && local.channels[0]->vp == 3);
	CHECK_EQ(fake_find_signal(channel->relid)->vp, 3);
	fake.fail = MULLION_IOC_BIND_SIGNAL;
	send_words(VMBUS_MSG_MODIFY_CHANNEL, channel->relid, 1, 2);
	listen_to_host();
	CHECK(modified != 1 && local.channels[0]->vp == 3);
	fake.fail = 0;
	CHECK_NOTE("a broken channel warns");
	rig_header(channel->rig.up_map)->write_index = 3;
	rig_signal(&channel->rig);
	run();
	CHECK_EQ(warnings, 1);
	CHECK_NOTE("unload");
	send_words(VMBUS_MSG_UNLOAD, 0, 0, 0);
	listen_to_host();
	CHECK(unloaded == 1 && disconnections == 1 && fake_bound() == 2);
	CHECK(local.opens == local.closes);
	CHECK_NOTE("and anew");
	guest_connect();
	guest_open(find_channel(1, 0));
	CHECK(works(find_channel(1, 0)));
	host_count(host, &counters);
	CHECK(counters.connections == 2 && counters.opens == 5);
	CHECK(!host_withdraw(host, &what.instance));
	end_host();
	CHECK_EQ(local.opens, local.closes);
	CHECK_EQ(descriptors(), before);
}

static void test_refused(void)
{
	struct host_device what = device_of(1);
	struct guest_channel *channel;
	static const uint32_t failing[] = { MULLION_IOC_BIND_PORT, MULLION_IOC_BIND_SIGNAL };

	new_host();
	new_echo(&local);
	local.refuse = true;
	CHECK(host_offer(host, &what, &local.device));
	guest_connect();
	channel = find_channel(1, 0);
	REQUIRE(channel);
	for (int i = 0; i < 3; i++) {
		ask_open(channel);
		if (i)
			fake.fail = failing[i - 1];
		listen_to_host();
		fake.fail = 0;
		CHECK_NOTE("%d", i);
		CHECK(opened_status && opened_status != 99);
		CHECK_EQ(fake_bound(), 2);
		CHECK_EQ(local.opens, 1);
		send_words(VMBUS_MSG_GPADL_TEARDOWN, channel->relid, 100 + channel->relid, 2);
		listen_to_host();
		local.refuse = false;
	}
	guest_open(channel);
	CHECK(works(channel));
	end_host();
}

/* A device that holds its channel: the guest waits for its memory; so does host_free(). */
static void test_held(void)
{
	struct host_device what = device_of(1);
	struct guest_channel *channel;
	unsigned int before = descriptors();

	new_host();
	new_echo(&local);
	CHECK(host_offer(host, &what, &local.device));
	guest_connect();
	channel = find_channel(1, 0);
	guest_open(channel);
	local.hold = true;
	guest_close(channel);
	CHECK(!torn_down && local.closes == 1);
	let_go(&local, 0);
	listen_to_host();
	CHECK_EQ(torn_down, 100 + channel->relid);
	for (int closed = 0; closed < 2; closed++) {
		CHECK_NOTE("closed %d", closed);
		local.closes = 0;
		guest_open(channel);
		if (closed)
			guest_close(channel);
		host_free(host);
		CHECK_EQ(local.closes, 1);
		CHECK(guest_write(local.channels[0]->guest, 0, "still there", 12));
		let_go(&local, 0);
		guest_forgets();
		fake_end();
		CHECK_EQ(descriptors(), before);
		new_host();
		CHECK(host_offer(host, &what, &local.device));
		guest_connect();
		channel = find_channel(1, 0);
	}
	end_host();
}

/* The guest has no room for messages: they wait, and it is not read meanwhile. */
static void test_posts(void)
{
	struct host_device what = device_of(1);
	unsigned int tries = 0;

	new_host();
	new_echo(&local);
	CHECK(host_offer(host, &what, &local.device));
	fake.post_room = 0;
	guest_forgets();
	send_message(&(struct vmbus_msg_contact){ .header = { .type = VMBUS_MSG_INITIATE_CONTACT },
						  .version = VMBUS_VERSION(5, 3),
						  .sint = VMBUS_SINT },
		     sizeof(struct vmbus_msg_contact));
	send_words(VMBUS_MSG_REQUEST_OFFERS, 0, 0, 0);
	run();
	CHECK_EQ(fake.message_count, 1);
	while (!all_offers && tries++ < 1000) {
		fake.post_room = 1;
		event_base_loop(base, EVLOOP_ONCE);
		CHECK(fake.post_count <= 1);
		if (fake.post_count) {
			got_post(&fake.posts[0]);
			/* In order. */
			CHECK(version == 1 && (offers == 1 || !all_offers));
		}
		fake.post_count = 0;
	}
	CHECK(all_offers == 1 && offers == 1 && !warnings);
	CHECK_NOTE("and the end of the connection");
	fake.post_room = 0;
	send_words(VMBUS_MSG_OPEN_CHANNEL, 0, 0, 0);
	send_words(VMBUS_MSG_UNLOAD, 0, 0, 0);
	run();
	fake.post_room = FAKE_POSTS;
	for (int i = 0; i < 100 && !unloaded; i++) {
		event_base_loop(base, EVLOOP_ONCE);
		listen_to_host();
	}
	CHECK(unloaded == 1);
	CHECK_NOTE("a call that fails");
	fake.fail = MULLION_IOC_POST_MESSAGE;
	warnings = 0;
	send_words(VMBUS_MSG_UNLOAD, 0, 0, 0);
	run();
	CHECK_EQ(warnings, 1);
	fake.fail = 0;
	end_host();
}

/* Messages without end, also nonsense: others have their turns, and lines are few. */
static void test_flood(void)
{
	static const uint8_t large[VMBUS_MESSAGE_MAX + 1];
	struct vmbus_counters counters;

	new_host();
	guest_connect();
	send_words(VMBUS_MSG_CLOSE_CHANNEL, 77, 0, 1);
	fake.endless = 10000;
	for (int i = 0; fake.endless && i < 1000; i++) {
		uint32_t before = fake.endless;

		event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
		CHECK(before - fake.endless <= 256);
	}
	run();
	CHECK_EQ(fake.message_count + fake.endless, 0);
	CHECK(warnings && warnings <= HOST_WARNINGS);
	fake_message(VMBUS_CONNECTION_NEW, 5, "type", 4);
	fake_message(VMBUS_CONNECTION_OLD, VMBUS_MESSAGE_TYPE, large, sizeof(large));
	fake_message(VMBUS_CONNECTION_OLD, VMBUS_MESSAGE_TYPE, "", 0);
	run();
	CHECK_EQ(fake.message_count, 0);
	host_count(host, &counters);
	CHECK(counters.dropped > 10000);
	end_host();
}

static void test_gone(void)
{
	struct host_device what = device_of(1);
	uint64_t time;
	uint8_t byte = 1;

	new_host();
	new_echo(&local);
	CHECK(host_offer(host, &what, &local.device));
	guest_connect();
	guest_open(find_channel(1, 0));
	CHECK(provide(1) >= 0);
	CHECK(!ftruncate(fake.memory, 0));
	fake_gone();
	run();
	run();
	CHECK_EQ(ends, 1);
	CHECK(!host_reference_time(host, &time));
	CHECK(guest_read(local.channels[0]->guest, 4096, &byte, 1) && !byte);
	what = device_of(2);
	host_offer(host, &what, &remote[0].device);
	kill_provider();
	run();
	CHECK(ends == 1 && losses == 1);
	end_host();
	new_provider();
	CHECK_EQ(local.closes, 1);
}

/* ---- providers at the other end of a socket ---- */

static void test_provide(void)
{
	struct host_device two[2] = { device_of(10), device_of(10) }, own = device_of(1);
	unsigned int before;

	new_host();
	new_echo(&local);
	for (int i = 0; i < 3; i++)
		new_echo(&remote[i]);
	before = descriptors();
	CHECK(host_provide(host, two, 0, dup(0)) < 0 && errno == EINVAL);
	CHECK(host_provide(host, two, 2, dup(0)) < 0 && errno == EINVAL);
	CHECK(host_offer(host, &own, &local.device));
	CHECK(host_provide(host, &own, 1, dup(0)) < 0 && errno == EEXIST);
	CHECK_EQ(descriptors(), before);
	CHECK_INT(provide(2), 0);
	CHECK_NOTE("one that lives");
	CHECK(host_provide(host, two, 1, dup(0)) < 0 && errno == EEXIST);
	CHECK_NOTE("whose end was not seen yet");
	kill_provider();
	CHECK_INT(provide(3), 1);
	CHECK_EQ(losses, 0);
	run();
	CHECK(losses == 1 && lost == 1);
	guest_connect();
	CHECK(offers == 4 && find_channel(10, 0) && find_channel(12, 0));
	kill_provider();
	run();
	CHECK(losses == 2 && lost == 3);
	CHECK_NOTE("withdrawn");
	CHECK(host_withdraw(host, &two[0].instance));
	CHECK(!host_withdraw(host, &two[0].instance));
	listen_to_host();
	CHECK(!find_channel(10, 0));
	end_host();
	new_provider();
}

static void test_remote(void)
{
	struct guest_channel *channel, *other;
	struct host_device what = device_of(10);
	unsigned int before = descriptors();

	new_host();
	for (int i = 0; i < 3; i++)
		new_echo(&remote[i]);
	CHECK_INT(provide(2), 0);
	guest_connect();
	channel = find_channel(10, 0);
	other = find_channel(11, 0);
	for (int i = 0; i < 2; i++) {
		guest_open(channel);
		guest_open(other);
		CHECK(works(channel) && works(other));
		guest_close(channel);
		CHECK_EQ(torn_down, 100 + channel->relid);
		CHECK(works(other));
		guest_close(other);
		CHECK_EQ(fake_bound(), 2);
	}
	CHECK(remote[0].opens == 2 && remote[0].closes == 2 && !remote[0].resumed);
	CHECK_NOTE("refused");
	remote[0].refuse = true;
	ask_open(channel);
	listen_to_host();
	CHECK(opened_status && opened_status != 99);
	send_words(VMBUS_MSG_GPADL_TEARDOWN, channel->relid, 100 + channel->relid, 2);
	listen_to_host();
	remote[0].refuse = false;
	guest_open(channel);
	CHECK_NOTE("VP");
	send_words(VMBUS_MSG_MODIFY_CHANNEL, channel->relid, 3, 2);
	listen_to_host();
	CHECK(modified == 1 && remote[0].channels[0]->vp == 3);
	CHECK_NOTE("complaint");
	channel_broken(remote[0].channels[0], "bad \n text");
	run();
	CHECK_STR(warning, "bad ? text");
	CHECK_NOTE("withdrawn while it is held");
	remote[0].hold = true;
	CHECK(host_withdraw(host, &what.instance));
	listen_to_host();
	CHECK(channel->rescinded && remote[0].channels[0]);
	send_words(VMBUS_MSG_GPADL_TEARDOWN, channel->relid, 100 + channel->relid, 2);
	send_words(VMBUS_MSG_RELID_RELEASED, channel->relid, 0, 1);
	listen_to_host();
	let_go(&remote[0], 0);
	listen_to_host();
	CHECK_EQ(fake_bound(), 2);
	CHECK(!losses && provider_ends == 0);
	kill_provider();
	end_host();
	new_provider();
	CHECK_EQ(descriptors(), before);
}

/* The provider's process ends at each point of a channel's life, and the next one comes:
 * at once, or when the guest has gone on. */
static void test_provider_killed(void)
{
	enum {
		OFFERED,
		OPENING,
		OPEN,
		ASKED,
		CLOSING,
		HELD,
		CLOSED,
		REOPENED,
		POINTS
	};
	unsigned int before = descriptors();

	for (int point = 0; point < 2 * POINTS; point++) {
		struct guest_channel *channel;
		bool late = point >= POINTS;
		int at = point % POINTS;

		CHECK_NOTE("point %d", point);
		new_host();
		for (int i = 0; i < 3; i++)
			new_echo(&remote[i]);
		CHECK_INT(provide(1), 0);
		guest_connect();
		channel = find_channel(10, 0);
		REQUIRE(channel);
		if (at == OPENING) {
			ask_open(channel);
			event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
		} else if (at >= OPEN) {
			guest_open(channel);
		}
		if (at == ASKED)
			guest_ask(channel, 10);
		remote[0].hold = at == HELD;
		if (at == CLOSING)
			send_words(VMBUS_MSG_CLOSE_CHANNEL, channel->relid, 0, 1);
		if (at >= HELD)
			guest_close(channel);
		if (at == REOPENED)
			guest_open(channel);
		/* Its process would let go of all. */
		kill_provider();
		if (at == HELD)
			let_go(&remote[0], 0);
		new_echo(&remote[0]);
		if (late) {
			listen_to_host();
			CHECK_EQ(losses, 1);
			if (at == OPEN)
				guest_ask(channel, 10);
		}
		CHECK(provide(1) >= 0);
		listen_to_host();
		CHECK_EQ(losses, 1);
		if (at == OPENING) {
			CHECK_EQ(opened_status, 0);
			take_signals(channel);
		}
		if (at == ASKED || (at == OPEN && late))
			guest_hears(channel, 10);
		if (at == CLOSING || at == HELD || at == CLOSED || at == OFFERED) {
			CHECK_EQ(fake_bound(), 2);
			if (at == CLOSING) {
				torn_down = 0;
				send_words(VMBUS_MSG_GPADL_TEARDOWN, channel->relid,
					   100 + channel->relid, 2);
				listen_to_host();
			}
			if (at != OFFERED)
				CHECK_EQ(torn_down, 100 + channel->relid);
			guest_open(channel);
			/* The guest's message may come after the next process. */
			CHECK(remote[0].resumed <= (at == CLOSING));
		} else if (at != OPENING) {
			CHECK_EQ(remote[0].resumed, 1);
		}
		CHECK(works(channel));
		guest_close(channel);
		CHECK_EQ(torn_down, 100 + channel->relid);
		CHECK(remote[0].opens == remote[0].closes);
		kill_provider();
		end_host();
		new_provider();
		CHECK_EQ(descriptors(), before);
	}
}

/* The guest gives up what was taken away. */
static void release(struct guest_channel *channel)
{
	if (channel->open)
		send_words(VMBUS_MSG_GPADL_TEARDOWN, channel->relid, 100 + channel->relid, 2);
	send_words(VMBUS_MSG_RELID_RELEASED, channel->relid, 0, 1);
	listen_to_host();
	channel->relid = 0;
}

/* A channel that does the work of another device, which the guest has open: that one goes,
 * and comes again with the channel's end, whoever ends it and however. */
static void test_replaces(void)
{
	enum {
		CLOSED,
		KILLED, /* and the next process goes on, then the guest closes */
		KILLED_CLOSED, /* the guest closes while there is no process */
		QUICK, /* before the guest has given up the other */
		WAYS
	};
	unsigned int before = descriptors();

	for (int way = 0; way < WAYS; way++) {
		struct host_device what = device_of(11);
		struct guest_channel *channel, *other;

		CHECK_NOTE("way %d", way);
		new_host();
		for (int i = 0; i < 3; i++)
			new_echo(&remote[i]);
		CHECK_INT(provide(2), 0);
		guest_connect();
		channel = find_channel(10, 0);
		other = find_channel(11, 0);
		guest_open(channel);
		guest_open(other);
		channel_replaces(remote[0].channels[0], &what.instance);
		channel_replaces(remote[0].channels[0], &what.instance);
		listen_to_host();
		CHECK(other->rescinded && remote[1].closes == 1);
		if (way != QUICK) {
			release(other);
			CHECK(!find_channel(11, 0));
		}
		CHECK(works(channel));
		if (way == KILLED || way == KILLED_CLOSED) {
			kill_provider();
			listen_to_host();
			CHECK(!find_channel(11, 0));
		}
		if (way == KILLED) {
			CHECK(provide(2) >= 0);
			CHECK(!find_channel(11, 0));
			CHECK(works(channel));
		}
		guest_close(channel);
		if (way == QUICK) {
			CHECK(!find_channel(11, 0));
			release(other);
		}
		other = find_channel(11, 0);
		REQUIRE(other);
		if (way == KILLED_CLOSED)
			CHECK(provide(2) >= 0);
		guest_open(other);
		CHECK(works(other));
		CHECK_NOTE("way %d, again", way);
		guest_open(channel);
		channel_replaces(remote[0].channels[0], &what.instance);
		listen_to_host();
		CHECK(other->rescinded);
		release(other);
		/* What is withdrawn meanwhile does not come again. */
		CHECK(host_withdraw(host, &what.instance));
		guest_close(channel);
		CHECK(!find_channel(11, 0));
		CHECK(!warnings);
		kill_provider();
		end_host();
		new_provider();
		CHECK_EQ(descriptors(), before);
	}
}

/* Itself, another provider's, none: the provider is at its end. */
static void test_replaces_wrong(void)
{
	for (uint8_t number = 10; number < 13; number++) {
		struct host_device what = device_of(number), theirs = device_of(12);
		struct guest_channel *channel;
		int pair[2];

		if (number == 11)
			continue;
		CHECK_NOTE("device %u", number);
		new_host();
		for (int i = 0; i < 3; i++)
			new_echo(&remote[i]);
		CHECK_INT(provide(2), 0);
		REQUIRE(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
		CHECK(host_provide(host, &theirs, 1, pair[0]) >= 0);
		guest_connect();
		channel = find_channel(10, 0);
		guest_open(channel);
		channel_replaces(remote[0].channels[0], &what.instance);
		listen_to_host();
		CHECK_EQ(losses, 1);
		CHECK(warnings);
		CHECK(!channel->rescinded && find_channel(12, 0));
		kill_provider();
		close(pair[1]);
		end_host();
		new_provider();
	}
}

/* One that cannot go on: the device is taken away, and comes again as a new one. */
static void test_resume_refused(void)
{
	struct guest_channel *channel;

	new_host();
	for (int i = 0; i < 3; i++)
		new_echo(&remote[i]);
	CHECK_INT(provide(1), 0);
	guest_connect();
	channel = find_channel(10, 0);
	guest_open(channel);
	kill_provider();
	run();
	remote[0].refuse = true;
	CHECK(provide(1) >= 0);
	listen_to_host();
	CHECK(channel->rescinded && warnings == 1);
	CHECK_EQ(fake_bound(), 2);
	remote[0].refuse = false;
	CHECK_NOTE("a new one, while the guest has the old one");
	kill_provider();
	run();
	CHECK(provide(1) >= 0);
	send_words(VMBUS_MSG_GPADL_TEARDOWN, channel->relid, 100 + channel->relid, 2);
	send_words(VMBUS_MSG_RELID_RELEASED, channel->relid, 0, 1);
	channel = find_channel(10, 0);
	guest_open(channel);
	CHECK(works(channel));
	kill_provider();
	end_host();
	new_provider();
}

/* One that is gone before it has been given all that waits for it. */
static void test_stillborn(void)
{
	struct host_device devices[2] = { device_of(10), device_of(11) };
	int pair[2];

	new_host();
	for (int i = 0; i < 3; i++)
		new_echo(&remote[i]);
	CHECK_INT(provide(2), 0);
	guest_connect();
	guest_open(find_channel(10, 0));
	guest_open(find_channel(11, 0));
	kill_provider();
	run();
	REQUIRE(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	close(pair[1]);
	CHECK_INT(host_provide(host, devices, 2, pair[0]), 0);
	run();
	CHECK_EQ(losses, 2);
	CHECK(provide(3) >= 0);
	CHECK(works(find_channel(10, 0)) && works(find_channel(11, 0)));
	CHECK(remote[0].resumed == 1 && remote[1].resumed == 1 && find_channel(12, 0));
	kill_provider();
	end_host();
	new_provider();
}

/* ---- a provider by hand ---- */

static int hand = -1;
static int hand_other = -1; /* the host's end, which is the host's */

static void new_hand(void)
{
	struct host_device what = device_of(10);
	int pair[2];

	REQUIRE(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	hand = pair[1];
	hand_other = pair[0];
	CHECK(host_provide(host, &what, 1, pair[0]) >= 0);
}

static void hand_says(uint32_t type, uint32_t sub, uint32_t word, const int *fds,
		      unsigned int count)
{
	struct link_message message = { .type = type,
					.sub = sub,
					.instance = device_of(10).instance };

	message.count = word;
	CHECK(link_send(hand, &message, fds, count, MSG_DONTWAIT) || errno == EPIPE);
	run();
}

static struct link_message heard;
static int heard_fds[LINK_FDS];

/* 0: the end, -1: nothing there. */
static int hand_hears(unsigned int fd_count)
{
	unsigned int count;
	int result = link_receive(hand, &heard, heard_fds, &count, MSG_DONTWAIT);

	if (result == 1) {
		CHECK_EQ(count, fd_count);
		for (unsigned int i = 0; i < count; i++)
			close(heard_fds[i]);
	}
	return result;
}

static void test_asks(void)
{
	struct guest_channel *channel;

	new_host();
	new_hand();
	guest_connect();
	channel = find_channel(10, 0);
	ask_open(channel);
	run();
	CHECK(hand_hears(4) == 1 && heard.type == LINK_OPEN && !heard.open.resumed);
	CHECK(heard.open.vp == 2 && heard.open.pfn_count == channel->rig.pfn_count);
	CHECK_NOTE("too early");
	hand_says(LINK_OFFER_SUBS, 0, 1, NULL, 0);
	CHECK(hand_hears(0) == 1 && heard.type == LINK_RESULT && !heard.ok);
	hand_says(LINK_OPENED, 0, 1, NULL, 0);
	listen_to_host();
	CHECK_EQ(opened_status, 0);
	CHECK_NOTE("subs");
	hand_says(LINK_OFFER_SUBS, 0, 2, NULL, 0);
	CHECK(hand_hears(0) == 1 && heard.type == LINK_RESULT && heard.ok);
	CHECK(find_channel(10, 2));
	hand_says(LINK_OFFER_SUBS, 0, 119, NULL, 0);
	CHECK(hand_hears(0) == 1 && heard.ok);
	hand_says(LINK_OFFER_SUBS, 0, 120, NULL, 0);
	CHECK(hand_hears(0) == 1 && !heard.ok);
	fake.post_count = 0;
	CHECK_NOTE("GPADLs");
	hand_says(LINK_GET_GPADL, 0, 100 + channel->relid, NULL, 0);
	CHECK(hand_hears(1) == 1 && heard.type == LINK_GPADL);
	CHECK(heard.pages.count == channel->rig.pfn_count && !heard.pages.offset &&
	      heard.pages.length == 4096 * channel->rig.pfn_count);
	hand_says(LINK_GET_GPADL, 0, 5, NULL, 0);
	CHECK(hand_hears(0) == 1 && heard.type == LINK_GPADL && !heard.pages.count);
	CHECK_NOTE("descriptors that nobody wants");
	{
		unsigned int before = descriptors();

		hand_says(LINK_COMPLAIN, 0, 0x41414141, (int[]){ 0, 0 }, 2);
		CHECK_EQ(descriptors(), before);
		CHECK_STR(warning, "AAAA");
	}
	CHECK_EQ(losses, 0);
	close(hand);
	end_host();
}

/* A device's first channel is resumed before its others, wherever they lie. */
static void test_resume_order(void)
{
	struct host_device what = device_of(1);
	struct guest_channel *channel;

	new_host();
	new_echo(&local);
	CHECK(host_offer(host, &what, &local.device));
	new_hand();
	guest_connect();
	guest_open(find_channel(1, 0));
	for (uint32_t sub = 0; sub < 2; sub++) {
		channel = find_channel(10, sub);
		REQUIRE(channel);
		ask_open(channel);
		run();
		CHECK(hand_hears(4) == 1 && heard.sub == sub);
		hand_says(LINK_OPENED, sub, 1, NULL, 0);
		listen_to_host();
		CHECK_EQ(opened_status, 0);
		if (sub)
			continue;
		hand_says(LINK_OFFER_SUBS, 0, 1, NULL, 0);
		CHECK(hand_hears(0) == 1 && heard.ok);
		guest_close(find_channel(1, 0));
	}
	close(hand);
	run();
	new_hand();
	for (uint32_t sub = 0; sub < 2; sub++)
		CHECK(hand_hears(4) == 1 && heard.sub == sub && heard.open.resumed);
	close(hand);
	end_host();
}

/* Each is dropped, its channel waits for the next, which goes on. */
static void test_hostile(void)
{
	static const struct {
		uint32_t type, sub, word;
		bool open;
	} table[] = {
		{ 0, 0, 0, true },
		{ 99, 0, 0, true },
		{ LINK_OPEN, 0, 0, true },
		{ LINK_RESULT, 0, 1, true },
		{ LINK_CLOSED, 0, 0, true },
		{ LINK_CLOSED, 0, 0, false },
		{ LINK_OPENED, 0, 0, true },
		{ LINK_OPENED, 5, 1, true },
		{ LINK_GET_GPADL, 1, 1, true },
		{ LINK_COMPLAIN, 9, 1, true },
	};
	unsigned int before = descriptors();

	for (unsigned int i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct guest_channel *channel;

		CHECK_NOTE("row %u", i);
		new_host();
		new_hand();
		guest_connect();
		channel = find_channel(10, 0);
		ask_open(channel);
		run();
		CHECK(hand_hears(4) == 1);
		if (table[i].open)
			hand_says(LINK_OPENED, 0, 1, NULL, 0);
		hand_says(table[i].type, table[i].sub, table[i].word, (int[]){ 0 }, i & 1);
		CHECK_EQ(hand_hears(0), 0);
		CHECK(losses == 1 && warnings == 1);
		close(hand);
		new_hand();
		CHECK(hand_hears(4) == 1 && heard.type == LINK_OPEN && heard.open.resumed);
		hand_says(LINK_OPENED, 0, 1, NULL, 0);
		listen_to_host();
		CHECK_EQ(opened_status, 0);
		CHECK_NOTE("row %u, closed", i);
		send_words(VMBUS_MSG_CLOSE_CHANNEL, channel->relid, 0, 1);
		run();
		CHECK(hand_hears(0) == 1 && heard.type == LINK_CLOSE);
		hand_says(LINK_CLOSED, 0, 0, NULL, 0);
		CHECK_EQ(fake_bound(), 2);
		CHECK_EQ(losses, 1);
		close(hand);
		end_host();
		CHECK_EQ(descriptors(), before);
	}
}

/* A guest that changes the VP again and again does not fill the socket of its provider. */
static void test_many_vps(void)
{
	struct guest_channel *channel;
	unsigned int told = 0;

	new_host();
	new_hand();
	guest_connect();
	channel = find_channel(10, 0);
	ask_open(channel);
	run();
	CHECK(hand_hears(4) == 1);
	hand_says(LINK_OPENED, 0, 1, NULL, 0);
	for (uint32_t i = 0; i <= 20001; i++) {
		send_words(VMBUS_MSG_MODIFY_CHANNEL, channel->relid, i % 2 ? 3 : 1, 2);
		listen_to_host();
	}
	CHECK_INT(losses, 0);
	heard.vp = 0;
	/* The last one may have to wait until there is room. */
	for (int i = 0; i < 1000 && heard.vp != 3; i++) {
		while (hand_hears(0) == 1) {
			CHECK_EQ(heard.type, LINK_VP);
			told++;
		}
		usleep(1000);
		run();
	}
	CHECK_EQ(heard.vp, 3);
	CHECK(told && told < 20000);
	CHECK_INT(losses, 0);
	close(hand);
	end_host();
}

/* It does not read: its socket is full, nobody waits for it. */
static void test_deaf(void)
{
	struct link_message message = { .type = LINK_VP, .instance = device_of(10).instance };
	struct guest_channel *channel;

	new_host();
	new_hand();
	guest_connect();
	channel = find_channel(10, 0);
	ask_open(channel);
	run();
	CHECK(hand_hears(4) == 1);
	hand_says(LINK_OPENED, 0, 1, NULL, 0);
	while (link_send(hand_other, &message, NULL, 0, MSG_DONTWAIT))
		;
	send_words(VMBUS_MSG_MODIFY_CHANNEL, channel->relid, 3, 2);
	listen_to_host();
	CHECK_INT(losses, 0);
	CHECK_NOTE("asked by the provider, whose answer finds no room");
	hand_says(LINK_GET_GPADL, 0, 1, NULL, 0);
	listen_to_host();
	CHECK_INT(losses, 1);
	close(hand);
	new_hand();
	CHECK(hand_hears(4) == 1 && heard.open.resumed && heard.open.vp == 3);
	close(hand);
	end_host();
}

/* A provider in a thread, which asks and waits. */
struct worker {
	struct event_base *base;
	struct link *link;
	struct guest *guest;
	uint32_t gpadl_pages;
	bool subs;
};

static struct worker worker;

static void on_asking_packet(struct channel *channel, const struct packet *packet)
{
	uint64_t *pfns = NULL;
	uint32_t offset, length;

	worker.gpadl_pages = channel_gpadl(channel, 555, &pfns, &offset, &length);
	free(pfns);
	worker.subs = channel_offer_subs(channel, 1);
	on_packet(channel, packet);
}

static bool on_worker_open(struct device *device, struct channel *channel)
{
	static const struct channel_ops asking = { .packet = on_asking_packet };

	(void)device;
	channel->ops = &asking;
	return true;
}

static void on_worker_end(void *context)
{
	event_base_loopbreak(context);
}

static void *run_worker(void *context)
{
	(void)context;
	event_base_dispatch(worker.base);
	return NULL;
}

static void test_asking_provider(void)
{
	static const struct device_ops worker_ops = { .open = on_worker_open };
	const struct guest_range range = { 0, MEMORY };
	struct host_device what = device_of(10);
	struct guest_channel *channel;
	pthread_t thread;
	int pair[2];

	new_host();
	new_echo(&remote[0]);
	remote[0].device.ops = &worker_ops;
	REQUIRE(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	worker.base = event_base_new();
	worker.guest = guest_new(fake.memory, &range, 1);
	worker.link =
		link_new(worker.base, pair[1], worker.guest, find, on_worker_end, worker.base);
	REQUIRE(worker.link && !pthread_create(&thread, NULL, run_worker, NULL));
	CHECK_INT(host_provide(host, &what, 1, pair[0]), 0);
	guest_connect();
	channel = find_channel(10, 0);
	REQUIRE(channel);
	ask_open(channel);
	for (int i = 0; i < 5000 && opened_status == 99; i++) {
		usleep(1000);
		listen_to_host();
	}
	CHECK_EQ(opened_status, 0);
	take_signals(channel);
	make_gpadl(channel, 555);
	guest_ask(channel, 1);
	answered = 0;
	for (int i = 0; i < 5000 && !answered; i++) {
		usleep(1000);
		listen_to_host();
		if (rig_signalled(&channel->rig))
			rig_drain(&channel->rig, got_answer);
	}
	CHECK_EQ(answered, 1);
	CHECK(find_channel(10, 1));
	end_host();
	pthread_join(thread, NULL);
	CHECK(worker.subs && worker.gpadl_pages == 2 * (DATA_PAGES + 1));
	link_free(worker.link);
	guest_free(worker.guest);
	event_base_free(worker.base);
}

int main(void)
{
	base = event_base_new();
	REQUIRE(base);
	CHECK_RUN(test_new);
	CHECK_RUN(test_local);
	CHECK_RUN(test_refused);
	CHECK_RUN(test_held);
	CHECK_RUN(test_posts);
	CHECK_RUN(test_flood);
	CHECK_RUN(test_gone);
	CHECK_RUN(test_provide);
	CHECK_RUN(test_remote);
	CHECK_RUN(test_provider_killed);
	CHECK_RUN(test_replaces);
	CHECK_RUN(test_replaces_wrong);
	CHECK_RUN(test_resume_refused);
	CHECK_RUN(test_stillborn);
	CHECK_RUN(test_asks);
	CHECK_RUN(test_resume_order);
	CHECK_RUN(test_hostile);
	CHECK_RUN(test_many_vps);
	CHECK_RUN(test_deaf);
	CHECK_RUN(test_asking_provider);
	event_base_free(base);
	return check_done();
}
