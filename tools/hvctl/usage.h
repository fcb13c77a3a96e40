/* SPDX-License-Identifier: GPL-2.0-only */
/* Explanations made from the tables of cli.h. */
#ifndef HVCTL_USAGE_H
#define HVCTL_USAGE_H

#include <stdio.h>

#include "cli.h"

struct usage_status {
	enum hvctl_status status;
	const char *help; /* NULL ends the table */
};

extern const struct usage_status usage_statuses[];

/* The name of a format, as --format takes it. */
const char *usage_format_name(enum hvctl_format format);

/* "domstats [OPTION...] [NAME]" */
void usage_synopsis(FILE *out, const struct cli_verb *verb);

/* Help for a verb, or for hvctl itself where verb is NULL. */
void usage_print(FILE *out, const struct cli_verb *verb);

#endif
