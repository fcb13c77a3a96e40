/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl's console: a child process runs it between a terminal, or pipes, and a
 * guest that this process plays.
 */
#include "check.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "console.h"
#include "error.h"

#define PATIENCE_MS 10000

/* The child and what it is joined to. */
static struct {
	pid_t pid;
	int keys; /* write: what the person types, or what the script sends */
	int terminal; /* the terminal's other side, for its settings; -1: none */
	int guest; /* read and write: the guest's side of the console */
	int screen; /* read: what hvctl shows */
	struct termios before;
} c;

static void run_child(int input, int output, int console, uint64_t deadline)
{
	/* A group of its own, which is not orphaned: it can be stopped. */
	setpgid(0, 0);
	dup2(input, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	close(c.keys);
	close(c.guest);
	close(c.screen);
	error_setup(false, true, false);
	_exit((int)console_run(console, deadline));
}

/* guest_terminal: the guest's side is a terminal's master, as in real life. */
static void begin(bool terminal, bool guest_terminal, uint64_t deadline)
{
	int input[2], output[2], console[2];
	struct termios raw;
	int size = 4096; /* so that the guest is soon too slow */

	c.terminal = -1;
	if (terminal) {
		REQUIRE(openpty(&input[1], &input[0], NULL, NULL, NULL) == 0);
		c.terminal = input[0];
		REQUIRE(tcgetattr(c.terminal, &c.before) == 0);
	} else {
		REQUIRE(pipe(input) == 0);
	}
	if (guest_terminal) {
		REQUIRE(openpty(&console[0], &console[1], NULL, NULL, NULL) == 0);
		REQUIRE(tcgetattr(console[1], &raw) == 0);
		cfmakeraw(&raw);
		REQUIRE(tcsetattr(console[1], TCSANOW, &raw) == 0);
	} else {
		REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, console) == 0);
		REQUIRE(setsockopt(console[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) == 0);
	}
	REQUIRE(pipe(output) == 0);
	c.keys = input[1];
	c.guest = console[0];
	c.screen = output[0];
	fflush(stdout);
	c.pid = fork();
	REQUIRE(c.pid >= 0);
	if (c.pid == 0)
		run_child(input[0], output[1], console[1], deadline);
	close(output[1]);
	close(console[1]);
	if (!terminal)
		close(input[0]);
}

static void end(void)
{
	if (c.keys >= 0)
		close(c.keys);
	if (c.guest >= 0)
		close(c.guest);
	close(c.screen);
	if (c.terminal >= 0)
		close(c.terminal);
}

/* How the child ended, or stopped if that is asked for. */
static int wait_child(int options)
{
	int status = 0;

	for (int i = 0; i < PATIENCE_MS; i++) {
		struct timespec time = { .tv_nsec = 1000000 };

		if (waitpid(c.pid, &status, WNOHANG | options) == c.pid)
			return status;
		nanosleep(&time, NULL);
	}
	kill(c.pid, SIGKILL);
	waitpid(c.pid, &status, 0);
	return status;
}

static void expect_exit(enum hvctl_status want)
{
	int status = wait_child(0);

	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), want);
}

static bool is_raw(void)
{
	struct termios now;

	REQUIRE(tcgetattr(c.terminal, &now) == 0);
	return !(now.c_lflag & (ICANON | ECHO | ISIG));
}

static bool is_restored(void)
{
	struct termios now;

	REQUIRE(tcgetattr(c.terminal, &now) == 0);
	return now.c_lflag == c.before.c_lflag && now.c_iflag == c.before.c_iflag &&
	       now.c_oflag == c.before.c_oflag && now.c_cflag == c.before.c_cflag;
}

static void wait_raw(void)
{
	for (int i = 0; i < PATIENCE_MS && !is_raw(); i++) {
		struct timespec time = { .tv_nsec = 1000000 };

		nanosleep(&time, NULL);
	}
	CHECK(is_raw());
}

static void put(int fd, const char *bytes, size_t count)
{
	REQUIRE(write(fd, bytes, count) == (ssize_t)count);
}

/* Reads exactly so many bytes and compares them. */
static void expect_bytes(int fd, const char *want, size_t count)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char bytes[64] = "";
	size_t used = 0;

	REQUIRE(count < sizeof(bytes));
	while (used < count && poll(&poll_fd, 1, PATIENCE_MS) == 1) {
		ssize_t got = read(fd, bytes + used, count - used);

		if (got <= 0)
			break;
		used += (size_t)got;
	}
	CHECK_EQ(used, count);
	CHECK_MEM(bytes, want, count);
}

