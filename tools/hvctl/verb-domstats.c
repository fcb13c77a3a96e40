/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl domstats: what VPs did, since they were made or in an interval. */
#include <stdio.h>

#include "account.h"
#include "clock.h"
#include "device-stats.h"
#include "device.h"
#include "error.h"
#include "json.h"
#include "partition.h"
#include "stats-interval.h"
#include "stats-print.h"
#include "text.h"
#include "verbs.h"

struct settings {
	uint64_t interval_ns; /* 0: since the beginning */
	uint64_t count; /* 0: without end */
	bool vcpu;
	bool block;
	bool net;
	bool gpu;
};

static const struct settings defaults = { 0 };

struct show {
	const struct cli_globals *globals;
	const struct settings *settings;
	bool one; /* partition id alone */
	uint32_t id;
	struct accounts accounts;
	struct stats_view view;
};

/* Whether entry i begins a partition that is wanted. */
static bool begins_partition(const struct show *show, const struct stats *stats, size_t i)
{
	uint32_t partition = stats->vps[i].partition;

	if (i && stats->vps[i - 1].partition == partition)
		return false;
	return !show->one || show->id == partition;
}

static int add_object(const struct show *show, sd_json_variant **array, const struct stats *stats,
		      uint32_t partition)
{
	sd_json_variant *about JSON_AUTO = NULL;
	struct stats_view view = show->view;
	struct account account;
	int error = 0;

	if (accounts_find(&show->accounts, partition, &account))
		error = account_json(&about, &account);
	view.about = about;
	return error < 0 ? error : stats_json(array, stats, partition, &view);
}

static enum hvctl_status print_json(const struct show *show, const struct stats *stats)
{
	sd_json_variant *partitions JSON_AUTO = NULL, *object JSON_AUTO = NULL;
	bool rates = show->view.rates;
	int error = sd_json_variant_new_array(&partitions, NULL, 0);

	for (size_t i = 0; i < stats->count && error >= 0; i++)
		if (begins_partition(show, stats, i))
			error = add_object(show, &partitions, stats, stats->vps[i].partition);
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

static enum hvctl_status print_partition(const struct show *show, const struct stats *stats,
					 uint32_t partition)
{
	struct stats_view view = show->view;
	char name[TEXT_ESCAPED_SIZE(64)];
	struct account account;
	bool known = accounts_find(&show->accounts, partition, &account);

	if (known)
		view.name = text_printable(name, sizeof(name), account.name);
	if (!stats_print(stdout, stats, partition, &view))
		return error_report(HVCTL_BUSY, "out of memory");
	if (known && !view.rates) {
		putchar('\n');
		account_print(stdout, &account);
	}
	return HVCTL_OK;
}

static enum hvctl_status print(const struct show *show, const struct stats *stats)
{
	enum hvctl_status status = HVCTL_OK;
	bool first = true;

	if (show->globals->format == HVCTL_JSON)
		return print_json(show, stats);
	for (size_t i = 0; i < stats->count && status == HVCTL_OK; i++) {
		if (!begins_partition(show, stats, i))
			continue;
		if (show->globals->format == HVCTL_NAME) {
			printf("%u\n", stats->vps[i].partition);
			continue;
		}
		if (!first)
			putchar('\n');
		first = false;
		status = print_partition(show, stats, stats->vps[i].partition);
	}
	return status;
}

static enum hvctl_status print_interval(void *context, const struct stats *difference, uint64_t n)
{
	struct show *show = context;

	if (n && show->globals->format == HVCTL_TABLE)
		putchar('\n');
	accounts_refresh(&show->accounts);
	return print(show, difference);
}

static bool has_partition(const struct stats *stats, uint32_t partition)
{
	for (size_t i = 0; i < stats->count; i++)
		if (stats->vps[i].partition == partition)
			return true;
	return false;
}

/* What there is now; with --interval only whether the partition is there. */
static enum hvctl_status show_now(const struct show *show, const char *name,
				  const struct shared *memory)
{
	enum hvctl_status status;
	struct stats stats;

	status = stats_take(&stats, memory);
	if (status != HVCTL_OK)
		return status;
	if (show->one && !has_partition(&stats, show->id))
		status = error_report(HVCTL_NO_PARTITION, "no partition '%s'", name);
	else if (!show->view.rates)
		status = print(show, &stats);
	stats_free(&stats);
	return status;
}

static enum hvctl_status show_intervals(struct show *show, const struct cli_call *call,
					const struct shared *memory)
{
	const struct stats_intervals intervals = {
		.memory = memory,
		.interval_ns = show->settings->interval_ns,
		.count = show->settings->count,
		.deadline = call->deadline,
		.verb = "domstats",
		.context = show,
		.print = print_interval,
	};

	return stats_repeat(&intervals);
}

/* A partition's name or UUID as its number, by hvd. */
static enum hvctl_status ask_number(const struct cli_call *call, const char *name, uint64_t *id)
{
	sd_json_variant *object JSON_AUTO = NULL;
	struct partition partition;
	enum hvctl_status status;
	struct client client;

