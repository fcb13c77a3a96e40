/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/parent.h"

#include <mullion/parent.h>

#include "core/frames.h"
#include "core/memory.h"
#include "core/panic.h"
#include "core/string.h"
#include "x86/vlapic.h"

#define PARENT_WEIGHT 1000 /* as if it were nearly alone */
#define BLOCK_FRAMES (MULLION_BLOCK_SIZE / PAGE_SIZE)

struct parent parent = { .share[SHARE_WEIGHT] = PARENT_WEIGHT };
struct shared_area log_area;
struct shared_area stats_area;

#define NPT_RW (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define NPT_RO_DATA (PTE_P | PTE_U | PTE_A | PTE_D | PTE_NX)

u64 parent_hv_bytes(void)
{
	return parent.image_size + parent.arena_size + parent.frames_size;
}

/* 4 KiB pages around hv's regions, the shared pages and the APIC need a few tables of
 * levels 1 and 2; RAM, which can leave the map in blocks, one for each GiB; the rest is
 * one table for 512 GiB, or for 1 GiB. */
u64 parent_map_pages(u32 address_bits, bool has_1g, u64 ram_end)
{
	u64 size = BIT(address_bits);
	u64 pages = 1 + 32 + (size >> 39) + 1;

	return pages + ((has_1g ? align_up(ram_end, GIB(1)) : size) >> 30);
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

static void hide(u64 base, u64 size)
{
	if (!pt_unmap(&parent.map, base, size))
		panic("no memory for the parent's map");
}

static void make_frames(void)
{
	frames_init(phys_to_virt(HPA(parent.frames_base)), parent.ram_end, &parent.memory);
	frames_claim(parent.image_base, parent.image_size);
	frames_claim(parent.arena_base, parent.arena_size);
	frames_claim(parent.frames_base, parent.frames_size);
}

void parent_map_build(u32 address_bits, bool has_1g)
{
	make_frames();
	parent.map = (struct pagetable){
		.format = &pt_format_npt,
		.has_1g = has_1g,
		.virt_offset = PHYSMAP,
		.alloc_page = memory_alloc_table,
	};
	if (!pt_init(&parent.map))
		panic("no memory for the parent's map");
	map(0, BIT(address_bits), NPT_RW);
	parent.map.has_1g = false;
	map(0, parent.ram_end, NPT_RW);
	hide(parent.image_base, parent.image_size);
	hide(parent.arena_base, parent.arena_size);
	hide(parent.frames_base, parent.frames_size);
	share(&log_area);
	share(&stats_area);
	map(APIC_DEFAULT_BASE, PAGE_SIZE, NPT_RO_DATA);
	if (!pt_twin(&parent.map, &parent.native_map, APIC_DEFAULT_BASE) ||
	    !pt_map(&parent.native_map, APIC_DEFAULT_BASE, APIC_DEFAULT_BASE, PAGE_SIZE,
		    NPT_RW | PTE_NX))
		panic("no memory for the parent's map");
}

bool parent_hits_hv(gpa_t gpa)
{
	enum frame_owner owner = frames_owner(gpa.v >> PAGE_SHIFT);

	return owner == FRAME_HV || owner == FRAME_DONATED || owner == FRAME_POOL;
}

bool parent_read(gpa_t gpa, void *buf, u64 size)
{
	return frames_copy(gpa.v, buf, phys_to_virt(HPA(gpa.v)), size);
}

bool parent_write(gpa_t gpa, const void *buf, u64 size)
{
	return frames_copy(gpa.v, phys_to_virt(HPA(gpa.v)), buf, size);
}

/* On its way the block is hv's: nobody else can take it. Both maps have a leaf of
 * 2 MiB there, and tables down to it. */
bool parent_donate(gpa_t gpa)
{
	u64 frame = gpa.v >> PAGE_SHIFT;

	if (!frames_move(frame, BLOCK_FRAMES, FRAME_PARENT, FRAME_HV))
		return false;
	pt_unmap(&parent.map, gpa.v, MULLION_BLOCK_SIZE);
	pt_unmap(&parent.native_map, gpa.v, MULLION_BLOCK_SIZE);
	parent_flush();
	frames_move(frame, BLOCK_FRAMES, FRAME_HV, FRAME_DONATED);
	return true;
}

bool parent_reclaim(gpa_t gpa)
{
	u64 frame = gpa.v >> PAGE_SHIFT;

	if (!frames_move(frame, BLOCK_FRAMES, FRAME_DONATED, FRAME_HV))
		return false;
	memset(phys_to_virt(HPA(gpa.v)), 0, MULLION_BLOCK_SIZE);
	pt_map(&parent.map, gpa.v, gpa.v, MULLION_BLOCK_SIZE, NPT_RW);
	pt_map(&parent.native_map, gpa.v, gpa.v, MULLION_BLOCK_SIZE, NPT_RW);
	frames_move(frame, BLOCK_FRAMES, FRAME_HV, FRAME_PARENT);
	return true;
}
