/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The program that tools/bench gpu runs wherever it measures.
 *
 *   bench-scenes [--size WIDTHxHEIGHT] [--frames N | --amount N] [--picture FILE] [--step] SCENE
 *   bench-scenes --list
 *
 * It draws frames of the scene (scene.h) as fast as they come, at most two under way at
 * a time, as with a screen of two buffers; then once more the frame that pictures are
 * taken of, and prints a line of JSON:
 *
 *   scene, width, height, frames, operations (of a frame), bytes (that the program gives
 *   or takes in a frame, besides commands), renderer, version
 *   seconds      for all frames
 *   median_ns, p99_ns, max_ns    from the end of a frame to that of the next
 *   submit_ns    the median of what a frame's calls took until they returned
 *   hash         of the picture's pixels (FNV-1a)
 *   grid         the picture's mean colours, in 8 columns and 6 rows, as hexadecimal
 *                digits, from below left
 *   expected     whether each pixel is what the scene says beforehand; null: it does not
 *
 * --amount: so many times the usual number of frames. --picture writes the picture as PPM. --step: when the scene is warm it prints "ready" and reads a
 * line, and after the frames it prints "drawn" and reads another, so that others can count
 * around them.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "context.h"
#include "gl.h"
#include "scene.h"
#include "screen.h"

#define WARM_FRAMES 5u
#define PICTURE_FRAME 7u
#define GRID_COLUMNS 8u
#define GRID_ROWS 6u

static const struct scene *const scenes[] = { &scene_build,    &scene_texture, &scene_desktop,
					      &scene_screen,   &scene_small,   &scene_upload,
					      &scene_readback, &scene_fence,   &scene_nothing };
#define SCENES (sizeof(scenes) / sizeof(scenes[0]))

struct options {
	struct canvas canvas;
	const struct scene *scene;
	unsigned frames, amount;
	const char *picture;
	bool step;
};

/* ---- frames ---- */

static uint64_t now_ns(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

/* Ends a frame; waits until the one before is drawn. */
static void end_frame(GLsync *before)
{
	GLsync now = glFenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0);

	glFlush();
	if (*before) {
		glClientWaitSync(*before, GL_SYNC_FLUSH_COMMANDS_BIT, GL_TIMEOUT_IGNORED);
		glDeleteSync(*before);
	}
	*before = now;
}

static bool end_frames(const struct scene *scene, GLsync last)
{
	if (scene->on_screen)
		return screen_wait();
	if (last) {
		glClientWaitSync(last, GL_SYNC_FLUSH_COMMANDS_BIT, GL_TIMEOUT_IGNORED);
		glDeleteSync(last);
	}
	return true;
}

/* times: of each frame its length, and what its calls took. 0: it could not. */
static uint64_t draw_frames(const struct options *options, unsigned frames, uint64_t *lengths,
			    uint64_t *calls)
{
	uint64_t begin = now_ns(), last = begin;
	GLsync before = NULL;

	for (unsigned n = 0; n < frames; n++) {
		uint64_t started = now_ns(), now;

		options->scene->draw(&options->canvas, n);
		calls[n] = now_ns() - started;
		if (options->scene->on_screen && !screen_show())
			return 0;
		if (!options->scene->on_screen && !options->scene->waits)
			end_frame(&before);
		now = now_ns();
		lengths[n] = now - last;
		last = now;
	}
	return end_frames(options->scene, before) ? now_ns() - begin : 0;
}

static int ascending(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* ---- the picture ---- */

struct picture {
	uint8_t *pixels; /* RGBA, from below left */
	size_t size;
};

static bool take_picture(const struct options *options, struct picture *picture)
{
	const struct canvas *canvas = &options->canvas;

	picture->size = (size_t)canvas->width * canvas->height * 4;
	picture->pixels = calloc(1, picture->size);
	if (!picture->pixels)
		return false;
	glClear(GL_COLOR_BUFFER_BIT);
	options->scene->draw(canvas, PICTURE_FRAME);
	glReadPixels(0, 0, (GLsizei)canvas->width, (GLsizei)canvas->height, GL_RGBA,
		     GL_UNSIGNED_BYTE, picture->pixels);
	return true;
}

/* Without alpha, which no scene is about. */
static uint64_t hash_of(const struct picture *picture)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t n = 0; n < picture->size; n++) {
		if (n % 4 != 3)
			hash = (hash ^ picture->pixels[n]) * 0x100000001b3;
	}
	return hash;
}

