/* SPDX-License-Identifier: GPL-2.0-only */
/* vsp/net/frame.c: headers, checksums, large segments and hashes. */
#include "check.h"

#include <vmbus/net.h>

#include "frame.h"

/* ---- another way to the same sums ---- */

static uint16_t slow_sum(const uint8_t *bytes, size_t size, uint32_t sum)
{
	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum > 0xffff)
		sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)sum;
}

static uint16_t get(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* TCP's or UDP's checksum in a frame is right: the sum over all is all ones. */
static bool sums_up(const uint8_t *frame, size_t size, size_t ip, size_t transport)
{
	bool v4 = frame[ip] >> 4 == 4;
	size_t length = size - transport;
	uint32_t sum = slow_sum(frame + ip + (v4 ? 12 : 8), v4 ? 8 : 32, 0);

	sum += (uint32_t)length + (v4 ? frame[ip + 9] : frame[ip + 6]);
	return slow_sum(frame + transport, length, sum) == 0xffff;
}

/* ---- frames ---- */

static size_t make_ipv4(uint8_t *frame, size_t tags, size_t options, uint8_t protocol, size_t data)
{
	size_t at = FRAME_HEADER + 4 * tags, header = 20 + options;
	size_t transport = protocol == FRAME_PROTOCOL_TCP ? 20 : 8;

	for (size_t i = 0; i < at + header + transport + data; i++)
		frame[i] = (uint8_t)(i * 7 + 3);
	for (size_t i = 0; i < tags; i++)
		memcpy(frame + 12 + 4 * i, "\x81\x00\x00\x05", 4);
	memcpy(frame + at - 2, "\x08\x00", 2);
	frame[at] = (uint8_t)(0x40 | header / 4);
	memcpy(frame + at + 6, "\x40\x00", 2);
	frame[at + 9] = protocol;
	if (protocol == FRAME_PROTOCOL_TCP)
		frame[at + header + 12] = 5 << 4;
	return at + header + transport + data;
}

static size_t make_ipv6(uint8_t *frame, size_t extension, uint8_t protocol, size_t data)
{
	size_t at = FRAME_HEADER, transport = protocol == FRAME_PROTOCOL_TCP ? 20 : 8;
	size_t size = at + 40 + extension + transport + data;

	for (size_t i = 0; i < size; i++)
		frame[i] = (uint8_t)(i * 5 + 1);
	memcpy(frame + 12, "\x86\xdd", 2);
	frame[at] = 0x60;
	frame[at + 6] = extension ? 0 : protocol;
	if (extension) {
		frame[at + 40] = protocol;
		frame[at + 41] = (uint8_t)(extension / 8 - 1);
	}
	if (protocol == FRAME_PROTOCOL_TCP)
		frame[at + 40 + extension + 12] = 5 << 4;
	return size;
}

static void layers(void)
{
	struct frame_layers found;
	uint8_t frame[400];
	size_t size = make_ipv4(frame, 0, 0, FRAME_PROTOCOL_TCP, 10);

	frame_layers(frame, size, &found);
	CHECK_EQ(found.ip, 14);
	CHECK_EQ(found.version, 4);
	CHECK_EQ(found.transport, 34);
	CHECK_EQ(found.protocol, FRAME_PROTOCOL_TCP);
	size = make_ipv4(frame, 2, 40, FRAME_PROTOCOL_UDP, 10);
	frame_layers(frame, size, &found);
	CHECK_EQ(found.ip, 22);
	CHECK_EQ(found.transport, 82);
	CHECK_EQ(found.protocol, FRAME_PROTOCOL_UDP);
	size = make_ipv6(frame, 16, FRAME_PROTOCOL_UDP, 4);
	frame_layers(frame, size, &found);
	CHECK_EQ(found.version, 6);
	CHECK_EQ(found.transport, 14 + 40 + 16);
	/* A fragment has no transport that could be looked at. */
	size = make_ipv4(frame, 0, 0, FRAME_PROTOCOL_TCP, 10);
	frame[20] = 0x20;
	frame_layers(frame, size, &found);
	CHECK_EQ(found.ip, 14);
	CHECK_EQ(found.transport, 0);
	CHECK_EQ(found.protocol, 0);
	/* No IP at all. */
	memcpy(frame + 12, "\x08\x06", 2);
	frame_layers(frame, size, &found);
	CHECK_EQ(found.version, 0);
}

/* Cut anywhere, nothing is read beyond the end (ASan), and nothing found there. */
static void cut_short(void)
{
	uint8_t frame[400];
	size_t sizes[3] = { 0 };

	for (unsigned int kind = 0; kind < 3; kind++) {
		sizes[kind] = kind == 0 ? make_ipv4(frame, 1, 8, FRAME_PROTOCOL_TCP, 0) :
			      kind == 1 ? make_ipv6(frame, 24, FRAME_PROTOCOL_TCP, 0) :
					  make_ipv6(frame, 0, FRAME_PROTOCOL_UDP, 0);
		for (size_t n = 0; n <= sizes[kind]; n++) {
			struct frame_layers found;
			uint8_t *copy = malloc(n ? n : 1);

			REQUIRE(copy);
			memcpy(copy, frame, n);
			CHECK_NOTE("kind %u, %zu bytes", kind, n);
			frame_layers(copy, n, &found);
			CHECK(found.transport < (n ? n : 1));
			CHECK_EQ(found.transport != 0, n == sizes[kind]);
			free(copy);
		}
	}
}

static void finish_sum(void)
{
	uint8_t frame[300];
	size_t size = make_ipv4(frame, 0, 0, FRAME_PROTOCOL_UDP, 33);
	uint32_t pseudo;

	/* The sum of the pseudo-header, as a sender leaves it. */
	pseudo = slow_sum(frame + 26, 8, (uint32_t)(size - 34) + FRAME_PROTOCOL_UDP);
	frame[40] = (uint8_t)(pseudo >> 8);
	frame[41] = (uint8_t)pseudo;
	CHECK(!sums_up(frame, size, 14, 34));
	CHECK(frame_finish_sum(frame, size, 34, 6));
	CHECK(sums_up(frame, size, 14, 34));
	CHECK(!frame_finish_sum(frame, size, size + 1, 0));
	CHECK(!frame_finish_sum(frame, size, size - 6, 5));
	CHECK(!frame_finish_sum(frame, size, 34, SIZE_MAX));
	CHECK(frame_finish_sum(frame, size, size - 2, 0));
}

static void offload_checksum(void)
{
	struct frame_header header;
	uint8_t frame[300];
	size_t size = make_ipv4(frame, 0, 0, FRAME_PROTOCOL_TCP, 33);

	CHECK(frame_offload(frame, size, size, 0, 0, &header));
	CHECK_EQ(header.flags, 0);
	CHECK(frame_offload(frame, size, size, RNDIS_CHECKSUM_IPV4 | RNDIS_CHECKSUM_TCP | 34u << 16,
			    0, &header));
	CHECK_EQ(header.flags, FRAME_NEEDS_SUM);
	CHECK_EQ(header.cut, FRAME_WHOLE);
	CHECK_EQ(header.sum_start, 34);
	CHECK_EQ(header.sum_offset, 16);
	/* Without the offset it is found. */
	size = make_ipv6(frame, 8, FRAME_PROTOCOL_UDP, 33);
	CHECK(frame_offload(frame, size, size, RNDIS_CHECKSUM_IPV6 | RNDIS_CHECKSUM_UDP, 0,
			    &header));
	CHECK_EQ(header.sum_start, 62);
	CHECK_EQ(header.sum_offset, 6);
	/* One that lies outside. */
	CHECK(!frame_offload(frame, size, size,
			     RNDIS_CHECKSUM_IPV6 | RNDIS_CHECKSUM_UDP | (uint32_t)(size - 7) << 16,
			     0, &header));
	CHECK(!frame_offload(frame, size, size, RNDIS_CHECKSUM_IPV6 | RNDIS_CHECKSUM_UDP | 1u << 16,
			     0, &header));
	/* IP's own is done here. */
	size = make_ipv4(frame, 0, 12, FRAME_PROTOCOL_UDP, 5);
	CHECK(slow_sum(frame + 14, 32, 0) != 0xffff);
	CHECK(frame_offload(frame, size, size, RNDIS_CHECKSUM_IPV4 | RNDIS_CHECKSUM_HEADER, 0,
			    &header));
	CHECK_EQ(slow_sum(frame + 14, 32, 0), 0xffff);
	CHECK_EQ(header.flags, 0);
}

/* What Linux leaves 0 in a large segment. */
static void make_large(uint8_t *frame, size_t ip, size_t transport, bool v4)
{
	memset(frame + ip + (v4 ? 2 : 4), 0, 2);
	if (v4)
		memset(frame + ip + 10, 0, 2);
	memset(frame + transport + 16, 0, 2);
}

static void offload_large(void)
{
	static uint8_t frame[9000];
	struct frame_header header;
	size_t size = make_ipv4(frame, 0, 4, FRAME_PROTOCOL_TCP, 5000), transport = 38;

	make_large(frame, 14, transport, true);
	CHECK(frame_offload(frame, FRAME_HEAD, size, 0, RNDIS_LARGE_SEND_2 | 1448u, &header));
	CHECK_EQ(header.flags, FRAME_NEEDS_SUM);
	CHECK_EQ(header.cut, FRAME_CUT_TCP4);
	CHECK_EQ(header.headers, 58);
	CHECK_EQ(header.segment, 1448);
	CHECK_EQ(header.sum_start, transport);
	CHECK_EQ(header.sum_offset, 16);
	CHECK_EQ(get(frame + 16), size - 14);
	CHECK_EQ(slow_sum(frame + 14, 24, 0), 0xffff);
	CHECK(frame_finish_sum(frame, size, transport, 16));
	CHECK(sums_up(frame, size, 14, transport));

	size = make_ipv6(frame, 0, FRAME_PROTOCOL_TCP, 3000);
	transport = 54;
	make_large(frame, 14, transport, false);
	frame[transport + 12] = 8 << 4;
	frame[transport + 13] = 0x80;
	CHECK(frame_offload(frame, FRAME_HEAD, size, 0,
			    RNDIS_LARGE_SEND_2 | RNDIS_LARGE_SEND_IPV6 | 54u << 20 | 1000u,
			    &header));
	CHECK_EQ(header.cut, FRAME_CUT_TCP6 | FRAME_CUT_ECN);
	CHECK_EQ(header.headers, 54 + 32);
	CHECK_EQ(get(frame + 18), size - 54);
	CHECK(frame_finish_sum(frame, size, transport, 16));
	CHECK(sums_up(frame, size, 14, transport));

	/* No more than one piece is not cut. */
	size = make_ipv4(frame, 0, 0, FRAME_PROTOCOL_TCP, 1000);
	CHECK(frame_offload(frame, FRAME_HEAD, size, 0, RNDIS_LARGE_SEND_2 | 1000u, &header));
	CHECK_EQ(header.cut, FRAME_WHOLE);
	CHECK_EQ(header.flags, FRAME_NEEDS_SUM);
}

static void offload_large_wrong(void)
{
	static uint8_t frame[70000];
	struct frame_header header;
	size_t size = make_ipv4(frame, 0, 0, FRAME_PROTOCOL_TCP, 5000);
	uint32_t good = RNDIS_LARGE_SEND_2 | 1448u;

	CHECK(!frame_offload(frame, FRAME_HEAD, size, 0, good | RNDIS_LARGE_SEND_IPV6, &header));
	CHECK(!frame_offload(frame, FRAME_HEAD, size, 0, good | 33u << 20, &header));
	CHECK(!frame_offload(frame, FRAME_HEAD, size, 0,
			     RNDIS_LARGE_SEND_2 | (FRAME_SEGMENT_MIN - 1), &header));
	CHECK(!frame_offload(frame, FRAME_HEAD, size, 0, RNDIS_LARGE_SEND_2 | 0x10000u, &header));
	CHECK(!frame_offload(frame, 50, size, 0, good, &header));
	frame[34 + 12] = 4 << 4; /* a header shorter than TCP's */
	CHECK(!frame_offload(frame, FRAME_HEAD, size, 0, good, &header));
	frame[34 + 12] = 15 << 4; /* one that ends behind the head */
	CHECK(!frame_offload(frame, 80, size, 0, good, &header));
	size = make_ipv4(frame, 0, 0, FRAME_PROTOCOL_UDP, 5000);
	CHECK(!frame_offload(frame, FRAME_HEAD, size, 0, good, &header));
	size = make_ipv4(frame, 0, 0, FRAME_PROTOCOL_TCP, 65535 - 40);
	CHECK(frame_offload(frame, FRAME_HEAD, size, 0, good, &header));
	CHECK(!frame_offload(frame, FRAME_HEAD, size + 1, 0, good, &header));
}

/* The verification suite of receive side scaling (public: NDIS documentation). */
static void hash(void)
{
	static const uint8_t key[40] = {
		0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
		0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
		0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
	};
	struct frame_layers found;
	uint8_t frame[300];
	uint32_t value = 0;

	/* 66.9.149.187:2794 to 161.142.100.80:1766 */
	make_ipv4(frame, 0, 0, FRAME_PROTOCOL_TCP, 0);
	memcpy(frame + 26, "\x42\x09\x95\xbb\xa1\x8e\x64\x50\x0a\xea\x06\xe6", 12);
	frame_layers(frame, 54, &found);
	CHECK(frame_hash(frame, &found, NDIS_HASH_TCP_IPV4 | NDIS_HASH_IPV4, key, &value));
	CHECK_EQ(value, 0x51ccc178);
	CHECK(frame_hash(frame, &found, NDIS_HASH_IPV4, key, &value));
	CHECK_EQ(value, 0x323e8fc2);
	CHECK(!frame_hash(frame, &found, NDIS_HASH_IPV6, key, &value));
	/* 3ffe:2501:200:1fff::7 port 2794 to 3ffe:2501:200:3::1 port 1766 */
	make_ipv6(frame, 0, FRAME_PROTOCOL_TCP, 0);
	memcpy(frame + 22, "\x3f\xfe\x25\x01\x02\x00\x1f\xff\0\0\0\0\0\0\0\x07", 16);
	memcpy(frame + 38, "\x3f\xfe\x25\x01\x02\x00\x00\x03\0\0\0\0\0\0\0\x01", 16);
	memcpy(frame + 54, "\x0a\xea\x06\xe6", 4);
	frame_layers(frame, 74, &found);
	CHECK(frame_hash(frame, &found, NDIS_HASH_TCP_IPV6, key, &value));
	CHECK_EQ(value, 0x40207d3d);
	CHECK(frame_hash(frame, &found, NDIS_HASH_IPV6, key, &value));
	CHECK_EQ(value, 0x2cc18cd5);
}

int main(void)
{
	CHECK_RUN(layers);
	CHECK_RUN(cut_short);
	CHECK_RUN(finish_sum);
	CHECK_RUN(offload_checksum);
	CHECK_RUN(offload_large);
	CHECK_RUN(offload_large_wrong);
	CHECK_RUN(hash);
	return check_done();
}
