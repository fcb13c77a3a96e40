/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/x86/guest.c: a guest's memory by its linear addresses. The memory is an array;
 * page tables of every paging mode are built here, and what they map is also kept
 * in a list. The rights of each entry follow from a sum over its place, so that the
 * list needs none. Reserved bits stand in a table made from the manuals.
 */
#include "check.h"

#include <hyperv/hypercall.h>

#include "x86/asm.h"
#include "x86/guest.h"
#include "x86/paging.h"

#define PAGE 0x1000ul
#define RAM_BASE 0x40000000ul
#define RAM_PAGES 600u
#define DATA_PAGES 64u /* the first of them; tables lie behind */

#define SUCCESS HV_TRANSLATE_GVA_SUCCESS
#define ABSENT HV_TRANSLATE_GVA_PAGE_NOT_PRESENT
#define FLAGS HV_TRANSLATE_GVA_INVALID_PAGE_TABLE_FLAGS
#define VIOLATION HV_TRANSLATE_GVA_PRIVILEGE_VIOLATION
#define UNMAPPED HV_TRANSLATE_GVA_GPA_UNMAPPED

static union {
	uint8_t bytes[RAM_PAGES * PAGE];
	uint64_t words[RAM_PAGES * PAGE / 8];
} memory;
static uint8_t *const ram = memory.bytes;
static uint64_t next_table;

static bool read_ram(void *ctx, gpa_t gpa, void *buf, u64 size)
{
	if (ctx != &memory || !size || (gpa.v & (PAGE - 1)) + size > PAGE)
		check_fail(__FILE__, __LINE__, "read of %" PRIu64 " bytes at 0x%" PRIx64, size,
			   gpa.v);
	if (gpa.v < RAM_BASE || size > sizeof(memory) || gpa.v - RAM_BASE > sizeof(memory) - size)
		return false;
	memcpy(buf, ram + (gpa.v - RAM_BASE), size);
	return true;
}

/* Entries here cannot be written. */
static uint64_t read_only_table;

static bool mark_ram(void *ctx, gpa_t gpa, u32 size, u64 entry, u64 bits)
{
	uint8_t *at = ram + (gpa.v - RAM_BASE);
	uint64_t now = 0;

	REQUIRE(ctx == &memory && (size == 4 || size == 8) && gpa.v % size == 0);
	REQUIRE(gpa.v >= RAM_BASE && gpa.v - RAM_BASE < sizeof(memory));
	if (gpa.v - gpa.v % PAGE == read_only_table)
		return false;
	memcpy(&now, at, size);
	CHECK_EQ(now, entry);
	CHECK_EQ(bits & ~(PTE_A | PTE_D), 0);
	CHECK(bits & ~entry);
	now |= bits;
	memcpy(at, &now, size);
	return true;
}

static const struct guest_memory guest = { .read = read_ram, .mark = mark_ram, .ctx = &memory };

/* --- Tables of any kind. --- */

