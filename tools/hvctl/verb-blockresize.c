/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl blockresize */
#include <stdio.h>

#include "error.h"
#include "partition.h"
#include "verbs.h"

static enum hvctl_status print(const struct cli_call *call, sd_json_variant *answer)
{
	struct reply reply = { .object = answer };
	uint64_t size = reply_number(&reply, "size", true);
	enum hvctl_status status = reply_check(&reply);

	if (status != HVCTL_OK)
		return status;
	if (call->line->globals.format == HVCTL_JSON)
		return json_show(!call->line->globals.no_color,
				 SD_JSON_BUILD_PAIR_UNSIGNED("size_bytes", size));
	error_progress("disk '%s' of '%s': %.1f MiB", call->line->operands[1],
		       call->line->operands[0], (double)size / (1 << 20));
	return HVCTL_OK;
}

static enum hvctl_status run(const struct cli_call *call)
{
	sd_json_variant *answer JSON_AUTO = NULL, *parameters = NULL;
	enum hvctl_status status;
	struct client client;
	int error;

	error = sd_json_buildo(&parameters,
			       SD_JSON_BUILD_PAIR_STRING("partition", call->line->operands[0]),
			       SD_JSON_BUILD_PAIR_STRING("target", call->line->operands[1]));
	if (error < 0)
		return json_failed(error);
	status = client_open(&client, call, CLIENT_CHANGE);
	if (status != HVCTL_OK) {
		sd_json_variant_unref(parameters);
		return status;
	}
	status = client_call(&client, "ResizeDisk", parameters, &answer);
	if (status == HVCTL_OK)
		status = print(call, answer);
	client_close(&client);
	return status;
}

static const struct cli_operand operands[] = {
	{ .name = "NAME",
	  .required = true,
	  .words = CLI_PARTITIONS,
	  .help = "The partition's name, UUID or id" },
	{ .name = "TARGET", .required = true, .help = "The disk's target, as in sda" },
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "truncate -s +10G web.img && hvctl blockresize web sda", "Ten GiB more for a raw image" },
	{ NULL, NULL },
};

const struct cli_verb verb_blockresize = {
	.name = "blockresize",
	.summary = "Tell a guest that a disk has another size",
	.description =
		"After the image or the block device behind a disk was made larger: the guest "
		"learns the new size while it runs. The file is not changed. An image in the format "
		"qcow2 gets another size while nobody uses it only: by qemu-img resize.",
	.operands = operands,
	.examples = examples,
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
