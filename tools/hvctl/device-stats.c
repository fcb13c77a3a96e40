/* SPDX-License-Identifier: GPL-2.0-only */
/* What a guest's devices did: see device-stats.h. */
#include "device-stats.h"

#include <stdio.h>

#include "error.h"
#include "gpu.h"
#include "partition.h"
#include "reply.h"
#include "table.h"
#include "text.h"

/* A number of the interface and its name in JSON, where the unit is part of it. */
struct field {
	const char *name;
	const char *heading;
	const char *json;
};

static const struct field disk_fields[] = {
	{ "size", "SIZE", "size_bytes" },
	{ "reads", "READS", "reads" },
	{ "read_bytes", "READ-BYTES", "read_bytes" },
	{ "read_ns", "READ-NS", "read_ns" },
	{ "writes", "WRITES", "writes" },
	{ "write_bytes", "WRITE-BYTES", "write_bytes" },
	{ "write_ns", "WRITE-NS", "write_ns" },
	{ "flushes", "FLUSHES", "flushes" },
	{ "flush_ns", "FLUSH-NS", "flush_ns" },
	{ "discards", "DISCARDS", "discards" },
	{ "discard_bytes", "DISCARD-BYTES", "discard_bytes" },
	{ "errors", "ERRORS", "errors" },
	{ NULL, NULL, NULL },
};

static const struct field net_fields[] = {
	{ "rx_bytes", "RX-BYTES", "rx_bytes" },
	{ "rx_packets", "RX-PACKETS", "rx_packets" },
	{ "rx_drops", "RX-DROPS", "rx_drops" },
	{ "rx_errors", "RX-ERRORS", "rx_errors" },
	{ "tx_bytes", "TX-BYTES", "tx_bytes" },
	{ "tx_packets", "TX-PACKETS", "tx_packets" },
	{ "tx_drops", "TX-DROPS", "tx_drops" },
	{ "tx_errors", "TX-ERRORS", "tx_errors" },
	{ NULL, NULL, NULL },
};

/* One kind of devices. */
struct kind {
	const char *array; /* of the answer */
	const char *key; /* what a device is called by */
	const char *heading;
	const char *const *texts; /* of JSON, beside the key; ends with NULL */
	const struct field *fields;
};

static const char *const disk_texts[] = { "source", NULL };
static const char *const net_texts[] = { "target", NULL };

static const struct kind kinds[] = {
	{ "disks", "target", "DISK", disk_texts, disk_fields },
	{ "interfaces", "mac", "INTERFACE", net_texts, net_fields },
};

static enum hvctl_status add_row(struct table *table, const struct kind *kind,
				 sd_json_variant *device)
{
	struct reply reply = { .object = device };
	const char *key = reply_text(&reply, kind->key, true);
	char printable[64];

	table_cell(table, "%s", text_printable(printable, sizeof(printable), key));
	for (const struct field *field = kind->fields; field->name; field++)
		table_cell(table, "%llu",
			   (unsigned long long)reply_number(&reply, field->name, true));
	return reply_check(&reply);
}

static enum hvctl_status print_table(const struct cli_call *call, const struct kind *kind,
				     sd_json_variant *devices)
{
	enum hvctl_status status = HVCTL_OK;
	struct table table = { 0 };

	table_column(&table, false, "%s", kind->heading);
	for (const struct field *field = kind->fields; field->name; field++)
		table_column(&table, true, "%s", field->heading);
	for (size_t i = 0; i < sd_json_variant_elements(devices) && status == HVCTL_OK; i++)
		status = add_row(&table, kind, sd_json_variant_by_index(devices, i));
	if (status == HVCTL_OK && !table_print(&table, stdout, !call->line->globals.no_headers))
		status = error_report(HVCTL_BUSY, "out of memory");
	table_free(&table);
	return status;
}

