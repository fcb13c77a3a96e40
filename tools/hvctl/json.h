/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON output, by libsystemd. Units are fixed: bytes and nanoseconds, in the
 * field's name where it is a number with a unit. Fields are only ever added.
 */
#ifndef HVCTL_JSON_H
#define HVCTL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __CHECKER__
#define __EDG__ /* for EDG libsystemd leaves out what sparse cannot parse: typed enumerations */
#endif
#include <systemd/sd-json.h>

#include "hvctl.h"

/* A variable of type sd_json_variant * that lets go of its value by itself. */
#define JSON_AUTO __attribute__((cleanup(sd_json_variant_unrefp)))

/*
 * Prints object on standard output, on one line or, for a person at a
 * terminal, on several. Returns HVCTL_OK or an error that it has reported.
 */
enum hvctl_status json_print(sd_json_variant *object, bool color);

/*
 * Prints an object of the pairs (SD_JSON_BUILD_PAIR_...), with "schema" before
 * them, as json_print() does.
 */
#define json_show(color, ...)                                                                      \
	json_show_object(color,                                                                    \
			 SD_JSON_BUILD_OBJECT(SD_JSON_BUILD_PAIR_UNSIGNED("schema", HVCTL_SCHEMA), \
					      __VA_ARGS__))
enum hvctl_status json_show_object(bool color, ...);

/* Prints object as one line of a stream, at once. */
enum hvctl_status json_print_line(sd_json_variant *object);

/* Reports that building an object failed (error: from sd-json, negative). */
enum hvctl_status json_failed(int error);

/*
 * Prints an error object; message and file are ASCII. Without file it is no
 * error in a file; line 0 is not known. False when that was not possible.
 */
bool json_print_error(FILE *out, enum hvctl_status status, const char *message, const char *file,
		      uint64_t line);

#endif
