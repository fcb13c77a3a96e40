/* SPDX-License-Identifier: GPL-2.0-only */
/* Pictures as PNG. Any thread. */
#ifndef VSP_GPU_PNG_FILE_H
#define VSP_GPU_PNG_FILE_H

#include <stdbool.h>

#include "image.h"

/* Writes to a file, pipe or socket, which is waited for as long as it goes on within
 * seconds. False with errno set. */
bool png_save(const struct image *image, int fd, unsigned int seconds);

#endif
