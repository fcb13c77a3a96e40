/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl: what all its files share: exit statuses and output formats.
 *
 * main.c parses the command line by the tables (cli.h) and calls one verb;
 * each verb is a file of its own, verb-NAME.c, and one line in verbs.c.
 */
#ifndef HVCTL_H
#define HVCTL_H

/* Exit statuses. Scripts rely on them: never renumbered. usage.c describes them. */
enum hvctl_status {
	HVCTL_OK = 0,
	HVCTL_FAILED = 1,
	HVCTL_USAGE = 2,
	HVCTL_NO_PARTITION = 3,
	HVCTL_WRONG_STATE = 4,
	HVCTL_BAD_CONFIGURATION = 5,
	HVCTL_UNREACHABLE = 6,
	HVCTL_UNSUPPORTED = 7,
	HVCTL_DENIED = 8,
	HVCTL_TIMEOUT = 9,
	HVCTL_BUSY = 10,
};

/* What --format names, in this order. */
enum hvctl_format {
	HVCTL_TABLE = 0,
	HVCTL_JSON = 1,
	HVCTL_NAME = 2,
};

/* The field "schema" of every JSON object that is printed. */
#define HVCTL_SCHEMA 1

#endif
