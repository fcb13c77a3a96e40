/* SPDX-License-Identifier: GPL-2.0-only */
/* The network card: negotiation, buffers and RNDIS's questions. */
#include "check.h"

#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net-vsc.h"

static const struct net_config config = {
	.mac = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 },
	.mtu = 9000,
	.queues = 4,
	.speed = 25000000000u,
};

static const uint32_t versions[] = { NVSP_VERSION_1, NVSP_VERSION_2, NVSP_VERSION_4,
				     NVSP_VERSION_5, NVSP_VERSION_6, NVSP_VERSION_61 };
#define VERSIONS (sizeof(versions) / sizeof(versions[0]))

static void negotiation(void)
{
	for (unsigned int i = 0; i < VERSIONS; i++) {
		struct vsc *guest = vsc_new(&config, 1, true);
		struct nvsp_message message = { .type = NVSP_INIT }, reply;
		struct net_state state;

		CHECK_NOTE("version %#x", versions[i]);
		REQUIRE(fake_open(guest->channels[0], false));
		/* Newer ones than there are, first. */
		message.u.init.version = message.u.init.version_max = 0x70000;
		reply = vsc_nvsp(guest, &message);
		CHECK_EQ(reply.type, NVSP_INIT_COMPLETE);
		CHECK(reply.u.init_complete.status != NVSP_STATUS_SUCCESS);
		net_state(guest->net, &state);
		CHECK_EQ(state.version, 0);
		message.u.init.version = message.u.init.version_max = versions[i];
		reply = vsc_nvsp(guest, &message);
		CHECK_EQ(reply.type, NVSP_INIT_COMPLETE);
		CHECK_EQ(reply.u.init_complete.status, NVSP_STATUS_SUCCESS);
		net_state(guest->net, &state);
		CHECK_EQ(state.version, versions[i]);
		/* A guest copies a whole message. */
		CHECK_EQ(guest->channels[0]->sent[0].size, sizeof(reply));
		vsc_free(guest);
	}
}

/* What Linux wants of it, in each version. */
static void connect_all(void)
{
	for (unsigned int i = 0; i < VERSIONS; i++) {
		struct vsc *guest = vsc_new(&config, 1, true);
		struct net_state state;

		CHECK_NOTE("version %#x", versions[i]);
		vsc_connect(guest, versions[i], 1500);
		net_state(guest->net, &state);
		CHECK(state.receiving);
		CHECK_EQ(state.channels, 1);
		CHECK_EQ(state.mtu, 1500);
		CHECK(guest->section_size >= 68);
		CHECK(guest->section_size * guest->section_count <= VSC_RECEIVE_PAGES * 4096);
		/* Messages of a later version break the channel. */
		vsc_tell(guest, &(struct nvsp_message){ .type = NVSP_SUBCHANNELS });
		CHECK_EQ(guest->channels[0]->broken, versions[i] < NVSP_VERSION_5);
		vsc_free(guest);
	}
}

