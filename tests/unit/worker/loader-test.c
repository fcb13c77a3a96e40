/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parent/worker's loaders: files of each kind as they should be, then with one
 * thing wrong, then with any bytes changed. A file is always in a heap block of
 * exactly its size, and so is guest memory.
 */
#include "check.h"

#include <fcntl.h>
#include <unistd.h>

#include "kernels.h"
#include "loader.h"

#define MEMORY MIB(32)

static struct ram ram = { .fd = -1 };
static struct boot boot;
static struct error error;

static void clear(uint64_t memory)
{
	free(ram.bytes);
	ram_layout(&ram, memory, 0);
	ram.bytes = calloc(1, memory);
	REQUIRE(ram.bytes);
}

static bool run_with(const struct file *file, const char *loader, uint64_t memory, uint64_t initrd,
		     const char *cmdline)
{
	uint8_t *copy = malloc(file->size ? file->size : 1);
	struct load load = { .ram = &ram,
			     .kernel = { .bytes = copy, .size = file->size, .name = "dir/k" },
			     .initrd_size = initrd,
			     .cmdline = cmdline,
			     .rsdp = LOW_ACPI };
	bool good;

	REQUIRE(copy);
	memcpy(copy, file->bytes, file->size);
	clear(memory);
	error = (struct error){ .kind = ERROR_NONE };
	good = loader_run(loader, &load, &boot, &error);
	free(copy);
	if (!good) {
		CHECK_EQ(error.kind, ERROR_CONFIG);
		CHECK(error.text[0]);
	}
	return good;
}

static bool run(const struct file *file)
{
	return run_with(file, NULL, MEMORY, 0, "a b");
}

/* Where guest memory holds the payload. */
static void check_payload(uint64_t gpa, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (ram.bytes[gpa + i] != pattern(i)) {
			CHECK_EQ(ram.bytes[gpa + i], pattern(i));
			return;
		}
	}
	CHECK(true);
}

static uint32_t get32(uint64_t gpa)
{
	uint32_t value;

	memcpy(&value, ram.bytes + gpa, sizeof(value));
	return value;
}

static uint64_t get64(uint64_t gpa)
{
	uint64_t value;

	memcpy(&value, ram.bytes + gpa, sizeof(value));
	return value;
}

/* ---- bzImage ---- */

static void test_bzimage(void)
{
	const struct boot_params *zero_page;
	struct file file;

	make_bzimage(&file);
	REQUIRE(run_with(&file, NULL, MEMORY, 12345, "console=ttyS0 quiet"));
	CHECK(boot.long_mode);
	CHECK_EQ(boot.rip, 0x1000200);
	CHECK_EQ(boot.rsi, LOW_BOOT);
	check_payload(0x1000000, PAYLOAD);
	zero_page = (const void *)(ram.bytes + LOW_BOOT);
	CHECK_EQ(zero_page->hdr.header, 0x53726448);
	CHECK_EQ(zero_page->hdr.type_of_loader, 0xff);
	CHECK_EQ(zero_page->hdr.cmd_line_ptr, LOW_CMDLINE);
	CHECK_EQ(zero_page->acpi_rsdp_addr, LOW_ACPI);
	CHECK_STR((const char *)ram.bytes + LOW_CMDLINE, "console=ttyS0 quiet");
	CHECK_EQ(boot.initrd, zero_page->hdr.ramdisk_image);
	CHECK_EQ(zero_page->hdr.ramdisk_size, 12345);
	CHECK_EQ(boot.initrd % 4096, 0);
	CHECK(boot.initrd >= 0x1300000 && boot.initrd + 12345 <= MEMORY);
	CHECK(boot.initrd + 12345 + 4096 > MEMORY); /* the highest place */
	CHECK_EQ(zero_page->e820_entries, 3);
	CHECK_EQ(zero_page->e820_table[0].size, 0xa0000);
	CHECK_EQ(zero_page->e820_table[1].type, 2);
	CHECK_EQ(zero_page->e820_table[2].addr + zero_page->e820_table[2].size, MEMORY);
}

