/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The state of a VP's local APIC, as a VMM reads and writes it by
 * HvCallGetVpState and HvCallSetVpState (by MSHV_GET_VP_STATE and
 * MSHV_SET_VP_STATE with type MSHV_VP_STATE_LAPIC). The layout is the public one
 * that Linux's hvhdk.h calls HV_X64_INTERRUPT_CONTROLLER_STATE.
 *
 * Each field is a register as the guest reads it in its APIC's mode. What is not
 * here is a register of its own: APIC_BASE, CR8 (the task priority), the TSC
 * deadline.
 */
#ifndef HYPERV_LAPIC_H
#define HYPERV_LAPIC_H

#if defined(__KERNEL__)
#include <linux/types.h>
#elif !defined(_LINUX_TYPES_H) /* else the kernel's user headers came first */
#include <stdint.h>
typedef uint32_t __u32;
#endif

struct hv_lapic_state {
	__u32 id;
	__u32 version;
	__u32 ldr;
	__u32 dfr;
	__u32 svr;
	__u32 isr[8]; /* vector v is bit v % 32 of word v / 32; so the next two */
	__u32 tmr[8];
	__u32 irr[8];
	__u32 esr;
	__u32 icr_high;
	__u32 icr_low;
	__u32 lvt_timer;
	__u32 lvt_thermal;
	__u32 lvt_perf;
	__u32 lvt_lint0;
	__u32 lvt_lint1;
	__u32 lvt_error;
	__u32 lvt_cmci;
	__u32 errors; /* seen since the guest last wrote the ESR */
	__u32 timer_initial;
	__u32 timer_current;
	__u32 timer_divide;
	__u32 remote_read;
};

#endif
