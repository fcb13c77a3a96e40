/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vsp/vmbus/ring.c: a writer and a reader in two threads that really sleep, on a ring so
 * small that both must all the time. A lost wake-up leaves both asleep: then a wait takes
 * too long, and the test fails. Either end is also played by a guest: a few lines that
 * follow what a Linux driver does, without anything of ring.c.
 */
#include "check.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "ring.h"
#include "ring-map.h"

#define SIZE 4096u
#define LARGEST 1200u /* bytes of payload */
#define PACKETS 400000u
/* Nobody waits so long for a peer that is awake. */
#define PATIENCE_MS 15000

static struct ring_map map;

struct end {
	int event; /* that it sleeps on */
	int peer_event;
	uint64_t random;
	unsigned long sleeps, signals, packets;
	uint32_t index; /* of a guest's end */
	struct ring ring; /* of an end of ours */
};

static struct end reader, writer;
static _Atomic bool failed;

static uint64_t draw(struct end *end)
{
	end->random = end->random * 6364136223846793005u + 1442695040888963407u;
	return end->random >> 33;
}

/* So that the two meet at different places. */
static void dawdle(struct end *end)
{
	uint64_t turns = draw(end) % 8 ? 0 : draw(end) % 300;

	while (turns--)
		__builtin_ia32_pause();
}

static void signal_peer(struct end *end, bool really)
{
	if (!really)
		return;
	end->signals++;
	if (eventfd_write(end->peer_event, 1) != 0)
		failed = true;
}

/* False: nobody came, or somebody has failed. */
static bool sleep_on(struct end *end)
{
	struct pollfd wait = { .fd = end->event, .events = POLLIN };
	eventfd_t value;
	int got;

	end->sleeps++;
	do {
		got = poll(&wait, 1, PATIENCE_MS);
	} while (got < 0 && errno == EINTR);
	if (got != 1 || eventfd_read(end->event, &value) != 0)
		failed = true;
	return !failed;
}

/* Ends the other one's sleep too. */
static void give_up(void)
{
	eventfd_write(reader.event, 1);
	eventfd_write(writer.event, 1);
}

/* Packet number n is so long and holds this. */
static uint32_t length_of(uint64_t n)
{
	return (uint32_t)(n * 2654435761u >> 7) % (n % 3 ? 64 : LARGEST);
}

static void fill(uint64_t n, uint64_t *words)
{
	for (uint32_t i = 0; i * 8 < length_of(n); i++)
		words[i] = n * 1000003 + i;
}

static bool holds(uint64_t n, const uint8_t *payload, uint32_t size)
{
	uint64_t word;

	if (size != (length_of(n) + 7) / 8 * 8)
		return false;
	for (uint32_t i = 0; i < length_of(n) / 8; i++) {
		memcpy(&word, payload + (size_t)i * 8, 8);
		if (word != n * 1000003 + i)
			return false;
	}
	return true;
}

static void check_packet(const uint8_t *payload, uint32_t size)
{
	if (!holds(reader.packets, payload, size)) {
		fprintf(stderr, "packet %lu is wrong\n", reader.packets);
		failed = true;
	}
	reader.packets++;
}

/* ---- ends of ours ---- */

static bool wait_for_room(uint32_t bytes)
{
	signal_peer(&writer, ring_publish(&writer.ring));
	while (!failed && !ring_want_room(&writer.ring, bytes)) {
		if (!sleep_on(&writer))
			return false;
	}
	return !failed;
}

static void *our_writer(void *unused)
{
	uint64_t words[LARGEST / 8 + 1];

	while (writer.packets < PACKETS && !failed) {
		struct iovec part = { .iov_base = words, .iov_len = length_of(writer.packets) };

		fill(writer.packets, words);
		if (ring_write(&writer.ring, VMBUS_PACKET_INBAND, 0, writer.packets, NULL, 0, &part,
			       1) == RING_FULL) {
			if (!wait_for_room(ring_packet_size(0, part.iov_len)))
				break;
			continue;
		}
		writer.packets++;
		if (draw(&writer) % 3)
			signal_peer(&writer, ring_publish(&writer.ring));
		dawdle(&writer);
	}
	signal_peer(&writer, ring_publish(&writer.ring));
	return unused;
}

static void drain(void)
{
	static uint8_t buffer[SIZE] __attribute__((aligned(8)));
	struct ring_packet packet;
	enum ring_result got;

	while ((got = ring_read(&reader.ring, buffer, sizeof(buffer), &packet)) == RING_OK) {
		check_packet(packet.payload, packet.payload_size);
		if (draw(&reader) % 2)
			signal_peer(&reader, ring_release(&reader.ring));
		dawdle(&reader);
	}
	if (got != RING_EMPTY)
		failed = true;
}

static void *our_reader(void *unused)
{
	for (;;) {
		if (draw(&reader) % 2)
			ring_mask(&reader.ring);
		do {
			signal_peer(&reader, ring_release(&reader.ring));
			drain();
			if (draw(&reader) % 2)
				signal_peer(&reader, ring_release(&reader.ring));
		} while (!failed && ring_unmask(&reader.ring));
		if (failed || reader.packets == PACKETS || !sleep_on(&reader))
			break;
	}
	give_up();
	return unused;
}

/* ---- ends of a guest ---- */

static uint32_t word(const uint32_t *from)
{
	return __atomic_load_n(from, __ATOMIC_RELAXED);
}

