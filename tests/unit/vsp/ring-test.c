/* SPDX-License-Identifier: GPL-2.0-only */
/* vsp/vmbus/ring.c: one end of a ring against models and a peer that obeys no rule. */
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "ring.h"
#include "ring-map.h"

#define SMALL 4096u
#define WORDS (SMALL / 8)

static struct ring_map map;

/* As the peer, or a process before, has left it. */
static void set_indices(uint32_t write, uint32_t read)
{
	memset(map.header, 0, sizeof(*map.header));
	map.header->write_index = write;
	map.header->read_index = read;
}

static struct ring reader_at(uint32_t index)
{
	struct ring ring;

	set_indices(index, index);
	REQUIRE(ring_reader_init(&ring, map.header, map.data, map.size));
	return ring;
}

static struct ring writer_at(uint32_t write, uint32_t read)
{
	struct ring ring;

	set_indices(write, read);
	REQUIRE(ring_writer_init(&ring, map.header, map.data, map.size));
	return ring;
}

static void put_head(uint32_t index, uint32_t header_size, uint32_t size)
{
	const struct vmbus_packet head = { .type = 6,
					   .header_size = (uint16_t)header_size,
					   .size = (uint16_t)size,
					   .flags = 1,
					   .transaction = 0x1122334455667788 };

	memcpy(map.data + index, &head, sizeof(head));
}

static struct iovec part_of(const void *bytes, size_t size)
{
	union {
		const void *from;
		void *to;
	} cast = { .from = bytes };

	return (struct iovec){ .iov_base = cast.to, .iov_len = size };
}

static enum ring_result write_bytes(struct ring *ring, const void *bytes, size_t size)
{
	struct iovec part = part_of(bytes, size);

	return ring_write(ring, VMBUS_PACKET_INBAND, 0, size, NULL, 0, &part, 1);
}

/* ---- what is where ---- */

static void take_up(void)
{
	struct ring ring;

	for (uint32_t at = 0; at < 3 * SMALL; at++) {
		bool good = at < SMALL && at % 8 == 0;

		CHECK_NOTE("index %u", at);
		set_indices(at, 8);
		CHECK(ring_reader_init(&ring, map.header, map.data, SMALL) == good);
		CHECK(ring_writer_init(&ring, map.header, map.data, SMALL) == good);
		if (good)
			CHECK_EQ(ring.index, at);
		set_indices(8, at);
		CHECK(ring_writer_init(&ring, map.header, map.data, SMALL) == good);
		CHECK(ring_reader_init(&ring, map.header, map.data, SMALL) == good);
		if (good)
			CHECK_EQ(ring.index, at);
	}
	for (uint32_t bit = 3; bit < 32; bit++) {
		CHECK_NOTE("bit %u", bit);
		set_indices(1u << bit, 0);
		CHECK(ring_reader_init(&ring, map.header, map.data, SMALL) == (bit < 12));
	}
	set_indices(0, 0);
	CHECK(!ring_reader_init(&ring, map.header, map.data, 0));
	CHECK(!ring_writer_init(&ring, map.header, map.data, 0));
}

/* A packet as the guest will find it, byte for byte. */
static void layout(void)
{
	static const uint8_t extra[16] = "ABCDEFGHIJKLMNO", first[3] = "xyz",
			     second[10] = "0123456789";
	struct ring ring = writer_at(SMALL - 24, SMALL - 24);
	struct iovec parts[3] = { part_of(first, 3), part_of(NULL, 0), part_of(second, 10) };
	static struct {
		struct vmbus_packet head;
		char extra[16], payload[16];
		uint64_t trailer;
	} want = { .head = { .type = 9, .header_size = 4, .size = 6, .flags = 1, .transaction = 77 },
		   .trailer = (uint64_t)(SMALL - 24) << 32 };

	memcpy(want.extra, extra, 16);
	memcpy(want.payload, "xyz0123456789", 13);
	memset(map.data, 0xa5, SMALL);
	CHECK_INT(ring_write(&ring, 9, 1, 77, extra, 16, parts, 3), RING_OK);
	CHECK_EQ(map.header->write_index, SMALL - 24);
	CHECK(ring_publish(&ring));
	CHECK_EQ(map.header->write_index, sizeof(want) - 24);
	CHECK_EQ(ring_packet_size(16, 13), sizeof(want));
	CHECK_MEM(map.data + SMALL - 24, &want, sizeof(want));
	for (uint32_t i = sizeof(want) - 24; i < SMALL - 24; i++)
		CHECK_EQ(map.data[i], 0xa5);
	CHECK_EQ(ring.counters.packets, 1);
	CHECK_EQ(ring.counters.bytes, sizeof(want));
	CHECK_EQ(ring.counters.signals, 1);
}

