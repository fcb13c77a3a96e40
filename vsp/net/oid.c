/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The objects that a guest asks for and sets by RNDIS. Some are read by no Linux guest,
 * but by others.
 */
#include <string.h>

#include "nic.h"

/* Of the largest TCP segment to be cut: what Hyper-V says. */
#define LARGE_MAX 0xf53cu
#define LARGE_SEGMENTS_MIN 2u

#define MAC_OPTIONS 0x24du /* lookahead copied, nothing pends, no loopback, 802.1p and q */
#define BUFFER_SPACE (256u << 10)
/* Of OID_GEN_VENDOR_ID: the first three bytes are no vendor's. */
#define VENDOR_ID 0xffffffu

/* ---- the answer under construction ---- */

struct answer {
	uint8_t *bytes;
	uint32_t room, size;
};

static uint32_t put(struct answer *answer, const void *value, uint32_t size)
{
	if (size > answer->room - answer->size)
		return RNDIS_STATUS_INVALID_LENGTH;
	memcpy(answer->bytes + answer->size, value, size);
	answer->size += size;
	return RNDIS_STATUS_SUCCESS;
}

static uint32_t put32(struct answer *answer, uint32_t value)
{
	return put(answer, &value, sizeof(value));
}

static uint32_t put64(struct answer *answer, uint64_t value)
{
	return put(answer, &value, sizeof(value));
}

static bool is_ndis(const struct net *net, uint32_t major, uint32_t minor)
{
	return net->memo->ndis_major > major ||
	       (net->memo->ndis_major == major && net->memo->ndis_minor >= minor);
}

static uint32_t put_list(const struct net *net, struct answer *answer)
{
	static const uint32_t old[] = {
		OID_GEN_SUPPORTED_LIST,
		OID_GEN_HARDWARE_STATUS,
		OID_GEN_MEDIA_SUPPORTED,
		OID_GEN_MEDIA_IN_USE,
		OID_GEN_MAXIMUM_LOOKAHEAD,
		OID_GEN_MAXIMUM_FRAME_SIZE,
		OID_GEN_LINK_SPEED,
		OID_GEN_TRANSMIT_BUFFER_SPACE,
		OID_GEN_RECEIVE_BUFFER_SPACE,
		OID_GEN_TRANSMIT_BLOCK_SIZE,
		OID_GEN_RECEIVE_BLOCK_SIZE,
		OID_GEN_VENDOR_ID,
		OID_GEN_VENDOR_DESCRIPTION,
		OID_GEN_CURRENT_PACKET_FILTER,
		OID_GEN_CURRENT_LOOKAHEAD,
		OID_GEN_DRIVER_VERSION,
		OID_GEN_MAXIMUM_TOTAL_SIZE,
		OID_GEN_MAC_OPTIONS,
		OID_GEN_MEDIA_CONNECT_STATUS,
		OID_GEN_MAXIMUM_SEND_PACKETS,
		OID_GEN_VENDOR_DRIVER_VERSION,
		OID_GEN_NETWORK_LAYER_ADDRESSES,
		OID_GEN_RNDIS_CONFIG_PARAMETER,
		OID_GEN_FRIENDLY_NAME,
		OID_GEN_XMIT_OK,
		OID_GEN_RCV_OK,
		OID_GEN_XMIT_ERROR,
		OID_GEN_RCV_ERROR,
		OID_GEN_RCV_NO_BUFFER,
		OID_802_3_PERMANENT_ADDRESS,
		OID_802_3_CURRENT_ADDRESS,
		OID_802_3_MULTICAST_LIST,
		OID_802_3_MAXIMUM_LIST_SIZE,
		OID_802_3_RCV_ERROR_ALIGNMENT,
		OID_802_3_XMIT_ONE_COLLISION,
		OID_802_3_XMIT_MORE_COLLISIONS,
	};
	static const uint32_t ndis60[] = {
		OID_GEN_MAX_LINK_SPEED,
		OID_GEN_LINK_STATE,
		OID_GEN_BYTES_RCV,
		OID_GEN_BYTES_XMIT,
		OID_TCP_OFFLOAD_CURRENT_CONFIG,
		OID_TCP_OFFLOAD_PARAMETERS,
		OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES,
		OID_OFFLOAD_ENCAPSULATION,
	};
	static const uint32_t ndis630[] = {
		OID_GEN_RECEIVE_SCALE_CAPABILITIES,
		OID_GEN_RECEIVE_SCALE_PARAMETERS,
	};
	uint32_t status = put(answer, old, sizeof(old));

	if (!status && is_ndis(net, 6, 0))
		status = put(answer, ndis60, sizeof(ndis60));
	if (!status && is_ndis(net, 6, 30))
		status = put(answer, ndis630, sizeof(ndis630));
	return status;
}

