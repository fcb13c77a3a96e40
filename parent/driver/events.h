/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mullion_root: hv's events (struct mullion_cpu_events, mullion/parent.h).
 */
#ifndef MULLION_EVENTS_H
#define MULLION_EVENTS_H

#include <linux/cpumask.h>
#include <linux/types.h>

struct mullion_event {
	/* Called with interrupts off, on the CPU where hv set the event, once for one or
	 * several settings of it; now and then for none. */
	void (*signal)(struct mullion_event *event);
	u32 number; /* what hv calls it */
};

/* Gives the event, its signal set, a number. -ENOMEM, -EBUSY when all are taken.
 * Process context. */
int mullion_event_add(struct mullion_event *event);

/* When it returns nobody calls or will call signal. Process context. */
void mullion_event_remove(struct mullion_event *event);

/* hv's number of a CPU that is, or was, online here; -1 of any other. */
int mullion_hv_cpu(unsigned int cpu);

int mullion_events_init(void);
void mullion_events_exit(void);

#endif
