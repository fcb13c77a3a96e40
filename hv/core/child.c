/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a child's VP: made, bound to its runner, run, stopped, destroyed.
 * Before each entry it takes in what others posted, lets its timers expire and
 * delivers an interrupt; when there is nothing to do it gives the CPU back.
 */
#include "core/child.h"

#include "core/child_exits.h"
#include "core/cpu.h"
#include "core/events.h"
#include "core/frames.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/partition.h"
#include "core/registers.h"
#include "core/run.h"
#include "core/stats.h"
#include "core/string.h"
#include "hyperv/assist.h"
#include "x86/asm.h"

_Static_assert(sizeof(struct vp) <= PAGE_SIZE, "a page of the pool");
_Static_assert(sizeof(struct child) <= PAGE_SIZE, "a page of the pool");

/* --- Made and destroyed. --- */

/* What a VP is made of, a page each; overrides come when they are needed. */
struct parts {
	void *vp;
	void *child;
	void *vendor;
	void *area;
	void *queue;
	void *overrides;
};

static void free_parts(struct pool *pool, const struct parts *parts)
{
	void *const pages[] = { parts->vp,   parts->child, parts->vendor,
				parts->area, parts->queue, parts->overrides };

	for (u32 i = 0; i < ARRAY_SIZE(pages); i++) {
		if (pages[i])
			pool_free(pool, pages[i]);
	}
}

static bool alloc_parts(struct pool *pool, struct parts *parts)
{
	*parts = (struct parts){
		.vp = pool_alloc(pool),
		.child = pool_alloc(pool),
		.vendor = pool_alloc(pool),
		.area = pool_alloc(pool),
		.queue = pool_alloc(pool),
	};
	if (parts->vp && parts->child && parts->vendor && parts->area && parts->queue)
		return true;
	free_parts(pool, parts);
	return false;
}

static void reset(struct child *c)
{
	struct vp *vp = c->vp;

	vendor->vp_reset(vp);
	switch_reset(&vp->switched);
	vp->halted = false;
	c->idle = false;
	c->dead = false;
	msr_reset(&c->msrs);
}

u16 child_create(struct partition *p, u32 index)
{
	struct mullion_vp_stats *stats;
	struct parts parts;
	struct child *c;
	struct vp *vp;

	if (!alloc_parts(&p->pool, &parts))
		return HV_STATUS_INSUFFICIENT_MEMORY;
	stats = stats_take((u32)p->id, index);
	if (!stats) {
		free_parts(&p->pool, &parts);
		return HV_STATUS_INSUFFICIENT_BUFFERS;
	}
	vp = parts.vp;
	c = parts.child;
	vp->index = index;
	vp->cpu = cpus[0];
	vp->child = c;
	vp->last_tsc = rdtsc();
	vp->stats = stats;
	vp->switched.area = parts.area;
	c->vp = vp;
	c->partition = p;
	c->state = MULLION_VP_PAGE_SUSPENDED;
	c->synic.queue = parts.queue;
	c->synic.pages = &p->pages;
	synic_reset(&c->synic);
	vendor->vp_init(vp, parts.vendor);
	vapic_reset(&c->apic, index,
		    APIC_DEFAULT_BASE | APIC_BASE_ENABLE | (index ? 0 : APIC_BASE_BSP), true);
	reset(c);
	c->fault_retry = UINT64_MAX;
	c->tsc_offset = p->tsc_offset;
	vendor->set_tsc_offset(vp, c->tsc_offset);
	sched_add(&vp->sched);
	vp_set_share(vp, p->share);
	__atomic_store_n(&p->vps[index], vp, __ATOMIC_RELEASE);
	p->vp_count++;
	run_count_children(1);
	return HV_STATUS_SUCCESS;
}

