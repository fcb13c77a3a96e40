/* SPDX-License-Identifier: GPL-2.0-only */
/* The network card: frames both ways, byte by byte, and what goes wrong with them. */
#include "check.h"

#include <sys/socket.h>

#include "net-vsc.h"
#include "nic.h"

#define ROOM 70000u

static const struct net_config config = {
	.mac = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 },
	.mtu = 9000,
};

static uint8_t frame[ROOM], got[ROOM], message[ROOM], info[200];

static void fill(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)check_rand();
}

/* A frame for the guest of random bytes, of no protocol that is known. */
static void make_frame(uint32_t size)
{
	fill(frame, size);
	memcpy(frame, config.mac, 6);
	memcpy(frame + 12, "\x88\xb5", 2);
}

/* TCP over IPv4, 54 bytes of headers. */
static void make_tcp(uint32_t size)
{
	make_frame(size);
	memcpy(frame + 12, "\x08\x00\x45\x00", 4);
	frame[16] = (uint8_t)((size - 14) >> 8);
	frame[17] = (uint8_t)(size - 14);
	memcpy(frame + 20, "\x40\x00\x40\x06", 4);
	frame[46] = 5 << 4;
	frame[47] = 0x10;
}

static struct net_statistics counts(struct vsc *vsc)
{
	struct net_statistics statistics;

	net_statistics(vsc->net, &statistics);
	return statistics;
}

static struct vsc *connected(unsigned int queues, bool headers, uint32_t mtu)
{
	struct vsc *vsc = vsc_new(&config, queues, headers);

	vsc_connect(vsc, NVSP_VERSION_61, mtu);
	return vsc;
}

/* ---- from the guest ---- */

static const struct frame_header nothing;

/* Sizes that fit a section, and that do not. */
static void transmit_sizes(void)
{
	struct vsc *vsc = connected(1, true, 9000);
	struct frame_header header;
	uint64_t bytes = 0;

	for (uint32_t size = 14; size <= 9014; size = size < 200 ? size + 1 : size + 493) {
		CHECK_NOTE("%u bytes", size);
		make_frame(size);
		CHECK_EQ(vsc_send_frame(vsc, frame, size, NULL, 0), NVSP_STATUS_SUCCESS);
		memset(&header, 0xff, sizeof(header));
		REQUIRE(peer_read(vsc, 0, &header, got, ROOM) == (int)size);
		CHECK_MEM(got, frame, size);
		CHECK_MEM(&header, &nothing, sizeof(header));
		bytes += size;
	}
	CHECK_EQ(counts(vsc).tx_bytes, bytes);
	CHECK_EQ(counts(vsc).tx_errors + counts(vsc).tx_drops, 0);
	/* Too long, too short. */
	make_frame(9100);
	CHECK_EQ(vsc_send_frame(vsc, frame, 9019, NULL, 0), NVSP_STATUS_INVALID_RNDIS);
	CHECK_EQ(vsc_send_frame(vsc, frame, 13, NULL, 0), NVSP_STATUS_INVALID_RNDIS);
	CHECK_EQ(vsc_send_frame(vsc, frame, 0, NULL, 0), NVSP_STATUS_INVALID_RNDIS);
	CHECK_EQ(counts(vsc).tx_errors, 3);
	CHECK_INT(peer_read(vsc, 0, &header, got, ROOM), -1);
	vsc_free(vsc);
}

/* Headers in the send buffer, the frame in pages: as Linux sends what does not fit. */
static void transmit_split(void)
{
	struct vsc *vsc = connected(1, true, 9000);
	struct frame_header header;
	uint32_t length;

	make_frame(5000);
	length = make_packet(message, frame, 5000, info, make_info(info, 77, 0));
	for (uint32_t in_section = 1; in_section < length; in_section += 317) {
		CHECK_NOTE("%u bytes in the section", in_section);
		CHECK_EQ(vsc_send(vsc, 0, message, length, in_section), NVSP_STATUS_SUCCESS);
		REQUIRE(peer_read(vsc, 0, &header, got, ROOM) == 5000);
		CHECK_MEM(got, frame, 5000);
	}
	vsc_free(vsc);
}

static void transmit_several(void)
{
	struct vsc *vsc = connected(1, true, 1500);
	uint32_t length = 0, before, size[8];
	struct frame_header header;
	uint8_t frames[8][600];

	for (unsigned int i = 0; i < 8; i++) {
		uint32_t n, padded;

		size[i] = 60 + 67 * i;
		make_frame(size[i]);
		memcpy(frames[i], frame, size[i]);
		n = make_packet(message + length, frame, size[i], NULL, 0);
		/* Padding belongs to the message, not to the frame; the last has none. */
		padded = i < 7 ? (n + 7) & ~7u : n;
		memset(message + length + n, 0, padded - n);
		memcpy(message + length + 4, &padded, 4);
		length += padded;
	}
	before = vsc->channels[0]->sent_count;
	CHECK_EQ(vsc_send(vsc, 0, message, length, length), NVSP_STATUS_SUCCESS);
	CHECK_EQ(vsc->channels[0]->sent_count, before + 1);
	for (unsigned int i = 0; i < 8; i++) {
		CHECK_NOTE("frame %u", i);
		REQUIRE(peer_read(vsc, 0, &header, got, ROOM) == (int)size[i]);
		CHECK_MEM(got, frames[i], size[i]);
	}
	CHECK_EQ(counts(vsc).tx_packets, 8);
	/* Bytes behind that are no packet: those before are sent, the answer says it. */
	message[length] = 1;
	CHECK_EQ(vsc_send(vsc, 0, message, length + 8, length + 8), NVSP_STATUS_INVALID_RNDIS);
	CHECK_EQ(counts(vsc).tx_packets, 16);
	CHECK_EQ(counts(vsc).tx_errors, 1);
	/* More than any driver puts into one. */
	for (length = 0; length < 20 * 60;)
		length += make_packet(message + length, frame, 16, NULL, 0);
	CHECK_EQ(length, 1200);
	CHECK_EQ(vsc_send(vsc, 0, message, length, length), NVSP_STATUS_INVALID_RNDIS);
	CHECK_EQ(counts(vsc).tx_packets, 32);
	vsc_free(vsc);
}

