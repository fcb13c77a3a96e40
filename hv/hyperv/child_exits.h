/* SPDX-License-Identifier: GPL-2.0-only */
/* Exits of a child's VP that show it a Hyper-V. Own CPU. */
#ifndef HV_HYPERV_CHILD_EXITS_H
#define HV_HYPERV_CHILD_EXITS_H

struct vp;

void child_exit_cpuid(struct vp *vp);
/* Reads and writes; vp->exit says which. */
void child_exit_msr(struct vp *vp);
void child_exit_hypercall(struct vp *vp);

#endif