/* The tables map 4 GiB onto itself, and the segments are as the protocol wants. */
static void test_tables(void)
{
	struct file file;

	make_bzimage(&file);
	REQUIRE(run(&file));
	for (uint64_t gpa = 0; gpa < GIB(4); gpa += MIB(2) - 4096) {
		uint64_t l4 = get64(LOW_TABLES + (gpa >> 39) * 8);
		uint64_t l3 = get64((l4 & ~0xfffull) + (gpa >> 30 & 511) * 8);
		uint64_t l2 = get64((l3 & ~0xfffull) + (gpa >> 21 & 511) * 8);

		CHECK_EQ(l4 & 0xfff, 3);
		CHECK_EQ(l3 & 0xfff, 3);
		if (!CHECK_EQ(l2, (gpa & ~0x1fffffull) | 0x83))
			return;
	}
	CHECK_EQ(get64(LOW_GDT), 0);
	CHECK_EQ(get64(LOW_GDT + BOOT_CODE) >> 53 & 1, 1); /* L */
	CHECK_EQ(get64(LOW_GDT + BOOT_CODE) >> 54 & 1, 0); /* D */
}

static void test_bzimage_placing(void)
{
	struct file file;

	/* Too little memory where it would like to be: lower, if it can. */
	make_bzimage(&file);
	REQUIRE(run_with(&file, NULL, MIB(8), 0, ""));
	CHECK_EQ(boot.rip, 0x200200);
	header_of(&file)->relocatable_kernel = 0;
	CHECK(!run_with(&file, NULL, MIB(8), 0, ""));
	make_bzimage(&file);
	CHECK(!run_with(&file, NULL, MIB(4), 0, ""));
	/* The initrd stays below what the kernel says, and off the kernel. */
	header_of(&file)->initrd_addr_max = 0x17fffff;
	REQUIRE(run_with(&file, NULL, MEMORY, 4096, ""));
	CHECK_EQ(boot.initrd, 0x17ff000);
	CHECK(!run_with(&file, NULL, MEMORY, 0x500001, ""));
	REQUIRE(run_with(&file, NULL, MEMORY, 0x500000, ""));
	CHECK_EQ(boot.initrd, 0x1300000);
	CHECK(!run_with(&file, NULL, MEMORY, UINT64_MAX, ""));
	CHECK(!run_with(&file, NULL, MEMORY, UINT64_MAX - 4094, ""));
}

static void test_bzimage_cmdline(void)
{
	char text[2100];
	struct file file;

	make_bzimage(&file);
	memset(text, 'x', sizeof(text));
	text[2047] = '\0';
	CHECK(run_with(&file, NULL, MEMORY, 0, text));
	text[2047] = 'x';
	text[2048] = '\0';
	CHECK(!run_with(&file, NULL, MEMORY, 0, text));
	CHECK(strstr(error.text, "2047") != NULL);
}

/* One field of the header at a time, with the word that the message must have. */
static void test_bzimage_bad(void)
{
	static const struct {
		size_t offset, size;
		uint64_t value;
		const char *text;
	} rows[] = {
		{ 0x202, 4, 0, "HdrS" },	{ 0x1fe, 2, 0, "boot flag" },
		{ 0x206, 2, 0x20b, "64-bit" },	{ 0x236, 2, 0, "64-bit" },
		{ 0x1f1, 1, 255, "cut off" },	{ 0x260, 4, PAYLOAD - 1, "cut off" },
		{ 0x258, 8, UINT64_MAX, NULL }, /* goes elsewhere */
		{ 0x258, 8, 0x1000, NULL },	{ 0x260, 4, 0xffffffff, "too small" },
	};
	struct file file;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_NOTE("row %zu", i);
		make_bzimage(&file);
		memcpy(file.bytes + rows[i].offset, &rows[i].value, rows[i].size);
		if (!rows[i].text) {
			CHECK(run_with(&file, "bzimage", MEMORY, 0, ""));
			continue;
		}
		CHECK(!run_with(&file, "bzimage", MEMORY, 0, ""));
		CHECK(strstr(error.text, rows[i].text) != NULL);
	}
	for (size_t size = 0; size <= SECTORS; size++) {
		make_bzimage(&file);
		file.size = size;
		CHECK(!run_with(&file, "bzimage", MIB(20), 0, ""));
	}
}

