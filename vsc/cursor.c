// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cursor planes. Where the cursor is lies in the shared page, and a move is no message.
 * An image is copied to one of two buffers of ours, 64 by 64 as hv-gpu wants it: a
 * program's may be smaller, or the renderer's, which is read back first.
 */
#include <linux/delay.h>
#include <linux/vmalloc.h>

#include <drm/drm_atomic.h>
#include <drm/drm_atomic_helper.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_framebuffer.h>
#include <drm/drm_gem_atomic_helper.h>

#include "object.h"

#define SIZE MULLION_GPU_CURSOR_SIZE
#define STRIDE (SIZE * 4)
#define READ_TIME (HZ / 2)

static const u32 formats[] = { DRM_FORMAT_ARGB8888 };

/* ---- the image ---- */

/* The renderer's picture to its pages. */
static int read_back(struct mgpu *gpu, struct mgpu_object *object, const struct drm_framebuffer *fb)
{
	struct mgpu_fence *fence = mgpu_fence_new(&gpu->own->list[MULLION_GPU_RING_DRAWN]);
	struct mullion_gpu_transfer *message;
	int error;

	if (!fence)
		return -ENOMEM;
	error = mgpu_lock(gpu, MGPU_PATIENT);
	if (error)
		goto out;
	error = mgpu_object_tell_pages(gpu, object, 0);
	message = error ? ERR_PTR(error) :
			  mgpu_message(gpu, MULLION_GPU_TRANSFER_FROM, 0, sizeof(*message));
	if (!IS_ERR(message)) {
		message->resource = object->id;
		message->width = fb->width;
		message->height = fb->height;
		message->depth = 1;
		message->stride = fb->pitches[0];
		message->offset = fb->offsets[0];
		mgpu_fence_give(gpu, fence, &message->header);
		mgpu_send(gpu);
	}
	mgpu_unlock(gpu);
	error = PTR_ERR_OR_ZERO(message);
	if (!error && dma_fence_wait_timeout(&fence->base, false, READ_TIME) <= 0)
		error = -ETIMEDOUT;
out:
	dma_fence_put(&fence->base);
	return error;
}

static void copy_image(struct mgpu_object *from, const struct drm_framebuffer *fb, u8 *to)
{
	u32 width = min(fb->width, SIZE), height = min(fb->height, SIZE);

	memset(to, 0, SIZE * STRIDE);
	for (u32 y = 0; y < height; y++)
		mgpu_object_read(from, fb->offsets[0] + (u64)y * fb->pitches[0], to + y * STRIDE,
				 width * 4);
}

/* hv-gpu has copied what it was told of this one before. */
static void wait_for_image(struct mgpu *gpu, struct mgpu_output *output, unsigned int number)
{
	const struct mgpu_timeline *screen = &gpu->own->list[MULLION_GPU_RING_SCREEN];

	for (int i = 0; i < 100 && mgpu_ready(gpu); i++) {
		if (mgpu_number_done(screen, output->cursor_numbers[number]))
			return;
		usleep_range(200, 1000);
	}
}

static struct mgpu_object *draw_image(struct mgpu *gpu, struct mgpu_output *output,
				      const struct drm_framebuffer *fb)
{
	unsigned int number = output->cursor_next;
	struct mgpu_object *to = to_object(output->cursor_images[number]);
	struct mgpu_object *from = to_object(fb->obj[0]);

	if (from->renderer && !from->dumb && read_back(gpu, from, fb))
		return NULL;
	if (!from->base.pages)
		return NULL; /* somebody else's memory */
	wait_for_image(gpu, output, number);
	copy_image(from, fb, output->cursor_bytes[number]);
	return to;
}

static void send_cursor(struct mgpu *gpu, struct mgpu_output *output, struct mgpu_object *image,
			u32 hot_x, u32 hot_y)
{
	struct mullion_gpu_cursor *message;

	if (mgpu_lock(gpu, MGPU_PATIENT))
		return;
	if (!image || !mgpu_object_tell_pages(gpu, image, 0)) {
		message = mgpu_message(gpu, MULLION_GPU_CURSOR, 0, sizeof(*message));
		if (!IS_ERR(message)) {
			message->display = output->index;
			message->resource = image ? image->id : 0;
			message->hot_x = min_t(u32, hot_x, SIZE - 1);
			message->hot_y = min_t(u32, hot_y, SIZE - 1);
			output->cursor_numbers[output->cursor_next] = mgpu_number_give(
				&gpu->own->list[MULLION_GPU_RING_SCREEN], &message->header);
			gpu->statistics.cursors++;
			mgpu_send(gpu);
		}
	}
	mgpu_unlock(gpu);
	output->cursor_next ^= 1;
}

void mgpu_cursor_show(struct mgpu *gpu, struct mgpu_output *output, struct drm_plane_state *state)
{
	struct mgpu_object *image = NULL;

	if (state->fb && state->crtc)
		image = draw_image(gpu, output, state->fb);
	send_cursor(gpu, output, image, mgpu_hot_x(state), mgpu_hot_y(state));
}

static void move(struct mgpu *gpu, struct mgpu_output *output, const struct drm_plane_state *state)
{
	u16 x = state->crtc_x + mgpu_hot_x(state), y = state->crtc_y + mgpu_hot_y(state);

	WRITE_ONCE(mgpu_shared_page(gpu->shared)->cursor[output->index], (u32)y << 16 | x);
}

