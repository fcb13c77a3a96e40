/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl's reading, subtracting and printing of hv's statistics. */
#include "check.h"

#include <pthread.h>

#include "stats-print.h"
#include "stats-reader.h"

/* Entries are bigger than ours, as a newer hv may have them. */
#define ENTRY_SIZE (sizeof(struct mullion_vp_stats) + 64)
#define ENTRIES_OFFSET 128
#define AREA_SIZE 4096

struct area {
	struct mullion_stats header;
	unsigned char rest[AREA_SIZE - sizeof(struct mullion_stats)];
};

static struct mullion_vp_stats *entry(struct area *area, size_t i)
{
	return (struct mullion_vp_stats *)((char *)area + ENTRIES_OFFSET + i * ENTRY_SIZE);
}

/* The TSC runs at 3 GHz. */
static struct area *new_area(unsigned entries)
{
	struct area *area = calloc(1, AREA_SIZE);

	REQUIRE(area);
	area->header = (struct mullion_stats){
		.magic = MULLION_STATS_MAGIC,
		.version = MULLION_STATS_VERSION,
		.entries_offset = ENTRIES_OFFSET,
		.entry_size = ENTRY_SIZE,
		.entry_count = entries,
		.tsc_hz = 3000000000,
	};
	return area;
}

static struct shared share(struct area *area)
{
	return (struct shared){ .memory = area, .size = AREA_SIZE };
}

static void set(struct area *area, size_t i, uint32_t partition, uint32_t vp, uint64_t n)
{
	struct mullion_vp_stats *e = entry(area, i);

	*e = (struct mullion_vp_stats){
		.partition = partition,
		.vp = vp,
		.cpu = vp + 1,
		.state = MULLION_VP_RUNNING,
		.entries = 10 * n,
		.guest_ticks = 9000000000 * n,
		.hv_ticks = 750000000 * n,
		.wait_ticks = 2250000000 * n,
		.interrupts = n,
	};
	e->exits[MULLION_EXIT_CPUID] = 2 * n;
	e->exits[MULLION_EXIT_MSR_WRITE] = 6 * n;
}

static void reads(void)
{
	struct area *area = new_area(5);
	struct shared shared = share(area);
	struct vp_stats total;
	struct stats stats;

	set(area, 0, 7, 0, 100);
	set(area, 1, 0, 1, 2);
	set(area, 3, 0, 0, 1);
	REQUIRE(!stats_read(&stats, &shared));
	REQUIRE(stats.count == 3);
	CHECK_EQ(stats.vps[0].partition, 0);
	CHECK_EQ(stats.vps[0].vp, 0);
	CHECK_EQ(stats.vps[0].cpu, 1);
	CHECK_EQ(stats.vps[0].guest_ns, 3000000000);
	CHECK_EQ(stats.vps[0].hv_ns, 250000000);
	CHECK_EQ(stats.vps[0].wait_ns, 750000000);
	CHECK_EQ(stats.vps[0].ready_ns, 0);
	CHECK_EQ(stats.vps[1].vp, 1);
	CHECK_EQ(stats.vps[1].entries, 20);
	CHECK_EQ(stats.vps[2].partition, 7);
	total = stats_total(&stats, 0);
	CHECK_EQ(total.entries, 30);
	CHECK_EQ(total.exits[MULLION_EXIT_MSR_WRITE], 18);
	CHECK_EQ(stats_exits(&total), 24);
	stats_free(&stats);
	free(area);
}

static void differences(void)
{
	struct area *area = new_area(3);
	struct shared shared = share(area);
	struct stats earlier, later, difference;

	set(area, 0, 0, 0, 5);
	set(area, 1, 0, 1, 5);
	REQUIRE(!stats_read(&earlier, &shared));
	set(area, 0, 0, 0, 8);
	set(area, 1, 0, 1, 1); /* made anew meanwhile */
	set(area, 2, 0, 2, 3); /* new */
	REQUIRE(!stats_read(&later, &shared));
	earlier.time_ns = 1000;
	later.time_ns = 4000;
	REQUIRE(stats_difference(&difference, &later, &earlier));
	CHECK_EQ(difference.time_ns, 3000);
	REQUIRE(difference.count == 3);
	CHECK_EQ(difference.vps[0].entries, 30);
	CHECK_EQ(difference.vps[0].exits[MULLION_EXIT_CPUID], 6);
	CHECK_EQ(difference.vps[1].entries, 10);
	CHECK_EQ(difference.vps[2].entries, 30);
	stats_free(&difference);

	/* From nothing. */
	stats_free(&earlier);
	REQUIRE(stats_difference(&difference, &later, &earlier));
	CHECK_EQ(difference.vps[0].entries, 80);
	stats_free(&difference);
	stats_free(&later);
	free(area);
}

