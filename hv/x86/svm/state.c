/* SPDX-License-Identifier: GPL-2.0-only */
/* The registers in the VMCB: after INIT, at a start, read and set from outside. */
#include "core/parent.h"
#include "core/string.h"
#include "x86/asm.h"
#include "x86/svm/svm.h"

static void set_segment(struct vmcb_segment *s, u16 selector, u16 attributes, u32 limit, u64 base)
{
	*s = (struct vmcb_segment){ selector, attributes, limit, base };
}

/* The state that INIT leaves: APM volume 2, table 14-1. */
void svm_vp_reset(struct vp *vp)
{
	struct vmcb *v = vmcb_of(vp);
	u64 tsc_offset = v->tsc_offset;

	memset(v, 0, sizeof(*v));
	memset(&vp->regs, 0, sizeof(vp->regs));
	svm(vp)->native = 0;
	svm(vp)->asid_generation = 0;
	svm(vp)->at_iret = false;
	vp->nmi_blocked = false;
	vp->nmi_pending = false;
	svm_intercepts_set(vp);
	v->tsc_offset = tsc_offset;
	v->asid = PARENT_ASID;
	v->np_control = NP_ENABLE;
	v->tlb_control = TLB_FLUSH_ALL;

	set_segment(&v->cs, 0xf000, 0x009b, 0xffff, 0xffff0000);
	set_segment(&v->ds, 0, 0x0093, 0xffff, 0);
	v->es = v->ds;
	v->ss = v->ds;
	v->fs = v->ds;
	v->gs = v->ds;
	set_segment(&v->gdtr, 0, 0, 0xffff, 0);
	set_segment(&v->idtr, 0, 0, 0xffff, 0);
	set_segment(&v->ldtr, 0, 0x0082, 0xffff, 0);
	set_segment(&v->tr, 0, 0x008b, 0xffff, 0);
	v->efer = EFER_SVME;
	v->cr0 = CR0_CD | CR0_NW | CR0_ET;
	v->dr6 = 0xffff0ff0;
	v->dr7 = 0x400;
	v->g_pat = 0x0007040600070406; /* power-on value, APM volume 2, 7.8.2 */
	vp->regs.rflags = RFLAGS_FIXED;
	vp->regs.rip = 0xfff0;
	vp->regs.r[REG_RDX] = cpuid(1, 0).eax;
}

void svm_vp_start_real(struct vp *vp, u32 address)
{
	set_segment(&vmcb_of(vp)->cs, (u16)(address >> 4), 0x009b, 0xffff, address & ~(u32)15);
	vp->regs.rip = address & 15;
}

void svm_vp_start_long(struct vp *vp, u64 rip, u64 rsp, u64 cr3, u64 gdt)
{
	struct vmcb *v = vmcb_of(vp);

	set_segment(&v->cs, 0x10, 0x0a9b, 0xffffffff, 0);
	set_segment(&v->ds, 0x18, 0x0c93, 0xffffffff, 0);
	v->es = v->ds;
	v->ss = v->ds;
	v->fs = v->ds;
	v->gs = v->ds;
	set_segment(&v->gdtr, 0, 0, 31, gdt);
	v->efer = EFER_SVME | EFER_LME | EFER_LMA;
	v->cr0 = CR0_PE | CR0_PG | CR0_ET;
	v->cr3 = cr3;
	v->cr4 = CR4_PAE;
	vp->regs.rip = rip;
	vp->regs.r[REG_RSP] = rsp;
}

void svm_get_mode(const struct vp *vp, struct vp_mode *mode)
{
	const struct vmcb *v = vmcb_of(vp);
	bool lma = v->efer & EFER_LMA;
	bool cs_long = v->cs.attributes & BIT32(9);
	bool cs_32 = v->cs.attributes & BIT32(10);

	mode->insn = lma && cs_long ? INSN_64 : cs_32 ? INSN_32 : INSN_16;
	mode->cs_base = lma && cs_long ? 0 : v->cs.base;
	mode->cr0 = v->cr0;
	mode->cr3 = v->cr3;
	mode->cr4 = v->cr4;
	mode->efer = v->efer;
	mode->cpl = v->cpl;
}