static void transmit_vlan(void)
{
	struct vsc *vsc = connected(1, true, 1500);
	struct frame_header header;
	uint32_t length;

	/* Priority 5, identifier 0x123: 0xa123 on the wire. */
	length = make_info(info, RNDIS_INFO_VLAN, 5 | 0x123 << 4);
	make_frame(100);
	CHECK_EQ(vsc_send_frame(vsc, frame, 100, info, length), NVSP_STATUS_SUCCESS);
	REQUIRE(peer_read(vsc, 0, &header, got, ROOM) == 104);
	CHECK_MEM(got, frame, 12);
	CHECK_MEM(got + 12, "\x81\x00\xa1\x23", 4);
	CHECK_MEM(got + 16, frame + 12, 88);
	/* A checksum lies further behind then. */
	length += make_info(info + length, RNDIS_INFO_CHECKSUM,
			    RNDIS_CHECKSUM_IPV4 | RNDIS_CHECKSUM_TCP | 34u << 16);
	make_tcp(100);
	CHECK_EQ(vsc_send_frame(vsc, frame, 100, info, length), NVSP_STATUS_SUCCESS);
	REQUIRE(peer_read(vsc, 0, &header, got, ROOM) == 104);
	CHECK_EQ(header.flags, FRAME_NEEDS_SUM);
	CHECK_EQ(header.sum_start, 38);
	CHECK_EQ(header.sum_offset, 16);
	CHECK_MEM(got + 16, frame + 12, 88);
	vsc_free(vsc);
}

static void transmit_checksum(void)
{
	struct vsc *vsc = connected(1, true, 1500);
	struct frame_header header;
	uint32_t length = make_info(info, RNDIS_INFO_CHECKSUM,
				    RNDIS_CHECKSUM_IPV4 | RNDIS_CHECKSUM_TCP | 34u << 16);

	make_tcp(1514);
	CHECK_EQ(vsc_send_frame(vsc, frame, 1514, info, length), NVSP_STATUS_SUCCESS);
	REQUIRE(peer_read(vsc, 0, &header, got, ROOM) == 1514);
	CHECK_MEM(got, frame, 1514);
	CHECK_EQ(header.flags, FRAME_NEEDS_SUM);
	CHECK_EQ(header.cut, FRAME_WHOLE);
	CHECK_EQ(header.sum_start, 34);
	CHECK_EQ(header.sum_offset, 16);
	/* Where the frame ends before it. */
	length = make_info(info, RNDIS_INFO_CHECKSUM,
			   RNDIS_CHECKSUM_IPV4 | RNDIS_CHECKSUM_TCP | 1000u << 16);
	CHECK_EQ(vsc_send_frame(vsc, frame, 1000, info, length), NVSP_STATUS_INVALID_RNDIS);
	vsc_free(vsc);
}

static void transmit_large(void)
{
	struct vsc *vsc = connected(1, true, 1500);
	struct frame_header header;
	uint32_t length =
		make_info(info, RNDIS_INFO_LARGE_SEND, RNDIS_LARGE_SEND_2 | 34u << 20 | 1448u);
	uint32_t vlan = make_info(info + length, RNDIS_INFO_VLAN, 7u << 4);

	make_tcp(60000);
	memset(frame + 16, 0, 2);
	memset(frame + 24, 0, 2);
	CHECK_EQ(vsc_send_frame(vsc, frame, 60000, info, length), NVSP_STATUS_SUCCESS);
	REQUIRE(peer_read(vsc, 0, &header, got, ROOM) == 60000);
	CHECK_EQ(header.flags, FRAME_NEEDS_SUM);
	CHECK_EQ(header.cut, FRAME_CUT_TCP4);
	CHECK_EQ(header.headers, 54);
	CHECK_EQ(header.segment, 1448);
	CHECK_EQ(header.sum_start, 34);
	CHECK_EQ(header.sum_offset, 16);
	/* The length is there now, and the rest as it was (sums: net-frame-test). */
	CHECK_EQ(got[16] << 8 | got[17], 59986);
	CHECK_MEM(got, frame, 16);
	CHECK_MEM(got + 18, frame + 18, 6);
	CHECK_MEM(got + 26, frame + 26, 24);
	CHECK_MEM(got + 52, frame + 52, 59948);
	CHECK_EQ(vsc_send_frame(vsc, frame, 60000, info, length + vlan), NVSP_STATUS_SUCCESS);
	REQUIRE(peer_read(vsc, 0, &header, got, ROOM) == 60004);
	CHECK_EQ(header.headers, 58);
	CHECK_EQ(header.sum_start, 38);
	CHECK_MEM(got + 12, "\x81\x00\x00\x07\x08\x00", 6);
	CHECK_MEM(got + 56, frame + 52, 59948);
	/* Version 1 was never offered. */
	length = make_info(info, RNDIS_INFO_LARGE_SEND, 34u << 20 | 1448u);
	CHECK_EQ(vsc_send_frame(vsc, frame, 1000, info, length), NVSP_STATUS_INVALID_RNDIS);
	vsc_free(vsc);
}

/* A backend without headers takes nothing that is left to do. */
static void transmit_plain(void)
{
	struct vsc *vsc = connected(1, false, 1500);
	uint32_t length = make_info(info, RNDIS_INFO_CHECKSUM,
				    RNDIS_CHECKSUM_IPV4 | RNDIS_CHECKSUM_TCP | 34u << 16);

	make_tcp(100);
	CHECK_EQ(vsc_send_frame(vsc, frame, 100, NULL, 0), NVSP_STATUS_SUCCESS);
	REQUIRE(peer_read(vsc, 0, NULL, got, ROOM) == 100);
	CHECK_MEM(got, frame, 100);
	CHECK_EQ(vsc_send_frame(vsc, frame, 100, info, length), NVSP_STATUS_INVALID_RNDIS);
	CHECK_INT(peer_read(vsc, 0, NULL, got, ROOM), -1);
	vsc_free(vsc);
}

static void set32(uint32_t offset, uint32_t value)
{
	memcpy(message + offset, &value, sizeof(value));
}

/* The frame or the information does not lie in the message. */
static bool leads_outside(uint32_t length)
{
	uint32_t words[9];

	memcpy(words, message + 8, sizeof(words));
	return (uint64_t)words[0] + words[1] > length - 8 ||
	       (uint64_t)words[5] + words[6] > length - 8;
}

/* Each field of a packet, and of its information, made to lead outside. */
static void transmit_wrong(void)
{
	static const uint32_t values[] = { 0,	   1,	       7,	   35,	       36,
					   43,	   44,	       45,	   60,	       100,
					   0x7fff, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff };
	struct vsc *vsc = connected(1, true, 1500);
	uint32_t length, accepted = 0, refused = 0;

	make_frame(64);
	for (uint32_t field = 0; field < 15; field++) {
		for (unsigned int i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
			uint32_t n = make_info(info, RNDIS_INFO_VLAN, 1), status;

			n += make_info(info + n, RNDIS_INFO_CHECKSUM, 0);
			length = make_packet(message, frame, 64, info, n);
			set32(field * 4, values[i]);
			CHECK_NOTE("field %u is %#x", field, values[i]);
			status = vsc_send(vsc, 0, message, length, length);
			CHECK(status == NVSP_STATUS_SUCCESS || status == NVSP_STATUS_INVALID_RNDIS);
			if (leads_outside(length))
				CHECK_EQ(status, NVSP_STATUS_INVALID_RNDIS);
			accepted += status == NVSP_STATUS_SUCCESS;
			refused += status == NVSP_STATUS_INVALID_RNDIS;
			while (peer_read(vsc, 0, (struct frame_header *)info, got, ROOM) >= 0) {
			}
		}
	}
	CHECK(accepted > 30 && refused > 100);
	CHECK_EQ(counts(vsc).tx_errors, refused);
	CHECK_EQ(counts(vsc).tx_packets, accepted);
	CHECK(!vsc->channels[0]->broken);
	vsc_free(vsc);
}

