/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The half of tools/bench guest that runs beside a guest, in Mullion's parent or in
 * KVM's host: it starts the VMM and passes on what the guest says on its console,
 * which is the VMM's standard output. Around each row that the guest marks (see
 * guest.c) it takes what the hypervisor counted, and says so in lines of its own.
 *
 *   host mullion|kvm COMMAND...
 *
 * Rows boot (from the start of the VMM to the guest's first program) and total (the
 * same, as time) are added. "bench: memory" has it tell what hv has for a Mullion
 * partition. "bench: ports" from a Mullion guest has it bind the
 * guest's connections 1 (messages) and 2 (events), and answer each in kind on the
 * SINT of that number + 1; in KVM QEMU's hyperv-testdev does that.
 */
#include "hvstats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <mullion/uapi.h>

#define KVM_COUNTERS "/sys/kernel/debug/kvm"
#define COUNTERS_MAX 128

enum {
	MESSAGES = 1, /* connections of the guest; SINTs are one above */
	EVENTS = 2,
};

struct counters {
	struct vp_set vps; /* Mullion */
	unsigned int count; /* KVM */
	struct {
		char name[32];
		uint64_t value;
	} kvm[COUNTERS_MAX];
};

static bool kvm;
static uint64_t started; /* when the VMM was */
static struct counters at_start, before, after;
static int console, partition = -1, bells[3] = { -1, -1, -1 }; /* by connection */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- What the hypervisors count ---- */

/* Those that tell what a guest costs: exits, and what is done for them. */
static bool is_wanted(const char *name)
{
	size_t length = strlen(name);

	return length < sizeof(before.kvm[0].name) &&
	       ((length >= 5 && strcmp(name + length - 5, "exits") == 0) ||
		strcmp(name, "hypercalls") == 0 || strcmp(name, "insn_emulation") == 0 ||
		strcmp(name, "pf_taken") == 0);
}

static uint64_t read_counter(int directory, const char *name)
{
	char text[32] = "";
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		fail(name);
	close(fd);
	return strtoull(text, NULL, 10);
}

static void read_kvm(struct counters *c)
{
	DIR *directory = opendir(KVM_COUNTERS);

	if (!directory)
		fail(KVM_COUNTERS);
	c->count = 0;
	for (struct dirent *entry; (entry = readdir(directory)) && c->count < COUNTERS_MAX;)
		if (is_wanted(entry->d_name)) {
			strcpy(c->kvm[c->count].name, entry->d_name);
			c->kvm[c->count++].value = read_counter(dirfd(directory), entry->d_name);
		}
	closedir(directory);
}

static void read_counters(struct counters *c)
{
	if (kvm)
		read_kvm(c);
	else
		hvstats_read(&c->vps, true);
}

static void print_kvm(const struct counters *a, const struct counters *b)
{
	printf("\"kvm\":{");
	/* The same files, so in the same order. */
	for (unsigned int i = 0, n = 0; i < b->count; i++)
		if (b->kvm[i].value != a->kvm[i].value)
			printf("%s\"%s\":%" PRIu64, n++ ? "," : "", b->kvm[i].name,
			       b->kvm[i].value - a->kvm[i].value);
	printf("}");
}

static void print_counters(const char *row, const struct counters *a, const struct counters *b)
{
	printf("bench: {\"row\":\"%s\",", row);
	if (kvm)
		print_kvm(a, b);
	else
		hvstats_print(&a->vps, &b->vps);
	printf("}\n");
}

/* ---- The Mullion partition ---- */

static struct mullion_partition_query find_partition(int device)
{
	struct mullion_partition_query query = { .id = 1 };

	if (ioctl(device, MULLION_IOC_PARTITION, &query))
		fail("MULLION_IOC_PARTITION");
	return query;
}

static int open_device(void)
{
	int device = open(MULLION_DEVICE, O_RDWR | O_CLOEXEC);

	if (device < 0)
		fail(MULLION_DEVICE);
	return device;
}

static void print_memory(void)
{
	int device = open_device();
	struct mullion_partition_info info = find_partition(device).info;

	printf("bench: {\"memory\":{\"pool_pages\":%" PRIu64 ",\"pool_free\":%" PRIu64
	       ",\"table_pages\":%" PRIu64 ",\"mapped_pages\":%" PRIu64 ",\"vps\":%" PRIu32 "}}\n",
	       (uint64_t)info.pool_pages, (uint64_t)info.pool_free, (uint64_t)info.table_pages,
	       (uint64_t)info.mapped_pages, (uint32_t)info.vp_count);
	close(device);
}

