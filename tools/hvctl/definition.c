/* SPDX-License-Identifier: GPL-2.0-only */
/* A definition in XML: see definition.h. */
#include "definition.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "reply.h"
#include "text.h"

const struct cli_operand definition_operands[] = {
	{ .name = "FILE",
	  .required = true,
	  .words = CLI_FILES,
	  .help = "A definition in XML; - is standard input" },
	{ .name = NULL },
};

/*
 * Reads up to DEFINITION_MAX + 1 bytes, so that more than the maximum is seen,
 * and ends them with NUL. Returns NULL after reporting an error.
 */
static char *read_all(FILE *in, const char *name, size_t *count, enum hvctl_status *status)
{
	char *bytes = malloc(DEFINITION_MAX + 2);
	int error;

	if (!bytes) {
		*status = error_report(HVCTL_BUSY, "out of memory");
		return NULL;
	}
	errno = 0;
	*count = fread(bytes, 1, DEFINITION_MAX + 1, in);
	error = errno;
	bytes[*count] = '\0';
	if (!ferror(in))
		return bytes;
	*status = error_errno(error, "cannot read %s", name);
	free(bytes);
	return NULL;
}

static uint64_t line_of(const char *bytes, size_t offset)
{
	uint64_t line = 1;

	for (size_t i = 0; i < offset; i++)
		line += bytes[i] == '\n';
	return line;
}

static enum hvctl_status check(const char *bytes, size_t count, const char *name)
{
	size_t valid = text_valid(bytes, count);

	if (count > DEFINITION_MAX)
		return error_in_file(HVCTL_BAD_CONFIGURATION, name, 0, "longer than %u bytes",
				     DEFINITION_MAX);
	if (valid < count)
		return error_in_file(HVCTL_BAD_CONFIGURATION, name, line_of(bytes, valid),
				     "not text in UTF-8");
	return HVCTL_OK;
}

enum hvctl_status definition_read(const char *file, char **xml, const char **name)
{
	bool standard = strcmp(file, "-") == 0;
	FILE *in = standard ? stdin : fopen(file, "re");
	enum hvctl_status status = HVCTL_OK;
	size_t count = 0;

	*name = standard ? "<stdin>" : file;
	if (!in)
		return error_errno(errno, "cannot open %s", file);
	*xml = read_all(in, *name, &count, &status);
	if (!standard)
		fclose(in);
	if (!*xml)
		return status;
	status = check(*xml, count, *name);
	if (status != HVCTL_OK)
		free(*xml);
	return status;
}

enum hvctl_status definition_call(struct client *client, const char *method, const char *xml,
				  const char *name, bool paused, sd_json_variant **reply)
{
	sd_json_variant *parameters = NULL;
	enum hvctl_status status;
	int error;

	error = sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR_STRING("xml", xml),
			       SD_JSON_BUILD_PAIR_STRING("file", name),
			       SD_JSON_BUILD_PAIR_CONDITION(paused, "paused",
							    SD_JSON_BUILD_BOOLEAN(true)));
	if (error < 0)
		return json_failed(error);
	client->file = name;
	status = client_call(client, method, parameters, reply);
	client->file = NULL;
	return status;
}

enum hvctl_status definition_call_file(const struct cli_call *call, struct client *client,
				       const char *method, bool paused, sd_json_variant **reply)
{
	enum hvctl_status status;
	const char *name = NULL;
	char *xml = NULL;

	status = definition_read(call->line->operands[0], &xml, &name);
	if (status != HVCTL_OK)
		return status;
	status = definition_call(client, method, xml, name, paused, reply);
	free(xml);
	return status;
}

static enum hvctl_status print_valid(const struct cli_call *call, sd_json_variant *answer)
{
	struct reply reply = { .object = answer };
	const char *name = reply_text(&reply, "name", true);
	enum hvctl_status status = reply_check(&reply);

	if (status != HVCTL_OK)
		return status;
	if (call->line->globals.format == HVCTL_NAME)
		puts(name);
	if (call->line->globals.format != HVCTL_JSON) {
		error_progress("partition '%s': its definition is valid", name);
		return HVCTL_OK;
	}
	return json_show(!call->line->globals.no_color, SD_JSON_BUILD_PAIR_STRING("name", name));
}

enum hvctl_status definition_validate(const struct cli_call *call)
{
	sd_json_variant *answer JSON_AUTO = NULL;
	enum hvctl_status status;
	struct client client;

	status = client_open(&client, call, CLIENT_READ);
	if (status != HVCTL_OK)
		return status;
	status = definition_call_file(call, &client, "Validate", false, &answer);
	if (status == HVCTL_OK)
		status = print_valid(call, answer);
	client_close(&client);
	return status;
}
