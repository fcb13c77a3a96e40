/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl console */
#include <unistd.h>

#include "console.h"
#include "life.h"
#include "verbs.h"

static enum hvctl_status run(const struct cli_call *call)
{
	enum hvctl_status status;
	struct client client;
	int fd = -1;

	status = client_open(&client, call, CLIENT_CHANGE);
	if (status != HVCTL_OK)
		return status;
	status = partition_console(&client, call->line->operands[0], &fd);
	client_close(&client);
	if (status != HVCTL_OK)
		return status;
	status = console_run(fd, call->deadline);
	close(fd);
	return status;
}

static const struct cli_example examples[] = {
	{ "hvctl console web", "Use its serial console; ^] leaves it" },
	{ "hvctl console web --timeout 60 </dev/null | tee web.log", "What it says in a minute" },
	{ NULL, NULL },
};

const struct cli_verb verb_console = {
	.name = "console",
	.summary = "Use a partition's serial console",
	.description =
		"Joins the terminal to the partition's serial console until the console ends or, on "
		"a terminal, ^] (Control and ]) is typed. All other keys go to the guest. Where "
		"standard input is no terminal, it is sent to the guest as it is, and its end does "
		"not end the console: --timeout does, with exit status 9.\n\n"
		"Two consoles of one partition share what it says: each gets a part.",
	.operands = life_operands,
	.examples = examples,
	.formats = CLI_FORMAT(HVCTL_TABLE),
	.run = run,
};
