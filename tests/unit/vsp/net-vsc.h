/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's network driver, step by step: what Linux's hv_netvsc does, and what none would
 * do. Its buffers lie in pages in disorder. Behind the card there are sockets, or what the
 * test gives.
 */
#ifndef NET_VSC_H
#define NET_VSC_H

#include <vmbus/net.h>

#include "frame.h"
#include "net-fake.h"
#include "net.h"

#define VSC_CHANNELS 4u
#define VSC_RECEIVE_PAGES 128u
#define VSC_SEND_PAGES 96u
#define VSC_RECEIVE_GPA 0x100000u /* the lowest of its pages */
#define VSC_RECEIVE_ID 0xcafeu
#define VSC_MESSAGE 70000u

/* A packet of the card with parts of the receive buffer. */
struct received {
	uint64_t transaction;
	uint32_t kind; /* NVSP_CHANNEL_* */
	uint32_t count;
	uint32_t offsets[48], sizes[48];
};

struct vsc {
	struct event_base *base;
	struct guest *memory;
	struct net *net;
	int peers[VSC_CHANNELS]; /* ends of the backend's sockets; -1: there are none */
	unsigned int peer_count;
	struct fake_channel *channels[VSC_CHANNELS];
	uint32_t seen[VSC_CHANNELS]; /* of what was sent there */
	uint64_t receive_pfns[VSC_RECEIVE_PAGES], send_pfns[VSC_SEND_PAGES];
	uint32_t version;
	uint32_t section_size, section_count;
	uint32_t request;
	uint64_t transaction;
	struct received pending; /* on the first channel, and how much of it was read */
	uint32_t pending_at;
};

/* A card with a backend of sockets; headers: as a tap with IFF_VNET_HDR. */
struct vsc *vsc_new(const struct net_config *config, unsigned int queues, bool headers);
/* A card with this backend, that was made on this loop. */
struct vsc *vsc_new_with(struct event_base *base, const struct net_config *config,
			 struct net_backend *backend);
void vsc_free(struct vsc *guest);

/* The process has ended and another one goes on. Frames wait in the sockets. */
void vsc_replace_card(struct vsc *guest, const struct net_config *config, bool headers);

void vsc_turn(struct vsc *guest); /* of the event loop */

/* ---- NVSP ---- */

/* Opens the first channel, and sets up all, frames wanted. */
void vsc_connect(struct vsc *guest, uint32_t version, uint32_t mtu);
/* Up to where RNDIS begins. */
void vsc_begin(struct vsc *guest, uint32_t version, uint32_t mtu);
/* One message; the answer, of zeros if there is none. */
struct nvsp_message vsc_nvsp(struct vsc *guest, const struct nvsp_message *message);
void vsc_tell(struct vsc *guest, const struct nvsp_message *message); /* no answer */
struct nvsp_message vsc_set_buffer(struct vsc *guest, uint32_t type);
void vsc_revoke(struct vsc *guest, uint32_t type);
void vsc_open_sub(struct vsc *guest, uint32_t sub);

/* ---- RNDIS ---- */

/* A control message. Returns the answer's size, 0: there is none yet. */
uint32_t vsc_control(struct vsc *guest, uint32_t type, const void *body, uint32_t size,
		     void *answer, uint32_t room);
/* RNDIS_STATUS_*; UINT32_MAX: no answer. */
uint32_t vsc_query(struct vsc *guest, uint32_t oid, void *value, uint32_t *size);
uint32_t vsc_set(struct vsc *guest, uint32_t oid, const void *value, uint32_t size);
/* Receive side scaling over so many channels, with the public test key. */
uint32_t vsc_scale(struct vsc *guest, uint32_t channels);

/* ---- frames ---- */

/* An RNDIS packet around a frame. info: size bytes of struct rndis_info and values. */
uint32_t make_packet(uint8_t *message, const void *frame, uint32_t size, const void *info,
		     uint32_t info_size);
uint32_t make_info(uint8_t *info, uint32_t type, uint32_t value);

/* Messages of RNDIS in a section of the send buffer: the first bytes; the rest, if any, in
 * pages. Returns NVSP_STATUS_*, UINT32_MAX: no answer yet. */
uint32_t vsc_send(struct vsc *guest, uint32_t channel, const void *message, uint32_t size,
		  uint32_t in_section);
/* One frame. */
uint32_t vsc_send_frame(struct vsc *guest, const void *frame, uint32_t size, const void *info,
			uint32_t info_size);

/* What the peer gets: the frame's size, -1: nothing. header may be NULL without headers. */
int peer_read(struct vsc *guest, unsigned int queue, struct frame_header *header, uint8_t *frame,
	      uint32_t room);
void peer_write(struct vsc *guest, unsigned int queue, const struct frame_header *header,
		const void *frame, uint32_t size);

/* The next packet on a channel. */
bool vsc_receive(struct vsc *guest, uint32_t channel, struct received *received);
/* A message of it, as it lies in the receive buffer. */
void vsc_read(const struct vsc *guest, const struct received *received, uint32_t index,
	      void *message);
/* The next message on the first channel; its packet is given back when all is read. False:
 * there is none. */
bool vsc_next(struct vsc *guest, void *message);
/* Finds information in an RNDIS packet. */
bool find_info(const uint8_t *message, uint32_t type, uint32_t *value);
const uint8_t *find_frame(const uint8_t *message, uint32_t *size);
void vsc_give_back(struct vsc *guest, uint32_t channel, uint64_t transaction);

#endif
