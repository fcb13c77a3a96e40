/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The writer's side of the log ring (include/mullion/log.h). Pure: no lock, no
 * clock, no console. Invariant outside of logring_write: tail and head are
 * record boundaries and every record between them is whole.
 */
#include "core/logring.h"

#include "core/string.h"

static char *ring_data(const struct mullion_log *ring)
{
	return (char *)(uintptr_t)ring + sizeof(*ring);
}

/* The largest power of two that fits behind the header. */
static u64 data_size(u64 size)
{
	u64 n = 64;

	while (n * 2 <= size - sizeof(struct mullion_log))
		n *= 2;
	return n;
}

static void copy_in(struct mullion_log *ring, u64 pos, const void *src, u64 n)
{
	u64 off = pos & (ring->data_size - 1);
	u64 first = min_u64(n, ring->data_size - off);

	memcpy(ring_data(ring) + off, src, first);
	memcpy(ring_data(ring), (const char *)src + first, n - first);
}

static void copy_out(const struct mullion_log *ring, u64 pos, void *dest, u64 n)
{
	u64 off = pos & (ring->data_size - 1);
	u64 first = min_u64(n, ring->data_size - off);

	memcpy(dest, ring_data(ring) + off, first);
	memcpy((char *)dest + first, ring_data(ring), n - first);
}

static u64 record_size(u32 length)
{
	return align_up(sizeof(struct mullion_log_record) + length, 8);
}

/* An earlier boot's memory may hold anything: walk it before it is believed. */
static bool ring_sound(const struct mullion_log *ring, u64 size)
{
	u64 pos = ring->tail;

	if (ring->magic != MULLION_LOG_MAGIC || ring->version != MULLION_LOG_VERSION ||
	    ring->data_offset != sizeof(*ring) || ring->data_size != data_size(size))
		return false;
	if (ring->tail > ring->head || ring->head - ring->tail > ring->data_size ||
	    (ring->tail | ring->head) % 8 || ring->head > BIT(62))
		return false;
	while (pos < ring->head) {
		struct mullion_log_record r;

		if (ring->head - pos < sizeof(r))
			return false;
		copy_out(ring, pos, &r, sizeof(r));
		if (r.length > MULLION_LOG_TEXT_MAX || r.level > MULLION_LOG_DEBUG)
			return false;
		pos += record_size(r.length);
	}
	return pos == ring->head;
}

bool logring_init(struct mullion_log *ring, u64 size)
{
	bool kept = ring_sound(ring, size);

	if (!kept) {
		memset(ring, 0, sizeof(*ring));
		ring->magic = MULLION_LOG_MAGIC;
		ring->version = MULLION_LOG_VERSION;
		ring->data_offset = sizeof(*ring);
		ring->data_size = data_size(size);
	}
	ring->boot_head = ring->head;
	ring->boot++;
	return kept;
}

void logring_write(struct mullion_log *ring, enum mullion_log_level level, u16 cpu, u64 time_ns,
		   const char *text, size_t length)
{
	struct mullion_log_record r = {
		.length = (u32)min_u64(length, MULLION_LOG_TEXT_MAX),
		.level = (u8)level,
		.cpu = cpu,
		.sequence = ring->sequence,
		.time_ns = time_ns,
	};
	u64 need = record_size(r.length);
	u64 tail = ring->tail;

	if (need > ring->data_size)
		return;
	while (ring->head + need - tail > ring->data_size) {
		struct mullion_log_record old;

		copy_out(ring, tail, &old, sizeof(old));
		tail += record_size(old.length);
	}
	__atomic_store_n(&ring->tail, tail, __ATOMIC_RELEASE);
	/* Readers must see the tail move before the bytes behind it change. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	copy_in(ring, ring->head, &r, sizeof(r));
	copy_in(ring, ring->head + sizeof(r), text, r.length);
	ring->sequence++;
	__atomic_store_n(&ring->head, ring->head + need, __ATOMIC_RELEASE);
}

void logring_copy(struct mullion_log *to, const struct mullion_log *from)
{
	char text[MULLION_LOG_TEXT_MAX];
	u64 pos = from->tail;

	while (pos < from->head) {
		struct mullion_log_record r;

		copy_out(from, pos, &r, sizeof(r));
		copy_out(from, pos + sizeof(r), text, r.length);
		logring_write(to, r.level, r.cpu, r.time_ns, text, r.length);
		pos += record_size(r.length);
	}
}
