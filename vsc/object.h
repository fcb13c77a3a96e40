/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buffers: GEM objects over shmem, each a resource of hv-gpu's when it is first needed.
 *
 * A dumb buffer is PLAIN, until a context takes it up: then RESOURCE_CREATE of the same id
 * makes it the renderer's, and what a program writes to it is transferred before it is
 * shown. A blob is PLAIN and shared: contexts work in its pages as they are, and these are
 * free again when RING_RETURNED says so. What hv-gpu knows of an object is told again when there is a new hv-gpu.
 */
#ifndef MGPU_OBJECT_H
#define MGPU_OBJECT_H

#include "driver.h"

/* As DRM_IOCTL_VIRTGPU_RESOURCE_CREATE says it. */
struct mgpu_shape {
	u32 target, format, bind;
	u32 width, height, depth;
	u32 array_size, last_level, samples, flags;
};

struct mgpu_object {
	struct drm_gem_shmem_object base;
	u32 id;
	bool renderer; /* a resource of the renderer's, of this shape */
	bool dumb; /* what is in its pages is what is shown */
	u32 blob; /* VIRTGPU_BLOB_MEM_*; 0: it is none */
	struct mgpu_shape shape;
	u32 stride; /* of a dumb one */
	u32 known; /* the generation that knows of it; channel.lock */
	u32 told; /* the generation that knows its pages; channel.lock */
	u32 shared; /* the generation that has it shared; channel.lock */
	struct sg_table *pages; /* pinned, for good */
	struct mgpu_dying dying;
};

static inline struct mgpu_object *to_object(struct drm_gem_object *gem)
{
	return container_of(to_drm_gem_shmem_obj(gem), struct mgpu_object, base);
}

/* Memory of a guest's own that contexts work in: Mesa's name, not in the kernel's header. */
#define MGPU_BLOB_MEM_GUEST_VRAM 4u

/* An id that no object has. */
#define MGPU_MARKER_ID 1u

struct drm_gem_object *mgpu_object_alloc(struct drm_device *drm, size_t size);
struct mgpu_object *mgpu_object_new(struct mgpu *gpu, size_t size);

/* Its pages are there and stay. Takes its reservation; not under channel.lock. */
int mgpu_object_pin(struct mgpu_object *object);
int mgpu_object_pin_for_renderer(struct mgpu *gpu, struct mgpu_object *object);

/* With channel.lock: hv-gpu knows it, with its pages; as the renderer's. The context, or 0,
 * is lost when the renderer refuses it. */
int mgpu_object_tell(struct mgpu *gpu, struct mgpu_object *object, u32 context);
int mgpu_object_tell_pages(struct mgpu *gpu, struct mgpu_object *object, u32 context);
int mgpu_object_for_renderer(struct mgpu *gpu, struct mgpu_object *object, u32 context);
/* hv-gpu gives back what it has of others before this when the number is done. */
u64 mgpu_send_marker(struct mgpu *gpu);

/* pages.c: the message PAGES, in as many as it needs. */
int mgpu_send_pages(struct mgpu *gpu, struct mgpu_object *object);
/* Bytes out of pinned pages. */
void mgpu_object_read(struct mgpu_object *object, u64 offset, void *to, u32 size);

#endif
