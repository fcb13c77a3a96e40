/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ethernet frames, as far as a card looks into them: where IP and TCP or UDP begin, the
 * Internet checksum, and the header by which a tap and a card tell each other what is
 * left to do. Pure.
 *
 * A frame that a guest sends is looked at in its head only, a private copy of its first
 * bytes; the rest may change under the eyes of whoever looks.
 */
#ifndef VSP_NET_FRAME_H
#define VSP_NET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER 14u /* bytes of the Ethernet header */
#define FRAME_TAG 4u /* bytes of an 802.1Q tag */
#define FRAME_MAX (65535u + FRAME_HEADER + FRAME_TAG)
/* So much of a frame holds all headers that matter. */
#define FRAME_HEAD 256u
/* A guest cannot have a segment cut into more pieces than this allows. */
#define FRAME_SEGMENT_MIN 48u

/* struct virtio_net_hdr, little-endian. Facts: Linux, include/uapi/linux/virtio_net.h. */
struct frame_header {
	uint8_t flags; /* FRAME_NEEDS_SUM, FRAME_SUM_GOOD */
	uint8_t cut; /* FRAME_WHOLE, FRAME_CUT_* */
	uint16_t headers; /* with FRAME_CUT_*: bytes that each piece begins with */
	uint16_t segment; /* bytes of TCP payload in each */
	uint16_t sum_start; /* with FRAME_NEEDS_SUM: the sum from here to the frame's end */
	uint16_t sum_offset; /* goes there, from sum_start */
};

#define FRAME_NEEDS_SUM 1u
#define FRAME_SUM_GOOD 2u
#define FRAME_WHOLE 0u
#define FRAME_CUT_TCP4 1u
#define FRAME_CUT_TCP6 4u
#define FRAME_CUT_ECN 0x80u

#define FRAME_PROTOCOL_TCP 6u
#define FRAME_PROTOCOL_UDP 17u

/* Offsets are from the frame's begin, 0: there is none in the head. */
struct frame_layers {
	uint16_t ip;
	uint16_t transport; /* of TCP or UDP, and of no fragment */
	uint8_t version; /* 4 or 6; 0: no IP */
	uint8_t protocol; /* FRAME_PROTOCOL_*; 0 without transport */
};

/* head: size bytes of a frame. Behind 802.1Q tags too. */
void frame_layers(const uint8_t *head, size_t size, struct frame_layers *layers);

/* Fills in a checksum that is left to do. False: it lies outside of the frame. */
bool frame_finish_sum(uint8_t *frame, size_t size, size_t start, size_t offset);

/*
 * What RNDIS_INFO_CHECKSUM and RNDIS_INFO_LARGE_SEND (large: 0 where there is none) ask
 * for, done in the head where it is IP's, said in *header where it is left to whoever
 * takes the frame. head_size: FRAME_HEAD, or the frame's size if that is less. False: it
 * does not fit the frame.
 */
bool frame_offload(uint8_t *head, size_t head_size, size_t size, uint32_t checksum, uint32_t large,
		   struct frame_header *header);

/*
 * Toeplitz's hash as receive side scaling has it. types: NDIS_HASH_* for the frame may be
 * hashed. False: none of them fits.
 */
bool frame_hash(const uint8_t *head, const struct frame_layers *layers, uint32_t types,
		const uint8_t key[40], uint32_t *hash);

#endif
