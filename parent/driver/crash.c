// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: hv hears why this kernel dies, prints it and keeps it in its
 * log, where it outlives the kernel.
 *
 * The notifier runs on the CPU that panics, with all others stopped and in
 * any context: the page that the text travels in is taken at load. (With a
 * kdump kernel loaded and crash_kexec_post_notifiers off, Linux calls no panic
 * notifier at all.)
 */
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/utsname.h>

#include <mullion/cpuid.h>
#include "mullion_root.h"

static struct mullion_crash *crash;
static phys_addr_t crash_gpa;

static_assert(sizeof(struct mullion_crash) <= PAGE_SIZE);

/* The text, then on a line of its own who says it. hv cannot know either. */
static int mullion_panic(struct notifier_block *block, unsigned long event, void *text)
{
	crash->length = scnprintf(crash->text, sizeof(crash->text),
				  "%.800s\nLinux %s, CPU %d, process %d (%s)", (char *)text,
				  init_utsname()->release, raw_smp_processor_id(), current->pid,
				  current->comm);
	mullion_hypercall(MULLION_CALL_PARENT_CRASH, crash_gpa, 0);
	return NOTIFY_DONE;
}

/* First of all: a later one may hang or reset the machine. */
static struct notifier_block panic_block = {
	.notifier_call = mullion_panic,
	.priority = INT_MAX,
};

int mullion_crash_init(void)
{
	int error;

	if (!(mullion_hv_info()->features & MULLION_FEATURE_CRASH))
		return 0;
	crash = (struct mullion_crash *)get_zeroed_page(GFP_KERNEL);
	if (!crash)
		return -ENOMEM;
	crash_gpa = virt_to_phys(crash);
	error = atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
	if (error) {
		free_page((unsigned long)crash);
		crash = NULL;
	}
	return error;
}

void mullion_crash_exit(void)
{
	if (!crash)
		return;
	atomic_notifier_chain_unregister(&panic_notifier_list, &panic_block);
	free_page((unsigned long)crash);
	crash = NULL;
}
