/* SPDX-License-Identifier: GPL-2.0-only */
/* News at a pace: few are told however many there are, the first and the last among them. */
#include <event2/event.h>
#include <time.h>

#include "check.h"
#include "pace.h"

#define PERIOD_MS 50ul

static struct event_base *base;
static unsigned int state, told, told_state;

static void tell(void *context)
{
	CHECK(context == &state);
	told++;
	told_state = state;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Turns of the loop until the last state was told. */
static void settle(void)
{
	uint64_t until = now_ms() + 10000;

	while (told_state != state && now_ms() < until)
		event_base_loop(base, EVLOOP_ONCE);
	CHECK_EQ(told_state, state);
}

static void test_pace(void)
{
	struct pace *pace;
	uint64_t begin = now_ms();

	base = event_base_new();
	REQUIRE(base);
	pace = pace_new(base, PERIOD_MS, tell, &state);
	REQUIRE(pace);
	CHECK_NOTE("the first is told at once");
	state = 1;
	pace_changed(pace);
	CHECK_EQ(told_state, 1);
	CHECK_NOTE("a storm");
	while (now_ms() < begin + 6 * PERIOD_MS) {
		state++;
		pace_changed(pace);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	settle();
	CHECK(told >= 2 && told <= (now_ms() - begin) / PERIOD_MS + 2);
	CHECK_NOTE("quiet again: nothing is told without a change, then at once");
	while (event_base_loop(base, EVLOOP_ONCE) == 0)
		;
	told = 0;
	state++;
	pace_changed(pace);
	CHECK_EQ(told, 1);
	CHECK_EQ(told_state, state);
	CHECK_NOTE("freed while one waits");
	pace_changed(pace);
	pace_free(pace);
	pace_free(NULL);
	event_base_free(base);
	CHECK_EQ(told, 1);
}

int main(void)
{
	CHECK_RUN(test_pace);
	return check_done();
}
