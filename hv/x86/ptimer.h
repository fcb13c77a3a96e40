/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The physical local APIC's timer of one CPU, shared by the parent and hv.
 *
 * While no child exists the timer is the parent's and hv does not touch it. When
 * hv wants to be called at some time it takes the timer: the parent's accesses to
 * its registers then come here, and the hardware runs for whichever of the two
 * is due first, always as one shot.
 *
 * If hv wants nothing, the hardware raises the parent's own vector and hv is not
 * involved in its tick at all (direct). Else it raises hv's vector, and hv raises
 * the parent's when that is due.
 *
 * Own CPU alone. Times are TSC ticks.
 */
#ifndef HV_X86_PTIMER_H
#define HV_X86_PTIMER_H

#include "core/types.h"

#define PTIMER_NEVER UINT64_MAX

struct ptimer {
	bool taken;
	/* What the parent has written. */
	u32 lvt;
	u32 tdcr;
	u32 tmict;
	u64 due; /* when the parent's timer expires, or PTIMER_NEVER */
	u64 period; /* 0: one shot */
	/* What the hardware does. */
	u64 set_for; /* or PTIMER_NEVER */
	u8 set_vector;
	bool direct; /* it raises the parent's vector */
};

/* Boot CPU, before the parent runs: how fast the timers count. */
void ptimer_calibrate(void);

void ptimer_take(struct ptimer *t, u64 now);
void ptimer_give_back(struct ptimer *t, u64 now);

/* The timer is taken: raises the parent's vector if that is due, then sets the
 * hardware for the parent's next expiry or for deadline, at which it raises vector. */
void ptimer_set(struct ptimer *t, u64 now, u64 deadline, u8 vector);

/* The vector of hv's came, so the hardware may have stopped. */
void ptimer_fired(struct ptimer *t);

/* The timer is taken: is reg (offset in the APIC's page) one of its registers? */
bool ptimer_owns(const struct ptimer *t, u32 reg);

/* The parent's accesses to these. ptimer_set is to follow a write. */
void ptimer_write(struct ptimer *t, u64 now, u32 reg, u32 value);
u32 ptimer_read(const struct ptimer *t, u64 now, u32 reg);
void ptimer_write_deadline(struct ptimer *t, u64 tsc);
u64 ptimer_read_deadline(const struct ptimer *t, u64 now);

#endif