/* Three parts of any length, at any place: nothing is lost, moved or left behind, and
 * nothing around the packet is touched. */
static void one_copy(uint32_t at, size_t extra, const size_t lengths[3])
{
	static uint8_t source[24000], want[24000];
	struct ring ring = writer_at(at, at);
	size_t all = lengths[0] + lengths[1] + lengths[2], whole = ring_packet_size(extra, all);
	struct iovec parts[3];
	uint8_t *from = source + check_below(16);

	for (size_t i = 0; i < sizeof(source); i++)
		source[i] = (uint8_t)check_rand() | 1;
	memset(want, 0, sizeof(want));
	memset(map.data, 0xa5, map.size);
	memcpy(want + 16, from, extra);
	memcpy(want + 16 + (extra + 7) / 8 * 8, from, all);
	for (unsigned int i = 0; i < 3; from += lengths[i++])
		parts[i] = part_of(from, lengths[i]);
	CHECK_INT(ring_write(&ring, 0, 0, 0, parts[0].iov_base, extra, parts, 3), RING_OK);
	CHECK_MEM(map.data + at + 16, want + 16, whole - 24);
	CHECK_EQ(map.data[(at + map.size - 1) % map.size], 0xa5);
	CHECK_EQ(map.data[(at + whole) % map.size], 0xa5);
}

static void copies(void)
{
	static const size_t near[] = { 0,  1,  7,  8,  9,  15, 16,   17,   23,	 24,   25,
				       31, 32, 33, 63, 64, 65, 4095, 4096, 4097, 4104, 4111 };
	const size_t count = sizeof(near) / sizeof(near[0]);
	struct ring_map small = map;

	check_seed(0xc0b1e5);
	map = ring_map_new(4 * SMALL);
	for (unsigned int i = 0; i < 2000; i++) {
		size_t lengths[3] = { near[check_below(count)], near[check_below(count)],
				      near[check_below(count)] };
		uint32_t at = (uint32_t)check_below(2048) * 8;
		size_t extra = check_below(2) ? 0 : check_below(40);

		CHECK_NOTE("at %u, extra %zu, parts %zu, %zu, %zu", at, extra, lengths[0],
			   lengths[1], lengths[2]);
		one_copy(at, extra, lengths);
	}
	ring_map_free(&map);
	map = small;
}

static void sizes(void)
{
	static const size_t near[] = { 0,
				       1,
				       7,
				       8,
				       9,
				       15,
				       16,
				       4072,
				       524256,
				       524257,
				       524264,
				       524280,
				       524288,
				       UINT32_MAX,
				       (size_t)UINT32_MAX + 1,
				       SIZE_MAX - 7,
				       SIZE_MAX };
	const size_t count = sizeof(near) / sizeof(near[0]);
	const uint32_t most = VMBUS_PACKET_MAX;

	for (size_t i = 0; i < count * count; i++) {
		size_t extra = near[i % count], payload = near[i / count];
		__uint128_t all =
			((__uint128_t)extra + 7) / 8 * 8 + ((__uint128_t)payload + 7) / 8 * 8;

		CHECK_NOTE("extra %zu payload %zu", extra, payload);
		CHECK_EQ(ring_packet_size(extra, payload),
			 all <= most - 16 ? (uint32_t)all + 24 : UINT32_MAX);
	}
}