/* A chain that would never end, or ends in the middle. */
static void transmit_wrong_info(void)
{
	static const struct {
		uint32_t size, offset, all;
	} rows[] = {
		{ 0, 12, 16 },	{ 11, 12, 16 }, { 17, 12, 16 },		{ UINT32_MAX, 12, 16 },
		{ 16, 11, 16 }, { 16, 13, 16 }, { 16, UINT32_MAX, 16 }, { 16, 12, 17 },
		{ 16, 12, 27 }, { 16, 17, 16 }, { 12, 12, 12 },
	};
	struct vsc *vsc = connected(1, true, 1500);

	make_frame(64);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t length;

		memset(info, 0, sizeof(info));
		make_info(info, RNDIS_INFO_VLAN, 1);
		memcpy(info, &rows[i].size, 4);
		memcpy(info + 8, &rows[i].offset, 4);
		length = make_packet(message, frame, 64, info, rows[i].all);
		CHECK_NOTE("row %u", i);
		CHECK_EQ(vsc_send(vsc, 0, message, length, length), NVSP_STATUS_INVALID_RNDIS);
	}
	CHECK_EQ(counts(vsc).tx_packets, 0);
	vsc_free(vsc);
}

/* Memory that is not the guest's, sections that are not in the buffer. */
static void transmit_wrong_memory(void)
{
	struct vsc *vsc = connected(1, true, 1500);
	uint64_t pfn = 1u << 20;
	struct packet_range range = { 100, 0, &pfn, 1 };
	struct nvsp_message rndis = { .type = NVSP_RNDIS };
	struct fake_packet packet = {
		.type = VMBUS_PACKET_GPA_DIRECT,
		.payload = &rndis,
		.size = 16,
		.ranges = &range,
		.range_count = 1,
		.answer = true,
	};
	static const uint32_t sections[][2] = {
		{ 64, 100 }, { 63, 6144 }, { 0x0fffffff, 100 }, { 3, 6145 }, { 0xfffffffe, 1 },
	};

	rndis.u.rndis.section = NVSP_NO_SECTION;
	fake_packet(vsc->channels[0], &packet);
	rndis.u.rndis.channel = NVSP_CHANNEL_CONTROL;
	fake_packet(vsc->channels[0], &packet);
	packet.range_count = 0;
	for (unsigned int i = 0; i < 5; i++) {
		rndis.u.rndis.channel = i % 2;
		rndis.u.rndis.section = sections[i][0];
		rndis.u.rndis.section_size = sections[i][1];
		fake_packet(vsc->channels[0], &packet);
	}
	CHECK_EQ(vsc->channels[0]->open_count, 0);
	CHECK(!vsc->channels[0]->broken);
	CHECK_EQ(counts(vsc).tx_packets, 0);
	CHECK(counts(vsc).tx_errors >= 4);
	/* Without an answer wanted, too. */
	packet.answer = false;
	fake_packet(vsc->channels[0], &packet);
	vsc_free(vsc);
}

/* The peer is slow: the channel pauses, nothing is lost, answers come when frames went. */
static void transmit_slow(void)
{
	struct vsc *vsc = connected(1, true, 1500);
	struct frame_header header;
	uint32_t sent = 0, received = 0, waiting = 0;

	for (; sent < 4000 && !vsc->channels[0]->paused; sent++) {
		make_frame(1514);
		memcpy(frame + 14, &sent, sizeof(sent));
		waiting += vsc_send_frame(vsc, frame, 1514, NULL, 0) == UINT32_MAX;
		if (vsc->channels[0]->sent_count > FAKE_SENT_MAX - 10)
			vsc->channels[0]->sent_count = 0;
	}
	REQUIRE(vsc->channels[0]->paused);
	CHECK_EQ(waiting, 1);
	/* Others that come nevertheless wait behind. */
	for (unsigned int i = 0; i < 5; i++, sent++) {
		memcpy(frame + 14, &sent, sizeof(sent));
		CHECK_EQ(vsc_send_frame(vsc, frame, 1514, NULL, 0), UINT32_MAX);
	}
	CHECK_EQ(vsc->channels[0]->open_count, 6);
	for (unsigned int i = 0; i < 10000 && received < sent; i++) {
		uint32_t number;

		while (peer_read(vsc, 0, &header, got, ROOM) == 1514) {
			memcpy(&number, got + 14, sizeof(number));
			CHECK_EQ(number, received);
			received++;
		}
		vsc_turn(vsc);
	}
	CHECK_EQ(received, sent);
	CHECK(!vsc->channels[0]->paused);
	CHECK_EQ(vsc->channels[0]->open_count, 0);
	CHECK_EQ(counts(vsc).tx_packets, sent);
	CHECK_EQ(counts(vsc).tx_drops, 0);
	vsc_free(vsc);
}

/* ---- to the guest ---- */

/* Reads all packets of frames on a channel, gives them back, and returns how many frames
 * there were; the last one is in got. */
static uint32_t receive_all(struct vsc *vsc, uint32_t channel, uint32_t *size)
{
	struct received received;
	const uint8_t *found;
	uint32_t frames = 0;

	for (unsigned int i = 0; i < 10; i++)
		vsc_turn(vsc);
	while (vsc_receive(vsc, channel, &received)) {
		if (received.kind != NVSP_CHANNEL_DATA)
			continue;
		frames += received.count;
		vsc_read(vsc, &received, received.count - 1, message);
		found = find_frame(message, size);
		memcpy(got, found, *size);
		vsc_give_back(vsc, channel, received.transaction);
	}
	return frames;
}

static void receive_sizes(void)
{
	struct vsc *vsc = connected(1, true, 9000);
	uint32_t count = 0, length = 0, value;
	uint64_t bytes = 0;

	for (uint32_t size = 14; size <= 9014; size = size < 200 ? size + 1 : size + 493) {
		make_frame(size);
		peer_write(vsc, 0, &nothing, frame, size);
		CHECK_NOTE("%u bytes", size);
		CHECK_EQ(receive_all(vsc, 0, &length), 1);
		CHECK_EQ(length, size);
		CHECK_MEM(got, frame, size);
		CHECK(!find_info(message, RNDIS_INFO_CHECKSUM, &value));
		CHECK(!find_info(message, RNDIS_INFO_VLAN, &value));
		CHECK(!find_info(message, RNDIS_INFO_HASH, &value));
		count++;
		bytes += size;
	}
	CHECK_EQ(counts(vsc).rx_packets, count);
	CHECK_EQ(counts(vsc).rx_bytes, bytes);
	/* Too long, and no frame at all. */
	make_frame(9019);
	peer_write(vsc, 0, &nothing, frame, 9019);
	peer_write(vsc, 0, &nothing, frame, 13);
	peer_write(vsc, 0, NULL, frame, 5);
	CHECK_EQ(receive_all(vsc, 0, &length), 0);
	CHECK_EQ(counts(vsc).rx_errors, 3);
	vsc_free(vsc);
}

