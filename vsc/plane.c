// SPDX-License-Identifier: GPL-2.0-only
/*
 * Primary planes: SCANOUT when another buffer or part of it is shown, FLUSH for what has
 * changed. A dumb buffer that a renderer has taken up is transferred first.
 *
 * Fences of buffers whose drawing is in the channel's order are not waited for: FLUSH
 * comes behind it.
 */
#include <linux/dma-fence-unwrap.h>
#include <linux/dma-resv.h>

#include <drm/drm_atomic.h>
#include <drm/drm_atomic_helper.h>
#include <drm/drm_damage_helper.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_framebuffer.h>
#include <drm/drm_gem_atomic_helper.h>

#include "object.h"

static const u32 formats[] = { DRM_FORMAT_XRGB8888, DRM_FORMAT_ARGB8888 };

/* ---- fences ---- */

static bool all_in_order(struct mgpu *gpu, struct dma_fence *fence)
{
	struct dma_fence_unwrap cursor;
	struct dma_fence *one;

	dma_fence_unwrap_for_each(one, &cursor, fence)
	{
		if (!mgpu_fence_in_order(gpu->shared, one)) {
			dma_fence_put(cursor.chain);
			return false;
		}
	}
	return true;
}

static bool buffer_in_order(struct mgpu *gpu, struct drm_gem_object *gem)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	bool in_order = true;

	dma_resv_iter_begin(&cursor, gem->resv, DMA_RESV_USAGE_WRITE);
	dma_resv_for_each_fence_unlocked(&cursor, fence)
	{
		if (!mgpu_fence_in_order(gpu->shared, fence)) {
			in_order = false;
			break;
		}
	}
	dma_resv_iter_end(&cursor);
	return in_order;
}

int mgpu_plane_fences(struct mgpu *gpu, struct drm_plane *plane, struct drm_plane_state *state)
{
	if (state->fence && all_in_order(gpu, state->fence)) {
		dma_fence_put(state->fence);
		state->fence = NULL;
	}
	if (buffer_in_order(gpu, state->fb->obj[0]))
		return 0;
	return drm_gem_plane_helper_prepare_fb(plane, state);
}

/* ---- messages, under channel.lock ---- */

struct view {
	u32 x, y, width, height; /* of the buffer's that is shown */
};

static struct view view_of(const struct drm_plane_state *state)
{
	return (struct view){ state->src.x1 >> 16, state->src.y1 >> 16,
			      drm_rect_width(&state->src) >> 16,
			      drm_rect_height(&state->src) >> 16 };
}

static int send_scanout(struct mgpu *gpu, struct mgpu_output *output, struct mgpu_object *object,
			const struct drm_plane_state *state)
{
	const struct drm_framebuffer *fb = state->fb;
	struct view view = view_of(state);
	struct mullion_gpu_scanout *message;

	message = mgpu_message(gpu, MULLION_GPU_SCANOUT, 0, sizeof(*message));
	if (IS_ERR(message))
		return PTR_ERR(message);
	message->display = output->index;
	message->resource = object->id;
	message->x = view.x;
	message->y = view.y;
	message->width = view.width;
	message->height = view.height;
	if (!object->renderer) {
		message->format = fb->format->format;
		message->stride = fb->pitches[0];
		message->offset = fb->offsets[0];
	}
	mgpu_send(gpu);
	return 0;
}

/* What the CPU has drawn to a buffer that is the renderer's now. */
static int send_drawn(struct mgpu *gpu, struct mgpu_object *object,
		      const struct drm_plane_state *state, const struct drm_rect *damage)
{
	const struct drm_framebuffer *fb = state->fb;
	struct mullion_gpu_transfer *message;

	message = mgpu_message(gpu, MULLION_GPU_TRANSFER_TO, 0, sizeof(*message));
	if (IS_ERR(message))
		return PTR_ERR(message);
	message->resource = object->id;
	message->x = damage->x1;
	message->y = damage->y1;
	message->width = drm_rect_width(damage);
	message->height = drm_rect_height(damage);
	message->depth = 1;
	message->stride = fb->pitches[0];
	message->offset = fb->offsets[0] + (u64)damage->y1 * fb->pitches[0] + (u64)damage->x1 * 4;
	mgpu_send(gpu);
	return 0;
}

