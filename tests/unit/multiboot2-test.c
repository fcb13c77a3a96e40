/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/boot/multiboot2.c. Information as GRUB makes it, then with one thing wrong,
 * then with any byte changed: always in a heap block of exactly its size.
 */
#include "check.h"

#include "boot/multiboot2.h"

#define MBI_PA 0x10000ul

static struct boot_info info;

struct mbi {
	uint8_t bytes[16384];
	size_t n;
};

static void put(struct mbi *m, const void *bytes, size_t n)
{
	REQUIRE(m->n + n <= sizeof(m->bytes));
	memcpy(m->bytes + m->n, bytes, n);
	m->n += n;
}

static void put32(struct mbi *m, uint32_t v)
{
	put(m, &v, sizeof(v));
}

static void put64(struct mbi *m, uint64_t v)
{
	put(m, &v, sizeof(v));
}

static void set32(struct mbi *m, size_t at, uint32_t v)
{
	memcpy(m->bytes + at, &v, sizeof(v));
}

static void begin(struct mbi *m)
{
	m->n = 0;
	put32(m, 0); /* total size, by end() */
	put32(m, 0);
}

/* Returns where the tag begins, for tag_end. */
static size_t tag_begin(struct mbi *m, uint32_t type)
{
	size_t at = m->n;

	put32(m, type);
	put32(m, 0);
	return at;
}

static void tag_end(struct mbi *m, size_t at)
{
	set32(m, at + 4, (uint32_t)(m->n - at));
	while (m->n % 8)
		put(m, "", 1);
}

static void put_tag(struct mbi *m, uint32_t type, const void *body, size_t n)
{
	size_t at = tag_begin(m, type);

	put(m, body, n);
	tag_end(m, at);
}

static void put_module(struct mbi *m, uint32_t start, uint32_t end, const char *text)
{
	size_t at = tag_begin(m, 3);

	put32(m, start);
	put32(m, end);
	put(m, text, strlen(text) + 1);
	tag_end(m, at);
}

static void put_mmap(struct mbi *m, uint32_t entry_size, uint32_t entries)
{
	size_t at = tag_begin(m, 6);

	put32(m, entry_size);
	put32(m, 0);
	for (uint32_t i = 0; i < entries; i++) {
		put64(m, i * 0x100000ul);
		put64(m, 0x80000);
		put32(m, 1 + i % 5);
		put32(m, 0);
		for (uint32_t k = 24; k < entry_size; k++)
			put(m, "\xee", 1);
	}
	tag_end(m, at);
}

static void end(struct mbi *m)
{
	put32(m, 0);
	put32(m, 8);
	set32(m, 0, (uint32_t)m->n);
}

static const char *parse(const struct mbi *m, size_t limit)
{
	uint8_t *copy = malloc(limit ? limit : 1);
	const char *error;

	REQUIRE(copy);
	memcpy(copy, m->bytes, limit < m->n ? limit : m->n);
	memset(&info, 0xa5, sizeof(info));
	error = multiboot2_parse(limit ? copy : copy + 1, MBI_PA, limit, &info);
	free(copy);
	return error;
}

/* What must hold whatever the bytes were. */
static void check_sane(const struct mbi *m)
{
	CHECK(info.map.count <= MEMMAP_MAX);
	CHECK(memchr(info.options, 0, sizeof(info.options)) != NULL);
	CHECK(memchr(info.kernel.text, 0, sizeof(info.kernel.text)) != NULL);
	CHECK(memchr(info.initrd.text, 0, sizeof(info.initrd.text)) != NULL);
	CHECK(info.rsdp_size <= sizeof(info.rsdp));
	CHECK(info.kernel.base + info.kernel.size <= UINT32_MAX);
	CHECK(info.initrd.base + info.initrd.size <= UINT32_MAX);
	if (info.efi_map_size) {
		CHECK(info.efi_map >= MBI_PA);
		CHECK(info.efi_map + info.efi_map_size <= MBI_PA + m->n);
	}
	for (uint32_t i = 0; i < info.map.count; i++) {
		CHECK(info.map.r[i].size > 0);
		CHECK(info.map.r[i].base + info.map.r[i].size > info.map.r[i].base);
	}
}