static void set_word(uint32_t *to, uint32_t value)
{
	__atomic_store_n(to, value, __ATOMIC_RELAXED);
}

static uint32_t used(void)
{
	uint32_t read = word(&map.header->read_index), write = word(&map.header->write_index);

	return write >= read ? write - read : SIZE - read + write;
}

/* A driver sends packets one by one. False: no room. */
static bool guest_send(const uint64_t *words, uint32_t length)
{
	uint32_t bytes = 24 + (length + 7) / 8 * 8, old = writer.index;
	struct vmbus_packet head = { .type = VMBUS_PACKET_INBAND,
				     .header_size = 2,
				     .size = (uint16_t)(bytes / 8 - 1) };

	if (SIZE - used() <= bytes)
		return false;
	atomic_thread_fence(memory_order_acquire);
	memcpy(map.data + old, &head, sizeof(head));
	memcpy(map.data + old + sizeof(head), words, length);
	writer.index = (old + bytes) % SIZE;
	atomic_thread_fence(memory_order_seq_cst);
	set_word(&map.header->write_index, writer.index);
	atomic_thread_fence(memory_order_seq_cst);
	signal_peer(&writer,
		    !word(&map.header->interrupt_mask) && old == word(&map.header->read_index));
	return true;
}

/* As a socket over VMBus: what it would wait for is set once and stays. */
static void *guest_writer(void *unused)
{
	uint64_t words[LARGEST / 8 + 1];

	set_word(&map.header->pending_send_size, 24 + LARGEST);
	atomic_thread_fence(memory_order_seq_cst);
	while (writer.packets < PACKETS && !failed) {
		fill(writer.packets, words);
		if (guest_send(words, length_of(writer.packets)))
			writer.packets++;
		else if (!sleep_on(&writer))
			break;
		dawdle(&writer);
	}
	return unused;
}

static void guest_release(void)
{
	uint32_t start = word(&map.header->read_index), wanted, room;
	uint32_t freed = (reader.index - start) % SIZE;

	__atomic_store_n(&map.header->read_index, reader.index, __ATOMIC_RELEASE);
	if (!(word(&map.header->features) & VMBUS_RING_PENDING_SEND_SIZE))
		return;
	atomic_thread_fence(memory_order_seq_cst);
	wanted = word(&map.header->pending_send_size);
	if (!wanted)
		return;
	atomic_thread_fence(memory_order_acquire);
	room = SIZE - used();
	signal_peer(&reader, room - freed <= wanted && room > wanted);
}

static void guest_drain(void)
{
	struct vmbus_packet head;

	while (reader.index != word(&map.header->write_index)) {
		atomic_thread_fence(memory_order_acquire);
		memcpy(&head, map.data + reader.index, sizeof(head));
		check_packet(map.data + reader.index + head.header_size * (size_t)8,
			     (uint32_t)(head.size - head.header_size) * 8);
		reader.index = (reader.index + head.size * 8u + 8) % SIZE;
		if (draw(&reader) % 2)
			guest_release();
		dawdle(&reader);
	}
	guest_release();
}

static void *guest_reader(void *unused)
{
	do {
		do {
			set_word(&map.header->interrupt_mask, 1);
			atomic_thread_fence(memory_order_seq_cst);
			guest_drain();
			set_word(&map.header->interrupt_mask, 0);
			atomic_thread_fence(memory_order_seq_cst);
		} while (!failed && used());
	} while (!failed && reader.packets < PACKETS && sleep_on(&reader));
	give_up();
	return unused;
}

/* ---- pairs of ends ---- */

static void between(void *(*writes)(void *), void *(*reads)(void *))
{
	pthread_t thread;

	check_seed(0x51ee9);
	map = ring_map_new(SIZE);
	reader = (struct end){ .event = eventfd(0, EFD_CLOEXEC), .random = check_rand() };
	writer = (struct end){ .event = eventfd(0, EFD_CLOEXEC), .random = check_rand() };
	reader.peer_event = writer.event;
	writer.peer_event = reader.event;
	REQUIRE(reader.event >= 0 && writer.event >= 0);
	REQUIRE(ring_reader_init(&reader.ring, map.header, map.data, SIZE));
	REQUIRE(ring_writer_init(&writer.ring, map.header, map.data, SIZE));
	ring_offer_room_signals(&reader.ring);
	CHECK(ring_peer_signals_room(&writer.ring));
	failed = false;
	REQUIRE(pthread_create(&thread, NULL, reads, NULL) == 0);
	writes(NULL);
	pthread_join(thread, NULL);
	CHECK(!failed);
	CHECK_EQ(writer.packets, PACKETS);
	CHECK_EQ(reader.packets, PACKETS);
	printf("%lu and %lu sleeps, %lu and %lu signals\n", reader.sleeps, writer.sleeps,
	       writer.signals, reader.signals);
	/* Else this was no test. */
	CHECK(reader.sleeps > 100 && writer.sleeps > 100);
	CHECK(writer.signals < PACKETS && reader.signals < PACKETS);
	close(reader.event);
	close(writer.event);
	ring_map_free(&map);
}

static void both_ours(void)
{
	between(our_writer, our_reader);
}

static void guest_writes(void)
{
	between(guest_writer, our_reader);
}

static void guest_reads(void)
{
	between(our_writer, guest_reader);
}

int main(void)
{
	CHECK_RUN(both_ours);
	CHECK_RUN(guest_writes);
	CHECK_RUN(guest_reads);
	return check_done();
}
