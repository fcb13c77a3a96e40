/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What leaves guest mode, and why. The parent owns the machine: it leaves guest
 * mode for what concerns hv alone. A child owns nothing: every port, nearly every
 * MSR and every interrupt leaves it.
 *
 * Source: AMD APM volume 2, 15.9 to 15.13.
 */
#include <mullion/parent.h>

#include "boot/boot.h"
#include "core/child.h"
#include "core/memory.h"
#include "core/parent.h"
#include "core/partition.h"
#include "core/string.h"
#include "x86/asm.h"
#include "x86/svm/svm.h"
#include "x86/vlapic.h"

/* Two bits for each MSR: intercept reads, intercept writes. */
#define MSRPM_SIZE (2 * PAGE_SIZE)
/* The parent's, by what is left to it: bit 0 the ICR is the hardware's, bit 1 the
 * timer is hv's. */
#define MSRPM_NATIVE_ICR 1
#define MSRPM_TIMER 2
static u8 *parent_msrpm[4];
static u8 *child_msrpm;
static u8 *parent_iopm; /* a bit for each port */
static u8 *child_iopm;

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

static void intercept_msr(u8 *msrpm, u32 msr, bool read, bool write)
{
	u32 bit;

	if (!msrpm_bit(msr, &bit))
		return;
	msrpm[bit / 8] &= (u8) ~(3 << (bit % 8));
	msrpm[bit / 8] |= (u8)((read | write << 1) << (bit % 8));
}

static void intercept_port(u16 port)
{
	if (port)
		parent_iopm[port / 8] |= (u8)(1 << (port % 8));
}

static void fill_parent_msrpm(u8 *msrpm, u32 which)
{
	static const u32 hidden[] = { MSR_TSC_ADJUST,  MSR_EFER,    MSR_VM_CR,	 MSR_IGNNE,
				      MSR_VM_HSAVE_PA, MSR_SVM_KEY, MSR_SMM_CTL, MSR_PATCH_LOADER };
	static const u32 timer[] = { APIC_LVT_TIMER, APIC_TMICT, APIC_TMCCT, APIC_TDCR };

	for (u32 i = 0; i < ARRAY_SIZE(hidden); i++)
		intercept_msr(msrpm, hidden[i], true, true);
	intercept_msr(msrpm, MSR_TSC, false, true);
	intercept_msr(msrpm, MSR_SYSCFG, false, true);
	intercept_msr(msrpm, MSR_APIC_BASE, true, true);
	intercept_msr(msrpm, MSR_X2APIC + APIC_ICR / 16, false, !(which & MSRPM_NATIVE_ICR));
	if (!(which & MSRPM_TIMER))
		return;
	intercept_msr(msrpm, MSR_TSC_DEADLINE, true, true);
	for (u32 i = 0; i < ARRAY_SIZE(timer); i++)
		intercept_msr(msrpm, MSR_X2APIC + timer[i] / 16, timer[i] == APIC_TMCCT, true);
}

/* All but those that VMRUN, VMLOAD and VMSAVE switch. */
static void fill_child_msrpm(void)
{
	static const u32 direct[] = { MSR_FS_BASE, MSR_GS_BASE,	    MSR_KERNEL_GS_BASE,
				      MSR_STAR,	   MSR_LSTAR,	    MSR_CSTAR,
				      MSR_SFMASK,  MSR_SYSENTER_CS, MSR_SYSENTER_ESP,
				      MSR_PAT,	   MSR_SYSENTER_EIP };

	memset(child_msrpm, 0xff, MSRPM_SIZE);
	for (u32 i = 0; i < ARRAY_SIZE(direct); i++)
		intercept_msr(child_msrpm, direct[i], false, false);
	intercept_msr(child_msrpm, MSR_TSC, false, true);
}