/* What the ring will never take is told apart from what it does not take now. */
static void largest(void)
{
	static const uint8_t bytes[SMALL];
	struct iovec many[3] = { part_of(bytes, SIZE_MAX / 2), part_of(bytes, SIZE_MAX / 2),
				 part_of(bytes, 32) };
	struct ring ring = writer_at(800, 800);

	CHECK_INT(ring_write(&ring, 6, 0, 0, NULL, 0, many, 3), RING_TOO_LARGE);
	for (size_t size = SMALL - 64; size <= SMALL; size++) {
		CHECK_NOTE("payload %zu", size);
		CHECK_INT(write_bytes(&ring, bytes, size),
			  size <= SMALL - 32 ? RING_OK : RING_TOO_LARGE);
		ring_abandon(&ring);
	}
	CHECK_EQ(ring.index, 800);
	CHECK_INT(write_bytes(&ring, bytes, SMALL - 32), RING_OK);
	CHECK_INT(write_bytes(&ring, bytes, 0), RING_FULL);
	CHECK_INT(write_bytes(&ring, bytes, SMALL), RING_TOO_LARGE);
	CHECK_EQ(ring.counters.full, 1);
	ring_abandon(&ring);
	CHECK(!ring_publish(&ring));
	CHECK_EQ(map.header->write_index, 800);
	CHECK_EQ(ring.counters.packets, 0);
}

/* ---- sizes that a guest gives ---- */

static uint8_t buffer[SMALL] __attribute__((aligned(8)));

/* The descriptor lies at index, so many bytes are available: what must come of it? */
static void read_one(uint32_t index, uint32_t available, uint32_t header_size, uint32_t size)
{
	uint64_t begins = header_size * 8ull, ends = size * 8ull;
	bool sound = begins >= 16 && ends >= begins && ends + 8 <= available;
	struct ring ring = { .header = map.header,
			     .data = map.data,
			     .size = SMALL,
			     .index = index,
			     .published = index,
			     .peer = index };
	struct ring_packet packet;
	enum ring_result got;

	map.header->write_index = (index + available) % SMALL;
	put_head(index, header_size, size);
	got = ring_read(&ring, buffer, sizeof(buffer), &packet);
	check_state.checks++;
	if (got != (!available ? RING_EMPTY : sound ? RING_OK : RING_BROKEN))
		check_fail(__FILE__, __LINE__, "at %u of %u: %u, %u gives %d", index, available,
			   header_size, size, got);
	if (got != RING_OK) {
		CHECK_EQ(ring.index, index);
		return;
	}
	CHECK_EQ(ring.index, (index + ends + 8) % SMALL);
	CHECK_EQ(packet.extra_size, begins - 16);
	CHECK_EQ(packet.payload_size, ends - begins);
	CHECK(packet.extra == buffer + 16 && packet.payload == buffer + begins);
}

static uint32_t boundary(uint32_t at)
{
	static const uint32_t values[] = { 0, 8, 16, 24, 32, 40, 128, 2048, 4064, 4072, 4080, 4088 };

	return at < sizeof(values) / sizeof(values[0]) ? values[at] : UINT32_MAX;
}

/* All pairs that matter in a ring of 512 units. */
static void pairs(void)
{
	for (uint32_t i = 0; boundary(i) != UINT32_MAX; i++) {
		for (uint32_t header_size = 0; header_size < WORDS + 4; header_size++) {
			for (uint32_t size = 0; size < WORDS + 4; size++)
				read_one(SMALL - 16, boundary(i), header_size, size);
		}
	}
}

/* All 16 bits of one, boundaries of the other. */
static void wide_pairs(void)
{
	for (uint32_t i = 0; boundary(i) != UINT32_MAX; i += 3) {
		for (uint32_t value = 0; value < 65536; value++) {
			for (uint32_t other = 0; other < 4; other++) {
				read_one(8, boundary(i), other, value);
				read_one(8, boundary(i), value, 65535 - other);
				read_one(8, boundary(i), (value - other) & 0xffff, value);
				read_one(8, boundary(i), value, (value - other) & 0xffff);
				read_one(8, boundary(i), value, (boundary(i) / 8 - other) & 0xffff);
			}
		}
	}
}

/* Every place, every fill: what just fits, and 8 bytes more. */
static void places(void)
{
	for (uint32_t index = 0; index < SMALL; index += 8) {
		for (uint32_t available = 0; available < SMALL; available += 8) {
			read_one(index, available, 2, (available / 8 - 1) & 0xffff);
			read_one(index, available, 2, available / 8);
		}
	}
}

