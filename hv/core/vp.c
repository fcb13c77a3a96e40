/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a VP: wait for start-up, run, handle the exit, run again. Exits
 * are handled by one const table; each handler sees a VP that is out of guest
 * mode and leaves it fit to go on, or does not return.
 */
#include "core/vp.h"

#include "core/cpu.h"
#include "core/exits.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/panic.h"
#include "core/stats.h"
#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/guest.h"

const struct vp_vendor *vendor;

struct vp *vp_create(struct cpu *cpu, enum vp_irq_mode irq_mode)
{
	struct vp *vp = memory_alloc(1, PAGE_SIZE);

	_Static_assert(sizeof(struct vp) <= PAGE_SIZE, "one page");
	vp->cpu = cpu;
	vp->index = cpu->index;
	vp->irq_mode = irq_mode;
	vp->stats = stats_add(vp->index, cpu->index);
	vendor->vp_alloc(vp);
	cpu->vp = vp;
	return vp;
}

void vp_init_lapic(struct vp *vp)
{
	vlapic_reset(&vp->lapic, apic_id(), rdmsr(MSR_APIC_BASE), cpuid(1, 0).ecx & BIT32(21));
}

void vp_account(struct vp *vp, __u64 *counter)
{
	u64 now = rdtsc();

	WRITE_ONCE(*counter, *counter + (now - vp->last_tsc));
	vp->last_tsc = now;
}

void vp_request(struct vp *vp, enum vp_request what)
{
	u32 before = __atomic_fetch_or(&vp->requests, (u32)what, __ATOMIC_ACQ_REL);

	if (!before)
		apic_send_nmi(vp->cpu->apic_id);
}

static void set_state(struct vp *vp, enum mullion_vp_state state)
{
	WRITE_ONCE(vp->stats->state, (u32)state);
}