static unsigned mean(const struct options *options, const struct picture *picture, unsigned cell,
		     unsigned colour)
{
	unsigned width = options->canvas.width, height = options->canvas.height;
	unsigned column = cell % GRID_COLUMNS, row = cell / GRID_COLUMNS;
	unsigned left = column * width / GRID_COLUMNS, right = (column + 1) * width / GRID_COLUMNS;
	unsigned low = row * height / GRID_ROWS, high = (row + 1) * height / GRID_ROWS;
	uint64_t sum = 0, pixels = 0;

	for (unsigned y = low; y < high; y++) {
		for (unsigned x = left; x < right; x++, pixels++)
			sum += picture->pixels[((size_t)y * width + x) * 4 + colour];
	}
	return pixels ? (unsigned)(sum / pixels) : 0;
}

static bool as_expected(const struct options *options, const struct picture *picture)
{
	const struct canvas *canvas = &options->canvas;
	const uint8_t *pixel = picture->pixels;

	for (unsigned y = 0; y < canvas->height; y++) {
		for (unsigned x = 0; x < canvas->width; x++, pixel += 4) {
			uint32_t colour = (uint32_t)pixel[0] << 16 | (uint32_t)pixel[1] << 8 |
					  pixel[2];

			if (colour != options->scene->expect(canvas, PICTURE_FRAME, x, y))
				return false;
		}
	}
	return true;
}

static bool write_picture(const struct options *options, const struct picture *picture)
{
	unsigned width = options->canvas.width, height = options->canvas.height;
	FILE *file = fopen(options->picture, "w");

	if (!file) {
		perror(options->picture);
		return false;
	}
	fprintf(file, "P6\n%u %u\n255\n", width, height);
	for (unsigned y = height; y-- > 0;) {
		for (unsigned x = 0; x < width; x++)
			fwrite(picture->pixels + ((size_t)y * width + x) * 4, 3, 1, file);
	}
	return !fclose(file);
}

/* ---- what it says ---- */

static void print_picture(const struct options *options, const struct picture *picture)
{
	printf(", \"hash\": \"%016" PRIx64 "\", \"grid\": \"", hash_of(picture));
	for (unsigned cell = 0; cell < GRID_COLUMNS * GRID_ROWS; cell++) {
		for (unsigned colour = 0; colour < 3; colour++)
			printf("%02x", mean(options, picture, cell, colour));
	}
	printf("\", \"expected\": %s", !options->scene->expect	     ? "null" :
				       as_expected(options, picture) ? "true" :
								       "false");
}

static void print_times(unsigned frames, uint64_t total, uint64_t *lengths, uint64_t *calls)
{
	qsort(lengths, frames, sizeof(*lengths), ascending);
	qsort(calls, frames, sizeof(*calls), ascending);
	printf(", \"seconds\": %.6f, \"median_ns\": %" PRIu64 ", \"p99_ns\": %" PRIu64
	       ", \"max_ns\": %" PRIu64 ", \"submit_ns\": %" PRIu64,
	       (double)total / 1e9, lengths[frames / 2], lengths[(frames - 1) * 99 / 100],
	       lengths[frames - 1], calls[frames / 2]);
}

static void print_scene(const struct options *options)
{
	const struct scene *scene = options->scene;
	const struct canvas *canvas = &options->canvas;

	printf("{\"scene\": \"%s\", \"width\": %u, \"height\": %u, \"frames\": %u, \"operations\": %u, \"bytes\": %u",
	       scene->name, canvas->width, canvas->height, options->frames, scene->operations,
	       scene->bytes + canvas->width * canvas->height * scene->bytes_of_pixel);
	printf(", \"renderer\": \"%s\", \"version\": \"%s\"",
	       (const char *)glGetString(GL_RENDERER), (const char *)glGetString(GL_VERSION));
}

