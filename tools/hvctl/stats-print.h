/* SPDX-License-Identifier: GPL-2.0-only */
/* Statistics of partitions as tables for people and as JSON. */
#ifndef HVCTL_STATS_PRINT_H
#define HVCTL_STATS_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "json.h"
#include "stats-reader.h"

struct stats_view {
	bool rates; /* counters are differences over time_ns: print them per second */
	bool totals; /* the partition's sums too */
	bool headings;
	const char *name; /* the partition's, ready for a terminal; NULL: not known */
	sd_json_variant *about; /* an object with further fields for JSON; NULL: none */
};

/*
 * The tables of one partition: times of each VP; how they shared CPUs, where they
 * did; exits by reason, reasons that never occurred left out. False when memory ran out.
 */
bool stats_print(FILE *out, const struct stats *stats, uint32_t partition,
		 const struct stats_view *view);

/*
 * Appends an object with all counters of one partition to an array. Returns
 * what sd-json returns.
 */
int stats_json(sd_json_variant **array, const struct stats *stats, uint32_t partition,
	       const struct stats_view *view);

#endif
