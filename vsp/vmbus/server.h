/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMBus's control protocol, the server's side, for one partition: connection, offers,
 * GPADLs, open and close. Pure: events go in, actions come out; no I/O, no clock, no
 * thread. Around it is the host: the process that owns ports, memory and providers.
 *
 * Names. A device is what the host offers, known by a number of the host's. It has one
 * channel (sub 0) and, while that is open, may have sub-channels (sub 1, 2, ...). A
 * relid is what the guest calls a channel in one connection; it is also the event flag
 * on which the guest is signalled (Linux, drivers/hv/vmbus_drv.c: a bit of the SynIC's
 * event flags page is taken as a relid). A host sees device and sub only.
 *
 * What the host does:
 *  - Messages to connections VMBUS_CONNECTION_OLD and VMBUS_CONNECTION_NEW of the guest
 *    (message.h) become VMBUS_EVENT_MESSAGE, in the order of their arrival. Type 1 only.
 *  - After each step it does all actions in their order, before the next step.
 *  - A message to post that finds no room waits in a queue of the host's, in order. While
 *    more wait than the host likes it takes no message from the guest: so the queue never
 *    has more than that and one step's. With DISCONNECTED those that wait are dropped:
 *    they are for a kernel that is gone, and the next one would take stale offers for its own.
 *  - Each OPEN that is not resumed is answered by OPEN_ANSWERED, unless a CLOSE comes
 *    before the answer. Each CLOSE is answered by exactly one CLOSED, also for an OPEN that
 *    was not answered yet; after it nothing of the host's or the provider's uses the
 *    channel's rings or GPADLs. Answers may be events of the next step or come much later.
 *  - Each RELEASE_GPADL is answered by GPADL_LET_GO, unless a CLOSE comes before: then
 *    CLOSED means it for all GPADLs of the channel.
 *  - Each MODIFY is answered by MODIFY_ANSWERED, unless a CLOSE comes before.
 *
 * Invariants: what the guest sends changes nothing unless it is right in direction, size,
 * state and numbers; else it is counted, logged and dropped, or refused where the guest
 * waits for an answer. Memory is bounded by the constants below. At any time at most one
 * channel of a device and sub is the host's (between OPEN and CLOSED or a refusal).
 */
#ifndef VSP_VMBUS_SERVER_H
#define VSP_VMBUS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vmbus/guid.h>
#include <vmbus/message.h>

/* Channels, sub-channels included: hv has 128 ports for a partition, and a channel has one. */
#define VMBUS_CHANNELS_MAX 120u
/* GPADLs of a partition, those in the making included, and page numbers in all of them
 * (8 MiB of them). */
#define VMBUS_GPADLS_MAX 4096u
#define VMBUS_GPADL_PAGES_MAX (8u * 1024 * 1024 / 8)
/* Data pages of one ring: 16 MiB. */
#define VMBUS_RING_PAGES_MAX 4096u
/* What one step can give at most: an answer for each GPADL of a channel, the rest for
 * channels. */
#define VMBUS_ACTIONS_MAX (VMBUS_GPADLS_MAX + 4 * VMBUS_CHANNELS_MAX + 16)

/* ---- events ---- */

enum vmbus_event_type {
	VMBUS_EVENT_MESSAGE, /* message: the guest has posted one */
	VMBUS_EVENT_OFFER, /* offer: the host has a device */
	VMBUS_EVENT_SUBS, /* subs: the open device wants sub-channels */
	VMBUS_EVENT_RESCIND, /* device: the host takes a device away */
	VMBUS_EVENT_OPEN_ANSWERED, /* channel, ok: the provider works, or has refused */
	VMBUS_EVENT_CLOSED, /* channel: the provider has let go */
	VMBUS_EVENT_GPADL_LET_GO, /* channel, gpadl: the provider has let go of a GPADL */
	VMBUS_EVENT_MODIFY_ANSWERED, /* channel, ok: signals go to the new VP, or still the old */
	VMBUS_EVENT_RESET, /* the partition begins anew */
};

