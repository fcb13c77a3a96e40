/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl completion SHELL */
#include <string.h>

#include "complete.h"
#include "verbs.h"

static const char *const shells[] = { "bash", "zsh", "fish", NULL };

static enum hvctl_status run(const struct cli_call *call)
{
	const char *shell = call->line->operands[0];

	if (strcmp(shell, "bash") == 0)
		complete_bash(stdout);
	else if (strcmp(shell, "zsh") == 0)
		complete_zsh(stdout);
	else
		complete_fish(stdout);
	return HVCTL_OK;
}

static const struct cli_operand operands[] = {
	{ .name = "SHELL",
	  .required = true,
	  .words = CLI_CHOICES,
	  .choices = shells,
	  .help = "bash, zsh or fish" },
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "source <(hvctl completion bash)", "Complete hvctl's verbs and options in this bash" },
	{ NULL, NULL },
};

const struct cli_verb verb_completion = {
	.name = "completion",
	.summary = "Print a shell's completion script",
	.description = "Prints the script with which a shell completes hvctl's verbs, options and "
		       "arguments. The installed hvctl has them in the places where bash, zsh and "
		       "fish look for them.",
	.operands = operands,
	.examples = examples,
	.formats = CLI_FORMAT(HVCTL_TABLE),
	.run = run,
};
