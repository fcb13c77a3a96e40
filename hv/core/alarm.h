/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Alarms of one CPU: the blocked VPs that want to be woken at some time. A VP has
 * one alarm, on one CPU. Few are set at a time: a list in no order is enough.
 *
 * Any CPU may cancel an alarm, the CPU itself sets and rings them; the list's lock
 * is a leaf. Times are TSC ticks.
 */
#ifndef HV_CORE_ALARM_H
#define HV_CORE_ALARM_H

#include "core/lock.h"
#include "core/types.h"

struct alarms;

struct alarm {
	struct alarm *next, *prev;
	struct alarms *on; /* the list it is in, or NULL; changes under that list's lock */
	u64 time;
};

struct alarms {
	struct spinlock lock;
	struct alarm *first;
	u64 next; /* the earliest time in the list, UINT64_MAX if empty; read without the lock */
};

void alarms_init(struct alarms *alarms);

/* Called by the CPU that the VP is on. The alarm may be set, on any CPU: who wakes a VP
 * cancels its alarm first, and may have done so before the VP set it and blocked. */
void alarm_set(struct alarms *alarms, struct alarm *alarm, u64 time);

/* Set or not. When it returns the alarm is in no list. */
void alarm_cancel(struct alarm *alarm);

/* Takes one out whose time has come; NULL when there is none. */
struct alarm *alarm_due(struct alarms *alarms, u64 now);

/* When alarm_due has something next. */
static inline u64 alarm_next(const struct alarms *alarms)
{
	return __atomic_load_n(&alarms->next, __ATOMIC_RELAXED);
}

#endif
