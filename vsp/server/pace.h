/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * News at a pace: a guest may change how things stand as often as it likes, and those who
 * are told of it are to hear the latest, not all. What has changed is told at once where
 * nothing was told for a period, else when the period is over.
 *
 * One thread, the event loop's; tell() comes from within pace_changed() or from the loop.
 */
#ifndef VSP_PACE_H
#define VSP_PACE_H

struct event_base;
struct pace;

/* NULL: no memory. */
struct pace *pace_new(struct event_base *base, unsigned int period_ms, void (*tell)(void *context),
		      void *context);
void pace_free(struct pace *pace); /* may be NULL */

void pace_changed(struct pace *pace);

#endif
