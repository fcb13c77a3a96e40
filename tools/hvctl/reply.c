/* SPDX-License-Identifier: GPL-2.0-only */
/* Fields of hvd's answers: see reply.h. */
#include "reply.h"

#include "error.h"

/* The field if it is there, else NULL. */
static sd_json_variant *find(struct reply *reply, const char *name, bool required,
			     int (*is_type)(sd_json_variant *v))
{
	sd_json_variant *field = NULL;

	if (sd_json_variant_is_object(reply->object))
		field = sd_json_variant_by_key(reply->object, name);
	if (field && sd_json_variant_is_null(field))
		field = NULL;
	if (field ? is_type(field) : !required)
		return field;
	if (!reply->fault)
		reply->fault = name;
	return NULL;
}

const char *reply_text(struct reply *reply, const char *name, bool required)
{
	sd_json_variant *field = find(reply, name, required, sd_json_variant_is_string);

	if (field)
		return sd_json_variant_string(field);
	return required ? "" : NULL;
}

uint64_t reply_number(struct reply *reply, const char *name, bool required)
{
	sd_json_variant *field = find(reply, name, required, sd_json_variant_is_unsigned);

	return field ? sd_json_variant_unsigned(field) : REPLY_NO_NUMBER;
}

bool reply_flag(struct reply *reply, const char *name, bool required)
{
	sd_json_variant *field = find(reply, name, required, sd_json_variant_is_boolean);

	return field && sd_json_variant_boolean(field);
}

sd_json_variant *reply_object(struct reply *reply, const char *name, bool required)
{
	return find(reply, name, required, sd_json_variant_is_object);
}

sd_json_variant *reply_array(struct reply *reply, const char *name, bool required)
{
	return find(reply, name, required, sd_json_variant_is_array);
}

enum hvctl_status reply_check(const struct reply *reply)
{
	if (!reply->fault)
		return HVCTL_OK;
	return error_report(HVCTL_FAILED, "the daemon's answer is not understood (its field '%s')",
			    reply->fault);
}
