/* SPDX-License-Identifier: GPL-2.0-only */
/* Scenarios in the rings: rings, packets. */
#include <vmbus/net.h>
#include <vmbus/storage.h>

#include "vmbus-devices.h"
#include "vmbus-scenarios.h"

void *memcpy(void *to, const void *from, size_t size);

static struct packet packet;

static uint64_t memory_pfn(void)
{
	static void *page;

	if (!page)
		page = memory_take(1);
	return (uintptr_t)page / PAGE;
}

/* ---- rings: what no writer does ---- */

static void set_write_index(const struct channel *channel, uint32_t index)
{
	__atomic_store_n(&channel->out->write_index, index, __ATOMIC_SEQ_CST);
	channel_signal(channel);
}

/* The host may need a moment to see it; if it sees it closed before, that is as good. */
static void close_again(struct device *device)
{
	nap();
	nap();
	device_close(device);
}

static void bad_indices(struct device *device)
{
	static const uint32_t bad[] = { RING_SIZE,     RING_SIZE + 8, 1,   4,
					RING_SIZE - 4, 0x80000000,    ~7u, ~0u };
	struct channel *channel = &device->channel;

	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		channel_open(channel);
		set_write_index(channel, bad[i]);
		close_again(device);
		/* The reader's index, of the ring that the host writes. */
		channel_open(channel);
		channel->in->read_index = bad[i];
		channel->in->pending_send_size = bad[i];
		channel->out->pending_send_size = bad[i];
		set_write_index(channel, 8);
		close_again(device);
	}
	channel_open(channel);
	device->talk(channel);
	set_write_index(channel, channel->out->write_index - 8);
	close_again(device);
	device_works(device);
}

/* A header at the ring's begin, of which so much is said to be there. */
static void put_head(const struct channel *channel, uint16_t type, uint16_t head, uint16_t size,
		     uint32_t available)
{
	struct vmbus_packet packet_head = {
		.type = type,
		.header_size = head,
		.size = size,
		.flags = (uint16_t)random64(),
		.transaction = random64(),
	};

	memcpy(channel->out_data, &packet_head, sizeof(packet_head));
	set_write_index(channel, available);
}

static void bad_sizes(struct device *device)
{
	static const uint16_t sizes[] = { 0, 1, 2, 3, 4, 64, 511, 512, 2047, 2048, 32767, 65535 };
	static const uint32_t available[] = { 8, 16, 24, 32, 4096, RING_SIZE - 8 };
	static const uint16_t types[] = { 0, 6, 6, 7, 9, 9, 11, 12, 65535 };
	struct channel *channel = &device->channel;

	for (uint32_t i = 0; i < 20; i++) {
		channel_open(channel);
		for (uint32_t k = 16; k < RING_SIZE && i % 2; k += 8)
			*(uint64_t *)(channel->out_data + k) = random64();
		put_head(channel, types[random_below(9)], sizes[random_below(12)],
			 sizes[random_below(12)], available[random_below(6)]);
		close_again(device);
	}
	device_works(device);
}

/* GPA_DIRECT packets whose ranges cannot be, or are of no memory. */
static void bad_ranges(struct device *device)
{
	static const uint32_t counts[] = { 0, 1, 2, 128, 129, ~0u };
	static const uint32_t lengths[] = { 0, 1, PAGE, PAGE + 1, 0x80000000, ~0u };
	static const uint32_t offsets[] = { 0, 1, PAGE - 1, PAGE, ~0u };
	static const uint64_t pfns[] = { 0x1000, 0x100000, 0xfee00, 1ull << 52, ~0ull };
	struct channel *channel = &device->channel;
	struct {
		struct vmbus_gpa_direct head;
		struct vmbus_gpa_range range;
		uint64_t pfns[3];
	} memory;
	uint32_t payload[16];

	for (uint32_t i = 0; i < 20; i++) {
		memory.head.range_count = counts[random_below(6)];
		memory.range.length = lengths[random_below(6)];
		memory.range.offset = offsets[random_below(5)];
		for (uint32_t k = 0; k < 3; k++)
			memory.pfns[k] = pfns[random_below(5)];
		for (uint32_t k = 0; k < 16; k++)
			payload[k] = (uint32_t)random_below(200);
		channel_open(channel);
		if (one_in(2))
			device->talk(channel);
		channel_send(channel, VMBUS_PACKET_GPA_DIRECT, (uint16_t)random_below(4),
			     random64(), &memory,
			     (uint32_t)random_below(sizeof(memory) / 8 + 1) * 8, payload,
			     (uint32_t)random_below(sizeof(payload)));
		close_again(device);
	}
	device_works(device);
}

