/* SPDX-License-Identifier: GPL-2.0-only */
/* The terminal (standard input and output) joined to a partition's console. */
#ifndef HVCTL_CONSOLE_H
#define HVCTL_CONSOLE_H

#include <stdint.h>

#include "hvctl.h"

/* Typed at a terminal, this key leaves the console: Control and ]. */
#define CONSOLE_ESCAPE 0x1d

/*
 * Passes bytes in both directions until the console ends (HVCTL_OK), the escape
 * key is typed (HVCTL_OK), a signal asks hvctl to end, or the deadline passes
 * (HVCTL_TIMEOUT; clock_now(), UINT64_MAX: never). Errors are reported.
 *
 * fd is the console, a terminal's slave side or a stream socket, and becomes
 * nonblocking. Where standard input is a terminal it is raw meanwhile, and as it
 * was afterwards, also when a signal ends or stops hvctl. Where it is none, its
 * end is no reason to leave: a script sees the output that its input causes.
 */
enum hvctl_status console_run(int fd, uint64_t deadline);

#endif
