/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One loop in the other, see loop.h. Between two turns the inner loop is armed: prepared,
 * with nothing to do, and its descriptor readable as soon as there is.
 */
#include "loop.h"

#include <errno.h>
#include <stdlib.h>

#include "error.h"

/* Callbacks of the inner loop in one turn of the outer one: others want theirs. */
#define TURN 32

struct loop {
	struct event_base *base;
	sd_event *inner;
	struct event *io, *again;
};

/* False: the inner loop cannot go on. */
static bool step(sd_event *inner, bool *idle)
{
	int result = 0;

	*idle = false;
	switch (sd_event_get_state(inner)) {
	case SD_EVENT_ARMED:
		result = sd_event_wait(inner, 0);
		break;
	case SD_EVENT_PENDING:
		result = sd_event_dispatch(inner);
		break;
	case SD_EVENT_INITIAL:
		result = sd_event_prepare(inner);
		*idle = result == 0;
		break;
	default:
		return false;
	}
	return result >= 0;
}

static void turn(struct loop *loop)
{
	/* Waiting, dispatching, preparing: three steps for each callback. */
	for (int i = 0; i < 3 * TURN; i++) {
		bool idle;

		if (!step(loop->inner, &idle)) {
			notice("the event loop has failed");
			event_base_loopbreak(loop->base);
			return;
		}
		if (idle)
			return;
	}
	loop_kick(loop);
}

static void on_event(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	turn(context);
}

sd_event *loop_event(const struct loop *loop)
{
	return loop->inner;
}

void loop_kick(struct loop *loop)
{
	static const struct timeval now = { 0 };

	event_add(loop->again, &now);
}

struct loop *loop_new(struct event_base *base)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int result;

	if (!loop)
		return NULL;
	loop->base = base;
	result = sd_event_new(&loop->inner);
	if (result >= 0) {
		loop->io = event_new(base, sd_event_get_fd(loop->inner), EV_READ | EV_PERSIST,
				     on_event, loop);
		loop->again = evtimer_new(base, on_event, loop);
		if (loop->io && loop->again && event_add(loop->io, NULL) == 0) {
			loop_kick(loop);
			return loop;
		}
		result = -ENOMEM;
	}
	loop_free(loop);
	errno = -result;
	return NULL;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->io)
		event_free(loop->io);
	if (loop->again)
		event_free(loop->again);
	sd_event_unref(loop->inner);
	free(loop);
}
