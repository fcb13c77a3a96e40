/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest makes GPADLs and wants them back.
 *
 * A GPADL that the guest wants back is RELEASING until the host cannot use it any more:
 * at once where the channel is closed; with the channel for the one that holds its rings,
 * and for all of them while it is closing; else when the host says so.
 */
#include "state.h"

static void post_created(struct vmbus_server *server, uint32_t relid, uint32_t id, uint32_t status)
{
	struct vmbus_msg_gpadl_created created = {
		.header = { .type = VMBUS_MSG_GPADL_CREATED },
		.relid = relid,
		.gpadl = id,
		.status = status,
	};

	vmbus_post(server, &created, sizeof(created));
}

static void give_back(struct vmbus_server *server, struct gpadl *gpadl)
{
	struct vmbus_msg_gpadl_torndown torndown = {
		.header = { .type = VMBUS_MSG_GPADL_TORNDOWN },
		.gpadl = gpadl->id,
	};

	if (server->channels[gpadl->channel].relid)
		vmbus_post(server, &torndown, sizeof(torndown));
	vmbus_gpadl_remove(&server->gpadls, gpadl);
}

bool vmbus_gpadl_is_ring(const struct vmbus_server *server, const struct gpadl *gpadl)
{
	const struct vmbus_channel *channel = &server->channels[gpadl->channel];

	return channel->host != HOST_CLOSED && channel->open.gpadl == gpadl->id;
}

/* Backwards: what is removed leaves its place to one that was looked at. */
void vmbus_gpadls_let_go(struct vmbus_server *server, const struct vmbus_channel *channel)
{
	for (uint32_t i = server->gpadls.count; i-- > 0;) {
		struct gpadl *gpadl = server->gpadls.list[i];

		if (gpadl->channel == vmbus_channel_slot(server, channel) &&
		    gpadl->state == GPADL_RELEASING)
			give_back(server, gpadl);
	}
}

void vmbus_gpadls_abandon(struct vmbus_server *server, const struct vmbus_channel *channel)
{
	for (uint32_t i = server->gpadls.count; i-- > 0;) {
		struct gpadl *gpadl = server->gpadls.list[i];

		if (gpadl->channel != vmbus_channel_slot(server, channel))
			continue;
		if (channel->host == HOST_CLOSED || gpadl->state == GPADL_FILLING)
			vmbus_gpadl_remove(&server->gpadls, gpadl);
		else
			gpadl->state = GPADL_RELEASING;
	}
}

bool vmbus_gpadl_answered(struct vmbus_server *server, struct vmbus_channel *channel, uint32_t id)
{
	struct gpadl *gpadl = vmbus_gpadl_find(&server->gpadls, id);

	if (!gpadl || gpadl->state != GPADL_RELEASING ||
	    gpadl->channel != vmbus_channel_slot(server, channel) ||
	    channel->host == HOST_CLOSING || vmbus_gpadl_is_ring(server, gpadl))
		return false;
	give_back(server, gpadl);
	return true;
}

/* NULL: refused. */
static struct gpadl *create(struct vmbus_server *server, const struct vmbus_channel *channel,
			    const struct vmbus_msg_gpadl_header *header, size_t size)
{
	uint32_t count = vmbus_gpadl_page_count(header->offset, header->length);
	struct gpadl *gpadl;

	if (!channel || header->range_count != 1 ||
	    header->ranges_size != sizeof(struct vmbus_gpa_range) + count * sizeof(uint64_t))
		return NULL;
	gpadl = vmbus_gpadl_add(&server->gpadls, header->gpadl, vmbus_channel_slot(server, channel),
				header->offset, header->length);
	if (gpadl && !vmbus_gpadl_fill(gpadl, header + 1, size - sizeof(*header))) {
		vmbus_gpadl_remove(&server->gpadls, gpadl);
		return NULL;
	}
	return gpadl;
}

bool vmbus_on_gpadl_header(struct vmbus_server *server, const void *message, size_t size)
{
	const struct vmbus_msg_gpadl_header *header = message;
	const struct vmbus_channel *channel = vmbus_channel_by_relid(server, header->relid);
	const struct gpadl *gpadl = create(server, channel, header, size);

	if (!gpadl)
		vmbus_refuse(server, "not a GPADL, its id is in use, or too many",
			     VMBUS_MSG_GPADL_HEADER, header->relid, header->gpadl);
	if (!gpadl || gpadl->state == GPADL_LIVE)
		post_created(server, header->relid, header->gpadl,
			     gpadl ? VMBUS_STATUS_OK : VMBUS_STATUS_UNSUCCESSFUL);
	return true;
}

bool vmbus_on_gpadl_body(struct vmbus_server *server, const void *message, size_t size)
{
	const struct vmbus_msg_gpadl_body *body = message;
	struct gpadl *gpadl = vmbus_gpadl_find(&server->gpadls, body->gpadl);
	uint32_t relid;

	if (!gpadl || gpadl->state != GPADL_FILLING)
		return vmbus_drop(server, "no GPADL waits for it", VMBUS_MSG_GPADL_BODY, 0,
				  body->gpadl);
	relid = server->channels[gpadl->channel].relid;
	if (!vmbus_gpadl_fill(gpadl, body + 1, size - sizeof(*body))) {
		vmbus_refuse(server, "not what the GPADL waits for", VMBUS_MSG_GPADL_BODY, relid,
			     body->gpadl);
		vmbus_gpadl_remove(&server->gpadls, gpadl);
		post_created(server, relid, body->gpadl, VMBUS_STATUS_UNSUCCESSFUL);
	} else if (gpadl->state == GPADL_LIVE) {
		post_created(server, relid, body->gpadl, VMBUS_STATUS_OK);
	}
	return true;
}

bool vmbus_on_gpadl_teardown(struct vmbus_server *server, const void *message, size_t size)
{
	const struct vmbus_msg_gpadl_teardown *teardown = message;
	struct gpadl *gpadl = vmbus_gpadl_find(&server->gpadls, teardown->gpadl);
	struct vmbus_channel *channel = vmbus_channel_by_relid(server, teardown->relid);

	(void)size;
	if (!channel || !gpadl || gpadl->state != GPADL_LIVE ||
	    gpadl->channel != vmbus_channel_slot(server, channel))
		return vmbus_drop(server, "no such GPADL", VMBUS_MSG_GPADL_TEARDOWN,
				  teardown->relid, teardown->gpadl);
	/* The rings of an open that waits: there is nothing left to open. */
	if (channel->reopen && channel->next.gpadl == gpadl->id)
		vmbus_channel_fail(server, channel);
	gpadl->state = GPADL_RELEASING;
	if (channel->host == HOST_CLOSED)
		give_back(server, gpadl);
	else if (channel->host != HOST_CLOSING && !vmbus_gpadl_is_ring(server, gpadl))
		vmbus_emit_channel(server, VMBUS_ACTION_RELEASE_GPADL, channel)->gpadl = gpadl->id;
	return true;
}
