/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Drives an object of libsystemd that wants to be polled and processed (a varlink
 * connection, a bus connection) from a libevent loop.
 */
#ifndef HVD_PUMP_H
#define HVD_PUMP_H

#include <event2/event.h>
#include <stdint.h>

struct pump_calls {
	int (*get_fd)(void *object);
	int (*get_events)(void *object); /* poll(2) bits */
	int (*get_timeout)(void *object, uint64_t *until); /* CLOCK_MONOTONIC, microseconds */
	int (*process)(void *object); /* > 0: call again; < 0: it is over */
};

extern const struct pump_calls pump_varlink;
extern const struct pump_calls pump_bus;

struct pump;

/*
 * object stays the caller's and must outlive the pump. ended(context) is called
 * once when the object says that it is over; it may free the pump. NULL: no memory.
 */
struct pump *pump_new(struct event_base *base, const struct pump_calls *calls, void *object,
		      void (*ended)(void *context), void *context);

/* To be called whenever something was given to the object to send. */
void pump_update(struct pump *pump);

/* Also from within the object's own callbacks. */
void pump_free(struct pump *pump);

#endif