/* Anything at all. */
static void noise(struct device *device)
{
	struct channel *channel = &device->channel;

	for (uint32_t i = 0; i < 10; i++) {
		channel_open(channel);
		for (uint32_t k = 0; k < (uint32_t)RINGS_PAGES * PAGE; k += 8)
			*(volatile uint64_t *)(channel->rings + k) = one_in(4) ? random_below(64) :
										 random64();
		for (uint32_t k = 0; k < 8; k++)
			set_write_index(channel, (uint32_t)random_below(RING_SIZE) & ~7u);
		close_again(device);
	}
	device_works(device);
}

void scenario_rings(void)
{
	bus_connect();
	devices_find();
	for (uint32_t i = 0; i < DEVICES; i++) {
		uint64_t begin = now_ms();

		bad_indices(&devices[i]);
		bad_sizes(&devices[i]);
		bad_ranges(&devices[i]);
		noise(&devices[i]);
		tell("rings", devices[i].channel.name, now_ms() - begin);
	}
	bus_unload();
	tell("rings", "done, devices work", DEVICES);
}

/* ---- packets: what no driver says ---- */

/* Commands, operations and sizes at random: each is answered. */
static void storage_wild(struct channel *channel, uint32_t count)
{
	static const uint64_t pfns[] = { 0x1000, 0x1001, 0x100000, ~0ull };
	struct {
		struct vmbus_gpa_direct head;
		struct vmbus_gpa_range range;
		uint64_t pfns[2];
	} memory = { .head.range_count = 1 };
	uint64_t words[8], asked = 0, answered = 0, until = now_ms() + 2 * PATIENCE_MS;
	struct vstor_packet *wild = (void *)words;

	while (asked < count || answered < asked) {
		expect("all are answered in time", now_ms() < until, true);
		if (channel_take(channel, &packet)) {
			answered += packet.head.type == VMBUS_PACKET_COMPLETION;
			continue;
		}
		for (uint32_t i = 0; i < 8; i++)
			words[i] = random64();
		wild->operation = (uint32_t)(one_in(4) ? random_below(16) : VSTOR_EXECUTE_SRB);
		wild->srb.path = wild->srb.target = one_in(8);
		wild->srb.lun = (uint8_t)(one_in(4) ? random64() : 0);
		wild->srb.cdb_size = (uint8_t)(one_in(4) ? random64() : 6 + random_below(11));
		wild->srb.data_size = (uint32_t)(one_in(4) ? random64() : random_below(0x2000));
		memory.range.length = 1 + (uint32_t)random_below(0x1ff0);
		memory.range.offset = (uint32_t)random_below(16);
		memory.pfns[0] = pfns[random_below(4)];
		memory.pfns[1] = pfns[random_below(4)];
		if (asked < count &&
		    channel_send(channel, VMBUS_PACKET_GPA_DIRECT, VMBUS_PACKET_ANSWER_WANTED,
				 random64(), &memory, sizeof(memory), words,
				 one_in(4) ? 16 + (uint32_t)random_below(48) : 64))
			asked++;
		else
			nap();
	}
	tell("packets", "wild storage requests, all answered", answered);
}

/* Memory that is not the guest's: a failure, and the channel goes on. */
static void storage_nowhere(struct channel *channel)
{
	static const uint64_t nowhere[] = { 0x100000, 0xfee00, 1ull << 52, ~0ull };
	struct vstor_packet answer;

	for (uint32_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		storage_ask(channel, i, nowhere[i]);
		channel_expect(channel, &packet, i);
		memcpy(&answer, packet.payload, sizeof(answer));
		expect("memory that is not the guest's", answer.srb.srb_status,
		       VSTOR_SRB_INVALID_REQUEST);
	}
	storage_ask(channel, 99, memory_pfn());
	channel_expect(channel, &packet, 99);
	memcpy(&answer, packet.payload, sizeof(answer));
	expect("memory that is", answer.srb.srb_status, VSTOR_SRB_SUCCESS);
}

