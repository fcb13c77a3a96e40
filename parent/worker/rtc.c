/* SPDX-License-Identifier: GPL-2.0-only */
/* The clock of an MC146818: see rtc.h. */
#include "rtc.h"

#define RTC_A_DIVIDER 0x26 /* 32768 Hz, 1024 Hz; never an update in progress */
#define RTC_B_24_HOURS 0x02
#define RTC_D_VALID 0x80

static uint8_t bcd(int n)
{
	return (uint8_t)((n / 10 % 10) << 4 | n % 10);
}

uint8_t rtc_read(uint8_t index, time_t now)
{
	struct tm tm;

	if (!gmtime_r(&now, &tm))
		return 0;
	switch (index) {
	case 0x00:
		return bcd(tm.tm_sec);
	case 0x02:
		return bcd(tm.tm_min);
	case 0x04:
		return bcd(tm.tm_hour);
	case 0x06:
		return bcd(tm.tm_wday + 1);
	case 0x07:
		return bcd(tm.tm_mday);
	case 0x08:
		return bcd(tm.tm_mon + 1);
	case 0x09:
		return bcd(tm.tm_year % 100);
	case 0x0a:
		return RTC_A_DIVIDER;
	case 0x0b:
		return RTC_B_24_HOURS;
	case 0x0d:
		return RTC_D_VALID;
	case 0x32:
		return bcd((tm.tm_year + 1900) / 100);
	default:
		return 0;
	}
}
