// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resources: made, mapped, transferred, waited for.
 *
 * A resource's pages are allocated and told to hv-gpu when it is made: commands may copy to
 * and from it before anybody maps it, and virglrenderer takes none that name one without.
 */
#include <linux/dma-resv.h>

#include <drm/drm_file.h>
#include <drm/drm_vma_manager.h>

#include "context.h"
#include "ioctl.h"
#include "object.h"

#define WAIT_TIME (15 * HZ)

static struct mgpu_object *find(struct drm_file *file, u32 handle)
{
	struct drm_gem_object *gem = drm_gem_object_lookup(file, handle);

	return gem ? to_object(gem) : NULL;
}

static void put(struct mgpu_object *object)
{
	drm_gem_object_put(&object->base.base);
}

/* With channel.lock not held: its pages are there, and hv-gpu knows them. */
static int give_pages(struct mgpu *gpu, struct mgpu_object *object)
{
	int error;

	if (READ_ONCE(object->told) == READ_ONCE(gpu->generation))
		return 0;
	error = mgpu_object_pin(object);
	if (error)
		return error;
	error = mgpu_lock(gpu, MGPU_INTERRUPTIBLE);
	if (error)
		return error;
	error = mgpu_object_tell_pages(gpu, object, 0);
	mgpu_unlock(gpu);
	return error;
}

int mgpu_map_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct mgpu_object *object;
	struct drm_virtgpu_map *args = data;
	int error = 0;

	object = find(file, args->handle);
	if (!object)
		return -ENOENT;
	/* One that nobody transfers is told when it is shown. One of a dead context is
	 * mapped all the same. */
	if (object->renderer)
		error = give_pages(to_mgpu(drm), object);
	if (error == -EIO)
		error = 0;
	if (!error)
		error = drm_gem_create_mmap_offset(&object->base.base);
	if (!error)
		args->offset = drm_vma_node_offset_addr(&object->base.base.vma_node);
	put(object);
	return error;
}

/* ---- making ---- */

static int check_plain(const struct drm_virtgpu_resource_create *args)
{
	if (args->depth > 1 || args->nr_samples > 1 || args->last_level > 1 || args->target != 2 ||
	    args->array_size > 1)
		return -EINVAL;
	return 0;
}

static void set_shape(struct mgpu_object *object, const struct drm_virtgpu_resource_create *args)
{
	object->shape = (struct mgpu_shape){
		.target = args->target,
		.format = args->format,
		.bind = args->bind,
		.width = args->width,
		.height = args->height,
		.depth = args->depth,
		.array_size = args->array_size,
		.last_level = args->last_level,
		.samples = args->nr_samples,
		.flags = args->flags,
	};
}

/* It is the context's from its first message on. */
static int attach_new(struct mgpu *gpu, struct drm_file *file, struct mgpu_object *object)
{
	struct mgpu_context *context = mgpu_context_get(gpu, file->driver_priv);
	struct mgpu_file *own = file->driver_priv;
	int error;

	if (IS_ERR(context))
		return PTR_ERR(context);
	if (mutex_lock_interruptible(&own->lock))
		return -ERESTARTSYS;
	error = mgpu_attach(gpu, own, object);
	mutex_unlock(&own->lock);
	return error;
}

int mgpu_resource_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_virtgpu_resource_create *args = data;
	struct mgpu *gpu = to_mgpu(drm);
	bool renderer = mgpu_has(gpu, MULLION_GPU_FEATURE_3D);
	struct mgpu_object *object;
	int error = renderer ? 0 : check_plain(args);

	if (error)
		return error;
	object = mgpu_object_new(gpu, args->size ?: PAGE_SIZE);
	if (IS_ERR(object))
		return PTR_ERR(object);
	set_shape(object, args);
	object->renderer = renderer;
	if (renderer)
		error = attach_new(gpu, file, object);
	if (!error && renderer)
		error = give_pages(gpu, object);
	if (!error)
		error = drm_gem_handle_create(file, &object->base.base, &args->bo_handle);
	args->res_handle = object->id;
	if (error && renderer)
		mgpu_detach(gpu, file->driver_priv, object);
	put(object);
	return error;
}

/* Whoever asks for its id means to name it in commands. */
int mgpu_resource_info_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_virtgpu_resource_info *args = data;
	struct mgpu_file *own = file->driver_priv;
	struct mgpu *gpu = to_mgpu(drm);
	struct mgpu_object *object;
	int error = 0;

	object = find(file, args->bo_handle);
	if (!object)
		return -ENOENT;
	if (mgpu_has(gpu, MULLION_GPU_FEATURE_3D)) {
		if (mutex_lock_interruptible(&own->lock))
			error = -ERESTARTSYS;
		else {
			error = mgpu_attach(gpu, own, object);
			mutex_unlock(&own->lock);
		}
	}
	args->size = object->base.base.size;
	args->res_handle = object->id;
	args->blob_mem = object->blob;
	put(object);
	return error;
}

#define BLOB_FLAGS (VIRTGPU_BLOB_FLAG_USE_MAPPABLE | VIRTGPU_BLOB_FLAG_USE_SHAREABLE)
#define BLOB_SIZE_MAX (1ull << 32)

/* All blobs are the guest's own pages. What the renderer has allocated (a blob id) is not to
 * be had, nor what it would have to be told of by a command. */
