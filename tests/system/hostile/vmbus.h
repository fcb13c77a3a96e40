/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMBus from the guest's end, with nothing in the way: messages as bytes, rings that may be
 * written at will. What is not told otherwise ends the guest where the host does not do as
 * it must.
 */
#ifndef HOSTILE_VMBUS_H
#define HOSTILE_VMBUS_H

#include <linux/types.h> /* before <hyperv/types.h>, which has them too */

#include <hyperv/guest.h>
#include <hyperv/hypercall.h>
#include <hyperv/status.h>
#include <vmbus/guid.h>
#include <vmbus/message.h>
#include <vmbus/ring.h>

#include "vp.h"

/* The host may be busy with others. */
#define PATIENCE_MS 60000ul
/* Nothing has gone on for so long: there is no room. A host that was only busy has taken
 * less then than it could. */
#define QUIET_MS 1000ul
#define PAGE 4096u

/* ---- Time ---- */

/* Milliseconds since the partition was made. */
uint64_t now_ms(void);

/* Sleeps, not long; a message or a signal ends it. */
void nap(void);

/* ---- Telling ---- */

/* A line "vmbus: NAME: WHAT NUMBER". */
void tell(const char *name, const char *what, uint64_t number);
/* Dies with both numbers where they differ. */
void expect(const char *what, uint64_t is, uint64_t must);

/* ---- Messages ---- */

struct message {
	uint32_t size;
	union {
		struct vmbus_message_header header;
		struct vmbus_msg_offer offer;
		struct vmbus_msg_open_result open_result;
		struct vmbus_msg_gpadl_created created;
		struct vmbus_msg_gpadl_torndown torndown;
		struct vmbus_msg_version_response version;
		struct vmbus_msg_modify_result modified;
		struct vmbus_msg_relid relid;
		uint8_t bytes[VMBUS_MESSAGE_MAX];
	};
};

/* SynIC on. */
void bus_begin(void);
/* SynIC's message page is there, or is not. */
void bus_message_page(bool on);

/* The hypercall's status. */
uint64_t bus_try_post(uint32_t connection, uint32_t type, const void *bytes, uint32_t size);
/* Waits for room, and takes messages meanwhile. */
void bus_post(const void *bytes, uint32_t size);
/* The same with nothing but a type. */
void bus_post_type(uint32_t type);

/* The next message. False: there is none now. */
bool bus_take(struct message *message);
/* Waits for one of that type; others before it are gone. */
void bus_expect(struct message *message, uint32_t type);
/* All that was posted so far has been answered, and what came is gone. Connected only. */
void bus_fence(void);

/* Messages taken, by type. */
extern uint64_t bus_seen[32];

/* False: the version is not spoken. */
bool bus_try_contact(uint32_t version);
/* Asks for offers, and takes them. */
void bus_request_offers(void);
/* Begins anew, with version 5.3, and asks for offers. */
void bus_connect(void);
void bus_unload(void);

#define OFFERS_MAX 128u
extern struct vmbus_msg_offer bus_offers[OFFERS_MAX];
extern uint32_t bus_offer_count;

/* Of a class. NULL: none. */
const struct vmbus_msg_offer *bus_find(struct vmbus_guid class);

/* ---- GPADLs ---- */

/* Never the same. */
uint32_t gpadl_id(void);
/* Posts the header with as many page numbers as it has room for, with pages of one range.
 * Returns how many. */
uint32_t gpadl_post_header(uint32_t relid, uint32_t id, const uint64_t *pfns, uint32_t count);
/* All of it; the status that comes. */
uint32_t gpadl_make(uint32_t relid, uint32_t id, const uint64_t *pfns, uint32_t count);
void gpadl_post_teardown(uint32_t relid, uint32_t id);
void gpadl_teardown(uint32_t relid, uint32_t id);

/* ---- Memory, all of one use only ---- */

void *memory_take(uint32_t pages);
/* Numbers of the pages at `at`. */
void memory_pfns(const void *at, uint32_t pages, uint64_t *pfns);

/* ---- Channels ---- */

/* Data pages of each ring. */
#define RING_PAGES 4u
#define RING_SIZE 0x4000u
/* Both. */
#define RINGS_PAGES (2 * (RING_PAGES + 1))

struct channel {
	const char *name;
	struct vmbus_guid class;
	uint32_t relid, connection;
	uint32_t gpadl;
	uint64_t transaction; /* of the last packet */
	uint8_t *rings; /* RINGS_PAGES: to the host, then to the guest */
	struct vmbus_ring_header *out, *in;
	uint8_t *out_data, *in_data;
};

struct packet {
	struct vmbus_packet head;
	uint32_t extra_size, size; /* bytes behind the header, and of the payload */
	uint8_t *extra, *payload;
	uint8_t bytes[RING_SIZE];
};

/* Finds the offer, in this connection, and takes memory for rings once. */
void channel_find(struct channel *channel);
/* Posts the request with rings of zeros; what comes is OPEN_RESULT's. */
uint32_t channel_try_open(struct channel *channel, uint32_t gpadl, uint32_t downstream,
			  uint32_t vp);
void channel_open(struct channel *channel);
/* And its GPADL. */
void channel_close(struct channel *channel);

uint64_t channel_signal(const struct channel *channel);
/* Puts a packet behind the last one and signals. False: no room. */
bool channel_send(struct channel *channel, uint16_t type, uint16_t flags, uint64_t transaction,
		  const void *extra, uint32_t extra_size, const void *payload, uint32_t size);
/* False: nothing is there. */
bool channel_take(struct channel *channel, struct packet *packet);
/* False: nothing has come for so long. */
bool channel_wait(struct channel *channel, struct packet *packet, uint64_t ms);
/* The packet that answers the transaction; others before it are gone. */
void channel_expect(struct channel *channel, struct packet *packet, uint64_t transaction);

#endif
