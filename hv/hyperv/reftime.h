/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A partition's reference time: 100 ns units since it was created, without those in
 * which it stood still. The guest computes it from the TSC and the three numbers
 * of a page, hv does the same sum for the MSR and the timers. Pure.
 *
 * Every "tsc" is the TSC that all of the partition's VPs see; it never goes back.
 * Each function takes the lock, and calls nothing with it but pages.
 *
 * Source: TLFS 6.0b, sections 12.4 (reference counter) and 12.7 (TSC page).
 */
#ifndef HV_HYPERV_REFTIME_H
#define HV_HYPERV_REFTIME_H

#include "core/lock.h"
#include "core/types.h"
#include "hyperv/guestpage.h"

struct reftime {
	struct spinlock lock;
	u64 tsc_hz;
	u64 scale; /* units in a tick, times 2^64 */
	u64 offset; /* time = (tsc * scale >> 64) + offset, modulo 2^64 */
	bool frozen;
	u64 frozen_time; /* while frozen */
	u64 msr; /* REFERENCE_TSC as the guest wrote it */
	u32 sequence; /* what the page got last */
	const struct guest_pages *pages; /* the owner's */
};

/* Time 0 is at this tsc. tsc_hz must be above 10 MHz: a tick is less than a unit. */
void reftime_init(struct reftime *t, const struct guest_pages *pages, u64 tsc_hz, u64 tsc);

/* The time now. */
u64 reftime_read(struct reftime *t, u64 tsc);

/* A tsc, not before the given one (now), from which on reftime_read gives at least
 * time: never too early, at most 0.3 us late. UINT64_MAX: not before something
 * changes. */
u64 reftime_to_tsc(struct reftime *t, u64 tsc, u64 time);

/* Lets the time stand still, or go on from where it stood. The page says meanwhile
 * that it is not to be used. Doing either twice is harmless. */
void reftime_freeze(struct reftime *t, u64 tsc, bool frozen);

/* Sets the time, as a restored partition needs it; frozen or not. */
void reftime_set(struct reftime *t, u64 tsc, u64 time);

/* The MSR REFERENCE_TSC: any value is fine, reserved bits are kept. A page that is
 * not the guest's remains without effect until the MSR or the time is set again. */
void reftime_write_msr(struct reftime *t, u64 value);

static inline u64 reftime_read_msr(const struct reftime *t)
{
	return READ_ONCE(t->msr);
}

#endif