/* Answers are not read, until no more questions fit; then each one's is there. */
static void storage_deaf(struct channel *channel)
{
	uint64_t last = now_ms();
	uint32_t asked = 0;

	channel->in->pending_send_size = ~0u;
	while (now_ms() < last + QUIET_MS && asked < 10000) {
		if (!storage_ask(channel, 1000 + asked, memory_pfn())) {
			nap();
			continue;
		}
		last = now_ms();
		asked++;
	}
	tell("packets", "storage requests taken while no answer is read", asked);
	expect("few are taken, and some", asked >= 100 && asked < 700, true);
	for (uint32_t i = 0; i < asked; i++) {
		expect("an answer comes", channel_wait(channel, &packet, PATIENCE_MS), true);
		expect("type of it", packet.head.type, VMBUS_PACKET_COMPLETION);
		expect("its transaction", packet.head.transaction - 1000 < asked, true);
	}
	storage_ask(channel, 1, memory_pfn());
	channel_expect(channel, &packet, 1);
}

static void storage_packets(struct device *device)
{
	struct channel *channel = &device->channel;

	channel_open(channel);
	device->talk(channel);
	storage_nowhere(channel);
	storage_deaf(channel);
	storage_wild(channel, 1500);
	device_close(device);
	/* The first command may be told that a bus was reset: that is the old channel's. */
	device_works(device);
}

/* A message of RNDIS with sizes and offsets that mean nothing. */
static void wild_rndis(uint32_t *words)
{
	static const uint32_t types[] = { 1, 1, 1, 2, 3, 4, 5, 6, 8, 0x80000002 };

	for (uint32_t i = 0; i < 64; i++)
		words[i] = (uint32_t)(one_in(3) ? random64() : random_below(300));
	words[0] = types[random_below(10)];
	words[1] = (uint32_t)(one_in(3) ? random64() : random_below(512));
}

/* What is well-formed for the channel, and means nothing to the card. */
static bool network_wild_one(struct channel *channel, uint32_t *page)
{
	static const uint32_t types[] = { 1,   100, 101, 103, 104, 106, 107, 107, 107,
					  107, 107, 107, 107, 108, 125, 129, 131, 133 };
	struct {
		struct vmbus_gpa_direct head;
		struct vmbus_gpa_range range;
		uint64_t pfn;
	} memory = { { 0, 1 }, { 0, 0 }, 0 };
	struct nvsp_message message;

	wild_rndis(page);
	memory.range.offset = one_in(4) ? (uint32_t)random_below(PAGE) : 0;
	memory.range.length = 1 + (uint32_t)random_below(PAGE - memory.range.offset);
	memory.pfn = one_in(8) ? 0x100000 : (uintptr_t)page / PAGE;
	for (uint32_t i = 0; i < 9; i++)
		message.u.words[i] = (uint32_t)(one_in(3) ? random64() : random_below(8));
	message.type = one_in(40) ? (uint32_t)random64() : types[random_below(18)];
	if (message.type == NVSP_RNDIS && one_in(2))
		message.u.rndis.section = NVSP_NO_SECTION;
	return channel_send(channel, one_in(3) ? VMBUS_PACKET_INBAND : VMBUS_PACKET_GPA_DIRECT,
			    (uint16_t)random_below(2), random64(), &memory, sizeof(memory),
			    &message, sizeof(message));
}

static void network_packets(struct device *device)
{
	struct channel *channel = &device->channel;
	uint32_t *page = memory_take(1);
	uint32_t sent = 0;

	for (uint32_t round = 0; round < 10; round++) {
		channel_open(channel);
		device->talk(channel);
		for (uint32_t i = 0; i < 100; i++) {
			sent += network_wild_one(channel, page);
			while (i % 8 == 0 && channel_take(channel, &packet))
				;
		}
		/* Offers of sub-channels among them: not wanted. */
		close_again(device);
	}
	bus_connect();
	devices_find();
	device_works(device);
	tell("packets", "wild messages to the card", sent);
}

/* What comes without an end on each of the light ones. */
static void light_packets(struct device *device)
{
	struct channel *channel = &device->channel;
	uint32_t words[32];

	for (uint32_t round = 0; round < 10; round++) {
		channel_open(channel);
		if (round % 2)
			device->talk(channel);
		for (uint32_t i = 0; i < 20; i++) {
			for (uint32_t k = 0; k < 32; k++)
				words[k] = (uint32_t)(one_in(4) ? random64() : random_below(8));
			words[1] = one_in(2) ? 120 : words[1];
			channel_send(channel, VMBUS_PACKET_INBAND, (uint16_t)random_below(2),
				     random64(), NULL, 0, words,
				     (uint32_t)random_below(sizeof(words)));
		}
		close_again(device);
	}
	device_works(device);
}

