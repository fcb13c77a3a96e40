/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of partitions, and how one begins and ends. */
#include "core/partition.h"

#include <hyperv/status.h>

#include "core/cpu.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/parent.h"
#include "core/port.h"

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
	p->weight = HV_CPU_WEIGHT_DEFAULT;
	p->pages = (struct guest_pages){ guest_page, p };
	p->tsc_offset = -tsc;
	reftime_init(&p->time, &p->pages, tsc_hz, 0);
	enter(p);
	*id = p->id;
	return HV_STATUS_SUCCESS;
}

/* Whoever has a partition's lock may be waiting for the table's: so the partition's is
 * only tried with the table's held. */
static bool try_find(u64 id, bool exact, struct partition **found)
{
	struct partition *p;
	bool done;

	spin_lock(&table.lock);
	for (p = table.first; p && p->id < id; p = p->next)
		;
	if (p && exact && p->id != id)
		p = NULL;
	done = !p || spin_trylock(&p->lock);
	spin_unlock(&table.lock);
	*found = p;
	return done;
}

static struct partition *find(u64 id, bool exact)
{
	struct partition *p;

	while (!try_find(id, exact, &p))
		__builtin_ia32_pause();
	return p;
}

struct partition *partition_find(u64 id)
{
	return find(id, true);
}

struct partition *partition_find_from(u64 id)
{
	return find(id, false);
}

bool partition_make_map(struct partition *p)
{
	return p->map.pt.root || gpamap_init(&p->map, &pt_format_npt, &p->pool, flush_map);
}

static struct vp *any_vp(const struct partition *p)
{
	for (u32 i = 0; i < VPS_MAX; i++) {
		if (p->vps[i])
			return p->vps[i];
	}
	return NULL;
}

bool partition_finalize(struct partition *p)
{
	struct vp *vp = any_vp(p);

	p->state = MULLION_PARTITION_FINALIZED;
	if (vp) {
		vp_destroy(p, vp);
		return false;
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

static struct vp *nth_vp(const struct partition *p, u32 i)
{
	return p ? p->vps[i] : cpus[i]->vp;
}

/* The first count of them; those that are not there do not mind. */
static u32 set_shares(const struct partition *p, u32 count, u32 weight, u32 cap, u32 reserve)
{
	for (u32 i = 0; i < count; i++) {
		struct vp *vp = nth_vp(p, i);

		if (vp && !vp_set_share(vp, weight, cap, reserve))
			return i;
	}
	return count;
}

bool partition_set_share(struct partition *p, u32 weight, u32 cap, u32 reserve)
{
	u32 *share[] = { p ? &p->weight : &parent.weight, p ? &p->cap : &parent.cap,
			 p ? &p->reserve : &parent.reserve };
	u32 count = p ? VPS_MAX : cpu_count;
	u32 done = set_shares(p, count, weight, cap, reserve);

	if (done < count) {
		set_shares(p, done, *share[0], *share[1], *share[2]);
		return false;
	}
	*share[0] = weight;
	*share[1] = cap;
	*share[2] = reserve;
	return true;
}
