/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The exits of a child's VP: a const table, as for the parent. What hv emulates ends
 * here; ports, and memory that is not there, go to the VP's runner as a message.
 * Whatever the guest does ends with a fault of its own, a message, or in nothing.
 */
#include "core/child_exits.h"

#include "core/child.h"
#include "core/cpu.h"
#include "core/log.h"
#include "core/parent_vp.h"
#include "core/partition.h"
#include "core/string.h"
#include "hyperv/child_exits.h"
#include "x86/asm.h"
#include "x86/decode.h"

static void inject_gp(struct vp *vp)
{
	vp_inject_gp(vp);
}

static void inject_ud(struct vp *vp)
{
	vendor->inject_exception(vp, VECTOR_UD, false, 0);
}

/* --- The machine's own events. --- */

static void exit_interrupt(struct vp *vp)
{
	cpu_let_in(vp->cpu, vendor->take_irq);
}

static void exit_nmi(struct vp *vp)
{
	cpu_let_in(vp->cpu, vendor->take_nmi);
}

static void exit_init(struct vp *vp)
{
	log_error("partition %lu: INIT signal on CPU %u that no CPU sent", vp->child->partition->id,
		  vp->cpu->index);
}

static void exit_window(struct vp *vp)
{
	if (!vp->exit.nmi_done)
		return;
	vp->nmi_blocked = false;
	vendor->nmi_block_changed(vp);
}

/* --- Instructions that hv emulates. --- */

static void exit_hlt(struct vp *vp)
{
	vp_skip(vp, 1);
	vp->halted = true;
}

static void exit_cache(struct vp *vp)
{
	vp_skip(vp, 2); /* memory is coherent: nothing to do */
}

static void exit_xsetbv(struct vp *vp)
{
	u64 value = (u32)vp->regs.r[REG_RAX] | vp->regs.r[REG_RDX] << 32;
	struct vp_mode mode;

	vendor->get_mode(vp, &mode);
	if (mode.cpl || (u32)vp->regs.r[REG_RCX] || !switch_xcr0_valid(value)) {
		inject_gp(vp);
		return;
	}
	switch_set_xcr0(vp, value);
	vp_skip(vp, 3);
}

/* --- The local APIC's page, in xAPIC mode. --- */

static bool hits_apic(const struct child *c, gpa_t gpa)
{
	return (gpa.v & PAGE_MASK) == APIC_DEFAULT_BASE && c->apic.mode == VLAPIC_XAPIC;
}

/* Returns false for an instruction that no driver uses there. */
static bool apic_access(struct vp *vp)
{
	struct child *c = vp->child;
	u32 offset = vp->exit.gpa.v & (PAGE_SIZE - 1);
	u64 now = child_time(c) * 100;
	u8 bytes[INSN_MAX] = { 0 };
	struct vapic_out out;
	struct vp_mode mode;
	struct insn insn;
	u32 value;

	vendor->get_mode(vp, &mode);
	if (!insn_decode(bytes, vp_fetch_insn(vp, bytes), mode.insn, &insn) || insn.size != 4)
		return false;
	value = insn_reads(&insn) ? vapic_read_xapic(&c->apic, offset, now) : 0;
	value = (u32)insn_execute(&insn, value, vp->regs.r, &vp->regs.rflags);
	if (insn_writes(&insn) &&
	    vapic_write_xapic(&c->apic, offset, value, now, &out) == VAPIC_IPI)
		child_send_ipi(c->partition, &out.ipi);
	vendor->advance(vp, insn.length);
	return true;
}

/* --- Messages to the runner. --- */

static struct hv_x64_segment_register message_segment(const struct vp_segment *s)
{
	return (struct hv_x64_segment_register){ s->base, s->limit, s->selector, s->attributes };
}

/* String instructions tell no length; the runner decodes what it is given. */
static void exit_io(struct vp *vp)
{
	struct hv_message message = { 0 };
	struct hv_x64_io_port_message *m = (void *)message.bytes;
	struct vp_state s;

	vendor->get_state(vp, &s);
	m->header.length_and_cr8 = vendor->insn_length(vp);
	m->port_number = vp->exit.port;
	m->access_info = (u8)(vp->exit.io_size | (vp->exit.io_string ? HV_X64_IO_STRING : 0) |
			      (vp->exit.io_rep ? HV_X64_IO_REP : 0));
	if (vp->exit.io_string)
		m->instruction_byte_count = (u8)vp_fetch_insn(vp, m->instruction_bytes);
	m->rax = vp->regs.r[REG_RAX];
	m->ds = message_segment(&s.ds);
	m->es = message_segment(&s.es);
	m->rcx = vp->regs.r[REG_RCX];
	m->rsi = vp->regs.r[REG_RSI];
	m->rdi = vp->regs.r[REG_RDI];
	child_message(vp, HVMSG_X64_IO_PORT_INTERCEPT, &message, sizeof(*m),
		      (u8)(vp->exit.io_in ? HV_X64_ACCESS_READ : HV_X64_ACCESS_WRITE));
}

