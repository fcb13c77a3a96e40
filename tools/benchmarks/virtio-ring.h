/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtio split ring for comparison, both ends: a driver that sends buffers and a device
 * that reads them, with VIRTIO_F_EVENT_IDX. After virtio 1.2, section 2.7; single
 * descriptors, no chains, in-order use of the free ones.
 *
 * The device, as ours must, copies a descriptor and its buffer once and checks what it
 * got. A driver and a device each belong to one thread.
 */
#ifndef BENCHMARKS_VIRTIO_RING_H
#define BENCHMARKS_VIRTIO_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct virtio_descriptor {
	uint64_t address; /* here: an offset into the buffers */
	uint32_t length;
	uint16_t flags, next;
};

struct virtio_used {
	uint32_t id, length;
};

struct virtio_queue {
	/* shared; each area begins a cache line of its own */
	struct virtio_descriptor *descriptors;
	uint16_t *available; /* flags, index, ring, used_event */
	uint16_t *used; /* flags, index; then struct virtio_used from used_ring on, avail_event */
	struct virtio_used *used_ring;
	uint8_t *buffers;
	uint32_t size, buffer_size; /* entries, a power of 2; bytes */
};

struct virtio_driver {
	struct virtio_queue queue;
	uint16_t *free; /* ids, a stack */
	uint32_t free_count;
	uint16_t next, published, used; /* indices */
};

struct virtio_device {
	struct virtio_queue queue;
	uint16_t next, available, used, published; /* indices */
};

static inline uint16_t *virtio_used_event(const struct virtio_queue *q)
{
	return &q->available[2 + q->size];
}

static inline uint16_t *virtio_avail_event(const struct virtio_queue *q)
{
	void *behind = &q->used_ring[q->size];

	return behind;
}

static inline uint16_t virtio_look(const uint16_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void virtio_tell(uint16_t *word, uint16_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* Whether event lies in what was passed on the way from old to now. */
static inline bool virtio_need_event(uint16_t event, uint16_t now, uint16_t old)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

/* ---- driver ---- */

/* Takes back what the device has used. */
static inline void virtio_reclaim(struct virtio_driver *d)
{
	const struct virtio_queue *q = &d->queue;
	uint16_t used = virtio_look(&q->used[1]);

	while (d->used != used)
		d->free[d->free_count++] = (uint16_t)q->used_ring[d->used++ & (q->size - 1)].id;
}

/* False: no descriptor is free. */
static inline bool virtio_send(struct virtio_driver *d, const void *bytes, uint32_t size)
{
	const struct virtio_queue *q = &d->queue;
	uint16_t id;

	if (!d->free_count)
		virtio_reclaim(d);
	if (!d->free_count)
		return false;
	id = d->free[--d->free_count];
	memcpy(q->buffers + (size_t)id * q->buffer_size, bytes, size);
	q->descriptors[id] = (struct virtio_descriptor){ .address = (uint64_t)id * q->buffer_size,
							 .length = size };
	q->available[2 + (d->next++ & (q->size - 1))] = id;
	return true;
}

/* True: notify the device. */
static inline bool virtio_publish(struct virtio_driver *d)
{
	const struct virtio_queue *q = &d->queue;
	uint16_t old = d->published;

	if (d->next == old)
		return false;
	virtio_tell(&q->available[1], d->next);
	d->published = d->next;
	atomic_thread_fence(memory_order_seq_cst);
	return virtio_need_event(virtio_look(virtio_avail_event(q)), d->next, old);
}

/* Asks for an interrupt when so many more are used. True: they are already. */
static inline bool virtio_want_used(struct virtio_driver *d, uint16_t count)
{
	const struct virtio_queue *q = &d->queue;

	virtio_tell(virtio_used_event(q), (uint16_t)(d->used + count - 1));
	atomic_thread_fence(memory_order_seq_cst);
	return (uint16_t)(virtio_look(&q->used[1]) - d->used) >= count;
}

/* ---- device ---- */

/* Copies the next buffer. False: none. */
static inline bool virtio_receive(struct virtio_device *d, void *to, uint32_t room)
{
	const struct virtio_queue *q = &d->queue;
	struct virtio_descriptor copy;
	uint16_t id;

	if (d->next == d->available)
		d->available = virtio_look(&q->available[1]);
	if (d->next == d->available)
		return false;
	id = __atomic_load_n(&q->available[2 + (d->next++ & (q->size - 1))], __ATOMIC_RELAXED);
	copy = q->descriptors[id & (q->size - 1)];
	atomic_signal_fence(memory_order_seq_cst);
	if (copy.length > room || copy.address > (uint64_t)(q->size - 1) * q->buffer_size)
		return false;
	memcpy(to, q->buffers + copy.address, copy.length);
	atomic_signal_fence(memory_order_seq_cst);
	q->used_ring[d->used++ & (q->size - 1)] = (struct virtio_used){ .id = id };
	return true;
}

/* Gives back what was received. True: interrupt the driver. */
static inline bool virtio_release(struct virtio_device *d)
{
	const struct virtio_queue *q = &d->queue;
	uint16_t old = d->published;

	if (d->used == old)
		return false;
	virtio_tell(&q->used[1], d->used);
	d->published = d->used;
	atomic_thread_fence(memory_order_seq_cst);
	return virtio_need_event(virtio_look(virtio_used_event(q)), d->used, old);
}

/* Before it sleeps. True: something has come meanwhile. */
static inline bool virtio_unmask(struct virtio_device *d)
{
	const struct virtio_queue *q = &d->queue;

	virtio_tell(virtio_avail_event(q), d->next);
	atomic_thread_fence(memory_order_seq_cst);
	return virtio_look(&q->available[1]) != d->next;
}

#endif
