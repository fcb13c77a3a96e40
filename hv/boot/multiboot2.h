/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the boot loader hands over (Multiboot2 specification 2.0, section 3.6),
 * copied out of its memory into one structure and checked.
 */
#ifndef HV_BOOT_MULTIBOOT2_H
#define HV_BOOT_MULTIBOOT2_H

#include "boot/memmap.h"
#include "core/types.h"

#define MULTIBOOT2_BOOT_MAGIC 0x36d76289u

#define BOOT_TEXT 2048
#define BOOT_OPTIONS 256

/* A file that the boot loader put into memory. */
struct boot_module {
	u64 base;
	u64 size; /* bytes; 0: there is none */
	char text[BOOT_TEXT]; /* the words behind the file name, NUL terminated */
};

struct boot_framebuffer {
	u64 base;
	u32 pitch;
	u32 width;
	u32 height;
	u8 bpp;
	u8 type; /* 0 indexed, 1 RGB, 2 EGA text */
	u8 red_pos, red_size, green_pos, green_size, blue_pos, blue_size;
	bool present;
};

struct boot_info {
	struct memmap map; /* as given, not normalized */
	char options[BOOT_OPTIONS]; /* hv's command line */
	struct boot_module kernel; /* first module */
	struct boot_module initrd; /* second module */
	struct boot_framebuffer framebuffer;
	u8 rsdp[36]; /* copy of the ACPI RSDP; rsdp_size 0 if there is none */
	u32 rsdp_size;
	u64 efi_system_table; /* 64-bit EFI; 0 if there is none */
	u64 efi_map; /* physical address of the descriptors, inside the MBI */
	u32 efi_map_size;
	u32 efi_descriptor_size;
	u32 efi_descriptor_version;
	bool efi_boot_services; /* the loader left them running */
};

/*
 * Parses the information at mbi (readable; its first word tells its size, at
 * most limit bytes are read) into info. mbi_pa is its physical address.
 * Returns NULL, or what is wrong with it in a few words.
 */
const char *multiboot2_parse(const void *mbi, u64 mbi_pa, size_t limit, struct boot_info *info);

#endif
