/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's console: see console.h. Virtual processors touch the UART and the
 * ring under the lock and wake the event loop, which moves the bytes; a wake-up
 * stands for all that is written within some milliseconds.
 */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>

#include "ring.h"
#include "uart.h"

#define GATHER_USEC 2000u
#define CHUNK 4096u
#define ESCAPE 0x1d /* control and ], at a terminal on the standard input */

struct console {
	void (*raise)(void *context);
	void *context;

	pthread_mutex_t lock;
	struct uart uart;
	struct ring ring;
	bool line; /* the interrupt line as it was last seen */
	bool reader; /* somebody wants the output */
	bool woken; /* the event loop has been told, and not looked yet */
	bool full; /* input waits for room in the UART */

	/* The event loop's. */
	int wake, in, out, watch;
	bool blocked; /* out takes nothing now */
	bool terminal; /* in is one, and raw */
	struct termios before;
	uint64_t sent;
	char path[PATH_MAX];
	sd_event_source *wake_source, *timer, *in_source, *watch_source;
	uint8_t bytes[CONSOLE_RING];
};

/* ---- The guest's side ---- */

static void wake(struct console *console)
{
	uint64_t one = 1;

	/* Fails only when the counter is full: then it is awake. */
	if (write(console->wake, &one, sizeof(one)) < 0)
		return;
}

/* Called with the lock; returns whether the line has risen. */
static bool line_rises(struct console *console)
{
	bool before = console->line;

	console->line = uart_interrupt(&console->uart);
	return console->line && !before;
}

void console_reset(struct console *console)
{
	pthread_mutex_lock(&console->lock);
	uart_reset(&console->uart);
	console->line = false;
	pthread_mutex_unlock(&console->lock);
}

uint8_t console_read(struct console *console, unsigned reg)
{
	bool rises, room;
	uint8_t value;

	pthread_mutex_lock(&console->lock);
	value = uart_read(&console->uart, reg);
	rises = line_rises(console);
	room = console->full && uart_room(&console->uart);
	if (room)
		console->full = false;
	pthread_mutex_unlock(&console->lock);
	if (room)
		wake(console);
	if (rises)
		console->raise(console->context);
	return value;
}

void console_write(struct console *console, unsigned reg, uint8_t value)
{
	bool rises, tell = false;
	int byte;

	pthread_mutex_lock(&console->lock);
	byte = uart_write(&console->uart, reg, value);
	rises = line_rises(console);
	if (byte >= 0) {
		ring_put(&console->ring, (uint8_t)byte);
		tell = console->reader && !console->woken;
		console->woken |= tell;
	}
	pthread_mutex_unlock(&console->lock);
	if (tell)
		wake(console);
	if (rises)
		console->raise(console->context);
}

uint64_t console_written(struct console *console)
{
	uint64_t written;

	pthread_mutex_lock(&console->lock);
	written = console->ring.written;
	pthread_mutex_unlock(&console->lock);
	return written;
}

/* ---- The event loop's side ---- */

/* Copies what comes next out of the ring; returns how many bytes. */
static size_t next_output(struct console *console, uint8_t *bytes, size_t size)
{
	const uint8_t *from;
	size_t count;

	pthread_mutex_lock(&console->lock);
	console->woken = false;
	count = ring_peek(&console->ring, &console->sent, &from);
	if (count > size)
		count = size;
	memcpy(bytes, from, count);
	pthread_mutex_unlock(&console->lock);
	return count;
}

static void set_events(struct console *console)
{
	bool full;

	pthread_mutex_lock(&console->lock);
	full = console->full;
	pthread_mutex_unlock(&console->lock);
	if (console->in_source)
		sd_event_source_set_io_events(console->in_source,
					      (full ? 0u : EPOLLIN) |
						      (console->blocked ? EPOLLOUT : 0u));
}

static void drain(struct console *console)
{
	uint8_t bytes[CHUNK];
	ssize_t written;
	size_t count;

	console->blocked = false;
	while ((count = next_output(console, bytes, sizeof(bytes)))) {
		written = write(console->out, bytes, count);
		if (written > 0) {
			console->sent += (uint64_t)written;
		} else if (written < 0 && errno == EAGAIN) {
			console->blocked = true;
			break;
		} else if (errno != EINTR) {
			break;
		}
	}
	set_events(console);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	drain(userdata);
	return 0;
}

