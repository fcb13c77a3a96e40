/* SPDX-License-Identifier: GPL-2.0-only */
/* The devices that hv-vsp itself provides. */
#ifndef VSP_LIGHT_H
#define VSP_LIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "input.h"
#include "utils.h"

struct host;

enum light {
	LIGHT_SHUTDOWN,
	LIGHT_TIMESYNC,
	LIGHT_HEARTBEAT,
	LIGHT_KVP,
	LIGHT_KEYBOARD,
	LIGHT_MOUSE,
	LIGHTS,
};

struct light_calls {
	struct utils_shutdown_calls shutdown;
	struct utils_timesync_calls timesync;
	void (*heartbeat)(void *context, enum utils_heartbeat state);
	void (*entries)(void *context, enum utils_kvp state);
};

/* The devices, by enum light; calls stays the caller's. False: no memory, and none is
 * there. */
bool light_new(struct device *devices[LIGHTS], const struct light_calls *calls, void *context);

/* Offers all. False: the host cannot have as many. */
bool light_offer(struct device *const devices[LIGHTS], struct host *host);

/* No host has them any more. NULLs are skipped. */
void light_free(struct device *devices[LIGHTS]);

#endif
