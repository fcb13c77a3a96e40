/* SPDX-License-Identifier: GPL-2.0-only */
/* Text as guests have it, UTF-16, and as we have it, UTF-8. Pure. */
#ifndef VSP_TEXT_H
#define VSP_TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * What lies in size bytes of UTF-16, up to a 0, as printable UTF-8 with a 0 behind it:
 * control characters, and those that turn the direction of writing, become spaces, and
 * spaces at the end are cut. from need not be aligned. Returns the length without the 0;
 * -1: size is odd, half of a pair stands alone, or room (bytes) is too small.
 */
int text_from_utf16(const uint8_t *from, size_t size, char *to, size_t room);

/*
 * The other way, up to room bytes with the 0 at the end; what does not fit is cut. Bytes
 * that are no UTF-8 become question marks. room: even, at least 2.
 */
void text_to_utf16(const char *from, uint8_t *to, size_t room);

#endif