/* A device. The structure is copied. */
struct vmbus_device {
	uint32_t number; /* the host's; not that of another device until VMBUS_ACTION_GONE.
			  * Offers come in the order of numbers. */
	struct vmbus_guid class; /* interface type */
	struct vmbus_guid instance;
	uint16_t flags; /* VMBUS_OFFER_* */
	uint16_t mmio_megabytes; /* that a driver may ask its guest's firmware for */
	uint8_t user[VMBUS_USER_BYTES]; /* of a pipe: struct vmbus_pipe_user first */
};

struct vmbus_event {
	enum vmbus_event_type type;
	uint32_t device; /* all but MESSAGE, OFFER, RESET */
	uint32_t sub; /* OPEN_ANSWERED, CLOSED, GPADL_LET_GO, MODIFY_ANSWERED */
	bool ok; /* OPEN_ANSWERED, MODIFY_ANSWERED */
	uint32_t gpadl; /* GPADL_LET_GO */
	uint32_t subs; /* SUBS: how many the device has from now on; only more than before */
	const struct vmbus_device *offer; /* OFFER */
	const void *message; /* MESSAGE: a private copy; may be unaligned */
	size_t size; /* MESSAGE: bytes, at most VMBUS_MESSAGE_MAX */
};

/* ---- actions ---- */

enum vmbus_action_type {
	VMBUS_ACTION_POST, /* post: to the guest's SINT VMBUS_SINT, type VMBUS_MESSAGE_TYPE */
	VMBUS_ACTION_BIND, /* bind: the guest's signals to this connection are the channel's */
	VMBUS_ACTION_UNBIND, /* bind: and no more; precedes CLOSE or follows a refusal */
	VMBUS_ACTION_OPEN, /* open: follows BIND */
	VMBUS_ACTION_CLOSE, /* by the guest, or because device or guest go away */
	VMBUS_ACTION_RELEASE_GPADL, /* gpadl: not the ring's, that ends with the channel */
	VMBUS_ACTION_MODIFY, /* vp: signals of the channel go there from now on */
	VMBUS_ACTION_GONE, /* device: nobody knows it any more; the number is free */
	VMBUS_ACTION_CONNECTED, /* version */
	VMBUS_ACTION_DISCONNECTED, /* reason: every channel is closed, all GPADLs are gone; posts
				    * that wait are dropped, later ones not */
	VMBUS_ACTION_LOG, /* log; the host limits their rate */
};

enum vmbus_disconnect {
	VMBUS_DISCONNECT_NONE = 0,
	VMBUS_DISCONNECT_UNLOAD, /* the guest said so */
	VMBUS_DISCONNECT_CONTACT, /* the guest began anew (kexec) */
	VMBUS_DISCONNECT_RESET,
};

/* Guest memory by numbers of 4 KiB pages. */
struct vmbus_pages {
	const uint64_t *pfns; /* the server's, until the next step */
	uint32_t count;
	uint32_t offset; /* bytes into the first page, below 4096 */
	uint32_t length; /* bytes, not 0 */
};

/* VMBUS_ACTION_OPEN. Checked: both rings have a header page and 1..VMBUS_RING_PAGES_MAX
 * data pages, VPs exist. That the pages are the guest's memory is the host's to check. */
struct vmbus_open {
	struct vmbus_pages ring; /* offset 0, whole pages: guest to host, then host to guest */
	uint32_t downstream; /* page at which the second ring begins */
	uint32_t gpadl; /* id of the ring's */
	uint32_t vp; /* that is signalled */
	uint32_t flag; /* event flag of SINT VMBUS_SINT that signals the guest, 1..2047 */
	uint32_t connection; /* what the guest signals */
	bool resumed; /* a provider has said yes before, the guest knows it as open, no answer is
		       * expected; a host that cannot go on rescinds (vmbus_server_resume) */
	uint8_t user[VMBUS_USER_BYTES]; /* the guest driver's words to the provider */
};

