// SPDX-License-Identifier: GPL-2.0-only
/*
 * CRTCs, and when a flip is over: at a vblank, once the picture is on hv-gpu's screen
 * (RING_SCREEN), which is read, not waited for; without the vblank when the program asks
 * for that. When hv-gpu takes too long the program goes on.
 */
#include <drm/drm_atomic.h>
#include <drm/drm_atomic_helper.h>
#include <drm/drm_vblank.h>

#include "driver.h"

#define FLIP_LIMIT_MS 1000

static void atomic_enable(struct drm_crtc *crtc, struct drm_atomic_state *state)
{
	mgpu_vblank_on(crtc_to_output(crtc));
}

static void send_now(struct drm_crtc *crtc)
{
	struct drm_pending_vblank_event *event = crtc->state->event;

	if (!event)
		return;
	crtc->state->event = NULL;
	spin_lock_irq(&crtc->dev->event_lock);
	drm_crtc_send_vblank_event(crtc, event);
	spin_unlock_irq(&crtc->dev->event_lock);
}

/* With event_lock. */
static void flip_done(struct mgpu_output *output)
{
	struct drm_pending_vblank_event *event = output->event;

	output->event = NULL;
	drm_crtc_send_vblank_event(&output->crtc, event);
	drm_crtc_vblank_put(&output->crtc);
}

static void atomic_disable(struct drm_crtc *crtc, struct drm_atomic_state *state)
{
	struct mgpu_output *output = crtc_to_output(crtc);

	spin_lock_irq(&crtc->dev->event_lock);
	if (output->event)
		flip_done(output);
	spin_unlock_irq(&crtc->dev->event_lock);
	mgpu_vblank_off(output);
	mgpu_primary_dark(to_mgpu(crtc->dev), output);
	if (!crtc->state->active)
		send_now(crtc);
}

/* At a vblank, and when the fence of a flip that waits for none is done. */
void mgpu_flip_check(struct mgpu_output *output)
{
	struct mgpu *gpu = to_mgpu(output->crtc.dev);
	const struct mgpu_timeline *screen = &gpu->own->list[MULLION_GPU_RING_SCREEN];
	unsigned long flags;

	spin_lock_irqsave(&output->crtc.dev->event_lock, flags);
	if (output->event && (mgpu_number_done(screen, output->event_number) || !mgpu_ready(gpu) ||
			      ktime_after(ktime_get(), output->event_limit)))
		flip_done(output);
	spin_unlock_irqrestore(&output->crtc.dev->event_lock, flags);
}

static void take_event(struct mgpu_output *output, struct drm_pending_vblank_event *event)
{
	spin_lock_irq(&output->crtc.dev->event_lock);
	output->event = event;
	output->event_number = output->number;
	output->event_limit = ktime_add_ms(ktime_get(), FLIP_LIMIT_MS);
	spin_unlock_irq(&output->crtc.dev->event_lock);
}

static void atomic_flush(struct drm_crtc *crtc, struct drm_atomic_state *state)
{
	struct mgpu_output *output = crtc_to_output(crtc);
	struct drm_pending_vblank_event *event = crtc->state->event;

	if (!event)
		return;
	if (drm_crtc_vblank_get(crtc)) {
		send_now(crtc);
		return;
	}
	crtc->state->event = NULL;
	take_event(output, event);
	if (crtc->state->async_flip)
		mgpu_flip_check(output);
}

static const struct drm_crtc_helper_funcs crtc_helpers = {
	.atomic_enable = atomic_enable,
	.atomic_disable = atomic_disable,
	.atomic_flush = atomic_flush,
};

static const struct drm_crtc_funcs crtc_funcs = {
	.set_config = drm_atomic_helper_set_config,
	.page_flip = drm_atomic_helper_page_flip,
	.destroy = drm_crtc_cleanup,
	.reset = drm_atomic_helper_crtc_reset,
	.atomic_duplicate_state = drm_atomic_helper_crtc_duplicate_state,
	.atomic_destroy_state = drm_atomic_helper_crtc_destroy_state,
	.enable_vblank = mgpu_enable_vblank,
	.disable_vblank = mgpu_disable_vblank,
	.get_vblank_counter = mgpu_vblank_counter,
	.get_vblank_timestamp = mgpu_vblank_timestamp,
};

int mgpu_crtc_init(struct mgpu *gpu, struct mgpu_output *output)
{
	int error = drm_crtc_init_with_planes(gpu->drm, &output->crtc, &output->primary,
					      &output->cursor, &crtc_funcs, NULL);

	if (!error)
		drm_crtc_helper_add(&output->crtc, &crtc_helpers);
	return error;
}
