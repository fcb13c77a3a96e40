/* SPDX-License-Identifier: GPL-2.0-only */
/* What a child sees of its CPU and of Hyper-V: exits of CPUID, MSRs, hypercalls. */
#include "hyperv/child_exits.h"

#include <hyperv/status.h>

#include "core/child.h"
#include "x86/asm.h"

void child_exit_cpuid(struct vp *vp)
{
	u32 leaf = (u32)vp->regs.r[REG_RAX];
	struct cpuid_regs r = { 0 };

	if (leaf < 0x40000000 || leaf >= 0x80000000)
		r = cpuid(leaf, (u32)vp->regs.r[REG_RCX]);
	vp->regs.r[REG_RAX] = r.eax;
	vp->regs.r[REG_RBX] = r.ebx;
	vp->regs.r[REG_RCX] = r.ecx;
	vp->regs.r[REG_RDX] = r.edx;
	vp_skip(vp, 2);
}

void child_exit_msr(struct vp *vp)
{
	vp_inject_gp(vp);
}

void child_exit_hypercall(struct vp *vp)
{
	vp->regs.r[REG_RAX] = HV_STATUS_INVALID_HYPERCALL_CODE;
	vp_skip(vp, 3);
}
