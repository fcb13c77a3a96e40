/* SPDX-License-Identifier: GPL-2.0-only */
/* Errors as one line: see error.h. */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *name = "?";

void error_name(const char *program)
{
	name = program;
}

void error_clean(char *to, const char *text, unsigned int room)
{
	unsigned int n = 0;

	for (; n + 1 < room && text[n]; n++)
		to[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
	to[n] = '\0';
}

/* A line may hold a file's name or what a guest did. */
static void print_line(const char *text)
{
	char line[sizeof(((struct error *)0)->text)];

	error_clean(line, text, sizeof(line));
	fprintf(stderr, "%s: %s\n", name, line);
}

static void set(struct error *error, enum error_kind kind, const char *format, va_list arguments)
{
	error->kind = kind;
	vsnprintf(error->text, sizeof(error->text), format, arguments);
}

void error_fill(struct error *error, enum error_kind kind, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set(error, kind, format, arguments);
	va_end(arguments);
}

static enum error_kind kind_of(int number)
{
	switch (number) {
	case EACCES:
	case EPERM:
		return ERROR_DENIED;
	case EAGAIN:
	case EBUSY:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOSPC:
		return ERROR_RESOURCES;
	case ENODEV:
	case ENOSYS:
	case ENOTTY:
	case EOPNOTSUPP:
		return ERROR_UNSUPPORTED;
	default:
		return ERROR_FAILED;
	}
}

void error_fill_errno(struct error *error, int number, const char *format, ...)
{
	va_list arguments;
	size_t used;

	va_start(arguments, format);
	set(error, kind_of(number), format, arguments);
	va_end(arguments);
	used = strlen(error->text);
	snprintf(error->text + used, sizeof(error->text) - used, ": %s", strerror(number));
}

int error_print(const struct error *error)
{
	print_line(error->text);
	return (int)error->kind;
}

void notice(const char *format, ...)
{
	char text[sizeof(((struct error *)0)->text)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	print_line(text);
}
