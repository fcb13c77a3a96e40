/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NVSP: what the packets of a card's channels say. Guests try versions from the newest
 * down until one is accepted, then set up the buffers. Some messages want no answer.
 */
#include <string.h>

#include "nic.h"

/* Pieces of memory in one packet, as Hyper-V says it. */
#define CHAIN_MAX 34u

static bool is_version(uint32_t version)
{
	static const uint32_t versions[] = { NVSP_VERSION_1, NVSP_VERSION_2, NVSP_VERSION_4,
					     NVSP_VERSION_5, NVSP_VERSION_6, NVSP_VERSION_61 };

	for (unsigned int i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		if (versions[i] == version)
			return true;
	}
	return false;
}

static void answer(struct channel *channel, uint32_t ticket, const void *payload, size_t size)
{
	if (ticket != CHANNEL_NO_TICKET)
		channel_answer(channel, ticket, payload, size);
}

/* Guests copy a whole message out of an answer, whatever it says. */
static void answer_message(struct channel *channel, uint32_t ticket,
			   const struct nvsp_message *message)
{
	answer(channel, ticket, message, sizeof(*message));
}

static void on_init(struct net *net, const struct nvsp_message *message, uint32_t ticket)
{
	struct nvsp_message reply = { .type = NVSP_INIT_COMPLETE };
	uint32_t version = message->u.init.version;

	/* A guest that begins anew has forgotten what was before. */
	nic_reset(net);
	if (is_version(version))
		net->memo->version = version;
	reply.u.init_complete.version = version;
	reply.u.init_complete.chain_max = CHAIN_MAX;
	reply.u.init_complete.status = net->memo->version ? NVSP_STATUS_SUCCESS : NVSP_STATUS_FAIL;
	answer_message(nic_first(net), ticket, &reply);
}

static void on_ndis_config(struct net *net, const struct nvsp_message *message)
{
	uint32_t size = message->u.ndis_config.frame_size, most = net->config.mtu + FRAME_HEADER;

	/* The receive buffer is divided by it. */
	if (net->memo->section_count)
		return;
	size = size > most ? most : size;
	net->memo->frame_size = size < NET_MTU_MIN + FRAME_HEADER ? NET_MTU_MIN + FRAME_HEADER :
								    size;
	net->memo->capabilities = message->u.ndis_config.capabilities[0];
}

/* Room for a frame with one tag more than the guest takes away. */
static uint32_t section_size(const struct net *net)
{
	return (NIC_FRAME_OFFSET + net->memo->frame_size + FRAME_TAG + 63u) & ~63u;
}

static bool take_receive_buffer(struct net *net, const struct nvsp_buffer *buffer, bool replayed)
{
	uint32_t size = section_size(net), count;

	/* The process that took it has ended before it could say so. */
	if (replayed && net->memo->section_count && net->memo->receive_gpadl == buffer->gpadl)
		return true;
	if (net->memo->section_count ||
	    !nic_buffer_take(net, &net->receive_buffer, buffer->gpadl, size))
		return false;
	count = net->receive_buffer.length / size;
	net->memo->receive_gpadl = buffer->gpadl;
	net->memo->receive_id = buffer->id;
	net->memo->section_size = size;
	net->memo->section_count = count < NIC_SECTIONS_MAX ? count : NIC_SECTIONS_MAX;
	net->memo->generation++;
	nic_sections_begin(net);
	return true;
}

static void on_receive_buffer(struct net *net, const struct nvsp_message *message,
			      const struct packet *packet)
{
	struct nvsp_message reply = { .type = NVSP_RECEIVE_BUFFER_COMPLETE };
	struct nvsp_receive_buffer_complete *complete = &reply.u.receive_buffer_complete;

	complete->status = NVSP_STATUS_FAIL;
	if (take_receive_buffer(net, &message->u.buffer, packet->replayed)) {
		complete->status = NVSP_STATUS_SUCCESS;
		complete->section_count = 1;
		complete->section.size = net->memo->section_size;
		complete->section.count = net->memo->section_count;
		complete->section.end = net->memo->section_size * net->memo->section_count;
	}
	answer_message(nic_first(net), packet->ticket, &reply);
}

