// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: finding hv, and hypercalls to it.
 *
 * What hv answers is checked before it is believed. Above all, the ranges
 * that /dev/mullion maps must hold none of this kernel's memory.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/stddef.h>
#include <linux/version.h>
#include <asm/alternative.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#include <asm/cpuid/api.h>
#endif

#include <mullion/cpuid.h>
#include "mullion_root.h"

/* A page of its own: a newer hv may fill in more than our structure has. */
static struct mullion_hv_info *hv_info;

static_assert(sizeof(struct mullion_hv_info) <= PAGE_SIZE);

const struct mullion_hv_info *mullion_hv_info(void)
{
	return hv_info;
}

bool mullion_serves_partitions(void)
{
	return hv_info->features & MULLION_FEATURE_PARTITIONS;
}

u64 mullion_hypercall_result(u64 control, u64 input, u64 output)
{
	register u64 r8 asm("r8") = output;
	u64 result;

	/* hv moves the start in RCX on when a long call is interrupted. */
	asm volatile(ALTERNATIVE("vmcall", "vmmcall", X86_FEATURE_VMMCALL)
		     : "=a"(result), "+c"(control)
		     : "d"(input), "r"(r8)
		     : "memory");
	return result;
}

u16 mullion_hypercall(u16 code, phys_addr_t input, phys_addr_t output)
{
	return (u16)mullion_hypercall_result(code, input, output);
}

static int find_hypervisor(void)
{
	u32 max, ebx, ecx, edx, abi;

	if (!boot_cpu_has(X86_FEATURE_HYPERVISOR))
		goto none;
	cpuid(MULLION_CPUID_BASE, &max, &ebx, &ecx, &edx);
	if (ebx != MULLION_SIGNATURE_EBX || ecx != MULLION_SIGNATURE_ECX ||
	    edx != MULLION_SIGNATURE_EDX || max < MULLION_CPUID_INTERFACE)
		goto none;
	abi = cpuid_eax(MULLION_CPUID_INTERFACE);
	if (abi != MULLION_PARENT_ABI) {
		pr_info("the hypervisor's parent ABI is %u, this module's is %u\n", abi,
			MULLION_PARENT_ABI);
		return -ENODEV;
	}
	return 0;
none:
	pr_info("no Mullion hypervisor under this machine\n");
	return -ENODEV;
}

/* May [gpa, gpa + size) be shown to user space? Size 0 stands for nothing. */
static bool range_is_valid(const char *name, u64 gpa, u64 size)
{
	if (!size)
		return true;
	if (!PAGE_ALIGNED(gpa) || !PAGE_ALIGNED(size) || gpa + size < gpa ||
	    gpa + size > (1ull << boot_cpu_data.x86_phys_bits)) {
		pr_err("hv's %s lies at 0x%llx, 0x%llx bytes: not a range of pages\n", name, gpa,
		       size);
		return false;
	}
	if (region_intersects(gpa, size, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) !=
	    REGION_DISJOINT) {
		pr_err("hv's %s at 0x%llx lies in this kernel's memory\n", name, gpa);
		return false;
	}
	return true;
}

static int ask_hypervisor(struct mullion_hv_info *info)
{
	u16 status;

	status = mullion_hypercall(MULLION_CALL_GET_INFO, 0, virt_to_phys(info));
	if (status != MULLION_STATUS_SUCCESS) {
		pr_err("hv refused GET_INFO with status 0x%x\n", status);
		return -EIO;
	}
	if (info->abi != MULLION_PARENT_ABI ||
	    info->size < offsetofend(struct mullion_hv_info, options)) {
		pr_err("GET_INFO returned ABI %u in %u bytes\n", info->abi, info->size);
		return -EIO;
	}
	if (!(info->features & MULLION_FEATURE_LOG))
		info->log_size = 0;
	if (!(info->features & MULLION_FEATURE_STATS))
		info->stats_size = 0;
	if (!range_is_valid("log", info->log_gpa, info->log_size) ||
	    !range_is_valid("statistics", info->stats_gpa, info->stats_size))
		return -EIO;
	info->backend[sizeof(info->backend) - 1] = '\0';
	info->build[sizeof(info->build) - 1] = '\0';
	info->options[sizeof(info->options) - 1] = '\0';
	return 0;
}

int mullion_hypervisor_init(void)
{
	int error;

	error = find_hypervisor();
	if (error)
		return error;
	hv_info = (struct mullion_hv_info *)get_zeroed_page(GFP_KERNEL);
	if (!hv_info)
		return -ENOMEM;
	error = ask_hypervisor(hv_info);
	if (error) {
		mullion_hypervisor_exit();
		return error;
	}
	return 0;
}

void mullion_hypervisor_exit(void)
{
	free_page((unsigned long)hv_info);
	hv_info = NULL;
}
