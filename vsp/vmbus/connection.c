/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The connection: made by INITIATE_CONTACT, ended by UNLOAD, by another INITIATE_CONTACT
 * (a kernel that another one has started knows nothing of the old connection) or by a
 * reset. Whatever ends it, every channel is closed and every GPADL gone before the guest
 * is answered: only then its memory is its own again.
 */
#include "state.h"

bool vmbus_version_spoken(uint32_t version)
{
	switch (version) {
	case VMBUS_VERSION(4, 0):
	case VMBUS_VERSION(4, 1):
	case VMBUS_VERSION(5, 0):
	case VMBUS_VERSION(5, 1):
	case VMBUS_VERSION(5, 2):
	case VMBUS_VERSION(5, 3):
		return true;
	default:
		return false;
	}
}

/*
 * From 5.0 on the guest is told where to post from then on. It is where it has posted
 * already: the other connection exists as well, for a kernel that comes after.
 */
static void answer_contact(struct vmbus_server *server)
{
	uint32_t version = server->contact_version;
	struct vmbus_msg_version_response response = {
		.header = { .type = VMBUS_MSG_VERSION_RESPONSE },
		.supported = version != 0,
	};

	server->contact_version = 0;
	if (version) {
		response.connection = version >= VMBUS_VERSION(5, 0) ? VMBUS_CONNECTION_NEW :
								       version;
		server->state = CONNECTED;
		server->version = version;
		server->counters.connections++;
		vmbus_emit(server, VMBUS_ACTION_CONNECTED)->version = version;
	}
	vmbus_post(server, &response, sizeof(response));
}

static void disconnected(struct vmbus_server *server)
{
	enum vmbus_disconnect reason = server->reason;

	server->state = DISCONNECTED;
	server->reason = VMBUS_DISCONNECT_NONE;
	vmbus_emit(server, VMBUS_ACTION_DISCONNECTED)->reason = reason;
	if (reason == VMBUS_DISCONNECT_UNLOAD)
		vmbus_post_header(server, VMBUS_MSG_UNLOAD_RESPONSE);
	else if (reason == VMBUS_DISCONNECT_CONTACT)
		answer_contact(server);
}

void vmbus_try_disconnected(struct vmbus_server *server)
{
	if (server->state != DISCONNECTING)
		return;
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++)
		if (server->channels[i].used && server->channels[i].host != HOST_CLOSED)
			return;
	disconnected(server);
}

static void abandon(struct vmbus_server *server)
{
	/* First of all nothing has a relid any more: no messages about single things. */
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++) {
		server->channels[i].relid = 0;
		server->channels[i].released = false;
		server->channels[i].reopen = false;
	}
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++)
		if (server->channels[i].used && !server->channels[i].sub)
			vmbus_channel_close(server, &server->channels[i]);
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++) {
		struct vmbus_channel *channel = &server->channels[i];

		if (!channel->used)
			continue;
		vmbus_gpadls_abandon(server, channel);
		/* Those of the old connection that were taken away in it. */
		vmbus_channel_try_free(server, channel);
	}
}

void vmbus_drop_connection(struct vmbus_server *server, enum vmbus_disconnect reason)
{
	server->reason = reason;
	if (reason != VMBUS_DISCONNECT_CONTACT)
		server->contact_version = 0;
	if (server->state == CONNECTED) {
		server->state = DISCONNECTING;
		server->version = 0;
		server->offers_sent = false;
		server->last_relid = 0;
		abandon(server);
		vmbus_try_disconnected(server);
	} else if (server->state == DISCONNECTED) {
		server->reason = VMBUS_DISCONNECT_NONE;
		if (reason == VMBUS_DISCONNECT_RESET)
			vmbus_emit(server, VMBUS_ACTION_DISCONNECTED)->reason = reason;
		else
			answer_contact(server);
	}
}

/*
 * Whether the version came to the connection that belongs to it makes no difference to the
 * answer, so nobody looks at that.
 */
bool vmbus_on_contact(struct vmbus_server *server, const void *message, size_t size)
{
	const struct vmbus_msg_contact *contact = message;
	bool spoken = vmbus_version_spoken(contact->version);

	(void)size;
	if (contact->vp >= server->vps)
		return vmbus_drop(server, "no such VP", VMBUS_MSG_INITIATE_CONTACT, 0, contact->vp);
	if (contact->version >= VMBUS_VERSION(5, 0) &&
	    (contact->sint != VMBUS_SINT || contact->vtl))
		spoken = false;
	if (!spoken)
		vmbus_news(server, "the guest asks for a version that is not spoken", 0,
			   contact->version);
	server->vp = contact->vp;
	server->contact_version = spoken ? contact->version : 0;
	vmbus_drop_connection(server, VMBUS_DISCONNECT_CONTACT);
	return true;
}

/*
 * A kernel that crashes while its contact is not answered yet waits for this answer, for
 * up to 100 s, instead of that one.
 */
bool vmbus_on_unload(struct vmbus_server *server, const void *message, size_t size)
{
	(void)message;
	(void)size;
	if (server->state == DISCONNECTED || server->reason == VMBUS_DISCONNECT_RESET)
		return vmbus_drop(server, "is not connected", VMBUS_MSG_UNLOAD, 0, 0);
	vmbus_drop_connection(server, VMBUS_DISCONNECT_UNLOAD);
	return true;
}
