/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/boot/acpi.c. A small physical memory holds the tables; what is mapped of it
 * is handed out as heap blocks of exactly the size asked for, so that a read
 * behind a table is seen, and so is one of a table that was not asked for.
 */
#include "check.h"

#include "boot/acpi.h"

#define MEMORY_BASE 0x7ff00000ul
#define MEMORY_SIZE 0x20000u

static uint8_t memory[MEMORY_SIZE];
static void *mapped[4096];
static size_t mapped_count;

static const void *map_table(uint64_t pa, uint64_t size)
{
	void *copy;

	if (pa < MEMORY_BASE || size > MEMORY_SIZE || pa - MEMORY_BASE > MEMORY_SIZE - size)
		return NULL;
	REQUIRE(mapped_count < sizeof(mapped) / sizeof(mapped[0]));
	copy = malloc(size ? size : 1);
	REQUIRE(copy);
	memcpy(copy, memory + (pa - MEMORY_BASE), size);
	mapped[mapped_count++] = copy;
	return copy;
}

static struct acpi_info info;
static uint8_t rsdp[36];

static const char *parse(uint32_t rsdp_size)
{
	uint8_t *copy = malloc(rsdp_size ? rsdp_size : 1);
	const char *error;

	REQUIRE(copy);
	memcpy(copy, rsdp, rsdp_size);
	memset(&info, 0xa5, sizeof(info));
	error = acpi_parse(rsdp_size ? copy : copy + 1, rsdp_size, map_table, &info);
	free(copy);
	while (mapped_count)
		free(mapped[--mapped_count]);
	return error;
}

static void check_sane(void)
{
	CHECK(info.cpu_count <= CPUS_MAX);
	for (uint32_t i = 0; i < info.cpu_count && i < CPUS_MAX; i++) {
		for (uint32_t k = 0; k < i; k++)
			CHECK(info.apic_id[i] != info.apic_id[k]);
	}
}

static void set_sum(uint8_t *p, size_t n, size_t at)
{
	uint8_t sum = 0;

	p[at] = 0;
	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + p[i]);
	p[at] = (uint8_t)(0 - sum);
}

static uint8_t *at_pa(uint64_t pa)
{
	return memory + (pa - MEMORY_BASE);
}

static void put(uint8_t *p, uint64_t value, size_t n)
{
	for (; n; n--, value >>= 8)
		*p++ = (uint8_t)value;
}

/* The table at pa gets its length and checksum. */
static void seal(uint64_t pa, const char *signature, uint32_t length)
{
	uint8_t *t = at_pa(pa);

	memcpy(t, signature, 4);
	put(t + 4, length, 4);
	set_sum(t, length, 9);
}

static void seal_rsdp(void)
{
	set_sum(rsdp, 20, 8);
	set_sum(rsdp, 36, 32);
}

enum {
	RSDT = MEMORY_BASE + 0x1000,
	XSDT = MEMORY_BASE + 0x2000,
	FADT = MEMORY_BASE + 0x3000,
	MADT = MEMORY_BASE + 0x4000,
	OTHER = MEMORY_BASE + 0x8000,
};

static uint32_t madt_size;

static uint8_t *madt_entry(uint8_t type, uint8_t size)
{
	uint8_t *e = at_pa(MADT) + madt_size;

	memset(e, 0, size);
	e[0] = type;
	e[1] = size;
	madt_size += size;
	return e;
}

static void lapic(uint8_t id, uint32_t flags)
{
	uint8_t *e = madt_entry(0, 8);

	e[2] = id;
	e[3] = id;
	put(e + 4, flags, 4);
}

static void x2apic(uint32_t id, uint32_t flags)
{
	uint8_t *e = madt_entry(9, 16);

	put(e + 4, id, 4);
	put(e + 8, flags, 4);
}

static void madt_begin(void)
{
	memset(at_pa(MADT), 0, 0x4000);
	put(at_pa(MADT) + 36, 0xfee00000, 4);
	madt_size = 44;
}