static void buffer_too_small(void)
{
	struct ring ring = reader_at(64);
	struct ring_packet packet;

	put_head(64, 3, 10);
	map.header->write_index = 64 + 88;
	for (size_t size = 0; size <= 80; size++) {
		uint8_t *exact = malloc(size ? size : 1);

		CHECK_NOTE("buffer of %zu", size);
		CHECK_INT(ring_read(&ring, exact, size, &packet),
			  size < 80 ? RING_TOO_LARGE : RING_OK);
		CHECK_EQ(ring.index, size < 80 ? 64 : 64 + 88);
		free(exact);
	}
	CHECK_EQ(ring.counters.packets, 1);
	CHECK_EQ(ring.counters.bytes, 88);
}

/* ---- indices that a guest gives ---- */

static void strange_write_index(void)
{
	struct ring_packet packet;

	for (uint32_t i = 0; i < 2 * SMALL + 32; i++) {
		uint32_t value = i < 2 * SMALL ? i : 1u << (i % 32);
		struct ring ring = reader_at(80);
		bool good = value < SMALL && value % 8 == 0;

		CHECK_NOTE("write index 0x%x", value);
		put_head(80, 2, 2);
		map.header->write_index = value;
		CHECK_EQ(ring_waiting(&ring), good ? (value - 80) % SMALL : 0);
		CHECK_INT(ring_read(&ring, buffer, sizeof(buffer), &packet),
			  !good		  ? RING_BROKEN :
			  value == 80	  ? RING_EMPTY :
			  value - 80 < 24 ? RING_BROKEN :
					    RING_OK);
		/* Whoever would sleep looks first: not a guest's hang, but its end. */
		if (!good)
			CHECK(ring_unmask(&ring));
	}
}

static void strange_read_index(void)
{
	static const uint8_t bytes[2048];

	for (uint32_t i = 0; i < 2 * SMALL + 32; i++) {
		uint32_t value = i < 2 * SMALL ? i : 1u << (i % 32);
		struct ring ring = writer_at(2048, 2056); /* full */
		bool good = value < SMALL && value % 8 == 0;

		CHECK_NOTE("read index 0x%x", value);
		map.header->read_index = value;
		CHECK_INT(write_bytes(&ring, bytes, 1000),
			  good && (value - 2049) % SMALL >= 1024 ? RING_OK : RING_FULL);
		CHECK(ring.index == 2048 || ring.index == 2048 + 1024);
		ring_abandon(&ring);
		CHECK(ring_want_room(&ring, 1024) == (good && (value - 2049) % SMALL >= 1024));
	}
}

/* A peer that has written over what we keep, or read what it was not shown. */
static void beyond_published(void)
{
	struct ring_packet packet;

	for (uint32_t value = 0; value < SMALL; value += 8) {
		struct ring reader = reader_at(800), writer;

		CHECK_NOTE("index %u", value);
		put_head(800, 2, 9);
		map.header->write_index = 880;
		CHECK_INT(ring_read(&reader, buffer, sizeof(buffer), &packet), RING_OK);
		map.header->write_index = value;
		CHECK_EQ(ring_waiting(&reader),
			 value >= 800 && value < 880 ? 0 : (value - 880) % SMALL);
		put_head(880, 2, 2);
		CHECK_INT(ring_read(&reader, buffer, sizeof(buffer), &packet),
			  value == 880		      ? RING_EMPTY :
			  value >= 800 && value < 904 ? RING_BROKEN :
							RING_OK);

		writer = writer_at(800, 800);
		CHECK_INT(write_bytes(&writer, buffer, 2000), RING_OK);
		map.header->read_index = value;
		CHECK_INT(write_bytes(&writer, buffer, 2048),
			  (value <= 800 || value > 2824) && (value - 2825) % SMALL >= 2072 ?
				  RING_OK :
				  RING_FULL);
	}
}

/* The write index goes back: what lies there is read as if it were new, and no index of
 * ours leaves the ring. */
