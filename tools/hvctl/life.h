/* SPDX-License-Identifier: GPL-2.0-only */
/* What the verbs have in common that change the state of one partition. */
#ifndef HVCTL_LIFE_H
#define HVCTL_LIFE_H

#include "partition.h"

/* One such change. */
struct life {
	const char *method; /* of hvd's interface; takes the partition alone */
	const char *done; /* "suspended" */
	unsigned from; /* enum partition_state: where it is possible */
	unsigned reached; /* enum partition_state: where nothing is left to do */
};

/* Settings of such a verb; those of a verb with more begin with these. */
struct life_settings {
	bool dry_run;
	bool ignore_state;
};

extern const struct life_settings life_defaults;

/* A partition that was found, with the connection that found it. */
struct life_target {
	struct client client;
	struct partition partition;
	sd_json_variant *object; /* that partition's texts belong to */
};

/*
 * Connects and finds the partition that the first operand names. Errors are
 * reported; life_close() is called in any case.
 */
enum hvctl_status life_open(struct life_target *target, const struct cli_call *call);
void life_close(struct life_target *target);

/*
 * With --dry-run: HVCTL_OK if hvd would do it as things stand, else
 * HVCTL_WRONG_STATE, reported.
 */
enum hvctl_status life_try(const struct life_target *target, const struct life *life,
			   const struct life_settings *settings);

/* Does it, to the partition's UUID. Errors are reported. reply may be NULL. */
enum hvctl_status life_do(struct life_target *target, const struct life *life,
			  const struct life_settings *settings, sd_json_variant **reply);

/*
 * Prints what was done: on a terminal a sentence, with --json an object with the
 * partition's name and UUID, and its id unless that is REPLY_NO_NUMBER.
 */
enum hvctl_status life_print(const struct cli_call *call, const char *name, const char *uuid,
			     uint64_t id, const char *done);

/* A whole verb whose settings are struct life_settings alone. */
enum hvctl_status life_run(const struct cli_call *call, const struct life *life);

/* Their operand NAME, and the options; one table without --ignore-state. */
extern const struct cli_operand life_operands[];
extern const struct cli_option life_options[];

/* Lines for tables of options. */
#define LIFE_OPTION_DRY_RUN                                  \
	{ .name = "dry-run",                                 \
	  .kind = CLI_FLAG,                                  \
	  .offset = offsetof(struct life_settings, dry_run), \
	  .help = "Only check whether it can be done now" }
#define LIFE_OPTION_IGNORE_STATE(state)                           \
	{ .name = "ignore-state",                                 \
	  .kind = CLI_FLAG,                                       \
	  .offset = offsetof(struct life_settings, ignore_state), \
	  .help = "A partition that " state " already is no error" }

#endif