/* Two CPUs and a disabled one; both root tables lead to everything. */
static void usual(void)
{
	uint8_t *f = at_pa(FADT);

	memset(memory, 0, sizeof(memory));
	madt_begin();
	lapic(0, 1);
	lapic(4, 1);
	lapic(5, 0);
	madt_entry(1, 12)[2] = 2; /* IOAPIC */
	madt_entry(4, 6)[2] = 0xff; /* NMI */
	seal(MADT, "APIC", madt_size);
	put(f + 36, 0x11110000, 4);
	put(f + 64, 0x604, 4);
	put(f + 68, 0x608, 4);
	put(f + 76, 0x60c, 4);
	put(f + 112, 1u << 10, 4);
	f[116] = 1; /* port */
	f[117] = 8;
	put(f + 120, 0xcf9, 8);
	f[128] = 0x0f;
	put(f + 132, 0x222200000000, 8);
	seal(FADT, "FACP", 276);
	seal(OTHER, "HPET", 56);
	put(at_pa(RSDT) + 36, OTHER, 4);
	put(at_pa(RSDT) + 40, FADT, 4);
	put(at_pa(RSDT) + 44, MADT, 4);
	seal(RSDT, "RSDT", 48);
	put(at_pa(XSDT) + 36, OTHER, 8);
	put(at_pa(XSDT) + 44, FADT, 8);
	put(at_pa(XSDT) + 52, MADT, 8);
	seal(XSDT, "XSDT", 60);
	memset(rsdp, 0, sizeof(rsdp));
	memcpy(rsdp, "RSD PTR ", 8);
	rsdp[15] = 2;
	put(rsdp + 16, RSDT, 4);
	put(rsdp + 20, 36, 4);
	put(rsdp + 24, XSDT, 8);
	seal_rsdp();
}

static void check_usual(void)
{
	check_sane();
	CHECK_EQ(info.cpu_count, 2);
	CHECK_EQ(info.apic_id[0], 0);
	CHECK_EQ(info.apic_id[1], 4);
	CHECK_EQ(info.cpus_dropped, 0);
	CHECK_EQ(info.apic_base, 0xfee00000);
	CHECK_EQ(info.pm1a_control, 0x604);
	CHECK_EQ(info.pm1b_control, 0x608);
	CHECK_EQ(info.pm_timer_port, 0x60c);
	CHECK_EQ(info.facs, 0x222200000000);
	CHECK(info.reset_supported);
	CHECK_EQ(info.reset_space, 1);
	CHECK_EQ(info.reset_address, 0xcf9);
	CHECK_EQ(info.reset_value, 0x0f);
}

static void both_roots(void)
{
	usual();
	CHECK(!parse(36));
	check_usual();
	/* Without the newer half of the RSDP. */
	CHECK(!parse(20));
	check_usual();
	/* Its checksum is wrong: the older half still counts. */
	usual();
	rsdp[32]++;
	CHECK(!parse(36));
	check_usual();
	/* An XSDT that is not sound: the RSDT instead. */
	usual();
	at_pa(XSDT)[40]++;
	CHECK(!parse(36));
	check_usual();
	/* Only the XSDT. */
	usual();
	put(rsdp + 16, 0, 4);
	seal_rsdp();
	CHECK(!parse(36));
	check_usual();
}

static void wrong_rsdp(void)
{
	usual();
	for (uint32_t size = 0; size < 20; size++)
		CHECK(parse(size) != NULL);
	for (size_t i = 0; i < 20; i++) {
		usual();
		rsdp[i] ^= 0x10;
		CHECK_NOTE("byte %zu", i);
		CHECK(parse(36) != NULL);
	}
	usual();
	memcpy(rsdp, "RSD PTX ", 8);
	seal_rsdp();
	CHECK(parse(36) != NULL);
	usual();
	put(rsdp + 16, 0, 4);
	put(rsdp + 24, 0, 8);
	seal_rsdp();
	CHECK(parse(36) != NULL);
	usual();
	put(rsdp + 16, 0xfffffff0, 4);
	put(rsdp + 24, 0xfffffffffffffff0, 8);
	seal_rsdp();
	CHECK(parse(36) != NULL);
}

