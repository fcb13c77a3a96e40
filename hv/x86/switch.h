/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registers that the world switch leaves alone: they stay in the CPU when hv
 * runs and when the same VP goes on, and are exchanged when another VP follows.
 * Extended state (XSAVE), XCR0, debug registers 0 to 3 and TSC_AUX.
 *
 * Exchanged eagerly: no VP ever runs with another one's registers, not even
 * speculatively.
 */
#ifndef HV_X86_SWITCH_H
#define HV_X86_SWITCH_H

#include "core/types.h"

struct cpu;
struct vp;

struct switched {
	void *area; /* XSAVE's standard format, page aligned */
	u64 xcr0;
	u64 dr[4];
	u64 tsc_aux;
	struct cpu *on; /* whose registers are this VP's, if that CPU agrees (loaded) */
};

/* Boot CPU, before CPUs and VPs are made: what the CPU has. Children need XSAVE:
 * returns false without it. */
bool switch_init(void);

/* Pages that a parent's area needs; a child's is one. */
u64 switch_pages(void);

/* Bits that a child's XCR0 may have; 0: there are no children. */
u64 switch_child_xcr0(void);

/* The state of a child after power-on. */
void switch_reset(struct switched *s);

/* Own CPU: its registers are this VP's from here on. */
void switch_to(struct vp *vp);

/* Own CPU: a child's turn ends. What of it is in the CPU is in memory too, so that
 * it can go on elsewhere. */
void switch_leave(struct vp *vp);

/* Own CPU: the VP, whose registers are in it, changes its XCR0 to a valid value. */
void switch_set_xcr0(struct vp *vp, u64 value);

/* Can a child's XCR0 have this value? */
bool switch_xcr0_valid(u64 value);

/* A child that is on no CPU: a page of the parent's with a state in XSAVE's standard
 * format becomes its own. Returns false, nothing changed, when XRSTOR would not take
 * it. */
bool switch_import(struct switched *s, u64 gpa);

/* A child that is on no CPU: sets size bytes of the legacy area (x87, SSE), at offset.
 * Returns false, nothing changed, when XRSTOR would not take it. */
bool switch_set_legacy(struct switched *s, u32 offset, const void *from, u32 size);

#endif