static void receive_vlan(void)
{
	struct vsc *vsc = connected(1, true, 1500);
	uint32_t length = 0, value = 0;

	make_frame(100);
	memcpy(frame + 12, "\x81\x00\xb1\x23\x88\xb5", 6);
	peer_write(vsc, 0, &nothing, frame, 100);
	CHECK_EQ(receive_all(vsc, 0, &length), 1);
	CHECK_EQ(length, 96);
	CHECK_MEM(got, frame, 12);
	CHECK_MEM(got + 12, frame + 16, 84);
	CHECK(find_info(message, RNDIS_INFO_VLAN, &value));
	CHECK_EQ(RNDIS_VLAN_PRIORITY(value), 5);
	CHECK_EQ(RNDIS_VLAN_CFI(value), 1);
	CHECK_EQ(RNDIS_VLAN_ID(value), 0x123);
	/* The longest one with a tag fits. */
	make_frame(1518);
	memcpy(frame + 12, "\x81\x00\x00\x01", 4);
	peer_write(vsc, 0, &nothing, frame, 1518);
	CHECK_EQ(receive_all(vsc, 0, &length), 1);
	CHECK_EQ(length, 1514);
	CHECK_MEM(got + 12, frame + 16, 1502);
	vsc_free(vsc);
}

static uint16_t sum(const uint8_t *bytes, size_t size, uint32_t from)
{
	for (size_t i = 0; i < size; i++)
		from += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (from > 0xffff)
		from = (from >> 16) + (from & 0xffff);
	return (uint16_t)from;
}

static void receive_checksum(void)
{
	struct vsc *vsc = connected(1, true, 1500);
	struct frame_header header = { FRAME_NEEDS_SUM, 0, 0, 0, 34, 16 };
	struct ndis_offload_parameters off = { .header = { NDIS_OBJECT_DEFAULT, 3, 22 },
					       .tcp4 = NDIS_CHECKSUM_OFF };
	uint32_t length = 0, value = 0, pseudo;

	/* What the host left open is filled in: the guest may send it on. */
	make_tcp(777);
	pseudo = sum(frame + 26, 8, 777 - 34 + 6);
	frame[50] = (uint8_t)(pseudo >> 8);
	frame[51] = (uint8_t)pseudo;
	peer_write(vsc, 0, &header, frame, 777);
	CHECK_EQ(receive_all(vsc, 0, &length), 1);
	CHECK_EQ(length, 777);
	CHECK_MEM(got, frame, 50);
	CHECK_MEM(got + 52, frame + 52, 725);
	CHECK_EQ(sum(got + 34, 743, pseudo), 0xffff);
	CHECK(find_info(message, RNDIS_INFO_CHECKSUM, &value));
	CHECK_EQ(value, RNDIS_CHECKED_TCP);
	/* Known to be right. */
	header = (struct frame_header){ .flags = FRAME_SUM_GOOD };
	peer_write(vsc, 0, &header, frame, 777);
	CHECK_EQ(receive_all(vsc, 0, &length), 1);
	CHECK_MEM(got, frame, 777);
	CHECK(find_info(message, RNDIS_INFO_CHECKSUM, &value));
	/* The guest does not want to hear it. */
	CHECK_EQ(vsc_set(vsc, OID_TCP_OFFLOAD_PARAMETERS, &off, sizeof(off)), 0);
	peer_write(vsc, 0, &header, frame, 777);
	CHECK_EQ(receive_all(vsc, 0, &length), 1);
	CHECK(!find_info(message, RNDIS_INFO_CHECKSUM, &value));
	/* Headers that lead outside, and segments that nobody has cut. */
	header = (struct frame_header){ FRAME_NEEDS_SUM, 0, 0, 0, 770, 6 };
	peer_write(vsc, 0, &header, frame, 777);
	header = (struct frame_header){ .cut = FRAME_CUT_TCP4, .segment = 100 };
	peer_write(vsc, 0, &header, frame, 777);
	CHECK_EQ(receive_all(vsc, 0, &length), 0);
	CHECK_EQ(counts(vsc).rx_errors, 2);
	vsc_free(vsc);
}

static uint32_t received_to(struct vsc *vsc, const char *mac)
{
	uint32_t length = 0;

	make_frame(64);
	memcpy(frame, mac, 6);
	peer_write(vsc, 0, &nothing, frame, 64);
	return receive_all(vsc, 0, &length);
}

static void coalesce(struct vsc *vsc, uint8_t how)
{
	struct ndis_offload_parameters set = { .header = { NDIS_OBJECT_DEFAULT, 3, 26 },
					       .coalesce4 = how,
					       .coalesce6 = how };

	CHECK_EQ(vsc_set(vsc, OID_TCP_OFFLOAD_PARAMETERS, &set, sizeof(set)), 0);
	vsc_turn(vsc);
}

/* The next packet: its parts, put together in got. Returns how many there were. */
static uint32_t receive_parts(struct vsc *vsc, uint32_t *size)
{
	struct received received;
	uint32_t value, bytes;

	for (unsigned int i = 0; i < 10; i++)
		vsc_turn(vsc);
	*size = 0;
	if (!vsc_receive(vsc, 0, &received))
		return 0;
	for (uint32_t i = 0; i < received.count; i++) {
		uint32_t flags = RNDIS_PART_IS | (i ? 0 : RNDIS_PART_FIRST) |
				 (i + 1 < received.count ? 0 : RNDIS_PART_LAST);
		const uint8_t *found;

		vsc_read(vsc, &received, i, message);
		CHECK(find_info(message, RNDIS_INFO_PART | RNDIS_INFO_OTHER, &value));
		CHECK_EQ(value, 1u | flags << 8);
		CHECK_EQ(find_info(message, RNDIS_INFO_CHECKSUM, &value), !i);
		CHECK(i || value == RNDIS_CHECKED_TCP);
		found = find_frame(message, &bytes);
		REQUIRE(*size + bytes <= ROOM);
		memcpy(got + *size, found, bytes);
		*size += bytes;
	}
	vsc_give_back(vsc, 0, received.transaction);
	return received.count;
}

