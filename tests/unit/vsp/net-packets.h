/* SPDX-License-Identifier: GPL-2.0-only */
/* Ethernet frames made by hand, for the tests that speak to a real network stack. */
#ifndef NET_PACKETS_H
#define NET_PACKETS_H

#include <stdint.h>
#include <string.h>

#define PACKETS_TCP 6u
#define PACKETS_UDP 17u

/* Between whom. */
struct ends {
	uint8_t mac_to[6], mac_from[6];
	uint8_t from[4], to[4];
	uint16_t from_port, to_port;
};

static inline void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static inline uint32_t get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

static inline uint32_t ones_sum(const uint8_t *bytes, uint32_t size, uint32_t from)
{
	for (uint32_t i = 0; i < size; i++)
		from += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (from > 0xffff)
		from = (from >> 16) + (from & 0xffff);
	return from;
}

/* The checksum of TCP or UDP in an IPv4 frame without options, as it should be, when the
 * field is 0. */
static inline uint32_t transport_sum(const uint8_t *frame, uint32_t size)
{
	return ~ones_sum(frame + 34, size - 34, ones_sum(frame + 26, 8, size - 34 + frame[23])) &
	       0xffff;
}

/* Headers of Ethernet and IPv4 around size bytes at frame + 34, which begin with a header
 * that has its checksum at `check`. Returns the frame's size. */
static inline uint32_t finish_ipv4(uint8_t *frame, const struct ends *ends, uint8_t protocol,
				   uint32_t size, uint32_t check)
{
	memcpy(frame, ends->mac_to, 6);
	memcpy(frame + 6, ends->mac_from, 6);
	memcpy(frame + 12, "\x08\x00\x45\x00", 4);
	put16(frame + 16, 20 + size);
	memcpy(frame + 18, "\x00\x01\x40\x00\x40", 5);
	frame[23] = protocol;
	put16(frame + 24, 0);
	memcpy(frame + 26, ends->from, 4);
	memcpy(frame + 30, ends->to, 4);
	put16(frame + 24, ~ones_sum(frame + 14, 20, 0));
	put16(frame + 34, ends->from_port);
	put16(frame + 36, ends->to_port);
	put16(frame + 34 + check, 0);
	put16(frame + 34 + check, transport_sum(frame, 34 + size));
	return 34 + size;
}

static inline uint32_t make_udp(uint8_t *frame, const struct ends *ends, const void *bytes,
				uint32_t size)
{
	put16(frame + 38, 8 + size);
	memcpy(frame + 42, bytes, size);
	return finish_ipv4(frame, ends, PACKETS_UDP, 8 + size, 6);
}

static inline uint32_t make_tcp(uint8_t *frame, const struct ends *ends, uint32_t sequence,
				uint32_t acknowledged, uint8_t flags, const void *bytes,
				uint32_t size)
{
	put16(frame + 38, sequence >> 16);
	put16(frame + 40, sequence);
	put16(frame + 42, acknowledged >> 16);
	put16(frame + 44, acknowledged);
	frame[46] = 5 << 4;
	frame[47] = flags;
	put16(frame + 48, 60000);
	put16(frame + 52, 0);
	memcpy(frame + 54, bytes, size);
	return finish_ipv4(frame, ends, PACKETS_TCP, 20 + size, 16);
}

/* Answers a question for the address `own`, 42 bytes. False: it is another frame. */
static inline int answer_arp(const uint8_t *asked, const uint8_t *own, const uint8_t *mac,
			     uint8_t *reply)
{
	if (memcmp(asked + 12, "\x08\x06", 2) != 0 || get16(asked + 20) != 1 ||
	    memcmp(asked + 38, own, 4) != 0)
		return 0;
	memcpy(reply, asked + 6, 6);
	memcpy(reply + 6, mac, 6);
	memcpy(reply + 12, asked + 12, 8);
	put16(reply + 20, 2);
	memcpy(reply + 22, mac, 6);
	memcpy(reply + 28, own, 4);
	memcpy(reply + 32, asked + 22, 10);
	return 1;
}

#endif
