/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mullion_root: the calls of /dev/mullion that are about partitions.
 */
#ifndef MULLION_CONTROL_H
#define MULLION_CONTROL_H

#include <linux/compiler_types.h>

struct mullion_watches;

/* Serves one, with the watches of the file that it came by; -ENOTTY for others, and
 * where hv serves no children. */
long mullion_control(struct mullion_watches *watches, unsigned int command, void __user *argument);

#endif
