/* SPDX-License-Identifier: GPL-2.0-only */
/* Starting a partition: what start and create have in common. */
#ifndef HVCTL_START_H
#define HVCTL_START_H

#include "life.h"

/* Settings of such a verb begin with these. */
struct start_settings {
	struct life_settings life;
	bool paused;
	bool console;
};

extern const struct start_settings start_defaults;

/* Lines for tables of options. */
#define START_OPTION_PAUSED                                  \
	{ .name = "paused",                                  \
	  .kind = CLI_FLAG,                                  \
	  .offset = offsetof(struct start_settings, paused), \
	  .help = "Do not let it run yet; resume does" }
#define START_OPTION_CONSOLE                                  \
	{ .name = "console",                                  \
	  .kind = CLI_FLAG,                                   \
	  .offset = offsetof(struct start_settings, console), \
	  .help = "Use its console, from its first output on" }

/* Whether hvd is to start it paused: the console is joined before it runs. */
bool start_paused(const struct start_settings *settings);

/* A partition that hvd has started. */
struct started {
	const char *name;
	const char *uuid;
	uint64_t id; /* REPLY_NO_NUMBER: it had been started before */
};

/*
 * After the start: prints what was done, or joins the console, lets the
 * partition run if that is left to do, and passes bytes. Closes the client.
 */
enum hvctl_status start_finish(struct client *client, const struct cli_call *call,
			       const struct started *started);

#endif
