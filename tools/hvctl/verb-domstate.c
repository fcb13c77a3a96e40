/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl domstate */
#include <stdio.h>

#include "life.h"
#include "text.h"
#include "verbs.h"

struct settings {
	bool reason;
};

static const struct settings defaults = { 0 };

static enum hvctl_status print(const struct cli_call *call, const struct partition *partition)
{
	const struct settings *settings = call->line->settings;
	char state[64], why[512];

	if (call->line->globals.format == HVCTL_JSON)
		return json_show(
			!call->line->globals.no_color,
			SD_JSON_BUILD_PAIR_STRING("name", partition->name),
			SD_JSON_BUILD_PAIR_STRING("state", partition->state),
			SD_JSON_BUILD_PAIR_STRING("reason", partition->reason),
			SD_JSON_BUILD_PAIR_CONDITION(!!partition->detail, "detail",
						     SD_JSON_BUILD_STRING(partition->detail)),
			SD_JSON_BUILD_PAIR_CONDITION(partition->code != REPLY_NO_NUMBER, "code",
						     SD_JSON_BUILD_UNSIGNED(partition->code)));
	text_printable(state, sizeof(state), partition->state);
	if (settings->reason)
		printf("%s (%s)\n", state, partition_why(why, sizeof(why), partition));
	else
		puts(state);
	return HVCTL_OK;
}

static enum hvctl_status run(const struct cli_call *call)
{
	sd_json_variant *object JSON_AUTO = NULL;
	struct partition partition;
	enum hvctl_status status;
	struct client client;

	status = client_open(&client, call, CLIENT_READ);
	if (status != HVCTL_OK)
		return status;
	status = partition_find(&client, call->line->operands[0], &partition, &object);
	if (status == HVCTL_OK)
		status = print(call, &partition);
	client_close(&client);
	return status;
}

static const struct cli_option options[] = {
	{ .name = "reason",
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct settings, reason),
	  .help = "Tell why, too" },
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl domstate web --reason", "What has become of it" },
	{ NULL, NULL },
};

const struct cli_verb verb_domstate = {
	.name = "domstate",
	.summary = "Show the state of a partition",
	.description =
		"Prints the state of a partition: shutoff, starting, running, paused, stopping or "
		"crashed (its guest has failed, and is kept as it was). With --reason, and in JSON "
		"always, also why it is so: for a guest that has failed, what it said last or what "
		"its virtual processor did.",
	.operands = life_operands,
	.options = options,
	.examples = examples,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