static uint32_t put_name(struct answer *answer)
{
	/* What guests take for no name of its own. */
	static const char text[] = "Network Adapter";
	uint16_t name[256] = { 0 };

	for (unsigned int i = 0; text[i]; i++)
		name[i] = (uint8_t)text[i];
	return put(answer, name, sizeof(name));
}

static uint32_t put_link_state(const struct net *net, struct answer *answer)
{
	struct ndis_link_state state = {
		.header = { NDIS_OBJECT_DEFAULT, 1, sizeof(state) },
		.connected = net->link ? 1 : 2,
		.duplex = 2,
		.transmit_speed = net->config.speed,
		.receive_speed = net->config.speed,
	};

	return put(answer, &state, sizeof(state));
}

static uint32_t put_rss(const struct net *net, struct answer *answer)
{
	struct ndis_rss_capabilities rss = {
		.header = { NDIS_OBJECT_RSS_CAPABILITIES, 2, NDIS_RSS_CAPABILITIES_2 },
		.flags = NDIS_RSS_TCP_IPV4 | NDIS_RSS_TCP_IPV6 | NDIS_HASH_TOEPLITZ,
		.interrupts = 1,
		.queues = nic_channels(net),
		.table_size = NDIS_RSS_TABLE_MAX,
	};

	return put(answer, &rss, NDIS_RSS_CAPABILITIES_2);
}

static uint32_t put_encapsulation(struct answer *answer)
{
	uint32_t words[7] = {
		NDIS_OBJECT_ENCAPSULATION | 1u << 8 | (uint32_t)sizeof(words) << 16,
		1,
		NDIS_ENCAPSULATION_8023,
		FRAME_HEADER,
		1,
		NDIS_ENCAPSULATION_8023,
		FRAME_HEADER,
	};

	return put(answer, words, sizeof(words));
}

/* ---- offloads ---- */

uint32_t oid_offloads(const struct net *net)
{
	uint32_t parts = receive_has_parts(net) ? NIC_COALESCE4 | NIC_COALESCE6 : 0;

	return net->backend->headers ? NIC_OFFLOADS | parts : 0;
}

/* bits: those of transmission, or of reception moved down. */
static struct ndis_checksums checksums4(uint32_t bits)
{
	struct ndis_checksums sums = { 0 };

	if (bits & NIC_TRANSMIT_HEADER4)
		sums.what |= NDIS_CHECKSUM_IPV4 | NDIS_CHECKSUM_IPV4_OPTIONS;
	if (bits & NIC_TRANSMIT_TCP4)
		sums.what |= NDIS_CHECKSUM_TCP | NDIS_CHECKSUM_TCP_OPTIONS |
			     NDIS_CHECKSUM_IPV4_OPTIONS;
	if (bits & NIC_TRANSMIT_UDP4)
		sums.what |= NDIS_CHECKSUM_UDP | NDIS_CHECKSUM_IPV4_OPTIONS;
	sums.encapsulation = sums.what ? NDIS_ENCAPSULATION_8023 : 0;
	return sums;
}

static struct ndis_checksums checksums6(uint32_t bits)
{
	struct ndis_checksums sums = { 0 };

