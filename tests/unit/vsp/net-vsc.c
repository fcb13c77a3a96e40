/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest's network driver, step by step: see net-vsc.h. */
#include "net-vsc.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAGE VMBUS_PAGE_SIZE
#define MEMORY (4u << 20)
/* Pages of the guest: messages, then the buffers. */
#define MESSAGE_PAGE 16u
#define RECEIVE_PAGE (VSC_RECEIVE_GPA / PAGE)
#define SEND_PAGE 512u
#define RECEIVE_GPADL 0xe1e10u
#define SEND_GPADL 0xe1e11u
#define SECTION 6144u

#define MUST(condition)                                                                         \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

/* ---- life ---- */

static struct net_backend *make_sockets(struct vsc *guest, unsigned int queues, bool headers)
{
	int fds[VSC_CHANNELS] = { 0 }, pair[2];

	for (unsigned int i = 0; i < queues; i++) {
		MUST(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair));
		guest->peers[i] = pair[0];
		fds[i] = pair[1];
	}
	guest->peer_count = queues;
	return net_backend_fd(guest->base, fds, queues, headers);
}

static struct fake_channel *new_channel(struct vsc *guest, uint32_t sub)
{
	struct fake_channel *fake =
		fake_channel_new(net_device(guest->net), guest->base, guest->memory, sub);

	fake->gpadls[0] = (struct fake_gpadl){ RECEIVE_GPADL, guest->receive_pfns,
					       VSC_RECEIVE_PAGES, 0, VSC_RECEIVE_PAGES * PAGE };
	/* Not at the begin of a page. */
	fake->gpadls[1] = (struct fake_gpadl){ SEND_GPADL, guest->send_pfns, VSC_SEND_PAGES, 24,
					       VSC_SEND_PAGES * PAGE - 24 };
	return fake;
}

static struct vsc *new_guest(struct event_base *base)
{
	struct vsc *guest = calloc(1, sizeof(*guest));

	MUST(guest);
	guest->base = base ? base : event_base_new();
	guest->memory = fake_guest_new(MEMORY);
	guest->transaction = 0x1000;
	for (uint32_t i = 0; i < VSC_RECEIVE_PAGES; i++)
		guest->receive_pfns[i] = RECEIVE_PAGE + i * 37 % VSC_RECEIVE_PAGES;
	for (uint32_t i = 0; i < VSC_SEND_PAGES; i++)
		guest->send_pfns[i] = SEND_PAGE + VSC_SEND_PAGES - 1 - i;
	return guest;
}

static void set_card(struct vsc *guest, const struct net_config *config,
		     struct net_backend *backend)
{
	MUST(backend);
	guest->net = net_new(config, backend);
	MUST(guest->net);
}

struct vsc *vsc_new(const struct net_config *config, unsigned int queues, bool headers)
{
	struct vsc *guest = new_guest(NULL);

	set_card(guest, config, make_sockets(guest, queues, headers));
	guest->channels[0] = new_channel(guest, 0);
	return guest;
}

struct vsc *vsc_new_with(struct event_base *base, const struct net_config *config,
			 struct net_backend *backend)
{
	struct vsc *guest = new_guest(base);

	set_card(guest, config, backend);
	guest->channels[0] = new_channel(guest, 0);
	return guest;
}

void vsc_replace_card(struct vsc *guest, const struct net_config *config, bool headers)
{
	struct net *old = guest->net;

	/* What a process that is killed leaves: the memo, and nothing is closed. */
	guest->net = NULL;
	for (unsigned int i = 0; i < guest->peer_count; i++)
		close(guest->peers[i]);
	set_card(guest, config, make_sockets(guest, guest->peer_count, headers));
	for (uint32_t i = 0; i < VSC_CHANNELS; i++) {
		struct fake_channel *fake = guest->channels[i];
		uint64_t memo[CHANNEL_MEMO / 8];

		if (!fake)
			continue;
		memcpy(memo, fake->memo, sizeof(memo));
		fake_close(fake);
		MUST(!memcmp(memo, fake->memo, sizeof(memo)));
		fake->channel.device = net_device(guest->net);
	}
	net_free(old);
}

void vsc_free(struct vsc *guest)
{
	for (uint32_t i = VSC_CHANNELS; i--;) {
		if (guest->channels[i] && guest->channels[i]->channel.ops)
			fake_close(guest->channels[i]);
		fake_channel_free(guest->channels[i]);
	}
	net_free(guest->net);
	for (unsigned int i = 0; i < guest->peer_count; i++)
		close(guest->peers[i]);
	event_base_free(guest->base);
	fake_guest_free(guest->memory);
	free(guest);
}

