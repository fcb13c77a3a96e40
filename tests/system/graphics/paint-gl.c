/* SPDX-License-Identifier: GPL-2.0-only */
/* What paint draws: see paint.h. */
#include <GLES3/gl3.h>
#include <stdio.h>
#include <stdlib.h>

#include "paint.h"
#include "pattern.h"

static GLuint shader(GLenum type, const char *source)
{
	GLuint made = glCreateShader(type);
	char log[500] = "";
	GLint good;

	glShaderSource(made, 1, &source, NULL);
	glCompileShader(made);
	glGetShaderiv(made, GL_COMPILE_STATUS, &good);
	if (!good) {
		glGetShaderInfoLog(made, sizeof(log), NULL, log);
		die("a shader is not taken: %s", log);
	}
	return made;
}

static GLuint program(const char *vertex, const char *fragment)
{
	GLuint made = glCreateProgram();
	char log[500] = "";
	GLint good;

	glAttachShader(made, shader(GL_VERTEX_SHADER, vertex));
	glAttachShader(made, shader(GL_FRAGMENT_SHADER, fragment));
	glLinkProgram(made);
	glGetProgramiv(made, GL_LINK_STATUS, &good);
	if (!good) {
		glGetProgramInfoLog(made, sizeof(log), NULL, log);
		die("shaders do not fit: %s", log);
	}
	return made;
}

void gl_target(uint32_t width, uint32_t height)
{
	GLuint names[3];

	glGenFramebuffers(1, &names[0]);
	glBindFramebuffer(GL_FRAMEBUFFER, names[0]);
	glGenRenderbuffers(2, &names[1]);
	glBindRenderbuffer(GL_RENDERBUFFER, names[1]);
	glRenderbufferStorage(GL_RENDERBUFFER, GL_RGBA8, (GLsizei)width, (GLsizei)height);
	glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_RENDERBUFFER, names[1]);
	glBindRenderbuffer(GL_RENDERBUFFER, names[2]);
	glRenderbufferStorage(GL_RENDERBUFFER, GL_DEPTH_COMPONENT24, (GLsizei)width,
			      (GLsizei)height);
	glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_DEPTH_ATTACHMENT, GL_RENDERBUFFER, names[2]);
	if (glCheckFramebufferStatus(GL_FRAMEBUFFER) != GL_FRAMEBUFFER_COMPLETE)
		die("no target");
}

/* A triangle around all of it, out of no buffer. */
static const char everywhere[] = "#version 300 es\n"
				 "void main() {\n"
				 "	gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0,\n"
				 "			   gl_VertexID == 2 ? 3.0 : -1.0, 0, 1);\n"
				 "}\n";

void gl_pattern(uint32_t width, uint32_t height, uint32_t seed)
{
	static GLuint made;

	if (!made)
		made = program(everywhere, PATTERN_GLSL);
	glViewport(0, 0, (GLsizei)width, (GLsizei)height);
	glUseProgram(made);
	glUniform1ui(glGetUniformLocation(made, "height"), height);
	glUniform1ui(glGetUniformLocation(made, "seed"), seed);
	glDrawArrays(GL_TRIANGLES, 0, 3);
}

/* What comes out depends on each round, so that no compiler leaves one away. */
static const char heavy_fragment[] = "#version 300 es\n"
				     "precision highp float;\n"
				     "precision highp int;\n"
				     "uniform uint rounds;\n"
				     "out vec4 colour;\n"
				     "void main() {\n"
				     "	uint hash = uint(gl_FragCoord.x * gl_FragCoord.y);\n"
				     "	for (uint i = 0u; i < rounds; i++)\n"
				     "		hash = hash * 1664525u + (hash >> 16) + i;\n"
				     "	colour = vec4(float(hash & 255u) / 255.0);\n"
				     "}\n";

void gl_heavy(uint32_t size, uint32_t rounds)
{
	static GLuint made;

	if (!made)
		made = program(everywhere, heavy_fragment);
	glViewport(0, 0, (GLsizei)size, (GLsizei)size);
	glUseProgram(made);
	glUniform1ui(glGetUniformLocation(made, "rounds"), rounds);
	glDrawArrays(GL_TRIANGLES, 0, 3);
}

void gl_flood(uint32_t size, uint32_t count)
{
	uint8_t *texels = calloc((size_t)size * size, 4);
	GLuint name;

	if (!texels)
		die("no memory");
	for (uint32_t i = 0; i < count; i++) {
		glGenTextures(1, &name);
		glBindTexture(GL_TEXTURE_2D, name);
		glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, (GLsizei)size, (GLsizei)size, 0, GL_RGBA,
			     GL_UNSIGNED_BYTE, texels);
		glFlush();
	}
	glFinish();
	printf("paint: %u textures, error 0x%x\n", count, (unsigned int)glGetError());
	free(texels);
}

