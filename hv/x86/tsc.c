/* SPDX-License-Identifier: GPL-2.0-only */
#include "x86/tsc.h"

#include "core/log.h"
#include "x86/asm.h"

#define PM_TIMER_HZ 3579545u /* ACPI 6.5, 4.8.2.1 */
#define PM_TIMER_MASK 0xffffffu /* it may be 24 bits wide */
#define PIT_HZ 1193182u

u64 tsc_hz = 1000000000;
u64 tsc_boot;

/* The ACPI timer and the TSC at one moment: the narrowest of some tries, since something
 * may come between two reads. */
static u32 read_both(u16 port, u64 *tsc)
{
	u64 best = UINT64_MAX;
	u32 count = 0;

	*tsc = 0;
	for (u32 i = 0; i < 32; i++) {
		u64 before = rdtsc();
		u32 now = in32(port);
		u64 width = rdtsc() - before;

		if (width >= best)
			continue;
		best = width;
		*tsc = before + width / 2;
		count = now;
	}
	return count;
}

/* A tenth of a second: what is left unsure at its ends is a few millionths of that.
 * Guests live by the result, and the parent by what its kernel measures itself. */
static u64 measure_pm(u16 port)
{
	u32 span = PM_TIMER_HZ / 10, start, gone;
	u64 begin, end;

	start = read_both(port, &begin);
	for (u32 i = 0; i < 10000000; i++) {
		if (((in32(port) - start) & PM_TIMER_MASK) < span)
			continue;
		gone = (read_both(port, &end) - start) & PM_TIMER_MASK;
		return (end - begin) * PM_TIMER_HZ / gone;
	}
	return 0;
}

/* Channel 2 counts down from 1/50 s in mode 0; its output goes up at the end. */
static u64 measure_pit(void)
{
	u16 count = PIT_HZ / 50;
	u8 gate = in8(0x61);
	u64 t0, t1;
	u32 i;

	out8(0x61, (u8)((gate & 0xfc) | 1));
	out8(0x43, 0xb0);
	out8(0x42, (u8)count);
	out8(0x42, (u8)(count >> 8));
	t0 = rdtsc();
	for (i = 0; i < 10000000 && !(in8(0x61) & 0x20); i++)
		;
	t1 = rdtsc();
	out8(0x61, gate);
	return i < 10000000 ? (t1 - t0) * 50 : 0;
}

void tsc_calibrate(u16 pm_timer_port)
{
	u64 hz = pm_timer_port ? measure_pm(pm_timer_port) : 0;

	if (!hz)
		hz = measure_pit();
	if (!hz) {
		log_warn("tsc: no timer to measure it with, taking it for %lu MHz",
			 tsc_hz / 1000000);
		return;
	}
	tsc_hz = hz;
}

u64 tsc_uptime_ns(void)
{
	u64 ticks = rdtsc() - tsc_boot;

	return ticks / tsc_hz * 1000000000 + ticks % tsc_hz * 1000000000 / tsc_hz;
}

void tsc_delay_us(u64 us)
{
	u64 until = rdtsc() + us * (tsc_hz / 1000000);

	while ((s64)(rdtsc() - until) < 0)
		cpu_relax();
}
