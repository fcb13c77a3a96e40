/* SPDX-License-Identifier: GPL-2.0-only */
/* Text from outside made harmless, and numbers from text: see text.h. */
#include "text.h"

#include <string.h>

static void put_hex(char *out, unsigned char byte)
{
	static const char hex[] = "0123456789abcdef";

	out[0] = '\\';
	out[1] = 'x';
	out[2] = hex[byte >> 4];
	out[3] = hex[byte & 15];
}

char *text_escape(char *out, size_t size, const char *bytes, size_t length)
{
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
		put_hex(out + used, byte);
		used += 4;
	}
	out[used] = '\0';
	return out;
}

/* How many bytes the first character of valid UTF-8 has; 1 at its end. */
static size_t character_length(const char *text)
{
	size_t length = 1;

	while (((unsigned char)text[length] & 0xc0) == 0x80 && *text)
		length++;
	return length;
}

static bool is_control(const char *text)
{
	unsigned char first = (unsigned char)text[0], second = (unsigned char)text[1];

	return first < 0x20 || first == 0x7f || (first == 0xc2 && second < 0xa0);
}

char *text_printable(char *out, size_t size, const char *text)
{
	size_t used = 0;

	while (*text) {
		size_t length = character_length(text);
		bool control = is_control(text);

		if (size - used <= (control ? 4 * length : length))
			break;
		for (size_t i = 0; i < length; i++) {
			if (control)
				put_hex(out + used, (unsigned char)text[i]);
			else
				out[used] = text[i];
			used += control ? 4 : 1;
		}
		text += length;
	}
	out[used] = '\0';
	return out;
}

/*
 * The forms of a character: its first byte, the second one, and how many there
 * are; the third and fourth are 80 to bf.
 */
static const struct form {
	unsigned char first[2];
	unsigned char second[2];
	size_t length;
} forms[] = {
	{ { 0x01, 0x7f }, { 0, 0 }, 1 },       { { 0xc2, 0xdf }, { 0x80, 0xbf }, 2 },
	{ { 0xe0, 0xe0 }, { 0xa0, 0xbf }, 3 }, { { 0xe1, 0xec }, { 0x80, 0xbf }, 3 },
	{ { 0xed, 0xed }, { 0x80, 0x9f }, 3 }, { { 0xee, 0xef }, { 0x80, 0xbf }, 3 },
	{ { 0xf0, 0xf0 }, { 0x90, 0xbf }, 4 }, { { 0xf1, 0xf3 }, { 0x80, 0xbf }, 4 },
	{ { 0xf4, 0xf4 }, { 0x80, 0x8f }, 4 },
};

static bool is_between(char byte, unsigned char least, unsigned char most)
{
	return (unsigned char)byte >= least && (unsigned char)byte <= most;
}

/* The length of the character that bytes begin with, or 0. */
static size_t valid_character(const char *bytes, size_t length)
{
	const struct form *form = forms;

	while (!is_between(bytes[0], form->first[0], form->first[1]))
		if (++form == forms + sizeof(forms) / sizeof(forms[0]))
			return 0;
	if (form->length > length)
		return 0;
	if (form->length > 1 && !is_between(bytes[1], form->second[0], form->second[1]))
		return 0;
	for (size_t i = 2; i < form->length; i++)
		if (!is_between(bytes[i], 0x80, 0xbf))
			return 0;
	return form->length;
}

size_t text_valid(const char *bytes, size_t length)
{
	size_t valid = 0;

	while (valid < length) {
		size_t character = valid_character(bytes + valid, length - valid);

		if (!character)
			break;
		valid += character;
	}
	return valid;
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

/* A number with at most so many decimals, in units of the last one. */
static bool parse_decimal(const char *text, size_t places, uint64_t *number)
{
	size_t whole = strcspn(text, ".");
	size_t decimals = text[whole] ? strlen(text + whole + 1) : 0;

	*number = 0;
	if (whole == 0 || decimals > places || (text[whole] && decimals == 0))
		return false;
	for (size_t i = 0; i < whole; i++)
		if (!add_digit(number, text[i]))
			return false;
	for (size_t i = 0; i < places; i++)
		if (!add_digit(number, i < decimals ? text[whole + 1 + i] : '0'))
			return false;
	return true;
}

bool text_parse_seconds(const char *text, uint64_t *nanoseconds)
{
	return parse_decimal(text, 9, nanoseconds);
}

bool text_parse_percent(const char *text, uint64_t *thousandths)
{
	return parse_decimal(text, 1, thousandths);
}
