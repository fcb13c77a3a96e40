/* SPDX-License-Identifier: GPL-2.0-only */
/* Why a call fails: the errors of org.mullion.varlink. */
#ifndef HVD_FAILURE_H
#define HVD_FAILURE_H

#include <stdbool.h>

#include "domain.h"
#include "varlink.h"

enum failure_kind {
	FAILURE_NONE = 0,
	FAILURE_FAILED,
	FAILURE_NO_SUCH_PARTITION,
	FAILURE_WRONG_STATE,
	FAILURE_BAD_CONFIGURATION,
	FAILURE_UNSUPPORTED,
	FAILURE_DENIED,
	FAILURE_TIMEOUT,
	FAILURE_BUSY,
};

struct failure {
	enum failure_kind kind;
	unsigned int line; /* 0: none */
	unsigned int column; /* 0: none */
	const char *state; /* WRONG_STATE; NULL: not said. A constant. */
	char message[DOMAIN_MESSAGE]; /* one line of UTF-8 */
};

/* Fills failure in and returns false. */
__attribute__((format(printf, 3, 4))) bool fail(struct failure *failure, enum failure_kind kind,
						const char *format, ...);

/* By an errno (positive): what is short is BUSY, all else FAILED. */
__attribute__((format(printf, 3, 4))) bool fail_errno(struct failure *failure, int error,
						      const char *format, ...);

/* What a definition's error is to a client. */
bool fail_domain(struct failure *failure, const struct domain_error *error);

/* Answers the current call of a client with the failure; file may be NULL. */
int failure_reply(const struct failure *failure, sd_varlink *link, const char *file);

#endif
