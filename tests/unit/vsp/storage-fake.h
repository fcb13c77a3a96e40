/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vsp/channel/{channel,guest}.h without rings: packets are handed over by the test, and
 * answers kept for it. Guest memory is a buffer. Also a backend in memory that fails and
 * waits when it is told to.
 *
 * What a provider must not do to a channel (answer twice, answer after the end) ends the
 * program.
 */
#ifndef STORAGE_FAKE_H
#define STORAGE_FAKE_H

#include <vmbus/storage.h>

#include "../../../vsp/channel/channel.h"
#include "backend.h"
#include "disk.h"

struct guest {
	uint8_t *memory;
	uint64_t size; /* bytes; GPAs begin at 0 */
};

#define FAKE_TICKETS CHANNEL_TICKETS

struct fake {
	struct channel channel;
	union {
		uint64_t align;
		uint8_t memo[CHANNEL_MEMO];
	};
	struct guest guest;
	bool is_open, let_go, broken, full;
	bool outstanding[FAKE_TICKETS];
	uint64_t answered; /* answers, all */
	struct {
		bool is;
		uint32_t size;
		struct vstor_packet packet;
	} answers[FAKE_TICKETS];
	struct vstor_packet sent; /* the last one that was not an answer */
	unsigned int sends, flushes;
	uint32_t subs;
	bool no_subs; /* they are refused */
};

/* memory: bytes. Freed by fake_free(). */
void fake_init(struct fake *fake, uint64_t memory);
void fake_free(struct fake *fake);

/* Opens it on a device; resumed: with the memo and memory as they are. */
bool fake_open(struct fake *fake, struct device *device, struct event_base *base, uint32_t sub,
	       bool resumed);
void fake_close(struct fake *fake, struct device *device);

/* A packet's data, one range each. */
struct fake_range {
	uint32_t length, offset, count;
	const uint64_t *pfns;
};

/* Gives the provider a packet under a ticket that is free. FAKE_TICKETS: none was. */
uint32_t fake_packet(struct fake *fake, const void *payload, uint32_t size,
		     const struct fake_range *ranges, uint32_t range_count, bool replayed);

/* Takes the answer of a ticket, which is free then; NULL: there is none yet. Stays until
 * the next packet. */
const struct vstor_packet *fake_answer(struct fake *fake, uint32_t ticket);

/* ---- A disk in memory ---- */

struct ram {
	struct backend backend;
	uint8_t *bytes;
	uint64_t size;
	bool wait; /* operations end by ram_go() */
	int errors[BACKEND_ZERO + 1]; /* not 0: such operations fail */
	unsigned int ops[BACKEND_ZERO + 1], durable; /* counted */
	struct backend_io *waiting[1024];
	unsigned int waiting_count;
	bool *freed; /* set when it is freed; may be NULL */
};

struct ram *ram_new(uint64_t size);
/* Ends one that waits, chosen by number. False: none waits. */
bool ram_go(struct ram *ram, uint64_t which);

/* See storage-short.h. */
extern unsigned int storage_short, storage_flushes;
extern bool storage_flush_fails, storage_no_fallocate;

__attribute__((noreturn)) void fake_die(const char *what);

#endif
