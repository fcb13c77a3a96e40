/* SPDX-License-Identifier: GPL-2.0-only */
/* Reference time, see reftime.h. Pure. */
#include "hyperv/reftime.h"

#include <hyperv/guest.h>

static u64 multiply_high(u64 a, u64 b)
{
	return (u64)((unsigned __int128)a * b >> 64);
}

/* 2^64 * n / d, for n < d < 2^63: long division, as there is no 128-bit one without libgcc. */
static u64 fraction(u64 n, u64 d)
{
	u64 quotient = 0;

	for (int bit = 0; bit < 64; bit++) {
		n <<= 1;
		quotient <<= 1;
		if (n >= d) {
			n -= d;
			quotient |= 1;
		}
	}
	return quotient;
}

static u64 time_at(const struct reftime *t, u64 tsc)
{
	return t->frozen ? t->frozen_time : multiply_high(tsc, t->scale) + t->offset;
}

/* A reader takes scale and offset only between two equal sequences, and none of the
 * two may be 0: the page says 0 while they change, and never the same one again
 * (but after 2^32 changes). -1 was another word for "do not use". */
static void write_page(struct reftime *t)
{
	struct hv_reference_tsc_page *page = NULL;

	if (t->msr & HV_MSR_PAGE_ENABLE)
		page = t->pages->page(t->pages->ctx, t->msr >> PAGE_SHIFT);
	if (!page)
		return;
	__atomic_store_n(&page->sequence, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (t->frozen)
		return;
	__atomic_store_n(&page->scale, t->scale, __ATOMIC_RELAXED);
	__atomic_store_n(&page->offset, (s64)t->offset, __ATOMIC_RELAXED);
	t->sequence = t->sequence >= UINT32_MAX - 1 ? 1 : t->sequence + 1;
	__atomic_store_n(&page->sequence, t->sequence, __ATOMIC_RELEASE);
}

void reftime_init(struct reftime *t, const struct guest_pages *pages, u64 tsc_hz, u64 tsc)
{
	*t = (struct reftime){
		.tsc_hz = tsc_hz,
		.scale = fraction(HV_REFERENCE_HZ, tsc_hz),
		.pages = pages,
	};
	t->offset = -multiply_high(tsc, t->scale);
}

u64 reftime_read(struct reftime *t, u64 tsc)
{
	u64 time;

	spin_lock(&t->lock);
	time = time_at(t, tsc);
	spin_unlock(&t->lock);
	return time;
}

u64 reftime_to_tsc(struct reftime *t, u64 tsc, u64 time)
{
	u64 units, seconds, rest, when = UINT64_MAX;

	spin_lock(&t->lock);
	units = time_at(t, tsc);
	if (units >= time) {
		when = tsc;
	} else if (!t->frozen) {
		/* One more: the scale is rounded down, by less than a unit in 2^64 ticks. */
		units = time - units + 1;
		seconds = units / HV_REFERENCE_HZ;
		rest = (units % HV_REFERENCE_HZ * t->tsc_hz + HV_REFERENCE_HZ - 1) /
		       HV_REFERENCE_HZ;
		if (seconds < (UINT64_MAX - tsc) / t->tsc_hz)
			when = tsc + seconds * t->tsc_hz + rest;
	}
	spin_unlock(&t->lock);
	return when;
}

/* Makes it time at tsc. */
static void set(struct reftime *t, u64 tsc, u64 time, bool frozen)
{
	t->frozen = frozen;
	t->frozen_time = time;
	t->offset = time - multiply_high(tsc, t->scale);
	write_page(t);
}

void reftime_freeze(struct reftime *t, u64 tsc, bool frozen)
{
	spin_lock(&t->lock);
	set(t, tsc, time_at(t, tsc), frozen);
	spin_unlock(&t->lock);
}

void reftime_set(struct reftime *t, u64 tsc, u64 time)
{
	spin_lock(&t->lock);
	set(t, tsc, time, t->frozen);
	spin_unlock(&t->lock);
}

void reftime_write_msr(struct reftime *t, u64 value)
{
	spin_lock(&t->lock);
	WRITE_ONCE(t->msr, value);
	write_page(t);
	spin_unlock(&t->lock);
}
