/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The storage protocol on a controller's channels (include/vmbus/storage.h): questions and
 * the life of channels. Commands are request.c's.
 *
 * A question is taken only in its state. One that a process before this one took and did
 * not answer comes again, and its state may be the next one already: that is as good.
 */
#include <vmbus/storage.h>

#include <stdlib.h>
#include <string.h>

#include "controller.h"
#include "disk.h"
#include "request.h"

/* The smallest packet of a question. */
#define PACKET_MIN 16u

/* ---- Getting to know one another ---- */

static bool is_known_version(uint16_t version)
{
	return version == VSTOR_VERSION_6_2 || version == VSTOR_VERSION_6_0 ||
	       version == VSTOR_VERSION_5_1;
}

static uint32_t take_version(struct storage *storage, const struct vstor_packet *packet)
{
	if (!is_known_version(packet->version.version))
		return VSTOR_STATUS_REVISION_MISMATCH;
	storage->memo->version = packet->version.version;
	storage->memo->state = VSTOR_PROPERTIES;
	return VSTOR_STATUS_SUCCESS;
}

static uint32_t tell_properties(struct storage *storage, struct vstor_packet *packet)
{
	uint32_t subs = storage->options.subs;

	memset(&packet->bytes, 0, sizeof(packet->bytes));
	packet->properties = (struct vstor_properties){
		.max_sub_channels = (uint16_t)subs,
		.flags = subs ? VSTOR_MULTI_CHANNEL : 0,
		.max_transfer = DISK_TRANSFER_MAX,
	};
	storage->memo->state = VSTOR_END;
	return VSTOR_STATUS_SUCCESS;
}

static uint32_t make_subs(struct storage *storage, const struct vstor_packet *packet)
{
	uint32_t subs = packet->sub_channels;

	if (subs > storage->options.subs)
		return VSTOR_STATUS_INVALID_PARAMETER;
	if (subs > storage->memo->subs) {
		if (!channel_offer_subs(storage->first->channel, subs))
			return VSTOR_STATUS_INVALID_PARAMETER;
		storage->memo->subs = subs;
	}
	return VSTOR_STATUS_SUCCESS;
}

/* Whether a question that belongs to a state may be answered now. */
static bool is_in(const struct storage *storage, enum vstor_state state, bool replayed)
{
	return storage->memo->state == state || (replayed && storage->memo->state == state + 1u);
}

/* The state's question; INVALID_STATE for one out of order. */
static uint32_t negotiate(struct storage *storage, struct vstor_packet *packet, bool replayed)
{
	struct controller_memo *memo = storage->memo;

	switch (packet->operation) {
	case VSTOR_BEGIN_INITIALIZATION:
		if (!is_in(storage, VSTOR_BEGIN, replayed))
			break;
		memo->state = VSTOR_VERSION;
		return VSTOR_STATUS_SUCCESS;
	case VSTOR_QUERY_PROTOCOL_VERSION:
		if (!is_in(storage, VSTOR_VERSION, replayed))
			break;
		return take_version(storage, packet);
	case VSTOR_QUERY_PROPERTIES:
		if (!is_in(storage, VSTOR_PROPERTIES, replayed))
			break;
		return tell_properties(storage, packet);
	case VSTOR_END_INITIALIZATION:
		if (!is_in(storage, VSTOR_END, replayed))
			break;
		if (memo->state == VSTOR_END)
			controller_all_known(storage);
		memo->state = VSTOR_READY;
		return VSTOR_STATUS_SUCCESS;
	case VSTOR_CREATE_SUB_CHANNELS:
		if (memo->state != VSTOR_END && memo->state != VSTOR_READY)
			break;
		return make_subs(storage, packet);
	default:
		return VSTOR_STATUS_INVALID_REQUEST;
	}
	return VSTOR_STATUS_INVALID_STATE;
}

/* ---- Channels ---- */

/* A sub-channel is there after negotiation; where both are taken up, in any order, the
 * first channel's memo may not have come yet. */
static bool is_ready(const struct link *link)
{
	const struct storage *storage = link->storage;

	if (storage->first)
		return storage->memo->state == VSTOR_READY;
	return link->channel->resumed;
}

