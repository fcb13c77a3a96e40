/* SPDX-License-Identifier: GPL-2.0-only */
/* See format.h. Facts: enum virgl_formats (virglrenderer, src/virgl_hw.h). */
#include "format.h"

#include <stdbool.h>

/* Formats first to last, whose sizes go round in steps: 8, 16, 24, 32 bits for one to four
 * channels. */
struct sizes {
	uint16_t first, last;
	uint8_t bits, steps;
};

static const struct sizes table[] = {
	{ 1, 4, 32, 1 },     { 5, 7, 16, 1 },	   { 8, 8, 32, 1 },	{ 9, 11, 8, 1 },
	{ 12, 16, 16, 1 },   { 17, 22, 32, 1 },	   { 23, 23, 8, 1 },	{ 24, 27, 64, 4 },
	{ 28, 47, 32, 4 },   { 48, 63, 16, 4 },	   { 64, 67, 8, 4 },	{ 68, 68, 32, 1 },
	{ 69, 72, 8, 4 },    { 74, 77, 8, 4 },	   { 82, 85, 8, 4 },	{ 87, 90, 32, 4 },
	{ 91, 94, 16, 4 },   { 95, 97, 8, 3 },	   { 98, 104, 32, 1 },	{ 105, 106, 4, 1 },
	{ 107, 108, 8, 1 },  { 109, 110, 4, 1 },   { 111, 112, 8, 1 },	{ 113, 114, 4, 1 },
	{ 115, 116, 8, 1 },  { 117, 118, 16, 1 },  { 119, 119, 32, 1 }, { 120, 120, 16, 1 },
	{ 121, 121, 32, 1 }, { 122, 122, 16, 1 },  { 123, 125, 32, 1 }, { 126, 126, 64, 1 },
	{ 127, 127, 8, 1 },  { 128, 129, 32, 1 },  { 130, 130, 8, 1 },	{ 131, 134, 32, 1 },
	{ 135, 135, 16, 1 }, { 136, 137, 32, 1 },  { 138, 138, 64, 1 }, { 139, 139, 8, 1 },
	{ 140, 140, 32, 1 }, { 141, 142, 16, 1 },  { 143, 144, 4, 1 },	{ 145, 146, 8, 1 },
	{ 147, 148, 8, 1 },  { 149, 149, 16, 1 },  { 150, 150, 8, 1 },	{ 151, 152, 16, 1 },
	{ 153, 153, 32, 1 }, { 154, 156, 16, 1 },  { 157, 157, 32, 1 }, { 158, 158, 16, 1 },
	{ 159, 160, 32, 1 }, { 161, 161, 64, 1 },  { 162, 162, 32, 1 }, { 163, 167, 16, 1 },
	{ 168, 169, 8, 1 },  { 170, 171, 16, 1 },  { 172, 176, 32, 1 }, { 177, 184, 8, 4 },
	{ 185, 192, 16, 4 }, { 193, 200, 32, 4 },  { 201, 203, 8, 1 },	{ 204, 204, 16, 1 },
	{ 205, 207, 8, 1 },  { 208, 211, 16, 1 },  { 212, 212, 32, 1 }, { 213, 215, 16, 1 },
	{ 216, 219, 32, 1 }, { 220, 220, 64, 1 },  { 221, 223, 32, 1 }, { 224, 224, 64, 1 },
	{ 225, 225, 32, 1 }, { 226, 226, 4, 1 },   { 227, 228, 16, 1 }, { 229, 233, 32, 1 },
	{ 234, 238, 64, 1 }, { 239, 241, 128, 1 }, { 242, 242, 16, 1 }, { 243, 245, 32, 1 },
	{ 246, 246, 64, 1 }, { 247, 248, 16, 1 },  { 249, 250, 32, 1 }, { 251, 252, 64, 1 },
	{ 253, 253, 32, 1 }, { 254, 254, 16, 1 },  { 255, 258, 8, 1 },	{ 263, 264, 16, 1 },
	{ 265, 268, 32, 1 }, { 269, 272, 4, 1 },   { 273, 274, 8, 1 },	{ 275, 276, 4, 1 },
	{ 277, 306, 8, 1 },  { 308, 308, 32, 1 },  { 311, 311, 16, 1 }, { 312, 313, 8, 2 },
};

uint32_t format_bits(uint32_t format)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct sizes *sizes = &table[i];

		if (format >= sizes->first && format <= sizes->last)
			return sizes->bits * (1 + (format - sizes->first) % sizes->steps);
	}
	return 128;
}

static uint64_t shrunk(uint32_t size, uint32_t level)
{
	return size >> level ? size >> level : 1;
}

static bool times(uint64_t *value, uint64_t by)
{
	return !__builtin_mul_overflow(*value, by, value);
}

uint64_t format_memory(const struct mullion_gpu_resource_create *create)
{
	uint64_t pixels = 0, bits;

	for (uint32_t level = 0; level <= create->last_level && level < 32; level++) {
		uint64_t size = shrunk(create->width, level);

		if (!times(&size, shrunk(create->height, level)) ||
		    !times(&size, shrunk(create->depth, level)) ||
		    __builtin_add_overflow(pixels, size, &pixels))
			return UINT64_MAX;
	}
	bits = pixels;
	if (!times(&bits, create->array_size) ||
	    !times(&bits, create->samples ? create->samples : 1) ||
	    !times(&bits, format_bits(create->format)))
		return UINT64_MAX;
	return bits / 8 + 1;
}

enum image_format format_shown(uint32_t format)
{
	switch (format) {
	case 1: /* B8G8R8A8_UNORM */
	case 2: /* B8G8R8X8_UNORM */
	case 100: /* B8G8R8A8_SRGB */
	case 101: /* B8G8R8X8_SRGB */
		return IMAGE_BGRX;
	case 67: /* R8G8B8A8_UNORM */
	case 134: /* R8G8B8X8_UNORM */
	case 104: /* R8G8B8A8_SRGB */
	case 230: /* R8G8B8X8_SRGB */
		return IMAGE_RGBX;
	case 7: /* B5G6R5_UNORM */
		return IMAGE_RGB565;
	default:
		return IMAGE_NONE;
	}
}
