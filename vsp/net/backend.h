/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a card and its backend know of each other. A backend has queues; each gives and
 * takes whole frames, in order.
 *
 * A backend calls the card back only once it belongs to one, and never out of send().
 */
#ifndef VSP_NET_BACKEND_H
#define VSP_NET_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "frame.h"

struct net;
struct net_backend;

/* Room in front of a frame that is received, for the card to write to. */
#define BACKEND_HEADROOM 128u
/* Frames that a backend gives before others have their turn. */
#define BACKEND_TURN 64u

struct net_backend_ops {
	/* header: what is left to do, all 0 where the backend has no headers. 0, EAGAIN:
	 * not now, net_writable() comes, or another number: the frame is lost. */
	int (*send)(struct net_backend *backend, unsigned int queue,
		    const struct frame_header *header, const struct iovec *parts, int count);
	/* Whether frames are wanted; not, at first. */
	void (*receive)(struct net_backend *backend, unsigned int queue, bool on);
	/* Throws away what waits: nobody wanted it when it came. May be NULL. */
	void (*discard)(struct net_backend *backend, unsigned int queue);
	/* Whether frames may come that are to be cut (FRAME_CUT_*); not, at first. May be
	 * NULL: none ever come. */
	void (*large)(struct net_backend *backend, bool on);
	void (*free)(struct net_backend *backend);
};

struct net_backend {
	const struct net_backend_ops *ops;
	struct net *net; /* NULL until it belongs to one */
	unsigned int queues; /* at least 1 */
	bool headers; /* struct frame_header goes with each frame */
};

/* A frame for the guest; its bytes, and BACKEND_HEADROOM before them, are changed.
 * header may be NULL. */
void net_receive(struct net *net, unsigned int queue, const struct frame_header *header,
		 uint8_t *frame, size_t size);
/* The frames of one turn have been given. */
void net_received(struct net *net);
/* What was no frame. */
void net_receive_error(struct net *net);
void net_writable(struct net *net, unsigned int queue);

#endif
