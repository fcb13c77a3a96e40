/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl top: who uses the CPUs, again and again. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "account.h"
#include "clock.h"
#include "device.h"
#include "error.h"
#include "json.h"
#include "stats-interval.h"
#include "table.h"
#include "text.h"
#include "verbs.h"

#define CLEAR_SCREEN "\033[H\033[J"

struct settings {
	bool batch;
	bool vcpu;
	uint64_t delay_ns;
	uint64_t count; /* 0: without end */
};

static const struct settings defaults = { .delay_ns = 2 * CLOCK_SECOND };

struct top {
	const struct cli_call *call;
	struct accounts accounts;
	bool screen; /* each table takes the place of the one before */
};

/* A partition, or one VP with --vcpu. */
struct row {
	struct vp_stats stats; /* or their sum */
	size_t vcpus;
};

/* The busiest ones first, then by number. */
static int compare(const void *a, const void *b)
{
	const struct vp_stats *left = &((const struct row *)a)->stats;
	const struct vp_stats *right = &((const struct row *)b)->stats;
	uint64_t left_ns = left->guest_ns + left->hv_ns, right_ns = right->guest_ns + right->hv_ns;

	if (left_ns != right_ns)
		return left_ns < right_ns ? 1 : -1;
	if (left->partition != right->partition)
		return left->partition > right->partition ? 1 : -1;
	return (left->vp > right->vp) - (left->vp < right->vp);
}

/* One row for each VP or partition; the VPs of one lie together. The caller frees them. */
static struct row *make_rows(const struct stats *stats, bool vcpu, size_t *count)
{
	struct row *rows = calloc(stats->count + 1, sizeof(*rows));

	*count = 0;
	for (size_t i = 0; rows && i < stats->count; i++) {
		const struct vp_stats *vp = &stats->vps[i];

		if (vcpu)
			rows[(*count)++].stats = *vp;
		else if (!i || vp[-1].partition != vp->partition)
			rows[(*count)++].stats = stats_total(stats, vp->partition);
		rows[*count - 1].vcpus++;
	}
	if (rows)
		qsort(rows, *count, sizeof(*rows), compare);
	return rows;
}

/* Percent of one CPU. */
static double percent(uint64_t ns, const struct stats *stats)
{
	return stats->time_ns ? 100 * (double)ns / (double)stats->time_ns : 0;
}

static double per_second(uint64_t count, const struct stats *stats)
{
	return stats->time_ns ? (double)count * CLOCK_SECOND / (double)stats->time_ns : 0;
}

static void add_columns(struct table *table, bool vcpu)
{
	table_column(table, true, "ID");
	table_column(table, false, "NAME");
	table_column(table, false, "STATE");
	table_column(table, true, vcpu ? "VCPU" : "VCPUS");
	if (vcpu)
		table_column(table, true, "CPU");
	table_column(table, true, "CPU%%");
	table_column(table, true, "GUEST%%");
	table_column(table, true, "HV%%");
	table_column(table, true, "WAIT%%");
	table_column(table, true, "READY%%");
	table_column(table, true, "INTERRUPTS/s");
	table_column(table, true, "EXITS/s");
}

static void add_row(struct table *table, const struct row *row, const struct stats *stats,
		    const struct top *top)
{
	const struct settings *settings = top->call->line->settings;
	const struct vp_stats *vp = &row->stats;
	struct account account;
	bool known = accounts_find(&top->accounts, vp->partition, &account);
	char name[TEXT_ESCAPED_SIZE(64)], state[TEXT_ESCAPED_SIZE(16)];

	table_cell(table, "%u", vp->partition);
	table_cell(table, "%s",
		   known	      ? text_printable(name, sizeof(name), account.name) :
		   vp->partition == 0 ? "(parent)" :
					"-");
	if (settings->vcpu)
		table_cell(table, "%s", stats_state_name(vp->state));
	else
		table_cell(table, "%s",
			   known ? text_printable(state, sizeof(state), account.state) : "-");
	if (settings->vcpu) {
		table_cell(table, "%u", vp->vp);
		table_cell(table, "%u", vp->cpu);
	} else {
		table_cell(table, "%zu", row->vcpus);
	}
	table_cell(table, "%.1f", percent(vp->guest_ns + vp->hv_ns, stats));
	table_cell(table, "%.1f", percent(vp->guest_ns, stats));
	table_cell(table, "%.1f", percent(vp->hv_ns, stats));
	table_cell(table, "%.1f", percent(vp->wait_ns, stats));
	table_cell(table, "%.1f", percent(vp->ready_ns, stats));
	table_cell(table, "%.1f", per_second(vp->interrupts, stats));
	table_cell(table, "%.1f", per_second(stats_exits(vp), stats));
}

