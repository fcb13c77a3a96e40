/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HV_CORE_STATS_H
#define HV_CORE_STATS_H

#include <mullion/stats.h>

#include "core/types.h"

/* Bytes, whole pages, for entries VPs. */
u64 stats_size(u32 entries);

/* Makes the shared area at base (zeroed, page aligned, stats_size bytes) ready. */
void stats_init(void *base);

/* A new entry for a VP of the parent; boot CPU. */
struct mullion_vp_stats *stats_add(u32 vp, u32 cpu);

#endif
