// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening the channel, and HELLO: with the first hv-gpu, with each that comes after one
 * that died, and after a suspend.
 */
#include <linux/utsname.h>

#include "driver.h"

#define RING_TO_HOST (1024 * 1024)
#define RING_TO_GUEST (128 * 1024)
#define DRIVER_VERSION (0 << 16 | 1)

static void begin_generation(struct mgpu *gpu)
{
	WRITE_ONCE(gpu->generation, gpu->generation + 1);
	mgpu_rings_begin_again(gpu->own);
}

static void fill_hello(struct mgpu *gpu, struct mullion_gpu_hello *hello)
{
	hello->version_min = MULLION_GPU_VERSION;
	hello->version_max = MULLION_GPU_VERSION;
	hello->features = MULLION_GPU_FEATURE_3D | MULLION_GPU_FEATURE_SHARE;
	hello->driver_version = DRIVER_VERSION;
	hello->page_count = MULLION_GPU_SHARED_PAGES_MAX;
	for (unsigned int i = 0; i < MULLION_GPU_SHARED_PAGES_MAX; i++)
		hello->pfns[i] = virt_to_phys((void *)gpu->shared->pages[i]) >> 12;
	strscpy(hello->driver, "mullion_gpu for Linux", sizeof(hello->driver));
	strscpy(hello->kernel, init_utsname()->release, sizeof(hello->kernel));
}

/* Numbers go on, and whatever the last hv-gpu knew is no more. */
static int send_hello(struct mgpu *gpu)
{
	struct mullion_gpu_hello *hello;
	int error = 0;

	mgpu_lock_any(gpu);
	reinit_completion(&gpu->welcomed);
	if (!mgpu_change_state(gpu, MGPU_RESETTING, MGPU_GREETING) &&
	    !mgpu_change_state(gpu, MGPU_CLOSED, MGPU_GREETING)) {
		mgpu_unlock(gpu);
		return -ENODEV;
	}
	begin_generation(gpu);
	hello = mgpu_message(gpu, MULLION_GPU_HELLO, 0, sizeof(*hello));
	if (IS_ERR(hello)) {
		error = PTR_ERR(hello);
	} else {
		fill_hello(gpu, hello);
		mgpu_send(gpu);
	}
	mgpu_unlock(gpu);
	return error;
}

static int check_welcome(struct mgpu *gpu)
{
	struct mullion_gpu_welcome *welcome = &gpu->welcome;

	if (welcome->version != MULLION_GPU_VERSION) {
		dev_err(&gpu->pdev->dev,
			"hv-gpu speaks versions %u to %u of the GPU channel, this driver version %u: the GPU is not used\n",
			welcome->version_min, welcome->version_max, MULLION_GPU_VERSION);
		return -EPROTO;
	}
	if (welcome->capset_count > MULLION_GPU_CAPSETS_MAX)
		welcome->capset_count = MULLION_GPU_CAPSETS_MAX;
	welcome->renderer[sizeof(welcome->renderer) - 1] = 0;
	welcome->features &= MULLION_GPU_FEATURE_3D | MULLION_GPU_FEATURE_SHARE;
	return 0;
}

/*
 * Says HELLO and waits for the answer. 0: the channel is ready. -EAGAIN: hv-gpu has died
 * over it, and mgpu_reset_work() will be called for the next one.
 */
int mgpu_greet(struct mgpu *gpu, unsigned int seconds)
{
	int error = send_hello(gpu);

	if (error)
		return error;
	if (!wait_for_completion_timeout(&gpu->welcomed, seconds * HZ)) {
		dev_err(&gpu->pdev->dev, "hv-gpu does not answer\n");
		return -ETIMEDOUT;
	}
	if (mgpu_state(gpu) == MGPU_GREETING) {
		error = check_welcome(gpu);
		if (error)
			return error;
	}
	if (mgpu_change_state(gpu, MGPU_GREETING, MGPU_READY))
		return 0;
	return mgpu_state(gpu) == MGPU_RESETTING ? -EAGAIN : -ENODEV;
}

int mgpu_open_channel(struct mgpu *gpu)
{
	struct vmbus_channel *channel = gpu->hdev->channel;
	int error;

	channel->max_pkt_size = MULLION_GPU_MESSAGE_MAX + 64;
	error = vmbus_open(channel, RING_TO_HOST, RING_TO_GUEST, NULL, 0, mgpu_receive, gpu);
	if (error)
		return error;
	mgpu_channel_opened(gpu);
	return 0;
}

/* No sender is on its way any more when the ring goes. */
void mgpu_close_channel(struct mgpu *gpu)
{
	mgpu_lock_any(gpu);
	mgpu_unlock(gpu);
	vmbus_close(gpu->hdev->channel);
}
