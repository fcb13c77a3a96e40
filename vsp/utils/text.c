/* SPDX-License-Identifier: GPL-2.0-only */
/* UTF-16 and UTF-8: see text.h. Facts: RFC 2781, RFC 3629. */
#include "text.h"

#include <stdbool.h>
#include <string.h>

/* Characters that would do something to a terminal or a log. */
static bool prints(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	/* Marks and overrides of the direction, line and paragraph separators. */
	if (c == 0x61c || (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069))
		return false;
	return c != 0xfeff && (c & 0xfffe) != 0xfffe && !(c >= 0xfff9 && c <= 0xfffb) &&
	       !(c >= 0xfdd0 && c <= 0xfdef) && !(c >= 0xe0000 && c <= 0xe0fff);
}

static size_t encode(uint32_t c, char bytes[4])
{
	if (c < 0x80) {
		bytes[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		bytes[0] = (char)(0xc0 | c >> 6);
		bytes[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		bytes[0] = (char)(0xe0 | c >> 12);
		bytes[1] = (char)(0x80 | (c >> 6 & 0x3f));
		bytes[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	bytes[0] = (char)(0xf0 | c >> 18);
	bytes[1] = (char)(0x80 | (c >> 12 & 0x3f));
	bytes[2] = (char)(0x80 | (c >> 6 & 0x3f));
	bytes[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static uint32_t unit(const uint8_t *from, size_t at)
{
	return (uint32_t)from[at] | (uint32_t)from[at + 1] << 8;
}

/* The character at *at, which moves on; UINT32_MAX: none. */
static uint32_t next_utf16(const uint8_t *from, size_t size, size_t *at)
{
	uint32_t c = unit(from, *at), low;

	*at += 2;
	if (c < 0xd800 || c > 0xdfff)
		return c;
	if (c > 0xdbff || *at == size)
		return UINT32_MAX;
	low = unit(from, *at);
	if (low < 0xdc00 || low > 0xdfff)
		return UINT32_MAX;
	*at += 2;
	return 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
}

int text_from_utf16(const uint8_t *from, size_t size, char *to, size_t room)
{
	size_t length = 0, bytes;
	char encoded[4];

	if (size % 2 || !room)
		return -1;
	for (size_t at = 0; at < size;) {
		uint32_t c = next_utf16(from, size, &at);

		if (!c)
			break;
		if (c == UINT32_MAX)
			return -1;
		bytes = encode(prints(c) ? c : ' ', encoded);
		if (bytes >= room - length)
			return -1;
		memcpy(to + length, encoded, bytes);
		length += bytes;
	}
	while (length && to[length - 1] == ' ')
		length--;
	to[length] = '\0';
	return (int)length;
}

/* The character at *from, which moves on; a question mark where there is none. */
static uint32_t next_utf8(const char **from)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const uint8_t *bytes = (const uint8_t *)*from;
	uint32_t c = *bytes;
	size_t more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;

	++*from;
	if (c < 0x80)
		return c;
	if (c < 0xc0 || c > 0xf7)
		return '?';
	c &= 0x3fu >> more;
	for (size_t i = 1; i <= more; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return '?';
		c = c << 6 | (bytes[i] & 0x3f);
	}
	*from += more;
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return '?';
	return c;
}

static void put_unit(uint8_t *to, size_t at, uint32_t c)
{
	to[at] = (uint8_t)c;
	to[at + 1] = (uint8_t)(c >> 8);
}

void text_to_utf16(const char *from, uint8_t *to, size_t room)
{
	size_t at = 0;

	while (*from) {
		uint32_t c = next_utf8(&from);

		if (at + (c < 0x10000 ? 4 : 6) > room)
			break;
		if (c >= 0x10000) {
			c -= 0x10000;
			put_unit(to, at, 0xd800 | c >> 10);
			at += 2;
			c = 0xdc00 | (c & 0x3ff);
		}
		put_unit(to, at, c);
		at += 2;
	}
	put_unit(to, at, 0);
}
