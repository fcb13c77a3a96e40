/* SPDX-License-Identifier: GPL-2.0-only */
/* Exits of a child's VP that show it a Hyper-V. Own CPU but for child_cpuid. */
#ifndef HV_HYPERV_CHILD_EXITS_H
#define HV_HYPERV_CHILD_EXITS_H

#include "core/types.h"

struct child;
struct vp;

void child_exit_cpuid(struct vp *vp);
/* What CPUID tells a VP with this XCR0: EAX, EBX, ECX, EDX. The VP has settled and the
 * partition's lock is held, or the caller is on its CPU. */
void child_cpuid(const struct child *c, u32 leaf, u32 subleaf, u64 xcr0, bool overridden, u32 r[4]);
/* Reads and writes; vp->exit says which. */
void child_exit_msr(struct vp *vp);
void child_exit_hypercall(struct vp *vp);

#endif
