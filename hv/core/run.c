/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Each CPU's loop: picks the VP whose turn it is (sched.h), switches to it, sets
 * the timer for the next time that hv has to look, runs it once.
 *
 * While no child exists the parent's VP is the only one, no timer is set and the
 * loop does nothing but run it.
 */
#include "core/run.h"

#include "core/child.h"
#include "core/cpu.h"
#include "core/events.h"
#include "core/exits.h"
#include "core/frames.h"
#include "core/memory.h"
#include "core/parent_vp.h"
#include "core/partition.h"
#include "core/sched.h"
#include "core/vp.h"
#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/tsc.h"
#include "x86/switch.h"

static int children; /* VPs that there are; atomic */

static struct vp *vp_of(struct sched_vp *s)
{
	return s ? (struct vp *)((u8 *)s - offsetof(struct vp, sched)) : NULL;
}

static struct vp *vp_of_alarm(struct alarm *a)
{
	return child_of_alarm(a)->vp;
}

static void look(struct cpu *cpu)
{
	if (cpu == this_cpu())
		cpu->resched = true;
	else
		vp_request(cpu->vp, VP_REQ_RESCHED);
}

static void kick(u32 cpu)
{
	look(cpus[cpu]);
}

void run_init(void)
{
	sched_init(tsc_hz, kick);
	for (u32 i = 0; i < cpu_count; i++) {
		alarms_init(&cpus[i]->alarms);
		sched_cpu_init(i, &cpus[i]->vp->sched);
	}
}

void run_count_children(int change)
{
	int before = __atomic_fetch_add(&children, change, __ATOMIC_SEQ_CST);

	if (before && before + change)
		return;
	for (u32 i = 0; i < cpu_count; i++)
		look(cpus[i]);
}

void run_block_parent(struct cpu *cpu)
{
	if (!sched_block(cpu->index, rdtsc()))
		cpu->vp->halted = false;
	cpu->resched = true;
}

void run_boost_parent(struct cpu *cpu)
{
	sched_boost(cpu->index, rdtsc());
	cpu->resched = true;
}

void run_offer_cpu(struct cpu *cpu)
{
	sched_set_cpu_online(cpu->index, true, rdtsc());
	cpu->resched = true;
}

void run_withdraw_cpu(struct cpu *cpu)
{
	struct alarm *alarm;

	hpa_t page;

	if (!cpu->events)
		return;
	page = virt_to_phys(cpu->events);
	events_use(cpu, NULL, 0);
	frame_unshare(page);
	sched_set_cpu_online(cpu->index, false, rdtsc());
	/* They block again elsewhere. */
	while ((alarm = alarm_due(&cpu->alarms, UINT64_MAX)))
		run_wake(vp_of_alarm(alarm));
	cpu->resched = true;
}

void run_wake(struct vp *vp)
{
	alarm_cancel(&vp->child->alarm);
	sched_wake(&vp->sched, rdtsc());
}

/* The VP's turn begins: nobody else changes what the scheduler counts for it. */
static void tell_stats(struct vp *vp, u64 away)
{
	const struct sched_stats *from = &vp->sched.stats;
	struct mullion_vp_stats *to = vp->stats;

	/* What it was away and not ready, it waited for something. */
	away -= min_u64(away, from->wait - to->ready_ticks);
	WRITE_ONCE(to->wait_ticks, to->wait_ticks + away);
	WRITE_ONCE(to->cpu, vp->cpu->index);
	WRITE_ONCE(to->ready_ticks, from->wait);
	WRITE_ONCE(to->steals, from->steals);
	WRITE_ONCE(to->preemptions, from->preemptions);
}

static void hand_over(struct cpu *cpu, struct vp *next)
{
	u64 now;

	/* It may have run elsewhere and come back while this CPU was choosing. */
	if (next == cpu->current && next->cpu == cpu)
		return;
	now = rdtsc();
	next->cpu = cpu;
	if (next->child)
		tell_stats(next, now - next->last_tsc);
	next->last_tsc = now;
	__atomic_store_n(&cpu->current, next, __ATOMIC_SEQ_CST);
}

void run_block(struct vp *vp, u64 alarm)
{
	struct cpu *cpu = vp->cpu;

	cpu->resched = true;
	switch_leave(vp);
	if (alarm != UINT64_MAX)
		alarm_set(&cpu->alarms, &vp->child->alarm, alarm);
	if (!sched_block(cpu->index, rdtsc()))
		alarm_cancel(&vp->child->alarm);
	else
		hand_over(cpu, cpu->vp); /* the other one may run elsewhere, or be gone */
}

/* What runs on which CPU changes meanwhile. A VP that comes to another CPU looks at
 * what was posted before it is entered, and it was posted before this. */
