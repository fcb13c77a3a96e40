/* SPDX-License-Identifier: GPL-2.0-only */
/* The VMBus server's step: what has come, and whose it is. */
#include "server.h"

#include <stdlib.h>
#include <string.h>

#include "state.h"

/* Messages that a guest may send, and what is looked at before anybody acts on one. */
static const struct rule {
	size_t size; /* bytes, at least; 0: not from a guest, or not served */
	uint32_t version; /* from this one on */
	bool any_state; /* not only to a connected guest */
	bool (*act)(struct vmbus_server *server, const void *message, size_t size);
} rules[] = {
	[VMBUS_MSG_REQUEST_OFFERS] = { sizeof(struct vmbus_message_header), 0, false,
				       vmbus_on_request_offers },
	[VMBUS_MSG_OPEN_CHANNEL] = { sizeof(struct vmbus_msg_open), 0, false, vmbus_on_open },
	[VMBUS_MSG_CLOSE_CHANNEL] = { sizeof(struct vmbus_msg_relid), 0, false, vmbus_on_close },
	[VMBUS_MSG_GPADL_HEADER] = { sizeof(struct vmbus_msg_gpadl_header), 0, false,
				     vmbus_on_gpadl_header },
	[VMBUS_MSG_GPADL_BODY] = { sizeof(struct vmbus_msg_gpadl_body), 0, false,
				   vmbus_on_gpadl_body },
	[VMBUS_MSG_GPADL_TEARDOWN] = { sizeof(struct vmbus_msg_gpadl_teardown), 0, false,
				       vmbus_on_gpadl_teardown },
	[VMBUS_MSG_RELID_RELEASED] = { sizeof(struct vmbus_msg_relid), 0, false,
				       vmbus_on_relid_released },
	[VMBUS_MSG_INITIATE_CONTACT] = { sizeof(struct vmbus_msg_contact), 0, true,
					 vmbus_on_contact },
	[VMBUS_MSG_UNLOAD] = { sizeof(struct vmbus_message_header), 0, true, vmbus_on_unload },
	[VMBUS_MSG_MODIFY_CHANNEL] = { sizeof(struct vmbus_msg_modify), VMBUS_VERSION(4, 1), false,
				       vmbus_on_modify },
};

static bool vmbus_on_message(struct vmbus_server *server, const void *message, size_t size)
{
	_Alignas(8) uint8_t bytes[VMBUS_MESSAGE_MAX];
	const struct vmbus_message_header *header = (const void *)bytes;
	const struct rule *rule;

	server->counters.messages++;
	if (size < sizeof(*header) || size > sizeof(bytes))
		return vmbus_drop(server, "not a message", 0, 0, (uint32_t)size);
	memcpy(bytes, message, size);
	if (header->type >= sizeof(rules) / sizeof(rules[0]) || !rules[header->type].act)
		return vmbus_drop(server, "not a message for a server", header->type, 0, 0);
	rule = &rules[header->type];
	if (size < rule->size)
		return vmbus_drop(server, "too short", header->type, 0, (uint32_t)size);
	if (!rule->any_state && server->state != CONNECTED)
		return vmbus_drop(server, "is not connected", header->type, 0, 0);
	if (!rule->any_state && server->version < rule->version)
		return vmbus_drop(server, "not in this version", header->type, 0, server->version);
	return rule->act(server, bytes, size);
}

static bool vmbus_on_answer(struct vmbus_server *server, const struct vmbus_event *event)
{
	struct vmbus_channel *channel = vmbus_channel_by_name(server, event->device, event->sub);

	if (!channel)
		return false;
	switch (event->type) {
	case VMBUS_EVENT_OPEN_ANSWERED:
		return vmbus_open_answered(server, channel, event->ok);
	case VMBUS_EVENT_CLOSED:
		if (channel->host != HOST_CLOSING)
			return false;
		vmbus_channel_closed(server, channel);
		return true;
	case VMBUS_EVENT_GPADL_LET_GO:
		return vmbus_gpadl_answered(server, channel, event->gpadl);
	case VMBUS_EVENT_MODIFY_ANSWERED:
		return vmbus_modify_answered(server, channel, event->ok);
	default:
		return false;
	}
}