static void backwards(void)
{
	struct ring ring = reader_at(0);
	struct ring_packet packet;

	check_seed(0x5e1f);
	for (uint32_t i = 0; i < 200000; i++) {
		uint32_t at = (uint32_t)check_below(WORDS) * 8;
		enum ring_result got;

		put_head(at, (uint32_t)check_below(4), (uint32_t)check_below(i & 1 ? 8 : 520));
		map.header->write_index = (ring.index - (uint32_t)check_below(64) * 8) % SMALL;
		got = ring_read(&ring, buffer, sizeof(buffer), &packet);
		CHECK(ring.index < SMALL && ring.index % 8 == 0);
		CHECK(got == RING_OK || got == RING_EMPTY || got == RING_BROKEN);
		if (got == RING_BROKEN)
			ring = reader_at(at);
		if (i % 7 == 0)
			ring_release(&ring);
	}
	CHECK(ring.counters.packets < 200000);
}

/* ---- a peer that writes all the time ---- */

static _Atomic bool stop;
static _Atomic uint32_t looked_at; /* where the reader is */

/* A type, sizes that may pass or not. */
static uint64_t random_head(uint64_t x)
{
	return x >> 60 | (x >> 58 & 3) << 16 | (x >> 53 & 31) << 32;
}

static void *scribble(void *seed)
{
	uint64_t x = *(uint64_t *)seed;
	void *bytes = map.data;
	uint64_t *data = bytes;

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		uint32_t at = atomic_load_explicit(&looked_at, memory_order_relaxed) / 8;

		for (uint32_t i = 0; i < 16; i++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			__atomic_store_n(&data[i % 4 ? at : x >> 32 & (WORDS - 1)], random_head(x),
					 __ATOMIC_RELAXED);
		}
		__atomic_store_n(&map.header->write_index, x >> 33 & (SMALL - 8), __ATOMIC_RELAXED);
		__atomic_store_n(&map.header->read_index, x >> 21 & (SMALL - 8), __ATOMIC_RELAXED);
		__atomic_store_n(&map.header->pending_send_size, x >> 40 & 8191, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* What ring_read says must be what lies in the copy, whatever the ring says now. */
static bool is_consistent(const struct ring *ring, uint32_t before,
			  const struct ring_packet *packet)
{
	struct vmbus_packet head;

	memcpy(&head, buffer, sizeof(head));
	return head.header_size >= 2 && head.size >= head.header_size &&
	       head.size * 8u + 8 < SMALL && ring->index == (before + head.size * 8u + 8) % SMALL &&
	       packet->type == head.type &&
	       packet->payload == buffer + head.header_size * (size_t)8 &&
	       packet->extra_size == head.header_size * 8u - 16 &&
	       packet->payload_size == (head.size - head.header_size) * 8u;
}

static void read_while_written(struct ring *ring, unsigned long *seen)
{
	struct ring_packet packet;
	uint32_t before = ring->index;
	enum ring_result got;

	atomic_store_explicit(&looked_at, before, memory_order_relaxed);
	got = ring_read(ring, buffer, sizeof(buffer), &packet);

	seen[got]++;
	if (got == RING_OK)
		CHECK(is_consistent(ring, before, &packet));
	if (got == RING_BROKEN) {
		ring->index = (ring->index + 8) % SMALL;
		ring->peer = ring->index;
	}
	ring_release(ring);
	ring_unmask(ring);
}

/* Both must happen, else this is no test; on a busy machine that takes its time. */
static bool seen_enough(const unsigned long *seen, uint32_t tries)
{
	if (tries % 65536 == 0)
		sched_yield();
	return (tries > 1000000 && seen[RING_OK] > 1000 && seen[RING_BROKEN] > 1000) ||
	       tries > 200000000;
}

static void descriptors_in_motion(void)
{
	uint64_t seed;
	unsigned long seen[RING_BROKEN + 1] = { 0 };
	struct ring reader = reader_at(0), writer = writer_at(0, 0);
	pthread_t thread;

	check_seed(0x10ca1);
	seed = check_rand();
	stop = false;
	REQUIRE(pthread_create(&thread, NULL, scribble, &seed) == 0);
	for (uint32_t i = 0; !seen_enough(seen, i); i++) {
		read_while_written(&reader, seen);
		if (i % 4)
			continue;
		write_bytes(&writer, buffer, check_below(1200));
		CHECK(writer.index < SMALL && writer.index % 8 == 0);
		if (check_below(4) == 0)
			ring_publish(&writer);
		ring_want_room(&writer, (uint32_t)check_below(5000));
	}
	stop = true;
	pthread_join(thread, NULL);
	CHECK(seen[RING_OK] > 1000);
	CHECK(seen[RING_BROKEN] > 1000);
}

/* ---- signals ---- */

/* The reader's mask and what it has read, against what the batch began with. */
static void data_signals(void)
{
	for (uint32_t begin = 0; begin < SMALL; begin += 8) {
		for (uint32_t where = 0; where < 3; where++) {
			struct ring ring = writer_at(begin, (begin - where * 24) % SMALL);

			CHECK_NOTE("begin %u, reader %u packets behind", begin, where);
			CHECK(!ring_publish(&ring));
			for (uint32_t masked = 0; masked < 2; masked++) {
				map.header->read_index = (ring.index - where * 24) % SMALL;
				map.header->interrupt_mask = masked ? 1u << begin / 8 % 32 : 0;
				CHECK_INT(write_bytes(&ring, "", 0), RING_OK);
				CHECK_INT(write_bytes(&ring, "", 0), RING_OK);
				CHECK(ring_publish(&ring) == (!masked && !where));
				CHECK(!ring_publish(&ring));
			}
			CHECK_EQ(ring.counters.signals, where ? 0 : 1);
		}
	}
}

/* used bytes, of which the reader frees some, while the writer waits for `wanted`. */
static void room_signal(uint32_t used, uint32_t freed, uint32_t wanted)
{
	uint32_t counts = wanted >= SMALL ? SMALL - 8 : wanted, begin = (wanted * 8 + used) % SMALL;
	bool due = wanted && SMALL - used <= counts && SMALL - used + freed > counts;
	struct ring ring = reader_at(begin);

	map.header->write_index = (begin + used) % SMALL;
	map.header->pending_send_size = wanted;
	ring.index = (begin + freed) % SMALL;
	CHECK_NOTE("used %u, freed %u, wanted %u", used, freed, wanted);
	CHECK(ring_release(&ring) == due);
	CHECK_EQ(ring.counters.signals, due);
	CHECK_EQ(map.header->read_index, ring.index);
	CHECK(!ring_release(&ring));
}

static void room_signals(void)
{
	static const uint32_t strange[] = { SMALL - 9, SMALL - 8, SMALL - 7,  SMALL - 1, SMALL,
					    SMALL + 1, 1u << 31,  UINT32_MAX, 0x80000400 };

	for (uint32_t used = 8; used < SMALL; used += 56) {
		for (uint32_t freed = 8; freed <= used; freed += 40) {
			for (uint32_t wanted = 0; wanted < SMALL; wanted += 52)
				room_signal(used, freed, wanted);
			for (uint32_t i = 0; i < sizeof(strange) / 4; i++)
				room_signal(used, freed, strange[i]);
		}
		for (uint32_t wanted = SMALL - used - 9; wanted < SMALL; wanted++)
			room_signal(used, used, wanted);
	}
}

/* A signal for room that ring_unmask() finds due is not lost. */
static void owed(void)
{
	struct ring ring = reader_at(0);

	map.header->write_index = SMALL - 8;
	map.header->pending_send_size = 64;
	ring_mask(&ring);
	CHECK_EQ(map.header->interrupt_mask, 1);
	ring.index = SMALL - 8;
	CHECK(ring_unmask(&ring));
	CHECK_EQ(map.header->interrupt_mask, 0);
	CHECK_EQ(map.header->read_index, SMALL - 8);
	CHECK(ring_release(&ring));
	CHECK(!ring_release(&ring));
	CHECK(!ring_unmask(&ring));
	CHECK_EQ(ring.counters.signals, 1);
	/* Something has come. */
	map.header->write_index = 0;
	CHECK(ring_unmask(&ring));
	CHECK(!ring_release(&ring));
}

static void want_room(void)
{
	for (uint32_t used = 0; used < SMALL; used += 8) {
		for (uint32_t size = 8; size < SMALL + 32; size += 8) {
			struct ring ring = writer_at(0, (SMALL - used) % SMALL);
			uint32_t counts = size < SMALL ? size : SMALL - 8;
			bool there = SMALL - used > counts;

			CHECK_NOTE("used %u, size %u", used, size);
			CHECK(ring_want_room(&ring, size) == there);
			CHECK_EQ(map.header->pending_send_size, there ? 0 : counts);
			CHECK(ring_want_room(&ring, 0));
			CHECK_EQ(map.header->pending_send_size, 0);
		}
	}
}

static void features(void)
{
	struct ring reader = reader_at(0), writer = writer_at(0, 0);

	CHECK(!ring_peer_signals_room(&writer));
	map.header->features = 0xf0f0f0f0;
	CHECK(!ring_peer_signals_room(&writer));
	ring_offer_room_signals(&reader);
	CHECK_EQ(map.header->features, 0xf0f0f0f1);
	CHECK(ring_peer_signals_room(&writer));
}

/* ---- both ends against a queue ---- */

#define QUEUE 512u

/* Positions are bytes since the begin, and never wrap. */
static struct {
	struct model_packet {
		uint16_t type, flags;
		uint64_t transaction;
		uint32_t extra, payload, bytes;
		uint8_t seed;
	} packets[QUEUE];
	uint64_t begun, sent, read; /* packets: written, published, read */
	uint64_t written, published, taken, released; /* bytes */
	uint64_t writer_since, reader_since; /* packets, when the end was last taken up */
	uint32_t wanted;
	bool masked;
} model;

static struct ring walk_reader, walk_writer;

static uint8_t byte_of(const struct model_packet *p, uint32_t at)
{
	return at < p->extra + p->payload ? (uint8_t)(p->seed + at * 7) : 0;
}

static void walk_write(void)
{
	static uint8_t bytes[16384];
	struct model_packet p = { .type = (uint16_t)check_rand(),
				  .flags = (uint16_t)check_rand(),
				  .transaction = check_rand(),
				  .seed = (uint8_t)check_rand() };
	uint64_t room = map.size - 8 - (model.written - model.released);
	struct iovec parts[4];
	uint32_t left, at;
	enum ring_result want;

	if (model.begun - model.read >= QUEUE)
		return;
	p.extra = (uint32_t)check_below(4) ? 0 : (uint32_t)check_below(20) * 8;
	p.payload = (uint32_t)check_below(check_below(3) ? 100 : map.size);
	p.bytes = 24 + p.extra + (p.payload + 7) / 8 * 8;
	for (uint32_t i = 0; i < p.extra + p.payload; i++)
		bytes[i] = byte_of(&p, i);
	left = p.payload;
	at = p.extra;
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t n = i == 3 ? left : (uint32_t)check_below(left + 1);

		parts[i] = part_of(bytes + at, n);
		at += n;
		left -= n;
	}
	want = p.bytes > map.size - 8 ? RING_TOO_LARGE : p.bytes <= room ? RING_OK : RING_FULL;
	CHECK_INT(ring_write(&walk_writer, p.type, p.flags, p.transaction, bytes, p.extra, parts,
			     4),
		  want);
	if (want != RING_OK)
		return;
	model.packets[model.begun++ % QUEUE] = p;
	model.written += p.bytes;
}

static void walk_publish(void)
{
	bool due = model.written != model.published && !model.masked &&
		   model.released == model.published;

	CHECK(ring_publish(&walk_writer) == due);
	model.sent = model.begun;
	model.published = model.written;
	CHECK_EQ(walk_writer.counters.packets, model.sent - model.writer_since);
}

static bool is_content(const struct model_packet *p, const uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (bytes[i] != byte_of(p, i))
			return false;
	}
	return true;
}

