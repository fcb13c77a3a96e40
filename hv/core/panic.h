/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HV_CORE_PANIC_H
#define HV_CORE_PANIC_H

#include "core/types.h"

struct trap_frame;

/* hv cannot go on: stops the other CPUs, prints the reason, the registers (if
 * there is a frame) and a backtrace, then does what the panic option says. */
__noreturn void panic(const char *fmt, ...) __printf(1, 2);
__noreturn void panic_frame(const struct trap_frame *frame, const char *fmt, ...) __printf(2, 3);

/* The parent is finished, hv is not at fault: its reason was logged already.
 * Stops every CPU, then does what the panic option says. */
__noreturn void parent_dead(void);

/* Called on a CPU that another one told to stop. */
__noreturn void cpu_stop(void);

/* True once a CPU has begun to panic: an NMI then means stop. */
bool panic_in_progress(void);

/* Seconds until the machine is reset after a panic; 0: never. */
void panic_set_timeout(u32 seconds);

/* Resets the machine: ACPI's register, then the chipset's, then the keyboard
 * controller's, then a triple fault. */
__noreturn void machine_reset(void);

extern u64 __stack_chk_guard;

#endif