static void buffers(void)
{
	struct vsc *guest = vsc_new(&config, 1, true);
	struct nvsp_message message = { .type = NVSP_RECEIVE_BUFFER }, reply;
	struct nvsp_receive_buffer_complete *complete = &reply.u.receive_buffer_complete;
	struct fake_gpadl *gpadl = &guest->channels[0]->gpadls[0];

	vsc_begin(guest, NVSP_VERSION_61, 9000);
	/* Sections hold the largest frame, and lie side by side. */
	CHECK(guest->section_size >= 9000 + FRAME_HEADER + 44);
	CHECK_EQ(guest->section_count, VSC_RECEIVE_PAGES * 4096 / guest->section_size);
	/* A second one, without the first one revoked. */
	reply = vsc_set_buffer(guest, NVSP_RECEIVE_BUFFER);
	CHECK_EQ(reply.type, NVSP_RECEIVE_BUFFER_COMPLETE);
	CHECK_EQ(complete->status, NVSP_STATUS_FAIL);
	/* The MTU cannot change under it. */
	message = (struct nvsp_message){ .type = NVSP_NDIS_CONFIG };
	message.u.ndis_config.frame_size = 1514;
	vsc_tell(guest, &message);
	vsc_revoke(guest, NVSP_REVOKE_RECEIVE_BUFFER);
	reply = vsc_set_buffer(guest, NVSP_RECEIVE_BUFFER);
	CHECK_EQ(reply.type, NVSP_RECEIVE_BUFFER_COMPLETE);
	CHECK_EQ(complete->status, NVSP_STATUS_SUCCESS);
	CHECK_EQ(complete->section_count, 1);
	CHECK_EQ(complete->section.offset, 0);
	CHECK(complete->section.size >= 9000);
	CHECK_EQ(complete->section.end, complete->section.size * complete->section.count);
	vsc_revoke(guest, NVSP_REVOKE_RECEIVE_BUFFER);
	/* None of that id, and ones that are too small or lie about their pages. */
	message = (struct nvsp_message){ .type = NVSP_RECEIVE_BUFFER };
	message.u.buffer.gpadl = 77;
	reply = vsc_nvsp(guest, &message);
	CHECK_EQ(reply.u.receive_buffer_complete.status, NVSP_STATUS_FAIL);
	gpadl->length = 4096;
	CHECK_EQ(vsc_set_buffer(guest, NVSP_RECEIVE_BUFFER).u.receive_buffer_complete.status,
		 NVSP_STATUS_FAIL);
	gpadl->length = gpadl->count * 4096 + 1;
	CHECK_EQ(vsc_set_buffer(guest, NVSP_RECEIVE_BUFFER).u.receive_buffer_complete.status,
		 NVSP_STATUS_FAIL);
	CHECK(!guest->channels[0]->broken);
	CHECK_EQ(guest->channels[0]->open_count, 0);
	vsc_free(guest);
}

/* What the guest asks for counts as far as the card goes. */
static void frame_size(void)
{
	static const uint32_t rows[][3] = {
		{ 9000, 1500, 1500 }, { 9000, 9000, 9000 },	{ 9000, 65521, 9000 },
		{ 1500, 9000, 1500 }, { 9000, 1, NET_MTU_MIN }, { NET_MTU_MAX, 65521, 65521 },
		{ 1000, 1500, 1000 },
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct net_config other = config;
		struct net_state state;
		struct vsc *guest;

		CHECK_NOTE("row %u", i);
		other.mtu = rows[i][0];
		guest = vsc_new(&other, 1, true);
		vsc_begin(guest, NVSP_VERSION_61, rows[i][1]);
		net_state(guest->net, &state);
		CHECK_EQ(state.mtu, rows[i][2]);
		CHECK(guest->section_size > rows[i][2] + FRAME_HEADER + 44);
		vsc_free(guest);
	}
}

static uint32_t query32(struct vsc *guest, uint32_t oid)
{
	uint32_t value = 0, size = sizeof(value);

	CHECK_NOTE("oid %#x", oid);
	CHECK_EQ(vsc_query(guest, oid, &value, &size), RNDIS_STATUS_SUCCESS);
	CHECK_EQ(size, sizeof(value));
	return value;
}

static uint64_t query64(struct vsc *guest, uint32_t oid)
{
	uint32_t size = sizeof(uint64_t);
	uint64_t value = 0;

	CHECK_NOTE("oid %#x", oid);
	CHECK_EQ(vsc_query(guest, oid, &value, &size), RNDIS_STATUS_SUCCESS);
	CHECK_EQ(size, sizeof(value));
	return value;
}

