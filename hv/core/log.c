/* SPDX-License-Identifier: GPL-2.0-only */
/* The log: ring and console behind one lock. Lock order: none is taken inside. */
#include "core/log.h"

#include <stdarg.h>

#include "core/console.h"
#include "core/cpu.h"
#include "core/format.h"
#include "core/lock.h"
#include "core/logring.h"
#include "x86/tsc.h"

#define LINE_MAX 256

static struct spinlock lock;
static bool panicking;
static enum mullion_log_level console_level = MULLION_LOG_INFO;

/* Until memory is there, lines are kept in the image. */
static u8 early_area[8192] __aligned(8);
static struct mullion_log *ring;

void log_set_console_level(enum mullion_log_level level)
{
	console_level = level;
}

void log_use(void *area, u64 size)
{
	struct mullion_log *early = ring;
	bool kept;

	ring = area;
	kept = logring_init(ring, size);
	if (early)
		logring_copy(ring, early);
	if (kept)
		log_info("log: kept the records of an earlier boot");
}

void log_panic_mode(void)
{
	panicking = true;
}

/* A CPU that panics must not wait for a lock that a stopped CPU holds. */
static bool take_lock(void)
{
	if (!panicking) {
		spin_lock(&lock);
		return true;
	}
	for (u32 i = 0; i < 1000000; i++) {
		if (spin_trylock(&lock))
			return true;
		__builtin_ia32_pause();
	}
	return false;
}

/* limit may be NULL. */
static void write_line(struct log_limit *limit, enum mullion_log_level level, char *line, size_t n)
{
	u64 now = tsc_uptime_ns();
	bool locked = take_lock();
	u32 left_out = 0;

	if (limit && !log_limit_pass(limit, now, &left_out))
		goto out;
	if (left_out)
		n += hv_format(line + n, LINE_MAX - n, " (%u such lines left out)", left_out);
	if (!ring) {
		ring = (struct mullion_log *)early_area;
		logring_init(ring, sizeof(early_area));
	}
	logring_write(ring, level, cpu_count ? (u16)this_cpu()->index : 0, now, line, n);
	if (level <= console_level)
		console_line(line, n);
out:
	if (locked)
		spin_unlock(&lock);
}

void log_line(enum mullion_log_level level, const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list args;
	size_t n;

	va_start(args, fmt);
	n = hv_vformat(line, sizeof(line), fmt, args);
	va_end(args);
	write_line(NULL, level, line, n);
}

void log_limited(struct log_limit *limit, enum mullion_log_level level, const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list args;
	size_t n;

	va_start(args, fmt);
	n = hv_vformat(line, sizeof(line), fmt, args);
	va_end(args);
	write_line(limit, level, line, n);
}
