/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's end of channels for tests: memory in a file, two rings in scattered pages of
 * it, eventfds in place of signals. What it sends is told apart by transactions.
 */
#ifndef CHANNEL_GUEST_H
#define CHANNEL_GUEST_H

#include <event2/event.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "connect.h"
#include "journal.h"
#include "ring.h"

#define RIG_PAGES 96u
#define RIG_RING_PAGES 40u /* of both rings at most */

struct rig {
	int memory;
	struct guest *guest;
	uint64_t pfns[RIG_RING_PAGES];
	uint32_t pfn_count, downstream;
	uint8_t *up_map, *down_map;
	struct ring up, down; /* the guest's ends */
	int to_host, to_guest, journal;
	uint64_t signals; /* that the guest got */
	uint64_t signals_sent;

	struct event_base *base;
	struct device device;
	struct channel *channel;
};

/* The rings' pages go down from the end of memory, every second one. */
static inline void rig_memory(struct rig *rig, uint32_t up, uint32_t down)
{
	const struct guest_range range = { 0, RIG_PAGES * 4096 };

	REQUIRE(up + down + 2 <= RIG_RING_PAGES);
	rig->pfn_count = up + down + 2;
	rig->downstream = up + 1;
	for (uint32_t i = 0; i < rig->pfn_count; i++)
		rig->pfns[i] = RIG_PAGES - 1 - 2 * i;
	rig->memory = memfd_create("guest", MFD_CLOEXEC);
	REQUIRE(rig->memory >= 0 && !ftruncate(rig->memory, RIG_PAGES * 4096));
	rig->guest = guest_new(rig->memory, &range, 1);
	REQUIRE(rig->guest);
	rig->up_map = guest_map_pages(rig->guest, rig->pfns, up + 1, 1);
	rig->down_map = guest_map_pages(rig->guest, rig->pfns + up + 1, down + 1, 1);
	REQUIRE(rig->up_map && rig->down_map);
}

/* The guest begins anew on empty rings. */
static inline void rig_reset(struct rig *rig)
{
	uint32_t up = rig->downstream, down = rig->pfn_count - rig->downstream;

	memset(rig->up_map, 0, up * 4096);
	memset(rig->down_map, 0, down * 4096);
	REQUIRE(ring_writer_init(&rig->up, rig->up_map, rig->up_map + 4096, (up - 1) * 4096));
	REQUIRE(ring_reader_init(&rig->down, rig->down_map, rig->down_map + 4096,
				 (down - 1) * 4096));
	ring_offer_room_signals(&rig->down);
}

static inline void rig_new_journal(struct rig *rig)
{
	if (rig->journal >= 0)
		close(rig->journal);
	rig->journal = journal_create(device_packet_max(&rig->device));
	REQUIRE(rig->journal >= 0);
}

/* up, down: data pages of the rings. */
static inline void rig_new(struct rig *rig, struct event_base *base, const struct device_ops *ops,
			   uint32_t up, uint32_t down)
{
	*rig = (struct rig){ .base = base, .device = { .ops = ops }, .journal = -1 };
	rig_memory(rig, up, down);
	rig_reset(rig);
	rig->to_host = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rig->to_guest = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	REQUIRE(rig->to_host >= 0 && rig->to_guest >= 0);
	rig_new_journal(rig);
}

static inline void rig_free(struct rig *rig)
{
	guest_unmap_pages(rig->up_map, rig->downstream, 1);
	guest_unmap_pages(rig->down_map, rig->pfn_count - rig->downstream, 1);
	guest_free(rig->guest);
	close(rig->memory);
	close(rig->to_host);
	close(rig->to_guest);
	close(rig->journal);
}

static inline struct channel_parts rig_parts(const struct rig *rig)
{
	return (struct channel_parts){
		.base = rig->base,
		.device = (struct device *)(uintptr_t)&rig->device,
		.guest = rig->guest,
		.pfns = rig->pfns,
		.pfn_count = rig->pfn_count,
		.downstream = rig->downstream,
		.signal_in = rig->to_host,
		.signal_out = rig->to_guest,
		.journal = rig->journal,
	};
}

/* ---- what the guest does ---- */

static inline void rig_signal(struct rig *rig)
{
	static const uint64_t one = 1;

	rig->signals_sent++;
	REQUIRE(write(rig->to_host, &one, sizeof(one)) == sizeof(one));
}

/* Has it been signalled since it last asked? */
static inline bool rig_signalled(struct rig *rig)
{
	uint64_t count = 0;

	if (read(rig->to_guest, &count, sizeof(count)) != sizeof(count))
		return false;
	rig->signals += count;
	return true;
}

static inline void rig_publish(struct rig *rig)
{
	if (ring_publish(&rig->up))
		rig_signal(rig);
}

/* Not yet published. */
static inline enum ring_result rig_write(struct rig *rig, uint16_t type, uint16_t flags,
					 uint64_t transaction, const void *extra, size_t extra_size,
					 const void *payload, size_t size)
{
	struct iovec part = { (void *)(uintptr_t)payload, size };

	return ring_write(&rig->up, type, flags, transaction, extra, extra_size, &part, 1);
}

/* A packet of size bytes that wants an answer, or not. */
static inline bool rig_ask(struct rig *rig, uint64_t transaction, size_t size, bool answer)
{
	uint8_t payload[4096];

	memset(payload, (int)transaction, size);
	return rig_write(rig, VMBUS_PACKET_INBAND, answer ? VMBUS_PACKET_ANSWER_WANTED : 0,
			 transaction, NULL, 0, payload, size) == RING_OK;
}

/* The next packet for the guest; its room is not given back. */
static inline bool rig_read(struct rig *rig, struct ring_packet *packet)
{
	static _Alignas(8) uint8_t buffer[8192];

	return ring_read(&rig->down, buffer, sizeof(buffer), packet) == RING_OK;
}

static inline void rig_release(struct rig *rig)
{
	if (ring_release(&rig->down))
		rig_signal(rig);
}

/* As a driver does when it is signalled. Returns how many packets it got. */
static inline unsigned int rig_drain(struct rig *rig,
				     void (*got)(struct rig *rig, const struct ring_packet *packet))
{
	struct ring_packet packet;
	unsigned int count = 0;

	ring_mask(&rig->down);
	do {
		while (rig_read(rig, &packet)) {
			count++;
			if (got)
				got(rig, &packet);
		}
		rig_release(rig);
	} while (ring_unmask(&rig->down));
	return count;
}

/* The provider's loop, as long as something is to be done. */
static inline void rig_run(const struct rig *rig)
{
	for (int i = 0; i < 4; i++)
		event_base_loop(rig->base, EVLOOP_NONBLOCK);
}

#endif
