/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making a channel of rings and descriptors: for who connects providers with the guest,
 * in hv-vsp itself or at the provider's end of a socket (link.h). Providers need
 * channel.h alone.
 */
#ifndef VSP_CONNECT_H
#define VSP_CONNECT_H

#include "channel.h"

/* What the channel needs of whoever has made it. Called on the loop's thread. */
struct channel_owner {
	/* See channel_gpadl() and channel_offer_subs(). */
	uint32_t (*gpadl)(struct channel *channel, uint32_t gpadl, uint64_t **pfns,
			  uint32_t *offset, uint32_t *length);
	bool (*offer_subs)(struct channel *channel, uint32_t count);
	/* See channel_replaces(). May be NULL: nothing is replaced. */
	void (*replaces)(struct channel *channel, const struct vmbus_guid *instance);
	/* The channel is closed, its provider has let go and its memory is freed: device and
	 * sub say which it was. */
	void (*closed)(struct device *device, uint32_t sub);
	/* One line about the guest for the log, rate-limited there. */
	void (*complain)(struct device *device, uint32_t sub, const char *text);
};

struct channel_parts {
	struct event_base *base;
	struct device *device;
	uint32_t sub;
	uint32_t vp;
	const struct guest *guest;
	const uint64_t *pfns; /* of both rings; copied */
	uint32_t pfn_count;
	uint32_t downstream; /* page at which the host-to-guest ring begins */
	/* Stay the caller's and outlive the channel. */
	int signal_in; /* eventfd, non-blocking: the guest has something */
	int signal_out; /* eventfd: tells the guest */
	int journal; /* journal_create() */
	bool resumed; /* the guest has it open: an earlier process served it */
};

/* Opens: the device's open() has said yes when this returns one. NULL with errno set:
 * EFAULT rings that are not the guest's memory, EINVAL rings or a journal that cannot be,
 * EACCES the device refused. */
struct channel *channel_open(const struct channel_parts *parts, const struct channel_owner *owner);

/* Closes: closed() comes, at once or when the provider has let go. */
void channel_close(struct channel *channel);

/* The guest is signalled on another VP now. */
void channel_set_vp(struct channel *channel, uint32_t vp);

uint32_t device_packet_max(const struct device *device);

#endif
