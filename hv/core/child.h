/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A child's VP, beside what every VP has (vp.h).
 *
 * Its state says who may touch it: while it is RUN the CPU that the scheduler gave
 * it, and no one else but by what is marked as atomic or locked; while it is
 * SUSPENDED or has a MESSAGE, and is off every CPU (child_settle), who holds the
 * partition's lock. RUN ends by a compare-and-exchange, so that only one side
 * ends it.
 */
#ifndef HV_CORE_CHILD_H
#define HV_CORE_CHILD_H

#include <hyperv/message.h>
#include <hyperv/status.h>
#include <mullion/parent.h>

#include "core/alarm.h"
#include "core/types.h"
#include "core/vp.h"
#include "hyperv/crash.h"
#include "hyperv/msr.h"
#include "hyperv/stimer.h"
#include "hyperv/synic.h"
#include "x86/vapic.h"

struct overrides;
struct partition;
struct hv_vp_register_page;

struct child {
	struct vp *vp;
	struct partition *partition;
	u32 state; /* enum mullion_vp_page_state; atomic */
	bool idle; /* in the idle MSR: an interrupt wakes it whatever its flag */
	bool dead; /* a triple fault: does not run until it is given a new RIP */
	u64 flush_seen; /* of partition->flush_count */
	struct alarm alarm; /* set while it is blocked */

	/* Its runner's, constant once bound. */
	struct mullion_vp_page *page;
	struct hv_vp_register_page *registers; /* or NULL */
	u32 event;
	struct cpu *event_cpu; /* where the runner waits */

	struct vapic apic;
	struct synic synic; /* its lock guards timers too */
	struct stimers timers;
	struct crash crash;
	u64 tsc_offset;
	u64 tsc_read; /* what was told last of its TSC */
	u64 fault_retry; /* GPA of a fault that the map does not explain, or ~0 */
	struct msr_vp msrs;
	struct overrides *overrides; /* changed while it is not RUN; NULL: none yet */
	u32 flush_asked; /* other VPs' wish; atomic */
	u32 turn; /* odd from before it looks at that until it has left guest mode; atomic */
};

static inline struct child *child_of_alarm(struct alarm *a)
{
	return (struct child *)((u8 *)a - offsetof(struct child, alarm));
}

/* Makes VP index of p, out of its pool. p's lock is held, p is active. Returns an
 * HV_STATUS. */
u16 child_create(struct partition *p, u32 index);

/* Own CPU: lets it run once, and handles the exit; or finds that it has nothing to
 * do. */
void child_run(struct vp *vp);

/* When it wants to be run though nothing else happens (TSC). */
u64 child_deadline(struct child *c);

/* Any CPU: something was posted to it. */
void child_kick(struct child *c);

/* The partition's lock is held, the VP is not RUN: returns when it is off every
 * CPU. */
void child_settle(struct child *c);

/* The partition's lock is held: RUN ends. */
void child_suspend(struct child *c);

/* The partition's lock is held, the VP has settled: RUN begins. */
void child_resume(struct child *c);

/* Own CPU: something became of the partition, and the parent shall look. */
void child_tell_news(struct child *c);

/* Own CPU: RUN ends with a message, whose header type, and payload behind the
 * intercept header (of size bytes in all), the caller has filled in. */
void child_message(struct vp *vp, u32 type, struct hv_message *message, size_t size, u8 access);

/* What VPs of p (bit i: the one with index i) remember of their page tables is
 * forgotten when this returns. For an exit of caller, one of p's. */
void child_flush(struct child *caller, u64 vps);

/* Sends an interrupt message to whom it is meant for in p. Any CPU. */
void child_send_ipi(struct partition *p, const struct vapic_ipi *ipi);

/* Any CPU, with the lock of c's SynIC held: interrupts that became due. */
void child_deliver_due(struct child *c);

/* The partition's reference time, 100 ns. */
u64 child_time(struct child *c);

#endif
