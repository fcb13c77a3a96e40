/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * hv's log: a ring of records in memory that hv writes and the parent maps
 * read-only (GPA and size: struct mullion_hv_info).
 *
 * Positions (head, tail) count bytes since the ring was made and never wrap;
 * position p lies at data[p % data_size]. A record may wrap around the end of
 * data. tail <= head, head - tail <= data_size, both multiples of 8.
 *
 * Writer (hv, under its log lock): moves tail past the records it is about to
 * overwrite, makes that visible before anything else (a full fence), writes the
 * record, then stores head (release).
 * Reader (no lock): loads head (acquire); from its position p (p = tail at
 * first) copies out the header, checks it, copies the text, then, behind a read
 * barrier, loads tail: if tail > p the record was overwritten while it was read, and
 * p = tail goes on from the oldest one left. A record is checked after the
 * copy and before use.
 */
#ifndef MULLION_LOG_H
#define MULLION_LOG_H

#include <mullion/parent.h>

#define MULLION_LOG_MAGIC 0x474f4c2d4c4c554dull /* "MULL-LOG" */
#define MULLION_LOG_VERSION 1u

enum mullion_log_level {
	MULLION_LOG_ERROR = 0,
	MULLION_LOG_WARN = 1,
	MULLION_LOG_INFO = 2,
	MULLION_LOG_DEBUG = 3,
};

/* The longest text of one record, in bytes. Longer lines are cut. */
#define MULLION_LOG_TEXT_MAX 512u

struct mullion_log_record {
	__u32 length; /* bytes of text that follow this header; the next record
		       * begins at this header + 24 + length rounded up to 8 */
	__u8 level; /* enum mullion_log_level */
	__u8 reserved;
	__u16 cpu; /* index of the CPU that logged */
	__u64 sequence; /* counts records since the ring was made, from 0 */
	__u64 time_ns; /* since hv's start in the boot named by boot */
};

struct mullion_log {
	__u64 magic; /* MULLION_LOG_MAGIC */
	__u32 version; /* MULLION_LOG_VERSION */
	__u32 data_offset; /* bytes from this structure to data */
	__u64 data_size; /* bytes, a power of two */
	__u64 head; /* position behind the newest record */
	__u64 tail; /* position of the oldest record */
	__u64 sequence; /* of the next record */
	__u64 boot_head; /* head when this boot began: older records are from earlier boots */
	__u64 boot; /* boots that have written to this ring, this one included */
};

#endif
