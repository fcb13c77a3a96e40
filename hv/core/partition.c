/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of partitions, and how one begins and ends. */
#include "core/partition.h"

#include <hyperv/status.h>

#include "core/cpu.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/port.h"
#include "core/string.h"

_Static_assert(sizeof(struct partition) <= PAGE_SIZE, "a page of the parent's pool");

/* Work that is done at once before interrupts get a chance: tables of a map, each up to
 * 512 frames; pages of a pool. */
#define DESTROY_STEPS 16
#define WITHDRAW_STEPS 256

static struct {
	struct spinlock lock;
	struct partition *first;
	u64 last_id;
} table;

static void flush_map(struct gpamap *map)
{
	partition_flush((struct partition *)((u8 *)map - offsetof(struct partition, map)));
}

static void *guest_page(void *ctx, u64 gfn)
{
	const struct partition *p = ctx;

	return p->map.pt.root ? gpamap_page(&p->map, gfn, true) : NULL;
}

bool partition_read(void *partition, gpa_t gpa, void *buf, u64 size)
{
	const struct partition *p = partition;
	const u8 *page = p->map.pt.root ? gpamap_page(&p->map, gpa.v >> PAGE_SHIFT, false) : NULL;

	if (!page)
		return false;
	memcpy(buf, page + (gpa.v & (PAGE_SIZE - 1)), size);
	return true;
}

/* Somebody changed the entry meanwhile: then it is not the one that was used. */
bool partition_mark(void *partition, gpa_t gpa, u32 size, u64 entry, u64 bits)
{
	u8 *page = guest_page(partition, gpa.v >> PAGE_SHIFT);
	u32 entry32 = (u32)entry;
	void *at;

	if (!page)
		return false;
	at = page + (gpa.v & (PAGE_SIZE - 1));
	if (size == sizeof(entry32))
		__atomic_compare_exchange_n((u32 *)at, &entry32, entry32 | (u32)bits, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	else
		__atomic_compare_exchange_n((u64 *)at, &entry, entry | bits, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	return true;
}

static void enter(struct partition *p)
{
	struct partition **link = &table.first;

	spin_lock(&table.lock);
	p->id = ++table.last_id;
	while (*link)
		link = &(*link)->next;
	*link = p;
	spin_unlock(&table.lock);
}

u16 partition_create(const struct hv_input_create_partition *in, u64 tsc_hz, u64 tsc, u64 *id)
{
	struct partition *p = pool_alloc(&parent.pool);

	if (!p)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	p->state = MULLION_PARTITION_CREATED;
	p->disabled_features[0] = in->disabled_processor_features[0];
	p->disabled_features[1] = in->disabled_processor_features[1];
	p->disabled_xsave = in->disabled_xsave_features;
	p->share[SHARE_WEIGHT] = HV_CPU_WEIGHT_DEFAULT;
	p->pages = (struct guest_pages){ guest_page, p };
	p->tsc_offset = -tsc;
	reftime_init(&p->time, &p->pages, tsc_hz, 0);
	enter(p);
	*id = p->id;
	return HV_STATUS_SUCCESS;
}

/* Whoever has a partition's lock may be waiting for the table's: so the partition's is
 * only tried with the table's held. */
struct partition *partition_find_from(u64 id)
{
	struct partition *p;

	for (;;) {
		spin_lock(&table.lock);
		for (p = table.first; p && p->id < id; p = p->next)
			;
		if (!p || spin_trylock(&p->lock))
			break;
		spin_unlock(&table.lock);
		__builtin_ia32_pause();
	}
	spin_unlock(&table.lock);
	return p;
}

struct partition *partition_find(u64 id)
{
	struct partition *p = partition_find_from(id);

	if (!p || p->id == id)
		return p;
	spin_unlock(&p->lock);
	return NULL;
}

bool partition_make_map(struct partition *p)
{
	return p->map.pt.root || gpamap_init(&p->map, &pt_format_npt, &p->pool, flush_map);
}

bool partition_finalize(struct partition *p)
{
	p->state = MULLION_PARTITION_FINALIZED;
	for (u32 i = 0; i < VPS_MAX; i++) {
		if (p->vps[i]) {
			vp_destroy(p, p->vps[i]);
			return false;
		}
	}
	if (p->map.pt.root) {
		partition_flush(p);
		if (!gpamap_destroy(&p->map, DESTROY_STEPS))
			return false;
	}
	port_unbind_all(p);
	return true;
}

static void leave(const struct partition *p)
{
	struct partition **link = &table.first;

	spin_lock(&table.lock);
	while (*link != p)
		link = &(*link)->next;
	*link = p->next;
	spin_unlock(&table.lock);
}

bool partition_delete(struct partition *p)
{
	u64 frame;

	for (u32 i = 0; p->pool.free; i++) {
		if (i == WITHDRAW_STEPS)
			return false;
		pool_withdraw(&p->pool, &frame);
	}
	if (p->pool.pages || p->map.mapped_pages || p->vp_count)
		log_error(
			"partition %lu ended with %lu pages of its pool in use, %lu mapped, %u VPs",
			p->id, p->pool.pages, p->map.mapped_pages, p->vp_count);
	leave(p);
	pool_free(&parent.pool, p);
	return true;
}

/* To the first count VPs; returns how many could have it. */
static u32 set_shares(const struct partition *p, u32 count, const u32 share[SHARES])
{
	for (u32 i = 0; i < count; i++) {
		struct vp *vp = p ? p->vps[i] : cpus[i]->vp;

		if (vp && !vp_set_share(vp, share))
			return i;
	}
	return count;
}

bool partition_set_share(struct partition *p, enum share which, u32 value)
{
	u32 *share = p ? p->share : parent.share;
	u32 count = p ? VPS_MAX : cpu_count;
	u32 old = share[which], done;

	share[which] = value;
	done = set_shares(p, count, share);
	if (done == count)
		return true;
	share[which] = old;
	set_shares(p, done, share);
	return false;
}
