/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ACPI tables of a guest: RSDP, XSDT, FADT (hardware-reduced), MADT, and the
 * DSDT that iasl makes of dsdt.asl. Source: ACPI Specification 6.4, chapter 5.
 */
#ifndef WORKER_ACPI_H
#define WORKER_ACPI_H

#include <stddef.h>
#include <stdint.h>

/*
 * Writes the tables to out, which lies at gpa in the guest and has size zeroed
 * bytes, for vcpus processors whose APIC ids count from 0. gpa is a multiple of 16.
 * vram: what VMBus devices may have is just the memory that is there, so many bytes;
 * 0: none is, and the whole window is theirs. The RSDP comes first. Returns the bytes
 * in use, 0 when they do not fit.
 */
size_t acpi_build(uint8_t *out, size_t size, uint64_t gpa, unsigned vcpus, uint64_t vram);

#endif
