/* SPDX-License-Identifier: GPL-2.0-only */
/* Why a call fails, see failure.h. */
#include "failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void say(struct failure *failure, const char *format, va_list arguments)
{
	char message[2 * DOMAIN_MESSAGE];
	struct domain_error tidied;

	vsnprintf(message, sizeof(message), format, arguments);
	/* It cuts and cleans. */
	domain_complain(&tidied, DOMAIN_BAD, 0, "%s", message);
	memcpy(failure->message, tidied.message, sizeof(failure->message));
}

bool fail(struct failure *failure, enum failure_kind kind, const char *format, ...)
{
	va_list arguments;

	memset(failure, 0, sizeof(*failure));
	failure->kind = kind;
	va_start(arguments, format);
	say(failure, format, arguments);
	va_end(arguments);
	return false;
}

bool fail_errno(struct failure *failure, int error, const char *format, ...)
{
	bool is_short = error == ENOMEM || error == EMFILE || error == ENFILE || error == EBUSY ||
			error == EAGAIN;
	char what[DOMAIN_MESSAGE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	return fail(failure, is_short ? FAILURE_BUSY : FAILURE_FAILED, "%s: %s", what,
		    strerror(error));
}

bool fail_domain(struct failure *failure, const struct domain_error *error)
{
	static const enum failure_kind kinds[] = {
		[DOMAIN_OK] = FAILURE_FAILED,
		[DOMAIN_BAD] = FAILURE_BAD_CONFIGURATION,
		[DOMAIN_UNSUPPORTED] = FAILURE_UNSUPPORTED,
		[DOMAIN_FAILED] = FAILURE_FAILED,
	};

	fail(failure, kinds[error->problem], "%s", error->message);
	failure->line = error->line;
	failure->column = error->column;
	return false;
}

int failure_reply(const struct failure *failure, sd_varlink *link, const char *file)
{
	static const char *const names[] = {
		[FAILURE_NONE] = "org.mullion.Failed",
		[FAILURE_FAILED] = "org.mullion.Failed",
		[FAILURE_NO_SUCH_PARTITION] = "org.mullion.NoSuchPartition",
		[FAILURE_WRONG_STATE] = "org.mullion.WrongState",
		[FAILURE_BAD_CONFIGURATION] = "org.mullion.BadConfiguration",
		[FAILURE_UNSUPPORTED] = "org.mullion.Unsupported",
		[FAILURE_DENIED] = "org.mullion.Denied",
		[FAILURE_TIMEOUT] = "org.mullion.Timeout",
		[FAILURE_BUSY] = "org.mullion.Busy",
	};

	return sd_varlink_errorbo(
		link, names[failure->kind], SD_JSON_BUILD_PAIR_STRING("message", failure->message),
		SD_JSON_BUILD_PAIR_CONDITION(failure->state != NULL, "state",
					     SD_JSON_BUILD_STRING(failure->state)),
		SD_JSON_BUILD_PAIR_CONDITION(failure->line && file, "file",
					     SD_JSON_BUILD_STRING(file)),
		SD_JSON_BUILD_PAIR_CONDITION(failure->line > 0, "line",
					     SD_JSON_BUILD_UNSIGNED(failure->line)),
		SD_JSON_BUILD_PAIR_CONDITION(failure->column > 0, "column",
					     SD_JSON_BUILD_UNSIGNED(failure->column)));
}
