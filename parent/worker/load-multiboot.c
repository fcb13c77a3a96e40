/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Multiboot 1 kernels: ELF files, or flat ones whose header names addresses.
 * Source: Multiboot Specification 0.6.96. The command line begins with the file's
 * name, as argv[0].
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "elf-file.h"

#define HEADER_MAGIC 0x1badb002u
#define HEADER_SEARCH 8192u
#define BOOT_MAGIC 0x2badb002u

/* Of the header's flags: what we give anyway, what we have not, what is up to us. */
#define WANTS_PAGES (1u << 0)
#define WANTS_MEMORY (1u << 1)
#define HAS_ADDRESSES (1u << 16)
#define MUST_KNOW 0xffffu

#define INFO_MEMORY (1u << 0)
#define INFO_CMDLINE (1u << 2)
#define INFO_MODULES (1u << 3)
#define INFO_MAP (1u << 6)

struct header {
	uint32_t magic, flags, checksum;
	uint32_t header_addr, load_addr, load_end, bss_end, entry; /* HAS_ADDRESSES */
};

struct info {
	uint32_t flags;
	uint32_t lower_kib, upper_kib;
	uint32_t boot_device;
	uint32_t cmdline;
	uint32_t module_count, modules;
	uint32_t symbols[4];
	uint32_t map_size, map;
	uint32_t unused[9];
};

struct module {
	uint32_t start, end, string, reserved;
};

struct map_entry {
	uint32_t size; /* of what follows */
	uint64_t gpa, length;
	uint32_t type;
} __attribute__((packed));

struct lists {
	struct module module;
	struct map_entry map[RAM_RANGES];
};

_Static_assert(sizeof(struct map_entry) == 24, "3.3, mmap_*");

/* Where the header is in the file; false when there is none. */
static bool find_header(const struct kernel_file *kernel, struct header *header, uint64_t *at)
{
	for (uint64_t i = 0; i + 12 <= kernel->size && i + 12 <= HEADER_SEARCH; i += 4) {
		uint64_t size = kernel->size - i;

		memset(header, 0, sizeof(*header));
		memcpy(header, kernel->bytes + i, size < sizeof(*header) ? size : sizeof(*header));
		*at = i;
		if (header->magic == HEADER_MAGIC &&
		    header->magic + header->flags + header->checksum == 0)
			return true;
	}
	return false;
}

static bool knows(const struct kernel_file *kernel)
{
	struct header header;
	uint64_t at;

	return find_header(kernel, &header, &at);
}

/* A file that the header maps: one piece of it to one place, and bss behind. */
static bool load_flat(const struct load *load, const struct header *header, uint64_t at,
		      uint64_t *end, struct error *error)
{
	const struct kernel_file *kernel = &load->kernel;
	uint64_t before = (uint64_t)header->header_addr - header->load_addr, from, size;

	if (header->load_addr > header->header_addr || before > at)
		return error_set(error, ERROR_CONFIG, "%s: wrong addresses in its multiboot header",
				 kernel->name);
	from = at - before;
	size = header->load_end ? (uint64_t)header->load_end - header->load_addr :
				  kernel->size - from;
	*end = header->load_addr + size;
	if (header->bss_end > *end)
		*end = header->bss_end;
	if (header->load_end && header->load_end < header->load_addr)
		size = UINT64_MAX;
	if (size > kernel->size - from || header->load_addr < MIB(1) || *end > load->ram->low)
		return error_set(error, ERROR_CONFIG,
				 "%s: 0x%" PRIx32 " to 0x%" PRIx64
				 " is not in the file, or not in memory above 1 MiB",
				 kernel->name, header->load_addr, *end);
	memcpy(load->ram->bytes + header->load_addr, kernel->bytes + from, size);
	*end = (*end + GUEST_PAGE - 1) & ~(GUEST_PAGE - 1ull);
	return true;
}

static bool load_kernel(const struct load *load, struct boot *boot, uint64_t *end,
			struct error *error)
{
	struct header header;
	struct elf elf;
	uint64_t at;

	if (!find_header(&load->kernel, &header, &at))
		return error_set(error, ERROR_CONFIG, "%s: no multiboot header", load->kernel.name);
	if (header.flags & MUST_KNOW & ~(WANTS_PAGES | WANTS_MEMORY))
		return error_set(error, ERROR_CONFIG,
				 "%s: its multiboot header wants what is not there (flags 0x%x)",
				 load->kernel.name, header.flags);
	if (header.flags & HAS_ADDRESSES) {
		boot->rip = header.entry;
		return load_flat(load, &header, at, end, error);
	}
	if (!elf_open(&elf, &load->kernel, error))
		return false;
	boot->rip = elf.entry;
	return elf_load(&elf, load->ram, end, error);
}

static void fill_info(const struct load *load, uint64_t initrd)
{
	struct info *info = (void *)(load->ram->bytes + LOW_BOOT);
	struct lists *lists = (void *)(load->ram->bytes + LOW_LISTS);
	struct ram_range ranges[RAM_RANGES];
	unsigned count = ram_map(load->ram, ranges);

	*info = (struct info){
		.flags = INFO_MEMORY | INFO_CMDLINE | INFO_MAP,
		.lower_kib = LOW_END >> 10,
		.upper_kib = (uint32_t)((load->ram->low - MIB(1)) >> 10),
		.cmdline = LOW_CMDLINE,
		.map_size = count * (uint32_t)sizeof(lists->map[0]),
		.map = LOW_LISTS + offsetof(struct lists, map),
	};
	for (unsigned i = 0; i < count; i++)
		lists->map[i] = (struct map_entry){ sizeof(lists->map[0]) - sizeof(uint32_t),
						    ranges[i].gpa, ranges[i].size, ranges[i].type };
	if (!load->initrd_size)
		return;
	info->flags |= INFO_MODULES;
	info->module_count = 1;
	info->modules = LOW_LISTS + offsetof(struct lists, module);
	lists->module.start = (uint32_t)initrd;
	lists->module.end = (uint32_t)(initrd + load->initrd_size);
}

static bool run(const struct load *load, struct boot *boot, struct error *error)
{
	const char *slash = strrchr(load->kernel.name, '/');
	char program[256];
	uint64_t end;

	snprintf(program, sizeof(program), "%s ", slash ? slash + 1 : load->kernel.name);
	if (!load_cmdline(load, program, UINT64_MAX, error) ||
	    !load_kernel(load, boot, &end, error) ||
	    !load_place_initrd(load, end, UINT64_MAX, &boot->initrd, error))
		return false;
	fill_info(load, boot->initrd);
	load_gdt(load->ram, false);
	boot->rsp = LOW_STACK_END;
	boot->rax = BOOT_MAGIC;
	boot->rbx = LOW_BOOT;
	return true;
}

const struct loader loader_multiboot = { .name = "multiboot", .knows = knows, .load = run };
