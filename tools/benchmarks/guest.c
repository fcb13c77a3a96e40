/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The half of tools/bench that runs inside of the measured machine: it times a
 * load, takes what hv and the kernel counted meanwhile, and prints one JSON
 * object a line on stdout, behind "bench: ". Counters are read before the clock
 * starts and after it stops. "bench: begin ROW" and "bench: end ROW" stand around
 * the load. Linked statically; the initramfs has no libraries.
 *
 *   boot                   how long the kernel has been running
 *   booted                 what hv counted since it started
 *   row NAME COMMAND       time a shell command
 *   idle SECONDS           count while nothing runs
 *   cpuid N                N CPUID instructions
 *   disk read|write DEVICE BYTES BLOCK     past the page cache
 *   net send|receive ADDRESS PORT BYTES    by TCP, peer: tools/benchmarks/machine.py
 *   info                   what hv says that it is
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "hvstats.h"

#include <mullion/uapi.h>

#define CPUS_MAX VPS_MAX
#define NET_BLOCK (64 * 1024)

/* What the kernel counts per CPU, as /proc/interrupts names it. */
enum kind {
	TICKS,
	RESCHEDULES,
	CALLS,
	SHOOTDOWNS,
	DEVICES,
	KINDS
};
static const char *const kind_labels[] = { "LOC", "RES", "CAL", "TLB" };
static const char *const kind_names[] = { "ticks", "reschedules", "calls", "shootdowns",
					  "devices" };

struct counters {
	struct vp_set vps;
	unsigned int cpus;
	uint64_t interrupts[KINDS][CPUS_MAX];
};

static bool has_hv;
static struct counters before, after;

static enum kind kind_of(const char *label)
{
	for (unsigned int k = 0; k < DEVICES; k++)
		if (strcmp(label, kind_labels[k]) == 0)
			return (enum kind)k;
	/* Numbered lines are devices; other words are the kernel's own vectors. */
	return label[0] >= '0' && label[0] <= '9' ? DEVICES : KINDS;
}

static void read_interrupts(struct counters *c)
{
	FILE *file = fopen("/proc/interrupts", "re");
	char line[4096];

	memset(c->interrupts, 0, sizeof(c->interrupts));
	if (!file || !fgets(line, sizeof(line), file))
		fail("/proc/interrupts");
	c->cpus = 0;
	for (char *p = line; (p = strstr(p, "CPU")) && c->cpus < CPUS_MAX; p += 3)
		c->cpus++;
	while (fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':'), *p = line + strspn(line, " ");
		enum kind kind;

		if (!colon)
			continue;
		*colon = '\0';
		kind = kind_of(p);
		if (kind == KINDS)
			continue;
		p = colon + 1;
		for (unsigned int cpu = 0; cpu < c->cpus; cpu++) {
			char *end;
			uint64_t n = strtoull(p, &end, 10);

			if (end == p)
				break;
			c->interrupts[kind][cpu] += n;
			p = end;
		}
	}
	fclose(file);
}

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The console has sent it all: nothing of it runs into what comes next. */
static void flush(void)
{
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
}

static void print_counters(void)
{
	for (unsigned int k = 0; k < KINDS; k++) {
		printf(",\"%s\":[", kind_names[k]);
		for (unsigned int cpu = 0; cpu < after.cpus; cpu++)
			printf("%s%" PRIu64, cpu ? "," : "",
			       after.interrupts[k][cpu] - before.interrupts[k][cpu]);
		printf("]");
	}
	if (!has_hv)
		return;
	printf(",");
	hvstats_print(&before.vps, &after.vps);
}

static void measure(const char *row, int (*load)(char **), char **arguments)
{
	uint64_t start, end;
	int status;

	has_hv = hvstats_map();
	printf("bench: begin %s\n", row);
	flush();
	read_interrupts(&before);
	hvstats_read(&before.vps, false);
	start = now(CLOCK_MONOTONIC);
	status = load(arguments);
	end = now(CLOCK_MONOTONIC);
	hvstats_read(&after.vps, false);
	read_interrupts(&after);
	printf("bench: end %s\n", row);
	flush();
	printf("bench: {\"row\":\"%s\",\"ns\":%" PRIu64 ",\"status\":%d", row, end - start, status);
	print_counters();
	printf("}\n");
	flush();
}

