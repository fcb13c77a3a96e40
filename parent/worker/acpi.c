/* SPDX-License-Identifier: GPL-2.0-only */
/* ACPI tables: see acpi.h. */
#include "acpi.h"

#include <stdbool.h>
#include <string.h>

#include "ports.h"
#include "guest-memory.h"

#include "dsdt.hex" /* dsdt_aml_code, by iasl */

#define OEM_ID "MULLIO"
#define OEM_TABLE "MULLION "
#define CREATOR "MULL"

#define RSDP_SIZE 36u
#define RSDP_V1_SIZE 20u
#define FADT_SIZE 276u
#define MADT_HEADER 44u

#define FADT_BOOT_NO_VGA (1u << 2)
#define FADT_WBINVD (1u << 0)
#define FADT_NO_POWER_BUTTON (1u << 4) /* as a fixed feature */
#define FADT_NO_SLEEP_BUTTON (1u << 5)
#define FADT_RESET_REGISTER (1u << 10)
#define FADT_HARDWARE_REDUCED (1u << 20)
#define FADT_SERVER 4u
#define FADT_CENTURY 0x32u

#define MADT_LAPIC 0u
#define MADT_IOAPIC 1u
#define MADT_X2APIC 9u
#define MADT_ENABLED 1u
#define MADT_LAPIC_IDS 255u

#define SPACE_IO 1u

struct builder {
	uint8_t *out;
	size_t size, used;
	uint64_t gpa;
	bool full;
};

struct table {
	uint8_t *bytes;
	size_t size;
	uint64_t gpa;
};

/* Room for a table; without any the builder is full, and a place is given that
 * nobody looks at. */
static struct table add(struct builder *builder, size_t size)
{
	static uint8_t nowhere[4096];
	size_t at = (builder->used + 15) & ~(size_t)15;

	if (builder->full || at > builder->size || size > builder->size - at) {
		builder->full = true;
		return (struct table){ nowhere, size < sizeof(nowhere) ? size : sizeof(nowhere),
				       0 };
	}
	builder->used = at + size;
	return (struct table){ builder->out + at, size, builder->gpa + at };
}

static void put(struct table table, size_t offset, uint64_t value, size_t size)
{
	if (offset + size <= table.size)
		memcpy(table.bytes + offset, &value, size);
}

static void put_checksum(struct table table, size_t offset, size_t size)
{
	uint8_t sum = 0;

	table.bytes[offset] = 0;
	for (size_t i = 0; i < size && i < table.size; i++)
		sum += table.bytes[i];
	table.bytes[offset] = (uint8_t)-sum;
}

/* 5.2.6, System Description Table Header. */
static void put_header(struct table table, const char *signature, unsigned revision)
{
	memcpy(table.bytes, signature, 4);
	put(table, 4, table.size, 4);
	put(table, 8, revision, 1);
	memcpy(table.bytes + 10, OEM_ID, 6);
	memcpy(table.bytes + 16, OEM_TABLE, 8);
	put(table, 24, 1, 4);
	memcpy(table.bytes + 28, CREATOR, 4);
	put(table, 32, 1, 4);
}

/* 5.2.3.2, Generic Address Structure, of a byte-wide I/O port. */
static void put_port(struct table table, size_t offset, uint16_t port)
{
	put(table, offset, SPACE_IO, 1);
	put(table, offset + 1, 8, 1);
	put(table, offset + 3, 1, 1);
	put(table, offset + 4, port, 8);
}

/* Makes VMBus's window, the only one that begins where vram does, as large as that. 6.4.3.5.2,
 * DWord Address Space Descriptor: minimum, maximum, translation, length. */
static void put_window(struct table table, uint64_t vram)
{
	static const uint32_t window[] = { MULLION_VRAM_GPA,
					   MULLION_VRAM_GPA + MULLION_VRAM_WINDOW - 1, 0,
					   MULLION_VRAM_WINDOW };
	const uint8_t *at = memmem(table.bytes, table.size, window, sizeof(window));
	size_t offset = at ? (size_t)(at - table.bytes) : table.size;

	put(table, offset + 4, MULLION_VRAM_GPA + vram - 1, 4);
	put(table, offset + 12, vram, 4);
	put_checksum(table, 9, table.size);
}