void vp_destroy(struct partition *p, struct vp *vp)
{
	struct child *c = vp->child;
	struct parts parts = {
		.vp = vp,
		.child = c,
		.vendor = vendor->vp_page(vp),
		.area = vp->switched.area,
		.queue = c->synic.queue,
		.overrides = c->overrides,
	};

	child_suspend(c);
	while (!sched_remove(&vp->sched, rdtsc()))
		cpu_relax();
	alarm_cancel(&c->alarm);
	__atomic_store_n(&p->vps[vp->index], NULL, __ATOMIC_SEQ_CST);
	p->vp_count--;
	/* Nobody looks for it, or at it, any more. */
	partition_quiesce(p);
	if (c->page)
		frame_unshare(virt_to_phys(c->page));
	if (c->registers)
		frame_unshare(virt_to_phys(c->registers));
	stats_give_back(vp->stats);
	run_count_children(-1);
	free_parts(&p->pool, &parts);
}

bool vp_set_share(struct vp *vp, const u32 share[SHARES])
{
	return sched_set_params(&vp->sched, share[SHARE_WEIGHT], share[SHARE_CAP],
				share[SHARE_RESERVE], rdtsc());
}

/* --- Run and stopped. --- */

static void set_page_state(struct child *c, u32 state)
{
	if (c->page)
		__atomic_store_n(&c->page->state, state, __ATOMIC_RELEASE);
}