static void walk_read(void)
{
	const struct model_packet *p = &model.packets[model.read % QUEUE];
	struct ring_packet packet;
	static uint8_t copy[16384] __attribute__((aligned(8)));

	CHECK_EQ(ring_waiting(&walk_reader), model.published - model.taken);
	if (model.read == model.sent) {
		CHECK_INT(ring_read(&walk_reader, copy, sizeof(copy), &packet), RING_EMPTY);
		return;
	}
	CHECK_INT(ring_read(&walk_reader, copy, p->bytes - 9, &packet), RING_TOO_LARGE);
	CHECK_INT(ring_read(&walk_reader, copy, p->bytes - 8, &packet), RING_OK);
	CHECK_EQ(packet.type, p->type);
	CHECK_EQ(packet.flags, p->flags);
	CHECK_EQ(packet.transaction, p->transaction);
	CHECK_EQ(packet.extra_size, p->extra);
	CHECK_EQ(packet.payload_size, (p->payload + 7) / 8 * 8);
	CHECK(is_content(p, packet.extra, packet.extra_size + packet.payload_size));
	model.taken += p->bytes;
	model.read++;
	CHECK_EQ(walk_reader.counters.packets, model.read - model.reader_since);
}

static void walk_release(void)
{
	uint64_t used = model.published - model.released, now = model.published - model.taken;
	uint64_t wanted = model.wanted < map.size ? model.wanted : map.size - 8;
	bool due = model.taken != model.released && wanted && map.size - used <= wanted &&
		   map.size - now > wanted;

	CHECK(ring_release(&walk_reader) == due);
	model.released = model.taken;
}

