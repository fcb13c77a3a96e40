/* SPDX-License-Identifier: GPL-2.0-only */
/* See pace.h. */
#include "pace.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>

struct pace {
	struct event *over; /* pending: something was told within a period */
	struct timeval period;
	bool changed; /* since then */
	void (*tell)(void *context);
	void *context;
};

static void say(struct pace *pace)
{
	pace->changed = false;
	event_add(pace->over, &pace->period);
	pace->tell(pace->context);
}

static void on_over(evutil_socket_t fd, short what, void *context)
{
	struct pace *pace = context;

	(void)fd, (void)what;
	if (pace->changed)
		say(pace);
}

struct pace *pace_new(struct event_base *base, unsigned int period_ms, void (*tell)(void *context),
		      void *context)
{
	struct pace *pace = calloc(1, sizeof(*pace));

	if (!pace)
		return NULL;
	pace->period.tv_sec = period_ms / 1000;
	pace->period.tv_usec = (suseconds_t)(period_ms % 1000) * 1000;
	pace->tell = tell;
	pace->context = context;
	pace->over = evtimer_new(base, on_over, pace);
	if (pace->over)
		return pace;
	free(pace);
	return NULL;
}

void pace_free(struct pace *pace)
{
	if (!pace)
		return;
	event_free(pace->over);
	free(pace);
}

void pace_changed(struct pace *pace)
{
	if (event_pending(pace->over, EV_TIMEOUT, NULL))
		pace->changed = true;
	else
		say(pace);
}
