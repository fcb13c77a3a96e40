/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's memory: where it lies in the guest's address space, and as bytes
 * that loaders write. One block of the worker's memory, cut in two at the hole
 * that devices have below 4 GiB; behind that the memory of its screen, which lies
 * in the hole (mullion/vram.h).
 */
#ifndef WORKER_GUEST_MEMORY_H
#define WORKER_GUEST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#include <mullion/vram.h>

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

#define GUEST_PAGE 4096ul
#define RAM_UNIT MIB(2) /* sizes are multiples, so that each part maps in large pages */
#define RAM_LOW_MAX GIB(3)
#define RAM_HIGH_BASE GIB(4)

/*
 * The hole. What hv emulates in it (the local APIC) is in its last 32 MiB, beside
 * the IOAPIC; the rest belongs to VMBus devices, from MULLION_VRAM_GPA (dsdt.asl says
 * the same).
 */
#define HOLE_IOAPIC 0xfec00000u
#define HOLE_LAPIC 0xfee00000u

/*
 * The first MiB: what the loaders make for the kernel, and, where a PC has its
 * firmware, the ACPI tables. Loaders put nothing of the kernel's here.
 */
#define LOW_GDT 0x1000u
#define LOW_BOOT 0x2000u /* boot_params, hvm_start_info or multiboot_info: a page */
#define LOW_TABLES 0x3000u /* page tables: 6 pages */
#define LOW_STACK_END 0xb000u
#define LOW_LISTS 0xb000u /* modules, memory map: a page */
#define LOW_CMDLINE 0x10000u
#define LOW_CMDLINE_SIZE 0x10000u
#define LOW_END 0xa0000u
#define LOW_ACPI 0xe0000u
#define LOW_ACPI_SIZE 0x1f000u
#define LOW_BIOS_RESET 0xffff0u /* where a PC's firmware is entered in real mode */

struct ram {
	uint8_t *bytes; /* the parts one behind the other */
	uint64_t low; /* bytes at GPA 0, at most RAM_LOW_MAX */
	uint64_t high; /* bytes at RAM_HIGH_BASE */
	uint64_t vram; /* bytes at MULLION_VRAM_GPA; not in the memory map */
	int fd; /* the memfd, or -1 */
};

/* Cuts size into the parts, and has vram behind them; both are multiples of RAM_UNIT. */
void ram_layout(struct ram *ram, uint64_t size, uint64_t vram);

/* Of all parts. */
uint64_t ram_size(const struct ram *ram);

/* The bytes of [gpa, gpa + size), or NULL where that is not all RAM of one part. */
void *ram_at(const struct ram *ram, uint64_t gpa, uint64_t size);

/* One entry of the memory map that kernels get; types as in an e820 map. */
struct ram_range {
	uint64_t gpa, size;
	uint32_t type;
};

#define RAM_USABLE 1u
#define RAM_RESERVED 2u

/* Writes the memory map; table has room for RAM_RANGES. Returns how many it has. */
#define RAM_RANGES 4u
unsigned ram_map(const struct ram *ram, struct ram_range *table);

/*
 * Takes size bytes and vram behind them (multiples of RAM_UNIT), zeroed, from a memfd;
 * from hugetlbfs if hugepages. Says so if the machine has not as much.
 */
bool ram_create(struct ram *ram, uint64_t size, uint64_t vram, bool hugepages, struct error *error);

/* All bytes are zero again. */
bool ram_clear(struct ram *ram, struct error *error);

void ram_destroy(struct ram *ram);

#endif
