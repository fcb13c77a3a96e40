/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl undefine */
#include "life.h"
#include "verbs.h"

static enum hvctl_status run(const struct cli_call *call)
{
	static const struct life life = {
		.method = "Undefine",
		.done = "undefined",
		.from = PARTITION_SHUTOFF | PARTITION_STARTING | PARTITION_RUNNING |
			PARTITION_PAUSED | PARTITION_STOPPING | PARTITION_CRASHED,
	};

	return life_run(call, &life);
}

static const struct cli_example examples[] = {
	{ "hvctl undefine web", "Forget it" },
	{ "hvctl dumpxml --inactive web >web.xml && hvctl undefine web",
	  "Keep its definition in a file" },
	{ NULL, NULL },
};

const struct cli_verb verb_undefine = {
	.name = "undefine",
	.summary = "Remove the definition of a partition",
	.description =
		"Removes the definition of a partition. One that runs goes on until it ends, and is "
		"gone then.",
	.operands = life_operands,
	.options = life_options,
	.examples = examples,
	.defaults = &life_defaults,
	.settings_size = sizeof(life_defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
