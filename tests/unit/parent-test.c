/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/core/parent.c: blocks leave the parent's two maps and come back. No table page
 * may be wanted after the maps were made, and hv's ranges stay out.
 */
#include "check.h"

#include <mullion/parent.h>

#include "core/panic.h"
#include "core/parent.h"
#include "ram.h"
#include "x86/vlapic.h"

#define IMAGE MIB(4)
#define ARENA MIB(8)
#define ARENA_SIZE MIB(8)
#define FRAMES MIB(16)
#define FRAMES_SIZE MIB(2)

static uint64_t tables, tables_max;
static unsigned int flushes;
static uint64_t flushing; /* the block that is being donated */

void panic(const char *fmt, ...)
{
	fprintf(stderr, "panic: %s\n", fmt);
	exit(EXIT_FAILURE);
}

uint64_t memory_alloc_table(void *ctx)
{
	(void)ctx;
	REQUIRE(tables < tables_max);
	memset(phys_to_virt(HPA(ARENA + MIB(1) + PAGE_SIZE * tables)), 0, PAGE_SIZE);
	return ARENA + MIB(1) + PAGE_SIZE * tables++;
}

/* Out of both maps, and not anybody's to use yet. */
void parent_flush(void)
{
	flushes++;
	CHECK_EQ(frames_owner(flushing >> PAGE_SHIFT), FRAME_HV);
	CHECK_EQ(pt_lookup(&parent.map, flushing, NULL), 0);
	CHECK_EQ(pt_lookup(&parent.native_map, flushing, NULL), 0);
}

static void start(bool has_1g)
{
	ram_make();
	memset(&parent, 0, sizeof(parent));
	ram_make_map(&parent.memory);
	parent.image_base = IMAGE;
	parent.image_size = MIB(2);
	parent.arena_base = ARENA;
	parent.arena_size = ARENA_SIZE;
	parent.frames_base = FRAMES;
	parent.frames_size = FRAMES_SIZE;
	parent.ram_end = RAM_END;
	REQUIRE(memmap_normalize(&parent.memory));
	REQUIRE(memmap_set(&parent.memory, IMAGE, MIB(2), MEM_RESERVED));
	REQUIRE(memmap_set(&parent.memory, ARENA, ARENA_SIZE + FRAMES_SIZE, MEM_RESERVED));
	log_area = (struct shared_area){ phys_to_virt(HPA(ARENA)), PAGE_SIZE };
	stats_area = (struct shared_area){ phys_to_virt(HPA(ARENA + PAGE_SIZE)), PAGE_SIZE };
	tables = 0;
	tables_max = parent_map_pages(40, has_1g, RAM_END);
	parent_map_build(40, has_1g);
	tables_max = tables;
}

/* The parent's identity but for what is out, in both maps. */
static void check_maps(void)
{
	for (uint64_t frame = 0; frame < RAM_FRAMES + 1024; frame++) {
		uint64_t pa = frame << PAGE_SHIFT;
		uint64_t entry = pt_lookup(&parent.map, pa, NULL);
		bool shown = pa >= ARENA && pa < ARENA + 2 * PAGE_SIZE;

		CHECK_NOTE("0x%" PRIx64, pa);
		CHECK_EQ(entry != 0, shown || !parent_hits_hv(GPA(pa)));
		CHECK_EQ(!!(entry & PTE_W), entry && !shown);
		CHECK_EQ(pt_lookup(&parent.native_map, pa, NULL), entry);
	}
	CHECK_EQ(pt_lookup(&parent.map, APIC_DEFAULT_BASE, NULL) & PTE_W, 0);
	CHECK_EQ(pt_lookup(&parent.native_map, APIC_DEFAULT_BASE, NULL) & PTE_W, PTE_W);
	CHECK(pt_lookup(&parent.map, 0xfffffff000, NULL));
}

static bool donatable(uint64_t block)
{
	for (uint64_t f = block * 512; f < block * 512 + 512; f++) {
		if (frames_owner(f) != FRAME_PARENT)
			return false;
	}
	return true;
}