/* Large segments for a guest that asks for them, and for one that does not any more. */
static void receive_large(void)
{
	struct vsc *vsc = connected(1, true, 1500);
	struct frame_header header = { FRAME_NEEDS_SUM, FRAME_CUT_TCP4, 54, 1460, 34, 16 };
	uint32_t length = 0, rounds = 0;
	uint64_t bytes = 0;

	for (uint32_t size = 1515; size <= 65535; size += 1601, rounds++) {
		/* It is not asked for at first. */
		if (!rounds) {
			make_tcp(size);
			peer_write(vsc, 0, &header, frame, size);
			CHECK_EQ(receive_all(vsc, 0, &length), 0);
			coalesce(vsc, NDIS_OFFLOAD_ON);
		}
		CHECK_NOTE("%u bytes", size);
		make_tcp(size);
		peer_write(vsc, 0, &header, frame, size);
		if (size > vsc->section_size - 96) {
			CHECK_EQ(receive_parts(vsc, &length),
				 (size + vsc->section_size - 97) / (vsc->section_size - 96));
			bytes += size;
			CHECK_EQ(length, size);
			CHECK_MEM(got, frame, size);
		} else {
			CHECK_EQ(receive_all(vsc, 0, &length), 1);
			bytes += size;
		}
	}
	CHECK_EQ(counts(vsc).rx_packets, rounds);
	CHECK_EQ(counts(vsc).rx_bytes, bytes);
	CHECK_EQ(counts(vsc).rx_errors, 1);
	/* A small one does not go in parts, whoever it comes from. */
	make_tcp(600);
	peer_write(vsc, 0, &nothing, frame, 600);
	CHECK_EQ(receive_all(vsc, 0, &length), 1);
	CHECK(!find_info(message, RNDIS_INFO_PART | RNDIS_INFO_OTHER, &length));
	/* A tag is taken away, and the sum is where it was. */
	make_tcp(9000);
	memmove(frame + 16, frame + 12, 8984);
	memcpy(frame + 12, "\x81\x00\x00\x07", 4);
	header.sum_start = 38;
	peer_write(vsc, 0, &header, frame, 9000);
	CHECK(receive_parts(vsc, &length));
	CHECK_EQ(length, 8996);
	CHECK_MEM(got + 12, frame + 16, 8984);
	/* The next process goes on with it. */
	vsc_replace_card(vsc, &config, true);
	REQUIRE(fake_open(vsc->channels[0], true));
	header.sum_start = 34;
	make_tcp(9000);
	peer_write(vsc, 0, &header, frame, 9000);
	CHECK(receive_parts(vsc, &length));
	CHECK_EQ(length, 9000);
	coalesce(vsc, NDIS_OFFLOAD_OFF);
	peer_write(vsc, 0, &header, frame, 9000);
	CHECK_EQ(receive_all(vsc, 0, &length), 0);
	vsc_free(vsc);
}

/* A guest that gives sections back as it likes: there may be no run of them. */
static void receive_large_full(void)
{
	struct vsc *vsc = connected(1, true, 1500);
	struct frame_header header = { FRAME_NEEDS_SUM, FRAME_CUT_TCP4, 54, 1460, 34, 16 };
	struct received received, last = { 0 };
	uint32_t length = 0, sent = 0;

	coalesce(vsc, NDIS_OFFLOAD_ON);
	make_tcp(60000);
	for (uint32_t i = 0; i < vsc->section_count; i++) {
		peer_write(vsc, 0, &header, frame, 60000);
		vsc_turn(vsc);
		if (!vsc_receive(vsc, 0, &received))
			break;
		last = received;
		sent++;
	}
	REQUIRE(last.count);
	CHECK_EQ(sent, (vsc->section_count - NIC_SECTIONS_SPARE) / last.count);
	CHECK_EQ(counts(vsc).rx_packets, sent);
	CHECK_EQ(counts(vsc).rx_drops, 1);
	/* One is back. */
	vsc_give_back(vsc, 0, last.transaction);
	peer_write(vsc, 0, &header, frame, 60000);
	CHECK(receive_parts(vsc, &length));
	CHECK_EQ(length, 60000);
	vsc_free(vsc);
}

static void receive_filter(void)
{
	static const struct {
		uint32_t filter;
		bool own, other, group, all;
	} rows[] = {
		{ RNDIS_FILTER_DIRECTED, true, false, false, false },
		{ RNDIS_FILTER_BROADCAST, false, false, false, true },
		{ RNDIS_FILTER_ALL_MULTICAST, false, false, true, false },
		{ RNDIS_FILTER_MULTICAST, false, false, true, false },
		{ RNDIS_FILTER_PROMISCUOUS, true, true, true, true },
		{ 0, false, false, false, false },
	};
	struct vsc *vsc = connected(1, true, 1500);

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_NOTE("filter %#x", rows[i].filter);
		CHECK_EQ(vsc_set(vsc, OID_GEN_CURRENT_PACKET_FILTER, &rows[i].filter, 4), 0);
		CHECK_EQ(received_to(vsc, "\x52\x54\x00\x12\x34\x56"), rows[i].own);
		CHECK_EQ(received_to(vsc, "\x52\x54\x00\x12\x34\x57"), rows[i].other);
		CHECK_EQ(received_to(vsc, "\x01\x00\x5e\x00\x00\x01"), rows[i].group);
		CHECK_EQ(received_to(vsc, "\xff\xff\xff\xff\xff\xff"), rows[i].all);
	}
	/* What came while nobody wanted it is old by now. */
	CHECK_EQ(vsc_set(vsc, OID_GEN_CURRENT_PACKET_FILTER, &rows[4].filter, 4), 0);
	CHECK_EQ(received_to(vsc, "\x52\x54\x00\x12\x34\x56"), 1);
	/* The same with the cable out. */
	net_link(vsc->net, false);
	CHECK_EQ(received_to(vsc, "\x52\x54\x00\x12\x34\x56"), 0);
	CHECK_EQ(vsc_send_frame(vsc, frame, 64, NULL, 0), NVSP_STATUS_SUCCESS);
	CHECK_EQ(counts(vsc).tx_packets, 0);
	net_link(vsc->net, true);
	CHECK_EQ(received_to(vsc, "\x52\x54\x00\x12\x34\x56"), 1);
	vsc_free(vsc);
}

/* Frames that come together go in few packets. */
static void receive_together(void)
{
	struct vsc *vsc = connected(1, true, 1500);
	uint32_t packets = 0, frames = 0, length;
	struct received received;
	uint8_t sent[50][100];

	for (unsigned int i = 0; i < 50; i++) {
		make_frame(100);
		memcpy(sent[i], frame, 100);
		peer_write(vsc, 0, &nothing, frame, 100);
	}
	for (unsigned int i = 0; i < 10; i++)
		vsc_turn(vsc);
	while (vsc_receive(vsc, 0, &received)) {
		packets++;
		for (uint32_t i = 0; i < received.count; i++, frames++) {
			vsc_read(vsc, &received, i, message);
			CHECK_MEM(find_frame(message, &length), sent[frames], 100);
		}
		vsc_give_back(vsc, 0, received.transaction);
	}
	CHECK_EQ(frames, 50);
	CHECK(packets <= 3);
	vsc_free(vsc);
}

#define RECEIVE_SIZE ((size_t)VSC_RECEIVE_PAGES * 4096)

