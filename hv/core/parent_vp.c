/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a parent's VP: wait for start-up, run, handle the exit, run again.
 * Exits are handled by one const table; each handler sees a VP that is out of
 * guest mode and leaves it fit to go on, or does not return.
 *
 * Its interrupts are the machine's. While it runs they go straight through its
 * IDT; while a child runs, or nobody, hv's IDT takes them and the parent gets its turn:
 * when it comes they are raised again.
 */
#include "core/parent_vp.h"

#include "core/cpu.h"
#include "core/events.h"
#include "core/exits.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/panic.h"
#include "core/parent.h"
#include "core/run.h"
#include "core/stats.h"
#include "core/string.h"
#include "x86/apic.h"
#include "x86/asm.h"

struct vp *parent_vp_create(struct cpu *cpu)
{
	struct vp *vp = memory_alloc(1, PAGE_SIZE);

	_Static_assert(sizeof(struct vp) <= PAGE_SIZE, "one page");
	vp->cpu = cpu;
	vp->index = cpu->index;
	vp->stats = stats_add(vp->index, cpu->index);
	vp->switched.area = memory_alloc(switch_pages(), PAGE_SIZE);
	vendor->vp_init(vp, memory_alloc(1, PAGE_SIZE));
	cpu->vp = vp;
	cpu->current = vp;
	return vp;
}

void parent_vp_init_lapic(struct vp *vp)
{
	vlapic_reset(&vp->lapic, apic_id(), rdmsr(MSR_APIC_BASE), cpuid(1, 0).ecx & BIT32(21));
}

static void set_state(struct vp *vp, enum mullion_vp_state state)
{
	WRITE_ONCE(vp->stats->state, (u32)state);
}

static void count_injection(struct vp *vp)
{
	WRITE_ONCE(vp->stats->interrupts, vp->stats->interrupts + 1);
}

void parent_vp_wake(struct vp *vp)
{
	if (vp->halted) {
		vp->halted = false;
		vp_account(vp, &vp->stats->wait_ticks);
		set_state(vp, MULLION_VP_RUNNING);
	}
	run_boost_parent(vp->cpu);
}

static void handle_requests(struct vp *vp, u32 requests)
{
	if (requests & VP_REQ_FLUSH)
		vendor->flush(vp);
	if (requests & VP_REQ_RESCHED)
		vp->cpu->resched = true;
	if (requests & VP_REQ_NMI) {
		vp->nmi_pending = true;
		parent_vp_wake(vp);
	}
	if (requests & VP_REQ_INIT) {
		log_debug("CPU %u: INIT", vp->index);
		run_withdraw_cpu(vp->cpu);
		parent_vp_wake(vp);
		memset(vp->taken, 0, sizeof(vp->taken));
		vlapic_init_signal(&vp->lapic);
		vendor->vp_reset(vp);
		apic_soft_reset();
	}
	if ((requests & VP_REQ_SIPI) && vlapic_start(&vp->lapic)) {
		log_debug("CPU %u: start-up at %x", vp->index, vp->sipi_page << 12);
		vendor->vp_reset(vp);
		vendor->vp_start_real(vp, vp->sipi_page << 12);
	}
}

/* An NMI was taken: what did it mean? */
static void answer_nmi(struct vp *vp)
{
	u32 requests = __atomic_exchange_n(&vp->requests, 0, __ATOMIC_ACQ_REL);

	if (requests & VP_REQ_SENT)
		handle_requests(vp, requests);
	else if (!__atomic_exchange_n(&vp->resent, false, __ATOMIC_SEQ_CST))
		handle_requests(vp, VP_REQ_NMI);
}

/* Their NMI is still on its way, and keeps others from being sent. */
bool cpu_take_requests(struct cpu *cpu)
{
	u32 requests;

	if (!(__atomic_load_n(&cpu->vp->requests, __ATOMIC_SEQ_CST) & ~(u32)VP_REQ_SENT))
		return false;
	requests = __atomic_fetch_and(&cpu->vp->requests, VP_REQ_SENT, __ATOMIC_ACQ_REL);
	handle_requests(cpu->vp, requests);
	return true;
}