static void bind_port(uint32_t connection, enum mullion_port_type type)
{
	struct mullion_port port = { .connection = connection, .type = type };

	bells[connection] = port.eventfd = eventfd(0, EFD_CLOEXEC);
	if (port.eventfd < 0 || ioctl(partition, MULLION_IOC_BIND_PORT, &port))
		fail("MULLION_IOC_BIND_PORT");
}

static void bind_ports(void)
{
	int device = open_device();
	struct mullion_attach attach = { .id = find_partition(device).info.id };

	partition = ioctl(device, MULLION_IOC_ATTACH, &attach);
	if (partition < 0)
		fail("MULLION_IOC_ATTACH");
	close(device);
	bind_port(MESSAGES, MULLION_PORT_MESSAGE);
	bind_port(EVENTS, MULLION_PORT_EVENT);
}

/* The message goes back as it came. */
static bool answer_message(void)
{
	struct mullion_message message = { .connection = MESSAGES };

	if (ioctl(partition, MULLION_IOC_READ_MESSAGE, &message))
		return false;
	message.connection = 0;
	message.vp = 0;
	message.sint = MESSAGES + 1;
	return !ioctl(partition, MULLION_IOC_POST_MESSAGE, &message);
}

static bool answer_event(void)
{
	struct mullion_signal signal = { .sint = EVENTS + 1, .flag = EVENTS };

	return !ioctl(partition, MULLION_IOC_SIGNAL_EVENT, &signal);
}

static void answer(uint32_t connection)
{
	uint64_t rung;

	if (read(bells[connection], &rung, sizeof(rung)) != sizeof(rung))
		fail("eventfd");
	if (!(connection == EVENTS ? answer_event() : answer_message()))
		fail("answering a port");
}

/* ---- The guest's console ---- */

/* What the guest says of itself goes out first, then what was counted. */
static void on_line(const char *line)
{
	const char *said = strstr(line, "bench: ");
	static char row[32];

	if (said && strncmp(said, "bench: end ", 11) == 0)
		read_counters(&after);
	puts(line);
	if (!said)
		return;
	said += strlen("bench: ");
	if (strncmp(said, "{\"row\":\"boot\"", 13) == 0) {
		read_counters(&after);
		printf("bench: {\"row\":\"total\",\"ns\":%" PRIu64 "}\n", now() - started);
		print_counters("boot", &at_start, &after);
	} else if (strcmp(said, "memory") == 0 && !kvm) {
		print_memory();
	} else if (strcmp(said, "ports") == 0 && !kvm) {
		bind_ports();
	} else if (sscanf(said, "end %31s", row) == 1) {
		print_counters(row, &before, &after);
	}
	fflush(stdout);
	if (strncmp(said, "begin ", 6) == 0)
		read_counters(&before);
}

/* Returns false when the console is closed. */
static bool read_console(void)
{
	static char line[8192];
	static size_t length;
	ssize_t n = read(console, line + length, sizeof(line) - 1 - length);
	char *start = line, *end;

	if (n <= 0)
		return false;
	length += (size_t)n;
	line[length] = '\0';
	while ((end = strchr(start, '\n'))) {
		*end = '\0';
		start[strcspn(start, "\r")] = '\0';
		on_line(start);
		start = end + 1;
	}
	length -= (size_t)(start - line);
	memmove(line, start, length);
	if (length == sizeof(line) - 1)
		length = 0; /* no line of ours */
	return true;
}

static pid_t start(char **command)
{
	int pipes[2];
	pid_t child;

	if (pipe2(pipes, O_CLOEXEC))
		fail("pipe");
	console = pipes[0];
	started = now();
	child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0) {
		dup2(pipes[1], STDOUT_FILENO);
		execvp(command[0], command);
		_exit(127);
	}
	close(pipes[1]);
	return child;
}

static void follow(void)
{
	for (;;) {
		struct pollfd ready[] = {
			{ .fd = console, .events = POLLIN },
			{ .fd = bells[MESSAGES], .events = POLLIN },
			{ .fd = bells[EVENTS], .events = POLLIN },
		};

		if (poll(ready, 3, -1) < 0)
			fail("poll");
		for (uint32_t connection = MESSAGES; connection <= EVENTS; connection++)
			if (ready[connection].revents)
				answer(connection);
		if (ready[0].revents && !read_console())
			return;
	}
}

int main(int argc, char **argv)
{
	pid_t child;
	int status;

	kvm = argc > 1 && strcmp(argv[1], "kvm") == 0;
	if (argc < 3 || (!kvm && strcmp(argv[1], "mullion") != 0)) {
		errno = EINVAL;
		fail("the command line");
	}
	if (!kvm && !hvstats_map())
		fail("hv is not here");
	read_counters(&at_start);
	child = start(argv + 2);
	follow();
	if (waitpid(child, &status, 0) < 0)
		fail("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
