/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl's dmesg and domstats from the command line to their output, on memory
 * that the test fills as hv would.
 */
#include "check.h"

#include <pthread.h>
#include <time.h>

#include "clock.h"
#include "core/logring.h"
#include "error.h"
#include "verbs.h"

#include <mullion/stats.h>

#define RING_SIZE 8192u
#define MAX_WORDS 12

static char *output, *errors;

/* Runs a command line (words between single blanks) with its output kept. */
static enum hvctl_status run(const char *command, const struct shared *memory)
{
	FILE *out = stdout, *err = stderr;
	struct cli_call call = { .deadline = UINT64_MAX };
	char *words[MAX_WORDS + 1] = { NULL };
	size_t count = 0, output_size, errors_size;
	char copy[200], error[200], *rest;
	enum hvctl_status status;
	struct cli_line line;

	CHECK_NOTE("%s", command);
	snprintf(copy, sizeof(copy), "%s", command);
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		REQUIRE(count < MAX_WORDS);
		words[count++] = word;
	}
	REQUIRE(cli_parse(&line, words, error, sizeof(error)));
	call.line = &line;
	if (line.globals.timeout_ns)
		call.deadline = clock_now() + line.globals.timeout_ns;
	error_setup(line.globals.format == HVCTL_JSON, line.globals.quiet, false);

	free(output);
	free(errors);
	stdout = open_memstream(&output, &output_size);
	stderr = open_memstream(&errors, &errors_size);
	status = line.verb == &verb_dmesg ? dmesg_show(&call, memory) :
					    domstats_show(&call, memory);
	fclose(stdout);
	fclose(stderr);
	stdout = out;
	stderr = err;
	cli_free(&line);
	return status;
}

static void say(struct mullion_log *ring, enum mullion_log_level level, const char *text)
{
	logring_write(ring, level, 1, ring->sequence * 1500000, text, strlen(text));
}

static struct mullion_log *new_ring(void)
{
	struct mullion_log *ring = calloc(1, RING_SIZE);

	REQUIRE(ring);
	logring_init(ring, RING_SIZE);
	say(ring, MULLION_LOG_INFO, "old");
	logring_init(ring, RING_SIZE);
	say(ring, MULLION_LOG_INFO, "one");
	say(ring, MULLION_LOG_WARN, "two");
	return ring;
}

static void dmesg(void)
{
	struct mullion_log *ring = new_ring();
	struct shared log = { .memory = ring, .size = RING_SIZE };

	CHECK_EQ(run("dmesg", &log), HVCTL_OK);
	CHECK_STR(output, "[    0.001500] cpu1 info: one\n[    0.003000] cpu1 warn: two\n");
	CHECK_STR(errors, "");
	CHECK_EQ(run("dmesg --level warn", &log), HVCTL_OK);
	CHECK_STR(output, "[    0.003000] cpu1 warn: two\n");
	CHECK_EQ(run("dmesg --level error", &log), HVCTL_OK);
	CHECK_STR(output, "");
	CHECK_EQ(run("dmesg --boot all --level info", &log), HVCTL_OK);
	CHECK_STR(output, "-- earlier boots --\n[    0.000000] cpu1 info: old\n"
			  "-- this boot, number 2 --\n[    0.001500] cpu1 info: one\n"
			  "[    0.003000] cpu1 warn: two\n");
	CHECK_EQ(run("dmesg --boot all --level info --no-headers", &log), HVCTL_OK);
	CHECK(!strstr(output, "--"));
	CHECK_EQ(run("dmesg --follow --timeout 0.01 --level warn", &log), HVCTL_TIMEOUT);
	CHECK_STR(output, "[    0.003000] cpu1 warn: two\n");
	CHECK_STR(errors, "hvctl: dmesg: the time is over\n");
	free(ring);
}