void gl_read(uint32_t width, uint32_t height, uint8_t *pixels)
{
	glPixelStorei(GL_PACK_ALIGNMENT, 4);
	glReadPixels(0, 0, (GLsizei)width, (GLsizei)height, GL_RGBA, GL_UNSIGNED_BYTE, pixels);
	if (glGetError() != GL_NO_ERROR)
		die("it cannot be read back");
}

bool gl_pattern_is_right(uint32_t width, uint32_t height, uint32_t seed)
{
	uint8_t *pixels = malloc((size_t)width * height * 4), *at = pixels;
	uint32_t wrong = 0;

	if (!pixels)
		die("no memory");
	gl_read(width, height, pixels);
	for (uint32_t line = height; line--;) {
		for (uint32_t x = 0; x < width; x++, at += 4) {
			uint32_t must = pattern_colour(x, line, seed);
			uint32_t is = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];

			if (is != must && !wrong++)
				printf("paint: at %u, %u is %06x, not %06x\n", x, line, is, must);
		}
	}
	if (wrong)
		printf("paint: %u pixels of %ux%u are wrong\n", wrong, width, height);
	fflush(stdout);
	free(pixels);
	return !wrong;
}

/* ---- the scene ---- */

/* Triangles of a fan, one in front of the other. */
static const char scene_vertex[] =
	"#version 300 es\n"
	"uniform float turn, depth;\n"
	"out vec3 light;\n"
	"out vec2 place;\n"
	"void main() {\n"
	"	float angle = turn + float(gl_VertexID) * 2.0943951;\n"
	"	place = vec2(cos(angle), sin(angle));\n"
	"	light = vec3(gl_VertexID == 0, gl_VertexID == 1, gl_VertexID == 2);\n"
	"	gl_Position = vec4(place * 0.9, depth + 0.2 * place.x, 1);\n"
	"}\n";

static const char scene_fragment[] =
	"#version 300 es\n"
	"precision highp float;\n"
	"uniform sampler2D image;\n"
	"uniform float opacity;\n"
	"in vec3 light;\n"
	"in vec2 place;\n"
	"out vec4 colour;\n"
	"void main() {\n"
	"	float sum = 0.0;\n"
	"	for (int i = 1; i < 5; i++)\n"
	"		sum += sin(place.x * float(i) * 5.0) * cos(place.y * float(i) * 3.0);\n"
	"	colour = vec4(mix(light, texture(image, place * 3.0).rgb, 0.5) + sum * 0.05,\n"
	"		      opacity);\n"
	"}\n";

/* 64 by 64, a gradient under squares, with all its smaller ones. */
static void make_texture(void)
{
	static uint8_t texels[64 * 64 * 4];
	GLuint name;

	for (size_t i = 0; i < sizeof(texels) / 4; i++) {
		unsigned int x = (unsigned int)i % 64, y = (unsigned int)i / 64,
			     dark = (x / 8 + y / 8) % 2;

		texels[4 * i] = (uint8_t)(dark ? 30 : 4 * x);
		texels[4 * i + 1] = (uint8_t)(dark ? 60 : 4 * y);
		texels[4 * i + 2] = (uint8_t)(dark ? 90 : 255 - 2 * x);
		texels[4 * i + 3] = 255;
	}
	glGenTextures(1, &name);
	glBindTexture(GL_TEXTURE_2D, name);
	glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, 64, 64, 0, GL_RGBA, GL_UNSIGNED_BYTE, texels);
	glGenerateMipmap(GL_TEXTURE_2D);
	glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_LINEAR_MIPMAP_LINEAR);
	glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_LINEAR);
}

void gl_scene(void)
{
	GLuint made = program(scene_vertex, scene_fragment);

	make_texture();
	glViewport(0, 0, SCENE_SIZE, SCENE_SIZE);
	glClearColor(0.2f, 0.3f, 0.4f, 1);
	glClear(GL_COLOR_BUFFER_BIT | GL_DEPTH_BUFFER_BIT);
	glEnable(GL_DEPTH_TEST);
	glUseProgram(made);
	for (int i = 0; i < 6; i++) {
		bool clear = i >= 4;

		if (clear) {
			glEnable(GL_BLEND);
			glBlendFunc(GL_SRC_ALPHA, GL_ONE_MINUS_SRC_ALPHA);
		}
		glUniform1f(glGetUniformLocation(made, "turn"), (float)i * 0.7f);
		glUniform1f(glGetUniformLocation(made, "depth"), 0.3f - (float)i * 0.1f);
		glUniform1f(glGetUniformLocation(made, "opacity"), clear ? 0.4f : 1.0f);
		glDrawArrays(GL_TRIANGLES, 0, 3);
	}
	if (glGetError() != GL_NO_ERROR)
		die("the scene is not taken");
}
