/* SPDX-License-Identifier: GPL-2.0-only */
/* Ethernet frames: see frame.h. */
#include "frame.h"

#include <string.h>
#include <vmbus/net.h>

#define TYPE_IPV4 0x0800u
#define TYPE_IPV6 0x86ddu
#define TYPE_VLAN 0x8100u
#define TYPE_VLAN_OUTER 0x88a8u

#define IPV4_HEADER 20u
#define IPV6_HEADER 40u
#define TCP_HEADER 20u
#define UDP_HEADER 8u
#define TCP_SUM 16u
#define UDP_SUM 6u
/* Extension headers of IPv6 that are walked over. */
#define EXTENSIONS_MAX 8u

_Static_assert(sizeof(struct frame_header) == 10, "struct virtio_net_hdr");

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static bool has_ports(uint8_t protocol)
{
	return protocol == FRAME_PROTOCOL_TCP || protocol == FRAME_PROTOCOL_UDP;
}

/* Sets transport where the whole of its header is in the head. */
static void find_transport(size_t at, size_t size, uint8_t protocol, struct frame_layers *layers)
{
	size_t header = protocol == FRAME_PROTOCOL_TCP ? TCP_HEADER : UDP_HEADER;

	if (!has_ports(protocol) || at + header > size)
		return;
	layers->transport = (uint16_t)at;
	layers->protocol = protocol;
}

static void look_at_ipv4(const uint8_t *head, size_t size, size_t at, struct frame_layers *layers)
{
	size_t length;

	if (at + IPV4_HEADER > size || head[at] >> 4 != 4)
		return;
	length = (size_t)(head[at] & 15) * 4;
	if (length < IPV4_HEADER || at + length > size)
		return;
	layers->ip = (uint16_t)at;
	layers->version = 4;
	/* More fragments, or not the first one. */
	if (get16(head + at + 6) & 0x3fff)
		return;
	find_transport(at + length, size, head[at + 9], layers);
}

static bool is_extension(uint8_t protocol)
{
	return protocol == 0 || protocol == 43 || protocol == 60;
}

static void look_at_ipv6(const uint8_t *head, size_t size, size_t at, struct frame_layers *layers)
{
	uint8_t next;

	if (at + IPV6_HEADER > size || head[at] >> 4 != 6)
		return;
	layers->ip = (uint16_t)at;
	layers->version = 6;
	next = head[at + 6];
	at += IPV6_HEADER;
	for (unsigned int i = 0; i < EXTENSIONS_MAX && is_extension(next); i++) {
		if (at + 8 > size)
			return;
		next = head[at];
		at += (size_t)(head[at + 1] + 1) * 8;
	}
	find_transport(at, size, next, layers);
}

void frame_layers(const uint8_t *head, size_t size, struct frame_layers *layers)
{
	size_t at = FRAME_HEADER;
	uint16_t type;

	memset(layers, 0, sizeof(*layers));
	if (size < FRAME_HEADER)
		return;
	type = get16(head + 12);
	for (unsigned int i = 0; i < 2 && (type == TYPE_VLAN || type == TYPE_VLAN_OUTER); i++) {
		if (at + FRAME_TAG > size)
			return;
		type = get16(head + at + 2);
		at += FRAME_TAG;
	}
	if (type == TYPE_IPV4)
		look_at_ipv4(head, size, at, layers);
	else if (type == TYPE_IPV6)
		look_at_ipv6(head, size, at, layers);
}

/* ---- checksums: sums of 16-bit words in memory's order, which folding does not mind ---- */

