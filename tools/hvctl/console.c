/* SPDX-License-Identifier: GPL-2.0-only */
/* A terminal and a partition's console: see console.h. */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"

#define PENDING_SIZE 4096

/* Signals that end hvctl or, the last one, stop it; each finds the terminal restored. */
static const int caught[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP };

#define CAUGHT (sizeof(caught) / sizeof(caught[0]))

struct console {
	int fd;
	bool input; /* standard input has not ended */
	bool terminal; /* it is one */
	struct sigaction actions[CAUGHT]; /* as they were */
	struct sigaction pipe_action;
	char pending[PENDING_SIZE]; /* input that the console has not taken yet */
	size_t count;
};

/* Standard input as a terminal: for the signals' handler too. */
static struct {
	volatile sig_atomic_t raw;
	struct termios saved;
	struct termios wanted;
} terminal;

/* Why the relay ends, or that it does not. */
enum end {
	GOES_ON,
	ESCAPED,
	HUNG_UP,
	BROKEN, /* reported */
};

static void make_raw(void)
{
	terminal.raw = 1;
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal.wanted);
}

/* raw is cleared first: a handler that interrupts this does not set it again. */
static void restore(void)
{
	if (!terminal.raw)
		return;
	terminal.raw = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal.saved);
}

/* Its action was reset and it is not blocked: raise() ends hvctl, or stops it. */
static void on_signal(int number)
{
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };
	bool was_raw = terminal.raw;
	int error = errno;

	restore();
	raise(number);
	sigaction(number, &action, NULL);
	if (was_raw)
		make_raw();
	errno = error;
}

static void catch_signals(struct console *console)
{
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	for (size_t i = 0; i < CAUGHT; i++) {
		sigaction(caught[i], NULL, &console->actions[i]);
		if (console->actions[i].sa_handler != SIG_IGN)
			sigaction(caught[i], &action, NULL);
	}
	sigaction(SIGPIPE, &ignore, &console->pipe_action);
}

static void release_signals(const struct console *console)
{
	for (size_t i = 0; i < CAUGHT; i++)
		sigaction(caught[i], &console->actions[i], NULL);
	sigaction(SIGPIPE, &console->pipe_action, NULL);
}

static bool open_terminal(void)
{
	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &terminal.saved) < 0)
		return false;
	terminal.wanted = terminal.saved;
	cfmakeraw(&terminal.wanted);
	return true;
}

/* False: errno tells what standard output does not take. */
static bool write_all(const char *bytes, size_t count)
{
	while (count) {
		ssize_t written = write(STDOUT_FILENO, bytes, count);

		if (written < 0 && errno != EINTR)
			return false;
		if (written > 0) {
			bytes += written;
			count -= (size_t)written;
		}
	}
	return true;
}

static enum end take_output(const struct console *console)
{
	char bytes[PENDING_SIZE];
	ssize_t count = read(console->fd, bytes, sizeof(bytes));

	if (count > 0) {
		if (write_all(bytes, (size_t)count))
			return GOES_ON;
		restore(); /* a line is printed as one */
		error_errno(errno, "cannot write the output");
		return BROKEN;
	}
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return GOES_ON;
	/* EIO is how a terminal tells that its other side is closed. */
	if (count == 0 || errno == EIO || errno == ECONNRESET)
		return HUNG_UP;
	restore();
	error_errno(errno, "cannot read the console");
	return BROKEN;
}

/*
 * A console that takes nothing must not keep a person from the escape key: what
 * a full buffer has no room for is dropped, as a serial line does. Input that
 * is no terminal waits instead (see wait_for()).
 */
static enum end take_input(struct console *console)
{
	char bytes[PENDING_SIZE];
	size_t room = PENDING_SIZE - console->count;
	ssize_t count;
	char *escape;

	count = read(STDIN_FILENO, bytes, console->terminal ? sizeof(bytes) : room);
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return GOES_ON;
	if (count <= 0) {
		console->input = false;
		return console->terminal ? ESCAPED : GOES_ON;
	}
	escape = console->terminal ? memchr(bytes, CONSOLE_ESCAPE, (size_t)count) : NULL;
	if (escape)
		return ESCAPED;
	room = room < (size_t)count ? room : (size_t)count;
	memcpy(console->pending + console->count, bytes, room);
	console->count += room;
	return GOES_ON;
}

static enum end give_input(struct console *console)
{
	ssize_t count = write(console->fd, console->pending, console->count);

	if (count < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return GOES_ON;
		return HUNG_UP; /* EIO, EPIPE: nobody is there to take it */
	}
	console->count -= (size_t)count;
	memmove(console->pending, console->pending + count, console->count);
	return GOES_ON;
}

/* Waits for bytes. Returns false when the deadline passes first. */
static bool wait_for(const struct console *console, struct pollfd polls[2], uint64_t deadline)
{
	bool reads = console->input && (console->terminal || console->count < PENDING_SIZE);
	uint64_t now = clock_now(), left = deadline > now ? deadline - now : 0;
	struct timespec time = {
		.tv_sec = (time_t)(left / CLOCK_SECOND),
		.tv_nsec = (long)(left % CLOCK_SECOND),
	};

	polls[0] = (struct pollfd){ .fd = console->fd, .events = POLLIN };
	if (console->count)
		polls[0].events |= POLLOUT;
	polls[1] = (struct pollfd){ .fd = reads ? STDIN_FILENO : -1, .events = POLLIN };
	if (ppoll(polls, 2, deadline == UINT64_MAX ? NULL : &time, NULL) >= 0)
		return polls[0].revents || polls[1].revents;
	polls[0].revents = polls[1].revents = 0; /* stopped and continued */
	return true;
}

static enum end serve(struct console *console, const struct pollfd polls[2])
{
	enum end end = GOES_ON;

	/* Output first: what the guest said before it ended is still shown. */
	if (polls[0].revents & (POLLIN | POLLHUP | POLLERR))
		end = take_output(console);
	if (end == GOES_ON && polls[1].revents)
		end = take_input(console);
	if (end == GOES_ON && console->count && polls[0].revents & POLLOUT)
		end = give_input(console);
	return end;
}

static enum hvctl_status relay(struct console *console, uint64_t deadline)
{
	struct pollfd polls[2];
	enum end end = GOES_ON;

	while (end == GOES_ON) {
		if (!wait_for(console, polls, deadline)) {
			restore();
			return error_report(HVCTL_TIMEOUT, "console: the time is over");
		}
		end = serve(console, polls);
	}
	restore();
	if (console->terminal)
		error_progress(end == ESCAPED ? "left the console" : "the console has ended");
	return end == BROKEN ? HVCTL_FAILED : HVCTL_OK;
}

enum hvctl_status console_run(int fd, uint64_t deadline)
{
	struct console console = { .fd = fd, .input = true };
	enum hvctl_status status;

	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return error_errno(errno, "cannot use the console");
	fflush(stdout);
	console.terminal = open_terminal();
	if (console.terminal)
		error_progress("connected to the console; ^] (Control and ]) leaves it");
	catch_signals(&console);
	if (console.terminal)
		make_raw();
	status = relay(&console, deadline);
	restore();
	release_signals(&console);
	return status;
}
