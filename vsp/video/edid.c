/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a monitor tells about itself: VESA E-EDID 1.4, one block. It has one timing, with
 * blanking like CVT's reduced one, at 60 pictures a second.
 */
#include <string.h>

#include "video.h"

/* CVT 1.2, 3.4.2: reduced blanking. Lines at the top and bottom together. */
#define BLANK_X 160u
#define FRONT_X 48u
#define SYNC_X 32u
#define BLANK_Y 35u
#define FRONT_Y 3u
#define SYNC_Y 6u
#define RATE 60u

/* 3.10.2: a timing of 18 bytes; sizes of 12 bits. */
static void timing(uint8_t *at, uint32_t width, uint32_t height)
{
	uint32_t clock = (width + BLANK_X) * (height + BLANK_Y) * RATE / 10000; /* 10 kHz */
	/* A screen of 96 dots an inch, in mm. */
	uint32_t mm_x = width * 254 / 960, mm_y = height * 254 / 960;

	clock = clock > UINT16_MAX ? UINT16_MAX : clock;
	mm_x = mm_x > 4095 ? 4095 : mm_x;
	mm_y = mm_y > 4095 ? 4095 : mm_y;
	at[0] = (uint8_t)clock;
	at[1] = (uint8_t)(clock >> 8);
	at[2] = (uint8_t)width;
	at[3] = BLANK_X;
	at[4] = (uint8_t)(width >> 8 << 4);
	at[5] = (uint8_t)height;
	at[6] = BLANK_Y;
	at[7] = (uint8_t)(height >> 8 << 4);
	at[8] = FRONT_X;
	at[9] = SYNC_X;
	at[10] = FRONT_Y << 4 | SYNC_Y;
	at[12] = (uint8_t)mm_x;
	at[13] = (uint8_t)mm_y;
	at[14] = (uint8_t)(mm_x >> 8 << 4 | mm_y >> 8);
	at[17] = 0x1a; /* digital, separate syncs, horizontal positive: reduced blanking */
}

/* 3.10.3: another descriptor. Text ends with a line feed and spaces. */
static void text(uint8_t *at, uint8_t tag, const char *words)
{
	size_t length = strnlen(words, 13);

	at[3] = tag;
	memset(at + 5, ' ', 13);
	memcpy(at + 5, words, length);
	if (length < 13)
		at[5 + length] = '\n';
}

void video_edid(uint8_t edid[VIDEO_EDID], uint32_t width, uint32_t height, const char *name)
{
	static const uint8_t begin[] = {
		0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, /* header */
		0x36, 0xac, /* "MUL" */
		0x01, 0x00, /* product */
		0,    0,    0,	  0, /* serial number: none */
		0,    35, /* of 2025 */
		1,    4, /* EDID 1.4 */
		0xa5, /* digital, 8 bits a colour, DisplayPort */
		0,    0, /* its size is in the timing */
		120, /* gamma 2.2 */
		0x06, /* RGB; sRGB; the first timing is the native one */
		0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54, /* sRGB */
		0,    0,    0, /* established timings: none */
		1,    1,    1,	  1,	1,    1,    1,	  1,	1,    1,
		1,    1,    1,	  1,	1,    1, /* standard ones: none */
	};
	uint8_t sum = 0;

	/* What the timing has no bits for. */
	width = width > 4095 ? 4095 : width;
	height = height > 4095 ? 4095 : height;
	memset(edid, 0, VIDEO_EDID);
	memcpy(edid, begin, sizeof(begin));
	timing(edid + 54, width, height);
	text(edid + 72, 0xfc, name);
	edid[90 + 3] = 0x10; /* empty */
	edid[108 + 3] = 0x10;
	for (unsigned int i = 0; i < VIDEO_EDID - 1; i++)
		sum = (uint8_t)(sum + edid[i]);
	edid[VIDEO_EDID - 1] = (uint8_t)-sum;
}
