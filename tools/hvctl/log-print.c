/* SPDX-License-Identifier: GPL-2.0-only */
/* Log records for people and as JSON: see log-print.h. */
#include "log-print.h"

#include "clock.h"
#include "hvctl.h"
#include "text.h"

const char *const log_level_names[] = {
	[MULLION_LOG_ERROR] = "error", [MULLION_LOG_WARN] = "warn",    [MULLION_LOG_INFO] = "info",
	[MULLION_LOG_DEBUG] = "debug", [MULLION_LOG_DEBUG + 1] = NULL,
};

/* Select Graphic Rendition (ECMA-48): red, yellow, faint. */
static const char *const colors[] = {
	[MULLION_LOG_ERROR] = "\033[31m",
	[MULLION_LOG_WARN] = "\033[33m",
	[MULLION_LOG_INFO] = "",
	[MULLION_LOG_DEBUG] = "\033[2m",
};

void log_print(FILE *out, const struct log_record *record, bool color)
{
	char text[TEXT_ESCAPED_SIZE(MULLION_LOG_TEXT_MAX)];

	text_escape(text, sizeof(text), record->text, record->length);
	if (color)
		fputs(colors[record->level], out);
	fprintf(out, "[%5llu.%06llu] cpu%u %s: %s",
		(unsigned long long)(record->time_ns / CLOCK_SECOND),
		(unsigned long long)(record->time_ns % CLOCK_SECOND / 1000), record->cpu,
		log_level_names[record->level], text);
	fputs(color && colors[record->level][0] ? "\033[0m\n" : "\n", out);
}

int log_json(sd_json_variant **object, const struct log_record *record, bool stream)
{
	char text[TEXT_ESCAPED_SIZE(MULLION_LOG_TEXT_MAX)];

	text_escape(text, sizeof(text), record->text, record->length);
	return sd_json_buildo(object,
			      SD_JSON_BUILD_PAIR_CONDITION(stream, "schema",
							   SD_JSON_BUILD_UNSIGNED(HVCTL_SCHEMA)),
			      SD_JSON_BUILD_PAIR_UNSIGNED("sequence", record->sequence),
			      SD_JSON_BUILD_PAIR_BOOLEAN("this_boot", record->this_boot),
			      SD_JSON_BUILD_PAIR_UNSIGNED("time_ns", record->time_ns),
			      SD_JSON_BUILD_PAIR_UNSIGNED("cpu", record->cpu),
			      SD_JSON_BUILD_PAIR_STRING("level", log_level_names[record->level]),
			      SD_JSON_BUILD_PAIR_UNSIGNED("lost", record->lost),
			      SD_JSON_BUILD_PAIR_STRING("text", text));
}
