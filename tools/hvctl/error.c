/* SPDX-License-Identifier: GPL-2.0-only */
/* Errors, notices and details on standard error: see error.h. */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "text.h"

#define MESSAGE_SIZE 512

static struct {
	bool json;
	bool quiet;
	bool verbose;
} mode;

void error_setup(bool json, bool quiet, bool verbose)
{
	mode.json = json;
	mode.quiet = quiet;
	mode.verbose = verbose;
}

static void print_line(const char *message)
{
	char escaped[TEXT_ESCAPED_SIZE(MESSAGE_SIZE)];

	text_escape(escaped, sizeof(escaped), message, strlen(message));
	fprintf(stderr, "hvctl: %s\n", escaped);
}

static void print_error(enum hvctl_status status, const char *message)
{
	char escaped[TEXT_ESCAPED_SIZE(MESSAGE_SIZE)];

	if (mode.json) {
		text_escape(escaped, sizeof(escaped), message, strlen(message));
		if (json_print_error(stderr, status, escaped))
			return;
	}
	print_line(message);
}

enum hvctl_status error_report(enum hvctl_status status, const char *format, ...)
{
	char message[MESSAGE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	print_error(status, message);
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
	print_error(errno_status(error), message);
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
