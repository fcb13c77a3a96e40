/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/x86/guest.c: reading the guest's memory by its linear addresses. The guest's
 * memory is an array; its page tables are built here, and what they map is also
 * kept in a list. parent_read stands in for hv's.
 */
#include "check.h"

#include "core/parent.h"
#include "x86/asm.h"
#include "x86/guest.h"

#define PAGE 0x1000ul
#define RAM_BASE 0x40000000ul
#define RAM_PAGES 600u
#define DATA_PAGES 64u /* the first of them; tables lie behind */

static union {
	uint8_t bytes[RAM_PAGES * PAGE];
	uint64_t words[RAM_PAGES * PAGE / 8];
} memory;
static uint8_t *const ram = memory.bytes;
static uint64_t next_table;

bool parent_read(gpa_t gpa, void *buf, u64 size)
{
	if (gpa.v < RAM_BASE || size > sizeof(memory) || gpa.v - RAM_BASE > sizeof(memory) - size)
		return false;
	memcpy(buf, ram + (gpa.v - RAM_BASE), size);
	return true;
}

static uint64_t *entry_at(uint64_t table, uint64_t linear, int level)
{
	uint64_t index = linear >> (12 + 9 * (level - 1)) & 511;

	return &memory.words[(table - RAM_BASE) / 8 + index];
}

static uint64_t new_table(void)
{
	uint64_t pa = next_table;

	REQUIRE(pa < RAM_BASE + RAM_PAGES * PAGE);
	memset(ram + (pa - RAM_BASE), 0, PAGE);
	next_table += PAGE;
	return pa;
}

/* Bits that must not matter: accessed, dirty, NX, the ones free for software. */
static uint64_t other_bits(void)
{
	return check_rand() & 0x7ff0000000000e7eul & ~(uint64_t)PTE_PS;
}

/* Maps the page of the given level at linear to pa. Returns false when a larger
 * page is in the way. */
static bool map(uint64_t root, int levels, uint64_t linear, uint64_t pa, int level)
{
	uint64_t table = root;

	for (int l = levels; l > level; l--) {
		uint64_t *entry = entry_at(table, linear, l);

		if (!(*entry & PTE_P))
			*entry = new_table() | PTE_P | other_bits();
		else if (l <= 3 && (*entry & PTE_PS))
			return false;
		table = *entry & PTE_ADDR;
	}
	if (*entry_at(table, linear, level) & PTE_P)
		return false;
	*entry_at(table, linear, level) = pa | PTE_P | other_bits() | (level > 1 ? PTE_PS : 0);
	return true;
}

struct mapping {
	uint64_t linear, pa, size;
};

static bool model_byte(const struct mapping *m, size_t count, uint64_t linear, uint8_t *byte)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t *buf = byte;

		if (linear - m[i].linear < m[i].size)
			return parent_read(GPA(m[i].pa + (linear - m[i].linear)), buf, 1);
	}
	return false;
}

static uint64_t random_linear(int levels)
{
	uint64_t linear = check_rand() & ((1ul << (12 + 9 * levels)) - 1) & ~(PAGE - 1);

	/* Few of them, so that they meet; both halves of the address space. */
	linear &= 15 * PAGE | BIT(21) | BIT(22) | BIT(30) | BIT(39) | BIT(47) | BIT(48) | BIT(56);
	if (linear >> (11 + 9 * levels))
		linear |= ~0ul << (12 + 9 * levels);
	return linear;
}