static const struct kind {
	const char *name;
	struct vp_mode mode;
	int levels;
	unsigned int entry, bits; /* bytes of one, address bits for each level */
	unsigned int large; /* levels with large pages, as bits */
} kinds[] = {
	{ "32-bit", { .insn = INSN_32, .cr0 = CR0_PG | 1 }, 2, 4, 10, 0 },
	{ "32-bit PSE", { .insn = INSN_16, .cr0 = CR0_PG | 1, .cr4 = CR4_PSE }, 2, 4, 10, 1 << 2 },
	{ "PAE", { .insn = INSN_32, .cr0 = CR0_PG | 1, .cr4 = CR4_PAE }, 3, 8, 9, 1 << 2 },
	{ "4 levels",
	  { .insn = INSN_64, .cr0 = CR0_PG | 1, .cr4 = CR4_PAE, .efer = EFER_LMA | EFER_NXE },
	  4,
	  8,
	  9,
	  1 << 2 | 1 << 3 },
	{ "5 levels",
	  { .insn = INSN_64, .cr0 = CR0_PG | 1, .cr4 = CR4_PAE | CR4_LA57, .efer = EFER_LMA },
	  5,
	  8,
	  9,
	  1 << 2 | 1 << 3 },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static unsigned int shift_of(const struct kind *k, int level)
{
	return 12 + k->bits * ((unsigned int)level - 1);
}

static uint8_t *entry_at(const struct kind *k, uint64_t table, uint64_t linear, int level)
{
	uint64_t index = linear >> shift_of(k, level) & ((1u << k->bits) - 1);

	if (k->levels == 3 && level == 3)
		index &= 3;
	return ram + (table - RAM_BASE) + index * k->entry;
}

static uint64_t get_entry(const struct kind *k, const uint8_t *at)
{
	uint64_t entry = 0;

	memcpy(&entry, at, k->entry);
	return entry;
}

static void set_entry(const struct kind *k, uint8_t *at, uint64_t entry)
{
	memcpy(at, &entry, k->entry);
}

static uint64_t new_table(void)
{
	uint64_t pa = next_table;

	REQUIRE(pa < RAM_BASE + RAM_PAGES * PAGE);
	memset(ram + (pa - RAM_BASE), 0, PAGE);
	next_table += PAGE;
	return pa;
}

/* Writable, user, NX: of the entry of this level for linear. */
static uint64_t rights(const struct kind *k, uint64_t linear, int level)
{
	uint64_t sum = (linear >> shift_of(k, level)) * 7 + (uint64_t)level * 5;
	uint64_t r = sum % 8 ? PTE_W : 0;

	if (k->levels == 3 && level == 3)
		return 0;
	if (sum % 5)
		r |= PTE_U;
	if (k->mode.efer & EFER_NXE && sum % 11 == 3)
		r |= PTE_NX;
	return r;
}

/* Bits that must not matter: caching, accessed, dirty, free for software. */
static uint64_t other_bits(const struct kind *k, int level, bool leaf)
{
	uint64_t bits = check_rand();

	if (k->levels == 3 && level == 3)
		return bits & 0xe18;
	bits &= k->levels >= 4 ? 0x7ff0000000000e78ul : 0xe78ul;
	return leaf && level > 1 ? bits | (check_rand() & 0x1100) : bits; /* PAT, global */
}

static uint64_t leaf_bits(const struct kind *k, uint64_t pa, int level)
{
	if (k->entry == 4 && level == 2) /* a page of 4 MiB above 4 GiB */
		return (pa & 0xffffffff) | (pa >> 32) << 13;
	return pa;
}

/* Maps the page of the given level at linear to pa. Returns false when a larger
 * page is in the way. */
static bool map(const struct kind *k, uint64_t root, uint64_t linear, uint64_t pa, int level)
{
	uint64_t table = root;
	uint8_t *at;

	for (int l = k->levels; l > level; l--) {
		at = entry_at(k, table, linear, l);
		if (!(get_entry(k, at) & PTE_P))
			set_entry(k, at,
				  new_table() | PTE_P | other_bits(k, l, false) |
					  rights(k, linear, l));
		else if ((k->large & 1u << l) && (get_entry(k, at) & PTE_PS))
			return false;
		table = get_entry(k, at) & PTE_ADDR;
	}
	at = entry_at(k, table, linear, level);
	if (get_entry(k, at) & PTE_P)
		return false;
	set_entry(k, at,
		  leaf_bits(k, pa, level) | PTE_P | other_bits(k, level, true) |
			  rights(k, linear, level) | (level > 1 ? PTE_PS : 0));
	return true;
}

struct mapping {
	uint64_t linear, pa, size;
	int level;
};

static const struct mapping *mapping_of(const struct mapping *m, size_t count, uint64_t linear)
{
	for (size_t i = 0; i < count; i++) {
		if (linear - m[i].linear < m[i].size)
			return &m[i];
	}
	return NULL;
}

static bool model_byte(const struct mapping *m, size_t count, uint64_t linear, uint8_t *byte)
{
	const struct mapping *at = mapping_of(m, count, linear);

	return at && read_ram(&memory, GPA(at->pa + (linear - at->linear)), byte, 1);
}

static uint32_t model_access(const struct kind *k, bool wp, const struct mapping *m,
			     uint64_t linear, uint32_t access)
{
	bool user = true, write = true, nx = false;

	for (int level = m->level; level <= k->levels; level++) {
		uint64_t r = rights(k, linear, level);

		if (k->levels == 3 && level == 3)
			continue;
		user = user && (r & PTE_U);
		write = write && (r & PTE_W);
		nx = nx || (r & PTE_NX);
	}
	if (access & GUEST_USER && (!user || (access & GUEST_WRITE && !write)))
		return VIOLATION;
	if (access & GUEST_WRITE && wp && !write)
		return VIOLATION;
	return access & GUEST_EXECUTE && nx ? VIOLATION : SUCCESS;
}

static uint64_t random_linear(const struct kind *k)
{
	uint64_t linear = check_rand();
	unsigned int top = shift_of(k, k->levels) + k->bits;

	/* Few of them, so that they meet; both halves of the address space. */
	linear &= 15 * PAGE | BIT(21) | BIT(22) | BIT(30) | BIT(31) | BIT(39) | BIT(47) | BIT(48) |
		  BIT(56);
	if (k->levels < 4)
		return linear & UINT32_MAX;
	linear &= (1ul << top) - 1;
	return linear >> (top - 1) ? linear | ~0ul << top : linear;
}

static size_t random_mappings(const struct kind *k, uint64_t root, struct mapping *m)
{
	size_t count = 0;

	while (count < 40 && next_table < RAM_BASE + (RAM_PAGES - 5) * PAGE) {
		struct mapping *n = &m[count];

		n->level = 1 + (int)(check_below(4) ? 0 : check_below(3));
		if (n->level > 1 && !(k->large & 1u << n->level))
			continue;
		n->size = 1ul << shift_of(k, n->level);
		n->linear = random_linear(k) & ~(n->size - 1);
		if (count && check_below(2)) /* behind another: reads that cross */
			n->linear = (m[count - 1].linear + m[count - 1].size) & ~(n->size - 1);
		if (k->levels < 4)
			n->linear &= UINT32_MAX;
		n->pa = n->level > 1 ? (check_below(2) ? RAM_BASE : 0xff40000000) & ~(n->size - 1) :
			check_below(10) ? RAM_BASE + check_below(DATA_PAGES) * PAGE :
					  0xc0000000 + PAGE * check_below(9); /* no RAM */
		if (k->entry == 8 && n->level == 1 && !check_below(10))
			n->pa = 0xffffffffff000; /* the last page of all */
		if (map(k, root, n->linear, n->pa, n->level))
			count++;
		else if (!check_below(20))
			break;
	}
	return count;
}

static void random_reads(const struct kind *k, const struct vp_mode *mode, const struct mapping *m,
			 size_t count)
{
	const struct mapping *n = &m[check_below(count)];
	size_t length = check_below(check_below(4) ? 16 : 2 * PAGE + 3), want = 0;
	uint64_t linear =
		n->linear + (check_below(2) ? check_below(n->size) : n->size - check_below(20));
	uint64_t limit = k->levels < 4 ? UINT32_MAX : ~0ul, given = linear;
	uint8_t *buf = malloc(length ? length : 1), byte = 0;
	size_t got;

	REQUIRE(buf != NULL);
	if (k->levels < 4 && check_below(2)) /* what is above does not count */
		given |= check_rand() << 32;
	got = guest_read_linear(&guest, mode, given, buf, length);
	CHECK_NOTE("%s: %zu bytes at 0x%" PRIx64, k->name, length, given);
	/* Whole pieces up to the end of a page are read, or none of it. */
	while (want < length && model_byte(m, count, (linear + want) & limit, &byte))
		want++;
	CHECK_EQ(got, want);
	for (size_t i = 0; i < got && i < want; i++) {
		REQUIRE(model_byte(m, count, (linear + i) & limit, &byte));
		if (!CHECK_EQ(buf[i], byte))
			break;
	}
	free(buf);
}

static void random_translations(const struct kind *k, struct vp_mode mode, const struct mapping *m,
				size_t count)
{
	const struct mapping *n = &m[check_below(count)];
	uint64_t linear = n->linear + check_below(n->size);
	uint32_t access = (uint32_t)check_below(8);
	bool wp = check_below(2);
	gpa_t gpa = GPA(0);

	mode.cr0 |= wp ? CR0_WP : 0;
	CHECK_NOTE("%s: 0x%" PRIx64 ", access %u", k->name, linear, access);
	CHECK_EQ(guest_translate(&guest, &mode, linear, access, &gpa),
		 model_access(k, wp, n, linear, access));
	CHECK_EQ(guest_translate(&guest, &mode, linear, 0, &gpa), SUCCESS);
	CHECK_EQ(gpa.v, n->pa + (linear - n->linear));
	linear = random_linear(k) | check_below(PAGE);
	CHECK_NOTE("%s: 0x%" PRIx64, k->name, linear);
	CHECK_EQ(guest_translate(&guest, &mode, linear, 0, &gpa),
		 mapping_of(m, count, linear) ? SUCCESS : ABSENT);
}

static void random_tables(void)
{
	check_seed(0x6775657374);
	for (int round = 0; round < 500; round++) {
		const struct kind *k = &kinds[(size_t)round % KINDS];
		struct vp_mode mode = k->mode;
		struct mapping m[40];
		uint64_t root;
		size_t count;

		for (size_t i = 0; i < DATA_PAGES * PAGE; i++)
			ram[i] = (uint8_t)(i * 31 + i / PAGE);
		next_table = RAM_BASE + DATA_PAGES * PAGE;
		root = new_table();
		if (k->levels == 3)
			root += check_below(128) * 32;
		mode.cr3 = root | (check_rand() & (k->levels == 3 ? 31 : 0xfff));
		count = random_mappings(k, root, m);
		REQUIRE(count);
		for (int i = 0; i < 200; i++) {
			random_reads(k, &mode, m, count);
			random_translations(k, mode, m, count);
		}
	}
}

/* --- Every bit of every entry. --- */

/* Bits that fault when they are set, for the levels from 1; AMD APM volume 2,
 * 5.2 to 5.4, Intel SDM volume 3, 4.3 to 4.5. Bit 63 is reserved without NXE. */
static uint64_t reserved(const struct kind *k, int level, bool leaf)
{
	const uint64_t nx = k->mode.efer & EFER_NXE ? 0 : 1ul << 63;

	if (k->entry == 4)
		return leaf && level == 2 ? 1u << 21 : 0;
	if (k->levels == 3 && level == 3)
		return nx | 0x7ff00000000001e6;
	if (level >= 4)
		return nx | 0x80;
	if (leaf && level == 3)
		return nx | 0x3fffe000;
	return nx | (k->levels == 3 ? 0x7ff0000000000000 : 0) | (leaf && level == 2 ? 0x1fe000 : 0);
}

static void check_bits(const struct kind *k, int leaf_level, int level)
{
	const uint64_t linear = 0x12345678 & ~(PAGE - 1), pa = RAM_BASE;
	struct vp_mode mode = k->mode;
	uint64_t table, good;
	gpa_t gpa, was;
	uint8_t *at;

	next_table = RAM_BASE + DATA_PAGES * PAGE;
	mode.cr3 = table = new_table();
	REQUIRE(map(k, table, linear, pa & ~((1ul << shift_of(k, leaf_level)) - 1), leaf_level));
	for (int l = k->levels; l > level; l--)
		table = get_entry(k, entry_at(k, table, linear, l)) & PTE_ADDR;
	at = entry_at(k, table, linear, level);
	good = get_entry(k, at);
	CHECK_EQ(guest_translate(&guest, &mode, linear, 0, &was), SUCCESS);
	for (unsigned int bit = 0; bit < 8 * k->entry; bit++) {
		const uint64_t b = 1ul << bit;
		const bool size = bit == 7 && level > 1 && (k->large & 1u << level);
		const bool address = bit >= 12 && bit < 52;
		uint32_t result;

		if (size && level == leaf_level)
			continue; /* no table lies there */
		CHECK_NOTE("%s: bit %u of level %d, page at %d", k->name, bit, level, leaf_level);
		set_entry(k, at, bit ? good | b : good & ~b);
		result = guest_translate(&guest, &mode, linear, 0, &gpa);
		if (bit == 0)
			CHECK_EQ(result, ABSENT);
		else if (size) /* the table's address becomes a page's: bits below are set? */
			CHECK_EQ(result,
				 good & PTE_ADDR & reserved(k, level, true) ? FLAGS : SUCCESS);
		else if (b & reserved(k, level, level == leaf_level))
			CHECK_EQ(result, FLAGS);
		else if (!address || level == leaf_level)
			CHECK(result == SUCCESS && (address || gpa.v == was.v));
		else if (!(good & b)) /* the next table lies elsewhere */
			CHECK(result == UNMAPPED || result == ABSENT || result == SUCCESS);
		set_entry(k, at, good);
	}
}

static void every_bit(void)
{
	check_seed(0x62697473);
	for (size_t i = 0; i < KINDS; i++) {
		const struct kind *k = &kinds[i];

		for (int leaf = 1; leaf <= k->levels; leaf++) {
			for (int level = leaf; level <= k->levels; level++) {
				if (leaf == 1 || (k->large & 1u << leaf))
					check_bits(k, leaf, level);
			}
		}
	}
}

/* --- Marks. --- */

/* Every write to memory is seen here: what is not marked must stay as it was. */
static void check_marks(const struct kind *k, int leaf, bool write)
{
	static uint8_t before[sizeof(memory)];
	const uint64_t linear = 0x12345678 & ~(PAGE - 1);
	struct vp_mode mode = k->mode;
	uint64_t table, root;
	gpa_t gpa;

	next_table = RAM_BASE + DATA_PAGES * PAGE;
	mode.cr3 = root = new_table();
	REQUIRE(map(k, root, linear, RAM_BASE & ~((1ul << shift_of(k, leaf)) - 1), leaf));
	table = root;
	for (int level = k->levels; level >= leaf; level--) {
		uint8_t *at = entry_at(k, table, linear, level);

		table = get_entry(k, at) & PTE_ADDR;
		if (k->levels != 3 || level != 3) /* other_bits may have set them */
			set_entry(k, at, get_entry(k, at) & ~(PTE_A | PTE_D));
	}
	memcpy(before, ram, sizeof(before));
	CHECK_NOTE("%s: page at %d, write %d", k->name, leaf, write);
	CHECK_EQ(guest_translate(&guest, &mode, linear, write ? GUEST_WRITE : 0, &gpa), SUCCESS);
	CHECK_MEM(ram, before, sizeof(before));
	/* Refused, so not marked: CR0.WP is off, only from CPL 3 rights matter. */
	if (model_access(k, false, &(struct mapping){ linear, 0, PAGE, leaf }, linear,
			 GUEST_USER | GUEST_WRITE) != SUCCESS)
		CHECK_EQ(guest_translate(&guest, &mode, linear,
					 GUEST_USER | GUEST_WRITE | GUEST_MARK, &gpa),
			 VIOLATION);
	CHECK_MEM(ram, before, sizeof(before));
	CHECK_EQ(guest_translate(&guest, &mode, linear, GUEST_MARK | (write ? GUEST_WRITE : 0),
				 &gpa),
		 SUCCESS);
	table = root;
	for (int level = k->levels; level >= leaf; level--) {
		uint8_t *at = entry_at(k, table, linear, level);
		uint64_t *was = (void *)(before + (at - ram));
		uint64_t entry = get_entry(k, at), want = get_entry(k, (void *)was);

		if (k->levels != 3 || level != 3)
			want |= PTE_A | (level == leaf && write ? PTE_D : 0);
		CHECK_EQ(entry, want);
		set_entry(k, (void *)was, want);
		table = entry & PTE_ADDR;
	}
	CHECK_MEM(ram, before, sizeof(before));
	/* What is set already needs no writing. */
	read_only_table = root;
	CHECK_EQ(guest_translate(&guest, &mode, linear, GUEST_MARK, &gpa), SUCCESS);
	if (k->levels != 3) {
		uint8_t *at = entry_at(k, root, linear, k->levels);

		set_entry(k, at, get_entry(k, at) & ~PTE_A);
		CHECK_EQ(guest_translate(&guest, &mode, linear, GUEST_MARK, &gpa),
			 HV_TRANSLATE_GVA_GPA_NO_WRITE_ACCESS);
	}
	read_only_table = 0;
}

static void marks(void)
{
	check_seed(0x6d61726b73);
	for (size_t i = 0; i < KINDS; i++) {
		for (int leaf = 1; leaf <= kinds[i].levels; leaf++) {
			if (leaf > 1 && !(kinds[i].large & 1u << leaf))
				continue;
			check_marks(&kinds[i], leaf, false);
			check_marks(&kinds[i], leaf, true);
		}
	}
}

/* --- Cases. --- */

static void without_paging(void)
{
	struct vp_mode mode = { .insn = INSN_16 };
	uint8_t buf[32];

	for (size_t i = 0; i < sizeof(memory); i++)
		ram[i] = (uint8_t)i;
	CHECK_EQ(guest_read_linear(&guest, &mode, RAM_BASE + 5, buf, 4), 4);
	CHECK_MEM(buf, "\x05\x06\x07\x08", 4);
	/* 32 bits of address, as far as memory goes. */
	CHECK_EQ(guest_read_linear(&guest, &mode, 0x100000000 + RAM_BASE + 5, buf, 4), 4);
	CHECK_MEM(buf, "\x05\x06\x07\x08", 4);
	CHECK_EQ(guest_read_linear(&guest, &mode, RAM_BASE + sizeof(memory) - 3, buf, 3), 3);
	CHECK_EQ(guest_read_linear(&guest, &mode, RAM_BASE + sizeof(memory), buf, 3), 0);
	CHECK_EQ(guest_read_linear(&guest, &mode, RAM_BASE - 1, buf, 1), 0);
	CHECK_EQ(guest_read_linear(&guest, &mode, RAM_BASE, buf, 0), 0);
}

/* Tables that lie nowhere, or in themselves. */
static void strange_tables(void)
{
	const struct kind *k = &kinds[3];
	struct vp_mode mode = k->mode;
	uint8_t buf[8], *at;
	uint64_t entry;
	gpa_t gpa;

	mode.cr3 = 0xfffffffffffff000ul;
	CHECK_EQ(guest_read_linear(&guest, &mode, 0x1000, buf, 4), 0);
	CHECK_EQ(guest_translate(&guest, &mode, 0x1000, 0, &gpa), UNMAPPED);
	next_table = RAM_BASE + DATA_PAGES * PAGE;
	mode.cr3 = new_table();
	at = entry_at(k, mode.cr3, 0, 4);
	set_entry(k, at, 0x000ffffffffff000ul | PTE_P);
	CHECK_EQ(guest_read_linear(&guest, &mode, 0x1000, buf, 4), 0);
	CHECK_EQ(guest_translate(&guest, &mode, 0x1000, 0, &gpa), UNMAPPED);
	entry = mode.cr3 | PTE_P; /* the top table four times over */
	set_entry(k, at, entry);
	CHECK_EQ(guest_read_linear(&guest, &mode, 0, buf, 8), 8);
	CHECK_MEM(buf, &entry, 8);
	/* Bit 7 is reserved at level 4. */
	set_entry(k, at, mode.cr3 | PTE_P | PTE_PS);
	CHECK_EQ(guest_translate(&guest, &mode, 0, 0, &gpa), FLAGS);
}

static void canonical(void)
{
	for (size_t i = 3; i < KINDS; i++) {
		const struct kind *k = &kinds[i];
		const unsigned int top = shift_of(k, k->levels) + k->bits;
		struct vp_mode mode = k->mode;
		gpa_t gpa;

		next_table = RAM_BASE + DATA_PAGES * PAGE;
		mode.cr3 = new_table();
		REQUIRE(map(k, mode.cr3, 0, RAM_BASE, 1));
		REQUIRE(map(k, mode.cr3, ~0ul << (top - 1), RAM_BASE, 1));
		CHECK_EQ(guest_translate(&guest, &mode, 0, 0, &gpa), SUCCESS);
		CHECK_EQ(guest_translate(&guest, &mode, ~0ul << (top - 1), 0, &gpa), SUCCESS);
		CHECK_EQ(guest_translate(&guest, &mode, 1ul << (top - 1), 0, &gpa), ABSENT);
		CHECK_EQ(guest_translate(&guest, &mode, 1ul << top, 0, &gpa), ABSENT);
		CHECK_EQ(guest_translate(&guest, &mode, 1ul << 63, 0, &gpa), ABSENT);
		/* Code of 32 bits in long mode has addresses of 32 bits. */
		mode.insn = INSN_32;
		CHECK_EQ(guest_translate(&guest, &mode, 1ul << top, 0, &gpa), SUCCESS);
		CHECK_EQ(gpa.v, RAM_BASE);
	}
}

int main(void)
{
	CHECK_RUN(without_paging);
	CHECK_RUN(strange_tables);
	CHECK_RUN(canonical);
	CHECK_RUN(random_tables);
	CHECK_RUN(every_bit);
	CHECK_RUN(marks);
	return check_done();
}
