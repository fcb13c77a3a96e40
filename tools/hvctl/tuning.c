/* SPDX-License-Identifier: GPL-2.0-only */
/* A partition's share of the CPUs: see tuning.h. */
#include "tuning.h"

#include <stdio.h>

#include "error.h"

void schedule_read(struct schedule *schedule, struct reply *reply)
{
	*schedule = (struct schedule){
		.weight = reply_number(reply, "weight", true),
		.cap = reply_number(reply, "cap", true),
		.reserve = reply_number(reply, "reserve", true),
	};
}

void schedule_print(const struct schedule *schedule)
{
	printf("%-12s%llu\n", "weight", (unsigned long long)schedule->weight);
	if (schedule->cap)
		printf("%-12s%.1f %%\n", "cap", (double)schedule->cap / 10);
	else
		printf("%-12snone\n", "cap");
	printf("%-12s%.1f %%\n", "reserve", (double)schedule->reserve / 10);
}

int schedule_json(sd_json_variant **object, const struct schedule *schedule)
{
	return sd_json_buildo(object, SD_JSON_BUILD_PAIR_UNSIGNED("weight", schedule->weight),
			      SD_JSON_BUILD_PAIR_UNSIGNED("cap_permille", schedule->cap),
			      SD_JSON_BUILD_PAIR_UNSIGNED("reserve_permille", schedule->reserve));
}

const char *tuning_scope(const struct tuning_settings *settings)
{
	if (settings->live && settings->config)
		return "both";
	if (settings->live)
		return "live";
	return settings->config ? "config" : NULL;
}

enum hvctl_status tuning_get(struct client *client, const struct cli_call *call, const char *method,
			     sd_json_variant **reply)
{
	const struct tuning_settings *settings = call->line->settings;
	sd_json_variant *object JSON_AUTO = NULL, *parameters = NULL;
	struct partition partition;
	enum hvctl_status status;
	int error;

	status = partition_find(client, call->line->operands[0], &partition, &object);
	if (status != HVCTL_OK)
		return status;
	if (settings->live && partition.id == REPLY_NO_NUMBER)
		return error_report(HVCTL_WRONG_STATE, "partition '%s' is %s", partition.name,
				    partition.state);
	error = sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR_STRING("partition", partition.uuid),
			       SD_JSON_BUILD_PAIR_BOOLEAN("config", settings->config));
	return error < 0 ? json_failed(error) : client_call(client, method, parameters, reply);
}
