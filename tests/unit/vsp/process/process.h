/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program of vsp/ under test, as hvd sees it: started with a socket, and asked. Failure
 * of anything that has to work ends the test.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-json.h>
#include <systemd/sd-varlink.h>
#include <unistd.h>

#include "check.h"

struct process {
	const char *program, *interface; /* "org.mullion.Storage" */
	pid_t pid;
	sd_varlink *connection;
	/* of the last call */
	sd_json_variant *answer; /* borrowed, until the next call */
	const char *error; /* without the interface's name; NULL: none */
};

static struct process process;

static char process_directory[] = "/tmp/vsp-process-XXXXXX";
static char process_path[64];
static char error_name[64];

/* Once: the program's file and its interface; makes a folder for the socket. */
static inline void process_setup(const char *program, const char *interface)
{
	process.program = program;
	process.interface = interface;
	REQUIRE(mkdtemp(process_directory));
	snprintf(process_path, sizeof(process_path), "%s/socket", process_directory);
	signal(SIGPIPE, SIG_IGN);
	alarm(100);
}

static inline void process_teardown(void)
{
	unlink(process_path);
	rmdir(process_directory);
}

static inline sd_varlink *process_connect(void)
{
	sd_varlink *connection = NULL;

	REQUIRE(sd_varlink_connect_address(&connection, process_path) >= 0);
	return connection;
}

