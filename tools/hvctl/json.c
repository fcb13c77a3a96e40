/* SPDX-License-Identifier: GPL-2.0-only */
/* JSON output: see json.h. */
#include "json.h"

#include <stdarg.h>

#include "error.h"

enum hvctl_status json_failed(int error)
{
	return error_errno(-error, "making JSON");
}

enum hvctl_status json_print(sd_json_variant *object, bool color)
{
	/* NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): flags */
	sd_json_format_flags_t flags = SD_JSON_FORMAT_NEWLINE | SD_JSON_FORMAT_PRETTY_AUTO;
	int error;

	if (color)
		flags |= SD_JSON_FORMAT_COLOR_AUTO;
	error = sd_json_variant_dump(object, flags, stdout, NULL);
	return error < 0 ? json_failed(error) : HVCTL_OK;
}

enum hvctl_status json_show_object(bool color, ...)
{
	sd_json_variant *object JSON_AUTO = NULL;
	va_list pairs;
	int error;

	va_start(pairs, color);
	error = sd_json_buildv(&object, pairs);
	va_end(pairs);
	return error < 0 ? json_failed(error) : json_print(object, color);
}

enum hvctl_status json_print_line(sd_json_variant *object)
{
	int error;

	error = sd_json_variant_dump(object, SD_JSON_FORMAT_NEWLINE, stdout, NULL);
	fflush(stdout);
	return error < 0 ? json_failed(error) : HVCTL_OK;
}

bool json_print_error(FILE *out, enum hvctl_status status, const char *message, const char *file,
		      uint64_t line)
{
	sd_json_variant *error JSON_AUTO = NULL, *object JSON_AUTO = NULL;

	if (sd_json_buildo(&error, SD_JSON_BUILD_PAIR_UNSIGNED("code", status),
			   SD_JSON_BUILD_PAIR_STRING("message", message),
			   SD_JSON_BUILD_PAIR_CONDITION(!!file, "file", SD_JSON_BUILD_STRING(file)),
			   SD_JSON_BUILD_PAIR_CONDITION(line != 0, "line",
							SD_JSON_BUILD_UNSIGNED(line))) < 0 ||
	    sd_json_buildo(&object, SD_JSON_BUILD_PAIR_UNSIGNED("schema", HVCTL_SCHEMA),
			   SD_JSON_BUILD_PAIR_VARIANT("error", error)) < 0)
		return false;
	return sd_json_variant_dump(object, SD_JSON_FORMAT_NEWLINE, out, NULL) >= 0;
}
