/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VMM has CPUID tell a VP in place of hv's own answer
 * (HVCALL_REGISTER_INTERCEPT_RESULT). Pure.
 *
 * It cannot say what hv alone knows: OSXSAVE and OSPKE, which mirror CR4; the XSAVE
 * area, which is as hv switches it; Hyper-V's leaves, which say what hv serves.
 */
#ifndef HV_HYPERV_OVERRIDE_H
#define HV_HYPERV_OVERRIDE_H

#include <hyperv/hypercall.h>

#include "core/types.h"

#define OVERRIDES_MAX 90u

/* A page of the partition's pool. Zero: empty. */
struct overrides {
	u32 count;
	struct hv_x64_cpuid_result cpuid[OVERRIDES_MAX];
};

/* Registers one, in place of one for the same leaf and subleaf. HV_STATUS:
 * INVALID_PARAMETER, or NO_RESOURCES when there is no room. */
u16 override_register(struct overrides *o, const struct hv_x64_cpuid_result *result);

/* Changes hv's answer r, which is EAX, EBX, ECX, EDX. o may be NULL. */
void override_apply(const struct overrides *o, u32 leaf, u32 subleaf, u32 r[4]);

#endif