static int on_wake(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct console *console = userdata;
	uint64_t count;

	(void)source;
	(void)events;
	if (read(fd, &count, sizeof(count)) < 0)
		return 0;
	set_events(console);
	if (console->in_source && console->reader)
		sd_event_source_set_enabled(console->in_source, SD_EVENT_ON);
	sd_event_source_set_time_relative(console->timer, GATHER_USEC);
	sd_event_source_set_enabled(console->timer, SD_EVENT_ONESHOT);
	return 0;
}

static void deliver(struct console *console, const uint8_t *bytes, size_t count)
{
	bool rises;

	pthread_mutex_lock(&console->lock);
	for (size_t i = 0; i < count; i++)
		uart_receive(&console->uart, bytes[i]);
	rises = line_rises(console);
	pthread_mutex_unlock(&console->lock);
	if (rises)
		console->raise(console->context);
}

/* How much the UART takes now; without room the guest's next read wakes us. */
static size_t input_room(struct console *console)
{
	size_t room;

	pthread_mutex_lock(&console->lock);
	room = uart_room(&console->uart);
	console->full = !room;
	pthread_mutex_unlock(&console->lock);
	return room;
}

static void take_input(struct console *console)
{
	uint8_t bytes[UART_FIFO];
	size_t room = input_room(console);
	ssize_t count;

	if (!room) {
		set_events(console);
		return;
	}
	count = read(console->in, bytes, room < sizeof(bytes) ? room : sizeof(bytes));
	if (count == 0) { /* a pipe or file has ended */
		sd_event_source_set_enabled(console->in_source, SD_EVENT_OFF);
		return;
	}
	if (count < 0)
		return;
	if (console->terminal && memchr(bytes, ESCAPE, (size_t)count))
		kill(getpid(), SIGTERM);
	deliver(console, bytes, (size_t)count);
}

static void set_reader(struct console *console, bool reader)
{
	pthread_mutex_lock(&console->lock);
	console->reader = reader;
	console->sent = ring_oldest(&console->ring);
	pthread_mutex_unlock(&console->lock);
}