static enum hvctl_status print_table(const struct top *top, const struct row *rows, size_t count,
				     const struct stats *stats)
{
	const struct settings *settings = top->call->line->settings;
	struct table table = { 0 };
	bool good;

	add_columns(&table, settings->vcpu);
	for (size_t i = 0; i < count; i++)
		add_row(&table, &rows[i], stats, top);
	if (top->screen)
		fputs(CLEAR_SCREEN, stdout);
	good = table_print(&table, stdout, !top->call->line->globals.no_headers);
	table_free(&table);
	return good ? HVCTL_OK : error_report(HVCTL_BUSY, "out of memory");
}

static int add_object(sd_json_variant **array, const struct row *row, const struct stats *stats,
		      const struct top *top)
{
	const struct settings *settings = top->call->line->settings;
	const struct vp_stats *vp = &row->stats;
	struct account account;
	bool known = accounts_find(&top->accounts, vp->partition, &account);

	return sd_json_variant_append_arrayb(
		array, SD_JSON_BUILD_OBJECT(
			       SD_JSON_BUILD_PAIR_UNSIGNED("id", vp->partition),
			       SD_JSON_BUILD_PAIR_CONDITION(known, "name",
							    SD_JSON_BUILD_STRING(account.name)),
			       SD_JSON_BUILD_PAIR_CONDITION(known, "state",
							    SD_JSON_BUILD_STRING(account.state)),
			       SD_JSON_BUILD_PAIR_CONDITION(!settings->vcpu, "vcpus",
							    SD_JSON_BUILD_UNSIGNED(row->vcpus)),
			       SD_JSON_BUILD_PAIR_CONDITION(settings->vcpu, "vcpu",
							    SD_JSON_BUILD_UNSIGNED(vp->vp)),
			       SD_JSON_BUILD_PAIR_CONDITION(settings->vcpu, "cpu",
							    SD_JSON_BUILD_UNSIGNED(vp->cpu)),
			       SD_JSON_BUILD_PAIR_REAL("cpu_percent",
						       percent(vp->guest_ns + vp->hv_ns, stats)),
			       SD_JSON_BUILD_PAIR_UNSIGNED("guest_ns", vp->guest_ns),
			       SD_JSON_BUILD_PAIR_UNSIGNED("hv_ns", vp->hv_ns),
			       SD_JSON_BUILD_PAIR_UNSIGNED("wait_ns", vp->wait_ns),
			       SD_JSON_BUILD_PAIR_UNSIGNED("ready_ns", vp->ready_ns),
			       SD_JSON_BUILD_PAIR_UNSIGNED("interrupts", vp->interrupts),
			       SD_JSON_BUILD_PAIR_UNSIGNED("exits_total", stats_exits(vp))));
}

static enum hvctl_status print_json(const struct top *top, const struct row *rows, size_t count,
				    const struct stats *stats)
{
	const struct settings *settings = top->call->line->settings;
	sd_json_variant *array JSON_AUTO = NULL, *object JSON_AUTO = NULL;
	int error = sd_json_variant_new_array(&array, NULL, 0);

	for (size_t i = 0; i < count && error >= 0; i++)
		error = add_object(&array, &rows[i], stats, top);
	if (error >= 0)
		error = sd_json_buildo(
			&object, SD_JSON_BUILD_PAIR_UNSIGNED("schema", HVCTL_SCHEMA),
			SD_JSON_BUILD_PAIR_UNSIGNED("interval_ns", stats->time_ns),
			SD_JSON_BUILD_PAIR_VARIANT(settings->vcpu ? "vcpus" : "partitions", array));
	return error < 0 ? json_failed(error) : json_print_line(object);
}