static void walk_mask(void)
{
	bool more = model.published != model.taken;

	if (check_below(2)) {
		model.masked = true;
		ring_mask(&walk_reader);
		return;
	}
	walk_release();
	CHECK(ring_unmask(&walk_reader) == more);
	model.masked &= more; /* it goes on reading */
	CHECK_EQ(map.header->interrupt_mask, model.masked);
}

static void walk_want(void)
{
	uint32_t size = check_below(3) ? (uint32_t)check_below(map.size + 64) / 8 * 8 : 0;
	uint32_t counts = size < map.size ? size : map.size - 8;
	bool there = map.size - (model.written - model.released) > counts;

	CHECK(ring_want_room(&walk_writer, size) == (!size || there));
	model.wanted = !size || there ? 0 : counts;
}

static void walk_abandon(void)
{
	ring_abandon(&walk_writer);
	model.begun = model.sent;
	model.written = model.published;
}

/* An end's process ends and another one takes it up. */
static void walk_again(void)
{
	if (check_below(2)) {
		walk_abandon();
		model.writer_since = model.sent;
		CHECK(ring_writer_init(&walk_writer, map.header, map.data, map.size));
	} else {
		walk_release();
		model.reader_since = model.read;
		CHECK(ring_reader_init(&walk_reader, map.header, map.data, map.size));
	}
}

