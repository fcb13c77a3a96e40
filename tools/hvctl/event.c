/* SPDX-License-Identifier: GPL-2.0-only */
/* hvd's events: see event.h. */
#include "event.h"

#include "error.h"

const char *const event_type_names[] = {
	"defined",	  "undefined",	  "started",   "paused",  "resumed",
	"reset",	  "stopped",	  "crashed",   "changed", "device_added",
	"device_removed", "device_error", "heartbeat", "screen",  NULL,
};

static int make_types(sd_json_variant **array, unsigned types)
{
	int error = 0;

	for (unsigned i = 0; event_type_names[i] && error >= 0; i++)
		if (types & 1u << i)
			error = sd_json_variant_append_arrayb(
				array, SD_JSON_BUILD_STRING(event_type_names[i]));
	return error;
}

/* hvd's first answer, which tells how things stand. */
static enum hvctl_status take_first(struct client *client, sd_json_variant **first)
{
	sd_json_variant *answer JSON_AUTO = NULL;
	struct reply reply = { 0 };
	sd_json_variant *partitions;
	enum hvctl_status status;

	status = client_next(client, UINT64_MAX, &answer);
	if (status != HVCTL_OK)
		return status;
	reply.object = answer;
	partitions = reply_array(&reply, "partitions", true);
	status = reply_check(&reply);
	if (status == HVCTL_OK && first)
		*first = sd_json_variant_ref(partitions);
	return status;
}

enum hvctl_status event_subscribe(struct client *client, const char *partition, unsigned types,
				  sd_json_variant **first)
{
	sd_json_variant *names JSON_AUTO = NULL, *parameters = NULL;
	enum hvctl_status status;
	int error = make_types(&names, types);

	if (error >= 0)
		error = sd_json_buildo(
			&parameters,
			SD_JSON_BUILD_PAIR_CONDITION(!!partition, "partition",
						     SD_JSON_BUILD_STRING(partition)),
			SD_JSON_BUILD_PAIR_CONDITION(!!names, "types",
						     SD_JSON_BUILD_VARIANT(names)));
	if (error < 0)
		return json_failed(error);
	status = client_stream(client, "Subscribe", parameters);
	return status == HVCTL_OK ? take_first(client, first) : status;
}

enum hvctl_status event_subscribe_one(struct client *client, const char *name,
				      struct partition *partition, sd_json_variant **owner)
{
	sd_json_variant *first JSON_AUTO = NULL;
	struct reply reply = { 0 };
	enum hvctl_status status;

	status = event_subscribe(client, name, 0, &first);
	if (status != HVCTL_OK)
		return status;
	if (sd_json_variant_elements(first) > 0)
		reply.object = sd_json_variant_by_index(first, 0);
	partition_read(partition, &reply);
	status = reply_check(&reply);
	if (status == HVCTL_OK)
		*owner = sd_json_variant_ref(reply.object);
	return status;
}

static void read_event(struct event *event, struct reply *reply)
{
	struct partition *partition = &event->partition;

	event->sequence = reply_number(reply, "sequence", true);
	event->time_ns = reply_number(reply, "time_ns", true);
	event->type = reply_text(reply, "type", true);
	partition->name = reply_text(reply, "name", true);
	partition->uuid = reply_text(reply, "uuid", true);
	partition->id = reply_number(reply, "id", false);
	partition->state = reply_text(reply, "state", true);
	partition->reason = reply_text(reply, "reason", true);
	partition->detail = reply_text(reply, "detail", false);
	partition->code = reply_number(reply, "code", false);
	partition->heartbeat = reply_text(reply, "heartbeat", false);
	partition->screen = reply_text(reply, "screen", false);
	partition->addresses = reply_array(reply, "addresses", false);
	event->device = reply_text(reply, "device", false);
}

enum hvctl_status event_next(struct client *client, uint64_t when, struct event *event)
{
	struct reply reply = { 0 }, inner = { 0 };
	enum hvctl_status status;

	*event = (struct event){ 0 };
	status = client_next(client, when, &event->owner);
	if (status != HVCTL_OK)
		return status;
	if (!event->owner && client->ended)
		return error_report(HVCTL_UNREACHABLE, "the daemon tells no more events");
	if (!event->owner)
		return HVCTL_OK;
	reply.object = event->owner;
	inner.object = reply_object(&reply, "event", true);
	status = reply_check(&reply);
	if (status == HVCTL_OK) {
		read_event(event, &inner);
		status = reply_check(&inner);
	}
	if (status != HVCTL_OK)
		event_free(event);
	return status;
}

void event_free(struct event *event)
{
	sd_json_variant_unref(event->owner);
	*event = (struct event){ 0 };
}
