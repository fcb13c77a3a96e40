// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_gpu: the guest's driver of hv-gpu, a DRM driver with the ioctls of virtgpu_drm.h
 * over a VMBus channel.
 *
 * The DRM device's parent is a platform device, as libdrm knows no vmbus; each has a name
 * of its own, as libdrm takes two of one name for one. HELLO comes first: when hv-gpu
 * speaks no version of ours the probe fails and the other driver keeps the screen.
 */
#include <linux/dma-mapping.h>
#include <linux/idr.h>
#include <linux/module.h>

#include <drm/drm_atomic_helper.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_managed.h>
#include <drm/drm_modeset_helper.h>

#include "context.h"
#include "driver.h"
#include "object.h"

#define GREETING_SECONDS 60

static DEFINE_IDA(numbers);

DEFINE_DRM_GEM_FOPS(mgpu_fops);

static const struct drm_driver mgpu_driver = {
	.driver_features = DRIVER_MODESET | DRIVER_ATOMIC | DRIVER_GEM | DRIVER_RENDER |
			   DRIVER_SYNCOBJ | DRIVER_SYNCOBJ_TIMELINE | MGPU_CURSOR_HOTSPOT,
	.open = mgpu_file_open,
	.postclose = mgpu_file_close,
	.gem_create_object = mgpu_object_alloc,
	.gem_prime_import_sg_table = drm_gem_shmem_prime_import_sg_table,
	.dumb_create = mgpu_dumb_create,
	.debugfs_init = mgpu_statistics_init,
	MGPU_PRIME_OPS MGPU_FBDEV_OPS.fops = &mgpu_fops,
	.ioctls = mgpu_ioctls,
	.num_ioctls = MGPU_IOCTLS,
	.name = MGPU_NAME,
	.desc = MGPU_DESCRIPTION,
	MGPU_DATE("0").major = 0,
	.minor = 1,
};

/* ---- the parent of the DRM device ---- */

static struct platform_device *make_parent(struct hv_device *hdev, int number)
{
	char name[32];
	struct platform_device *pdev;
	int error;

	snprintf(name, sizeof(name), "mullion-gpu-%d", number);
	pdev = platform_device_alloc(name, PLATFORM_DEVID_NONE);
	if (!pdev)
		return ERR_PTR(-ENOMEM);
	pdev->dev.parent = &hdev->device;
	error = platform_device_add(pdev);
	if (!error)
		error = dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (!error)
		return pdev;
	platform_device_put(pdev);
	return ERR_PTR(error);
}

/* ---- the device's memory ---- */

static void free_device(struct drm_device *drm, void *data)
{
	struct mgpu *gpu = data;

	mgpu_capsets_forget(gpu);
	mgpu_rings_put(gpu->own);
	mgpu_shared_put(gpu->shared);
	xa_destroy(&gpu->contexts);
	xa_destroy(&gpu->objects);
}

static void init_device(struct mgpu *gpu)
{
	mgpu_channel_init(gpu);
	mgpu_reaper_init(gpu);
	init_completion(&gpu->welcomed);
	xa_init_flags(&gpu->contexts, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_BH);
	xa_init_flags(&gpu->objects, XA_FLAGS_ALLOC1);
	mutex_init(&gpu->capsets_lock);
	INIT_LIST_HEAD(&gpu->capsets);
	init_waitqueue_head(&gpu->answers);
	spin_lock_init(&gpu->display_lock);
	INIT_WORK(&gpu->hotplug_work, mgpu_hotplug_work);
	INIT_WORK(&gpu->reset_work, mgpu_reset_work);
}

static int make_shared(struct mgpu *gpu)
{
	gpu->shared = mgpu_shared_new();
	if (!gpu->shared)
		return -ENOMEM;
	gpu->own = mgpu_rings_new(gpu->shared, MULLION_GPU_OWN_RINGS, true);
	if (gpu->own)
		return drmm_add_action_or_reset(gpu->drm, free_device, gpu);
	mgpu_shared_put(gpu->shared);
	return -ENOMEM;
}

static struct mgpu *make_device(struct hv_device *hdev, struct platform_device *pdev)
{
	struct drm_device *drm = drm_dev_alloc(&mgpu_driver, &pdev->dev);
	struct mgpu *gpu;
	int error;

	if (IS_ERR(drm))
		return ERR_CAST(drm);
	gpu = drmm_kzalloc(drm, sizeof(*gpu), GFP_KERNEL);
	error = gpu ? 0 : -ENOMEM;
	if (gpu) {
		drm->dev_private = gpu;
		gpu->drm = drm;
		gpu->hdev = hdev;
		gpu->pdev = pdev;
		init_device(gpu);
		error = make_shared(gpu);
	}
	if (!error)
		return gpu;
	drm_dev_put(drm);
	return ERR_PTR(error);
}

/* ---- life ---- */

static void end_screens(struct mgpu *gpu)
{
	for (unsigned int i = 0; i < gpu->output_count; i++) {
		mgpu_primary_fini(&gpu->outputs[i]);
		mgpu_cursor_fini(&gpu->outputs[i]);
	}
}