static void blocks(void)
{
	check_seed(0x626c6f636b);
	for (int has_1g = 0; has_1g < 2; has_1g++) {
		start(has_1g);
		CHECK_EQ(frames_count(FRAME_HV), (MIB(2) + ARENA_SIZE + FRAMES_SIZE) >> PAGE_SHIFT);
		check_maps();
		for (int step = 0; step < 300; step++) {
			uint64_t block = check_below(RAM_END / MIB(2) + 2), gpa = block * MIB(2);
			bool donated = frames_owner(block * 512) == FRAME_DONATED;
			bool can = donatable(block);
			uint8_t *bytes = phys_to_virt(HPA(gpa));
			unsigned int before = flushes;

			flushing = gpa;
			CHECK_NOTE("block %" PRIu64, block);
			CHECK_EQ(parent_donate(GPA(gpa)), can);
			CHECK_EQ(flushes, before + can);
			if (can)
				memset(bytes, 0xaa, MIB(2)); /* as a pool would */
			if (check_below(2))
				continue;
			CHECK_EQ(parent_reclaim(GPA(gpa)), can || donated);
			for (uint64_t i = 0; (can || donated) && i < MIB(2); i += 509)
				CHECK_EQ(bytes[i], 0);
		}
		check_maps();
		ram_check();
	}
}

/* A block with one frame in another state, at either end. */
static void refusals(void)
{
	uint8_t byte = 1;

	start(true);
	for (unsigned int o = FRAME_DONATED; o < FRAME_OWNERS; o++) {
		for (uint64_t at = 0; at < 512; at += 511) {
			uint64_t frame = (MIB(20) >> PAGE_SHIFT) + at;

			REQUIRE(frames_move(frame, 1, FRAME_PARENT, (enum frame_owner)o));
			CHECK(!parent_donate(GPA(MIB(20))));
			CHECK(!parent_reclaim(GPA(MIB(20))));
			REQUIRE(frames_move(frame, 1, (enum frame_owner)o, FRAME_PARENT));
		}
	}
	CHECK(!parent_donate(GPA(0)));
	CHECK(!parent_donate(GPA(~0ul << 21)));
	CHECK(parent_write(GPA(MIB(20)), &byte, 1));
	flushing = MIB(20);
	CHECK(parent_donate(GPA(MIB(20))));
	CHECK(!parent_write(GPA(MIB(20)), &byte, 1));
	CHECK(!parent_read(GPA(MIB(20)), &byte, 1));
	CHECK(!parent_write(GPA(IMAGE), &byte, 1));
	check_maps();
}

/* RAM in a GiB of its own, and in the one of the APIC's page, whose tables the two maps
 * do not share. */
static void far_blocks(void)
{
	static const uint64_t at[] = { GIB(1) + MIB(6), GIB(3) + MIB(4) };

	start(true);
	for (size_t i = 0; i < 2; i++) {
		void *ram = phys_to_virt(HPA(at[i]));

		REQUIRE(mmap(ram, MIB(2), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == ram);
		REQUIRE(memmap_add(&parent.memory, at[i], MIB(2), MEM_USABLE));
	}
	parent.ram_end = at[1] + MIB(2);
	tables = 0;
	tables_max = parent_map_pages(40, true, parent.ram_end);
	parent_map_build(40, true);
	tables_max = tables;
	for (size_t i = 0; i < 2; i++) {
		flushing = at[i];
		CHECK(parent_donate(GPA(at[i])));
		CHECK(pt_lookup(&parent.map, at[i] - 1, NULL));
		CHECK(pt_lookup(&parent.native_map, at[i] + MIB(2), NULL));
		CHECK(parent_reclaim(GPA(at[i])));
		CHECK_EQ(pt_lookup(&parent.map, at[i], NULL),
			 pt_lookup(&parent.native_map, at[i], NULL));
		CHECK(pt_lookup(&parent.native_map, at[i], NULL) & PTE_W);
	}
}

int main(void)
{
	CHECK_RUN(blocks);
	CHECK_RUN(refusals);
	CHECK_RUN(far_blocks);
	return check_done();
}
