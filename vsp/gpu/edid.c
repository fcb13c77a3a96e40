/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See edid.h. VESA E-EDID A.2 (EDID 1.4): bytes by their offsets. The mode has the timing
 * of CVT with reduced blanking: 160 pixels and about 460 us of blanking.
 */
#include "edid.h"

#include <stdio.h>
#include <string.h>

#define HZ 60u
#define BLANK 160u /* pixels of a line */
#define BLANK_US 460u
#define FRONT 48u /* before the pulse */
#define PULSE 32u
#define V_FRONT 3u
#define V_PULSE 10u
#define DPI 96u

/* Tenths of a millimetre for pixels. */
static uint32_t length(uint32_t pixels)
{
	return pixels * 254 / DPI;
}

/* Lines of blanking: as many as take BLANK_US of a picture. */
static uint32_t blank_lines(uint32_t height)
{
	uint32_t lines = height * BLANK_US / (1000000 / HZ - BLANK_US) + 1;

	return lines < V_FRONT + V_PULSE + 6 ? V_FRONT + V_PULSE + 6 : lines;
}

/* 18 bytes: a detailed timing (3.10.2). */
static void put_mode(uint8_t *at, uint32_t width, uint32_t height)
{
	uint32_t lines = blank_lines(height), mm_x = length(width) / 10, mm_y = length(height) / 10;
	uint32_t clock = (width + BLANK) * (height + lines) / 10000 * HZ; /* 10 kHz */

	clock = clock < 0xffff ? clock : 0xffff;
	at[0] = (uint8_t)clock;
	at[1] = (uint8_t)(clock >> 8);
	at[2] = (uint8_t)width;
	at[3] = BLANK;
	at[4] = (uint8_t)(width >> 8 << 4 | BLANK >> 8);
	at[5] = (uint8_t)height;
	at[6] = (uint8_t)lines;
	at[7] = (uint8_t)(height >> 8 << 4 | lines >> 8);
	at[8] = FRONT;
	at[9] = PULSE;
	at[10] = V_FRONT << 4 | V_PULSE;
	at[11] = 0;
	at[12] = (uint8_t)mm_x;
	at[13] = (uint8_t)mm_y;
	at[14] = (uint8_t)((mm_x >> 8) << 4 | mm_y >> 8);
	at[17] = 0x1a; /* digital, separate pulses, the horizontal one positive */
}

/* 18 bytes: a descriptor with text of at most 13 characters (3.10.3). */
static void put_text(uint8_t *at, uint8_t tag, const char *text)
{
	size_t size = strlen(text);

	memset(at, 0, 5);
	at[3] = tag;
	memset(at + 5, ' ', 13);
	memcpy(at + 5, text, size < 13 ? size : 13);
	if (size < 13)
		at[5 + size] = '\n';
}

/* What it can do: 18 bytes, range limits without a formula. */
static void put_limits(uint8_t *at)
{
	static const uint8_t limits[18] = { 0,	 0, 0,	  0xfd, 0,   1,	  75,  1,   255,
					    255, 1, 0x0a, ' ',	' ', ' ', ' ', ' ', ' ' };

	memcpy(at, limits, sizeof(limits));
	at[4] = 0;
	at[5] = 50; /* Hz */
	at[6] = 75;
	at[7] = 30; /* kHz */
	at[8] = 255;
	at[9] = 66; /* 10 MHz */
	at[10] = 1; /* no more is said */
}

uint32_t edid_make(uint8_t *edid, uint32_t number, uint32_t width, uint32_t height)
{
	static const uint8_t begin[8] = { 0, 255, 255, 255, 255, 255, 255, 0 };
	/* sRGB's primaries. */
	static const uint8_t colours[10] = { 0xee, 0x91, 0xa3, 0x54, 0x4c,
					     0x99, 0x26, 0x0f, 0x50, 0x54 };
	char serial[14];
	uint8_t sum = 0;

	memset(edid, 0, EDID_BYTES);
	memcpy(edid, begin, sizeof(begin));
	/* "MUL", five bits each, A is 1 */
	edid[8] = 13 << 2 | 21 >> 3;
	edid[9] = (21 & 7) << 5 | 12;
	edid[10] = 1; /* product */
	edid[12] = (uint8_t)(number + 1); /* serial number */
	edid[17] = 2026 - 1990;
	edid[18] = 1;
	edid[19] = 4;
	edid[20] = 0xa5; /* digital, 8 bits a colour, DisplayPort */
	edid[21] = (uint8_t)(length(width) / 100 < 255 ? length(width) / 100 : 255); /* cm */
	edid[22] = (uint8_t)(length(height) / 100 < 255 ? length(height) / 100 : 255);
	edid[23] = 120; /* gamma 2.2 */
	edid[24] = 0x06; /* sRGB; the first mode is the native one */
	memcpy(edid + 25, colours, sizeof(colours));
	memset(edid + 38, 1, 16); /* no standard timings */
	put_mode(edid + 54, width, height);
	put_text(edid + 72, 0xfc, "Mullion");
	snprintf(serial, sizeof(serial), "%u", number + 1);
	put_text(edid + 90, 0xff, serial);
	put_limits(edid + 108);
	for (unsigned int i = 0; i < EDID_BYTES - 1; i++)
		sum = (uint8_t)(sum + edid[i]);
	edid[127] = (uint8_t)-sum;
	return EDID_BYTES;
}