static void questions(void)
{
	struct vsc *guest = vsc_new(&config, 1, true);
	uint32_t list[100], size = sizeof(list), other[256];
	struct ndis_link_state state;
	uint8_t mac[6];

	vsc_connect(guest, NVSP_VERSION_61, 9000);
	CHECK_EQ(query32(guest, OID_GEN_MAXIMUM_FRAME_SIZE), 9000);
	CHECK_EQ(query32(guest, OID_GEN_MAXIMUM_TOTAL_SIZE), 9014);
	CHECK_EQ(query32(guest, OID_GEN_MEDIA_CONNECT_STATUS), 0);
	CHECK_EQ(query32(guest, OID_GEN_LINK_SPEED), 250000000);
	CHECK_EQ(query32(guest, OID_GEN_CURRENT_PACKET_FILTER), 0xd);
	CHECK_EQ(query64(guest, OID_GEN_RCV_OK), 0);
	CHECK_EQ(query64(guest, OID_GEN_BYTES_XMIT), 0);
	CHECK_EQ(vsc_query(guest, OID_GEN_SUPPORTED_LIST, list, &size), RNDIS_STATUS_SUCCESS);
	CHECK(size > 160);
	/* Each object that is listed can be asked for, unless it is for setting alone. */
	for (uint32_t i = 0; i < size / 4; i++) {
		uint32_t length = sizeof(other), status;

		CHECK_NOTE("oid %#x", list[i]);
		status = vsc_query(guest, list[i], other, &length);
		CHECK_EQ(status == RNDIS_STATUS_SUCCESS,
			 list[i] != OID_GEN_NETWORK_LAYER_ADDRESSES &&
				 list[i] != OID_GEN_RNDIS_CONFIG_PARAMETER &&
				 list[i] != OID_TCP_OFFLOAD_PARAMETERS &&
				 list[i] != OID_GEN_RECEIVE_SCALE_PARAMETERS);
	}
	size = sizeof(mac);
	CHECK_EQ(vsc_query(guest, OID_802_3_PERMANENT_ADDRESS, mac, &size), 0);
	CHECK_MEM(mac, config.mac, 6);
	size = sizeof(state);
	CHECK_EQ(vsc_query(guest, OID_GEN_LINK_STATE, &state, &size), 0);
	CHECK_EQ(state.connected, 1);
	CHECK_EQ(state.receive_speed, config.speed);
	size = sizeof(other);
	CHECK_EQ(vsc_query(guest, 0x12345678, other, &size), RNDIS_STATUS_INVALID_OID);
	CHECK_EQ(size, 0);
	vsc_free(guest);
}

/* As Linux decides what it leaves to the host. */
static void offloads(void)
{
	static const struct {
		uint32_t version, size;
		uint8_t revision;
	} rows[] = {
		{ NVSP_VERSION_2, NDIS_OFFLOAD_2, 2 },
		{ NVSP_VERSION_4, NDIS_OFFLOAD_2, 2 },
		{ NVSP_VERSION_61, NDIS_OFFLOAD_3, 3 },
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vsc *guest = vsc_new(&config, 1, true);
		struct ndis_offload_parameters set = { .header = { NDIS_OBJECT_DEFAULT, 3, 22 } };
		struct ndis_offload offload;
		uint32_t size = sizeof(offload);

		CHECK_NOTE("version %#x", rows[i].version);
		vsc_connect(guest, rows[i].version, 1500);
		CHECK_EQ(vsc_query(guest, OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES, &offload, &size),
			 0);
		CHECK_EQ(size, rows[i].size);
		CHECK_EQ(offload.header.type, NDIS_OBJECT_OFFLOAD);
		CHECK_EQ(offload.header.revision, rows[i].revision);
		CHECK_EQ(offload.header.size, size);
		CHECK_EQ(offload.transmit4.what & 0x54, 0x54);
		CHECK_EQ(offload.transmit6.what & 0x55, 0x55);
		CHECK_EQ(offload.large4_encapsulation, NDIS_ENCAPSULATION_8023);
		CHECK_EQ(offload.large6_options, 5);
		CHECK(offload.large4_max > 32768 && offload.large4_max <= 65535);
		set.header4 = NDIS_CHECKSUM_OFF;
		set.tcp4 = NDIS_CHECKSUM_BOTH;
		set.udp4 = NDIS_CHECKSUM_RECEIVE;
		set.large6 = NDIS_OFFLOAD_OFF;
		CHECK_EQ(vsc_set(guest, OID_TCP_OFFLOAD_PARAMETERS, &set, sizeof(set)), 0);
		size = sizeof(offload);
		CHECK_EQ(vsc_query(guest, OID_TCP_OFFLOAD_CURRENT_CONFIG, &offload, &size), 0);
		CHECK_EQ(offload.transmit4.what & NDIS_CHECKSUM_IPV4, 0);
		CHECK_EQ(offload.transmit4.what & NDIS_CHECKSUM_UDP, 0);
		CHECK_EQ(offload.receive4.what & NDIS_CHECKSUM_UDP, NDIS_CHECKSUM_UDP);
		CHECK_EQ(offload.receive4.what & NDIS_CHECKSUM_TCP, NDIS_CHECKSUM_TCP);
		CHECK_EQ(offload.large6_max, 0);
		CHECK(offload.large4_max);
		set.header.type = NDIS_OBJECT_OFFLOAD;
		CHECK_EQ(vsc_set(guest, OID_TCP_OFFLOAD_PARAMETERS, &set, sizeof(set)),
			 RNDIS_STATUS_INVALID_DATA);
		CHECK_EQ(vsc_set(guest, OID_TCP_OFFLOAD_PARAMETERS, &set, 4),
			 RNDIS_STATUS_INVALID_LENGTH);
		vsc_free(guest);
	}
}