	if (bits & NIC_TRANSMIT_TCP6)
		sums.what |= NDIS_CHECKSUM_TCP | NDIS_CHECKSUM_TCP_OPTIONS |
			     NDIS_CHECKSUM_IPV6_EXTENSIONS;
	if (bits & NIC_TRANSMIT_UDP6)
		sums.what |= NDIS_CHECKSUM_UDP | NDIS_CHECKSUM_IPV6_EXTENSIONS;
	sums.encapsulation = sums.what ? NDIS_ENCAPSULATION_8023 : 0;
	return sums;
}

static uint32_t put_offloads(const struct net *net, uint32_t on, struct answer *answer)
{
	uint8_t revision = is_ndis(net, 6, 30) ? 3 : is_ndis(net, 6, 1) ? 2 : 1;
	uint32_t size = revision == 3 ? NDIS_OFFLOAD_3 :
			revision == 2 ? NDIS_OFFLOAD_2 :
					NDIS_OFFLOAD_1;
	struct ndis_offload offload = {
		.header = { NDIS_OBJECT_OFFLOAD, revision, (uint16_t)size },
		.transmit4 = checksums4(on),
		.receive4 = checksums4(on >> NIC_RECEIVE_SHIFT & 0x1f),
		.transmit6 = checksums6(on),
		.receive6 = checksums6(on >> NIC_RECEIVE_SHIFT & 0x1f),
		.coalesce4 = on & NIC_COALESCE4 ? 1 : 0,
		.coalesce6 = on & NIC_COALESCE6 ? 1 : 0,
	};

	if (on & NIC_LARGE4) {
		offload.large4_encapsulation = NDIS_ENCAPSULATION_8023;
		offload.large4_max = LARGE_MAX;
		offload.large4_segments_min = LARGE_SEGMENTS_MIN;
	}
	if (on & NIC_LARGE6) {
		offload.large6_encapsulation = NDIS_ENCAPSULATION_8023;
		offload.large6_max = LARGE_MAX;
		offload.large6_segments_min = LARGE_SEGMENTS_MIN;
		offload.large6_options = NDIS_CHECKSUM_IPV6_EXTENSIONS | NDIS_CHECKSUM_TCP_OPTIONS;
	}
	return put(answer, &offload, size);
}

/* ---- questions ---- */

static uint32_t query_statistics(const struct net *net, uint32_t oid, struct answer *answer)
{
	const struct net_statistics *statistics = &net->statistics;

	switch (oid) {
	case OID_GEN_XMIT_OK:
		return put64(answer, statistics->tx_packets);
	case OID_GEN_RCV_OK:
		return put64(answer, statistics->rx_packets);
	case OID_GEN_XMIT_ERROR:
		return put64(answer, statistics->tx_errors);
	case OID_GEN_RCV_ERROR:
		return put64(answer, statistics->rx_errors);
	case OID_GEN_RCV_NO_BUFFER:
		return put64(answer, statistics->rx_drops);
	case OID_GEN_BYTES_RCV:
		return put64(answer, statistics->rx_bytes);
	case OID_GEN_BYTES_XMIT:
		return put64(answer, statistics->tx_bytes);
	case OID_802_3_RCV_ERROR_ALIGNMENT:
	case OID_802_3_XMIT_ONE_COLLISION:
	case OID_802_3_XMIT_MORE_COLLISIONS:
		return put32(answer, 0);
	default:
		return RNDIS_STATUS_INVALID_OID;
	}
}

static uint32_t query_size(const struct net *net, uint32_t oid, struct answer *answer)
{
	switch (oid) {
	case OID_GEN_MAXIMUM_LOOKAHEAD:
	case OID_GEN_CURRENT_LOOKAHEAD:
	case OID_GEN_MAXIMUM_FRAME_SIZE:
		return put32(answer, nic_frame_size(net) - FRAME_HEADER);
	case OID_GEN_MAXIMUM_TOTAL_SIZE:
	case OID_GEN_TRANSMIT_BLOCK_SIZE:
	case OID_GEN_RECEIVE_BLOCK_SIZE:
		return put32(answer, nic_frame_size(net));
	case OID_GEN_TRANSMIT_BUFFER_SPACE:
	case OID_GEN_RECEIVE_BUFFER_SPACE:
		return put32(answer, BUFFER_SPACE);
	default:
		return query_statistics(net, oid, answer);
	}
}

