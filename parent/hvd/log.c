/* SPDX-License-Identifier: GPL-2.0-only */
/* The journal, see log.h. */
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#define WINDOW 5 /* seconds */
#define LINES 10u

static bool may_log(struct log_site *site, const char *level)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!site->lines || now.tv_sec - site->window >= WINDOW) {
		site->window = now.tv_sec;
		site->lines = 0;
	}
	site->lines++;
	if (site->lines == LINES)
		fprintf(stderr, "%shvd: more like the next line is not logged for a while\n",
			level);
	return site->lines <= LINES;
}

void log_at(struct log_site *site, const char *level, const char *format, ...)
{
	char line[1024];
	va_list arguments;

	if (!may_log(site, level))
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	fprintf(stderr, "%shvd: %s\n", level, line);
}
