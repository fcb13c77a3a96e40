/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between hv-vsp and a provider in a process of its own: a SOCK_SEQPACKET pair, on which
 * hv-vsp hands over the channels that the guest opens: pages of the rings, eventfds for
 * signals both ways, the journal. From then on the two ends of the channel are the guest
 * and the provider alone.
 *
 * hv-vsp keeps the descriptors too: when the provider's process ends, the guest's channel
 * stays open, and is handed to the next process as resumed.
 *
 * The provider's end is here; hv-vsp's is server/remote.c. One end does not trust the other:
 * what does not fit ends the link.
 */
#ifndef VSP_LINK_H
#define VSP_LINK_H

#include "connect.h"

/* ---- what goes over the socket ---- */

enum link_type {
	/* to the provider */
	LINK_OPEN = 1, /* all of `open`; descriptors: enum link_fd */
	LINK_CLOSE, /* answered by LINK_CLOSED, unless LINK_OPENED said no */
	LINK_VP, /* vp */
	LINK_GPADL, /* answers GET_GPADL: pages.count 0: none; else one descriptor */
	LINK_RESULT, /* answers OFFER_SUBS: ok */
	/* to hv-vsp */
	LINK_OPENED, /* answers LINK_OPEN: ok */
	LINK_CLOSED,
	LINK_GET_GPADL, /* gpadl */
	LINK_OFFER_SUBS, /* count */
	LINK_COMPLAIN, /* text */
	LINK_REPLACES, /* other: a device of the same provider; see channel_replaces() */
};

/* Descriptors of LINK_OPEN, in this order. */
enum link_fd {
	LINK_FD_PAGES = 0, /* a memory file with the page numbers, 8 bytes each */
	LINK_FD_SIGNAL_IN,
	LINK_FD_SIGNAL_OUT,
	LINK_FD_JOURNAL,
	LINK_FDS,
};

#define LINK_TEXT 160u

struct link_message {
	uint32_t type; /* enum link_type */
	uint32_t sub;
	struct vmbus_guid instance; /* of the device */
	union {
		struct {
			uint32_t vp, pfn_count, downstream, resumed;
		} open;
		struct {
			uint32_t count, offset, length; /* pages; bytes */
		} pages;
		uint32_t vp, gpadl, count, ok;
		struct vmbus_guid other;
		char text[LINK_TEXT]; /* NUL terminated */
	};
};

/* Sends with descriptors; waits where the socket is full, unless MSG_DONTWAIT is in flags.
 * False with errno set. */
bool link_send(int fd, const struct link_message *message, const int *fds, unsigned int fd_count,
	       int flags);

/* Receives one message. fds has room for LINK_FDS; *fd_count of them came, close-on-exec,
 * and are the caller's. 1; 0: the other end is gone; -1 with errno set (EAGAIN: none
 * there; EPROTO: not a message of ours). */
int link_receive(int fd, struct link_message *message, int fds[LINK_FDS], unsigned int *fd_count,
		 int flags);

/* A memory file that holds the page numbers; -1 with errno set. */
int link_pages_write(const uint64_t *pfns, uint32_t count);

/* The page numbers in it, to be freed; NULL with errno set. */
uint64_t *link_pages_read(int fd, uint32_t count);

/* ---- the provider's end ---- */

struct link;

/*
 * Serves devices over the socket, which is the link's from now on, as is nothing else: it
 * belongs to the caller what find() returns; its host must be NULL at first. ended: hv-vsp
 * is gone, or does not speak as it should; all channels are closed then or close later; it
 * may free the link. NULL with errno set: the socket stays the caller's.
 *
 * A device of which an earlier link still has channels that were not let go cannot be
 * opened: see link_open_channels(). Its packet_max is what hv-vsp knows for its class.
 */
struct link *link_new(struct event_base *base, int fd, const struct guest *guest,
		      struct device *(*find)(void *context, const struct vmbus_guid *instance),
		      void (*ended)(void *context), void *context);

/* Channels that are still open are closed. */
void link_free(struct link *link);

/* Channels of that device that are open or not let go yet. */
unsigned int link_open_channels(const struct link *link, const struct device *device);

#endif