static void random_tables(void)
{
	check_seed(0x6775657374);
	for (int round = 0; round < 300; round++) {
		struct mapping m[40];
		size_t count = 0;
		int levels = check_below(3) ? 4 : 5;
		struct vp_mode mode = {
			.insn = INSN_64,
			.cr0 = CR0_PG | 1,
			.cr4 = levels == 5 ? CR4_LA57 : 0,
			.efer = EFER_LMA,
		};

		for (size_t i = 0; i < DATA_PAGES * PAGE; i++)
			ram[i] = (uint8_t)(i * 31 + i / PAGE);
		next_table = RAM_BASE + DATA_PAGES * PAGE;
		mode.cr3 = new_table() | (check_rand() & 0xfff);
		while (count < 40 && next_table < RAM_BASE + (RAM_PAGES - 5) * PAGE) {
			int level = check_below(4) ? 1 : 1 + (int)check_below(3);
			uint64_t size = PAGE << (9 * (level - 1));
			struct mapping *n = &m[count];

			n->size = size;
			n->linear = random_linear(levels) & ~(size - 1);
			if (count && check_below(2)) /* behind another: reads that cross */
				n->linear = (m[count - 1].linear + m[count - 1].size) & ~(size - 1);
			n->pa = level > 1 ? RAM_BASE & ~(size - 1) :
				check_below(10) ?
					    RAM_BASE + check_below(DATA_PAGES) * PAGE :
					    0x10000000000 + PAGE * check_below(9); /* no RAM */
			if (map(mode.cr3 & PTE_ADDR, levels, n->linear, n->pa, level))
				count++;
			else if (!check_below(20))
				break;
		}
		for (int i = 0; i < 200; i++) {
			const struct mapping *n = &m[check_below(count)];
			size_t length = check_below(check_below(4) ? 16 : 2 * PAGE + 3), want = 0;
			uint64_t linear = n->linear + (check_below(2) ? check_below(n->size) :
									n->size - check_below(20));
			uint8_t *buf = malloc(length ? length : 1), byte = 0;
			size_t got;

			REQUIRE(buf != NULL);
			got = guest_read_linear(&mode, linear, buf, length);
			CHECK_NOTE("round %d: %zu bytes at 0x%" PRIx64, round, length, linear);
			/* Whole pieces up to the end of a page are read, or none of it. */
			while (want < length && model_byte(m, count, linear + want, &byte))
				want++;
			CHECK_EQ(got, want);
			for (size_t k = 0; k < got && k < want; k++) {
				REQUIRE(model_byte(m, count, linear + k, &byte));
				if (!CHECK_EQ(buf[k], byte))
					break;
			}
			free(buf);
		}
	}
}

static void without_paging(void)
{
	struct vp_mode mode = { .insn = INSN_16 };
	uint8_t buf[32];

	for (size_t i = 0; i < sizeof(memory); i++)
		ram[i] = (uint8_t)i;
	CHECK_EQ(guest_read_linear(&mode, RAM_BASE + 5, buf, 4), 4);
	CHECK_MEM(buf, "\x05\x06\x07\x08", 4);
	/* 32 bits of address, as far as memory goes. */
	CHECK_EQ(guest_read_linear(&mode, 0x100000000 + RAM_BASE + 5, buf, 4), 4);
	CHECK_MEM(buf, "\x05\x06\x07\x08", 4);
	CHECK_EQ(guest_read_linear(&mode, RAM_BASE + sizeof(memory) - 3, buf, 3), 3);
	CHECK_EQ(guest_read_linear(&mode, RAM_BASE + sizeof(memory), buf, 3), 0);
	CHECK_EQ(guest_read_linear(&mode, RAM_BASE - 1, buf, 1), 0);
	CHECK_EQ(guest_read_linear(&mode, RAM_BASE, buf, 0), 0);
	/* Paging without long mode is not walked: nothing, not something wrong. */
	mode.cr0 = CR0_PG;
	CHECK_EQ(guest_read_linear(&mode, RAM_BASE + 5, buf, 4), 0);
}

/* Tables that lie nowhere, or in themselves. */
static void strange_tables(void)
{
	struct vp_mode mode = { .insn = INSN_64, .cr0 = CR0_PG, .efer = EFER_LMA };
	uint8_t buf[8];
	uint64_t *entry;

	mode.cr3 = 0xfffffffffffff000ul;
	CHECK_EQ(guest_read_linear(&mode, 0x1000, buf, 4), 0);
	next_table = RAM_BASE + DATA_PAGES * PAGE;
	mode.cr3 = new_table();
	entry = entry_at(mode.cr3, 0, 4);
	*entry = 0x000ffffffffff000ul | PTE_P;
	CHECK_EQ(guest_read_linear(&mode, 0x1000, buf, 4), 0);
	*entry = mode.cr3 | PTE_P; /* the top table four times over */
	CHECK_EQ(guest_read_linear(&mode, 0, buf, 8), 8);
	CHECK_MEM(buf, entry, 8);
	/* Bit 7 means nothing at level 4, and a page of 1 GiB at level 3. */
	*entry = mode.cr3 | PTE_P | PTE_PS;
	memcpy(ram, "1 GiB...", 8);
	CHECK_EQ(guest_read_linear(&mode, 0, buf, 8), 8);
	CHECK_MEM(buf, "1 GiB...", 8);
}

int main(void)
{
	CHECK_RUN(without_paging);
	CHECK_RUN(strange_tables);
	CHECK_RUN(random_tables);
	return check_done();
}
