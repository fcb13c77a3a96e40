/* SPDX-License-Identifier: GPL-2.0-only */
/* Who wants to know what happens, and what is told. */
#ifndef HVD_EVENTS_H
#define HVD_EVENTS_H

#include "partition.h"

struct connection;
struct events;

/* Subscribers, of all clients together. */
#define EVENTS_SUBSCRIBERS_MAX 64u
/* What waits for one that does not read; it is disconnected then. */
#define EVENTS_QUEUE_MAX 512u

struct events *events_new(struct hvd *hvd);
void events_free(struct events *events);

/* Tells all who asked for it. */
void events_emit(struct partition *partition, enum event_type type);

/* The same about a device. detail: one line of printable ASCII, or NULL. */
void events_emit_device(struct partition *partition, enum event_type type, const char *device,
			const char *detail);

/*
 * Adds the client of the current call, and gives it the first answer. types: bits
 * by enum event_type; name: NULL: of all partitions. False with failure.
 */
bool events_subscribe(struct events *events, struct connection *connection, const char *name,
		      unsigned int types, struct failure *failure);

/* The connection goes away. */
void events_forget(struct events *events, const struct connection *connection);

#endif
