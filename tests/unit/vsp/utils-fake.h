/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A channel without rings, for tests of providers: the test is the guest. It puts
 * packets in and takes out what the provider sent, and decides how much room there is.
 * A provider that sends on a closed channel, or answers a ticket twice, ends the program.
 */
#ifndef UTILS_FAKE_H
#define UTILS_FAKE_H

#include "channel.h"

#define FAKE_PACKET 8192u
#define FAKE_PACKETS 512u
#define FAKE_TICKETS 64u

struct fake_packet {
	uint16_t type, flags;
	uint64_t transaction;
	uint32_t size; /* of the payload, up to a multiple of 8 */
	_Alignas(8) uint8_t bytes[FAKE_PACKET];
};

struct fake {
	struct channel channel; /* first */
	_Alignas(8) uint8_t memo[CHANNEL_MEMO];
	bool open, broken;
	char why[160]; /* of broken */
	unsigned int room; /* packets that fit in beside those that wait */
	bool wants_room;
	struct fake_packet *packets; /* from the provider, oldest at first */
	unsigned int first, count;
	bool tickets[FAKE_TICKETS]; /* not answered */
	unsigned int answers, flushes;
};

/* The channel of a guest that opens it. resumed: with the memo of before. */
bool fake_open(struct fake *fake, struct event_base *base, struct device *device, bool resumed);
void fake_close(struct fake *fake);

/* Frees what the fake has. */
void fake_end(struct fake *fake);

/* A packet from the guest, an in-band one unless it is said otherwise. */
void fake_put(struct fake *fake, const void *payload, size_t size);
void fake_put_type(struct fake *fake, uint16_t type, const void *payload, size_t size, bool ticket);

/* The oldest packet of the provider; NULL: none. It lies there until the next one comes. */
const struct fake_packet *fake_take(struct fake *fake);

/* Runs the loop until there is one, at most so long. */
const struct fake_packet *fake_wait(struct fake *fake, unsigned int milliseconds);

/* Gives room for so many packets, and tells a provider that waits for it. */
void fake_room(struct fake *fake, unsigned int packets);

/* Runs the loop for so long; 0: what is due now. */
void fake_run(struct event_base *base, unsigned int milliseconds);

#endif
