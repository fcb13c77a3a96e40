/* SPDX-License-Identifier: GPL-2.0-only */
/* libsystemd's objects in a libevent loop, see pump.h. */
#include "pump.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include "varlink.h"

/* Messages of one object in one turn of the loop: the others want theirs. */
#define TURN 32

struct pump {
	const struct pump_calls *calls;
	void *object;
	void (*ended)(void *context);
	void *context;
	/* The object closes its own when it likes. While a child that was just made still
	 * has that one, epoll would go on with events for its number, which may be another
	 * object's by then; so it never sees it. */
	int fd;
	struct event *io; /* what it waits for changes */
	struct event *timer;
	short events; /* of io, as it is added; 0: not added */
	bool closed; /* the other side sends nothing any more */
	bool busy; /* within process() */
	bool dead; /* freed within process() */
};

static int varlink_get_fd(void *object)
{
	return sd_varlink_get_fd(object);
}

static int varlink_get_events(void *object)
{
	return sd_varlink_get_events(object);
}

static int varlink_get_timeout(void *object, uint64_t *until)
{
	return sd_varlink_get_timeout(object, until);
}

static int varlink_process(void *object)
{
	return sd_varlink_process(object);
}

const struct pump_calls pump_varlink = {
	.get_fd = varlink_get_fd,
	.get_events = varlink_get_events,
	.get_timeout = varlink_get_timeout,
	.process = varlink_process,
};

static int bus_get_fd(void *object)
{
	return sd_bus_get_fd(object);
}

static int bus_get_events(void *object)
{
	return sd_bus_get_events(object);
}

static int bus_get_timeout(void *object, uint64_t *until)
{
	return sd_bus_get_timeout(object, until);
}

static int bus_process(void *object)
{
	return sd_bus_process(object, NULL);
}

const struct pump_calls pump_bus = {
	.get_fd = bus_get_fd,
	.get_events = bus_get_events,
	.get_timeout = bus_get_timeout,
	.process = bus_process,
};

static void destroy(struct pump *pump)
{
	if (pump->io)
		event_free(pump->io);
	if (pump->timer)
		event_free(pump->timer);
	if (pump->fd >= 0)
		close(pump->fd);
	free(pump);
}

/* Microseconds from now to a point of CLOCK_MONOTONIC. */
static uint64_t until_then(uint64_t then)
{
	struct timespec time;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &time);
	now = (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
	return then > now ? then - now : 0;
}

static void set_timer(struct pump *pump, uint64_t delay)
{
	struct timeval time = { .tv_sec = (time_t)(delay / 1000000),
				.tv_usec = (suseconds_t)(delay % 1000000) };

	event_add(pump->timer, &time);
}

static void turn(struct pump *pump)
{
	int result = 1;

	pump->busy = true;
	for (int i = 0; i < TURN && result > 0 && !pump->dead; i++)
		result = pump->calls->process(pump->object);
	pump->busy = false;
	if (pump->dead) {
		destroy(pump);
		return;
	}
	/* An object that just waits does not look whether it still makes sense to. */
	if (result < 0 || (result == 0 && pump->closed)) {
		event_del(pump->io);
		event_del(pump->timer);
		pump->events = 0;
		pump->ended(pump->context);
		return;
	}
	pump_update(pump);
	if (result > 0)
		set_timer(pump, 0);
}

static void on_event(evutil_socket_t fd, short what, void *context)
{
	struct pump *pump = context;

	(void)fd;
	if (what & EV_CLOSED)
		pump->closed = true;
	turn(pump);
}

void pump_update(struct pump *pump)
{
	int wanted = pump->calls->get_events(pump->object);
	uint64_t then = UINT64_MAX;
	short events = EV_PERSIST | EV_CLOSED;

	if (pump->busy)
		return;
	/* An object that cannot say what it waits for has an error to tell by process(). */
	if (wanted < 0) {
		set_timer(pump, 0);
		return;
	}
	events |= (short)((wanted & POLLIN ? EV_READ : 0) | (wanted & POLLOUT ? EV_WRITE : 0));
	if (events != pump->events) {
		event_del(pump->io);
		event_assign(pump->io, event_get_base(pump->io), event_get_fd(pump->io), events,
			     on_event, pump);
		event_add(pump->io, NULL);
		pump->events = events;
	}
	event_del(pump->timer);
	if (pump->calls->get_timeout(pump->object, &then) >= 0 && then != UINT64_MAX)
		set_timer(pump, until_then(then));
}

struct pump *pump_new(struct event_base *base, const struct pump_calls *calls, void *object,
		      void (*ended)(void *context), void *context)
{
	struct pump *pump = calloc(1, sizeof(*pump));

	if (!pump)
		return NULL;
	pump->calls = calls;
	pump->object = object;
	pump->ended = ended;
	pump->context = context;
	pump->fd = fcntl(calls->get_fd(object), F_DUPFD_CLOEXEC, 3);
	if (pump->fd >= 0)
		pump->io = event_new(base, pump->fd, EV_PERSIST | EV_READ, on_event, pump);
	pump->timer = evtimer_new(base, on_event, pump);
	if (!pump->io || !pump->timer) {
		destroy(pump);
		return NULL;
	}
	/* What came before there was a pump is processed without waiting. */
	set_timer(pump, 0);
	return pump;
}

void pump_free(struct pump *pump)
{
	if (!pump)
		return;
	if (pump->busy) {
		pump->dead = true;
		return;
	}
	destroy(pump);
}