static uint64_t sum(uint64_t from, const uint8_t *bytes, size_t size)
{
	uint32_t word;
	uint16_t half;

	for (; size >= 4; size -= 4, bytes += 4) {
		memcpy(&word, bytes, 4);
		from += word;
	}
	if (size >= 2) {
		memcpy(&half, bytes, 2);
		from += half;
		bytes += 2;
		size -= 2;
	}
	return size ? from + bytes[0] : from;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

bool frame_finish_sum(uint8_t *frame, size_t size, size_t start, size_t offset)
{
	uint16_t value;

	if (start > size || offset > size - start || size - start - offset < 2)
		return false;
	value = (uint16_t)~fold(sum(0, frame + start, size - start));
	if (!value)
		value = 0xffff; /* 0 is "no checksum" in UDP, and the same in TCP */
	memcpy(frame + start + offset, &value, 2);
	return true;
}

static void sum_ipv4_header(uint8_t *ip)
{
	uint16_t value;

	memset(ip + 10, 0, 2);
	value = (uint16_t)~fold(sum(0, ip, (size_t)(ip[0] & 15) * 4));
	memcpy(ip + 10, &value, 2);
}

/* TCP's pseudo-header: what its checksum begins with. length: of TCP, header included. */
static uint16_t sum_pseudo(const uint8_t *ip, uint8_t version, size_t length)
{
	uint8_t tail[8] = { 0 };

	put16(tail + 2, length);
	tail[5] = FRAME_PROTOCOL_TCP;
	if (version == 4)
		return fold(sum(sum(0, ip + 12, 8), tail, sizeof(tail)));
	return fold(sum(sum(0, ip + 8, 32), tail, sizeof(tail)));
}

/* ---- what a guest leaves to do ---- */

static bool offload_checksum(uint8_t *head, size_t size, const struct frame_layers *layers,
			     uint32_t what, struct frame_header *header)
{
	size_t start = RNDIS_CHECKSUM_OFFSET(what);
	size_t offset = what & RNDIS_CHECKSUM_TCP ? TCP_SUM : UDP_SUM;

	if (!(what & (RNDIS_CHECKSUM_IPV4 | RNDIS_CHECKSUM_IPV6)))
		return true;
	if (what & RNDIS_CHECKSUM_HEADER && layers->version == 4)
		sum_ipv4_header(head + layers->ip);
	if (!(what & (RNDIS_CHECKSUM_TCP | RNDIS_CHECKSUM_UDP)))
		return true;
	if (!start)
		start = layers->transport;
	if (start < FRAME_HEADER || start + offset + 2 > size)
		return false;
	header->flags = FRAME_NEEDS_SUM;
	header->sum_start = (uint16_t)start;
	header->sum_offset = (uint16_t)offset;
	return true;
}

/* The lengths that the guest has left 0. False: IP cannot say them. */
static bool set_lengths(uint8_t *ip, uint8_t version, size_t length)
{
	if (version == 4) {
		if (length > 65535)
			return false;
		put16(ip + 2, length);
		sum_ipv4_header(ip);
		return true;
	}
	if (length - IPV6_HEADER > 65535)
		return false;
	put16(ip + 4, length - IPV6_HEADER);
	return true;
}

static bool offload_large(uint8_t *head, size_t head_size, size_t size,
			  const struct frame_layers *layers, uint32_t large,
			  struct frame_header *header)
{
	uint32_t segment = RNDIS_LARGE_SEND_SEGMENT(large), start = RNDIS_LARGE_SEND_OFFSET(large);
	uint8_t version = large & RNDIS_LARGE_SEND_IPV6 ? 6 : 4, *tcp;
	size_t headers;
	uint16_t pseudo;

	if (layers->version != version || layers->protocol != FRAME_PROTOCOL_TCP ||
	    (start && start != layers->transport) || segment < FRAME_SEGMENT_MIN ||
	    segment > UINT16_MAX)
		return false;
	tcp = head + layers->transport;
	headers = layers->transport + (size_t)(tcp[12] >> 4) * 4u;
	if (headers < layers->transport + TCP_HEADER || headers > head_size)
		return false;
	if (!set_lengths(head + layers->ip, version, size - layers->ip))
		return false;
	pseudo = sum_pseudo(head + layers->ip, version, size - layers->transport);
	memcpy(tcp + TCP_SUM, &pseudo, 2);
	header->flags = FRAME_NEEDS_SUM;
	header->sum_start = layers->transport;
	header->sum_offset = TCP_SUM;
	if (size - headers <= segment)
		return true;
	header->cut = version == 4 ? FRAME_CUT_TCP4 : FRAME_CUT_TCP6;
	if (tcp[13] & 0x80) /* CWR goes with the first piece only */
		header->cut |= FRAME_CUT_ECN;
	header->headers = (uint16_t)headers;
	header->segment = (uint16_t)segment;
	return true;
}

bool frame_offload(uint8_t *head, size_t head_size, size_t size, uint32_t checksum, uint32_t large,
		   struct frame_header *header)
{
	struct frame_layers layers;

	memset(header, 0, sizeof(*header));
	if (!checksum && !large)
		return true;
	frame_layers(head, head_size, &layers);
	if (large)
		return offload_large(head, head_size, size, &layers, large, header);
	return offload_checksum(head, size, &layers, checksum, header);
}

/* ---- hash ---- */

static uint32_t toeplitz(const uint8_t key[40], const uint8_t *bytes, size_t size)
{
	uint32_t hash = 0, window = (uint32_t)get16(key) << 16 | get16(key + 2);

	for (size_t i = 0; i < size; i++) {
		for (unsigned int bit = 8; bit--;) {
			if (bytes[i] >> bit & 1)
				hash ^= window;
			window = window << 1 | (key[i + 4] >> bit & 1u);
		}
	}
	return hash;
}

bool frame_hash(const uint8_t *head, const struct frame_layers *layers, uint32_t types,
		const uint8_t key[40], uint32_t *hash)
{
	bool v4 = layers->version == 4;
	size_t addresses = v4 ? 8 : 32, size = addresses;
	uint8_t bytes[36];

	if (!layers->version)
		return false;
	memcpy(bytes, head + layers->ip + (v4 ? 12 : 8), addresses);
	if (layers->protocol == FRAME_PROTOCOL_TCP &&
	    types & (v4 ? NDIS_HASH_TCP_IPV4 : NDIS_HASH_TCP_IPV6)) {
		memcpy(bytes + addresses, head + layers->transport, 4);
		size += 4;
	} else if (!(types & (v4 ? NDIS_HASH_IPV4 : NDIS_HASH_IPV6))) {
		return false;
	}
	*hash = toeplitz(key, bytes, size);
	return true;
}