static void madt(void)
{
	usual();
	madt_begin();
	for (uint32_t i = 0; i < 3; i++)
		lapic((uint8_t)(2 * i), 1);
	lapic(2, 1); /* again */
	x2apic(4, 1); /* again, in the other form */
	x2apic(0x12345, 1);
	x2apic(0x12346, 0);
	x2apic(0x12347, 2); /* can be brought online, is not there */
	lapic(0xff, 1); /* a broadcast is no CPU */
	x2apic(UINT32_MAX, 1);
	put(madt_entry(5, 12) + 4, 0x1fee00000, 8);
	seal(MADT, "APIC", madt_size);
	CHECK(!parse(36));
	check_sane();
	CHECK_EQ(info.cpu_count, 4);
	CHECK_EQ(info.apic_id[0], 0);
	CHECK_EQ(info.apic_id[1], 2);
	CHECK_EQ(info.apic_id[2], 4);
	CHECK_EQ(info.apic_id[3], 0x12345);
	CHECK_EQ(info.apic_base, 0x1fee00000);
	/* Entries too short for their type say nothing. */
	usual();
	madt_begin();
	lapic(1, 1);
	madt_entry(0, 7)[3] = 7;
	madt_entry(9, 15)[4] = 7;
	madt_entry(5, 11)[4] = 7;
	madt_entry(0, 2);
	seal(MADT, "APIC", madt_size);
	CHECK(!parse(36));
	CHECK_EQ(info.cpu_count, 1);
	CHECK_EQ(info.apic_base, 0xfee00000);
}

static void many_cpus(void)
{
	static const uint32_t counts[] = { 1, CPUS_MAX - 1, CPUS_MAX, CPUS_MAX + 1,
					   CPUS_MAX + 300 };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		usual();
		madt_begin();
		for (uint32_t c = 0; c < counts[i]; c++)
			x2apic(c * 2, 1);
		seal(MADT, "APIC", madt_size);
		CHECK_NOTE("%u CPUs", counts[i]);
		CHECK(!parse(36));
		check_sane();
		CHECK_EQ(info.cpu_count, counts[i] < CPUS_MAX ? counts[i] : CPUS_MAX);
		CHECK_EQ(info.cpus_dropped, counts[i] < CPUS_MAX ? 0 : counts[i] - CPUS_MAX);
		CHECK_EQ(info.apic_id[info.cpu_count - 1], 2 * (info.cpu_count - 1));
	}
}

static void wrong_madt(void)
{
	/* Without CPUs, cut, with an entry past the end, with one of no size. */
	usual();
	madt_begin();
	lapic(1, 0);
	seal(MADT, "APIC", madt_size);
	CHECK(parse(36) != NULL);
	usual();
	seal(MADT, "APIC", 43);
	CHECK(parse(36) != NULL);
	usual();
	seal(MADT, "APIC", madt_size - 1);
	CHECK(parse(36) != NULL);
	for (uint8_t size = 0; size < 2; size++) {
		usual();
		at_pa(MADT)[45] = size;
		seal(MADT, "APIC", madt_size);
		CHECK(parse(36) != NULL);
	}
	/* None at all, or one whose checksum is wrong. */
	usual();
	seal(MADT, "APIX", madt_size);
	CHECK(parse(36) != NULL);
	usual();
	at_pa(MADT)[60]++;
	CHECK(parse(36) != NULL);
	/* Lengths without sense. */
	static const uint32_t lengths[] = { 0, 1, 35, MEMORY_SIZE + 1, 0x100001, UINT32_MAX };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		usual();
		put(at_pa(MADT) + 4, lengths[i], 4);
		CHECK_NOTE("length %u", lengths[i]);
		CHECK(parse(36) != NULL);
	}
	/* A second MADT is not added to the first. */
	usual();
	memcpy(at_pa(OTHER), at_pa(MADT), madt_size);
	at_pa(OTHER)[44 + 3] = 77;
	seal(OTHER, "APIC", madt_size);
	put(at_pa(XSDT) + 36, MADT, 8);
	put(at_pa(XSDT) + 52, OTHER, 8);
	seal(XSDT, "XSDT", 60);
	CHECK(!parse(36));
	check_usual();
}

