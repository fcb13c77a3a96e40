/* SPDX-License-Identifier: GPL-2.0-only */
/* Starting a partition: see start.h. */
#include "start.h"

#include <unistd.h>

#include "console.h"

const struct start_settings start_defaults = { 0 };

bool start_paused(const struct start_settings *settings)
{
	return settings->paused || settings->console;
}

/* The console first: nothing that the guest says is missed. It runs in any case. */
static enum hvctl_status join(struct client *client, const struct start_settings *settings,
			      const struct started *started, int *fd)
{
	bool resume = !settings->paused && started->id != REPLY_NO_NUMBER;
	enum hvctl_status joined, resumed = HVCTL_OK;

	joined = partition_console(client, started->uuid, fd);
	if (resume)
		resumed = client_call(client, "Resume", partition_parameters(started->uuid), NULL);
	return joined != HVCTL_OK ? joined : resumed;
}

enum hvctl_status start_finish(struct client *client, const struct cli_call *call,
			       const struct started *started)
{
	const struct start_settings *settings = call->line->settings;
	enum hvctl_status status;
	int fd = -1;

	if (!settings->console) {
		client_close(client);
		return life_print(call, started->name, started->uuid, started->id,
				  settings->paused ? "started, paused" : "started");
	}
	status = join(client, settings, started, &fd);
	client_close(client);
	if (status == HVCTL_OK)
		status = console_run(fd, call->deadline);
	if (fd >= 0)
		close(fd);
	return status;
}
