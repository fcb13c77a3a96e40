/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before the sources of a channel in channel-crash-test.c: the process may end
 * before each atomic store, which all of those are that somebody else gets to see, and
 * before each signal.
 */
#ifndef CHANNEL_CRASH_H
#define CHANNEL_CRASH_H

#include <unistd.h>

/* May not return. */
void crash_point(void);

#define __atomic_store_n(at, value, order) (crash_point(), __atomic_store_n(at, value, order))
#define write(fd, bytes, size) (crash_point(), write(fd, bytes, size))

#endif
