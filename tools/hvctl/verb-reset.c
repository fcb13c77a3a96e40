/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl reset */
#include "life.h"
#include "verbs.h"

static enum hvctl_status run(const struct cli_call *call)
{
	static const struct life life = {
		.method = "Reset",
		.done = "reset",
		.from = PARTITION_RUNNING | PARTITION_PAUSED | PARTITION_CRASHED,
	};

	return life_run(call, &life);
}

static const struct cli_example examples[] = {
	{ "hvctl reset web", "Bring a guest back that answers nothing" },
	{ NULL, NULL },
};

const struct cli_verb verb_reset = {
	.name = "reset",
	.summary = "Start a partition anew, at once",
	.description =
		"Starts a partition from its beginning, with empty memory, as a machine's reset button "
		"does: the guest is not asked, and what it has not written is lost.",
	.operands = life_operands,
	.options = life_options,
	.examples = examples,
	.defaults = &life_defaults,
	.settings_size = sizeof(life_defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