static void exit_gpa_fault(struct vp *vp)
{
	struct child *c = vp->child;
	struct hv_message message = { 0 };
	struct hv_x64_memory_message *m = (void *)message.bytes;
	gpa_t gpa = vp->exit.gpa;
	bool mapped = gpamap_page(&c->partition->map, gpa.v >> PAGE_SHIFT, false);

	if (hits_apic(c, gpa) && !vp->exit.fetch && apic_access(vp))
		return;
	/* The map has changed since, or a bit of it that costs one fault. */
	if (mapped &&
	    (!vp->exit.write || gpamap_page(&c->partition->map, gpa.v >> PAGE_SHIFT, true)) &&
	    !vp->exit.fetch && c->fault_retry != gpa.v) {
		c->fault_retry = gpa.v;
		vendor->flush(vp);
		return;
	}
	c->fault_retry = UINT64_MAX;
	m->cache_type = HV_CACHE_TYPE_WRITE_BACK;
	m->gpa = gpa.v;
	if (!vp->exit.fetch)
		m->instruction_byte_count = (u8)vp_fetch_insn(vp, m->instruction_bytes);
	m->tpr_priority = vapic_cr8(&c->apic);
	child_message(vp, mapped ? HVMSG_GPA_INTERCEPT : HVMSG_UNMAPPED_GPA, &message, sizeof(*m),
		      (u8)(vp->exit.fetch ? HV_X64_ACCESS_EXECUTE :
			   vp->exit.write ? HV_X64_ACCESS_WRITE :
					    HV_X64_ACCESS_READ));
}

/* A triple fault, or a state that the CPU does not run. */
static void exit_unrecoverable(struct vp *vp)
{
	struct hv_message message = { 0 };

	vp->child->dead = true;
	log_warn("partition %lu: VP %u %s at rip %lx", vp->child->partition->id, vp->index,
		 vp->exit.reason == MULLION_EXIT_SHUTDOWN ? "triple fault" : "invalid state",
		 vp->regs.rip);
	child_message(vp, HVMSG_UNRECOVERABLE_EXCEPTION, &message,
		      sizeof(struct hv_x64_state_message), HV_X64_ACCESS_EXECUTE);
}

/* The exceptions that a CPU can be kept delivering for ever: here it is interrupted. */
static void exit_other(struct vp *vp)
{
	u8 vector = vp->exit.exception;

	if (vector)
		vendor->inject_exception(vp, vector, vector == VECTOR_AC, 0);
	else
		exit_unrecoverable(vp);
}

static void (*const handlers[MULLION_EXIT_COUNT])(struct vp *) = {
	[MULLION_EXIT_INTERRUPT] = exit_interrupt,
	[MULLION_EXIT_NMI] = exit_nmi,
	[MULLION_EXIT_INIT] = exit_init,
	[MULLION_EXIT_INTR_WINDOW] = exit_window,
	[MULLION_EXIT_CPUID] = child_exit_cpuid,
	[MULLION_EXIT_MSR_READ] = child_exit_msr,
	[MULLION_EXIT_MSR_WRITE] = child_exit_msr,
	[MULLION_EXIT_APIC_ICR] = child_exit_msr,
	[MULLION_EXIT_APIC_OTHER] = child_exit_msr,
	[MULLION_EXIT_IO] = exit_io,
	[MULLION_EXIT_HLT] = exit_hlt,
	[MULLION_EXIT_HYPERCALL] = child_exit_hypercall,
	[MULLION_EXIT_GPA_FAULT] = exit_gpa_fault,
	[MULLION_EXIT_SHUTDOWN] = exit_unrecoverable,
	[MULLION_EXIT_VIRT_INSTRUCTION] = inject_ud,
	[MULLION_EXIT_OTHER] = exit_other,
	[MULLION_EXIT_XSETBV] = exit_xsetbv,
	[MULLION_EXIT_CACHE] = exit_cache,
	[MULLION_EXIT_RDPMC] = inject_gp,
	[MULLION_EXIT_INVALID] = exit_unrecoverable,
};

void child_exit(struct vp *vp)
{
	handlers[vp->exit.reason](vp);
}
