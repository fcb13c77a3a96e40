/* SPDX-License-Identifier: GPL-2.0-only */
/* The shared statistics area, include/mullion/stats.h. Each entry has cache
 * lines of its own. */
#include "core/stats.h"

#include "core/lock.h"
#include "core/string.h"
#include "x86/tsc.h"

#define LINE 64
#define ENTRIES_OFFSET ((u32)align_up(sizeof(struct mullion_stats), LINE))
#define ENTRY_SIZE ((u32)align_up(sizeof(struct mullion_vp_stats), LINE))

static struct mullion_stats *area;
static struct spinlock lock; /* who has which entry */
static u32 first_free; /* before it the parent's VPs */
static bool taken[STATS_ENTRIES_MAX];

u64 stats_size(u32 entries)
{
	return align_up(ENTRIES_OFFSET + entries * ENTRY_SIZE, PAGE_SIZE);
}

void stats_init(void *base, u32 entries)
{
	area = base;
	area->magic = MULLION_STATS_MAGIC;
	area->version = MULLION_STATS_VERSION;
	area->entries_offset = ENTRIES_OFFSET;
	area->entry_size = ENTRY_SIZE;
	area->entry_count = entries;
	area->tsc_hz = tsc_hz;
	area->boot_tsc = tsc_boot;
}

static struct mullion_vp_stats *entry(u32 i)
{
	return (void *)((u8 *)area + ENTRIES_OFFSET + (u64)i * ENTRY_SIZE);
}

struct mullion_vp_stats *stats_add(u32 vp, u32 cpu)
{
	struct mullion_vp_stats *e = entry(first_free++);

	e->vp = vp;
	e->cpu = cpu;
	return e;
}

struct mullion_vp_stats *stats_take(u32 partition, u32 vp)
{
	struct mullion_vp_stats *e = NULL;

	spin_lock(&lock);
	for (u32 i = first_free; !e && i < area->entry_count; i++) {
		if (!taken[i])
			e = entry(i);
	}
	if (e) {
		taken[((u8 *)e - (u8 *)entry(0)) / ENTRY_SIZE] = true;
		memset(e, 0, sizeof(*e));
		e->partition = partition;
		e->vp = vp;
		__atomic_store_n(&e->state, MULLION_VP_HALTED, __ATOMIC_RELEASE);
	}
	spin_unlock(&lock);
	return e;
}

void stats_give_back(struct mullion_vp_stats *e)
{
	__atomic_store_n(&e->state, MULLION_VP_ABSENT, __ATOMIC_RELEASE);
	spin_lock(&lock);
	taken[((u8 *)e - (u8 *)entry(0)) / ENTRY_SIZE] = false;
	spin_unlock(&lock);
}
