/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vsp/net: a guest that says anything in its packets and its memory, a backend that gives
 * frames and is full at times, rings that are full at times, channels that close and
 * processes that end, in any order.
 */
#include "fuzz.h"

#include <errno.h>

#include "net-fake.h"
#include "nic.h"

#define MEMORY (1u << 20)
#define PAGE VMBUS_PAGE_SIZE
#define RECEIVE_PAGE 32u
#define RECEIVE_PAGES 32u
#define SEND_PAGE 96u
#define SEND_PAGES 24u
#define CHANNELS 3u
#define LAST 16u

static const struct net_config config = { .mac = { 0x52, 0x54, 0, 1, 2, 3 }, .mtu = 2000 };

static struct guest *guest;
static struct fake_channel *channels[CHANNELS];
static struct net *net;
static bool backend_full;
static uint64_t receive_pfns[RECEIVE_PAGES], send_pfns[SEND_PAGES];

/* ---- a backend that looks at what it gets ---- */

static int backend_send(struct net_backend *backend, unsigned int queue,
			const struct frame_header *header, const struct iovec *parts, int count)
{
	size_t size = 0;
	volatile uint8_t byte = 0;

	FUZZ_CHECK(queue < backend->queues);
	if (backend_full)
		return EAGAIN;
	for (int i = 0; i < count; i++) {
		FUZZ_CHECK(parts[i].iov_len);
		for (size_t j = 0; j < parts[i].iov_len; j++)
			byte = ((uint8_t *)parts[i].iov_base)[j];
		size += parts[i].iov_len;
	}
	(void)byte;
	FUZZ_CHECK(size >= FRAME_HEADER && size <= FRAME_MAX);
	if (header->flags)
		FUZZ_CHECK((size_t)header->sum_start + header->sum_offset + 2 <= size);
	if (header->cut)
		FUZZ_CHECK(header->headers < size && header->segment >= FRAME_SEGMENT_MIN &&
			   header->flags);
	else
		FUZZ_CHECK(size <= config.mtu + FRAME_HEADER + 2 * FRAME_TAG || header->flags);
	return 0;
}

static void backend_receive(struct net_backend *backend, unsigned int queue, bool on)
{
	(void)on;
	FUZZ_CHECK(queue < backend->queues);
}

static void backend_large(struct net_backend *backend, bool on)
{
	(void)backend;
	FUZZ_CHECK(on == net->large);
}

static void backend_free(struct net_backend *backend)
{
	free(backend);
}

static const struct net_backend_ops backend_ops = {
	.send = backend_send,
	.receive = backend_receive,
	.large = backend_large,
	.free = backend_free,
};

static void new_card(void)
{
	struct net_config all = config;
	struct net_backend *backend = calloc(1, sizeof(*backend));

	FUZZ_CHECK(backend);
	*backend = (struct net_backend){ .ops = &backend_ops, .queues = 2, .headers = true };
	all.queues = CHANNELS;
	net = net_new(&all, backend);
	FUZZ_CHECK(net);
	for (uint32_t i = 0; i < CHANNELS; i++)
		channels[i]->channel.device = net_device(net);
}

/* ---- what must always hold ---- */

static void check(void)
{
	uint32_t taken = 0;

	for (uint32_t i = 0; i < NIC_SECTIONS_MAX / 64; i++) {
		FUZZ_CHECK(!(net->memo->busy[i] & ~net->taken[i]));
		taken += (uint32_t)__builtin_popcountll(net->taken[i]);
	}
	FUZZ_CHECK(net->free_count + taken == net->memo->section_count);
	FUZZ_CHECK(net->reply_count <= NIC_REPLIES);
	FUZZ_CHECK(net->memo->frame_size <= config.mtu + FRAME_HEADER);
	if (net->memo->section_count)
		FUZZ_CHECK(net->receive_buffer.pfns &&
			   (uint64_t)net->memo->section_size * net->memo->section_count <=
				   net->receive_buffer.length);
	for (uint32_t i = 0; i < CHANNELS; i++) {
		FUZZ_CHECK(net->queues[i].held_bytes <= NIC_HELD_MAX);
		FUZZ_CHECK(net->queues[i].count <= NIC_BATCH &&
			   net->queues[i].batch_frames <= net->queues[i].count &&
			   !net->queues[i].batch_frames == !net->queues[i].count);
	}
}