/* The same counters, where VPs share CPUs. */
static void set_sharing(struct area *area, size_t i, uint64_t n)
{
	struct mullion_vp_stats *e = entry(area, i);

	e->ready_ticks = 3000000000 * n;
	e->steals = n;
	e->preemptions = 20 * n;
	e->messages = 300 * n;
}

static void sharing(void)
{
	struct area *area = new_area(2);
	struct shared shared = share(area);
	struct stats earlier, later, difference;
	struct vp_stats total;

	set(area, 0, 0, 0, 1);
	set(area, 1, 0, 1, 1);
	set_sharing(area, 0, 1);
	REQUIRE(!stats_read(&earlier, &shared));
	set_sharing(area, 0, 3);
	set_sharing(area, 1, 4);
	REQUIRE(!stats_read(&later, &shared));
	REQUIRE(stats_difference(&difference, &later, &earlier));
	CHECK_EQ(difference.vps[0].ready_ns, 2000000000);
	CHECK_EQ(difference.vps[0].steals, 2);
	total = stats_total(&difference, 0);
	CHECK_EQ(total.ready_ns, 6000000000);
	CHECK_EQ(total.steals, 6);
	CHECK_EQ(total.preemptions, 120);
	CHECK_EQ(total.messages, 1800);
	stats_free(&difference);
	stats_free(&earlier);
	stats_free(&later);
	free(area);
}

static bool reuse_ends;

/* hv, giving an entry to one VP after the other until it is told to end. */
static void *reuse(void *argument)
{
	struct mullion_vp_stats *e = entry(argument, 0);

	for (uint32_t i = 1; !__atomic_load_n(&reuse_ends, __ATOMIC_RELAXED); i++) {
		__atomic_store_n((uint64_t *)e, i | (uint64_t)i << 32, __ATOMIC_RELEASE);
		__atomic_store_n(&e->entries, i, __ATOMIC_RELEASE);
		for (volatile int wait = 0; wait < 100; wait++)
			; /* so that some reads fit between two VPs, and some do not */
	}
	return NULL;
}

/* What is read is one VP's: never a later one's counters by an earlier one's name. */
static void reused_entries(void)
{
	struct area *area = new_area(1);
	struct shared shared = share(area);
	pthread_t writer;
	unsigned seen = 0, mixed = 0;

	set(area, 0, 0, 0, 0);
	REQUIRE(pthread_create(&writer, NULL, reuse, area) == 0);
	for (int i = 0; i < 200000; i++) {
		struct stats stats;

		REQUIRE(!stats_read(&stats, &shared));
		if (stats.count) {
			seen++;
			mixed += stats.vps[0].partition != stats.vps[0].vp ||
				 stats.vps[0].entries > stats.vps[0].vp;
		}
		stats_free(&stats);
	}
	__atomic_store_n(&reuse_ends, true, __ATOMIC_RELAXED);
	pthread_join(writer, NULL);
	CHECK(seen > 0);
	CHECK_EQ(mixed, 0);
	free(area);
}

static void large_numbers(void)
{
	struct area *area = new_area(2);
	struct shared shared = share(area);
	struct vp_stats total;
	struct stats stats;

	for (size_t i = 0; i < 2; i++) {
		struct mullion_vp_stats *e = entry(area, i);

		memset(e, 0xff, sizeof(*e));
		e->partition = 0;
		e->vp = (uint32_t)i;
	}
	area->header.tsc_hz = 1;
	REQUIRE(!stats_read(&stats, &shared));
	CHECK_EQ(stats.vps[0].guest_ns, UINT64_MAX);
	CHECK_STR(stats_state_name(stats.vps[0].state), "unknown");
	total = stats_total(&stats, 0);
	CHECK_EQ(total.entries, UINT64_MAX);
	CHECK_EQ(stats_exits(&total), UINT64_MAX);
	stats_free(&stats);
	free(area);
}

static void expect_fault(struct area *area, size_t size, const char *want)
{
	struct shared shared = { .memory = area, .size = size };
	struct stats stats;

	CHECK_STR(stats_read(&stats, &shared), want);
	stats_free(&stats);
	free(area);
}