static int device_json(sd_json_variant **object, const struct kind *kind, struct reply *reply)
{
	int error = sd_json_variant_set_field_string(object, kind->key,
						     reply_text(reply, kind->key, true));

	for (size_t i = 0; kind->texts[i] && error >= 0; i++) {
		const char *text = reply_text(reply, kind->texts[i], false);

		if (text)
			error = sd_json_variant_set_field_string(object, kind->texts[i], text);
	}
	for (const struct field *field = kind->fields; field->name && error >= 0; field++)
		error = sd_json_variant_set_field_unsigned(object, field->json,
							   reply_number(reply, field->name, true));
	return error;
}

static enum hvctl_status add_json(sd_json_variant **all, const struct kind *kind,
				  sd_json_variant *devices)
{
	int error = sd_json_variant_new_array(all, NULL, 0);

	for (size_t i = 0; i < sd_json_variant_elements(devices) && error >= 0; i++) {
		struct reply reply = { .object = sd_json_variant_by_index(devices, i) };
		sd_json_variant *object JSON_AUTO = NULL;

		error = device_json(&object, kind, &reply);
		if (reply.fault)
			return reply_check(&reply);
		if (error >= 0)
			error = sd_json_variant_append_array(all, object);
	}
	return error < 0 ? json_failed(error) : HVCTL_OK;
}

static enum hvctl_status print_json(const struct cli_call *call, const bool *wanted,
				    sd_json_variant *const *devices)
{
	sd_json_variant *disks JSON_AUTO = NULL, *interfaces JSON_AUTO = NULL,
			       *gpu JSON_AUTO = NULL;
	enum hvctl_status status = HVCTL_OK;

	if (wanted[0])
		status = add_json(&disks, &kinds[0], devices[0]);
	if (wanted[1] && status == HVCTL_OK)
		status = add_json(&interfaces, &kinds[1], devices[1]);
	if (wanted[2] && status == HVCTL_OK)
		status = gpu_stats_json(&gpu, devices[2]);
	if (status != HVCTL_OK)
		return status;
	return json_show(
		!call->line->globals.no_color,
		SD_JSON_BUILD_PAIR_CONDITION(wanted[0], "disks", SD_JSON_BUILD_VARIANT(disks)),
		SD_JSON_BUILD_PAIR_CONDITION(wanted[1], "interfaces",
					     SD_JSON_BUILD_VARIANT(interfaces)),
		SD_JSON_BUILD_PAIR_CONDITION(wanted[2], "gpu", SD_JSON_BUILD_VARIANT(gpu)));
}

static enum hvctl_status print(const struct cli_call *call, const bool *wanted,
			       sd_json_variant *answer)
{
	struct reply reply = { .object = answer };
	sd_json_variant *devices[] = { reply_array(&reply, kinds[0].array, true),
				       reply_array(&reply, kinds[1].array, true),
				       reply_object(&reply, "gpu", false) };
	enum hvctl_status status = reply_check(&reply);

	if (status != HVCTL_OK)
		return status;
	if (wanted[2] && !devices[2])
		return error_report(HVCTL_UNSUPPORTED, "partition '%s' has no GPU now",
				    call->line->operands[0]);
	if (call->line->globals.format == HVCTL_JSON)
		return print_json(call, wanted, devices);
	for (size_t i = 0; i < 3 && status == HVCTL_OK; i++) {
		if (!wanted[i])
			continue;
		if (i && (wanted[0] || (i == 2 && wanted[1])))
			putchar('\n');
		status = i == 2 ? gpu_print_stats(devices[2]) :
				  print_table(call, &kinds[i], devices[i]);
	}
	return status;
}

enum hvctl_status device_stats_show(const struct cli_call *call, bool block, bool net, bool gpu)
{
	const bool wanted[] = { block, net, gpu };
	sd_json_variant *answer JSON_AUTO = NULL;
	enum hvctl_status status;
	struct client client;

	status = client_open(&client, call, CLIENT_READ);
	if (status != HVCTL_OK)
		return status;
	status = client_call(&client, "DeviceStats", partition_parameters(call->line->operands[0]),
			     &answer);
	if (status == HVCTL_OK)
		status = print(call, wanted, answer);
	client_close(&client);
	return status;
}