void parent_vp_take(struct vp *vp, u8 vector)
{
	vp->taken[vector / 64] |= BIT(vector % 64);
	parent_vp_wake(vp);
}

/*
 * hv's IDT took an interrupt. One that stands for hv's own deadline alone is done with;
 * every other one is the parent's. It is ended at once: in service it would keep hv's
 * own, which may be a lower one, from a child's CPU. Where a level-triggered line goes on
 * it comes again, and costs a child some of its time.
 */
static void pass_on(struct cpu *cpu, u8 vector)
{
	struct vp *vp = cpu->vp;

	if (!apic_test(APIC_ISR, vector))
		return; /* a spurious one; Linux has masked the 8259's */
	apic_write(APIC_EOI, 0);
	if (vector == cpu->event_vector && cpu->timer.taken) {
		ptimer_fired(&cpu->timer);
		cpu->resched = true;
	}
	if (vector == cpu->event_vector && !events_pending(cpu))
		return;
	parent_vp_take(vp, vector);
}

/* Gives the APIC back what hv's IDT took of it: the hardware delivers it to the parent, in
 * the order of priorities and when the parent can take it. */
static void hand_back(struct vp *vp)
{
	for (u32 i = 0; i < ARRAY_SIZE(vp->taken); i++) {
		for (; vp->taken[i]; vp->taken[i] &= vp->taken[i] - 1) {
			apic_send_self((u8)(64 * i + (u32)__builtin_ctzl(vp->taken[i])));
			count_injection(vp);
		}
	}
}

/*
 * Whatever the gate was opened for, an NMI may come in: each one that hv's IDT took
 * is answered, since the request it stood for would otherwise keep later ones from
 * being sent.
 */
void cpu_let_in(struct cpu *cpu, void (*open)(void))
{
	u64 nmis = cpu->nmi_count;
	u8 vector;

	if (cpu_take_requests(cpu))
		return;
	open();
	vector = (u8)cpu->irq_vector;
	cpu->irq_vector = 0;
	if (vector)
		pass_on(cpu, vector);
	for (; nmis != cpu->nmi_count; nmis++)
		answer_nmi(cpu->vp);
}

static void wait_for_sipi(struct vp *vp)
{
	set_state(vp, MULLION_VP_WAIT_SIPI);
	while (vp->lapic.startup == VLAPIC_WAIT_SIPI) {
		cpu_let_in(vp->cpu, vendor->wait_nmi);
		vp->nmi_pending = false; /* INIT blocks NMIs */
	}
	vp_account(vp, &vp->stats->wait_ticks);
	set_state(vp, MULLION_VP_RUNNING);
}

static void exit_nmi(struct vp *vp)
{
	cpu_let_in(vp->cpu, vendor->take_nmi);
}

static void exit_intr_window(struct vp *vp)
{
	if (!vp->exit.nmi_done)
		return;
	vp->nmi_blocked = false;
	vendor->nmi_block_changed(vp);
}

/* With interrupts off only an NMI wakes it, and no turn is given away. */
static void exit_hlt(struct vp *vp)
{
	vp_skip(vp, 1);
	vp_account(vp, &vp->stats->hv_ticks);
	set_state(vp, MULLION_VP_HALTED);
	vp->halted = true;
	if (vp->regs.rflags & RFLAGS_IF) {
		run_block_parent(vp->cpu);
		return;
	}
	while (vp->halted)
		cpu_let_in(vp->cpu, vendor->wait_nmi);
}

static void exit_init(struct vp *vp)
{
	panic("INIT signal on CPU %u that no CPU sent", vp->index);
}

static void exit_shutdown(struct vp *vp)
{
	log_error("parent triple fault on CPU %u at rip %lx, resetting the machine", vp->index,
		  vp->regs.rip);
	vp_dump(vp);
	machine_reset();
}

static void exit_virt_instruction(struct vp *vp)
{
	vendor->inject_exception(vp, VECTOR_UD, false, 0);
}

static void exit_other(struct vp *vp)
{
	vp_dump(vp);
	panic("VP %u left guest mode for a reason that hv does not know: %lx", vp->index,
	      vp->exit.code);
}

