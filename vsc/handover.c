// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's other screen, Hyper-V's synthetic video. The stock driver has it until ours is
 * there, and both would draw on one monitor: so it is taken from that driver once our screen
 * is registered, whereby the console moves over, and offered to it again when ours is gone.
 *
 * A driver that comes for it later finds it free and gets it; it shows when we do not.
 */
#include <linux/device.h>
#include <linux/hyperv.h>

#include "driver.h"

static const struct hv_vmbus_device_id video = { HV_SYNTHVID_GUID };

static bool is_video(struct device *device)
{
	return guid_equal(&device_to_hv_device(device)->dev_type, &video.guid);
}

static int take(struct device *device, void *data)
{
	if (is_video(device))
		device_release_driver(device);
	return 0;
}

static int give(struct device *device, void *data)
{
	/* Whether a driver takes it is no business of ours. */
	if (is_video(device) && device_attach(device) < 0)
		dev_dbg(device, "no driver takes it again\n");
	return 0;
}

void mgpu_take_screen(struct hv_device *hdev)
{
	bus_for_each_dev(hdev->device.bus, NULL, NULL, take);
}

void mgpu_give_screen(struct hv_device *hdev)
{
	bus_for_each_dev(hdev->device.bus, NULL, NULL, give);
}
