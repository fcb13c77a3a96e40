/* SPDX-License-Identifier: GPL-2.0-only */
/* Statistics of partitions: see stats-print.h. */
#include "stats-print.h"

#include "clock.h"
#include "json.h"
#include "table.h"

/* So many VPs side by side fit a terminal; more go into further tables. */
#define VPS_ABREAST 8

/* The VPs of one partition: they lie together in stats. */
struct span {
	const struct vp_stats *vps;
	size_t count;
};

static struct span span_of(const struct stats *stats, uint32_t partition)
{
	struct span span = { NULL, 0 };

	for (size_t i = 0; i < stats->count; i++) {
		if (stats->vps[i].partition != partition)
			continue;
		if (!span.count++)
			span.vps = &stats->vps[i];
	}
	return span;
}

static void percent_cell(struct table *table, double part, double whole)
{
	if (whole > 0)
		table_cell(table, "%.1f", 100 * part / whole);
	else
		table_cell(table, "-");
}

static void seconds_cell(struct table *table, uint64_t ns)
{
	table_cell(table, "%llu.%03llu", (unsigned long long)(ns / CLOCK_SECOND),
		   (unsigned long long)(ns % CLOCK_SECOND / 1000000));
}

/* A count, or how many of it there were in a second. */
static void count_cell(struct table *table, uint64_t count, const struct stats *stats, bool rates)
{
	if (!rates)
		table_cell(table, "%llu", (unsigned long long)count);
	else if (stats->time_ns)
		table_cell(table, "%.1f", (double)count * CLOCK_SECOND / (double)stats->time_ns);
	else
		table_cell(table, "-");
}

static void time_columns(struct table *table, bool rates)
{
	const char *per = rates ? "/s" : "";
	static const char *const names[] = { "GUEST", "HV", "WAIT" };

	table_column(table, true, "VCPU");
	table_column(table, true, "CPU");
	table_column(table, false, "STATE");
	table_column(table, true, "ENTRIES%s", per);
	for (size_t i = 0; i < 3; i++) {
		if (!rates)
			table_column(table, true, "%s(s)", names[i]);
		table_column(table, true, "%s%%", names[i]);
	}
	table_column(table, true, "INTERRUPTS%s", per);
	table_column(table, true, "EXITS%s", per);
}

/* All the time that there was for a VP: in the guest, in hv, waiting, and ready for a CPU. */
static double all_time(const struct vp_stats *vp)
{
	return (double)vp->guest_ns + (double)vp->hv_ns + (double)vp->wait_ns +
	       (double)vp->ready_ns;
}

static void time_cells(struct table *table, const struct vp_stats *vp, const struct stats *stats,
		       bool rates)
{
	double all = all_time(vp);
	const uint64_t times[] = { vp->guest_ns, vp->hv_ns, vp->wait_ns };

	count_cell(table, vp->entries, stats, rates);
	for (size_t i = 0; i < 3; i++) {
		if (!rates)
			seconds_cell(table, times[i]);
		percent_cell(table, (double)times[i], all);
	}
	count_cell(table, vp->interrupts, stats, rates);
	count_cell(table, stats_exits(vp), stats, rates);
}

static bool print_times(FILE *out, const struct stats *stats, const struct span *span,
			const struct vp_stats *total, const struct stats_view *view)
{
	struct table table = { 0 };
	bool good;

	time_columns(&table, view->rates);
	for (size_t i = 0; i < span->count; i++) {
		const struct vp_stats *vp = &span->vps[i];

		table_cell(&table, "%u", vp->vp);
		table_cell(&table, "%u", vp->cpu);
		table_cell(&table, "%s", stats_state_name(vp->state));
		time_cells(&table, vp, stats, view->rates);
	}
	if (view->totals) {
		table_cell(&table, "all");
		table_cell(&table, "-");
		table_cell(&table, "-");
		time_cells(&table, total, stats, view->rates);
	}
	good = table_print(&table, out, view->headings);
	table_free(&table);
	return good;
}

/* Whether VPs had to share CPUs, or stopped for who runs them. */
static bool was_scheduled(const struct vp_stats *total)
{
	return total->ready_ns || total->steals || total->preemptions || total->messages;
}

static void sharing_cells(struct table *table, const struct vp_stats *vp, const struct stats *stats,
			  bool rates)
{
	if (!rates)
		seconds_cell(table, vp->ready_ns);
	percent_cell(table, (double)vp->ready_ns, all_time(vp));
	count_cell(table, vp->preemptions, stats, rates);
	count_cell(table, vp->steals, stats, rates);
	count_cell(table, vp->messages, stats, rates);
}

static bool print_sharing(FILE *out, const struct stats *stats, const struct span *span,
			  const struct vp_stats *total, const struct stats_view *view)
{
	static const char *const names[] = { "PREEMPTIONS", "STEALS", "MESSAGES" };
	struct table table = { 0 };
	bool good;

	table_column(&table, true, "VCPU");
	if (!view->rates)
		table_column(&table, true, "READY(s)");
	table_column(&table, true, "READY%%");
	for (size_t i = 0; i < 3; i++)
		table_column(&table, true, "%s%s", names[i], view->rates ? "/s" : "");
	for (size_t i = 0; i < span->count; i++) {
		table_cell(&table, "%u", span->vps[i].vp);
		sharing_cells(&table, &span->vps[i], stats, view->rates);
	}
	if (view->totals) {
		table_cell(&table, "all");
		sharing_cells(&table, total, stats, view->rates);
	}
	fputc('\n', out);
	good = table_print(&table, out, view->headings);
	table_free(&table);
	return good;
}

