/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What hv-gpu may still look at is given back when it has taken the message that says so:
 * pages of objects and of long submissions, slots of contexts.
 */
#ifndef MGPU_REAP_H
#define MGPU_REAP_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct mgpu;

struct mgpu_dying {
	struct list_head link;
	u64 number; /* of the ring; U64_MAX: only when hv-gpu has ended */
	u8 ring; /* of context 0: RING_TAKEN, or RING_RETURNED */
	u32 generation;
	/* Gives it back; may sleep, takes no lock of the reaper. */
	void (*end)(struct mgpu *gpu, struct mgpu_dying *dying);
};

struct mgpu_reaper {
	spinlock_t lock;
	struct list_head list;
	struct delayed_work work;
};

void mgpu_reaper_init(struct mgpu *gpu);
void mgpu_reap_later(struct mgpu *gpu, struct mgpu_dying *dying, u64 number);
/* All that can be; at once all of former generations. */
void mgpu_reap(struct mgpu *gpu);
/* The channel is closed: everything. */
void mgpu_reap_all(struct mgpu *gpu);

#endif
