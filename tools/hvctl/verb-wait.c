/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl wait */
#include <string.h>

#include "error.h"
#include "event.h"
#include "verbs.h"

static const char *const conditions[] = { "running",   "shutoff",      "paused", "crashed",
					  "heartbeat", "guest-driver", "ip",	 NULL };

/* A guest that has failed: it is kept, or was ended or started anew for that. */
static bool has_failed(const struct partition *partition)
{
	static const char *const reasons[] = { "panic", "triple_fault", "failed" };

	if (partition_state(partition->state) == PARTITION_CRASHED)
		return true;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strcmp(partition->reason, reasons[i]) == 0)
			return true;
	return false;
}

static bool is_met(const char *condition, const struct partition *partition)
{
	if (strcmp(condition, "heartbeat") == 0)
		return partition->heartbeat && strcmp(partition->heartbeat, "ok") == 0;
	if (strcmp(condition, "guest-driver") == 0)
		return partition->screen && strcmp(partition->screen, "gpu") == 0;
	if (strcmp(condition, "ip") == 0)
		return partition->addresses && sd_json_variant_elements(partition->addresses) > 0;
	if (strcmp(condition, "crashed") == 0)
		return has_failed(partition);
	return strcmp(condition, partition->state) == 0;
}

static enum hvctl_status gone(const struct cli_call *call)
{
	return error_report(HVCTL_NO_PARTITION, "partition '%s' is gone", call->line->operands[0]);
}

static enum hvctl_status wait_events(struct client *client, const struct cli_call *call)
{
	const char *condition = call->line->operands[1];
	enum hvctl_status status = HVCTL_OK;
	bool met = false;

	while (status == HVCTL_OK && !met) {
		struct event event;

		status = event_next(client, UINT64_MAX, &event);
		if (status != HVCTL_OK)
			break;
		met = is_met(condition, &event.partition) ||
		      (strcmp(condition, "crashed") == 0 && strcmp(event.type, "crashed") == 0);
		/* One that runs goes on without a definition. */
		if (!met && strcmp(event.type, "undefined") == 0 &&
		    partition_state(event.partition.state) == PARTITION_SHUTOFF)
			status = gone(call);
		event_free(&event);
	}
	return status;
}

static enum hvctl_status wait_condition(struct client *client, const struct cli_call *call)
{
	sd_json_variant *owner JSON_AUTO = NULL;
	struct partition partition;
	enum hvctl_status status;

	status = event_subscribe_one(client, call->line->operands[0], &partition, &owner);
	if (status != HVCTL_OK || is_met(call->line->operands[1], &partition))
		return status;
	return wait_events(client, call);
}

static enum hvctl_status run(const struct cli_call *call)
{
	enum hvctl_status status;
	struct client client;

	status = client_open(&client, call, CLIENT_READ);
	if (status != HVCTL_OK)
		return status;
	status = wait_condition(&client, call);
	client_close(&client);
	return status;
}

static const struct cli_operand operands[] = {
	{ .name = "NAME",
	  .required = true,
	  .words = CLI_PARTITIONS,
	  .help = "The partition's name, UUID or id" },
	{ .name = "CONDITION",
	  .required = true,
	  .choices = conditions,
	  .help = "running, shutoff, paused or crashed; heartbeat: the guest's drivers answer; "
		  "guest-driver: mullion_gpu draws its screen; ip: it has told an address" },
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl wait web shutoff --timeout 60 || hvctl destroy web",
	  "Give it a minute to shut down" },
	{ "hvctl start web && hvctl wait web ip --timeout 120", "Until it can be reached" },
	{ NULL, NULL },
};

const struct cli_verb verb_wait = {
	.name = "wait",
	.summary = "Wait until a partition is in a state, or its guest so far",
	.description =
		"Returns when the condition holds, at once where it does already. The states are "
		"those of domstate; crashed is also met by a guest that has failed and was ended or "
		"started anew for that. A partition that is gone ends the wait with exit status 3, "
		"--timeout with 9. A guest that does not run has no heartbeat, screen or address; an "
		"address is known only where the guest has Hyper-V's daemon for it "
		"(hv_kvp_daemon).",
	.operands = operands,
	.examples = examples,
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
