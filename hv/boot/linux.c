/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loading the parent's kernel: a bzImage, entered at its 64-bit entry point.
 * Source: Linux Documentation/arch/x86/boot.rst and zero-page.rst; the
 * structures are the installed kernel headers'.
 */
#include <asm/bootparam.h>

#include "boot/boot.h"
#include "boot/efimap.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/parent.h"
#include "core/string.h"
#include "x86/paging.h"

#define BZIMAGE_MAGIC 0x53726448u /* "HdrS" */
#define BOOT_PROTOCOL_MIN 0x20c /* the first with a 64-bit entry point */
#define ENTRY64_OFFSET 0x200
#define LOADER_UNKNOWN 0xff

#define SCREEN_VGA_TEXT 0x22
#define SCREEN_VESA 0x23
#define SCREEN_EFI 0x70

/*
 * What the kernel needs beside itself, in one block of the parent's memory. It
 * is the kernel's to reuse once it has read it.
 */
#define IDENTITY_TABLES 6 /* 4 GiB in 2 MiB pages */
#define EFI_MAP_SIZE KIB(64)

struct parent_block {
	struct boot_params zero_page;
	char cmdline[BOOT_TEXT];
	u8 pad[PAGE_SIZE - BOOT_TEXT];
	u64 gdt[PAGE_SIZE / 8];
	u8 stack[PAGE_SIZE];
	u64 tables[IDENTITY_TABLES][PAGE_SIZE / 8];
	u8 efi_map[2][EFI_MAP_SIZE]; /* built in turn, see make_efi_map */
};

_Static_assert(sizeof(struct boot_params) == PAGE_SIZE, "zero-page.rst");

struct avoid {
	struct memrange r[6];
	u32 count;
};

static void avoid(struct avoid *a, u64 base, u64 size)
{
	a->r[a->count++] = (struct memrange){ base, size, MEM_RESERVED };
}

static const char *read_header(const u8 *image, u64 size, struct setup_header *h, u64 *code)
{
	if (size < 0x1f1 + sizeof(*h))
		return "the kernel file is too short for a bzImage";
	memcpy(h, image + 0x1f1, sizeof(*h));
	if (h->boot_flag != 0xaa55 || h->header != BZIMAGE_MAGIC)
		return "the kernel file is no bzImage";
	if (h->version < BOOT_PROTOCOL_MIN || !(h->xloadflags & XLF_KERNEL_64))
		return "the kernel has no 64-bit entry point";
	*code = ((u64)(h->setup_sects ? h->setup_sects : 4) + 1) * 512;
	if (*code >= size)
		return "the kernel file is cut off";
	return NULL;
}

/* Where the kernel would like to be if that is free, else the highest place. */
static bool place_kernel(const struct setup_header *h, const struct avoid *a, u64 *base)
{
	u64 align = h->kernel_alignment;

	if (!align || (align & (align - 1)) || align > GIB(1))
		return false;
	if (memmap_find(&parent.memory, h->init_size, align, h->pref_address,
			h->pref_address + h->init_size, a->r, a->count, base))
		return true;
	return h->relocatable_kernel && memmap_find(&parent.memory, h->init_size, align, MIB(1),
						    GIB(4), a->r, a->count, base);
}

/* Identity for 4 GiB: level 4, level 3, four of level 2. */
static void fill_tables(struct parent_block *b, u64 pa)
{
	u64 tables = pa + offsetof(struct parent_block, tables);

	b->tables[0][0] = (tables + PAGE_SIZE) | PTE_P | PTE_W;
	for (u64 i = 0; i < 4; i++) {
		b->tables[1][i] = (tables + (2 + i) * PAGE_SIZE) | PTE_P | PTE_W;
		for (u64 j = 0; j < 512; j++)
			b->tables[2 + i][j] = (i * 512 + j) << 21 | PTE_P | PTE_W | PTE_PS;
	}
}

static const char *fill_e820(struct boot_params *zp)
{
	const struct memmap *m = &parent.memory;

	if (m->count > ARRAY_SIZE(zp->e820_table))
		return "the memory map is too long for the kernel's boot parameters";
	for (u32 i = 0; i < m->count; i++) {
		zp->e820_table[i].addr = m->r[i].base;
		zp->e820_table[i].size = m->r[i].size;
		zp->e820_table[i].type = m->r[i].type;
	}
	zp->e820_entries = (u8)m->count;
	return NULL;
}

static void fill_screen(struct boot_params *zp)
{
	struct screen_info screen = { 0 };
	struct screen_info *s = &screen;
	const struct boot_framebuffer *fb = &boot.framebuffer;
	bool efi = boot.efi_system_table;

	if (!fb->present || fb->type != 1) {
		if (efi)
			return;
		s->orig_video_mode = 3;
		s->orig_video_cols = 80;
		s->orig_video_lines = 25;
		s->orig_video_points = 16;
		s->orig_video_isVGA = SCREEN_VGA_TEXT;
		zp->screen_info = screen;
		return;
	}
	s->orig_video_isVGA = efi ? SCREEN_EFI : SCREEN_VESA;
	s->lfb_width = (u16)fb->width;
	s->lfb_height = (u16)fb->height;
	s->lfb_depth = fb->bpp;
	s->lfb_linelength = (u16)fb->pitch;
	s->lfb_base = (u32)fb->base;
	s->ext_lfb_base = (u32)(fb->base >> 32);
	s->capabilities = fb->base >> 32 ? VIDEO_CAPABILITY_64BIT_BASE : 0;
	/* In 64 KiB units for VESA, in bytes for EFI. */
	s->lfb_size = efi ? fb->pitch * fb->height : (fb->pitch * fb->height + 0xffff) >> 16;
	s->red_pos = fb->red_pos;
	s->red_size = fb->red_size;
	s->green_pos = fb->green_pos;
	s->green_size = fb->green_size;
	s->blue_pos = fb->blue_pos;
	s->blue_size = fb->blue_size;
	zp->screen_info = screen;
}

