/* SPDX-License-Identifier: GPL-2.0-only */
/* What a guest's devices did: domstats --block, --net and --gpu. */
#ifndef HVCTL_DEVICE_STATS_H
#define HVCTL_DEVICE_STATS_H

#include "client.h"

/*
 * Asks hvd about the call's first operand, and prints it. Errors are reported:
 * HVCTL_WRONG_STATE for a partition that does not run, HVCTL_UNSUPPORTED where it has no GPU.
 */
enum hvctl_status device_stats_show(const struct cli_call *call, bool block, bool net, bool gpu);

#endif
