/* SPDX-License-Identifier: GPL-2.0-only */
/* A daemon for tests: see daemon.h. */
#include "daemon.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "json.h"

#define MAX_CONNECTIONS 4
#define MAX_ANSWERS 32
#define REQUEST_SIZE (4u << 20)

static struct {
	const struct answer *answers;
	bool given[MAX_ANSWERS];
	int passed;
	int listener;
	int connections[MAX_CONNECTIONS]; /* -1: free */
	int subscriber; /* the connection that has subscribed, or -1 */
	int stop[2]; /* a pipe: written to by daemon_stop() */
	pthread_t thread;
	char directory[64];
	char socket[96];
	unsigned broken;
	char log[65536];
	char *request;
} daemon_state = { .listener = -1 };

#define D daemon_state

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static void note(const char *text)
{
	strncat(D.log, text, sizeof(D.log) - strlen(D.log) - 1);
}

static void send_bytes(int fd, const char *bytes, size_t count, int passed)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { 0 };
	struct iovec part = { .iov_len = count };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	char *copy = malloc(count);

	if (!copy)
		die("malloc");
	part.iov_base = memcpy(copy, bytes, count);
	if (passed >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &passed, sizeof(int));
	}
	if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
		D.broken++; /* the client is gone, as it may */
	free(copy);
}

static void send_object(int fd, const char *error, const char *parameters, bool more, int passed)
{
	char *text;
	int length;

	if (error)
		length = asprintf(&text, "{\"error\":\"%s%s\",\"parameters\":%s}",
				  strchr(error, '.') ? "" : "org.mullion.", error, parameters);
	else
		length = asprintf(&text, "{\"parameters\":%s%s}", parameters,
				  more ? ",\"continues\":true" : "");
	if (length < 0)
		die("asprintf");
	send_bytes(fd, text, (size_t)length + 1, passed);
	free(text);
}