static inline void process_begin(void)
{
	unlink(process_path);
	process.pid = fork();
	REQUIRE(process.pid >= 0);
	if (process.pid == 0) {
		/* It does not outlive a test that ends early. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(process.program, process.program, "--listen", process_path, (char *)NULL);
		_exit(127);
	}
	for (unsigned int i = 0; i < 1000 && access(process_path, F_OK) < 0; i++)
		usleep(10000);
	/* The name is there a moment before one can connect. */
	for (unsigned int i = 0;; i++) {
		int result = sd_varlink_connect_address(&process.connection, process_path);

		if (result >= 0)
			break;
		REQUIRE(result == -ECONNREFUSED && i < 100);
		usleep(10000);
	}
	REQUIRE(sd_varlink_set_allow_fd_passing_output(process.connection, true) >= 0);
}

/* Waits for its end; the exit status, or minus the signal. */
static inline int process_end(void)
{
	int status;

	process.connection = sd_varlink_close_unref(process.connection);
	process.answer = NULL;
	REQUIRE(waitpid(process.pid, &status, 0) == process.pid);
	process.pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Sends a descriptor with the next call; the process has its own, the test keeps fd. */
static inline void process_give(int fd)
{
	REQUIRE(sd_varlink_push_dup_fd(process.connection, fd) >= 0);
}

/* The same for one that nobody needs any more. */
static inline void process_give_away(int fd)
{
	REQUIRE(fd >= 0 && sd_varlink_push_fd(process.connection, fd) >= 0);
}

static inline void set_error(const char *id)
{
	size_t length = strlen(process.interface);

	process.error = NULL;
	if (!id)
		return;
	if (strncmp(id, process.interface, length) == 0 && id[length] == '.')
		id += length + 1;
	snprintf(error_name, sizeof(error_name), "%s", id);
	process.error = error_name;
}

/* Calls a method with JSON parameters. True: it was done. */
__attribute__((format(printf, 2, 3))) static inline bool process_call(const char *method,
								      const char *format, ...)
{
	static char parameters[16384];
	sd_json_variant *object = NULL;
	const char *id = NULL;
	char name[96];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(parameters, sizeof(parameters), format, arguments);
	va_end(arguments);
	snprintf(name, sizeof(name), "%s.%s", process.interface, method);
	/* NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): flags */
	REQUIRE(sd_json_parse(parameters, 0, &object, NULL, NULL) >= 0);
	REQUIRE(sd_varlink_call(process.connection, name, object, &process.answer, &id) >= 0);
	sd_json_variant_unref(object);
	set_error(id);
	return !id;
}

/* Of the last answer, or an object in it; NULL: missing. */
static inline const char *process_text(sd_json_variant *object, const char *field)
{
	sd_json_variant *value = sd_json_variant_by_key(object, field);

	return value && sd_json_variant_is_string(value) ? sd_json_variant_string(value) : NULL;
}

/* The call gave that error, and a message with those words; words may be NULL. */
static inline bool process_failed(const char *error, const char *words)
{
	const char *message;

	if (!CHECK_STR(process.error, error))
		return false;
	if (!words)
		return true;
	message = process_text(process.answer, "message");
	return message && strstr(message, words) ? CHECK(true) : CHECK_STR(message, words);
}

static inline uint64_t process_number(sd_json_variant *object, const char *field)
{
	return sd_json_variant_unsigned(sd_json_variant_by_key(object, field));
}

/* ---- a subscriber ---- */

static sd_json_variant *process_last_event;
static bool process_over; /* the subscriber was told that no more comes */

static inline int process_on_reply(sd_varlink *link, sd_json_variant *parameters,
				   const char *error_id, sd_varlink_reply_flags_t flags,
				   void *userdata)
{
	(void)link, (void)flags, (void)userdata;
	sd_json_variant_unref(process_last_event);
	process_over = error_id != NULL;
	process_last_event = error_id ? NULL : sd_json_variant_ref(parameters);
	return 0;
}

/* A connection of its own with Subscribe under way. */
static inline sd_varlink *process_subscribe(void)
{
	sd_varlink *subscriber = process_connect();
	char name[96];

	snprintf(name, sizeof(name), "%s.Subscribe", process.interface);
	REQUIRE(sd_varlink_bind_reply(subscriber, process_on_reply) >= 0);
	REQUIRE(sd_varlink_observe(subscriber, name, NULL) >= 0);
	REQUIRE(sd_varlink_flush(subscriber) >= 0);
	return subscriber;
}

/* The next answer's parameters; NULL: an error, none comes any more, or not in 5 seconds.
 * Borrowed until the next. */
static inline sd_json_variant *process_reply(sd_varlink *link)
{
	process_last_event = sd_json_variant_unref(process_last_event);
	process_over = false;
	for (unsigned int i = 0; i < 50 && !process_last_event && !process_over;) {
		int result = sd_varlink_process(link);

		if (result < 0)
			return NULL;
		if (result > 0)
			continue;
		i++;
		if (sd_varlink_wait(link, 100000) < 0)
			return NULL;
	}
	return process_last_event;
}

/* The next event of a subscriber, in the same way. */
static inline sd_json_variant *process_event(sd_varlink *subscriber)
{
	return sd_json_variant_by_key(process_reply(subscriber), "event");
}

/* ---- what holds for all ---- */

static inline void check_options(void)
{
	static const struct {
		const char *option;
		int status;
	} rows[] = { { "--help", 0 }, { "--version", 0 }, { "--nonsense", 2 }, { "--listen", 2 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t pid = fork();
		int status;

		REQUIRE(pid >= 0);
		if (pid == 0) {
			int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

			dup2(null, STDOUT_FILENO);
			dup2(null, STDERR_FILENO);
			execl(process.program, process.program, rows[i].option, (char *)NULL);
			_exit(127);
		}
		REQUIRE(waitpid(pid, &status, 0) == pid);
		CHECK_NOTE("%s", rows[i].option);
		CHECK(WIFEXITED(status));
		CHECK_INT(WEXITSTATUS(status), rows[i].status);
	}
}

/* What has to hold before Configure for all of the programs: Hello, calls that are none,
 * options. methods: those that want a configuration, to NULL, each with parameters
 * behind it. */
static inline void process_check_common(const char *const *methods)
{
	check_options();
	process_begin();
	CHECK(process_call("Hello", "{}"));
	CHECK_EQ(process_number(process.answer, "abi"), 1);
	CHECK_EQ(process_number(process.answer, "pid"), process.pid);
	CHECK(process_text(process.answer, "build"));
	process_call("Hello", "{\"x\":1}");
	process_failed("org.varlink.service.InvalidParameter", NULL);
	process_call("Nonsense", "{}");
	process_failed("org.varlink.service.MethodNotFound", NULL);
	for (; *methods; methods += 2) {
		CHECK_NOTE("%s", methods[0]);
		process_call(methods[0], "%s", methods[1]);
		process_failed("Failed", "no");
		process_call(methods[0], "{\"nobody\":1}");
		process_failed("org.varlink.service.InvalidParameter", NULL);
	}
	kill(process.pid, SIGTERM);
	CHECK_INT(process_end(), 0);
	process_begin();
	CHECK(process_call("Stop", "{}"));
	CHECK_INT(process_end(), 0);
}

/* ---- files ---- */

/* A memory file of that size, zeros. */
static inline int process_file(uint64_t size)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	REQUIRE(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	return fd;
}

#endif
