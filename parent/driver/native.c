// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: what a CPU can do without hv once it is up.
 *
 * hv answers CPUID and reads every IPI only so that a CPU finds its hypervisor
 * while it identifies itself, and so that INIT and start-up go through hv. A
 * program that starts executes CPUID some twenty times, and each wake-up of
 * another CPU is an IPI: once every CPU is online, both are left to the
 * hardware (MULLION_CALL_SET_NATIVE). Before a CPU is started, all of them
 * give both back to hv, since whichever CPU runs the hotplug code sends the
 * INIT. A CPU that goes offline, and all of them before a reboot, kexec or
 * sleep, do so too.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/limits.h>
#include <linux/moduleparam.h>
#include <linux/notifier.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <linux/suspend.h>

#include <mullion/cpuid.h>
#include "mullion_root.h"

static bool native = true;
module_param(native, bool, 0444);
MODULE_PARM_DESC(native, "leave CPUID and IPIs of CPUs that are up to the hardware");

static u32 native_mask; /* MULLION_NATIVE_* that hv takes; 0: nothing to do */
static enum cpuhp_state prepare_state, online_state;
static bool rebooting;

static void set_native(void *mask)
{
	mullion_hypercall(MULLION_CALL_SET_NATIVE, (unsigned long)mask, 0);
}

static void set_native_everywhere(u32 mask)
{
	on_each_cpu(set_native, (void *)(unsigned long)mask, 1);
}

/* Another CPU is about to be started. */
static int mullion_cpu_prepare(unsigned int cpu)
{
	set_native_everywhere(0);
	return 0;
}

/* It is gone, or did not come. */
static int mullion_cpu_dead(unsigned int cpu)
{
	if (!rebooting)
		set_native_everywhere(native_mask);
	return 0;
}

/* On the new CPU. */
static int mullion_cpu_online(unsigned int cpu)
{
	if (!rebooting)
		set_native_everywhere(native_mask);
	return 0;
}

/* On the CPU that goes. What is called after this may look for a hypervisor. */
static int mullion_cpu_offline(unsigned int cpu)
{
	set_native(NULL);
	return 0;
}

static int mullion_reboot(struct notifier_block *block, unsigned long event, void *data)
{
	rebooting = true;
	set_native_everywhere(0);
	return NOTIFY_DONE;
}

/* Before the other notifiers: they ask what hypervisor there is. */
static struct notifier_block reboot_block = {
	.notifier_call = mullion_reboot,
	.priority = INT_MAX,
};

/* Sleep starts the boot CPU anew. */
static int mullion_sleep(struct notifier_block *block, unsigned long event, void *data)
{
	if (event == PM_SUSPEND_PREPARE || event == PM_HIBERNATION_PREPARE)
		set_native_everywhere(0);
	else if (event == PM_POST_SUSPEND || event == PM_POST_HIBERNATION)
		set_native_everywhere(native_mask);
	return NOTIFY_DONE;
}

static struct notifier_block sleep_block = {
	.notifier_call = mullion_sleep,
};

int mullion_native_init(void)
{
	u32 features = mullion_hv_info()->features;
	int state;

	if (native && (features & MULLION_FEATURE_NATIVE_CPUID))
		native_mask |= MULLION_NATIVE_CPUID;
	if (native && (features & MULLION_FEATURE_NATIVE_ICR))
		native_mask |= MULLION_NATIVE_ICR;
	if (!native_mask)
		return 0;
	state = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "mullion:prepare",
					  mullion_cpu_prepare, mullion_cpu_dead);
	if (state < 0)
		return state;
	prepare_state = state;
	register_reboot_notifier(&reboot_block);
	register_pm_notifier(&sleep_block);
	state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "mullion:online", mullion_cpu_online,
				  mullion_cpu_offline);
	if (state < 0) {
		unregister_pm_notifier(&sleep_block);
		unregister_reboot_notifier(&reboot_block);
		cpuhp_remove_state_nocalls(prepare_state);
		return state;
	}
	online_state = state;
	return 0;
}

void mullion_native_exit(void)
{
	if (!native_mask)
		return;
	unregister_pm_notifier(&sleep_block);
	unregister_reboot_notifier(&reboot_block);
	cpuhp_remove_state(online_state);
	cpuhp_remove_state_nocalls(prepare_state);
	set_native_everywhere(0);
}
