/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What goes to standard error: one line per error ("hvctl: ..."), or an object
 * with --json; notices, which -q silences; details, which -v asks for. All
 * text is escaped here, so callers may put words of others into it.
 */
#ifndef HVCTL_ERROR_H
#define HVCTL_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "hvctl.h"

void error_setup(bool json, bool quiet, bool verbose);

/* Prints the error and returns status, for "return error_report(...)". */
__attribute__((format(printf, 2, 3))) enum hvctl_status error_report(enum hvctl_status status,
								     const char *format, ...);

/*
 * As error_report(), for an error in a file that the user wrote: its name comes
 * first, and the line where it is known (from 1; 0: it is not).
 */
__attribute__((format(printf, 4, 5))) enum hvctl_status
error_in_file(enum hvctl_status status, const char *file, uint64_t line, const char *format, ...);

/* As error_report(), with the status and the text of an errno (positive). */
__attribute__((format(printf, 2, 3))) enum hvctl_status error_errno(int error, const char *format,
								    ...);

__attribute__((format(printf, 1, 2))) void error_notice(const char *format, ...);
__attribute__((format(printf, 1, 2))) void error_detail(const char *format, ...);

/* While muted, errors are not printed. */
void error_mute(bool muted);

/* What a person at a terminal wants to see and a script does not. */
__attribute__((format(printf, 1, 2))) void error_progress(const char *format, ...);

#endif
