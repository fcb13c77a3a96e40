/* SPDX-License-Identifier: GPL-2.0-only */
/* See context.h. */
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <stdio.h>

#include "context.h"
#include "gl.h"

#define CONFIGS_MAX 128

static void *failed(const char *what)
{
	fprintf(stderr, "%s: EGL error 0x%x\n", what, (unsigned)eglGetError());
	return NULL;
}

static bool choose(EGLDisplay display, EGLint surfaces, EGLint visual, EGLConfig *config)
{
	const EGLint wanted[] = { EGL_SURFACE_TYPE, surfaces, EGL_RENDERABLE_TYPE,
				  EGL_OPENGL_ES3_BIT, EGL_NONE };
	EGLConfig all[CONFIGS_MAX];
	EGLint count = 0, has = 0;

	if (!eglChooseConfig(display, wanted, all, CONFIGS_MAX, &count))
		return false;
	for (EGLint n = 0; n < count; n++) {
		eglGetConfigAttrib(display, all[n], EGL_NATIVE_VISUAL_ID, &has);
		if (!visual || has == visual) {
			*config = all[n];
			return true;
		}
	}
	return false;
}

EGLContext context_create(EGLDisplay display, EGLint surfaces, EGLint visual, EGLConfig *config)
{
	static const EGLint version[] = { EGL_CONTEXT_MAJOR_VERSION, 3, EGL_NONE };
	EGLContext context;

	if (!display || !eglInitialize(display, NULL, NULL))
		return failed("no EGL");
	eglBindAPI(EGL_OPENGL_ES_API);
	if (!choose(display, surfaces, visual, config))
		return failed("no configuration for OpenGL ES 3");
	context = eglCreateContext(display, *config, EGL_NO_CONTEXT, version);
	return context ? context : failed("no context of OpenGL ES 3");
}

bool context_open(struct canvas *canvas)
{
	EGLDisplay display =
		eglGetPlatformDisplay(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);
	unsigned width = canvas->width, height = canvas->height;
	EGLConfig config;
	EGLContext context = context_create(display, EGL_PBUFFER_BIT, 0, &config);

	if (!context)
		return false;
	if (!eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, context))
		return failed("the context cannot be used");
	canvas->buffer =
		gl_buffer(gl_texture(width, height, NULL, GL_NEAREST), width, height, true);
	glViewport(0, 0, (GLsizei)width, (GLsizei)height);
	return canvas->buffer;
}
