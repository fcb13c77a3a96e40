/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AMD SVM behind the vendor table: the world switch and what comes out of it. Each
 * VP has a VMCB. What is intercepted, and why, stands in intercepts.c; everything
 * else is the guest's and costs no exit.
 *
 * Sources: AMD APM volume 2, chapter 15.
 */
#include <mullion/parent.h>

#include "boot/boot.h"
#include "core/cpu.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/panic.h"
#include "core/parent.h"
#include "core/string.h"
#include "core/vp.h"
#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/svm/svm.h"
#include "x86/vlapic.h"

/* CPUID 0x8000000a, EDX. */
#define SVM_FEATURE_NPT BIT32(0)
#define SVM_FEATURE_NRIPS BIT32(3)
#define SVM_FEATURE_DECODE BIT32(7)

/* The parent's ASID is PARENT_ASID on every CPU. Children share the others: each
 * CPU hands them out one after the other, and when they are used up flushes and
 * begins anew, in a new generation. */
static u32 asid_count;
static bool has_nrips;
static bool has_decode;
static bool is_emulated; /* by QEMU */

void svm_switch(u64 *regs, u64 guest_pa, u64 host_pa);
void svm_take_nmi(void);
void svm_take_irq(void);
void svm_wait_nmi(void);
void svm_wait_irq(void);

static const char *svm_probe(void)
{
	if (cpuid(0x80000000, 0).eax < 0x8000000a || !(cpuid(0x80000001, 0).ecx & BIT32(2)))
		return "the CPU has no SVM";
	if (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS)
		return "firmware has disabled SVM";
	if (!(cpuid(0x8000000a, 0).edx & SVM_FEATURE_NPT))
		return "the CPU has no nested paging";
	return NULL;
}

static bool is_qemu(void)
{
	struct cpuid_regs r = cpuid(0x40000000, 0);

	/* "TCGTCGTCGTCG" */
	return (cpuid(1, 0).ecx & BIT32(31)) && r.ebx == 0x54474354 && r.ecx == 0x43544743 &&
	       r.edx == 0x47435447;
}

static void svm_init(void)
{
	u32 features = cpuid(0x8000000a, 0).edx;

	has_nrips = features & SVM_FEATURE_NRIPS;
	has_decode = features & SVM_FEATURE_DECODE;
	asid_count = cpuid(0x8000000a, 0).ebx;
	is_emulated = is_qemu();
	svm_intercepts_init();
	log_info("svm: revision %u, %s next RIP, %s decode assists, %u ASIDs",
		 cpuid(0x8000000a, 0).eax & 0xff, has_nrips ? "with" : "no",
		 has_decode ? "with" : "no", asid_count);
}

static void svm_cpu_init(struct cpu *cpu)
{
	u64 guest_state = (u64)virt_to_phys(cpu->vendor).v;

	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, cpu->host_save.v);
	/* An INIT while hv itself runs must not take the CPU away: #SX instead. */
	wrmsr(MSR_VM_CR, rdmsr(MSR_VM_CR) | VM_CR_R_INIT);
	__asm__ volatile("clgi" : : : "memory");
	/* What svm_switch loads after each exit: hv's GS and TSS. */
	__asm__ volatile("vmsave %0" : : "a"(guest_state) : "memory");
}

static void svm_vp_init(struct vp *vp, void *page)
{
	svm(vp)->vmcb = page;
	svm(vp)->vmcb_pa = virt_to_phys(page);
}

static void *svm_vp_page(const struct vp *vp)
{
	return vmcb_of(vp);
}

