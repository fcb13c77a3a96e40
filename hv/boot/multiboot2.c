/* SPDX-License-Identifier: GPL-2.0-only */
/* Multiboot2 information parser. Pure. Tag and field numbers: Multiboot2
 * specification 2.0, section 3.6. */
#include "boot/multiboot2.h"

#include "core/string.h"

enum tag_type {
	TAG_END = 0,
	TAG_CMDLINE = 1,
	TAG_MODULE = 3,
	TAG_MMAP = 6,
	TAG_FRAMEBUFFER = 8,
	TAG_EFI64 = 12,
	TAG_ACPI_OLD = 14,
	TAG_ACPI_NEW = 15,
	TAG_EFI_MMAP = 17,
	TAG_EFI_BS = 18,
};

struct tag {
	u32 type;
	u32 size; /* bytes, this header included */
};

struct mmap_entry {
	u64 base;
	u64 length;
	u32 type;
	u32 reserved;
};

static void copy_text(char *dest, size_t size, const u8 *src, size_t n)
{
	size_t i;

	for (i = 0; i < size - 1 && i < n && src[i]; i++)
		dest[i] = (char)src[i];
	dest[i] = '\0';
}

static const char *parse_module(const u8 *body, size_t n, struct boot_info *info)
{
	struct boot_module *m = !info->kernel.size ? &info->kernel : &info->initrd;
	u32 range[2];

	if (n < sizeof(range))
		return "module tag too short";
	if (m->size)
		return NULL; /* a third one is not ours */
	memcpy(range, body, sizeof(range));
	if (range[1] <= range[0])
		return "empty module";
	m->base = range[0];
	m->size = range[1] - range[0];
	copy_text(m->text, sizeof(m->text), body + sizeof(range), n - sizeof(range));
	return NULL;
}

static const char *parse_mmap(const u8 *body, size_t n, struct boot_info *info)
{
	u32 head[2]; /* entry size, entry version */

	if (n < sizeof(head))
		return "memory map tag too short";
	memcpy(head, body, sizeof(head));
	if (head[0] < sizeof(struct mmap_entry) || head[0] > 256)
		return "memory map with a strange entry size";
	for (size_t off = sizeof(head); n - off >= head[0]; off += head[0]) {
		struct mmap_entry e;

		memcpy(&e, body + off, sizeof(e));
		if (!memmap_add(&info->map, e.base, e.length, e.type))
			return "memory map has too many entries";
	}
	return NULL;
}

static const char *parse_framebuffer(const u8 *body, size_t n, struct boot_info *info)
{
	struct boot_framebuffer *fb = &info->framebuffer;

	if (n < 24)
		return "framebuffer tag too short";
	memcpy(&fb->base, body, 8);
	memcpy(&fb->pitch, body + 8, 4);
	memcpy(&fb->width, body + 12, 4);
	memcpy(&fb->height, body + 16, 4);
	fb->bpp = body[20];
	fb->type = body[21];
	if (fb->type == 1 && n >= 30)
		memcpy(&fb->red_pos, body + 24, 6);
	fb->present = true;
	return NULL;
}

static const char *parse_rsdp(const u8 *body, size_t n, struct boot_info *info)
{
	u32 size = (u32)min_u64(n, sizeof(info->rsdp));

	/* The newer table has more to say, whichever tag comes first. */
	if (size > info->rsdp_size) {
		memcpy(info->rsdp, body, size);
		info->rsdp_size = size;
	}
	return NULL;
}

static const char *parse_efi_map(const u8 *body, size_t n, u64 body_pa, struct boot_info *info)
{
	u32 head[2]; /* descriptor size, version */

	if (n < sizeof(head))
		return "EFI memory map tag too short";
	memcpy(head, body, sizeof(head));
	info->efi_descriptor_size = head[0];
	info->efi_descriptor_version = head[1];
	info->efi_map = body_pa + sizeof(head);
	info->efi_map_size = (u32)(n - sizeof(head));
	return NULL;
}

static const char *parse_tag(u32 type, const u8 *body, size_t n, u64 body_pa,
			     struct boot_info *info)
{
	switch (type) {
	case TAG_CMDLINE:
		copy_text(info->options, sizeof(info->options), body, n);
		return NULL;
	case TAG_MODULE:
		return parse_module(body, n, info);
	case TAG_MMAP:
		return parse_mmap(body, n, info);
	case TAG_FRAMEBUFFER:
		return parse_framebuffer(body, n, info);
	case TAG_EFI64:
		if (n < sizeof(u64))
			return "EFI system table tag too short";
		memcpy(&info->efi_system_table, body, sizeof(u64));
		return NULL;
	case TAG_ACPI_OLD:
	case TAG_ACPI_NEW:
		return parse_rsdp(body, n, info);
	case TAG_EFI_MMAP:
		return parse_efi_map(body, n, body_pa, info);
	case TAG_EFI_BS:
		info->efi_boot_services = true;
		return NULL;
	default:
		return NULL;
	}
}

const char *multiboot2_parse(const void *mbi, u64 mbi_pa, size_t limit, struct boot_info *info)
{
	const u8 *p = mbi;
	u32 total;
	size_t off = 8;

	memset(info, 0, sizeof(*info));
	if (limit < 16)
		return "no multiboot2 information";
	memcpy(&total, p, sizeof(total));
	if (total < 16 || total > limit)
		return "multiboot2 information has a strange size";
	while (total - off >= sizeof(struct tag)) {
		struct tag tag;
		const char *error;

		memcpy(&tag, p + off, sizeof(tag));
		if (tag.type == TAG_END)
			return info->map.count ? NULL : "no memory map";
		if (tag.size < sizeof(tag) || tag.size > total - off)
			return "multiboot2 tag reaches past the end";
		error = parse_tag(tag.type, p + off + sizeof(tag), tag.size - sizeof(tag),
				  mbi_pa + off + sizeof(tag), info);
		if (error)
			return error;
		if (align_up(tag.size, 8) > total - off)
			break;
		off += align_up(tag.size, 8);
	}
	return "multiboot2 information has no end tag";
}
