// SPDX-License-Identifier: GPL-2.0-only
/*
 * GEM objects, and what hv-gpu knows of them.
 *
 * An object's pages go back to the kernel only when hv-gpu has taken RESOURCE_DESTROY: a
 * transfer may be on its way before that. Those of a shared one go back when no process of
 * hv-gpu's has them any more. The memory of one that hv-gpu could not be told about (it
 * stands still) is kept until it has ended.
 */
#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "context.h"
#include "object.h"

/* ---- telling, under channel.lock ---- */

static int send_plain(struct mgpu *gpu, u32 id, u64 size)
{
	struct mullion_gpu_plain_create *message;

	message = mgpu_message(gpu, MULLION_GPU_PLAIN_CREATE, 0, sizeof(*message));
	if (IS_ERR(message))
		return PTR_ERR(message);
	message->resource = id;
	message->size = size;
	mgpu_send(gpu);
	return 0;
}

/* The context pays when it fails; 0: nobody. */
static int send_create(struct mgpu *gpu, const struct mgpu_object *object, u32 context)
{
	const struct mgpu_shape *shape = &object->shape;
	struct mullion_gpu_resource_create *message;

	message = mgpu_message(gpu, MULLION_GPU_RESOURCE_CREATE, context, sizeof(*message));
	if (IS_ERR(message))
		return PTR_ERR(message);
	message->resource = object->id;
	message->target = shape->target;
	message->format = shape->format;
	message->bind = shape->bind;
	message->width = shape->width;
	message->height = shape->height;
	message->depth = shape->depth;
	message->array_size = shape->array_size;
	message->last_level = shape->last_level;
	message->samples = shape->samples;
	message->flags = shape->flags;
	mgpu_send(gpu);
	return 0;
}

/* Returns the number of the ring of context 0. */
static u64 send_destroy(struct mgpu *gpu, u32 id, u8 ring)
{
	struct mullion_gpu_name *message;
	u64 number;

	message = mgpu_message(gpu, MULLION_GPU_RESOURCE_DESTROY, 0, sizeof(*message));
	if (IS_ERR(message))
		return U64_MAX;
	message->resource = id;
	number = mgpu_number_give(&gpu->own->list[ring], &message->header);
	mgpu_send(gpu);
	return number;
}

/* The smallest thing that has a number of RING_TAKEN and no other effect. */
u64 mgpu_send_marker(struct mgpu *gpu)
{
	if (send_plain(gpu, MGPU_MARKER_ID, PAGE_SIZE))
		return U64_MAX;
	return send_destroy(gpu, MGPU_MARKER_ID, MULLION_GPU_RING_TAKEN);
}

int mgpu_object_tell(struct mgpu *gpu, struct mgpu_object *object, u32 context)
{
	int error;

	if (object->known == gpu->generation)
		return 0;
	error = object->renderer ? send_create(gpu, object, context) :
				   send_plain(gpu, object->id, object->base.base.size);
	if (!error)
		object->known = gpu->generation;
	return error;
}

int mgpu_object_tell_pages(struct mgpu *gpu, struct mgpu_object *object, u32 context)
{
	int error = mgpu_object_tell(gpu, object, context);

	if (error || object->told == gpu->generation)
		return error;
	error = mgpu_send_pages(gpu, object);
	if (!error)
		object->told = gpu->generation;
	return error;
}

static int send_share(struct mgpu *gpu, const struct mgpu_object *object, u32 context)
{
	struct mullion_gpu_share *message;

	message = mgpu_message(gpu, MULLION_GPU_SHARE, context, sizeof(*message));
	if (IS_ERR(message))
		return PTR_ERR(message);
	message->resource = object->id;
	message->as = object->blob == VIRTGPU_BLOB_MEM_HOST3D ? MULLION_GPU_SHARE_SHM :
								MULLION_GPU_SHARE_DMABUF;
	mgpu_send(gpu);
	return 0;
}

static int tell_shared(struct mgpu *gpu, struct mgpu_object *object, u32 context)
{
	int error = mgpu_object_tell_pages(gpu, object, context);

	if (error || object->shared == gpu->generation)
		return error;
	error = send_share(gpu, object, context);
	if (!error)
		object->shared = gpu->generation;
	return error;
}

/* What a dumb buffer is for a renderer: a picture that it draws to and reads from. */
static void shape_of_dumb(struct mgpu_object *object)
{
	object->shape.target = 2; /* PIPE_TEXTURE_2D */
	object->shape.format = 2; /* VIRGL_FORMAT_B8G8R8X8_UNORM */
	object->shape.bind = BIT(1) | BIT(3); /* render target, sampler view */
	object->shape.depth = 1;
	object->shape.array_size = 1;
	object->shape.flags = BIT(0); /* the first line is at the top */
}

