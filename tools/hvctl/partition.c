/* SPDX-License-Identifier: GPL-2.0-only */
/* What hvd tells of a partition: see partition.h. */
#include "partition.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "text.h"

unsigned partition_state(const char *state)
{
	static const char *const names[] = { "shutoff", "starting", "running",
					     "paused",	"stopping", "crashed" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], state) == 0)
			return 1u << i;
	return 0;
}

void partition_read(struct partition *partition, struct reply *reply)
{
	*partition = (struct partition){
		.name = reply_text(reply, "name", true),
		.uuid = reply_text(reply, "uuid", true),
		.state = reply_text(reply, "state", true),
		.reason = reply_text(reply, "reason", true),
		.detail = reply_text(reply, "detail", false),
		.title = reply_text(reply, "title", false),
		.id = reply_number(reply, "id", false),
		.code = reply_number(reply, "code", false),
		.vcpus = reply_number(reply, "vcpus", true),
		.memory = reply_number(reply, "memory", true),
		.persistent = reply_flag(reply, "persistent", true),
		.autostart = reply_flag(reply, "autostart", true),
		.heartbeat = reply_text(reply, "heartbeat", false),
		.screen = reply_text(reply, "screen", false),
		.addresses = reply_array(reply, "addresses", false),
	};
}

char *partition_addresses(char *out, size_t size, const struct partition *partition)
{
	size_t count = partition->addresses ? sd_json_variant_elements(partition->addresses) : 0;
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		sd_json_variant *one = sd_json_variant_by_index(partition->addresses, i);
		char text[64];

		if (!sd_json_variant_is_string(one))
			continue;
		text_printable(text, sizeof(text), sd_json_variant_string(one));
		if (used + strlen(text) + 2 > size)
			break;
		used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "", text);
	}
	return used ? out : NULL;
}

sd_json_variant *partition_parameters(const char *name)
{
	sd_json_variant *parameters = NULL;

	sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR_STRING("partition", name));
	return parameters;
}

enum hvctl_status partition_find(struct client *client, const char *name,
				 struct partition *partition, sd_json_variant **object)
{
	sd_json_variant *answer JSON_AUTO = NULL;
	struct reply reply = { 0 };
	enum hvctl_status status;

	status = client_call(client, "Info", partition_parameters(name), &answer);
	if (status != HVCTL_OK)
		return status;
	reply.object = answer;
	reply.object = reply_object(&reply, "partition", true);
	if (reply.object)
		partition_read(partition, &reply);
	status = reply_check(&reply);
	if (status == HVCTL_OK)
		*object = sd_json_variant_ref(reply.object);
	return status;
}

enum hvctl_status partition_console(struct client *client, const char *name, int *fd)
{
	sd_json_variant *answer JSON_AUTO = NULL;
	struct reply reply = { 0 };
	enum hvctl_status status;
	uint64_t index;

	status = client_call(client, "Console", partition_parameters(name), &answer);
	if (status != HVCTL_OK)
		return status;
	reply.object = answer;
	index = reply_number(&reply, "console_fd", true);
	status = reply_check(&reply);
	if (status != HVCTL_OK)
		return status;
	*fd = sd_varlink_take_fd(client->link, index);
	if (*fd < 0)
		return error_report(HVCTL_FAILED, "the daemon sent no console");
	return HVCTL_OK;
}

int partition_json(sd_json_variant **object, const struct partition *partition)
{
	bool has_id = partition->id != REPLY_NO_NUMBER;
	bool has_code = partition->code != REPLY_NO_NUMBER;

	return sd_json_buildo(
		object, SD_JSON_BUILD_PAIR_STRING("name", partition->name),
		SD_JSON_BUILD_PAIR_STRING("uuid", partition->uuid),
		SD_JSON_BUILD_PAIR_CONDITION(has_id, "id", SD_JSON_BUILD_UNSIGNED(partition->id)),
		SD_JSON_BUILD_PAIR_STRING("state", partition->state),
		SD_JSON_BUILD_PAIR_STRING("reason", partition->reason),
		SD_JSON_BUILD_PAIR_CONDITION(!!partition->detail, "detail",
					     SD_JSON_BUILD_STRING(partition->detail)),
		SD_JSON_BUILD_PAIR_CONDITION(has_code, "code",
					     SD_JSON_BUILD_UNSIGNED(partition->code)),
		SD_JSON_BUILD_PAIR_CONDITION(!!partition->title, "title",
					     SD_JSON_BUILD_STRING(partition->title)),
		SD_JSON_BUILD_PAIR_BOOLEAN("persistent", partition->persistent),
		SD_JSON_BUILD_PAIR_BOOLEAN("autostart", partition->autostart),
		SD_JSON_BUILD_PAIR_UNSIGNED("vcpus", partition->vcpus),
		SD_JSON_BUILD_PAIR_UNSIGNED("memory_bytes", partition->memory),
		SD_JSON_BUILD_PAIR_CONDITION(!!partition->heartbeat, "heartbeat",
					     SD_JSON_BUILD_STRING(partition->heartbeat)),
		SD_JSON_BUILD_PAIR_CONDITION(!!partition->screen, "screen",
					     SD_JSON_BUILD_STRING(partition->screen)),
		SD_JSON_BUILD_PAIR_CONDITION(!!partition->addresses, "addresses",
					     SD_JSON_BUILD_VARIANT(partition->addresses)));
}

char *partition_why(char *out, size_t size, const struct partition *partition)
{
	char text[400], code[40] = "";
	const char *detail = partition->detail;

	if (partition->code != REPLY_NO_NUMBER)
		snprintf(code, sizeof(code), "%scode %llu", detail ? ", " : ": ",
			 (unsigned long long)partition->code);
	snprintf(text, sizeof(text), "%s%s%s%s", partition->reason, detail ? ": " : "",
		 detail ? detail : "", code);
	return text_printable(out, size, text);
}
