/* SPDX-License-Identifier: GPL-2.0-only */
/* Time as nanoseconds of CLOCK_MONOTONIC. */
#ifndef HVCTL_CLOCK_H
#define HVCTL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_SECOND UINT64_C(1000000000)

uint64_t clock_now(void);

/*
 * Sleeps until the clock shows when. Returns false, without having slept longer
 * than to deadline, when deadline comes first. UINT64_MAX is no deadline.
 */
bool clock_sleep_until(uint64_t when, uint64_t deadline);

#endif
