/* SPDX-License-Identifier: GPL-2.0-only */
/* Text from outside made harmless, and numbers from text: see text.h. */
#include "text.h"

#include <string.h>

char *text_escape(char *out, size_t size, const char *bytes, size_t length)
{
	static const char hex[] = "0123456789abcdef";
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (byte >= 0x20 && byte < 0x7f) {
			if (size - used < 2)
				break;
			out[used++] = (char)byte;
			continue;
		}
		if (size - used < 5)
			break;
		out[used++] = '\\';
		out[used++] = 'x';
		out[used++] = hex[byte >> 4];
		out[used++] = hex[byte & 15];
	}
	out[used] = '\0';
	return out;
}

/* Appends a decimal digit. */
static bool add_digit(uint64_t *number, char digit)
{
	if (digit < '0' || digit > '9')
		return false;
	return !__builtin_mul_overflow(*number, UINT64_C(10), number) &&
	       !__builtin_add_overflow(*number, (uint64_t)(digit - '0'), number);
}

bool text_parse_number(const char *text, uint64_t *number)
{
	*number = 0;
	if (!*text)
		return false;
	for (; *text; text++)
		if (!add_digit(number, *text))
			return false;
	return true;
}

bool text_parse_seconds(const char *text, uint64_t *nanoseconds)
{
	size_t whole = strcspn(text, ".");
	size_t decimals = text[whole] ? strlen(text + whole + 1) : 0;

	*nanoseconds = 0;
	if (whole == 0 || decimals > 9 || (text[whole] && decimals == 0))
		return false;
	for (size_t i = 0; i < whole; i++)
		if (!add_digit(nanoseconds, text[i]))
			return false;
	for (size_t i = 0; i < 9; i++)
		if (!add_digit(nanoseconds, i < decimals ? text[whole + 1 + i] : '0'))
			return false;
	return true;
}
