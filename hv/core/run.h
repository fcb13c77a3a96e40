/* SPDX-License-Identifier: GPL-2.0-only */
/* Each CPU's loop: whose turn it is, and when to look again. */
#ifndef HV_CORE_RUN_H
#define HV_CORE_RUN_H

#include "core/types.h"

struct cpu;
struct partition;
struct vp;

/* Boot CPU, before any CPU runs the loop; each CPU's parent VP is there. */
void run_init(void);

/* Runs VPs for ever. */
__noreturn void cpu_loop(struct cpu *cpu);

/* Own CPU, for the parent's VP: it has halted; it goes on, before others. */
void run_block_parent(struct cpu *cpu);
void run_boost_parent(struct cpu *cpu);

/* Own CPU: children may run here from now on, or not any more. */
void run_offer_cpu(struct cpu *cpu);
void run_withdraw_cpu(struct cpu *cpu);

/* Any CPU: the VP has something to do; the CPU that is to do it is told. */
void run_wake(struct vp *vp);

/* Own CPU: the VP that runs on it has nothing to do. With an alarm it is woken at
 * that time (TSC), UINT64_MAX: never. */
void run_block(struct vp *vp, u64 alarm);

/* Any CPU: if the VP is in guest mode it leaves it, to look at what was posted. */
void run_kick(struct vp *vp);

/* Any CPU, the VP must not run any more: returns when it is off every CPU. */
void run_settle(struct vp *vp);

/* Own CPU: the parent makes the child run in its place. */
void run_yield_to(struct cpu *cpu, struct vp *child);

/* Any CPU: a VP has been made, or is gone: while there are any, hv has the APICs'
 * timers. */
void run_count_children(int change);

#endif
