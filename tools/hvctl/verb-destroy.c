/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl destroy */
#include "life.h"
#include "verbs.h"

static enum hvctl_status run(const struct cli_call *call)
{
	static const struct life life = {
		.method = "Destroy",
		.done = "ended",
		.from = PARTITION_STARTING | PARTITION_RUNNING | PARTITION_PAUSED |
			PARTITION_STOPPING | PARTITION_CRASHED,
		.reached = PARTITION_SHUTOFF,
	};

	return life_run(call, &life);
}

static const struct cli_option options[] = {
	LIFE_OPTION_DRY_RUN,
	LIFE_OPTION_IGNORE_STATE("is shut off"),
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl destroy web", "End it" },
	{ "hvctl destroy web --ignore-state", "For scripts: no error if it has ended already" },
	{ NULL, NULL },
};

const struct cli_verb verb_destroy = {
	.name = "destroy",
	.summary = "End a partition, at once",
	.description =
		"Ends a partition as if its power were cut: the guest is not asked, and what it has not "
		"written is lost. Its definition stays; see undefine.",
	.operands = life_operands,
	.options = options,
	.examples = examples,
	.defaults = &life_defaults,
	.settings_size = sizeof(life_defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
