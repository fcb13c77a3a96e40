// SPDX-License-Identifier: GPL-2.0-only
/*
 * Another hv-gpu: after one that died, and after a suspend.
 *
 * When RESET comes all contexts are lost and all fences are signalled at once, so that
 * nobody waits for what will not come. Then HELLO begins a generation, and the screens are
 * shown again: buffers are told anew from their pages when they are needed.
 */
#include "context.h"
#include "driver.h"

#define GREETING_SECONDS 60

/* Also from the channel's callback. */
void mgpu_lose_all(struct mgpu *gpu)
{
	mgpu_contexts_lost(gpu, -EIO);
	wake_up_all(&gpu->answers);
}

/* Displays are told again by the new one. */
int mgpu_come_back(struct mgpu *gpu)
{
	int error = mgpu_greet(gpu, GREETING_SECONDS);

	if (error)
		return error;
	mgpu_reap(gpu);
	mgpu_show_again(gpu);
	return 0;
}

void mgpu_reset_work(struct work_struct *work)
{
	struct mgpu *gpu = container_of(work, struct mgpu, reset_work);
	int guard, error;

	if (!READ_ONCE(gpu->registered) || !drm_dev_enter(gpu->drm, &guard))
		return;
	dev_info(&gpu->pdev->dev, "hv-gpu has begun anew: all contexts are lost\n");
	error = mgpu_come_back(gpu);
	if (error && error != -EAGAIN && error != -ENODEV)
		dev_err(&gpu->pdev->dev, "hv-gpu is not back: %d\n", error);
	drm_dev_exit(guard);
}
