/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUID for the parent: the machine's own answers, with hv's leaves, without
 * what hv keeps for itself, and with the bits that mirror the guest's CR4.
 */
#include <mullion/cpuid.h>

#include "core/exits.h"
#include "core/version.h"
#include "core/vp.h"
#include "x86/asm.h"

enum {
	A,
	B,
	C,
	D
};

static void hypervisor_leaf(u32 leaf, u32 r[4])
{
	r[A] = r[B] = r[C] = r[D] = 0;
	switch (leaf) {
	case MULLION_CPUID_BASE:
		r[A] = MULLION_CPUID_MAX;
		r[B] = MULLION_SIGNATURE_EBX;
		r[C] = MULLION_SIGNATURE_ECX;
		r[D] = MULLION_SIGNATURE_EDX;
		break;
	case MULLION_CPUID_INTERFACE:
		r[A] = MULLION_PARENT_ABI;
		break;
	case MULLION_CPUID_VERSION:
		r[A] = HV_VERSION;
		r[B] = HV_PATCH;
		break;
	case MULLION_CPUID_FEATURES:
		r[A] = hv_features();
		break;
	case MULLION_CPUID_KVM_BASE: /* "KVMKVMKVM\0\0\0", and no feature behind it */
		r[A] = MULLION_CPUID_KVM_BASE + 1;
		r[B] = 0x4b4d564b;
		r[C] = 0x564b4d56;
		r[D] = 0x0000004d;
		break;
	default:
		break;
	}
}

static void native_leaf(const struct vp_mode *mode, u32 leaf, u32 subleaf, u32 r[4])
{
	struct cpuid_regs n = cpuid(leaf, subleaf);

	r[A] = n.eax;
	r[B] = n.ebx;
	r[C] = n.ecx;
	r[D] = n.edx;
	switch (leaf) {
	case 1:
		r[C] |= BIT32(31); /* a hypervisor is there */
		r[C] &= ~(BIT32(5) | BIT32(27)); /* VMX is hv's */
		/* MWAIT waits for a store that hv would not see while a child runs. */
		r[C] &= ~BIT32(3);
		if (mode->cr4 & CR4_OSXSAVE)
			r[C] |= BIT32(27);
		break;
	case 7:
		if (subleaf == 0) {
			r[B] &= ~BIT32(1); /* TSC_ADJUST: the TSC is everybody's clock */
			r[C] &= ~BIT32(4);
			if (mode->cr4 & CR4_PKE)
				r[C] |= BIT32(4);
		}
		break;
	default:
		break;
	}
	vendor->cpuid_filter(leaf, subleaf, r);
}

void exit_cpuid(struct vp *vp)
{
	u32 leaf = (u32)vp->regs.r[REG_RAX];
	u32 subleaf = (u32)vp->regs.r[REG_RCX];
	u32 r[4];

	if (leaf >= 0x40000000 && leaf < 0x50000000) {
		hypervisor_leaf(leaf, r);
	} else {
		struct vp_mode mode;

		vendor->get_mode(vp, &mode);
		native_leaf(&mode, leaf, subleaf, r);
	}
	vp->regs.r[REG_RAX] = r[A];
	vp->regs.r[REG_RBX] = r[B];
	vp->regs.r[REG_RCX] = r[C];
	vp->regs.r[REG_RDX] = r[D];
	vp_skip(vp, 2);
}
