/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl list */
#include <stdio.h>

#include "error.h"
#include "partition.h"
#include "table.h"
#include "text.h"
#include "verbs.h"

struct settings {
	bool all;
	bool inactive;
};

static const struct settings defaults = { 0 };

/* What is being listed, in the format that is wanted. */
struct list {
	const struct cli_call *call;
	struct table table;
	sd_json_variant *objects; /* an array; owned */
};

static bool is_wanted(const struct settings *settings, const struct partition *partition)
{
	bool inactive = partition_state(partition->state) == PARTITION_SHUTOFF;

	return settings->all || inactive == settings->inactive;
}

static void add_row(struct table *table, const struct partition *partition)
{
	char name[TEXT_ESCAPED_SIZE(64)], state[TEXT_ESCAPED_SIZE(16)];

	if (partition->id == REPLY_NO_NUMBER)
		table_cell(table, "-");
	else
		table_cell(table, "%llu", (unsigned long long)partition->id);
	table_cell(table, "%s", text_printable(name, sizeof(name), partition->name));
	table_cell(table, "%s", text_printable(state, sizeof(state), partition->state));
	table_cell(table, "%llu", (unsigned long long)partition->vcpus);
	table_cell(table, "%.1f", (double)partition->memory / (1 << 20));
	table_cell(table, partition->autostart ? "yes" : "no");
}

static enum hvctl_status add(struct list *list, const struct partition *partition)
{
	sd_json_variant *object JSON_AUTO = NULL;
	int error;

	if (list->call->line->globals.format == HVCTL_TABLE) {
		add_row(&list->table, partition);
		return HVCTL_OK;
	}
	if (list->call->line->globals.format == HVCTL_NAME) {
		puts(partition->name);
		return HVCTL_OK;
	}
	error = partition_json(&object, partition);
	if (error >= 0)
		error = sd_json_variant_append_array(&list->objects, object);
	return error < 0 ? json_failed(error) : HVCTL_OK;
}

static enum hvctl_status add_all(struct list *list, sd_json_variant *partitions)
{
	enum hvctl_status status = HVCTL_OK;

	for (size_t i = 0; i < sd_json_variant_elements(partitions) && status == HVCTL_OK; i++) {
		struct reply reply = { .object = sd_json_variant_by_index(partitions, i) };
		struct partition partition;

		partition_read(&partition, &reply);
		status = reply_check(&reply);
		if (status == HVCTL_OK && is_wanted(list->call->line->settings, &partition))
			status = add(list, &partition);
	}
	return status;
}

static enum hvctl_status print(struct list *list)
{
	const struct cli_globals *globals = &list->call->line->globals;

	if (globals->format == HVCTL_JSON)
		return json_show(!globals->no_color,
				 SD_JSON_BUILD_PAIR_VARIANT("partitions", list->objects));
	if (globals->format == HVCTL_TABLE &&
	    !table_print(&list->table, stdout, !globals->no_headers))
		return error_report(HVCTL_BUSY, "out of memory");
	return HVCTL_OK;
}

static enum hvctl_status show(const struct cli_call *call, sd_json_variant *answer)
{
	struct reply reply = { .object = answer };
	sd_json_variant *partitions = reply_array(&reply, "partitions", true);
	enum hvctl_status status = reply_check(&reply);
	struct list list = { .call = call };

	if (status != HVCTL_OK)
		return status;
	if (sd_json_variant_new_array(&list.objects, NULL, 0) < 0)
		return error_report(HVCTL_BUSY, "out of memory");
	table_column(&list.table, true, "ID");
	table_column(&list.table, false, "NAME");
	table_column(&list.table, false, "STATE");
	table_column(&list.table, true, "VCPUS");
	table_column(&list.table, true, "MIB");
	table_column(&list.table, false, "AUTOSTART");
	status = add_all(&list, partitions);
	if (status == HVCTL_OK)
		status = print(&list);
	table_free(&list.table);
	sd_json_variant_unref(list.objects);
	return status;
}

static enum hvctl_status run(const struct cli_call *call)
{
	sd_json_variant *answer JSON_AUTO = NULL;
	enum hvctl_status status;
	struct client client;

	status = client_open(&client, call, CLIENT_READ);
	if (status != HVCTL_OK)
		return status;
	status = client_call(&client, "List", NULL, &answer);
	if (status == HVCTL_OK)
		status = show(call, answer);
	client_close(&client);
	return status;
}

static const struct cli_option options[] = {
	{ .name = "all",
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct settings, all),
	  .help = "Those that are shut off too" },
	{ .name = "inactive",
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct settings, inactive),
	  .help = "Only those that are shut off" },
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl list --all", "All partitions" },
	{ "for p in $(hvctl list --format name); do hvctl shutdown \"$p\"; done",
	  "Shut down all that run" },
	{ "hvctl list --json | jq -r '.partitions[] | select(.state == \"crashed\") | .name'",
	  "Those whose guest has failed" },
	{ NULL, NULL },
};

const struct cli_verb verb_list = {
	.name = "list",
	.summary = "List partitions",
	.description =
		"Lists the partitions that are not shut off, in the order of their names: the "
		"hypervisor's id, name, state (starting, running, paused, stopping, crashed, or "
		"shutoff), virtual processors, memory in MiB, and whether they start with the "
		"machine.",
	.options = options,
	.examples = examples,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON) | CLI_FORMAT(HVCTL_NAME),
	.run = run,
};
