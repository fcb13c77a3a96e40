/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How often one place in the code may log: what a guest or the parent can make happen
 * a million times must not push everything else out of the log. Pure.
 */
#ifndef HV_CORE_LOGLIMIT_H
#define HV_CORE_LOGLIMIT_H

#include "core/types.h"

/* Counted from the first line on: in any 5 s at most twice as many. */
#define LOG_LIMIT_LINES 5u
#define LOG_LIMIT_NS 5000000000ul

struct log_limit {
	u64 since; /* when the first of lines was written */
	u32 lines;
	u32 left_out; /* since the last that was written */
};

/* May a line be written now? If so *left_out says how many were not before it. */
static inline bool log_limit_pass(struct log_limit *l, u64 now_ns, u32 *left_out)
{
	if (!l->lines || now_ns - l->since >= LOG_LIMIT_NS) {
		l->since = now_ns;
		l->lines = 0;
	}
	if (l->lines == LOG_LIMIT_LINES) {
		l->left_out += l->left_out != UINT32_MAX;
		return false;
	}
	l->lines++;
	*left_out = l->left_out;
	l->left_out = 0;
	return true;
}

#endif
