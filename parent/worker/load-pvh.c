/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An ELF kernel with a PVH entry point: 32 bits, no paging, EBX tells where the
 * start information is. Source: Xen, docs/misc/pvh.pandoc and
 * xen/include/public/arch-x86/hvm/start_info.h.
 */
#include <elf.h>
#include <string.h>

#include "elf-file.h"

#define NOTE_NAME "Xen"
#define NOTE_PHYS32_ENTRY 18u

#define START_MAGIC 0x336ec578u

struct start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline, rsdp, map;
	uint32_t map_count, reserved;
};

struct module {
	uint64_t gpa, size, cmdline, reserved;
};

struct map_entry {
	uint64_t gpa, size;
	uint32_t type, reserved;
};

/* What LOW_LISTS holds. */
struct lists {
	struct module module;
	struct map_entry map[RAM_RANGES];
};

_Static_assert(sizeof(struct start_info) == 56, "start_info.h, version 1");
_Static_assert(sizeof(struct map_entry) == 24, "start_info.h, version 1");

static uint64_t round4(uint64_t n)
{
	return (n + 3) & ~3ull;
}

/* The entry that one segment of notes names; false when it has none. */
static bool find_in(const uint8_t *notes, uint64_t size, uint32_t *entry)
{
	Elf64_Nhdr note; /* the same in both classes */

	while (size >= sizeof(note)) {
		const uint8_t *name = notes + sizeof(note);
		uint64_t length, descriptor;

		memcpy(&note, notes, sizeof(note));
		descriptor = sizeof(note) + round4(note.n_namesz);
		length = descriptor + round4(note.n_descsz);
		if (length > size)
			return false;
		if (note.n_type == NOTE_PHYS32_ENTRY && note.n_namesz == sizeof(NOTE_NAME) &&
		    memcmp(name, NOTE_NAME, sizeof(NOTE_NAME)) == 0 && note.n_descsz >= 4) {
			memcpy(entry, notes + descriptor, sizeof(*entry));
			return true;
		}
		notes += length;
		size -= length;
	}
	return false;
}

static bool find_entry(const struct elf *elf, uint32_t *entry)
{
	const struct kernel_file *file = elf->file;

	for (unsigned i = 0; i < elf->count; i++) {
		struct elf_segment s = elf_segment(elf, i);

		if (s.type == PT_NOTE && s.offset <= file->size &&
		    s.file_size <= file->size - s.offset &&
		    find_in(file->bytes + s.offset, s.file_size, entry))
			return true;
	}
	return false;
}

static bool knows(const struct kernel_file *kernel)
{
	struct error error;
	struct elf elf;
	uint32_t entry;

	return elf_is(kernel) && elf_open(&elf, kernel, &error) && find_entry(&elf, &entry);
}

static void fill_start_info(const struct load *load, uint64_t initrd)
{
	struct start_info *start = (void *)(load->ram->bytes + LOW_BOOT);
	struct lists *lists = (void *)(load->ram->bytes + LOW_LISTS);
	struct ram_range ranges[RAM_RANGES];

	*start = (struct start_info){
		.magic = START_MAGIC,
		.version = 1,
		.cmdline = LOW_CMDLINE,
		.rsdp = load->rsdp,
		.map = LOW_LISTS + offsetof(struct lists, map),
		.map_count = ram_map(load->ram, ranges),
	};
	for (unsigned i = 0; i < start->map_count; i++)
		lists->map[i] =
			(struct map_entry){ ranges[i].gpa, ranges[i].size, ranges[i].type, 0 };
	if (!load->initrd_size)
		return;
	start->module_count = 1;
	start->modules = LOW_LISTS + offsetof(struct lists, module);
	lists->module.gpa = initrd;
	lists->module.size = load->initrd_size;
}

static bool run(const struct load *load, struct boot *boot, struct error *error)
{
	struct elf elf;
	uint32_t entry;
	uint64_t end;

	if (!elf_open(&elf, &load->kernel, error))
		return false;
	if (!find_entry(&elf, &entry))
		return error_set(error, ERROR_CONFIG, "%s: no PVH note", load->kernel.name);
	if (!load_cmdline(load, "", UINT64_MAX, error))
		return false;
	if (!elf_load(&elf, load->ram, &end, error) ||
	    !load_place_initrd(load, end, UINT64_MAX, &boot->initrd, error))
		return false;
	fill_start_info(load, boot->initrd);
	load_gdt(load->ram, false);
	boot->rip = entry;
	boot->rsp = LOW_STACK_END;
	boot->rbx = LOW_BOOT;
	return true;
}

const struct loader loader_pvh = { .name = "pvh", .knows = knows, .load = run };
