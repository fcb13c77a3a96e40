/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMBus server around its protocol core (vmbus/server.h): one partition's messages,
 * ports, signals and memory, the devices that are offered, and who provides them: devices
 * in this process, or providers at the other end of a socket (channel/link.h).
 *
 * One thread, the event loop's. Callbacks come from the loop, never from within a call.
 */
#ifndef VSP_HOST_H
#define VSP_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <vmbus/guid.h>

#include "server.h"

struct device;
struct event_base;
struct host;

struct host_calls {
	void (*connected)(void *context, uint32_t version); /* 0: the guest is no longer */
	/* One line for the administrator: what the guest or a provider did wrong. At most
	 * HOST_WARNINGS in HOST_WARNINGS_S seconds; what is left out is counted. */
	void (*warning)(void *context, const char *text);
	/* A provider's socket was closed; its devices stay. */
	void (*provider_lost)(void *context, int provider);
	/* The partition has ended: nothing works any more. */
	void (*ended)(void *context);
};

#define HOST_WARNINGS 10u
#define HOST_WARNINGS_S 5u

/*
 * partition: a file of MULLION_IOC_ATTACH, duplicated. vps: of the partition, from 0.
 * NULL with errno set: EBUSY another server is there, others of the calls it takes.
 */
struct host *host_new(struct event_base *base, int partition, uint32_t vps,
		      const struct host_calls *calls, void *context);

/* Closes all channels. Devices that hold one let go of it as long as it takes them: the
 * guest's memory and the device's host stay until then. May be NULL. */
void host_free(struct host *host);

/* What a device is to the guest. */
struct host_device {
	struct vmbus_guid class, instance;
	uint16_t mmio_megabytes;
	bool pipe; /* of messages */
	uint32_t packet_max; /* of a provider's: as its struct device has it */
};

/* Offers a device of this process; it stays the caller's, and must outlive the host. */
bool host_offer(struct host *host, const struct host_device *what, struct device *device);

/*
 * Devices whose provider is at the other end of the socket, which is the host's from now
 * on, also when this fails. Those that are known by their instance are resumed. Returns the
 * provider's number, or -1 with errno set: EINVAL, EEXIST a device of this process or one
 * whose provider lives, ENOSPC.
 */
int host_provide(struct host *host, const struct host_device *what, unsigned int count, int socket);

/* Takes a device of a provider away. False: there is none. */
bool host_withdraw(struct host *host, const struct vmbus_guid *instance);

/* The partition's reference counter, 100 ns. False: it has ended. */
bool host_reference_time(const struct host *host, uint64_t *time);

void host_count(const struct host *host, struct vmbus_counters *counters);

#endif
