/* SPDX-License-Identifier: GPL-2.0-only */
/* See image.h. */
#include "image.h"

#include <stdlib.h>
#include <string.h>

uint32_t image_pixel_size(enum image_format format)
{
	return format == IMAGE_RGB565 ? 2 : 4;
}

bool image_new(struct image *image, uint32_t width, uint32_t height)
{
	*image = (struct image){ .width = width, .height = height };
	image->pixels = calloc((size_t)width * height, sizeof(*image->pixels));
	return image->pixels;
}

void image_free(struct image *image)
{
	free(image->pixels);
	image->pixels = NULL;
}

/* ---- pieces of memory ---- */

/* Where in the pieces one stands. */
struct place {
	const struct iovec *piece, *end;
	size_t offset; /* into the piece */
};

static bool skip(struct place *place, uint64_t size)
{
	while (place->piece < place->end && size >= place->piece->iov_len - place->offset) {
		size -= place->piece->iov_len - place->offset;
		place->piece++;
		place->offset = 0;
	}
	if (place->piece < place->end)
		place->offset += size;
	return place->piece < place->end || !size;
}

/* Copies and goes on behind. */
static bool take(struct place *place, void *to, size_t size)
{
	uint8_t *at = to;

	while (size) {
		size_t n;

		if (place->piece == place->end)
			return false;
		n = place->piece->iov_len - place->offset;
		n = n < size ? n : size;
		memcpy(at, (const uint8_t *)place->piece->iov_base + place->offset, n);
		at += n;
		size -= n;
		skip(place, n);
	}
	return true;
}

bool pieces_read(const struct iovec *pieces, int count, uint64_t offset, void *to, size_t size)
{
	struct place place = { .piece = pieces, .end = pieces + count };

	return skip(&place, offset) && take(&place, to, size);
}

/* ---- pixels ---- */

/* 5 or 6 bits as 8, so that all ones stay all ones. */
static uint32_t widen(uint32_t value, unsigned int bits)
{
	return value << (8 - bits) | value >> (2 * bits - 8);
}

static uint32_t from_565(uint32_t pixel)
{
	return widen(pixel >> 11, 5) << 16 | widen(pixel >> 5 & 63, 6) << 8 | widen(pixel & 31, 5);
}

/* A line as it was copied becomes pixels. */
static void convert(uint32_t *line, const uint8_t *raw, uint32_t width, enum image_format format)
{
	for (uint32_t x = 0; x < width; x++) {
		uint16_t narrow;
		uint32_t pixel;

		if (format == IMAGE_RGB565) {
			memcpy(&narrow, raw + 2 * (size_t)x, sizeof(narrow));
			line[x] = from_565(narrow);
			continue;
		}
		memcpy(&pixel, raw + 4 * (size_t)x, sizeof(pixel));
		if (format == IMAGE_RGBX)
			pixel = (pixel & 0xff) << 16 | (pixel & 0xff00) | (pixel >> 16 & 0xff);
		line[x] = pixel & 0xffffff;
	}
}

bool image_fill(struct image *image, enum image_format format, const struct iovec *pieces,
		int count, uint64_t offset, uint32_t stride)
{
	size_t bytes = (size_t)image->width * image_pixel_size(format);
	struct place place = { .piece = pieces, .end = pieces + count };
	uint8_t *raw = calloc(1, bytes);
	bool ok = raw && skip(&place, offset);

	for (uint32_t y = 0; ok && y < image->height; y++) {
		ok = take(&place, raw, bytes);
		if (ok)
			convert(image->pixels + (size_t)y * image->width, raw, image->width,
				format);
		if (ok && y + 1 < image->height)
			ok = skip(&place, stride - bytes);
	}
	free(raw);
	return ok;
}

/* One channel of what is over and what is under it. */
static uint32_t over(uint32_t top, uint32_t under, uint32_t alpha, unsigned int shift)
{
	uint32_t value =
		(top >> shift & 0xff) + ((under >> shift & 0xff) * (255 - alpha) + 127) / 255;

	return (value < 255 ? value : 255) << shift;
}

void image_blend(struct image *image, const uint32_t *pixels, uint32_t size, int32_t x, int32_t y)
{
	for (uint32_t row = 0; row < size; row++) {
		for (uint32_t column = 0; column < size; column++) {
			int64_t to_x = (int64_t)x + column, to_y = (int64_t)y + row;
			uint32_t top = pixels[row * size + column], alpha = top >> 24, *under;

			if (to_x < 0 || to_y < 0 || to_x >= image->width || to_y >= image->height)
				continue;
			under = &image->pixels[(size_t)to_y * image->width + (size_t)to_x];
			*under = over(top, *under, alpha, 0) | over(top, *under, alpha, 8) |
				 over(top, *under, alpha, 16);
		}
	}
}