/* The pages of the receive buffer, in the order of memory. */
static uint8_t *receive_memory(struct vsc *vsc)
{
	return vsc->memory->memory + VSC_RECEIVE_GPA;
}

/* The guest keeps all sections: frames are dropped. */
static void exhaustion(void)
{
	struct vsc *vsc = connected(1, true, 1500);
	static struct received received[400];
	uint32_t count = 0, frames = 0, sections = vsc->section_count, size, id = 7, words[4];
	uint8_t *before = malloc(RECEIVE_SIZE);

	REQUIRE(before);
	while (counts(vsc).rx_drops < 100) {
		for (unsigned int i = 0; i < 20; i++) {
			make_frame(60);
			peer_write(vsc, 0, &nothing, frame, 60);
		}
		for (unsigned int i = 0; i < 5; i++)
			vsc_turn(vsc);
		while (vsc_receive(vsc, 0, &received[count]))
			frames += received[count++].count;
	}
	/* Nothing is written where the guest reads. */
	memcpy(before, receive_memory(vsc), RECEIVE_SIZE);
	for (unsigned int i = 0; i < 50; i++)
		peer_write(vsc, 0, &nothing, frame, 60);
	CHECK_EQ(receive_all(vsc, 0, &size), 0);
	CHECK_MEM(receive_memory(vsc), before, RECEIVE_SIZE);
	/* A few are left for answers. */
	CHECK_EQ(frames, sections - 4);
	CHECK_EQ(counts(vsc).rx_packets, frames);
	CHECK_EQ(vsc_control(vsc, RNDIS_KEEPALIVE, &id, 4, words, sizeof(words)), 16);
	/* One back, one more. A word about nothing, or about it twice, gives nothing. */
	vsc_give_back(vsc, 0, received[0].transaction);
	vsc_give_back(vsc, 0, received[0].transaction);
	vsc_give_back(vsc, 0, 0);
	vsc_give_back(vsc, 0, UINT64_MAX);
	vsc_give_back(vsc, 0, received[1].transaction ^ 1ull << 48);
	vsc_give_back(vsc, 0, (received[1].transaction & ~0xffffffffull) | sections);
	for (unsigned int i = 0; i < 100; i++)
		peer_write(vsc, 0, &nothing, frame, 60);
	CHECK_EQ(receive_all(vsc, 0, &size), received[0].count);
	/* All back: as at first. */
	for (uint32_t i = 1; i < count; i++)
		vsc_give_back(vsc, 0, received[i].transaction);
	for (uint32_t i = 0; i < 3; i++) {
		for (unsigned int j = 0; j < 60; j++)
			peer_write(vsc, 0, &nothing, frame, 60);
		CHECK_EQ(receive_all(vsc, 0, &size), 60);
	}
	free(before);
	vsc_free(vsc);
}

/* The ring is full: frames wait where they are, and come afterwards in order. */
static void ring_full(void)
{
	struct vsc *vsc = connected(1, true, 1500);
	uint32_t length, frames = 0, id = 9, words[4];
	struct received received;
	uint8_t sent[100][70];
	bool used[400] = { false };

	vsc->channels[0]->full = true;
	for (unsigned int i = 0; i < 100; i++) {
		make_frame(70);
		memcpy(sent[i], frame, 70);
		peer_write(vsc, 0, &nothing, frame, 70);
	}
	for (unsigned int i = 0; i < 10; i++)
		vsc_turn(vsc);
	CHECK(!vsc_receive(vsc, 0, &received));
	/* What the guest was not given it cannot give back. */
	vsc_give_back(vsc, 0, 1ull << 48 | (uint64_t)vsc->section_count << 32);
	/* Answers wait too. */
	CHECK_EQ(vsc_control(vsc, RNDIS_KEEPALIVE, &id, 4, words, sizeof(words)), 0);
	CHECK_EQ(vsc->channels[0]->open_count, 1);
	fake_ready(vsc->channels[0]);
	CHECK_EQ(vsc->channels[0]->open_count, 0);
	for (unsigned int i = 0; i < 10; i++)
		vsc_turn(vsc);
	while (vsc_receive(vsc, 0, &received)) {
		for (uint32_t i = 0; i < received.count && received.kind == NVSP_CHANNEL_DATA;
		     i++) {
			uint32_t section = received.offsets[i] / vsc->section_size;

			CHECK(!used[section]);
			used[section] = true;
			vsc_read(vsc, &received, i, message);
			CHECK_MEM(find_frame(message, &length), sent[frames++], 70);
		}
	}
	CHECK_EQ(frames, 100);
	CHECK_EQ(counts(vsc).rx_drops, 0);
	/* The guest keeps them, and one with the answer: no more than the others are given. */
	for (unsigned int i = 0; i < 260; i++) {
		peer_write(vsc, 0, &nothing, frame, 70);
		vsc_turn(vsc);
	}
	while (vsc_receive(vsc, 0, &received)) {
		for (uint32_t i = 0; i < received.count; i++, frames++) {
			CHECK(!used[received.offsets[i] / vsc->section_size]);
			used[received.offsets[i] / vsc->section_size] = true;
		}
	}
	CHECK_EQ(frames, vsc->section_count - 4 - 1);
	vsc_free(vsc);
}

/* ---- channels ---- */

static void queues(void)
{
	struct vsc *vsc = connected(3, true, 1500);
	struct nvsp_message ask = { .type = NVSP_SUBCHANNELS };
	struct frame_header header;
	uint32_t length = 0, value = 0, packet;

	ask.u.subchannels.operation = NVSP_SUBCHANNELS_ALLOCATE;
	ask.u.subchannels.count = 2;
	vsc_nvsp(vsc, &ask);
	/* Until a channel is open its queue's frames take the first one. */
	make_tcp(100);
	peer_write(vsc, 2, &nothing, frame, 100);
	CHECK_EQ(receive_all(vsc, 0, &length), 1);
	vsc_open_sub(vsc, 1);
	vsc_open_sub(vsc, 2);
	for (uint32_t i = 0; i < 3; i++) {
		CHECK_NOTE("queue %u", i);
		make_tcp(100 + i);
		peer_write(vsc, i, &nothing, frame, 100 + i);
		CHECK_EQ(receive_all(vsc, i, &length), 1);
		CHECK_EQ(length, 100 + i);
		packet = make_packet(message, frame, 100 + i, NULL, 0);
		CHECK_EQ(vsc_send(vsc, i, message, packet, packet), NVSP_STATUS_SUCCESS);
		CHECK_INT(peer_read(vsc, i, &header, got, ROOM), 100 + i);
	}
	/* With a table it decides, whatever queue a frame came by. */
	CHECK_EQ(vsc_scale(vsc, 3), 0);
	for (uint32_t i = 0; i < 3; i++) {
		CHECK_NOTE("queue %u", i);
		make_tcp(100 + i);
		memcpy(frame + 26, "\x42\x09\x95\xbb\xa1\x8e\x64\x50\x0a\xea\x06\xe6", 12);
		peer_write(vsc, i, &nothing, frame, 100 + i);
		CHECK_EQ(receive_all(vsc, 0x51ccc178 % NDIS_RSS_TABLE_MAX % 3, &length), 1);
		CHECK_EQ(length, 100 + i);
		CHECK(find_info(message, RNDIS_INFO_HASH, &value));
		CHECK_EQ(value, 0x51ccc178);
	}
	/* Control messages belong to the first channel. */
	CHECK(!vsc->channels[1]->broken);
	fake_packet(vsc->channels[1],
		    &(struct fake_packet){ .type = VMBUS_PACKET_INBAND,
					   .payload = &(struct nvsp_message){ .type = NVSP_INIT },
					   .size = 40 });
	CHECK(vsc->channels[1]->broken);
	vsc_free(vsc);
}

