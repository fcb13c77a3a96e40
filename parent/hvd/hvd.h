/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon as a whole. One thread, one libevent loop; whatever takes time is a
 * call to somebody else whose answer comes as an event.
 *
 *   server      connections of clients     methods     what they may call
 *   partition   the registry               operation   what is being done to one
 *   peer        a process of one           spawn       how it is started and killed
 *   worker      what its worker says       devices     what serves its VMBus devices
 *   events      who wants to know          store       definitions on disk
 *   hypervisor  /dev/mullion               adopt       finding what already runs
 *   network     what guests' networks are  bridge      how one comes to be
 */
#ifndef HVD_HVD_H
#define HVD_HVD_H

#include <event2/event.h>
#include <stdbool.h>

#include "cpuset.h"
#include "hypervisor.h"
#include "store.h"

struct events;
struct partition;
struct server;
struct spawner;

/* The processes that a partition has. */
enum peer_role {
	PEER_WORKER = 0, /* runs its virtual processors */
	PEER_VSP, /* VMBus's server */
	PEER_STORAGE, /* provides its disks */
	PEER_NET, /* provides its network cards */
	PEER_GPU, /* provides its screen and its GPU */
	PEER_COUNT,
};

struct settings {
	const char *config; /* directory of definitions */
	const char *networks; /* directory of networks' definitions */
	const char *run; /* directory of sockets and of what runs */
	const char *device; /* /dev/mullion */
	const char *mshv; /* /dev/mshv */
	/* Programs to be started by hvd itself. Without a worker's: by systemd; without
	 * another one: there is none. */
	const char *programs[PEER_COUNT];
	const char *image; /* the same, for images that are not raw */
	bool without_hypervisor; /* for tests: workers that need none */
};

struct hvd {
	struct settings settings;
	struct event_base *base;
	struct hypervisor hypervisor;
	struct store definitions;
	struct store live; /* what runs now, as it was started */
	struct cpuset online; /* CPUs */
	struct spawner *spawner;
	struct events *events;
	struct server *server;
	struct partition *partitions; /* by name, ascending */
	unsigned int partition_count;
};

#define HVD_PARTITIONS_MAX 1024u

#endif
