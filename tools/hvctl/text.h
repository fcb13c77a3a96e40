/* SPDX-License-Identifier: GPL-2.0-only */
/* Text from outside made harmless, and numbers from text. */
#ifndef HVCTL_TEXT_H
#define HVCTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that text_escape() needs for length bytes, the NUL included. */
#define TEXT_ESCAPED_SIZE(length) (4 * (length) + 1)

/*
 * Copies length bytes to out with every byte outside of printable ASCII as
 * \xNN, so that a terminal does nothing and JSON stays valid. Stops before what
 * does not fit; size is at least 1. Returns out, which ends with NUL.
 */
char *text_escape(char *out, size_t size, const char *bytes, size_t length);

/*
 * Copies valid UTF-8 for a terminal: control characters of ASCII and of ISO 8859
 * (U+0080 to U+009F) as \xNN for each byte, all else as it is. Stops before what
 * does not fit; size is at least 1. Returns out, which ends with NUL.
 */
char *text_printable(char *out, size_t size, const char *text);

/*
 * How many of the bytes, from the first one on, are whole characters of UTF-8
 * (Unicode 15, table 3-7) other than NUL: length, if all are.
 */
size_t text_valid(const char *bytes, size_t length);

/* Decimal digits and nothing else; false when not, or above UINT64_MAX. */
bool text_parse_number(const char *text, uint64_t *number);

/* Percent with up to one decimal ("50", "12.5"), as thousandths. */
bool text_parse_percent(const char *text, uint64_t *thousandths);

/* Seconds with up to nine decimals ("10", "0.25"), as nanoseconds. */
bool text_parse_seconds(const char *text, uint64_t *nanoseconds);

#endif
