/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUID tells a child: what hv can stand for, out of what this CPU has, and
 * Hyper-V's leaves. Pure.
 *
 * Features are let through by name: what is new, or has MSRs or state that hv does not
 * switch, is hidden. So are, each with its MSRs: virtualization, MONITOR, the
 * performance counters and all kinds of tracing, power and thermal control, cache
 * allocation, SGX, memory encryption, CET, TSX, AMX and all that needs XSAVES, the TSC
 * deadline timer and TSC_ADJUST, and speculation control (SPEC_CTRL and its kin: hv
 * does not switch them yet). A partition's VPs are the cores of one package.
 *
 * Sources: Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E; TLFS 6.0b, 2.4.
 */
#ifndef HV_HYPERV_CPUID_H
#define HV_HYPERV_CPUID_H

#include "core/types.h"

struct cpuid_vp {
	/* The CPU's own answer: EAX, EBX, ECX, EDX. */
	void (*native)(u32 leaf, u32 subleaf, u32 r[4]);
	u32 index; /* of the VP; its APIC id */
	u32 count; /* of the partition's VPs, at least 1 */
	u64 cr4;
	u64 xcr0; /* as the guest has set it */
	u64 xcr0_mask; /* what it may set; 0: no XSAVE */
	u64 disabled[2]; /* HV_PARTITION_PROPERTY_PROCESSOR_FEATURES0, 1 that it has not */
	u64 synthetic; /* HV_SYNTHETIC_* */
};

/* The answer to the VP: EAX, EBX, ECX, EDX. Leaves that are not known are 0. */
void cpuid_answer(const struct cpuid_vp *vp, u32 leaf, u32 subleaf, u32 r[4]);

/* HV_ACCESS_*: the MSRs that a partition with these HV_SYNTHETIC_* has. */
u32 cpuid_access(u64 synthetic);

#endif