void vsc_turn(struct vsc *guest)
{
	event_base_loop(guest->base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
}

/* ---- what the card says ---- */

/* The answer to a transaction among what was sent on a channel. */
static const struct fake_sent *find_answer(struct vsc *guest, uint32_t channel,
					   uint64_t transaction)
{
	struct fake_channel *fake = guest->channels[channel];

	for (uint32_t i = fake->sent_count; i--;) {
		if (fake->sent[i].type == VMBUS_PACKET_COMPLETION &&
		    fake->sent[i].transaction == transaction)
			return &fake->sent[i];
	}
	return NULL;
}

/* ---- NVSP ---- */

static void send_nvsp(struct vsc *guest, const struct nvsp_message *message, bool answer)
{
	struct fake_packet packet = {
		.type = VMBUS_PACKET_INBAND,
		.transaction = ++guest->transaction,
		.payload = message,
		.size = sizeof(*message),
		.answer = answer,
	};

	fake_packet(guest->channels[0], &packet);
}

struct nvsp_message vsc_nvsp(struct vsc *guest, const struct nvsp_message *message)
{
	struct nvsp_message reply = { 0 };
	const struct fake_sent *sent;

	send_nvsp(guest, message, true);
	sent = find_answer(guest, 0, guest->transaction);
	if (sent)
		memcpy(&reply, sent->payload,
		       sent->size < sizeof(reply) ? sent->size : sizeof(reply));
	return reply;
}

void vsc_tell(struct vsc *guest, const struct nvsp_message *message)
{
	send_nvsp(guest, message, false);
}

struct nvsp_message vsc_set_buffer(struct vsc *guest, uint32_t type)
{
	bool receive = type == NVSP_RECEIVE_BUFFER;
	struct nvsp_message message = { .type = type }, reply;

	message.u.buffer.gpadl = receive ? RECEIVE_GPADL : SEND_GPADL;
	message.u.buffer.id = receive ? VSC_RECEIVE_ID : 0;
	reply = vsc_nvsp(guest, &message);
	if (receive) {
		guest->section_size = reply.u.receive_buffer_complete.section.size;
		guest->section_count = reply.u.receive_buffer_complete.section.count;
	}
	return reply;
}

void vsc_revoke(struct vsc *guest, uint32_t type)
{
	struct nvsp_message message = { .type = type };

	message.u.revoke.id = type == NVSP_REVOKE_RECEIVE_BUFFER ? VSC_RECEIVE_ID : 0;
	vsc_tell(guest, &message);
}

void vsc_begin(struct vsc *guest, uint32_t version, uint32_t mtu)
{
	struct nvsp_message message = { .type = NVSP_INIT };
	bool new_ndis = version >= NVSP_VERSION_5;

	MUST(fake_open(guest->channels[0], false));
	message.u.init.version = message.u.init.version_max = version;
	MUST(vsc_nvsp(guest, &message).u.init_complete.status == NVSP_STATUS_SUCCESS);
	guest->version = version;
	if (version >= NVSP_VERSION_2) {
		message = (struct nvsp_message){ .type = NVSP_NDIS_CONFIG };
		message.u.ndis_config.frame_size = mtu + FRAME_HEADER;
		message.u.ndis_config.capabilities[0] = NVSP_CAPABLE_8021Q | NVSP_CAPABLE_RSC;
		vsc_tell(guest, &message);
	}
	message = (struct nvsp_message){ .type = NVSP_NDIS_VERSION };
	message.u.ndis_version.major = 6;
	message.u.ndis_version.minor = new_ndis ? 30 : 1;
	vsc_tell(guest, &message);
	MUST(vsc_set_buffer(guest, NVSP_RECEIVE_BUFFER).u.receive_buffer_complete.status ==
	     NVSP_STATUS_SUCCESS);
	MUST(vsc_set_buffer(guest, NVSP_SEND_BUFFER).u.send_buffer_complete.status ==
	     NVSP_STATUS_SUCCESS);
}

void vsc_connect(struct vsc *guest, uint32_t version, uint32_t mtu)
{
	struct rndis_initialize begin = { .request = 1, .major = 1, .transfer_max = 0x4000 };
	uint32_t filter = RNDIS_FILTER_DIRECTED | RNDIS_FILTER_BROADCAST |
			  RNDIS_FILTER_ALL_MULTICAST;
	struct rndis_initialize_complete complete;
	uint8_t answer[100];

	vsc_begin(guest, version, mtu);
	MUST(vsc_control(guest, RNDIS_INITIALIZE, &begin, sizeof(begin), answer, sizeof(answer)) ==
	     8 + sizeof(complete));
	memcpy(&complete, answer + 8, sizeof(complete));
	MUST(complete.request == 1 && complete.status == RNDIS_STATUS_SUCCESS);
	MUST(!vsc_set(guest, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)));
}