/* ---- the plane ---- */

static int prepare_fb(struct drm_plane *plane, struct drm_plane_state *state)
{
	int error;

	if (!state->fb)
		return 0;
	error = mgpu_object_pin(to_object(state->fb->obj[0]));
	return error ?: mgpu_plane_fences(to_mgpu(plane->dev), plane, state);
}

static int atomic_check(struct drm_plane *plane, struct drm_atomic_state *state)
{
	struct drm_plane_state *new = drm_atomic_get_new_plane_state(state, plane);
	struct drm_crtc_state *crtc = NULL;

	if (new->crtc &&new->fb)
		crtc = drm_atomic_get_new_crtc_state(state, new->crtc);
	if (!crtc)
		return 0;
	if (new->fb->width > SIZE || new->fb->height > SIZE)
		return -EINVAL;
	return drm_atomic_helper_check_plane_state(new, crtc, DRM_PLANE_NO_SCALING,
						   DRM_PLANE_NO_SCALING, true, true);
}

static bool is_same_image(const struct drm_plane_state *old, const struct drm_plane_state *new)
{
	return old->fb == new->fb && old->crtc == new->crtc &&mgpu_hot_x(old) == mgpu_hot_x(new) &&
	       mgpu_hot_y(old) == mgpu_hot_y(new);
}

static void atomic_update(struct drm_plane *plane, struct drm_atomic_state *state)
{
	struct drm_plane_state *old = drm_atomic_get_old_plane_state(state, plane);
	struct drm_crtc *crtc = plane->state->crtc ?: old->crtc;
	struct mgpu *gpu = to_mgpu(plane->dev);

	if (!crtc)
		return;
	if (plane->state->crtc)
		move(gpu, crtc_to_output(crtc), plane->state);
	if (!is_same_image(old, plane->state))
		mgpu_cursor_show(gpu, crtc_to_output(crtc), plane->state);
}

/* A mere move overtakes a commit that is under way. */
static int atomic_async_check(MGPU_ASYNC_CHECK_ARGUMENTS)
{
	struct drm_plane_state *new = drm_atomic_get_new_plane_state(state, plane);

	if (!new->fb || plane->state->fb != new->fb || plane->state->crtc != new->crtc)
		return -EINVAL;
	return is_same_image(plane->state, new) ? 0 : -EINVAL;
}

static void atomic_async_update(struct drm_plane *plane, struct drm_atomic_state *state)
{
	struct drm_plane_state *new = drm_atomic_get_new_plane_state(state, plane);

	plane->state->crtc_x = new->crtc_x;
	plane->state->crtc_y = new->crtc_y;
	plane->state->src_x = new->src_x;
	plane->state->src_y = new->src_y;
	if (plane->state->crtc)
		move(to_mgpu(plane->dev), crtc_to_output(plane->state->crtc), plane->state);
}

static const struct drm_plane_helper_funcs helpers = {
	.prepare_fb = prepare_fb,
	.atomic_check = atomic_check,
	.atomic_update = atomic_update,
	.atomic_async_check = atomic_async_check,
	.atomic_async_update = atomic_async_update,
};

static const struct drm_plane_funcs funcs = {
	.update_plane = drm_atomic_helper_update_plane,
	.disable_plane = drm_atomic_helper_disable_plane,
	.destroy = drm_plane_cleanup,
	.reset = drm_atomic_helper_plane_reset,
	.atomic_duplicate_state = drm_atomic_helper_plane_duplicate_state,
	.atomic_destroy_state = drm_atomic_helper_plane_destroy_state,
};

/* ---- the images ---- */

static int make_image(struct mgpu *gpu, struct mgpu_output *output, unsigned int number)
{
	struct mgpu_object *object = mgpu_object_new(gpu, SIZE * STRIDE);
	int error;

	if (IS_ERR(object))
		return PTR_ERR(object);
	output->cursor_images[number] = &object->base.base;
	error = mgpu_object_pin(object);
	if (error)
		return error;
	output->cursor_bytes[number] =
		vmap(object->base.pages, SIZE * STRIDE / PAGE_SIZE, VM_MAP, PAGE_KERNEL);
	return output->cursor_bytes[number] ? 0 : -ENOMEM;
}

void mgpu_cursor_fini(struct mgpu_output *output)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(output->cursor_images); i++) {
		vunmap(output->cursor_bytes[i]);
		if (output->cursor_images[i])
			drm_gem_object_put(output->cursor_images[i]);
		output->cursor_images[i] = NULL;
		output->cursor_bytes[i] = NULL;
	}
}

int mgpu_cursor_init(struct mgpu *gpu, struct mgpu_output *output)
{
	int error = drm_universal_plane_init(gpu->drm, &output->cursor, BIT(output->index), &funcs,
					     formats, ARRAY_SIZE(formats), NULL,
					     DRM_PLANE_TYPE_CURSOR, NULL);

	if (error)
		return error;
	drm_plane_helper_add(&output->cursor, &helpers);
	for (unsigned int i = 0; i < ARRAY_SIZE(output->cursor_images) && !error; i++)
		error = make_image(gpu, output, i);
	return error;
}
