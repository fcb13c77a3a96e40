/* SPDX-License-Identifier: GPL-2.0-only */
/* Events, see events.h. */
#include "events.h"

#include <stdlib.h>
#include <string.h>

#include "devices.h"
#include "guest.h"
#include "server.h"

struct subscriber {
	struct subscriber *next;
	struct connection *connection;
	char name[DOMAIN_NAME_MAX]; /* "": all partitions */
	unsigned int types;
};

struct events {
	struct hvd *hvd;
	struct subscriber *subscribers;
	unsigned int count;
	uint64_t sequence;
};

struct events *events_new(struct hvd *hvd)
{
	struct events *events = calloc(1, sizeof(*events));

	if (events)
		events->hvd = hvd;
	return events;
}

void events_free(struct events *events)
{
	if (!events)
		return;
	while (events->subscribers) {
		struct subscriber *first = events->subscribers;

		events->subscribers = first->next;
		free(first);
	}
	free(events);
}

static sd_json_variant *event_json(const struct events *events, const struct partition *partition,
				   enum event_type type, const char *device, const char *detail)
{
	const struct guest *guest = devices_guest(partition->devices);
	JSON_AUTO sd_json_variant *addresses = guest_addresses(guest);
	sd_json_variant *json = NULL;

	sd_json_buildo(&json, SD_JSON_BUILD_PAIR_UNSIGNED("sequence", events->sequence),
		       SD_JSON_BUILD_PAIR_UNSIGNED("time_ns", partition_now()),
		       SD_JSON_BUILD_PAIR_STRING("type", event_names[type]),
		       SD_JSON_BUILD_PAIR_STRING("name", partition_name(partition)),
		       SD_JSON_BUILD_PAIR_UUID("uuid", partition->config->uuid),
		       SD_JSON_BUILD_PAIR_CONDITION(partition->id != 0, "id",
						    SD_JSON_BUILD_UNSIGNED(partition->id)),
		       SD_JSON_BUILD_PAIR_STRING("state", state_names[partition->state]),
		       SD_JSON_BUILD_PAIR_STRING("reason", reason_names[partition->why.reason]),
		       SD_JSON_BUILD_PAIR_CONDITION(detail && detail[0], "detail",
						    SD_JSON_BUILD_STRING(detail)),
		       SD_JSON_BUILD_PAIR_CONDITION(device != NULL, "device",
						    SD_JSON_BUILD_STRING(device)),
		       SD_JSON_BUILD_PAIR_CONDITION(partition->why.code >= 0, "code",
						    SD_JSON_BUILD_INTEGER(partition->why.code)),
		       SD_JSON_BUILD_PAIR_CONDITION(guest->heartbeat[0] != 0, "heartbeat",
						    SD_JSON_BUILD_STRING(guest->heartbeat)),
		       SD_JSON_BUILD_PAIR_CONDITION(guest->screen[0] != 0, "screen",
						    SD_JSON_BUILD_STRING(guest->screen)),
		       SD_JSON_BUILD_PAIR_CONDITION(addresses != NULL, "addresses",
						    SD_JSON_BUILD_VARIANT(addresses)));
	return json;
}

static void emit(struct partition *partition, enum event_type type, const char *device,
		 const char *detail)
{
	struct events *events = partition->hvd->events;
	JSON_AUTO sd_json_variant *json = NULL;

	events->sequence++;
	if (!events->subscribers)
		return;
	json = event_json(events, partition, type, device, detail);
	for (struct subscriber *at = events->subscribers; json && at; at = at->next) {
		if ((at->types >> type & 1) &&
		    (!at->name[0] || strcmp(at->name, partition_name(partition)) == 0))
			connection_notify(at->connection, "event", json);
	}
}

void events_emit(struct partition *partition, enum event_type type)
{
	emit(partition, type, NULL, partition->why.detail);
}

void events_emit_device(struct partition *partition, enum event_type type, const char *device,
			const char *detail)
{
	emit(partition, type, device, detail);
}

/* All partitions, or the one of that name. */
static sd_json_variant *list(struct hvd *hvd, const char *name)
{
	sd_json_variant *all = NULL;

	if (sd_json_variant_new_array(&all, NULL, 0) < 0)
		return NULL;
	for (struct partition *at = hvd->partitions; at; at = at->next) {
		JSON_AUTO sd_json_variant *one = NULL;

		if (name && strcmp(name, partition_name(at)) != 0)
			continue;
		one = partition_json(at);
		if (!one || sd_json_variant_append_array(&all, one) < 0)
			return sd_json_variant_unref(all);
	}
	return all;
}

bool events_subscribe(struct events *events, struct connection *connection, const char *name,
		      unsigned int types, struct failure *failure)
{
	JSON_AUTO sd_json_variant *partitions = NULL;
	struct subscriber *subscriber;

	if (events->count >= EVENTS_SUBSCRIBERS_MAX)
		return fail(failure, FAILURE_BUSY, "%u clients wait for events already",
			    EVENTS_SUBSCRIBERS_MAX);
	partitions = list(events->hvd, name);
	subscriber = partitions ? calloc(1, sizeof(*subscriber)) : NULL;
	if (!subscriber)
		return fail(failure, FAILURE_BUSY, "out of memory");
	subscriber->connection = connection;
	subscriber->types = types;
	if (name)
		memcpy(subscriber->name, name, strlen(name) + 1);
	subscriber->next = events->subscribers;
	events->subscribers = subscriber;
	events->count++;
	connection_notify(connection, "partitions", partitions);
	return true;
}

void events_forget(struct events *events, const struct connection *connection)
{
	struct subscriber **at = &events->subscribers;

	while (*at) {
		struct subscriber *subscriber = *at;

		if (subscriber->connection != connection) {
			at = &subscriber->next;
			continue;
		}
		*at = subscriber->next;
		events->count--;
		free(subscriber);
	}
}
