/* SPDX-License-Identifier: GPL-2.0-only */
/* Keys: names and numbers as in Linux, and what an XT keyboard sends. */
#ifndef VSP_KEYS_H
#define VSP_KEYS_H

#include <stdint.h>

/* Scan codes go up to here, and so do all numbers of keys in the table. */
#define KEY_CODES 256u

struct key {
	const char *name;
	uint16_t code; /* Linux's number, below KEY_CODES */
	uint8_t prefix; /* 0, 0xe0 or 0xe1 */
	uint8_t scan; /* when pressed */
	uint8_t second; /* comes behind scan without a prefix; 0: nothing does */
};

/* NULL: the keyboard has no such key. */
const struct key *key_find(uint16_t code);

#endif
