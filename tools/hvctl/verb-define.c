/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl define */
#include <stdio.h>

#include "definition.h"
#include "error.h"
#include "reply.h"
#include "verbs.h"

struct settings {
	bool dry_run;
};

static const struct settings defaults = { 0 };

static enum hvctl_status print(const struct cli_call *call, sd_json_variant *answer)
{
	struct reply reply = { .object = answer };
	const char *name = reply_text(&reply, "name", true);
	const char *uuid = reply_text(&reply, "uuid", true);
	bool replaced = reply_flag(&reply, "replaced", true);
	enum hvctl_status status = reply_check(&reply);

	if (status != HVCTL_OK)
		return status;
	if (call->line->globals.format == HVCTL_NAME)
		puts(name);
	if (call->line->globals.format != HVCTL_JSON) {
		error_progress("partition '%s': %s", name,
			       replaced ? "its definition is replaced" : "defined");
		return HVCTL_OK;
	}
	return json_show(!call->line->globals.no_color, SD_JSON_BUILD_PAIR_STRING("name", name),
			 SD_JSON_BUILD_PAIR_STRING("uuid", uuid),
			 SD_JSON_BUILD_PAIR_BOOLEAN("replaced", replaced));
}

static enum hvctl_status run(const struct cli_call *call)
{
	const struct settings *settings = call->line->settings;
	sd_json_variant *answer JSON_AUTO = NULL;
	enum hvctl_status status;
	struct client client;

	if (settings->dry_run)
		return definition_validate(call);
	status = client_open(&client, call, CLIENT_CHANGE);
	if (status != HVCTL_OK)
		return status;
	status = definition_call_file(call, &client, "Define", false, &answer);
	if (status == HVCTL_OK)
		status = print(call, answer);
	client_close(&client);
	return status;
}

static const struct cli_option options[] = {
	{ .name = "dry-run",
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct settings, dry_run),
	  .help = "Only check the definition" },
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl define web.xml && hvctl start web --console", "Define a partition and start it" },
	{ "sed s/web1/web2/ web1.xml | hvctl define -", "From standard input" },
	{ NULL, NULL },
};

const struct cli_verb verb_define = {
	.name = "define",
	.summary = "Define a partition, or replace its definition",
	.description =
		"Checks a partition's definition and keeps it; the partition is not started. A "
		"definition of the same name and UUID is replaced: a partition that runs goes on "
		"as it is until its next start. When anything is wrong, it is told with its line, "
		"and nothing is changed.",
	.operands = definition_operands,
	.options = options,
	.examples = examples,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON) | CLI_FORMAT(HVCTL_NAME),
	.run = run,
};
