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
#include "daemon.h"
#include "error.h"
#include "verbs.h"

#include <mullion/stats.h>

#define RING_SIZE 8192u
#define MAX_WORDS 16

static char *output, *errors;
static const char *daemon_at = "/nonexistent/hvd.sock";

/* Runs a command line (words between single blanks) with its output kept. */
static enum hvctl_status run(const char *command, const struct shared *memory)
{
	FILE *out = stdout, *err = stderr;
	struct cli_call call = { .deadline = UINT64_MAX };
	char *words[MAX_WORDS + 1] = { NULL };
	size_t count = 0, output_size, errors_size;
	char copy[300], error[200], *rest;
	enum hvctl_status status;
	struct cli_line line;

	CHECK_NOTE("%s", command);
	snprintf(copy, sizeof(copy), "--connect %s %s", daemon_at, command);
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
	if (line.verb == &verb_dmesg)
		status = dmesg_show(&call, memory);
	else if (line.verb == &verb_top)
		status = top_show(&call, memory);
	else
		status = domstats_show(&call, memory);
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
	CHECK_EQ(run("domstats web", &memory), HVCTL_UNREACHABLE);
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

/* The same, with a daemon that answers (daemon.h). */
static enum hvctl_status run_with(const char *command, const struct shared *memory,
				  const struct answer *answers)
{
	enum hvctl_status status;
	char socket[100];

	snprintf(socket, sizeof(socket), "%s", daemon_socket());
	daemon_start(answers, -1);
	daemon_at = socket;
	status = run(command, memory);
	daemon_at = "/nonexistent/hvd.sock";
	daemon_stop();
	return status;
}

#define UUID "11111111-2222-3333-4444-555555555555"
#define INFO(id, state)                                                                   \
	"{\"partition\":{\"name\":\"web\",\"uuid\":\"" UUID "\"" id ",\"state\":\"" state \
	"\",\"reason\":\"started\",\"persistent\":true,\"autostart\":false,\"vcpus\":1,"  \
	"\"memory\":1}}"
#define STATS                                                                                \
	"{\"partitions\":[{\"name\":\"web\",\"uuid\":\"" UUID "\",\"id\":3,"                 \
	"\"state\":\"running\",\"vcpus\":1,\"memory\":536870912,\"mapped_bytes\":536870912," \
	"\"pool_bytes\":1048576,\"pool_free_bytes\":524288,\"table_bytes\":262144,"          \
	"\"worker_pid\":77,\"worker_cpu_ns\":1500000000}]}"
#define ANSWERS(...) ((const struct answer[]){ __VA_ARGS__, { NULL, NULL, NULL } })

static void named_domstats(void)
{
	const struct answer *answers =
		ANSWERS({ "Info", INFO(",\"id\":3", "running"), NULL }, { "Stats", STATS, NULL });
	struct area *area = new_area();
	struct shared memory = { .memory = area, .size = sizeof(*area) };

	CHECK_EQ(run_with("domstats web --vcpu", &memory, answers), HVCTL_OK);
	CHECK(strncmp(output, "Partition 3 (web)\n", 18) == 0);
	CHECK(strstr(output, "\n\nmemory 512.0 MiB, mapped 512.0 MiB, hypervisor's pool 1.0 MiB "
			     "with free 0.5 MiB and page tables 0.2 MiB\n"
			     "worker 77, CPU 1.500 s\n"));
	CHECK_EQ(run_with("domstats web --json --vcpu", &memory, answers), HVCTL_OK);
	CHECK(strstr(output,
		     "{\"schema\":1,\"partitions\":[{\"id\":3,\"name\":\"web\",\"state\":"
		     "\"running\",\"memory_bytes\":536870912,\"mapped_bytes\":536870912,"
		     "\"pool_bytes\":1048576,\"pool_free_bytes\":524288,\"table_bytes\":262144,"
		     "\"worker_pid\":77,\"worker_cpu_ns\":1500000000,\"vcpus\":[") == output);
	CHECK_EQ(run_with("domstats --format name", &memory, answers), HVCTL_OK);
	CHECK_STR(output, "0\n3\n");
	CHECK_EQ(run_with("domstats web", &memory, ANSWERS({ "Info", INFO("", "shutoff"), NULL })),
		 HVCTL_WRONG_STATE);
	CHECK_STR(errors, "hvctl: partition 'web' is shutoff\n");
	CHECK_EQ(run_with("domstats web", &memory,
			  ANSWERS({ "Info", INFO(",\"id\":9", "running"), NULL })),
		 HVCTL_NO_PARTITION);
	/* A daemon that breaks off takes nothing away from what hv says. */
	CHECK_EQ(run_with("domstats 3", &memory, ANSWERS({ "Stats", "!", NULL })), HVCTL_OK);
	CHECK(strncmp(output, "Partition 3\n", 12) == 0);
	CHECK_STR(errors, "");
	/* Nor does one that says nothing. */
	CHECK_EQ(run_with("domstats 3", &memory, ANSWERS({ "Stats", NULL, NULL })), HVCTL_OK);
	CHECK(strncmp(output, "Partition 3\n", 12) == 0);
	CHECK_EQ(run_with("domstats 3 --timeout 0.1", &memory, ANSWERS({ "Stats", NULL, NULL })),
		 HVCTL_OK);
	CHECK_EQ(run_with("domstats 3", &memory,
			  ANSWERS({ "Stats", "{\"partitions\":[3,{\"id\":3}]}", NULL })),
		 HVCTL_OK);
	CHECK_STR(errors, "");
	free(area);
}

/* hv, running a VP of partition 3 for half of the time that passes. */
static void *run_guest(void *argument)
{
	struct area *area = argument;
	struct timespec time = { .tv_nsec = 1000000 };
	uint64_t begin = clock_now();

	while (clock_now() - begin < CLOCK_SECOND) {
		uint64_t ms = (clock_now() - begin) / 1000000;

		__atomic_store_n(&area->vps[1].guest_ticks, ms / 2, __ATOMIC_RELAXED);
		__atomic_store_n(&area->vps[1].wait_ticks, 1500 + ms / 2, __ATOMIC_RELAXED);
		nanosleep(&time, NULL);
	}
	return NULL;
}

static void top(void)
{
	struct area *area = new_area();
	struct shared memory = { .memory = area, .size = sizeof(*area) };
	double cpu, guest, hv, wait;
	char *rest;
	pthread_t guest_thread;

	area->vps[2] = (struct mullion_vp_stats){
		.partition = 3,
		.vp = 1,
		.cpu = 5,
		.state = MULLION_VP_RUNNING,
	};
	REQUIRE(pthread_create(&guest_thread, NULL, run_guest, area) == 0);
	CHECK_EQ(run_with("top --batch -n 1 -d 0.5 --no-headers", &memory,
			  ANSWERS({ "Stats", STATS, NULL }, { "Stats", STATS, NULL })),
		 HVCTL_OK);
	pthread_join(guest_thread, NULL);
	/* The one that did most comes first. */
	REQUIRE(strncmp(output, "3  web       running  2  ", 25) == 0);
	cpu = strtod(output + 25, &rest);
	guest = strtod(rest, &rest);
	hv = strtod(rest, &rest);
	wait = strtod(rest, &rest);
	CHECK(cpu > 40 && cpu < 60 && hv == 0 && guest == cpu && wait > 40 && wait < 60);
	CHECK(strstr(output, "\n0  (parent)  -        1   0.0 "));

	CHECK_EQ(run("top -n2 -d 0.01 --vcpu", &memory), HVCTL_OK);
	CHECK_STR(
		output,
		"ID  NAME      STATE    VCPU  CPU  CPU%  GUEST%  HV%  WAIT%  READY%  INTERRUPTS/s  EXITS/s\n"
		" 0  (parent)  halted      0    0   0.0     0.0  0.0    0.0     0.0           0.0      0.0\n"
		" 3  -         halted      0    0   0.0     0.0  0.0    0.0     0.0           0.0      0.0\n"
		" 3  -         running     1    5   0.0     0.0  0.0    0.0     0.0           0.0      0.0\n"
		"\n"
		"ID  NAME      STATE    VCPU  CPU  CPU%  GUEST%  HV%  WAIT%  READY%  INTERRUPTS/s  EXITS/s\n"
		" 0  (parent)  halted      0    0   0.0     0.0  0.0    0.0     0.0           0.0      0.0\n"
		" 3  -         halted      0    0   0.0     0.0  0.0    0.0     0.0           0.0      0.0\n"
		" 3  -         running     1    5   0.0     0.0  0.0    0.0     0.0           0.0      0.0\n");
	CHECK_EQ(run_with("top -n 1 -d 0.01 --json", &memory,
			  ANSWERS({ "Stats", STATS, NULL }, { "Stats", STATS, NULL })),
		 HVCTL_OK);
	CHECK(strstr(output, "\"partitions\":[{\"id\":0,\"vcpus\":1,\"cpu_percent\":0"));
	CHECK(strstr(output, ",{\"id\":3,\"name\":\"web\",\"state\":\"running\",\"vcpus\":2,"
			     "\"cpu_percent\":0"));
	CHECK_EQ(run("top -d 1 --timeout 0.01", &memory), HVCTL_TIMEOUT);
	CHECK_STR(errors, "hvctl: top: the time is over\n");
	area->header.magic = 0;
	CHECK_EQ(run("top", &memory), HVCTL_FAILED);
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
	CHECK_RUN(named_domstats);
	CHECK_RUN(top);
	free(output);
	free(errors);
	return check_done();
}