static uint32_t query_link(const struct net *net, uint32_t oid, struct answer *answer)
{
	uint64_t speed = net->config.speed, speeds[2] = { speed, speed };

	switch (oid) {
	case OID_GEN_LINK_SPEED:
		return put32(answer,
			     speed / 100 < UINT32_MAX ? (uint32_t)(speed / 100) : UINT32_MAX);
	case OID_GEN_MAX_LINK_SPEED:
		return put(answer, speeds, sizeof(speeds));
	case OID_GEN_LINK_STATE:
		return put_link_state(net, answer);
	case OID_GEN_MEDIA_CONNECT_STATUS:
		return put32(answer, net->link ? 0 : 1);
	case OID_GEN_RECEIVE_SCALE_CAPABILITIES:
		return put_rss(net, answer);
	case OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES:
		return put_offloads(net, oid_offloads(net), answer);
	case OID_TCP_OFFLOAD_CURRENT_CONFIG:
		return put_offloads(net, net->memo->offloads, answer);
	case OID_OFFLOAD_ENCAPSULATION:
		return put_encapsulation(answer);
	default:
		return query_size(net, oid, answer);
	}
}

static uint32_t query(const struct net *net, uint32_t oid, struct answer *answer)
{
	static const uint16_t version = 0x0100;
	static const char vendor[] = "Mullion";

	switch (oid) {
	case OID_GEN_SUPPORTED_LIST:
		return put_list(net, answer);
	case OID_GEN_HARDWARE_STATUS: /* ready */
	case OID_GEN_MEDIA_SUPPORTED: /* 802.3 */
	case OID_GEN_MEDIA_IN_USE:
	case OID_802_3_MAXIMUM_LIST_SIZE:
		return put32(answer, 0);
	case OID_802_3_MULTICAST_LIST:
		return RNDIS_STATUS_SUCCESS;
	case OID_GEN_VENDOR_ID:
		return put32(answer, VENDOR_ID);
	case OID_GEN_VENDOR_DESCRIPTION:
		return put(answer, vendor, sizeof(vendor));
	case OID_GEN_DRIVER_VERSION:
	case OID_GEN_VENDOR_DRIVER_VERSION:
		return put(answer, &version, sizeof(version));
	case OID_GEN_CURRENT_PACKET_FILTER:
		return put32(answer, net->memo->filter);
	case OID_GEN_MAC_OPTIONS:
		return put32(answer, MAC_OPTIONS);
	case OID_GEN_MAXIMUM_SEND_PACKETS:
		return put32(answer, NIC_PACKETS_TOLD);
	case OID_GEN_FRIENDLY_NAME:
		return put_name(answer);
	case OID_802_3_PERMANENT_ADDRESS:
		return put(answer, net->config.mac, sizeof(net->config.mac));
	case OID_802_3_CURRENT_ADDRESS:
		return put(answer, net->memo->mac, sizeof(net->memo->mac));
	default:
		return query_link(net, oid, answer);
	}
}

uint32_t oid_query(struct net *net, uint32_t oid, uint8_t *bytes, uint32_t *size)
{
	struct answer answer = { bytes, *size, 0 };
	uint32_t status = query(net, oid, &answer);

	*size = answer.size;
	return status;
}

/* ---- settings ---- */

/* Copies what there is of an object; the rest is 0. False: less than `least` bytes. */
static bool take(void *object, uint32_t object_size, uint32_t least, const uint8_t *value,
		 uint32_t size)
{
	if (size < least)
		return false;
	memset(object, 0, object_size);
	memcpy(object, value, size < object_size ? size : object_size);
	return true;
}

static uint32_t set_filter(struct net *net, const uint8_t *value, uint32_t size)
{
	if (!take(&net->memo->filter, sizeof(net->memo->filter), 4, value, size))
		return RNDIS_STATUS_INVALID_LENGTH;
	return RNDIS_STATUS_SUCCESS;
}

