/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The GPADLs of a partition: lists of guest pages that the guest has named, whole ones
 * and such whose page numbers are still coming.
 *
 * Invariants: ids are unique, of all channels (what follows the first message of one
 * names no channel); at most VMBUS_GPADLS_MAX, and VMBUS_GPADL_PAGES_MAX pages reserved
 * by all together. Entries move when one is removed: an index is good until then.
 */
#ifndef VSP_VMBUS_GPADL_H
#define VSP_VMBUS_GPADL_H

#include "server.h"

enum gpadl_state {
	GPADL_FILLING, /* page numbers are missing */
	GPADL_LIVE,
	GPADL_RELEASING, /* the guest wants it back; the host may still use it */
};

struct gpadl {
	uint32_t id;
	uint32_t channel; /* slot */
	enum gpadl_state state;
	uint32_t offset, length; /* bytes */
	uint32_t count; /* pages, of which so many are there: */
	uint32_t filled;
	uint64_t pfns[];
};

struct gpadl_table {
	uint32_t count;
	uint32_t pages; /* reserved */
	uint32_t ids[VMBUS_GPADLS_MAX]; /* of list, beside it: quick to search */
	struct gpadl *list[VMBUS_GPADLS_MAX];
};

/* Pages that a range covers; 0: it is none, or its list would be longer than a GPADL's
 * first message can tell. */
uint32_t vmbus_gpadl_page_count(uint32_t offset, uint32_t length);

/* A new one, without page numbers. NULL: the id is there, no such range, a limit, or no
 * memory. */
struct gpadl *vmbus_gpadl_add(struct gpadl_table *table, uint32_t id, uint32_t channel,
			      uint32_t offset, uint32_t length);

/* Adds page numbers (unaligned bytes, as many as size says); GPADL_LIVE with the last one.
 * False: none were due, too many, or size is no multiple of theirs. */
bool vmbus_gpadl_fill(struct gpadl *gpadl, const void *pfns, size_t size);

struct gpadl *vmbus_gpadl_find(const struct gpadl_table *table, uint32_t id);

void vmbus_gpadl_remove(struct gpadl_table *table, struct gpadl *gpadl);

void vmbus_gpadl_remove_all(struct gpadl_table *table);

#endif
