/* SPDX-License-Identifier: GPL-2.0-only */
/* See context.h. */
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <stdio.h>

#include "context.h"
#include "gl.h"

static bool failed(const char *what)
{
	fprintf(stderr, "%s: EGL error 0x%x\n", what, (unsigned)eglGetError());
	return false;
}

static bool open_display(void)
{
	static const EGLint wanted[] = { EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_RENDERABLE_TYPE,
					 EGL_OPENGL_ES3_BIT, EGL_NONE };
	static const EGLint version[] = { EGL_CONTEXT_MAJOR_VERSION, 3, EGL_NONE };
	EGLDisplay display =
		eglGetPlatformDisplay(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);
	EGLContext context;
	EGLConfig config;
	EGLint count = 0;

	if (!display || !eglInitialize(display, NULL, NULL))
		return failed("no EGL without a screen");
	eglBindAPI(EGL_OPENGL_ES_API);
	if (!eglChooseConfig(display, wanted, &config, 1, &count) || !count)
		return failed("no configuration for OpenGL ES 3");
	context = eglCreateContext(display, config, EGL_NO_CONTEXT, version);
	if (!context || !eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, context))
		return failed("no context of OpenGL ES 3");
	return true;
}

bool context_open(struct canvas *canvas)
{
	unsigned width = canvas->width, height = canvas->height;

	if (!open_display())
		return false;
	canvas->buffer =
		gl_buffer(gl_texture(width, height, NULL, GL_NEAREST), width, height, true);
	glViewport(0, 0, (GLsizei)width, (GLsizei)height);
	return canvas->buffer;
}
