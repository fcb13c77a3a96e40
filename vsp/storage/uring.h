/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An io_uring on an event loop. Operations that find it full wait in order; what is
 * started within one turn of the loop goes to the kernel in one call.
 */
#ifndef VSP_STORAGE_URING_H
#define VSP_STORAGE_URING_H

#include <stdbool.h>

struct event_base;
struct io_uring_sqe;
struct uring;

/* The caller's until it is started, and again from done() on. */
struct uring_op {
	/* Fills the entry, by io_uring_prep_*(). Called once, now or later. */
	void (*prepare)(struct uring_op *op, struct io_uring_sqe *sqe);
	/* As the kernel says: not negative, or -errno. */
	void (*done)(struct uring_op *op, int result);
	struct uring_op *next; /* the ring's */
};

/* depth: operations in the kernel at once, a power of two. NULL with errno set. */
struct uring *uring_new(struct event_base *base, unsigned int depth);
/* Nothing is under way. uring may be NULL. */
void uring_free(struct uring *uring);

/* done() comes later, never within. */
void uring_start(struct uring *uring, struct uring_op *op);

#endif
