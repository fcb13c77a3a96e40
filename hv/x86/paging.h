/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page-table builder for four-level tables: hv's own and the partitions' GPA
 * maps. The vendor's format (AMD's nested tables are ordinary ones, Intel's EPT
 * is not) is in struct pt_format; the builder only knows where the bits are.
 */
#ifndef HV_X86_PAGING_H
#define HV_X86_PAGING_H

#include "core/types.h"

/* Bits of an ordinary x86-64 page-table entry (AMD APM volume 2, 5.4). */
#define PTE_P BIT(0)
#define PTE_W BIT(1)
#define PTE_U BIT(2)
#define PTE_PWT BIT(3)
#define PTE_PCD BIT(4)
#define PTE_A BIT(5)
#define PTE_D BIT(6)
#define PTE_PS BIT(7)
#define PTE_G BIT(8)
#define PTE_NX BIT(63)
#define PTE_ADDR 0x000ffffffffff000ul

struct pt_format {
	u64 present; /* an entry with none of these bits maps nothing */
	u64 table; /* bits of an entry that points to a table */
	u64 large; /* bit that makes a leaf at level 2 or 3 */
	u64 leaf; /* bits of every leaf of a partition's map: present, readable, cached */
	u64 write; /* a leaf with it may be written */
	u64 execute; /* a leaf with it may be executed ... */
	u64 no_execute; /* ... or one without this, whichever the format has */
	u64 accessed;
	u64 dirty;
};

extern const struct pt_format pt_format_x86; /* hv's own tables, supervisor */
extern const struct pt_format pt_format_npt; /* AMD nested tables: every page is a user page */

struct pagetable {
	const struct pt_format *format;
	bool has_1g; /* 1 GiB leaves may be used */
	u64 root; /* host-physical address of the top table */
	u64 virt_offset; /* a table at physical p is read and written at p + virt_offset */
	/* A zeroed, page-aligned page, or 0 when there is none left. */
	u64 (*alloc_page)(void *ctx);
	/* Takes one back; only pt_dismantle calls it. */
	void (*free_page)(void *ctx, u64 pa);
	void *ctx;
	u64 tables; /* pages in use, the top one included */
};

/* Allocates the top table. format, has_1g, virt_offset, alloc_page and ctx are
 * set by the caller. Returns false when there is no page. */
bool pt_init(struct pagetable *pt);

/*
 * Maps [va, va + size) to pa with leaf bits flags, in the largest pages that
 * alignment allows; what was mapped there is replaced, larger pages are split.
 * All page aligned, va below 2^48 in its canonical form's low 48 bits. Flushing
 * is the caller's. Returns false when a table page was missing: then part of
 * the range may be mapped.
 */
bool pt_map(struct pagetable *pt, u64 va, u64 pa, u64 size, u64 flags);

/* Removes [va, va + size), page aligned, splitting larger pages. Tables that
 * become empty stay. Returns false when a table page for a split was missing. */
bool pt_unmap(struct pagetable *pt, u64 va, u64 size);

/*
 * Makes twin a second map that shares all tables of pt but those on the way to
 * the 4 KiB page at va, which it gets copies of: that page can then be mapped
 * otherwise in one of them. Changes below tables that are shared show in both. pt
 * maps va by a 4 KiB page. Returns false when a table page was missing.
 */
bool pt_twin(const struct pagetable *pt, struct pagetable *twin, u64 va);

/* The leaf entry that maps va, with the size of its page in *page_size (may be
 * NULL), or 0. */
u64 pt_lookup(const struct pagetable *pt, u64 va, u64 *page_size);

/* Where a walk ends: an entry, what it held when the walk read it, its level. */
struct pt_place {
	u64 *entry;
	u64 value;
	int level;
};

/*
 * The place where the walk for va ends: a leaf, or an entry that is not present. The
 * caller may change it, by one atomic write, as a leaf of that level; a value that is
 * not 0 but not present maps nothing and is kept.
 */
struct pt_place pt_find(const struct pagetable *pt, u64 va);

/* The place for va at level to, or at the lower one where there is a table already;
 * missing tables are made, larger pages split. Without an entry when a table page was
 * missing: the map's meaning has not changed then. */
struct pt_place pt_make(struct pagetable *pt, u64 va, int to);

/*
 * Takes the whole map apart, in steps of one table or one large leaf; nobody walks
 * it any more. leaf is called for every leaf, and for other values that pt_find's
 * caller left behind. Returns true when nothing is left, the top table included.
 */
bool pt_dismantle(struct pagetable *pt, u32 steps, void (*leaf)(void *ctx, u64 entry, int level));

#endif
