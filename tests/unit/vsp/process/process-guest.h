/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's end of one channel of a provider's process, and hv-vsp's end of the link: the
 * memory is a memory file, the rings lie in it, and the test plays the driver. Failure of
 * anything that has to work ends the test.
 */
#ifndef PROCESS_GUEST_H
#define PROCESS_GUEST_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "guest.h"
#include "journal.h"
#include "link.h"
#include "parse.h"
#include "process.h"
#include "ring.h"

#define GUEST_MEMORY (8u << 20)

/* Pages: the rings begin at page 16; what is behind GUEST_FREE is the test's. */
#define GUEST_FREE 64u

struct process_guest {
	int memory; /* the partition_fd of tests */
	struct guest *guest;
	int signal_in, signal_out, journal;
	struct ring out, in; /* as the guest has them: out is written */
	struct vmbus_guid instance;
	int link; /* hv-vsp's end; -1: none */
};

#define FIRST_PAGE 16u

struct rings {
	uint64_t pfns[GUEST_FREE];
	uint32_t up, down; /* pages with the header */
};

/* Of the only guest at a time. */
static struct rings rings;
static uint8_t *up_map, *down_map;

/* Memory and rings; up, down: pages of data. */
static inline void process_guest_new(struct process_guest *guest, const char *instance, uint32_t up,
				     uint32_t down)
{
	struct guest_range range = { 0, GUEST_MEMORY };

	*guest = (struct process_guest){ .link = -1 };
	REQUIRE(parse_guid(instance, &guest->instance));
	guest->memory = process_file(GUEST_MEMORY);
	guest->guest = guest_new(guest->memory, &range, 1);
	guest->signal_in = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	guest->signal_out = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	guest->journal = journal_create(CHANNEL_PACKET_MAX);
	REQUIRE(guest->guest && guest->signal_in >= 0 && guest->signal_out >= 0 &&
		guest->journal >= 0);
	rings.up = up + 1;
	rings.down = down + 1;
	for (uint32_t i = 0; i < rings.up + rings.down; i++)
		rings.pfns[i] = FIRST_PAGE + i;
	up_map = guest_map_pages(guest->guest, rings.pfns, rings.up, 1);
	down_map = guest_map_pages(guest->guest, rings.pfns + rings.up, rings.down, 1);
	REQUIRE(up_map && down_map);
	REQUIRE(ring_writer_init(&guest->out, up_map, up_map + 4096, up * 4096));
	REQUIRE(ring_reader_init(&guest->in, down_map, down_map + 4096, down * 4096));
	ring_offer_room_signals(&guest->in);
}

static inline void process_guest_free(struct process_guest *guest)
{
	guest_unmap_pages(up_map, rings.up, 1);
	guest_unmap_pages(down_map, rings.down, 1);
	guest_free(guest->guest);
	close(guest->memory);
	close(guest->signal_in);
	close(guest->signal_out);
	close(guest->journal);
	if (guest->link >= 0)
		close(guest->link);
}

/* A new pair of sockets, of which the other end is to be given to the process. */
static inline int process_guest_socket(struct process_guest *guest)
{
	int pair[2];

	if (guest->link >= 0)
		close(guest->link);
	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	guest->link = pair[0];
	return pair[1];
}

/* The next message of the provider, which has 10 seconds. */
static inline void process_guest_link(struct process_guest *guest, struct link_message *message)
{
	struct pollfd wait = { .fd = guest->link, .events = POLLIN };
	int fds[LINK_FDS];
	unsigned int count;

	REQUIRE(poll(&wait, 1, 10000) == 1);
	REQUIRE(link_receive(guest->link, message, fds, &count, MSG_DONTWAIT) == 1);
	CHECK_EQ(count, 0);
	CHECK_MEM(&message->instance, &guest->instance, sizeof(guest->instance));
}

static inline void process_guest_say(struct process_guest *guest, struct link_message *message,
				     uint32_t type, int fd)
{
	message->type = type;
	message->instance = guest->instance;
	REQUIRE(link_send(guest->link, message, &fd, fd >= 0, 0));
}

/* Hands the channel over; process_guest_opened() takes the answer. */
static inline void process_guest_offer(struct process_guest *guest, bool resumed)
{
	struct link_message message = {
		.type = LINK_OPEN,
		.instance = guest->instance,
		.open = { .pfn_count = rings.up + rings.down,
			  .downstream = rings.up,
			  .resumed = resumed },
	};
	int fds[LINK_FDS] = {
		[LINK_FD_PAGES] = link_pages_write(rings.pfns, rings.up + rings.down),
		[LINK_FD_SIGNAL_IN] = guest->signal_in,
		[LINK_FD_SIGNAL_OUT] = guest->signal_out,
		[LINK_FD_JOURNAL] = guest->journal,
	};

	REQUIRE(fds[LINK_FD_PAGES] >= 0);
	REQUIRE(link_send(guest->link, &message, fds, LINK_FDS, 0));
	close(fds[LINK_FD_PAGES]);
}

static inline bool process_guest_opened(struct process_guest *guest)
{
	struct link_message message;

	process_guest_link(guest, &message);
	CHECK_EQ(message.type, LINK_OPENED);
	return message.ok;
}

/* Hands the channel over. The provider's answer. */
static inline bool process_guest_open(struct process_guest *guest, bool resumed)
{
	process_guest_offer(guest, resumed);
	return process_guest_opened(guest);
}

/* Puts a packet in the ring, now. False: it is full. */
static inline bool process_guest_send(struct process_guest *guest, uint16_t type, uint16_t flags,
				      uint64_t transaction, const void *extra, size_t extra_size,
				      const void *payload, size_t size)
{
	struct iovec part = { (void *)(uintptr_t)payload, size };

	if (ring_write(&guest->out, type, flags, transaction, extra, extra_size, &part, 1) !=
	    RING_OK)
		return false;
	if (ring_publish(&guest->out))
		REQUIRE(eventfd_write(guest->signal_in, 1) == 0);
	return true;
}

/* Takes one; false: there is none within the time. */
static inline bool process_guest_receive(struct process_guest *guest, struct ring_packet *packet,
					 unsigned int milliseconds)
{
	static uint64_t buffer[CHANNEL_PACKET_MAX / 8];

	for (unsigned int waited = 0;; waited += 10) {
		struct pollfd wait = { .fd = guest->signal_out, .events = POLLIN };
		enum ring_result result = ring_read(&guest->in, buffer, sizeof(buffer), packet);
		eventfd_t count;

		if (result == RING_OK) {
			if (ring_release(&guest->in))
				REQUIRE(eventfd_write(guest->signal_in, 1) == 0);
			return true;
		}
		REQUIRE(result == RING_EMPTY);
		if (waited >= milliseconds)
			return false;
		/* Also without a signal: this looks at what is there, not at how one hears of it. */
		if (poll(&wait, 1, 10) == 1)
			eventfd_read(guest->signal_out, &count);
	}
}

#endif
