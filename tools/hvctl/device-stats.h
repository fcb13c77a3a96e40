/* SPDX-License-Identifier: GPL-2.0-only */
/* What a guest's disks and network interfaces did: domstats --block and --net. */
#ifndef HVCTL_DEVICE_STATS_H
#define HVCTL_DEVICE_STATS_H

#include "client.h"

/*
 * Asks hvd about the call's first operand, and prints it. Errors are reported:
 * HVCTL_WRONG_STATE for a partition that does not run.
 */
enum hvctl_status device_stats_show(const struct cli_call *call, bool block, bool net);

#endif
