/* SPDX-License-Identifier: GPL-2.0-only */
/* The parent's VPs: one for each CPU, and always there. */
#ifndef HV_CORE_PARENT_VP_H
#define HV_CORE_PARENT_VP_H

#include "core/vp.h"

/* Makes the parent's VP for a CPU; boot CPU, before the CPU enters cpu_loop. */
struct vp *parent_vp_create(struct cpu *cpu);

/* Own CPU: takes the APIC as firmware left it. */
void parent_vp_init_lapic(struct vp *vp);

/* Own CPU: enters guest mode once and handles the exit. */
void parent_vp_run(struct vp *vp);

/* Own CPU: answers requests whose NMI has not come yet. It may not come: QEMU's emulation
 * loses one that is sent while the CPU enters guest mode with a virtual interrupt. Returns
 * false when there is none. */
bool cpu_take_requests(struct cpu *cpu);

/* Own CPU: opens the gate by one of the vendor's functions and answers what came
 * in: requests of other CPUs, a real NMI, an interrupt. */
void cpu_let_in(struct cpu *cpu, void (*open)(void));

/* Own CPU: the parent, halted or not, goes on, before others. */
void parent_vp_wake(struct vp *vp);

/* Own CPU, a child's turn: the parent goes on with that vector, which spares the child an
 * entry that the interrupt would end at once. */
void parent_vp_take(struct vp *vp, u8 vector);

#endif
