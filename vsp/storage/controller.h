/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A controller: its disks, its channels, and what it knows of the guest's driver.
 *
 * What the guest has been told lies in the first channel's memo, where the next process
 * finds it: how far the driver has come, which units and capacities it knows, and what
 * units have still to tell it.
 */
#ifndef VSP_STORAGE_CONTROLLER_H
#define VSP_STORAGE_CONTROLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "../channel/channel.h"
#include "storage.h"
#include "target.h"

struct bounce;
struct disk;
struct event;
struct request;
struct uring;

/* How far the guest's driver has come; each state waits for the next question. */
enum vstor_state {
	VSTOR_BEGIN,
	VSTOR_VERSION,
	VSTOR_PROPERTIES,
	VSTOR_END,
	VSTOR_READY,
};

/* Pieces that one request's memory may lie in. A packet has room for fewer pages. */
#define CONTROLLER_PIECES 600

#define CONTROLLER_MEMO_FORM 1u

/* The memo of the first channel. */
struct controller_memo {
	uint32_t form; /* CONTROLLER_MEMO_FORM */
	uint32_t state; /* enum vstor_state */
	uint32_t version; /* VSTOR_VERSION_* from VSTOR_PROPERTIES on */
	uint32_t subs; /* sub-channels that the guest has been given */
	uint32_t rescan; /* not 0: ENUMERATE_BUS is still to be sent */
	uint32_t reserved;
	uint64_t luns; /* units that the guest knows of, a bit each */
	uint64_t blocks[STORAGE_LUNS]; /* of these, their capacities */
	uint8_t attention[STORAGE_LUNS]; /* ATTENTION_* */
};

/* An open channel. */
struct link {
	struct storage *storage;
	struct channel *channel;
	uint32_t busy; /* requests under way */
	bool closed; /* they are not answered any more */
};

struct storage {
	struct storage_options options;
	struct device device;
	struct uring *uring;
	struct bounce *bounce;
	struct disk *disks[STORAGE_LUNS];
	uint64_t luns; /* those that are there, a bit each */

	struct link *first; /* the first channel where it is open */
	struct controller_memo *memo; /* its, or `own` */
	struct controller_memo own; /* while it is not open */
	uint32_t busy; /* requests under way on all channels */
	uint32_t scratch; /* see target.h */
	struct request *resets; /* that wait for those before them */
	struct event *rescan; /* calls vstor_rescan() */
	struct iovec pieces[CONTROLLER_PIECES]; /* of the packet that is looked at */
};

/* vstor.c */
extern const struct device_ops vstor_device_ops;

/* Has the guest look for units where the memo says so. Outside of packet(). */
void vstor_rescan(struct storage *storage);

/* controller.c */

/* Adds a disk that has been made; its LUN is free. */
void controller_add(struct storage *storage, struct disk *disk);

/* The guest will look at all units by itself. */
void controller_all_known(struct storage *storage);

/* Where the guest knows other units and capacities than there are: has the units tell it
 * and, on the loop's next turn, the guest look for them. */
void controller_tell(struct storage *storage);

#endif