/* ---- ELF ---- */

static void test_pvh(void)
{
	uint64_t map, end = 0;
	struct file file;

	make_elf64(&file);
	REQUIRE(run_with(&file, NULL, MEMORY, 100, "x=y"));
	CHECK(!boot.long_mode);
	CHECK_EQ(boot.rip, CODE_GPA + 0x40);
	CHECK_EQ(boot.rbx, LOW_BOOT);
	check_payload(CODE_GPA, PAYLOAD);
	CHECK_EQ(get32(LOW_BOOT), 0x336ec578);
	CHECK_EQ(get32(LOW_BOOT + 4), 1);
	CHECK_EQ(get32(LOW_BOOT + 12), 1); /* one module */
	CHECK_EQ(get64(get64(LOW_BOOT + 16)), boot.initrd);
	CHECK_EQ(get64(get64(LOW_BOOT + 16) + 8), 100);
	CHECK_STR((const char *)ram.bytes + get64(LOW_BOOT + 24), "x=y");
	CHECK_EQ(get64(LOW_BOOT + 32), LOW_ACPI);
	map = get64(LOW_BOOT + 40);
	for (uint32_t i = 0; i < get32(LOW_BOOT + 48); i++, map += 24) {
		CHECK_EQ(get64(map), end);
		end = get64(map) + get64(map + 8);
	}
	CHECK_EQ(end, MEMORY);
	CHECK_EQ(get64(LOW_GDT + BOOT_CODE) >> 53 & 3, 2); /* D, not L */
	CHECK_EQ(get64(LOW_GDT + BOOT_TASK) >> 40 & 0xff, 0x8b);
}

static void test_pvh_notes(void)
{
	struct file file;

	make_elf64(&file);
	put_note(&file, 17, "Xen", 1);
	CHECK(!run_with(&file, "pvh", MEMORY, 0, ""));
	CHECK(strstr(error.text, "no PVH note") != NULL);
	put_note(&file, 18, "Xem", 1);
	CHECK(!run(&file));
	CHECK(strstr(error.text, "no bzImage (no HdrS)") != NULL);
	/* Sizes of notes that lead out of the segment, or round in 32 bits. */
	for (unsigned field = 0; field < 8; field += 4) {
		static const uint32_t sizes[] = { 5, 0x7fffffff, 0xfffffffd, 0xffffffff };

		for (size_t i = 0; i < 4; i++) {
			make_elf64(&file);
			memcpy(file.bytes + NOTE_AT + field, &sizes[i], 4);
			CHECK(!run_with(&file, "pvh", MEMORY, 0, ""));
		}
	}
}

static void test_multiboot(void)
{
	uint32_t map, end;
	struct file file;

	make_elf32(&file);
	REQUIRE(run_with(&file, NULL, MEMORY, 77, "arg"));
	CHECK(!boot.long_mode);
	CHECK_EQ(boot.rip, CODE_GPA + 0x20);
	CHECK_EQ(boot.rax, 0x2badb002);
	CHECK_EQ(boot.rbx, LOW_BOOT);
	check_payload(CODE_GPA, PAYLOAD);
	CHECK_EQ(get32(LOW_BOOT), 0x4d);
	CHECK_EQ(get32(LOW_BOOT + 8), (MEMORY - MIB(1)) >> 10);
	CHECK_STR((const char *)ram.bytes + get32(LOW_BOOT + 16), "k arg");
	CHECK_EQ(get32(LOW_BOOT + 20), 1);
	CHECK_EQ(get32(get32(LOW_BOOT + 24)), boot.initrd);
	CHECK_EQ(get32(get32(LOW_BOOT + 24) + 4), boot.initrd + 77);
	map = get32(LOW_BOOT + 48);
	end = map + get32(LOW_BOOT + 44);
	CHECK_EQ(get32(map), 20);
	CHECK_EQ(get64(end - 24 + 4) + get64(end - 24 + 12), MEMORY);
}

