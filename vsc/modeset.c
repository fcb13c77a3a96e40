// SPDX-License-Identifier: GPL-2.0-only
/*
 * The screens: one primary plane, one cursor, one CRTC, encoder and connector for each
 * display of hv-gpu's. A commit's messages are sent from its tail.
 */
#include <drm/drm_atomic.h>
#include <drm/drm_atomic_helper.h>
#include <drm/drm_damage_helper.h>
#include <drm/drm_gem_framebuffer_helper.h>
#include <drm/drm_managed.h>
#include <drm/drm_modeset_lock.h>
#include <drm/drm_simple_kms_helper.h>
#include <drm/drm_vblank.h>

#include "driver.h"

/* As the helpers' own, but it waits for the flip, not for one more vblank behind it. */
static void commit_tail(struct drm_atomic_state *state)
{
	struct drm_device *drm = state->dev;

	drm_atomic_helper_commit_modeset_disables(drm, state);
	drm_atomic_helper_commit_modeset_enables(drm, state);
	drm_atomic_helper_commit_planes(drm, state, DRM_PLANE_COMMIT_ACTIVE_ONLY);
	drm_atomic_helper_commit_hw_done(state);
	drm_atomic_helper_wait_for_flip_done(drm, state);
	drm_atomic_helper_cleanup_planes(drm, state);
}

static const struct drm_mode_config_helper_funcs mode_config_helpers = {
	.atomic_commit_tail = commit_tail,
};

static const struct drm_mode_config_funcs mode_config_funcs = {
	.fb_create = mgpu_fb_create,
	.atomic_check = drm_atomic_helper_check,
	.atomic_commit = drm_atomic_helper_commit,
};

static int init_output(struct mgpu *gpu, unsigned int index)
{
	struct mgpu_output *output = &gpu->outputs[index];
	int error;

	output->index = index;
	mgpu_vblank_init(output);
	error = mgpu_primary_init(gpu, output);
	if (!error)
		error = mgpu_cursor_init(gpu, output);
	if (!error)
		error = mgpu_crtc_init(gpu, output);
	if (!error)
		error = drm_simple_encoder_init(gpu->drm, &output->encoder,
						DRM_MODE_ENCODER_VIRTUAL);
	if (error)
		return error;
	output->encoder.possible_crtcs = drm_crtc_mask(&output->crtc);
	return mgpu_connector_init(gpu, output);
}

int mgpu_modeset_init(struct mgpu *gpu)
{
	struct drm_mode_config *config = &gpu->drm->mode_config;
	int error = drmm_mode_config_init(gpu->drm);

	if (error)
		return error;
	config->funcs = &mode_config_funcs;
	config->helper_private = &mode_config_helpers;
	config->max_width = MGPU_SIZE_MAX;
	config->max_height = MGPU_SIZE_MAX;
	config->cursor_width = MULLION_GPU_CURSOR_SIZE;
	config->cursor_height = MULLION_GPU_CURSOR_SIZE;
	config->preferred_depth = 24;
	config->async_page_flip = true;
	config->fb_modifiers_not_supported = true;
	gpu->output_count = clamp(gpu->welcome.displays, 1u, MULLION_GPU_DISPLAYS_MAX);
	for (unsigned int i = 0; i < gpu->output_count && !error; i++)
		error = init_output(gpu, i);
	if (!error)
		error = drm_vblank_init(gpu->drm, gpu->output_count);
	if (error)
		return error;
	/* vblank.c reckons its counter and times: it need not run to keep them. */
	gpu->drm->vblank_disable_immediate = true;
	gpu->drm->max_vblank_count = U32_MAX;
	drm_mode_config_reset(gpu->drm);
	return 0;
}

/* ---- again, for another hv-gpu ---- */

static void show_output(struct mgpu *gpu, struct mgpu_output *output)
{
	struct drm_plane_state *state = output->primary.state;
	struct drm_rect all;

	if (!output->crtc.state->active)
		return;
	if (state->fb && state->visible) {
		drm_rect_init(&all, state->src.x1 >> 16, state->src.y1 >> 16,
			      drm_rect_width(&state->src) >> 16,
			      drm_rect_height(&state->src) >> 16);
		mgpu_primary_show(gpu, output, state, &all, true, NULL);
	}
	mgpu_cursor_show(gpu, output, output->cursor.state);
}

void mgpu_show_again(struct mgpu *gpu)
{
	struct drm_modeset_acquire_ctx ctx;
	int error = 0;

	DRM_MODESET_LOCK_ALL_BEGIN(gpu->drm, ctx, 0, error);
	for (unsigned int i = 0; i < gpu->output_count; i++)
		show_output(gpu, &gpu->outputs[i]);
	DRM_MODESET_LOCK_ALL_END(gpu->drm, ctx, error);
}
