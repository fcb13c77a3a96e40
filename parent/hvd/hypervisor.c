/* SPDX-License-Identifier: GPL-2.0-only */
/* /dev/mullion, see hypervisor.h. */
#include "hypervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <hyperv/hypercall.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int real_ioctl(int fd, unsigned long call, void *argument)
{
	return ioctl(fd, call, argument);
}

static int call(const struct hypervisor *hypervisor, unsigned long number, void *argument)
{
	if (hypervisor->fd < 0)
		return -ENODEV;
	return hypervisor->ioctl(hypervisor->fd, number, argument) < 0 ? -errno : 0;
}

static void open_watch(struct hypervisor *hypervisor)
{
	struct mullion_watch watch = { .id = 0 };

	watch.eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (watch.eventfd < 0)
		return;
	if (call(hypervisor, MULLION_IOC_WATCH, &watch) < 0)
		close(watch.eventfd);
	else
		hypervisor->watch = watch.eventfd;
}

void hypervisor_open(struct hypervisor *hypervisor, const char *device, const char *mshv)
{
	hypervisor->ioctl = real_ioctl;
	hypervisor->watch = -1;
	hypervisor->fd = open(device, O_RDWR | O_CLOEXEC);
	hypervisor->mshv = open(mshv, O_RDWR | O_CLOEXEC);
	if (hypervisor->fd >= 0)
		open_watch(hypervisor);
}

void hypervisor_close(struct hypervisor *hypervisor)
{
	int fds[] = { hypervisor->fd, hypervisor->mshv, hypervisor->watch };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

int hypervisor_info(const struct hypervisor *hypervisor, struct mullion_hv_info *info)
{
	memset(info, 0, sizeof(*info));
	return call(hypervisor, MULLION_IOC_INFO, info);
}

int hypervisor_partition(const struct hypervisor *hypervisor, uint64_t id,
			 struct mullion_partition_info *info)
{
	struct mullion_partition_query query = { .id = id };
	int error = call(hypervisor, MULLION_IOC_PARTITION, &query);

	if (!error)
		*info = query.info;
	return error;
}

/* Thousandths of a CPU in hv's unit; what is not nothing stays more than that. */
static uint64_t share(uint32_t thousandths)
{
	return ((uint64_t)thousandths * HV_CPU_SHARE_WHOLE + DOMAIN_SHARE_MAX - 1) /
	       DOMAIN_SHARE_MAX;
}

int hypervisor_set_schedule(const struct hypervisor *hypervisor, uint64_t id,
			    const struct domain *domain)
{
	/* A reserve is at most the cap: none is below every cap on the way. */
	struct mullion_property properties[] = {
		{ .code = HV_PARTITION_PROPERTY_CPU_RESERVE, .value = 0 },
		{ .code = HV_PARTITION_PROPERTY_CPU_WEIGHT, .value = domain->weight },
		{ .code = HV_PARTITION_PROPERTY_CPU_CAP, .value = share(domain_cap(domain)) },
		{ .code = HV_PARTITION_PROPERTY_CPU_RESERVE,
		  .value = share(domain_reserve(domain)) },
	};

	for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
		int error;

		properties[i].id = id;
		error = call(hypervisor, MULLION_IOC_PROPERTY, &properties[i]);
		if (error)
			return error;
	}
	for (uint32_t vp = 0; vp < domain->vcpus; vp++) {
		const struct cpuset *cpus = domain_cpus(domain, vp);
		int error = cpus ? hypervisor_set_cpus(hypervisor, id, vp, cpus, NULL) : 0;

		if (error)
			return error;
	}
	return 0;
}

int hypervisor_set_cpus(const struct hypervisor *hypervisor, uint64_t id, uint32_t vp,
			const struct cpuset *cpus, const struct cpuset *online)
{
	struct mullion_affinity affinity = { .id = id, .vp = vp };

	memcpy(affinity.cpus, (cpus ? cpus : online)->words, sizeof(affinity.cpus));
	return call(hypervisor, MULLION_IOC_AFFINITY, &affinity);
}

int hypervisor_attach(const struct hypervisor *hypervisor, uint64_t id)
{
	struct mullion_attach attach = { .id = id };
	int fd;

	if (hypervisor->fd < 0)
		return -ENODEV;
	fd = hypervisor->ioctl(hypervisor->fd, MULLION_IOC_ATTACH, &attach);
	return fd < 0 ? -errno : fd;
}