static void fadt(void)
{
	/* Each length: a field counts when all of it is there. */
	for (uint32_t length = 36; length <= 276; length++) {
		usual();
		seal(FADT, "FACP", length);
		CHECK_NOTE("length %u", length);
		CHECK(!parse(36));
		CHECK_EQ(info.pm1a_control, length >= 68 ? 0x604 : 0);
		CHECK_EQ(info.pm1b_control, length >= 72 ? 0x608 : 0);
		CHECK_EQ(info.pm_timer_port, length >= 80 ? 0x60c : 0);
		CHECK(info.reset_supported == (length >= 129));
		CHECK_EQ(info.facs, length >= 140 ? 0x222200000000 : length >= 40 ? 0x11110000 : 0);
	}
	usual();
	put(at_pa(FADT) + 112, ~(1u << 10), 4);
	put(at_pa(FADT) + 64, 0x10604, 4); /* no port has such a number */
	put(at_pa(FADT) + 132, 0, 8);
	seal(FADT, "FACP", 276);
	CHECK(!parse(36));
	CHECK(!info.reset_supported);
	CHECK_EQ(info.pm1a_control, 0);
	CHECK_EQ(info.facs, 0x11110000);
	/* A machine without a FADT is still one. */
	usual();
	seal(FADT, "FACX", 276);
	CHECK(!parse(36));
	CHECK_EQ(info.cpu_count, 2);
	CHECK_EQ(info.pm_timer_port, 0);
}

/* Any bytes, mostly with the checksums set right so that they are looked at. */
static void hostile(void)
{
	static const struct {
		uint32_t pa, size;
	} tables[] = { { RSDT, 48 }, { XSDT, 60 }, { FADT, 276 }, { MADT, 100 } };

	check_seed(0x61637069);
	for (int i = 0; i < 60000; i++) {
		usual();
		for (uint64_t n = 1 + check_below(5); n; n--) {
			size_t t = check_below(4);
			uint8_t *p = at_pa(tables[t].pa);

			switch (check_below(4)) {
			case 0: /* length */
				put(p + 4, check_below(2) ? check_below(400) : check_rand(), 4);
				break;
			case 1: /* pointers at tables, or anywhere */
				if (t < 2)
					put(p + 36 + 4 * check_below(6),
					    check_below(2) ? tables[check_below(4)].pa :
							     MEMORY_BASE + check_below(MEMORY_SIZE),
					    4);
				break;
			default:
				p[36 + check_below(tables[t].size - 36)] = (uint8_t)check_rand();
			}
			if (check_below(8)) {
				uint32_t length;

				memcpy(&length, p + 4, sizeof(length));
				if (length >= 10 && length <= 0x1000)
					set_sum(p, length, 9);
			}
		}
		CHECK_NOTE("%d", i);
		parse(check_below(2) ? 36 : 20);
		check_sane();
	}
}

int main(void)
{
	CHECK_RUN(both_roots);
	CHECK_RUN(wrong_rsdp);
	CHECK_RUN(madt);
	CHECK_RUN(many_cpus);
	CHECK_RUN(wrong_madt);
	CHECK_RUN(fadt);
	CHECK_RUN(hostile);
	return check_done();
}
