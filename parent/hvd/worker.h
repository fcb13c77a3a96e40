/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvd's end of a worker (org.mullion.Worker): two connections, one for calls and
 * one for its events. What a worker says is not believed further than it has to
 * be: it runs a guest.
 */
#ifndef HVD_WORKER_H
#define HVD_WORKER_H

#include <sys/types.h>

#include "failure.h"
#include "hvd.h"
#include "lifecycle.h"
#include "varlink.h"

struct worker;

/* All are called in turns of the loop of their own, and may free the worker. */
struct worker_hooks {
	void (*ready)(void *context); /* connected, and it speaks our dialect */
	void (*failed)(void *context, const struct failure *failure); /* not ready in time */
	void (*news)(void *context); /* its state may have changed: ask */
	void (*lost)(void *context); /* gone, after ready */
};

/*
 * Connects to the worker of that name. tries: how often, 50 ms apart. Exactly one
 * of ready and failed is called later, never from within. NULL: no memory.
 */
struct worker *worker_new(struct hvd *hvd, const char *name, unsigned int tries,
			  const struct worker_hooks *hooks, void *context);

/* No hook and no answer comes any more. worker may be NULL. */
void worker_free(struct worker *worker);

/* How a call has ended: NULL, or why it failed. */
typedef void (*worker_done)(void *context, const struct failure *failure, sd_json_variant *reply);

/*
 * Calls a method (its last name), with parameters or NULL; done comes later, never
 * from within. One call at a time. False: done will not come.
 */
bool worker_call(struct worker *worker, const char *method, sd_json_variant *parameters,
		 unsigned int seconds, worker_done done);

/* done of the call under way will not come. worker may be NULL. */
void worker_cancel(struct worker *worker);

/* Gives a descriptor along with the next call; it stays the caller's. Its index, or -errno. */
int worker_add_fd(struct worker *worker, int fd);

/* Whether the worker runs as that user, as far as the kernel tells. */
bool worker_is_user(const struct worker *worker, uid_t uid);

/* What Status says. */
struct worker_status {
	enum worker_state state;
	enum reason reason; /* NONE, POWEROFF, REBOOT, TRIPLE_FAULT, DEBUG_EXIT or FAILED */
	int code; /* -1: none */
	int pid;
	uint64_t id; /* 0: none */
	uint64_t memory; /* bytes; 0: not known */
	uint32_t vcpus; /* 0: not known */
	char detail[256];
	char console[64]; /* "": none, or nothing that we would open */
};

/* False: it is no status. */
bool worker_status_read(sd_json_variant *json, struct worker_status *status);

#endif
