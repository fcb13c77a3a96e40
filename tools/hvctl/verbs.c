/* SPDX-License-Identifier: GPL-2.0-only */
/* The verbs, in the order in which help lists them. A new one adds a line. */
#include "verbs.h"

const struct cli_verb *const cli_verbs[] = {
	&verb_version, &verb_dmesg, &verb_domstats, &verb_completion, &verb_help, NULL,
};
