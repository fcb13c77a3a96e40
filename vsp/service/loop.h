/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libsystemd's event loop as one event of libevent's: its varlink server lives on the
 * first, all else on the second.
 */
#ifndef VSP_LOOP_H
#define VSP_LOOP_H

#include <event2/event.h>
#include <systemd/sd-event.h>

struct loop;

/* NULL with errno set. */
struct loop *loop_new(struct event_base *base);
void loop_free(struct loop *loop); /* may be NULL */

/* What objects of libsystemd are attached to. */
sd_event *loop_event(const struct loop *loop);

/* To be called when such an object was given something outside of its own callbacks. The
 * next turn of libevent's loop sees to it. */
void loop_kick(struct loop *loop);

#endif
