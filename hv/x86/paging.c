/* SPDX-License-Identifier: GPL-2.0-only */
/* The page-table builder. Pure: memory comes from the caller. Level 1 is the
 * table of 4 KiB pages, level 4 the top. */
#include "x86/paging.h"

#include "core/string.h"

const struct pt_format pt_format_x86 = {
	.present = PTE_P,
	.table = PTE_P | PTE_W | PTE_A,
	.large = PTE_PS,
};

const struct pt_format pt_format_npt = {
	.present = PTE_P,
	.table = PTE_P | PTE_W | PTE_U | PTE_A,
	.large = PTE_PS,
	.leaf = PTE_P | PTE_U,
	.write = PTE_W,
	.no_execute = PTE_NX,
	.accessed = PTE_A,
	.dirty = PTE_D,
};

static u64 level_size(int level)
{
	return PAGE_SIZE << (9 * (level - 1));
}

static u64 *table_at(const struct pagetable *pt, u64 pa)
{
	return (u64 *)(uintptr_t)(pa + pt->virt_offset);
}

static unsigned int index_of(u64 va, int level)
{
	return (va >> (PAGE_SHIFT + 9 * (level - 1))) & 511;
}

static bool present(const struct pagetable *pt, u64 entry)
{
	return entry & pt->format->present;
}

static bool is_leaf(const struct pagetable *pt, u64 entry, int level)
{
	return level == 1 || (entry & pt->format->large);
}

static u64 new_table(struct pagetable *pt)
{
	u64 pa = pt->alloc_page(pt->ctx);

	if (pa)
		pt->tables++;
	return pa;
}

bool pt_init(struct pagetable *pt)
{
	pt->tables = 0;
	pt->root = new_table(pt);
	return pt->root != 0;
}

/* Replaces a leaf at level by a table of leaves one level down, same meaning. The
 * CPU may set accessed and dirty bits in the leaf until it is replaced. */
static bool split(struct pagetable *pt, u64 *entry, int level)
{
	u64 table = new_table(pt);
	u64 step = level_size(level - 1);
	u64 old = READ_ONCE(*entry);

	if (!table)
		return false;
	do {
		u64 leaf = level == 2 ? old & ~pt->format->large : old;

		for (unsigned int i = 0; i < 512; i++)
			table_at(pt, table)[i] = leaf + i * step;
	} while (!__atomic_compare_exchange_n(entry, &old, table | pt->format->table, false,
					      __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	return true;
}

struct pt_place pt_find(const struct pagetable *pt, u64 va)
{
	u64 *table = table_at(pt, pt->root);

	for (int level = 4;; level--) {
		u64 *entry = &table[index_of(va, level)];
		u64 value = __atomic_load_n(entry, __ATOMIC_ACQUIRE);

		if (!present(pt, value) || is_leaf(pt, value, level))
			return (struct pt_place){ entry, value, level };
		table = table_at(pt, value & PTE_ADDR);
	}
}

static bool grow(struct pagetable *pt, u64 *entry)
{
	u64 table = new_table(pt);

	if (table)
		__atomic_store_n(entry, table | pt->format->table, __ATOMIC_RELEASE);
	return table;
}

struct pt_place pt_make(struct pagetable *pt, u64 va, int to)
{
	for (;;) {
		struct pt_place at = pt_find(pt, va);

		if (at.level <= to)
			return at;
		if (!(present(pt, at.value) ? split(pt, at.entry, at.level) : grow(pt, at.entry)))
			return (struct pt_place){ 0 };
	}
}

static bool page_fits(const struct pagetable *pt, int level, u64 va, u64 pa, u64 size)
{
	u64 page = level_size(level);

	if (level == 3 && !pt->has_1g)
		return false;
	return size >= page && !((va | pa) & (page - 1));
}

/*
 * Sets the entry for the largest page at va that fits, to pa with flags or, with
 * clear, to nothing. Returns the bytes done, 0 when a table page was missing.
 */
static u64 set_one(struct pagetable *pt, u64 va, u64 pa, u64 size, u64 flags, bool clear)
{
	struct pt_place at = pt_find(pt, va);
	u64 page = level_size(at.level);
	int level = 3;

	if (clear && !present(pt, at.value))
		return min_u64(size, page - (va & (page - 1)));
	/* For clear, alignment of va alone counts. Level 1 always fits. */
	while (level > 1 && !page_fits(pt, level, va, clear ? va : pa, size))
		level--;
	at = pt_make(pt, va, level);
	if (!at.entry)
		return 0;
	WRITE_ONCE(*at.entry, clear ? 0 : pa | flags | (at.level > 1 ? pt->format->large : 0));
	return level_size(at.level);
}

static bool set_range(struct pagetable *pt, u64 va, u64 pa, u64 size, u64 flags, bool clear)
{
	while (size) {
		u64 done = set_one(pt, va, pa, size, flags, clear);

		if (!done)
			return false;
		va += done;
		pa += done;
		size -= done;
	}
	return true;
}

bool pt_map(struct pagetable *pt, u64 va, u64 pa, u64 size, u64 flags)
{
	return set_range(pt, va, pa, size, flags, false);
}

bool pt_unmap(struct pagetable *pt, u64 va, u64 size)
{
	return set_range(pt, va, 0, size, 0, true);
}

bool pt_twin(const struct pagetable *pt, struct pagetable *twin, u64 va)
{
	u64 from = pt->root;
	u64 *link = NULL;

	*twin = *pt;
	twin->tables = 0;
	for (int level = 4; level > 0; level--) {
		u64 copy = new_table(twin);

		if (!copy)
			return false;
		memcpy(table_at(twin, copy), table_at(pt, from), PAGE_SIZE);
		if (link)
			*link = copy | (*link & ~PTE_ADDR);
		else
			twin->root = copy;
		link = &table_at(twin, copy)[index_of(va, level)];
		from = *link & PTE_ADDR;
	}
	return true;
}

u64 pt_lookup(const struct pagetable *pt, u64 va, u64 *page_size)
{
	struct pt_place at = pt_find(pt, va);

	if (!present(pt, at.value))
		return 0;
	if (page_size)
		*page_size = level_size(at.level);
	return at.value;
}

static void free_table(struct pagetable *pt, u64 pa)
{
	pt->free_page(pt->ctx, pa);
	pt->tables--;
}

/* One step of pt_dismantle: the first lowest table, or the first large leaf. */
static void dismantle_one(struct pagetable *pt, void (*leaf)(void *ctx, u64 entry, int level))
{
	u64 *link = NULL;
	u64 pa = pt->root;

	for (int level = 4;; level--) {
		u64 *table = table_at(pt, pa);
		unsigned int i = 0;

		for (; i < 512 && (level == 1 || !table[i]); i++) {
			if (table[i])
				leaf(pt->ctx, table[i], level);
		}
		if (i == 512) {
			if (link)
				*link = 0;
			else
				pt->root = 0;
			free_table(pt, pa);
			return;
		}
		if (!present(pt, table[i]) || is_leaf(pt, table[i], level)) {
			leaf(pt->ctx, table[i], level);
			table[i] = 0;
			return;
		}
		link = &table[i];
		pa = *link & PTE_ADDR;
	}
}

bool pt_dismantle(struct pagetable *pt, u32 steps, void (*leaf)(void *ctx, u64 entry, int level))
{
	for (; pt->root && steps; steps--)
		dismantle_one(pt, leaf);
	return !pt->root;
}
