/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/parent.h"

#include "core/memory.h"
#include "core/panic.h"
#include "core/string.h"
#include "x86/vlapic.h"

struct parent parent;
struct shared_area log_area;
struct shared_area stats_area;

#define NPT_RW (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define NPT_RO_DATA (PTE_P | PTE_U | PTE_A | PTE_D | PTE_NX)

/* 4 KiB pages around hv's two regions, the shared pages and the APIC need a few
 * tables of levels 1 and 2; the rest is one table for 512 GiB, or for 1 GiB. */
u64 parent_map_pages(u32 address_bits, bool has_1g)
{
	u64 size = BIT(address_bits);
	u64 pages = 1 + 32 + (size >> 39) + 1;

	return has_1g ? pages : pages + (size >> 30);
}

static void map(u64 base, u64 size, u64 flags)
{
	if (!pt_map(&parent.map, base, base, size, flags))
		panic("no memory for the parent's map");
}

static void share(const struct shared_area *area)
{
	map(virt_to_phys(area->base).v, area->size, NPT_RO_DATA);
}

void parent_map_build(u32 address_bits, bool has_1g)
{
	parent.map = (struct pagetable){
		.format = &pt_format_npt,
		.has_1g = has_1g,
		.virt_offset = PHYSMAP,
		.alloc_page = memory_alloc_table,
	};
	if (!pt_init(&parent.map))
		panic("no memory for the parent's map");
	map(0, BIT(address_bits), NPT_RW);
	if (!pt_unmap(&parent.map, parent.image_base, parent.image_size) ||
	    !pt_unmap(&parent.map, parent.arena_base, parent.arena_size))
		panic("no memory for the parent's map");
	share(&log_area);
	share(&stats_area);
	map(APIC_DEFAULT_BASE, PAGE_SIZE, NPT_RO_DATA);
	if (!pt_twin(&parent.map, &parent.native_map, APIC_DEFAULT_BASE) ||
	    !pt_map(&parent.native_map, APIC_DEFAULT_BASE, APIC_DEFAULT_BASE, PAGE_SIZE,
		    NPT_RW | PTE_NX))
		panic("no memory for the parent's map");
}

static bool overlaps(u64 a, u64 a_size, u64 b, u64 b_size)
{
	return a < b + b_size && b < a + a_size;
}

bool parent_hits_hv(gpa_t gpa, u64 size)
{
	return overlaps(gpa.v, size, parent.image_base, parent.image_size) ||
	       overlaps(gpa.v, size, parent.arena_base, parent.arena_size);
}

static bool is_parent_ram(gpa_t gpa, u64 size)
{
	return memmap_covers(&parent.memory, gpa.v, size, MEM_USABLE);
}

bool parent_read(gpa_t gpa, void *buf, u64 size)
{
	if (!is_parent_ram(gpa, size))
		return false;
	memcpy(buf, phys_to_virt(HPA(gpa.v)), size);
	return true;
}

bool parent_write(gpa_t gpa, const void *buf, u64 size)
{
	if (!is_parent_ram(gpa, size))
		return false;
	memcpy(phys_to_virt(HPA(gpa.v)), buf, size);
	return true;
}