static bool take_send_buffer(struct net *net, const struct nvsp_buffer *buffer, bool replayed)
{
	if (replayed && net->memo->has_send && net->memo->send_gpadl == buffer->gpadl)
		return true;
	if (net->memo->has_send ||
	    !nic_buffer_take(net, &net->send_buffer, buffer->gpadl, NIC_SEND_SECTION))
		return false;
	net->memo->send_gpadl = buffer->gpadl;
	net->memo->send_id = buffer->id;
	net->memo->has_send = true;
	return true;
}

static void on_send_buffer(struct net *net, const struct nvsp_message *message,
			   const struct packet *packet)
{
	struct nvsp_message reply = { .type = NVSP_SEND_BUFFER_COMPLETE };

	reply.u.send_buffer_complete.status = NVSP_STATUS_FAIL;
	if (take_send_buffer(net, &message->u.buffer, packet->replayed)) {
		reply.u.send_buffer_complete.status = NVSP_STATUS_SUCCESS;
		reply.u.send_buffer_complete.section_size = NIC_SEND_SECTION;
	}
	answer_message(nic_first(net), packet->ticket, &reply);
}

static void on_revoke_receive(struct net *net, const struct nvsp_message *message, uint32_t ticket)
{
	if (message->u.revoke.id == net->memo->receive_id)
		nic_sections_end(net);
	answer(nic_first(net), ticket, NULL, 0);
}

static void on_revoke_send(struct net *net, const struct nvsp_message *message, uint32_t ticket)
{
	if (message->u.revoke.id == net->memo->send_id) {
		nic_buffer_drop(&net->send_buffer);
		net->memo->has_send = false;
	}
	answer(nic_first(net), ticket, NULL, 0);
}

static void on_subchannels(struct net *net, const struct nvsp_message *message, uint32_t ticket)
{
	struct nvsp_message reply = { .type = NVSP_SUBCHANNELS };
	uint32_t count = message->u.subchannels.count, most = nic_channels(net) - 1;

	count = count > most ? most : count;
	reply.u.subchannels.operation = NVSP_STATUS_FAIL;
	if (message->u.subchannels.operation == NVSP_SUBCHANNELS_ALLOCATE &&
	    (count <= net->memo->subs || channel_offer_subs(nic_first(net), count))) {
		net->memo->subs = count > net->memo->subs ? count : net->memo->subs;
		reply.u.subchannels.operation = NVSP_STATUS_SUCCESS;
		reply.u.subchannels.count = count;
	}
	answer_message(nic_first(net), ticket, &reply);
}

static void on_oid_query(struct net *net, uint32_t ticket)
{
	struct nvsp_message reply = { .type = NVSP_OID_QUERY_EX_COMPLETE };

	reply.u.oid_query_complete.status = RNDIS_STATUS_NOT_SUPPORTED;
	answer_message(nic_first(net), ticket, &reply);
}

bool nvsp_send_table(struct net *net)
{
	struct {
		struct nvsp_message message;
		uint32_t table[NVSP_SEND_TABLE_SIZE];
	} all = { .message.type = NVSP_SEND_TABLE };
	struct iovec part = { &all, sizeof(all) };
	uint32_t open[NET_QUEUES_MAX], count = 0;

	if (net->memo->version < NVSP_VERSION_5 || net->queues[0].blocked)
		return net->memo->version < NVSP_VERSION_5;
	for (uint32_t i = 0; i < nic_channels(net); i++) {
		if (net->queues[i].channel)
			open[count++] = i;
	}
	if (!count)
		return true;
	all.message.u.send_table.count = NVSP_SEND_TABLE_SIZE;
	all.message.u.send_table.offset = sizeof(all.message);
	for (uint32_t i = 0; i < NVSP_SEND_TABLE_SIZE; i++)
		all.table[i] = open[i % count];
	if (channel_send(nic_first(net), VMBUS_PACKET_INBAND, 0, 0, NULL, 0, &part, 1) !=
	    CHANNEL_FULL)
		return true;
	nic_blocked(&net->queues[0]);
	return false;
}

/* ---- which message it is ---- */

