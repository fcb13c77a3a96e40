/* SPDX-License-Identifier: GPL-2.0-only */
#include "x86/ptimer.h"

#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/tsc.h"
#include "x86/vlapic.h"

/* LVT timer (Intel SDM volume 3, 11.5.4). */
#define LVT_MODE(lvt) ((lvt) >> 17 & 3)
#define LVT_ONE_SHOT 0
#define LVT_PERIODIC 1
#define LVT_DEADLINE 2
#define LVT_MODE_DEADLINE ((u32)LVT_DEADLINE << 17)
#define TDCR_BY_1 0x0bu

/* TSC ticks for each tick of the timer undivided and the inverse, 32 bits behind
 * the binary point. */
static u64 tsc_per_tick;
static u64 tick_per_tsc;

static u64 scale(u64 value, u64 factor)
{
	unsigned __int128 product = (unsigned __int128)value * factor;

	return product >> 96 ? UINT64_MAX : (u64)(product >> 32);
}

/* The counter and the TSC at one moment: the narrowest of some tries, since something
 * may come between two reads. */
static u32 read_both(u64 *tsc)
{
	u64 best = UINT64_MAX;
	u32 count = 0;

	*tsc = 0;
	for (u32 i = 0; i < 16; i++) {
		u64 before = rdtsc();
		u32 now = apic_read(APIC_TMCCT);
		u64 width = rdtsc() - before;

		if (width >= best)
			continue;
		best = width;
		*tsc = before + width / 2;
		count = now;
	}
	return count;
}

void ptimer_calibrate(void)
{
	u64 begin, end, ticks;
	u32 first;

	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
	apic_write(APIC_TDCR, TDCR_BY_1);
	apic_write(APIC_TMICT, UINT32_MAX);
	first = read_both(&begin);
	tsc_delay_us(10000);
	ticks = max_u64(first - read_both(&end), 1);
	apic_write(APIC_TMICT, 0);
	tsc_per_tick = ((end - begin) << 32) / ticks;
	tick_per_tsc = (ticks << 32) / (end - begin);
}

/* Divide configuration: bits 3, 1 and 0 are a power of two less one, 7 divides
 * by 1. */
static u64 divisor(u32 tdcr)
{
	return 1ul << ((((tdcr >> 1 & 4) | (tdcr & 3)) + 1) & 7);
}

static u64 count_to_tsc(u32 count, u32 tdcr)
{
	return scale(count * divisor(tdcr), tsc_per_tick);
}

/* Rather too long, by as much as the calibration may be wrong: who is called must find
 * that its time has come. */
static u32 tsc_to_count(u64 tsc, u32 tdcr)
{
	return (u32)min_u64(scale(tsc + tsc / 4096, tick_per_tsc) / divisor(tdcr) + 1, UINT32_MAX);
}

static u8 parent_vector(const struct ptimer *t)
{
	return t->lvt & APIC_LVT_MASKED ? 0 : (u8)t->lvt;
}

static void start(struct ptimer *t, u64 now, u64 when, u8 vector)
{
	u64 left = when > now ? when - now : 0;

	if (t->set_for == when && t->set_vector == vector)
		return;
	t->set_for = when;
	t->set_vector = vector;
	if (LVT_MODE(t->lvt) == LVT_DEADLINE) {
		apic_write(APIC_LVT_TIMER, LVT_MODE_DEADLINE | vector);
		wrmsr(MSR_TSC_DEADLINE, when == PTIMER_NEVER ? 0 : when);
		return;
	}
	apic_write(APIC_LVT_TIMER, vector);
	apic_write(APIC_TMICT, when == PTIMER_NEVER ? 0 : tsc_to_count(left, TDCR_BY_1));
}

void ptimer_take(struct ptimer *t, u64 now)
{
	u32 left = apic_read(APIC_TMCCT);

	t->taken = true;
	t->lvt = apic_read(APIC_LVT_TIMER);
	t->tdcr = apic_read(APIC_TDCR);
	t->tmict = apic_read(APIC_TMICT);
	t->period = LVT_MODE(t->lvt) == LVT_PERIODIC ? count_to_tsc(t->tmict, t->tdcr) : 0;
	if (LVT_MODE(t->lvt) == LVT_DEADLINE)
		t->due = rdmsr(MSR_TSC_DEADLINE) ? rdmsr(MSR_TSC_DEADLINE) : PTIMER_NEVER;
	else
		t->due = t->tmict ? now + count_to_tsc(left, t->tdcr) : PTIMER_NEVER;
	t->direct = false;
	t->set_for = 0;
	apic_write(APIC_TDCR, TDCR_BY_1);
}

