/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the VMBus server share: its state and the ways from one part to the
 * other. Nothing outside of vsp/vmbus includes this but tests that look for invariants.
 *
 * A channel has two sides. The guest's is its relid: 0 while this connection does not
 * know it. The host's is enum host_state. A slot of the table is free again when the
 * channel was taken away and both sides are done with it.
 */
#ifndef VSP_VMBUS_STATE_H
#define VSP_VMBUS_STATE_H

#include "gpadl.h"
#include "server.h"

/* What a guest signals: no connection that it posts to. */
#define VMBUS_CHANNEL_CONNECTION(relid) (0x2000u + (relid))

enum host_state {
	HOST_CLOSED,
	HOST_OPENING, /* OPEN was given, not answered */
	HOST_OPEN,
	HOST_CLOSING, /* CLOSE was given, not answered */
};

/* What the guest asked for in OPEN_CHANNEL. */
struct open_request {
	uint32_t number; /* the guest's, comes back in the answer */
	uint32_t gpadl;
	uint32_t vp; /* kept as it is now: MODIFY_CHANNEL changes it */
	uint32_t downstream;
	uint8_t user[VMBUS_USER_BYTES];
};

struct vmbus_channel {
	bool used;
	bool rescinded; /* taken away for good: by the host, or a sub-channel with its primary */
	bool released; /* the guest wants to hear nothing of it in this connection */
	uint32_t sub;
	struct vmbus_device device; /* a sub-channel has a copy */
	uint32_t subs; /* sub 0: sub-channels made since it opened */
	uint32_t relid;
	uint32_t flag; /* the relid with which it was opened; while the host's side is not closed */

	enum host_state host;
	struct open_request open; /* while the host's side is not closed */
	bool reopen; /* opened again by the guest while not all of the host's is closed: */
	struct open_request next;

	bool modifying; /* MODIFY was given, not answered; while HOST_OPEN */
	uint32_t vp_before; /* while modifying: in case the host cannot */
	bool modify_again; /* another one came: below 5.3 a guest cannot know when to ask */
	uint32_t vp_again;
};

enum connection_state {
	DISCONNECTED,
	CONNECTED,
	DISCONNECTING, /* the host is closing channels */
};

struct vmbus_server {
	uint32_t vps;
	enum connection_state state;
	uint32_t version; /* while CONNECTED */
	uint32_t vp; /* gets the messages */
	bool offers_sent; /* REQUEST_OFFERS has come in this connection */
	uint32_t last_relid; /* given in this connection; the next ones follow */
	enum vmbus_disconnect reason; /* while DISCONNECTING: of the latest request */
	uint32_t contact_version; /* the version asked for, 0 where it is not spoken; while
				   * the reason is CONTACT */

	struct vmbus_channel channels[VMBUS_CHANNELS_MAX];
	struct gpadl_table gpadls;
	struct vmbus_counters counters;

	struct vmbus_actions *actions; /* during a step */
	struct vmbus_action lost; /* where one goes that has no room: never, VMBUS_ACTIONS_MAX
				   * counts for the worst */
	bool overflow;
};

/* ---- emit.c: actions ---- */

struct vmbus_action *vmbus_emit(struct vmbus_server *server, enum vmbus_action_type type);
struct vmbus_action *vmbus_emit_channel(struct vmbus_server *server, enum vmbus_action_type type,
					const struct vmbus_channel *channel);
void vmbus_post(struct vmbus_server *server, const void *message, uint32_t size);
void vmbus_post_header(struct vmbus_server *server, enum vmbus_message_type type);
void vmbus_post_relid(struct vmbus_server *server, enum vmbus_message_type type, uint32_t relid);
void vmbus_news(struct vmbus_server *server, const char *text, uint32_t relid, uint32_t value);
/* A message is dropped. Always false. */
bool vmbus_drop(struct vmbus_server *server, const char *text, uint32_t type, uint32_t relid,
		uint32_t value);
/* A message gets a failure for an answer, which the caller posts. */
void vmbus_refuse(struct vmbus_server *server, const char *text, uint32_t type, uint32_t relid,
		  uint32_t value);

