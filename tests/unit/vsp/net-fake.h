/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Channels and guest memory for the network card's tests: the functions of channel.h and
 * guest.h on ordinary memory. What the card sends and answers is kept in order.
 */
#ifndef NET_FAKE_H
#define NET_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "channel.h"

#define FAKE_SENT_MAX 4096u
#define FAKE_GPADLS 8u
#define FAKE_BYTES 768u

struct guest {
	uint8_t *memory;
	uint64_t size;
};

struct fake_sent {
	uint16_t type, flags; /* of an answer VMBUS_PACKET_COMPLETION */
	uint64_t transaction;
	uint32_t extra_size, size;
	uint8_t extra[FAKE_BYTES], payload[FAKE_BYTES];
};

struct fake_gpadl {
	uint32_t id; /* 0: none */
	const uint64_t *pfns;
	uint32_t count, offset, length;
};

struct fake_channel {
	struct channel channel;
	uint64_t memo[CHANNEL_MEMO / 8];
	struct fake_sent *sent; /* FAKE_SENT_MAX */
	uint32_t sent_count;
	uint64_t transactions[CHANNEL_TICKETS];
	bool open[CHANNEL_TICKETS]; /* tickets that are not answered */
	uint32_t open_count;
	struct fake_gpadl gpadls[FAKE_GPADLS];
	uint32_t subs; /* that were offered */
	uint32_t flushes;
	bool paused, broken, let_go;
	bool full; /* nothing can be sent */
	bool keep; /* sent things are kept; else only counted */
	char reason[160]; /* why it is broken */
};

struct guest *fake_guest_new(uint64_t size);
void fake_guest_free(struct guest *guest);

struct fake_channel *fake_channel_new(struct device *device, struct event_base *base,
				      const struct guest *guest, uint32_t sub);
/* False: the device refused. */
bool fake_open(struct fake_channel *fake, bool resumed);
void fake_close(struct fake_channel *fake);
void fake_channel_free(struct fake_channel *fake);

/* A packet of the guest. Returns its ticket, CHANNEL_NO_TICKET where no answer is wanted or
 * none is free: then it does not come. */
struct fake_packet {
	uint16_t type;
	uint64_t transaction;
	const void *payload;
	uint32_t size;
	const struct packet_range *ranges;
	uint32_t range_count;
	bool answer, replayed;
};
uint32_t fake_packet(struct fake_channel *fake, const struct fake_packet *from);
/* There is room again. */
void fake_ready(struct fake_channel *fake);

#endif
