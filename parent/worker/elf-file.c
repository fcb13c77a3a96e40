/* SPDX-License-Identifier: GPL-2.0-only */
/* ELF files of kernels: see elf-file.h. */
#include "elf-file.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

bool elf_is(const struct kernel_file *file)
{
	return file->size >= EI_NIDENT && memcmp(file->bytes, ELFMAG, SELFMAG) == 0;
}

bool elf_open(struct elf *elf, const struct kernel_file *file, struct error *error)
{
	uint16_t machine, entry_size;
	Elf64_Ehdr wide;
	Elf32_Ehdr narrow;

	*elf = (struct elf){ .file = file };
	if (!elf_is(file) || file->bytes[EI_DATA] != ELFDATA2LSB)
		return error_set(error, ERROR_CONFIG, "%s: not an ELF file for x86", file->name);
	elf->wide = file->bytes[EI_CLASS] == ELFCLASS64;
	if (file->size < (elf->wide ? sizeof(wide) : sizeof(narrow)))
		return error_set(error, ERROR_CONFIG, "%s: cut off in its ELF header", file->name);
	if (elf->wide) {
		memcpy(&wide, file->bytes, sizeof(wide));
		elf->entry = wide.e_entry;
		elf->headers = wide.e_phoff;
		elf->count = wide.e_phnum;
		machine = wide.e_machine;
		entry_size = wide.e_phentsize;
	} else {
		memcpy(&narrow, file->bytes, sizeof(narrow));
		elf->entry = narrow.e_entry;
		elf->headers = narrow.e_phoff;
		elf->count = narrow.e_phnum;
		machine = narrow.e_machine;
		entry_size = narrow.e_phentsize;
	}
	if (machine != EM_X86_64 && machine != EM_386)
		return error_set(error, ERROR_CONFIG, "%s: an ELF file for another machine (%u)",
				 file->name, machine);
	if (!elf->count || entry_size != (elf->wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)) ||
	    elf->headers > file->size ||
	    (uint64_t)elf->count * entry_size > file->size - elf->headers)
		return error_set(error, ERROR_CONFIG, "%s: wrong ELF program headers", file->name);
	return true;
}

struct elf_segment elf_segment(const struct elf *elf, unsigned i)
{
	const uint8_t *headers = elf->file->bytes + elf->headers;
	Elf64_Phdr wide;
	Elf32_Phdr narrow;

	if (elf->wide) {
		memcpy(&wide, headers + i * sizeof(wide), sizeof(wide));
		return (struct elf_segment){ wide.p_type, wide.p_offset, wide.p_paddr,
					     wide.p_filesz, wide.p_memsz };
	}
	memcpy(&narrow, headers + i * sizeof(narrow), sizeof(narrow));
	return (struct elf_segment){ narrow.p_type, narrow.p_offset, narrow.p_paddr,
				     narrow.p_filesz, narrow.p_memsz };
}

static bool check(const struct elf *elf, const struct elf_segment *segment, const struct ram *ram,
		  struct error *error)
{
	const struct kernel_file *file = elf->file;

	if (segment->offset > file->size || segment->file_size > file->size - segment->offset ||
	    segment->file_size > segment->memory_size)
		return error_set(error, ERROR_CONFIG, "%s: cut off in a segment", file->name);
	if (segment->paddr < MIB(1) || segment->paddr > ram->low ||
	    segment->memory_size > ram->low - segment->paddr)
		return error_set(error, ERROR_CONFIG,
				 "%s: a segment of 0x%" PRIx64 " bytes at 0x%" PRIx64
				 " does not fit into memory above 1 MiB",
				 file->name, segment->memory_size, segment->paddr);
	return true;
}

bool elf_load(const struct elf *elf, const struct ram *ram, uint64_t *end, struct error *error)
{
	struct elf_segment segment;

	*end = 0;
	for (unsigned i = 0; i < elf->count; i++) {
		segment = elf_segment(elf, i);
		if (segment.type != PT_LOAD || !segment.memory_size)
			continue;
		if (!check(elf, &segment, ram, error))
			return false;
		if (segment.paddr + segment.memory_size > *end)
			*end = segment.paddr + segment.memory_size;
	}
	if (!*end)
		return error_set(error, ERROR_CONFIG, "%s: nothing in it to load", elf->file->name);
	*end = (*end + GUEST_PAGE - 1) & ~(GUEST_PAGE - 1ull);
	for (unsigned i = 0; i < elf->count; i++) {
		segment = elf_segment(elf, i);
		if (segment.type == PT_LOAD && segment.memory_size)
			memcpy(ram->bytes + segment.paddr, elf->file->bytes + segment.offset,
			       segment.file_size);
	}
	return true;
}
