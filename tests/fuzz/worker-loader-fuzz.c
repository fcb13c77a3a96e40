/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv-worker's loaders: the input chooses loader, initrd and a good kernel, then
 * changes bytes of that, three bytes a change. What is loaded begins in the guest's
 * memory, and nothing is written where no loader may write.
 */
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "loader.h"

#define MEMORY MIB(8)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool ok)
{
	if (!ok)
		abort();
}

static void check(const struct ram *ram, const struct load *load, const struct boot *boot)
{
	static const uint8_t zeros[GUEST_PAGE];

	need(memcmp(ram->bytes, zeros, sizeof(zeros)) == 0);
	for (uint64_t at = LOW_END; at < MIB(1); at += GUEST_PAGE)
		need(memcmp(ram->bytes + at, zeros, sizeof(zeros)) == 0);
	if (load->initrd_size)
		need(boot->initrd >= MIB(1) && ram_at(ram, boot->initrd, load->initrd_size));
}

static void make(struct file *file, unsigned kind)
{
	switch (kind % 4) {
	case 0:
		make_bzimage(file);
		break;
	case 1:
		make_elf64(file);
		break;
	case 2:
		make_elf32(file);
		break;
	default:
		set_flat(file, 0x100010, 0x100000, 0, 0);
		break;
	}
}

/* Most of what decides is at a file's beginning. */
static void change(struct file *file, const uint8_t *data, size_t size)
{
	for (; size >= 3; data += 3, size -= 3)
		file->bytes[(data[0] | data[1] % 8u << 8) % file->size] = data[2];
}

static void run(const struct file *file, unsigned loader, uint64_t initrd)
{
	static const char *const names[] = { "auto", "bzimage", "pvh", "multiboot" };
	struct ram ram = { .fd = -1 };
	struct load load = {
		.ram = &ram, .cmdline = "cmdline", .rsdp = LOW_ACPI, .initrd_size = initrd
	};
	uint8_t *copy = malloc(file->size);
	struct error error;
	struct boot boot;

	ram_layout(&ram, MEMORY, 0);
	ram.bytes = calloc(1, MEMORY);
	if (!copy || !ram.bytes)
		abort();
	memcpy(copy, file->bytes, file->size);
	load.kernel = (struct kernel_file){ .bytes = copy, .size = file->size, .name = "k" };
	if (loader_run(names[loader % 4], &load, &boot, &error))
		check(&ram, &load, &boot);
	else
		need(error.kind == ERROR_CONFIG && error.text[0]);
	free(ram.bytes);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct file file;

	if (size < 4)
		return 0;
	make(&file, data[0]);
	change(&file, data + 4, size - 4);
	file.size -= file.size * data[3] / 512; /* cut off */
	run(&file, data[1], data[2] * 0x7654ull);
	return 0;
}
