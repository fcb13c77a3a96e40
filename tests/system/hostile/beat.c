/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The neighbour: a timer of 100 ms, memory that nobody else writes. Each beat looks
 * whether it came in time and whether the memory is as it was; each tenth is told,
 * with the longest gap of these ten.
 */
#include <hyperv/guest.h>

#include "vp.h"

#define UNITS_PER_MS 10000 /* of the reference counter */
#define PERIOD_MS 100ul
#define VECTOR 0x40
#define MEMORY ((volatile uint64_t *)0x1000000)
#define WORDS 0x100000 /* 8 MiB */
#define PART (WORDS / 64) /* looked at in one beat */

static uint64_t now(void)
{
	uint64_t value;

	if (!msr_read(HV_X64_MSR_TIME_REF_COUNT, &value))
		die("no reference counter", 0);
	return value;
}

static uint64_t expected(uint64_t i, uint64_t round)
{
	return (i + round) * 0x9e3779b97f4a7c15u;
}

/* A part of the memory is checked, and written anew for the next time. */
static void check_memory(uint64_t beats)
{
	uint64_t first = beats % (WORDS / PART) * PART, round = beats / (WORDS / PART);

	for (uint64_t i = first; i < first + PART; i++) {
		if (MEMORY[i] != (round ? expected(i, round - 1) : 0))
			die("memory has changed at", (uint64_t)&MEMORY[i]);
		MEMORY[i] = expected(i, round);
	}
}

void beat(struct vp *vp)
{
	uint64_t last, longest = 0, beats = 0;

	apic_enable();
	msr_write(HV_X64_MSR_STIMER0_COUNT, PERIOD_MS * UNITS_PER_MS);
	if (!msr_write(HV_X64_MSR_STIMER0_CONFIG, HV_STIMER_DIRECT_MODE | HV_STIMER_PERIODIC |
							  HV_STIMER_ENABLE |
							  VECTOR << HV_STIMER_VECTOR_SHIFT))
		die("no timer", 0);
	for (last = now();; beats++) {
		uint64_t interrupts = vp->interrupts, time;

		while (vp->interrupts == interrupts)
			__asm__ volatile("sti; hlt; cli" : : : "memory");
		time = now();
		if (time < last)
			die("time goes back", last - time);
		longest = time - last > longest ? time - last : longest;
		last = time;
		check_memory(beats);
		if (vp->faults)
			die("faults", vp->faults);
		if (beats % 10 == 9) {
			print("beat ");
			print_number(beats + 1);
			print(", longest gap ");
			print_number(longest / UNITS_PER_MS);
			print(" ms\n");
			longest = 0;
		}
	}
}