/* With room everywhere every question is answered. */
static void drain(void)
{
	backend_full = false;
	for (uint32_t i = 0; i < CHANNELS; i++) {
		if (net->queues[i].channel)
			fake_ready(channels[i]);
	}
	for (uint32_t i = 0; i < net->backend->queues; i++)
		net_writable(net, i);
	/* Unless answers wait for sections that the guest keeps. */
	FUZZ_CHECK(!net->reply_count || !net->free_count || channels[0]->broken);
	for (uint32_t i = 0; i < CHANNELS; i++) {
		if (!net->queues[i].channel || channels[i]->broken)
			continue;
		FUZZ_CHECK(channels[i]->open_count <= (i ? 0 : net->reply_count));
		FUZZ_CHECK(!channels[i]->paused);
	}
}

/* ---- the guest ---- */

static void open_channel(uint32_t sub, bool resumed)
{
	struct fake_channel *fake = channels[sub];

	if (net->queues[sub].channel)
		return;
	fake->broken = fake->full = fake->paused = false;
	fake->sent_count = 0;
	if (!resumed)
		memset(fake->memo, 0, sizeof(fake->memo));
	fake_open(fake, resumed);
}

static void close_channel(uint32_t sub)
{
	if (net->queues[sub].channel)
		fake_close(channels[sub]);
}

static void replace_card(void)
{
	struct net *old = net;
	bool open[CHANNELS];

	for (uint32_t i = 0; i < CHANNELS; i++) {
		open[i] = net->queues[i].channel;
		close_channel(i);
	}
	new_card();
	net_free(old);
	for (uint32_t i = 0; i < CHANNELS; i++) {
		if (open[i])
			open_channel(i, true);
	}
}

static void packet(uint32_t sub, const struct fake_packet *what)
{
	if (net->queues[sub].channel && !channels[sub]->paused)
		fake_packet(channels[sub], what);
}

static void nvsp(uint32_t sub, uint32_t type, const uint8_t **data, size_t *size, bool answer)
{
	struct nvsp_message message = { .type = type };

	fuzz_take(data, size, &message.u, 16);
	packet(sub, &(struct fake_packet){ .type = VMBUS_PACKET_INBAND,
					   .payload = &message,
					   .size = 4 + 16,
					   .answer = answer });
}

/* A message of RNDIS: a part in the send buffer, the rest in pages. */
static void rndis(uint32_t sub, uint32_t kind, const uint8_t *bytes, uint32_t length,
		  uint32_t in_section, bool replayed)
{
	struct nvsp_message message = { .type = NVSP_RNDIS };
	uint64_t pfns[8] = { 1, 2, 5, 6, 9, 3, 4, 8 };
	struct packet_range ranges[2] = { { .offset = 8, .pfns = pfns, .pfn_count = 8 } };
	uint32_t left;

	in_section = in_section > length ? length : in_section;
	left = length - in_section;
	message.u.rndis.channel = kind;
	message.u.rndis.section = in_section ? 1 : NVSP_NO_SECTION;
	message.u.rndis.section_size = in_section;
	for (uint32_t i = 0; i < in_section; i++)
		guest->memory[(send_pfns[0] + (NIC_SEND_SECTION + i) / PAGE) * PAGE +
			      (NIC_SEND_SECTION + i) % PAGE] = bytes[i];
	ranges[0].length = left;
	for (uint32_t i = 0; i < left; i++)
		guest->memory[pfns[(8 + i) / PAGE] * PAGE + (8 + i) % PAGE] = bytes[in_section + i];
	packet(sub, &(struct fake_packet){
			    .type = left ? VMBUS_PACKET_GPA_DIRECT : VMBUS_PACKET_INBAND,
			    .payload = &message,
			    .size = 16,
			    .ranges = ranges,
			    .range_count = left ? 1 : 0,
			    .answer = true,
			    .replayed = replayed,
		    });
}

static void control(uint32_t type, const uint8_t **data, size_t *size)
{
	static const uint32_t oids[] = {
		OID_GEN_CURRENT_PACKET_FILTER,
		OID_GEN_RNDIS_CONFIG_PARAMETER,
		OID_GEN_RECEIVE_SCALE_PARAMETERS,
		OID_TCP_OFFLOAD_PARAMETERS,
		OID_GEN_SUPPORTED_LIST,
		OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES,
		OID_GEN_FRIENDLY_NAME,
	};
	uint8_t bytes[256] = { 0 };
	uint32_t length = (uint32_t)fuzz_u64(data, size, 1), words[7] = { type % 10 };

	words[1] = 28 + length > 250 ? 250 : 28 + length;
	words[3] = oids[(type >> 4) % 7];
	words[4] = length;
	words[5] = 20;
	memcpy(bytes, words, sizeof(words));
	fuzz_take(data, size, bytes + 28, words[1] - 28 > 64 ? 64 : words[1] - 28);
	if (type & 8) /* any of the fields */
		fuzz_take(data, size, bytes + fuzz_u64(data, size, 1) % 28, 4);
	rndis(0, NVSP_CHANNEL_CONTROL, bytes, words[1], 0, false);
}

