/* SPDX-License-Identifier: GPL-2.0-only */
/* Fields of objects, see json.h. */
#include "json.h"

#include <string.h>

#include "partition.h"

#include <stddef.h>

static sd_json_variant *field(sd_json_variant *json, const char *key)
{
	return json && sd_json_variant_is_object(json) ? sd_json_variant_by_key(json, key) : NULL;
}

uint64_t json_number(sd_json_variant *json, const char *key)
{
	sd_json_variant *value = field(json, key);

	return value && sd_json_variant_is_unsigned(value) ? sd_json_variant_unsigned(value) : 0;
}

const char *json_text(sd_json_variant *json, const char *key)
{
	sd_json_variant *value = field(json, key);

	return value && sd_json_variant_is_string(value) ? sd_json_variant_string(value) : "";
}

bool json_flag(sd_json_variant *json, const char *key)
{
	sd_json_variant *value = field(json, key);

	return value && sd_json_variant_is_boolean(value) && sd_json_variant_boolean(value);
}

sd_json_variant *json_array(sd_json_variant *json, const char *key)
{
	sd_json_variant *value = field(json, key);

	return value && sd_json_variant_is_array(value) ? value : NULL;
}

sd_json_variant *json_object(sd_json_variant *json, const char *key)
{
	sd_json_variant *value = field(json, key);

	return value && sd_json_variant_is_object(value) ? value : NULL;
}

#define CLEAN_DEPTH 4u
#define CLEAN_ELEMENTS 1024u
#define CLEAN_TEXT 256u

static sd_json_variant *clean(sd_json_variant *json, unsigned int depth);

static bool is_name(const char *key)
{
	return key[0] && !key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_")];
}

static sd_json_variant *clean_object(sd_json_variant *json, unsigned int depth)
{
	size_t count = sd_json_variant_elements(json);
	sd_json_variant *all = NULL;

	if (sd_json_variant_new_object(&all, NULL, 0) < 0)
		return NULL;
	for (size_t i = 0; i + 1 < count && i < CLEAN_ELEMENTS; i += 2) {
		const char *key = sd_json_variant_string(sd_json_variant_by_index(json, i));
		JSON_AUTO sd_json_variant *one =
			clean(sd_json_variant_by_index(json, i + 1), depth - 1);

		if (one && is_name(key) && sd_json_variant_set_field(&all, key, one) < 0)
			return sd_json_variant_unref(all);
	}
	return all;
}

static sd_json_variant *clean_array(sd_json_variant *json, unsigned int depth)
{
	size_t count = sd_json_variant_elements(json);
	sd_json_variant *all = NULL;

	if (sd_json_variant_new_array(&all, NULL, 0) < 0)
		return NULL;
	for (size_t i = 0; i < count && i < CLEAN_ELEMENTS; i++) {
		JSON_AUTO sd_json_variant *one =
			clean(sd_json_variant_by_index(json, i), depth - 1);

		if (one && sd_json_variant_append_array(&all, one) < 0)
			return sd_json_variant_unref(all);
	}
	return all;
}

static sd_json_variant *clean_text(sd_json_variant *json)
{
	sd_json_variant *made = NULL;
	char text[CLEAN_TEXT];

	partition_clean(text, sizeof(text), sd_json_variant_string(json));
	sd_json_variant_new_string(&made, text);
	return made;
}

static sd_json_variant *clean(sd_json_variant *json, unsigned int depth)
{
	if (sd_json_variant_is_string(json))
		return clean_text(json);
	if (sd_json_variant_is_integer(json) || sd_json_variant_is_unsigned(json) ||
	    sd_json_variant_is_boolean(json))
		return sd_json_variant_ref(json);
	if (depth && sd_json_variant_is_object(json))
		return clean_object(json, depth);
	return depth && sd_json_variant_is_array(json) ? clean_array(json, depth) : NULL;
}

sd_json_variant *json_clean(sd_json_variant *json)
{
	return json ? clean(json, CLEAN_DEPTH) : NULL;
}
