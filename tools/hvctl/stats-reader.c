/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading hv's statistics: see stats-reader.h. */
#include "stats-reader.h"

#include <stddef.h>
#include <stdlib.h>
#include <x86intrin.h>

#include "clock.h"

static const char *const exit_names[MULLION_EXIT_COUNT] = {
	[MULLION_EXIT_INTERRUPT] = "interrupt",
	[MULLION_EXIT_NMI] = "nmi",
	[MULLION_EXIT_INIT] = "init",
	[MULLION_EXIT_INTR_WINDOW] = "interrupt_window",
	[MULLION_EXIT_CPUID] = "cpuid",
	[MULLION_EXIT_MSR_READ] = "msr_read",
	[MULLION_EXIT_MSR_WRITE] = "msr_write",
	[MULLION_EXIT_APIC_ICR] = "apic_icr",
	[MULLION_EXIT_APIC_OTHER] = "apic_other",
	[MULLION_EXIT_IO] = "io",
	[MULLION_EXIT_HLT] = "hlt",
	[MULLION_EXIT_HYPERCALL] = "hypercall",
	[MULLION_EXIT_GPA_FAULT] = "gpa_fault",
	[MULLION_EXIT_SHUTDOWN] = "shutdown",
	[MULLION_EXIT_VIRT_INSTRUCTION] = "virt_instruction",
	[MULLION_EXIT_OTHER] = "other",
	[MULLION_EXIT_XSETBV] = "xsetbv",
	[MULLION_EXIT_CACHE] = "cache",
	[MULLION_EXIT_RDPMC] = "rdpmc",
	[MULLION_EXIT_INVALID] = "invalid",
};

static const char *const state_names[] = {
	[MULLION_VP_ABSENT] = "absent",	  [MULLION_VP_WAIT_SIPI] = "wait_sipi",
	[MULLION_VP_RUNNING] = "running", [MULLION_VP_HALTED] = "halted",
	[MULLION_VP_DEAD] = "dead",
};

const char *stats_exit_name(size_t exit)
{
	return exit < MULLION_EXIT_COUNT && exit_names[exit] ? exit_names[exit] : "unknown";
}

const char *stats_state_name(uint32_t state)
{
	return state < sizeof(state_names) / sizeof(state_names[0]) ? state_names[state] :
								      "unknown";
}

