/* SPDX-License-Identifier: GPL-2.0-only */
/* What a guest tells of itself, as far as the processes that serve it pass it on. */
#ifndef HVD_GUEST_H
#define HVD_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "varlink.h"

/* All texts are printable ASCII; "": not known. */
struct guest {
	char version[16]; /* of VMBus: "5.3" */
	char heartbeat[8]; /* "none", "ok", "lost"; "": there is no server */
	char os[256]; /* name and version */
	char hostname[256];
	char addresses[1024]; /* of IPv4 and IPv6, a blank between */
	uint64_t entries; /* counts up when the guest's own were read anew */
	char screen[8]; /* who draws it: "none", "video", "gpu"; "": nobody serves it */
};

/* From an event of org.mullion.Vsp. Returns whether something has changed that a client
 * is told. */
bool guest_take_event(struct guest *guest, sd_json_variant *event);

/* From the answer to org.mullion.Vsp.Status. Returns the same. */
bool guest_take_status(struct guest *guest, sd_json_variant *status);

/* From an event of org.mullion.Gpu: whether another one draws the screen; that nobody does
 * in the beginning is no news. */
bool guest_take_screen(struct guest *guest, sd_json_variant *event);

/* The addresses as an array; NULL: none, or no memory. */
sd_json_variant *guest_addresses(const struct guest *guest);

#endif