static void test_multiboot_flat(void)
{
	struct file file;

	set_flat(&file, 0x100010, 0x100000, 0, 0);
	REQUIRE(run(&file));
	CHECK_EQ(boot.rip, 0x100004);
	CHECK_MEM(ram.bytes + 0x100000, file.bytes, PAYLOAD);
	set_flat(&file, 0x100010, 0x100008, 0x100018, 0x200000);
	REQUIRE(run(&file));
	CHECK_MEM(ram.bytes + 0x100008, file.bytes + 8, 16);
	CHECK_EQ(ram.bytes[0x100018], 0);

	set_flat(&file, 0x100010, 0x100011, 0, 0); /* behind its header */
	CHECK(!run(&file));
	set_flat(&file, 0x100010, 0x0fff00, 0, 0); /* before the file begins */
	CHECK(!run(&file));
	set_flat(&file, 0x100010, 0x100000, 0x100000 + PAYLOAD + 1, 0);
	CHECK(!run(&file));
	set_flat(&file, 0x100010, 0x100000, 0x0fffff, 0);
	CHECK(!run(&file));
	set_flat(&file, 0x100010, 0x100000, 0, 0x2000001); /* bss behind memory */
	CHECK(!run(&file));
	set_flat(&file, 0x1010, 0x1000, 0, 0); /* where the tables are */
	CHECK(!run(&file));
	set_flat(&file, 0xfffffff0, 0xffffffe0, 0, 0);
	CHECK(!run(&file));
}

static void test_multiboot_flags(void)
{
	struct file file;

	for (unsigned bit = 0; bit < 32; bit++) {
		uint32_t header[3] = { 0x1badb002, 1u << bit, -(0x1badb002u + (1u << bit)) };

		CHECK_NOTE("bit %u", bit);
		make_elf32(&file);
		memcpy(file.bytes + 0x100, header, sizeof(header));
		/* 2 to 15 are demands that nobody knows; 16 names addresses, here none. */
		CHECK_EQ(run(&file), bit < 2 || bit > 16);
	}
	/* Only where the specification looks, and only with a true sum. */
	make_elf32(&file);
	memmove(file.bytes + 8192, file.bytes + 0x100, 12);
	memset(file.bytes + 0x100, 0, 12);
	CHECK(!run(&file));
	memmove(file.bytes + 8192 - 12, file.bytes + 8192, 12);
	CHECK(run(&file));
	file.bytes[8192 - 1] ^= 1;
	CHECK(!run(&file));
}