void vsc_open_sub(struct vsc *guest, uint32_t sub)
{
	guest->channels[sub] = new_channel(guest, sub);
	MUST(fake_open(guest->channels[sub], false));
}

/* ---- RNDIS ---- */

static void copy_to(struct vsc *guest, const uint64_t *pfns, uint32_t offset, const void *bytes,
		    uint32_t size)
{
	const uint8_t *from = bytes;

	for (uint32_t i = 0; i < size; i++, offset++)
		guest->memory->memory[pfns[offset / PAGE] * PAGE + offset % PAGE] = from[i];
}

/* Messages in pages, a range for each, as Linux has it. */
static void send_message(struct vsc *guest, uint32_t channel, uint32_t kind, const uint8_t *bytes,
			 uint32_t size, uint32_t in_section)
{
	uint64_t pfns[VSC_MESSAGE / PAGE + 2];
	struct packet_range ranges[VSC_MESSAGE / PAGE + 2];
	struct nvsp_message message = { .type = NVSP_RNDIS };
	uint32_t count = 0, section = 3, offset = 100, left = size - in_section;
	struct fake_packet packet = {
		.type = VMBUS_PACKET_GPA_DIRECT,
		.transaction = ++guest->transaction,
		.payload = &message,
		.size = sizeof(message),
		.ranges = ranges,
		.answer = true,
	};

	message.u.rndis.channel = kind;
	message.u.rndis.section = in_section ? section : NVSP_NO_SECTION;
	message.u.rndis.section_size = in_section;
	copy_to(guest, guest->send_pfns, 24 + section * SECTION, bytes, in_section);
	for (bytes += in_section; left; offset = 0, count++) {
		uint32_t n = PAGE - offset < left ? PAGE - offset : left;

		pfns[count] = MESSAGE_PAGE + count * 3;
		ranges[count] = (struct packet_range){ n, offset, &pfns[count], 1 };
		copy_to(guest, &pfns[count], offset, bytes, n);
		bytes += n;
		left -= n;
	}
	packet.range_count = count;
	if (!count)
		packet.type = VMBUS_PACKET_INBAND;
	fake_packet(guest->channels[channel], &packet);
}

uint32_t vsc_control(struct vsc *guest, uint32_t type, const void *body, uint32_t size,
		     void *answer, uint32_t room)
{
	uint8_t message[2048];
	struct rndis_header header = { type, (uint32_t)sizeof(header) + size };
	struct received received;

	memcpy(message, &header, sizeof(header));
	memcpy(message + sizeof(header), body, size);
	send_message(guest, 0, NVSP_CHANNEL_CONTROL, message, header.size, 0);
	while (vsc_receive(guest, 0, &received)) {
		if (received.kind != NVSP_CHANNEL_CONTROL)
			continue;
		MUST(received.count == 1 && received.sizes[0] <= room);
		vsc_read(guest, &received, 0, answer);
		vsc_give_back(guest, 0, received.transaction);
		return received.sizes[0];
	}
	return 0;
}

uint32_t vsc_query(struct vsc *guest, uint32_t oid, void *value, uint32_t *size)
{
	struct rndis_request ask = { ++guest->request, oid, 0, sizeof(ask), 0 };
	struct rndis_query_complete complete;
	uint8_t answer[1024];
	uint32_t length =
		vsc_control(guest, RNDIS_QUERY, &ask, sizeof(ask), answer, sizeof(answer));

	if (!length)
		return UINT32_MAX;
	MUST(length >= 8 + sizeof(complete));
	memcpy(&complete, answer + 8, sizeof(complete));
	MUST(complete.request == guest->request && complete.offset >= sizeof(complete));
	MUST(8 + complete.offset + complete.size == length && complete.size <= *size);
	memcpy(value, answer + 8 + complete.offset, complete.size);
	*size = complete.size;
	return complete.status;
}

