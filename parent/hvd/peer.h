/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvd's end of a process that serves a partition: its worker, VMBus's server, the
 * providers of its devices. Each speaks an interface of its own (org.mullion.ROLE),
 * which all begin in the same way: Hello says whether it is ours, Subscribe brings its
 * news by a second connection. What such a process says is not believed further than
 * it has to be: it serves a guest.
 */
#ifndef HVD_PEER_H
#define HVD_PEER_H

#include <sys/types.h>

#include "failure.h"
#include "hvd.h"
#include "varlink.h"

struct peer;

/* All are called in turns of the loop of their own, and may free the peer. */
struct peer_hooks {
	void (*ready)(void *context); /* connected, and it speaks our dialect */
	void (*failed)(void *context, const struct failure *failure); /* not ready in time */
	void (*lost)(void *context); /* gone, after ready */
	/* Its state has changed. May not free the peer. event is NULL or an object. */
	void (*news)(void *context, sd_json_variant *event);
};

/* How messages call a process of that role: "the worker". */
const char *peer_role_name(enum peer_role role);

/*
 * Connects to the process of that role and name. tries: how often, 50 ms apart. Exactly
 * one of ready and failed is called later, never from within. NULL: no memory.
 */
struct peer *peer_new(struct hvd *hvd, enum peer_role role, const char *name, unsigned int tries,
		      const struct peer_hooks *hooks, void *context);

/* No hook and no answer comes any more. peer may be NULL. */
void peer_free(struct peer *peer);

/* How a call has ended: NULL, or why it failed. */
typedef void (*peer_done)(void *context, const struct failure *failure, sd_json_variant *reply);

/*
 * Calls a method (its last name), with parameters or NULL, when those that were called
 * before have been answered; done comes later, never from within. done may be NULL. A
 * process that does not answer in time is given up: it is lost. False: done will not
 * come.
 */
bool peer_call(struct peer *peer, const char *method, sd_json_variant *parameters,
	       unsigned int seconds, peer_done done, void *context);

/* done of no call with that context will come. peer may be NULL. */
void peer_cancel(struct peer *peer, const void *context);

/* Gives a descriptor along with the next call; it stays the caller's. Its index, or -errno. */
int peer_add_fd(struct peer *peer, int fd);

/* Those that were given stay behind: there is no next call. */
void peer_drop_fds(struct peer *peer);

/* Whether the process runs as that user, as far as the kernel tells. */
bool peer_is_user(const struct peer *peer, uid_t uid);

/* Its process id, as the kernel tells; 0: not known. */
int peer_pid(const struct peer *peer);

#endif
