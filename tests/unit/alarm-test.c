/* SPDX-License-Identifier: GPL-2.0-only */
/* hv/core/alarm.h: random sets, cancels and rings on several CPUs against a model. */
#include "check.h"

#include "core/alarm.h"

#define CPUS 3
#define ALARMS 6

static struct alarms cpus[CPUS];
static struct alarm alarms[ALARMS];
static struct {
	int cpu; /* where it is set, or -1 */
	uint64_t time;
} model[ALARMS];

/* Each list holds what the model says, linked both ways, and ends. */
static void check_lists(void)
{
	for (int cpu = 0; cpu < CPUS; cpu++) {
		uint64_t next = UINT64_MAX, count = 0, expected = 0;
		const struct alarm *before = NULL;

		for (const struct alarm *a = cpus[cpu].first; a; before = a, a = a->next) {
			REQUIRE(++count <= ALARMS);
			CHECK(a->prev == before);
			CHECK(a->on == &cpus[cpu]);
			CHECK_EQ(model[a - alarms].cpu, cpu);
			CHECK_EQ(model[a - alarms].time, a->time);
		}
		for (int i = 0; i < ALARMS; i++) {
			if (model[i].cpu != cpu)
				continue;
			expected++;
			next = model[i].time < next ? model[i].time : next;
		}
		CHECK_EQ(count, expected);
		CHECK_EQ(alarm_next(&cpus[cpu]), next);
	}
}

static void ring(int cpu, uint64_t now)
{
	const struct alarm *a;
	uint64_t rung = 0, due = 0;

	for (int i = 0; i < ALARMS; i++)
		due += model[i].cpu == cpu && model[i].time <= now;
	while ((a = alarm_due(&cpus[cpu], now))) {
		REQUIRE(++rung <= ALARMS);
		CHECK(!a->on);
		CHECK_EQ(model[a - alarms].cpu, cpu);
		CHECK(model[a - alarms].time <= now);
		model[a - alarms].cpu = -1;
	}
	CHECK_EQ(rung, due);
}

static void a_walk(void)
{
	uint64_t now = 0;

	check_seed(0x616c61);
	for (int cpu = 0; cpu < CPUS; cpu++)
		alarms_init(&cpus[cpu]);
	for (int i = 0; i < ALARMS; i++)
		model[i].cpu = -1;
	for (int step = 0; step < 200000; step++) {
		int i = (int)check_below(ALARMS), cpu = (int)check_below(CPUS);

		now += check_below(5);
		switch (check_below(4)) {
		case 0: /* set, on this list, on another or on none */
		case 1:
			model[i].cpu = cpu;
			model[i].time = now + check_below(40);
			alarm_set(&cpus[cpu], &alarms[i], model[i].time);
			break;
		case 2:
			model[i].cpu = -1;
			alarm_cancel(&alarms[i]);
			CHECK(!alarms[i].on);
			break;
		default:
			ring(cpu, now);
		}
		check_lists();
	}
}

int main(void)
{
	CHECK_RUN(a_walk);
	return check_done();
}