void ptimer_give_back(struct ptimer *t, u64 now)
{
	u64 left = t->due > now ? t->due - now : 0;

	t->taken = false;
	apic_write(APIC_TDCR, t->tdcr);
	apic_write(APIC_LVT_TIMER, t->lvt);
	if (LVT_MODE(t->lvt) == LVT_DEADLINE)
		wrmsr(MSR_TSC_DEADLINE, t->due == PTIMER_NEVER ? 0 : t->due);
	else if (t->period)
		apic_write(APIC_TMICT, t->tmict);
	else
		apic_write(APIC_TMICT, t->due == PTIMER_NEVER ? 0 : tsc_to_count(left, t->tdcr));
}

/*
 * The parent's expiry has come. In direct mode the hardware has raised its vector, or
 * is about to: a counter can stand at 0 a while before (an emulated one does). Unless
 * it is seen to be raised hv does it: the parent minds one too many less than one too
 * few.
 */
static void expire(struct ptimer *t, u64 now)
{
	bool raised = t->direct;

	if (t->due > now)
		return;
	if (raised && LVT_MODE(t->lvt) != LVT_DEADLINE && !apic_test(APIC_IRR, parent_vector(t))) {
		apic_write(APIC_TMICT, 0);
		raised = false;
	}
	t->set_for = 0;
	t->direct = false;
	if (!raised && parent_vector(t))
		apic_send_self(parent_vector(t));
	if (!t->period)
		t->due = PTIMER_NEVER;
	else
		t->due += t->period * ((now - t->due) / t->period + 1);
}

void ptimer_set(struct ptimer *t, u64 now, u64 deadline, u8 vector)
{
	u64 due;

	expire(t, now);
	due = parent_vector(t) ? t->due : PTIMER_NEVER;
	t->direct = deadline == PTIMER_NEVER && !t->period && due != PTIMER_NEVER;
	start(t, now, min_u64(due, deadline), t->direct ? parent_vector(t) : vector);
}

void ptimer_fired(struct ptimer *t)
{
	t->set_for = 0;
}

bool ptimer_owns(const struct ptimer *t, u32 reg)
{
	return t->taken && (reg == APIC_LVT_TIMER || reg == APIC_TMICT || reg == APIC_TMCCT ||
			    reg == APIC_TDCR);
}

static void restart(struct ptimer *t, u64 now)
{
	u64 length = count_to_tsc(t->tmict, t->tdcr);

	t->period = LVT_MODE(t->lvt) == LVT_PERIODIC ? length : 0;
	t->due = t->tmict ? now + length : PTIMER_NEVER;
	t->direct = false; /* the hardware knows nothing of this one yet */
}

void ptimer_write(struct ptimer *t, u64 now, u32 reg, u32 value)
{
	switch (reg) {
	case APIC_LVT_TIMER:
		if (LVT_MODE(value) != LVT_MODE(t->lvt)) {
			t->due = PTIMER_NEVER;
			t->period = 0;
		}
		t->lvt = value;
		t->set_for = 0;
		break;
	case APIC_TDCR:
		t->tdcr = value;
		break;
	case APIC_TMICT:
		if (LVT_MODE(t->lvt) == LVT_DEADLINE)
			break;
		t->tmict = value;
		restart(t, now);
		break;
	default: /* TMCCT cannot be written */
		break;
	}
}

u32 ptimer_read(const struct ptimer *t, u64 now, u32 reg)
{
	if (reg != APIC_TMCCT || t->due == PTIMER_NEVER || t->due <= now)
		return 0;
	return tsc_to_count(t->due - now, t->tdcr);
}

void ptimer_write_deadline(struct ptimer *t, u64 tsc)
{
	if (LVT_MODE(t->lvt) != LVT_DEADLINE)
		return;
	t->due = tsc ? tsc : PTIMER_NEVER;
	t->direct = false;
}

u64 ptimer_read_deadline(const struct ptimer *t, u64 now)
{
	bool running = LVT_MODE(t->lvt) == LVT_DEADLINE && t->due != PTIMER_NEVER && t->due > now;

	return running ? t->due : 0;
}