static void (*const handlers[MULLION_EXIT_COUNT])(struct vp *) = {
	[MULLION_EXIT_NMI] = exit_nmi,
	[MULLION_EXIT_INIT] = exit_init,
	[MULLION_EXIT_INTR_WINDOW] = exit_intr_window,
	[MULLION_EXIT_CPUID] = exit_cpuid,
	[MULLION_EXIT_MSR_READ] = exit_msr_read,
	[MULLION_EXIT_MSR_WRITE] = exit_msr_write,
	[MULLION_EXIT_APIC_ICR] = exit_apic_icr,
	[MULLION_EXIT_APIC_OTHER] = exit_apic_msr,
	[MULLION_EXIT_IO] = exit_io,
	[MULLION_EXIT_HLT] = exit_hlt,
	[MULLION_EXIT_HYPERCALL] = exit_hypercall,
	[MULLION_EXIT_GPA_FAULT] = exit_gpa_fault,
	[MULLION_EXIT_SHUTDOWN] = exit_shutdown,
	[MULLION_EXIT_VIRT_INSTRUCTION] = exit_virt_instruction,
	[MULLION_EXIT_OTHER] = exit_other,
	/* A child's alone. */
	[MULLION_EXIT_INTERRUPT] = exit_other,
	[MULLION_EXIT_XSETBV] = exit_other,
	[MULLION_EXIT_CACHE] = exit_other,
	[MULLION_EXIT_RDPMC] = exit_other,
	[MULLION_EXIT_INVALID] = exit_other,
};

/* Queues a waiting NMI. Behind another event it has to exit once more: an NMI
 * to this CPU comes as soon as that event is delivered. */
static void deliver_nmi(struct vp *vp)
{
	if (!vp->nmi_pending || vp->nmi_blocked)
		return;
	vp->nmi_pending = false;
	if (vendor->event_queued(vp)) {
		vp_request(vp, VP_REQ_NMI);
		return;
	}
	vp->nmi_blocked = true;
	vendor->inject_nmi(vp);
	count_injection(vp);
}

/* From here on the CPU may remember the map: a flush that was asked for before
 * other CPUs could see this is made up for. (parent_flush) */
static void into_guest(struct vp *vp)
{
	__atomic_store_n(&vp->cpu->in_parent, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&vp->requests, __ATOMIC_SEQ_CST) & VP_REQ_FLUSH)
		vendor->flush(vp);
}

void parent_vp_run(struct vp *vp)
{
	struct mullion_vp_stats *stats = vp->stats;

	if (vp->lapic.startup == VLAPIC_WAIT_SIPI)
		wait_for_sipi(vp);
	vp->cpu->yield_to = NULL;
	hand_back(vp);
	deliver_nmi(vp);
	/* Halted, it leaves its CPU to children, here or on other CPUs. */
	vendor->set_exits(vp, vp->cpu->timer.taken ? VP_EXITS_TIMER | VP_EXITS_HLT : 0);
	WRITE_ONCE(stats->entries, stats->entries + 1);
	vp_account(vp, &stats->hv_ticks);
	WRITE_ONCE(stats->entered_tsc, vp->last_tsc);
	switch_to(vp);
	into_guest(vp);
	vendor->run(vp);
	__atomic_store_n(&vp->cpu->in_parent, 0, __ATOMIC_RELEASE);
	WRITE_ONCE(stats->entered_tsc, 0);
	vp_account(vp, &stats->guest_ticks);
	handlers[vp->exit.reason](vp);
	/* A handler may have found a better name for the reason. */
	WRITE_ONCE(stats->exits[vp->exit.reason], stats->exits[vp->exit.reason] + 1);
}

void parent_flush(void)
{
	struct cpu *me = this_cpu();

	vendor->flush(me->vp);
	for (u32 i = 0; i < cpu_count; i++) {
		if (cpus[i] != me)
			vp_request(cpus[i]->vp, VP_REQ_FLUSH);
	}
	for (u32 i = 0; i < cpu_count; i++) {
		struct cpu *cpu = cpus[i];

		while (cpu != me && __atomic_load_n(&cpu->in_parent, __ATOMIC_SEQ_CST) &&
		       (__atomic_load_n(&cpu->vp->requests, __ATOMIC_SEQ_CST) & VP_REQ_FLUSH))
			cpu_relax();
	}
}
