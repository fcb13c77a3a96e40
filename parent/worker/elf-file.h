/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ELF files of kernels: 32 and 64 bits, x86. Source: System V ABI, chapter 5.
 */
#ifndef WORKER_ELF_FILE_H
#define WORKER_ELF_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "loader.h"

struct elf {
	const struct kernel_file *file;
	bool wide; /* 64 bits */
	uint64_t entry;
	uint64_t headers; /* offset of the program headers, which lie in the file */
	unsigned count;
};

struct elf_segment {
	uint32_t type;
	uint64_t offset, paddr, file_size, memory_size;
};

bool elf_is(const struct kernel_file *file);

bool elf_open(struct elf *elf, const struct kernel_file *file, struct error *error);

/* i is below elf->count. Nothing of the answer is checked. */
struct elf_segment elf_segment(const struct elf *elf, unsigned i);

/*
 * Copies what is to be loaded to low memory, above 1 MiB, after it was found to
 * fit. Gives where the highest one ends, on a page.
 */
bool elf_load(const struct elf *elf, const struct ram *ram, uint64_t *end, struct error *error);

#endif