static uint64_t add_dsdt(struct builder *builder, uint64_t vram)
{
	struct table table = add(builder, sizeof(dsdt_aml_code));

	if (builder->full)
		return table.gpa;
	memcpy(table.bytes, dsdt_aml_code, sizeof(dsdt_aml_code));
	if (vram)
		put_window(table, vram);
	return table.gpa;
}

/* 5.2.9. */
static uint64_t add_fadt(struct builder *builder, uint64_t dsdt)
{
	struct table table = add(builder, FADT_SIZE);

	put_header(table, "FACP", 6);
	put(table, 40, dsdt, 4);
	put(table, 45, FADT_SERVER, 1);
	put(table, 108, FADT_CENTURY, 1);
	put(table, 109, FADT_BOOT_NO_VGA, 2);
	put(table, 112,
	    FADT_WBINVD | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON | FADT_RESET_REGISTER |
		    FADT_HARDWARE_REDUCED,
	    4);
	put_port(table, 116, PORT_RESET);
	put(table, 128, RESET_VALUE, 1);
	put(table, 131, 4, 1); /* 6.4 */
	put(table, 140, dsdt, 8);
	put_port(table, 244, PORT_SLEEP_CONTROL);
	put_port(table, 256, PORT_SLEEP_STATUS);
	put_checksum(table, 9, FADT_SIZE);
	return table.gpa;
}

/* 5.2.12. */
static uint64_t add_madt(struct builder *builder, unsigned vcpus)
{
	unsigned narrow = vcpus < MADT_LAPIC_IDS ? vcpus : MADT_LAPIC_IDS;
	size_t size = MADT_HEADER + 12 + 8ul * narrow + 16ul * (vcpus - narrow), at = MADT_HEADER;
	struct table table = add(builder, size);

	put_header(table, "APIC", 5);
	put(table, 36, HOLE_LAPIC, 4);
	put(table, at, MADT_IOAPIC, 1);
	put(table, at + 1, 12, 1);
	put(table, at + 4, HOLE_IOAPIC, 4);
	at += 12;
	for (unsigned id = 0; id < narrow; id++, at += 8) {
		put(table, at, MADT_LAPIC, 1);
		put(table, at + 1, 8, 1);
		put(table, at + 2, id, 1);
		put(table, at + 3, id, 1);
		put(table, at + 4, MADT_ENABLED, 4);
	}
	for (unsigned id = narrow; id < vcpus; id++, at += 16) {
		put(table, at, MADT_X2APIC, 1);
		put(table, at + 1, 16, 1);
		put(table, at + 4, id, 4);
		put(table, at + 8, MADT_ENABLED, 4);
		put(table, at + 12, id, 4);
	}
	put_checksum(table, 9, size);
	return table.gpa;
}

/* 5.2.8. */
static uint64_t add_xsdt(struct builder *builder, uint64_t fadt, uint64_t madt)
{
	struct table table = add(builder, 36 + 2 * 8);

	put_header(table, "XSDT", 1);
	put(table, 36, fadt, 8);
	put(table, 44, madt, 8);
	put_checksum(table, 9, table.size);
	return table.gpa;
}

/* 5.2.5.3. */
static void fill_rsdp(struct table table, uint64_t xsdt)
{
	memcpy(table.bytes, "RSD PTR ", 8);
	memcpy(table.bytes + 9, OEM_ID, 6);
	put(table, 15, 2, 1);
	put(table, 20, RSDP_SIZE, 4);
	put(table, 24, xsdt, 8);
	put_checksum(table, 8, RSDP_V1_SIZE);
	put_checksum(table, 32, RSDP_SIZE);
}

size_t acpi_build(uint8_t *out, size_t size, uint64_t gpa, unsigned vcpus, uint64_t vram)
{
	struct builder builder = { .out = out, .size = size, .gpa = gpa };
	struct table rsdp = add(&builder, RSDP_SIZE);
	uint64_t fadt = add_fadt(&builder, add_dsdt(&builder, vram));
	uint64_t madt = add_madt(&builder, vcpus);
	uint64_t xsdt = add_xsdt(&builder, fadt, madt);

	fill_rsdp(rsdp, xsdt);
	return builder.full ? 0 : builder.used;
}
