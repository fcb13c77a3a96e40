/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading hv's statistics (mullion/stats.h) into a copy, in nanoseconds.
 * Nothing of what hv wrote is believed before it is checked.
 */
#ifndef HVCTL_STATS_READER_H
#define HVCTL_STATS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mullion/stats.h>

#include "shared.h"

struct vp_stats {
	uint32_t partition;
	uint32_t vp;
	uint32_t cpu;
	uint32_t state; /* enum mullion_vp_state, or what else hv wrote */
	uint64_t entries;
	uint64_t guest_ns;
	uint64_t hv_ns;
	uint64_t wait_ns;
	uint64_t ready_ns; /* it could have run but another VP did */
	uint64_t interrupts;
	uint64_t steals; /* times it went on at another CPU */
	uint64_t preemptions; /* times it lost a CPU that it could have used on */
	uint64_t messages; /* times it stopped for its runner */
	uint64_t exits[MULLION_EXIT_COUNT];
};

struct stats {
	struct vp_stats *vps; /* by partition, then VP; owned */
	size_t count;
	uint64_t time_ns; /* clock_now() when it was read */
};

/* Reads all entries in use. Returns NULL, or a static text: what is wrong. */
const char *stats_read(struct stats *stats, const struct shared *memory);
void stats_free(struct stats *stats);

/*
 * What was added since earlier, with the time between them as time_ns. VPs that
 * earlier does not have count from 0. False when memory ran out; else the
 * caller frees *difference.
 */
bool stats_difference(struct stats *difference, const struct stats *later,
		      const struct stats *earlier);

/* The sum over a partition's VPs; vp, cpu and state are 0. */
struct vp_stats stats_total(const struct stats *stats, uint32_t partition);

/* All exits of a VP. */
uint64_t stats_exits(const struct vp_stats *vp);

/* Names for people and for JSON keys; static. "unknown" for other numbers. */
const char *stats_exit_name(size_t exit);
const char *stats_state_name(uint32_t state);

#endif
