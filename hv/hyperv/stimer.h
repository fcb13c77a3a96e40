/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VP's four synthetic timers. Pure: "now" is the partition's reference time
 * (reftime.h), 100 ns. They are guarded by the lock of the VP's SynIC, which every
 * function is called with.
 *
 * A timer runs while it is enabled and its count is not 0. A periodic one expires at
 * fixed distances from when it was started; when hv comes late it expires once for
 * all that were missed (the TLFS's way for lazy timers, here for all). A message that
 * the guest has no room for stays with its timer, which goes on.
 *
 * Source: TLFS 6.0b, section 12.5.
 */
#ifndef HV_HYPERV_STIMER_H
#define HV_HYPERV_STIMER_H

#include <hyperv/guest.h>

#include "core/types.h"
#include "hyperv/synic.h"

#define STIMER_MSR_FIRST HV_X64_MSR_STIMER0_CONFIG
#define STIMER_MSR_LAST HV_X64_MSR_STIMER3_COUNT

/* The shortest period, 100 us: a guest cannot keep a CPU busy with less. */
#define STIMER_MIN_PERIOD 1000u

struct stimer {
	u64 config; /* HV_STIMER_* */
	u64 count; /* one-shot: when it expires; periodic: its period */
	u64 next; /* while it runs: when it expires */
	u64 expired; /* while undelivered: when it did */
	bool undelivered; /* a message waits for its slot */
};

struct stimers {
	struct stimer timer[HV_STIMER_COUNT];
};

/* The guest's MSRs from STIMER_MSR_FIRST to STIMER_MSR_LAST. False: #GP, nothing has
 * changed. After a write stimer_run does what may be due at once. A write drops an
 * undelivered message of the timer's. */
bool stimer_read(const struct stimers *t, u32 msr, u64 *value);
bool stimer_write(struct stimers *t, u32 msr, u64 value, u64 now);

/* When stimer_run has something to do next; UINT64_MAX: not before a timer is set or
 * the guest writes EOM. */
u64 stimer_deadline(const struct stimers *t);

/* Lets expire what is due, and delivers messages that wait. Harmless when there is
 * nothing; to be called at the deadline and after the guest wrote a SynIC's MSR. */
void stimer_run(struct stimers *t, u64 now, struct synic *s);

#endif