static void pause_for(const char *milliseconds)
{
	long count = strtol(milliseconds, NULL, 10);
	struct timespec time = { .tv_sec = count / 1000, .tv_nsec = count % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

/* Returns false when the connection is to end. */
static bool say_line(int fd, char *line)
{
	char *blank;

	switch (line[0]) {
	case '{':
		send_object(fd, NULL, line, false, -1);
		return true;
	case '+':
		send_object(fd, NULL, line + 1, true, -1);
		return true;
	case '@':
		send_object(fd, NULL, line + 1, false, D.passed);
		return true;
	case '#':
		send_bytes(fd, line + 1, strlen(line), -1);
		return true;
	case '%':
		pause_for(line + 1);
		return true;
	case '!':
		return false;
	default:
		blank = strchr(line, ' ');
		if (!blank)
			die(line);
		*blank = '\0';
		send_object(fd, line, blank + 1, false, -1);
		return true;
	}
}

static bool say(int fd, const char *text)
{
	char *copy = strdup(text), *rest = NULL;
	bool goes_on = true;

	if (!copy)
		die("strdup");
	for (char *line = strtok_r(copy, "\n", &rest); line && goes_on;
	     line = strtok_r(NULL, "\n", &rest))
		goes_on = say_line(fd, line);
	free(copy);
	return goes_on;
}

static const struct answer *find_answer(const char *method)
{
	for (size_t i = 0; D.answers[i].method; i++) {
		if (D.given[i] || strcmp(D.answers[i].method, method) != 0)
			continue;
		D.given[i] = true;
		return &D.answers[i];
	}
	return NULL;
}

static void log_request(const char *method, sd_json_variant *request, bool answered)
{
	sd_json_variant *parameters = sd_json_variant_by_key(request, "parameters");
	char *text = NULL;

	note(method);
	if (!answered)
		note("!");
	/* NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): flags, none */
	if (parameters && sd_json_variant_format(parameters, 0, &text) >= 0)
		note(text);
	note("\n");
	free(text);
}

static bool serve_request(int fd, const char *text)
{
	sd_json_variant *request JSON_AUTO = NULL;
	const char *method = "?";
	const struct answer *answer;
	bool goes_on = true;

	/* NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): flags, none */
	if (sd_json_parse(text, 0, &request, NULL, NULL) >= 0)
		method = sd_json_variant_string(sd_json_variant_by_key(request, "method"));
	if (strncmp(method, "org.mullion.", 12) == 0)
		method += 12;
	answer = find_answer(method);
	log_request(method, request, answer != NULL);
	if (!answer) {
		send_object(fd, "org.varlink.service.MethodNotFound", "{\"method\":\"x\"}", false,
			    -1);
		return true;
	}
	if (strcmp(method, "Subscribe") == 0)
		D.subscriber = fd;
	if (answer->text)
		goes_on = say(fd, answer->text);
	if (answer->events && D.subscriber >= 0)
		goes_on = say(D.subscriber, answer->events) && goes_on;
	return goes_on;
}

/* One whole request: clients of ours send no second one before its answer. */
static bool serve(int fd)
{
	size_t used = 0;

	do {
		ssize_t count = read(fd, D.request + used, REQUEST_SIZE - used);

		if (count <= 0)
			return false;
		used += (size_t)count;
	} while (D.request[used - 1]);
	return serve_request(fd, D.request);
}

static void end_connection(size_t i)
{
	if (D.subscriber == D.connections[i])
		D.subscriber = -1;
	close(D.connections[i]);
	D.connections[i] = -1;
}

static void accept_one(void)
{
	for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
		if (D.connections[i] >= 0)
			continue;
		D.connections[i] = accept(D.listener, NULL, NULL);
		return;
	}
	die("too many connections");
}

static void *work(void *unused)
{
	struct pollfd polls[MAX_CONNECTIONS + 2];

	(void)unused;
	for (;;) {
		polls[0] = (struct pollfd){ .fd = D.stop[0], .events = POLLIN };
		polls[1] = (struct pollfd){ .fd = D.listener, .events = POLLIN };
		for (size_t i = 0; i < MAX_CONNECTIONS; i++)
			polls[i + 2] = (struct pollfd){ .fd = D.connections[i], .events = POLLIN };
		if (poll(polls, MAX_CONNECTIONS + 2, -1) < 0)
			die("poll");
		for (size_t i = 0; i < MAX_CONNECTIONS; i++)
			if (polls[i + 2].revents && !serve(D.connections[i]))
				end_connection(i);
		if (polls[1].revents)
			accept_one();
		else if (polls[0].revents)
			return NULL;
	}
}

const char *daemon_socket(void)
{
	if (!D.directory[0]) {
		snprintf(D.directory, sizeof(D.directory), "/tmp/hvctl-test-XXXXXX");
		if (!mkdtemp(D.directory))
			die("mkdtemp");
		snprintf(D.socket, sizeof(D.socket), "%s/hvd.sock", D.directory);
	}
	return D.socket;
}

void daemon_start(const struct answer *answers, int fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	D.answers = answers;
	D.passed = fd;
	D.subscriber = -1;
	D.log[0] = '\0';
	memset(D.given, 0, sizeof(D.given));
	for (size_t i = 0; i < MAX_CONNECTIONS; i++)
		D.connections[i] = -1;
	D.request = malloc(REQUEST_SIZE);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", daemon_socket());
	D.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!D.request || D.listener < 0 ||
	    bind(D.listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(D.listener, 4) < 0 || pipe(D.stop) < 0 ||
	    pthread_create(&D.thread, NULL, work, NULL) != 0)
		die("a daemon for tests");
}

const char *daemon_stop(void)
{
	if (write(D.stop[1], "", 1) != 1)
		die("write");
	pthread_join(D.thread, NULL);
	for (size_t i = 0; i < MAX_CONNECTIONS; i++)
		if (D.connections[i] >= 0)
			end_connection(i);
	close(D.listener);
	close(D.stop[0]);
	close(D.stop[1]);
	free(D.request);
	unlink(D.socket);
	rmdir(D.directory);
	D.directory[0] = '\0';
	return D.log;
}
