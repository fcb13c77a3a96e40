/* SPDX-License-Identifier: GPL-2.0-only */
/* hv's log: each line goes to the ring and, by level, to the console. */
#ifndef HV_CORE_LOG_H
#define HV_CORE_LOG_H

#include <mullion/log.h>

#include "core/loglimit.h"
#include "core/types.h"

/* Lines above this level go to the ring only. */
void log_set_console_level(enum mullion_log_level level);

/* From now on records live in area (page aligned, size bytes), where the
 * parent can map them; what was logged before moves there. */
void log_use(void *area, u64 size);

/* One line, without a newline. Any CPU, any context but a nested fault. */
void log_line(enum mullion_log_level level, const char *fmt, ...) __printf(2, 3);

/* The same, as far as limit lets it. */
void log_limited(struct log_limit *limit, enum mullion_log_level level, const char *fmt, ...)
	__printf(3, 4);

#define log_error(...) log_line(MULLION_LOG_ERROR, __VA_ARGS__)
/* What a guest or the parent's kernel brings about is a warning: each place has its
 * limit. */
#define log_warn(...)                                                    \
	do {                                                             \
		static struct log_limit log_limit_;                      \
		log_limited(&log_limit_, MULLION_LOG_WARN, __VA_ARGS__); \
	} while (0)
#define log_info(...) log_line(MULLION_LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(MULLION_LOG_DEBUG, __VA_ARGS__)

/* From here on the log takes no lock for granted: the other CPUs are stopped. */
void log_panic_mode(void);

#endif
