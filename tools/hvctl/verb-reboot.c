/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl reboot */
#include "life.h"
#include "verbs.h"

static enum hvctl_status run(const struct cli_call *call)
{
	static const struct life life = {
		.method = "Reboot",
		.done = "asked to reboot",
		.from = PARTITION_RUNNING,
	};

	return life_run(call, &life);
}

static const struct cli_example examples[] = {
	{ "hvctl reboot web", "Ask for a clean reboot" },
	{ NULL, NULL },
};

const struct cli_verb verb_reboot = {
	.name = "reboot",
	.summary = "Ask a guest to reboot",
	.description =
		"Asks the guest of a running partition to reboot. Done when the guest is asked; that it "
		"comes down and up again is told by hvctl event. A guest whose driver for that is "
		"not there, or not yet, is not ready, with exit status 4. Not supported where the "
		"partition has no VMBus.",
	.operands = life_operands,
	.options = life_options,
	.examples = examples,
	.defaults = &life_defaults,
	.settings_size = sizeof(life_defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
