/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/alarm.h"

void alarms_init(struct alarms *alarms)
{
	alarms->first = NULL;
	alarms->next = UINT64_MAX;
}

static void find_next(struct alarms *alarms)
{
	u64 next = UINT64_MAX;

	for (const struct alarm *a = alarms->first; a; a = a->next)
		next = min_u64(next, a->time);
	__atomic_store_n(&alarms->next, next, __ATOMIC_RELAXED);
}

static void take_out(struct alarms *alarms, struct alarm *alarm)
{
	if (alarm->prev)
		alarm->prev->next = alarm->next;
	else
		alarms->first = alarm->next;
	if (alarm->next)
		alarm->next->prev = alarm->prev;
	__atomic_store_n(&alarm->on, NULL, __ATOMIC_RELEASE);
	find_next(alarms);
}

void alarm_cancel(struct alarm *alarm)
{
	struct alarms *alarms;

	while ((alarms = __atomic_load_n(&alarm->on, __ATOMIC_ACQUIRE))) {
		spin_lock(&alarms->lock);
		if (alarm->on == alarms)
			take_out(alarms, alarm);
		spin_unlock(&alarms->lock);
	}
}

void alarm_set(struct alarms *alarms, struct alarm *alarm, u64 time)
{
	alarm_cancel(alarm);
	spin_lock(&alarms->lock);
	alarm->time = time;
	alarm->prev = NULL;
	alarm->next = alarms->first;
	if (alarm->next)
		alarm->next->prev = alarm;
	alarms->first = alarm;
	alarm->on = alarms;
	find_next(alarms);
	spin_unlock(&alarms->lock);
}

struct alarm *alarm_due(struct alarms *alarms, u64 now)
{
	struct alarm *alarm;

	if (alarm_next(alarms) > now)
		return NULL;
	spin_lock(&alarms->lock);
	for (alarm = alarms->first; alarm && alarm->time > now; alarm = alarm->next)
		;
	if (alarm)
		take_out(alarms, alarm);
	spin_unlock(&alarms->lock);
	return alarm;
}
