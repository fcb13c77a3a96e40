/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers and addresses as text. Pure. */
#ifndef VSP_PARSE_H
#define VSP_PARSE_H

#include <stdbool.h>
#include <stdint.h>
#include <vmbus/guid.h>

/* A GUID as people write it, with the 0 behind it. */
#define GUID_TEXT 37u

/* 8-4-4-4-12 hexadecimal digits, of either case; all zeros is no GUID of anything. */
bool parse_guid(const char *text, struct vmbus_guid *guid);
void format_guid(const struct vmbus_guid *guid, char text[GUID_TEXT]);

/* Six pairs of hexadecimal digits with colons between: one station's address, and not
 * all zeros. */
bool parse_mac(const char *text, uint8_t mac[6]);

/* What a thing is called: 1 to max printable characters of ASCII. */
bool is_name(const char *text, unsigned int max);

#endif
