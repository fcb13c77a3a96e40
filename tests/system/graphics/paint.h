/* SPDX-License-Identifier: GPL-2.0-only */
/* Parts of paint.c's program: what is drawn, and where. A failure ends the program. */
#ifndef PAINT_H
#define PAINT_H

#include <stdbool.h>
#include <stdint.h>

/* ---- paint.c ---- */

/* One line on stderr, and the program's end with status 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- paint-gl.c: drawing with the context that is current ---- */

#define SCENE_SIZE 256u /* pixels, both ways */

/* Framebuffer and texture of that size, bound. */
void gl_target(uint32_t width, uint32_t height);

void gl_pattern(uint32_t width, uint32_t height, uint32_t seed);

/* Reads it back. False: it is not what pattern.h says; the first difference is told. */
bool gl_pattern_is_right(uint32_t width, uint32_t height, uint32_t seed);

/* Something of everything: gradients, textures with their smaller ones, depth, blending. */
void gl_scene(void);

/* Each pixel by a shader that goes rounds times around. */
void gl_heavy(uint32_t size, uint32_t rounds);

/* Textures with something in them. */
void gl_flood(uint32_t size, uint32_t count);

/* RGBA, lines from below; width * height * 4 bytes. */
void gl_read(uint32_t width, uint32_t height, uint8_t *pixels);

/* ---- paint-screen.c ---- */

struct gbm_device;

/* The primary node, or else the render node, of a driver. */
int drm_node(const char *driver, bool primary);

/* Frames of the pattern on the first screen; the last one's number is seed. It stays for
 * hold seconds. */
void paint_screen(int node, struct gbm_device *gbm, void *display, void *config, void *context,
		  uint32_t frames, uint32_t seed, unsigned int hold);

#endif
