/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of GPADLs: see gpadl.h. */
#include "gpadl.h"

#include <stdlib.h>
#include <string.h>

/* A range's size in bytes, itself and its page numbers, is told in 16 bits. */
#define PAGES_MAX ((65535u - sizeof(struct vmbus_gpa_range)) / sizeof(uint64_t))

uint32_t vmbus_gpadl_page_count(uint32_t offset, uint32_t length)
{
	uint64_t count = ((uint64_t)offset + length + VMBUS_PAGE_SIZE - 1) / VMBUS_PAGE_SIZE;

	return length && offset < VMBUS_PAGE_SIZE && count <= PAGES_MAX ? (uint32_t)count : 0;
}

static uint32_t find(const struct gpadl_table *table, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < table->count; i++)
		if (table->ids[i] == id)
			break;
	return i;
}

struct gpadl *vmbus_gpadl_find(const struct gpadl_table *table, uint32_t id)
{
	uint32_t i = find(table, id);

	return i < table->count ? table->list[i] : NULL;
}

struct gpadl *vmbus_gpadl_add(struct gpadl_table *table, uint32_t id, uint32_t channel,
			      uint32_t offset, uint32_t length)
{
	uint32_t count = vmbus_gpadl_page_count(offset, length);
	struct gpadl *gpadl;

	if (!count || table->count == VMBUS_GPADLS_MAX ||
	    count > VMBUS_GPADL_PAGES_MAX - table->pages || vmbus_gpadl_find(table, id))
		return NULL;
	gpadl = malloc(sizeof(*gpadl) + count * sizeof(gpadl->pfns[0]));
	if (!gpadl)
		return NULL;
	*gpadl = (struct gpadl){ .id = id,
				 .channel = channel,
				 .state = GPADL_FILLING,
				 .offset = offset,
				 .length = length,
				 .count = count };
	table->pages += count;
	table->ids[table->count] = id;
	table->list[table->count++] = gpadl;
	return gpadl;
}

bool vmbus_gpadl_fill(struct gpadl *gpadl, const void *pfns, size_t size)
{
	size_t count = size / sizeof(gpadl->pfns[0]);

	if (gpadl->state != GPADL_FILLING || size % sizeof(gpadl->pfns[0]) ||
	    count > gpadl->count - gpadl->filled)
		return false;
	memcpy(&gpadl->pfns[gpadl->filled], pfns, size);
	gpadl->filled += (uint32_t)count;
	if (gpadl->filled == gpadl->count)
		gpadl->state = GPADL_LIVE;
	return true;
}

void vmbus_gpadl_remove(struct gpadl_table *table, struct gpadl *gpadl)
{
	uint32_t i = find(table, gpadl->id), last = --table->count;

	table->pages -= gpadl->count;
	table->ids[i] = table->ids[last];
	table->list[i] = table->list[last];
	free(gpadl);
}

void vmbus_gpadl_remove_all(struct gpadl_table *table)
{
	while (table->count)
		vmbus_gpadl_remove(table, table->list[table->count - 1]);
}
