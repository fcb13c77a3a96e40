/* SPDX-License-Identifier: GPL-2.0-only */
/* The arena is handed out from its beginning; only the boot CPU allocates. */
#include "core/memory.h"

#include "core/panic.h"
#include "core/string.h"

static u64 start;
static u64 next;
static u64 end;

void memory_init(hpa_t base, u64 size)
{
	start = base.v;
	next = base.v;
	end = base.v + size;
}

static u64 take(u64 pages, u64 align)
{
	u64 at = align_up(next, align);
	u64 size = pages * PAGE_SIZE;

	if (at > end || end - at < size)
		return 0;
	next = at + size;
	memset(phys_to_virt(HPA(at)), 0, size);
	return at;
}

void *memory_alloc(u64 pages, u64 align)
{
	u64 at = take(pages, align);

	if (!at)
		panic("out of memory: %lu pages wanted, %lu of %lu KiB in use", pages,
		      (next - start) / 1024, (end - start) / 1024);
	return phys_to_virt(HPA(at));
}

u64 memory_alloc_table(void *ctx)
{
	(void)ctx;
	return take(1, PAGE_SIZE);
}

u64 memory_used(void)
{
	return next - start;
}
