/* SPDX-License-Identifier: GPL-2.0-only */
/* The verbs, each in its own file verb-NAME.c. */
#ifndef HVCTL_VERBS_H
#define HVCTL_VERBS_H

#include "cli.h"

extern const struct cli_verb verb_completion;
extern const struct cli_verb verb_dmesg;
extern const struct cli_verb verb_domstats;
extern const struct cli_verb verb_help;
extern const struct cli_verb verb_version;

#endif