uint32_t vsc_set(struct vsc *guest, uint32_t oid, const void *value, uint32_t size)
{
	struct rndis_request ask = { ++guest->request, oid, size, sizeof(ask), 0 };
	struct rndis_complete complete;
	uint8_t message[1024], answer[100];

	memcpy(message, &ask, sizeof(ask));
	memcpy(message + sizeof(ask), value, size);
	if (vsc_control(guest, RNDIS_SET, message, (uint32_t)sizeof(ask) + size, answer,
			sizeof(answer)) != 8 + sizeof(complete))
		return UINT32_MAX;
	memcpy(&complete, answer + 8, sizeof(complete));
	MUST(complete.request == guest->request);
	return complete.status;
}

uint32_t vsc_scale(struct vsc *guest, uint32_t channels)
{
	static const uint8_t key[NDIS_RSS_KEY_SIZE] = {
		0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
		0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
		0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
	};
	struct {
		struct ndis_rss_parameters head;
		uint32_t table[NDIS_RSS_TABLE_MAX];
		uint8_t key[NDIS_RSS_KEY_SIZE];
	} set = { .head = { .header = { NDIS_OBJECT_RSS_PARAMETERS, 2, sizeof(set.head) } } };

	set.head.hash = NDIS_HASH_TOEPLITZ | NDIS_HASH_IPV4 | NDIS_HASH_TCP_IPV4 | NDIS_HASH_IPV6 |
			NDIS_HASH_TCP_IPV6;
	set.head.table_size = sizeof(set.table);
	set.head.table_offset = sizeof(set.head);
	set.head.key_size = sizeof(set.key);
	set.head.key_offset = sizeof(set.head) + sizeof(set.table);
	for (uint32_t i = 0; i < NDIS_RSS_TABLE_MAX; i++)
		set.table[i] = i % channels;
	memcpy(set.key, key, sizeof(key));
	return vsc_set(guest, OID_GEN_RECEIVE_SCALE_PARAMETERS, &set, sizeof(set));
}

/* ---- frames ---- */

uint32_t make_info(uint8_t *info, uint32_t type, uint32_t value)
{
	struct rndis_info head = { sizeof(head) + sizeof(value), type, sizeof(head) };

	memcpy(info, &head, sizeof(head));
	memcpy(info + sizeof(head), &value, sizeof(value));
	return head.size;
}

uint32_t make_packet(uint8_t *message, const void *frame, uint32_t size, const void *info,
		     uint32_t info_size)
{
	struct rndis_packet packet = { .size = size, .info_size = info_size };
	struct rndis_header header = { RNDIS_PACKET, 0 };
	uint32_t at = sizeof(header) + sizeof(packet);

	packet.info_offset = info_size ? sizeof(packet) : 0;
	packet.offset = (uint32_t)sizeof(packet) + info_size;
	header.size = at + info_size + size;
	memcpy(message, &header, sizeof(header));
	memcpy(message + sizeof(header), &packet, sizeof(packet));
	if (info_size)
		memcpy(message + at, info, info_size);
	memcpy(message + at + info_size, frame, size);
	return header.size;
}

uint32_t vsc_send(struct vsc *guest, uint32_t channel, const void *message, uint32_t size,
		  uint32_t in_section)
{
	const struct fake_sent *sent;
	uint32_t words[2];

	send_message(guest, channel, NVSP_CHANNEL_DATA, message, size, in_section);
	sent = find_answer(guest, channel, guest->transaction);
	if (!sent)
		return UINT32_MAX;
	MUST(sent->size == sizeof(words));
	memcpy(words, sent->payload, sizeof(words));
	MUST(words[0] == NVSP_RNDIS_COMPLETE);
	return words[1];
}

uint32_t vsc_send_frame(struct vsc *guest, const void *frame, uint32_t size, const void *info,
			uint32_t info_size)
{
	static uint8_t message[VSC_MESSAGE];
	uint32_t length = make_packet(message, frame, size, info, info_size);

	return vsc_send(guest, 0, message, length, length < SECTION ? length : 0);
}

int peer_read(struct vsc *guest, unsigned int queue, struct frame_header *header, uint8_t *frame,
	      uint32_t room)
{
	struct iovec parts[2] = { { header, sizeof(*header) }, { frame, room } };
	ssize_t size = header ? readv(guest->peers[queue], parts, 2) :
				read(guest->peers[queue], frame, room);

	if (size < 0)
		return -1;
	return (int)size - (header ? (int)sizeof(*header) : 0);
}

