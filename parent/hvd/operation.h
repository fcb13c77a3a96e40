/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is being done to a partition. Operations of one partition come one after
 * the other; each is a chain of calls to its worker, and ends with an answer to
 * the client that asked, if one did. Destroying does not wait for its turn.
 */
#ifndef HVD_OPERATION_H
#define HVD_OPERATION_H

#include "partition.h"

enum operation_kind {
	OPERATION_START,
	OPERATION_DESTROY,
	OPERATION_RESET,
	OPERATION_SUSPEND,
	OPERATION_RESUME,
	OPERATION_KEEP, /* a guest that has crashed is stopped as it is */
	OPERATION_CHECK, /* what does the worker have to tell? */
};

/* Waiting for their turn, of one partition. */
#define OPERATIONS_MAX 16u

/* For partition_add() and partition_remove(). */
bool operation_setup(struct partition *partition, struct event_base *base);
void operation_end(struct partition *partition);

struct operation_order {
	enum operation_kind kind;
	sd_varlink *client; /* to be answered; NULL: nobody */
	bool paused; /* START */
	bool create; /* START: the answer is Create's */
	struct ending why; /* what the state's reason will be; reason NONE: as requested */
};

/*
 * Puts an operation in line; partition may be gone when it has been done. False
 * with failure filled in when it cannot be.
 */
bool operation_queue(struct partition *partition, const struct operation_order *order,
		     struct failure *failure);

/* A process has ended, if it is one that is just started, or did not even begin. */
void operation_process_failed(struct partition *partition, enum peer_role role, const char *why);

/* The partition is being made, made anew or destroyed. */
bool operation_is_changing(const struct partition *partition);

/* Looks again whether there is something to be done. */
void operation_go_on(struct partition *partition);

/* Connects to a worker that may run already; what it is shows later. */
void operation_adopt(struct partition *partition);

/* hv may have news about the guest. */
void operation_look(struct partition *partition);

#endif