/* A VMCB packs the attributes: bits 52..55 of the descriptor follow 40..47. */
static struct vp_segment unpack(const struct vmcb_segment *s)
{
	return (struct vp_segment){
		.base = s->base,
		.limit = s->limit,
		.selector = s->selector,
		.attributes = (u16)((s->attributes & 0xff) | (s->attributes & 0xf00) << 4),
	};
}

static struct vmcb_segment pack(const struct vp_segment *s)
{
	return (struct vmcb_segment){
		.base = s->base,
		.limit = s->limit,
		.selector = s->selector,
		.attributes = (u16)((s->attributes & 0xff) | (s->attributes >> 4 & 0xf00)),
	};
}

static void get_event(const struct vmcb *v, struct vp_state *s)
{
	static const u8 types[8] = { [0] = 0, [2] = 1, [3] = 2 };

	s->event = v->event_inject & EVENT_VALID;
	s->event_type = types[v->event_inject >> 8 & 7];
	s->event_vector = (u8)v->event_inject;
	s->event_has_error = v->event_inject & EVENT_HAS_ERROR;
	s->event_error = (u32)(v->event_inject >> 32);
}

static u64 event_of(const struct vp_state *s)
{
	static const u64 types[] = { EVENT_TYPE_INTERRUPT, EVENT_TYPE_NMI, EVENT_TYPE_EXCEPTION };

	if (!s->event)
		return 0;
	return EVENT_VALID | types[s->event_type] | s->event_vector |
	       (s->event_has_error ? EVENT_HAS_ERROR | (u64)s->event_error << 32 : 0);
}

void svm_get_state(const struct vp *vp, struct vp_state *s)
{
	const struct vmcb *v = vmcb_of(vp);

	s->es = unpack(&v->es);
	s->cs = unpack(&v->cs);
	s->ss = unpack(&v->ss);
	s->ds = unpack(&v->ds);
	s->fs = unpack(&v->fs);
	s->gs = unpack(&v->gs);
	s->ldtr = unpack(&v->ldtr);
	s->tr = unpack(&v->tr);
	s->gdtr = unpack(&v->gdtr);
	s->idtr = unpack(&v->idtr);
	s->cr0 = v->cr0;
	s->cr2 = v->cr2;
	s->cr3 = v->cr3;
	s->cr4 = v->cr4;
	s->efer = v->efer & ~EFER_SVME;
	s->dr6 = v->dr6;
	s->dr7 = v->dr7;
	s->pat = v->g_pat;
	s->star = v->star;
	s->lstar = v->lstar;
	s->cstar = v->cstar;
	s->sfmask = v->sfmask;
	s->kernel_gs_base = v->kernel_gs_base;
	s->sysenter_cs = v->sysenter_cs;
	s->sysenter_esp = v->sysenter_esp;
	s->sysenter_eip = v->sysenter_eip;
	s->shadow = v->int_state & INT_STATE_SHADOW;
	get_event(v, s);
}

void svm_set_state(struct vp *vp, const struct vp_state *s)
{
	struct vmcb *v = vmcb_of(vp);

	v->es = pack(&s->es);
	v->cs = pack(&s->cs);
	v->ss = pack(&s->ss);
	v->ds = pack(&s->ds);
	v->fs = pack(&s->fs);
	v->gs = pack(&s->gs);
	v->ldtr = pack(&s->ldtr);
	v->tr = pack(&s->tr);
	v->gdtr = pack(&s->gdtr);
	v->idtr = pack(&s->idtr);
	v->cpl = s->ss.attributes >> 5 & 3;
	v->cr0 = s->cr0;
	v->cr2 = s->cr2;
	v->cr3 = s->cr3;
	v->cr4 = s->cr4;
	v->efer = s->efer | EFER_SVME;
	v->dr6 = s->dr6;
	v->dr7 = s->dr7;
	v->g_pat = s->pat;
	v->star = s->star;
	v->lstar = s->lstar;
	v->cstar = s->cstar;
	v->sfmask = s->sfmask;
	v->kernel_gs_base = s->kernel_gs_base;
	v->sysenter_cs = s->sysenter_cs;
	v->sysenter_esp = s->sysenter_esp;
	v->sysenter_eip = s->sysenter_eip;
	v->int_state = s->shadow ? INT_STATE_SHADOW : 0;
	v->event_inject = event_of(s);
	/* What the CPU remembers was read under other control registers. */
	svm(vp)->asid_generation = 0;
}
