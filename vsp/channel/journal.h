/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A channel's journal: packets that the guest waits for an answer to, in a memory file
 * that outlives the provider's process. The process writes it alone.
 *
 * A slot is a packet's place, and its ticket. The packet is read into it from the ring,
 * so it is there before the guest can see it taken.
 *
 *   FREE --taken--> TAKEN --answered--> ANSWERED --published--> FREE
 *
 * What a process has taken or answered and not yet published when it ends is found out
 * by the rings' indices in shared memory: `taken_from` and `answered_from` say where they
 * stood before. An index cannot come round to the same place in one go.
 *
 * A turn ends when the room of what was read is given back. An answer is published after
 * the turn in which its packet was taken has ended: else the guest could see the answer to
 * a packet that is to be read again.
 *
 *   TAKEN in this turn, and the ring is still read up to taken_from: the packet will be
 *   read again, the slot is freed.
 *   ANSWERED, and the ring is still written up to answered_from: the guest has not seen
 *   the answer, the packet is given to the provider again.
 */
#ifndef VSP_JOURNAL_H
#define VSP_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "channel.h"

#define JOURNAL_MAGIC 0x4a4c554du /* "MULJ" */
#define JOURNAL_VERSION 1u

enum journal_state {
	JOURNAL_FREE = 0,
	JOURNAL_TAKEN,
	JOURNAL_ANSWERED,
};

struct journal_slot {
	uint32_t state; /* enum journal_state */
	uint32_t turn; /* in which it was taken */
	uint64_t order; /* of taking */
};

struct journal_file {
	uint32_t magic, version;
	uint32_t packet_max; /* bytes of a slot's packet */
	uint32_t turn; /* the last one */
	uint32_t taken_from; /* read index at its begin */
	uint32_t answered_from; /* write index before the first answer that is not published */
	uint64_t order; /* of the last packet */
	uint8_t memo[CHANNEL_MEMO] __attribute__((aligned(8)));
	struct journal_slot slots[CHANNEL_TICKETS];
	/* packets follow, page aligned */
};

struct journal {
	struct journal_file *file; /* shared, mapped */
	uint8_t *packets;
	size_t size;
	uint32_t free_count;
	uint32_t hint; /* where to look for a free slot */
	uint32_t answered[CHANNEL_TICKETS]; /* slots that are ANSWERED */
	uint32_t answered_count;
};

/* Bytes of a journal's file for packets of at most packet_max bytes. */
size_t journal_size(uint32_t packet_max);

/* Makes the file: a sealed-in-size memfd; -1 with errno set. */
int journal_create(uint32_t packet_max);

/*
 * Takes up the file, by the indices that the rings have in shared memory. False with
 * errno set: it is none, or no memory.
 */
bool journal_open(struct journal *journal, int fd, uint32_t packet_max, uint32_t read_index,
		  uint32_t write_index);
void journal_close(struct journal *journal);

/* Where a packet is to be read to, JOURNAL's packet_max bytes; NULL: no slot is free. */
void *journal_room(struct journal *journal, uint32_t *slot);

/* The room of all that was read is given back: the guest sees this index. journal_open()
 * has done it. */
void journal_begin_turn(struct journal *journal, uint32_t read_index);

/* The packet in the slot wants an answer. */
void journal_take(struct journal *journal, uint32_t slot);

/* Is it a slot whose packet was not answered? */
bool journal_is_taken(const struct journal *journal, uint32_t slot);

/* write_index: what the guest knows now. */
void journal_answer(struct journal *journal, uint32_t slot, uint32_t write_index);

/* The answers are published. */
void journal_published(struct journal *journal);

/* The next slot of those taken by an earlier process, in the order of taking; NULL
 * behind the last. *after: 0 at first. */
void *journal_replay(struct journal *journal, uint64_t *after, uint32_t *slot);

#endif
