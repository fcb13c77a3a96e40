/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linux as a bzImage, entered at its 64-bit entry point.
 * Source: Linux Documentation/arch/x86/boot.rst and zero-page.rst.
 */
#include <asm/bootparam.h>
#include <inttypes.h>
#include <string.h>

#include "loader.h"

#define HEADER_OFFSET 0x1f1u
#define MAGIC 0x53726448u /* "HdrS" */
#define MAGIC_OFFSET 0x202u
#define BOOT_FLAG 0xaa55u
#define PROTOCOL_64BIT 0x20cu /* the first with a 64-bit entry point */
#define ENTRY64 0x200u
#define SECTOR 512u
#define LOADER_UNDEFINED 0xffu

_Static_assert(sizeof(struct boot_params) == GUEST_PAGE, "zero-page.rst");

static bool knows(const struct kernel_file *kernel)
{
	uint32_t magic;

	if (kernel->size < MAGIC_OFFSET + sizeof(magic))
		return false;
	memcpy(&magic, kernel->bytes + MAGIC_OFFSET, sizeof(magic));
	return magic == MAGIC;
}

/* The header as far as the file has it, and where the protected-mode code begins. */
static bool read_header(const struct kernel_file *kernel, struct setup_header *header,
			uint64_t *code, struct error *error)
{
	uint64_t size;

	if (!knows(kernel))
		return error_set(error, ERROR_CONFIG, "%s: not a bzImage (no HdrS)", kernel->name);
	/* The byte behind the jump at 0x200 says where the header ends. */
	size = MAGIC_OFFSET + kernel->bytes[0x201] - HEADER_OFFSET;
	if (size > sizeof(*header))
		size = sizeof(*header);
	if (kernel->size < HEADER_OFFSET + size)
		return error_set(error, ERROR_CONFIG, "%s: cut off in its header", kernel->name);
	memset(header, 0, sizeof(*header));
	memcpy(header, kernel->bytes + HEADER_OFFSET, size);
	if (header->boot_flag != BOOT_FLAG)
		return error_set(error, ERROR_CONFIG, "%s: not a bzImage (no boot flag)",
				 kernel->name);
	if (header->version < PROTOCOL_64BIT || !(header->xloadflags & XLF_KERNEL_64))
		return error_set(error, ERROR_CONFIG,
				 "%s: no 64-bit kernel (boot protocol %u.%02u)", kernel->name,
				 header->version >> 8, header->version & 0xff);
	*code = ((header->setup_sects ? header->setup_sects : 4) + 1ull) * SECTOR;
	if (*code >= kernel->size || kernel->size - *code > header->init_size)
		return error_set(error, ERROR_CONFIG,
				 "%s: cut off, or not the size that its header says", kernel->name);
	return true;
}

/* The kernel runs where it prefers to; a relocatable one also lower, if memory is
 * short. */
static bool place(const struct load *load, const struct setup_header *header, uint64_t *gpa,
		  struct error *error)
{
	uint64_t align = header->kernel_alignment, low = load->ram->low;

	*gpa = header->pref_address;
	if (*gpa >= MIB(1) && *gpa < low && header->init_size <= low - *gpa)
		return true;
	if (header->relocatable_kernel && align && !(align & (align - 1))) {
		*gpa = align < MIB(1) ? MIB(1) : align;
		if (*gpa < low && header->init_size <= low - *gpa)
			return true;
	}
	return error_set(error, ERROR_CONFIG,
			 "memory is too small: %s needs %u KiB from %" PRIu64 " KiB on",
			 load->kernel.name, header->init_size >> 10,
			 (uint64_t)header->pref_address >> 10);
}

static void fill_zero_page(const struct load *load, const struct setup_header *header,
			   uint64_t kernel, uint64_t initrd)
{
	struct boot_params *zero_page = (void *)(load->ram->bytes + LOW_BOOT);
	struct ram_range ranges[RAM_RANGES];

	zero_page->hdr = *header;
	zero_page->hdr.type_of_loader = LOADER_UNDEFINED;
	zero_page->hdr.code32_start = (uint32_t)kernel;
	zero_page->hdr.cmd_line_ptr = LOW_CMDLINE;
	zero_page->hdr.setup_data = 0;
	zero_page->hdr.ramdisk_image = (uint32_t)initrd;
	zero_page->hdr.ramdisk_size = (uint32_t)load->initrd_size;
	zero_page->acpi_rsdp_addr = load->rsdp;
	zero_page->e820_entries = (uint8_t)ram_map(load->ram, ranges);
	for (unsigned i = 0; i < zero_page->e820_entries; i++)
		zero_page->e820_table[i] =
			(struct boot_e820_entry){ ranges[i].gpa, ranges[i].size, ranges[i].type };
}

static bool run(const struct load *load, struct boot *boot, struct error *error)
{
	struct setup_header header;
	uint64_t code, kernel;

	if (!read_header(&load->kernel, &header, &code, error))
		return false;
	if (!place(load, &header, &kernel, error))
		return false;
	if (!load_place_initrd(load, kernel + header.init_size, header.initrd_addr_max + 1ull,
			       &boot->initrd, error))
		return false;
	if (!load_cmdline(load, "", header.cmdline_size, error))
		return false;
	memcpy(load->ram->bytes + kernel, load->kernel.bytes + code, load->kernel.size - code);
	fill_zero_page(load, &header, kernel, boot->initrd);
	load_gdt(load->ram, true);
	load_tables(load->ram);
	boot->long_mode = true;
	boot->rip = kernel + ENTRY64;
	boot->rsp = LOW_STACK_END;
	boot->rsi = LOW_BOOT;
	return true;
}

const struct loader loader_bzimage = { .name = "bzimage", .knows = knows, .load = run };