/* Nobody sends any more, nobody waits, hv-gpu lets go of all memory. */
static void stop(struct mgpu *gpu, enum mgpu_channel_state after)
{
	/* Whoever waits for room with the lock gives up first. */
	mgpu_set_state(gpu, MGPU_GONE);
	mgpu_lock_any(gpu);
	mgpu_set_state(gpu, MGPU_GONE);
	mgpu_rings_begin_again(gpu->own);
	mgpu_unlock(gpu);
	mgpu_lose_all(gpu);
	complete_all(&gpu->welcomed);
	cancel_work_sync(&gpu->reset_work);
	mgpu_close_channel(gpu);
	mgpu_lock_any(gpu);
	mgpu_set_state(gpu, after);
	mgpu_unlock(gpu);
	mgpu_reap_all(gpu);
}

static int start(struct mgpu *gpu)
{
	int error = mgpu_open_channel(gpu);

	if (error)
		return error;
	error = mgpu_greet(gpu, GREETING_SECONDS);
	/* The one that died over it has a successor. */
	if (error == -EAGAIN)
		error = mgpu_greet(gpu, GREETING_SECONDS);
	if (error)
		stop(gpu, MGPU_CLOSED);
	return error;
}

static int show(struct mgpu *gpu)
{
	int error = mgpu_evict_firmware(&mgpu_driver);

	if (!error)
		error = mgpu_modeset_init(gpu);
	if (!error)
		error = drm_dev_register(gpu->drm, 0);
	if (error)
		return error;
	WRITE_ONCE(gpu->registered, true);
	dev_info(&gpu->pdev->dev, "%s, %u display(s)\n", gpu->welcome.renderer, gpu->output_count);
	mgpu_start_console(gpu->drm);
	/* What came in between. */
	schedule_work(&gpu->hotplug_work);
	if (mgpu_state(gpu) == MGPU_RESETTING)
		schedule_work(&gpu->reset_work);
	return 0;
}

static int probe(struct hv_device *hdev, const struct hv_vmbus_device_id *id)
{
	struct platform_device *pdev;
	int error, number = ida_alloc(&numbers, GFP_KERNEL);
	struct mgpu *gpu;

	if (number < 0)
		return number;
	pdev = make_parent(hdev, number);
	error = PTR_ERR_OR_ZERO(pdev);
	if (error)
		goto no_parent;
	gpu = make_device(hdev, pdev);
	error = PTR_ERR_OR_ZERO(gpu);
	if (error)
		goto no_device;
	gpu->number = number;
	hv_set_drvdata(hdev, gpu);
	error = start(gpu);
	if (error)
		goto no_channel;
	error = show(gpu);
	if (!error)
		return 0;
	stop(gpu, MGPU_CLOSED);
	end_screens(gpu);
no_channel:
	hv_set_drvdata(hdev, NULL);
	drm_dev_put(gpu->drm);
no_device:
	platform_device_unregister(pdev);
no_parent:
	ida_free(&numbers, number);
	return error;
}

static MGPU_HV_REMOVE remove(struct hv_device *hdev)
{
	struct mgpu *gpu = hv_get_drvdata(hdev);
	struct platform_device *pdev = gpu->pdev;
	int number = gpu->number;

	WRITE_ONCE(gpu->registered, false);
	drm_dev_unplug(gpu->drm);
	cancel_work_sync(&gpu->hotplug_work);
	drm_atomic_helper_shutdown(gpu->drm);
	stop(gpu, MGPU_CLOSED);
	end_screens(gpu);
	hv_set_drvdata(hdev, NULL);
	drm_dev_put(gpu->drm);
	platform_device_unregister(pdev);
	ida_free(&numbers, number);
	return MGPU_HV_REMOVED;
}

static void shutdown(struct hv_device *hdev)
{
	struct mgpu *gpu = hv_get_drvdata(hdev);

	if (gpu)
		drm_atomic_helper_shutdown(gpu->drm);
}

/* ---- hibernation: hv-gpu knows nothing of us afterwards ---- */

static int suspend(struct hv_device *hdev)
{
	struct mgpu *gpu = hv_get_drvdata(hdev);
	int error = drm_mode_config_helper_suspend(gpu->drm);

	if (error)
		return error;
	stop(gpu, MGPU_CLOSED);
	return 0;
}

static int resume(struct hv_device *hdev)
{
	struct mgpu *gpu = hv_get_drvdata(hdev);
	int error = start(gpu);

	if (error)
		return error;
	return drm_mode_config_helper_resume(gpu->drm);
}

#define GUID_OF(...) GUID_INIT(__VA_ARGS__)

static const struct hv_vmbus_device_id ids[] = {
	{ .guid = GUID_OF(MULLION_GPU_CLASS) },
	{},
};
MODULE_DEVICE_TABLE(vmbus, ids);

static struct hv_driver driver = {
	.name = KBUILD_MODNAME,
	.id_table = ids,
	.probe = probe,
	.remove = remove,
	.shutdown = shutdown,
	.suspend = suspend,
	.resume = resume,
	.driver = { .probe_type = PROBE_PREFER_ASYNCHRONOUS },
};

static int __init mgpu_init(void)
{
	int error;

	if (drm_firmware_drivers_only())
		return -ENODEV;
	error = mgpu_fence_module_init();
	if (error)
		return error;
	error = vmbus_driver_register(&driver);
	if (error)
		mgpu_fence_module_exit();
	return error;
}

static void __exit mgpu_exit(void)
{
	vmbus_driver_unregister(&driver);
	mgpu_fence_module_exit();
}

module_init(mgpu_init);
module_exit(mgpu_exit);

MODULE_DESCRIPTION("Guest driver of Mullion's paravirtual GPU");
MODULE_AUTHOR("The Mullion project");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
