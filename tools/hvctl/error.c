/* SPDX-License-Identifier: GPL-2.0-only */
/* Errors, notices and details on standard error: see error.h. */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "text.h"

#define MESSAGE_SIZE 1024

/* Where an error lies: file is NULL where it is no file's. */
struct place {
	const char *file;
	uint64_t line; /* 0: not known */
};

static struct {
	bool json;
	bool quiet;
	bool verbose;
	bool muted;
} mode;

void error_setup(bool json, bool quiet, bool verbose)
{
	mode.json = json;
	mode.quiet = quiet;
	mode.verbose = verbose;
}

void error_mute(bool muted)
{
	mode.muted = muted;
}

static void print_line(const char *message)
{
	char escaped[TEXT_ESCAPED_SIZE(MESSAGE_SIZE)];

	text_escape(escaped, sizeof(escaped), message, strlen(message));
	fprintf(stderr, "hvctl: %s\n", escaped);
}

static bool print_object(enum hvctl_status status, struct place place, const char *message)
{
	char text[TEXT_ESCAPED_SIZE(MESSAGE_SIZE)], file[TEXT_ESCAPED_SIZE(MESSAGE_SIZE)];

	text_escape(text, sizeof(text), message, strlen(message));
	if (place.file)
		text_escape(file, sizeof(file), place.file, strlen(place.file));
	return json_print_error(stderr, status, text, place.file ? file : NULL, place.line);
}

static void print_error(enum hvctl_status status, struct place place, const char *message)
{
	char line[MESSAGE_SIZE];

	if (mode.muted)
		return;
	if (mode.json && print_object(status, place, message))
		return;
	if (place.file && place.line)
		snprintf(line, sizeof(line), "%s:%llu: %s", place.file,
			 (unsigned long long)place.line, message);
	else if (place.file)
		snprintf(line, sizeof(line), "%s: %s", place.file, message);
	print_line(place.file ? line : message);
}

enum hvctl_status error_report(enum hvctl_status status, const char *format, ...)
{
	char message[MESSAGE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	print_error(status, (struct place){ 0 }, message);
	return status;
}

enum hvctl_status error_in_file(enum hvctl_status status, const char *file, uint64_t line,
				const char *format, ...)
{
	char message[MESSAGE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	print_error(status, (struct place){ .file = file, .line = line }, message);
	return status;
}

static enum hvctl_status errno_status(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return HVCTL_DENIED;
	case EBUSY:
	case ENOMEM:
	case ENFILE:
	case EMFILE:
		return HVCTL_BUSY;
	default:
		return HVCTL_FAILED;
	}
}

enum hvctl_status error_errno(int error, const char *format, ...)
{
	char message[MESSAGE_SIZE];
	va_list arguments;
	size_t used;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	used = strlen(message);
	snprintf(message + used, sizeof(message) - used, ": %s", strerror(error));
	print_error(errno_status(error), (struct place){ 0 }, message);
	return errno_status(error);
}

void error_notice(const char *format, ...)
{
	char message[MESSAGE_SIZE];
	va_list arguments;

	if (mode.quiet)
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	print_line(message);
}

void error_detail(const char *format, ...)
{
	char message[MESSAGE_SIZE];
	va_list arguments;

	if (!mode.verbose)
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	print_line(message);
}

void error_progress(const char *format, ...)
{
	char message[MESSAGE_SIZE];
	va_list arguments;

	if (mode.quiet || !isatty(STDERR_FILENO))
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	print_line(message);
}
