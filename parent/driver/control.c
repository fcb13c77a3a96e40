// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: what whoever manages partitions asks of /dev/mullion: list, watch,
 * share of the CPUs, attach (mullion/uapi.h).
 */
#include <linux/capability.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <hyperv/hypercall.h>
#include <hyperv/status.h>
#include <mullion/uapi.h>
#include "calls.h"
#include "control.h"
#include "events.h"
#include "mullion_root.h"
#include "partition.h"
#include "watch.h"

static int control_errno(u16 status)
{
	switch (status) {
	case HV_STATUS_INVALID_PARTITION_ID:
		return -ENOENT;
	case HV_STATUS_UNKNOWN_PROPERTY:
	case HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE:
		return -EINVAL;
	default:
		return mullion_errno(status);
	}
}

static long query_partition(struct mullion_watches *watches, void __user *argument)
{
	struct mullion_partition_query __user *user = argument;
	struct mullion_partition_info *info;
	u64 id;
	int error;

	if (get_user(id, &user->id))
		return -EFAULT;
	info = (void *)get_zeroed_page(GFP_KERNEL);
	if (!info)
		return -ENOMEM;
	error = control_errno(
		mullion_hypercall(MULLION_CALL_GET_PARTITION, id, virt_to_phys(info)));
	info->size = min_t(u32, info->size, sizeof(*info));
	if (!error && copy_to_user(&user->info, info, sizeof(*info)))
		error = -EFAULT;
	free_page((unsigned long)info);
	return error;
}

static long watch(struct mullion_watches *watches, void __user *argument)
{
	struct mullion_watch user;

	if (copy_from_user(&user, argument, sizeof(user)))
		return -EFAULT;
	if (user.reserved)
		return -EINVAL;
	return mullion_watch_add(watches, user.id, user.eventfd);
}

static long set_property(struct mullion_watches *watches, void __user *argument)
{
	struct hv_input_set_partition_property input = {};
	struct mullion_property user;

	if (copy_from_user(&user, argument, sizeof(user)))
		return -EFAULT;
	if (user.reserved || (user.code != HV_PARTITION_PROPERTY_CPU_RESERVE &&
			      user.code != HV_PARTITION_PROPERTY_CPU_CAP &&
			      user.code != HV_PARTITION_PROPERTY_CPU_WEIGHT))
		return -EINVAL;
	input.partition_id = user.id;
	input.property_code = user.code;
	input.property_value = user.value;
	return control_errno(hv_status(
		mullion_call(HVCALL_SET_PARTITION_PROPERTY, &input, sizeof(input), NULL, 0)));
}

/* This kernel's CPU numbers become hv's. CPUs that are not online do not count. */
static bool translate_cpus(const u64 *from, u64 *to)
{
	unsigned int cpu;
	bool any = false;
	int number;

	for_each_online_cpu(cpu)
	{
		number = mullion_hv_cpu(cpu);
		if (cpu >= 256 || number < 0 || number >= 256 || !(from[cpu / 64] >> cpu % 64 & 1))
			continue;
		to[number / 64] |= 1ull << number % 64;
		any = true;
	}
	return any;
}

static long set_affinity(struct mullion_watches *watches, void __user *argument)
{
	struct mullion_vp_affinity input = {};
	struct mullion_affinity user;

	if (copy_from_user(&user, argument, sizeof(user)))
		return -EFAULT;
	if (user.reserved || !translate_cpus(user.cpus, input.cpus))
		return -EINVAL;
	input.partition = user.id;
	input.vp = user.vp;
	return control_errno(
		hv_status(mullion_call(MULLION_CALL_SET_AFFINITY, &input, sizeof(input), NULL, 0)));
}

static long attach(struct mullion_watches *watches, void __user *argument)
{
	struct mshv_partition *partition;
	struct mullion_attach user;

	if (copy_from_user(&user, argument, sizeof(user)))
		return -EFAULT;
	if (user.reserved)
		return -EINVAL;
	partition = mullion_partition_find(user.id);
	return partition ? mullion_attach(partition) : -ENOENT;
}

static const struct {
	unsigned int command;
	long (*serve)(struct mullion_watches *watches, void __user *argument);
} calls[] = {
	{ MULLION_IOC_PARTITION, query_partition },
	{ MULLION_IOC_WATCH, watch },
	{ MULLION_IOC_PROPERTY, set_property },
	{ MULLION_IOC_AFFINITY, set_affinity },
	{ MULLION_IOC_ATTACH, attach },
};

long mullion_control(struct mullion_watches *watches, unsigned int command, void __user *argument)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls) && calls[i].command != command; i++)
		;
	if (i == ARRAY_SIZE(calls) || !mullion_serves_partitions())
		return -ENOTTY;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	return calls[i].serve(watches, argument);
}
