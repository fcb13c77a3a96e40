/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parent/worker/console.c on a real pseudo-terminal: what a reader sees that comes
 * late, is slow, or comes again; and what is typed.
 */
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "check.h"

#include "console.h"

static sd_event *event;
static struct console *console;
static unsigned raised;

static void on_raise(void *context)
{
	(void)context;
	raised++;
}

/* Lets the loop do all that it can within some milliseconds. */
static void spin(void)
{
	while (sd_event_run(event, 20000) > 0)
		;
}

static void begin(void)
{
	struct error error;

	raised = 0;
	REQUIRE(sd_event_new(&event) >= 0);
	console = console_new(on_raise, NULL, &error);
	REQUIRE(console && console_open_pty(console, event, &error));
	console_write(console, 2, 0x01); /* FIFOs */
}

static void end(void)
{
	console_free(console);
	sd_event_unref(event);
}

static int open_reader(void)
{
	int fd = open(console_path(console), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	REQUIRE(fd >= 0);
	return fd;
}

static void say(const char *text)
{
	for (; *text; text++)
		console_write(console, 0, (uint8_t)*text);
}

/* All that the reader gets while the loop runs, NUL-terminated. */
static size_t hear(int fd, char *text, size_t size)
{
	size_t used = 0;
	ssize_t count;

	for (unsigned idle = 0; idle < 3;) {
		spin();
		count = read(fd, text + used, size - 1 - used);
		if (count > 0)
			used += (size_t)count;
		else
			idle++;
	}
	text[used] = '\0';
	return used;
}

static char heard[2 * CONSOLE_RING];

static void test_late_reader(void)
{
	int fd;

	begin();
	say("before\r\n");
	spin();
	fd = open_reader();
	hear(fd, heard, sizeof(heard));
	CHECK_STR(heard, "before\r\n");
	say("after");
	hear(fd, heard, sizeof(heard));
	CHECK_STR(heard, "after");
	/* Who comes when it was alone again reads all of it. */
	close(fd);
	spin();
	say("!");
	fd = open_reader();
	hear(fd, heard, sizeof(heard));
	CHECK_STR(heard, "before\r\nafter!");
	CHECK_EQ(console_written(console), 14);
	close(fd);
	end();
}

/* What one reader leaves unread does not come twice to the next. */
static void test_unread(void)
{
	int fd;

	begin();
	fd = open_reader();
	spin();
	say("unread");
	spin();
	close(fd);
	spin();
	fd = open_reader();
	hear(fd, heard, sizeof(heard));
	CHECK_STR(heard, "unread");
	close(fd);
	end();
}

/* A second reader beside the first changes nothing for it. */
static void test_two_readers(void)
{
	int first, second;

	begin();
	first = open_reader();
	say("one");
	hear(first, heard, sizeof(heard));
	second = open_reader();
	spin();
	close(second);
	spin();
	say("two");
	hear(first, heard, sizeof(heard));
	CHECK_STR(heard, "two");
	close(first);
	end();
}

/* The guest never waits; the reader gets the last bytes, in order. */
static void test_slow_reader(void)
{
	uint64_t total = 0;
	size_t count;
	int fd;

	begin();
	fd = open_reader();
	spin();
	while (total < 3 * CONSOLE_RING) {
		console_write(console, 0, (uint8_t)('a' + total % 23));
		if (++total % 4096 == 0)
			spin();
	}
	count = hear(fd, heard, sizeof(heard));
	CHECK(count >= CONSOLE_RING && count < 2 * CONSOLE_RING);
	for (size_t i = 0; i < CONSOLE_RING; i++) {
		uint64_t at = total - CONSOLE_RING + i;

		if (!CHECK_EQ(heard[count - CONSOLE_RING + i], 'a' + (int)(at % 23)))
			break;
	}
	close(fd);
	end();
}

/* Every byte arrives though the UART holds few, also after the writer has gone. */
static void test_input(void)
{
	static char typed[1000];
	size_t got = 0;
	int fd;

	begin();
	console_write(console, 4, 0x08);
	console_write(console, 1, 0x01);
	for (size_t i = 0; i < sizeof(typed); i++)
		typed[i] = (char)(i * 13 % 251);
	fd = open_reader();
	spin();
	CHECK_INT(write(fd, typed, sizeof(typed)), sizeof(typed));
	close(fd);
	for (unsigned idle = 0; idle < 3;) {
		if (console_read(console, 5) & 1) {
			CHECK_EQ(console_read(console, 0), (uint8_t)typed[got]);
			got++;
		} else {
			spin();
			idle += !(console_read(console, 5) & 1);
		}
	}
	CHECK_EQ(got, sizeof(typed));
	CHECK(raised > 0);
	end();
}

/* Nobody there, or nothing to do: the loop sleeps. */
static void test_quiet(void)
{
	int fd;

	begin();
	say("x");
	spin();
	CHECK_INT(sd_event_run(event, 0), 0);
	fd = open_reader();
	hear(fd, heard, sizeof(heard));
	CHECK_INT(sd_event_run(event, 0), 0);
	close(fd);
	spin();
	CHECK_INT(sd_event_run(event, 0), 0);
	end();
}

int main(void)
{
	alarm(60);
	CHECK_RUN(test_late_reader);
	CHECK_RUN(test_unread);
	CHECK_RUN(test_two_readers);
	CHECK_RUN(test_slow_reader);
	CHECK_RUN(test_input);
	CHECK_RUN(test_quiet);
	return check_done();
}
