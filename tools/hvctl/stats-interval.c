/* SPDX-License-Identifier: GPL-2.0-only */
/* hv's statistics again and again: see stats-interval.h. */
#include "stats-interval.h"

#include <stdio.h>

#include "clock.h"
#include "error.h"

enum hvctl_status stats_take(struct stats *stats, const struct shared *memory)
{
	const char *fault = stats_read(stats, memory);

	if (!fault)
		return HVCTL_OK;
	return error_report(HVCTL_FAILED, "hv's statistics are damaged: %s", fault);
}

/* Prints what was added since *before, which becomes what there is now. */
static enum hvctl_status print_interval(const struct stats_intervals *intervals,
					struct stats *before, uint64_t n)
{
	struct stats now, difference;
	enum hvctl_status status = stats_take(&now, intervals->memory);

	if (status != HVCTL_OK)
		return status;
	if (stats_difference(&difference, &now, before)) {
		status = intervals->print(intervals->context, &difference, n);
		stats_free(&difference);
	} else {
		status = error_report(HVCTL_BUSY, "out of memory");
	}
	stats_free(before);
	*before = now;
	return status;
}

static enum hvctl_status repeat(const struct stats_intervals *intervals, struct stats *before)
{
	uint64_t next = before->time_ns;

	for (uint64_t n = 0; !intervals->count || n < intervals->count; n++) {
		enum hvctl_status status;

		next += intervals->interval_ns;
		if (!clock_sleep_until(next, intervals->deadline))
			return error_report(HVCTL_TIMEOUT, "%s: the time is over", intervals->verb);
		status = print_interval(intervals, before, n);
		if (status != HVCTL_OK)
			return status;
		if (fflush(stdout) || ferror(stdout))
			return HVCTL_FAILED; /* main() reports it */
	}
	return HVCTL_OK;
}

enum hvctl_status stats_repeat(const struct stats_intervals *intervals)
{
	enum hvctl_status status;
	struct stats before;

	status = stats_take(&before, intervals->memory);
	if (status != HVCTL_OK)
		return status;
	status = repeat(intervals, &before);
	stats_free(&before);
	return status;
}
