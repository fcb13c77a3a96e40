/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HV_CORE_LOGRING_H
#define HV_CORE_LOGRING_H

#include <mullion/log.h>

#include "core/types.h"

/*
 * Makes a ring in area (size bytes, at least a page; 8-byte aligned). When the
 * area holds a sound ring of the same size left by an earlier boot, its records
 * are kept and this boot's follow them. Returns true when that was so.
 */
bool logring_init(struct mullion_log *ring, u64 size);

/*
 * Appends a record of length bytes of text (cut at MULLION_LOG_TEXT_MAX),
 * overwriting the oldest ones. One writer at a time: the caller locks.
 */
void logring_write(struct mullion_log *ring, enum mullion_log_level level, u16 cpu, u64 time_ns,
		   const char *text, size_t length);

/* Appends every record of from to to. The caller locks both. */
void logring_copy(struct mullion_log *to, const struct mullion_log *from);

#endif