static void switch_bit(uint32_t *bits, uint32_t bit, bool on)
{
	*bits = on ? *bits | bit : *bits & ~bit;
}

static void switch_checksum(uint32_t *bits, uint8_t value, uint32_t bit)
{
	if (value < NDIS_CHECKSUM_OFF || value > NDIS_CHECKSUM_BOTH)
		return;
	switch_bit(bits, bit, value == NDIS_CHECKSUM_TRANSMIT || value == NDIS_CHECKSUM_BOTH);
	switch_bit(bits, bit << NIC_RECEIVE_SHIFT,
		   value == NDIS_CHECKSUM_RECEIVE || value == NDIS_CHECKSUM_BOTH);
}

static void switch_large(uint32_t *bits, uint8_t value, uint32_t bit)
{
	if (value == NDIS_OFFLOAD_OFF || value == NDIS_OFFLOAD_ON)
		switch_bit(bits, bit, value == NDIS_OFFLOAD_ON);
}

static uint32_t set_offloads(struct net *net, const uint8_t *value, uint32_t size)
{
	uint32_t least = offsetof(struct ndis_offload_parameters, reserved);
	uint32_t on = net->memo->offloads;
	struct ndis_offload_parameters set;

	if (!take(&set, sizeof(set), least, value, size))
		return RNDIS_STATUS_INVALID_LENGTH;
	if (set.header.type != NDIS_OBJECT_DEFAULT || set.large_send_1 == NDIS_OFFLOAD_ON)
		return RNDIS_STATUS_INVALID_DATA;
	switch_checksum(&on, set.header4, NIC_TRANSMIT_HEADER4);
	switch_checksum(&on, set.tcp4, NIC_TRANSMIT_TCP4);
	switch_checksum(&on, set.udp4, NIC_TRANSMIT_UDP4);
	switch_checksum(&on, set.tcp6, NIC_TRANSMIT_TCP6);
	switch_checksum(&on, set.udp6, NIC_TRANSMIT_UDP6);
	switch_large(&on, set.large4, NIC_LARGE4);
	switch_large(&on, set.large6, NIC_LARGE6);
	switch_large(&on, set.coalesce4, NIC_COALESCE4);
	switch_large(&on, set.coalesce6, NIC_COALESCE6);
	net->memo->offloads = on & oid_offloads(net);
	return RNDIS_STATUS_SUCCESS;
}

/* False: the table lies outside of the value, or names what is no channel. */
static bool take_table(const struct net *net, const struct ndis_rss_parameters *set,
		       const uint8_t *value, uint32_t size, uint8_t table[NDIS_RSS_TABLE_MAX])
{
	uint32_t count = set->table_size / 4u, channel;

	if (!count || count > NDIS_RSS_TABLE_MAX || set->table_offset > size ||
	    count * 4u > size - set->table_offset)
		return false;
	for (uint32_t i = 0; i < NDIS_RSS_TABLE_MAX; i++) {
		memcpy(&channel, value + set->table_offset + (size_t)(i % count) * 4,
		       sizeof(channel));
		if (channel >= nic_channels(net))
			return false;
		table[i] = (uint8_t)channel;
	}
	return true;
}

