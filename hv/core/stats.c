/* SPDX-License-Identifier: GPL-2.0-only */
/* The shared statistics area, include/mullion/stats.h. Each entry has cache
 * lines of its own. */
#include "core/stats.h"

#include "x86/tsc.h"

#define LINE 64
#define ENTRIES_OFFSET ((u32)align_up(sizeof(struct mullion_stats), LINE))
#define ENTRY_SIZE ((u32)align_up(sizeof(struct mullion_vp_stats), LINE))

static struct mullion_stats *area;

u64 stats_size(u32 entries)
{
	return align_up(ENTRIES_OFFSET + entries * ENTRY_SIZE, PAGE_SIZE);
}

void stats_init(void *base)
{
	area = base;
	area->magic = MULLION_STATS_MAGIC;
	area->version = MULLION_STATS_VERSION;
	area->entries_offset = ENTRIES_OFFSET;
	area->entry_size = ENTRY_SIZE;
	area->tsc_hz = tsc_hz;
	area->boot_tsc = tsc_boot;
}

struct mullion_vp_stats *stats_add(u32 vp, u32 cpu)
{
	u32 i = area->entry_count++;
	struct mullion_vp_stats *e = (void *)((u8 *)area + ENTRIES_OFFSET + (u64)i * ENTRY_SIZE);

	e->vp = vp;
	e->cpu = cpu;
	return e;
}