/* The machine's EFI map with hv's memory reserved and this block in use. Each
 * step goes from one buffer to the other; the last ends in the second. */
static const char *make_efi_map(struct parent_block *b, u64 pa)
{
	struct efi_info e = { 0 };
	u64 map_pa = pa + offsetof(struct parent_block, efi_map[1]);
	u32 ds = boot.efi_descriptor_size;
	size_t n;

	if (!boot.efi_system_table || !boot.efi_map_size || boot.efi_boot_services)
		return NULL;
	n = efimap_set(b->efi_map[0], EFI_MAP_SIZE, phys_to_virt(HPA(boot.efi_map)),
		       boot.efi_map_size, ds, parent.image_base, parent.image_size,
		       EFI_RESERVED_TYPE);
	n = efimap_set(b->efi_map[1], EFI_MAP_SIZE, b->efi_map[0], n, ds, parent.arena_base,
		       parent.arena_size, EFI_RESERVED_TYPE);
	n = efimap_set(b->efi_map[0], EFI_MAP_SIZE, b->efi_map[1], n, ds, parent.frames_base,
		       parent.frames_size, EFI_RESERVED_TYPE);
	n = efimap_set(b->efi_map[1], EFI_MAP_SIZE, b->efi_map[0], n, ds, pa, sizeof(*b),
		       EFI_LOADER_DATA);
	if (!n)
		return "the EFI memory map is too long";
	memcpy(&e.efi_loader_signature, "EL64", 4);
	e.efi_systab = (u32)boot.efi_system_table;
	e.efi_systab_hi = (u32)(boot.efi_system_table >> 32);
	e.efi_memdesc_size = ds;
	e.efi_memdesc_version = boot.efi_descriptor_version;
	e.efi_memmap = (u32)map_pa;
	e.efi_memmap_hi = (u32)(map_pa >> 32);
	e.efi_memmap_size = (u32)n;
	b->zero_page.efi_info = e;
	return NULL;
}

static const char *fill_header(struct parent_block *b, u64 pa, const struct setup_header *h,
			       u64 kernel)
{
	struct boot_params *zp = &b->zero_page;
	u64 cmdline = pa + offsetof(struct parent_block, cmdline);

	if (strlen(boot.kernel.text) > h->cmdline_size)
		return "the kernel's command line is too long for it";
	memcpy(b->cmdline, boot.kernel.text, sizeof(b->cmdline));
	zp->hdr = *h;
	zp->hdr.type_of_loader = LOADER_UNKNOWN;
	zp->hdr.code32_start = (u32)kernel;
	zp->hdr.cmd_line_ptr = (u32)cmdline;
	zp->hdr.setup_data = 0;
	zp->hdr.ramdisk_image = (u32)boot.initrd.base;
	zp->hdr.ramdisk_size = (u32)boot.initrd.size;
	return NULL;
}

const char *linux_load(struct linux_entry *entry)
{
	const u8 *image = phys_to_virt(HPA(boot.kernel.base));
	struct avoid a = { 0 };
	struct setup_header h;
	struct parent_block *b;
	const char *error;
	u64 code, kernel, pa;

	error = read_header(image, boot.kernel.size, &h, &code);
	if (error)
		return error;
	avoid(&a, 0, MIB(1));
	avoid(&a, boot.kernel.base, boot.kernel.size);
	avoid(&a, boot.initrd.base, boot.initrd.size);
	avoid(&a, align_down(boot.efi_map, PAGE_SIZE), boot.efi_map_size + PAGE_SIZE);
	if (!place_kernel(&h, &a, &kernel))
		return "there is no memory for the kernel";
	if (boot.kernel.size - code > h.init_size)
		return "the kernel file is longer than it says";
	avoid(&a, kernel, h.init_size);
	if (!memmap_find(&parent.memory, align_up(sizeof(*b), PAGE_SIZE), PAGE_SIZE, MIB(1), GIB(4),
			 a.r, a.count, &pa))
		return "there is no memory for the kernel's boot parameters";

	memcpy(phys_to_virt(HPA(kernel)), image + code, boot.kernel.size - code);
	b = phys_to_virt(HPA(pa));
	memset(b, 0, sizeof(*b));
	error = fill_header(b, pa, &h, kernel);
	if (!error)
		error = fill_e820(&b->zero_page);
	if (!error)
		error = make_efi_map(b, pa);
	if (error)
		return error;
	fill_screen(&b->zero_page);
	fill_tables(b, pa);
	b->gdt[2] = 0x00af9b000000ffff;
	b->gdt[3] = 0x00cf93000000ffff;
	*entry = (struct linux_entry){
		.rip = kernel + ENTRY64_OFFSET,
		.rsp = pa + offsetof(struct parent_block, stack) + PAGE_SIZE,
		.cr3 = pa + offsetof(struct parent_block, tables),
		.gdt = pa + offsetof(struct parent_block, gdt),
		.zero_page = pa,
	};
	log_debug("parent: kernel at %lx, boot parameters at %lx, initrd at %lx", kernel, pa,
		  boot.initrd.base);
	return NULL;
}