static int send_flush(struct mgpu *gpu, struct mgpu_output *output,
		      const struct drm_plane_state *state, const struct drm_rect *damage,
		      struct mgpu_fence *fence)
{
	struct mgpu_timeline *screen = &gpu->own->list[MULLION_GPU_RING_SCREEN];
	struct view view = view_of(state);
	struct mullion_gpu_flush *message;

	message = mgpu_message(gpu, MULLION_GPU_FLUSH, 0, sizeof(*message));
	if (IS_ERR(message))
		return PTR_ERR(message);
	message->display = output->index;
	message->x = damage->x1 - view.x;
	message->y = damage->y1 - view.y;
	message->width = drm_rect_width(damage);
	message->height = drm_rect_height(damage);
	if (fence)
		mgpu_fence_give(gpu, fence, &message->header);
	else
		mgpu_number_give(screen, &message->header);
	output->number = screen->last;
	gpu->statistics.flushes++;
	mgpu_send(gpu);
	return 0;
}

static int show(struct mgpu *gpu, struct mgpu_output *output, const struct drm_plane_state *state,
		const struct drm_rect *damage, bool scanout, struct mgpu_fence *fence)
{
	struct mgpu_object *object = to_object(state->fb->obj[0]);
	bool again = object->known != gpu->generation;
	int error;

	if (object->renderer && !object->dumb)
		error = mgpu_object_tell(gpu, object, 0);
	else
		error = mgpu_object_tell_pages(gpu, object, 0);
	if (!error && (scanout || again))
		error = send_scanout(gpu, output, object, state);
	if (!error && object->renderer && object->dumb)
		error = send_drawn(gpu, object, state, damage);
	if (!error)
		error = send_flush(gpu, output, state, damage, fence);
	return error;
}

void mgpu_primary_show(struct mgpu *gpu, struct mgpu_output *output, struct drm_plane_state *state,
		       const struct drm_rect *damage, bool scanout, struct mgpu_fence *fence)
{
	struct view view = view_of(state);
	struct drm_rect shown = DRM_RECT_INIT(view.x, view.y, view.width, view.height);

	if (!drm_rect_intersect(&shown, damage))
		return;
	/* What cannot be told now is told when there is a hv-gpu again. */
	if (mgpu_lock(gpu, MGPU_PATIENT))
		return;
	show(gpu, output, state, &shown, scanout, fence);
	mgpu_unlock(gpu);
}

void mgpu_primary_dark(struct mgpu *gpu, struct mgpu_output *output)
{
	struct mullion_gpu_scanout *message;

	if (mgpu_lock(gpu, MGPU_PATIENT))
		return;
	message = mgpu_message(gpu, MULLION_GPU_SCANOUT, 0, sizeof(*message));
	if (!IS_ERR(message)) {
		message->display = output->index;
		mgpu_send(gpu);
	}
	mgpu_unlock(gpu);
}

/* ---- asynchronous flips ---- */

static void flip_fence_done(struct dma_fence *fence, struct dma_fence_cb *callback)
{
	mgpu_flip_check(container_of(callback, struct mgpu_output, flip_callback));
}

void mgpu_primary_fini(struct mgpu_output *output)
{
	if (!output->flip_fence)
		return;
	dma_fence_remove_callback(&output->flip_fence->base, &output->flip_callback);
	dma_fence_put(&output->flip_fence->base);
	output->flip_fence = NULL;
}

/* One that does not wait for the vblank is told when its fence is done. */
static struct mgpu_fence *prepare_flip(struct mgpu *gpu, struct mgpu_output *output)
{
	mgpu_primary_fini(output);
	if (!output->crtc.state->async_flip)
		return NULL;
	output->flip_fence = mgpu_fence_new(&gpu->own->list[MULLION_GPU_RING_SCREEN]);
	if (output->flip_fence)
		dma_fence_add_callback(&output->flip_fence->base, &output->flip_callback,
				       flip_fence_done);
	return output->flip_fence;
}

