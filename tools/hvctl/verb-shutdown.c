/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl shutdown */
#include "clock.h"
#include "error.h"
#include "event.h"
#include "life.h"
#include "verbs.h"

struct settings {
	struct life_settings life;
	bool wait;
	uint64_t force_after_ns; /* 0: never */
};

static const struct settings defaults = { 0 };

static const struct life ask = {
	.method = "Shutdown",
	.done = "asked to shut down",
	.from = PARTITION_RUNNING,
	.reached = PARTITION_SHUTOFF | PARTITION_STOPPING,
};

static const struct life force = {
	.method = "Destroy",
	.done = "ended",
	.reached = PARTITION_SHUTOFF,
};

/* Ends the partition; that it just ended by itself is as good. */
static enum hvctl_status end_it(struct life_target *target, const char *why)
{
	static const struct life_settings ignore = { .ignore_state = true };

	error_notice("partition '%s' %s: it is ended", target->partition.name, why);
	return life_do(target, &force, &ignore, NULL);
}

/* Waits for the end of the partition; *ended is false when the time to force it came first. */
static enum hvctl_status wait_end(struct client *events, uint64_t when, bool *ended)
{
	enum hvctl_status status;
	struct event event;

	do {
		status = event_next(events, when, &event);
		if (status != HVCTL_OK || !event.type)
			return status;
		*ended = partition_state(event.partition.state) == PARTITION_SHUTOFF;
		event_free(&event);
	} while (!*ended);
	return HVCTL_OK;
}

/* Asks; one that is not ready is asked again, each second, until when. */
static enum hvctl_status ask_again(struct life_target *target, struct client *events,
				   const struct settings *settings, uint64_t when, bool *ended)
{
	enum hvctl_status status;

	do {
		uint64_t soon = clock_now() + CLOCK_SECOND;

		status = life_do(target, &ask, &settings->life, NULL);
		if (status != HVCTL_BUSY)
			return status;
		status = wait_end(events, soon < when ? soon : when, ended);
	} while (status == HVCTL_OK && !*ended && clock_now() < when);
	return status;
}

/* is_off: it was shut off when the events began. */
static enum hvctl_status ask_and_wait(struct life_target *target, struct client *events,
				      bool is_off, const struct settings *settings)
{
	uint64_t when = UINT64_MAX;
	enum hvctl_status status;
	bool ended = false;

	if (settings->force_after_ns)
		when = clock_now() + settings->force_after_ns;
	/* Where no guest can be asked there is nothing to wait for. */
	if (settings->force_after_ns)
		target->client.expected = HVCTL_UNSUPPORTED;
	target->client.patient = settings->force_after_ns;
	status = ask_again(target, events, settings, when, &ended);
	target->client.expected = HVCTL_OK;
	target->client.patient = false;
	if (status == HVCTL_UNSUPPORTED && settings->force_after_ns)
		return end_it(target, "cannot be asked to shut down");
	if (status != HVCTL_OK || is_off || ended)
		return status;
	error_progress("partition '%s': %s, waiting for its end", target->partition.name, ask.done);
	status = wait_end(events, when, &ended);
	return status == HVCTL_OK && !ended ? end_it(target, "has not shut down") : status;
}

/* The events come by a connection of their own: a stream takes a whole one. */
static enum hvctl_status shut_down_and_wait(struct life_target *target, const struct cli_call *call)
{
	sd_json_variant *owner JSON_AUTO = NULL;
	struct partition partition;
	enum hvctl_status status;
	struct client events;

	status = client_open(&events, call, CLIENT_CHANGE);
	if (status != HVCTL_OK)
		return status;
	status = event_subscribe_one(&events, target->partition.uuid, &partition, &owner);
	if (status == HVCTL_OK)
		status = ask_and_wait(target, &events,
				      partition_state(partition.state) == PARTITION_SHUTOFF,
				      call->line->settings);
	client_close(&events);
	return status;
}

static enum hvctl_status shut_down(struct life_target *target, const struct cli_call *call)
{
	const struct settings *settings = call->line->settings;

	if (settings->life.dry_run)
		return life_try(target, &ask, &settings->life);
	if (settings->wait || settings->force_after_ns)
		return shut_down_and_wait(target, call);
	return life_do(target, &ask, &settings->life, NULL);
}

static enum hvctl_status run(const struct cli_call *call)
{
	const struct settings *settings = call->line->settings;
	bool waits = settings->wait || settings->force_after_ns;
	const char *done = settings->life.dry_run ? "it can be done" :
			   waits		  ? "shut off" :
						    ask.done;
	enum hvctl_status status;
	struct life_target target;

	status = life_open(&target, call);
	if (status == HVCTL_OK)
		status = shut_down(&target, call);
	if (status == HVCTL_OK)
		status = life_print(call, target.partition.name, target.partition.uuid,
				    REPLY_NO_NUMBER, done);
	life_close(&target);
	return status;
}

static const struct cli_option options[] = {
	{ .name = "wait",
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct settings, wait),
	  .help = "Wait until it is shut off; --timeout bounds that" },
	{ .name = "force-after",
	  .kind = CLI_SECONDS,
	  .value = "SECONDS",
	  .minimum = 1,
	  .maximum = 1000000 * CLOCK_SECOND,
	  .offset = offsetof(struct settings, force_after_ns),
	  .help = "Wait so long, then end it as destroy does; at once where it cannot be asked" },
	LIFE_OPTION_DRY_RUN,
	LIFE_OPTION_IGNORE_STATE("is shut off"),
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl shutdown web --wait --timeout 120", "Exit status 0 when it is down" },
	{ "hvctl shutdown web --force-after 60 --ignore-state",
	  "Down after a minute at the latest" },
	{ NULL, NULL },
};

const struct cli_verb verb_shutdown = {
	.name = "shutdown",
	.summary = "Ask a guest to shut down",
	.description =
		"Asks the guest of a running partition to shut down. Done when the guest is asked, "
		"or with --wait when the partition is shut off. A guest whose driver for that is not "
		"there, or not yet, is not ready, with exit status 4; with --force-after it is asked "
		"again until then. Not supported where the partition has no VMBus.",
	.operands = life_operands,
	.options = options,
	.examples = examples,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