/* hz is not 0. Beyond 584 years the result stays at the largest number. */
static uint64_t to_ns(uint64_t ticks, uint64_t hz)
{
	unsigned __int128 ns = (unsigned __int128)ticks * CLOCK_SECOND / hz;

	return ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

static struct vp_stats convert(const struct mullion_vp_stats *entry, uint64_t hz)
{
	struct vp_stats vp = {
		.partition = entry->partition,
		.vp = entry->vp,
		.cpu = entry->cpu,
		.state = entry->state,
		.entries = entry->entries,
		.guest_ns = to_ns(entry->guest_ticks, hz),
		.hv_ns = to_ns(entry->hv_ticks, hz),
		.wait_ns = to_ns(entry->wait_ticks, hz),
		.ready_ns = to_ns(entry->ready_ticks, hz),
		.interrupts = entry->interrupts,
		.steals = entry->steals,
		.preemptions = entry->preemptions,
		.messages = entry->messages,
	};

	for (size_t i = 0; i < MULLION_EXIT_COUNT; i++)
		vp.exits[i] = entry->exits[i];
	return vp;
}

static int compare(const void *a, const void *b)
{
	const struct vp_stats *left = a, *right = b;

	if (left->partition != right->partition)
		return left->partition < right->partition ? -1 : 1;
	return (left->vp > right->vp) - (left->vp < right->vp);
}

static const char *header_fault(const struct mullion_stats *header, size_t size)
{
	if (header->magic != MULLION_STATS_MAGIC)
		return "they do not begin as statistics";
	if (header->version != MULLION_STATS_VERSION)
		return "they have another version";
	if (!header->tsc_hz)
		return "the TSC's frequency is missing";
	if (header->entries_offset < sizeof(*header) || header->entries_offset % 8 ||
	    header->entry_size < sizeof(struct mullion_vp_stats) || header->entry_size % 8 ||
	    header->entries_offset > size ||
	    header->entry_count > (size - header->entries_offset) / header->entry_size)
		return "their entries lie outside of them";
	return NULL;
}

/* The beginning of an entry, up to entered_tsc. */
#define ENTRY_HEAD (offsetof(struct mullion_vp_stats, entered_tsc) + sizeof(uint64_t))

/*
 * One entry, with the time in guest mode that no exit has ended yet. This
 * program's TSC is hv's: the parent's is not shifted. An entry that is given to
 * another VP just now is read again and, if that does not end, absent.
 */
static struct mullion_vp_stats read_entry(const struct shared *memory, size_t offset)
{
	struct mullion_vp_stats entry, head = { 0 };
	bool same_vp = false, same_stay = false;
	uint64_t now;

	for (int try = 0; try < 8 && !(same_vp && same_stay); try++) {
		shared_copy(&entry, memory, offset, sizeof(entry));
		shared_copies_done();
		shared_copy(&head, memory, offset, ENTRY_HEAD);
		same_vp = head.partition == entry.partition && head.vp == entry.vp;
		same_stay = head.entered_tsc == entry.entered_tsc;
	}
	if (!same_vp)
		entry.state = MULLION_VP_ABSENT;
	now = __rdtsc();
	if (same_stay && entry.entered_tsc && now > entry.entered_tsc)
		entry.guest_ticks += now - entry.entered_tsc;
	return entry;
}

const char *stats_read(struct stats *stats, const struct shared *memory)
{
	struct mullion_stats header;
	const char *fault;

	*stats = (struct stats){ .time_ns = clock_now() };
	if (memory->size < sizeof(header))
		return "they are too small";
	shared_copy(&header, memory, 0, sizeof(header));
	fault = header_fault(&header, memory->size);
	if (fault)
		return fault;
	stats->vps = calloc(header.entry_count + 1ul, sizeof(*stats->vps));
	if (!stats->vps)
		return "there is not enough memory to read them";
	for (size_t i = 0; i < header.entry_count; i++) {
		struct mullion_vp_stats entry =
			read_entry(memory, header.entries_offset + i * header.entry_size);

		if (entry.state != MULLION_VP_ABSENT)
			stats->vps[stats->count++] = convert(&entry, header.tsc_hz);
	}
	qsort(stats->vps, stats->count, sizeof(*stats->vps), compare);
	return NULL;
}

void stats_free(struct stats *stats)
{
	free(stats->vps);
	*stats = (struct stats){ 0 };
}

/* A counter that went back belongs to a new VP: it counts from 0. */
static void subtract(uint64_t *later, uint64_t earlier)
{
	if (*later >= earlier)
		*later -= earlier;
}

static void subtract_vp(struct vp_stats *vp, const struct vp_stats *earlier)
{
	subtract(&vp->entries, earlier->entries);
	subtract(&vp->guest_ns, earlier->guest_ns);
	subtract(&vp->hv_ns, earlier->hv_ns);
	subtract(&vp->wait_ns, earlier->wait_ns);
	subtract(&vp->ready_ns, earlier->ready_ns);
	subtract(&vp->interrupts, earlier->interrupts);
	subtract(&vp->steals, earlier->steals);
	subtract(&vp->preemptions, earlier->preemptions);
	subtract(&vp->messages, earlier->messages);
	for (size_t i = 0; i < MULLION_EXIT_COUNT; i++)
		subtract(&vp->exits[i], earlier->exits[i]);
}

bool stats_difference(struct stats *difference, const struct stats *later,
		      const struct stats *earlier)
{
	*difference = (struct stats){ .time_ns = later->time_ns - earlier->time_ns };
	difference->vps = calloc(later->count + 1, sizeof(*difference->vps));
	if (!difference->vps)
		return false;
	difference->count = later->count;
	for (size_t i = 0; i < later->count; i++) {
		struct vp_stats *vp = &difference->vps[i];
		const struct vp_stats *old = NULL;

		*vp = later->vps[i];
		if (earlier->count)
			old = bsearch(vp, earlier->vps, earlier->count, sizeof(*vp), compare);
		if (old)
			subtract_vp(vp, old);
	}
	return true;
}

/* Sums stay at the largest number rather than to wrap. */
static void add(uint64_t *sum, uint64_t number)
{
	if (__builtin_add_overflow(*sum, number, sum))
		*sum = UINT64_MAX;
}

struct vp_stats stats_total(const struct stats *stats, uint32_t partition)
{
	struct vp_stats total = { .partition = partition };

	for (size_t i = 0; i < stats->count; i++) {
		const struct vp_stats *vp = &stats->vps[i];

		if (vp->partition != partition)
			continue;
		add(&total.entries, vp->entries);
		add(&total.guest_ns, vp->guest_ns);
		add(&total.hv_ns, vp->hv_ns);
		add(&total.wait_ns, vp->wait_ns);
		add(&total.ready_ns, vp->ready_ns);
		add(&total.interrupts, vp->interrupts);
		add(&total.steals, vp->steals);
		add(&total.preemptions, vp->preemptions);
		add(&total.messages, vp->messages);
		for (size_t exit = 0; exit < MULLION_EXIT_COUNT; exit++)
			add(&total.exits[exit], vp->exits[exit]);
	}
	return total;
}

uint64_t stats_exits(const struct vp_stats *vp)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < MULLION_EXIT_COUNT; i++)
		add(&sum, vp->exits[i]);
	return sum;
}