/* Prints a word, if any, and reads a line. */
static void step(const struct options *options, const char *word)
{
	char line[16];

	if (!options->step)
		return;
	if (word)
		puts(word);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(EXIT_FAILURE);
}

static bool run(const struct options *options, uint64_t *lengths, uint64_t *calls)
{
	struct picture picture = { 0 };
	uint64_t total;
	GLenum error;

	glBindFramebuffer(GL_FRAMEBUFFER, options->canvas.buffer);
	if (!options->scene->setup(&options->canvas))
		return false;
	if (!draw_frames(options, WARM_FRAMES < options->frames ? WARM_FRAMES : options->frames,
			 lengths, calls))
		return false;
	step(options, "ready");
	total = draw_frames(options, options->frames, lengths, calls);
	step(options, "drawn");
	if (!total || !take_picture(options, &picture))
		return false;
	error = glGetError();
	if (error)
		fprintf(stderr, "%s: GL error 0x%x\n", options->scene->name, error);
	print_scene(options);
	print_times(options->frames, total, lengths, calls);
	print_picture(options, &picture);
	puts("}");
	if (options->picture && !write_picture(options, &picture))
		error = GL_INVALID_OPERATION;
	free(picture.pixels);
	return !error;
}

/* ---- called ---- */

static void usage(void)
{
	fputs("Usage: bench-scenes [--size WIDTHxHEIGHT] [--frames N | --amount N]\n"
	      "                    [--picture FILE] [--step] SCENE\n"
	      "       bench-scenes --list\n",
	      stderr);
	exit(2);
}

static unsigned number(const char *text, const char **end, unsigned max)
{
	char *after;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &after, 10);
	if (errno || after == text || *text == '-' || !value || value > max)
		usage();
	*end = after;
	return (unsigned)value;
}

static void parse_size(const char *text, struct canvas *canvas)
{
	canvas->width = number(text, &text, 4096);
	if (*text++ != 'x')
		usage();
	canvas->height = number(text, &text, 4096);
	/* Tiles of scenes have whole pixels. */
	if (*text || canvas->width % 16 || canvas->height % 16)
		usage();
}

static void list(void)
{
	for (size_t n = 0; n < SCENES; n++)
		puts(scenes[n]->name);
	exit(EXIT_SUCCESS);
}

static const struct scene *scene_named(const char *name)
{
	for (size_t n = 0; n < SCENES; n++) {
		if (!strcmp(scenes[n]->name, name))
			return scenes[n];
	}
	usage();
	return NULL;
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = { { "size", required_argument, NULL, 's' },
					       { "frames", required_argument, NULL, 'f' },
					       { "amount", required_argument, NULL, 'a' },
					       { "picture", required_argument, NULL, 'p' },
					       { "step", no_argument, NULL, 't' },
					       { "list", no_argument, NULL, 'l' },
					       { 0 } };
	const char *end = "";
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 's':
			parse_size(optarg, &options->canvas);
			break;
		case 'f':
			options->frames = number(optarg, &end, 1000000);
			break;
		case 'a':
			options->amount = number(optarg, &end, 1000);
			break;
		case 'p':
			options->picture = optarg;
			break;
		case 't':
			options->step = true;
			break;
		case 'l':
			list();
			break;
		default:
			usage();
		}
	}
	if (*end || optind + 1 != argc)
		usage();
	options->scene = scene_named(argv[optind]);
	if (!options->frames)
		options->frames = options->scene->frames * options->amount;
}

int main(int argc, char **argv)
{
	struct options options = { .canvas = { .width = 640, .height = 480 }, .amount = 1 };
	uint64_t *lengths, *calls;
	bool done;

	parse(argc, argv, &options);
	lengths = calloc(options.frames, sizeof(*lengths));
	calls = calloc(options.frames, sizeof(*calls));
	done = lengths && calls &&
	       (options.scene->on_screen ? screen_open(&options.canvas) :
					   context_open(&options.canvas)) &&
	       run(&options, lengths, calls);
	free(lengths);
	free(calls);
	return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