/* ---- offer.c: the table of channels ---- */

struct vmbus_channel *vmbus_channel_by_relid(struct vmbus_server *server, uint32_t relid);
/* The one that the host knows by that name: not rescinded, or not closed yet. */
struct vmbus_channel *vmbus_channel_by_name(struct vmbus_server *server, uint32_t device,
					    uint32_t sub);
uint32_t vmbus_channel_slot(const struct vmbus_server *server, const struct vmbus_channel *channel);
bool vmbus_offer_device(struct vmbus_server *server, const struct vmbus_device *device);
bool vmbus_offer_subs(struct vmbus_server *server, uint32_t device, uint32_t subs);
bool vmbus_rescind_device(struct vmbus_server *server, uint32_t device);
/* All sub-channels of the device that are not yet. */
void vmbus_rescind_subs(struct vmbus_server *server, uint32_t device);
/* Frees the slot where both sides are done. */
void vmbus_channel_try_free(struct vmbus_server *server, struct vmbus_channel *channel);
bool vmbus_on_request_offers(struct vmbus_server *server, const void *message, size_t size);
bool vmbus_on_relid_released(struct vmbus_server *server, const void *message, size_t size);

/* ---- open.c: opening and closing ---- */

/* Closes the host's side where it is not; sub-channels first. */
void vmbus_channel_close(struct vmbus_server *server, struct vmbus_channel *channel);
/* The host has let go. */
void vmbus_channel_closed(struct vmbus_server *server, struct vmbus_channel *channel);
/* What the guest waits for, OPEN_CHANNEL or MODIFY_CHANNEL, gets a failure. */
void vmbus_channel_fail(struct vmbus_server *server, struct vmbus_channel *channel);
void vmbus_emit_open(struct vmbus_server *server, struct vmbus_channel *channel, bool resumed);
bool vmbus_open_answered(struct vmbus_server *server, struct vmbus_channel *channel, bool ok);
bool vmbus_modify_answered(struct vmbus_server *server, struct vmbus_channel *channel, bool ok);
bool vmbus_on_open(struct vmbus_server *server, const void *message, size_t size);
bool vmbus_on_close(struct vmbus_server *server, const void *message, size_t size);
bool vmbus_on_modify(struct vmbus_server *server, const void *message, size_t size);

/* ---- gpadl-message.c: what the guest says of GPADLs ---- */

/* Whether an open ring lies in it. */
bool vmbus_gpadl_is_ring(const struct vmbus_server *server, const struct gpadl *gpadl);
/* The host uses none of the channel's: those that the guest wanted back are given back. */
void vmbus_gpadls_let_go(struct vmbus_server *server, const struct vmbus_channel *channel);
/* The guest has given up the channel: its GPADLs end, with the host's side of it. */
void vmbus_gpadls_abandon(struct vmbus_server *server, const struct vmbus_channel *channel);
bool vmbus_gpadl_answered(struct vmbus_server *server, struct vmbus_channel *channel, uint32_t id);
bool vmbus_on_gpadl_header(struct vmbus_server *server, const void *message, size_t size);
bool vmbus_on_gpadl_body(struct vmbus_server *server, const void *message, size_t size);
bool vmbus_on_gpadl_teardown(struct vmbus_server *server, const void *message, size_t size);

/* ---- connection.c ---- */

/* Drops all of the connection; then, with the last channel closed, does as reason says. */
void vmbus_drop_connection(struct vmbus_server *server, enum vmbus_disconnect reason);
/* Goes on after the last channel has closed. */
void vmbus_try_disconnected(struct vmbus_server *server);
bool vmbus_on_contact(struct vmbus_server *server, const void *message, size_t size);
bool vmbus_on_unload(struct vmbus_server *server, const void *message, size_t size);
bool vmbus_version_spoken(uint32_t version);

/* ---- check.c ---- */

/* Whether all invariants hold, of every number and between them. */
bool vmbus_server_valid(const struct vmbus_server *server);

#endif
