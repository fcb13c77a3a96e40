/* SPDX-License-Identifier: GPL-2.0-only */
/* The verbs, each in its own file verb-NAME.c. */
#ifndef HVCTL_VERBS_H
#define HVCTL_VERBS_H

#include "cli.h"
#include "shared.h"

extern const struct cli_verb verb_completion;
extern const struct cli_verb verb_dmesg;
extern const struct cli_verb verb_domstats;
extern const struct cli_verb verb_help;
extern const struct cli_verb verb_version;

/*
 * What dmesg and domstats do once hv's memory is mapped. Errors are reported.
 * Unit tests call them with memory of their own.
 */
enum hvctl_status dmesg_show(const struct cli_call *call, const struct shared *log);
enum hvctl_status domstats_show(const struct cli_call *call, const struct shared *memory);

#endif
