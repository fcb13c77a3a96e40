/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A child partition: memory, VPs, what it may use. It is made and spoken for by
 * hypercalls of the parent (parent_calls.c); all memory it costs comes from its
 * pool.
 *
 * A partition is found by its id in a table under a lock of its own
 * (partition_find), and guarded by its lock from then on. Its VPs run, and their
 * exits are handled, without that lock: what they read of it either does not
 * change while a VP can run, or says here how it is guarded. Before something that
 * a VP may be using is freed (a page of its map, a table, a port, the VP itself)
 * partition_quiesce waits until every CPU is out of the exit that it is handling
 * for this partition. For that to end, no exit handler of a child takes the
 * partition's lock.
 *
 * Lock order: the lock of a partition; of a VP's synthetic interrupt controller;
 * of a run queue; the log's. The table's lock is held for look-ups alone, which only try
 * the partition's.
 */
#ifndef HV_CORE_PARTITION_H
#define HV_CORE_PARTITION_H

#include <mullion/parent.h>

#include "core/gpamap.h"
#include "core/lock.h"
#include "core/pool.h"
#include "core/types.h"
#include "hyperv/reftime.h"
#include "hyperv/vpset.h"

struct vp;
struct port;

struct partition {
	u64 id; /* from 1, never used again */
	struct spinlock lock;
	enum mullion_partition_state state;
	bool deleting; /* found by nobody any more */
	struct partition *next; /* in the table, by id; guarded by the table's lock */

	struct pool pool;
	struct gpamap map;
	/* Counted up, before partition_quiesce, when something was unmapped: a VP that
	 * has seen less flushes before it runs. Atomic. */
	u64 flush_count;

	/* A VP is entered here complete (release) and leaves when nobody can look for it. */
	struct vp *vps[VPS_MAX];
	u32 vp_count;

	/* Set before the partition is active, constant after. */
	u64 disabled_features[2]; /* processor features, HV_PARTITION_PROPERTY_PROCESSOR_* */
	u64 synthetic_features;
	bool ignore_unknown_msrs;

	u32 weight; /* of each VP; mullion/parent.h has the units */
	u32 cap;
	u32 reserve;

	struct reftime time; /* its own lock */

	/* Ports by connection id, a page of the pool, or NULL; guarded by port_lock. */
	struct spinlock port_lock;
	struct port *ports;

	/* What people are told. */
	u8 uuid[16];
	char name[MULLION_NAME_MAX];
	bool crashed; /* written once (release) behind the next two */
	u64 crash[5];
	char crash_text[512];
	char reason[MULLION_REASON_MAX]; /* "" or why hv stopped it */
};

/* The partition with this id, its lock taken; NULL when there is none. */
struct partition *partition_find(u64 id);

/* The same for the first one from this id on. */
struct partition *partition_find_from(u64 id);

/* Its lock is held: waits until no CPU runs one of its VPs, or handles an exit of
 * one, that began before the call. */
void partition_quiesce(struct partition *p);

/* Its lock is held: what p->flush_count promises, and quiescence. */
void partition_flush(struct partition *p);

/* VPs of p that are bound get an event on the watch's behalf: hv stopped it, for
 * this reason. Any CPU; the first reason stays. */
void partition_kill(struct partition *p, const char *reason);

#endif
