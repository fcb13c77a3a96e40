/* SPDX-License-Identifier: GPL-2.0-only */
/* Time as nanoseconds of CLOCK_MONOTONIC. */
#include "clock.h"

#include <errno.h>
#include <time.h>

uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
	return (uint64_t)now.tv_sec * CLOCK_SECOND + (uint64_t)now.tv_nsec;
}

bool clock_sleep_until(uint64_t when, uint64_t deadline)
{
	uint64_t end = when < deadline ? when : deadline;
	struct timespec time = {
		.tv_sec = (time_t)(end / CLOCK_SECOND),
		.tv_nsec = (long)(end % CLOCK_SECOND),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
		;
	return when <= deadline;
}
