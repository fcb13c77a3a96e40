/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The EFI memory map that the parent is given. On an EFI machine Linux places
 * itself by this map and not by e820, so hv's memory must be gone from it too.
 */
#ifndef HV_BOOT_EFIMAP_H
#define HV_BOOT_EFIMAP_H

#include "core/types.h"

/* UEFI 2.10, section 7.2.3, EFI_MEMORY_DESCRIPTOR. Maps have a descriptor size
 * of their own, at least this; what follows is firmware's and is kept. */
struct efi_descriptor {
	u32 type;
	u32 pad;
	u64 physical;
	u64 virtual;
	u64 pages; /* of 4096 bytes */
	u64 attributes;
};

#define EFI_RESERVED_TYPE 0
#define EFI_LOADER_DATA 2
#define EFI_CONVENTIONAL 7

/*
 * Copies a map of src_size bytes with descriptors of desc_size bytes to dest,
 * with [base, base + size) (page aligned) turned into another type.
 * Returns the bytes written; 0 when dest_size is too small or the map is not
 * one (desc_size below the structure or above 256). dest must not overlap src.
 */
size_t efimap_set(void *dest, size_t dest_size, const void *src, size_t src_size, size_t desc_size,
		  u64 base, u64 size, u32 type);

#endif
