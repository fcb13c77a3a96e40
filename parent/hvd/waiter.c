/* SPDX-License-Identifier: GPL-2.0-only */
/* Clients that wait, see waiter.h. */
#include "waiter.h"

#include <stdlib.h>

struct waiter *waiter_new(sd_varlink *client, struct partition *partition)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));

	if (waiter) {
		waiter->client = sd_varlink_ref(client);
		waiter->partition = partition;
		waiter->hvd = partition->hvd;
		waiter->uuid = partition->config->uuid;
	}
	return waiter;
}

void waiter_free(struct waiter *waiter)
{
	sd_varlink_unref(waiter->client);
	sd_json_variant_unref(waiter->disks);
	sd_json_variant_unref(waiter->cards);
	sd_json_variant_unref(waiter->gpu);
	domain_free(waiter->device);
	free(waiter);
}

void waiter_refuse(struct waiter *waiter, const struct failure *failure)
{
	failure_reply(failure, waiter->client, NULL);
	connection_update(waiter->client);
	waiter_free(waiter);
}

void waiter_grant(struct waiter *waiter)
{
	methods_done(waiter->client);
	connection_update(waiter->client);
	waiter_free(waiter);
}

int waiter_refuse_now(struct waiter *waiter, const struct failure *failure)
{
	int result = failure_reply(failure, waiter->client, NULL);

	waiter_free(waiter);
	return result;
}

int waiter_no_memory(sd_varlink *link)
{
	struct failure failure;

	fail(&failure, FAILURE_BUSY, "out of memory");
	return failure_reply(&failure, link, NULL);
}

bool waiter_check_running(const struct partition *partition, struct failure *failure)
{
	if (partition->state == STATE_RUNNING)
		return true;
	fail(failure, FAILURE_WRONG_STATE, "%s is %s", partition_name(partition),
	     state_names[partition->state]);
	failure->state = state_names[partition->state];
	return false;
}
