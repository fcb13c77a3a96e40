/* SPDX-License-Identifier: GPL-2.0-only */
/* See gl.h. */
#include <math.h>
#include <stdio.h>

#include "gl.h"

static GLuint shader(GLenum kind, const char *text)
{
	const char *parts[] = { "#version 300 es\nprecision highp float;\n", text };
	GLuint result = glCreateShader(kind);
	GLint done = 0;
	char log[512] = "";

	glShaderSource(result, 2, parts, NULL);
	glCompileShader(result);
	glGetShaderiv(result, GL_COMPILE_STATUS, &done);
	if (done)
		return result;
	glGetShaderInfoLog(result, sizeof(log), NULL, log);
	fprintf(stderr, "a shader does not compile: %s\n", log);
	glDeleteShader(result);
	return 0;
}

GLuint gl_program(const char *vertex, const char *fragment)
{
	GLuint first = shader(GL_VERTEX_SHADER, vertex);
	GLuint second = shader(GL_FRAGMENT_SHADER, fragment);
	GLuint result = glCreateProgram();
	GLint done = 0;
	char log[512] = "";

	if (first && second) {
		glAttachShader(result, first);
		glAttachShader(result, second);
		glLinkProgram(result);
		glGetProgramiv(result, GL_LINK_STATUS, &done);
	}
	/* What is attached stays until the program goes. */
	glDeleteShader(first);
	glDeleteShader(second);
	if (done)
		return result;
	glGetProgramInfoLog(result, sizeof(log), NULL, log);
	fprintf(stderr, "a program does not link: %s\n", log);
	glDeleteProgram(result);
	return 0;
}

const char gl_rectangle_shader[] =
	"uniform vec4 place;\n" /* x, y, width, height, of a canvas from 0,0 to 1,1 */
	"out vec2 at;\n"
	"void main() {\n"
	"	at = vec2(gl_VertexID & 1, gl_VertexID >> 1);\n"
	"	gl_Position = vec4((place.xy + at * place.zw) * 2.0 - 1.0, 0.0, 1.0);\n"
	"}\n";

void gl_rectangle(void)
{
	glDrawArrays(GL_TRIANGLE_STRIP, 0, 4);
}

GLuint gl_texture(unsigned width, unsigned height, const void *pixels, GLint filter)
{
	bool smaller = filter == GL_LINEAR_MIPMAP_LINEAR;
	GLuint result;

	glGenTextures(1, &result);
	glBindTexture(GL_TEXTURE_2D, result);
	glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, (GLsizei)width, (GLsizei)height, 0, GL_RGBA,
		     GL_UNSIGNED_BYTE, pixels);
	glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, filter);
	glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, smaller ? GL_LINEAR : filter);
	glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
	glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
	if (smaller)
		glGenerateMipmap(GL_TEXTURE_2D);
	return result;
}

GLuint gl_buffer(GLuint texture, unsigned width, unsigned height, bool with_depth)
{
	GLuint result, depth;

	glGenFramebuffers(1, &result);
	glBindFramebuffer(GL_FRAMEBUFFER, result);
	glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, texture, 0);
	if (with_depth) {
		glGenRenderbuffers(1, &depth);
		glBindRenderbuffer(GL_RENDERBUFFER, depth);
		glRenderbufferStorage(GL_RENDERBUFFER, GL_DEPTH_COMPONENT24, (GLsizei)width,
				      (GLsizei)height);
		glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_DEPTH_ATTACHMENT, GL_RENDERBUFFER,
					  depth);
	}
	if (glCheckFramebufferStatus(GL_FRAMEBUFFER) == GL_FRAMEBUFFER_COMPLETE)
		return result;
	fprintf(stderr, "a frame buffer of %u by %u is not complete\n", width, height);
	return 0;
}

struct matrix matrix_multiply(struct matrix left, struct matrix right)
{
	struct matrix result = { 0 };

	for (unsigned column = 0; column < 4; column++) {
		for (unsigned row = 0; row < 4; row++) {
			for (unsigned i = 0; i < 4; i++)
				result.m[column * 4 + row] +=
					left.m[i * 4 + row] * right.m[column * 4 + i];
		}
	}
	return result;
}

static const struct matrix identity = { { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1 } };

struct matrix matrix_rotate(float angle, unsigned axis)
{
	struct matrix result = identity;
	unsigned a = (axis + 1) % 3, b = (axis + 2) % 3;

	result.m[a * 4 + a] = result.m[b * 4 + b] = cosf(angle);
	result.m[a * 4 + b] = sinf(angle);
	result.m[b * 4 + a] = -sinf(angle);
	return result;
}

struct matrix matrix_move(float x, float y, float z)
{
	struct matrix result = identity;

	result.m[12] = x;
	result.m[13] = y;
	result.m[14] = z;
	return result;
}

struct matrix matrix_perspective(float aspect, float distance, float near, float far)
{
	struct matrix result = { 0 };

	result.m[0] = distance / aspect;
	result.m[5] = distance;
	result.m[10] = (far + near) / (near - far);
	result.m[11] = -1;
	result.m[14] = 2 * far * near / (near - far);
	return result;
}
