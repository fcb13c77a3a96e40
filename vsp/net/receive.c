/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames for the guest: from the backend into sections of the receive buffer, several in
 * one packet as long as their sections follow one another. Where no section is free a
 * frame is dropped; where a ring is full no more frames are asked for.
 *
 * What the guest gets is a frame as it could come over a wire: checksums that the host
 * left open are filled in, so that the guest may send it on. But for TCP segments larger
 * than a wire has, where the guest has asked for them: they go in parts, a section each,
 * and their checksum is only said to be right.
 */
#include <string.h>

#include "nic.h"

#define TYPE_VLAN 0x81u

_Static_assert(BACKEND_HEADROOM >= NIC_FRAME_OFFSET, "RNDIS's headers go there");

/* What is told about a frame, or with one of its parts. */
struct about {
	bool has_checksum, has_vlan, has_hash;
	uint32_t checksum, vlan, hash;
	uint8_t part; /* RNDIS_PART_*; 0: it is a whole */
};

struct nic_queue *receive_queue(struct net *net, unsigned int queue)
{
	struct nic_queue *own = &net->queues[queue];

	if (own->channel)
		return own;
	return nic_first(net) ? &net->queues[0] : NULL;
}

static bool is_wanted(const struct net *net, const uint8_t *frame)
{
	static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint32_t filter = net->memo->filter;

	if (filter & RNDIS_FILTER_PROMISCUOUS)
		return true;
	if (!memcmp(frame, everybody, sizeof(everybody)))
		return filter & RNDIS_FILTER_BROADCAST;
	if (frame[0] & 1)
		return filter & (RNDIS_FILTER_MULTICAST | RNDIS_FILTER_ALL_MULTICAST);
	return filter & RNDIS_FILTER_DIRECTED && !memcmp(frame, net->memo->mac, 6);
}

/* ---- sections ---- */

static uint32_t batch_end(const struct nic_queue *queue)
{
	return queue->first + queue->count;
}

void receive_close(struct nic_queue *queue)
{
	for (uint32_t i = 0; i < queue->count; i++)
		nic_section_drop(queue->net, queue->first + i);
	queue->count = queue->batch_frames = 0;
	queue->batch_bytes = 0;
}

bool receive_flush(struct nic_queue *queue)
{
	struct net *net = queue->net;

	if (!queue->count)
		return true;
	if (queue->blocked)
		return false;
	switch (nic_sections_send(net, queue->channel, NVSP_CHANNEL_DATA, queue->first,
				  queue->sizes, queue->count)) {
	case CHANNEL_SENT:
		net->statistics.rx_packets += queue->batch_frames;
		net->statistics.rx_bytes += queue->batch_bytes;
		queue->count = queue->batch_frames = 0;
		queue->batch_bytes = 0;
		return true;
	case CHANNEL_FULL:
		nic_blocked(queue);
		return false;
	default:
		net->statistics.rx_drops += queue->batch_frames;
		receive_close(queue);
		return false;
	}
}

/* A message of RNDIS that ends with a frame of `bytes`. */
static bool add(struct nic_queue *queue, const uint8_t *message, uint32_t size, uint32_t bytes)
{
	struct net *net = queue->net;
	uint32_t section;

	/* Full only as long as the ring is. */
	if (queue->count == NIC_BATCH || !nic_section_take(net, false, &section))
		return false;
	if (!nic_section_write(net, section, message, size) ||
	    (queue->count && section != batch_end(queue) && !receive_flush(queue))) {
		nic_section_drop(net, section);
		return false;
	}
	if (!queue->count)
		queue->first = section;
	queue->sizes[queue->count++] = size;
	queue->batch_frames++;
	queue->batch_bytes += bytes;
	if (queue->count == NIC_BATCH)
		receive_flush(queue);
	return true;
}

/* ---- RNDIS ---- */

static uint8_t *add_info(uint8_t *at, uint32_t type, uint32_t value)
{
	struct rndis_info info = { sizeof(info) + sizeof(value), type, sizeof(info) };

	memcpy(at, &info, sizeof(info));
	memcpy(at + sizeof(info), &value, sizeof(value));
	return at + info.size;
}

