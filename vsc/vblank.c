// SPDX-License-Identifier: GPL-2.0-only
/*
 * Vblanks, of a display that has none: moments that lie whole periods behind the one at
 * which it was switched on. Counter and time are reckoned, so the timer runs only while
 * somebody waits for one.
 *
 * DRM takes a vblank's interrupt away under locks that the timer's function takes too:
 * that is never waited for there. The timer begins itself anew, under timer_lock.
 */
#include <linux/math64.h>

#include <drm/drm_modes.h>
#include <drm/drm_vblank.h>

#include "driver.h"

static u64 vblanks_until_now(const struct mgpu_output *output)
{
	s64 since = ktime_to_ns(ktime_sub(ktime_get(), output->epoch));

	if (!output->period || since < 0)
		return 0;
	return div64_u64(since, output->period);
}

static ktime_t time_of(const struct mgpu_output *output, u64 vblank)
{
	return ktime_add_ns(output->epoch, vblank * output->period);
}

u32 mgpu_vblank_counter(struct drm_crtc *crtc)
{
	return vblanks_until_now(crtc_to_output(crtc));
}

bool mgpu_vblank_timestamp(struct drm_crtc *crtc, int *error, ktime_t *time, bool in_irq)
{
	struct mgpu_output *output = crtc_to_output(crtc);

	*time = time_of(output, vblanks_until_now(output));
	*error = 0;
	return true;
}

static void begin_timer(struct mgpu_output *output)
{
	hrtimer_start(&output->timer, time_of(output, vblanks_until_now(output) + 1),
		      HRTIMER_MODE_ABS);
}

static enum hrtimer_restart tick(struct hrtimer *timer)
{
	struct mgpu_output *output = container_of(timer, struct mgpu_output, timer);
	unsigned long flags;

	drm_crtc_handle_vblank(&output->crtc);
	mgpu_flip_check(output);
	spin_lock_irqsave(&output->timer_lock, flags);
	if (output->ticking)
		begin_timer(output);
	spin_unlock_irqrestore(&output->timer_lock, flags);
	return HRTIMER_NORESTART;
}

int mgpu_enable_vblank(struct drm_crtc *crtc)
{
	struct mgpu_output *output = crtc_to_output(crtc);
	unsigned long flags;

	if (!output->period)
		return -EINVAL;
	spin_lock_irqsave(&output->timer_lock, flags);
	output->ticking = true;
	begin_timer(output);
	spin_unlock_irqrestore(&output->timer_lock, flags);
	return 0;
}

void mgpu_disable_vblank(struct drm_crtc *crtc)
{
	struct mgpu_output *output = crtc_to_output(crtc);
	unsigned long flags;

	spin_lock_irqsave(&output->timer_lock, flags);
	output->ticking = false;
	hrtimer_try_to_cancel(&output->timer);
	spin_unlock_irqrestore(&output->timer_lock, flags);
}

static u64 period_of(const struct drm_display_mode *mode)
{
	u64 pixels = (u64)mode->htotal * mode->vtotal;

	if (!mode->clock || !pixels)
		return NSEC_PER_SEC / 60;
	return max(div_u64(pixels * 1000000, mode->clock), (u64)NSEC_PER_MSEC);
}

void mgpu_vblank_on(struct mgpu_output *output)
{
	output->epoch = ktime_get();
	output->period = period_of(&output->crtc.state->adjusted_mode);
	drm_crtc_vblank_on(&output->crtc);
}

void mgpu_vblank_off(struct mgpu_output *output)
{
	drm_crtc_vblank_off(&output->crtc);
	mgpu_disable_vblank(&output->crtc);
	hrtimer_cancel(&output->timer);
	output->period = 0;
}

void mgpu_vblank_init(struct mgpu_output *output)
{
	spin_lock_init(&output->timer_lock);
	mgpu_timer_setup(&output->timer, tick);
}
