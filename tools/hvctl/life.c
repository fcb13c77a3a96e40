/* SPDX-License-Identifier: GPL-2.0-only */
/* Changing the state of one partition: see life.h. */
#include "life.h"

#include "error.h"

const struct life_settings life_defaults = { 0 };

const struct cli_operand life_operands[] = {
	{ .name = "NAME",
	  .required = true,
	  .words = CLI_PARTITIONS,
	  .help = "The partition's name, UUID or id" },
	{ .name = NULL },
};

const struct cli_option life_options[] = {
	LIFE_OPTION_DRY_RUN,
	{ .name = NULL },
};

enum hvctl_status life_open(struct life_target *target, const struct cli_call *call)
{
	enum hvctl_status status;

	*target = (struct life_target){ 0 };
	status = client_open(&target->client, call, CLIENT_CHANGE);
	if (status != HVCTL_OK)
		return status;
	return partition_find(&target->client, call->line->operands[0], &target->partition,
			      &target->object);
}

void life_close(struct life_target *target)
{
	client_close(&target->client);
	sd_json_variant_unref(target->object);
}

enum hvctl_status life_try(const struct life_target *target, const struct life *life,
			   const struct life_settings *settings)
{
	unsigned good = life->from | (settings->ignore_state ? life->reached : 0);
	const struct partition *partition = &target->partition;

	if (partition_state(partition->state) & good)
		return HVCTL_OK;
	return error_report(HVCTL_WRONG_STATE, "partition '%s' is %s", partition->name,
			    partition->state);
}

enum hvctl_status life_do(struct life_target *target, const struct life *life,
			  const struct life_settings *settings, sd_json_variant **reply)
{
	target->client.forgiven = settings->ignore_state ? life->reached : 0;
	return client_call(&target->client, life->method,
			   partition_parameters(target->partition.uuid), reply);
}

enum hvctl_status life_print(const struct cli_call *call, const char *name, const char *uuid,
			     uint64_t id, const char *done)
{
	if (call->line->globals.format == HVCTL_NAME)
		puts(name);
	if (call->line->globals.format != HVCTL_JSON) {
		error_progress("partition '%s': %s", name, done);
		return HVCTL_OK;
	}
	return json_show(!call->line->globals.no_color, SD_JSON_BUILD_PAIR_STRING("name", name),
			 SD_JSON_BUILD_PAIR_STRING("uuid", uuid),
			 SD_JSON_BUILD_PAIR_CONDITION(id != REPLY_NO_NUMBER, "id",
						      SD_JSON_BUILD_UNSIGNED(id)));
}

enum hvctl_status life_run(const struct cli_call *call, const struct life *life)
{
	const struct life_settings *settings = call->line->settings;
	enum hvctl_status status;
	struct life_target target;

	status = life_open(&target, call);
	if (status == HVCTL_OK && settings->dry_run)
		status = life_try(&target, life, settings);
	else if (status == HVCTL_OK)
		status = life_do(&target, life, settings, NULL);
	if (status == HVCTL_OK)
		status = life_print(call, target.partition.name, target.partition.uuid,
				    REPLY_NO_NUMBER,
				    settings->dry_run ? "it can be done" : life->done);
	life_close(&target);
	return status;
}