static void a_terminal(void)
{
	begin(true, false, UINT64_MAX);
	wait_raw();
	put(c.keys, "ls\r\x03\x1a\x1c", 6); /* no key but the escape is hvctl's */
	expect_bytes(c.guest, "ls\r\x03\x1a\x1c", 6);
	put(c.guest, "a\r\n\x1d\0b", 6); /* nor does the guest's escape leave */
	expect_bytes(c.screen, "a\r\n\x1d\0b", 6);
	put(c.keys, "\x1d", 1);
	expect_exit(HVCTL_OK);
	CHECK(is_restored());
	end();
}

static void the_guest_ends(void)
{
	begin(true, true, UINT64_MAX);
	wait_raw();
	put(c.guest, "bye", 3);
	expect_bytes(c.screen, "bye", 3);
	close(c.guest);
	c.guest = -1;
	expect_exit(HVCTL_OK);
	CHECK(is_restored());
	end();

	/* What it said last is shown, however soon it is gone. */
	begin(false, false, UINT64_MAX);
	put(c.guest, "last words", 10);
	close(c.guest);
	c.guest = -1;
	expect_bytes(c.screen, "last words", 10);
	expect_exit(HVCTL_OK);
	end();
}

static void signals(void)
{
	static const int numbers[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int status;

		CHECK_NOTE("signal %d", numbers[i]);
		begin(true, false, UINT64_MAX);
		wait_raw();
		kill(c.pid, numbers[i]);
		status = wait_child(0);
		CHECK(WIFSIGNALED(status));
		CHECK_INT(WTERMSIG(status), numbers[i]);
		CHECK(is_restored());
		end();
	}
}

static void a_stop(void)
{
	begin(true, false, UINT64_MAX);
	wait_raw();
	for (int i = 0; i < 2; i++) {
		kill(c.pid, SIGTSTP);
		CHECK(WIFSTOPPED(wait_child(WUNTRACED)));
		CHECK(is_restored());
		kill(c.pid, SIGCONT);
		wait_raw();
	}
	put(c.keys, "x", 1);
	expect_bytes(c.guest, "x", 1);
	put(c.keys, "\x1d", 1);
	expect_exit(HVCTL_OK);
	CHECK(is_restored());
	end();
}

static void the_deadline(void)
{
	begin(true, false, clock_now() + CLOCK_SECOND / 5);
	expect_exit(HVCTL_TIMEOUT);
	CHECK(is_restored());
	end();
}

/* A guest that reads nothing does not keep a person from the escape key. */
static void a_deaf_guest(void)
{
	char bytes[512];

	memset(bytes, 'k', sizeof(bytes));
	begin(true, false, UINT64_MAX);
	wait_raw();
	for (int i = 0; i < 1000; i++)
		put(c.keys, bytes, sizeof(bytes));
	put(c.keys, "\x1d", 1);
	expect_exit(HVCTL_OK);
	CHECK(is_restored());
	end();
}

/* From a pipe every byte arrives, the escape too, and its end is no end. */
static void a_script(void)
{
	char bytes[1000], copy[1000];
	size_t total = 0;

	check_seed(0xc0150);
	begin(false, false, UINT64_MAX);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	if (fork() == 0) {
		for (int round = 0; round < 600; round++)
			put(c.keys, bytes, sizeof(bytes));
		_exit(0);
	}
	close(c.keys);
	c.keys = -1;
	for (int round = 0; round < 600; round++) {
		size_t used = 0;

		while (used < sizeof(copy)) {
			ssize_t got =
				read(c.guest, copy + used, 1 + check_below(sizeof(copy) - used));

			REQUIRE(got > 0);
			used += (size_t)got;
		}
		if (memcmp(copy, bytes, sizeof(bytes)) == 0)
			total += used;
	}
	CHECK_EQ(total, 600 * sizeof(bytes));
	put(c.guest, "done", 4);
	expect_bytes(c.screen, "done", 4);
	close(c.guest);
	c.guest = -1;
	expect_exit(HVCTL_OK);
	end();
	wait(NULL);
}

/* Whoever reads the output is gone: hvctl says so and ends. */
static void no_screen(void)
{
	begin(true, false, UINT64_MAX);
	wait_raw();
	close(c.screen);
	c.screen = dup(c.keys);
	put(c.guest, "x", 1);
	expect_exit(HVCTL_FAILED);
	CHECK(is_restored());
	end();
}

int main(void)
{
	CHECK_RUN(a_terminal);
	CHECK_RUN(the_guest_ends);
	CHECK_RUN(signals);
	CHECK_RUN(a_stop);
	CHECK_RUN(the_deadline);
	CHECK_RUN(a_deaf_guest);
	CHECK_RUN(a_script);
	CHECK_RUN(no_screen);
	return check_done();
}
