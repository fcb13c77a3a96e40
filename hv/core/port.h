/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ports: connection ids of a child that the parent listens to. Their table is one page
 * of the partition's pool, made with the first port.
 *
 * Source: TLFS 6.0b, chapter 11; the ring is mullion/parent.h's.
 */
#ifndef HV_CORE_PORT_H
#define HV_CORE_PORT_H

#include <hyperv/message.h>
#include <mullion/parent.h>

#include "core/types.h"

struct cpu;
struct partition;

/* The partition's lock is held. Returns HV_STATUS: INVALID_PARAMETER: the id is bound, or
 * a field is wrong, or the ring's page is not the parent's; NO_RESOURCES: the table is
 * full; INSUFFICIENT_MEMORY. */
u16 port_bind(struct partition *p, const struct mullion_bind_port *bind);

/* Ends it; behind its return nobody touches the ring. INVALID_CONNECTION_ID. */
u16 port_unbind(struct partition *p, u32 connection);

/* Ends all, and gives the table back to the pool: the partition has no VPs any more. */
void port_unbind_all(struct partition *p);

/*
 * For the child, on the CPU that handles its call: puts the message (its header is the
 * caller's) into the connection's ring, or with NULL signals the connection, and sets
 * the port's event on cpu. INVALID_CONNECTION_ID: no port of this type;
 * INSUFFICIENT_BUFFERS: the ring is full.
 */
u16 port_send(struct partition *p, u32 connection, const struct hv_message *message,
	      struct cpu *cpu);

#endif
