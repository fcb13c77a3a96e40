/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A channel's opening and closing, and the VP that it signals.
 *
 * The guest's CLOSE_CHANNEL has no answer: it may open again at once, while the host is
 * still closing. A sub-channel lives as long as its primary is open: with that closed it
 * is rescinded (Linux waits for it: nr_chan_close_on_suspend), and the primary is not
 * opened again before the host has closed all of its sub-channels.
 */
#include <string.h>

#include "state.h"

static void post_open_result(struct vmbus_server *server, const struct vmbus_channel *channel,
			     uint32_t number, uint32_t status)
{
	struct vmbus_msg_open_result result = {
		.header = { .type = VMBUS_MSG_OPEN_RESULT },
		.relid = channel->relid,
		.open = number,
		.status = status,
	};

	if (channel->relid)
		vmbus_post(server, &result, sizeof(result));
}

static void post_modify_result(struct vmbus_server *server, uint32_t relid, uint32_t status)
{
	struct vmbus_msg_modify_result result = {
		.header = { .type = VMBUS_MSG_MODIFY_RESULT },
		.relid = relid,
		.status = status,
	};

	if (server->version >= VMBUS_VERSION(5, 3))
		vmbus_post(server, &result, sizeof(result));
}

static void emit_bind(struct vmbus_server *server, enum vmbus_action_type type,
		      const struct vmbus_channel *channel)
{
	vmbus_emit_channel(server, type, channel)->bind.connection =
		VMBUS_CHANNEL_CONNECTION(channel->flag);
}

void vmbus_emit_open(struct vmbus_server *server, struct vmbus_channel *channel, bool resumed)
{
	const struct open_request *request = &channel->open;
	const struct gpadl *ring = vmbus_gpadl_find(&server->gpadls, request->gpadl);
	struct vmbus_open *open;

	emit_bind(server, VMBUS_ACTION_BIND, channel);
	open = &vmbus_emit_channel(server, VMBUS_ACTION_OPEN, channel)->open;
	*open = (struct vmbus_open){
		.ring = { .pfns = ring->pfns, .count = ring->count, .length = ring->length },
		.downstream = request->downstream,
		.gpadl = request->gpadl,
		.vp = request->vp,
		.flag = channel->flag,
		.connection = VMBUS_CHANNEL_CONNECTION(channel->flag),
		.resumed = resumed,
	};
	memcpy(open->user, request->user, sizeof(open->user));
	server->counters.opens++;
}

static bool subs_are_closed(const struct vmbus_server *server, uint32_t device)
{
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++) {
		const struct vmbus_channel *channel = &server->channels[i];

		if (channel->used && channel->sub && channel->device.number == device &&
		    channel->host != HOST_CLOSED)
			return false;
	}
	return true;
}

/* Opens what the guest has asked for, if the host is done with what was before. */
static void try_open(struct vmbus_server *server, struct vmbus_channel *channel)
{
	if (!channel->reopen || channel->host != HOST_CLOSED ||
	    (!channel->sub && !subs_are_closed(server, channel->device.number)))
		return;
	channel->reopen = false;
	channel->open = channel->next;
	channel->flag = channel->relid;
	channel->host = HOST_OPENING;
	channel->subs = 0;
	vmbus_emit_open(server, channel, false);
}

void vmbus_channel_fail(struct vmbus_server *server, struct vmbus_channel *channel)
{
	if (channel->reopen)
		post_open_result(server, channel, channel->next.number, VMBUS_STATUS_UNSUCCESSFUL);
	else if (channel->host == HOST_OPENING)
		post_open_result(server, channel, channel->open.number, VMBUS_STATUS_UNSUCCESSFUL);
	channel->reopen = false;
	if (channel->modifying && channel->relid)
		post_modify_result(server, channel->relid, VMBUS_STATUS_UNSUCCESSFUL);
	channel->modifying = channel->modify_again = false;
}

void vmbus_channel_close(struct vmbus_server *server, struct vmbus_channel *channel)
{
	if (channel->host != HOST_OPENING && channel->host != HOST_OPEN)
		return;
	if (!channel->sub)
		vmbus_rescind_subs(server, channel->device.number);
	emit_bind(server, VMBUS_ACTION_UNBIND, channel);
	vmbus_emit_channel(server, VMBUS_ACTION_CLOSE, channel);
	channel->host = HOST_CLOSING;
	channel->modifying = channel->modify_again = false;
	server->counters.closes++;
}

void vmbus_channel_closed(struct vmbus_server *server, struct vmbus_channel *channel)
{
	uint32_t number = channel->device.number;
	bool is_sub = channel->sub;
	struct vmbus_channel *primary;

	channel->host = HOST_CLOSED;
	vmbus_gpadls_let_go(server, channel);
	try_open(server, channel);
	vmbus_channel_try_free(server, channel);
	primary = is_sub ? vmbus_channel_by_name(server, number, 0) : NULL;
	if (primary)
		try_open(server, primary);
	vmbus_try_disconnected(server);
}

