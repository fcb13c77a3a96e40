/* SPDX-License-Identifier: GPL-2.0-only */
/* What hv knows of the machine since boot, and the steps of booting. */
#ifndef HV_BOOT_BOOT_H
#define HV_BOOT_BOOT_H

#include "boot/acpi.h"
#include "boot/multiboot2.h"
#include "core/types.h"

extern struct boot_info boot;
extern struct acpi_info boot_acpi;

/* hv's own command line. */
struct options {
	u16 console_port; /* 0: none */
	u32 log_level; /* enum mullion_log_level, for the console */
	u32 panic_timeout; /* seconds, 0: stay halted */
	u32 max_cpus;
};

/* Reads words name=value; unknown ones are reported by unknown(word, length). */
void options_parse(const char *text, struct options *o,
		   void (*unknown)(const char *word, size_t length));

/* Where the parent's kernel begins, in its own memory. */
struct linux_entry {
	u64 rip;
	u64 rsp;
	u64 cr3;
	u64 gdt;
	u64 zero_page;
};

/*
 * Puts the parent's kernel, its boot parameters, command line, page tables and
 * EFI map into the parent's memory (parent.memory). The initrd stays where the
 * boot loader put it. Returns NULL, or what is wrong in a few words.
 */
const char *linux_load(struct linux_entry *entry);

#endif
