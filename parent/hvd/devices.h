/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The processes that serve a guest's devices: VMBus's server (hv-vsp) and behind it
 * the providers of disks (hv-storage), network cards (hv-net), and screen and GPU (hv-gpu).
 *
 * They are made for one partition of the hypervisor and end with it; one that is made
 * anew, by a start or a reset, gets new ones. A provider that dies meanwhile is started
 * again, and goes on with the work of the one before. When the server dies the guest
 * has lost its devices. All are asked to end, and killed when they do not.
 */
#ifndef HVD_DEVICES_H
#define HVD_DEVICES_H

#include "partition.h"
#include "peer.h"

struct devices;

struct devices *devices_new(struct partition *partition);

/* The processes stay, but for those that are to end. */
void devices_free(struct devices *devices);

/*
 * Starts what the partition's live definition needs, for the partition that the
 * hypervisor has now; what there is for another one ends before. done comes later, with
 * NULL or why it came to nothing.
 */
void devices_start(struct devices *devices,
		   void (*done)(struct partition *partition, const struct failure *failure));

/* The done of the two calls around this will not come. */
void devices_cancel(struct devices *devices);

/* Ends all. done, if not NULL, comes later, when they are gone. */
void devices_end(struct devices *devices, void (*done)(struct partition *partition));

/* Nothing is there any more. */
bool devices_are_gone(const struct devices *devices);

/* Finds what an hvd before this one has started for a guest that runs. */
void devices_adopt(struct devices *devices);

/* A process that was just started has ended, or did not even begin. */
void devices_process_failed(struct devices *devices, enum peer_role role, const char *why);

/* What is known of the guest. */
const struct guest *devices_guest(const struct devices *devices);

/* The process id; 0: it is not there. */
int devices_pid(const struct devices *devices, enum peer_role role);

/* The guest's time has stood still. */
void devices_set_time(struct devices *devices);

/* ---- for clients ---- */

/* How it has ended: NULL, or why it failed; reply: of the process, or NULL. */
typedef void (*devices_done)(void *context, const struct failure *failure, sd_json_variant *reply);

bool devices_is_up(const struct devices *devices, enum peer_role role);

/* The connection to a process, for descriptors that go along with a call; NULL: none. */
struct peer *devices_peer(const struct devices *devices, enum peer_role role);

/*
 * Calls a method of a process that is up. done is called exactly once, later, also when
 * the process or the guest ends: with WRONG_STATE for the latter. False with failure:
 * done will not come.
 */
bool devices_call(struct devices *devices, enum peer_role role, const char *method,
		  sd_json_variant *parameters, devices_done done, void *context,
		  struct failure *failure);

/*
 * Gives the guest the one device of a domain; the same. A disk that comes to others is
 * the caller's to add to what runs when done says so; a card, and whatever is the first of its
 * kind, is there then.
 */
bool devices_attach(struct devices *devices, const struct domain *device, devices_done done,
		    void *context, struct failure *failure);

/* Ends what has nothing to do any more. */
void devices_trim(struct devices *devices);

#endif
