/* SPDX-License-Identifier: GPL-2.0-only */
/* See light.h. */
#include "light.h"

#include "host.h"

static void free_device(struct device **device, void (*release)(struct device *device))
{
	release(*device);
	*device = NULL;
}

void light_free(struct device *devices[LIGHTS])
{
	for (unsigned int i = 0; i < LIGHTS; i++)
		free_device(&devices[i], i < LIGHT_KEYBOARD ? utils_free : input_free);
}

bool light_new(struct device *devices[LIGHTS], const struct light_calls *calls, void *context)
{
	struct utils_heartbeat_options heartbeat = { .changed = calls->heartbeat };
	struct utils_kvp_options kvp = { .changed = calls->entries };
	bool all = true;

	devices[LIGHT_SHUTDOWN] = utils_shutdown_new(&calls->shutdown, context);
	devices[LIGHT_TIMESYNC] = utils_timesync_new(&calls->timesync, context, 0);
	devices[LIGHT_HEARTBEAT] = utils_heartbeat_new(&heartbeat, context);
	devices[LIGHT_KVP] = utils_kvp_new(&kvp, context);
	devices[LIGHT_KEYBOARD] = input_keyboard_new();
	devices[LIGHT_MOUSE] = input_mouse_new();
	for (unsigned int i = 0; i < LIGHTS; i++)
		all = all && devices[i];
	if (!all)
		light_free(devices);
	return all;
}

bool light_offer(struct device *const devices[LIGHTS], struct host *host)
{
	/* The instances are the same in each partition. Linux's keyboard driver knows no pipes. */
	const struct host_device what[LIGHTS] = {
		[LIGHT_SHUTDOWN] = { .class = VMBUS_CLASS_SHUTDOWN,
				     .instance = VMBUS_GUID(0xa92e9183, 0x2baa, 0x4f35, 0xb8, 0xc7,
							    0x57, 0xe9, 0xa2, 0xd0, 0x9a, 0x10),
				     .pipe = true },
		[LIGHT_TIMESYNC] = { .class = VMBUS_CLASS_TIMESYNC,
				     .instance = VMBUS_GUID(0x46eda72d, 0xb034, 0x40f4, 0xaf, 0xb8,
							    0x61, 0x19, 0x95, 0x46, 0xf1, 0x69),
				     .pipe = true },
		[LIGHT_HEARTBEAT] = { .class = VMBUS_CLASS_HEARTBEAT,
				      .instance = VMBUS_GUID(0x4b43a0d7, 0x0456, 0x4d8c, 0xb2, 0x07,
							     0x66, 0x4f, 0xe4, 0xa3, 0x92, 0x49),
				      .pipe = true },
		[LIGHT_KVP] = { .class = VMBUS_CLASS_KVP,
				.instance = VMBUS_GUID(0xf01be3a5, 0x1dcf, 0x4d8e, 0x89, 0x54, 0xa7,
						       0x34, 0xe8, 0x11, 0x5b, 0xb8),
				.pipe = true },
		[LIGHT_KEYBOARD] = { .class = VMBUS_CLASS_KEYBOARD,
				     .instance = VMBUS_GUID(0x3d727a0c, 0x5025, 0x48c8, 0xbc, 0xe0,
							    0xa4, 0x39, 0x9c, 0xce, 0x80, 0xd0) },
		[LIGHT_MOUSE] = { .class = VMBUS_CLASS_MOUSE,
				  .instance = VMBUS_GUID(0xc88df5a4, 0xde44, 0x41e3, 0xa0, 0xd6,
							 0xd8, 0x29, 0x1a, 0xc5, 0xe6, 0x80),
				  .pipe = true },
	};
	bool all = true;

	for (unsigned int i = 0; i < LIGHTS; i++)
		all = all && host_offer(host, &what[i], devices[i]);
	return all;
}
