/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which VP runs on which CPU, and for how long. Pure: the file knows neither
 * guests nor hardware, time comes in as TSC ticks and a CPU is woken through a
 * function that the caller gives. sched.c explains the algorithm.
 *
 * A CPU's loop is:
 *
 *	vp = sched_pick(cpu, now);
 *	program the timer for sched_deadline(cpu);
 *	run vp, or wait for an interrupt when it is NULL;
 *	sched_block(cpu, now) when the VP has nothing to do, sched_boost(cpu, now)
 *	when an interrupt for the parent came;
 *
 * and all else may be called on any CPU at any time. hv runs with interrupts
 * off; nothing here may be called from an NMI. A VP's memory must stay until
 * sched_remove has returned true, and as long as a call that names it runs.
 * `now` is the calling CPU's TSC; the CPUs' TSCs run in step, small differences
 * do no harm.
 */
#ifndef HV_CORE_SCHED_H
#define HV_CORE_SCHED_H

#include "boot/acpi.h"
#include "core/types.h"

#define SCHED_WEIGHT_MAX 10000
#define SCHED_WEIGHT_DEFAULT 100
/* A parent VP that has work goes on nearly as if it were alone. */
#define SCHED_WEIGHT_PARENT 1000

/* Caps and reserves are parts of one CPU, 0 to this for 0 to 100 %: the unit of
 * CpuCap and CpuReserve in the TLFS. */
#define SCHED_WHOLE_CPU 65536

#define SCHED_MASK_WORDS (CPUS_MAX / 64)

/* The one place where a VP is. */
enum sched_state {
	SCHED_NONE, /* not added, or removed */
	SCHED_BLOCKED, /* waits for sched_wake */
	SCHED_QUEUED, /* in the queue of a CPU */
	SCHED_RUNNING, /* on a CPU */
	SCHED_THROTTLED, /* its cap is used up; comes back by itself */
	SCHED_STRANDED, /* runnable, but none of its CPUs is online */
};

struct sched_share {
	u32 weight; /* 1 to SCHED_WEIGHT_MAX */
	u32 cap; /* 1 to SCHED_WHOLE_CPU, or 0 for none */
	u32 reserve; /* 0 to SCHED_WHOLE_CPU, at most the cap */
};

struct sched_stats {
	u64 run; /* ticks on a CPU */
	u64 wait; /* ticks in a queue */
	u64 steals; /* times it went on at another CPU */
	u64 preemptions; /* times it left a CPU that it could have used on */
};

/*
 * A VP as the scheduler sees it. All fields are the scheduler's. They are guarded by
 * the lock of the queue `cpu`, but for `cpu` itself, which changes under the locks of
 * both queues and may be read at any time, and `home`, which is the settings lock's.
 * share and mask change under both locks.
 */
struct sched_vp {
	struct sched_vp *next, **link; /* in one of its queue's lists */
	u32 cpu; /* the queue that it belongs to in every state */
	enum sched_state state;
	bool parent; /* the parent's VP of this CPU: never leaves it */
	bool woken; /* sched_wake came while it ran */
	bool removing; /* SCHED_NONE as soon as its CPU lets it go */
	struct sched_share share;
	u64 mask[SCHED_MASK_WORDS]; /* the CPUs that it may use */
	u32 home; /* the CPU that the reserve is booked on */
	u64 cap; /* ticks in a window, UINT64_MAX: any number */
	u64 reserve; /* ticks in a window */
	u64 used; /* ticks run in this window, and above the cap in earlier ones */
	u64 window_end;
	u64 vtime; /* virtual time */
	u64 boost; /* ticks for which it goes before all others */
	u64 release; /* SCHED_THROTTLED: when it comes back */
	u64 since; /* SCHED_QUEUED: from when on */
	struct sched_stats stats;
};

/* Once, first of all. kick_cpu makes a CPU leave guest mode, or sleep, and call
 * sched_pick; it is called with locks held, so it must not come back here. It is
 * called for the calling CPU too, which may ignore it if it is about to pick. */
void sched_init(u64 ticks_per_second, void (*kick_cpu)(u32 cpu));

/* Makes a CPU ready, offline, with the parent's VP that lives on it. The VP is
 * SCHED_BLOCKED. Once for each CPU, before any call below. */
void sched_cpu_init(u32 cpu, struct sched_vp *parent);

/* An offline CPU runs its parent VP alone: children leave it. */
void sched_set_cpu_online(u32 cpu, bool online, u64 now);

/* A new child, SCHED_BLOCKED, with the default weight, neither cap nor reserve,
 * allowed on every CPU. What vp held before does not matter. */
void sched_add(struct sched_vp *vp);

/* Takes a child out. Returns false while it runs on a CPU that was kicked: ask
 * again until it is true. It is not dispatched again in between. */
bool sched_remove(struct sched_vp *vp, u64 now);

/* Weight, cap and reserve from now on, see struct sched_share. Returns false,
 * nothing changed, for values out of range or when no online CPU that the VP may use
 * has so much unreserved. */
bool sched_set_params(struct sched_vp *vp, u32 weight, u32 cap, u32 reserve, u64 now);

/* The CPUs that a child may use from now on; one that is on another CPU is kicked
 * off it. Returns false, nothing changed, when its reserve does not fit there. */
bool sched_set_affinity(struct sched_vp *vp, const u64 mask[SCHED_MASK_WORDS], u64 now);

/* There is something to do for the VP. No effect but on one that is blocked, or
 * runs: then its next sched_block fails. */
void sched_wake(struct sched_vp *vp, u64 now);

/* Own CPU: the VP that runs has nothing to do. Returns false when it was woken
 * since sched_pick returned it: look again what there is to do. */
bool sched_block(u32 cpu, u64 now);

/* Own CPU: the VP to run now, or NULL for none. The one that ran so far may be
 * picked on any other CPU from here on, so its state must be in memory before. */
struct sched_vp *sched_pick(u32 cpu, u64 now);

/* Own CPU: the tick at which sched_pick must be called again, UINT64_MAX for never.
 * Valid until the next call of any function for this CPU, or kick. */
u64 sched_deadline(u32 cpu);

/* Own CPU: an interrupt for the parent arrived. Its VP becomes runnable and goes
 * before all others for a short time; pick again. No effect while it runs. */
void sched_boost(u32 cpu, u64 now);

/* Own CPU, whose parent VP runs: gives its turn to a child. Returns false, nothing
 * changed, when the child does not wait for a CPU, may not use this one, or had
 * more than its share already. Otherwise pick again. */
bool sched_yield_to(u32 cpu, struct sched_vp *vp, u64 now);

/* The statistics up to now. */
struct sched_stats sched_read_stats(struct sched_vp *vp, u64 now);

#endif