static const uint8_t framebuffer[] = {
	0,  0,	  0, 0xfd, 1, 2, 3, 4, /* base */
	0,  0x10, 0, 0, /* pitch */
	0,  4,	  0, 0,	   0, 3, 0, 0, /* 1024 x 768 */
	32, 1,	  0, 0, /* bpp, RGB, reserved */
	16, 8,	  8, 8,	   0, 8,
};

static size_t efi_map_at;

/* A full set of tags in GRUB's order. */
static void usual(struct mbi *m)
{
	uint8_t rsdp[36] = "RSD PTR one";
	size_t at;

	begin(m);
	put_tag(m, 21, "\0\0\0", 4); /* load base address */
	put_tag(m, 1, "loglevel=3 log=debug", 21);
	put_tag(m, 2, "GRUB 2.12", 10);
	put_module(m, 0x2000000, 0x2c00123, "root=/dev/vda2 console=ttyS0");
	put_module(m, 0x3000000, 0x3000001, "");
	put_module(m, 0x4000000, 0x4000001, "a third");
	put_mmap(m, 24, 7);
	put_tag(m, 8, framebuffer, sizeof(framebuffer));
	at = tag_begin(m, 12);
	put64(m, 0x7fff00001234);
	tag_end(m, at);
	put_tag(m, 14, rsdp, 20);
	rsdp[8] = 'X';
	put_tag(m, 15, rsdp, 36);
	at = tag_begin(m, 17);
	put32(m, 48);
	put32(m, 1);
	efi_map_at = m->n;
	for (int i = 0; i < 3 * 48; i++)
		put(m, "\x11", 1);
	tag_end(m, at);
	put_tag(m, 18, "", 0);
	put_tag(m, 0x12345678, "unknown", 7);
	end(m);
}

static void as_grub_makes_it(void)
{
	struct mbi m;

	usual(&m);
	CHECK_STR(parse(&m, m.n) ? "error" : "fine", "fine");
	check_sane(&m);
	CHECK_STR(info.options, "loglevel=3 log=debug");
	CHECK_EQ(info.kernel.base, 0x2000000);
	CHECK_EQ(info.kernel.size, 0xc00123);
	CHECK_STR(info.kernel.text, "root=/dev/vda2 console=ttyS0");
	CHECK_EQ(info.initrd.base, 0x3000000);
	CHECK_EQ(info.initrd.size, 1);
	CHECK_STR(info.initrd.text, "");
	CHECK_EQ(info.map.count, 7);
	for (uint32_t i = 0; i < 7; i++) {
		CHECK_EQ(info.map.r[i].base, i * 0x100000ul);
		CHECK_EQ(info.map.r[i].size, 0x80000);
		CHECK_EQ(info.map.r[i].type, 1 + i % 5);
	}
	CHECK(info.framebuffer.present);
	CHECK_EQ(info.framebuffer.base, 0x04030201fd000000);
	CHECK_EQ(info.framebuffer.pitch, 4096);
	CHECK_EQ(info.framebuffer.width, 1024);
	CHECK_EQ(info.framebuffer.height, 768);
	CHECK_EQ(info.framebuffer.bpp, 32);
	CHECK_EQ(info.framebuffer.type, 1);
	CHECK_EQ(info.framebuffer.red_pos, 16);
	CHECK_EQ(info.framebuffer.red_size, 8);
	CHECK_EQ(info.framebuffer.green_pos, 8);
	CHECK_EQ(info.framebuffer.green_size, 8);
	CHECK_EQ(info.framebuffer.blue_pos, 0);
	CHECK_EQ(info.framebuffer.blue_size, 8);
	CHECK_EQ(info.efi_system_table, 0x7fff00001234);
	CHECK_EQ(info.rsdp_size, 36);
	CHECK_MEM(info.rsdp, "RSD PTR X", 9);
	CHECK_EQ(info.efi_map, MBI_PA + efi_map_at);
	CHECK_EQ(info.efi_map_size, 3 * 48);
	CHECK_EQ(info.efi_descriptor_size, 48);
	CHECK_EQ(info.efi_descriptor_version, 1);
	CHECK(info.efi_boot_services);
}

