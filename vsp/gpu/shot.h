/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pictures on their way to a file: a thread each, so that the guest is served meanwhile.
 */
#ifndef VSP_GPU_SHOT_H
#define VSP_GPU_SHOT_H

#include <stdbool.h>

#include "image.h"

struct event_base;
struct shot;

/* done comes on the loop's thread, once, with 0 or an errno; the shot is gone then. */
typedef void shot_done(void *context, int error);

/* The picture's pixels and the descriptor are the shot's from now on, also when this fails.
 * NULL with errno set. */
struct shot *shot_start(struct event_base *base, const struct image *image, int fd, shot_done *done,
			void *context);

/* Waits for its end; done does not come. */
void shot_cancel(struct shot *shot);

#endif
