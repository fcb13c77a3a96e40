// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: the parent partition's way to the Mullion hypervisor.
 *
 * Loads only above a hypervisor that speaks its ABI. The device comes last
 * and goes first: whoever can open it finds all the rest in place.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/module.h>
#include <linux/printk.h>

#include "mullion_root.h"
#include "partition.h"

static int __init mullion_root_init(void)
{
	int error;

	error = mullion_hypervisor_init();
	if (error)
		return error;
	error = mullion_crash_init();
	if (error)
		goto no_crash;
	error = mullion_native_init();
	if (error)
		goto no_native;
	error = mullion_mshv_init();
	if (error)
		goto no_mshv;
	error = mullion_device_init();
	if (error)
		goto no_device;
	pr_info("hv %s, %s, %u CPUs\n", mullion_hv_info()->build, mullion_hv_info()->backend,
		mullion_hv_info()->cpu_count);
	return 0;

no_device:
	mullion_mshv_exit();
no_mshv:
	mullion_native_exit();
no_native:
	mullion_crash_exit();
no_crash:
	mullion_hypervisor_exit();
	return error;
}

static void __exit mullion_root_exit(void)
{
	mullion_device_exit();
	mullion_mshv_exit();
	mullion_native_exit();
	mullion_crash_exit();
	mullion_hypervisor_exit();
}

module_init(mullion_root_init);
module_exit(mullion_root_exit);

MODULE_DESCRIPTION("Parent partition driver of the Mullion hypervisor");
MODULE_AUTHOR("The Mullion project");
MODULE_LICENSE("GPL");
