/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What hvd knows of the partitions in hv's statistics: their names, memory and
 * workers. It is an addition: without hvd nothing is known, and that is no error.
 */
#ifndef HVCTL_ACCOUNT_H
#define HVCTL_ACCOUNT_H

#include <stdio.h>

#include "client.h"
#include "reply.h"

struct accounts {
	struct client client;
	bool connected;
	sd_json_variant *partitions; /* an array of PartitionStats; owned; NULL: none */
};

/* Connects, and asks for the first time. */
void accounts_open(struct accounts *accounts, const struct cli_call *call);

/* Asks again. */
void accounts_refresh(struct accounts *accounts);
void accounts_close(struct accounts *accounts);

enum account_number {
	ACCOUNT_MEMORY, /* bytes, as all but the process's id and time */
	ACCOUNT_MAPPED,
	ACCOUNT_POOL,
	ACCOUNT_POOL_FREE,
	ACCOUNT_TABLES,
	ACCOUNT_WORKER_PID,
	ACCOUNT_WORKER_CPU, /* nanoseconds */
	ACCOUNT_WORKER_RSS,
	ACCOUNT_NUMBERS,
};

/* Of one partition; missing numbers are REPLY_NO_NUMBER, texts belong to the accounts. */
struct account {
	const char *name;
	const char *state;
	uint64_t numbers[ACCOUNT_NUMBERS];
};

/* Of the partition with hv's number id; valid until the next refresh. False: not known. */
bool accounts_find(const struct accounts *accounts, uint32_t id, struct account *account);

/* Lines for a person: its memory and its worker. */
void account_print(FILE *out, const struct account *account);

/* An object with what is known; returns what sd-json returns. */
int account_json(sd_json_variant **object, const struct account *account);

#endif