static void dmesg_json(void)
{
	struct mullion_log *ring = new_ring();
	struct shared log = { .memory = ring, .size = RING_SIZE };

	CHECK_EQ(run("dmesg --json", &log), HVCTL_OK);
	CHECK_STR(output, "{\"schema\":1,\"boot\":2,\"records\":["
			  "{\"sequence\":1,\"this_boot\":true,\"time_ns\":1500000,\"cpu\":1,"
			  "\"level\":\"info\",\"lost\":0,\"text\":\"one\"},"
			  "{\"sequence\":2,\"this_boot\":true,\"time_ns\":3000000,\"cpu\":1,"
			  "\"level\":\"warn\",\"lost\":0,\"text\":\"two\"}]}\n");
	CHECK_EQ(run("dmesg --json --level error", &log), HVCTL_OK);
	CHECK_STR(output, "{\"schema\":1,\"boot\":2,\"records\":[]}\n");
	CHECK_EQ(run("dmesg --json --follow --timeout 0.01 --level warn", &log), HVCTL_TIMEOUT);
	CHECK_STR(output, "{\"schema\":1,\"sequence\":2,\"this_boot\":true,\"time_ns\":3000000,"
			  "\"cpu\":1,\"level\":\"warn\",\"lost\":0,\"text\":\"two\"}\n");
	CHECK_STR(errors, "{\"schema\":1,\"error\":{\"code\":9,"
			  "\"message\":\"dmesg: the time is over\"}}\n");
	free(ring);
}

static void dmesg_damaged(void)
{
	struct mullion_log *ring = new_ring();
	struct shared log = { .memory = ring, .size = RING_SIZE };

	/* What comes before the damage is shown. */
	((struct mullion_log_record *)((char *)ring + ring->data_offset + 64))->length = 10000;
	CHECK_EQ(run("dmesg", &log), HVCTL_FAILED);
	CHECK_STR(output, "[    0.001500] cpu1 info: one\n");
	CHECK_STR(errors, "hvctl: hv's log is damaged: a record is too long\n");
	ring->magic = 0;
	CHECK_EQ(run("dmesg --json", &log), HVCTL_FAILED);
	CHECK_STR(output, "");
	free(ring);
}

/* hv, logging more between two looks of the follower than the ring holds. */
static void *flood(void *argument)
{
	struct timespec time = { .tv_nsec = 50000000 };

	nanosleep(&time, NULL);
	for (int i = 0; i < 1000; i++)
		say(argument, MULLION_LOG_DEBUG, "flood");
	return NULL;
}

static void follow_loses(const char *command, bool told)
{
	struct mullion_log *ring = new_ring();
	struct shared log = { .memory = ring, .size = RING_SIZE };
	pthread_t writer;

	REQUIRE(pthread_create(&writer, NULL, flood, ring) == 0);
	CHECK_EQ(run(command, &log), HVCTL_TIMEOUT);
	pthread_join(writer, NULL);
	CHECK(strstr(output, "\"sequence\":1002,") || strstr(output, "cpu1 debug: flood\n"));
	CHECK((strstr(errors, " records were overwritten before they were read\n") != NULL) ==
	      told);
	free(ring);
}

static void follow(void)
{
	follow_loses("dmesg --follow --timeout 0.7", true);
	follow_loses("dmesg --follow --timeout 0.7 --quiet", false);
}

struct area {
	struct mullion_stats header;
	struct mullion_vp_stats vps[3];
};

static struct area *new_area(void)
{
	struct area *area = calloc(1, sizeof(*area));

	REQUIRE(area);
	area->header = (struct mullion_stats){
		.magic = MULLION_STATS_MAGIC,
		.version = MULLION_STATS_VERSION,
		.entries_offset = offsetof(struct area, vps),
		.entry_size = sizeof(struct mullion_vp_stats),
		.entry_count = 3,
		.tsc_hz = 1000,
	};
	for (unsigned i = 0; i < 2; i++)
		area->vps[i] = (struct mullion_vp_stats){
			.partition = 3 * i,
			.state = MULLION_VP_HALTED,
			.entries = 7,
			.wait_ticks = 1500,
			.exits[MULLION_EXIT_HLT] = 7,
		};
	return area;
}

