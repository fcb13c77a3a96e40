/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Definitions in XML as verbs get and give them: read as they are from files,
 * checked and kept by hvd.
 */
#ifndef HVCTL_DEFINITION_H
#define HVCTL_DEFINITION_H

#include "client.h"

/* More than this hvd does not take. */
#define DEFINITION_MAX (1u << 20) /* bytes */

/*
 * Reads a file, or standard input where it is "-". Errors are reported:
 * HVCTL_BAD_CONFIGURATION for what cannot be XML in UTF-8, or is too long. On
 * HVCTL_OK the caller frees *xml; *name is how messages call the file.
 */
enum hvctl_status definition_read(const char *file, char **xml, const char **name);

/*
 * Calls a method of hvd's that takes xml and the file's name, and paused where
 * that is true. Errors are reported, with file and line. reply may be NULL.
 */
enum hvctl_status definition_call(struct client *client, const char *method, const char *xml,
				  const char *name, bool paused, sd_json_variant **reply);

/* Both, for the file that the call's first operand names. */
enum hvctl_status definition_call_file(const struct cli_call *call, struct client *client,
				       const char *method, bool paused, sd_json_variant **reply);

/* What "validate" does, and "define" and "create" with --dry-run. */
enum hvctl_status definition_validate(const struct cli_call *call);

/* The operand FILE of these verbs. */
extern const struct cli_operand definition_operands[];

#endif
