/* SPDX-License-Identifier: GPL-2.0-only */
/* /dev/mullion: see device.h. */
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mullion/cpuid.h>

#include "error.h"

static enum hvctl_status report_open(int error)
{
	switch (error) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return error_report(
			HVCTL_UNREACHABLE,
			"no Mullion hypervisor under this machine (is mullion_root loaded?)");
	case EACCES:
	case EPERM:
		return error_report(HVCTL_DENIED, "may not open %s: %s", MULLION_DEVICE,
				    strerror(error));
	default:
		return error_errno(error, "cannot open %s", MULLION_DEVICE);
	}
}

/* What every version of the structure has: fields are only added behind it. */
#define INFO_MIN \
	(offsetof(struct mullion_hv_info, options) + sizeof(((struct device *)0)->info.options))

static enum hvctl_status ask(struct device *device)
{
	struct mullion_hv_info *info = &device->info;

	if (ioctl(device->fd, MULLION_IOC_INFO, info) < 0) {
		if (errno == ENOTTY)
			return error_report(HVCTL_UNSUPPORTED,
					    "%s does not answer (is it mullion_root's?)",
					    MULLION_DEVICE);
		return error_errno(errno, "cannot ask %s", MULLION_DEVICE);
	}
	if (info->abi != MULLION_PARENT_ABI || info->size < INFO_MIN)
		return error_report(HVCTL_UNSUPPORTED,
				    "hv speaks parent ABI %u (%u bytes), hvctl ABI %u (%zu bytes)",
				    info->abi, info->size, MULLION_PARENT_ABI, INFO_MIN);
	info->backend[sizeof(info->backend) - 1] = '\0';
	info->build[sizeof(info->build) - 1] = '\0';
	info->options[sizeof(info->options) - 1] = '\0';
	return HVCTL_OK;
}

enum hvctl_status device_open(struct device *device)
{
	enum hvctl_status status;

	*device = (struct device){ .fd = open(MULLION_DEVICE, O_RDONLY | O_CLOEXEC) };
	if (device->fd < 0)
		return report_open(errno);
	status = ask(device);
	if (status != HVCTL_OK) {
		device_close(device);
		return status;
	}
	error_detail("%s: parent ABI %u, log %llu bytes, statistics %llu bytes", MULLION_DEVICE,
		     device->info.abi, (unsigned long long)device->info.log_size,
		     (unsigned long long)device->info.stats_size);
	return HVCTL_OK;
}

void device_close(struct device *device)
{
	close(device->fd);
	device->fd = -1;
}

static enum hvctl_status map(const struct device *device, const char *name, uint32_t feature,
			     off_t offset, uint64_t size, struct shared *shared)
{
	void *memory;

	if (!(device->info.features & feature) || !size)
		return error_report(HVCTL_UNSUPPORTED, "hv offers no %s", name);
	memory = mmap(NULL, size, PROT_READ, MAP_SHARED, device->fd, offset);
	if (memory == MAP_FAILED)
		return error_errno(errno, "cannot map hv's %s", name);
	*shared = (struct shared){ .memory = memory, .size = size };
	return HVCTL_OK;
}

enum hvctl_status device_map_log(const struct device *device, struct shared *log)
{
	return map(device, "log", MULLION_FEATURE_LOG, MULLION_MMAP_LOG, device->info.log_size,
		   log);
}

enum hvctl_status device_map_stats(const struct device *device, struct shared *stats)
{
	return map(device, "statistics", MULLION_FEATURE_STATS, MULLION_MMAP_STATS,
		   device->info.stats_size, stats);
}

void device_unmap(struct shared *shared)
{
	munmap(shared->memory, shared->size);
	*shared = (struct shared){ 0 };
}