/* Without headers nothing can be left to the host, and nobody may switch it on. */
static void no_offloads(void)
{
	struct vsc *guest = vsc_new(&config, 1, false);
	struct ndis_offload_parameters set = { .header = { NDIS_OBJECT_DEFAULT, 3, 22 },
					       .tcp4 = NDIS_CHECKSUM_BOTH,
					       .large4 = NDIS_OFFLOAD_ON };
	struct ndis_offload offload;
	uint32_t size = sizeof(offload);

	vsc_connect(guest, NVSP_VERSION_61, 1500);
	CHECK_EQ(vsc_set(guest, OID_TCP_OFFLOAD_PARAMETERS, &set, sizeof(set)), 0);
	CHECK_EQ(vsc_query(guest, OID_TCP_OFFLOAD_CURRENT_CONFIG, &offload, &size), 0);
	CHECK_EQ(offload.transmit4.what | offload.receive6.what | offload.large4_max, 0);
	vsc_free(guest);
}

static void address(void)
{
	struct {
		struct rndis_parameter head;
		uint16_t name[14], value[12];
	} set = { .head = { sizeof(set.head), sizeof(set.name), RNDIS_PARAMETER_STRING,
			    sizeof(set.head) + sizeof(set.name), sizeof(set.value) } };
	static const char name[] = "NetworkAddress", value[] = "5254aAbBcC01";
	struct net_config fixed = config;
	struct net_state state;

	for (unsigned int i = 0; i < 14; i++)
		set.name[i] = (uint8_t)name[i];
	for (unsigned int i = 0; i < 12; i++)
		set.value[i] = (uint8_t)value[i];
	for (unsigned int i = 0; i < 2; i++) {
		struct vsc *guest;

		fixed.mac_fixed = i;
		guest = vsc_new(&fixed, 1, true);
		vsc_connect(guest, NVSP_VERSION_61, 1500);
		CHECK_EQ(vsc_set(guest, OID_GEN_RNDIS_CONFIG_PARAMETER, &set, sizeof(set)),
			 i ? RNDIS_STATUS_NOT_SUPPORTED : RNDIS_STATUS_SUCCESS);
		net_state(guest->net, &state);
		CHECK_MEM(state.mac, i ? config.mac : (const uint8_t *)"\x52\x54\xaa\xbb\xcc\x01",
			  6);
		/* No address, one of a group, offsets that lead outside. */
		set.value[11] = 'g';
		CHECK_EQ(vsc_set(guest, OID_GEN_RNDIS_CONFIG_PARAMETER, &set, sizeof(set)),
			 RNDIS_STATUS_INVALID_DATA);
		set.value[11] = 0x131;
		CHECK_EQ(vsc_set(guest, OID_GEN_RNDIS_CONFIG_PARAMETER, &set, sizeof(set)),
			 RNDIS_STATUS_INVALID_DATA);
		set.value[11] = '1';
		set.value[1] = '3';
		CHECK_EQ(vsc_set(guest, OID_GEN_RNDIS_CONFIG_PARAMETER, &set, sizeof(set)),
			 RNDIS_STATUS_INVALID_DATA);
		set.value[1] = '2';
		set.head.value_offset++;
		CHECK_EQ(vsc_set(guest, OID_GEN_RNDIS_CONFIG_PARAMETER, &set, sizeof(set)),
			 RNDIS_STATUS_INVALID_DATA);
		set.head.value_offset--;
		vsc_free(guest);
	}
}