/* Writes the headers in front of the frame. Returns where the message begins. */
static uint8_t *add_headers(uint8_t *frame, uint32_t size, const struct about *about)
{
	uint8_t *message = frame - NIC_FRAME_OFFSET, *info, *at;
	struct rndis_header header = { RNDIS_PACKET, NIC_FRAME_OFFSET + size };
	struct rndis_packet packet = { .size = size };

	packet.offset = NIC_FRAME_OFFSET - (uint32_t)sizeof(header);
	memset(message, 0, NIC_FRAME_OFFSET);
	info = at = message + sizeof(header) + sizeof(packet);
	if (about->has_checksum)
		at = add_info(at, RNDIS_INFO_CHECKSUM, about->checksum);
	if (about->has_vlan)
		at = add_info(at, RNDIS_INFO_VLAN, about->vlan);
	if (about->has_hash)
		at = add_info(at, RNDIS_INFO_HASH, about->hash);
	if (about->part)
		at = add_info(at, RNDIS_INFO_PART | RNDIS_INFO_OTHER,
			      1u | (uint32_t)about->part << 8);
	packet.info_size = (uint32_t)(at - info);
	packet.info_offset = packet.info_size ? sizeof(packet) : 0;
	memcpy(message, &header, sizeof(header));
	memcpy(message + sizeof(header), &packet, sizeof(packet));
	return message;
}

/* ---- a frame ---- */

/* Takes the outer tag of 802.1Q out of the frame. */
static void take_tag(uint8_t **frame, size_t *size, struct about *about)
{
	uint8_t *at = *frame;
	uint32_t tag;

	if (*size < FRAME_HEADER + FRAME_TAG || at[12] != TYPE_VLAN || at[13])
		return;
	tag = (uint32_t)at[14] << 8 | at[15];
	about->has_vlan = true;
	about->vlan = tag >> 13 | (tag >> 12 & 1) << 3 | (tag & 0xfff) << 4;
	memmove(at + FRAME_TAG, at, 12);
	*frame += FRAME_TAG;
	*size -= FRAME_TAG;
}

/* That TCP's or UDP's checksum is known to be right, if the guest wants to hear it. */
static void tell_checksum(const struct net *net, const struct frame_layers *layers,
			  struct about *about)
{
	bool tcp = layers->protocol == FRAME_PROTOCOL_TCP;
	uint32_t on = layers->version == 4 ? (tcp ? NIC_RECEIVE_TCP4 : NIC_RECEIVE_UDP4) :
					     (tcp ? NIC_RECEIVE_TCP6 : NIC_RECEIVE_UDP6);

	if (!layers->protocol || !(net->memo->offloads & on))
		return;
	about->has_checksum = true;
	about->checksum = tcp ? RNDIS_CHECKED_TCP : RNDIS_CHECKED_UDP;
}

/* ---- in parts ---- */

/* Bytes of a frame in one section. */
static uint32_t part_size(const struct net *net)
{
	return net->memo->section_size - NIC_FRAME_OFFSET;
}

bool receive_has_parts(const struct net *net)
{
	return net->backend->ops->large && net->memo->capabilities & NVSP_CAPABLE_RSC &&
	       net->memo->section_count > NIC_BATCH + NIC_SECTIONS_SPARE &&
	       part_size(net) * NIC_BATCH >= FRAME_MAX;
}

bool receive_takes_large(const struct net *net)
{
	return net->running && net->memo->offloads & NIC_COALESCE4 &&
	       net->memo->offloads & NIC_COALESCE6;
}

/* Each part's headers overwrite the end of the one before, which is in its section. */
static bool write_parts(struct net *net, uint32_t first, uint8_t *frame, uint32_t size,
			struct about *about, uint32_t *sizes)
{
	uint32_t most = part_size(net), part;

	about->has_hash = false; /* no room for all that can be said */
	for (uint32_t at = 0, i = 0; at < size; at += part, i++) {
		const uint8_t *message;

		part = size - at < most ? size - at : most;
		about->part = (uint8_t)(RNDIS_PART_IS | (at ? 0 : RNDIS_PART_FIRST) |
					(at + part < size ? 0 : RNDIS_PART_LAST));
		message = add_headers(frame + at, part, about);
		sizes[i] = part + NIC_FRAME_OFFSET;
		if (!nic_section_write(net, first + i, message, sizes[i]))
			return false;
		*about = (struct about){ 0 };
	}
	return true;
}