/* Exits whose code alone tells the reason. */
static const struct {
	u32 code;
	enum mullion_exit reason;
} reasons[] = {
	{ SVM_EXIT_INTR, MULLION_EXIT_INTERRUPT },
	{ SVM_EXIT_NMI, MULLION_EXIT_NMI },
	{ SVM_EXIT_CPUID, MULLION_EXIT_CPUID },
	{ SVM_EXIT_HLT, MULLION_EXIT_HLT },
	{ SVM_EXIT_VMMCALL, MULLION_EXIT_HYPERCALL },
	{ SVM_EXIT_VINTR, MULLION_EXIT_INTR_WINDOW },
	{ SVM_EXIT_IRET, MULLION_EXIT_INTR_WINDOW },
	{ SVM_EXIT_INIT, MULLION_EXIT_INIT },
	{ SVM_EXIT_SHUTDOWN, MULLION_EXIT_SHUTDOWN },
	{ SVM_EXIT_INVLPGA, MULLION_EXIT_VIRT_INSTRUCTION },
	{ SVM_EXIT_VMRUN, MULLION_EXIT_VIRT_INSTRUCTION },
	{ SVM_EXIT_VMLOAD, MULLION_EXIT_VIRT_INSTRUCTION },
	{ SVM_EXIT_VMSAVE, MULLION_EXIT_VIRT_INSTRUCTION },
	{ SVM_EXIT_STGI, MULLION_EXIT_VIRT_INSTRUCTION },
	{ SVM_EXIT_CLGI, MULLION_EXIT_VIRT_INSTRUCTION },
	{ SVM_EXIT_SKINIT, MULLION_EXIT_VIRT_INSTRUCTION },
	{ SVM_EXIT_MONITOR, MULLION_EXIT_VIRT_INSTRUCTION },
	{ SVM_EXIT_MWAIT, MULLION_EXIT_VIRT_INSTRUCTION },
	{ SVM_EXIT_MWAIT_ARMED, MULLION_EXIT_VIRT_INSTRUCTION },
	{ SVM_EXIT_RDPRU, MULLION_EXIT_VIRT_INSTRUCTION },
	{ SVM_EXIT_RDPMC, MULLION_EXIT_RDPMC },
	{ SVM_EXIT_INVD, MULLION_EXIT_CACHE },
	{ SVM_EXIT_WBINVD, MULLION_EXIT_CACHE },
	{ SVM_EXIT_XSETBV, MULLION_EXIT_XSETBV },
	{ SVM_EXIT_INVALID, MULLION_EXIT_INVALID },
};

static enum mullion_exit plain_reason(u32 code)
{
	for (u32 i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (reasons[i].code == code)
			return reasons[i].reason;
	}
	return MULLION_EXIT_OTHER;
}

static enum mullion_exit msr_reason(struct vp *vp, bool write)
{
	vp->exit.msr = (u32)vp->regs.r[REG_RCX];
	vp->exit.msr_write = write;
	if (write && vp->exit.msr == MSR_X2APIC + APIC_ICR / 16)
		return MULLION_EXIT_APIC_ICR;
	if (vp->exit.msr == MSR_APIC_BASE || vp->exit.msr == MSR_TSC_DEADLINE ||
	    (vp->exit.msr >= MSR_X2APIC && vp->exit.msr < MSR_X2APIC + 0x100))
		return MULLION_EXIT_APIC_OTHER;
	return write ? MULLION_EXIT_MSR_WRITE : MULLION_EXIT_MSR_READ;
}

static void fault_exit(struct vp *vp, const struct vmcb *v)
{
	vp->exit.gpa = GPA(v->exit_info2);
	vp->exit.write = v->exit_info1 & NPF_WRITE;
	vp->exit.fetch = v->exit_info1 & NPF_FETCH;
	if (has_decode) {
		vp->exit.insn_count = (u8)min_u64(v->insn_count, INSN_MAX);
		memcpy(vp->exit.insn, v->insn, vp->exit.insn_count);
	}
}

static void io_exit(struct vp *vp, const struct vmcb *v)
{
	vp->exit.port = IOIO_PORT(v->exit_info1);
	vp->exit.io_size = IOIO_SIZE(v->exit_info1);
	vp->exit.io_in = v->exit_info1 & IOIO_IN;
	vp->exit.io_string = v->exit_info1 & IOIO_STRING;
	vp->exit.io_rep = v->exit_info1 & IOIO_REP;
	vp->exit.io_address = IOIO_ADDRESS(v->exit_info1);
	vp->exit.io_segment = has_decode ? IOIO_SEGMENT(v->exit_info1) : IOIO_SEGMENT_DS;
}