/* The last reader has gone: what it did not read is in the ring as well. */
static void reader_gone(struct console *console)
{
	int fd;

	set_reader(console, false);
	sd_event_source_set_enabled(console->in_source, SD_EVENT_OFF);
	fd = open(console->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	tcflush(fd, TCIFLUSH);
	close(fd);
}

/* Nobody has the terminal open. What was typed before may still wait for room in
 * the UART; the guest's next read wakes us for it. */
static void hung_up(struct console *console)
{
	if (console->full || !console->path[0])
		sd_event_source_set_enabled(console->in_source, SD_EVENT_OFF);
	else
		reader_gone(console);
}

static int on_input(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct console *console = userdata;

	(void)source;
	(void)fd;
	if (events & EPOLLIN)
		take_input(console);
	else if (events & EPOLLHUP)
		hung_up(console);
	if (events & EPOLLOUT)
		drain(console);
	return 0;
}

/* Somebody has opened or closed the terminal. The master tells by POLLHUP that
 * nobody has it open, but not when that ends. */
static int on_watch(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct console *console = userdata;
	struct pollfd master = { .fd = console->in };
	char buffer[4096];

	(void)source;
	(void)events;
	if (read(fd, buffer, sizeof(buffer)) < 0 || poll(&master, 1, 0) < 0)
		return 0;
	if ((master.revents & POLLHUP) || console->reader)
		return 0;
	set_reader(console, true);
	sd_event_source_set_enabled(console->in_source, SD_EVENT_ON);
	drain(console);
	return 0;
}

static bool add_sources(struct console *console, sd_event *event, struct error *error)
{
	int result;

	result = sd_event_add_io(event, &console->wake_source, console->wake, EPOLLIN, on_wake,
				 console);
	if (result >= 0)
		result = sd_event_add_time_relative(event, &console->timer, CLOCK_MONOTONIC, 0, 1,
						    on_timer, console);
	if (result >= 0)
		result = sd_event_source_set_enabled(console->timer, SD_EVENT_OFF);
	if (result >= 0)
		return true;
	return error_errno(error, -result, "console");
}

struct console *console_new(void (*raise)(void *context), void *context, struct error *error)
{
	struct console *console = calloc(1, sizeof(*console));

	if (!console) {
		error_fill_errno(error, ENOMEM, "console");
		return NULL;
	}
	console->raise = raise;
	console->context = context;
	console->in = console->out = console->watch = -1;
	console->ring = (struct ring){ .bytes = console->bytes, .size = sizeof(console->bytes) };
	pthread_mutex_init(&console->lock, NULL);
	uart_reset(&console->uart);
	console->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (console->wake >= 0)
		return console;
	error_fill_errno(error, errno, "console");
	console_free(console);
	return NULL;
}

/* Makes the terminal raw from both sides, and unused: its master then says so. */
static bool make_pty(struct console *console, struct error *error)
{
	struct termios raw;
	int slave;

	console->in = console->out = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (console->in < 0 || grantpt(console->in) < 0 || unlockpt(console->in) < 0 ||
	    ptsname_r(console->in, console->path, sizeof(console->path)) != 0)
		return error_errno(error, errno, "console: no pseudo-terminal");
	slave = open(console->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return error_errno(error, errno, "console: %s", console->path);
	if (tcgetattr(slave, &raw) == 0) {
		cfmakeraw(&raw);
		tcsetattr(slave, TCSANOW, &raw);
	}
	close(slave);
	return true;
}

bool console_open_pty(struct console *console, sd_event *event, struct error *error)
{
	int result;

	if (!make_pty(console, error) || !add_sources(console, event, error))
		return false;
	console->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (console->watch < 0 ||
	    inotify_add_watch(console->watch, console->path, IN_OPEN | IN_CLOSE) < 0)
		return error_errno(error, errno, "console: cannot watch %s", console->path);
	result = sd_event_add_io(event, &console->watch_source, console->watch, EPOLLIN, on_watch,
				 console);
	if (result >= 0)
		result = sd_event_add_io(event, &console->in_source, console->in, EPOLLIN, on_input,
					 console);
	if (result >= 0)
		result = sd_event_source_set_enabled(console->in_source, SD_EVENT_OFF);
	if (result >= 0)
		return true;
	return error_errno(error, -result, "console");
}

bool console_open_stdio(struct console *console, sd_event *event, struct error *error)
{
	struct termios raw;

	console->in = STDIN_FILENO;
	console->out = STDOUT_FILENO;
	if (!add_sources(console, event, error))
		return false;
	/* What cannot be waited for (a file, /dev/null) has nothing to say. */
	if (sd_event_add_io(event, &console->in_source, console->in, EPOLLIN, on_input, console) <
	    0)
		console->in_source = NULL;
	if (isatty(console->in) && tcgetattr(console->in, &console->before) == 0) {
		raw = console->before;
		cfmakeraw(&raw);
		console->terminal = tcsetattr(console->in, TCSANOW, &raw) == 0;
	}
	set_reader(console, true);
	return true;
}

const char *console_path(const struct console *console)
{
	return console->path[0] ? console->path : NULL;
}

void console_flush(struct console *console)
{
	if (console->out >= 0 && console->reader)
		drain(console);
}

void console_free(struct console *console)
{
	if (!console)
		return;
	if (console->terminal)
		tcsetattr(console->in, TCSANOW, &console->before);
	sd_event_source_disable_unref(console->wake_source);
	sd_event_source_disable_unref(console->timer);
	sd_event_source_disable_unref(console->in_source);
	sd_event_source_disable_unref(console->watch_source);
	if (console->path[0])
		close(console->in);
	if (console->watch >= 0)
		close(console->watch);
	if (console->wake >= 0)
		close(console->wake);
	pthread_mutex_destroy(&console->lock);
	free(console);
}