/* An NMI was taken: what did it mean? */
static void handle_requests(struct vp *vp)
{
	u32 requests = __atomic_exchange_n(&vp->requests, 0, __ATOMIC_ACQ_REL);

	if (!requests || (requests & VP_REQ_NMI))
		vp->nmi_pending = true;
	if (requests & VP_REQ_INIT) {
		log_debug("CPU %u: INIT", vp->index);
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

/*
 * Opens the gate by one of the vendor's functions. Whatever it was opened for, an
 * NMI may come in: each one that hv's IDT took is answered, since the request it
 * stood for would otherwise keep later ones from being sent.
 */
static void let_in(struct vp *vp, void (*open)(void))
{
	u64 nmis = vp->cpu->nmi_count;

	open();
	if (vp->cpu->nmi_count != nmis)
		handle_requests(vp);
}

static void wait_for_sipi(struct vp *vp)
{
	set_state(vp, MULLION_VP_WAIT_SIPI);
	while (vp->lapic.startup == VLAPIC_WAIT_SIPI) {
		let_in(vp, vendor->wait_nmi);
		vp->nmi_pending = false; /* INIT blocks NMIs */
	}
	vp_account(vp, &vp->stats->wait_ticks);
	set_state(vp, MULLION_VP_RUNNING);
}

static void count_injection(struct vp *vp)
{
	WRITE_ONCE(vp->stats->interrupts, vp->stats->interrupts + 1);
}

/* Gives the guest the interrupt that hv's IDT took for it, if there is one. */
static void relay_interrupt(struct vp *vp)
{
	u8 vector = (u8)vp->cpu->irq_vector;

	if (!vector)
		return;
	vp->cpu->irq_vector = 0;
	vendor->inject_interrupt(vp, vector);
	count_injection(vp);
}

static void exit_interrupt(struct vp *vp)
{
	let_in(vp, vendor->take_irq);
	relay_interrupt(vp);
}

static void exit_nmi(struct vp *vp)
{
	let_in(vp, vendor->take_nmi);
}

/* The guest's NMI handler is at its IRET. */
static void exit_intr_window(struct vp *vp)
{
	vp->nmi_blocked = false;
	vendor->nmi_done(vp);
}

static void exit_hlt(struct vp *vp)
{
	bool wake_for_irq = vp->regs.rflags & RFLAGS_IF;

	vp_skip(vp, 1);
	vp_account(vp, &vp->stats->hv_ticks);
	set_state(vp, MULLION_VP_HALTED);
	while (vp->lapic.startup == VLAPIC_RUNNING && !vp->nmi_pending && !vp->cpu->irq_vector)
		let_in(vp, wake_for_irq ? vendor->wait_irq : vendor->wait_nmi);
	vp_account(vp, &vp->stats->wait_ticks);
	set_state(vp, MULLION_VP_RUNNING);
	relay_interrupt(vp);
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
	[MULLION_EXIT_INTERRUPT] = exit_interrupt,
	[MULLION_EXIT_NMI] = exit_nmi,
	[MULLION_EXIT_INIT] = exit_init,
	[MULLION_EXIT_INTR_WINDOW] = exit_intr_window,
	[MULLION_EXIT_CPUID] = exit_cpuid,
	[MULLION_EXIT_MSR_READ] = exit_msr_read,
	[MULLION_EXIT_MSR_WRITE] = exit_msr_write,
	[MULLION_EXIT_APIC_ICR] = exit_apic_icr,
	[MULLION_EXIT_APIC_OTHER] = exit_apic_base,
	[MULLION_EXIT_IO] = exit_io,
	[MULLION_EXIT_HLT] = exit_hlt,
	[MULLION_EXIT_HYPERCALL] = exit_hypercall,
	[MULLION_EXIT_GPA_FAULT] = exit_gpa_fault,
	[MULLION_EXIT_SHUTDOWN] = exit_shutdown,
	[MULLION_EXIT_VIRT_INSTRUCTION] = exit_virt_instruction,
	[MULLION_EXIT_OTHER] = exit_other,
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

void vp_loop(struct vp *vp)
{
	struct mullion_vp_stats *stats = vp->stats;

	vp->last_tsc = rdtsc();
	set_state(vp, MULLION_VP_RUNNING);
	for (;;) {
		if (vp->lapic.startup == VLAPIC_WAIT_SIPI)
			wait_for_sipi(vp);
		deliver_nmi(vp);
		WRITE_ONCE(stats->entries, stats->entries + 1);
		vp_account(vp, &stats->hv_ticks);
		WRITE_ONCE(stats->entered_tsc, vp->last_tsc);
		vendor->run(vp);
		WRITE_ONCE(stats->entered_tsc, 0);
		vp_account(vp, &stats->guest_ticks);
		handlers[vp->exit.reason](vp);
		/* A handler may have found a better name for the reason. */
		WRITE_ONCE(stats->exits[vp->exit.reason], stats->exits[vp->exit.reason] + 1);
	}
}

void vp_inject_gp(struct vp *vp)
{
	vendor->inject_exception(vp, VECTOR_GP, true, 0);
}

void vp_dump(const struct vp *vp)
{
	const u64 *r = vp->regs.r;

	log_error("VP %u rip %016lx rflags %lx rsp %016lx", vp->index, vp->regs.rip,
		  vp->regs.rflags, r[REG_RSP]);
	log_error("rax %016lx rbx %016lx rcx %016lx rdx %016lx", r[REG_RAX], r[REG_RBX], r[REG_RCX],
		  r[REG_RDX]);
	log_error("rsi %016lx rdi %016lx rbp %016lx r8  %016lx", r[REG_RSI], r[REG_RDI], r[REG_RBP],
		  r[REG_R8]);
	log_error("r9  %016lx r10 %016lx r11 %016lx r12 %016lx", r[9], r[10], r[11], r[12]);
	log_error("r13 %016lx r14 %016lx r15 %016lx", r[13], r[14], r[15]);
	vendor->dump(vp);
}

size_t vp_fetch_insn(struct vp *vp, u8 *buf)
{
	struct vp_mode mode;

	if (vp->exit.insn_count) {
		__builtin_memcpy(buf, vp->exit.insn, vp->exit.insn_count);
		return vp->exit.insn_count;
	}
	vendor->get_mode(vp, &mode);
	return guest_read_linear(&mode, mode.cs_base + vp->regs.rip, buf, INSN_MAX);
}

void vp_skip(struct vp *vp, u8 length)
{
	u8 bytes[INSN_MAX];
	struct insn insn;
	struct vp_mode mode;
	size_t n;

	if (!vendor->knows_next_rip(vp)) {
		/* Only prefixes can make it longer than it is. */
		vendor->get_mode(vp, &mode);
		n = vp_fetch_insn(vp, bytes);
		if (insn_decode(bytes, n, mode.insn, &insn))
			length = insn.length;
	}
	vendor->advance(vp, length);
}
