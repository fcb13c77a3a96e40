/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of channels: devices that come and go, offers and rescinds to the guest,
 * relids, sub-channels.
 *
 * A relid stays taken until the guest gives it back (or the connection ends), and then is
 * the last one to be taken again. An instance is not offered while the guest still has an
 * earlier one of the same name: Linux (channel_mgmt.c) knows devices by their instance.
 */
#include <string.h>

#include "state.h"

uint32_t vmbus_channel_slot(const struct vmbus_server *server, const struct vmbus_channel *channel)
{
	return (uint32_t)(channel - server->channels);
}

struct vmbus_channel *vmbus_channel_by_relid(struct vmbus_server *server, uint32_t relid)
{
	for (uint32_t i = 0; relid && i < VMBUS_CHANNELS_MAX; i++)
		if (server->channels[i].used && server->channels[i].relid == relid)
			return &server->channels[i];
	return NULL;
}

struct vmbus_channel *vmbus_channel_by_name(struct vmbus_server *server, uint32_t device,
					    uint32_t sub)
{
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++) {
		struct vmbus_channel *channel = &server->channels[i];

		if (channel->used && channel->device.number == device && channel->sub == sub &&
		    (!channel->rescinded || channel->host != HOST_CLOSED))
			return channel;
	}
	return NULL;
}

static bool number_is_taken(const struct vmbus_server *server, uint32_t number)
{
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++)
		if (server->channels[i].used && server->channels[i].device.number == number)
			return true;
	return false;
}

static bool same_instance(const struct vmbus_device *a, const struct vmbus_device *b)
{
	return memcmp(&a->class, &b->class, sizeof(a->class)) == 0 &&
	       memcmp(&a->instance, &b->instance, sizeof(a->instance)) == 0;
}

bool vmbus_server_find(const struct vmbus_server *server, const struct vmbus_guid *class,
		       const struct vmbus_guid *instance, uint32_t *device)
{
	struct vmbus_device wanted = { .class = *class, .instance = *instance };

	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++) {
		const struct vmbus_channel *channel = &server->channels[i];

		if (channel->used && !channel->sub && !channel->rescinded &&
		    same_instance(&channel->device, &wanted)) {
			*device = channel->device.number;
			return true;
		}
	}
	return false;
}

uint32_t vmbus_server_room(const struct vmbus_server *server)
{
	return VMBUS_CHANNELS_MAX - server->counters.channels;
}

static struct vmbus_channel *add(struct vmbus_server *server, const struct vmbus_device *device,
				 uint32_t sub)
{
	struct vmbus_channel *channel = server->channels;

	while (channel->used)
		channel++;
	*channel = (struct vmbus_channel){ .used = true, .sub = sub, .device = *device };
	server->counters.channels++;
	return channel;
}

/* There are fewer channels than relids. */
static uint32_t next_relid(struct vmbus_server *server)
{
	do {
		server->last_relid = server->last_relid % (VMBUS_RELIDS - 1) + 1;
	} while (vmbus_channel_by_relid(server, server->last_relid));
	return server->last_relid;
}

static void post_offer(struct vmbus_server *server, const struct vmbus_channel *channel)
{
	const struct vmbus_device *device = &channel->device;
	struct vmbus_msg_offer offer = {
		.header = { .type = VMBUS_MSG_OFFER_CHANNEL },
		.class = device->class,
		.instance = device->instance,
		.flags = device->flags,
		.mmio_megabytes = device->mmio_megabytes,
		.sub = (uint16_t)channel->sub,
		.relid = channel->relid,
		.dedicated_interrupt = VMBUS_OFFER_DEDICATED,
		.connection = VMBUS_CHANNEL_CONNECTION(channel->relid),
	};

	memcpy(offer.user, device->user, sizeof(offer.user));
	vmbus_post(server, &offer, sizeof(offer));
}

/* The guest still has one of the name; a sub-channel has its primary's by right. */
static bool is_shadowed(const struct vmbus_server *server, const struct vmbus_channel *channel)
{
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++) {
		const struct vmbus_channel *other = &server->channels[i];

		if (other->used && other->relid && other != channel &&
		    other->device.number != channel->device.number &&
		    same_instance(&other->device, &channel->device))
			return true;
	}
	return false;
}

/* Now, or with what lets it be offered. The channel is not rescinded. */
static void try_offer(struct vmbus_server *server, struct vmbus_channel *channel)
{
	if (server->state != CONNECTED || !server->offers_sent || channel->relid ||
	    channel->released || is_shadowed(server, channel))
		return;
	channel->relid = next_relid(server);
	post_offer(server, channel);
}

