/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looks at pictures, in the parent.
 *
 *   picture size FILE.png                  "WIDTHxHEIGHT"
 *   picture colours FILE.png               how many different ones, and the share of the
 *                                          pixels that have the most frequent one, in %
 *   picture pattern SEED FILE.png          it is the picture of pattern.h, all of it
 *   picture compare A.png B.png            largest difference of a colour, and how many
 *                                          pixels differ; they are of one size
 *   picture raw WIDTH HEIGHT FILE FILE.png
 *                                          makes one out of RGBA bytes, lines from below
 *
 * Exit status 1: it is not what was said, 2: no picture, or called wrongly.
 */
#include <inttypes.h>
#include <png.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pattern.h"

struct picture {
	png_image image;
	uint8_t *pixels; /* RGB */
};

static _Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
static _Noreturn void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(2);
}

static struct picture read_png(const char *file)
{
	struct picture picture = { .image.version = PNG_IMAGE_VERSION };

	if (!png_image_begin_read_from_file(&picture.image, file))
		die("%s: %s", file, picture.image.message);
	picture.image.format = PNG_FORMAT_RGB;
	picture.pixels = malloc(PNG_IMAGE_SIZE(picture.image));
	if (!picture.pixels)
		die("no memory");
	if (!png_image_finish_read(&picture.image, NULL, picture.pixels, 0, NULL))
		die("%s: %s", file, picture.image.message);
	return picture;
}

static uint32_t colour_at(const struct picture *picture, uint32_t x, uint32_t y)
{
	const uint8_t *at = picture->pixels + 3 * ((size_t)y * picture->image.width + x);

	return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

static int show_size(const char *file)
{
	struct picture picture = read_png(file);

	printf("%ux%u\n", picture.image.width, picture.image.height);
	free(picture.pixels);
	return 0;
}

static int show_colours(const char *file)
{
	struct picture picture = read_png(file);
	uint32_t *counts = calloc(1 << 24, sizeof(*counts));
	uint32_t colours = 0, most = 0;
	uint64_t pixels = (uint64_t)picture.image.width * picture.image.height;

	if (!counts)
		die("no memory");
	for (uint32_t y = 0; y < picture.image.height; y++)
		for (uint32_t x = 0; x < picture.image.width; x++)
			counts[colour_at(&picture, x, y)]++;
	for (uint32_t i = 0; i < 1 << 24; i++) {
		colours += counts[i] != 0;
		most = counts[i] > counts[most] ? i : most;
	}
	printf("%u %" PRIu64 " %06x\n", colours, pixels ? UINT64_C(100) * counts[most] / pixels : 0,
	       most);
	free(counts);
	free(picture.pixels);
	return 0;
}

static int is_pattern(uint32_t seed, const char *file)
{
	struct picture picture = read_png(file);
	uint64_t wrong = 0;

	for (uint32_t y = 0; y < picture.image.height; y++) {
		for (uint32_t x = 0; x < picture.image.width; x++) {
			uint32_t is = colour_at(&picture, x, y), must = pattern_colour(x, y, seed);

			if (is != must && !wrong++)
				printf("%s: at %u, %u is %06x, not %06x\n", file, x, y, is, must);
		}
	}
	if (wrong)
		printf("%s: %" PRIu64 " pixels of %ux%u are wrong\n", file, wrong,
		       picture.image.width, picture.image.height);
	free(picture.pixels);
	return wrong != 0;
}

static int compare(const char *file, const char *other)
{
	struct picture a = read_png(file), b = read_png(other);
	size_t size = PNG_IMAGE_SIZE(a.image), pixels = 0;
	int largest = 0;

	if (a.image.width != b.image.width || a.image.height != b.image.height)
		die("%s is %ux%u, %s %ux%u", file, a.image.width, a.image.height, other,
		    b.image.width, b.image.height);
	for (size_t i = 0; i < size; i += 3) {
		pixels += memcmp(a.pixels + i, b.pixels + i, 3) != 0;
		for (size_t j = i; j < i + 3; j++)
			largest = abs(a.pixels[j] - b.pixels[j]) > largest ?
					  abs(a.pixels[j] - b.pixels[j]) :
					  largest;
	}
	printf("%d %zu\n", largest, pixels);
	free(a.pixels);
	free(b.pixels);
	return 0;
}

static int from_raw(uint32_t width, uint32_t height, const char *file, const char *to)
{
	png_image image = { .version = PNG_IMAGE_VERSION,
			    .width = width,
			    .height = height,
			    .format = PNG_FORMAT_RGBA };
	size_t size = (size_t)width * height * 4;
	uint8_t *pixels = malloc(size ? size : 1);
	FILE *in = fopen(file, "rb");

	if (!pixels || !in || fread(pixels, 1, size, in) != size)
		die("%s cannot be read", file);
	fclose(in);
	/* The alpha is no part of the comparison. */
	for (size_t i = 3; i < size; i += 4)
		pixels[i] = 255;
	if (!png_image_write_to_file(&image, to, 0, pixels, -(png_int_32)(width * 4), NULL))
		die("%s: %s", to, image.message);
	free(pixels);
	return 0;
}

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 0);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (argc == 3 && strcmp(what, "size") == 0)
		return show_size(argv[2]);
	if (argc == 3 && strcmp(what, "colours") == 0)
		return show_colours(argv[2]);
	if (argc == 4 && strcmp(what, "pattern") == 0)
		return is_pattern(number(argv[2]), argv[3]);
	if (argc == 4 && strcmp(what, "compare") == 0)
		return compare(argv[2], argv[3]);
	if (argc == 6 && strcmp(what, "raw") == 0)
		return from_raw(number(argv[2]), number(argv[3]), argv[4], argv[5]);
	die("called wrongly");
}
