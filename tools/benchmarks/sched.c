/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The half of tools/bench sched that runs in the measured machine.
 *
 *   sched shares WORKER...            partitions that compete, and what each got
 *   sched latency LOAD [WORKER...]    how late timers are, while the machine is
 *                                     idle, or has children, or processes, busy on
 *                                     each CPU
 *
 * WORKER is the command that runs a guest with one or more spinning VPs; --name and
 * --vcpus are added. Each result is a line as guest.c has them.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The kernel's headers, which pthread.h needs, come before hv's. */
#include "hvstats.h"

#include <hyperv/hypercall.h>
#include <mullion/uapi.h>

#define GUESTS_MAX 4
#define ARGUMENTS_MAX 32
#define SECONDS 10
#define INTERVAL_NS 1000000
#define SAMPLES (SECONDS * 1000)
#define FIFO_PRIORITY 80
#define EACH_CPU 0 /* VPs: as many as the machine has CPUs */

struct share {
	unsigned int weight;
	unsigned int cap, reserve; /* in % of a CPU for each VP */
	unsigned int vps;
};

static const struct scenario {
	const char *name;
	bool pinned; /* all VPs to the last CPU */
	struct share shares[GUESTS_MAX]; /* weight 0 ends */
} scenarios[] = {
	{ "pinned", true, { { 100, 0, 0, 1 }, { 200, 0, 0, 1 }, { 400, 0, 0, 1 } } },
	{ "unpinned",
	  false,
	  { { 100, 0, 0, EACH_CPU }, { 200, 0, 0, EACH_CPU }, { 400, 0, 0, EACH_CPU } } },
	{ "caps", true, { { 100, 25, 0, 1 }, { 100, 50, 0, 1 } } },
	{ "caps-unpinned", false, { { 100, 25, 0, EACH_CPU }, { 100, 50, 0, EACH_CPU } } },
	{ "reserve", true, { { 100, 0, 50, 1 }, { 10000, 0, 0, 1 } } },
};

struct guest {
	struct share share;
	pid_t pid;
	uint64_t id;
};

static unsigned int cpus;
static int device;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- Guests ---- */

/* Until the guest says that its VPs spin. */
static void wait_until_it_spins(int console)
{
	FILE *said = fdopen(console, "r");
	char line[512];

	while (fgets(line, sizeof(line), said))
		if (strstr(line, "bench: spinning"))
			return; /* left open: the worker must not die of what it says later */
	errno = ECHILD;
	fail("a guest that spins");
}

static void start(struct guest *guest, unsigned int number, char **worker)
{
	char name[16], vps[16], *arguments[ARGUMENTS_MAX];
	unsigned int n = 0;
	int pipes[2];

	while (worker[n] && n < ARGUMENTS_MAX - 5) {
		arguments[n] = worker[n];
		n++;
	}
	snprintf(name, sizeof(name), "bench-%u", number);
	snprintf(vps, sizeof(vps), "%u", guest->share.vps);
	memcpy(arguments + n, (char *[]){ "--name", name, "--vcpus", vps, NULL },
	       5 * sizeof(char *));
	if (pipe2(pipes, O_CLOEXEC))
		fail("pipe");
	guest->pid = fork();
	if (guest->pid < 0)
		fail("fork");
	if (guest->pid == 0) {
		dup2(pipes[1], STDOUT_FILENO);
		execvp(arguments[0], arguments);
		_exit(127);
	}
	close(pipes[1]);
	wait_until_it_spins(pipes[0]);
	/* Ids only grow: the newest partition is this one. */
	for (struct mullion_partition_query query = { .id = 1 };
	     !ioctl(device, MULLION_IOC_PARTITION, &query); query.id = query.info.id + 1)
		guest->id = query.info.id;
}

static void set_property(const struct guest *guest, uint32_t code, uint64_t value)
{
	struct mullion_property property = { .id = guest->id, .code = code, .value = value };

	if (ioctl(device, MULLION_IOC_PROPERTY, &property))
		fail("MULLION_IOC_PROPERTY");
}

static void set_share(const struct guest *guest, bool pinned)
{
	struct mullion_affinity affinity = { .id = guest->id };

	affinity.cpus[(cpus - 1) / 64] = 1ull << (cpus - 1) % 64;
	for (; pinned && affinity.vp < guest->share.vps; affinity.vp++)
		if (ioctl(device, MULLION_IOC_AFFINITY, &affinity))
			fail("MULLION_IOC_AFFINITY");
	set_property(guest, HV_PARTITION_PROPERTY_CPU_WEIGHT, guest->share.weight);
	set_property(guest, HV_PARTITION_PROPERTY_CPU_CAP,
		     guest->share.cap * HV_CPU_SHARE_WHOLE / 100);
	set_property(guest, HV_PARTITION_PROPERTY_CPU_RESERVE,
		     guest->share.reserve * HV_CPU_SHARE_WHOLE / 100);
}

static void end(struct guest *guest)
{
	kill(guest->pid, SIGTERM);
	if (waitpid(guest->pid, NULL, 0) < 0)
		fail("waitpid");
}

/* ---- Shares ---- */

static uint64_t ran(const struct vp_set *set, uint64_t id)
{
	uint64_t ticks = 0;

	for (unsigned int i = 0; i < set->count; i++)
		if (set->vp[i].partition == id)
			ticks += set->vp[i].guest_ticks + set->vp[i].hv_ticks;
	return hvstats_ns(ticks);
}

