/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RNDIS's control messages. A question is answered twice: by a message in a section of
 * the receive buffer, then by the answer to the packet that brought it. Where no section
 * is free or the ring is full answers wait, as many as a guest that asks one after the
 * other will ever need.
 */
#include <string.h>

#include "nic.h"

/* A new answer at the end of the queue; NULL: it is full. */
static struct nic_reply *new_reply(struct net *net, uint32_t ticket)
{
	struct nic_reply *reply;

	if (net->reply_count == NIC_REPLIES)
		return NULL;
	reply = &net->replies[(net->reply_first + net->reply_count++) % NIC_REPLIES];
	reply->ticket = ticket;
	reply->size = 0;
	return reply;
}

static void put_reply(struct nic_reply *reply, uint32_t type, const void *body, uint32_t size)
{
	struct rndis_header header = { type, (uint32_t)sizeof(header) + size };

	memcpy(reply->bytes, &header, sizeof(header));
	memcpy(reply->bytes + sizeof(header), body, size);
	reply->size = header.size;
}

/* Sends the first answer. False: not now. */
static bool send_reply(struct net *net)
{
	struct nic_reply *reply = &net->replies[net->reply_first];
	uint32_t section, status = NVSP_STATUS_SUCCESS;
	enum channel_send sent;

	if (net->queues[0].blocked || !nic_section_take(net, true, &section))
		return false;
	sent = nic_section_write(net, section, reply->bytes, reply->size) ?
		       nic_sections_send(net, nic_first(net), NVSP_CHANNEL_CONTROL, section,
					 &reply->size, 1) :
		       CHANNEL_DEAD;
	if (sent != CHANNEL_SENT)
		nic_section_drop(net, section);
	if (sent == CHANNEL_FULL) {
		nic_blocked(&net->queues[0]);
		return false;
	}
	if (sent == CHANNEL_DEAD)
		status = NVSP_STATUS_FAIL;
	transmit_answer(nic_first(net), reply->ticket, status);
	net->reply_first = (net->reply_first + 1) % NIC_REPLIES;
	net->reply_count--;
	return true;
}

static void tell_link(struct net *net)
{
	uint8_t link = net->link ? NIC_LINK_UP : NIC_LINK_DOWN;
	struct rndis_indicate indicate = { net->link ? RNDIS_STATUS_MEDIA_CONNECT :
						       RNDIS_STATUS_MEDIA_DISCONNECT,
					   0, 0 };
	struct nic_reply *reply;

	if (!net->memo->rndis || net->memo->link == link || !net->memo->section_count)
		return;
	reply = new_reply(net, CHANNEL_NO_TICKET);
	if (!reply)
		return;
	put_reply(reply, RNDIS_INDICATE, &indicate, sizeof(indicate));
	net->memo->link = link;
}

void rndis_pump(struct net *net)
{
	if (!nic_first(net) || !net->memo->section_count)
		return;
	tell_link(net);
	while (net->reply_count && send_reply(net)) {
	}
}

void rndis_give_up(struct net *net)
{
	for (; net->reply_count; net->reply_count--) {
		if (nic_first(net))
			transmit_answer(nic_first(net), net->replies[net->reply_first].ticket,
					NVSP_STATUS_FAIL);
		net->reply_first = (net->reply_first + 1) % NIC_REPLIES;
	}
}

/* ---- questions ---- */

/* Not longer than what the guest has sent. */
static bool take(const struct net *net, uint32_t size, void *body, uint32_t body_size)
{
	if (size < sizeof(struct rndis_header) + body_size)
		return false;
	memcpy(body, net->control + sizeof(struct rndis_header), body_size);
	return true;
}

static bool on_initialize(struct net *net, uint32_t size, struct nic_reply *reply)
{
	struct rndis_initialize_complete complete = { 0 };
	struct rndis_initialize ask;

	if (!take(net, size, &ask, sizeof(ask)))
		return false;
	net->memo->rndis = true;
	net->memo->filter = 0;
	/* It will ask. Told only from then on. */
	net->memo->link = net->link ? NIC_LINK_UP : NIC_LINK_DOWN;
	complete.request = ask.request;
	complete.major = 1;
	complete.flags = RNDIS_CONNECTIONLESS;
	complete.packets_max = NIC_PACKETS_TOLD;
	complete.transfer_max = FRAME_MAX;
	complete.alignment = 3;
	put_reply(reply, RNDIS_INITIALIZE | RNDIS_COMPLETE, &complete, sizeof(complete));
	return true;
}