/* A packet with information, some fields of it as the input likes. */
static void transmit(uint32_t sub, const uint8_t **data, size_t *size)
{
	static uint8_t bytes[20000];
	uint32_t length = (uint32_t)fuzz_u64(data, size, 2) % 16000, how, info = 0;
	struct rndis_packet head = { .offset = 36, .size = length };

	memset(bytes, 0, sizeof(bytes));
	how = (uint32_t)fuzz_u64(data, size, 1);
	for (uint32_t i = 0; i < how % 4; i++, info += 16) {
		struct rndis_info one = { 16, (uint32_t)fuzz_u64(data, size, 1) % 10, 12 };

		memcpy(bytes + 44 + info, &one, sizeof(one));
		fuzz_take(data, size, bytes + 56 + info, 4);
	}
	head.offset += info;
	head.info_offset = info ? 36 : 0;
	head.info_size = info;
	memcpy(bytes + 8, &head, sizeof(head));
	memcpy(bytes, (uint32_t[2]){ RNDIS_PACKET, 44 + info + length }, 8);
	fuzz_take(data, size, bytes + 44 + info, how & 4 ? 80 : 20);
	if (how & 8)
		fuzz_take(data, size, bytes + fuzz_u64(data, size, 1) % 92, 4);
	if (how & 16) /* the same once more behind it */
		memmove(bytes + 44 + info + length, bytes, 100);
	length += 44 + info + (how & 16 ? 100 : 0);
	rndis(sub, NVSP_CHANNEL_DATA, bytes, length,
	      how & 32 ? (uint32_t)fuzz_u64(data, size, 2) % NIC_SEND_SECTION : 0, how & 64);
}

static void complete(uint32_t sub, const uint8_t **data, size_t *size)
{
	const struct fake_channel *fake = channels[sub];
	uint64_t which = fuzz_u64(data, size, 1), id = 0;

	if (which < 128 && fake->sent_count)
		id = fake->sent[(fake->sent_count - 1 - which % LAST % fake->sent_count)]
			     .transaction;
	else
		fuzz_take(data, size, &id, 8);
	packet(sub, &(struct fake_packet){ .type = VMBUS_PACKET_COMPLETION, .transaction = id });
}

static void receive(const uint8_t **data, size_t *size)
{
	static uint8_t room[BACKEND_HEADROOM + FRAME_MAX];
	uint32_t length = (uint32_t)fuzz_u64(data, size, 2), how, count;
	struct frame_header header = { 0 };

	how = (uint32_t)fuzz_u64(data, size, 1);
	count = how >> 4;
	if (how & 1)
		fuzz_take(data, size, &header, sizeof(header));
	for (uint32_t i = 0; i <= count; i++) {
		uint32_t left = how & 2 ? length : length % 2000;

		memset(room, 0, BACKEND_HEADROOM + 200);
		memcpy(room + BACKEND_HEADROOM, config.mac, 6);
		if (!i)
			fuzz_take(data, size, room + BACKEND_HEADROOM + (how & 4 ? 0 : 12), 40);
		net_receive(net, how >> 3 & 1, &header, room + BACKEND_HEADROOM, left);
	}
	net_received(net);
}

