/* SPDX-License-Identifier: GPL-2.0-only */
/* ACPI table reader. Pure: memory is reached through the caller. */
#include "boot/acpi.h"

#include "core/string.h"

#define TABLE_MAX MIB(1)

struct sdt_header {
	char signature[4];
	u32 length;
	u8 revision;
	u8 checksum;
	char oem[26];
} __packed;

_Static_assert(sizeof(struct sdt_header) == 36, "ACPI 6.5, table 5.4");

/* Generic address structure, ACPI 6.5, table 5.1. */
struct gas {
	u8 space;
	u8 bit_width;
	u8 bit_offset;
	u8 access;
	u64 address;
} __packed;

enum madt_type {
	MADT_LOCAL_APIC = 0,
	MADT_LOCAL_APIC_ADDRESS = 5,
	MADT_LOCAL_X2APIC = 9,
};

/* FADT offsets, ACPI 6.5, table 5.9. */
#define FADT_FACS 36
#define FADT_PM1A_CONTROL 64
#define FADT_PM1B_CONTROL 68
#define FADT_PM_TIMER 76
#define FADT_FLAGS 112
#define FADT_RESET 116
#define FADT_RESET_VALUE 128
#define FADT_X_FACS 132
#define FADT_FLAG_RESET BIT32(10)

static bool checksum_ok(const u8 *p, size_t n)
{
	u8 sum = 0;

	for (size_t i = 0; i < n; i++)
		sum = (u8)(sum + p[i]);
	return sum == 0;
}

static u32 read32(const u8 *p)
{
	u32 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static u64 read64(const u8 *p)
{
	u64 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The table at pa, checked, or NULL. */
static const u8 *get_table(u64 pa, const void *(*map_table)(u64, u64), u32 *length)
{
	const struct sdt_header *h;
	const u8 *p;

	if (!pa)
		return NULL;
	h = map_table(pa, sizeof(*h));
	if (!h)
		return NULL;
	memcpy(length, &h->length, sizeof(*length));
	if (*length < sizeof(*h) || *length > TABLE_MAX)
		return NULL;
	p = map_table(pa, *length);
	return p && checksum_ok(p, *length) ? p : NULL;
}

static void add_cpu(struct acpi_info *info, u32 id)
{
	for (u32 i = 0; i < info->cpu_count; i++) {
		if (info->apic_id[i] == id)
			return;
	}
	if (info->cpu_count == CPUS_MAX) {
		info->cpus_dropped++;
		return;
	}
	info->apic_id[info->cpu_count++] = id;
}

static void parse_madt_entry(const u8 *e, u8 size, struct acpi_info *info)
{
	switch (e[0]) {
	case MADT_LOCAL_APIC:
		if (size >= 8 && (read32(e + 4) & 1) && e[3] != 0xff)
			add_cpu(info, e[3]);
		break;
	case MADT_LOCAL_X2APIC:
		if (size >= 16 && (read32(e + 8) & 1) && read32(e + 4) != UINT32_MAX)
			add_cpu(info, read32(e + 4));
		break;
	case MADT_LOCAL_APIC_ADDRESS:
		if (size >= 12)
			info->apic_base = read64(e + 4);
		break;
	default:
		break;
	}
}

static const char *parse_madt(const u8 *t, u32 length, struct acpi_info *info)
{
	u32 off = sizeof(struct sdt_header) + 8;

	if (length < off)
		return "MADT too short";
	info->apic_base = read32(t + sizeof(struct sdt_header));
	while (length - off >= 2) {
		u8 size = t[off + 1];

		if (size < 2 || size > length - off)
			return "MADT entry reaches past the end";
		parse_madt_entry(t + off, size, info);
		off += size;
	}
	return info->cpu_count ? NULL : "MADT lists no CPU";
}

static u16 read_port(const u8 *t, u32 length, u32 off)
{
	u32 port = length >= off + 4 ? read32(t + off) : 0;

	return port <= UINT16_MAX ? (u16)port : 0;
}

static void parse_fadt(const u8 *t, u32 length, struct acpi_info *info)
{
	struct gas reset;

	info->pm1a_control = read_port(t, length, FADT_PM1A_CONTROL);
	info->pm1b_control = read_port(t, length, FADT_PM1B_CONTROL);
	info->pm_timer_port = read_port(t, length, FADT_PM_TIMER);
	if (length >= FADT_FACS + 4)
		info->facs = read32(t + FADT_FACS);
	if (length >= FADT_X_FACS + 8 && read64(t + FADT_X_FACS))
		info->facs = read64(t + FADT_X_FACS);
	if (length <= FADT_RESET_VALUE || !(read32(t + FADT_FLAGS) & FADT_FLAG_RESET))
		return;
	memcpy(&reset, t + FADT_RESET, sizeof(reset));
	info->reset_supported = true;
	info->reset_space = reset.space;
	info->reset_address = reset.address;
	info->reset_value = t[FADT_RESET_VALUE];
}

const char *acpi_parse(const u8 *rsdp, u32 rsdp_size, const void *(*map_table)(u64 pa, u64 size),
		       struct acpi_info *info)
{
	bool x = false;
	bool have_madt = false;
	u32 length, entry_size;
	const u8 *root = NULL;

	memset(info, 0, sizeof(*info));
	if (rsdp_size < 20 || memcmp(rsdp, "RSD PTR ", 8) != 0 || !checksum_ok(rsdp, 20))
		return "no sound ACPI RSDP";
	if (rsdp[15] >= 2 && rsdp_size >= 36 && checksum_ok(rsdp, 36)) {
		root = get_table(read64(rsdp + 24), map_table, &length);
		x = root != NULL;
	}
	if (!root)
		root = get_table(read32(rsdp + 16), map_table, &length);
	if (!root)
		return "no sound ACPI root table";
	entry_size = x ? 8 : 4;
	for (u32 off = sizeof(struct sdt_header); length - off >= entry_size; off += entry_size) {
		u64 pa = x ? read64(root + off) : read32(root + off);
		u32 table_length;
		const u8 *t = get_table(pa, map_table, &table_length);

		if (!t)
			continue;
		if (memcmp(t, "FACP", 4) == 0) {
			parse_fadt(t, table_length, info);
		} else if (memcmp(t, "APIC", 4) == 0 && !have_madt) {
			const char *error = parse_madt(t, table_length, info);

			if (error)
				return error;
			have_madt = true;
		}
	}
	return have_madt ? NULL : "ACPI has no MADT";
}
