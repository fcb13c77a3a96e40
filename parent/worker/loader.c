/* SPDX-License-Identifier: GPL-2.0-only */
/* Which loader, and what all of them do: see loader.h. */
#include "loader.h"

#include <inttypes.h>
#include <string.h>

#define PTE_PRESENT 0x01u
#define PTE_WRITE 0x02u
#define PTE_LARGE 0x80u

const struct loader *const loaders[] = { &loader_bzimage, &loader_pvh, &loader_multiboot, NULL };

static const struct loader *find(const char *name, const struct kernel_file *kernel)
{
	bool any = !name || strcmp(name, "auto") == 0;

	for (size_t i = 0; loaders[i]; i++)
		if (any ? loaders[i]->knows(kernel) : strcmp(loaders[i]->name, name) == 0)
			return loaders[i];
	return NULL;
}

bool loader_run(const char *name, const struct load *load, struct boot *boot, struct error *error)
{
	const struct loader *loader = find(name, &load->kernel);

	*boot = (struct boot){ .long_mode = false };
	if (!loader)
		return error_set(error, ERROR_CONFIG,
				 "%s: not a kernel: no bzImage (no HdrS), no ELF with a PVH note, "
				 "no multiboot header",
				 load->kernel.name);
	return loader->load(load, boot, error);
}

void load_gdt(const struct ram *ram, bool long_mode)
{
	uint64_t gdt[6] = { 0 };

	/* Intel SDM volume 3, 3.4.5: base 0, limit 4 GiB, accessed; the task segment
	 * is busy, 0x67 long. */
	gdt[BOOT_CODE / 8] = long_mode ? 0x00af9b000000ffff : 0x00cf9b000000ffff;
	gdt[BOOT_DATA / 8] = 0x00cf93000000ffff;
	gdt[BOOT_TASK / 8] = 0x00008b0000000067;
	memcpy(ram->bytes + LOW_GDT, gdt, sizeof(gdt));
}

void load_tables(const struct ram *ram)
{
	uint64_t(*tables)[512] = (void *)(ram->bytes + LOW_TABLES);

	tables[0][0] = (LOW_TABLES + GUEST_PAGE) | PTE_PRESENT | PTE_WRITE;
	for (uint64_t i = 0; i < 4; i++) {
		tables[1][i] = (LOW_TABLES + (2 + i) * GUEST_PAGE) | PTE_PRESENT | PTE_WRITE;
		for (uint64_t j = 0; j < 512; j++)
			tables[2 + i][j] = (i * 512 + j) * MIB(2) | PTE_PRESENT | PTE_WRITE |
					   PTE_LARGE;
	}
}

bool load_cmdline(const struct load *load, const char *prefix, uint64_t max, struct error *error)
{
	size_t before = strlen(prefix), length = before + strlen(load->cmdline);
	char *target = (char *)load->ram->bytes + LOW_CMDLINE;

	if (max > LOW_CMDLINE_SIZE - 1)
		max = LOW_CMDLINE_SIZE - 1;
	if (length > max)
		return error_set(error, ERROR_CONFIG,
				 "the command line has %zu characters, %s takes %" PRIu64, length,
				 load->kernel.name, max);
	memcpy(target, prefix, before);
	memcpy(target + before, load->cmdline, length - before + 1);
	return true;
}

bool load_place_initrd(const struct load *load, uint64_t floor, uint64_t limit, uint64_t *gpa,
		       struct error *error)
{
	uint64_t size = load->initrd_size, end = load->ram->low;

	*gpa = 0;
	if (!size)
		return true;
	if (limit < end)
		end = limit;
	if (end < floor || size > end - floor || ((end - size) & ~(GUEST_PAGE - 1ull)) < floor)
		return error_set(error, ERROR_CONFIG,
				 "memory is too small: no room for the initrd of %" PRIu64
				 " KiB behind the kernel",
				 size >> 10);
	*gpa = (end - size) & ~(GUEST_PAGE - 1ull);
	return true;
}