static void scaling(void)
{
	struct vsc *guest = vsc_new(&config, 4, true);
	struct ndis_rss_capabilities rss = { 0 };
	struct ndis_rss_parameters bad = { .hash = NDIS_HASH_TOEPLITZ, .table_size = 4 };
	uint32_t size = sizeof(rss);

	vsc_connect(guest, NVSP_VERSION_61, 1500);
	CHECK_EQ(vsc_query(guest, OID_GEN_RECEIVE_SCALE_CAPABILITIES, &rss, &size), 0);
	CHECK_EQ(size, NDIS_RSS_CAPABILITIES_2);
	CHECK_EQ(rss.header.type, NDIS_OBJECT_RSS_CAPABILITIES);
	CHECK_EQ(rss.queues, 4);
	CHECK_EQ(rss.table_size, 128);
	CHECK_EQ(vsc_scale(guest, 4), 0);
	/* A channel that cannot be. */
	CHECK_EQ(vsc_scale(guest, 5), RNDIS_STATUS_INVALID_DATA);
	/* A table outside, a key outside, a key of another size. */
	bad.key_size = 40;
	bad.table_offset = sizeof(bad) - 3;
	CHECK_EQ(vsc_set(guest, OID_GEN_RECEIVE_SCALE_PARAMETERS, &bad, sizeof(bad)),
		 RNDIS_STATUS_INVALID_DATA);
	bad.table_offset = sizeof(bad) - 4;
	bad.key_offset = 1;
	CHECK_EQ(vsc_set(guest, OID_GEN_RECEIVE_SCALE_PARAMETERS, &bad, sizeof(bad)),
		 RNDIS_STATUS_INVALID_DATA);
	bad.key_offset = 0;
	CHECK_EQ(vsc_set(guest, OID_GEN_RECEIVE_SCALE_PARAMETERS, &bad, sizeof(bad)), 0);
	bad.key_size = 39;
	CHECK_EQ(vsc_set(guest, OID_GEN_RECEIVE_SCALE_PARAMETERS, &bad, sizeof(bad)),
		 RNDIS_STATUS_INVALID_DATA);
	vsc_free(guest);
}

