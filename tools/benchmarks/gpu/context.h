/* SPDX-License-Identifier: GPL-2.0-only */
/* Contexts of OpenGL ES 3 by EGL. What fails says why on stderr. */
#ifndef MULLION_BENCH_CONTEXT_H
#define MULLION_BENCH_CONTEXT_H

#include <EGL/egl.h>

#include "scene.h"

/* A context without a screen (Mesa's surfaceless platform: a render node where there is
 * one, the CPU otherwise). Current afterwards, with canvas->buffer made for its size. */
bool context_open(struct canvas *canvas);

/* A context of a display for surfaces of that kind (EGL_WINDOW_BIT, ...), and their
 * configuration; visual: its EGL_NATIVE_VISUAL_ID, or 0: any. NULL if there is none. */
EGLContext context_create(EGLDisplay display, EGLint surfaces, EGLint visual, EGLConfig *config);

#endif