static void test_elf_bad(void)
{
	static const struct {
		size_t offset, size;
		uint64_t value;
	} rows[] = {
		{ EI_CLASS, 1, 1 },
		{ EI_DATA, 1, 2 },
		{ 18, 2, EM_AARCH64 },
		{ 32, 8, UINT64_MAX },
		{ 32, 8, 30000 },
		{ 54, 2, 55 },
		{ 56, 2, 0 },
		{ 56, 2, 0xffff },
		{ 64 + 8, 8, UINT64_MAX },
		{ 64 + 8, 8, CODE_AT + 1 },
		{ 64 + 24, 8, 0xfffff },
		{ 64 + 24, 8, MEMORY - PAYLOAD },
		{ 64 + 24, 8, UINT64_MAX - 10 },
		{ 64 + 32, 8, UINT64_MAX },
		{ 64 + 40, 8, PAYLOAD - 1 },
		{ 64 + 40, 8, UINT64_MAX },
		{ 64, 4, PT_DYNAMIC },
	};
	struct file file;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_NOTE("row %zu", i);
		make_elf64(&file);
		memcpy(file.bytes + rows[i].offset, &rows[i].value, rows[i].size);
		CHECK(!run_with(&file, "pvh", MEMORY, 0, ""));
	}
	for (size_t size = 0; size < CODE_AT + PAYLOAD; size += 7) {
		make_elf64(&file);
		file.size = size;
		CHECK(!run_with(&file, "pvh", MIB(8), 0, ""));
	}
}

/* Any change of any byte: it loads or it is refused, and the first MiB has in it
 * only what the loaders put there. */
static void test_random(void)
{
	static void (*const makers[])(struct file *) = { make_bzimage, make_elf64, make_elf32 };
	static const char *const names[] = { "auto", "bzimage", "pvh", "multiboot" };

	check_seed(0xb007);
	for (unsigned step = 0; step < 1500; step++) {
		unsigned changes = 1 + (unsigned)check_below(6);
		struct file file = { .size = 0 };

		CHECK_NOTE("step %u", step);
		makers[check_below(3)](&file);
		while (changes--)
			file.bytes[check_below(2) ? check_below(0x300) : 0x1f1 + check_below(0x77)] =
				check_below(2) ? (uint8_t)check_rand() : 0xff;
		if (check_below(4) == 0)
			file.size = check_below(file.size + 1);
		if (!run_with(&file, names[check_below(4)], MIB(8) + MIB(2) * check_below(8),
			      check_below(2) ? check_below(MIB(10)) : 0, "cmdline"))
			continue;
		CHECK_EQ(get64(0), 0);
		for (uint64_t gpa = LOW_END; gpa < MIB(1); gpa += 8)
			if (get64(gpa))
				CHECK_EQ(get64(gpa), 0);
	}
}

/* ---- Memory ---- */

static void test_ram(void)
{
	struct ram_range ranges[RAM_RANGES];
	struct ram big = { .bytes = (uint8_t *)0x1000 };

	ram_layout(&big, GIB(3) + MIB(2), 0);
	CHECK_EQ(big.low, GIB(3));
	CHECK_EQ(big.high, MIB(2));
	CHECK_EQ(ram_map(&big, ranges), 4);
	CHECK_EQ(ranges[3].gpa, GIB(4));
	CHECK_EQ(ranges[3].size, MIB(2));
	CHECK(ram_at(&big, 0, GIB(3)) == big.bytes);
	CHECK(ram_at(&big, GIB(3) - 1, 1) == big.bytes + GIB(3) - 1);
	CHECK(ram_at(&big, GIB(4), MIB(2)) == big.bytes + GIB(3));
	CHECK(!ram_at(&big, GIB(3) - 1, 2));
	CHECK(!ram_at(&big, GIB(3), 0));
	CHECK(!ram_at(&big, GIB(4) - 1, 2));
	CHECK(!ram_at(&big, GIB(4) + 1, MIB(2)));
	CHECK(!ram_at(&big, GIB(4) + MIB(2), 0));
	CHECK(!ram_at(&big, UINT64_MAX, 2));
	CHECK(!ram_at(&big, 1, UINT64_MAX));
	ram_layout(&big, GIB(3), 0);
	CHECK_EQ(big.high, 0);
	CHECK_EQ(ram_map(&big, ranges), 3);
	CHECK(!ram_at(&big, GIB(4), 0));
}

