/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a server's state can be: of an image before it is taken up, and in tests. */
#include <string.h>

#include "state.h"

static bool opened(const struct vmbus_channel *channel)
{
	return channel->host == HOST_OPENING || channel->host == HOST_OPEN;
}

static bool relid_valid(const struct vmbus_server *server, const struct vmbus_channel *channel)
{
	uint32_t relid = channel->relid;

	return !relid || (server->state == CONNECTED && server->offers_sent && !channel->released &&
			  relid < VMBUS_RELIDS);
}

/* Rings are as on_open let them pass. */
static bool rings_valid(const struct vmbus_server *server, uint32_t slot,
			const struct open_request *request, bool live)
{
	const struct gpadl *ring = vmbus_gpadl_find(&server->gpadls, request->gpadl);
	uint32_t up = request->downstream;

	return ring && ring->channel == slot && !ring->offset &&
	       ring->length % VMBUS_PAGE_SIZE == 0 &&
	       (ring->state == GPADL_LIVE || (!live && ring->state == GPADL_RELEASING)) &&
	       up >= 2 && up < ring->count && ring->count - up >= 2 &&
	       up - 1 <= VMBUS_RING_PAGES_MAX && ring->count - up - 1 <= VMBUS_RING_PAGES_MAX;
}

static bool sides_valid(const struct vmbus_server *server, const struct vmbus_channel *channel)
{
	uint32_t slot = vmbus_channel_slot(server, channel);

	if (channel->host > HOST_CLOSING || !relid_valid(server, channel))
		return false;
	if (channel->host != HOST_CLOSED &&
	    (!channel->flag || channel->flag >= VMBUS_RELIDS || channel->open.vp >= server->vps ||
	     !rings_valid(server, slot, &channel->open, false)))
		return false;
	if (opened(channel) && (channel->rescinded || channel->flag != channel->relid))
		return false;
	if (channel->reopen &&
	    (opened(channel) || channel->rescinded || !channel->relid ||
	     channel->next.vp >= server->vps || !rings_valid(server, slot, &channel->next, true)))
		return false;
	if (channel->modifying && (channel->host != HOST_OPEN || channel->vp_before >= server->vps))
		return false;
	return !channel->modify_again || (channel->modifying && channel->vp_again < server->vps &&
					  server->version < VMBUS_VERSION(5, 3));
}

/* Its place among the others: what is unique, and a sub-channel's primary. */
static bool place_valid(const struct vmbus_server *server, const struct vmbus_channel *channel)
{
	const struct vmbus_device *device = &channel->device;
	const struct vmbus_channel *primary = channel->sub ? NULL : channel;

	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++) {
		const struct vmbus_channel *other = &server->channels[i];
		bool same_device = other->device.number == device->number;

		if (!other->used || other == channel)
			continue;
		if (channel->relid && channel->relid == other->relid)
			return false;
		if (same_device && !other->sub)
			primary = primary ? NULL : other;
		if (same_device && !other->sub && !channel->sub)
			return false;
		if (same_device && other->sub == channel->sub &&
		    (!channel->rescinded || channel->host != HOST_CLOSED) &&
		    (!other->rescinded || other->host != HOST_CLOSED))
			return false;
		if (!same_device && !other->sub && !channel->sub && !other->rescinded &&
		    !channel->rescinded &&
		    memcmp(&other->device.class, &device->class, sizeof(device->class)) == 0 &&
		    memcmp(&other->device.instance, &device->instance, sizeof(device->instance)) ==
			    0)
			return false;
	}
	/* A primary may be gone before its sub-channels are, when all of them were taken away. */
	if (!channel->sub || channel->rescinded)
		return true;
	return primary && primary->host == HOST_OPEN && channel->sub <= primary->subs;
}

/* Nothing that both sides are done with, and nothing opens past a sub-channel that closes. */
static bool rest_valid(const struct vmbus_server *server, const struct vmbus_channel *channel)
{
	if (channel->rescinded && !channel->relid && channel->host == HOST_CLOSED)
		return false;
	if (channel->subs > UINT16_MAX || channel->sub > UINT16_MAX ||
	    (channel->sub && channel->subs))
		return false;
	if (channel->sub || !opened(channel))
		return true;
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++) {
		const struct vmbus_channel *other = &server->channels[i];

		if (other->used && other->sub && other->device.number == channel->device.number &&
		    other->rescinded && other->host != HOST_CLOSED)
			return false;
	}
	return true;
}

static bool channels_valid(const struct vmbus_server *server)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++) {
		const struct vmbus_channel *channel = &server->channels[i];

		if (!channel->used)
			continue;
		count++;
		if (!sides_valid(server, channel) || !place_valid(server, channel) ||
		    !rest_valid(server, channel))
			return false;
	}
	return count == server->counters.channels;
}

static bool gpadl_valid(const struct vmbus_server *server, const struct gpadl *gpadl)
{
	const struct vmbus_channel *channel;

	if (gpadl->channel >= VMBUS_CHANNELS_MAX)
		return false;
	channel = &server->channels[gpadl->channel];
	if (!channel->used ||
	    gpadl->count != vmbus_gpadl_page_count(gpadl->offset, gpadl->length) || !gpadl->count)
		return false;
	switch (gpadl->state) {
	case GPADL_FILLING:
		return gpadl->filled < gpadl->count && channel->relid;
	case GPADL_LIVE:
		return gpadl->filled == gpadl->count && channel->relid;
	case GPADL_RELEASING:
		return gpadl->filled == gpadl->count && channel->host != HOST_CLOSED;
	default:
		return false;
	}
}

static bool gpadls_valid(const struct vmbus_server *server)
{
	const struct gpadl_table *table = &server->gpadls;
	uint64_t pages = 0;

	if (table->count > VMBUS_GPADLS_MAX)
		return false;
	for (uint32_t i = 0; i < table->count; i++) {
		pages += table->list[i]->count;
		if (table->ids[i] != table->list[i]->id ||
		    vmbus_gpadl_find(table, table->ids[i]) != table->list[i] ||
		    !gpadl_valid(server, table->list[i]))
			return false;
	}
	return pages == table->pages && pages <= VMBUS_GPADL_PAGES_MAX;
}

static bool connection_valid(const struct vmbus_server *server)
{
	bool contact = server->reason == VMBUS_DISCONNECT_CONTACT;

	if (server->vp >= server->vps && (server->vp || server->state != DISCONNECTED))
		return false;
	if (server->last_relid >= VMBUS_RELIDS)
		return false;
	if (server->state != DISCONNECTING && server->reason != VMBUS_DISCONNECT_NONE)
		return false;
	if (server->contact_version && (!contact || !vmbus_version_spoken(server->contact_version)))
		return false;
	if (server->state != CONNECTED &&
	    (server->version || server->offers_sent || server->last_relid))
		return false;
	switch (server->state) {
	case DISCONNECTED:
		break;
	case CONNECTED:
		return vmbus_version_spoken(server->version);
	case DISCONNECTING:
		if (server->reason == VMBUS_DISCONNECT_NONE ||
		    server->reason > VMBUS_DISCONNECT_RESET)
			return false;
		for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++)
			if (server->channels[i].used && server->channels[i].host != HOST_CLOSED)
				return true;
		return false;
	default:
		return false;
	}
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++)
		if (server->channels[i].used && server->channels[i].host != HOST_CLOSED)
			return false;
	return true;
}

bool vmbus_server_valid(const struct vmbus_server *server)
{
	return connection_valid(server) && channels_valid(server) && gpadls_valid(server);
}