/* Turns the VMCB's exit code into struct vp_exit. */
static void decode_exit(struct vp *vp, const struct vmcb *v)
{
	/* Emulators store VMEXIT_INVALID with 32 bits, hardware with 64. */
	u32 code = (u32)v->exit_code;

	vp->exit.code = code;
	vp->exit.insn_count = 0;
	switch (code) {
	case SVM_EXIT_MSR:
		vp->exit.reason = msr_reason(vp, v->exit_info1 & 1);
		break;
	case SVM_EXIT_NPF:
		vp->exit.reason = MULLION_EXIT_GPA_FAULT;
		fault_exit(vp, v);
		break;
	case SVM_EXIT_IOIO:
		vp->exit.reason = MULLION_EXIT_IO;
		io_exit(vp, v);
		break;
	case SVM_EXIT_EXCEPTION + VECTOR_DB:
	case SVM_EXIT_EXCEPTION + VECTOR_AC:
		vp->exit.reason = MULLION_EXIT_OTHER;
		vp->exit.exception = (u8)(code - SVM_EXIT_EXCEPTION);
		break;
	default:
		vp->exit.reason = plain_reason(code);
		vp->exit.exception = 0;
		vp->exit.nmi_done = false;
	}
}

/* After an exit: is the guest at an NMI handler's IRET? */
static void note_iret(struct svm_vp *s, const struct vmcb *v)
{
	if ((u32)v->exit_code != SVM_EXIT_IRET)
		return;
	s->at_iret = true;
	s->iret_rip = v->rip;
}

/* An ASID of the CPU that the VP is on, whose translations are its own. */
static void use_asid(struct vp *vp, struct vmcb *v)
{
	struct svm_vp *s = svm(vp);
	struct cpu *cpu = vp->cpu;

	if (s->asid_cpu == cpu && s->asid_generation == cpu->asid_generation)
		return;
	if (cpu->asid_next >= asid_count || !cpu->asid_generation) {
		cpu->asid_generation++;
		cpu->asid_next = PARENT_ASID + 1;
		v->tlb_control = TLB_FLUSH_ALL;
	}
	s->asid_cpu = cpu;
	s->asid_generation = cpu->asid_generation;
	s->asid = cpu->asid_next++;
	v->asid = s->asid;
}

/*
 * On entry with a virtual interrupt QEMU's emulation sets a bit, and on each exit it clears
 * it, without a lock, in the word in which other threads set those of pending interrupts,
 * and may overwrite one. Written to, the APIC looks again what is pending.
 */
static void find_lost_interrupt(void)
{
	apic_write(APIC_TPR, apic_read(APIC_TPR));
}

/* All of int_control that make_virtual sets. */
#define VIRTUAL \
	(INT_CONTROL_IRQ | INT_CONTROL_IGNORE_TPR | EVENT_VECTOR << INT_CONTROL_VECTOR_SHIFT)

/*
 * QEMU's emulation may deliver an injected interrupt a second time, whatever the guest's
 * flag says then. There a queued interrupt, which the guest can take, is a virtual one for
 * the time of one run, and the window for another one is not asked for in that run: the
 * end of the first one's handler exits. Returns the event, 0 when there is none of this
 * kind.
 */
static u64 make_virtual(struct vmcb *v)
{
	u64 event = v->event_inject;

	if (!is_emulated || (event & (EVENT_VALID | EVENT_TYPE)) != EVENT_VALID)
		return 0;
	v->event_inject = 0;
	v->intercept1 &= ~INTERCEPT1_VINTR;
	v->int_control |= INT_CONTROL_IRQ | INT_CONTROL_IGNORE_TPR |
			  (event & EVENT_VECTOR) << INT_CONTROL_VECTOR_SHIFT;
	return event;
}

/* Returns the event if the guest has not taken it. */
static u64 take_back(struct vp *vp, struct vmcb *v, u64 event)
{
	bool taken = !(v->int_control & INT_CONTROL_IRQ);

	if (!event)
		return 0;
	v->int_control &= ~VIRTUAL;
	if (vp->exits & VP_EXITS_WINDOW)
		svm_intercepts_set(vp);
	return taken ? 0 : event;
}

