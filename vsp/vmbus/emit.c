/* SPDX-License-Identifier: GPL-2.0-only */
/* Actions of a step, and messages to the guest in them. */
#include <string.h>

#include "state.h"

struct vmbus_action *vmbus_emit(struct vmbus_server *server, enum vmbus_action_type type)
{
	struct vmbus_actions *actions = server->actions;
	struct vmbus_action *action = &server->lost;

	if (actions->count < VMBUS_ACTIONS_MAX)
		action = &actions->list[actions->count++];
	else
		server->overflow = true;
	action->type = type;
	return action;
}

struct vmbus_action *vmbus_emit_channel(struct vmbus_server *server, enum vmbus_action_type type,
					const struct vmbus_channel *channel)
{
	struct vmbus_action *action = vmbus_emit(server, type);

	action->device = channel->device.number;
	action->sub = channel->sub;
	return action;
}

void vmbus_post(struct vmbus_server *server, const void *message, uint32_t size)
{
	struct vmbus_action *action = vmbus_emit(server, VMBUS_ACTION_POST);

	action->post.vp = server->vp;
	action->post.size = size;
	memcpy(action->post.bytes, message, size);
}

void vmbus_post_header(struct vmbus_server *server, enum vmbus_message_type type)
{
	struct vmbus_message_header header = { .type = type };

	vmbus_post(server, &header, sizeof(header));
}

void vmbus_post_relid(struct vmbus_server *server, enum vmbus_message_type type, uint32_t relid)
{
	struct vmbus_msg_relid message = { .header = { .type = type }, .relid = relid };

	vmbus_post(server, &message, sizeof(message));
}

static void emit_log(struct vmbus_server *server, bool warning, const char *text, uint32_t type,
		     uint32_t relid, uint32_t value)
{
	struct vmbus_action *action = vmbus_emit(server, VMBUS_ACTION_LOG);

	action->log.warning = warning;
	action->log.text = text;
	action->log.type = type;
	action->log.relid = relid;
	action->log.value = value;
}

void vmbus_news(struct vmbus_server *server, const char *text, uint32_t relid, uint32_t value)
{
	emit_log(server, false, text, 0, relid, value);
}

bool vmbus_drop(struct vmbus_server *server, const char *text, uint32_t type, uint32_t relid,
		uint32_t value)
{
	server->counters.dropped++;
	emit_log(server, true, text, type, relid, value);
	return false;
}

void vmbus_refuse(struct vmbus_server *server, const char *text, uint32_t type, uint32_t relid,
		  uint32_t value)
{
	server->counters.refused++;
	emit_log(server, true, text, type, relid, value);
}
