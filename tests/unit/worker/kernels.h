/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernels as hv-worker's loaders want them, of a few pages: for tests to spoil. */
#ifndef KERNELS_H
#define KERNELS_H

#include <asm/bootparam.h>
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PAYLOAD 5000u
#define SECTORS 2048ul /* of the setup code, and the boot sector */

struct file {
	uint8_t bytes[32768];
	size_t size;
};

static inline uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 7 + i / 256 + 1);
}

static inline struct setup_header *header_of(struct file *file)
{
	return (struct setup_header *)(file->bytes + 0x1f1);
}

static inline void make_bzimage(struct file *file)
{
	struct setup_header *header = header_of(file);

	memset(file, 0, sizeof(*file));
	header->setup_sects = 3;
	header->boot_flag = 0xaa55;
	header->jump = 0xeb | (0x268 - 0x202) << 8;
	header->header = 0x53726448;
	header->version = 0x20f;
	header->loadflags = 1;
	header->initrd_addr_max = 0x7fffffff;
	header->kernel_alignment = 0x200000;
	header->relocatable_kernel = 1;
	header->xloadflags = XLF_KERNEL_64;
	header->cmdline_size = 2047;
	header->pref_address = 0x1000000;
	header->init_size = 0x300000;
	for (size_t i = 0; i < PAYLOAD; i++)
		file->bytes[SECTORS + i] = pattern(i);
	file->size = SECTORS + PAYLOAD;
}

#define NOTE_AT 0x200u
#define CODE_AT 0x1000u
#define CODE_GPA 0x400000u

static inline void put_note(struct file *file, uint32_t type, const char *name, uint32_t value)
{
	Elf64_Nhdr note = { .n_namesz = (uint32_t)strlen(name) + 1, .n_descsz = 4, .n_type = type };

	memcpy(file->bytes + NOTE_AT, &note, sizeof(note));
	memcpy(file->bytes + NOTE_AT + 12, name, note.n_namesz);
	memcpy(file->bytes + NOTE_AT + 12 + 4, &value, sizeof(value));
}

static inline void make_elf64(struct file *file)
{
	Elf64_Ehdr header = { .e_ident = ELFMAG,
			      .e_machine = EM_X86_64,
			      .e_entry = CODE_GPA + 0x10,
			      .e_phoff = sizeof(header),
			      .e_phentsize = sizeof(Elf64_Phdr),
			      .e_phnum = 2 };
	Elf64_Phdr segments[2] = {
		{ .p_type = PT_LOAD,
		  .p_offset = CODE_AT,
		  .p_paddr = CODE_GPA,
		  .p_vaddr = 0xffffffff80000000,
		  .p_filesz = PAYLOAD,
		  .p_memsz = PAYLOAD + 100000 },
		{ .p_type = PT_NOTE, .p_offset = NOTE_AT, .p_filesz = 20 },
	};

	memset(file, 0, sizeof(*file));
	header.e_ident[EI_CLASS] = ELFCLASS64;
	header.e_ident[EI_DATA] = ELFDATA2LSB;
	memcpy(file->bytes, &header, sizeof(header));
	memcpy(file->bytes + sizeof(header), segments, sizeof(segments));
	put_note(file, 18, "Xen", CODE_GPA + 0x40);
	for (size_t i = 0; i < PAYLOAD; i++)
		file->bytes[CODE_AT + i] = pattern(i);
	file->size = CODE_AT + PAYLOAD;
}

static inline void make_elf32(struct file *file)
{
	Elf32_Ehdr header = { .e_ident = ELFMAG,
			      .e_machine = EM_386,
			      .e_entry = CODE_GPA + 0x20,
			      .e_phoff = sizeof(header),
			      .e_phentsize = sizeof(Elf32_Phdr),
			      .e_phnum = 1 };
	Elf32_Phdr segment = { .p_type = PT_LOAD,
			       .p_offset = CODE_AT,
			       .p_paddr = CODE_GPA,
			       .p_filesz = PAYLOAD,
			       .p_memsz = PAYLOAD };
	uint32_t multiboot[3] = { 0x1badb002, 3, -(0x1badb002u + 3) };

	memset(file, 0, sizeof(*file));
	header.e_ident[EI_CLASS] = ELFCLASS32;
	header.e_ident[EI_DATA] = ELFDATA2LSB;
	memcpy(file->bytes, &header, sizeof(header));
	memcpy(file->bytes + sizeof(header), &segment, sizeof(segment));
	memcpy(file->bytes + 0x100, multiboot, sizeof(multiboot));
	for (size_t i = 0; i < PAYLOAD; i++)
		file->bytes[CODE_AT + i] = pattern(i);
	file->size = CODE_AT + PAYLOAD;
}

static inline void set_flat(struct file *file, uint32_t header, uint32_t load, uint32_t load_end,
			    uint32_t bss_end)
{
	uint32_t fields[8] = { 0x1badb002, 1u << 16, -(0x1badb002u + (1u << 16)),
			       header,	   load,     load_end,
			       bss_end,	   load + 4 };

	memset(file, 0, sizeof(*file));
	for (size_t i = 0; i < PAYLOAD; i++)
		file->bytes[i] = pattern(i);
	memcpy(file->bytes + 16, fields, sizeof(fields));
	file->size = PAYLOAD;
}

#endif