static void domstats(void)
{
	struct area *area = new_area();
	struct shared memory = { .memory = area, .size = sizeof(*area) };

	CHECK_EQ(run("domstats --format name", &memory), HVCTL_OK);
	CHECK_STR(output, "0\n3\n");
	CHECK_EQ(run("domstats 3 --format name", &memory), HVCTL_OK);
	CHECK_STR(output, "3\n");
	CHECK_EQ(run("domstats", &memory), HVCTL_OK);
	CHECK(strstr(output, "Partition 0\n") && strstr(output, "\n\nPartition 3\n"));
	CHECK_EQ(run("domstats 3 --no-headers", &memory), HVCTL_OK);
	CHECK_STR(output, "  0  0  halted  7  0.000  0.0  0.000  0.0  1.500  100.0  0  7\n"
			  "all  -  -       7  0.000  0.0  0.000  0.0  1.500  100.0  0  7\n"
			  "\n"
			  "hlt  7  100.0  7\n");
	CHECK_EQ(run("domstats 3 --no-headers --vcpu", &memory), HVCTL_OK);
	CHECK_STR(output, "0  0  halted  7  0.000  0.0  0.000  0.0  1.500  100.0  0  7\n"
			  "\n"
			  "hlt  7\n");
	CHECK_EQ(run("domstats 1", &memory), HVCTL_NO_PARTITION);
	CHECK_STR(errors, "hvctl: no partition '1'\n");
	CHECK_EQ(run("domstats 4294967296", &memory), HVCTL_NO_PARTITION);
	CHECK_EQ(run("domstats web", &memory), HVCTL_NO_PARTITION);
	area->header.entry_count = 4;
	CHECK_EQ(run("domstats --json", &memory), HVCTL_FAILED);
	CHECK_STR(errors, "{\"schema\":1,\"error\":{\"code\":1,\"message\":\"hv's statistics are "
			  "damaged: their entries lie outside of them\"}}\n");
	free(area);
}

static void domstats_json(void)
{
	struct area *area = new_area();
	struct shared memory = { .memory = area, .size = sizeof(*area) };

	CHECK_EQ(run("domstats --json", &memory), HVCTL_OK);
	CHECK(strncmp(output, "{\"schema\":1,\"partitions\":[{\"id\":0,\"totals\":{\"entries\":7,",
		      56) == 0);
	CHECK(strstr(output, ",{\"id\":3,\"totals\":"));
	CHECK_EQ(run("domstats 3 --json --vcpu", &memory), HVCTL_OK);
	CHECK(strncmp(output, "{\"schema\":1,\"partitions\":[{\"id\":3,\"vcpus\":[{\"vcpu\":0,",
		      53) == 0);
	area->header.entry_count = 0;
	CHECK_EQ(run("domstats --json", &memory), HVCTL_OK);
	CHECK_STR(output, "{\"schema\":1,\"partitions\":[]}\n");
	free(area);
}

static void domstats_intervals(void)
{
	struct area *area = new_area();
	struct shared memory = { .memory = area, .size = sizeof(*area) };
	char *line;

	CHECK_EQ(run("domstats 0 --interval 0.01 --count 2 --no-headers", &memory), HVCTL_OK);
	CHECK_STR(output, "  0  0  halted  0.0  -  -  -  0.0  0.0\n"
			  "all  -  -       0.0  -  -  -  0.0  0.0\n"
			  "\n"
			  "  0  0  halted  0.0  -  -  -  0.0  0.0\n"
			  "all  -  -       0.0  -  -  -  0.0  0.0\n");
	CHECK_EQ(run("domstats 0 --interval 0.01 --count 2 --json", &memory), HVCTL_OK);
	line = strchr(output, '\n');
	REQUIRE(line && line[1]);
	CHECK(strncmp(output, "{\"schema\":1,\"interval_ns\":", 26) == 0);
	CHECK(strncmp(line + 1, "{\"schema\":1,\"interval_ns\":", 26) == 0);
	CHECK_EQ(run("domstats 0 --interval 0.5 --timeout 0.01", &memory), HVCTL_TIMEOUT);
	CHECK_STR(output, "");
	CHECK_EQ(run("domstats 9 --interval 0.5", &memory), HVCTL_NO_PARTITION);
	free(area);
}

int main(void)
{
	CHECK_RUN(dmesg);
	CHECK_RUN(dmesg_json);
	CHECK_RUN(dmesg_damaged);
	CHECK_RUN(follow);
	CHECK_RUN(domstats);
	CHECK_RUN(domstats_json);
	CHECK_RUN(domstats_intervals);
	free(output);
	free(errors);
	return check_done();
}