static void damage(void)
{
	struct area *area;

	expect_fault(new_area(1), 16, "they are too small");
	area = new_area(1);
	area->header.magic = 0;
	expect_fault(area, AREA_SIZE, "they do not begin as statistics");
	area = new_area(1);
	area->header.version = MULLION_STATS_VERSION + 1;
	expect_fault(area, AREA_SIZE, "they have another version");
	area = new_area(1);
	area->header.tsc_hz = 0;
	expect_fault(area, AREA_SIZE, "the TSC's frequency is missing");
	area = new_area((AREA_SIZE - ENTRIES_OFFSET) / ENTRY_SIZE + 1);
	expect_fault(area, AREA_SIZE, "their entries lie outside of them");
	area = new_area(UINT32_MAX);
	area->header.entry_size = 0;
	expect_fault(area, AREA_SIZE, "their entries lie outside of them");
	area = new_area(1);
	area->header.entry_size = UINT32_MAX - 7;
	expect_fault(area, AREA_SIZE, "their entries lie outside of them");
	area = new_area(1);
	area->header.entry_size += 4;
	expect_fault(area, AREA_SIZE, "their entries lie outside of them");
	area = new_area(1);
	area->header.entries_offset = AREA_SIZE + 8;
	expect_fault(area, AREA_SIZE, "their entries lie outside of them");
	area = new_area(1);
	area->header.entries_offset = 8;
	expect_fault(area, AREA_SIZE, "their entries lie outside of them");
}

/* Any header, any entries: the sanitizers watch. */
static void any_bytes(void)
{
	struct area *area = new_area(8);
	unsigned good = 0;

	check_seed(0x57a7);
	for (int round = 0; round < 20000; round++) {
		struct shared shared = share(area);
		unsigned char *bytes = (unsigned char *)area;
		struct stats stats;

		bytes[check_below(AREA_SIZE)] = (unsigned char)check_rand();
		if (check_below(2))
			bytes[16 + check_below(sizeof(area->header) - 16)] =
				(unsigned char)check_rand();
		if (round % 16 == 0)
			area->header = (struct mullion_stats){
				.magic = MULLION_STATS_MAGIC,
				.version = MULLION_STATS_VERSION,
				.entries_offset = 48,
				.entry_size =
					(uint32_t)check_below(2 * sizeof(struct mullion_vp_stats)),
				.entry_count = (uint32_t)check_below(32),
				.tsc_hz = check_rand(),
			};
		good += !stats_read(&stats, &shared);
		stats_free(&stats);
	}
	CHECK(good > 100);
	free(area);
}

static char *print(const struct stats *stats, const struct stats_view *view)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	REQUIRE(out);
	CHECK(stats_print(out, stats, 0, view));
	fclose(out);
	return text;
}

static void tables(void)
{
	struct area *area = new_area(2);
	struct shared shared = share(area);
	struct stats stats;
	char *text;

	set(area, 0, 0, 0, 1);
	set(area, 1, 0, 1, 3);
	REQUIRE(!stats_read(&stats, &shared));

	text = print(&stats, &(struct stats_view){ .headings = true, .totals = true });
	CHECK_STR(text, "Partition 0\n"
			"VCPU  CPU  STATE    ENTRIES  GUEST(s)  GUEST%  HV(s)  HV%  WAIT(s)  WAIT%"
			"  INTERRUPTS  EXITS\n"
			"   0    1  running       10     3.000    75.0  0.250  6.2    0.750   18.8"
			"           1      8\n"
			"   1    2  running       30     9.000    75.0  0.750  6.2    2.250   18.8"
			"           3     24\n"
			" all    -  -             40    12.000    75.0  1.000  6.2    3.000   18.8"
			"           4     32\n"
			"\n"
			"EXIT       ALL     %  VCPU0  VCPU1\n"
			"cpuid        8  25.0      2      6\n"
			"msr_write   24  75.0      6     18\n");
	free(text);

	stats.time_ns = 2000000000;
	text = print(&stats, &(struct stats_view){ .rates = true });
	CHECK_STR(text, "0  1  running   5.0  75.0  6.2  18.8  0.5   4.0\n"
			"1  2  running  15.0  75.0  6.2  18.8  1.5  12.0\n"
			"\n"
			"cpuid      1.0  3.0\n"
			"msr_write  3.0  9.0\n");
	free(text);
	stats_free(&stats);

	/* 1 s of 5: the other percentages are of all the time, too. */
	set_sharing(area, 0, 1);
	REQUIRE(!stats_read(&stats, &shared));
	stats.time_ns = 2000000000;
	text = print(&stats, &(struct stats_view){ .headings = true, .totals = true });
	CHECK(strstr(text,
		     "   0    1  running       10     3.000    60.0  0.250  5.0    0.750   15.0"));
	CHECK(strstr(text, "\n\n"
			   "VCPU  READY(s)  READY%  PREEMPTIONS  STEALS  MESSAGES\n"
			   "   0     1.000    20.0           20       1       300\n"
			   "   1     0.000     0.0            0       0         0\n"
			   " all     1.000     5.9           20       1       300\n\n"));
	free(text);
	text = print(&stats, &(struct stats_view){ .rates = true });
	CHECK(strstr(text, "\n\n0  20.0  10.0  0.5  150.0\n1   0.0   0.0  0.0    0.0\n\n"));
	free(text);
	stats_free(&stats);
	free(area);
}

