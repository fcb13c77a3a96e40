/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One end of one VMBus ring. Pure: works on memory that somebody has mapped.
 *
 * The ring's data lies twice in a row in the address space, so that no access wraps.
 * The peer may change anything in shared memory at any time: each word is read once,
 * checked, then used; a packet is copied out once and only the copy is looked at.
 * Our own index is kept here and only ever written to shared memory, never believed
 * from there.
 *
 * Signalling. The writer publishes its index, then (full barrier) reads mask and read
 * index, and signals when the ring was empty before and the reader wants it. The
 * reader sets the mask while it drains; before it sleeps it looks for a moment whether
 * more comes, then clears the mask, (full barrier) and looks again. A blocked writer
 * sets pending_send_size, (full barrier) and looks again; the reader, having published
 * its index, (full barrier) reads pending_send_size and signals when enough became free.
 *
 * A reader and a writer each belong to one thread.
 */
#ifndef VSP_RING_H
#define VSP_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <vmbus/ring.h>

struct ring_counters {
	uint64_t packets, bytes; /* bytes of packets, headers and trailers included */
	uint64_t signals; /* that the owner was told to send */
	uint64_t full; /* writer: packets that found no room */
};

struct ring {
	struct vmbus_ring_header *header; /* shared */
	uint8_t *data; /* shared; size bytes, and the same bytes again behind them */
	uint32_t size; /* bytes, a multiple of VMBUS_PAGE_SIZE */
	uint32_t index; /* ours: read index of a reader, write index of a writer */
	uint32_t published; /* what the peer knows of index */
	uint32_t peer; /* the peer's index as last seen, in range; may be older than shared
			* memory's, which is looked at when this one leaves nothing to do */
	uint32_t unpublished; /* writer: packets between published and index */
	bool owed; /* reader: ring_unmask() found a signal for room due */
	struct ring_counters counters;
};

/* A packet, in the caller's buffer. Sizes are bytes. */
struct ring_packet {
	uint16_t type; /* enum vmbus_packet_type, or anything */
	uint16_t flags; /* VMBUS_PACKET_* */
	uint64_t transaction;
	const uint8_t *extra; /* what of the header lies behind struct vmbus_packet */
	uint32_t extra_size;
	const uint8_t *payload;
	uint32_t payload_size; /* a multiple of 8 */
};

enum ring_result {
	RING_OK = 0,
	RING_EMPTY, /* reader: nothing there */
	RING_FULL, /* writer: no room now */
	RING_TOO_LARGE, /* reader: larger than the buffer; writer: than the ring will ever take */
	RING_BROKEN, /* reader: indices or sizes that cannot be: the ring is of no use any more */
};

/*
 * Takes up an end where shared memory says it is (0 in a new ring; elsewhere when a
 * process takes up the work of one that ended). False: an index in shared memory is out
 * of range or no multiple of 8.
 */
bool ring_reader_init(struct ring *ring, void *header, void *data, uint32_t size);
bool ring_writer_init(struct ring *ring, void *header, void *data, uint32_t size);

/* ---- reader ---- */

/*
 * Copies the next packet, without its trailer, into buffer (8-byte aligned) and moves on
 * in our own index; the peer learns of it by ring_release(). With RING_TOO_LARGE and
 * RING_BROKEN nothing moves.
 */
enum ring_result ring_read(struct ring *ring, void *buffer, size_t size,
			   struct ring_packet *packet);

/* Gives the peer the room of all packets read. True: it waits for room and there is
 * enough now: signal it. */
bool ring_release(struct ring *ring);

/* No signals, please. Before draining. */
void ring_mask(struct ring *ring);

/* Signals again, unless something comes at once. True: something has come meanwhile: mask
 * again, and go on reading. Releases before; if that makes a signal for room due it is true
 * too, and the next ring_release() says so. */
bool ring_unmask(struct ring *ring);

/* Bytes that wait to be read, by the peer's index as it is now; 0 where that is wrong. */
uint32_t ring_waiting(const struct ring *ring);

/* ---- writer ---- */

/*
 * Adds a packet, not yet published: header, extra (a multiple of 8), then the parts,
 * then zeros up to a multiple of 8, then the trailer. Room is looked for by the peer's
 * read index; one that cannot be counts as full.
 */
enum ring_result ring_write(struct ring *ring, uint16_t type, uint16_t flags, uint64_t transaction,
			    const void *extra, size_t extra_size, const struct iovec *parts,
			    unsigned int part_count);

/* Takes back all that was written since the last ring_publish(). */
void ring_abandon(struct ring *ring);

/* Lets the peer see what was written. True: signal it. */
bool ring_publish(struct ring *ring);

/*
 * Asks for a signal when size bytes (of a packet as ring_write makes it, trailer
 * included) are free; 0: no more. True: they are free already. False: the signal will
 * come, or the peer cannot send it: see ring_peer_signals_room(). The wish stands until
 * this says true; what is written must be published before.
 */
bool ring_want_room(struct ring *ring, uint32_t size);

/* Whether the peer, as reader, heeds pending_send_size. */
bool ring_peer_signals_room(const struct ring *ring);

/* Our own reader heeds it: told to the peer's writer. */
void ring_offer_room_signals(struct ring *ring);

/* Bytes of a packet in the ring, its trailer included. */
uint32_t ring_packet_size(size_t extra_size, size_t payload_size);

#endif
