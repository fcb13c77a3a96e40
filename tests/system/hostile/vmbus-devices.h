/* SPDX-License-Identifier: GPL-2.0-only */
/* The devices that the guest is offered, and how a driver begins with each. */
#ifndef HOSTILE_VMBUS_DEVICES_H
#define HOSTILE_VMBUS_DEVICES_H

#include "vmbus.h"

enum device_kind {
	HEARTBEAT,
	TIMESYNC,
	KEYBOARD,
	MOUSE,
	STORAGE,
	NETWORK,
	DEVICES,
};

struct device {
	struct channel channel;
	/* What a driver does first, on a channel that was just opened. The answers are right. */
	void (*talk)(struct channel *channel);
};

extern struct device devices[DEVICES];

/* Looks all of them up, in this connection. */
void devices_find(void);
/* Opens the device, talks, and closes it. */
void device_works(struct device *device);
/* Closes it, with what talk() has made. */
void device_close(struct device *device);

/* Waits for what an integration component says next, and answers as a driver does. */
void heartbeat_serve(struct channel *channel);

/* A storage request for the disk, an INQUIRY, with memory of one page. False: no room. */
bool storage_ask(struct channel *channel, uint64_t transaction, uint64_t pfn);

#endif
