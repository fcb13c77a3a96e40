/* SPDX-License-Identifier: GPL-2.0-only */
/* hv's clock: the time-stamp counter. */
#ifndef HV_X86_TSC_H
#define HV_X86_TSC_H

#include "core/types.h"

extern u64 tsc_hz; /* ticks per second; a guess of 1 GHz before tsc_calibrate */
extern u64 tsc_boot; /* TSC when hv started */

/* Measures tsc_hz against the ACPI timer at pm_timer_port, or against the
 * 8254's channel 2 when that is 0 or stands still. Takes about 100 ms. */
void tsc_calibrate(u16 pm_timer_port);

/* Nanoseconds since hv started. */
u64 tsc_uptime_ns(void);

/* Waits without leaving the CPU. */
void tsc_delay_us(u64 us);

#endif
