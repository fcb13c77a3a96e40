/* SPDX-License-Identifier: GPL-2.0-only */
/* hv's statistics again and again: what domstats --interval and top have in common. */
#ifndef HVCTL_STATS_INTERVAL_H
#define HVCTL_STATS_INTERVAL_H

#include "hvctl.h"
#include "stats-reader.h"

/* Reads all entries in use. Errors are reported; on HVCTL_OK stats_free() follows. */
enum hvctl_status stats_take(struct stats *stats, const struct shared *memory);

struct stats_intervals {
	const struct shared *memory;
	uint64_t interval_ns;
	uint64_t count; /* of intervals; 0: without end */
	uint64_t deadline; /* clock_now() */
	const char *verb; /* for the message that the time is over */
	void *context; /* for print() */

	/* Prints what interval n (from 0) added; its output is then flushed. */
	enum hvctl_status (*print)(void *context, const struct stats *difference, uint64_t n);
};

/* Ends after count intervals, with an error of print()'s, or with HVCTL_TIMEOUT. */
enum hvctl_status stats_repeat(const struct stats_intervals *intervals);

#endif