/* A VP that never ran, and more VPs than fit abreast. */
static void many_vps(void)
{
	struct area *area = new_area(10);
	struct shared shared = share(area);
	struct stats stats;
	char *text;

	for (unsigned i = 0; i < 10; i++)
		set(area, i, 0, i, i);
	REQUIRE(!stats_read(&stats, &shared));
	text = print(&stats, &(struct stats_view){ .headings = true, .totals = true });
	CHECK(strstr(text, "   0    1  running        0     0.000       -"));
	CHECK(strstr(text, "VCPU6  VCPU7\n"));
	CHECK(strstr(text, "\nEXIT       VCPU8  VCPU9\n"
			   "cpuid         16     18\n"
			   "msr_write     48     54\n"));
	free(text);
	stats_free(&stats);
	free(area);
}

static void json(void)
{
	struct area *area = new_area(1);
	struct shared shared = share(area);
	struct stats_view view = { .totals = true };
	sd_json_variant *array = NULL, *partition, *vcpu, *totals;
	struct stats stats;

	set(area, 0, 0, 5, 2);
	entry(area, 0)->exits[MULLION_EXIT_OTHER] = UINT64_MAX - 20;
	REQUIRE(!stats_read(&stats, &shared));
	REQUIRE(stats_json(&array, &stats, 0, &view) >= 0);
	partition = sd_json_variant_by_index(array, 0);
	vcpu = sd_json_variant_by_index(sd_json_variant_by_key(partition, "vcpus"), 0);
	totals = sd_json_variant_by_key(partition, "totals");
	REQUIRE(vcpu && totals);
	CHECK_EQ(sd_json_variant_unsigned(sd_json_variant_by_key(vcpu, "vcpu")), 5);
	CHECK_EQ(sd_json_variant_unsigned(sd_json_variant_by_key(vcpu, "guest_ns")), 6000000000);
	CHECK_STR(sd_json_variant_string(sd_json_variant_by_key(vcpu, "state")), "running");
	CHECK_EQ(sd_json_variant_elements(sd_json_variant_by_key(totals, "exits")),
		 2 * MULLION_EXIT_COUNT); /* names and values */
	CHECK_EQ(sd_json_variant_unsigned(
			 sd_json_variant_by_key(sd_json_variant_by_key(vcpu, "exits"), "other")),
		 UINT64_MAX - 20);
	sd_json_variant_unref(array);
	stats_free(&stats);
	free(area);
}

/* Every reason and every state has a name of its own. */
static void names(void)
{
	for (size_t i = 0; i < MULLION_EXIT_COUNT; i++) {
		CHECK(strcmp(stats_exit_name(i), "unknown") != 0);
		for (size_t k = 0; k < i; k++)
			CHECK(strcmp(stats_exit_name(i), stats_exit_name(k)) != 0);
	}
	CHECK_STR(stats_exit_name(MULLION_EXIT_COUNT), "unknown");
	CHECK_STR(stats_state_name(MULLION_VP_DEAD), "dead");
	CHECK_STR(stats_state_name(MULLION_VP_DEAD + 1), "unknown");
}

int main(void)
{
	CHECK_RUN(reads);
	CHECK_RUN(differences);
	CHECK_RUN(sharing);
	CHECK_RUN(reused_entries);
	CHECK_RUN(large_numbers);
	CHECK_RUN(damage);
	CHECK_RUN(any_bytes);
	CHECK_RUN(tables);
	CHECK_RUN(many_vps);
	CHECK_RUN(json);
	CHECK_RUN(names);
	return check_done();
}
