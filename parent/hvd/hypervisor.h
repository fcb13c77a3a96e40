/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What hvd has to do with hv itself: /dev/mullion. A partition's life is its
 * worker's matter; here are its share of the CPUs, and what hv knows of it.
 */
#ifndef HVD_HYPERVISOR_H
#define HVD_HYPERVISOR_H

/* Before uapi.h, which has these types of its own otherwise. */
#include <linux/types.h>

#include <mullion/uapi.h>
#include <stdbool.h>
#include <stdint.h>

#include "domain.h"

struct hypervisor {
	int fd; /* /dev/mullion; -1: there is no hypervisor */
	int mshv; /* /dev/mshv; -1: none */
	int watch; /* eventfd that hv's news come by; -1: none */
	int (*ioctl)(int fd, unsigned long call, void *argument); /* a test's own */
};

/* Opens what is there; without a hypervisor the descriptors are -1. */
void hypervisor_open(struct hypervisor *hypervisor, const char *device, const char *mshv);
void hypervisor_close(struct hypervisor *hypervisor);

/* All return 0 or -errno; -ENODEV without a hypervisor. */
int hypervisor_info(const struct hypervisor *hypervisor, struct mullion_hv_info *info);

/* The first partition whose id is at least id; -ENOENT when there is none. */
int hypervisor_partition(const struct hypervisor *hypervisor, uint64_t id,
			 struct mullion_partition_info *info);

/* weight, cap and reserve as the domain has them, and the CPUs of all its VPs. */
int hypervisor_set_schedule(const struct hypervisor *hypervisor, uint64_t id,
			    const struct domain *domain);

/* A file that stands for the partition, for whoever serves its devices; -errno. */
int hypervisor_attach(const struct hypervisor *hypervisor, uint64_t id);

/* The CPUs of one VP; NULL: any of online. */
int hypervisor_set_cpus(const struct hypervisor *hypervisor, uint64_t id, uint32_t vp,
			const struct cpuset *cpus, const struct cpuset *online);

#endif
