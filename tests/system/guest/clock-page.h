/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the parent asks a guest for the time: a page of the guest's memory, which both
 * have mapped. The parent counts question up; the guest fills in its clocks, then
 * sets answer to the same number.
 */
#ifndef CLOCK_PAGE_H
#define CLOCK_PAGE_H

#include <stdint.h>

struct clock_page {
	uint64_t question;
	uint64_t answer;
	uint64_t monotonic; /* CLOCK_MONOTONIC, nanoseconds */
	uint64_t raw; /* CLOCK_MONOTONIC_RAW */
};

#endif