/* One descriptor, several channels: the guest's table decides. */
static void spread(void)
{
	struct net_config wide = config;
	struct nvsp_message ask = { .type = NVSP_SUBCHANNELS };
	uint32_t frames[4] = { 0 }, length = 0, value = 0;
	struct vsc *vsc;

	wide.queues = 4;
	vsc = vsc_new(&wide, 1, true);
	vsc_connect(vsc, NVSP_VERSION_61, 1500);
	ask.u.subchannels.operation = NVSP_SUBCHANNELS_ALLOCATE;
	ask.u.subchannels.count = 3;
	vsc_nvsp(vsc, &ask);
	for (uint32_t i = 1; i < 4; i++)
		vsc_open_sub(vsc, i);
	CHECK_EQ(vsc_scale(vsc, 4), 0);
	for (unsigned int n = 0; n < 64; n++) {
		make_tcp(80);
		peer_write(vsc, 0, &nothing, frame, 80);
		for (uint32_t i = 0; i < 4; i++) {
			uint32_t found = receive_all(vsc, i, &length);

			frames[i] += found;
			if (found && find_info(message, RNDIS_INFO_HASH, &value))
				CHECK_EQ(value % 128 % 4, i);
		}
	}
	CHECK_EQ(frames[0] + frames[1] + frames[2] + frames[3], 64);
	for (unsigned int i = 0; i < 4; i++)
		CHECK(frames[i] > 2);
	/* From the others too there is a way out. */
	make_frame(90);
	length = make_packet(message, frame, 90, NULL, 0);
	CHECK_EQ(vsc_send(vsc, 3, message, length, length), NVSP_STATUS_SUCCESS);
	CHECK_EQ(counts(vsc).tx_packets, 1);
	vsc_free(vsc);
}

/* ---- an end in the middle ---- */

static void revoke(void)
{
	struct vsc *vsc = connected(1, true, 1500);
	struct received received, other;
	uint32_t length = 0;

	make_frame(100);
	peer_write(vsc, 0, &nothing, frame, 100);
	for (unsigned int i = 0; i < 5; i++)
		vsc_turn(vsc);
	REQUIRE(vsc_receive(vsc, 0, &received));
	/* While the guest has a frame and others come. */
	peer_write(vsc, 0, &nothing, frame, 100);
	vsc_revoke(vsc, NVSP_REVOKE_RECEIVE_BUFFER);
	vsc_revoke(vsc, NVSP_REVOKE_SEND_BUFFER);
	memset(receive_memory(vsc), 0x5a, RECEIVE_SIZE);
	for (unsigned int i = 0; i < 5; i++)
		vsc_turn(vsc);
	CHECK(!vsc_receive(vsc, 0, &other));
	for (size_t i = 0; i < RECEIVE_SIZE; i++)
		REQUIRE(receive_memory(vsc)[i] == 0x5a);
	CHECK_EQ(vsc_send_frame(vsc, frame, 100, NULL, 0), NVSP_STATUS_INVALID_RNDIS);
	vsc_give_back(vsc, 0, received.transaction);
	/* Again, and what belongs to the old buffer means nothing for the new one. */
	vsc_set_buffer(vsc, NVSP_RECEIVE_BUFFER);
	vsc_set_buffer(vsc, NVSP_SEND_BUFFER);
	peer_write(vsc, 0, &nothing, frame, 100);
	for (unsigned int i = 0; i < 5; i++)
		vsc_turn(vsc);
	REQUIRE(vsc_receive(vsc, 0, &other));
	CHECK(other.transaction != received.transaction);
	vsc_give_back(vsc, 0, received.transaction);
	vsc_give_back(vsc, 0, other.transaction);
	CHECK_EQ(vsc_send_frame(vsc, frame, 100, NULL, 0), NVSP_STATUS_SUCCESS);
	CHECK_EQ(receive_all(vsc, 0, &length), 0);
	vsc_free(vsc);
}

/* The guest's driver is unloaded and loaded again. */
static void reopen(void)
{
	struct vsc *vsc = connected(1, true, 1500);
	struct net_state state;
	uint32_t length = 0;

	for (unsigned int i = 0; i < 3; i++) {
		make_frame(100);
		peer_write(vsc, 0, &nothing, frame, 100);
		CHECK_EQ(receive_all(vsc, 0, &length), 1);
		peer_write(vsc, 0, &nothing, frame, 100);
		fake_close(vsc->channels[0]);
		net_state(vsc->net, &state);
		CHECK_EQ(state.version + state.channels, 0);
		vsc_turn(vsc);
		memset(vsc->channels[0]->memo, 0, CHANNEL_MEMO);
		vsc_connect(vsc, i ? NVSP_VERSION_2 : NVSP_VERSION_61, 1500);
		/* The frame that came in between is not for this one. */
		CHECK_EQ(receive_all(vsc, 0, &length), 0);
	}
	CHECK_EQ(counts(vsc).signals_in, 4 * 3);
	vsc_free(vsc);
}