static int load_command(char **arguments)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		fail("fork");
	if (child == 0) {
		execl("/bin/busybox", "sh", "-c", arguments[0], (char *)NULL);
		_exit(127);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			fail("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int load_idle(char **arguments)
{
	struct timespec t = { .tv_sec = atol(arguments[0]) };

	nanosleep(&t, NULL);
	return 0;
}

static int load_cpuid(char **arguments)
{
	for (long n = atol(arguments[0]); n > 0; n--) {
		unsigned int a = 0, b, c = 0, d;

		__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	}
	return 0;
}

static int load_disk(char **arguments)
{
	bool write_it = strcmp(arguments[0], "write") == 0;
	long bytes = atol(arguments[2]), block = atol(arguments[3]);
	int fd = open(arguments[1], (write_it ? O_WRONLY : O_RDONLY) | O_DIRECT | O_CLOEXEC);
	void *buffer;

	if (fd < 0)
		fail(arguments[1]);
	if (posix_memalign(&buffer, 4096, (size_t)block))
		fail("memory");
	memset(buffer, 0x5a, (size_t)block);
	for (long done = 0; done < bytes; done += block) {
		ssize_t n = write_it ? pwrite(fd, buffer, (size_t)block, done) :
				       pread(fd, buffer, (size_t)block, done);
		if (n != block)
			fail(write_it ? "pwrite" : "pread");
	}
	if (write_it && fdatasync(fd))
		fail("fdatasync");
	close(fd);
	free(buffer);
	return 0;
}

/* The peer is told what it shall do, and how much of it: a letter, 8 bytes. */
static int load_net(char **arguments)
{
	static char block[NET_BLOCK];
	bool sends = strcmp(arguments[0], "send") == 0;
	uint64_t left = strtoull(arguments[3], NULL, 10), size = htobe64(left);
	struct sockaddr_in peer = { .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)atoi(arguments[2])) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char order[9] = { sends ? 'r' : 's' };

	memcpy(order + 1, &size, sizeof(size));
	if (inet_pton(AF_INET, arguments[1], &peer.sin_addr) != 1)
		fail(arguments[1]);
	if (fd < 0 || connect(fd, (struct sockaddr *)&peer, sizeof(peer)))
		fail("connecting to the network peer");
	if (write(fd, order, sizeof(order)) != sizeof(order))
		fail("telling the network peer");
	while (left) {
		size_t part = left < sizeof(block) ? left : sizeof(block);
		ssize_t n = sends ? write(fd, block, part) : read(fd, block, part);

		if (n <= 0)
			fail(sends ? "sending" : "receiving");
		left -= (uint64_t)n;
	}
	/* The peer has it all when it answers. */
	if (sends && read(fd, order, 1) != 1)
		fail("waiting for the network peer");
	close(fd);
	return 0;
}

static int boot(void)
{
	printf("bench: {\"row\":\"boot\",\"ns\":%" PRIu64 "}\n", now(CLOCK_BOOTTIME));
	flush();
	return 0;
}

static int booted(void)
{
	has_hv = hvstats_map();
	if (!has_hv)
		return 0;
	hvstats_read(&after.vps, false);
	read_interrupts(&after);
	printf("bench: {\"row\":\"boot\"");
	print_counters();
	printf("}\n");
	return 0;
}

static int info(void)
{
	struct mullion_hv_info i = { 0 };
	int fd = open(MULLION_DEVICE, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (ioctl(fd, MULLION_IOC_INFO, &i))
		fail("MULLION_IOC_INFO");
	printf("bench: {\"hv\":\"%.64s\",\"options\":\"%.128s\"}\n", i.build, i.options);
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	char row[32];

	if (strcmp(verb, "boot") == 0)
		return boot();
	if (strcmp(verb, "booted") == 0)
		return booted();
	if (strcmp(verb, "info") == 0)
		return info();
	if (strcmp(verb, "row") == 0 && argc == 4) {
		measure(argv[2], load_command, argv + 3);
	} else if (strcmp(verb, "idle") == 0 && argc == 3) {
		measure("idle", load_idle, argv + 2);
	} else if (strcmp(verb, "cpuid") == 0 && argc == 3) {
		measure("cpuid", load_cpuid, argv + 2);
	} else if (strcmp(verb, "disk") == 0 && argc == 6) {
		snprintf(row, sizeof(row), "disk-%s", argv[2]);
		measure(row, load_disk, argv + 2);
	} else if (strcmp(verb, "net") == 0 && argc == 6) {
		snprintf(row, sizeof(row), "net-%s", argv[2]);
		measure(row, load_net, argv + 2);
	} else {
		errno = EINVAL;
		fail("the command line");
	}
	return 0;
}