/* As little as will do, and that nothing else is made up. */
static void least(void)
{
	struct mbi m;

	begin(&m);
	put_mmap(&m, 24, 1);
	end(&m);
	CHECK(!parse(&m, m.n));
	check_sane(&m);
	CHECK_STR(info.options, "");
	CHECK_EQ(info.kernel.size, 0);
	CHECK_EQ(info.initrd.size, 0);
	CHECK_EQ(info.rsdp_size, 0);
	CHECK_EQ(info.efi_system_table, 0);
	CHECK_EQ(info.efi_map_size, 0);
	CHECK(!info.efi_boot_services);
	CHECK(!info.framebuffer.present);
}

/* The order of the two ACPI tags must not matter. */
static void newer_rsdp_wins(void)
{
	uint8_t rsdp[36] = "RSD PTR ";
	struct mbi m;

	begin(&m);
	put_mmap(&m, 24, 1);
	rsdp[8] = 'N';
	put_tag(&m, 15, rsdp, 36);
	rsdp[8] = 'O';
	put_tag(&m, 14, rsdp, 20);
	end(&m);
	CHECK(!parse(&m, m.n));
	CHECK_EQ(info.rsdp_size, 36);
	CHECK_EQ(info.rsdp[8], 'N');
}

/* Texts at and above their limits, with and without their NUL. */
static void long_texts(void)
{
	static const size_t lengths[] = {
		0,   1, 8, 16, 24, BOOT_OPTIONS - 1, BOOT_OPTIONS, 2047, BOOT_TEXT, BOOT_TEXT + 1,
		5000
	};
	char text[5001];

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (size_t nul = 0; nul < 2; nul++) {
			size_t n = lengths[i], at;
			struct mbi m;

			CHECK_NOTE("length %zu nul %zu", n, nul);
			memset(text, 'a', sizeof(text));
			text[n] = '\0';
			begin(&m);
			put_tag(&m, 1, text, n + nul);
			at = tag_begin(&m, 3);
			put32(&m, 0x1000);
			put32(&m, 0x2000);
			put(&m, text, n + nul);
			tag_end(&m, at);
			/* What follows must not be taken for text. */
			put_mmap(&m, 24, 1);
			end(&m);
			CHECK(!parse(&m, m.n));
			check_sane(&m);
			CHECK_EQ(strlen(info.options), n < BOOT_OPTIONS ? n : BOOT_OPTIONS - 1);
			CHECK_EQ(strlen(info.kernel.text), n < BOOT_TEXT ? n : BOOT_TEXT - 1);
		}
	}
}

/* Bodies of exactly the size that their fields need. */
static void shortest_bodies(void)
{
	static const uint8_t no_descriptors[8] = { 40, 0, 0, 0, 1 };
	struct mbi m;

	begin(&m);
	put_tag(&m, 8, framebuffer, 24);
	put_tag(&m, 17, no_descriptors, sizeof(no_descriptors));
	put_mmap(&m, 24, 1);
	end(&m);
	CHECK(!parse(&m, m.n));
	CHECK(info.framebuffer.present);
	CHECK_EQ(info.framebuffer.red_pos, 0);
	CHECK_EQ(info.framebuffer.blue_size, 0);
	CHECK_EQ(info.efi_descriptor_size, 40);
	CHECK_EQ(info.efi_map_size, 0);
}

