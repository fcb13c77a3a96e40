/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames of the guest: from RNDIS packets in the send buffer and in memory that a packet
 * names, to the backend. Headers are copied once and only the copy is looked at; the rest
 * of a frame goes to the backend from where it lies.
 *
 * When the backend can take no more, frames are copied aside and the channel pauses. A
 * message is answered when its last frame is gone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nic.h"

/* All information about one packet that is looked at. */
#define INFO_MAX 256u

struct info {
	uint32_t checksum, large; /* 0: none */
	bool has_vlan;
	uint32_t vlan;
};

/* One frame in the pieces. */
struct frame {
	uint32_t offset, size;
	struct info info;
};

void transmit_answer(struct channel *channel, uint32_t ticket, uint32_t status)
{
	uint32_t message[2] = { NVSP_RNDIS_COMPLETE, status };

	if (ticket != CHANNEL_NO_TICKET)
		channel_answer(channel, ticket, message, sizeof(message));
}

/* ---- the memory of a message ---- */

int transmit_gather(struct nic_queue *queue, const struct packet *packet,
		    const struct nvsp_rndis *rndis, uint32_t *size)
{
	struct net *net = queue->net;
	uint64_t total = 0;
	int count = 0;

	if (rndis->section != NVSP_NO_SECTION) {
		if (rndis->section_size > NIC_SEND_SECTION)
			return -1;
		count = nic_buffer_iov(net, &net->send_buffer,
				       (uint64_t)rndis->section * NIC_SEND_SECTION,
				       rndis->section_size, net->pieces, NIC_PIECES);
		total = rndis->section_size;
	}
	for (uint32_t i = 0; i < packet->range_count && count >= 0; i++) {
		const struct packet_range *range = &packet->ranges[i];
		int more = guest_iov(queue->channel->guest, range->pfns, range->pfn_count,
				     range->offset, range->length, net->pieces + count,
				     NIC_PIECES - count);

		count = more < 0 ? -1 : count + more;
		total += range->length;
	}
	if (total > FRAME_MAX + NIC_PACKETS_MAX * VMBUS_PAGE_SIZE)
		return -1;
	*size = (uint32_t)total;
	return count;
}

void transmit_copy(const struct iovec *pieces, int count, uint32_t offset, void *to, uint32_t size)
{
	uint8_t *at = to;

	for (int i = 0; i < count && size; i++) {
		size_t length = pieces[i].iov_len, n;

		if (offset >= length) {
			offset -= (uint32_t)length;
			continue;
		}
		n = length - offset < size ? length - offset : size;
		memcpy(at, (const uint8_t *)pieces[i].iov_base + offset, n);
		at += n;
		size -= (uint32_t)n;
		offset = 0;
	}
	memset(at, 0, size);
}

/* The same bytes, as parts of it. Returns how many parts: at most count. */
static int slice(const struct iovec *pieces, int count, uint32_t offset, uint32_t size,
		 struct iovec *parts)
{
	int used = 0;

	for (int i = 0; i < count && size; i++) {
		size_t length = pieces[i].iov_len, n;

		if (offset >= length) {
			offset -= (uint32_t)length;
			continue;
		}
		n = length - offset < size ? length - offset : size;
		parts[used].iov_base = (uint8_t *)pieces[i].iov_base + offset;
		parts[used++].iov_len = n;
		size -= (uint32_t)n;
		offset = 0;
	}
	return used;
}

/* ---- frames that wait ---- */

static void hold(struct nic_queue *queue, const struct frame_header *header,
		 const struct iovec *parts, int count, uint32_t size)
{
	struct nic_held *held = NULL;

	if (queue->held_bytes + size <= NIC_HELD_MAX)
		held = malloc(sizeof(*held) + size);
	if (!held) {
		queue->net->statistics.tx_drops++;
		return;
	}
	*held = (struct nic_held){ .ticket = CHANNEL_NO_TICKET, .header = *header, .size = size };
	transmit_copy(parts, count, 0, held->bytes, size);
	if (!queue->held)
		channel_pause(queue->channel, true);
	*queue->held_end = held;
	queue->held_end = &held->next;
	queue->held_bytes += size;
}

