/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl resume */
#include "life.h"
#include "verbs.h"

static enum hvctl_status run(const struct cli_call *call)
{
	static const struct life life = {
		.method = "Resume",
		.done = "resumed",
		.from = PARTITION_PAUSED,
	};

	return life_run(call, &life);
}

static const struct cli_example examples[] = {
	{ "hvctl resume web", "Go on after hvctl suspend web" },
	{ NULL, NULL },
};

const struct cli_verb verb_resume = {
	.name = "resume",
	.summary = "Let a suspended partition go on",
	.description =
		"Lets the virtual processors of a partition go on that was suspended, or started "
		"with --paused.",
	.operands = life_operands,
	.options = life_options,
	.examples = examples,
	.defaults = &life_defaults,
	.settings_size = sizeof(life_defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
