/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why something could not be done: one line and a kind. Functions that can fail take a
 * struct error and return false, or NULL, after filling it in.
 */
#ifndef VSP_ERROR_H
#define VSP_ERROR_H

#include <stdbool.h>

/* The numbers are exit statuses, the same as hvctl's. */
enum error_kind {
	ERROR_NONE = 0,
	ERROR_FAILED = 1,
	ERROR_USAGE = 2,
	ERROR_NOT_READY = 4,
	ERROR_CONFIG = 5,
	ERROR_UNSUPPORTED = 7,
	ERROR_DENIED = 8,
	ERROR_RESOURCES = 10,
};

struct error {
	enum error_kind kind;
	char text[240]; /* no newline, no program's name */
};

__attribute__((format(printf, 3, 4))) void error_fill(struct error *error, enum error_kind kind,
						      const char *format, ...);
__attribute__((format(printf, 3, 4))) void error_fill_errno(struct error *error, int number,
							    const char *format, ...);

/* Fills error in; is false, for "return error_set(...)". Macros, so that compilers and
 * checkers see what is returned. */
#define error_set(error, kind, ...) (error_fill(error, kind, __VA_ARGS__), false)

/* The same with an errno (positive), which decides the kind and ends the line. */
#define error_errno(error, number, ...) (error_fill_errno(error, number, __VA_ARGS__), false)

/* Once, before the two below: what a line begins with. The text stays the caller's. */
void error_name(const char *program);

/* Prints the line on standard error; returns the exit status. */
int error_print(const struct error *error);

/* One line on standard error that is no error, for the journal. */
__attribute__((format(printf, 1, 2))) void notice(const char *format, ...);

/* Copies text; what could steer a terminal or begin a line of its own becomes '?'. A 0
 * ends it, room (bytes) cuts it. */
void error_clean(char *to, const char *text, unsigned int room);

#endif