/* Takes the first one away. */
static void let_go(struct nic_queue *queue)
{
	struct nic_held *held = queue->held;

	queue->held = held->next;
	if (!queue->held)
		queue->held_end = &queue->held;
	queue->held_bytes -= held->size;
	free(held);
}

void transmit_close(struct nic_queue *queue)
{
	while (queue->held)
		let_go(queue);
}

static void count_sent(struct net *net, int error, uint32_t size)
{
	if (error) {
		net->statistics.tx_drops++;
		return;
	}
	net->statistics.tx_packets++;
	net->statistics.tx_bytes += size;
}

/* False: the backend can take no more. */
static bool send_held(struct nic_queue *queue)
{
	struct net *net = queue->net;

	while (queue->held) {
		struct nic_held *held = queue->held;
		struct iovec part = { held->bytes, held->size };
		int error = net->backend->ops->send(
			net->backend, queue->index % net->backend->queues, &held->header, &part, 1);

		if (error == EAGAIN)
			return false;
		count_sent(net, error, held->size);
		transmit_answer(queue->channel, held->ticket, NVSP_STATUS_SUCCESS);
		let_go(queue);
	}
	return true;
}

void net_writable(struct net *net, unsigned int queue)
{
	bool room = true;

	/* Where the backend has fewer queues than there are channels they share them. */
	for (uint32_t i = queue; i < NET_QUEUES_MAX && room; i += net->backend->queues) {
		struct nic_queue *from = &net->queues[i];

		if (!from->held)
			continue;
		room = send_held(from);
		if (room)
			channel_pause(from->channel, false);
		channel_flush(from->channel);
	}
}

/* ---- one frame ---- */

/* A tag of 802.1Q goes behind the addresses. head has room for it. */
static void insert_tag(uint8_t *head, uint32_t size, uint32_t vlan)
{
	uint32_t tag = RNDIS_VLAN_PRIORITY(vlan) << 13 | RNDIS_VLAN_CFI(vlan) << 12 |
		       RNDIS_VLAN_ID(vlan);

	memmove(head + 12 + FRAME_TAG, head + 12, size - 12);
	head[12] = 0x81;
	head[13] = 0x00;
	head[14] = (uint8_t)(tag >> 8);
	head[15] = (uint8_t)tag;
}

/* The frame is not larger than what the guest was told, or is to be cut. */
static bool size_is_right(const struct net *net, const struct frame *frame)
{
	if (frame->size < FRAME_HEADER)
		return false;
	if (frame->info.large)
		return frame->size <= FRAME_MAX - FRAME_TAG;
	return frame->size <= nic_frame_size(net) + FRAME_TAG;
}

static void give(struct nic_queue *queue, const struct frame_header *header,
		 const struct iovec *parts, int count, uint32_t size)
{
	struct net *net = queue->net;
	int error = EAGAIN;

	if (!queue->held)
		error = net->backend->ops->send(net->backend, queue->index % net->backend->queues,
						header, parts, count);
	if (error == EAGAIN)
		hold(queue, header, parts, count, size);
	else
		count_sent(net, error, size);
}

/* False: the frame is malformed. */
static bool send_frame(struct nic_queue *queue, int count, const struct frame *frame)
{
	struct net *net = queue->net;
	uint32_t size = frame->size, head_size = size < FRAME_HEAD ? size : FRAME_HEAD;
	uint8_t head[FRAME_HEAD + FRAME_TAG];
	struct frame_header header;
	int parts;

	if (!size_is_right(net, frame))
		return false;
	transmit_copy(net->pieces, count, frame->offset, head, head_size);
	if (!frame_offload(head, head_size, size, frame->info.checksum, frame->info.large,
			   &header) ||
	    (!net->backend->headers && (header.flags || header.cut)))
		return false;
	parts = slice(net->pieces, count, frame->offset + head_size, size - head_size,
		      net->parts + 1);
	if (frame->info.has_vlan) {
		insert_tag(head, head_size, frame->info.vlan);
		head_size += FRAME_TAG;
		size += FRAME_TAG;
		header.headers = (uint16_t)(header.cut ? header.headers + FRAME_TAG : 0);
		header.sum_start = (uint16_t)(header.flags ? header.sum_start + FRAME_TAG : 0);
	}
	net->parts[0] = (struct iovec){ head, head_size };
	if (net->link)
		give(queue, &header, net->parts, parts + 1, size);
	else
		net->statistics.tx_drops++;
	return true;
}

