/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flags by which hv tells the parent that something has happened: a page for each
 * CPU, and a vector that the parent chose there (mullion/parent.h, struct
 * mullion_cpu_events).
 */
#ifndef HV_CORE_EVENTS_H
#define HV_CORE_EVENTS_H

#include "core/types.h"

struct cpu;

/* Any CPU: sets flag event (below MULLION_EVENTS_MAX) on cpu's page and raises the
 * vector there. Nothing happens when the parent has none on that CPU. */
void events_set(struct cpu *cpu, u32 event);

/* Own CPU: are there flags that the parent has not looked at? */
bool events_pending(const struct cpu *cpu);

/* Own CPU: takes a page and a vector, both checked; NULL and 0 withdraw. */
void events_use(struct cpu *cpu, void *page, u8 vector);

#endif
