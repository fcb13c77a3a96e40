/* SPDX-License-Identifier: GPL-2.0-only */
/* hv/boot/efimap.c, page by page against what the map said before. */
#include "check.h"

#include "boot/efimap.h"

#define PAGE 0x1000ul
#define PAGES 300u
#define NONE UINT32_MAX

struct page {
	uint32_t type;
	uint64_t virtual;
	uint64_t attributes;
};

static void put(unsigned char *dest, size_t desc_size, const struct efi_descriptor *d)
{
	memset(dest, 0xee, desc_size); /* what firmware keeps behind the structure */
	memcpy(dest, d, sizeof(*d));
}

/* Descriptors in firmware's order to pages. Each page has one owner at most. */
static bool spread(const unsigned char *bytes, size_t size, size_t desc_size, struct page *pages)
{
	for (size_t i = 0; i < PAGES; i++)
		pages[i] = (struct page){ .type = NONE };
	for (size_t off = 0; off < size; off += desc_size) {
		struct efi_descriptor d;

		memcpy(&d, bytes + off, sizeof(d));
		for (size_t k = sizeof(d); k < desc_size; k++)
			CHECK_EQ(bytes[off + k], 0xee);
		if (!CHECK(d.pages > 0) || !CHECK_EQ(d.physical % PAGE, 0))
			return false;
		for (uint64_t p = 0; p < d.pages; p++) {
			uint64_t page = d.physical / PAGE + p;

			if (!CHECK(page < PAGES) || !CHECK(pages[page].type == NONE))
				return false;
			pages[page].type = d.type;
			pages[page].virtual = d.virtual ? d.virtual + p * PAGE : 0;
			pages[page].attributes = d.attributes;
		}
	}
	return true;
}

static void random_maps(void)
{
	check_seed(0x6566696d6170);
	for (int round = 0; round < 20000; round++) {
		size_t desc_size = sizeof(struct efi_descriptor) + 8 * check_below(4);
		unsigned char src[64 * 72], *dest;
		struct page before[PAGES], after[PAGES];
		size_t used = 0, room, got;
		uint64_t page = check_below(5);
		uint64_t first = check_below(PAGES), count = 1 + check_below(PAGES - first);
		uint32_t type = check_below(2) ? EFI_RESERVED_TYPE : EFI_LOADER_DATA;

		while (page < PAGES && used < sizeof(src) - desc_size) {
			struct efi_descriptor d = {
				.type = (uint32_t)(check_below(2) ? EFI_CONVENTIONAL :
								    check_below(15)),
				.physical = page * PAGE,
				.virtual = check_below(2) ? 0 : 0xffff000000000000ul + page * PAGE,
				.pages = 1 + check_below(20),
				.attributes = check_rand(),
			};

			if (d.pages > PAGES - page)
				d.pages = PAGES - page;
			put(src + used, desc_size, &d);
			used += desc_size;
			page += d.pages + (check_below(3) ? 0 : check_below(10));
		}
		CHECK_NOTE("round %d: reserve %" PRIu64 " pages at page %" PRIu64, round, count,
			   first);
		if (!spread(src, used, desc_size, before))
			return;
		/* A split makes three of one, and there are two ends: four more is enough. */
		room = used + 4 * desc_size;
		dest = malloc(room);
		REQUIRE(dest);
		got = efimap_set(dest, room, src, used, desc_size, first * PAGE, count * PAGE,
				 type);
		CHECK_EQ(got % desc_size, 0);
		if (!CHECK(got >= used && got <= room) || !spread(dest, got, desc_size, after)) {
			free(dest);
			return;
		}
		for (uint64_t p = 0; p < PAGES; p++) {
			bool inside = p >= first && p < first + count && before[p].type != NONE;

			CHECK_EQ(after[p].type, inside ? type : before[p].type);
			CHECK_EQ(after[p].virtual, before[p].virtual);
			CHECK_EQ(after[p].attributes, before[p].attributes);
		}
		free(dest);
		/* Exactly enough room, and one byte less. */
		dest = malloc(got);
		REQUIRE(dest);
		CHECK_EQ(efimap_set(dest, got, src, used, desc_size, first * PAGE, count * PAGE,
				    type),
			 got);
		CHECK_EQ(efimap_set(dest, got - 1, src, used, desc_size, first * PAGE, count * PAGE,
				    type),
			 0);
		free(dest);
	}
}

static void strange(void)
{
	struct efi_descriptor d = { .type = EFI_CONVENTIONAL, .physical = 0x1000, .pages = 16 };
	unsigned char src[256], dest[1024];

	put(src, 40, &d);
	CHECK_EQ(efimap_set(dest, sizeof(dest), src, 40, 0, 0x1000, 0x1000, EFI_RESERVED_TYPE), 0);
	CHECK_EQ(efimap_set(dest, sizeof(dest), src, 40, 39, 0x1000, 0x1000, EFI_RESERVED_TYPE), 0);
	CHECK_EQ(efimap_set(dest, sizeof(dest), src, 40, 257, 0x1000, 0x1000, EFI_RESERVED_TYPE),
		 0);
	CHECK_EQ(efimap_set(dest, sizeof(dest), src, 39, 40, 0x1000, 0x1000, EFI_RESERVED_TYPE), 0);
	CHECK_EQ(efimap_set(dest, 0, src, 40, 40, 0x1000, 0x1000, EFI_RESERVED_TYPE), 0);
	/* Half a descriptor at the end is no descriptor. */
	CHECK_EQ(efimap_set(dest, sizeof(dest), src, 79, 40, 0x100000, 0x1000, EFI_RESERVED_TYPE),
		 40);
}

/* Extents that make no sense stay as firmware wrote them, even where they touch. */
static void senseless(void)
{
	static const struct {
		uint64_t physical, pages, base, size;
	} rows[] = {
		{ 0x1000, 0, 0x1000, 0x1000 },
		{ 0x2000, 0, 0x1000, 0x4000 },
		{ 0x1000, UINT64_MAX, 0x1000, 0x1000 },
		{ 0x1000, (1ul << 52) + 1, 0x1000, 0x1000 }, /* one page, if bits fall off */
		{ 0xfffffffffffff000, 2, 0, 0x1000 },
		{ 0xffffffffffff0000, 0x20, 0, 0xfffffffffffff000 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct efi_descriptor d = { .type = EFI_CONVENTIONAL,
					    .physical = rows[i].physical,
					    .pages = rows[i].pages };
		unsigned char src[40], dest[400];

		CHECK_NOTE("row %zu", i);
		put(src, sizeof(src), &d);
		CHECK_EQ(efimap_set(dest, sizeof(dest), src, sizeof(src), sizeof(src), rows[i].base,
				    rows[i].size, EFI_RESERVED_TYPE),
			 sizeof(src));
		CHECK_MEM(dest, src, sizeof(src));
	}
}

int main(void)
{
	CHECK_RUN(strange);
	CHECK_RUN(senseless);
	CHECK_RUN(random_maps);
	return check_done();
}
