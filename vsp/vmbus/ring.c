/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One end of one VMBus ring: see ring.h.
 *
 * Shared memory is touched by the functions of the first section and nowhere else. The
 * header's words are atomic, a descriptor is two atomic words, and the rest of a packet
 * is copied with a compiler barrier behind, so that no value is fetched a second time
 * after it was checked.
 *
 * The peer's index is remembered and looked at again only when what is remembered leaves
 * nothing to read or too little room: the header's cache line travels between the two
 * CPUs as seldom as possible. An older index of the peer's is always a safe one.
 *
 * Signals are decided as a Linux guest does, so that either end may be one:
 * - data: the reader's mask is 0, and its index is where the batch began. Had it read
 *   part of the batch it would be awake, and looks again before it sleeps;
 * - room: what is free was at most pending_send_size before the read index moved and is
 *   more now. Bytes free are counted as the guest counts them: size in an empty ring, of
 *   which a writer uses all but 8.
 */
#include "ring.h"

#include <stdatomic.h>
#include <string.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define UNIT 8u
#define HEAD ((uint32_t)sizeof(struct vmbus_packet))
/* Bytes. */
#define LINE 64u /* of the CPU's caches */
#define AHEAD 512u
#define AHEAD_MOST 4096u

#define LOOKS 100u

/* ---- shared memory ---- */

