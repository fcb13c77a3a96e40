/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl attach-device and detach-device */
#include <stdio.h>
#include <stdlib.h>

#include "definition.h"
#include "error.h"
#include "tuning.h"
#include "verbs.h"

struct settings {
	struct tuning_settings tuning;
};

static const struct settings defaults = { 0 };

static enum hvctl_status change(struct client *client, const struct cli_call *call,
				const char *method, const char *xml, const char *file)
{
	const struct settings *settings = call->line->settings;
	const char *scope = tuning_scope(&settings->tuning);
	sd_json_variant *parameters = NULL;
	enum hvctl_status status;
	int error;

	error = sd_json_buildo(
		&parameters, SD_JSON_BUILD_PAIR_STRING("partition", call->line->operands[0]),
		SD_JSON_BUILD_PAIR_STRING("xml", xml), SD_JSON_BUILD_PAIR_STRING("file", file),
		SD_JSON_BUILD_PAIR_CONDITION(!!scope, "scope", SD_JSON_BUILD_STRING(scope)));
	if (error < 0)
		return json_failed(error);
	client->file = file;
	status = client_call(client, method, parameters, NULL);
	client->file = NULL;
	return status;
}

static enum hvctl_status change_device(const struct cli_call *call, const char *method)
{
	enum hvctl_status status;
	const char *file = NULL;
	struct client client;
	char *xml = NULL;

	status = definition_read(call->line->operands[1], &xml, &file);
	if (status != HVCTL_OK)
		return status;
	status = client_open(&client, call, CLIENT_CHANGE);
	if (status == HVCTL_OK) {
		status = change(&client, call, method, xml, file);
		client_close(&client);
	}
	free(xml);
	return status;
}

static enum hvctl_status attach(const struct cli_call *call)
{
	return change_device(call, "AttachDevice");
}

static enum hvctl_status detach(const struct cli_call *call)
{
	return change_device(call, "DetachDevice");
}

static const struct cli_operand operands[] = {
	{ .name = "NAME",
	  .required = true,
	  .words = CLI_PARTITIONS,
	  .help = "The partition's name, UUID or id" },
	{ .name = "FILE",
	  .required = true,
	  .words = CLI_FILES,
	  .help = "A <disk> or an <interface> in XML; - is standard input" },
	{ .name = NULL },
};

static const struct cli_option options[] = {
	TUNING_OPTION_LIVE,
	TUNING_OPTION_CONFIG,
	{ .name = NULL },
};

static const struct cli_example attach_examples[] = {
	{ "hvctl attach-device web disk.xml", "A guest that runs gets a disk" },
	{ "hvctl attach-device web disk.xml --live --config", "And keeps it" },
	{ NULL, NULL },
};

static const struct cli_example detach_examples[] = {
	{ "hvctl detach-device web disk.xml", "The guest is told that the disk goes" },
	{ NULL, NULL },
};

const struct cli_verb verb_attach_device = {
	.name = "attach-device",
	.summary = "Give a partition a disk or a network interface",
	.description =
		"Adds a device to the partition that runs, or where it does not to its definition. "
		"The guest sees a disk or a network card come. An interface that comes to others "
		"interrupts those for a moment, and ends their connections in a user network.",
	.operands = operands,
	.options = options,
	.examples = attach_examples,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = attach,
};

const struct cli_verb verb_detach_device = {
	.name = "detach-device",
	.summary = "Take a disk or a network interface from a partition",
	.description =
		"Removes a device from the partition that runs, or where it does not from its "
		"definition. A disk is known by its target, an interface by its mac; the rest of "
		"the XML is not compared. The guest is not asked but told: what it does with a disk "
		"that goes fails, so have it unmount first. When the disk is closed is told by "
		"hvctl event (device_removed).",
	.operands = operands,
	.options = options,
	.examples = detach_examples,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = detach,
};
