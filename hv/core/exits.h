/* SPDX-License-Identifier: GPL-2.0-only */
/* The handlers of VM exits that are more than a few lines; the table in vp.c
 * leads to them. Each runs on the VP's own CPU. */
#ifndef HV_CORE_EXITS_H
#define HV_CORE_EXITS_H

struct vp;

void exit_cpuid(struct vp *vp); /* x86/cpuid.c */
void exit_msr_read(struct vp *vp); /* x86/msr.c */
void exit_msr_write(struct vp *vp);
void exit_apic_icr(struct vp *vp); /* x86/apic_exit.c */
void exit_apic_msr(struct vp *vp);
void exit_gpa_fault(struct vp *vp);
void apic_take_over(struct vp *vp); /* learns what the parent wrote past hv */
void exit_io(struct vp *vp); /* x86/io.c */
void exit_hypercall(struct vp *vp); /* core/hypercall.c */

#endif
