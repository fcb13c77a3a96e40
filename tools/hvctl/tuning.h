/* SPDX-License-Identifier: GPL-2.0-only */
/* A partition's share of the CPUs: what vcpupin, schedinfo and dominfo have in common. */
#ifndef HVCTL_TUNING_H
#define HVCTL_TUNING_H

#include "partition.h"

struct schedule {
	uint64_t weight; /* 1 to 10000 */
	uint64_t cap; /* thousandths of a CPU for each VP; 0: none */
	uint64_t reserve; /* thousandths of a CPU for each VP */
};

/* Reads a Schedule of the interface. */
void schedule_read(struct schedule *schedule, struct reply *reply);
void schedule_print(const struct schedule *schedule);

/* Returns what sd-json returns. */
int schedule_json(sd_json_variant **object, const struct schedule *schedule);

/* What is looked at or changed: settings of a verb begin with these. */
struct tuning_settings {
	bool live;
	bool config;
};

/* Lines for tables of options. */
#define TUNING_OPTION_LIVE                                  \
	{ .name = "live",                                   \
	  .kind = CLI_FLAG,                                 \
	  .offset = offsetof(struct tuning_settings, live), \
	  .help = "The partition that runs" }
#define TUNING_OPTION_CONFIG                                  \
	{ .name = "config",                                   \
	  .kind = CLI_FLAG,                                   \
	  .offset = offsetof(struct tuning_settings, config), \
	  .help = "The definition, for the next start" }

/* The interface's Scope, or NULL for what hvd chooses. */
const char *tuning_scope(const struct tuning_settings *settings);

/*
 * Calls GetPins or GetSchedule for the call's first operand. Errors are reported:
 * HVCTL_WRONG_STATE with --live for a partition that does not run.
 */
enum hvctl_status tuning_get(struct client *client, const struct cli_call *call, const char *method,
			     sd_json_variant **reply);

#endif
