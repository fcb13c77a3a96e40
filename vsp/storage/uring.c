/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See uring.h. At most depth operations are in the kernel, and both queues are at least
 * that long, so neither runs over.
 *
 * The loop waits for the ring's own descriptor, which is readable while there are results.
 * What has ended by the time it was handed in is taken at once: no wake-up, no system call.
 */
#include "uring.h"

#include <errno.h>
#include <event2/event.h>
#include <liburing.h>
#include <stdint.h>
#include <stdlib.h>

/* Threads of the kernel for what cannot wait otherwise: fsync, fallocate, writes through
 * the page cache of some file systems. */
#define WORKERS 8u
/* The kernel has no memory for more: how long until the next try. */
#define RETRY_USEC 10000
#define REAP 32u

struct uring {
	struct io_uring ring;
	unsigned int depth, busy;
	struct uring_op *first, **last; /* that wait */
	struct event *done, *submit;
};

static void enter(struct uring *uring, struct uring_op *op)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);

	/* The queue has depth entries, and fewer operations are under way. */
	if (!sqe)
		abort();
	op->prepare(op, sqe);
	io_uring_sqe_set_data(sqe, op);
	uring->busy++;
	event_active(uring->submit, EV_TIMEOUT, 0);
}

static void enter_waiting(struct uring *uring)
{
	while (uring->first && uring->busy < uring->depth) {
		struct uring_op *op = uring->first;

		uring->first = op->next;
		if (!uring->first)
			uring->last = &uring->first;
		enter(uring, op);
	}
}

void uring_start(struct uring *uring, struct uring_op *op)
{
	op->next = NULL;
	*uring->last = op;
	uring->last = &op->next;
	enter_waiting(uring);
}

static unsigned int reap(struct uring *uring)
{
	struct io_uring_cqe *cqes[REAP];
	struct uring_op *ops[REAP];
	unsigned int count = io_uring_peek_batch_cqe(&uring->ring, cqes, REAP);
	int results[REAP];

	for (unsigned int i = 0; i < count; i++) {
		ops[i] = io_uring_cqe_get_data(cqes[i]);
		results[i] = cqes[i]->res;
	}
	io_uring_cq_advance(&uring->ring, count);
	uring->busy -= count;
	for (unsigned int i = 0; i < count; i++)
		ops[i]->done(ops[i], results[i]);
	return count;
}

static void reap_all(struct uring *uring)
{
	while (reap(uring))
		continue;
	enter_waiting(uring);
}

static void submit(evutil_socket_t fd, short what, void *context)
{
	static const struct timeval soon = { .tv_usec = RETRY_USEC };
	struct uring *uring = context;
	int result;

	(void)fd;
	(void)what;
	do
		result = io_uring_submit(&uring->ring);
	while (result == -EINTR);
	if (io_uring_sq_ready(&uring->ring))
		event_add(uring->submit, &soon);
	reap_all(uring);
}

static void done(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	reap_all(context);
}

static int set_up(struct uring *uring, struct event_base *base)
{
	unsigned int workers[2] = { WORKERS, WORKERS };

	io_uring_ring_dontfork(&uring->ring);
	/* A limit, not a need. */
	io_uring_register_iowq_max_workers(&uring->ring, workers);
	uring->done = event_new(base, uring->ring.ring_fd, EV_READ | EV_PERSIST, done, uring);
	uring->submit = event_new(base, -1, 0, submit, uring);
	if (!uring->done || !uring->submit || event_add(uring->done, NULL) < 0)
		return ENOMEM;
	return 0;
}

static void free_events(struct uring *uring)
{
	if (uring->done)
		event_free(uring->done);
	if (uring->submit)
		event_free(uring->submit);
}

struct uring *uring_new(struct event_base *base, unsigned int depth)
{
	struct uring *uring = calloc(1, sizeof(*uring));
	int error;

	if (!uring)
		return NULL;
	uring->depth = depth;
	uring->last = &uring->first;
	error = -io_uring_queue_init(depth, &uring->ring, 0);
	if (error)
		goto no_ring;
	error = set_up(uring, base);
	if (!error)
		return uring;
	free_events(uring);
	io_uring_queue_exit(&uring->ring);
no_ring:
	free(uring);
	errno = error;
	return NULL;
}

void uring_free(struct uring *uring)
{
	if (!uring)
		return;
	free_events(uring);
	io_uring_queue_exit(&uring->ring);
	free(uring);
}
