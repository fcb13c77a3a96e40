/* SPDX-License-Identifier: GPL-2.0-only */
/* See png-file.h. The descriptor may be another's too: its flags are left alone, and no write
 * is longer than a pipe takes at once. */
#include "png-file.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct output {
	int fd, error;
	unsigned int seconds;
};

static bool wait_for_room(struct output *output)
{
	struct pollfd wait = { .fd = output->fd, .events = POLLOUT };
	int result = poll(&wait, 1, (int)output->seconds * 1000);

	if (result == 1)
		return true;
	output->error = result ? errno : ETIMEDOUT;
	return false;
}

static void on_write(png_structp png, png_bytep bytes, size_t size)
{
	struct output *output = png_get_io_ptr(png);

	while (size) {
		size_t n = size < PIPE_BUF ? size : PIPE_BUF;
		ssize_t written;

		if (!wait_for_room(output))
			png_error(png, "write");
		written = write(output->fd, bytes, n);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0) {
			output->error = written ? errno : EIO;
			png_error(png, "write");
		}
		bytes += written;
		size -= (size_t)written;
	}
}

static void on_flush(png_structp png)
{
	(void)png;
}

static void on_error(png_structp png, png_const_charp text)
{
	(void)text;
	png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
	(void)png, (void)text;
}

static void write_rows(png_structp png, const struct image *image, uint8_t *row)
{
	for (uint32_t y = 0; y < image->height; y++) {
		const uint32_t *pixels = image->pixels + (size_t)y * image->width;

		for (uint32_t x = 0; x < image->width; x++) {
			row[3 * (size_t)x] = (uint8_t)(pixels[x] >> 16);
			row[3 * (size_t)x + 1] = (uint8_t)(pixels[x] >> 8);
			row[3 * (size_t)x + 2] = (uint8_t)pixels[x];
		}
		png_write_row(png, row);
	}
}

/* Comes back by longjmp() where it fails. */
static void write_all(png_structp png, png_infop info, const struct image *image, uint8_t *row)
{
	/* Much of a screen is the same: more effort gives little. */
	png_set_compression_level(png, 1);
	png_set_IHDR(png, info, image->width, image->height, 8, PNG_COLOR_TYPE_RGB,
		     PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, info);
	write_rows(png, image, row);
	png_write_end(png, info);
}

bool png_save(const struct image *image, int fd, unsigned int seconds)
{
	struct output output = { .fd = fd, .seconds = seconds };
	png_structp png =
		png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	uint8_t *row = malloc((size_t)image->width * 3);
	volatile bool good = false;

	output.error = ENOMEM;
	if (info && row && !setjmp(png_jmpbuf(png))) {
		png_set_write_fn(png, &output, on_write, on_flush);
		write_all(png, info, image, row);
		good = true;
	}
	png_destroy_write_struct(&png, &info);
	free(row);
	errno = output.error;
	return good;
}