/* ---- RNDIS ---- */

/* bytes: a chain of struct rndis_info. False: it is none. */
static bool parse_info(const uint8_t *bytes, uint32_t size, struct info *info)
{
	while (size) {
		struct rndis_info head;
		uint32_t value;

		if (size < sizeof(head))
			return false;
		memcpy(&head, bytes, sizeof(head));
		if (head.size < sizeof(head) || head.size > size || head.offset < sizeof(head) ||
		    head.offset > head.size)
			return false;
		if (head.type == RNDIS_INFO_CHECKSUM || head.type == RNDIS_INFO_LARGE_SEND ||
		    head.type == RNDIS_INFO_VLAN) {
			if (head.size - head.offset < sizeof(value))
				return false;
			memcpy(&value, bytes + head.offset, sizeof(value));
			if (head.type == RNDIS_INFO_CHECKSUM)
				info->checksum = value;
			else if (head.type == RNDIS_INFO_LARGE_SEND)
				info->large = value;
			else
				info->vlan = value;
			info->has_vlan |= head.type == RNDIS_INFO_VLAN;
		}
		bytes += head.size;
		size -= head.size;
	}
	/* Version 1 of large sends is not offered. */
	return !info->large || info->large & RNDIS_LARGE_SEND_2;
}

static bool is_inside(uint32_t offset, uint32_t size, uint32_t whole)
{
	return offset <= whole && size <= whole - offset;
}

/* The packet at `at`, of at most left bytes. Returns its size, 0: malformed. */
static uint32_t parse_packet(struct net *net, int count, uint32_t at, uint32_t left,
			     struct frame *frame)
{
	struct {
		struct rndis_header header;
		struct rndis_packet packet;
	} message;
	const struct rndis_packet *packet = &message.packet;
	const uint32_t head = sizeof(message.header);
	uint8_t info[INFO_MAX];
	uint32_t size;

	memset(frame, 0, sizeof(*frame));
	if (left < sizeof(message))
		return 0;
	transmit_copy(net->pieces, count, at, &message, sizeof(message));
	size = message.header.size;
	if (message.header.type != RNDIS_PACKET || size < sizeof(message) || size > left ||
	    packet->oob_count || packet->oob_size)
		return 0;
	if (!is_inside(packet->offset, packet->size, size - head) ||
	    !is_inside(packet->info_offset, packet->info_size, size - head) ||
	    packet->info_size > sizeof(info))
		return 0;
	frame->offset = at + head + packet->offset;
	frame->size = packet->size;
	transmit_copy(net->pieces, count, at + head + packet->info_offset, info, packet->info_size);
	return parse_info(info, packet->info_size, &frame->info) ? size : 0;
}

/* False: not all of it was well-formed; what was has been sent. */
static bool send_all(struct nic_queue *queue, int count, uint32_t size)
{
	uint32_t at = 0, packets = 0;

	do {
		struct frame frame;
		uint32_t n = parse_packet(queue->net, count, at, size - at, &frame);

		if (!n || packets++ == NIC_PACKETS_MAX || !send_frame(queue, count, &frame))
			return false;
		at += n;
	} while (at < size);
	return true;
}

void transmit_packet(struct nic_queue *queue, const struct packet *packet,
		     const struct nvsp_rndis *rndis)
{
	struct nic_held **end = queue->held_end;
	uint32_t size, status = NVSP_STATUS_SUCCESS;
	int count;

	/* The process that took it has ended: it may have been sent. */
	if (packet->replayed) {
		queue->net->statistics.tx_drops++;
		transmit_answer(queue->channel, packet->ticket, status);
		return;
	}
	count = transmit_gather(queue, packet, rndis, &size);
	if (count < 0 || !queue->net->memo->rndis || !send_all(queue, count, size)) {
		queue->net->statistics.tx_errors++;
		status = NVSP_STATUS_INVALID_RNDIS;
	}
	/* Frames of this message wait: the last one has the answer with it. */
	if (queue->held_end != end)
		((struct nic_held *)((uint8_t *)queue->held_end - offsetof(struct nic_held, next)))
			->ticket = packet->ticket;
	else
		transmit_answer(queue->channel, packet->ticket, status);
}
