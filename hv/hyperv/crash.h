/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registers by which a dying guest says why. Each VP has its own, so there is
 * no lock. Pure. Source: TLFS 6.0b, section 2.5.
 */
#ifndef HV_HYPERV_CRASH_H
#define HV_HYPERV_CRASH_H

#include <hyperv/guest.h>

#include "core/types.h"

#define CRASH_MSR_FIRST HV_X64_MSR_CRASH_P0
#define CRASH_MSR_LAST HV_X64_MSR_CRASH_CTL

struct crash {
	u64 p[5];
};

/* The guest's MSRs from CRASH_MSR_FIRST to CRASH_MSR_LAST. */
bool crash_read(const struct crash *c, u32 msr, u64 *value);

/* True: with this the guest tells that it dies, c->p says how. A text belongs to it
 * if *text_size is not 0: so many bytes at GPA *text, within one page. Neither is
 * checked against the guest's memory. */
bool crash_write(struct crash *c, u32 msr, u64 value, u64 *text, u32 *text_size);

/*
 * Copies what is worth keeping of a text, its size bytes, to kept, which holds room
 * bytes and is NUL terminated: all of it or, if it is too long, what begins with the
 * line that has Linux's reason. Of a text without one, its end. What is not printable
 * becomes '?'. Linux gives the end of its log, as much as a page holds: the trace
 * behind the reason alone can be nearly as long.
 */
void crash_keep(char *kept, u32 room, const char *text, u32 size);

#endif
