/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A canvas that is on the screen of a virtual GPU (a DRM device that calls itself
 * virtio_gpu): buffers of GBM, shown in turn by page flips. As a compositor does it, one
 * flip is under way at most.
 */
#ifndef MULLION_BENCH_SCREEN_H
#define MULLION_BENCH_SCREEN_H

#include "scene.h"

/* Current afterwards, and the screen in the mode of the canvas's size; canvas->buffer is
 * the window's. Complains and returns false if it cannot. */
bool screen_open(struct canvas *canvas);

/* Shows what was drawn, as soon as what was shown before is on the screen. False: it
 * cannot, and has said why. */
bool screen_show(void);

/* Waits until what was shown last is on the screen. */
bool screen_wait(void);

#endif
