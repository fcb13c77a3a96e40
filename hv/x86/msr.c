/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MSRs of the parent that exit. Those that the bitmap covers and that are not
 * intercepted go straight to the hardware; the rest comes here: hv's own, and
 * numbers outside the bitmap, which no CPU knows.
 */
#include "core/exits.h"
#include "core/log.h"
#include "core/vp.h"
#include "x86/asm.h"

void exit_msr_read(struct vp *vp)
{
	u64 value;

	if (!vendor->msr_read(vp, vp->exit.msr, &value)) {
		vp_inject_gp(vp);
		return;
	}
	vp->regs.r[REG_RAX] = (u32)value;
	vp->regs.r[REG_RDX] = value >> 32;
	vp_skip(vp, 2);
}

static bool write_common(u32 msr)
{
	switch (msr) {
	case MSR_TSC: /* every partition's clock hangs on it */
		log_warn("parent's write to the TSC ignored");
		return true;
	case MSR_PATCH_LOADER: /* microcode is loaded before hv starts */
		log_warn("parent's microcode update ignored");
		return true;
	case MSR_SYSCFG: /* memory encryption would hide RAM from hv */
		log_warn("parent's write to SYSCFG ignored");
		return true;
	default:
		return false;
	}
}

void exit_msr_write(struct vp *vp)
{
	u64 value = (u32)vp->regs.r[REG_RAX] | vp->regs.r[REG_RDX] << 32;

	if (!write_common(vp->exit.msr) && !vendor->msr_write(vp, vp->exit.msr, value)) {
		vp_inject_gp(vp);
		return;
	}
	vp_skip(vp, 2);
}
