/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl domstats: what VPs did, since they were made or in an interval. */
#include <stdlib.h>

#include "clock.h"
#include "device.h"
#include "error.h"
#include "json.h"
#include "stats-print.h"
#include "stats-reader.h"
#include "text.h"
#include "verbs.h"

struct settings {
	uint64_t interval_ns; /* 0: since the beginning */
	uint64_t count; /* 0: without end */
	bool vcpu;
};

static const struct settings defaults = { 0 };

struct show {
	const struct cli_globals *globals;
	const struct settings *settings;
	const char *name; /* of one partition, or NULL for all */
	uint32_t id; /* of the partition named */
	uint64_t deadline;
	struct shared memory;
	struct stats_view view;
};

static enum hvctl_status take(const struct show *show, struct stats *stats)
{
	const char *fault = stats_read(stats, &show->memory);

	if (!fault)
		return HVCTL_OK;
	return error_report(HVCTL_FAILED, "hv's statistics are damaged: %s", fault);
}

/* Whether entry i begins a partition that is wanted. */
static bool begins_partition(const struct show *show, const struct stats *stats, size_t i)
{
	uint32_t partition = stats->vps[i].partition;

	if (i && stats->vps[i - 1].partition == partition)
		return false;
	return !show->name || show->id == partition;
}

static enum hvctl_status print_json(const struct show *show, const struct stats *stats)
{
	sd_json_variant *partitions JSON_AUTO = NULL, *object JSON_AUTO = NULL;
	bool rates = show->view.rates;
	int error = sd_json_variant_new_array(&partitions, NULL, 0);

	for (size_t i = 0; i < stats->count && error >= 0; i++)
		if (begins_partition(show, stats, i))
			error = stats_json(&partitions, stats, stats->vps[i].partition,
					   &show->view);
	if (error >= 0)
		error = sd_json_buildo(
			&object, SD_JSON_BUILD_PAIR_UNSIGNED("schema", HVCTL_SCHEMA),
			SD_JSON_BUILD_PAIR_CONDITION(rates, "interval_ns",
						     SD_JSON_BUILD_UNSIGNED(stats->time_ns)),
			SD_JSON_BUILD_PAIR_VARIANT("partitions", partitions));
	if (error < 0)
		return json_failed(error);
	return rates ? json_print_line(object) : json_print(object, !show->globals->no_color);
}

static enum hvctl_status print(const struct show *show, const struct stats *stats)
{
	bool first = true;

	if (show->globals->format == HVCTL_JSON)
		return print_json(show, stats);
	for (size_t i = 0; i < stats->count; i++) {
		if (!begins_partition(show, stats, i))
			continue;
		if (show->globals->format == HVCTL_NAME) {
			printf("%u\n", stats->vps[i].partition);
			continue;
		}
		if (!first)
			putchar('\n');
		first = false;
		if (!stats_print(stdout, stats, stats->vps[i].partition, &show->view))
			return error_report(HVCTL_BUSY, "out of memory");
	}
	return HVCTL_OK;
}

/* Prints what was added since *before, which becomes what there is now. */
static enum hvctl_status print_interval(const struct show *show, struct stats *before)
{
	struct stats now, difference;
	enum hvctl_status status = take(show, &now);

	if (status != HVCTL_OK)
		return status;
	if (stats_difference(&difference, &now, before)) {
		status = print(show, &difference);
		stats_free(&difference);
	} else {
		status = error_report(HVCTL_BUSY, "out of memory");
	}
	stats_free(before);
	*before = now;
	return status;
}

static enum hvctl_status repeat(const struct show *show, struct stats *before)
{
	uint64_t next = before->time_ns;

	for (uint64_t n = 0; !show->settings->count || n < show->settings->count; n++) {
		enum hvctl_status status;

		next += show->settings->interval_ns;
		if (!clock_sleep_until(next, show->deadline))
			return error_report(HVCTL_TIMEOUT, "domstats: the time is over");
		if (n && show->globals->format == HVCTL_TABLE)
			putchar('\n');
		status = print_interval(show, before);
		if (status != HVCTL_OK)
			return status;
		if (fflush(stdout) || ferror(stdout))
			return HVCTL_FAILED; /* main() reports it */
	}
	return HVCTL_OK;
}