static void subchannels(void)
{
	struct vsc *guest = vsc_new(&config, 4, true);
	struct nvsp_message message = { .type = NVSP_SUBCHANNELS }, reply;
	const struct fake_sent *sent;
	uint32_t table[16], count;
	struct net_state state;

	vsc_connect(guest, NVSP_VERSION_61, 1500);
	message.u.subchannels.operation = NVSP_SUBCHANNELS_ALLOCATE;
	message.u.subchannels.count = 7;
	reply = vsc_nvsp(guest, &message);
	CHECK_EQ(reply.type, NVSP_SUBCHANNELS);
	CHECK_EQ(reply.u.subchannels.operation, NVSP_STATUS_SUCCESS);
	CHECK_EQ(reply.u.subchannels.count, 3);
	CHECK_EQ(guest->channels[0]->subs, 3);
	/* Once more is no more. */
	reply = vsc_nvsp(guest, &message);
	CHECK_EQ(reply.u.subchannels.count, 3);
	vsc_open_sub(guest, 2);
	sent = &guest->channels[0]->sent[guest->channels[0]->sent_count - 1];
	memcpy(&reply, sent->payload, sizeof(reply));
	CHECK_EQ(sent->type, VMBUS_PACKET_INBAND);
	CHECK_EQ(reply.type, NVSP_SEND_TABLE);
	CHECK_EQ(reply.u.send_table.count, 16);
	CHECK_EQ(sent->size, reply.u.send_table.offset + sizeof(table));
	memcpy(table, sent->payload + reply.u.send_table.offset, sizeof(table));
	for (unsigned int i = 0; i < 16; i++)
		CHECK_EQ(table[i], i % 2 ? 2 : 0);
	net_state(guest->net, &state);
	CHECK_EQ(state.channels, 2);
	/* Twice, or beyond what there is: refused. */
	CHECK(!fake_open(guest->channels[2], false));
	guest->channels[2]->channel.sub = 4;
	CHECK(!fake_open(guest->channels[2], false));
	guest->channels[2]->channel.sub = 2;
	count = guest->channels[0]->sent_count;
	fake_close(guest->channels[2]);
	guest->channels[2]->channel.ops = NULL;
	CHECK_EQ(guest->channels[0]->sent_count, count + 1);
	/* Another operation. */
	message.u.subchannels.operation = 2;
	reply = vsc_nvsp(guest, &message);
	CHECK_EQ(reply.u.subchannels.operation, NVSP_STATUS_FAIL);
	CHECK_EQ(reply.u.subchannels.count, 0);
	vsc_free(guest);
}

/* Answers that Linux waits for, though they say nothing. */
static void data_path(void)
{
	struct vsc *guest = vsc_new(&config, 1, true);
	struct nvsp_message message = { .type = NVSP_SWITCH_DATA_PATH }, reply;
	uint32_t before;

	vsc_connect(guest, NVSP_VERSION_61, 1500);
	before = guest->channels[0]->sent_count;
	vsc_nvsp(guest, &message);
	REQUIRE(guest->channels[0]->sent_count == before + 1);
	CHECK_EQ(guest->channels[0]->sent[before].type, VMBUS_PACKET_COMPLETION);
	CHECK_EQ(guest->channels[0]->sent[before].size, 0);
	message.type = NVSP_OID_QUERY_EX;
	reply = vsc_nvsp(guest, &message);
	CHECK_EQ(reply.type, NVSP_OID_QUERY_EX_COMPLETE);
	CHECK_EQ(reply.u.oid_query_complete.status, RNDIS_STATUS_NOT_SUPPORTED);
	vsc_free(guest);
}

static void other_messages(void)
{
	struct vsc *guest = vsc_new(&config, 1, true);
	uint32_t words[4], id = 0x55;
	struct net_state state;

	vsc_connect(guest, NVSP_VERSION_5, 1500);
	CHECK_EQ(vsc_control(guest, RNDIS_KEEPALIVE, &id, 4, words, sizeof(words)), 16);
	CHECK_EQ(words[0], RNDIS_KEEPALIVE | RNDIS_COMPLETE);
	CHECK_EQ(words[2], id);
	CHECK_EQ(words[3], RNDIS_STATUS_SUCCESS);
	CHECK_EQ(vsc_control(guest, RNDIS_RESET, &id, 4, words, sizeof(words)), 16);
	CHECK_EQ(words[0], RNDIS_RESET | RNDIS_COMPLETE);
	CHECK_EQ(words[2], RNDIS_STATUS_SUCCESS);
	net_state(guest->net, &state);
	CHECK(!state.receiving);
	CHECK_EQ(vsc_control(guest, RNDIS_HALT, &id, 4, words, sizeof(words)), 0);
	CHECK_EQ(guest->channels[0]->open_count, 0);
	/* Nothing else is answered from then on. */
	CHECK_EQ(vsc_control(guest, RNDIS_KEEPALIVE, &id, 4, words, sizeof(words)), 0);
	CHECK_EQ(guest->channels[0]->open_count, 0);
	vsc_free(guest);
}

