/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vsp/vmbus/ring.c: a reader and a writer of ours whose peer writes what it likes into
 * headers and data between their steps. No index may leave the ring, nothing outside of
 * it or of the buffer may be touched, and what was read must be what lay there.
 */
#include "fuzz.h"

#include "ring.h"
#include "ring-map.h"

#define SIZE 4096u
#define BUFFER 512u

static struct ring_map map;
static struct ring reader, writer;

static bool inside(uint32_t index)
{
	return index < SIZE && index % 8 == 0;
}

static void check(const struct ring *ring)
{
	FUZZ_CHECK(inside(ring->index) && inside(ring->published) && inside(ring->peer));
}

/* Both ends are in the same memory; each has half of the header for itself. */
static void open_ring(void)
{
	if (ring_reader_init(&reader, map.header, map.data, SIZE))
		FUZZ_CHECK(inside(reader.index));
	else
		reader.index = reader.published = reader.peer = 0;
	if (ring_writer_init(&writer, map.header, map.data, SIZE))
		FUZZ_CHECK(inside(writer.index));
	else
		writer.index = writer.published = writer.peer = 0;
}

/* A header word: anything, or an index that may be. */
static void peer_word(uint64_t op, const uint8_t **data, size_t *size)
{
	uint32_t *const words[4] = { &map.header->write_index, &map.header->read_index,
				     &map.header->interrupt_mask, &map.header->pending_send_size };
	uint32_t value = (uint32_t)fuzz_u64(data, size, op & 16 ? 4 : 2);

	*words[op >> 5 & 3] = op & 128 ? value % SIZE & ~7u : value;
}

/* A descriptor where one of ours will be read, or bytes anywhere. */
static void peer_data(uint64_t op, const uint8_t **data, size_t *size)
{
	struct vmbus_packet head = { .type = (uint16_t)(op >> 4) };

	if (op & 16) {
		fuzz_take(data, size, map.data + fuzz_u64(data, size, 2) % (SIZE - 16), 16);
		return;
	}
	head.header_size = (uint16_t)fuzz_u64(data, size, op & 32 ? 2 : 1);
	head.size = (uint16_t)fuzz_u64(data, size, op & 64 ? 2 : 1);
	memcpy(map.data + reader.index, &head, sizeof(head));
}

static void check_read(uint32_t before, const uint8_t *buffer, const struct ring_packet *packet)
{
	uint32_t bytes = 16 + packet->extra_size + packet->payload_size;

	FUZZ_CHECK(reader.index == (before + bytes + 8) % SIZE);
	FUZZ_CHECK(packet->extra == buffer + 16 && packet->extra_size % 8 == 0);
	FUZZ_CHECK(packet->payload == packet->extra + packet->extra_size);
	FUZZ_CHECK(!memcmp(buffer, map.data + before, bytes));
}

static void read_packet(uint64_t op)
{
	uint32_t before = reader.index;
	size_t size = op & 16 ? BUFFER : op >> 5 << 3;
	uint8_t *buffer = malloc(size ? size : 1);
	struct ring_packet packet;

	FUZZ_CHECK(buffer);
	if (ring_read(&reader, buffer, size, &packet) == RING_OK)
		check_read(before, buffer, &packet);
	else
		FUZZ_CHECK(reader.index == before);
	free(buffer);
}

static void write_packet(uint64_t op, const uint8_t **data, size_t *size)
{
	static uint8_t bytes[2 * SIZE];
	size_t extra = op & 16 ? (op >> 5) * 8 : 0,
	       payload = fuzz_u64(data, size, 2) % sizeof(bytes);
	uint32_t before = writer.index, whole = ring_packet_size(extra, payload);
	struct iovec parts[2] = { { bytes, payload / 3 }, { bytes, payload - payload / 3 } };
	enum ring_result got = ring_write(&writer, 6, 0, op, bytes, extra, parts, 2);

	FUZZ_CHECK((got == RING_TOO_LARGE) == (whole > SIZE - 8));
	FUZZ_CHECK(writer.index == (got == RING_OK ? (before + whole) % SIZE : before));
}

static void other(uint64_t op, const uint8_t **data, size_t *size)
{
	uint32_t before = reader.published, wanted;

	switch (op >> 4 & 7) {
	case 0:
		ring_release(&reader);
		FUZZ_CHECK(reader.published == reader.index);
		FUZZ_CHECK(before == reader.index || map.header->read_index == reader.index);
		break;
	case 1:
		ring_mask(&reader);
		break;
	case 2:
		if (!ring_unmask(&reader))
			FUZZ_CHECK(map.header->write_index == reader.index);
		break;
	case 3:
		FUZZ_CHECK(ring_waiting(&reader) < SIZE);
		break;
	case 4:
		ring_publish(&writer);
		FUZZ_CHECK(writer.published == writer.index && !writer.unpublished);
		break;
	case 5:
		ring_abandon(&writer);
		FUZZ_CHECK(writer.published == writer.index && !writer.unpublished);
		break;
	case 6:
		wanted = (uint32_t)fuzz_u64(data, size, 2);
		if (ring_want_room(&writer, wanted) && wanted && wanted < SIZE)
			FUZZ_CHECK(inside(map.header->read_index));
		break;
	default:
		open_ring();
	}
}

static void step(const uint8_t **data, size_t *size)
{
	uint64_t op = fuzz_u64(data, size, 1);

	switch (op & 15) {
	case 0 ... 1:
		peer_word(op, data, size);
		break;
	case 2 ... 4:
		peer_data(op, data, size);
		break;
	case 5 ... 8:
		read_packet(op);
		break;
	case 9 ... 11:
		write_packet(op, data, size);
		break;
	default:
		other(op, data, size);
	}
	check(&reader);
	check(&writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!map.header)
		map = ring_map_new(SIZE);
	memset(map.header, 0, sizeof(*map.header));
	memset(map.data, 0, SIZE);
	open_ring();
	while (size)
		step(&data, &size);
	return 0;
}
