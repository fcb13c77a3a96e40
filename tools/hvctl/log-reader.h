/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading hv's log ring (mullion/log.h) while hv goes on writing it. Nothing
 * in the ring is believed before it is checked, so that no content of it, and
 * no moment at which hv overwrites it, does harm.
 */
#ifndef HVCTL_LOG_READER_H
#define HVCTL_LOG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mullion/log.h>

#include "shared.h"

struct log_reader {
	struct shared ring; /* not owned */
	size_t data_offset;
	uint64_t data_size;
	uint64_t position; /* of the next record */
	uint64_t sequence; /* that the next record should have */
	bool started; /* a record was read: sequence is known */
	uint64_t end; /* head when the reader was opened */
	uint64_t boot_head; /* records before it are from earlier boots */
	uint64_t boot; /* number of this boot */
	const char *damage; /* after LOG_DAMAGED: what is wrong */
};

struct log_record {
	enum mullion_log_level level;
	uint16_t cpu;
	uint64_t sequence;
	uint64_t time_ns;
	uint64_t lost; /* records between the one read before and this one */
	bool this_boot;
	size_t length;
	char text[MULLION_LOG_TEXT_MAX]; /* any bytes, not ended by NUL */
};

enum log_result {
	LOG_RECORD, /* *record is filled in */
	LOG_END, /* nothing new; later there may be */
	LOG_DAMAGED, /* the ring breaks its rules: see damage */
};

/*
 * Starts at the oldest record, or at the oldest one of this boot. ring must
 * stay mapped as long as the reader is used. False: damaged, see damage.
 */
bool log_reader_open(struct log_reader *reader, const struct shared *ring, bool all_boots);

/* The next record. After LOG_DAMAGED the reader must not be used. */
enum log_result log_reader_next(struct log_reader *reader, struct log_record *record);

#endif