static void link_state(void)
{
	struct vsc *guest = vsc_new(&config, 1, true);
	struct rndis_initialize begin = { .request = 1, .major = 1 };
	struct received received;
	uint8_t answer[100];
	uint32_t words[5];

	vsc_begin(guest, NVSP_VERSION_61, 1500);
	/* Before RNDIS begins the guest hears nothing: it will ask. */
	net_link(guest->net, false);
	CHECK(!vsc_receive(guest, 0, &received));
	CHECK(vsc_control(guest, RNDIS_INITIALIZE, &begin, sizeof(begin), answer, 100) > 0);
	CHECK_EQ(query32(guest, OID_GEN_MEDIA_CONNECT_STATUS), 1);
	net_link(guest->net, true);
	REQUIRE(vsc_receive(guest, 0, &received));
	CHECK_EQ(received.kind, NVSP_CHANNEL_CONTROL);
	CHECK_EQ(received.sizes[0], sizeof(words));
	vsc_read(guest, &received, 0, words);
	CHECK_EQ(words[0], RNDIS_INDICATE);
	CHECK_EQ(words[1], sizeof(words));
	CHECK_EQ(words[2], RNDIS_STATUS_MEDIA_CONNECT);
	/* While the ring is full it goes up and down: the last counts. */
	guest->channels[0]->full = true;
	net_link(guest->net, false);
	net_link(guest->net, true);
	net_link(guest->net, false);
	CHECK(!vsc_receive(guest, 0, &received));
	fake_ready(guest->channels[0]);
	while (vsc_receive(guest, 0, &received))
		vsc_read(guest, &received, 0, words);
	CHECK_EQ(words[2], RNDIS_STATUS_MEDIA_DISCONNECT);
	vsc_free(guest);
}

/* More questions than can be answered for want of sections: nothing is lost but those
 * beyond, which are told so. */
static void many_questions(void)
{
	struct vsc *guest = vsc_new(&config, 1, true);
	struct received received;
	uint32_t id = 1, words[4], before, answered = 0;

	vsc_connect(guest, NVSP_VERSION_61, 1500);
	guest->channels[0]->full = true;
	for (id = 1; id <= 40; id++)
		CHECK_EQ(vsc_control(guest, RNDIS_KEEPALIVE, &id, 4, words, sizeof(words)), 0);
	CHECK_EQ(guest->channels[0]->open_count, 16);
	before = guest->channels[0]->sent_count;
	fake_ready(guest->channels[0]);
	CHECK_EQ(guest->channels[0]->open_count, 0);
	CHECK_EQ(guest->channels[0]->sent_count, before + 32);
	while (vsc_receive(guest, 0, &received)) {
		vsc_read(guest, &received, 0, words);
		CHECK_EQ(words[2], ++answered);
	}
	CHECK_EQ(answered, 16);
	vsc_free(guest);
}

/* ---- messages that no driver sends ---- */

static bool breaks(uint32_t version, const void *payload, uint32_t size)
{
	struct vsc *guest = vsc_new(&config, 1, true);
	struct fake_packet packet = {
		.type = VMBUS_PACKET_INBAND, .payload = payload, .size = size, .answer = true
	};
	bool broken;

	vsc_connect(guest, version, 1500);
	fake_packet(guest->channels[0], &packet);
	broken = guest->channels[0]->broken;
	vsc_free(guest);
	return broken;
}

