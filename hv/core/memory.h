/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv's own memory: the image and one arena taken out of the machine's RAM at
 * boot. Nothing is freed: what hv needs later for a partition that partition
 * pays for.
 */
#ifndef HV_CORE_MEMORY_H
#define HV_CORE_MEMORY_H

#include "core/layout.h"
#include "core/types.h"

static inline void *phys_to_virt(hpa_t pa)
{
	return (void *)(pa.v + PHYSMAP);
}

static inline hpa_t virt_to_phys(const void *p)
{
	return HPA((u64)p - PHYSMAP);
}

/* Takes [base, base + size), page aligned, as the arena. */
void memory_init(hpa_t base, u64 size);

/* Zeroed pages, contiguous, or a panic: the arena was sized for its users.
 * align in bytes, a power of two, at least a page. */
void *memory_alloc(u64 pages, u64 align);

/* Zeroed page for page tables; 0 when the arena is used up. (struct pagetable) */
u64 memory_alloc_table(void *ctx);

/* Bytes of the arena in use. */
u64 memory_used(void);

#endif
