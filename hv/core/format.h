/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HV_CORE_FORMAT_H
#define HV_CORE_FORMAT_H

#include <stdarg.h>

#include "core/types.h"

/*
 * Formats into buf (size bytes, size >= 1), always NUL-terminated, cut when it
 * does not fit. Returns the bytes written without the NUL.
 *
 * Conversions: %d %u %x with l or z before them, %s %c %p %%; a field width and
 * '0' or '-' as flags; a precision for %s, '*' too. Anything else is copied as
 * it stands.
 */
size_t hv_vformat(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
size_t hv_format(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

#endif
