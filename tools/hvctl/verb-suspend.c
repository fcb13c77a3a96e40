/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl suspend */
#include "life.h"
#include "verbs.h"

static enum hvctl_status run(const struct cli_call *call)
{
	static const struct life life = {
		.method = "Suspend",
		.done = "suspended",
		.from = PARTITION_RUNNING,
	};

	return life_run(call, &life);
}

static const struct cli_example examples[] = {
	{ "hvctl suspend web", "Stop it for a while" },
	{ NULL, NULL },
};

const struct cli_verb verb_suspend = {
	.name = "suspend",
	.summary = "Stop a partition's virtual processors",
	.description =
		"Stops the virtual processors of a running partition where they are. Its memory stays, "
		"and its time stands still until it is resumed.",
	.operands = life_operands,
	.options = life_options,
	.examples = examples,
	.defaults = &life_defaults,
	.settings_size = sizeof(life_defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