static void take(struct link *link, const struct packet *from, struct vstor_packet *packet,
		 uint32_t size)
{
	uint32_t status = VSTOR_STATUS_INVALID_STATE;

	switch (packet->operation) {
	case VSTOR_EXECUTE_SRB:
		if (is_ready(link)) {
			request_execute(link, from, packet, size);
			return;
		}
		break;
	case VSTOR_RESET_LUN:
	case VSTOR_RESET_ADAPTER:
	case VSTOR_RESET_BUS:
		if (is_ready(link)) {
			request_reset(link, from->ticket, packet, size);
			return;
		}
		break;
	default:
		if (!link->channel->sub)
			status = negotiate(link->storage, packet, from->replayed);
		break;
	}
	request_answer(link, from->ticket, packet, size, status);
}

static void on_packet(struct channel *channel, const struct packet *from)
{
	struct vstor_packet packet = { 0 };
	struct link *link = channel->context;
	uint32_t size = from->size < sizeof(packet) ? from->size : (uint32_t)sizeof(packet);

	if (from->type == VMBUS_PACKET_COMPLETION)
		return; /* nothing was asked */
	if (size < PACKET_MIN || from->ticket == CHANNEL_NO_TICKET) {
		channel_broken(channel, "a storage packet of %u bytes%s", from->size,
			       from->ticket == CHANNEL_NO_TICKET ? " that wants no answer" : "");
		return;
	}
	memcpy(&packet, from->payload, size);
	take(link, from, &packet, size);
}

static bool send_rescan(struct storage *storage)
{
	struct vstor_packet packet = { .operation = VSTOR_ENUMERATE_BUS };
	struct iovec part = { .iov_base = &packet, .iov_len = sizeof(packet) };
	enum channel_send sent =
		channel_send(storage->first->channel, VMBUS_PACKET_INBAND, 0, 0, NULL, 0, &part, 1);

	return sent == CHANNEL_SENT;
}

void vstor_rescan(struct storage *storage)
{
	struct controller_memo *memo = storage->memo;

	if (!storage->first || memo->state != VSTOR_READY || !memo->rescan || !send_rescan(storage))
		return;
	channel_flush(storage->first->channel);
	memo->rescan = 0;
}

static void on_ready(struct channel *channel)
{
	struct link *link = channel->context;

	if (link == link->storage->first && link->storage->memo->rescan &&
	    send_rescan(link->storage))
		link->storage->memo->rescan = 0;
}

static const struct channel_ops channel_ops = { .packet = on_packet, .ready = on_ready };

static bool is_sane(const struct controller_memo *memo)
{
	return memo->form == CONTROLLER_MEMO_FORM && memo->state <= VSTOR_READY &&
	       memo->subs <= STORAGE_SUBS_MAX;
}

/* Takes up the memo of a process before this one, or begins a new one. */
static void open_first(struct storage *storage, struct link *link)
{
	struct controller_memo *memo = link->channel->memo;

	_Static_assert(sizeof(*memo) <= CHANNEL_MEMO, "it is kept in the channel's memo");
	storage->first = link;
	if (!link->channel->resumed || !is_sane(memo)) {
		memset(memo, 0, sizeof(*memo));
		memo->form = CONTROLLER_MEMO_FORM;
	}
	for (uint32_t lun = 0; lun < STORAGE_LUNS && memo->state == VSTOR_READY; lun++)
		memo->attention[lun] |= storage->own.attention[lun];
	storage->memo = memo;
	controller_tell(storage);
}

static bool vstor_open(struct device *device, struct channel *channel)
{
	struct storage *storage = device->context;
	struct link *link;

	if (channel->sub > storage->options.subs || (!channel->sub && storage->first) ||
	    (channel->sub && !channel->resumed && storage->memo->state < VSTOR_END))
		return false;
	link = calloc(1, sizeof(*link));
	if (!link)
		return false;
	link->storage = storage;
	link->channel = channel;
	channel->ops = &channel_ops;
	channel->context = link;
	if (!channel->sub)
		open_first(storage, link);
	return true;
}

static void vstor_close(struct device *device, struct channel *channel)
{
	struct storage *storage = device->context;
	struct link *link = channel->context;

	request_forget_resets(storage, link);
	link->closed = true;
	if (link == storage->first) {
		storage->first = NULL;
		storage->memo = &storage->own;
		memset(&storage->own, 0, sizeof(storage->own));
	}
	if (link->busy)
		channel->held = true;
	else
		free(link);
}

const struct device_ops vstor_device_ops = { .open = vstor_open, .close = vstor_close };
