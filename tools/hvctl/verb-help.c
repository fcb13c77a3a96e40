/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl help [VERB] */
#include "usage.h"
#include "verbs.h"

static enum hvctl_status run(const struct cli_call *call)
{
	const struct cli_line *line = call->line;

	usage_print(stdout, line->operand_count ? cli_find_verb(line->operands[0]) : NULL);
	return HVCTL_OK;
}

static const struct cli_operand operands[] = {
	{ .name = "VERB", .words = CLI_VERBS, .help = "The verb to explain" },
	{ .name = NULL },
};

const struct cli_verb verb_help = {
	.name = "help",
	.summary = "Explain hvctl or one of its verbs",
	.description = "Explains hvctl, or the verb that is named. The same as --help.",
	.operands = operands,
	.formats = CLI_FORMAT(HVCTL_TABLE),
	.run = run,
};
