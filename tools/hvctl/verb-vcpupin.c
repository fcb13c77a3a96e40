/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl vcpupin */
#include <stdio.h>

#include "error.h"
#include "table.h"
#include "text.h"
#include "tuning.h"
#include "verbs.h"

struct settings {
	struct tuning_settings tuning;
};

static const struct settings defaults = { 0 };

/* Which VP is meant; REPLY_NO_NUMBER: all of them. */
static enum hvctl_status read_vcpu(const struct cli_call *call, uint64_t *vcpu)
{
	const char *word = call->line->operands[1];

	*vcpu = REPLY_NO_NUMBER;
	if (!word || (text_parse_number(word, vcpu) && *vcpu <= INT64_MAX))
		return HVCTL_OK;
	return error_report(HVCTL_USAGE, "vcpupin: '%s' is no number of a virtual processor", word);
}

static enum hvctl_status pin(struct client *client, const struct cli_call *call, uint64_t vcpu)
{
	const struct settings *settings = call->line->settings;
	const char *scope = tuning_scope(&settings->tuning);
	sd_json_variant *parameters = NULL;
	int error;

	error = sd_json_buildo(
		&parameters, SD_JSON_BUILD_PAIR_STRING("partition", call->line->operands[0]),
		SD_JSON_BUILD_PAIR_UNSIGNED("vcpu", vcpu),
		SD_JSON_BUILD_PAIR_STRING("cpus", call->line->operands[2]),
		SD_JSON_BUILD_PAIR_CONDITION(!!scope, "scope", SD_JSON_BUILD_STRING(scope)));
	return error < 0 ? json_failed(error) : client_call(client, "PinVcpu", parameters, NULL);
}

/* What is shown, in the format that is wanted. */
struct show {
	uint64_t vcpu; /* REPLY_NO_NUMBER: all */
	size_t count;
	struct table table;
	sd_json_variant *objects; /* an array; owned */
};

static enum hvctl_status add(struct show *show, sd_json_variant *object)
{
	struct reply reply = { .object = object };
	uint64_t vcpu = reply_number(&reply, "vcpu", true);
	const char *cpus = reply_text(&reply, "cpus", true);
	enum hvctl_status status = reply_check(&reply);
	char printable[256];
	int error;

	if (status != HVCTL_OK || (show->vcpu != REPLY_NO_NUMBER && show->vcpu != vcpu))
		return status;
	show->count++;
	table_cell(&show->table, "%llu", (unsigned long long)vcpu);
	table_cell(&show->table, "%s", text_printable(printable, sizeof(printable), cpus));
	error = sd_json_variant_append_arrayb(
		&show->objects, SD_JSON_BUILD_OBJECT(SD_JSON_BUILD_PAIR_UNSIGNED("vcpu", vcpu),
						     SD_JSON_BUILD_PAIR_STRING("cpus", cpus)));
	return error < 0 ? json_failed(error) : HVCTL_OK;
}

static enum hvctl_status print(const struct cli_call *call, const struct show *show)
{
	const struct cli_globals *globals = &call->line->globals;

	if (!show->count && show->vcpu != REPLY_NO_NUMBER)
		return error_report(HVCTL_FAILED, "partition '%s' has no virtual processor %llu",
				    call->line->operands[0], (unsigned long long)show->vcpu);
	if (globals->format == HVCTL_JSON)
		return json_show(!globals->no_color,
				 SD_JSON_BUILD_PAIR_VARIANT("pins", show->objects));
	if (!table_print(&show->table, stdout, !globals->no_headers))
		return error_report(HVCTL_BUSY, "out of memory");
	return HVCTL_OK;
}

static enum hvctl_status show_pins(struct client *client, const struct cli_call *call,
				   uint64_t vcpu)
{
	sd_json_variant *answer JSON_AUTO = NULL, *pins = NULL;
	struct show show = { .vcpu = vcpu };
	struct reply reply = { 0 };
	enum hvctl_status status;

	status = tuning_get(client, call, "GetPins", &answer);
	if (status != HVCTL_OK)
		return status;
	reply.object = answer;
	pins = reply_array(&reply, "pins", true);
	status = reply_check(&reply);
	table_column(&show.table, true, "VCPU");
	table_column(&show.table, false, "CPUS");
	if (status == HVCTL_OK && sd_json_variant_new_array(&show.objects, NULL, 0) < 0)
		status = error_report(HVCTL_BUSY, "out of memory");
	for (size_t i = 0; status == HVCTL_OK && i < sd_json_variant_elements(pins); i++)
		status = add(&show, sd_json_variant_by_index(pins, i));
	if (status == HVCTL_OK)
		status = print(call, &show);
	table_free(&show.table);
	sd_json_variant_unref(show.objects);
	return status;
}

static enum hvctl_status run(const struct cli_call *call)
{
	bool change = call->line->operand_count == 3;
	enum hvctl_status status;
	struct client client;
	uint64_t vcpu;

	status = read_vcpu(call, &vcpu);
	if (status != HVCTL_OK)
		return status;
	status = client_open(&client, call, change ? CLIENT_CHANGE : CLIENT_READ);
	if (status != HVCTL_OK)
		return status;
	status = change ? pin(&client, call, vcpu) : show_pins(&client, call, vcpu);
	client_close(&client);
	return status;
}

static const struct cli_operand operands[] = {
	{ .name = "NAME",
	  .required = true,
	  .words = CLI_PARTITIONS,
	  .help = "The partition's name, UUID or id" },
	{ .name = "VCPU", .help = "A virtual processor, from 0 on. Without it, all of them" },
	{ .name = "CPUS",
	  .help = "The CPUs it is to run on, as in 0-3,6 or 0-7,^3. Without it, they are shown" },
	{ .name = NULL },
};

static const struct cli_option options[] = {
	TUNING_OPTION_LIVE,
	TUNING_OPTION_CONFIG,
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl vcpupin web", "Where its VPs may run" },
	{ "hvctl vcpupin web 0 2-3", "The first one on CPU 2 or 3, from now on" },
	{ NULL, NULL },
};

const struct cli_verb verb_vcpupin = {
	.name = "vcpupin",
	.summary = "Show or set the CPUs that virtual processors run on",
	.description =
		"Shows the CPUs that a partition's virtual processors may run on, or sets those of "
		"one. Without --live and --config the partition that runs is meant, or the "
		"definition of one that does not run.",
	.operands = operands,
	.options = options,
	.examples = examples,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
