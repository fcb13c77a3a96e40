/* SPDX-License-Identifier: GPL-2.0-only */
/* JSON output: see json.h. */
#include "json.h"

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

enum hvctl_status json_print_line(sd_json_variant *object)
{
	int error;

	error = sd_json_variant_dump(object, SD_JSON_FORMAT_NEWLINE, stdout, NULL);
	fflush(stdout);
	return error < 0 ? json_failed(error) : HVCTL_OK;
}

bool json_print_error(FILE *out, enum hvctl_status status, const char *message)
{
	sd_json_variant *object JSON_AUTO = NULL;

	if (sd_json_buildo(
		    &object, SD_JSON_BUILD_PAIR_UNSIGNED("schema", HVCTL_SCHEMA),
		    SD_JSON_BUILD_PAIR_OBJECT("error", SD_JSON_BUILD_PAIR_UNSIGNED("code", status),
					      SD_JSON_BUILD_PAIR_STRING("message", message))) < 0)
		return false;
	return sd_json_variant_dump(object, SD_JSON_FORMAT_NEWLINE, out, NULL) >= 0;
}
