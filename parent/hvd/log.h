/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal: lines on standard error with a level, as sd-daemon(3) says. Each
 * place that logs gets ten lines in five seconds and then says once that it has
 * more, so that no client fills a disk.
 */
#ifndef HVD_LOG_H
#define HVD_LOG_H

#include <systemd/sd-daemon.h>

struct log_site {
	long long window; /* second in which it began */
	unsigned int lines; /* in the window */
};

__attribute__((format(printf, 3, 4))) void log_at(struct log_site *site, const char *level,
						  const char *format, ...);

#define LOG_AT(level, ...)                              \
	do {                                            \
		static struct log_site log_site_;       \
		log_at(&log_site_, level, __VA_ARGS__); \
	} while (0)

#define log_error(...) LOG_AT(SD_ERR, __VA_ARGS__)
#define log_warning(...) LOG_AT(SD_WARNING, __VA_ARGS__)
#define log_notice(...) LOG_AT(SD_NOTICE, __VA_ARGS__)
#define log_info(...) LOG_AT(SD_INFO, __VA_ARGS__)

#endif
