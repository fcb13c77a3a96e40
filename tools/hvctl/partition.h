/* SPDX-License-Identifier: GPL-2.0-only */
/* What hvd tells of a partition. */
#ifndef HVCTL_PARTITION_H
#define HVCTL_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#include "client.h"
#include "reply.h"

/* Bits for sets of states, in the order of the interface. */
enum partition_state {
	PARTITION_SHUTOFF = 1u << 0,
	PARTITION_STARTING = 1u << 1,
	PARTITION_RUNNING = 1u << 2,
	PARTITION_PAUSED = 1u << 3,
	PARTITION_STOPPING = 1u << 4,
	PARTITION_CRASHED = 1u << 5,
};

/* Texts belong to the object that was read. */
struct partition {
	const char *name;
	const char *uuid;
	const char *state;
	const char *reason;
	const char *detail; /* or NULL */
	const char *title; /* or NULL */
	uint64_t id; /* REPLY_NO_NUMBER: none */
	uint64_t code; /* REPLY_NO_NUMBER: none */
	uint64_t vcpus;
	uint64_t memory; /* bytes */
	bool persistent;
	bool autostart;
	const char *heartbeat; /* of the guest's drivers, or NULL */
	const char *screen; /* who draws it, or NULL */
	sd_json_variant *addresses; /* texts: the guest's, or NULL */
};

/* The bit of a state, or 0 for one that hvctl does not know. */
unsigned partition_state(const char *state);

/* Reads a Partition or a PartitionInfo of the interface. */
void partition_read(struct partition *partition, struct reply *reply);

/* Its addresses, with a blank between, ready for a terminal; NULL: it has none. Returns
 * out otherwise. */
char *partition_addresses(char *out, size_t size, const struct partition *partition);

/*
 * Asks hvd for a partition by name, UUID or id. Errors are reported. On HVCTL_OK
 * *object is a reference to its PartitionInfo, to which partition's texts belong.
 */
enum hvctl_status partition_find(struct client *client, const char *name,
				 struct partition *partition, sd_json_variant **object);

/*
 * Opens a partition's console. Errors are reported; on HVCTL_OK *fd is the
 * caller's.
 */
enum hvctl_status partition_console(struct client *client, const char *name, int *fd);

/* The object of it that hvctl prints; returns what sd-json returns. */
int partition_json(sd_json_variant **object, const struct partition *partition);

/*
 * "panic: the detail, code 3": the reason with what is known about it, for a
 * terminal. Returns out.
 */
char *partition_why(char *out, size_t size, const struct partition *partition);

/* Builds { "partition": name }; returns NULL without memory. */
sd_json_variant *partition_parameters(const char *name);

#endif