static uint32_t look(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/* What the peer has done before it set the word is seen after this. */
static uint32_t look_acquire(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void tell(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* What we have done before is seen by whoever sees the word. */
static void tell_release(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* Stores before it are seen by everybody before loads behind it are made. x86 needs it
 * too: a store waits in the CPU's store buffer while later loads go ahead. */
static void full_barrier(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}

/* The compiler must not fetch from shared memory again what it has fetched before. */
static void forget_shared(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/*
 * struct vmbus_packet as two words in registers: it is fetched and stored so, and never
 * lies on the stack between.
 */
struct head {
	uint64_t sizes; /* type, header_size, size, flags, from bit 0 up */
	uint64_t transaction;
};

_Static_assert(offsetof(struct vmbus_packet, header_size) == 2 &&
		       offsetof(struct vmbus_packet, size) == 4 &&
		       offsetof(struct vmbus_packet, flags) == 6 &&
		       offsetof(struct vmbus_packet, transaction) == 8 &&
		       sizeof(struct head) == sizeof(struct vmbus_packet),
	       "where struct head has them");

static struct head copy_head(const uint8_t *from)
{
	const uint64_t *words = (const void *)from;

	return (struct head){ .sizes = __atomic_load_n(&words[0], __ATOMIC_RELAXED),
			      .transaction = __atomic_load_n(&words[1], __ATOMIC_RELAXED) };
}

static void put_word(uint8_t *to, uint64_t value)
{
	void *word = to;

	__atomic_store_n((uint64_t *)word, value, __ATOMIC_RELAXED);
}

static void copy_in(void *to, const uint8_t *from, size_t size)
{
	memcpy(to, from, size);
	forget_shared();
}

/*
 * Up to this, what is written is copied here: with stores of 16 bytes, none of which
 * touches what another one has written. memcpy's are wider, overlap and lie across lines:
 * to lines that the other CPU has had, they take up to twice as long.
 */
#define SHORT 4096u

typedef uint64_t two_words __attribute__((vector_size(16)));

#define WIDE ((uint32_t)sizeof(two_words))

ALWAYS_INLINE void put_wide(uint8_t *to, const uint8_t *from)
{
	two_words words;

	memcpy(&words, from, WIDE);
	memcpy(to, &words, WIDE);
	forget_shared(); /* or the compiler makes one memcpy of many */
}

ALWAYS_INLINE void copy_word(uint8_t *to, const uint8_t *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
	put_word(to, word);
}

/* Whole words; `to` is one's begin. */
ALWAYS_INLINE void copy_words(uint8_t *to, const uint8_t *from, size_t size)
{
	if (size > SHORT) {
		memcpy(to, from, size);
		return;
	}
	if ((uintptr_t)to % WIDE && size) {
		copy_word(to, from);
		to += UNIT;
		from += UNIT;
		size -= UNIT;
	}
	for (; size >= WIDE; size -= WIDE, to += WIDE, from += WIDE)
		put_wide(to, from);
	if (size)
		copy_word(to, from);
}

/* Less than a word; zeros behind. */
static uint64_t word_of(const uint8_t *from, size_t size)
{
	uint64_t word = 0;

	for (size_t i = 0; i < size; i++)
		word |= (uint64_t)from[i] << i * 8;
	return word;
}

/* Where it ends. A word that it begins has zeros behind, until more is put there. */
ALWAYS_INLINE uint8_t *put(uint8_t *to, const uint8_t *from, size_t size)
{
	size_t whole;

	for (; size && (uintptr_t)to % UNIT; size--)
		*to++ = *from++;
	whole = size / UNIT * UNIT;
	copy_words(to, from, whole);
	if (size > whole)
		put_word(to + whole, word_of(from + whole, size - whole));
	return to + size;
}

/* ---- indices ---- */

static bool possible(const struct ring *ring, uint32_t index)
{
	return index < ring->size && index % UNIT == 0;
}

/* Bytes from one index forward to another, below size. */
static uint32_t distance(const struct ring *ring, uint32_t from, uint32_t to)
{
	return to >= from ? to - from : ring->size - from + to;
}

static uint32_t forward(const struct ring *ring, uint32_t index, uint32_t bytes)
{
	uint32_t left = ring->size - index;

	return bytes < left ? index + bytes : bytes - left;
}

/* Bytes that the peer does not know of: written and not published, or read and not
 * released. */
static uint32_t kept_back(const struct ring *ring)
{
	return distance(ring, ring->published, ring->index);
}

/* A writer cannot have written over what the reader has not released. */
static bool can_write_to(const struct ring *ring, uint32_t write)
{
	return possible(ring, write) && distance(ring, ring->published, write) >= kept_back(ring);
}

/* A reader cannot have read what the writer has not published. */
static bool can_read_to(const struct ring *ring, uint32_t read)
{
	return possible(ring, read) && distance(ring, read, ring->index) >= kept_back(ring);
}

/* False, and what is remembered stays: the peer's index cannot be. */
static bool update_write_index(struct ring *ring)
{
	uint32_t index = look_acquire(&ring->header->write_index);

	if (!can_write_to(ring, index))
		return false;
	ring->peer = index;
	return true;
}

static bool update_read_index(struct ring *ring)
{
	uint32_t index = look_acquire(&ring->header->read_index);

	if (!can_read_to(ring, index))
		return false;
	ring->peer = index;
	return true;
}

static bool init(struct ring *ring, void *header, void *data, uint32_t size)
{
	*ring = (struct ring){ .header = header, .data = data, .size = size };
	return possible(ring, look(&ring->header->read_index)) &&
	       possible(ring, look(&ring->header->write_index));
}

/* ---- reader ---- */

bool ring_reader_init(struct ring *ring, void *header, void *data, uint32_t size)
{
	bool good = init(ring, header, data, size);
	uint32_t index = look(&ring->header->read_index);

	if (!good || !possible(ring, index))
		return false;
	ring->index = ring->published = ring->peer = index;
	return true;
}

/* In bytes. */
static uint32_t header_size(struct head head)
{
	return (head.sizes >> 16 & 0xffff) * UNIT;
}

static uint32_t packet_size(struct head head)
{
	return (head.sizes >> 32 & 0xffff) * UNIT;
}

static bool is_sound(struct head head, uint32_t available)
{
	return header_size(head) >= HEAD && packet_size(head) >= header_size(head) &&
	       packet_size(head) + VMBUS_PACKET_TRAILER <= available;
}

static void describe(struct ring_packet *packet, struct head head, const uint8_t *copy)
{
	uint32_t payload = header_size(head);

	packet->type = (uint16_t)head.sizes;
	packet->flags = (uint16_t)(head.sizes >> 48);
	packet->transaction = head.transaction;
	packet->extra = copy + HEAD;
	packet->extra_size = payload - HEAD;
	packet->payload = copy + payload;
	packet->payload_size = packet_size(head) - payload;
}

enum ring_result ring_read(struct ring *ring, void *buffer, size_t size, struct ring_packet *packet)
{
	const uint8_t *at = ring->data + ring->index;
	uint32_t available, bytes;
	struct head head;
	uint8_t *copy = buffer;

	if (ring->peer == ring->index && !update_write_index(ring))
		return RING_BROKEN;
	available = distance(ring, ring->index, ring->peer);
	if (!available)
		return RING_EMPTY;
	head = copy_head(at);
	if (!is_sound(head, available))
		return RING_BROKEN;
	bytes = packet_size(head);
	if (bytes > size)
		return RING_TOO_LARGE;
	memcpy(copy, &head, HEAD);
	copy_in(copy + HEAD, at + HEAD, bytes - HEAD);
	describe(packet, head, copy);
	bytes += VMBUS_PACKET_TRAILER;
	ring->index = forward(ring, ring->index, bytes);
	ring->counters.packets++;
	ring->counters.bytes += bytes;
	return RING_OK;
}

/*
 * What the peer's writer waits to be exceeded by what is free; 0: it does not wait. Some
 * want "all", and say the ring's size or a little less; and bits above may be garbage.
 * An empty ring is enough for each of them.
 */
static uint32_t room_wanted(const struct ring *ring)
{
	uint32_t wanted = look_acquire(&ring->header->pending_send_size);

	return wanted < ring->size ? wanted : ring->size - UNIT;
}

/* The read index has moved by `freed` bytes, and everybody sees it. */
static bool room_signal_due(struct ring *ring, uint32_t freed)
{
	uint32_t wanted = room_wanted(ring), available;

	if (!wanted || !update_write_index(ring))
		return false;
	available = ring->size - distance(ring, ring->index, ring->peer);
	if (available <= wanted || (int64_t)available - freed > wanted)
		return false;
	ring->counters.signals++;
	return true;
}

/* Gives back what was read, not yet with a barrier: how many bytes. */
static uint32_t give_back(struct ring *ring)
{
	uint32_t freed = kept_back(ring);

	if (freed)
		tell_release(&ring->header->read_index, ring->index);
	ring->published = ring->index;
	return freed;
}

bool ring_release(struct ring *ring)
{
	uint32_t freed = give_back(ring);
	bool due = ring->owed;

	ring->owed = false;
	if (!freed)
		return due;
	full_barrier(); /* against the writer's, which looks for room after it has asked */
	return room_signal_due(ring, freed) || due;
}

void ring_mask(struct ring *ring)
{
	tell(&ring->header->interrupt_mask, 1);
}

/* A moment, two or three microseconds: a signal, and to sleep and wake up, cost more. */
static bool comes_soon(const struct ring *ring)
{
	for (unsigned int i = 0; i < LOOKS; i++) {
		if (look(&ring->header->write_index) != ring->index)
			return true;
		__builtin_ia32_pause();
	}
	return false;
}

bool ring_unmask(struct ring *ring)
{
	uint32_t freed = give_back(ring);
	bool more = comes_soon(ring);

	/* The writer looks at the mask first: who sees 0 sees the read index, too. */
	if (!more)
		tell_release(&ring->header->interrupt_mask, 0);
	/* Against the writer's, which looks at the mask after publishing; and ring_release()'s. */
	full_barrier();
	if (freed && room_signal_due(ring, freed))
		ring->owed = true;
	return more || ring->owed || look(&ring->header->write_index) != ring->index;
}

uint32_t ring_waiting(const struct ring *ring)
{
	uint32_t index = look(&ring->header->write_index);

	return can_write_to(ring, index) ? distance(ring, ring->index, index) : 0;
}

/* ---- writer ---- */

bool ring_writer_init(struct ring *ring, void *header, void *data, uint32_t size)
{
	bool good = init(ring, header, data, size);
	uint32_t index = look(&ring->header->write_index);

	if (!good || !possible(ring, index))
		return false;
	ring->index = ring->published = index;
	return update_read_index(ring);
}

/* A multiple of 8; UINT32_MAX: more than a packet can be. */
static uint32_t round_up(size_t size)
{
	const uint32_t most = VMBUS_PACKET_MAX;

	return size <= most ? ((uint32_t)size + UNIT - 1) & ~(UNIT - 1) : UINT32_MAX;
}

uint32_t ring_packet_size(size_t extra_size, size_t payload_size)
{
	uint32_t extra = round_up(extra_size), payload = round_up(payload_size);

	if (extra == UINT32_MAX || payload == UINT32_MAX ||
	    HEAD + extra + payload > VMBUS_PACKET_MAX)
		return UINT32_MAX;
	return HEAD + extra + payload + VMBUS_PACKET_TRAILER;
}

/* SIZE_MAX: more than can be counted. */
static size_t sum_of(const struct iovec *parts, unsigned int count)
{
	size_t sum = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (__builtin_add_overflow(sum, parts[i].iov_len, &sum))
			return SIZE_MAX;
	}
	return sum;
}

/* Free by the peer's index as last seen. */
static uint32_t room(const struct ring *ring)
{
	return ring->size - distance(ring, ring->peer, ring->index);
}

static bool fits(const struct ring *ring, uint32_t bytes)
{
	return bytes < room(ring);
}

static bool has_room(struct ring *ring, uint32_t bytes)
{
	return fits(ring, bytes) || (update_read_index(ring) && fits(ring, bytes));
}

/*
 * Gets what the reader has had for the packets to come, while this one is written: the
 * lines that begin from AHEAD bytes in front of the index on, as many as this packet has.
 * None that the reader may have to read yet. (__builtin_prefetch() would get them to
 * read; a CPU that does not know this instruction does nothing.)
 */
static void get_ahead(const struct ring *ring, uint32_t bytes)
{
	uint32_t most = AHEAD + (bytes < AHEAD_MOST ? bytes : AHEAD_MOST), free = room(ring);
	uint32_t end = ring->index + (most < free ? most : free);

	for (uint32_t at = (ring->index + AHEAD + LINE - 1) & ~(LINE - 1); at < end; at += LINE)
		__asm__ volatile("prefetchw %0" : : "m"(ring->data[at]));
}

/*
 * A packet, from front to back and without a store elsewhere between: one to a line that
 * is here waits for those ahead of it, to lines that the reader has had, and the CPU gets
 * these one by one then instead of many at once. So this is no part of a larger function,
 * whose registers would be saved meanwhile.
 */
static __attribute__((noinline)) void put_packet(uint8_t *to, struct head head,
						 const uint8_t *extra, size_t extra_size,
						 const struct iovec *part,
						 const struct iovec *behind, uint64_t trailer)
{
	put_word(to, head.sizes);
	put_word(to + UNIT, head.transaction);
	to = put(to + HEAD, extra, extra_size);
	to += -(uintptr_t)to % UNIT;
	for (; part < behind; part++)
		to = put(to, part->iov_base, part->iov_len);
	put_word(to + -(uintptr_t)to % UNIT, trailer);
}

enum ring_result ring_write(struct ring *ring, uint16_t type, uint16_t flags, uint64_t transaction,
			    const void *extra, size_t extra_size, const struct iovec *parts,
			    unsigned int part_count)
{
	uint32_t bytes = ring_packet_size(extra_size, sum_of(parts, part_count));
	struct head head = { .transaction = transaction };

	if (bytes > ring->size - UNIT)
		return RING_TOO_LARGE;
	if (!has_room(ring, bytes)) {
		ring->counters.full++;
		return RING_FULL;
	}
	head.sizes = type | (uint64_t)(HEAD + round_up(extra_size)) / UNIT << 16 |
		     (uint64_t)(bytes - VMBUS_PACKET_TRAILER) / UNIT << 32 | (uint64_t)flags << 48;
	get_ahead(ring, bytes);
	put_packet(ring->data + ring->index, head, extra, extra_size, parts, parts + part_count,
		   (uint64_t)ring->index << 32);
	ring->index = forward(ring, ring->index, bytes);
	ring->unpublished++;
	return RING_OK;
}

void ring_abandon(struct ring *ring)
{
	ring->index = ring->published;
	ring->unpublished = 0;
}

bool ring_publish(struct ring *ring)
{
	uint32_t before = ring->published;

	if (ring->index == before)
		return false;
	ring->counters.packets += ring->unpublished;
	ring->counters.bytes += kept_back(ring);
	ring->unpublished = 0;
	tell_release(&ring->header->write_index, ring->index);
	ring->published = ring->index;
	full_barrier(); /* against the reader's, which looks for more after it unmasked */
	if (look_acquire(&ring->header->interrupt_mask) ||
	    look(&ring->header->read_index) != before)
		return false;
	ring->counters.signals++;
	return true;
}

bool ring_want_room(struct ring *ring, uint32_t size)
{
	/* The reader signals when more than that is free, and 8 bytes stay free. */
	uint32_t wanted = size < ring->size ? size : ring->size - UNIT;

	tell(&ring->header->pending_send_size, wanted);
	if (!wanted)
		return true;
	full_barrier(); /* against the reader's, which looks at the size after releasing */
	if (!update_read_index(ring) || !fits(ring, wanted))
		return false;
	tell(&ring->header->pending_send_size, 0);
	return true;
}

bool ring_peer_signals_room(const struct ring *ring)
{
	return look(&ring->header->features) & VMBUS_RING_PENDING_SEND_SIZE;
}

void ring_offer_room_signals(struct ring *ring)
{
	uint32_t features = look(&ring->header->features);

	tell(&ring->header->features, features | VMBUS_RING_PENDING_SEND_SIZE);
}
