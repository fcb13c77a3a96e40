/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An EGL context without a screen (Mesa's surfaceless platform: a render node where
 * there is one, the CPU otherwise), and a canvas in it.
 */
#ifndef MULLION_BENCH_CONTEXT_H
#define MULLION_BENCH_CONTEXT_H

#include "scene.h"

/* Current afterwards, with canvas->buffer made for its width and height. Complains and
 * returns false if it cannot. */
bool context_open(struct canvas *canvas);

#endif
