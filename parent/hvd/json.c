/* SPDX-License-Identifier: GPL-2.0-only */
/* Fields of objects, see json.h. */
#include "json.h"

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
