/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl nodeinfo */
#include <stdio.h>

#include "client.h"
#include "reply.h"
#include "text.h"
#include "verbs.h"

enum kind {
	TEXT,
	NUMBER,
	BYTES,
	HERTZ,
};

/* The fields of hvd's answer that are shown, in this order; JSON calls them as hvd does. */
static const struct {
	const char *name;
	const char *label;
	enum kind kind;
	bool required;
} fields[] = {
	{ "hostname", "host", TEXT, true },
	{ "kernel", "kernel", TEXT, true },
	{ "cpu_model", "CPU model", TEXT, false },
	{ "cpus", "CPUs", NUMBER, true },
	{ "tsc_hz", "TSC", HERTZ, false },
	{ "memory_bytes", "memory", BYTES, true },
	{ "free_bytes", "free for guests", BYTES, true },
	{ "hugepages", "huge pages", NUMBER, true },
	{ "hugepages_free", "  free", NUMBER, true },
	{ "hugepage_bytes", "  of", BYTES, true },
	{ "hypervisor", "hypervisor", TEXT, false },
	{ "backend", "backend", TEXT, false },
	{ "hypervisor_memory_bytes", "its memory", BYTES, false },
	{ "partitions", "partitions", NUMBER, true },
	{ "running", "  running", NUMBER, true },
	{ "vcpus_running", "  their VCPUs", NUMBER, true },
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static void print_number(const char *label, enum kind kind, uint64_t number)
{
	if (kind == BYTES)
		printf("%-16s%.1f MiB\n", label, (double)number / (1 << 20));
	else if (kind == HERTZ)
		printf("%-16s%.3f MHz\n", label, (double)number / 1e6);
	else
		printf("%-16s%llu\n", label, (unsigned long long)number);
}

/* Prints field i, or adds it to object where that is wanted. */
static int show_field(struct reply *reply, size_t i, sd_json_variant **object)
{
	char printable[256];

	if (fields[i].kind == TEXT) {
		const char *text = reply_text(reply, fields[i].name, fields[i].required);

		if (object)
			return text ? sd_json_variant_set_field_string(object, fields[i].name,
								       text) :
				      0;
		printf("%-16s%s\n", fields[i].label,
		       text ? text_printable(printable, sizeof(printable), text) : "-");
	} else {
		uint64_t number = reply_number(reply, fields[i].name, fields[i].required);

		if (number == REPLY_NO_NUMBER)
			return 0;
		if (object)
			return sd_json_variant_set_field_unsigned(object, fields[i].name, number);
		print_number(fields[i].label, fields[i].kind, number);
	}
	return 0;
}

/* Whether all that is required is there: nothing is printed of an answer that is garbage. */
static enum hvctl_status check(struct reply *reply)
{
	for (size_t i = 0; i < FIELDS; i++) {
		if (fields[i].kind == TEXT)
			reply_text(reply, fields[i].name, fields[i].required);
		else
			reply_number(reply, fields[i].name, fields[i].required);
	}
	return reply_check(reply);
}

static enum hvctl_status print(const struct cli_call *call, sd_json_variant *answer)
{
	bool json = call->line->globals.format == HVCTL_JSON;
	sd_json_variant *object JSON_AUTO = NULL;
	struct reply reply = { .object = answer };
	enum hvctl_status status = check(&reply);
	int error = 0;

	if (status != HVCTL_OK)
		return status;
	for (size_t i = 0; i < FIELDS && error >= 0; i++)
		error = show_field(&reply, i, json ? &object : NULL);
	if (error < 0)
		return json_failed(error);
	return json ? json_show(!call->line->globals.no_color,
				SD_JSON_BUILD_PAIR_VARIANT("node", object)) :
		      HVCTL_OK;
}

static enum hvctl_status run(const struct cli_call *call)
{
	sd_json_variant *answer JSON_AUTO = NULL;
	enum hvctl_status status;
	struct client client;

	status = client_open(&client, call, CLIENT_READ);
	if (status != HVCTL_OK)
		return status;
	status = client_call(&client, "NodeInfo", NULL, &answer);
	if (status == HVCTL_OK)
		status = print(call, answer);
	client_close(&client);
	return status;
}

static const struct cli_example examples[] = {
	{ "hvctl nodeinfo --json | jq .node.free_bytes",
	  "The memory that a new partition can have" },
	{ NULL, NULL },
};

const struct cli_verb verb_nodeinfo = {
	.name = "nodeinfo",
	.summary = "Show this machine",
	.description =
		"Shows the machine's CPUs and memory, how much of it a new partition can "
		"have, the hypervisor with the memory that it keeps for itself, and how many "
		"partitions there are.",
	.examples = examples,
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
