/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl event */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "event.h"
#include "text.h"
#include "verbs.h"

struct settings {
	bool loop;
	unsigned types; /* bits by event_type_names; 0: all */
};

static const struct settings defaults = { 0 };

static enum hvctl_status print_json(const struct event *event)
{
	const struct partition *partition = &event->partition;
	sd_json_variant *object JSON_AUTO = NULL;
	bool has_id = partition->id != REPLY_NO_NUMBER;
	bool has_code = partition->code != REPLY_NO_NUMBER;
	int error;

	error = sd_json_buildo(
		&object, SD_JSON_BUILD_PAIR_UNSIGNED("schema", HVCTL_SCHEMA),
		SD_JSON_BUILD_PAIR_UNSIGNED("sequence", event->sequence),
		SD_JSON_BUILD_PAIR_UNSIGNED("time_ns", event->time_ns),
		SD_JSON_BUILD_PAIR_STRING("type", event->type),
		SD_JSON_BUILD_PAIR_STRING("name", partition->name),
		SD_JSON_BUILD_PAIR_STRING("uuid", partition->uuid),
		SD_JSON_BUILD_PAIR_CONDITION(has_id, "id", SD_JSON_BUILD_UNSIGNED(partition->id)),
		SD_JSON_BUILD_PAIR_STRING("state", partition->state),
		SD_JSON_BUILD_PAIR_STRING("reason", partition->reason),
		SD_JSON_BUILD_PAIR_CONDITION(!!partition->detail, "detail",
					     SD_JSON_BUILD_STRING(partition->detail)),
		SD_JSON_BUILD_PAIR_CONDITION(has_code, "code",
					     SD_JSON_BUILD_UNSIGNED(partition->code)),
		SD_JSON_BUILD_PAIR_CONDITION(!!event->device, "device",
					     SD_JSON_BUILD_STRING(event->device)),
		SD_JSON_BUILD_PAIR_CONDITION(!!partition->heartbeat, "heartbeat",
					     SD_JSON_BUILD_STRING(partition->heartbeat)),
		SD_JSON_BUILD_PAIR_CONDITION(!!partition->screen, "screen",
					     SD_JSON_BUILD_STRING(partition->screen)),
		SD_JSON_BUILD_PAIR_CONDITION(!!partition->addresses, "addresses",
					     SD_JSON_BUILD_VARIANT(partition->addresses)));
	return error < 0 ? json_failed(error) : json_print_line(object);
}

/* What an event about a device, or about the guest's own word, adds to its type. */
static void print_subject(const struct event *event)
{
	const struct partition *partition = &event->partition;
	char text[512];

	if (event->device)
		printf(" %s", text_printable(text, sizeof(text), event->device));
	if (event->device && partition->detail)
		printf(": %s", text_printable(text, sizeof(text), partition->detail));
	if (strcmp(event->type, "screen") == 0 && partition->screen)
		printf(" %s", text_printable(text, sizeof(text), partition->screen));
	if (strcmp(event->type, "heartbeat") != 0 || !partition->heartbeat)
		return;
	printf(" %s", text_printable(text, sizeof(text), partition->heartbeat));
	if (partition_addresses(text, sizeof(text), partition))
		printf(", %s", text);
}

static void print_line(const struct event *event)
{
	struct partition partition = event->partition;
	time_t seconds = (time_t)(event->time_ns / 1000000000);
	char text[512], when[40] = "-", why[512];
	struct tm broken;

	if (localtime_r(&seconds, &broken))
		strftime(when, sizeof(when), "%F %T", &broken);
	printf("%s.%03u ", when, (unsigned)(event->time_ns / 1000000 % 1000));
	printf("%s: ", text_printable(text, sizeof(text), event->partition.name));
	printf("%s", text_printable(text, sizeof(text), event->type));
	print_subject(event);
	/* The detail is then not the state's. */
	if (event->device)
		partition.detail = NULL;
	printf(", %s ", text_printable(text, sizeof(text), partition.state));
	printf("(%s)\n", partition_why(why, sizeof(why), &partition));
}

static enum hvctl_status show(struct client *client, const struct cli_call *call)
{
	const struct settings *settings = call->line->settings;
	enum hvctl_status status;
	struct event event;

	do {
		status = event_next(client, UINT64_MAX, &event);
		if (status != HVCTL_OK)
			return status;
		if (call->line->globals.format == HVCTL_JSON)
			status = print_json(&event);
		else
			print_line(&event);
		event_free(&event);
		if (fflush(stdout) || ferror(stdout))
			return HVCTL_FAILED; /* main() reports it */
	} while (settings->loop && status == HVCTL_OK);
	return status;
}

static enum hvctl_status run(const struct cli_call *call)
{
	const struct settings *settings = call->line->settings;
	enum hvctl_status status;
	struct client client;

	status = client_open(&client, call, CLIENT_READ);
	if (status != HVCTL_OK)
		return status;
	status = event_subscribe(&client, call->line->operands[0], settings->types, NULL);
	if (status == HVCTL_OK)
		status = show(&client, call);
	client_close(&client);
	return status;
}

static const struct cli_operand operands[] = {
	{ .name = "NAME",
	  .words = CLI_PARTITIONS,
	  .help = "The partition's name, UUID or id. Without it, all of them" },
	{ .name = NULL },
};

static const struct cli_option options[] = {
	{ .name = "loop",
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct settings, loop),
	  .help = "Go on after the first event" },
	{ .name = "type",
	  .kind = CLI_CHOICES_SET,
	  .choices = event_type_names,
	  .value = "TYPE",
	  .offset = offsetof(struct settings, types),
	  .help = "Only events of this type; may be given again for further ones" },
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl event --loop", "What happens to all partitions, as it happens" },
	{ "hvctl event web --type stopped --timeout 60", "Wait a minute for its end" },
	{ "hvctl event --loop --json | jq --unbuffered -r .name", "For a script" },
	{ NULL, NULL },
};

const struct cli_verb verb_event = {
	.name = "event",
	.summary = "Show what happens to partitions",
	.description =
		"Waits for an event and shows it: when, which partition, what happened, and the "
		"state afterwards with its reason. With --loop it goes on until --timeout, with "
		"exit status 9, or until the daemon ends, with 6. Events before it began are not "
		"shown. JSON: an object on a line of its own for each event.\n\n"
		"device_added and device_removed tell that a guest has got or lost a device, "
		"device_error that a device has failed, or the process that serves it, while the "
		"guest goes on (device gpu: a program of the guest has lost its context, or all "
		"have); heartbeat that the guest's drivers answer or do not, or that its addresses "
		"have changed; screen that another device draws the guest's screen: video is "
		"Hyper-V's synthetic one, gpu the guest's mullion_gpu.",
	.operands = operands,
	.options = options,
	.examples = examples,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