	status = client_open(&client, call, CLIENT_READ);
	if (status != HVCTL_OK)
		return status;
	status = partition_find(&client, name, &partition, &object);
	if (status == HVCTL_OK && partition.id == REPLY_NO_NUMBER)
		status = error_report(HVCTL_WRONG_STATE, "partition '%s' is %s", partition.name,
				      partition.state);
	*id = partition.id;
	client_close(&client);
	return status;
}

/* Numbers are hv's, and need no hvd. */
static enum hvctl_status find_number(const struct cli_call *call, uint32_t *number)
{
	const char *name = call->line->operands[0];
	enum hvctl_status status = HVCTL_OK;
	uint64_t id;

	if (!text_parse_number(name, &id))
		status = ask_number(call, name, &id);
	if (status == HVCTL_OK && id > UINT32_MAX)
		return error_report(HVCTL_NO_PARTITION, "no partition '%s'", name);
	*number = (uint32_t)id;
	return status;
}

enum hvctl_status domstats_show(const struct cli_call *call, const struct shared *memory)
{
	const struct cli_globals *globals = &call->line->globals;
	const struct settings *settings = call->line->settings;
	const char *name = call->line->operands[0];
	struct show show = {
		.globals = globals,
		.settings = settings,
		.one = name != NULL,
		.view = { .rates = settings->interval_ns != 0,
			  .totals = !settings->vcpu,
			  .headings = !globals->no_headers },
	};
	enum hvctl_status status = HVCTL_OK;

	if (name)
		status = find_number(call, &show.id);
	if (status != HVCTL_OK)
		return status;
	accounts_open(&show.accounts, call);
	status = show_now(&show, name, memory);
	if (status == HVCTL_OK && show.view.rates)
		status = show_intervals(&show, call, memory);
	accounts_close(&show.accounts);
	return status;
}

/* Counters of those who serve the devices, which hv does not have. */
static enum hvctl_status show_devices(const struct cli_call *call)
{
	const struct settings *settings = call->line->settings;

	if (!call->line->operands[0])
		return error_report(HVCTL_USAGE, "domstats: --block, --net and --gpu need a NAME");
	if (settings->vcpu || settings->interval_ns)
		return error_report(HVCTL_USAGE,
				    "domstats: --block, --net and --gpu go alone, without --vcpu "
				    "and --interval");
	return device_stats_show(call, settings->block, settings->net, settings->gpu);
}

static enum hvctl_status run(const struct cli_call *call)
{
	const struct settings *settings = call->line->settings;
	enum hvctl_status status;
	struct device device;
	struct shared memory;

	if (settings->count && !settings->interval_ns)
		return error_report(HVCTL_USAGE, "domstats: --count needs --interval");
	if (settings->block || settings->net || settings->gpu)
		return show_devices(call);
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
	  .help = "The partition's name, UUID or id; 0 is the parent. Without it, all of them" },
	{ .name = NULL },
};

static const struct cli_option options[] = {
	{ .name = "vcpu",
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct settings, vcpu),
	  .help = "Show each VP alone, without the partition's totals" },
	{ .name = "block",
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct settings, block),
	  .help = "Show what its disks did instead" },
	{ .name = "net",
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct settings, net),
	  .help = "Show what its network interfaces did instead; rx is what the guest got" },
	{ .name = "gpu",
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct settings, gpu),
	  .help = "Show what its GPU did instead" },
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
	{ "hvctl domstats web", "What a guest did, and what it costs" },
	{ "hvctl domstats web --block --net", "Its disks and network interfaces" },
	{ "hvctl domstats web --gpu --json | jq .gpu.fence_ns",
	  "How long it has waited for its GPU" },
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
		"hypervisor sees it); the interrupts that the hypervisor injected; where VPs share "
		"CPUs, how long they were ready while others ran, how often they lost a CPU, went "
		"on at another one, or stopped for the process that runs them; and why guest mode "
		"was left, by reason. A guest whose HLT does not exit halts in guest time.\n\n"
		"Where the daemon runs, it also tells the partition's name, its memory with what "
		"the hypervisor holds for it, and its worker's. Numbers need no daemon.\n\n"
		"Counters begin with the partition. With --interval, the counters of the interval "
		"are shown instead, in tables as numbers per second. The counters of one VP are "
		"read one after the other, while it runs.\n\n"
		"Disks, network interfaces and the GPU are counted by the processes that serve them, "
		"from their own beginning: one that was started anew counts from 0. JSON: an object "
		"with the fields disks and interfaces, arrays, and gpu.\n\n"
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
