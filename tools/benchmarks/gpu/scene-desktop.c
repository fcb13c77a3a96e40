/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * desktop: what a compositor does. Windows move over a wallpaper; what is behind each is
 * blurred, in one direction into a buffer, in the other into the canvas, and the window
 * is blended over it. screen: the same, shown on the screen.
 */
#include <math.h>
#include <stddef.h>

#include "gl.h"
#include "scene.h"

#define WINDOWS 4u
#define SIZE 256u /* of wallpaper and windows */
#define BETWEEN 128u /* of the buffer between the two directions */
#define WIDE 0.4f /* windows, of the canvas */
#define HIGH 0.4f

static struct {
	GLuint copy, blur;
	GLint copy_place, copy_alpha, blur_place, blur_source, blur_step;
	GLuint wallpaper, window, between, between_buffer;
} desktop;

static const char copy_shader[] =
	"uniform sampler2D picture;\n"
	"uniform float alpha;\n"
	"in vec2 at;\n"
	"out vec4 result;\n"
	"void main() { result = vec4(texture(picture, at).rgb, alpha); }\n";

/* Five weights that add up to 1. */
static const char blur_shader[] =
	"uniform sampler2D picture;\n"
	"uniform vec4 source;\n"
	"uniform vec2 one;\n"
	"in vec2 at;\n"
	"out vec4 result;\n"
	"void main() {\n"
	"	vec3 sum = vec3(0.0);\n"
	"	for (int i = -2; i <= 2; i++)\n"
	"		sum += texture(picture, source.xy + at * source.zw + float(i) * one).rgb *\n"
	"			(float(3 - abs(i)) / 9.0);\n"
	"	result = vec4(sum, 1.0);\n"
	"}\n";

static uint32_t pixels[SIZE * SIZE];

static GLuint make_picture(uint32_t (*colour)(unsigned x, unsigned y))
{
	for (unsigned y = 0; y < SIZE; y++) {
		for (unsigned x = 0; x < SIZE; x++)
			pixels[y * SIZE + x] = colour(x, y) | 0xff000000u;
	}
	return gl_texture(SIZE, SIZE, pixels, GL_LINEAR);
}

static uint32_t wallpaper(unsigned x, unsigned y)
{
	return (x ^ y) / 2 | (x & y) << 8 | (255 - y) << 16;
}

static uint32_t window(unsigned x, unsigned y)
{
	if (y > SIZE - 24)
		return 0x804020;
	return x % 16 > 2 && y % 16 > 6 ? 0xf0f0f0 : 0x404040;
}

static bool setup(const struct canvas *canvas)
{
	desktop.copy = gl_program(gl_rectangle_shader, copy_shader);
	desktop.blur = gl_program(gl_rectangle_shader, blur_shader);
	if (!desktop.copy || !desktop.blur)
		return false;
	desktop.copy_place = glGetUniformLocation(desktop.copy, "place");
	desktop.copy_alpha = glGetUniformLocation(desktop.copy, "alpha");
	desktop.blur_place = glGetUniformLocation(desktop.blur, "place");
	desktop.blur_source = glGetUniformLocation(desktop.blur, "source");
	desktop.blur_step = glGetUniformLocation(desktop.blur, "one");
	desktop.wallpaper = make_picture(wallpaper);
	desktop.window = make_picture(window);
	desktop.between = gl_texture(BETWEEN, BETWEEN, NULL, GL_LINEAR);
	desktop.between_buffer = gl_buffer(desktop.between, BETWEEN, BETWEEN, false);
	glBindFramebuffer(GL_FRAMEBUFFER, canvas->buffer);
	glBlendFunc(GL_SRC_ALPHA, GL_ONE_MINUS_SRC_ALPHA);
	return desktop.between_buffer;
}

/* To the canvas. */
static void copy(GLuint texture, float x, float y, float width, float height, float alpha)
{
	glUseProgram(desktop.copy);
	glUniform4f(desktop.copy_place, x, y, width, height);
	glUniform1f(desktop.copy_alpha, alpha);
	glBindTexture(GL_TEXTURE_2D, texture);
	gl_rectangle();
}

static void blur_behind(const struct canvas *canvas, float x, float y)
{
	glUseProgram(desktop.blur);
	glBindFramebuffer(GL_FRAMEBUFFER, desktop.between_buffer);
	glViewport(0, 0, BETWEEN, BETWEEN);
	glUniform4f(desktop.blur_place, 0, 0, 1, 1);
	glUniform4f(desktop.blur_source, x, y, WIDE, HIGH);
	glUniform2f(desktop.blur_step, 2.0f / SIZE, 0);
	glBindTexture(GL_TEXTURE_2D, desktop.wallpaper);
	gl_rectangle();
	glBindFramebuffer(GL_FRAMEBUFFER, canvas->buffer);
	glViewport(0, 0, (GLsizei)canvas->width, (GLsizei)canvas->height);
	glUniform4f(desktop.blur_place, x, y, WIDE, HIGH);
	glUniform4f(desktop.blur_source, 0, 0, 1, 1);
	glUniform2f(desktop.blur_step, 0, 2.0f / BETWEEN);
	glBindTexture(GL_TEXTURE_2D, desktop.between);
	gl_rectangle();
}

static void draw(const struct canvas *canvas, unsigned frame)
{
	copy(desktop.wallpaper, 0, 0, 1, 1, 1);
	for (unsigned n = 0; n < WINDOWS; n++) {
		float at = 0.04f * (float)frame + 1.5f * (float)n;
		float x = (1 - WIDE) * (0.5f + 0.5f * sinf(at));
		float y = (1 - HIGH) * (0.5f + 0.5f * cosf(1.7f * at));

		blur_behind(canvas, x, y);
		glEnable(GL_BLEND);
		copy(desktop.window, x, y, WIDE, HIGH, 0.6f);
		glDisable(GL_BLEND);
	}
}

const struct scene scene_desktop = {
	.name = "desktop", .frames = 15, .setup = setup, .draw = draw, .operations = 1
};
const struct scene scene_screen = { .name = "screen",
				    .frames = 15,
				    .setup = setup,
				    .draw = draw,
				    .operations = 1,
				    .on_screen = true };
