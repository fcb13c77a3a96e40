/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AMD SVM behind the vendor table. Each VP has a VMCB; MSR and port bitmaps are
 * shared. What is intercepted, and why, stands in setup_intercepts; everything
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
#include "x86/asm.h"
#include "x86/svm/vmcb.h"

/* CPUID 0x8000000a, EDX. */
#define SVM_FEATURE_NPT BIT32(0)
#define SVM_FEATURE_NRIPS BIT32(3)
#define SVM_FEATURE_DECODE BIT32(7)

#define PARENT_ASID 1

struct svm_vp {
	struct vmcb *vmcb;
	hpa_t vmcb_pa;
	u32 native; /* MULLION_NATIVE_* in force */
};

/* Two bits for each MSR: intercept reads, intercept writes. The second bitmap is
 * the first without the x2APIC's ICR. */
#define MSRPM_SIZE (2 * PAGE_SIZE)
static u8 *msrpm;
static u8 *msrpm_native_icr;
static u8 *iopm; /* a bit for each port */
static bool has_nrips;
static bool has_decode;

void svm_switch(u64 *regs, u64 guest_pa, u64 host_pa);
void svm_take_nmi(void);
void svm_take_irq(void);
void svm_wait_nmi(void);
void svm_wait_irq(void);

static struct svm_vp *svm(const struct vp *vp)
{
	return vp->vendor;
}

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

/* Where the two bits of an MSR lie (APM volume 2, 15.11), or false. */
static bool msrpm_bit(u32 msr, u32 *bit)
{
	if (msr < 0x2000)
		*bit = msr * 2;
	else if (msr >= 0xc0000000 && msr < 0xc0002000)
		*bit = 0x800 * 8 + (msr - 0xc0000000) * 2;
	else if (msr >= 0xc0010000 && msr < 0xc0012000)
		*bit = 0x1000 * 8 + (msr - 0xc0010000) * 2;
	else
		return false;
	return true;
}

static void intercept_msr(u32 msr, bool read, bool write)
{
	u32 bit;

	if (!msrpm_bit(msr, &bit))
		return;
	if (read)
		msrpm[bit / 8] |= (u8)(1 << (bit % 8));
	if (write)
		msrpm[bit / 8] |= (u8)(2 << (bit % 8));
}

static void intercept_port(u16 port)
{
	if (port)
		iopm[port / 8] |= (u8)(1 << (port % 8));
}

