/* SPDX-License-Identifier: GPL-2.0-only */
/* /dev/mullion (mullion/uapi.h), opened, checked and mapped. */
#ifndef HVCTL_DEVICE_H
#define HVCTL_DEVICE_H

#include <mullion/uapi.h>

#include "hvctl.h"
#include "shared.h"

struct device {
	int fd;
	struct mullion_hv_info info; /* its strings end with NUL; their bytes are hv's */
};

/*
 * Opens the device and asks for info. Errors are reported: HVCTL_UNREACHABLE
 * without hv, HVCTL_DENIED, HVCTL_UNSUPPORTED when hv or the module speaks
 * another ABI. On HVCTL_OK device_close() gives it back.
 */
enum hvctl_status device_open(struct device *device);
void device_close(struct device *device);

/*
 * Maps hv's log or statistics. Errors are reported: HVCTL_UNSUPPORTED when hv
 * has none. The mapping outlives the device; device_unmap() gives it back.
 */
enum hvctl_status device_map_log(const struct device *device, struct shared *log);
enum hvctl_status device_map_stats(const struct device *device, struct shared *stats);
void device_unmap(struct shared *shared);

#endif
