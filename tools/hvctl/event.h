/* SPDX-License-Identifier: GPL-2.0-only */
/* hvd's events: what event, wait and shutdown --wait have in common. */
#ifndef HVCTL_EVENT_H
#define HVCTL_EVENT_H

#include "partition.h"

/* The types in the order of the interface; ends with NULL. */
extern const char *const event_type_names[];

struct event {
	struct partition partition; /* name to id, state, reason, detail, code: after it */
	const char *type;
	const char *device; /* that it is about, or NULL; detail is then the event's */
	uint64_t sequence;
	uint64_t time_ns; /* of CLOCK_REALTIME */
	sd_json_variant *owner; /* that the texts belong to; owned */
};

/*
 * Subscribes to the events of a partition (NULL: of all) of the types whose bits
 * are set (0: of all), and waits until hvd has begun: no later event is missed.
 * Errors are reported. first may be NULL; otherwise on HVCTL_OK *first is a
 * reference to the array of the partitions as they are.
 */
enum hvctl_status event_subscribe(struct client *client, const char *partition, unsigned types,
				  sd_json_variant **first);

/*
 * The same for one partition, all types, and the partition as it is at first;
 * *owner is a reference to what its texts belong to.
 */
enum hvctl_status event_subscribe_one(struct client *client, const char *name,
				      struct partition *partition, sd_json_variant **owner);

/*
 * Waits for the next event until when, as client_next(). Errors are reported, the
 * end of the stream as HVCTL_UNREACHABLE. On HVCTL_OK event_free() gives it back;
 * its type is NULL when none came by then.
 */
enum hvctl_status event_next(struct client *client, uint64_t when, struct event *event);
void event_free(struct event *event);

#endif
