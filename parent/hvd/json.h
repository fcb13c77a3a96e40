/* SPDX-License-Identifier: GPL-2.0-only */
/* Fields of an object that somebody else has made: of any type, or not there. */
#ifndef HVD_JSON_H
#define HVD_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "varlink.h"

/* 0 when it is no number, or less than 0. */
uint64_t json_number(sd_json_variant *json, const char *key);

/* "" when it is no text. As long as the object lives. */
const char *json_text(sd_json_variant *json, const char *key);

/* False when it is no boolean. */
bool json_flag(sd_json_variant *json, const char *key);

/* NULL when it is no array, no object. Not a reference of its own. */
sd_json_variant *json_array(sd_json_variant *json, const char *key);
sd_json_variant *json_object(sd_json_variant *json, const char *key);

/*
 * The same, as far as it is what we pass on: numbers, flags, text made printable ASCII
 * and short, and objects and arrays of these, not too deep and not too long. To be
 * unreferenced; NULL: nothing of it is, or no memory.
 */
sd_json_variant *json_clean(sd_json_variant *json);

#endif
