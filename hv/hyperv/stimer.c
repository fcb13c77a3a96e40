/* SPDX-License-Identifier: GPL-2.0-only */
/* Synthetic timers, see stimer.h. Pure. */
#include "hyperv/stimer.h"

static bool running(const struct stimer *t)
{
	return t->config & HV_STIMER_ENABLE && t->count;
}

static u64 period(const struct stimer *t)
{
	return max_u64(t->count, STIMER_MIN_PERIOD);
}

/* Saturated: beyond the end of time is never. */
static u64 later(u64 time, u64 by)
{
	return by > UINT64_MAX - time ? UINT64_MAX : time + by;
}

static u32 vector(const struct stimer *t)
{
	return (u8)((t->config & HV_STIMER_VECTOR) >> HV_STIMER_VECTOR_SHIFT);
}

static u32 sint(const struct stimer *t)
{
	return (u32)((t->config & HV_STIMER_SINT) >> HV_STIMER_SINT_SHIFT);
}

/* An interrupt needs a vector, and SINT 0 takes no timers: such a timer cannot be
 * enabled. */
static void settle(struct stimer *t)
{
	bool usable = t->config & HV_STIMER_DIRECT_MODE ? vector(t) >= HV_SYNIC_FIRST_VALID_VECTOR :
							  sint(t) != 0;

	if (!usable)
		t->config &= ~HV_STIMER_ENABLE;
}

bool stimer_read(const struct stimers *t, u32 msr, u64 *value)
{
	const struct stimer *timer = &t->timer[(msr - STIMER_MSR_FIRST) / 2 % HV_STIMER_COUNT];

	*value = msr & 1 ? timer->count : timer->config;
	return msr >= STIMER_MSR_FIRST && msr <= STIMER_MSR_LAST;
}

bool stimer_write(struct stimers *t, u32 msr, u64 value, u64 now)
{
	struct stimer *timer = &t->timer[(msr - STIMER_MSR_FIRST) / 2 % HV_STIMER_COUNT];

	if (msr < STIMER_MSR_FIRST || msr > STIMER_MSR_LAST ||
	    (!(msr & 1) && value & HV_STIMER_RESERVED))
		return false;
	timer->undelivered = false;
	if (!(msr & 1)) {
		timer->config = value;
	} else {
		timer->count = value;
		if (!value)
			timer->config &= ~HV_STIMER_ENABLE;
		else if (timer->config & HV_STIMER_AUTO_ENABLE)
			timer->config |= HV_STIMER_ENABLE;
	}
	settle(timer);
	timer->next = timer->config & HV_STIMER_PERIODIC ? later(now, period(timer)) : timer->count;
	return true;
}

u64 stimer_deadline(const struct stimers *t)
{
	u64 deadline = UINT64_MAX;

	for (u32 i = 0; i < HV_STIMER_COUNT; i++) {
		if (running(&t->timer[i]))
			deadline = min_u64(deadline, t->timer[i].next);
	}
	return deadline;
}

static void expire(struct stimer *t, u64 now, struct synic *s)
{
	if (!t->undelivered)
		t->expired = t->next;
	if (t->config & HV_STIMER_DIRECT_MODE)
		vector_add(&s->due, vector(t));
	else
		t->undelivered = true;
	if (t->config & HV_STIMER_PERIODIC)
		t->next = later(t->next, ((now - t->next) / period(t) + 1) * period(t));
	else
		t->config &= ~HV_STIMER_ENABLE;
}

static bool post(const struct stimer *t, u32 index, u64 now, struct synic *s)
{
	struct hv_message message = {
		.header = { .message_type = HVMSG_TIMER_EXPIRED,
			    .payload_size = sizeof(struct hv_timer_message) },
		/* struct hv_timer_message */
		.payload = { index, t->expired, now },
	};

	return synic_try_post(s, sint(t), &message);
}

void stimer_run(struct stimers *t, u64 now, struct synic *s)
{
	for (u32 i = 0; i < HV_STIMER_COUNT; i++) {
		struct stimer *timer = &t->timer[i];

		if (running(timer) && timer->next <= now)
			expire(timer, now, s);
		if (timer->undelivered)
			timer->undelivered = !post(timer, i, now, s);
	}
}
