/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl dmesg: hv's log, as it is or as it grows. */
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "device.h"
#include "error.h"
#include "json.h"
#include "log-print.h"
#include "log-reader.h"
#include "verbs.h"

/* hv signals nothing when it logs; a person does not see a fifth of a second. */
#define POLL_NS (CLOCK_SECOND / 5)

enum boots {
	THIS_BOOT = 0,
	ALL_BOOTS = 1,
};

static const char *const boot_names[] = { "this", "all", NULL };

struct settings {
	bool follow;
	unsigned level; /* enum mullion_log_level */
	unsigned boot; /* enum boots */
};

static const struct settings defaults = { .level = MULLION_LOG_DEBUG, .boot = THIS_BOOT };

/* What is being shown, and how far. */
struct show {
	const struct settings *settings;
	const struct cli_call *call;
	struct log_reader reader;
	bool color;
	bool heading; /* "earlier boots" was printed, "this boot" was not */
	sd_json_variant **records; /* for one JSON object; each is a reference */
	size_t count;
	size_t allocated;
};

static enum hvctl_status keep(struct show *show, const struct log_record *record)
{
	int error;

	if (show->count == show->allocated) {
		size_t wanted = show->allocated ? 2 * show->allocated : 256;
		sd_json_variant **records =
			reallocarray(show->records, wanted, sizeof(sd_json_variant *));

		if (!records)
			return json_failed(-ENOMEM);
		show->records = records;
		show->allocated = wanted;
	}
	show->records[show->count] = NULL;
	error = log_json(&show->records[show->count], record, false);
	if (error < 0)
		return json_failed(error);
	show->count++;
	return HVCTL_OK;
}

static void print_boot(struct show *show, const struct log_record *record)
{
	bool headings = !show->call->line->globals.no_headers;

	if (!record->this_boot && !show->heading) {
		show->heading = true;
		if (headings)
			puts("-- earlier boots --");
	} else if (record->this_boot && show->heading) {
		show->heading = false;
		if (headings)
			printf("-- this boot, number %llu --\n",
			       (unsigned long long)show->reader.boot);
	}
}

static enum hvctl_status print_record(struct show *show, const struct log_record *record)
{
	if (show->call->line->globals.format == HVCTL_JSON) {
		sd_json_variant *object JSON_AUTO = NULL;
		int error;

		if (!show->settings->follow)
			return keep(show, record);
		error = log_json(&object, record, true);
		return error < 0 ? json_failed(error) : json_print_line(object);
	}
	print_boot(show, record);
	log_print(stdout, record, show->color);
	return HVCTL_OK;
}

/* Shows what is there now. Without --follow, not what comes meanwhile. */
static enum hvctl_status show_present(struct show *show)
{
	struct log_record record;
	enum hvctl_status status;

	while (show->settings->follow || show->reader.position < show->reader.end) {
		switch (log_reader_next(&show->reader, &record)) {
		case LOG_END:
			return HVCTL_OK;
		case LOG_DAMAGED:
			return error_report(HVCTL_FAILED, "hv's log is damaged: %s",
					    show->reader.damage);
		case LOG_RECORD:
			break;
		}
		if (record.lost)
			error_notice("%llu records were overwritten before they were read",
				     (unsigned long long)record.lost);
		if (record.level > show->settings->level)
			continue;
		status = print_record(show, &record);
		if (status != HVCTL_OK)
			return status;
	}
	return HVCTL_OK;
}

static enum hvctl_status follow(struct show *show)
{
	enum hvctl_status status;

	for (;;) {
		status = show_present(show);
		if (status != HVCTL_OK)
			return status;
		if (fflush(stdout) || ferror(stdout))
			return HVCTL_FAILED; /* main() reports it */
		if (!clock_sleep_until(clock_now() + POLL_NS, show->call->deadline))
			return error_report(HVCTL_TIMEOUT, "dmesg: the time is over");
	}
}

static enum hvctl_status print_object(struct show *show)
{
	sd_json_variant *records JSON_AUTO = NULL, *object JSON_AUTO = NULL;
	int error = sd_json_variant_new_array(&records, show->records, show->count);

	if (error >= 0)
		error = sd_json_buildo(&object, SD_JSON_BUILD_PAIR_UNSIGNED("schema", HVCTL_SCHEMA),
				       SD_JSON_BUILD_PAIR_UNSIGNED("boot", show->reader.boot),
				       SD_JSON_BUILD_PAIR_VARIANT("records", records));
	return error < 0 ? json_failed(error) :
			   json_print(object, !show->call->line->globals.no_color);
}

static enum hvctl_status show_log(struct show *show, const struct shared *log)
{
	enum hvctl_status status, printed;

	if (!log_reader_open(&show->reader, log, show->settings->boot == ALL_BOOTS))
		return error_report(HVCTL_FAILED, "hv's log is damaged: %s", show->reader.damage);
	if (show->settings->follow)
		return follow(show);
	status = show_present(show);
	if (show->call->line->globals.format == HVCTL_JSON) {
		printed = print_object(show);
		if (printed != HVCTL_OK)
			status = printed;
	}
	return status;
}

enum hvctl_status dmesg_show(const struct cli_call *call, const struct shared *log)
{
	struct show show = {
		.settings = call->line->settings,
		.call = call,
		.color = !call->line->globals.no_color && !getenv("NO_COLOR") &&
			 isatty(STDOUT_FILENO),
	};
	enum hvctl_status status = show_log(&show, log);

	for (size_t i = 0; i < show.count; i++)
		sd_json_variant_unref(show.records[i]);
	free(show.records);
	return status;
}

static enum hvctl_status run(const struct cli_call *call)
{
	enum hvctl_status status;
	struct device device;
	struct shared log;

	status = device_open(&device);
	if (status != HVCTL_OK)
		return status;
	status = device_map_log(&device, &log);
	device_close(&device);
	if (status != HVCTL_OK)
		return status;
	status = dmesg_show(call, &log);
	device_unmap(&log);
	return status;
}

static const struct cli_option options[] = {
	{ .name = "follow",
	  .letter = 'f',
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct settings, follow),
	  .help = "Go on with new records as they come" },
	{ .name = "level",
	  .kind = CLI_CHOICE,
	  .choices = log_level_names,
	  .value = "LEVEL",
	  .offset = offsetof(struct settings, level),
	  .help = "Show records of this level and graver ones only" },
	{ .name = "boot",
	  .kind = CLI_CHOICE,
	  .choices = boot_names,
	  .value = "BOOT",
	  .offset = offsetof(struct settings, boot),
	  .help = "Show this boot's records (the default), or those of earlier boots too" },
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl dmesg --level warn", "Warnings and errors of this boot" },
	{ "hvctl dmesg --boot all", "After a crash: what the hypervisor logged before it" },
	{ "hvctl dmesg --follow --json", "New records as JSON lines" },
	{ NULL, NULL },
};

const struct cli_verb verb_dmesg = {
	.name = "dmesg",
	.summary = "Show the hypervisor's log",
	.description =
		"Shows the records of the hypervisor's log, oldest first: seconds since it "
		"started, the CPU, the level and the text. Bytes that are no printable ASCII are "
		"shown as \\xNN.\n\n"
		"The log is a ring in memory: new records overwrite the oldest ones. It is kept "
		"over a reboot where firmware and boot loader leave its memory alone. When "
		"--follow is too slow to see all records, a notice tells how many were lost.\n\n"
		"JSON: one object whose field records is an array; with --follow each record is "
		"an object on a line of its own.",
	.options = options,
	.examples = examples,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