static uint32_t set_rss(struct net *net, const uint8_t *value, uint32_t size)
{
	struct nic_memo *memo = net->memo;
	uint8_t table[NDIS_RSS_TABLE_MAX], key[NDIS_RSS_KEY_SIZE];
	struct ndis_rss_parameters set;

	if (!take(&set, sizeof(set), offsetof(struct ndis_rss_parameters, masks_offset), value,
		  size))
		return RNDIS_STATUS_INVALID_LENGTH;
	memcpy(table, memo->table, sizeof(table));
	memcpy(key, memo->key, sizeof(key));
	if (set.flags & NDIS_RSS_DISABLE || !(set.hash & NDIS_HASH_FUNCTION)) {
		memo->scaling = false;
		return RNDIS_STATUS_SUCCESS;
	}
	if (!(set.flags & NDIS_RSS_UNCHANGED_TABLE) && !take_table(net, &set, value, size, table))
		return RNDIS_STATUS_INVALID_DATA;
	if (!(set.flags & NDIS_RSS_UNCHANGED_KEY)) {
		if (set.key_size != sizeof(key) || set.key_offset > size ||
		    size - set.key_offset < sizeof(key))
			return RNDIS_STATUS_INVALID_DATA;
		memcpy(key, value + set.key_offset, sizeof(key));
	}
	memcpy(memo->table, table, sizeof(table));
	memcpy(memo->key, key, sizeof(key));
	if (!(set.flags & NDIS_RSS_UNCHANGED_HASH))
		memo->hash = set.hash;
	memo->scaling = true;
	return RNDIS_STATUS_SUCCESS;
}

/* UTF-16 of ASCII alone. False: it is something else, or too long. */
static bool take_text(const uint8_t *value, uint32_t size, uint32_t offset, uint32_t length,
		      char *text, uint32_t room)
{
	if (offset > size || length > size - offset || length % 2 || length / 2 >= room)
		return false;
	for (uint32_t i = 0; i < length / 2; i++) {
		if (value[offset + 2 * i + 1] || value[offset + 2 * i] > 126)
			return false;
		text[i] = (char)value[offset + 2 * i];
	}
	text[length / 2] = '\0';
	return true;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Twelve digits. */
static uint32_t set_mac(struct net *net, const char *text)
{
	uint8_t mac[6];

	for (unsigned int i = 0; i < sizeof(mac); i++) {
		const char *digits = text + (size_t)i * 2;
		int high = digit(digits[0]), low = high < 0 ? -1 : digit(digits[1]);

		if (low < 0)
			return RNDIS_STATUS_INVALID_DATA;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	if (text[12] || mac[0] & 1)
		return RNDIS_STATUS_INVALID_DATA;
	if (net->config.mac_fixed && memcmp(mac, net->config.mac, sizeof(mac)) != 0)
		return RNDIS_STATUS_NOT_SUPPORTED;
	memcpy(net->memo->mac, mac, sizeof(mac));
	return RNDIS_STATUS_SUCCESS;
}

static uint32_t set_parameter(struct net *net, const uint8_t *value, uint32_t size)
{
	struct rndis_parameter set;
	char name[64], text[64];

	if (!take(&set, sizeof(set), sizeof(set), value, size))
		return RNDIS_STATUS_INVALID_LENGTH;
	if (!take_text(value, size, set.name_offset, set.name_size, name, sizeof(name)))
		return RNDIS_STATUS_INVALID_DATA;
	if (strcmp(name, "NetworkAddress") != 0)
		return RNDIS_STATUS_SUCCESS; /* nothing that matters here */
	if (set.type != RNDIS_PARAMETER_STRING ||
	    !take_text(value, size, set.value_offset, set.value_size, text, sizeof(text)))
		return RNDIS_STATUS_INVALID_DATA;
	return set_mac(net, text);
}

uint32_t oid_set(struct net *net, uint32_t oid, const uint8_t *value, uint32_t size)
{
	switch (oid) {
	case OID_GEN_CURRENT_PACKET_FILTER:
		return set_filter(net, value, size);
	case OID_TCP_OFFLOAD_PARAMETERS:
		return set_offloads(net, value, size);
	case OID_GEN_RECEIVE_SCALE_PARAMETERS:
		return set_rss(net, value, size);
	case OID_GEN_RNDIS_CONFIG_PARAMETER:
		return set_parameter(net, value, size);
	case OID_GEN_CURRENT_LOOKAHEAD:
	case OID_GEN_NETWORK_LAYER_ADDRESSES:
	case OID_802_3_MULTICAST_LIST:
	case OID_OFFLOAD_ENCAPSULATION:
		return RNDIS_STATUS_SUCCESS;
	default:
		return RNDIS_STATUS_INVALID_OID;
	}
}
