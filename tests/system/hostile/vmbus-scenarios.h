/* SPDX-License-Identifier: GPL-2.0-only */
/* What vmbus-guest does, by the words of its command line: each begins and ends without a
 * connection, and ends with a line "vmbus: NAME: done". */
#ifndef HOSTILE_VMBUS_SCENARIOS_H
#define HOSTILE_VMBUS_SCENARIOS_H

void scenario_protocol(void);
void scenario_gpadls(void);
void scenario_deaf(void);
void scenario_rounds(void);
void scenario_rings(void);
void scenario_packets(void);

/* The second processor: rewrites what the first one points it to, or sleeps. */
_Noreturn void rewrite(void);

#endif
