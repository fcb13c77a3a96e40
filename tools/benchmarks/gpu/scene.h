/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scene of tools/bench gpu: what it draws depends on the number of the frame alone, so
 * it is the same everywhere. All of them draw with OpenGL ES 3 into the canvas's buffer.
 */
#ifndef MULLION_BENCH_SCENE_H
#define MULLION_BENCH_SCENE_H

#include <stdbool.h>
#include <stdint.h>

struct canvas {
	unsigned width, height; /* pixels, multiples of 16 */
	unsigned buffer; /* frame buffer object to draw to; scenes that bind another
			  * bind it again */
};

struct scene {
	const char *name;
	unsigned frames; /* that are timed, unless told otherwise */
	/* Of one frame, of what the scene is about: submissions, uploads, read-backs. */
	unsigned operations;
	/* Of one frame, besides commands, that the program hands over or takes back. */
	unsigned bytes, bytes_of_pixel; /* of each pixel of the canvas */
	bool on_screen; /* it is shown, see screen.h */
	bool waits; /* when draw() returns, all is drawn */
	/* Once, with a current context. Complains and returns false if it cannot. */
	bool (*setup)(const struct canvas *canvas);
	void (*draw)(const struct canvas *canvas, unsigned frame);
	/* The colour of a pixel from below left as 0xRRGGBB, where it is known without
	 * drawing. */
	uint32_t (*expect)(const struct canvas *canvas, unsigned frame, unsigned x, unsigned y);
};

extern const struct scene scene_build, scene_texture, scene_desktop, scene_screen, scene_small,
	scene_upload, scene_readback, scene_fence, scene_nothing;

#endif
