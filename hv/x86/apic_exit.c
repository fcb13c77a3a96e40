/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exits of the parent's local APIC: what the filter (vlapic.h) decides is done
 * here. Faults in the GPA map begin here too, since the APIC's page is the only
 * one at which a fault is not the parent's end.
 */
#include "core/cpu.h"
#include "core/exits.h"
#include "core/log.h"
#include "core/panic.h"
#include "core/parent.h"
#include "core/vp.h"
#include "x86/apic.h"
#include "x86/asm.h"

static const enum vp_request requests[] = {
	[VLAPIC_INIT] = VP_REQ_INIT,
	[VLAPIC_SIPI] = VP_REQ_SIPI,
	[VLAPIC_NMI] = VP_REQ_NMI,
};

/* INIT, start-up and NMI go to other VPs as requests, not as signals. */
static void send_requests(struct vp *vp, enum vlapic_action what, const struct vlapic_ipi *ipi)
{
	for (u32 i = 0; i < cpu_count; i++) {
		struct vp *target = cpus[i]->vp;

		if (!vlapic_ipi_matches(&target->lapic, &vp->lapic, ipi))
			continue;
		if (what == VLAPIC_SIPI)
			WRITE_ONCE(target->sipi_page, ipi->vector);
		vp_request(target, requests[what]);
	}
}

/* value as in vlapic_write_icr. Returns false for #GP. */
static bool write_icr(struct vp *vp, u64 value)
{
	struct vlapic_ipi ipi;
	enum vlapic_action action = vlapic_write_icr(&vp->lapic, value, &ipi);

	switch (action) {
	case VLAPIC_PASS:
		apic_write_icr(ipi.dest, (u32)value);
		break;
	case VLAPIC_INIT:
	case VLAPIC_SIPI:
	case VLAPIC_NMI:
		send_requests(vp, action, &ipi);
		break;
	case VLAPIC_FAULT:
		return false;
	default:
		break;
	}
	return true;
}

void exit_apic_icr(struct vp *vp)
{
	u64 value = (u32)vp->regs.r[REG_RAX] | vp->regs.r[REG_RDX] << 32;

	if (vp->lapic.mode != VLAPIC_X2APIC || !write_icr(vp, value)) {
		vp_inject_gp(vp);
		return;
	}
	vp_skip(vp, 2);
}

static bool write_base(struct vp *vp, u64 value)
{
	switch (vlapic_write_base(&vp->lapic, value)) {
	case VLAPIC_FAULT:
		return false;
	case VLAPIC_PASS:
		apic_set_base(value);
		return true;
	default:
		return true;
	}
}

/* Bits of an x2APIC timer register that may be set. */
static u64 timer_mask(u32 reg)
{
	switch (reg) {
	case APIC_LVT_TIMER:
		return 0x710ff;
	case APIC_TDCR:
		return 0xb;
	default:
		return UINT32_MAX;
	}
}

static bool write_timer(struct vp *vp, u32 msr, u64 value)
{
	struct ptimer *t = &vp->cpu->timer;
	u32 reg = 16 * (msr - MSR_X2APIC);

	if (msr == MSR_TSC_DEADLINE) {
		ptimer_write_deadline(t, value);
		return true;
	}
	if (vp->lapic.mode != VLAPIC_X2APIC || reg == APIC_TMCCT || (value & ~timer_mask(reg)))
		return false;
	ptimer_write(t, rdtsc(), reg, (u32)value);
	return true;
}

static bool read_timer(struct vp *vp, u32 msr, u64 *value)
{
	const struct ptimer *t = &vp->cpu->timer;

	if (msr == MSR_TSC_DEADLINE)
		*value = ptimer_read_deadline(t, rdtsc());
	else
		*value = ptimer_read(t, rdtsc(), 16 * (msr - MSR_X2APIC));
	return msr == MSR_TSC_DEADLINE || vp->lapic.mode == VLAPIC_X2APIC;
}

void exit_apic_msr(struct vp *vp)
{
	u64 value = (u32)vp->regs.r[REG_RAX] | vp->regs.r[REG_RDX] << 32;
	u32 msr = vp->exit.msr;
	bool good = true;

	if (vp->exit.msr_write) {
		good = msr == MSR_APIC_BASE ? write_base(vp, value) : write_timer(vp, msr, value);
	} else {
		if (msr == MSR_APIC_BASE)
			value = vlapic_read_base(&vp->lapic);
		else
			good = read_timer(vp, msr, &value);
		if (good) {
			vp->regs.r[REG_RAX] = (u32)value;
			vp->regs.r[REG_RDX] = value >> 32;
		}
	}
	if (good)
		vp_skip(vp, 2);
	else
		vp_inject_gp(vp);
}

void apic_take_over(struct vp *vp)
{
	if (vp->lapic.mode == VLAPIC_XAPIC)
		vlapic_sync(&vp->lapic, apic_read(APIC_LDR), apic_read(APIC_DFR),
			    apic_read(APIC_ICR2));
}

/* The value that a decoded store writes, 32 bits of it. */
static u32 stored_value(const struct vp *vp, const struct insn *insn)
{
	return (u32)(insn->kind == INSN_STORE_IMM ? insn->imm : vp->regs.r[insn->reg]);
}

static void write_register(struct vp *vp, u32 offset, u32 value)
{
	if (offset == APIC_ICR) {
		write_icr(vp, value);
		vp->exit.reason = MULLION_EXIT_APIC_ICR;
		return;
	}
	if (ptimer_owns(&vp->cpu->timer, offset))
		ptimer_write(&vp->cpu->timer, rdtsc(), offset, value);
	else if (vlapic_write_xapic(&vp->lapic, offset, value) == VLAPIC_PASS)
		apic_write(offset, value);
	vp->exit.reason = MULLION_EXIT_APIC_OTHER;
}

static void apic_page_write(struct vp *vp)
{
	u32 offset = vp->exit.gpa.v & (PAGE_SIZE - 1);
	u8 bytes[INSN_MAX];
	struct insn insn;
	struct vp_mode mode;
	size_t n = vp_fetch_insn(vp, bytes);
	u32 old;

	vendor->get_mode(vp, &mode);
	if (!insn_decode(bytes, n, mode.insn, &insn) || insn.size != 4 ||
	    insn.kind < INSN_STORE_REG || offset % 16) {
		log_error("parent writes APIC register %x by an instruction that it should not",
			  offset);
		vp_dump(vp);
		parent_dead();
	}
	old = apic_read(offset);
	write_register(vp, offset, stored_value(vp, &insn));
	if (insn.kind == INSN_XCHG)
		vp->regs.r[insn.reg] = old;
	vendor->advance(vp, insn.length);
}

void exit_gpa_fault(struct vp *vp)
{
	gpa_t gpa = vp->exit.gpa;

	if ((gpa.v & PAGE_MASK) == APIC_DEFAULT_BASE && vp->exit.write &&
	    vp->lapic.mode == VLAPIC_XAPIC) {
		apic_page_write(vp);
		return;
	}
	log_error("parent touched %s memory: %s at %lx by rip %lx on CPU %u",
		  parent_hits_hv(gpa) ? "hv" : "absent",
		  vp->exit.fetch ? "execution" :
		  vp->exit.write ? "write" :
				   "read",
		  gpa.v, vp->regs.rip, vp->index);
	vp_dump(vp);
	parent_dead();
}
