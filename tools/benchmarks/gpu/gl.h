/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the scenes share of OpenGL ES 3: programs, textures, frame buffers, matrices.
 * What fails says why on stderr and returns 0.
 */
#ifndef MULLION_BENCH_GL_H
#define MULLION_BENCH_GL_H

#include <GLES3/gl3.h>
#include <stdbool.h>

struct matrix {
	float m[16]; /* column by column */
};

/* A program of these two shaders, without their first line (the version). */
GLuint gl_program(const char *vertex, const char *fragment);

/* A corner-to-corner triangle strip of no attributes is drawn with this vertex shader:
 * `at` goes from 0,0 to 1,1. */
extern const char gl_rectangle_shader[];
void gl_rectangle(void);

/* RGBA8; pixels may be NULL. filter: of both ways, or GL_LINEAR_MIPMAP_LINEAR, then the
 * smaller levels are made. */
GLuint gl_texture(unsigned width, unsigned height, const void *pixels, GLint filter);

/* Draws to the texture; with_depth: and to a depth buffer of its own. */
GLuint gl_buffer(GLuint texture, unsigned width, unsigned height, bool with_depth);

struct matrix matrix_multiply(struct matrix left, struct matrix right);
struct matrix matrix_rotate(float angle, unsigned axis);
struct matrix matrix_move(float x, float y, float z);
struct matrix matrix_perspective(float aspect, float distance, float near, float far);

#endif
