/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An open channel as its provider has it: two rings, signals both ways, the guest's
 * memory, and a journal of packets that the guest waits for an answer to. It is the
 * same whether the provider lives in hv-vsp or in a process of its own.
 *
 * A provider is driven by packets and answers them when it likes, in any order. What it
 * is given is a private copy. All is called on the event loop's thread, and so must be
 * all calls here; a provider that works in other threads comes back by an eventfd.
 *
 * The journal outlives the process: a packet that wants an answer is in it from before
 * the guest sees it taken until its answer is published. A provider's next process gets
 * the same packets again (packet->replayed), before new ones. With the journal full no
 * packet is taken until an answer was sent: at most CHANNEL_TICKETS are under way.
 *
 * Packets are taken in turns of at most CHANNEL_TURN, so that one channel does not keep
 * others waiting; answers and packets sent within a turn are published together at its
 * end, with one signal.
 */
#ifndef VSP_CHANNEL_H
#define VSP_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <vmbus/guid.h>
#include <vmbus/ring.h>

#include "guest.h"

struct event_base;
struct channel;

#define CHANNEL_TURN 64u
#define CHANNEL_TICKETS 256u
/* The largest packet that a channel takes unless its device asks for more. */
#define CHANNEL_PACKET_MAX 4096u
/* The GPU's: a message of MULLION_GPU_MESSAGE_MAX and the packet's header. */
#define CHANNEL_PACKET_GPU (65536u + 64u)
/* What a provider may keep for its next process, for each channel. */
#define CHANNEL_MEMO 1024u

#define CHANNEL_NO_TICKET UINT32_MAX

/* Memory of the guest that a GPA_DIRECT packet names. */
struct packet_range {
	uint32_t length; /* bytes, not 0 */
	uint32_t offset; /* into the first page, below 4096 */
	const uint64_t *pfns; /* as many as length and offset cover */
	uint32_t pfn_count;
};

struct packet {
	uint16_t type; /* INBAND, GPA_DIRECT or COMPLETION; others do not come */
	uint32_t ticket; /* to answer it with; CHANNEL_NO_TICKET: no answer is wanted */
	bool replayed;
	uint64_t transaction;
	const uint8_t *payload; /* 8-byte aligned */
	uint32_t size; /* bytes, a multiple of 8 */
	const struct packet_range *ranges; /* of GPA_DIRECT; checked for form, not for being
					    * the guest's memory: guest_iov() */
	uint32_t range_count;
};

enum channel_send {
	CHANNEL_SENT = 0,
	CHANNEL_FULL, /* ready comes when there is room */
	CHANNEL_DEAD, /* too large for the ring, or the channel is broken */
};

struct channel_ops {
	/* A packet has come; what it points to is gone on return. */
	void (*packet)(struct channel *channel, const struct packet *packet);
	/* After CHANNEL_FULL: there is room. May be NULL for who never sends but answers. */
	void (*ready)(struct channel *channel);
	/* The packets of a turn have come, if there were any; what is sent or signalled here
	 * still goes out with it. May be NULL. */
	void (*turn)(struct channel *channel);
};

/*
 * A device that hv-vsp offers: a provider's table of functions. context is the
 * provider's own. All may be NULL but open.
 */
struct device;
struct device_ops {
	/* The guest has opened the device's channel number `sub` (0: the first). Sets
	 * channel->ops and channel->context. False: the guest is refused. */
	bool (*open)(struct device *device, struct channel *channel);
	/* It is closed, by the guest or because one of the two is gone. Nothing is sent or
	 * answered any more; the channel is freed on return, or, where work in other
	 * threads or in the kernel still uses guest memory, by channel_let_go() later. */
	void (*close)(struct device *device, struct channel *channel);
};

struct device {
	const struct device_ops *ops;
	void *context; /* the provider's */
	void *host; /* of whoever connects it with the guest */
	/* The provider's: the largest packet that its channels take, in bytes, header
	 * included; 0: CHANNEL_PACKET_MAX. */
	uint32_t packet_max;
};

struct channel {
	/* the provider's, set when it opens */
	const struct channel_ops *ops;
	void *context;
	bool held; /* set by close: channel_let_go() will come */

	/* to look at */
	struct device *device;
	struct event_base *base;
	const struct guest *guest;
	uint32_t sub; /* 0: the device's first channel, else the number of a sub-channel */
	uint32_t vp; /* that the guest wants its signals on */
	void *memo; /* CHANNEL_MEMO bytes, zeros at first, kept for the next process */
	bool resumed; /* the provider takes up the work of a process that has ended */
};

/*
 * Sends a packet of the provider's own. parts is the payload. extra: more header, a
 * multiple of 8 bytes, or NULL. flags: VMBUS_PACKET_ANSWER_WANTED or 0; the answer comes
 * as a packet of type COMPLETION with the transaction.
 */
enum channel_send channel_send(struct channel *channel, uint16_t type, uint16_t flags,
			       uint64_t transaction, const void *extra, size_t extra_size,
			       const struct iovec *parts, unsigned int part_count);

/*
 * Answers a packet by its ticket. Never fails for the provider: where the ring is full it
 * waits in memory, as much as there are tickets. size: at most CHANNEL_ANSWER_MAX.
 */
#define CHANNEL_ANSWER_MAX 512u
void channel_answer(struct channel *channel, uint32_t ticket, const void *payload, size_t size);

/* The transaction of a ticket that is not answered yet. */
uint64_t channel_transaction(const struct channel *channel, uint32_t ticket);

/* Publishes now what was sent. Only outside of packet() and ready(), which do it on
 * return; without it the next turn of the loop does it. */
void channel_flush(struct channel *channel);

/* Signals the guest though nothing was sent: something lies in memory that both know.
 * Within a turn it becomes one signal with what was sent. */
void channel_signal(struct channel *channel);

/*
 * From now on, and for as long as this channel is open, it does the work of another device
 * of the same provider: that one is taken away from the guest, and comes back when this
 * channel is closed, also where that is because the provider has ended.
 */
void channel_replaces(struct channel *channel, const struct vmbus_guid *instance);

/* From within packet(): it took long, others of the loop want theirs before the next one. */
void channel_end_turn(struct channel *channel);

/* No packets for now, and again. */
void channel_pause(struct channel *channel, bool pause);

/* The guest does what no driver does: one line for the log (rate-limited), and no packet
 * is taken any more. The guest may close and open the channel again. */
void channel_broken(struct channel *channel, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* See close. */
void channel_let_go(struct channel *channel);

/*
 * The pages of a GPADL that the guest has made for this channel. *pfns is to be freed.
 * Returns their count, with *offset and *length of the buffer in them (bytes); 0: there is
 * none of that id, or no memory.
 */
uint32_t channel_gpadl(struct channel *channel, uint32_t gpadl, uint64_t **pfns, uint32_t *offset,
		       uint32_t *length);

/* From now on the device has so many sub-channels beside its first one (only more than
 * before); the guest is offered those that are new. False: it cannot have as many. */
bool channel_offer_subs(struct channel *channel, uint32_t count);

struct channel_counters {
	uint64_t packets_in, bytes_in, packets_out, bytes_out;
	uint64_t signals_in, signals_out;
};
void channel_count(const struct channel *channel, struct channel_counters *counters);

#endif