/* ---- the plane ---- */

static int prepare_fb(struct drm_plane *plane, struct drm_plane_state *state)
{
	struct mgpu_object *object;
	int error;

	if (!state->fb)
		return 0;
	object = to_object(state->fb->obj[0]);
	if (!object->renderer || object->dumb) {
		error = mgpu_object_pin(object);
		if (error)
			return error;
	}
	return mgpu_plane_fences(to_mgpu(plane->dev), plane, state);
}

static int atomic_check(struct drm_plane *plane, struct drm_atomic_state *state)
{
	struct drm_plane_state *new = drm_atomic_get_new_plane_state(state, plane);
	struct drm_crtc_state *crtc = NULL;

	if (new->crtc)
		crtc = drm_atomic_get_new_crtc_state(state, new->crtc);
	if (!crtc)
		return 0;
	return drm_atomic_helper_check_plane_state(new, crtc, DRM_PLANE_NO_SCALING,
						   DRM_PLANE_NO_SCALING, false, true);
}

static void atomic_update(struct drm_plane *plane, struct drm_atomic_state *state)
{
	struct drm_plane_state *old = drm_atomic_get_old_plane_state(state, plane);
	struct mgpu *gpu = to_mgpu(plane->dev);
	struct drm_crtc_state *crtc;
	struct mgpu_output *output;
	struct drm_rect damage;
	bool scanout;

	if (!plane->state->crtc || !plane->state->fb || !plane->state->visible)
		return;
	output = crtc_to_output(plane->state->crtc);
	crtc = drm_atomic_get_new_crtc_state(state, plane->state->crtc);
	scanout = plane->state->fb != old->fb || !old->visible ||
		  !drm_rect_equals(&plane->state->src, &old->src) ||
		  (crtc && drm_atomic_crtc_needs_modeset(crtc));
	if (scanout && (!crtc || drm_atomic_crtc_needs_modeset(crtc)))
		drm_rect_init(&damage, 0, 0, plane->state->fb->width, plane->state->fb->height);
	else if (!drm_atomic_helper_damage_merged(old, plane->state, &damage))
		return;
	mgpu_primary_show(gpu, output, plane->state, &damage, scanout, prepare_flip(gpu, output));
}

/* The CRTC stays on: a dark picture. */
static void atomic_disable(struct drm_plane *plane, struct drm_atomic_state *state)
{
	struct drm_plane_state *old = drm_atomic_get_old_plane_state(state, plane);

	if (old->crtc)
		mgpu_primary_dark(to_mgpu(plane->dev), crtc_to_output(old->crtc));
}

static const struct drm_plane_helper_funcs helpers = {
	.prepare_fb = prepare_fb,
	.atomic_check = atomic_check,
	.atomic_update = atomic_update,
	.atomic_disable = atomic_disable,
};

static const struct drm_plane_funcs funcs = {
	.update_plane = drm_atomic_helper_update_plane,
	.disable_plane = drm_atomic_helper_disable_plane,
	.destroy = drm_plane_cleanup,
	.reset = drm_atomic_helper_plane_reset,
	.atomic_duplicate_state = drm_atomic_helper_plane_duplicate_state,
	.atomic_destroy_state = drm_atomic_helper_plane_destroy_state,
};

int mgpu_primary_init(struct mgpu *gpu, struct mgpu_output *output)
{
	int error = drm_universal_plane_init(gpu->drm, &output->primary, BIT(output->index), &funcs,
					     formats, ARRAY_SIZE(formats), NULL,
					     DRM_PLANE_TYPE_PRIMARY, NULL);

	if (error)
		return error;
	drm_plane_helper_add(&output->primary, &helpers);
	drm_plane_enable_fb_damage_clips(&output->primary);
	return 0;
}