/* By numbers, so that a device has the same relid in each connection of the same devices. */
static void try_offer_all(struct vmbus_server *server)
{
	for (uint64_t from = 0; from <= UINT32_MAX;) {
		struct vmbus_channel *next = NULL;

		for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++) {
			struct vmbus_channel *channel = &server->channels[i];

			if (channel->used && !channel->sub && !channel->rescinded &&
			    channel->device.number >= from &&
			    (!next || channel->device.number < next->device.number))
				next = channel;
		}
		if (!next)
			return;
		try_offer(server, next);
		from = (uint64_t)next->device.number + 1;
	}
}

bool vmbus_offer_device(struct vmbus_server *server, const struct vmbus_device *device)
{
	uint32_t same;

	if (!vmbus_server_room(server) || number_is_taken(server, device->number) ||
	    vmbus_server_find(server, &device->class, &device->instance, &same))
		return false;
	try_offer(server, add(server, device, 0));
	return true;
}

bool vmbus_offer_subs(struct vmbus_server *server, uint32_t device, uint32_t subs)
{
	struct vmbus_channel *primary = vmbus_channel_by_name(server, device, 0);

	if (!primary || primary->host != HOST_OPEN || subs <= primary->subs ||
	    subs - primary->subs > vmbus_server_room(server) || subs > UINT16_MAX)
		return false;
	while (primary->subs < subs)
		try_offer(server, add(server, &primary->device, ++primary->subs));
	return true;
}

void vmbus_channel_try_free(struct vmbus_server *server, struct vmbus_channel *channel)
{
	uint32_t number = channel->device.number;

	if (!channel->rescinded || channel->relid || channel->host != HOST_CLOSED)
		return;
	vmbus_gpadls_abandon(server, channel);
	channel->used = false;
	server->counters.channels--;
	if (!number_is_taken(server, number))
		vmbus_emit(server, VMBUS_ACTION_GONE)->device = number;
}

/* Offer came before, if one did: the order of messages is kept. */
static void rescind(struct vmbus_server *server, struct vmbus_channel *channel)
{
	if (channel->rescinded)
		return;
	vmbus_channel_fail(server, channel);
	vmbus_channel_close(server, channel);
	channel->rescinded = true;
	if (channel->relid)
		vmbus_post_relid(server, VMBUS_MSG_RESCIND_OFFER, channel->relid);
	vmbus_channel_try_free(server, channel);
}

void vmbus_rescind_subs(struct vmbus_server *server, uint32_t device)
{
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++) {
		struct vmbus_channel *channel = &server->channels[i];

		if (channel->used && channel->sub && channel->device.number == device)
			rescind(server, channel);
	}
}

bool vmbus_rescind_device(struct vmbus_server *server, uint32_t device)
{
	struct vmbus_channel *primary = vmbus_channel_by_name(server, device, 0);

	if (!primary || primary->rescinded)
		return false;
	vmbus_rescind_subs(server, device);
	rescind(server, primary);
	return true;
}

bool vmbus_on_request_offers(struct vmbus_server *server, const void *message, size_t size)
{
	(void)message;
	(void)size;
	if (server->offers_sent)
		return vmbus_drop(server, "offers are asked for again", VMBUS_MSG_REQUEST_OFFERS, 0,
				  0);
	server->offers_sent = true;
	try_offer_all(server);
	vmbus_post_header(server, VMBUS_MSG_ALL_OFFERS_DELIVERED);
	return true;
}

bool vmbus_on_relid_released(struct vmbus_server *server, const void *message, size_t size)
{
	const struct vmbus_msg_relid *released = message;
	struct vmbus_channel *channel = vmbus_channel_by_relid(server, released->relid);

	(void)size;
	if (!channel)
		return vmbus_drop(server, "no such channel", VMBUS_MSG_RELID_RELEASED,
				  released->relid, 0);
	if (channel->host == HOST_OPENING || channel->host == HOST_OPEN || channel->reopen)
		return vmbus_drop(server, "released while it is open", VMBUS_MSG_RELID_RELEASED,
				  released->relid, 0);
	channel->relid = 0;
	channel->released = true;
	/* A sub-channel is never offered a second time. */
	if (channel->sub)
		channel->rescinded = true;
	vmbus_gpadls_abandon(server, channel);
	vmbus_channel_try_free(server, channel);
	try_offer_all(server);
	return true;
}