static int check_blob(const struct drm_virtgpu_resource_create_blob *args)
{
	if (args->blob_mem != VIRTGPU_BLOB_MEM_HOST3D && args->blob_mem != MGPU_BLOB_MEM_GUEST_VRAM)
		return -EINVAL;
	if (args->blob_flags & ~BLOB_FLAGS || args->pad || args->cmd_size)
		return -EINVAL;
	if (args->blob_mem == VIRTGPU_BLOB_MEM_HOST3D && args->blob_id)
		return -EINVAL;
	return args->size && args->size <= BLOB_SIZE_MAX ? 0 : -EINVAL;
}

int mgpu_resource_create_blob_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_virtgpu_resource_create_blob *args = data;
	struct mgpu *gpu = to_mgpu(drm);
	struct mgpu_object *object;
	int error = mgpu_has(gpu, MULLION_GPU_FEATURE_SHARE) ? check_blob(args) : -EINVAL;

	if (error)
		return error;
	object = mgpu_object_new(gpu, args->size);
	if (IS_ERR(object))
		return PTR_ERR(object);
	object->blob = args->blob_mem;
	error = attach_new(gpu, file, object);
	if (!error) {
		error = drm_gem_handle_create(file, &object->base.base, &args->bo_handle);
		if (error)
			mgpu_detach(gpu, file->driver_priv, object);
	}
	args->res_handle = object->id;
	put(object);
	return error;
}

/* ---- transfers ---- */

struct transfer {
	u16 type;
	u32 handle, level, offset, stride, layer_stride;
	struct drm_virtgpu_3d_box box;
};

static int send_transfer(struct mgpu *gpu, struct mgpu_context *context, struct mgpu_object *object,
			 const struct transfer *transfer, struct mgpu_fence *fence)
{
	struct mullion_gpu_transfer *message;
	int error = mgpu_lock(gpu, MGPU_INTERRUPTIBLE);

	if (error)
		return error;
	message = context->generation == gpu->generation ?
			  mgpu_message(gpu, transfer->type, context->id, sizeof(*message)) :
			  ERR_PTR(-EIO);
	if (!IS_ERR(message)) {
		message->resource = object->id;
		message->level = transfer->level;
		message->x = transfer->box.x;
		message->y = transfer->box.y;
		message->z = transfer->box.z;
		message->width = transfer->box.w;
		message->height = transfer->box.h;
		message->depth = transfer->box.d;
		message->offset = transfer->offset;
		message->stride = transfer->stride;
		message->layer_stride = transfer->layer_stride;
		mgpu_fence_give(gpu, fence, &message->header);
		gpu->statistics.transfers++;
		mgpu_send(gpu);
	}
	mgpu_unlock(gpu);
	return PTR_ERR_OR_ZERO(message);
}

/* The object is busy until the fence is done. */
static int transfer_fenced(struct mgpu *gpu, struct mgpu_context *context,
			   struct mgpu_object *object, const struct transfer *transfer)
{
	struct dma_resv *resv = object->base.base.resv;
	struct mgpu_fence *fence = mgpu_fence_new(&context->rings->list[0]);
	int error;

	if (!fence)
		return -ENOMEM;
	error = dma_resv_lock_interruptible(resv, NULL);
	if (!error) {
		error = dma_resv_reserve_fences(resv, 1);
		if (!error)
			error = send_transfer(gpu, context, object, transfer, fence);
		if (!error)
			dma_resv_add_fence(resv, &fence->base, DMA_RESV_USAGE_WRITE);
		dma_resv_unlock(resv);
	}
	dma_fence_put(&fence->base);
	return error;
}

static int transfer(struct drm_device *drm, struct drm_file *file, const struct transfer *transfer)
{
	struct mgpu *gpu = to_mgpu(drm);
	struct mgpu_context *context;
	struct mgpu_object *object;
	int error = 0;

	if (!mgpu_has(gpu, MULLION_GPU_FEATURE_3D))
		return -ENOSYS;
	context = mgpu_context_get(gpu, file->driver_priv);
	if (IS_ERR(context))
		return PTR_ERR(context);
	object = find(file, transfer->handle);
	if (!object)
		return -ENOENT;
	if (!object->renderer ||
	    !xa_load(&((struct mgpu_file *)file->driver_priv)->attached, object->id))
		error = attach_new(gpu, file, object);
	if (!error)
		error = give_pages(gpu, object);
	if (!error)
		error = transfer_fenced(gpu, context, object, transfer);
	put(object);
	return error;
}

int mgpu_transfer_from_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_virtgpu_3d_transfer_from_host *args = data;

	return transfer(drm, file,
			&(struct transfer){ MULLION_GPU_TRANSFER_FROM, args->bo_handle, args->level,
					    args->offset, args->stride, args->layer_stride,
					    args->box });
}

int mgpu_transfer_to_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_virtgpu_3d_transfer_to_host *args = data;

	return transfer(drm, file,
			&(struct transfer){ MULLION_GPU_TRANSFER_TO, args->bo_handle, args->level,
					    args->offset, args->stride, args->layer_stride,
					    args->box });
}

/* ---- waiting ---- */

int mgpu_wait_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_virtgpu_3d_wait *args = data;
	struct mgpu_object *object;
	struct dma_resv *resv;
	long left;

	object = find(file, args->handle);
	if (!object)
		return -ENOENT;
	resv = object->base.base.resv;
	if (args->flags & VIRTGPU_WAIT_NOWAIT)
		left = dma_resv_test_signaled(resv, DMA_RESV_USAGE_READ);
	else
		left = dma_resv_wait_timeout(resv, DMA_RESV_USAGE_READ, true, WAIT_TIME);
	put(object);
	if (left < 0)
		return left;
	return left ? 0 : -EBUSY;
}
