/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parent/worker/acpi.c, followed from the root pointer as a guest does. With a
 * directory as argument the tables are left there as files, for iasl.
 */
#include "check.h"

#include "acpi.h"
#include "ports.h"
#include "guest-memory.h"

#define GPA 0xe0000u
#define SIZE 0x20000u

static uint8_t memory[SIZE];
static size_t used;

static uint64_t get(const uint8_t *bytes, size_t at, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, bytes + at, size);
	return value;
}

static uint8_t sum(const uint8_t *bytes, size_t size)
{
	uint8_t total = 0;

	for (size_t i = 0; i < size; i++)
		total += bytes[i];
	return total;
}

/* A table at an address, looked at as far as all tables are the same. */
static const uint8_t *table(uint64_t gpa, const char *signature)
{
	const uint8_t *bytes;
	uint64_t length;

	REQUIRE(gpa >= GPA && gpa + 36 <= GPA + used && gpa % 16 == 0);
	bytes = memory + (gpa - GPA);
	length = get(bytes, 4, 4);
	REQUIRE(length >= 36 && gpa + length <= GPA + used);
	CHECK_MEM(bytes, signature, 4);
	CHECK_EQ(sum(bytes, length), 0);
	return bytes;
}

static const uint8_t *find(const char *signature)
{
	const uint8_t *xsdt;

	REQUIRE(used > 36);
	CHECK_MEM(memory, "RSD PTR ", 8);
	CHECK_EQ(sum(memory, 20), 0);
	CHECK_EQ(get(memory, 20, 4), 36);
	CHECK_EQ(sum(memory, 36), 0);
	xsdt = table(get(memory, 24, 8), "XSDT");
	for (size_t at = 36; at < get(xsdt, 4, 4); at += 8) {
		uint64_t gpa = get(xsdt, at, 8);

		if (gpa >= GPA && gpa < GPA + used &&
		    memcmp(memory + (gpa - GPA), signature, 4) == 0)
			return table(gpa, signature);
	}
	return NULL;
}

static uint64_t vram;

static void build(unsigned vcpus)
{
	memset(memory, 0, sizeof(memory));
	used = acpi_build(memory, sizeof(memory), GPA, vcpus, vram);
	CHECK(used > 0 && used <= SIZE);
}

static void test_fadt(void)
{
	const uint8_t *fadt;

	build(1);
	fadt = find("FACP");
	REQUIRE(fadt);
	CHECK_EQ(get(fadt, 4, 4), 276);
	CHECK_EQ(get(fadt, 112, 4) & (1u << 20), 1u << 20);
	CHECK_EQ(get(fadt, 112, 4) & (1u << 10), 1u << 10);
	CHECK_EQ(get(fadt, 40, 4), get(fadt, 140, 8));
	CHECK_EQ(get(fadt, 116, 4), 0x01000801); /* I/O, 8 bits, byte access */
	CHECK_EQ(get(fadt, 120, 8), PORT_RESET);
	CHECK_EQ(fadt[128], RESET_VALUE);
	CHECK_EQ(get(fadt, 248, 8), PORT_SLEEP_CONTROL);
	CHECK_EQ(get(fadt, 260, 8), PORT_SLEEP_STATUS);
	table(get(fadt, 140, 8), "DSDT");
}

static void test_madt(void)
{
	static const unsigned counts[] = { 1, 2, 64, 254, 255, 256, 300 };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		unsigned next = 0, ioapics = 0;
		const uint8_t *madt;
		size_t at = 44;

		CHECK_NOTE("%u processors", counts[i]);
		build(counts[i]);
		madt = find("APIC");
		REQUIRE(madt);
		CHECK_EQ(get(madt, 36, 4), 0xfee00000);
		CHECK_EQ(get(madt, 40, 4), 0); /* no PIC */
		while (at < get(madt, 4, 4)) {
			const uint8_t *entry = madt + at;

			REQUIRE(entry[1] >= 8);
			switch (entry[0]) {
			case 0:
				CHECK_EQ(entry[1], 8);
				CHECK_EQ(entry[2], next);
				CHECK_EQ(entry[3], next++);
				CHECK_EQ(get(entry, 4, 4), 1);
				break;
			case 1:
				CHECK_EQ(entry[1], 12);
				CHECK_EQ(get(entry, 4, 4), HOLE_IOAPIC);
				CHECK_EQ(get(entry, 8, 4), 0);
				ioapics++;
				break;
			case 9:
				CHECK_EQ(entry[1], 16);
				CHECK_EQ(get(entry, 12, 4), next);
				CHECK_EQ(get(entry, 4, 4), next++);
				CHECK_EQ(get(entry, 8, 4), 1);
				break;
			default:
				CHECK(false);
			}
			/* 255 is broadcast in xAPIC. */
			CHECK(entry[0] != 0 || next <= 255);
			at += entry[1];
		}
		CHECK_EQ(at, get(madt, 4, 4));
		CHECK_EQ(next, counts[i]);
		CHECK_EQ(ioapics, 1);
	}
}

/* Too little room is refused, whatever does not fit, and nothing is written there. */
static void test_small(void)
{
	size_t need;

	build(64);
	need = used;
	for (size_t size = 0; size < need; size++) {
		uint8_t *bytes = calloc(1, size + 1);

		REQUIRE(bytes);
		bytes[size] = 0x77;
		CHECK_EQ(acpi_build(bytes, size, GPA, 64, vram), 0);
		CHECK_EQ(bytes[size], 0x77);
		free(bytes);
	}
}

/* What VMBus devices may have: all of the hole, or the screen's memory and no more. */
static void test_window(void)
{
	static const uint64_t sizes[] = { 0, MULLION_VRAM_MIN, MIB(64), MULLION_VRAM_MAX };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t size = sizes[i] ? (uint32_t)sizes[i] : MULLION_VRAM_WINDOW;
		uint32_t window[] = { MULLION_VRAM_GPA, MULLION_VRAM_GPA + size - 1, 0, size };
		const uint8_t *dsdt;

		CHECK_NOTE("%u bytes", size);
		vram = sizes[i];
		build(2);
		dsdt = table(get(find("FACP"), 140, 8), "DSDT");
		CHECK(memmem(dsdt, get(dsdt, 4, 4), window, sizeof(window)) != NULL);
	}
	vram = 0;
}

static void leave(const char *directory, const char *signature, const uint8_t *bytes)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.dat", directory, signature);
	file = fopen(path, "we");
	REQUIRE(file);
	CHECK_EQ(fwrite(bytes, 1, get(bytes, 4, 4), file), get(bytes, 4, 4));
	CHECK_INT(fclose(file), 0);
}

int main(int argc, char **argv)
{
	CHECK_RUN(test_fadt);
	CHECK_RUN(test_madt);
	CHECK_RUN(test_small);
	CHECK_RUN(test_window);
	if (argc > 1) {
		const uint8_t *fadt;

		vram = MIB(64);
		build(4);
		fadt = find("FACP");
		leave(argv[1], "FACP", fadt);
		leave(argv[1], "APIC", find("APIC"));
		leave(argv[1], "XSDT", table(get(memory, 24, 8), "XSDT"));
		leave(argv[1], "DSDT", table(get(fadt, 140, 8), "DSDT"));
	}
	return check_done();
}