static bool has_partition(const struct stats *stats, uint32_t partition)
{
	for (size_t i = 0; i < stats->count; i++)
		if (stats->vps[i].partition == partition)
			return true;
	return false;
}

static enum hvctl_status show_stats(const struct show *show)
{
	enum hvctl_status status;
	struct stats stats;

	status = take(show, &stats);
	if (status != HVCTL_OK)
		return status;
	if (show->name && !has_partition(&stats, show->id))
		status = error_report(HVCTL_NO_PARTITION, "no partition '%s'", show->name);
	else if (show->view.rates)
		status = repeat(show, &stats);
	else
		status = print(show, &stats);
	stats_free(&stats);
	return status;
}

enum hvctl_status domstats_show(const struct cli_call *call, const struct shared *memory)
{
	const struct cli_globals *globals = &call->line->globals;
	const struct settings *settings = call->line->settings;
	struct show show = {
		.globals = globals,
		.settings = settings,
		.name = call->line->operands[0],
		.deadline = call->deadline,
		.memory = *memory,
		.view = { .rates = settings->interval_ns != 0,
			  .totals = !settings->vcpu,
			  .headings = !globals->no_headers },
	};
	uint64_t id = 0;

	if (show.name && (!text_parse_number(show.name, &id) || id > UINT32_MAX))
		return error_report(HVCTL_NO_PARTITION, "no partition '%s'", show.name);
	show.id = (uint32_t)id;
	return show_stats(&show);
}

static enum hvctl_status run(const struct cli_call *call)
{
	const struct settings *settings = call->line->settings;
	enum hvctl_status status;
	struct device device;
	struct shared memory;

	if (settings->count && !settings->interval_ns)
		return error_report(HVCTL_USAGE, "domstats: --count needs --interval");
	status = device_open(&device);
	if (status != HVCTL_OK)
		return status;
	status = device_map_stats(&device, &memory);
	device_close(&device);
	if (status != HVCTL_OK)
		return status;
	status = domstats_show(call, &memory);
	device_unmap(&memory);
	return status;
}

static const struct cli_operand operands[] = {
	{ .name = "NAME",
	  .words = CLI_PARTITIONS,
	  .help = "The partition; 0 is the parent. Without it, all of them" },
	{ .name = NULL },
};

static const struct cli_option options[] = {
	{ .name = "vcpu",
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct settings, vcpu),
	  .help = "Show each VP alone, without the partition's totals" },
	{ .name = "interval",
	  .kind = CLI_SECONDS,
	  .value = "SECONDS",
	  .minimum = CLOCK_SECOND / 100,
	  .maximum = 86400 * CLOCK_SECOND,
	  .offset = offsetof(struct settings, interval_ns),
	  .help = "Show what was added in each interval, as rates, again and again" },
	{ .name = "count",
	  .kind = CLI_NUMBER,
	  .value = "N",
	  .minimum = 1,
	  .maximum = UINT64_MAX,
	  .offset = offsetof(struct settings, count),
	  .help = "End after so many intervals" },
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl domstats 0", "What the parent's VPs did since the machine started" },
	{ "hvctl domstats 0 --interval 1", "Their exits per second, by reason" },
	{ "hvctl domstats 0 --interval 10 --count 1 --json", "Ten seconds, counted for a script" },
	{ NULL, NULL },
};

const struct cli_verb verb_domstats = {
	.name = "domstats",
	.summary = "Show what a partition's virtual processors did",
	.description =
		"Shows for each virtual processor (VP) of a partition: the physical CPU it runs "
		"on; its state; how often guest mode was entered; the time in the guest, in the "
		"hypervisor on its behalf, and waiting (halted or not started, as far as the "
		"hypervisor sees it); the interrupts that the hypervisor injected; and why guest "
		"mode was left, by reason. A guest whose HLT does not exit halts in guest time.\n\n"
		"Counters begin with the partition. With --interval, the counters of the interval "
		"are shown instead, in tables as numbers per second. The counters of one VP are "
		"read one after the other, while it runs.\n\n"
		"JSON: an object whose field partitions is an array. With --interval there is one "
		"object a line, with interval_ns and with plain counts, not numbers per second. "
		"--format name prints the partitions' numbers.",
	.operands = operands,
	.options = options,
	.examples = examples,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON) | CLI_FORMAT(HVCTL_NAME),
	.run = run,
};