static void wrong_messages(void)
{
	uint32_t words[10] = { 0 };

	for (words[0] = 0; words[0] < 140; words[0]++) {
		bool known = words[0] == NVSP_INIT ||
			     (words[0] >= NVSP_NDIS_VERSION && words[0] <= NVSP_RNDIS &&
			      words[0] != NVSP_RECEIVE_BUFFER_COMPLETE &&
			      words[0] != NVSP_SEND_BUFFER_COMPLETE) ||
			     words[0] == NVSP_NDIS_CONFIG || words[0] == NVSP_SWITCH_DATA_PATH ||
			     words[0] == NVSP_OID_QUERY_EX || words[0] == NVSP_SUBCHANNELS;

		CHECK_NOTE("message %u", words[0]);
		CHECK_EQ(breaks(NVSP_VERSION_61, words, sizeof(words)), !known);
	}
	CHECK(breaks(NVSP_VERSION_61, "", 0));
}

/* Lengths and offsets of SET that lead outside. */
static void wrong_requests(void)
{
	static const struct rndis_request rows[] = {
		{ 1, OID_GEN_CURRENT_PACKET_FILTER, 4, 21, 0 },
		{ 1, OID_GEN_CURRENT_PACKET_FILTER, 5, 20, 0 },
		{ 1, OID_GEN_CURRENT_PACKET_FILTER, 4, UINT32_MAX - 2, 0 },
		{ 1, OID_GEN_CURRENT_PACKET_FILTER, UINT32_MAX, 20, 0 },
		{ 1, OID_GEN_CURRENT_PACKET_FILTER, 4, 19, 0 },
		{ 1, OID_GEN_CURRENT_PACKET_FILTER, 3, 20, 0 },
	};
	struct vsc *guest = vsc_new(&config, 1, true);
	uint8_t message[24] = { 0 };
	uint32_t answer[4];

	vsc_connect(guest, NVSP_VERSION_61, 1500);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_NOTE("row %u", i);
		memcpy(message, &rows[i], sizeof(rows[i]));
		CHECK_EQ(vsc_control(guest, RNDIS_SET, message, sizeof(message), answer, 16), 16);
		CHECK_EQ(answer[3], RNDIS_STATUS_INVALID_LENGTH);
	}
	CHECK_EQ(query32(guest, OID_GEN_CURRENT_PACKET_FILTER), 0xd);
	/* Shorter than a request: no answer but that to the packet. */
	CHECK_EQ(vsc_control(guest, RNDIS_SET, message, 16, answer, 16), 0);
	CHECK_EQ(vsc_control(guest, 0x77, message, 20, answer, 16), 0);
	CHECK_EQ(vsc_control(guest, RNDIS_SET, message, 0, answer, 16), 0);
	CHECK_EQ(guest->channels[0]->open_count, 0);
	CHECK(!guest->channels[0]->broken);
	vsc_free(guest);
}

static void configurations(void)
{
	struct net_config bad[4] = { config, config, config, config };
	struct event_base *base = event_base_new();
	int pair[2];

	bad[0].mtu = 100;
	bad[1].mtu = NET_MTU_MAX + 1;
	bad[2].queues = NET_QUEUES_MAX + 1;
	bad[3].mac[0] |= 1;
	for (unsigned int i = 0; i < 4; i++) {
		struct net_backend *backend;

		CHECK_NOTE("row %u", i);
		REQUIRE(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
		backend = net_backend_fd(base, &pair[1], 1, true);
		REQUIRE(backend);
		CHECK(!net_new(&bad[i], backend));
		close(pair[0]);
	}
	CHECK(!net_backend_fd(base, pair, 0, true));
	event_base_free(base);
	net_free(NULL);
	net_backend_free(NULL);
}

int main(void)
{
	CHECK_RUN(negotiation);
	CHECK_RUN(connect_all);
	CHECK_RUN(buffers);
	CHECK_RUN(frame_size);
	CHECK_RUN(questions);
	CHECK_RUN(offloads);
	CHECK_RUN(no_offloads);
	CHECK_RUN(address);
	CHECK_RUN(scaling);
	CHECK_RUN(subchannels);
	CHECK_RUN(data_path);
	CHECK_RUN(other_messages);
	CHECK_RUN(link_state);
	CHECK_RUN(many_questions);
	CHECK_RUN(wrong_messages);
	CHECK_RUN(wrong_requests);
	CHECK_RUN(configurations);
	return check_done();
}