static void map_sizes(void)
{
	static const struct {
		uint32_t entry_size, entries;
		bool ok;
	} rows[] = {
		{ 24, 1, true },	  { 24, MEMMAP_MAX, true }, { 24, MEMMAP_MAX + 1, false },
		{ 32, 3, true },	  { 256, 3, true },	    { 257, 3, false },
		{ 23, 3, false },	  { 0, 3, false },	    { 24, 0, false }, /* no map */
		{ 0xffffffff, 0, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mbi m;

		CHECK_NOTE("row %zu", i);
		begin(&m);
		put_mmap(&m, rows[i].entry_size, rows[i].entries);
		end(&m);
		CHECK((parse(&m, m.n) == NULL) == rows[i].ok);
		check_sane(&m);
		if (!rows[i].ok)
			continue;
		CHECK_EQ(info.map.count, rows[i].entries);
		CHECK_EQ(info.map.r[info.map.count - 1].base, (info.map.count - 1) * 0x100000ul);
	}
}

/* One thing wrong each time; all of them must be refused. */
static void wrong(void)
{
	struct mbi m;

	for (int i = 0;; i++) {
		CHECK_NOTE("case %d", i);
		usual(&m);
		switch (i) {
		case 0:
			set32(&m, 0, 0);
			break;
		case 1:
			set32(&m, 0, 8);
			break;
		case 2:
			set32(&m, 0, UINT32_MAX);
			break;
		case 3: /* one more than there is */
			set32(&m, 0, (uint32_t)m.n + 1);
			break;
		case 4: /* the end tag is cut off */
			set32(&m, 0, (uint32_t)m.n - 8);
			break;
		case 5: /* a tag smaller than its header */
			set32(&m, 12, 7);
			break;
		case 6:
			set32(&m, 12, 0);
			break;
		case 7: /* a tag larger than everything */
			set32(&m, 12, UINT32_MAX);
			break;
		case 8:
			set32(&m, 12, UINT32_MAX - 7);
			break;
		case 9: /* an empty module */
			begin(&m);
			put_mmap(&m, 24, 1);
			put_module(&m, 0x1000, 0x1000, "");
			end(&m);
			break;
		case 10: /* one that ends before it begins */
			begin(&m);
			put_mmap(&m, 24, 1);
			put_module(&m, 0x1000, 0xfff, "");
			end(&m);
			break;
		case 11: /* bodies shorter than their fields */
		case 12:
		case 13:
		case 14:
		case 15: {
			static const struct {
				uint32_t type;
				size_t size;
			} tags[] = { { 3, 7 }, { 6, 7 }, { 8, 23 }, { 12, 7 }, { 17, 7 } };
			uint8_t body[24] = { 0 };

			begin(&m);
			put_mmap(&m, 24, 1);
			put_tag(&m, tags[i - 11].type, body, tags[i - 11].size);
			end(&m);
			break;
		}
		case 16: /* no end tag, and no room for one */
			m.n -= 8;
			set32(&m, 0, (uint32_t)m.n);
			break;
		default:
			return;
		}
		CHECK(parse(&m, m.n) != NULL);
		check_sane(&m);
	}
}

/* The loader's memory ends at limit, whatever the size inside says. */
static void limits(void)
{
	struct mbi m;

	usual(&m);
	for (size_t limit = 0; limit < m.n; limit++) {
		CHECK_NOTE("limit %zu", limit);
		CHECK(parse(&m, limit) != NULL);
	}
	for (size_t limit = m.n; limit < m.n + 20; limit++)
		CHECK(!parse(&m, limit));
	/* The same with a size that goes along. */
	for (size_t limit = 16; limit < m.n; limit++) {
		CHECK_NOTE("size %zu", limit);
		set32(&m, 0, (uint32_t)limit);
		CHECK(parse(&m, limit) != NULL);
		check_sane(&m);
	}
}

static void hostile(void)
{
	static const uint32_t numbers[] = {
		0, 1, 7, 8, 9, 15, 16, 0x7fffffff, 24, 0xfffffff0, 0xfffffff8, 0xffffffff
	};

	check_seed(0x6d756c7469626f6f);
	for (int i = 0; i < 200000; i++) {
		struct mbi m;

		usual(&m);
		for (uint64_t n = 1 + check_below(6); n; n--) {
			size_t at = check_below(m.n);

			if (check_below(2))
				m.bytes[at] = (uint8_t)check_rand();
			else
				set32(&m, at & ~(size_t)3,
				      check_below(2) ? numbers[check_below(12)] :
						       (uint32_t)check_below(m.n * 2));
		}
		if (check_below(3))
			set32(&m, 0, (uint32_t)m.n);
		CHECK_NOTE("%d", i);
		parse(&m, m.n);
		check_sane(&m);
	}
}

int main(void)
{
	CHECK_RUN(as_grub_makes_it);
	CHECK_RUN(least);
	CHECK_RUN(newer_rsdp_wins);
	CHECK_RUN(long_texts);
	CHECK_RUN(shortest_bodies);
	CHECK_RUN(map_sizes);
	CHECK_RUN(wrong);
	CHECK_RUN(limits);
	CHECK_RUN(hostile);
	return check_done();
}
