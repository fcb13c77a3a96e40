/* SPDX-License-Identifier: GPL-2.0-only */
/* A picture in memory of ours. */
#ifndef VSP_GPU_IMAGE_H
#define VSP_GPU_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct image {
	uint32_t width, height;
	uint32_t *pixels; /* 0x00RRGGBB, line by line; to be freed */
};

/* How pixels lie in memory, as bytes or as a number of that many bits. */
enum image_format {
	IMAGE_NONE = 0,
	IMAGE_BGRX, /* bytes B, G, R, any */
	IMAGE_RGBX, /* bytes R, G, B, any */
	IMAGE_RGB565, /* 16 bits, R the highest */
};

/* Bytes of a pixel. */
uint32_t image_pixel_size(enum image_format format);

/* Memory for a picture of that size. False: there is none. */
bool image_new(struct image *image, uint32_t width, uint32_t height);
void image_free(struct image *image);

/*
 * Fills a whole picture with lines of the pieces, which a guest may change meanwhile: the
 * first begins at offset, each is stride bytes after the one before. False: the pieces have
 * less than that.
 */
bool image_fill(struct image *image, enum image_format format, const struct iovec *pieces,
		int count, uint64_t offset, uint32_t stride);

/* Draws size by size premultiplied ARGB pixels (0xAARRGGBB) at x, y, as far as they lie
 * inside. */
void image_blend(struct image *image, const uint32_t *pixels, uint32_t size, int32_t x, int32_t y);

/* Copies size bytes at offset of the pieces. False: they have less. */
bool pieces_read(const struct iovec *pieces, int count, uint64_t offset, void *to, size_t size);

#endif
