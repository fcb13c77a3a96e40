/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clock of an MC146818, so that a guest knows the date: it tells the parent's
 * UTC, and forgets what is written. Source of the registers' meaning: Motorola,
 * MC146818 data sheet.
 */
#ifndef WORKER_RTC_H
#define WORKER_RTC_H

#include <stdint.h>
#include <time.h>

/* Register index (0..127) at the time now. */
uint8_t rtc_read(uint8_t index, time_t now);

#endif