static bool add_large(struct nic_queue *queue, uint8_t *frame, uint32_t size, struct about *about)
{
	struct net *net = queue->net;
	uint32_t count = (size + part_size(net) - 1) / part_size(net), first;

	if (!receive_flush(queue) || count > NIC_BATCH || !nic_sections_take(net, count, &first))
		return false;
	if (!write_parts(net, first, frame, size, about, queue->sizes)) {
		for (uint32_t i = 0; i < count; i++)
			nic_section_drop(net, first + i);
		return false;
	}
	queue->first = first;
	queue->count = count;
	queue->batch_frames = 1;
	queue->batch_bytes = size;
	return true;
}

/* The channel that a frame goes to: by its hash and the guest's table, or as the backend
 * has chosen. */
static struct nic_queue *choose(struct net *net, unsigned int queue, const struct about *about)
{
	struct nic_queue *chosen;

	if (!about->has_hash)
		return receive_queue(net, queue);
	chosen = &net->queues[net->memo->table[about->hash % NDIS_RSS_TABLE_MAX]];
	return chosen->channel ? chosen : receive_queue(net, queue);
}

/* A large segment that the guest takes. */
static bool is_large(const struct net *net, const struct frame_header *header)
{
	uint8_t cut = header ? header->cut & (uint8_t)~FRAME_CUT_ECN : FRAME_WHOLE;

	return net->large && (cut == FRAME_CUT_TCP4 || cut == FRAME_CUT_TCP6);
}

/* False: the frame was an error. */
static bool check(struct net *net, const struct frame_header *header, uint8_t *frame, size_t size)
{
	if (is_large(net, header))
		return size >= FRAME_HEADER && size <= FRAME_MAX;
	if (size < FRAME_HEADER || size > nic_frame_size(net) + FRAME_TAG)
		return false;
	if (!header)
		return true;
	return header->cut == FRAME_WHOLE &&
	       (!(header->flags & FRAME_NEEDS_SUM) ||
		frame_finish_sum(frame, size, header->sum_start, header->sum_offset));
}

/* Nobody sends a large segment on as it is: where the guest hears that its sum is right it
 * is not worth while. skipped: bytes that the frame has lost at its begin. */
static void finish_large(const struct frame_header *header, const struct about *about,
			 uint8_t *frame, size_t size, size_t skipped)
{
	if (header->flags & FRAME_NEEDS_SUM && !about->has_checksum && header->sum_start >= skipped)
		frame_finish_sum(frame, size, header->sum_start - skipped, header->sum_offset);
}

void net_receive(struct net *net, unsigned int queue, const struct frame_header *header,
		 uint8_t *frame, size_t size)
{
	bool large = is_large(net, header), added;
	const uint8_t *whole = frame;
	struct about about = { 0 };
	struct frame_layers layers;
	struct nic_queue *to;

	if (!net->running) {
		net->statistics.rx_drops++;
		return;
	}
	if (!check(net, header, frame, size)) {
		net->statistics.rx_errors++;
		return;
	}
	if (!is_wanted(net, frame))
		return;
	take_tag(&frame, &size, &about);
	frame_layers(frame, size < FRAME_HEAD ? size : FRAME_HEAD, &layers);
	if (header && header->flags)
		tell_checksum(net, &layers, &about);
	if (large)
		finish_large(header, &about, frame, size, (size_t)(frame - whole));
	if (net->memo->scaling)
		about.has_hash =
			frame_hash(frame, &layers, net->memo->hash, net->memo->key, &about.hash);
	to = choose(net, queue, &about);
	if (large && size > part_size(net))
		added = to && add_large(to, frame, (uint32_t)size, &about);
	else
		added = to && add(to, add_headers(frame, (uint32_t)size, &about),
				  (uint32_t)size + NIC_FRAME_OFFSET, (uint32_t)size);
	if (!added)
		net->statistics.rx_drops++;
}

void net_received(struct net *net)
{
	for (uint32_t i = 0; i < nic_channels(net); i++) {
		struct nic_queue *queue = &net->queues[i];

		if (!queue->channel)
			continue;
		if (queue->count)
			receive_flush(queue);
		channel_flush(queue->channel);
	}
	nic_update(net);
}

void net_receive_error(struct net *net)
{
	net->statistics.rx_errors++;
}