/* Up to where frames go both ways. */
static void connect_all(void)
{
	uint32_t init[] = { RNDIS_INITIALIZE, 24, 1, 1, 0, 0x4000 };
	uint32_t filter[] = { RNDIS_SET, 32, 2, OID_GEN_CURRENT_PACKET_FILTER, 4, 20, 0, 0x2d };
	uint32_t large[] = { RNDIS_SET,
			     56,
			     3,
			     OID_TCP_OFFLOAD_PARAMETERS,
			     28,
			     20,
			     0,
			     0x1a0380,
			     0,
			     0,
			     0,
			     0,
			     NDIS_OFFLOAD_ON << 16 | NDIS_OFFLOAD_ON << 24,
			     0 };
	const uint32_t messages[][5] = {
		{ NVSP_INIT, NVSP_VERSION_61, NVSP_VERSION_61 },
		{ NVSP_NDIS_CONFIG, 1514, 0, NVSP_CAPABLE_RSC },
		{ NVSP_NDIS_VERSION, 6, 30 },
		{ NVSP_RECEIVE_BUFFER, 1, 0xcafe },
		{ NVSP_SEND_BUFFER, 2, 0 },
	};

	for (unsigned int i = 0; i < 5; i++) {
		const uint8_t *data = (const uint8_t *)(messages[i] + 1);
		size_t size = 16;

		nvsp(0, messages[i][0], &data, &size, i != 1);
	}
	rndis(0, NVSP_CHANNEL_CONTROL, (uint8_t *)init, sizeof(init), 0, false);
	rndis(0, NVSP_CHANNEL_CONTROL, (uint8_t *)filter, sizeof(filter), 0, false);
	rndis(0, NVSP_CHANNEL_CONTROL, (uint8_t *)large, sizeof(large), 0, false);
}

static void toggle(uint32_t what, uint32_t sub)
{
	switch (what % 8) {
	case 0:
		backend_full = !backend_full;
		break;
	case 1:
		channels[sub]->full = true;
		break;
	case 2:
		if (net->queues[sub].channel)
			fake_ready(channels[sub]);
		break;
	case 3:
		net_writable(net, sub % 2);
		break;
	case 4:
		net_link(net, !net->link);
		break;
	case 5:
		open_channel(sub, false);
		break;
	case 6:
		close_channel(sub);
		break;
	default:
		replace_card();
		break;
	}
}

static void step(const uint8_t **data, size_t *size)
{
	uint32_t op = (uint32_t)fuzz_u64(data, size, 1), sub = (op >> 3) % CHANNELS;

	switch (op % 8) {
	case 0:
		nvsp(sub, op & 64 ? NVSP_INIT : 100 + (uint32_t)fuzz_u64(data, size, 1) % 36, data,
		     size, op & 128);
		break;
	case 1:
		control((uint32_t)fuzz_u64(data, size, 1), data, size);
		break;
	case 2:
	case 3:
		transmit(sub, data, size);
		break;
	case 4:
		complete(sub, data, size);
		break;
	case 5:
		receive(data, size);
		break;
	case 6:
		toggle(op >> 5, sub);
		break;
	default:
		if (op & 8)
			connect_all();
		else
			guest->memory[fuzz_u64(data, size, 3) % MEMORY] = (uint8_t)op;
		break;
	}
	for (uint32_t i = 0; i < CHANNELS; i++) {
		if (channels[i]->sent_count > FAKE_SENT_MAX / 2)
			channels[i]->sent_count = 0;
	}
}

/* Once: they are large. */
static void make_guest(void)
{
	guest = fake_guest_new(MEMORY);
	for (uint32_t i = 0; i < RECEIVE_PAGES; i++)
		receive_pfns[i] = RECEIVE_PAGE + i * 5 % RECEIVE_PAGES;
	for (uint32_t i = 0; i < SEND_PAGES; i++)
		send_pfns[i] = SEND_PAGE + i;
	for (uint32_t i = 0; i < CHANNELS; i++) {
		channels[i] = fake_channel_new(NULL, NULL, guest, i);
		channels[i]->gpadls[0] = (struct fake_gpadl){ 1, receive_pfns, RECEIVE_PAGES, 16,
							      RECEIVE_PAGES * PAGE - 16 };
		channels[i]->gpadls[1] =
			(struct fake_gpadl){ 2, send_pfns, SEND_PAGES, 0, SEND_PAGES * PAGE };
		/* Lies about its pages. */
		channels[i]->gpadls[2] =
			(struct fake_gpadl){ 3, send_pfns, 2, 0, SEND_PAGES * PAGE };
	}
}

static void begin(void)
{
	if (!guest)
		make_guest();
	backend_full = false;
	memset(guest->memory, 0, MEMORY);
	for (uint32_t i = 0; i < CHANNELS; i++) {
		memset(channels[i]->memo, 0, sizeof(channels[i]->memo));
		channels[i]->sent_count = channels[i]->subs = 0;
	}
	new_card();
	open_channel(0, false);
	connect_all();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	begin();
	while (size) {
		step(&data, &size);
		check();
	}
	drain();
	check();
	for (uint32_t i = CHANNELS; i--;)
		close_channel(i);
	net_free(net);
	return 0;
}
