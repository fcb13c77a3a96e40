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
 * Lock order: the lock of a partition; of its ports; of a VP's synthetic interrupt
 * controller; of a run queue; the log's. The table's lock is held for look-ups alone, which only try
 * the partition's.
 */
#ifndef HV_CORE_PARTITION_H
#define HV_CORE_PARTITION_H

#include <hyperv/hypercall.h>
#include <mullion/parent.h>

#include "core/gpamap.h"
#include "core/lock.h"
#include "core/parent.h"
#include "core/pool.h"
#include "core/types.h"
#include "hyperv/msr.h"
#include "hyperv/reftime.h"
#include "hyperv/vpset.h"

struct vp;
struct port;

struct partition {
	u64 id; /* from 1, never used again */
	struct spinlock lock;
	enum mullion_partition_state state;
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
	u64 disabled_xsave; /* features, as the call that created it said */
	u64 synthetic_features; /* HV_SYNTHETIC_* */
	bool ignore_unknown_msrs; /* may change at any time */
	bool track_access; /* told to the parent as it set it: tracking is always on */

	u32 share[SHARES]; /* of each VP */

	struct guest_pages pages; /* how the guest's pages are come to */
	struct reftime time; /* its own lock */
	u64 tsc_offset; /* its VPs' TSC is the CPU's plus this */

	struct msr_partition msrs;

	/* Ports by connection id, a page of the pool, or NULL; guarded by port_lock. */
	struct spinlock port_lock;
	struct port *ports;

	/* What people are told. */
	u8 uuid[16];
	char name[MULLION_NAME_MAX];
	bool crash_begun; /* atomic: who sets it writes the next three */
	bool crashed; /* written once (release) behind the next two */
	u64 crash[5];
	char crash_text[2560];
	char reason[MULLION_REASON_MAX]; /* "" or why hv stopped it */
};

/*
 * Makes a partition out of a page of the parent's pool, with its id in *id. tsc_hz: of
 * the CPUs' TSC, which is at tsc now. Returns HV_STATUS: INSUFFICIENT_MEMORY.
 */
u16 partition_create(const struct hv_input_create_partition *in, u64 tsc_hz, u64 tsc, u64 *id);

/* The partition with this id, its lock taken; NULL when there is none. */
struct partition *partition_find(u64 id);

/* The same for the first one from this id on. */
struct partition *partition_find_from(u64 id);

/* Copies size bytes that cross no page from gpa: the read of a struct guest_memory
 * (x86/guest.h) with the partition as its ctx. For who may call gpamap_page. False:
 * there is no memory. */
bool partition_read(void *partition, gpa_t gpa, void *buf, u64 size);

/* The mark of a struct guest_memory, for the same. */
bool partition_mark(void *partition, gpa_t gpa, u32 size, u64 entry, u64 bits);

/* Makes its map, if there is none yet. The lock is held. False: the pool is empty. */
bool partition_make_map(struct partition *p);

/*
 * Ends all that the partition has: VPs, map, ports; what they were made of is in the
 * pool then, and can be withdrawn. The lock is held. Does a part of it; returns true
 * when there is nothing left to do.
 */
bool partition_finalize(struct partition *p);

/* Ends a finalized one: gives the pool's pages back (donated), a part at a time. Returns
 * true when that is done: then the partition is gone, its lock with it. */
bool partition_delete(struct partition *p);

/* Gives one of the shares of all VPs of p, and of those to come, a value; the parent's
 * with NULL. The lock is held. False, nothing changed: it cannot be had. */
bool partition_set_share(struct partition *p, enum share which, u32 value);

/* core/child.c. The lock is held: the VP is gone (from p->vps too), its pages are the
 * pool's. */
void vp_destroy(struct partition *p, struct vp *vp);

/* core/child.c. False, nothing changed, when the scheduler cannot. */
bool vp_set_share(struct vp *vp, const u32 share[SHARES]);

/* Its lock is held: waits until no CPU runs one of its VPs, or handles an exit of
 * one, that began before the call. */
void partition_quiesce(struct partition *p);

/* Its lock is held: what p->flush_count promises, and quiescence. */
void partition_flush(struct partition *p);

#endif