/* A screen's memory is in the hole, behind all other in the file, and in no memory map. */
static void test_vram(void)
{
	const uint64_t gpa = MULLION_VRAM_GPA;
	struct ram_range ranges[RAM_RANGES];
	struct ram big = { .bytes = (uint8_t *)0x1000 };

	ram_layout(&big, GIB(3) + MIB(2), MIB(16));
	CHECK_EQ(ram_size(&big), GIB(3) + MIB(18));
	CHECK_EQ(ram_map(&big, ranges), 4);
	for (size_t i = 0; i < 4; i++)
		CHECK(ranges[i].gpa + ranges[i].size <= gpa || ranges[i].gpa >= GIB(4));
	CHECK(ram_at(&big, gpa, MIB(16)) == big.bytes + GIB(3) + MIB(2));
	CHECK(ram_at(&big, gpa + MIB(16) - 1, 1) == big.bytes + GIB(3) + MIB(18) - 1);
	CHECK(ram_at(&big, GIB(4), MIB(2)) == big.bytes + GIB(3));
	CHECK(!ram_at(&big, gpa - 1, 2));
	CHECK(!ram_at(&big, gpa, MIB(16) + 1));
	CHECK(!ram_at(&big, gpa + MIB(16) - 1, 2));
	CHECK(!ram_at(&big, gpa + MIB(16), 0));
	CHECK(!ram_at(&big, gpa, UINT64_MAX));
	/* The loaders' parts are as without it. */
	ram_layout(&big, MIB(32), MIB(64));
	CHECK_EQ(big.low, MIB(32));
	CHECK_EQ(big.high, 0);
	CHECK(ram_at(&big, gpa, MIB(64)) == big.bytes + MIB(32));
	CHECK(!ram_at(&big, MIB(32), 1));
}

static void test_ram_create(void)
{
	struct ram real;

	REQUIRE(ram_create(&real, MIB(4), MIB(16), false, &error));
	CHECK_EQ((uintptr_t)real.bytes % MIB(2), 0);
	memset(real.bytes, 0x55, MIB(20));
	REQUIRE(ram_clear(&real, &error));
	CHECK_EQ(real.bytes[0] | real.bytes[MIB(4) - 1], 0);
	CHECK_EQ(real.bytes[MIB(4)] | real.bytes[MIB(20) - 1], 0);
	/* All of it is sealed: what others map stays. */
	CHECK_EQ(fcntl(real.fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	CHECK_EQ(lseek(real.fd, 0, SEEK_END), MIB(20));
	ram_destroy(&real);
	CHECK(!ram_create(&real, MIB(2) + 4096, 0, false, &error));
	CHECK_EQ(error.kind, ERROR_CONFIG);
	CHECK(!ram_create(&real, MIB(2), 4096, false, &error));
	CHECK_EQ(error.kind, ERROR_CONFIG);
	CHECK(!ram_create(&real, 0, 0, false, &error));
	CHECK(!ram_create(&real, MIB(2), UINT64_MAX - MIB(2) + 1, false, &error));
	/* More than any machine has. */
	CHECK(!ram_create(&real, 1ull << 50, 0, false, &error));
	CHECK_EQ(error.kind, ERROR_CONFIG);
	CHECK(strstr(error.text, "this machine has") != NULL);
	CHECK(!real.bytes && real.fd == -1);
}

int main(void)
{
	CHECK_RUN(test_bzimage);
	CHECK_RUN(test_tables);
	CHECK_RUN(test_bzimage_placing);
	CHECK_RUN(test_bzimage_cmdline);
	CHECK_RUN(test_bzimage_bad);
	CHECK_RUN(test_pvh);
	CHECK_RUN(test_pvh_notes);
	CHECK_RUN(test_multiboot);
	CHECK_RUN(test_multiboot_flat);
	CHECK_RUN(test_multiboot_flags);
	CHECK_RUN(test_elf_bad);
	CHECK_RUN(test_random);
	CHECK_RUN(test_ram);
	CHECK_RUN(test_vram);
	CHECK_RUN(test_ram_create);
	free(ram.bytes);
	return check_done();
}
