/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * build: one mesh of many triangles, out of a vertex buffer, lit at each vertex, turning.
 * It is drawn by one call, so what it costs is the renderer's. A knotted tube, since it
 * needs no file.
 */
#include <math.h>
#include <stddef.h>

#include "gl.h"
#include "scene.h"

#define ALONG 256u /* rings of the tube */
#define AROUND 24u /* corners of a ring */
#define FULL 6.2831853f /* a turn */

struct corner {
	float place[3], normal[3];
};

static GLint transform_of;

static const char vertex_shader[] =
	"layout(location = 0) in vec3 place;\n"
	"layout(location = 1) in vec3 normal;\n"
	"uniform mat4 transform[2];\n"
	"out vec4 colour;\n"
	"void main() {\n"
	"	vec3 towards = normalize(mat3(transform[1]) * normal);\n"
	"	float light = max(dot(towards, normalize(vec3(0.6, 0.6, 1.0))), 0.0);\n"
	"	colour = vec4(vec3(0.2, 0.1, 0.1) + light * vec3(0.7, 0.6, 0.4), 1.0);\n"
	"	gl_Position = transform[0] * vec4(place, 1.0);\n"
	"}\n";

static const char fragment_shader[] = "in vec4 colour;\n"
				      "out vec4 result;\n"
				      "void main() { result = colour; }\n";

/* The line in the middle of the tube. */
static void middle(float at, float place[3])
{
	float angle = at * FULL * 2, out = 1 + 0.45f * cosf(at * FULL * 3);

	place[0] = out * cosf(angle);
	place[1] = out * sinf(angle);
	place[2] = 0.5f * sinf(at * FULL * 3);
}

static void normalise(float v[3])
{
	float length = sqrtf(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);

	for (unsigned i = 0; i < 3; i++)
		v[i] /= length;
}

static void cross(const float a[3], const float b[3], float result[3])
{
	for (unsigned i = 0; i < 3; i++)
		result[i] = a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3];
	normalise(result);
}

static void make_ring(unsigned ring, struct corner *corners)
{
	float here[3], ahead[3], side[3], up[3];
	float outwards[3];

	middle((float)ring / ALONG, here);
	middle(((float)ring + 0.5f) / ALONG, ahead);
	for (unsigned i = 0; i < 3; i++) {
		outwards[i] = here[i] + ahead[i];
		ahead[i] -= here[i];
	}
	cross(ahead, outwards, side);
	cross(side, ahead, up);
	for (unsigned n = 0; n < AROUND; n++) {
		float angle = FULL * (float)n / AROUND;

		for (unsigned i = 0; i < 3; i++) {
			corners[n].normal[i] = cosf(angle) * up[i] + sinf(angle) * side[i];
			corners[n].place[i] = here[i] + 0.22f * corners[n].normal[i];
		}
	}
}

static struct corner corners[ALONG * AROUND];
static uint16_t indices[ALONG * AROUND * 6];

static void make_mesh(void)
{
	uint16_t *index = indices;

	for (unsigned ring = 0; ring < ALONG; ring++) {
		make_ring(ring, corners + (size_t)ring * AROUND);
		for (unsigned n = 0; n < AROUND; n++) {
			unsigned next_ring = (ring + 1) % ALONG, next = (n + 1) % AROUND;
			unsigned a = ring * AROUND + n, b = ring * AROUND + next;
			unsigned c = next_ring * AROUND + n, d = next_ring * AROUND + next;
			const unsigned two[6] = { a, b, c, c, b, d };

			for (unsigned i = 0; i < 6; i++)
				*index++ = (uint16_t)two[i];
		}
	}
}

static bool setup(const struct canvas *canvas)
{
	GLuint program = gl_program(vertex_shader, fragment_shader), buffers[2];

	(void)canvas;
	if (!program)
		return false;
	make_mesh();
	glUseProgram(program);
	transform_of = glGetUniformLocation(program, "transform");
	glGenBuffers(2, buffers);
	glBindBuffer(GL_ARRAY_BUFFER, buffers[0]);
	glBufferData(GL_ARRAY_BUFFER, sizeof(corners), corners, GL_STATIC_DRAW);
	glBindBuffer(GL_ELEMENT_ARRAY_BUFFER, buffers[1]);
	glBufferData(GL_ELEMENT_ARRAY_BUFFER, sizeof(indices), indices, GL_STATIC_DRAW);
	for (unsigned n = 0; n < 2; n++) {
		glEnableVertexAttribArray(n);
		glVertexAttribPointer(n, 3, GL_FLOAT, GL_FALSE, sizeof(struct corner),
				      (const void *)(n * sizeof(corners->place)));
	}
	glEnable(GL_DEPTH_TEST);
	glEnable(GL_CULL_FACE);
	glClearColor(0.1f, 0.1f, 0.2f, 1);
	return true;
}

static void draw(const struct canvas *canvas, unsigned frame)
{
	float aspect = (float)canvas->width / (float)canvas->height, angle = 0.05f * (float)frame;
	struct matrix both[2];

	both[1] = matrix_multiply(matrix_rotate(angle, 1), matrix_rotate(0.7f * angle, 0));
	both[0] = matrix_multiply(matrix_move(0, 0, -4), both[1]);
	both[0] = matrix_multiply(matrix_perspective(aspect, 1.8f, 1, 10), both[0]);
	glClear(GL_COLOR_BUFFER_BIT | GL_DEPTH_BUFFER_BIT);
	glUniformMatrix4fv(transform_of, 2, GL_FALSE, both[0].m);
	glDrawElements(GL_TRIANGLES, ALONG * AROUND * 6, GL_UNSIGNED_SHORT, NULL);
}

const struct scene scene_build = {
	.name = "build", .frames = 40, .setup = setup, .draw = draw, .operations = 1
};
