/* SPDX-License-Identifier: GPL-2.0-only */
/* Formats of virglrenderer's resources by their numbers. Pure. */
#ifndef VSP_GPU_FORMAT_H
#define VSP_GPU_FORMAT_H

#include <linux/types.h>
#include <mullion/gpu.h>
#include <stdint.h>

#include "image.h"

/* Bits of a pixel, of compressed ones on average; 128 for what is not known. */
uint32_t format_bits(uint32_t format);

/* What a resource needs, bytes; UINT64_MAX: more than can be. */
uint64_t format_memory(const struct mullion_gpu_resource_create *create);

/* For the screen. IMAGE_NONE: not of a kind that is shown. */
enum image_format format_shown(uint32_t format);

#endif
