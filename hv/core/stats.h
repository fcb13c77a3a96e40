/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HV_CORE_STATS_H
#define HV_CORE_STATS_H

#include <mullion/stats.h>

#include "core/types.h"

/* Bytes, whole pages, for entries VPs. */
u64 stats_size(u32 entries);

/* More VPs than this, the parent's included, cannot be told of. */
#define STATS_ENTRIES_MAX 1024

/* Makes the shared area at base (zeroed, page aligned, stats_size bytes) ready. */
void stats_init(void *base, u32 entries);

/* A new entry for a VP of the parent; boot CPU. */
struct mullion_vp_stats *stats_add(u32 vp, u32 cpu);

/* Any CPU: an entry for a child's VP, cleared; NULL when none is free. */
struct mullion_vp_stats *stats_take(u32 partition, u32 vp);
void stats_give_back(struct mullion_vp_stats *e);

#endif
