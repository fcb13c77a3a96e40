/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl send-key */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "partition.h"
#include "verbs.h"

#define KEY_SIZE 48u

struct settings {
	uint64_t hold_ms; /* UINT64_MAX: as hvd has it */
};

static const struct settings defaults = { .hold_ms = UINT64_MAX };

/* Linux's name of a key: KEY_A for a, KEY_A and key_a. */
static void name_key(char name[static KEY_SIZE], const char *word)
{
	size_t i;

	snprintf(name, KEY_SIZE, "%s%s", strncasecmp(word, "KEY_", 4) == 0 ? "" : "KEY_", word);
	for (i = 0; name[i]; i++)
		name[i] = (char)toupper((unsigned char)name[i]);
}

static int add_keys(const struct cli_call *call, sd_json_variant **keys)
{
	int error = 0;

	for (size_t i = 1; i < call->line->operand_count && error >= 0; i++) {
		char name[KEY_SIZE];

		name_key(name, call->line->operands[i]);
		error = sd_json_variant_append_arrayb(keys, SD_JSON_BUILD_STRING(name));
	}
	return error;
}

static enum hvctl_status run(const struct cli_call *call)
{
	const struct settings *settings = call->line->settings;
	bool hold = settings->hold_ms != UINT64_MAX;
	sd_json_variant *keys JSON_AUTO = NULL, *parameters = NULL;
	enum hvctl_status status;
	struct client client;
	int error = add_keys(call, &keys);

	if (error >= 0)
		error = sd_json_buildo(
			&parameters,
			SD_JSON_BUILD_PAIR_STRING("partition", call->line->operands[0]),
			SD_JSON_BUILD_PAIR_VARIANT("keys", keys),
			SD_JSON_BUILD_PAIR_CONDITION(hold, "hold_ms",
						     SD_JSON_BUILD_UNSIGNED(settings->hold_ms)));
	if (error < 0)
		return json_failed(error);
	status = client_open(&client, call, CLIENT_CHANGE);
	if (status != HVCTL_OK) {
		sd_json_variant_unref(parameters);
		return status;
	}
	status = client_call(&client, "SendKeys", parameters, NULL);
	client_close(&client);
	return status;
}

static const struct cli_operand operands[] = {
	{ .name = "NAME",
	  .required = true,
	  .words = CLI_PARTITIONS,
	  .help = "The partition's name, UUID or id" },
	{ .name = "KEY",
	  .required = true,
	  .many = true,
	  .help = "A key by Linux's name, with or without KEY_, in any case: a, leftctrl, "
		  "KEY_ENTER" },
	{ .name = NULL },
};

static const struct cli_option options[] = {
	{ .name = "holdtime",
	  .kind = CLI_NUMBER,
	  .value = "MS",
	  .minimum = 0,
	  .maximum = 60000,
	  .offset = offsetof(struct settings, hold_ms),
	  .help = "How long all are held, in milliseconds; 100 if not told" },
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl send-key web leftctrl leftalt delete", "All three at once" },
	{ "hvctl send-key web leftalt sysrq s", "The magic request to write all disks" },
	{ NULL, NULL },
};

const struct cli_verb verb_send_key = {
	.name = "send-key",
	.summary = "Press keys on a guest's keyboard",
	.description =
		"Presses the keys in their order, holds them together, and releases them. A guest "
		"whose keyboard driver is not there, or not yet, is not ready, with exit status 4.",
	.operands = operands,
	.options = options,
	.examples = examples,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
