/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl: the command line, one verb, and whether its output arrived. */
#include <errno.h>
#include <stdio.h>

#include "cli.h"
#include "clock.h"
#include "error.h"
#include "mullion_version.h"
#include "usage.h"

static uint64_t deadline_of(const struct cli_globals *globals)
{
	return globals->timeout_ns ? clock_now() + globals->timeout_ns : UINT64_MAX;
}

static enum hvctl_status run(const struct cli_line *line)
{
	struct cli_call call = { .line = line, .deadline = deadline_of(&line->globals) };

	if (line->globals.help) {
		usage_print(stdout, line->verb);
		return HVCTL_OK;
	}
	if (line->globals.version) {
		printf("hvctl %s\n", MULLION_BUILD);
		return HVCTL_OK;
	}
	return line->verb->run(&call);
}

int main(int argc, char **argv)
{
	enum hvctl_status status;
	struct cli_line line;
	char error[400];

	/* Without a program's name there are no words behind it either. */
	if (argc < 1)
		return HVCTL_USAGE;
	if (cli_parse(&line, argv + 1, error, sizeof(error))) {
		error_setup(line.globals.format == HVCTL_JSON, line.globals.quiet,
			    line.globals.verbose);
		status = run(&line);
	} else {
		error_setup(cli_wants_json(argv + 1), false, false);
		status = error_report(HVCTL_USAGE, "%s", error);
	}
	cli_free(&line);
	if (fflush(stdout) || ferror(stdout))
		status = error_errno(errno, "cannot write the output");
	return status;
}