bool vmbus_open_answered(struct vmbus_server *server, struct vmbus_channel *channel, bool ok)
{
	if (channel->host != HOST_OPENING)
		return false;
	post_open_result(server, channel, channel->open.number,
			 ok ? VMBUS_STATUS_OK : VMBUS_STATUS_UNSUCCESSFUL);
	if (ok) {
		channel->host = HOST_OPEN;
		return true;
	}
	emit_bind(server, VMBUS_ACTION_UNBIND, channel);
	channel->host = HOST_CLOSED;
	vmbus_gpadls_let_go(server, channel);
	return true;
}

/* What is wrong with a request; NULL: nothing. */
static const char *request_fault(const struct vmbus_server *server,
				 const struct vmbus_channel *channel,
				 const struct open_request *request)
{
	const struct gpadl *ring = vmbus_gpadl_find(&server->gpadls, request->gpadl);
	uint32_t up = request->downstream;

	if (channel->rescinded)
		return "the channel was taken away";
	if (request->vp >= server->vps)
		return "no such VP";
	if (!ring || ring->state != GPADL_LIVE ||
	    ring->channel != vmbus_channel_slot(server, channel))
		return "no such GPADL";
	if (ring->offset || ring->length % VMBUS_PAGE_SIZE)
		return "rings are no whole pages";
	if (up >= ring->count || up < 2 || ring->count - up < 2)
		return "a ring without data";
	if (up - 1 > VMBUS_RING_PAGES_MAX || ring->count - up - 1 > VMBUS_RING_PAGES_MAX)
		return "a ring too large";
	return NULL;
}

bool vmbus_on_open(struct vmbus_server *server, const void *message, size_t size)
{
	const struct vmbus_msg_open *open = message;
	struct open_request request = { .number = open->open,
					.gpadl = open->gpadl,
					.vp = open->vp,
					.downstream = open->downstream };
	struct vmbus_channel *channel = vmbus_channel_by_relid(server, open->relid);
	const char *fault;

	(void)size;
	if (!channel)
		return vmbus_drop(server, "no such channel", VMBUS_MSG_OPEN_CHANNEL, open->relid,
				  0);
	if (!channel->rescinded &&
	    (channel->reopen || channel->host == HOST_OPENING || channel->host == HOST_OPEN))
		return vmbus_drop(server, "is open", VMBUS_MSG_OPEN_CHANNEL, open->relid, 0);
	fault = request_fault(server, channel, &request);
	if (fault) {
		/* One that was taken away just before is nobody's fault. */
		if (!channel->rescinded)
			vmbus_refuse(server, fault, VMBUS_MSG_OPEN_CHANNEL, open->relid,
				     open->gpadl);
		post_open_result(server, channel, request.number, VMBUS_STATUS_UNSUCCESSFUL);
		return true;
	}
	memcpy(request.user, open->user, sizeof(request.user));
	channel->next = request;
	channel->reopen = true;
	try_open(server, channel);
	return true;
}

bool vmbus_on_close(struct vmbus_server *server, const void *message, size_t size)
{
	const struct vmbus_msg_relid *close = message;
	struct vmbus_channel *channel = vmbus_channel_by_relid(server, close->relid);

	(void)size;
	/* One that was taken away is being closed already. */
	if (channel && channel->rescinded)
		return true;
	if (!channel || channel->host != HOST_OPEN)
		return vmbus_drop(server, "is not open", VMBUS_MSG_CLOSE_CHANNEL, close->relid, 0);
	vmbus_channel_close(server, channel);
	return true;
}

static void modify(struct vmbus_server *server, struct vmbus_channel *channel, uint32_t vp)
{
	channel->vp_before = channel->open.vp;
	channel->open.vp = vp;
	channel->modifying = true;
	vmbus_emit_channel(server, VMBUS_ACTION_MODIFY, channel)->vp = vp;
}

bool vmbus_on_modify(struct vmbus_server *server, const void *message, size_t size)
{
	const struct vmbus_msg_modify *wish = message;
	struct vmbus_channel *channel = vmbus_channel_by_relid(server, wish->relid);

	(void)size;
	if (!channel || channel->host != HOST_OPEN || wish->vp >= server->vps) {
		/* As above: one that was taken away. */
		if (!channel || !channel->rescinded)
			vmbus_refuse(server, "is not open, or no such VP", VMBUS_MSG_MODIFY_CHANNEL,
				     wish->relid, wish->vp);
		post_modify_result(server, wish->relid, VMBUS_STATUS_UNSUCCESSFUL);
		return true;
	}
	if (!channel->modifying) {
		modify(server, channel, wish->vp);
		return true;
	}
	if (server->version >= VMBUS_VERSION(5, 3))
		return vmbus_drop(server, "is being modified", VMBUS_MSG_MODIFY_CHANNEL,
				  wish->relid, wish->vp);
	channel->modify_again = true;
	channel->vp_again = wish->vp;
	return true;
}

bool vmbus_modify_answered(struct vmbus_server *server, struct vmbus_channel *channel, bool ok)
{
	if (!channel->modifying)
		return false;
	channel->modifying = false;
	if (!ok)
		channel->open.vp = channel->vp_before;
	post_modify_result(server, channel->relid,
			   ok ? VMBUS_STATUS_OK : VMBUS_STATUS_UNSUCCESSFUL);
	if (channel->modify_again) {
		channel->modify_again = false;
		modify(server, channel, channel->vp_again);
	}
	return true;
}
