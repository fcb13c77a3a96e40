/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl autostart */
#include "life.h"
#include "verbs.h"

struct settings {
	bool disable;
};

static const struct settings defaults = { 0 };

static enum hvctl_status set(struct life_target *target, bool enable)
{
	sd_json_variant *parameters = NULL;
	int error;

	error = sd_json_buildo(&parameters,
			       SD_JSON_BUILD_PAIR_STRING("partition", target->partition.uuid),
			       SD_JSON_BUILD_PAIR_BOOLEAN("enable", enable));
	if (error < 0)
		return json_failed(error);
	return client_call(&target->client, "SetAutostart", parameters, NULL);
}

static enum hvctl_status run(const struct cli_call *call)
{
	const struct settings *settings = call->line->settings;
	enum hvctl_status status;
	struct life_target target;

	status = life_open(&target, call);
	if (status == HVCTL_OK)
		status = set(&target, !settings->disable);
	if (status == HVCTL_OK)
		status = life_print(call, target.partition.name, target.partition.uuid,
				    REPLY_NO_NUMBER,
				    settings->disable ? "not started at boot" : "started at boot");
	life_close(&target);
	return status;
}

static const struct cli_option options[] = {
	{ .name = "disable",
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct settings, disable),
	  .help = "Do not start it at boot any more" },
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl autostart web", "Start it whenever the machine starts" },
	{ NULL, NULL },
};

const struct cli_verb verb_autostart = {
	.name = "autostart",
	.summary = "Start a partition when the machine starts",
	.description = "Makes a partition start when the parent partition has booted, or, with "
		       "--disable, no more. It is not started now.",
	.operands = life_operands,
	.options = options,
	.examples = examples,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