/*
 * The exit at an NMI handler's IRET comes before it is executed. An NMI that came in
 * there would be pushed over the very frame that the IRET returns by. So the guest makes
 * that one step alone, with interrupts off, and the trap behind it tells that the handler
 * is left. Exceptions of the IRET itself must not push the flag that hv has set.
 */
static bool begin_step(struct svm_vp *s, struct vmcb *v, u64 event)
{
	bool step = s->at_iret && v->rip == s->iret_rip && !event &&
		    !(v->event_inject & EVENT_VALID);

	s->at_iret = false;
	if (!step)
		return false;
	v->intercept1 &= ~INTERCEPT1_IRET;
	v->intercept_exceptions = ~(BIT32(VECTOR_NMI) | BIT32(VECTOR_MC));
	v->rflags = (v->rflags | RFLAGS_TF) & ~RFLAGS_IF;
	return true;
}

/* The exception that the IRET raised goes to the guest, as if nobody had watched. */
static void reflect(struct vp *vp, struct vmcb *v, u8 vector)
{
	bool has_error = vector == VECTOR_DF || (vector >= VECTOR_TS && vector <= VECTOR_PF) ||
			 vector == VECTOR_AC;

	if (vector == VECTOR_PF)
		v->cr2 = v->exit_info2;
	vendor->inject_exception(vp, vector, has_error, (u32)v->exit_info1);
}

/* rflags and dr6: as they were before the step. */
static void end_step(struct vp *vp, struct vmcb *v, u64 rflags, u64 dr6)
{
	u32 vector = (u32)v->exit_code - SVM_EXIT_EXCEPTION;
	bool traps = vector == VECTOR_DB;

	svm_intercepts_set(vp);
	if (!traps && vp->regs.rip == svm(vp)->iret_rip) {
		vp->regs.rflags = rflags;
		svm(vp)->at_iret = vector >= 32;
	}
	if (vector >= 32)
		return;
	vp->exit.reason = MULLION_EXIT_INTR_WINDOW;
	vp->exit.nmi_done = traps;
	if (!traps)
		reflect(vp, v, (u8)vector);
	else if (rflags & RFLAGS_TF)
		vendor->inject_exception(vp, VECTOR_DB, false, 0);
	else
		v->dr6 = dr6;
}

static void svm_run(struct vp *vp)
{
	struct svm_vp *s = svm(vp);
	struct vmcb *v = s->vmcb;
	u64 event, rflags = vp->regs.rflags, dr6 = v->dr6;
	bool step;

	if (vp->child)
		use_asid(vp, v);
	event = make_virtual(v);
	v->rax = vp->regs.r[REG_RAX];
	v->rsp = vp->regs.r[REG_RSP];
	v->rip = vp->regs.rip;
	v->rflags = rflags;
	step = begin_step(s, v, event);

	svm_switch(vp->regs.r, s->vmcb_pa.v, virt_to_phys(vp->cpu->vendor).v);

	vp->regs.r[REG_RAX] = v->rax;
	vp->regs.r[REG_RSP] = v->rsp;
	vp->regs.rip = v->rip;
	vp->regs.rflags = v->rflags;
	v->tlb_control = 0;
	if (is_emulated)
		find_lost_interrupt();
	event = take_back(vp, v, event);
	/* An exit in the middle of an event's delivery: deliver it again. */
	v->event_inject = v->exit_int_info & EVENT_VALID ? v->exit_int_info : event;
	decode_exit(vp, v);
	note_iret(s, v);
	if (step)
		end_step(vp, v, rflags, dr6);
}

static void svm_flush(struct vp *vp)
{
	if (vp->child)
		svm(vp)->asid_generation = 0;
	else
		vmcb_of(vp)->tlb_control = TLB_FLUSH_ALL;
}

static void svm_set_exits(struct vp *vp, u32 exits)
{
	if (vp->exits == exits)
		return;
	vp->exits = exits;
	svm_intercepts_set(vp);
}

static void svm_set_native(struct vp *vp, u32 native)
{
	svm(vp)->native = native;
	svm_intercepts_set(vp);
}

