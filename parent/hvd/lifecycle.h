/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A partition's states, and what follows from what: pure.
 *
 *   shutoff --start--> starting --> running <--suspend, resume--> paused
 *   any but shutoff --destroy--> stopping --> shutoff
 *   running, paused, crashed --reset--> running
 *   the guest or its worker ends --> as the definition says
 */
#ifndef HVD_LIFECYCLE_H
#define HVD_LIFECYCLE_H

#include <stdbool.h>

#include "domain.h"

/* As in org.mullion.varlink, in its order. */
enum state {
	STATE_SHUTOFF = 0,
	STATE_STARTING,
	STATE_RUNNING,
	STATE_PAUSED,
	STATE_STOPPING,
	STATE_CRASHED,
	STATE_COUNT,
};

enum reason {
	REASON_NONE = 0,
	REASON_STARTED,
	REASON_ADOPTED,
	REASON_RESUMED,
	REASON_RESTARTED,
	REASON_RESET,
	REASON_REQUESTED,
	REASON_POWEROFF,
	REASON_REBOOT,
	REASON_PANIC,
	REASON_TRIPLE_FAULT,
	REASON_DEBUG_EXIT,
	REASON_FAILED,
	REASON_LOST,
	REASON_COUNT,
};

enum request {
	REQUEST_START,
	REQUEST_DESTROY,
	REQUEST_RESET,
	REQUEST_SUSPEND,
	REQUEST_RESUME,
	REQUEST_CONSOLE,
	REQUEST_COUNT,
};

/* org.mullion.Worker's, in its order. */
enum worker_state {
	WORKER_IDLE = 0,
	WORKER_CREATED,
	WORKER_RUNNING,
	WORKER_SUSPENDED,
	WORKER_STOPPED,
	WORKER_STATE_COUNT,
};

enum event_type {
	EVENT_DEFINED = 0,
	EVENT_UNDEFINED,
	EVENT_STARTED,
	EVENT_PAUSED,
	EVENT_RESUMED,
	EVENT_RESET,
	EVENT_STOPPED,
	EVENT_CRASHED,
	EVENT_CHANGED,
	EVENT_DEVICE_ADDED,
	EVENT_DEVICE_REMOVED,
	EVENT_DEVICE_ERROR,
	EVENT_HEARTBEAT,
	EVENT_SCREEN,
	EVENT_COUNT,
};

/* What is to be done about a guest that has ended. */
enum verdict {
	VERDICT_STOP, /* shutoff */
	VERDICT_RESTART,
	VERDICT_KEEP, /* crashed */
};

extern const char *const state_names[STATE_COUNT];
extern const char *const reason_names[REASON_COUNT];
extern const char *const event_names[EVENT_COUNT];

/* -1: none of them. */
int name_index(const char *const names[], int count, const char *name);

bool lifecycle_allows(enum state state, enum request request);

/* "cannot start NAME: it is running", without NAME: for messages. */
const char *lifecycle_verb(enum request request);

/* The reason is the guest's or the worker's failure. */
bool lifecycle_is_failure(enum reason reason);

/* reason: POWEROFF or later. */
enum verdict lifecycle_ended(enum reason reason, const struct domain *domain);

/* The event that says that a guest has ended so. */
enum event_type lifecycle_end_event(enum reason reason);

/*
 * What a kernel's last words say: the line that tells of the panic, else the last
 * one that is not empty. Within text, which it may end there.
 */
const char *lifecycle_panic_line(char *text);

#endif
