/* SPDX-License-Identifier: GPL-2.0-only */
/* The registry, see partition.h. */
#include "partition.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "devices.h"
#include "log.h"
#include "operation.h"
#include "peer.h"

const struct domain *partition_domain(const struct partition *partition)
{
	return partition->live ? partition->live : partition->config;
}

const char *partition_name(const struct partition *partition)
{
	return partition->config->name;
}

uint64_t partition_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

void partition_clean(char *to, size_t size, const char *from)
{
	size_t i;

	for (i = 0; i + 1 < size && from[i]; i++)
		to[i] = from[i] >= 0x20 && from[i] < 0x7f ? from[i] : ' ';
	to[i] = '\0';
}

static void link_in(struct hvd *hvd, struct partition *partition)
{
	struct partition **at = &hvd->partitions;

	while (*at && strcmp(partition_name(*at), partition_name(partition)) < 0)
		at = &(*at)->next;
	partition->next = *at;
	*at = partition;
	hvd->partition_count++;
}

struct partition *partition_add(struct hvd *hvd, struct domain *domain)
{
	struct partition *partition = calloc(1, sizeof(*partition));

	if (!partition || !operation_setup(partition, hvd->base)) {
		free(partition);
		domain_free(domain);
		return NULL;
	}
	partition->hvd = hvd;
	partition->config = domain;
	partition->why.code = -1;
	partition->devices = devices_new(partition);
	if (!partition->devices) {
		operation_end(partition);
		free(partition);
		domain_free(domain);
		return NULL;
	}
	link_in(hvd, partition);
	return partition;
}

void partition_remove(struct partition *partition)
{
	struct partition **at = &partition->hvd->partitions;

	while (*at != partition)
		at = &(*at)->next;
	*at = partition->next;
	partition->hvd->partition_count--;
	peer_free(partition->worker);
	devices_free(partition->devices);
	operation_end(partition);
	domain_free(partition->config);
	domain_free(partition->live);
	free(partition);
}

struct partition *partition_by_name(struct hvd *hvd, const char *name)
{
	struct partition *at = hvd->partitions;

	while (at && strcmp(partition_name(at), name) != 0)
		at = at->next;
	return at;
}

struct partition *partition_by_uuid(struct hvd *hvd, sd_id128_t uuid)
{
	struct partition *at = hvd->partitions;

	while (at && !sd_id128_equal(at->config->uuid, uuid))
		at = at->next;
	return at;
}

static struct partition *by_id(struct hvd *hvd, const char *text)
{
	struct partition *at = hvd->partitions;
	char *end;
	uint64_t id;

	if (!*text || strspn(text, "0123456789") != strlen(text))
		return NULL;
	id = strtoull(text, &end, 10);
	while (at && (!at->id || at->id != id))
		at = at->next;
	return at;
}

struct partition *partition_find(struct hvd *hvd, const char *text, struct failure *failure)
{
	struct partition *found = partition_by_name(hvd, text);
	sd_id128_t uuid;

	if (!found && sd_id128_from_string(text, &uuid) >= 0)
		found = partition_by_uuid(hvd, uuid);
	if (!found)
		found = by_id(hvd, text);
	if (!found)
		fail(failure, FAILURE_NO_SUCH_PARTITION, "there is no partition '%.100s'", text);
	return found;
}

int partition_note_live(const struct partition *partition)
{
	char *xml = domain_format(partition->live, NULL);
	int error = xml ? store_write(&partition->hvd->live, partition_name(partition), xml) :
			  -ENOMEM;

	free(xml);
	if (error)
		log_error("%s: what runs cannot be noted: %s", partition_name(partition),
			  strerror(-error));
	return error;
}

void partition_set_state(struct partition *partition, enum state state, enum reason reason,
			 const struct ending *why)
{
	partition->state = state;
	partition->since = partition_now();
	if (why && why != &partition->why)
		partition->why = *why;
	else if (!why)
		partition->why = (struct ending){ .code = -1 };
	partition->why.reason = reason;
}

bool partition_check(const struct partition *partition, enum request request,
		     struct failure *failure)
{
	if (lifecycle_allows(partition->state, request))
		return true;
	fail(failure, FAILURE_WRONG_STATE, "cannot %s %s: it is %s", lifecycle_verb(request),
	     partition_name(partition), state_names[partition->state]);
	failure->state = state_names[partition->state];
	return false;
}