static bool on_query(struct net *net, uint32_t size, struct nic_reply *reply)
{
	struct {
		struct rndis_query_complete head;
		uint8_t value[NIC_REPLY_MAX - sizeof(struct rndis_header) -
			      sizeof(struct rndis_query_complete)];
	} complete = { 0 };
	struct rndis_request ask;
	uint32_t length = sizeof(complete.value);

	if (!take(net, size, &ask, sizeof(ask)))
		return false;
	complete.head.request = ask.request;
	complete.head.status = oid_query(net, ask.oid, complete.value, &length);
	if (complete.head.status != RNDIS_STATUS_SUCCESS)
		length = 0;
	complete.head.size = length;
	complete.head.offset = sizeof(complete.head);
	put_reply(reply, RNDIS_QUERY | RNDIS_COMPLETE, &complete,
		  (uint32_t)sizeof(complete.head) + length);
	return true;
}

static bool on_set(struct net *net, uint32_t size, struct nic_reply *reply)
{
	struct rndis_complete complete = { 0 };
	struct rndis_request ask;

	if (!take(net, size, &ask, sizeof(ask)))
		return false;
	size -= (uint32_t)sizeof(struct rndis_header);
	complete.request = ask.request;
	if (ask.offset < sizeof(ask) || ask.offset > size || ask.size > size - ask.offset)
		complete.status = RNDIS_STATUS_INVALID_LENGTH;
	else
		complete.status = oid_set(net, ask.oid,
					  net->control + sizeof(struct rndis_header) + ask.offset,
					  ask.size);
	put_reply(reply, RNDIS_SET | RNDIS_COMPLETE, &complete, sizeof(complete));
	return true;
}

static bool on_reset(struct net *net, struct nic_reply *reply)
{
	struct rndis_reset_complete complete = { RNDIS_STATUS_SUCCESS, 1 };

	/* The guest sets its filter again. */
	net->memo->filter = 0;
	put_reply(reply, RNDIS_RESET | RNDIS_COMPLETE, &complete, sizeof(complete));
	return true;
}

static bool on_keepalive(struct net *net, uint32_t size, struct nic_reply *reply)
{
	struct rndis_complete complete = { 0 };

	if (!take(net, size, &complete.request, sizeof(complete.request)))
		return false;
	put_reply(reply, RNDIS_KEEPALIVE | RNDIS_COMPLETE, &complete, sizeof(complete));
	return true;
}

static bool dispatch(struct net *net, uint32_t type, uint32_t size, struct nic_reply *reply)
{
	if (type == RNDIS_INITIALIZE)
		return on_initialize(net, size, reply);
	if (!net->memo->rndis)
		return false;
	switch (type) {
	case RNDIS_QUERY:
		return on_query(net, size, reply);
	case RNDIS_SET:
		return on_set(net, size, reply);
	case RNDIS_RESET:
		return on_reset(net, reply);
	case RNDIS_KEEPALIVE:
		return on_keepalive(net, size, reply);
	default:
		return false;
	}
}

void rndis_control(struct net *net, uint32_t size, uint32_t ticket)
{
	uint32_t status = NVSP_STATUS_INVALID_RNDIS;
	struct rndis_header header = { 0 };
	struct nic_reply *reply;

	if (size >= sizeof(header))
		memcpy(&header, net->control, sizeof(header));
	if (header.type == RNDIS_HALT) {
		net->memo->rndis = false;
		net->memo->filter = 0;
		status = NVSP_STATUS_SUCCESS;
	} else if (header.size >= sizeof(header) && header.size <= size &&
		   net->memo->section_count) {
		reply = new_reply(net, ticket);
		status = reply ? NVSP_STATUS_INVALID_RNDIS : NVSP_STATUS_BUSY;
		if (reply && dispatch(net, header.type, header.size, reply))
			return;
		net->reply_count -= reply ? 1 : 0;
	}
	transmit_answer(nic_first(net), ticket, status);
}
