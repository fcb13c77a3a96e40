/* SPDX-License-Identifier: GPL-2.0-only */
/* Log records for people and as JSON. Their text is escaped here. */
#ifndef HVCTL_LOG_PRINT_H
#define HVCTL_LOG_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "json.h"
#include "log-reader.h"

/* Ends with NULL; indexed by enum mullion_log_level. */
extern const char *const log_level_names[];

/* One line: time, CPU, level, text. */
void log_print(FILE *out, const struct log_record *record, bool color);

/*
 * A new object with the record's fields; as a line of a stream it has the field
 * schema too. Returns what sd-json returns; the caller lets go of *object.
 */
int log_json(sd_json_variant **object, const struct log_record *record, bool stream);

#endif
