/* SPDX-License-Identifier: GPL-2.0-only */
/* See parse.h. */
#include "parse.h"

#include <stddef.h>
#include <string.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Two digits; a byte, or -1. */
static int byte(const char *text)
{
	int high = digit(text[0]), low = high < 0 ? -1 : digit(text[1]);

	return low < 0 ? -1 : high << 4 | low;
}

/* Where in memory the byte lies that is written at that place: the first three parts are
 * little-endian numbers. */
static const uint8_t places[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

static bool dash_before(unsigned int at)
{
	return at == 4 || at == 6 || at == 8 || at == 10;
}

bool parse_guid(const char *text, struct vmbus_guid *guid)
{
	uint8_t any = 0;

	for (unsigned int i = 0; i < 16; i++) {
		int value;

		if (dash_before(i) && *text++ != '-')
			return false;
		value = byte(text);
		if (value < 0)
			return false;
		guid->bytes[places[i]] = (uint8_t)value;
		any |= (uint8_t)value;
		text += 2;
	}
	return !*text && any;
}

void format_guid(const struct vmbus_guid *guid, char text[GUID_TEXT])
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned int i = 0; i < 16; i++) {
		uint8_t value = guid->bytes[places[i]];

		if (dash_before(i))
			*text++ = '-';
		*text++ = digits[value >> 4];
		*text++ = digits[value & 15];
	}
	*text = '\0';
}

bool parse_mac(const char *text, uint8_t mac[6])
{
	uint8_t any = 0;

	for (unsigned int i = 0; i < 6; i++) {
		int value;

		if (i && *text++ != ':')
			return false;
		value = byte(text);
		if (value < 0)
			return false;
		mac[i] = (uint8_t)value;
		any |= (uint8_t)value;
		text += 2;
	}
	return !*text && any && !(mac[0] & 1);
}

bool is_name(const char *text, unsigned int max)
{
	size_t length = strlen(text);

	if (!length || length > max)
		return false;
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}