static enum hvctl_status print(void *context, const struct stats *stats, uint64_t n)
{
	struct top *top = context;
	const struct settings *settings = top->call->line->settings;
	enum hvctl_status status;
	struct row *rows;
	size_t count;

	rows = make_rows(stats, settings->vcpu, &count);
	if (!rows)
		return error_report(HVCTL_BUSY, "out of memory");
	accounts_refresh(&top->accounts);
	if (top->call->line->globals.format == HVCTL_JSON) {
		status = print_json(top, rows, count, stats);
	} else {
		if (n && !top->screen)
			putchar('\n');
		status = print_table(top, rows, count, stats);
	}
	free(rows);
	return status;
}

enum hvctl_status top_show(const struct cli_call *call, const struct shared *memory)
{
	const struct settings *settings = call->line->settings;
	struct top top = {
		.call = call,
		.screen = !settings->batch && isatty(STDOUT_FILENO),
	};
	const struct stats_intervals intervals = {
		.memory = memory,
		.interval_ns = settings->delay_ns,
		.count = settings->count,
		.deadline = call->deadline,
		.verb = "top",
		.context = &top,
		.print = print,
	};
	enum hvctl_status status;

	accounts_open(&top.accounts, call);
	status = stats_repeat(&intervals);
	accounts_close(&top.accounts);
	return status;
}

static enum hvctl_status run(const struct cli_call *call)
{
	enum hvctl_status status;
	struct device device;
	struct shared memory;

	status = device_open(&device);
	if (status != HVCTL_OK)
		return status;
	status = device_map_stats(&device, &memory);
	device_close(&device);
	if (status != HVCTL_OK)
		return status;
	status = top_show(call, &memory);
	device_unmap(&memory);
	return status;
}

static const struct cli_option options[] = {
	{ .name = "batch",
	  .letter = 'b',
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct settings, batch),
	  .help = "Print one table after the other, also on a terminal" },
	{ .name = "count",
	  .letter = 'n',
	  .kind = CLI_NUMBER,
	  .value = "COUNT",
	  .minimum = 1,
	  .maximum = UINT64_MAX,
	  .offset = offsetof(struct settings, count),
	  .help = "End after so many tables" },
	{ .name = "delay",
	  .letter = 'd',
	  .kind = CLI_SECONDS,
	  .value = "SECONDS",
	  .minimum = CLOCK_SECOND / 100,
	  .maximum = 86400 * CLOCK_SECOND,
	  .offset = offsetof(struct settings, delay_ns),
	  .help = "Count so long for each table; 2 if nothing is said" },
	{ .name = "vcpu",
	  .kind = CLI_FLAG,
	  .offset = offsetof(struct settings, vcpu),
	  .help = "A line for each virtual processor" },
	{ .name = NULL },
};

static const struct cli_example examples[] = {
	{ "hvctl top", "Who uses the CPUs; Control and C ends it" },
	{ "hvctl top --batch -n 1 -d 10 --json", "Ten seconds, for a script" },
	{ NULL, NULL },
};

const struct cli_verb verb_top = {
	.name = "top",
	.summary = "Show again and again who uses the CPUs",
	.description =
		"Shows what each partition did in the last seconds, the busiest one first: the CPU "
		"time of its virtual processors together, in percent of one CPU, divided into that "
		"of the guest and that of the hypervisor on its behalf; the time that they waited, or "
		"were ready while others ran; "
		"interrupts and exits per second. The parent, number 0, halts without an exit: its "
		"idle time is guest time. Names and states come from the daemon, where there is "
		"one.\n\n"
		"JSON: an object a line, with plain counts.",
	.options = options,
	.examples = examples,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.formats = CLI_FORMAT(HVCTL_TABLE) | CLI_FORMAT(HVCTL_JSON),
	.run = run,
};