static void svm_set_tsc_offset(struct vp *vp, u64 offset)
{
	vmcb_of(vp)->tsc_offset = offset;
}

static void svm_inject_exception(struct vp *vp, u8 vector, bool has_error, u32 error)
{
	vmcb_of(vp)->event_inject = EVENT_VALID | EVENT_TYPE_EXCEPTION | vector |
				    (has_error ? EVENT_HAS_ERROR | (u64)error << 32 : 0);
}

static void svm_inject_interrupt(struct vp *vp, u8 vector)
{
	vmcb_of(vp)->event_inject = EVENT_VALID | EVENT_TYPE_INTERRUPT | vector;
}

static bool svm_event_queued(const struct vp *vp)
{
	return vmcb_of(vp)->event_inject & EVENT_VALID;
}

static bool svm_can_interrupt(const struct vp *vp)
{
	const struct vmcb *v = vmcb_of(vp);

	return (vp->regs.rflags & RFLAGS_IF) && !(v->int_state & INT_STATE_SHADOW) &&
	       !(v->event_inject & EVENT_VALID);
}

static u8 svm_get_tpr(const struct vp *vp)
{
	return vmcb_of(vp)->int_control & INT_CONTROL_TPR;
}

static void svm_set_tpr(struct vp *vp, u8 tpr)
{
	struct vmcb *v = vmcb_of(vp);

	v->int_control = (v->int_control & ~INT_CONTROL_TPR) | tpr;
}

static void svm_inject_nmi(struct vp *vp)
{
	vmcb_of(vp)->event_inject = EVENT_VALID | EVENT_TYPE_NMI | VECTOR_NMI;
	svm_intercepts_set(vp);
}

static void svm_nmi_block_changed(struct vp *vp)
{
	svm_intercepts_set(vp);
}

/* Next RIP is stored for instruction intercepts, not for nested page faults; for
 * port accesses every CPU tells it, in a place of its own. */
static bool svm_knows_next_rip(const struct vp *vp)
{
	return vp->exit.code == SVM_EXIT_IOIO || (has_nrips && vp->exit.code != SVM_EXIT_NPF);
}

static void svm_end_shadow(struct vp *vp)
{
	vmcb_of(vp)->int_state &= ~INT_STATE_SHADOW;
}

static void svm_advance(struct vp *vp, u8 length)
{
	struct vmcb *v = vmcb_of(vp);

	if (vp->exit.code == SVM_EXIT_IOIO)
		vp->regs.rip = v->exit_info2;
	else
		vp->regs.rip = svm_knows_next_rip(vp) ? v->next_rip : vp->regs.rip + length;
	svm_end_shadow(vp);
}

static u8 svm_insn_length(const struct vp *vp)
{
	const struct vmcb *v = vmcb_of(vp);
	u64 next = vp->exit.code == SVM_EXIT_IOIO ? v->exit_info2 : v->next_rip;
	u64 length = next - vp->regs.rip;

	return svm_knows_next_rip(vp) && length <= INSN_MAX ? (u8)length : 0;
}

static bool svm_msr_read(struct vp *vp, u32 msr, u64 *value)
{
	switch (msr) {
	case MSR_EFER:
		*value = vmcb_of(vp)->efer & ~EFER_SVME;
		return true;
	case MSR_VM_CR: /* as if firmware had locked SVM away */
		*value = VM_CR_SVMDIS;
		return true;
	default:
		return false;
	}
}

/* What a guest may set in EFER: of a child's, what CPUID tells it of. VMRUN refuses bits
 * that the CPU has not got. */
static u64 allowed_efer(const struct vp *vp)
{
	struct cpuid_regs r = cpuid(0x80000001, 0);
	u64 allowed = EFER_SCE | EFER_LME | EFER_LMA | (r.edx & BIT32(20) ? EFER_NXE : 0);

	if (vp->child)
		return allowed;
	if (cpuid(0x80000000, 0).eax >= 0x80000021 && (cpuid(0x80000021, 0).eax & BIT32(8)))
		allowed |= EFER_AIBRSE;
	return allowed | (r.edx & BIT32(25) ? EFER_FFXSR : 0) | (r.ecx & BIT32(17) ? EFER_TCE : 0);
}