void peer_write(struct vsc *guest, unsigned int queue, const struct frame_header *header,
		const void *frame, uint32_t size)
{
	struct frame_header copy = header ? *header : (struct frame_header){ 0 };
	struct iovec parts[2] = { { &copy, sizeof(copy) }, { (void *)(uintptr_t)frame, size } };
	unsigned int skip = header ? 0 : 1;

	MUST(writev(guest->peers[queue], parts + skip, (int)(2 - skip)) > 0);
}

bool vsc_receive(struct vsc *guest, uint32_t channel, struct received *received)
{
	struct fake_channel *fake = guest->channels[channel];

	while (guest->seen[channel] < fake->sent_count) {
		const struct fake_sent *sent = &fake->sent[guest->seen[channel]++];
		struct vmbus_transfer_pages pages;
		uint32_t words[4];

		if (sent->type != VMBUS_PACKET_TRANSFER_PAGES)
			continue;
		memcpy(&pages, sent->extra, sizeof(pages));
		MUST(pages.buffer == VSC_RECEIVE_ID && pages.range_count <= 48 &&
		     pages.range_count && sent->extra_size == 8 + 8 * pages.range_count &&
		     sent->flags == VMBUS_PACKET_ANSWER_WANTED && sent->size == sizeof(words));
		memcpy(words, sent->payload, sizeof(words));
		MUST(words[0] == NVSP_RNDIS && words[2] == NVSP_NO_SECTION);
		received->transaction = sent->transaction;
		received->kind = words[1];
		received->count = pages.range_count;
		for (uint32_t i = 0; i < pages.range_count; i++) {
			memcpy(&received->sizes[i], sent->extra + 8 + (size_t)i * 8, 4);
			memcpy(&received->offsets[i], sent->extra + 12 + (size_t)i * 8, 4);
			MUST(received->offsets[i] % guest->section_size == 0 &&
			     received->offsets[i] / guest->section_size < guest->section_count &&
			     received->sizes[i] <= guest->section_size);
		}
		return true;
	}
	return false;
}

void vsc_read(const struct vsc *guest, const struct received *received, uint32_t index,
	      void *message)
{
	uint32_t offset = received->offsets[index];
	uint8_t *to = message;

	for (uint32_t i = 0; i < received->sizes[index]; i++, offset++)
		to[i] = guest->memory
				->memory[guest->receive_pfns[offset / PAGE] * PAGE + offset % PAGE];
}

bool vsc_next(struct vsc *guest, void *message)
{
	struct received *pending = &guest->pending;

	if (guest->pending_at == pending->count) {
		guest->pending_at = pending->count = 0;
		if (!vsc_receive(guest, 0, pending))
			return false;
	}
	vsc_read(guest, pending, guest->pending_at++, message);
	if (guest->pending_at == pending->count)
		vsc_give_back(guest, 0, pending->transaction);
	return true;
}

bool find_info(const uint8_t *message, uint32_t type, uint32_t *value)
{
	struct rndis_packet packet;
	struct rndis_info info;

	memcpy(&packet, message + 8, sizeof(packet));
	for (uint32_t at = 0; at < packet.info_size; at += info.size) {
		memcpy(&info, message + 8 + packet.info_offset + at, sizeof(info));
		MUST(info.size >= sizeof(info) + 4 && info.size <= packet.info_size - at);
		if (info.type != type)
			continue;
		memcpy(value, message + 8 + packet.info_offset + at + info.offset, 4);
		return true;
	}
	return false;
}

const uint8_t *find_frame(const uint8_t *message, uint32_t *size)
{
	struct rndis_header header;
	struct rndis_packet packet;

	memcpy(&header, message, sizeof(header));
	memcpy(&packet, message + 8, sizeof(packet));
	MUST(header.type == RNDIS_PACKET && packet.offset >= sizeof(packet) &&
	     8 + packet.offset + packet.size <= header.size && !packet.oob_count);
	*size = packet.size;
	return message + 8 + packet.offset;
}

void vsc_give_back(struct vsc *guest, uint32_t channel, uint64_t transaction)
{
	uint32_t words[2] = { NVSP_RNDIS_COMPLETE, NVSP_STATUS_SUCCESS };
	struct fake_packet packet = {
		.type = VMBUS_PACKET_COMPLETION,
		.transaction = transaction,
		.payload = words,
		.size = sizeof(words),
	};

	fake_packet(guest->channels[channel], &packet);
}