static bool act(struct vmbus_server *server, const struct vmbus_event *event)
{
	switch (event->type) {
	case VMBUS_EVENT_MESSAGE:
		return vmbus_on_message(server, event->message, event->size);
	case VMBUS_EVENT_OFFER:
		return vmbus_offer_device(server, event->offer);
	case VMBUS_EVENT_SUBS:
		return vmbus_offer_subs(server, event->device, event->subs);
	case VMBUS_EVENT_RESCIND:
		return vmbus_rescind_device(server, event->device);
	case VMBUS_EVENT_RESET:
		vmbus_drop_connection(server, VMBUS_DISCONNECT_RESET);
		return true;
	default:
		return vmbus_on_answer(server, event);
	}
}

bool vmbus_server_step(struct vmbus_server *server, const struct vmbus_event *event,
		       struct vmbus_actions *actions)
{
	bool done;

	actions->count = 0;
	server->actions = actions;
	done = act(server, event);
	server->actions = NULL;
	return done;
}

struct vmbus_server *vmbus_server_new(uint32_t vps)
{
	struct vmbus_server *server = calloc(1, sizeof(*server));

	if (server)
		server->vps = vps;
	return server;
}

void vmbus_server_free(struct vmbus_server *server)
{
	if (!server)
		return;
	vmbus_gpadl_remove_all(&server->gpadls);
	free(server);
}

bool vmbus_server_gpadl(const struct vmbus_server *server, uint32_t device, uint32_t sub,
			uint32_t gpadl, struct vmbus_pages *pages)
{
	const struct gpadl *found = vmbus_gpadl_find(&server->gpadls, gpadl);
	const struct vmbus_channel *channel = found ? &server->channels[found->channel] : NULL;

	if (!found || found->state != GPADL_LIVE || channel->device.number != device ||
	    channel->sub != sub || channel->host == HOST_CLOSED)
		return false;
	*pages = (struct vmbus_pages){ .pfns = found->pfns,
				       .count = found->count,
				       .offset = found->offset,
				       .length = found->length };
	return true;
}

uint32_t vmbus_server_version(const struct vmbus_server *server)
{
	return server->version;
}

void vmbus_server_count(const struct vmbus_server *server, struct vmbus_counters *counters)
{
	*counters = server->counters;
	counters->gpadls = server->gpadls.count;
	counters->gpadl_pages = server->gpadls.pages;
}

/* What the old host was to let go has gone with it. */
static void resume_closings(struct vmbus_server *server)
{
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++)
		if (server->channels[i].used && server->channels[i].host == HOST_CLOSING)
			vmbus_channel_closed(server, &server->channels[i]);
}

static void resume_channel(struct vmbus_server *server, struct vmbus_channel *channel)
{
	vmbus_emit_open(server, channel, channel->host == HOST_OPEN);
	if (channel->modifying)
		vmbus_emit_channel(server, VMBUS_ACTION_MODIFY, channel)->vp = channel->open.vp;
	for (uint32_t i = 0; i < server->gpadls.count; i++) {
		const struct gpadl *gpadl = server->gpadls.list[i];

		if (gpadl->channel == vmbus_channel_slot(server, channel) &&
		    gpadl->state == GPADL_RELEASING && !vmbus_gpadl_is_ring(server, gpadl))
			vmbus_emit_channel(server, VMBUS_ACTION_RELEASE_GPADL, channel)->gpadl =
				gpadl->id;
	}
}

static bool is_resumed(const struct vmbus_channel *channel, bool sub)
{
	return channel->used && !channel->sub == !sub &&
	       (channel->host == HOST_OPENING || channel->host == HOST_OPEN);
}

/* A device's first channel before its others, before anything that is new. */
void vmbus_server_resume(struct vmbus_server *server, struct vmbus_actions *actions)
{
	actions->count = 0;
	server->actions = actions;
	for (int sub = 0; sub < 2; sub++)
		for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++)
			if (is_resumed(&server->channels[i], sub))
				resume_channel(server, &server->channels[i]);
	resume_closings(server);
	server->actions = NULL;
}
