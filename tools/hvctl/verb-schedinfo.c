/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl schedinfo */
#include "error.h"
#include "life.h"
#include "tuning.h"
#include "verbs.h"

#define NOT_GIVEN UINT64_MAX

struct settings {
	struct tuning_settings tuning;
	uint64_t weight;
	uint64_t cap; /* thousandths */
	uint64_t reserve; /* thousandths */
};

static const struct settings defaults = {
	.weight = NOT_GIVEN,
	.cap = NOT_GIVEN,
	.reserve = NOT_GIVEN,
};

static bool is_change(const struct settings *settings)
{
	return settings->weight != NOT_GIVEN || settings->cap != NOT_GIVEN ||
	       settings->reserve != NOT_GIVEN;
}

static enum hvctl_status set(struct client *client, const struct cli_call *call,
			     sd_json_variant **answer)
{
	const struct settings *settings = call->line->settings;
	const char *scope = tuning_scope(&settings->tuning);
	sd_json_variant *parameters = NULL;
	int error;

	error = sd_json_buildo(
		&parameters, SD_JSON_BUILD_PAIR_STRING("partition", call->line->operands[0]),
		SD_JSON_BUILD_PAIR_CONDITION(settings->weight != NOT_GIVEN, "weight",
					     SD_JSON_BUILD_UNSIGNED(settings->weight)),
		SD_JSON_BUILD_PAIR_CONDITION(settings->cap != NOT_GIVEN, "cap",
					     SD_JSON_BUILD_UNSIGNED(settings->cap)),
		SD_JSON_BUILD_PAIR_CONDITION(settings->reserve != NOT_GIVEN, "reserve",
					     SD_JSON_BUILD_UNSIGNED(settings->reserve)),
		SD_JSON_BUILD_PAIR_CONDITION(!!scope, "scope", SD_JSON_BUILD_STRING(scope)));
	return error < 0 ? json_failed(error) :
			   client_call(client, "SetSchedule", parameters, answer);
}

static enum hvctl_status print(const struct cli_call *call, sd_json_variant *answer)
{
	struct reply reply = { .object = answer };
	struct reply inner = { .object = reply_object(&reply, "schedule", true) };
	sd_json_variant *object JSON_AUTO = NULL;
	struct schedule schedule;
	enum hvctl_status status = reply_check(&reply);
	int error;

	if (status != HVCTL_OK)
		return status;
	schedule_read(&schedule, &inner);
	status = reply_check(&inner);
	if (status != HVCTL_OK)
		return status;
	if (call->line->globals.format != HVCTL_JSON) {
		schedule_print(&schedule);
		return HVCTL_OK;
	}
	error = schedule_json(&object, &schedule);
	return error < 0 ? json_failed(error) :
			   json_show(!call->line->globals.no_color,
				     SD_JSON_BUILD_PAIR_VARIANT("schedule", object));
}

static enum hvctl_status run(const struct cli_call *call)
{
	bool change = is_change(call->line->settings);
	sd_json_variant *answer JSON_AUTO = NULL;
	enum hvctl_status status;
	struct client client;

	status = client_open(&client, call, change ? CLIENT_CHANGE : CLIENT_READ);
	if (status != HVCTL_OK)
		return status;
	if (change)
		status = set(&client, call, &answer);
	else
		status = tuning_get(&client, call, "GetSchedule", &answer);
	if (status == HVCTL_OK)
		status = print(call, answer);
	client_close(&client);
	return status;
}

static const struct cli_option options[] = {
	{ .name = "weight",
	  .kind = CLI_NUMBER,
	  .value = "WEIGHT",
	  .minimum = 1,
	  .maximum = 10000,
	  .offset = offsetof(struct settings, weight),
	  .help = "Set the share of the CPUs beside other partitions; 100 is usual" },
	{ .name = "cap",
	  .kind = CLI_PERCENT,
	  .value = "PERCENT",
	  .maximum = 1000,
	  .offset = offsetof(struct settings, cap),
	  .help = "Set the most that each VP gets of a CPU, also of an idle one; 0 is no cap" },
	{ .name = "reserve",
	  .kind = CLI_PERCENT,
	  .value = "PERCENT",
	  .maximum = 1000,
	  .offset = offsetof(struct settings, reserve),
	  .help = "Set what each VP gets of a CPU however many others want it" },
	TUNING_OPTION_LIVE,
	TUNING_OPTION_CONFIG,
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl schedinfo web", "Show its share" },
	{ "hvctl schedinfo web --weight 200", "Twice as much as the others, from now on" },
	{ "hvctl schedinfo web --cap 50 --live --config",
	  "At most half a CPU for each VP, now and after its next start" },
	{ NULL, NULL },
};

const struct cli_verb verb_schedinfo = {
	.name = "schedinfo",
	.summary = "Show or set a partition's share of the CPUs",
	.description =
		"Shows weight, cap and reserve of a partition, or sets those that are given. "
		"Without --live and --config the partition that runs is meant, or the definition "
		"of one that does not run. Percentages are of one CPU for each virtual processor, "
		"with up to one decimal; in JSON they are thousandths.",
	.operands = life_operands,
	.options = options,
	.examples = examples,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