/* Exits of the VPs from first to before end, the total beside the first ones. */
static bool print_exits(FILE *out, const struct stats *stats, const struct span *span,
			const struct vp_stats *total, size_t first, size_t end,
			const struct stats_view *view)
{
	bool totals = view->totals && first == 0;
	double all = (double)stats_exits(total);
	struct table table = { 0 };
	bool good;

	table_column(&table, false, view->rates ? "EXIT/s" : "EXIT");
	if (totals) {
		table_column(&table, true, "ALL");
		table_column(&table, true, "%%");
	}
	for (size_t i = first; i < end; i++)
		table_column(&table, true, "VCPU%u", span->vps[i].vp);
	for (size_t exit = 0; exit < MULLION_EXIT_COUNT; exit++) {
		if (!total->exits[exit])
			continue;
		table_cell(&table, "%s", stats_exit_name(exit));
		if (totals) {
			count_cell(&table, total->exits[exit], stats, view->rates);
			percent_cell(&table, (double)total->exits[exit], all);
		}
		for (size_t i = first; i < end; i++)
			count_cell(&table, span->vps[i].exits[exit], stats, view->rates);
	}
	good = table_print(&table, out, view->headings);
	table_free(&table);
	return good;
}

bool stats_print(FILE *out, const struct stats *stats, uint32_t partition,
		 const struct stats_view *view)
{
	struct vp_stats total = stats_total(stats, partition);
	struct span span = span_of(stats, partition);

	if (view->headings && view->name)
		fprintf(out, "Partition %u (%s)\n", partition, view->name);
	else if (view->headings)
		fprintf(out, "Partition %u\n", partition);
	if (!print_times(out, stats, &span, &total, view))
		return false;
	if (was_scheduled(&total) && !print_sharing(out, stats, &span, &total, view))
		return false;
	if (!stats_exits(&total))
		return true;
	for (size_t first = 0; first < span.count; first += VPS_ABREAST) {
		size_t end = span.count - first > VPS_ABREAST ? first + VPS_ABREAST : span.count;

		fputc('\n', out);
		if (!print_exits(out, stats, &span, &total, first, end, view))
			return false;
	}
	return true;
}

/* Adds the counters, which a VP and the totals have alike, to an object. */
static int add_counters(sd_json_variant **object, const struct vp_stats *vp)
{
	sd_json_variant *exits JSON_AUTO = NULL;
	int error = 0;

	for (size_t i = 0; i < MULLION_EXIT_COUNT && error >= 0; i++)
		error = sd_json_variant_set_field_unsigned(&exits, stats_exit_name(i),
							   vp->exits[i]);
	if (error < 0)
		return error;
	return sd_json_variant_merge_objectbo(
		object, SD_JSON_BUILD_PAIR_UNSIGNED("entries", vp->entries),
		SD_JSON_BUILD_PAIR_UNSIGNED("guest_ns", vp->guest_ns),
		SD_JSON_BUILD_PAIR_UNSIGNED("hv_ns", vp->hv_ns),
		SD_JSON_BUILD_PAIR_UNSIGNED("wait_ns", vp->wait_ns),
		SD_JSON_BUILD_PAIR_UNSIGNED("ready_ns", vp->ready_ns),
		SD_JSON_BUILD_PAIR_UNSIGNED("interrupts", vp->interrupts),
		SD_JSON_BUILD_PAIR_UNSIGNED("steals", vp->steals),
		SD_JSON_BUILD_PAIR_UNSIGNED("preemptions", vp->preemptions),
		SD_JSON_BUILD_PAIR_UNSIGNED("messages", vp->messages),
		SD_JSON_BUILD_PAIR_UNSIGNED("exits_total", stats_exits(vp)),
		SD_JSON_BUILD_PAIR_VARIANT("exits", exits));
}

static int add_vp(sd_json_variant **array, const struct vp_stats *vp)
{
	sd_json_variant *object JSON_AUTO = NULL;
	int error;

	error = sd_json_buildo(&object, SD_JSON_BUILD_PAIR_UNSIGNED("vcpu", vp->vp),
			       SD_JSON_BUILD_PAIR_UNSIGNED("cpu", vp->cpu),
			       SD_JSON_BUILD_PAIR_STRING("state", stats_state_name(vp->state)));
	if (error >= 0)
		error = add_counters(&object, vp);
	return error < 0 ? error : sd_json_variant_append_array(array, object);
}

int stats_json(sd_json_variant **array, const struct stats *stats, uint32_t partition,
	       const struct stats_view *view)
{
	sd_json_variant *vcpus JSON_AUTO = NULL, *totals JSON_AUTO = NULL;
	sd_json_variant *object JSON_AUTO = NULL;
	struct vp_stats total = stats_total(stats, partition);
	struct span span = span_of(stats, partition);
	int error = 0;

	for (size_t i = 0; i < span.count && error >= 0; i++)
		error = add_vp(&vcpus, &span.vps[i]);
	if (error >= 0)
		error = add_counters(&totals, &total);
	if (error >= 0)
		error = sd_json_buildo(&object, SD_JSON_BUILD_PAIR_UNSIGNED("id", partition));
	if (error >= 0 && view->about)
		error = sd_json_variant_merge_object(&object, view->about);
	if (error >= 0)
		error = sd_json_variant_merge_objectbo(
			&object,
			SD_JSON_BUILD_PAIR_CONDITION(view->totals, "totals",
						     SD_JSON_BUILD_VARIANT(totals)),
			SD_JSON_BUILD_PAIR_VARIANT("vcpus", vcpus));
	return error < 0 ? error : sd_json_variant_append_array(array, object);
}
