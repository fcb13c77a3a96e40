/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The half of tools/bench that runs inside of the measured machine: it times a
 * load, takes what hv and the kernel counted meanwhile, and prints one JSON
 * object a line on stdout, behind "bench: ". Counters are read before the clock
 * starts and after it stops. Linked statically; the initramfs has no libraries.
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
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <mullion/stats.h>
#include <mullion/uapi.h>

#define CPUS_MAX 64
#define NET_BLOCK (64 * 1024)

static const char *const exit_names[MULLION_EXIT_COUNT] = {
	[MULLION_EXIT_INTERRUPT] = "interrupt",
	[MULLION_EXIT_NMI] = "nmi",
	[MULLION_EXIT_INIT] = "init",
	[MULLION_EXIT_INTR_WINDOW] = "intr-window",
	[MULLION_EXIT_CPUID] = "cpuid",
	[MULLION_EXIT_MSR_READ] = "msr-read",
	[MULLION_EXIT_MSR_WRITE] = "msr-write",
	[MULLION_EXIT_APIC_ICR] = "apic-icr",
	[MULLION_EXIT_APIC_OTHER] = "apic-other",
	[MULLION_EXIT_IO] = "io",
	[MULLION_EXIT_HLT] = "hlt",
	[MULLION_EXIT_HYPERCALL] = "hypercall",
	[MULLION_EXIT_GPA_FAULT] = "gpa-fault",
	[MULLION_EXIT_SHUTDOWN] = "shutdown",
	[MULLION_EXIT_VIRT_INSTRUCTION] = "virt-instruction",
	[MULLION_EXIT_OTHER] = "other",
};

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
	unsigned int vps;
	struct mullion_vp_stats vp[CPUS_MAX];
	unsigned int cpus;
	uint64_t interrupts[KINDS][CPUS_MAX];
};

static const struct mullion_stats *shared; /* NULL: no hv here */
static struct counters before, after;

static void fail(const char *what)
{
	printf("bench: failed: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void map_stats(void)
{
	struct mullion_hv_info info = { 0 };
	int fd = open(MULLION_DEVICE, O_RDONLY | O_CLOEXEC);
	void *memory;

	if (fd < 0)
		return;
	if (ioctl(fd, MULLION_IOC_INFO, &info))
		fail("MULLION_IOC_INFO");
	memory = mmap(NULL, info.stats_size, PROT_READ, MAP_SHARED, fd, MULLION_MMAP_STATS);
	if (memory == MAP_FAILED)
		fail("mapping hv's statistics");
	close(fd);
	shared = memory;
	if (shared->magic != MULLION_STATS_MAGIC || shared->version != MULLION_STATS_VERSION)
		fail("hv's statistics have another version");
}

static void read_stats(struct counters *c)
{
	c->vps = 0;
	for (uint32_t i = 0; shared && i < shared->entry_count && c->vps < CPUS_MAX; i++) {
		const char *entry = (const char *)shared + shared->entries_offset +
				    (size_t)i * shared->entry_size;

		memcpy(&c->vp[c->vps], entry, sizeof(c->vp[0]));
		c->vps += c->vp[c->vps].partition == 0;
	}
}

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

static uint64_t to_ns(uint64_t ticks)
{
	return shared->tsc_hz ? (uint64_t)((double)ticks * 1e9 / (double)shared->tsc_hz) : 0;
}

static void print_vp(const struct mullion_vp_stats *a, const struct mullion_vp_stats *b)
{
	printf("{\"entries\":%" PRIu64 ",\"guest_ns\":%" PRIu64 ",\"hv_ns\":%" PRIu64
	       ",\"wait_ns\":%" PRIu64 ",\"injected\":%" PRIu64 ",\"exits\":{",
	       (uint64_t)(b->entries - a->entries), to_ns(b->guest_ticks - a->guest_ticks),
	       to_ns(b->hv_ticks - a->hv_ticks), to_ns(b->wait_ticks - a->wait_ticks),
	       (uint64_t)(b->interrupts - a->interrupts));
	for (unsigned int e = 0, n = 0; e < MULLION_EXIT_COUNT; e++)
		if (b->exits[e] != a->exits[e])
			printf("%s\"%s\":%" PRIu64, n++ ? "," : "", exit_names[e],
			       (uint64_t)(b->exits[e] - a->exits[e]));
	printf("}}");
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
	if (!shared)
		return;
	printf(",\"vps\":[");
	for (unsigned int i = 0; i < after.vps; i++) {
		if (i)
			printf(",");
		print_vp(&before.vp[i], &after.vp[i]);
	}
	printf("]");
}

static void measure(const char *row, int (*load)(char **), char **arguments)
{
	uint64_t start, end;
	int status;

	map_stats();
	printf("bench: begin %s\n", row);
	flush();
	read_interrupts(&before);
	read_stats(&before);
	start = now(CLOCK_MONOTONIC);
	status = load(arguments);
	end = now(CLOCK_MONOTONIC);
	read_stats(&after);
	read_interrupts(&after);
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
	map_stats();
	if (!shared)
		return 0;
	read_stats(&after);
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