/* Ends RUN. Returns false when it has been ended otherwise. */
static bool end_run(struct child *c, u32 state)
{
	u32 run = MULLION_VP_PAGE_RUN;

	if (!__atomic_compare_exchange_n(&c->state, &run, state, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		return false;
	set_page_state(c, state);
	return true;
}

static bool is_run(const struct child *c)
{
	return __atomic_load_n(&c->state, __ATOMIC_SEQ_CST) == MULLION_VP_PAGE_RUN;
}

void child_kick(struct child *c)
{
	run_wake(c->vp);
	run_kick(c->vp);
}

void child_settle(struct child *c)
{
	run_settle(c->vp);
}

void child_suspend(struct child *c)
{
	bool ended = end_run(c, MULLION_VP_PAGE_SUSPENDED);

	child_settle(c);
	if (ended && c->registers)
		registers_to_page(c);
}

void child_resume(struct child *c)
{
	if (c->registers)
		registers_from_page(c);
	set_page_state(c, MULLION_VP_PAGE_RUN);
	__atomic_store_n(&c->state, MULLION_VP_PAGE_RUN, __ATOMIC_SEQ_CST);
	run_wake(c->vp);
}

static u16 execution_state(const struct vp *vp, const struct vp_state *s)
{
	return (u16)((s->ss.attributes >> 5 & 3) | (s->cr0 & CR0_PE ? HV_X64_STATE_CR0_PE : 0) |
		     (s->efer & EFER_LMA ? HV_X64_STATE_EFER_LMA : 0) |
		     (vendor->event_queued(vp) ? HV_X64_STATE_INTERRUPTION_PENDING : 0) |
		     (s->shadow ? HV_X64_STATE_INTERRUPT_SHADOW : 0));
}

void child_message(struct vp *vp, u32 type, struct hv_message *message, size_t size, u8 access)
{
	struct child *c = vp->child;
	struct hv_x64_intercept_header *h = (void *)message->bytes;
	struct vp_state s;

	vendor->get_state(vp, &s);
	message->header = (struct hv_message_header){
		.message_type = type,
		.payload_size = (u8)size,
		.sender = c->partition->id,
	};
	h->vp_index = vp->index;
	h->length_and_cr8 |= (u8)(vapic_cr8(&c->apic) << 4);
	h->access_type = access;
	h->execution_state = execution_state(vp, &s);
	h->cs = (struct hv_x64_segment_register){
		.base = s.cs.base,
		.limit = s.cs.limit,
		.selector = s.cs.selector,
		.attributes = s.cs.attributes,
	};
	h->rip = vp->regs.rip;
	h->rflags = vp->regs.rflags;
	memcpy(c->page->message, message, sizeof(c->page->message));
	if (c->registers)
		registers_to_page(c);
	if (!end_run(c, MULLION_VP_PAGE_MESSAGE))
		return;
	WRITE_ONCE(vp->stats->messages, vp->stats->messages + 1);
	/* A runner that gave its turn to this VP sees the state when it goes on. */
	if (vp->cpu == c->event_cpu && vp->cpu->yield_to == vp)
		run_boost_parent(vp->cpu);
	else
		events_set(c->event_cpu, c->event);
}

void child_tell_news(struct child *c)
{
	WRITE_ONCE(c->page->news, c->page->news + 1);
	events_set(c->event_cpu, c->event);
}

/* --- Before an entry. --- */

u64 child_time(struct child *c)
{
	return reftime_read(&c->partition->time, rdtsc() + c->partition->tsc_offset);
}

u64 child_deadline(struct child *c)
{
	u64 apic = vapic_deadline(&c->apic);
	u64 time = stimer_deadline(&c->timers);
	u64 offset = c->partition->tsc_offset;

	if (apic != UINT64_MAX)
		time = min_u64(time, apic / 100 + 1);
	if (time == UINT64_MAX)
		return UINT64_MAX;
	time = reftime_to_tsc(&c->partition->time, rdtsc() + offset, time);
	return time == UINT64_MAX ? time : time - offset;
}

void child_deliver_due(struct child *c)
{
	bool kick = false;

	for (u32 i = 0; i < ARRAY_SIZE(c->synic.due.words); i++) {
		for (; c->synic.due.words[i]; c->synic.due.words[i] &= c->synic.due.words[i] - 1) {
			u32 bit = (u32)__builtin_ctzl(c->synic.due.words[i]);

			kick |= vapic_post(&c->apic, (u8)(64 * i + bit), false);
		}
	}
	if (kick)
		child_kick(c);
}

static void expire_timers(struct child *c)
{
	u64 now = child_time(c);

	vapic_expire(&c->apic, now * 100);
	spin_lock(&c->synic.lock);
	if (stimer_deadline(&c->timers) <= now)
		stimer_run(&c->timers, now, &c->synic);
	child_deliver_due(c);
	spin_unlock(&c->synic.lock);
}

static void take_in_posted(struct child *c)
{
	u8 page;
	u32 events = vapic_sync(&c->apic, &page);

	if (events & BIT32(VAPIC_INIT))
		reset(c);
	if (events & BIT32(VAPIC_SIPI)) {
		reset(c);
		vendor->vp_start_real(c->vp, (u32)page << PAGE_SHIFT);
	}
}

/* Has a halted VP a reason to go on? */
static bool wakes(const struct child *c)
{
	const struct vp *vp = c->vp;

	if (c->apic.regs.nmi && !vp->nmi_blocked)
		return true;
	return vapic_highest(&c->apic) && (c->idle || (vp->regs.rflags & RFLAGS_IF));
}

/* Is there something to run? */
static bool is_ready(struct child *c)
{
	struct vp *vp = c->vp;

	if (c->apic.startup == VLAPIC_WAIT_SIPI || c->dead)
		return false;
	if (vp->halted && wakes(c)) {
		vp->halted = false;
		c->idle = false;
	}
	return !vp->halted;
}

/* Returns VP_EXITS_WINDOW when an interrupt has to wait. */
static u32 deliver(struct child *c)
{
	struct vp *vp = c->vp;
	u8 vector;

	if (c->apic.regs.nmi && !vp->nmi_blocked && !vendor->event_queued(vp)) {
		c->apic.regs.nmi = false;
		vp->nmi_blocked = true;
		vendor->inject_nmi(vp);
		WRITE_ONCE(vp->stats->interrupts, vp->stats->interrupts + 1);
	}
	vector = vapic_highest(&c->apic);
	if (vector && vendor->can_interrupt(vp)) {
		vendor->inject_interrupt(vp, vector);
		vapic_take(&c->apic, vector);
		WRITE_ONCE(vp->stats->interrupts, vp->stats->interrupts + 1);
		vector = vapic_highest(&c->apic);
	}
	return vector ? VP_EXITS_WINDOW : 0;
}

static void flush_if_asked(struct child *c)
{
	u64 count = __atomic_load_n(&c->partition->flush_count, __ATOMIC_SEQ_CST);

	if (!__atomic_exchange_n(&c->flush_asked, 0, __ATOMIC_SEQ_CST) && count == c->flush_seen)
		return;
	c->flush_seen = count;
	vendor->flush(c->vp);
}

static void set_stats_state(struct vp *vp, enum mullion_vp_state state)
{
	if (READ_ONCE(vp->stats->state) != (u32)state)
		WRITE_ONCE(vp->stats->state, (u32)state);
}

/* Gives the CPU back. From run_block on the VP may be anybody's. */
static void block(struct child *c)
{
	struct vp *vp = c->vp;
	bool waits = c->apic.startup == VLAPIC_WAIT_SIPI;

	vp_account(vp, &vp->stats->hv_ticks);
	set_stats_state(vp, waits ? MULLION_VP_WAIT_SIPI : MULLION_VP_HALTED);
	run_block(vp, is_run(c) && vp->halted && !c->dead ? child_deadline(c) : UINT64_MAX);
}

static void enter(struct vp *vp, u32 exits)
{
	struct mullion_vp_stats *stats = vp->stats;
	struct child *c = vp->child;
	bool assisted = assist_enter(&c->partition->pages, c->msrs.assist_page, &c->apic);

	vendor->set_exits(vp, exits);
	vendor->set_tpr(vp, vapic_cr8(&c->apic));
	WRITE_ONCE(stats->entries, stats->entries + 1);
	vp_account(vp, &stats->hv_ticks);
	WRITE_ONCE(stats->entered_tsc, vp->last_tsc);
	switch_to(vp);
	__atomic_fetch_add(&c->turn, 1, __ATOMIC_SEQ_CST);
	flush_if_asked(c);
	vendor->run(vp);
	__atomic_fetch_add(&c->turn, 1, __ATOMIC_SEQ_CST);
	WRITE_ONCE(stats->entered_tsc, 0);
	vp_account(vp, &stats->guest_ticks);
	if (assisted)
		assist_leave(&c->partition->pages, c->msrs.assist_page, &c->apic);
	if (vendor->get_tpr(vp) != vapic_cr8(&c->apic))
		vapic_set_cr8(&c->apic, vendor->get_tpr(vp));
	WRITE_ONCE(stats->exits[vp->exit.reason], stats->exits[vp->exit.reason] + 1);
	child_exit(vp);
}

void child_run(struct vp *vp)
{
	struct child *c = vp->child;

	if (is_run(c)) {
		take_in_posted(c);
		expire_timers(c);
	}
	if (!is_run(c) || !is_ready(c)) {
		block(c);
		return;
	}
	set_stats_state(vp, MULLION_VP_RUNNING);
	enter(vp, deliver(c));
}

/* --- Between VPs. --- */

/* Waits for guest mode alone, which a kick ends: a VP that handles an exit may be
 * waiting for the caller. */
void child_flush(struct child *caller, u64 vps)
{
	for (u32 i = 0; i < VPS_MAX; i++) {
		struct vp *vp = __atomic_load_n(&caller->partition->vps[i], __ATOMIC_ACQUIRE);
		u32 turn;

		if (!vp || !(vps & BIT(i)))
			continue;
		__atomic_store_n(&vp->child->flush_asked, 1, __ATOMIC_SEQ_CST);
		turn = __atomic_load_n(&vp->child->turn, __ATOMIC_SEQ_CST);
		if (!(turn & 1))
			continue;
		run_kick(vp);
		while (__atomic_load_n(&vp->child->turn, __ATOMIC_SEQ_CST) == turn)
			cpu_relax();
	}
}

void child_send_ipi(struct partition *p, const struct vapic_ipi *ipi)
{
	struct vapic *best = NULL;

	for (u32 i = 0; i < VPS_MAX; i++) {
		struct vp *vp = __atomic_load_n(&p->vps[i], __ATOMIC_ACQUIRE);

		if (!vp || !vapic_ipi_matches(&vp->child->apic, ipi))
			continue;
		if (ipi->mode == VAPIC_LOWEST)
			best = vapic_better(best, &vp->child->apic);
		else if (vapic_post_ipi(&vp->child->apic, ipi))
			child_kick(vp->child);
	}
	if (best && vapic_post_ipi(best, ipi))
		child_kick(p->vps[best->id]->child);
}