/* Questions to the keyboard whose answers nobody reads: it takes no more of them. */
static void keyboard_deaf(struct device *device)
{
	struct channel *channel = &device->channel;
	uint32_t request[2] = { 1, 0x10000 };
	uint64_t last = now_ms();
	uint32_t asked = 0;

	channel_open(channel);
	while (now_ms() < last + QUIET_MS && asked < 100000) {
		if (!channel_send(channel, VMBUS_PACKET_INBAND, VMBUS_PACKET_ANSWER_WANTED, asked,
				  NULL, 0, request, sizeof(request))) {
			nap();
			continue;
		}
		last = now_ms();
		asked++;
	}
	tell("packets", "keyboard requests taken while no answer is read", asked);
	expect("few are taken, and some", asked >= 500 && asked < 2000, true);
	device_close(device);
	device_works(device);
}

static uint64_t signal_some(uint32_t connection)
{
	uint64_t flag = random_below(0x10000);

	return hypercall(HVCALL_SIGNAL_EVENT | HV_CALL_FAST, connection | flag << 32, 0) & 0xffff;
}

static void signals(struct device *device)
{
	struct channel *channel = &device->channel;
	uint32_t known = 0;

	expect("a signal to a closed channel", channel_signal(channel),
	       HV_STATUS_INVALID_CONNECTION_ID);
	expect("a signal to where messages go", signal_some(VMBUS_CONNECTION_NEW),
	       HV_STATUS_INVALID_CONNECTION_ID);
	channel_open(channel);
	device->talk(channel);
	for (uint32_t i = 0; i < 10000; i++)
		channel_signal(channel);
	for (uint32_t i = 0; i < 2000; i++)
		known += !signal_some(0x2000 + (uint32_t)random_below(0x800));
	device_close(device);
	device_works(device);
	tell("packets", device->channel.name, known);
}

/* ---- The second processor rewrites what the host reads ---- */

static struct {
	struct channel *volatile channel;
	volatile bool stopped;
} second;

_Noreturn void rewrite(void)
{
	struct channel *channel;

	while ((channel = second.channel)) {
		uint64_t *at = (uint64_t *)(channel->rings +
					    (random_below((uint64_t)RINGS_PAGES * PAGE) & ~7ull));

		__atomic_store_n(at, one_in(2) ? random_below(0x1000) : random64(),
				 __ATOMIC_RELAXED);
		if (one_in(8))
			channel->out->write_index = (uint32_t)random_below(RING_SIZE) & ~7u;
		if (one_in(16))
			channel->in->read_index = (uint32_t)random_below(RING_SIZE) & ~7u;
	}
	second.stopped = true;
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void stop_second(void)
{
	second.channel = NULL;
	while (!second.stopped)
		__asm__ volatile("pause");
}

static void rewritten(struct device *device)
{
	struct channel *channel = &device->channel;
	uint64_t pfns[RINGS_PAGES];
	uint32_t opened = 0;

	memory_pfns(channel->rings, RINGS_PAGES, pfns);
	second.stopped = false;
	second.channel = channel;
	start_second();
	for (uint32_t i = 0; i < 15; i++) {
		channel->gpadl = gpadl_id();
		expect("GPADL of the rings",
		       gpadl_make(channel->relid, channel->gpadl, pfns, RINGS_PAGES),
		       VMBUS_STATUS_OK);
		if (channel_try_open(channel, channel->gpadl, RING_PAGES + 1, 0) !=
		    VMBUS_STATUS_OK) {
			gpadl_teardown(channel->relid, channel->gpadl);
			continue;
		}
		opened++;
		for (uint32_t k = 0; k < 50; k++) {
			/* As in a packet that could be one. */
			put_head(channel, k % 2 ? VMBUS_PACKET_INBAND : VMBUS_PACKET_GPA_DIRECT,
				 2 + (uint16_t)random_below(8), 4 + (uint16_t)random_below(16),
				 (uint32_t)random_below(RING_SIZE) & ~7u);
		}
		channel_close(channel);
	}
	stop_second();
	tell("packets", "opened while rewritten", opened);
	device_works(device);
}

void scenario_packets(void)
{
	bus_connect();
	devices_find();
	storage_packets(&devices[STORAGE]);
	network_packets(&devices[NETWORK]);
	for (uint32_t i = HEARTBEAT; i <= MOUSE; i++)
		light_packets(&devices[i]);
	keyboard_deaf(&devices[KEYBOARD]);
	signals(&devices[HEARTBEAT]);
	signals(&devices[STORAGE]);
	for (uint32_t i = 0; i < DEVICES; i++)
		rewritten(&devices[i]);
	bus_unload();
	tell("packets", "done, devices work", DEVICES);
}