static void walk_step(void)
{
	switch (check_below(32)) {
	default:
		walk_write();
		break;
	case 10 ... 14:
		walk_publish();
		break;
	case 15 ... 25:
		walk_read();
		break;
	case 26 ... 27:
		walk_release();
		break;
	case 28:
		walk_mask();
		break;
	case 29:
		walk_want();
		break;
	case 30:
		walk_abandon();
		break;
	case 31:
		if (check_below(100) == 0)
			walk_again();
	}
}

static void walk(void)
{
	static const uint32_t pages[] = { 1, 2, 3 };

	check_seed(0xb0551);
	for (uint32_t i = 0; i < 3; i++) {
		struct ring_map small = map;

		map = ring_map_new(pages[i] * VMBUS_PAGE_SIZE);
		memset(&model, 0, sizeof(model));
		walk_reader = reader_at(0);
		walk_writer = writer_at(0, 0);
		for (uint32_t step = 0; step < 300000; step++) {
			CHECK_NOTE("%u pages, step %u", pages[i], step);
			walk_step();
		}
		CHECK(model.read > 10000);
		ring_map_free(&map);
		map = small;
	}
}

int main(void)
{
	map = ring_map_new(SMALL);
	CHECK_RUN(take_up);
	CHECK_RUN(layout);
	CHECK_RUN(copies);
	CHECK_RUN(sizes);
	CHECK_RUN(largest);
	CHECK_RUN(pairs);
	CHECK_RUN(wide_pairs);
	CHECK_RUN(places);
	CHECK_RUN(buffer_too_small);
	CHECK_RUN(strange_write_index);
	CHECK_RUN(strange_read_index);
	CHECK_RUN(beyond_published);
	CHECK_RUN(backwards);
	CHECK_RUN(descriptors_in_motion);
	CHECK_RUN(data_signals);
	CHECK_RUN(room_signals);
	CHECK_RUN(owed);
	CHECK_RUN(want_room);
	CHECK_RUN(features);
	CHECK_RUN(walk);
	ring_map_free(&map);
	return check_done();
}
