/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Draws with OpenGL ES, in a guest or in the parent, and looks at what came out.
 *
 *   paint [--driver NAME] screen FRAMES SEED HOLD   full screen, without a compositor: the
 *                                          pattern with that number in the end, for HOLD s
 *   paint [--driver NAME] check FRAMES     as many patterns, each read back
 *   paint [--driver NAME] scene FILE       a picture of 256 by 256, as RGBA
 *   paint [--driver NAME] loop             draws until it is killed, whatever comes out
 *   paint [--driver NAME] heavy SIZE ROUNDS
 *                                          the same, SIZE by SIZE, each pixel by a shader
 *                                          that goes so often around
 *   paint [--driver NAME] flood SIZE COUNT makes as many textures of SIZE by SIZE, whatever
 *                                          comes of it, and keeps them to the end
 *
 * NAME is a kernel driver's: its device is drawn with. Without it none is: Mesa draws on
 * the CPU, not on a screen. What it draws with it says first, as "GL_RENDERER: ...".
 */
#include "paint.h"

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GLES3/gl3.h>
#include <gbm.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void die(const char *format, ...)
{
	va_list arguments;

	fputs("paint: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

struct device {
	int node; /* -1: none */
	struct gbm_device *gbm;
	EGLDisplay display;
	EGLConfig config;
	EGLContext context;
};

static EGLConfig find_config(EGLDisplay display, bool screen)
{
	static const EGLint wanted[] = {
		EGL_SURFACE_TYPE,
		EGL_WINDOW_BIT,
		EGL_RENDERABLE_TYPE,
		EGL_OPENGL_ES3_BIT,
		EGL_RED_SIZE,
		8,
		EGL_GREEN_SIZE,
		8,
		EGL_BLUE_SIZE,
		8,
		EGL_ALPHA_SIZE,
		0,
		EGL_NONE,
	};
	EGLConfig configs[64];
	EGLint count = 0, format = 0;

	if (!screen)
		return NULL; /* EGL_KHR_no_config_context */
	eglChooseConfig(display, wanted, configs, 64, &count);
	for (EGLint i = 0; i < count; i++) {
		eglGetConfigAttrib(display, configs[i], EGL_NATIVE_VISUAL_ID, &format);
		if (format == GBM_FORMAT_XRGB8888)
			return configs[i];
	}
	die("no configuration for the screen");
}

static void open_device(struct device *device, const char *driver, bool screen)
{
	static const EGLint version[] = { EGL_CONTEXT_MAJOR_VERSION, 3, EGL_NONE };

	device->node = driver ? drm_node(driver, screen) : -1;
	device->gbm = driver ? gbm_create_device(device->node) : NULL;
	if (driver && !device->gbm)
		die("no buffers from %s", driver);
	device->display = driver ? eglGetPlatformDisplay(EGL_PLATFORM_GBM_KHR, device->gbm, NULL) :
				   eglGetPlatformDisplay(EGL_PLATFORM_SURFACELESS_MESA, NULL, NULL);
	if (!device->display || !eglInitialize(device->display, NULL, NULL))
		die("no EGL display: 0x%x", (unsigned int)eglGetError());
	eglBindAPI(EGL_OPENGL_ES_API);
	device->config = find_config(device->display, screen);
	device->context =
		eglCreateContext(device->display, device->config, EGL_NO_CONTEXT, version);
	if (!device->context ||
	    !eglMakeCurrent(device->display, EGL_NO_SURFACE, EGL_NO_SURFACE, device->context))
		die("no context: 0x%x", (unsigned int)eglGetError());
	printf("GL_RENDERER: %s\nGL_VERSION: %s\n", (const char *)glGetString(GL_RENDERER),
	       (const char *)glGetString(GL_VERSION));
	fflush(stdout);
}

static void close_device(struct device *device)
{
	eglMakeCurrent(device->display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
	eglDestroyContext(device->display, device->context);
	eglTerminate(device->display);
	if (device->gbm)
		gbm_device_destroy(device->gbm);
	if (device->node >= 0)
		close(device->node);
}

static void check(uint32_t frames)
{
	gl_target(640, 480);
	for (uint32_t i = 0; i < frames; i++) {
		gl_pattern(640, 480, i);
		if (!gl_pattern_is_right(640, 480, i))
			die("frame %u is not as it must be", i);
	}
	printf("paint: %u frames are right\n", frames);
}

static _Noreturn void loop(void)
{
	uint8_t pixels[4];

	gl_target(640, 480);
	for (uint32_t i = 0;; i++) {
		gl_pattern(640, 480, i);
		glReadPixels(0, 0, 1, 1, GL_RGBA, GL_UNSIGNED_BYTE, pixels);
		if (i == 0)
			puts("paint: draws"), fflush(stdout);
	}
}

static _Noreturn void heavy(uint32_t size, uint32_t rounds)
{
	uint8_t pixels[4];

	gl_target(size, size);
	puts("paint: begins"), fflush(stdout);
	for (uint32_t i = 0;; i++) {
		gl_heavy(size, rounds);
		glReadPixels(0, 0, 1, 1, GL_RGBA, GL_UNSIGNED_BYTE, pixels);
		printf("paint: frame %u\n", i), fflush(stdout);
	}
}

static void scene(const char *file)
{
	static uint8_t pixels[SCENE_SIZE * SCENE_SIZE * 4];
	FILE *out = fopen(file, "wb");

	gl_target(SCENE_SIZE, SCENE_SIZE);
	gl_scene();
	gl_read(SCENE_SIZE, SCENE_SIZE, pixels);
	if (!out || fwrite(pixels, sizeof(pixels), 1, out) != 1 || fclose(out) != 0)
		die("%s cannot be written", file);
}

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 0);
}

int main(int argc, char **argv)
{
	const char *driver = NULL, *what;
	struct device device;

	if (argc > 2 && strcmp(argv[1], "--driver") == 0) {
		driver = argv[2];
		argv += 2;
		argc -= 2;
	}
	what = argc > 1 ? argv[1] : "";
	open_device(&device, driver, strcmp(what, "screen") == 0);
	if (argc == 5 && driver && strcmp(what, "screen") == 0)
		paint_screen(device.node, device.gbm, device.display, device.config, device.context,
			     number(argv[2]), number(argv[3]), number(argv[4]));
	else if (argc == 3 && strcmp(what, "check") == 0)
		check(number(argv[2]));
	else if (argc == 3 && strcmp(what, "scene") == 0)
		scene(argv[2]);
	else if (argc == 4 && strcmp(what, "heavy") == 0)
		heavy(number(argv[2]), number(argv[3]));
	else if (argc == 4 && strcmp(what, "flood") == 0)
		gl_flood(number(argv[2]), number(argv[3]));
	else if (argc == 2 && strcmp(what, "loop") == 0)
		loop();
	else
		die("called wrongly");
	close_device(&device);
	return 0;
}
