/* SPDX-License-Identifier: GPL-2.0-only */
/* hv's statistics, as the programs of tools/bench take and print them. */
#ifndef BENCH_HVSTATS_H
#define BENCH_HVSTATS_H

#include <stdbool.h>
#include <stdint.h>

#include <mullion/stats.h>

#define VPS_MAX 64

/* Prints "bench: failed: WHAT: the error's text" and ends the program. */
_Noreturn void fail(const char *what);

/* False: no hv here. */
bool hvstats_map(void);

struct vp_set {
	unsigned int count;
	struct mullion_vp_stats vp[VPS_MAX];
};

/* Copies the entries of the parent's VPs, or of all children's. */
void hvstats_read(struct vp_set *set, bool children);

uint64_t hvstats_ns(uint64_t ticks);

/* As part of a JSON object: "vps":[...], what was counted between. A VP that was
 * not there before began with zeros. */
void hvstats_print(const struct vp_set *before, const struct vp_set *after);

#endif