static void compete(const struct scenario *scenario, char **worker)
{
	static struct vp_set before, after;
	struct guest guests[GUESTS_MAX];
	uint64_t began, elapsed;
	unsigned int count = 0;

	for (; count < GUESTS_MAX && scenario->shares[count].weight; count++) {
		guests[count] = (struct guest){ .share = scenario->shares[count] };
		if (guests[count].share.vps == EACH_CPU)
			guests[count].share.vps = cpus;
		start(&guests[count], count, worker);
	}
	for (unsigned int i = 0; i < count; i++)
		set_share(&guests[i], scenario->pinned);
	sleep(1);
	hvstats_read(&before, true);
	began = now();
	sleep(SECONDS);
	hvstats_read(&after, true);
	elapsed = now() - began;
	printf("bench: {\"row\":\"shares-%s\",\"ns\":%" PRIu64 ",\"partitions\":[", scenario->name,
	       elapsed);
	for (unsigned int i = 0; i < count; i++) {
		const struct share *share = &guests[i].share;

		printf("%s{\"weight\":%u,\"cap\":%u,\"reserve\":%u,\"vps\":%u,\"run_ns\":%" PRIu64
		       "}",
		       i ? "," : "", share->weight, share->cap, share->reserve, share->vps,
		       ran(&after, guests[i].id) - ran(&before, guests[i].id));
	}
	printf("],");
	hvstats_print(&before, &after);
	printf("}\n");
	fflush(stdout);
	for (unsigned int i = 0; i < count; i++)
		end(&guests[i]);
}

/* ---- Latency ---- */

struct timer {
	pthread_t thread;
	unsigned int cpu;
	bool fifo;
	uint64_t late[SAMPLES];
};

static void *run_timer(void *argument)
{
	struct timer *timer = argument;
	struct sched_param priority = { .sched_priority = FIFO_PRIORITY };
	uint64_t due;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(timer->cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) ||
	    (timer->fifo && sched_setscheduler(0, SCHED_FIFO, &priority)))
		fail("a thread of its own CPU");
	due = now();
	for (unsigned int i = 0; i < SAMPLES; i++) {
		struct timespec t;

		/* One that is late does not make the next ones late. */
		due = (due > now() ? due : now()) + INTERVAL_NS;
		t = (struct timespec){ .tv_sec = (time_t)(due / 1000000000),
				       .tv_nsec = (long)(due % 1000000000) };
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
			;
		timer->late[i] = now() - due;
	}
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void time_timers(const char *load, bool fifo)
{
	uint64_t *all = calloc(cpus, sizeof(((struct timer *)NULL)->late));
	struct timer *timers = calloc(cpus, sizeof(*timers));
	size_t count = (size_t)cpus * SAMPLES;

	if (!all || !timers)
		fail("memory");
	for (unsigned int i = 0; i < cpus; i++) {
		timers[i].cpu = i;
		timers[i].fifo = fifo;
		errno = pthread_create(&timers[i].thread, NULL, run_timer, &timers[i]);
		if (errno)
			fail("pthread_create");
	}
	for (unsigned int i = 0; i < cpus; i++) {
		pthread_join(timers[i].thread, NULL);
		memcpy(all + (size_t)i * SAMPLES, timers[i].late, sizeof(timers[i].late));
	}
	qsort(all, count, sizeof(*all), by_size);
	printf("bench: {\"row\":\"latency-%s-%s\",\"samples\":%zu,\"p50_ns\":%" PRIu64
	       ",\"p99_ns\":%" PRIu64 ",\"max_ns\":%" PRIu64 "}\n",
	       load, fifo ? "fifo" : "other", count, all[count / 2], all[count * 99 / 100],
	       all[count - 1]);
	fflush(stdout);
	free(all);
	free(timers);
}

static pid_t start_process(unsigned int cpu)
{
	pid_t pid = fork();
	cpu_set_t set;

	if (pid < 0)
		fail("fork");
	if (pid)
		return pid;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("sched_setaffinity");
	for (;;)
		__asm__ volatile("pause");
}

/* One busy process on each CPU, or a guest with a busy VP for each. */
static void latency(const char *load, char **worker)
{
	struct guest guest = { .share = { .weight = HV_CPU_WEIGHT_DEFAULT, .vps = cpus } };
	bool children = strcmp(load, "children") == 0, busy = strcmp(load, "idle") != 0;
	pid_t pids[VPS_MAX];

	if (children)
		start(&guest, 0, worker);
	for (unsigned int i = 0; busy && !children && i < cpus; i++)
		pids[i] = start_process(i);
	sleep(1);
	time_timers(load, true);
	time_timers(load, false);
	if (children)
		end(&guest);
	for (unsigned int i = 0; busy && !children && i < cpus; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
}

int main(int argc, char **argv)
{
	cpus = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
	if (cpus > VPS_MAX)
		cpus = VPS_MAX;
	device = open(MULLION_DEVICE, O_RDWR | O_CLOEXEC);
	if (argc > 2 && strcmp(argv[1], "shares") == 0) {
		if (!hvstats_map())
			fail("hv is not here");
		for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
			compete(&scenarios[i], argv + 2);
	} else if (argc > 2 && strcmp(argv[1], "latency") == 0) {
		latency(argv[2], argv + 3);
	} else {
		errno = EINVAL;
		fail("the command line");
	}
	return 0;
}
