/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl start */
#include "start.h"
#include "verbs.h"

static const struct life start = {
	.from = PARTITION_SHUTOFF,
	.reached = PARTITION_STARTING | PARTITION_RUNNING | PARTITION_PAUSED,
};

/* *id stays as it is where the partition had been started before. */
static enum hvctl_status start_it(struct life_target *target, const struct start_settings *settings,
				  uint64_t *id)
{
	sd_json_variant *answer JSON_AUTO = NULL, *parameters = NULL;
	struct reply reply = { 0 };
	enum hvctl_status status;
	int error;

	error = sd_json_buildo(&parameters,
			       SD_JSON_BUILD_PAIR_STRING("partition", target->partition.uuid),
			       SD_JSON_BUILD_PAIR_BOOLEAN("paused", start_paused(settings)));
	if (error < 0)
		return json_failed(error);
	target->client.forgiven = settings->life.ignore_state ? start.reached : 0;
	status = client_call(&target->client, "Start", parameters, &answer);
	target->client.forgiven = 0;
	if (status != HVCTL_OK || !answer)
		return status;
	reply.object = answer;
	*id = reply_number(&reply, "id", true);
	return reply_check(&reply);
}

static enum hvctl_status start_and_finish(struct life_target *target, const struct cli_call *call)
{
	const struct start_settings *settings = call->line->settings;
	struct started started = {
		.name = target->partition.name,
		.uuid = target->partition.uuid,
		.id = REPLY_NO_NUMBER,
	};
	enum hvctl_status status;

	if (settings->life.dry_run) {
		status = life_try(target, &start, &settings->life);
		return status != HVCTL_OK ? status :
					    life_print(call, started.name, started.uuid,
						       REPLY_NO_NUMBER, "it can be done");
	}
	status = start_it(target, settings, &started.id);
	return status == HVCTL_OK ? start_finish(&target->client, call, &started) : status;
}

static enum hvctl_status run(const struct cli_call *call)
{
	enum hvctl_status status;
	struct life_target target;

	status = life_open(&target, call);
	if (status == HVCTL_OK)
		status = start_and_finish(&target, call);
	life_close(&target);
	return status;
}

static const struct cli_option options[] = {
	START_OPTION_PAUSED, START_OPTION_CONSOLE,
	LIFE_OPTION_DRY_RUN, LIFE_OPTION_IGNORE_STATE("runs or is paused"),
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl start web --console", "Start it and see it boot; ^] leaves the console" },
	{ "hvctl start web --ignore-state", "For scripts: no error if it runs already" },
	{ NULL, NULL },
};

const struct cli_verb verb_start = {
	.name = "start",
	.summary = "Start a partition that is defined",
	.description =
		"Starts a partition by its definition. Done when it runs, or with --paused when it "
		"could. With --console its console is joined before it runs, as the verb console "
		"does; leaving the console does not end it.",
	.operands = life_operands,
	.options = options,
	.examples = examples,
	.defaults = &start_defaults,
	.settings_size = sizeof(start_defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
