/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * upload: a texture that is new in each frame, in strips, and drawn. readback: a canvas
 * that is filled and read back whole in each frame.
 */
#include <stdlib.h>

#include "gl.h"
#include "scene.h"

#define SIZE 512u /* of the texture */
#define STRIPS 4u

/* A frame uploads what begins at its own row, so that nothing has to be made for it. */
#define ROWS_MORE 256u

static uint32_t pixels[SIZE * (SIZE + ROWS_MORE)];
static void *read_pixels;
static GLint colour_of;

static const char upload_shader[] =
	"uniform sampler2D picture;\n"
	"in vec2 at;\n"
	"out vec4 result;\n"
	"void main() { result = texelFetch(picture, ivec2(gl_FragCoord.xy) & 511, 0); }\n";

static const char fill_shader[] = "uniform vec4 colour;\n"
				  "in vec2 at;\n"
				  "out vec4 result;\n"
				  "void main() { result = colour; }\n";

/* A program that fills the canvas. */
static GLuint filling(const char *fragment)
{
	GLuint program = gl_program(gl_rectangle_shader, fragment);

	if (program) {
		glUseProgram(program);
		glUniform4f(glGetUniformLocation(program, "place"), 0, 0, 1, 1);
	}
	return program;
}

/* Red is in the low byte. */
static uint32_t texel(unsigned x, unsigned y)
{
	return (x + 5 * y) % 256 | y % 256 << 8 | (x / 2 ^ y / 3) << 16 | 0xff000000u;
}

static bool setup_upload(const struct canvas *canvas)
{
	(void)canvas;
	for (unsigned y = 0; y < SIZE + ROWS_MORE; y++) {
		for (unsigned x = 0; x < SIZE; x++)
			pixels[y * SIZE + x] = texel(x, y);
	}
	return filling(upload_shader) && gl_texture(SIZE, SIZE, NULL, GL_NEAREST);
}

static void draw_upload(const struct canvas *canvas, unsigned frame)
{
	const uint32_t *begin = pixels + frame % ROWS_MORE * (size_t)SIZE;

	(void)canvas;
	for (unsigned n = 0; n < STRIPS; n++) {
		unsigned first = n * (SIZE / STRIPS);

		glTexSubImage2D(GL_TEXTURE_2D, 0, 0, (GLint)first, SIZE, SIZE / STRIPS, GL_RGBA,
				GL_UNSIGNED_BYTE, begin + first * (size_t)SIZE);
	}
	gl_rectangle();
}

static uint32_t rgb(uint32_t texture_colour)
{
	return (texture_colour & 255) << 16 | (texture_colour & 0xff00) |
	       (texture_colour >> 16 & 255);
}

static uint32_t expect_upload(const struct canvas *canvas, unsigned frame, unsigned x, unsigned y)
{
	(void)canvas;
	return rgb(texel(x % SIZE, y % SIZE + frame % ROWS_MORE));
}

static bool setup_readback(const struct canvas *canvas)
{
	GLuint program = filling(fill_shader);

	colour_of = glGetUniformLocation(program, "colour");
	read_pixels = malloc((size_t)canvas->width * canvas->height * 4);
	return program && read_pixels;
}

static uint32_t fill(unsigned frame)
{
	return (frame * 5 + 32) % 256 << 16 | 0x8000 | (255 - frame * 3 % 256);
}

static void draw_readback(const struct canvas *canvas, unsigned frame)
{
	uint32_t colour = fill(frame);

	glUniform4f(colour_of, (float)(colour >> 16) / 255, (float)(colour >> 8 & 255) / 255,
		    (float)(colour & 255) / 255, 1);
	gl_rectangle();
	glReadPixels(0, 0, (GLsizei)canvas->width, (GLsizei)canvas->height, GL_RGBA,
		     GL_UNSIGNED_BYTE, read_pixels);
}

static uint32_t expect_readback(const struct canvas *canvas, unsigned frame, unsigned x, unsigned y)
{
	(void)canvas, (void)x, (void)y;
	return fill(frame);
}

const struct scene scene_upload = { .name = "upload",
				    .frames = 20,
				    .operations = STRIPS,
				    .bytes = SIZE * SIZE * 4,
				    .setup = setup_upload,
				    .draw = draw_upload,
				    .expect = expect_upload };
const struct scene scene_readback = { .name = "readback",
				      .frames = 20,
				      .operations = 1,
				      .bytes_of_pixel = 4,
				      .waits = true,
				      .setup = setup_readback,
				      .draw = draw_readback,
				      .expect = expect_readback };