void svm_intercepts_init(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(parent_msrpm); i++) {
		parent_msrpm[i] = memory_alloc(MSRPM_SIZE / PAGE_SIZE, PAGE_SIZE);
		fill_parent_msrpm(parent_msrpm[i], i);
	}
	child_msrpm = memory_alloc(MSRPM_SIZE / PAGE_SIZE, PAGE_SIZE);
	fill_child_msrpm();
	parent_iopm = memory_alloc(3, PAGE_SIZE);
	intercept_port(boot_acpi.pm1a_control);
	intercept_port(boot_acpi.pm1b_control);
	child_iopm = memory_alloc(3, PAGE_SIZE);
	memset(child_iopm, 0xff, 3 * PAGE_SIZE);
}

static void use_map(struct vmcb *v, const struct pagetable *map)
{
	if (v->n_cr3 == map->root)
		return;
	v->n_cr3 = map->root;
	v->tlb_control = TLB_FLUSH_ALL;
}

static void set_parent(struct vp *vp, struct vmcb *v)
{
	u32 native = svm(vp)->native;
	bool timer = vp->exits & VP_EXITS_TIMER;

	/* CPUID: hypervisor leaves. */
	if (!(native & MULLION_NATIVE_CPUID))
		v->intercept1 |= INTERCEPT1_CPUID;
	if (vp->exits & VP_EXITS_HLT)
		v->intercept1 |= INTERCEPT1_HLT;
	v->iopm = virt_to_phys(parent_iopm).v;
	v->msrpm = virt_to_phys(parent_msrpm[(native & MULLION_NATIVE_ICR ? MSRPM_NATIVE_ICR : 0) |
					     (timer ? MSRPM_TIMER : 0)])
			   .v;
	/* The page of an xAPIC holds the ICR and the timer. */
	use_map(v, (native & MULLION_NATIVE_ICR) && !timer ? &parent.native_map : &parent.map);
}

static void set_child(struct vp *vp, struct vmcb *v)
{
	v->intercept1 |= INTERCEPT1_INTR | INTERCEPT1_RDPMC | INTERCEPT1_CPUID | INTERCEPT1_INVD |
			 INTERCEPT1_HLT;
	v->intercept2 |= INTERCEPT2_WBINVD | INTERCEPT2_MONITOR | INTERCEPT2_MWAIT |
			 INTERCEPT2_MWAIT_ARMED | INTERCEPT2_XSETBV | INTERCEPT2_RDPRU;
	/* Delivered on a stack that is watched, or not aligned, each of them raises
	 * itself again: the CPU would do nothing else. */
	v->intercept_exceptions = BIT32(VECTOR_DB) | BIT32(VECTOR_AC);
	v->int_control |= INT_CONTROL_MASKING;
	v->iopm = virt_to_phys(child_iopm).v;
	v->msrpm = virt_to_phys(child_msrpm).v;
	v->n_cr3 = gpamap_root(&vp->child->partition->map).v;
}

void svm_intercepts_set(struct vp *vp)
{
	struct vmcb *v = vmcb_of(vp);

	/* NMI: hv kicks CPUs by it. INIT: a CPU must not fall out of hv. SHUTDOWN:
	 * to say why a guest ended. */
	v->intercept1 = INTERCEPT1_NMI | INTERCEPT1_INIT | INTERCEPT1_INVLPGA | INTERCEPT1_IOIO |
			INTERCEPT1_MSR | INTERCEPT1_SHUTDOWN;
	v->intercept2 = INTERCEPT2_VMRUN | INTERCEPT2_VMMCALL | INTERCEPT2_VMLOAD |
			INTERCEPT2_VMSAVE | INTERCEPT2_STGI | INTERCEPT2_CLGI | INTERCEPT2_SKINIT;
	v->intercept_exceptions = 0;
	if (vp->nmi_blocked)
		v->intercept1 |= INTERCEPT1_IRET;
	/* A virtual interrupt that exits instead of being taken tells when one could
	 * be. */
	v->int_control &= INT_CONTROL_TPR;
	if (vp->exits & VP_EXITS_WINDOW) {
		v->intercept1 |= INTERCEPT1_VINTR;
		v->int_control |= INT_CONTROL_IRQ | INT_CONTROL_IGNORE_TPR;
	}
	if (vp->child)
		set_child(vp, v);
	else
		set_parent(vp, v);
}