void run_kick(struct vp *vp)
{
	for (u32 i = 0; i < cpu_count; i++) {
		if (cpus[i] != this_cpu() &&
		    __atomic_load_n(&cpus[i]->current, __ATOMIC_SEQ_CST) == vp)
			vp_request(cpus[i]->vp, VP_REQ_RESCHED);
	}
}

void run_settle(struct vp *vp)
{
	run_kick(vp);
	for (u32 i = 0; i < cpu_count; i++) {
		while (cpus[i] != this_cpu() &&
		       __atomic_load_n(&cpus[i]->current, __ATOMIC_SEQ_CST) == vp)
			cpu_relax();
	}
}

void run_yield_to(struct cpu *cpu, struct vp *child)
{
	if (sched_yield_to(cpu->index, &child->sched, rdtsc()))
		cpu->yield_to = child;
	cpu->resched = true;
}

/* When hv has to look again. */
static u64 next_look(const struct cpu *cpu)
{
	u64 next = min_u64(sched_deadline(cpu->index), alarm_next(&cpu->alarms));

	if (cpu->current->child)
		next = min_u64(next, child_deadline(cpu->current->child));
	return next;
}

static void set_timer(struct cpu *cpu)
{
	bool take = cpu->events && __atomic_load_n(&children, __ATOMIC_SEQ_CST);
	u64 now, next;

	if (!take && !cpu->timer.taken)
		return;
	now = rdtsc();
	if (take && !cpu->timer.taken) {
		/* From here on its APIC's page is looked at, native or not. */
		apic_take_over(cpu->vp);
		ptimer_take(&cpu->timer, now);
	}
	if (!take) {
		ptimer_give_back(&cpu->timer, now);
		return;
	}
	ptimer_set(&cpu->timer, now, next_look(cpu), cpu->event_vector);
	/* The parent calls back when the vector was the timer's, whosever expiry it
	 * was for. */
	next = cpu->timer.direct ? UINT64_MAX : cpu->timer.set_for;
	if (cpu->events->deadline != next)
		WRITE_ONCE(cpu->events->deadline, next);
}

/* In the midst of an interrupt the parent keeps the CPU: hv's own would not come through
 * to a child. It comes when the parent has ended its one. */
static bool is_interrupted(const struct cpu *cpu)
{
	return cpu->current == cpu->vp && !cpu->vp->halted && !cpu->asleep && cpu->timer.taken &&
	       apic_blocks(cpu->event_vector);
}

static void choose(struct cpu *cpu)
{
	struct vp *next;
	struct alarm *alarm;
	u64 now = rdtsc();

	while ((alarm = alarm_due(&cpu->alarms, now)))
		run_wake(vp_of_alarm(alarm));
	if ((!cpu->resched && now < sched_deadline(cpu->index)) || is_interrupted(cpu))
		return;
	cpu->resched = false;
	if (cpu->current->child)
		switch_leave(cpu->current);
	next = vp_of(sched_pick(cpu->index, now));
	cpu->asleep = !next;
	hand_over(cpu, next ? next : cpu->vp);
}

/* What partition_quiesce waits for. */
static void count_turn(struct cpu *cpu)
{
	u64 seq = cpu->current->child ? (cpu->seq + 1) | 1 : (cpu->seq + 1) & ~1ul;

	__atomic_store_n(&cpu->seq, seq, __ATOMIC_SEQ_CST);
}

void cpu_loop(struct cpu *cpu)
{
	cpu->vp->last_tsc = rdtsc();
	sched_wake(&cpu->vp->sched, rdtsc());
	WRITE_ONCE(cpu->vp->stats->state, (u32)MULLION_VP_RUNNING);
	for (;;) {
		cpu_take_requests(cpu);
		if (cpu->resched || cpu->timer.taken)
			choose(cpu);
		count_turn(cpu);
		set_timer(cpu);
		if (cpu->asleep)
			cpu_let_in(cpu, vendor->wait_irq);
		else if (cpu->current->child)
			child_run(cpu->current);
		else
			parent_vp_run(cpu->current);
	}
}

static bool runs(const struct cpu *cpu, const struct partition *p)
{
	const struct vp *vp = __atomic_load_n(&cpu->current, __ATOMIC_SEQ_CST);

	return vp->child && vp->child->partition == p;
}

void partition_quiesce(struct partition *p)
{
	for (u32 i = 0; i < cpu_count; i++) {
		struct cpu *cpu = cpus[i];
		u64 seq = __atomic_load_n(&cpu->seq, __ATOMIC_SEQ_CST);

		if (cpu == this_cpu() || !(seq & 1) || !runs(cpu, p))
			continue;
		vp_request(cpu->vp, VP_REQ_RESCHED);
		while (__atomic_load_n(&cpu->seq, __ATOMIC_SEQ_CST) == seq)
			cpu_relax();
	}
}

void partition_flush(struct partition *p)
{
	__atomic_fetch_add(&p->flush_count, 1, __ATOMIC_SEQ_CST);
	partition_quiesce(p);
}
