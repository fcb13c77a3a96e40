/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl create */
#include "definition.h"
#include "start.h"
#include "verbs.h"

static enum hvctl_status create(struct client *client, const struct cli_call *call)
{
	sd_json_variant *answer JSON_AUTO = NULL;
	struct reply reply = { 0 };
	struct started started;
	enum hvctl_status status;

	status = definition_call_file(call, client, "Create", start_paused(call->line->settings),
				      &answer);
	if (status != HVCTL_OK)
		return status;
	reply.object = answer;
	started = (struct started){
		.name = reply_text(&reply, "name", true),
		.uuid = reply_text(&reply, "uuid", true),
		.id = reply_number(&reply, "id", true),
	};
	status = reply_check(&reply);
	return status == HVCTL_OK ? start_finish(client, call, &started) : status;
}

static enum hvctl_status run(const struct cli_call *call)
{
	const struct start_settings *settings = call->line->settings;
	enum hvctl_status status;
	struct client client;

	if (settings->life.dry_run)
		return definition_validate(call);
	status = client_open(&client, call, CLIENT_CHANGE);
	if (status != HVCTL_OK)
		return status;
	status = create(&client, call);
	client_close(&client);
	return status;
}

static const struct cli_option options[] = {
	START_OPTION_PAUSED,
	START_OPTION_CONSOLE,
	{ .name = "dry-run",
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct start_settings, life.dry_run),
	  .help = "Only check the definition" },
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl create test.xml --console", "Try a kernel; nothing is left when it has ended" },
	{ NULL, NULL },
};

const struct cli_verb verb_create = {
	.name = "create",
	.summary = "Start a partition without defining it",
	.description = "Starts a partition from a definition that is not kept: the partition is "
		       "gone when it ends. Otherwise as define and start.",
	.operands = definition_operands,
	.options = options,
	.examples = examples,
	.defaults = &start_defaults,
	.settings_size = sizeof(start_defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON) | CLI_FORMAT(HVCTL_NAME),
	.run = run,
};
