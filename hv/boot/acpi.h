/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The little that hv reads from ACPI: which CPUs there are (MADT) and how the
 * machine is reset, put to sleep and timed (FADT). Source: ACPI 6.5, chapter 5.
 */
#ifndef HV_BOOT_ACPI_H
#define HV_BOOT_ACPI_H

#include "core/types.h"

#define CPUS_MAX 256

struct acpi_info {
	u32 cpu_count;
	u32 apic_id[CPUS_MAX]; /* enabled CPUs in the MADT's order, each once */
	u32 cpus_dropped; /* enabled ones beyond CPUS_MAX */
	u64 apic_base; /* physical address of the local APICs */
	u16 pm_timer_port; /* 0: none in port space */
	u16 pm1a_control; /* ports, 0: none */
	u16 pm1b_control;
	u64 facs; /* physical address, 0: none */
	bool reset_supported;
	u8 reset_space; /* 0 memory, 1 port, 2 PCI configuration */
	u64 reset_address;
	u8 reset_value;
};

/*
 * Reads the tables that the RSDP (rsdp_size bytes) leads to. map_table returns
 * a readable address for [pa, pa + size), or NULL when that is no memory.
 * Returns NULL, or what is wrong in a few words. Every table is checked for
 * its length and checksum before it is used.
 */
const char *acpi_parse(const u8 *rsdp, u32 rsdp_size, const void *(*map_table)(u64 pa, u64 size),
		       struct acpi_info *info);

#endif
