/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fields of hvd's answers. A field that is null is missing; one that is there
 * with another type, or that is required and missing, is a fault: the first one
 * is kept, and the values read afterwards mean nothing.
 */
#ifndef HVCTL_REPLY_H
#define HVCTL_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "json.h"

#define REPLY_NO_NUMBER UINT64_MAX /* a number that is missing */

struct reply {
	sd_json_variant *object; /* not owned; texts live as long as it does */
	const char *fault; /* the name of a field, or NULL; static */
};

/* "" when required and missing, NULL when missing. */
const char *reply_text(struct reply *reply, const char *name, bool required);

/* From 0 to UINT64_MAX - 1; REPLY_NO_NUMBER when missing. */
uint64_t reply_number(struct reply *reply, const char *name, bool required);

/* False when missing. */
bool reply_flag(struct reply *reply, const char *name, bool required);

/* Not owned; NULL when missing. */
sd_json_variant *reply_object(struct reply *reply, const char *name, bool required);
sd_json_variant *reply_array(struct reply *reply, const char *name, bool required);

/*
 * Reports HVCTL_FAILED for an answer with a fault; HVCTL_OK without one.
 */
enum hvctl_status reply_check(const struct reply *reply);

#endif