static void resume(void)
{
	struct vsc *vsc = connected(1, true, 9000);
	struct received received, more;
	struct frame_header header;
	struct net_state state;
	uint32_t length, kept, status[2], frames = 0;
	uint8_t first[100];
	struct nvsp_message rndis = { .type = NVSP_RNDIS };

	make_frame(100);
	memcpy(first, frame, 100);
	peer_write(vsc, 0, &nothing, frame, 100);
	for (unsigned int i = 0; i < 5; i++)
		vsc_turn(vsc);
	REQUIRE(vsc_receive(vsc, 0, &received));
	kept = received.offsets[0];
	vsc_replace_card(vsc, &config, true);
	peer_write(vsc, 0, &nothing, frame, 100);
	REQUIRE(fake_open(vsc->channels[0], true));
	net_state(vsc->net, &state);
	CHECK_EQ(state.version, NVSP_VERSION_61);
	CHECK_EQ(state.mtu, 9000);
	CHECK(state.receiving);
	/* A send that the old one has not answered: it may have gone out. */
	fake_packet(vsc->channels[0], &(struct fake_packet){ .type = VMBUS_PACKET_INBAND,
							     .transaction = 5,
							     .payload = &rndis,
							     .size = 16,
							     .answer = true,
							     .replayed = true });
	memcpy(status, vsc->channels[0]->sent[vsc->channels[0]->sent_count - 1].payload, 8);
	CHECK_EQ(status[0], NVSP_RNDIS_COMPLETE);
	CHECK_EQ(status[1], NVSP_STATUS_SUCCESS);
	CHECK_INT(peer_read(vsc, 0, &header, got, ROOM), -1);
	/* Frames go on; the section that the guest still reads is not written to. */
	for (uint32_t i = 0; i < 200; i++) {
		make_frame(60);
		peer_write(vsc, 0, &nothing, frame, 60);
		for (unsigned int j = 0; j < 3; j++)
			vsc_turn(vsc);
		while (vsc_receive(vsc, 0, &more)) {
			frames += more.count;
			for (uint32_t j = 0; j < more.count; j++)
				CHECK(more.offsets[j] != kept);
			vsc_give_back(vsc, 0, more.transaction);
		}
	}
	CHECK_EQ(frames, 201);
	vsc_read(vsc, &received, 0, message);
	CHECK_MEM(find_frame(message, &length), first, 100);
	vsc_give_back(vsc, 0, received.transaction);
	make_frame(5000);
	CHECK_EQ(vsc_send_frame(vsc, frame, 5000, NULL, 0), NVSP_STATUS_SUCCESS);
	CHECK_INT(peer_read(vsc, 0, &header, got, ROOM), 5000);
	CHECK_MEM(got, frame, 5000);
	vsc_free(vsc);
}

/* A question that was not answered is answered by the next process. */
static void resume_question(void)
{
	struct vsc *vsc = connected(1, true, 1500);
	uint32_t id = 3, words[4];
	struct received received;

	vsc->channels[0]->full = true;
	CHECK_EQ(vsc_control(vsc, RNDIS_KEEPALIVE, &id, 4, words, sizeof(words)), 0);
	vsc_replace_card(vsc, &config, true);
	vsc->channels[0]->full = false;
	REQUIRE(fake_open(vsc->channels[0], true));
	/* Replayed, from the same memory. */
	CHECK_EQ(vsc_control(vsc, RNDIS_KEEPALIVE, &id, 4, words, sizeof(words)), 16);
	CHECK_EQ(words[2], 3);
	/* A cable that was pulled meanwhile. */
	vsc_replace_card(vsc, &config, true);
	net_link(vsc->net, false);
	REQUIRE(fake_open(vsc->channels[0], true));
	REQUIRE(vsc_receive(vsc, 0, &received));
	vsc_read(vsc, &received, 0, message);
	memcpy(words, message, sizeof(words));
	CHECK_EQ(words[2], RNDIS_STATUS_MEDIA_DISCONNECT);
	vsc_free(vsc);
}

/* The driver is about to set up when the process ends. */
static void resume_setup(void)
{
	static const uint32_t types[] = { NVSP_RECEIVE_BUFFER, NVSP_SEND_BUFFER, NVSP_SUBCHANNELS };
	struct net_config wide = config;

	wide.queues = 2;
	for (unsigned int i = 0; i < 3; i++) {
		struct vsc *vsc = vsc_new(&wide, 1, true);
		struct nvsp_message ask = { .type = types[i] }, reply;

		CHECK_NOTE("message %u", types[i]);
		vsc_connect(vsc, NVSP_VERSION_61, 1500);
		if (i == 2) {
			ask.u.words[0] = NVSP_SUBCHANNELS_ALLOCATE;
			ask.u.words[1] = 1;
		} else {
			ask.u.buffer.gpadl = vsc->channels[0]->gpadls[i].id;
			ask.u.buffer.id = i ? 0 : VSC_RECEIVE_ID;
		}
		vsc_replace_card(vsc, &wide, true);
		REQUIRE(fake_open(vsc->channels[0], true));
		fake_packet(vsc->channels[0], &(struct fake_packet){ .type = VMBUS_PACKET_INBAND,
								     .payload = &ask,
								     .size = sizeof(ask),
								     .answer = true,
								     .replayed = true });
		memcpy(&reply, vsc->channels[0]->sent[vsc->channels[0]->sent_count - 1].payload,
		       sizeof(reply));
		CHECK_EQ(reply.u.words[0], NVSP_STATUS_SUCCESS);
		vsc_free(vsc);
	}
}

/* A memo of another build, or of another configuration. */
static void resume_refused(void)
{
	for (unsigned int i = 0; i < 7; i++) {
		struct vsc *vsc = connected(1, true, 9000);
		struct nic_memo *memo = (struct nic_memo *)vsc->channels[0]->memo;
		struct net_config other = config;

		CHECK_NOTE("row %u", i);
		if (i == 0)
			vsc->channels[0]->memo[0] ^= 1;
		else if (i == 1)
			vsc->channels[0]->gpadls[0].id = 0;
		else if (i == 2)
			other.mtu = 1500;
		else if (i == 4) /* more than the buffer, and more than 32 bits */
			memo->section_size = 0x100000 + 64;
		else if (i == 5)
			memo->section_count = NIC_SECTIONS_MAX + 1;
		else if (i == 6)
			memo->table[127] = 1;
		if (i == 4)
			memo->section_count = NIC_SECTIONS_MAX;
		vsc_replace_card(vsc, &other, i != 3);
		CHECK(!fake_open(vsc->channels[0], true));
		vsc->channels[0]->channel.ops = NULL;
		vsc_free(vsc);
	}
}

int main(void)
{
	check_seed(0x2e7);
	CHECK_RUN(transmit_sizes);
	CHECK_RUN(transmit_split);
	CHECK_RUN(transmit_several);
	CHECK_RUN(transmit_vlan);
	CHECK_RUN(transmit_checksum);
	CHECK_RUN(transmit_large);
	CHECK_RUN(transmit_plain);
	CHECK_RUN(transmit_wrong);
	CHECK_RUN(transmit_wrong_info);
	CHECK_RUN(transmit_wrong_memory);
	CHECK_RUN(transmit_slow);
	CHECK_RUN(receive_sizes);
	CHECK_RUN(receive_vlan);
	CHECK_RUN(receive_checksum);
	CHECK_RUN(receive_large);
	CHECK_RUN(receive_large_full);
	CHECK_RUN(receive_filter);
	CHECK_RUN(receive_together);
	CHECK_RUN(exhaustion);
	CHECK_RUN(ring_full);
	CHECK_RUN(queues);
	CHECK_RUN(spread);
	CHECK_RUN(revoke);
	CHECK_RUN(reopen);
	CHECK_RUN(resume);
	CHECK_RUN(resume_question);
	CHECK_RUN(resume_setup);
	CHECK_RUN(resume_refused);
	return check_done();
}