/* From the whole of its pages. */
static int send_content(struct mgpu *gpu, struct mgpu_object *object)
{
	struct mullion_gpu_transfer *message;

	message = mgpu_message(gpu, MULLION_GPU_TRANSFER_TO, 0, sizeof(*message));
	if (IS_ERR(message))
		return PTR_ERR(message);
	message->resource = object->id;
	message->width = object->shape.width;
	message->height = object->shape.height;
	message->depth = 1;
	message->stride = object->stride;
	mgpu_send(gpu);
	return 0;
}

int mgpu_object_for_renderer(struct mgpu *gpu, struct mgpu_object *object, u32 context)
{
	bool first = object->known != gpu->generation || !object->renderer;
	int error;

	if (object->blob)
		return tell_shared(gpu, object, context);
	if (!object->renderer && !object->shape.width)
		return -EINVAL; /* somebody else's memory, of no known shape */
	if (!object->renderer) {
		shape_of_dumb(object);
		if (object->known == gpu->generation) {
			error = send_create(gpu, object, context);
			if (error)
				return error;
		}
		object->renderer = true;
	}
	if (!object->pages)
		return mgpu_object_tell(gpu, object, context);
	error = mgpu_object_tell_pages(gpu, object, context);
	if (!error && first && object->dumb)
		error = send_content(gpu, object);
	return error;
}

/* ---- pages ---- */

int mgpu_object_pin(struct mgpu_object *object)
{
	struct sg_table *pages;

	if (READ_ONCE(object->pages))
		return 0;
	pages = drm_gem_shmem_get_pages_sgt(&object->base);
	if (IS_ERR(pages))
		return PTR_ERR(pages);
	WRITE_ONCE(object->pages, pages);
	return 0;
}

int mgpu_object_pin_for_renderer(struct mgpu *gpu, struct mgpu_object *object)
{
	return object->dumb || object->blob ? mgpu_object_pin(object) : 0;
}

/* ---- GEM ---- */

static void object_end(struct mgpu *gpu, struct mgpu_dying *dying)
{
	struct mgpu_object *object = container_of(dying, struct mgpu_object, dying);
	struct drm_device *drm = gpu->drm;

	drm_gem_shmem_free(&object->base);
	drm_dev_put(drm);
}

/* True: hv-gpu may still look at its pages, and the reaper has it. */
static bool let_go(struct mgpu *gpu, struct mgpu_object *object)
{
	u64 number = 0;

	mgpu_lock_any(gpu);
	if (object->known && object->known == gpu->generation) {
		if (object->shared == gpu->generation)
			object->dying.ring = MULLION_GPU_RING_RETURNED;
		if (mgpu_ready(gpu))
			number = send_destroy(gpu, object->id, object->dying.ring);
		else if (mgpu_state(gpu) == MGPU_GONE)
			number = U64_MAX;
	}
	if (!object->pages)
		number = 0;
	if (number)
		mgpu_reap_later(gpu, &object->dying, number);
	mgpu_unlock(gpu);
	return number;
}

static void object_free(struct drm_gem_object *gem)
{
	struct mgpu_object *object = to_object(gem);
	struct mgpu *gpu = to_mgpu(gem->dev);

	drm_dev_get(gpu->drm);
	object->dying.end = object_end;
	xa_erase(&gpu->objects, object->id);
	if (let_go(gpu, object))
		mgpu_reap(gpu);
	else
		object_end(gpu, &object->dying);
}

static void object_close(struct drm_gem_object *gem, struct drm_file *file)
{
	if (file->driver_priv)
		mgpu_detach(to_mgpu(gem->dev), file->driver_priv, to_object(gem));
}

static const struct drm_gem_object_funcs object_funcs = {
	.free = object_free,
	.close = object_close,
	.print_info = drm_gem_shmem_object_print_info,
	.pin = drm_gem_shmem_object_pin,
	.unpin = drm_gem_shmem_object_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = drm_gem_shmem_object_vmap,
	.vunmap = drm_gem_shmem_object_vunmap,
	.mmap = drm_gem_shmem_object_mmap,
	.vm_ops = &drm_gem_shmem_vm_ops,
};

/* For whoever makes one: us, or the import of a dma-buf. */
struct drm_gem_object *mgpu_object_alloc(struct drm_device *drm, size_t size)
{
	struct mgpu *gpu = to_mgpu(drm);
	struct mgpu_object *object = kzalloc(sizeof(*object), GFP_KERNEL);
	int error;

	if (!object)
		return ERR_PTR(-ENOMEM);
	error = xa_alloc_cyclic(&gpu->objects, &object->id, xa_mk_value(1),
				XA_LIMIT(MGPU_MARKER_ID + 1, U32_MAX), &gpu->object_next,
				GFP_KERNEL);
	if (error < 0) {
		kfree(object);
		return ERR_PTR(error);
	}
	object->base.base.funcs = &object_funcs;
	return &object->base.base;
}

struct mgpu_object *mgpu_object_new(struct mgpu *gpu, size_t size)
{
	struct drm_gem_shmem_object *shmem;

	shmem = drm_gem_shmem_create(gpu->drm, round_up(size, PAGE_SIZE));
	if (IS_ERR(shmem))
		return ERR_CAST(shmem);
	return to_object(&shmem->base);
}
