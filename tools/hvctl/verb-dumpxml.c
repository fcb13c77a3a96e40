/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl dumpxml */
#include <stdio.h>

#include "life.h"
#include "reply.h"
#include "verbs.h"

struct settings {
	bool inactive;
};

static const struct settings defaults = { 0 };

static enum hvctl_status print(const struct cli_call *call, sd_json_variant *answer)
{
	struct reply reply = { .object = answer };
	const char *xml = reply_text(&reply, "xml", true);
	enum hvctl_status status = reply_check(&reply);

	if (status != HVCTL_OK)
		return status;
	if (call->line->globals.format != HVCTL_JSON) {
		fputs(xml, stdout);
		return HVCTL_OK;
	}
	return json_show(!call->line->globals.no_color, SD_JSON_BUILD_PAIR_STRING("xml", xml));
}

static enum hvctl_status ask(struct client *client, const struct cli_call *call,
			     sd_json_variant **answer)
{
	const struct settings *settings = call->line->settings;
	sd_json_variant *parameters = NULL;
	int error;

	error = sd_json_buildo(&parameters,
			       SD_JSON_BUILD_PAIR_STRING("partition", call->line->operands[0]),
			       SD_JSON_BUILD_PAIR_BOOLEAN("inactive", settings->inactive));
	return error < 0 ? json_failed(error) : client_call(client, "DumpXml", parameters, answer);
}

static enum hvctl_status run(const struct cli_call *call)
{
	sd_json_variant *answer JSON_AUTO = NULL;
	enum hvctl_status status;
	struct client client;

	status = client_open(&client, call, CLIENT_READ);
	if (status != HVCTL_OK)
		return status;
	status = ask(&client, call, &answer);
	if (status == HVCTL_OK)
		status = print(call, answer);
	client_close(&client);
	return status;
}

static const struct cli_option options[] = {
	{ .name = "inactive",
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct settings, inactive),
	  .help = "The definition for the next start, also of a partition that runs" },
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl dumpxml web >web.xml", "Keep a partition's definition" },
	{ NULL, NULL },
};

const struct cli_verb verb_dumpxml = {
	.name = "dumpxml",
	.summary = "Print a partition's definition",
	.description =
		"Prints the definition of a partition as XML, which define takes back: as it "
		"runs now, or as it is defined where it does not run.",
	.operands = life_operands,
	.options = options,
	.examples = examples,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
