// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dumb buffers: pictures of 32 bits a pixel that the CPU draws. hv-gpu learns of one when
 * it is first shown.
 */
#include <drm/drm_file.h>

#include "object.h"

#define STRIDE_ALIGN 64

int mgpu_dumb_create(struct drm_file *file, struct drm_device *drm,
		     struct drm_mode_create_dumb *args)
{
	struct mgpu_object *object;
	u64 stride;
	int error;

	if (args->bpp != 32 || !args->width || !args->height || args->width > 4 * MGPU_SIZE_MAX ||
	    args->height > 4 * MGPU_SIZE_MAX)
		return -EINVAL;
	stride = round_up((u64)args->width * 4, STRIDE_ALIGN);
	args->pitch = stride;
	args->size = round_up(stride * args->height, PAGE_SIZE);
	object = mgpu_object_new(to_mgpu(drm), args->size);
	if (IS_ERR(object))
		return PTR_ERR(object);
	object->dumb = true;
	object->shape.width = args->width;
	object->shape.height = args->height;
	object->stride = stride;
	error = drm_gem_handle_create(file, &object->base.base, &args->handle);
	drm_gem_object_put(&object->base.base);
	return error;
}
