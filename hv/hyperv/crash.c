/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest's last words, see crash.h. Pure. */
#include "hyperv/crash.h"

bool crash_read(const struct crash *c, u32 msr, u64 *value)
{
	if (msr < CRASH_MSR_FIRST || msr > CRASH_MSR_LAST)
		return false;
	*value = msr == HV_X64_MSR_CRASH_CTL ? HV_CRASH_CTL_NOTIFY | HV_CRASH_CTL_MESSAGE :
					       c->p[msr - HV_X64_MSR_CRASH_P0];
	return true;
}

bool crash_write(struct crash *c, u32 msr, u64 value, u64 *text, u32 *text_size)
{
	if (msr >= HV_X64_MSR_CRASH_P0 && msr <= HV_X64_MSR_CRASH_P4)
		c->p[msr - HV_X64_MSR_CRASH_P0] = value;
	if (msr != HV_X64_MSR_CRASH_CTL || !(value & HV_CRASH_CTL_NOTIFY))
		return false;
	*text = c->p[3];
	*text_size = value & HV_CRASH_CTL_MESSAGE ?
			     (u32)min_u64(c->p[4], PAGE_SIZE - c->p[3] % PAGE_SIZE) :
			     0;
	return true;
}
