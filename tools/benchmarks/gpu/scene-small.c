/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * small: many small submissions. The canvas is tiled; each tile is drawn by a call of its
 * own that glFlush() sends off. fence: one such tile, waited for. nothing: what is counted
 * over it is taken off the others.
 */
#include "gl.h"
#include "scene.h"

#define TILES 16u /* both ways */

static GLint place_of, colour_of;

static const char fragment_shader[] = "uniform vec4 colour;\n"
				      "out vec4 result;\n"
				      "void main() { result = colour; }\n";

static bool setup(const struct canvas *canvas)
{
	GLuint program = gl_program(gl_rectangle_shader, fragment_shader);

	(void)canvas;
	if (!program)
		return false;
	glUseProgram(program);
	place_of = glGetUniformLocation(program, "place");
	colour_of = glGetUniformLocation(program, "colour");
	return true;
}

static uint32_t colour(unsigned frame, unsigned column, unsigned row)
{
	return (column * 16 + frame) % 256 << 16 | row * 16 << 8 | (frame * 8 + 64) % 256;
}

static void tile(unsigned frame, unsigned column, unsigned row)
{
	uint32_t rgb = colour(frame, column, row);

	glUniform4f(place_of, (float)column / TILES, (float)row / TILES, 1.0f / TILES,
		    1.0f / TILES);
	glUniform4f(colour_of, (float)(rgb >> 16) / 255, (float)(rgb >> 8 & 255) / 255,
		    (float)(rgb & 255) / 255, 1);
	gl_rectangle();
	glFlush();
}

static void draw(const struct canvas *canvas, unsigned frame)
{
	(void)canvas;
	for (unsigned row = 0; row < TILES; row++) {
		for (unsigned column = 0; column < TILES; column++)
			tile(frame, column, row);
	}
}

static uint32_t expect(const struct canvas *canvas, unsigned frame, unsigned x, unsigned y)
{
	return colour(frame, x * TILES / canvas->width, y * TILES / canvas->height);
}

static uint32_t expect_one(const struct canvas *canvas, unsigned frame, unsigned x, unsigned y)
{
	unsigned column = x * TILES / canvas->width, row = y * TILES / canvas->height;

	return column == frame % TILES && !row ? colour(frame, column, row) : 0;
}

static void draw_one(const struct canvas *canvas, unsigned frame)
{
	GLsync fence;

	(void)canvas;
	tile(frame, frame % TILES, 0);
	fence = glFenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0);
	glClientWaitSync(fence, GL_SYNC_FLUSH_COMMANDS_BIT, GL_TIMEOUT_IGNORED);
	glDeleteSync(fence);
}

const struct scene scene_small = { .name = "small",
				   .frames = 8,
				   .operations = TILES * TILES,
				   .setup = setup,
				   .draw = draw,
				   .expect = expect };
const struct scene scene_fence = { .name = "fence",
				   .frames = 100,
				   .operations = 1,
				   .waits = true,
				   .setup = setup,
				   .draw = draw_one,
				   .expect = expect_one };

static void draw_nothing(const struct canvas *canvas, unsigned frame)
{
	(void)canvas, (void)frame;
}

static uint32_t expect_nothing(const struct canvas *canvas, unsigned frame, unsigned x, unsigned y)
{
	(void)canvas, (void)frame, (void)x, (void)y;
	return 0;
}

const struct scene scene_nothing = { .name = "nothing",
				     .frames = 1,
				     .waits = true,
				     .setup = setup,
				     .draw = draw_nothing,
				     .expect = expect_nothing };