/* A control message of RNDIS: copied, then looked at. */
static void on_control(struct nic_queue *queue, const struct packet *packet,
		       const struct nvsp_rndis *rndis)
{
	struct net *net = queue->net;
	uint32_t size;
	int count = transmit_gather(queue, packet, rndis, &size);

	if (count < 0 || size > sizeof(net->control) || queue->index) {
		transmit_answer(queue->channel, packet->ticket, NVSP_STATUS_INVALID_RNDIS);
		return;
	}
	transmit_copy(net->pieces, count, 0, net->control, size);
	rndis_control(net, size, packet->ticket);
	nic_update(net);
}

static void on_rndis(struct nic_queue *queue, const struct packet *packet,
		     const struct nvsp_rndis *rndis)
{
	if (rndis->channel == NVSP_CHANNEL_CONTROL)
		on_control(queue, packet, rndis);
	else
		transmit_packet(queue, packet, rndis);
}

/* The version that brought a message; 0: there is no such message from a guest. */
static uint32_t needed_version(uint32_t type)
{
	switch (type) {
	case NVSP_NDIS_VERSION:
	case NVSP_RECEIVE_BUFFER:
	case NVSP_REVOKE_RECEIVE_BUFFER:
	case NVSP_SEND_BUFFER:
	case NVSP_REVOKE_SEND_BUFFER:
	case NVSP_RNDIS:
		return NVSP_VERSION_1;
	case NVSP_NDIS_CONFIG:
		return NVSP_VERSION_2;
	case NVSP_SWITCH_DATA_PATH:
		return NVSP_VERSION_4;
	case NVSP_OID_QUERY_EX:
	case NVSP_SUBCHANNELS:
		return NVSP_VERSION_5;
	default:
		return 0;
	}
}

static void on_setup(struct net *net, const struct nvsp_message *message,
		     const struct packet *packet)
{
	uint32_t ticket = packet->ticket;

	switch (message->type) {
	case NVSP_INIT:
		return on_init(net, message, ticket);
	case NVSP_NDIS_VERSION:
		net->memo->ndis_major = message->u.ndis_version.major;
		net->memo->ndis_minor = message->u.ndis_version.minor;
		return answer(nic_first(net), ticket, NULL, 0);
	case NVSP_NDIS_CONFIG:
		on_ndis_config(net, message);
		return answer(nic_first(net), ticket, NULL, 0);
	case NVSP_RECEIVE_BUFFER:
		return on_receive_buffer(net, message, packet);
	case NVSP_SEND_BUFFER:
		return on_send_buffer(net, message, packet);
	case NVSP_REVOKE_RECEIVE_BUFFER:
		return on_revoke_receive(net, message, ticket);
	case NVSP_REVOKE_SEND_BUFFER:
		return on_revoke_send(net, message, ticket);
	case NVSP_SUBCHANNELS:
		return on_subchannels(net, message, ticket);
	case NVSP_OID_QUERY_EX:
		return on_oid_query(net, ticket);
	default:
		/* NVSP_SWITCH_DATA_PATH: there is no other path than this one. */
		return answer(nic_first(net), ticket, NULL, 0);
	}
}

static void on_message(struct nic_queue *queue, const struct packet *packet)
{
	struct nvsp_message message = { 0 };
	uint32_t size = packet->size < sizeof(message) ? packet->size : sizeof(message), needed;
	struct net *net = queue->net;

	/* What is missing in a short one is 0. */
	memcpy(&message, packet->payload, size);
	needed = needed_version(message.type);
	if (size < 8 || (message.type != NVSP_INIT && (!needed || net->memo->version < needed)))
		return channel_broken(queue->channel, "NVSP message %u of %u bytes, version %#x",
				      message.type, packet->size, net->memo->version);
	if (message.type == NVSP_RNDIS)
		return on_rndis(queue, packet, &message.u.rndis);
	if (queue->index)
		return channel_broken(queue->channel, "NVSP message %u on a sub-channel",
				      message.type);
	on_setup(net, &message, packet);
	nic_update(net);
}

void nvsp_packet(struct nic_queue *queue, const struct packet *packet)
{
	if (packet->type == VMBUS_PACKET_COMPLETION)
		nic_sections_back(queue->net, packet->transaction);
	else
		on_message(queue, packet);
}
