/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/port.h"

#include <hyperv/hypercall.h>
#include <hyperv/status.h>

#include "core/events.h"
#include "core/frames.h"
#include "core/memory.h"
#include "core/partition.h"
#include "core/string.h"

struct port {
	u32 connection;
	u32 event;
	u32 type; /* enum mullion_port_type; 0: this entry is free */
	struct mullion_message_ring *ring; /* the parent's page; of a message port */
	u64 head; /* hv's own: the ring's is only told */
};

#define PORTS (PAGE_SIZE / sizeof(struct port))

/* The connection's port, or with used false any entry that is free. Who has neither the
 * partition's lock nor port_lock may not ask. */
static struct port *find_port(const struct partition *p, u32 connection, bool used)
{
	for (u32 i = 0; p->ports && i < PORTS; i++) {
		struct port *port = &p->ports[i];

		if (used ? port->type && port->connection == connection : !port->type)
			return port;
	}
	return NULL;
}

static bool is_valid(const struct mullion_bind_port *b)
{
	return !(b->connection & ~HV_CONNECTION_ID_MASK) && b->event < MULLION_EVENTS_MAX &&
	       !b->reserved &&
	       (b->type == MULLION_PORT_MESSAGE || (b->type == MULLION_PORT_EVENT && !b->ring_gpa));
}

u16 port_bind(struct partition *p, const struct mullion_bind_port *b)
{
	struct mullion_message_ring *ring = NULL;
	struct port *free;

	if (!is_valid(b) || find_port(p, b->connection, true))
		return HV_STATUS_INVALID_PARAMETER;
	if (!p->ports)
		__atomic_store_n(&p->ports, pool_alloc(&p->pool), __ATOMIC_RELEASE);
	if (!p->ports)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	free = find_port(p, 0, false);
	if (!free)
		return HV_STATUS_NO_RESOURCES;
	if (b->type == MULLION_PORT_MESSAGE) {
		ring = frame_share(GPA(b->ring_gpa));
		if (!ring)
			return HV_STATUS_INVALID_PARAMETER;
	}
	spin_lock(&p->port_lock);
	*free = (struct port){
		.connection = b->connection,
		.event = b->event,
		.type = b->type,
		.ring = ring,
	};
	if (ring)
		__atomic_store_n(&ring->head, 0, __ATOMIC_RELEASE);
	spin_unlock(&p->port_lock);
	return HV_STATUS_SUCCESS;
}

static void unbind(struct partition *p, struct port *port)
{
	struct mullion_message_ring *ring = port->ring;

	spin_lock(&p->port_lock);
	port->type = 0;
	spin_unlock(&p->port_lock);
	if (ring)
		frame_unshare(virt_to_phys(ring));
}

u16 port_unbind(struct partition *p, u32 connection)
{
	struct port *port = find_port(p, connection, true);

	if (!port)
		return HV_STATUS_INVALID_CONNECTION_ID;
	unbind(p, port);
	return HV_STATUS_SUCCESS;
}

void port_unbind_all(struct partition *p)
{
	if (!p->ports)
		return;
	for (u32 i = 0; i < PORTS; i++) {
		if (p->ports[i].type)
			unbind(p, &p->ports[i]);
	}
	pool_free(&p->pool, p->ports);
	p->ports = NULL;
}

/* The parent may have written anything to tail: at worst it loses messages of its own. */
static bool put(struct port *port, const struct hv_message *message)
{
	struct mullion_message_ring *ring = port->ring;
	u64 tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);

	if (port->head - tail >= MULLION_RING_MESSAGES)
		return false;
	memcpy(ring->messages[port->head % MULLION_RING_MESSAGES], message, sizeof(*message));
	__atomic_store_n(&ring->head, ++port->head, __ATOMIC_RELEASE);
	return true;
}

u16 port_send(struct partition *p, u32 connection, const struct hv_message *message,
	      struct cpu *cpu)
{
	u32 type = message ? MULLION_PORT_MESSAGE : MULLION_PORT_EVENT;
	u16 status = HV_STATUS_SUCCESS;
	struct port *port;

	spin_lock(&p->port_lock);
	port = find_port(p, connection, true);
	if (!port || port->type != type)
		status = HV_STATUS_INVALID_CONNECTION_ID;
	else if (message && !put(port, message))
		status = HV_STATUS_INSUFFICIENT_BUFFERS;
	else
		events_set(cpu, port->event);
	spin_unlock(&p->port_lock);
	return status;
}