struct vmbus_action {
	enum vmbus_action_type type;
	uint32_t device; /* BIND, UNBIND, OPEN, CLOSE, RELEASE_GPADL, MODIFY, GONE */
	uint32_t sub; /* those but GONE */
	union {
		struct {
			uint32_t vp;
			uint32_t size; /* bytes */
			uint8_t bytes[VMBUS_MESSAGE_MAX] __attribute__((aligned(8)));
		} post;
		struct {
			uint32_t connection;
		} bind;
		struct vmbus_open open;
		uint32_t gpadl;
		uint32_t vp;
		uint32_t version; /* VMBUS_VERSION(major, minor) */
		enum vmbus_disconnect reason;
		struct {
			bool warning; /* the guest does what no driver does; else just news */
			const char *text; /* a constant */
			uint32_t type; /* enum vmbus_message_type, or 0 */
			uint32_t relid; /* or 0 */
			uint32_t value; /* what is odd, or 0 */
		} log;
	};
};

/* 1.3 MiB, of which few bytes are ever touched. */
struct vmbus_actions {
	uint32_t count;
	struct vmbus_action list[VMBUS_ACTIONS_MAX];
};

/* ---- the server ---- */

struct vmbus_server;

/* vps: VPs of the partition, 0..vps-1. NULL: no memory. */
struct vmbus_server *vmbus_server_new(uint32_t vps);
void vmbus_server_free(struct vmbus_server *server); /* may be NULL */

/*
 * Sets *actions. False: the event was refused and changed nothing but counters (an OFFER
 * of a number or instance that is there already, or no room; SUBS of a device that is not
 * open, or no room; an answer to nothing; a message that was dropped).
 */
bool vmbus_server_step(struct vmbus_server *server, const struct vmbus_event *event,
		       struct vmbus_actions *actions);

/* A whole GPADL that the guest has made for this channel and not torn down. The channel is
 * the host's (see above). False: there is none. */
bool vmbus_server_gpadl(const struct vmbus_server *server, uint32_t device, uint32_t sub,
			uint32_t gpadl, struct vmbus_pages *pages);

/* Channels that can be added. */
uint32_t vmbus_server_room(const struct vmbus_server *server);

/* The device, not rescinded, of that class and instance. False: there is none. */
bool vmbus_server_find(const struct vmbus_server *server, const struct vmbus_guid *class,
		       const struct vmbus_guid *instance, uint32_t *device);

/* 0: the guest is not connected. */
uint32_t vmbus_server_version(const struct vmbus_server *server);

struct vmbus_counters {
	uint64_t messages; /* from the guest */
	uint64_t dropped; /* of those: wrong in direction, size or state */
	uint64_t refused; /* of those: answered with a failure */
	uint64_t opens, closes; /* actions given */
	uint64_t connections;
	uint32_t channels, gpadls, gpadl_pages; /* now */
};
void vmbus_server_count(const struct vmbus_server *server, struct vmbus_counters *counters);

/* ---- a server's next process ---- */

/*
 * Writes all of its state. Returns the size of the image (bytes); a smaller buffer is not
 * touched (NULL with 0 asks). Posts that wait are the host's to keep. What the counters
 * count begins anew.
 */
size_t vmbus_server_save(const struct vmbus_server *server, void *buffer, size_t size);

/* NULL: not an image of this version and these VPs, cut off, changed, or no memory. */
struct vmbus_server *vmbus_server_load(const void *image, size_t size, uint32_t vps);

/*
 * Once after a load, before the first step: what the new host has to do to stand where the
 * old one stood. Open channels are bound and opened again; what was asked of the old host
 * and not answered is asked again; what it still was to let go is let go, for its process
 * is gone. Then the host offers devices that are new and rescinds those that it no longer
 * has (vmbus_server_find tells which are known).
 */
void vmbus_server_resume(struct vmbus_server *server, struct vmbus_actions *actions);

#endif
