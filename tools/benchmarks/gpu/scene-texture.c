/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * texture: a cube that fills the canvas, turning, its faces filtered between levels of a
 * texture. Few triangles and few calls: filling is what it costs.
 */
#include "gl.h"
#include "scene.h"

#define SIZE 256u /* of the texture */

static GLint transform_of;

/* No attributes: corners come from their number. */
static const char vertex_shader[] =
	"uniform mat4 transform;\n"
	"out vec2 at;\n"
	"flat out float light;\n"
	"void main() {\n"
	"	int face = gl_VertexID / 6, axis = face % 3;\n"
	"	int corner = int[6](0, 1, 2, 2, 1, 3)[gl_VertexID % 6];\n"
	"	float side = face < 3 ? 1.0 : -1.0;\n"
	"	at = vec2(corner & 1, corner >> 1);\n"
	"	vec3 place;\n"
	"	place[axis] = side;\n"
	"	place[(axis + 1) % 3] = (at.x * 2.0 - 1.0) * side;\n"
	"	place[(axis + 2) % 3] = at.y * 2.0 - 1.0;\n"
	"	light = 0.5 + float(face) * 0.1;\n"
	"	gl_Position = transform * vec4(place, 1.0);\n"
	"}\n";

static const char fragment_shader[] =
	"uniform sampler2D picture;\n"
	"in vec2 at;\n"
	"flat in float light;\n"
	"out vec4 result;\n"
	"void main() { result = vec4(texture(picture, at * 0.9 + 0.05).rgb * light, 1.0); }\n";

static uint32_t pixels[SIZE * SIZE];

static void make_picture(void)
{
	for (unsigned y = 0; y < SIZE; y++) {
		for (unsigned x = 0; x < SIZE; x++) {
			uint32_t square = (x / 32 + y / 32) % 2 ? 0x60u : 0, noise = (x * y) % 64;

			pixels[y * SIZE + x] = (0x60 + square + noise) | (x / 2 + square) << 8 |
					       (y / 2 + square) << 16 | 0xff000000u;
		}
	}
}

static bool setup(const struct canvas *canvas)
{
	GLuint program = gl_program(vertex_shader, fragment_shader);

	(void)canvas;
	if (!program)
		return false;
	make_picture();
	glUseProgram(program);
	transform_of = glGetUniformLocation(program, "transform");
	gl_texture(SIZE, SIZE, pixels, GL_LINEAR_MIPMAP_LINEAR);
	glEnable(GL_DEPTH_TEST);
	glEnable(GL_CULL_FACE);
	glClearColor(0, 0.2f, 0.1f, 1);
	return true;
}

static void draw(const struct canvas *canvas, unsigned frame)
{
	float aspect = (float)canvas->width / (float)canvas->height, angle = 0.03f * (float)frame;
	struct matrix all =
		matrix_multiply(matrix_rotate(angle, 0), matrix_rotate(angle * 1.3f, 1));

	all = matrix_multiply(matrix_move(0, 0, -3.2f), all);
	all = matrix_multiply(matrix_perspective(aspect, 1.8f, 1, 10), all);
	glClear(GL_COLOR_BUFFER_BIT | GL_DEPTH_BUFFER_BIT);
	glUniformMatrix4fv(transform_of, 1, GL_FALSE, all.m);
	glDrawArrays(GL_TRIANGLES, 0, 36);
}

const struct scene scene_texture = {
	.name = "texture", .frames = 40, .setup = setup, .draw = draw, .operations = 1
};
