/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loaders: they put a kernel's file into guest memory, and beside it what the
 * kernel's boot protocol wants, and say how the first processor begins. All of
 * them are pure: bytes in, bytes and a struct boot out. Guest memory is zero when
 * they begin. The file may be anything at all.
 */
#ifndef WORKER_LOADER_H
#define WORKER_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "guest-memory.h"

struct kernel_file {
	const uint8_t *bytes;
	uint64_t size;
	const char *name; /* for messages */
};

/* What the kernel is given. */
struct load {
	const struct ram *ram;
	struct kernel_file kernel;
	uint64_t initrd_size; /* 0: none; the caller fills it in at boot.initrd */
	const char *cmdline;
	uint64_t rsdp; /* GPA of the ACPI root pointer */
};

/*
 * How the boot processor begins. Long mode: paging by LOW_TABLES (4 GiB, identity);
 * else 32-bit protected mode without paging. Flat segments of the GDT at LOW_GDT,
 * interrupts off.
 */
struct boot {
	bool long_mode;
	uint64_t rip, rsp, rax, rbx, rsi;
	uint64_t initrd; /* GPA for initrd_size bytes */
};

struct loader {
	const char *name;
	/* Whether the file is of this loader's kind. */
	bool (*knows)(const struct kernel_file *kernel);
	bool (*load)(const struct load *load, struct boot *boot, struct error *error);
};

extern const struct loader loader_bzimage, loader_pvh, loader_multiboot;

/* In the order in which "auto" asks them; NULL ends. */
extern const struct loader *const loaders[];

/* By name ("auto" and NULL: whoever knows the file). */
bool loader_run(const char *name, const struct load *load, struct boot *boot, struct error *error);

/* For loaders. */

/* The GDT that struct boot speaks of. */
#define BOOT_CODE 0x10u
#define BOOT_DATA 0x18u
#define BOOT_TASK 0x20u
void load_gdt(const struct ram *ram, bool long_mode);

/* The identity map of 4 GiB. */
void load_tables(const struct ram *ram);

/* prefix and the command line to LOW_CMDLINE; at most max characters, and never
 * more than its place holds. */
bool load_cmdline(const struct load *load, const char *prefix, uint64_t max, struct error *error);

/* The highest place for the initrd in [floor, limit) of low memory; 0 in *gpa
 * without one. */
bool load_place_initrd(const struct load *load, uint64_t floor, uint64_t limit, uint64_t *gpa,
		       struct error *error);

#endif