/* EFER as the guest sees it, without SVME; LMA follows paging. */
static bool write_efer(struct vmcb *v, u64 allowed, u64 value)
{
	if (value & ~allowed)
		return false;
	if ((v->cr0 & CR0_PG) && ((value ^ v->efer) & EFER_LME))
		return false;
	v->efer = (value & ~EFER_LMA) | (v->efer & EFER_LMA) | EFER_SVME;
	return true;
}

static bool svm_msr_write(struct vp *vp, u32 msr, u64 value)
{
	switch (msr) {
	case MSR_EFER:
		if (!write_efer(vmcb_of(vp), allowed_efer(vp), value))
			return false;
		svm_flush(vp);
		return true;
	default:
		return false;
	}
}

/* SVM is hv's; SEV and SME would put memory out of hv's reach; INVLPGB would
 * need the VMCB's leave. */
static void svm_cpuid_filter(u32 leaf, u32 subleaf, u32 regs[4])
{
	(void)subleaf;
	switch (leaf) {
	case 0x80000001:
		regs[2] &= ~(BIT32(2) | BIT32(12));
		break;
	case 0x80000008:
		regs[1] &= ~BIT32(3);
		break;
	case 0x8000000a:
	case 0x8000001f:
		memset(regs, 0, 4 * sizeof(regs[0]));
		break;
	default:
		break;
	}
}

static void dump_segment(const char *name, const struct vmcb_segment *s)
{
	log_error("%s %04x base %lx limit %x attributes %04x", name, s->selector, s->base, s->limit,
		  s->attributes);
}

static void svm_dump(const struct vp *vp)
{
	const struct vmcb *v = vmcb_of(vp);

	log_error("cr0 %lx cr2 %lx cr3 %lx cr4 %lx efer %lx", v->cr0, v->cr2, v->cr3, v->cr4,
		  v->efer);
	dump_segment("cs", &v->cs);
	dump_segment("ss", &v->ss);
	log_error("svm exit %lx info1 %lx info2 %lx event %lx cpl %u", v->exit_code, v->exit_info1,
		  v->exit_info2, v->exit_int_info, v->cpl);
}

const struct vp_vendor svm_vendor = {
	.name = "svm",
	.native = MULLION_NATIVE_CPUID | MULLION_NATIVE_ICR,
	.probe = svm_probe,
	.init = svm_init,
	.cpu_init = svm_cpu_init,
	.vp_init = svm_vp_init,
	.vp_page = svm_vp_page,
	.vp_reset = svm_vp_reset,
	.vp_start_real = svm_vp_start_real,
	.vp_start_long = svm_vp_start_long,
	.run = svm_run,
	.take_nmi = svm_take_nmi,
	.take_irq = svm_take_irq,
	.wait_nmi = svm_wait_nmi,
	.wait_irq = svm_wait_irq,
	.set_exits = svm_set_exits,
	.flush = svm_flush,
	.set_native = svm_set_native,
	.inject_exception = svm_inject_exception,
	.inject_interrupt = svm_inject_interrupt,
	.event_queued = svm_event_queued,
	.can_interrupt = svm_can_interrupt,
	.get_tpr = svm_get_tpr,
	.set_tpr = svm_set_tpr,
	.get_state = svm_get_state,
	.set_state = svm_set_state,
	.set_tsc_offset = svm_set_tsc_offset,
	.inject_nmi = svm_inject_nmi,
	.nmi_block_changed = svm_nmi_block_changed,
	.advance = svm_advance,
	.end_shadow = svm_end_shadow,
	.insn_length = svm_insn_length,
	.knows_next_rip = svm_knows_next_rip,
	.get_mode = svm_get_mode,
	.msr_read = svm_msr_read,
	.msr_write = svm_msr_write,
	.vmcall = { 0x0f, 0x01, 0xd9 },
	.cpuid_filter = svm_cpuid_filter,
	.dump = svm_dump,
};
