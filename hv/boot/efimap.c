/* SPDX-License-Identifier: GPL-2.0-only */
/* Splitting of EFI memory maps. Pure. */
#include "boot/efimap.h"

#include "core/string.h"

struct writer {
	u8 *dest;
	size_t size;
	size_t used;
	size_t desc_size;
	bool full;
};

/* One descriptor like model (desc_size bytes), with another extent and type. */
static void emit(struct writer *w, const u8 *model, u64 base, u64 end, u32 type)
{
	struct efi_descriptor d;

	if (base >= end)
		return;
	if (w->size - w->used < w->desc_size) {
		w->full = true;
		return;
	}
	memcpy(&d, model, sizeof(d));
	d.virtual = d.virtual ? d.virtual + (base - d.physical) : 0;
	d.type = type;
	d.physical = base;
	d.pages = (end - base) >> PAGE_SHIFT;
	memcpy(w->dest + w->used, model, w->desc_size);
	memcpy(w->dest + w->used, &d, sizeof(d));
	w->used += w->desc_size;
}

size_t efimap_set(void *dest, size_t dest_size, const void *src, size_t src_size, size_t desc_size,
		  u64 base, u64 size, u32 type)
{
	struct writer w = { .dest = dest, .size = dest_size, .desc_size = desc_size };
	u64 end = base + size;

	if (desc_size < sizeof(struct efi_descriptor) || desc_size > 256)
		return 0;
	for (size_t off = 0; src_size - off >= desc_size; off += desc_size) {
		const u8 *model = (const u8 *)src + off;
		struct efi_descriptor d;
		u64 d_end;

		memcpy(&d, model, sizeof(d));
		d_end = d.physical + (d.pages << PAGE_SHIFT);
		if (d.pages > BIT(40) || d_end <= d.physical || d_end <= base ||
		    d.physical >= end) {
			if (w.size - w.used < desc_size)
				return 0;
			memcpy(w.dest + w.used, model, desc_size);
			w.used += desc_size;
			continue;
		}
		emit(&w, model, d.physical, min_u64(base, d_end), d.type);
		emit(&w, model, max_u64(d.physical, base), min_u64(end, d_end), type);
		emit(&w, model, max_u64(d.physical, end), d_end, d.type);
	}
	return w.full ? 0 : w.used;
}
