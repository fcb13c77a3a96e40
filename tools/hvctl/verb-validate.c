/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl validate */
#include "definition.h"
#include "verbs.h"

static const struct cli_example examples[] = {
	{ "hvctl validate web.xml", "Say what is wrong with it, and where" },
	{ NULL, NULL },
};

const struct cli_verb verb_validate = {
	.name = "validate",
	.summary = "Check a definition",
	.description = "Checks a partition's definition as define does, and changes nothing. The "
		       "first thing that is wrong is told with its line, and the exit status is 5, "
		       "or 7 for what is not supported.",
	.operands = definition_operands,
	.examples = examples,
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON) | CLI_FORMAT(HVCTL_NAME),
	.run = definition_validate,
};
