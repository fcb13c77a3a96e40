/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ends the process when the loop's thread does not come back out of a call: nothing else
 * can be done about a renderer that is stuck, and whoever started the process starts it
 * anew. The thread that looks does nothing else.
 */
#ifndef VSP_GPU_WATCHDOG_H
#define VSP_GPU_WATCHDOG_H

#include <stdbool.h>

/* Once in a process. False with errno set. */
bool watchdog_start(unsigned int seconds);
void watchdog_stop(void);

/* Around calls that may be stuck; not nested. */
void watchdog_enter(void);
void watchdog_leave(void);

#endif