static void svm_init(void)
{
	static const u32 hidden[] = { MSR_TSC_ADJUST,  MSR_EFER,    MSR_VM_CR,	 MSR_IGNNE,
				      MSR_VM_HSAVE_PA, MSR_SVM_KEY, MSR_SMM_CTL, MSR_PATCH_LOADER };
	u32 features = cpuid(0x8000000a, 0).edx;

	has_nrips = features & SVM_FEATURE_NRIPS;
	has_decode = features & SVM_FEATURE_DECODE;
	msrpm = memory_alloc(MSRPM_SIZE / PAGE_SIZE, PAGE_SIZE);
	msrpm_native_icr = memory_alloc(MSRPM_SIZE / PAGE_SIZE, PAGE_SIZE);
	iopm = memory_alloc(3, PAGE_SIZE);
	for (u32 i = 0; i < ARRAY_SIZE(hidden); i++)
		intercept_msr(hidden[i], true, true);
	intercept_msr(MSR_TSC, false, true);
	intercept_msr(MSR_SYSCFG, false, true);
	intercept_msr(MSR_APIC_BASE, true, true);
	memcpy(msrpm_native_icr, msrpm, MSRPM_SIZE);
	intercept_msr(MSR_X2APIC + APIC_ICR / 16, false, true);
	intercept_port(boot_acpi.pm1a_control);
	intercept_port(boot_acpi.pm1b_control);
	log_info("svm: revision %u, %s next RIP, %s decode assists, %u ASIDs",
		 cpuid(0x8000000a, 0).eax & 0xff, has_nrips ? "with" : "no",
		 has_decode ? "with" : "no", cpuid(0x8000000a, 0).ebx);
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

static void svm_vp_alloc(struct vp *vp)
{
	struct svm_vp *s = memory_alloc(1, PAGE_SIZE);

	s->vmcb = memory_alloc(1, PAGE_SIZE);
	s->vmcb_pa = virt_to_phys(s->vmcb);
	vp->vendor = s;
}

static void set_segment(struct vmcb_segment *s, u16 selector, u16 attributes, u32 limit, u64 base)
{
	*s = (struct vmcb_segment){ selector, attributes, limit, base };
}

static void setup_intercepts(struct vp *vp)
{
	struct vmcb *v = svm(vp)->vmcb;

	/* NMI: hv kicks CPUs by it. INIT: a CPU must not fall out of hv. SHUTDOWN:
	 * to say why the machine resets. CPUID: hypervisor leaves. */
	v->intercept1 = INTERCEPT1_NMI | INTERCEPT1_INIT | INTERCEPT1_CPUID | INTERCEPT1_INVLPGA |
			INTERCEPT1_IOIO | INTERCEPT1_MSR | INTERCEPT1_SHUTDOWN;
	v->intercept2 = INTERCEPT2_VMRUN | INTERCEPT2_VMMCALL | INTERCEPT2_VMLOAD |
			INTERCEPT2_VMSAVE | INTERCEPT2_STGI | INTERCEPT2_CLGI | INTERCEPT2_SKINIT;
	if (vp->irq_mode == VP_IRQ_RELAY)
		v->intercept1 |= INTERCEPT1_INTR | INTERCEPT1_HLT;
	if (vp->nmi_blocked)
		v->intercept1 |= INTERCEPT1_IRET;
	if (svm(vp)->native & MULLION_NATIVE_CPUID)
		v->intercept1 &= ~INTERCEPT1_CPUID;
	v->iopm = virt_to_phys(iopm).v;
	v->msrpm = virt_to_phys(svm(vp)->native & MULLION_NATIVE_ICR ? msrpm_native_icr : msrpm).v;
	v->n_cr3 = svm(vp)->native & MULLION_NATIVE_ICR ? parent.native_map.root : parent.map.root;
	v->tlb_control = TLB_FLUSH_ALL;
}

/* The state that INIT leaves: APM volume 2, table 14-1. */
static void svm_vp_reset(struct vp *vp)
{
	struct vmcb *v = svm(vp)->vmcb;

	memset(v, 0, sizeof(*v));
	memset(&vp->regs, 0, sizeof(vp->regs));
	svm(vp)->native = 0;
	vp->nmi_blocked = false;
	vp->nmi_pending = false;
	setup_intercepts(vp);
	v->asid = PARENT_ASID;
	v->np_control = NP_ENABLE;

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

static void svm_vp_start_real(struct vp *vp, u32 address)
{
	set_segment(&svm(vp)->vmcb->cs, (u16)(address >> 4), 0x009b, 0xffff, address & ~(u32)15);
	vp->regs.rip = address & 15;
}

static void svm_vp_start_long(struct vp *vp, u64 rip, u64 rsp, u64 cr3, u64 gdt)
{
	struct vmcb *v = svm(vp)->vmcb;

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
	{ SVM_EXIT_IOIO, MULLION_EXIT_IO },
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
	if (vp->exit.msr == MSR_APIC_BASE)
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
		io_exit(vp, v);
		__attribute__((fallthrough));
	default:
		vp->exit.reason = plain_reason(code);
	}
}

static void svm_run(struct vp *vp)
{
	struct svm_vp *s = svm(vp);
	struct vmcb *v = s->vmcb;

	v->rax = vp->regs.r[REG_RAX];
	v->rsp = vp->regs.r[REG_RSP];
	v->rip = vp->regs.rip;
	v->rflags = vp->regs.rflags;

	svm_switch(vp->regs.r, s->vmcb_pa.v, virt_to_phys(vp->cpu->vendor).v);

	vp->regs.r[REG_RAX] = v->rax;
	vp->regs.r[REG_RSP] = v->rsp;
	vp->regs.rip = v->rip;
	vp->regs.rflags = v->rflags;
	v->tlb_control = 0;
	/* An exit in the middle of an event's delivery: deliver it again. */
	v->event_inject = v->exit_int_info & EVENT_VALID ? v->exit_int_info : 0;
	decode_exit(vp, v);
}

static void svm_set_irq_mode(struct vp *vp, enum vp_irq_mode mode)
{
	vp->irq_mode = mode;
	setup_intercepts(vp);
}

static void svm_set_native(struct vp *vp, u32 native)
{
	svm(vp)->native = native;
	setup_intercepts(vp);
}

static void svm_inject_exception(struct vp *vp, u8 vector, bool has_error, u32 error)
{
	svm(vp)->vmcb->event_inject = EVENT_VALID | EVENT_TYPE_EXCEPTION | vector |
				      (has_error ? EVENT_HAS_ERROR | (u64)error << 32 : 0);
}

static void svm_inject_interrupt(struct vp *vp, u8 vector)
{
	svm(vp)->vmcb->event_inject = EVENT_VALID | EVENT_TYPE_INTERRUPT | vector;
}

static bool svm_event_queued(const struct vp *vp)
{
	return svm(vp)->vmcb->event_inject & EVENT_VALID;
}

static void svm_inject_nmi(struct vp *vp)
{
	svm(vp)->vmcb->event_inject = EVENT_VALID | EVENT_TYPE_NMI | VECTOR_NMI;
	setup_intercepts(vp);
}

static void svm_nmi_done(struct vp *vp)
{
	setup_intercepts(vp);
}

/* Next RIP is stored for instruction intercepts, not for nested page faults; for
 * port accesses every CPU tells it, in a place of its own. */
static bool svm_knows_next_rip(const struct vp *vp)
{
	return vp->exit.code == SVM_EXIT_IOIO || (has_nrips && vp->exit.code != SVM_EXIT_NPF);
}

static void svm_advance(struct vp *vp, u8 length)
{
	struct vmcb *v = svm(vp)->vmcb;

	if (vp->exit.code == SVM_EXIT_IOIO)
		vp->regs.rip = v->exit_info2;
	else
		vp->regs.rip = svm_knows_next_rip(vp) ? v->next_rip : vp->regs.rip + length;
	v->int_state &= ~INT_STATE_SHADOW;
}

static void svm_get_mode(const struct vp *vp, struct vp_mode *mode)
{
	const struct vmcb *v = svm(vp)->vmcb;
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

static bool svm_msr_read(struct vp *vp, u32 msr, u64 *value)
{
	switch (msr) {
	case MSR_EFER:
		*value = svm(vp)->vmcb->efer & ~EFER_SVME;
		return true;
	case MSR_VM_CR: /* as if firmware had locked SVM away */
		*value = VM_CR_SVMDIS;
		return true;
	default:
		return false;
	}
}

/* EFER as the guest sees it, without SVME; LMA follows paging. */
static bool write_efer(struct vmcb *v, u64 value)
{
	u64 allowed = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_LMSLE | EFER_FFXSR |
		      EFER_TCE | EFER_AIBRSE;

	if (value & ~allowed)
		return false;
	if ((v->cr0 & CR0_PG) && ((value ^ v->efer) & EFER_LME))
		return false;
	v->efer = (value & ~EFER_LMA) | (v->efer & EFER_LMA) | EFER_SVME;
	v->tlb_control = TLB_FLUSH_ALL;
	return true;
}

static bool svm_msr_write(struct vp *vp, u32 msr, u64 value)
{
	switch (msr) {
	case MSR_EFER:
		return write_efer(svm(vp)->vmcb, value);
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
	const struct vmcb *v = svm(vp)->vmcb;

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
	.vp_alloc = svm_vp_alloc,
	.vp_reset = svm_vp_reset,
	.vp_start_real = svm_vp_start_real,
	.vp_start_long = svm_vp_start_long,
	.run = svm_run,
	.take_nmi = svm_take_nmi,
	.take_irq = svm_take_irq,
	.wait_nmi = svm_wait_nmi,
	.wait_irq = svm_wait_irq,
	.set_irq_mode = svm_set_irq_mode,
	.set_native = svm_set_native,
	.inject_exception = svm_inject_exception,
	.inject_interrupt = svm_inject_interrupt,
	.event_queued = svm_event_queued,
	.inject_nmi = svm_inject_nmi,
	.nmi_done = svm_nmi_done,
	.advance = svm_advance,
	.knows_next_rip = svm_knows_next_rip,
	.get_mode = svm_get_mode,
	.msr_read = svm_msr_read,
	.msr_write = svm_msr_write,
	.cpuid_filter = svm_cpuid_filter,
	.dump = svm_dump,
};
