/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/core/sched.c: the input is a program of calls, three bytes each. After each
 * call every VP has to be in one place; in the end each has to get a CPU.
 */
#include <stdlib.h>

#include "core/sched.h"

#define CPUS 3
#define CHILDREN 6
#define MS 1000ul /* 1 MHz */

static struct sched_vp parents[CPUS], children[CHILDREN];
static struct sched_vp *current[CPUS];
static bool online[CPUS];
static uint64_t now;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool ok)
{
	if (!ok)
		abort();
}

static void kick(u32 cpu)
{
	need(cpu < CPUS);
}

static void pick(uint32_t cpu)
{
	current[cpu] = sched_pick(cpu, now);
	if (current[cpu]) {
		need(current[cpu]->state == SCHED_RUNNING);
		need(current[cpu]->mask[0] >> cpu & 1);
		need(current[cpu]->parent || online[cpu]);
	}
	need(sched_deadline(cpu) >= now || sched_deadline(cpu) == 0);
}

static void check_vp(const struct sched_vp *vp)
{
	uint32_t on = 0;

	for (uint32_t c = 0; c < CPUS; c++)
		on += current[c] == vp;
	need(on == (vp->state == SCHED_RUNNING));
	need(vp->cpu < CPUS);
	if (vp->parent) {
		need(vp == &parents[vp->cpu]);
		return;
	}
	need(vp->state != SCHED_QUEUED || (vp->mask[0] >> vp->cpu & 1 && online[vp->cpu]));
	for (uint32_t c = 0; c < CPUS && vp->state == SCHED_STRANDED; c++)
		need(!(vp->mask[0] >> c & 1 && online[c]));
}

static void set_online(uint32_t cpu, bool on)
{
	online[cpu] = on;
	sched_set_cpu_online(cpu, on, now);
}

static void start(void)
{
	static bool initialised;

	if (!initialised)
		sched_init(1000 * MS, kick);
	initialised = true;
	for (uint32_t c = 0; c < CPUS; c++) {
		sched_cpu_init(c, &parents[c]);
		set_online(c, true);
	}
	for (uint32_t i = 0; i < CHILDREN; i++)
		sched_add(&children[i]);
}

static void remove_child(struct sched_vp *vp)
{
	for (uint32_t c = 0; c < CPUS && !sched_remove(vp, now); c++)
		pick(c);
	need(sched_remove(vp, now));
}

static void call(uint8_t what, uint8_t which, uint8_t value)
{
	uint32_t cpu = which % CPUS;
	struct sched_vp *vp = &children[which % CHILDREN];
	uint64_t mask[SCHED_MASK_WORDS] = { value % 8 };

	now += value;
	switch (what % 10) {
	case 0:
		sched_wake(vp, now);
		break;
	case 1:
		if (sched_block(cpu, now))
			current[cpu] = NULL;
		break;
	case 2:
		sched_boost(cpu, now);
		break;
	case 3:
		sched_yield_to(cpu, vp, now);
		break;
	case 4:
		sched_set_params(vp, value * 40u, value % 3 * 9000u, value % 4 * 9000u, now);
		break;
	case 5:
		sched_set_affinity(vp, mask, now);
		break;
	case 6:
		set_online(cpu, value & 1);
		break;
	case 7:
		remove_child(vp);
		sched_add(vp);
		break;
	case 8:
		now += value * MS;
		break;
	default:
		pick(cpu);
		break;
	}
}

/* Everybody runs when all may, and is gone when it is over. */
static void finish(void)
{
	uint64_t all[SCHED_MASK_WORDS] = { 7 }, ran[CHILDREN] = { 0 };

	for (uint32_t c = 0; c < CPUS; c++)
		set_online(c, true);
	for (uint32_t i = 0; i < CHILDREN; i++) {
		need(sched_set_params(&children[i], 100, 0, 0, now));
		need(sched_set_affinity(&children[i], all, now));
		sched_wake(&children[i], now);
		ran[i] = children[i].stats.run;
	}
	for (uint32_t i = 0; i < 100; i++) {
		now += 50 * MS;
		for (uint32_t c = 0; c < CPUS; c++)
			pick(c);
	}
	for (uint32_t i = 0; i < CHILDREN; i++) {
		need(sched_read_stats(&children[i], now).run - ran[i] > 50 * MS);
		remove_child(&children[i]);
	}
	for (uint32_t c = 0; c < CPUS; c++) {
		while (sched_pick(c, now))
			need(sched_block(c, now));
		current[c] = NULL;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	start();
	for (; size >= 3; data += 3, size -= 3) {
		call(data[0], data[1], data[2]);
		for (uint32_t i = 0; i < CHILDREN; i++)
			check_vp(&children[i]);
		for (uint32_t c = 0; c < CPUS; c++)
			check_vp(&parents[c]);
	}
	finish();
	return 0;
}
