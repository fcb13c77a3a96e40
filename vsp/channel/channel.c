/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Channels, see channel.h. One thread, the event loop's.
 *
 * A turn: mask the guest's signals, take packets, give their room back, publish what was
 * sent, and, when the ring is drained, unmask and look again. Signals stay masked while
 * packets are left (the turn was over, no ticket is free, the provider pauses): who lifts
 * that makes another turn due. That comes after the loop has looked at descriptors and
 * timers again, however busy the guest keeps the channel: a timer of no time does it.
 */
#include "channel.h"

#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connect.h"
#include "journal.h"
#include "ring.h"

#define RANGES_MAX 128u
#define ROOM_RETRY_US 1000

/* An answer that found no room. */
struct answer {
	uint32_t ticket;
	uint32_t size;
	uint8_t bytes[CHANNEL_ANSWER_MAX];
};

struct open_channel {
	struct channel channel; /* first: what the provider sees */
	const struct channel_owner *owner;
	struct ring in, out;
	uint8_t *up, *down; /* the rings, guest to host and host to guest */
	uint32_t up_pages, down_pages;
	int signal_out;
	struct event *readable; /* signal_in */
	struct event *due; /* a turn is due */
	struct event *flush_due; /* something was sent outside of a turn */
	struct event *room; /* looks for room where the guest does not tell */
	struct journal journal;
	bool replaying; /* packets that an earlier process took, first */
	uint64_t replayed; /* up to which order */
	struct answer *waiting; /* CHANNEL_TICKETS of them, made when needed */
	uint32_t waiting_first, waiting_count;
	bool waits[CHANNEL_TICKETS]; /* the ticket's answer is among them */
	uint32_t room_wanted; /* bytes; 0: nobody waits */
	uint32_t send_wanted; /* bytes; the provider waits for ready() */
	bool in_turn, paused, broken, closing;
	bool signal_due; /* see channel_signal() */
	bool turn_over; /* see channel_end_turn() */
	bool starved; /* the last turn ended for want of a ticket */
	bool in_close; /* the provider's close() runs */
	uint64_t signals_in, signals_out;
	struct packet_range ranges[RANGES_MAX];
};

static struct open_channel *of(const struct channel *channel)
{
	return (struct open_channel *)(uintptr_t)channel;
}

uint32_t device_packet_max(const struct device *device)
{
	uint32_t max = device->packet_max ? device->packet_max : CHANNEL_PACKET_MAX;

	return (max + 4095) / 4096 * 4096;
}

static void again(struct open_channel *c)
{
	static const struct timeval now = { 0 };

	if (!c->closing)
		event_add(c->due, &now);
}

static void signal_guest(struct open_channel *c)
{
	static const uint64_t one = 1;

	c->signals_out++;
	/* The counter cannot be full: its reader drains it. */
	if (write(c->signal_out, &one, sizeof(one)) < 0)
		return;
}

void channel_broken(struct channel *channel, const char *format, ...)
{
	struct open_channel *c = of(channel);
	char text[200];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (!c->broken)
		c->owner->complain(channel->device, channel->sub, text);
	c->broken = true;
}

/* ---- sending ---- */

/* Room first: see journal.h. */
static void publish(struct open_channel *c)
{
	bool due = ring_release(&c->in);

	journal_begin_turn(&c->journal, c->in.published);
	due |= ring_publish(&c->out);
	journal_published(&c->journal);
	if (due || c->signal_due)
		signal_guest(c);
	c->signal_due = false;
	if (!c->starved || !c->journal.free_count)
		return;
	c->starved = false;
	again(c);
}

/* True: there is so much room. Else the guest is to say when there is. */
static bool has_room(struct open_channel *c, uint32_t size)
{
	static const struct timeval soon = { .tv_usec = ROOM_RETRY_US };

	c->room_wanted = size;
	if (ring_want_room(&c->out, size))
		return true;
	if (!ring_peer_signals_room(&c->out))
		event_add(c->room, &soon);
	return false;
}

/* A packet of that size found no room. */
static void want_room(struct open_channel *c, uint32_t size)
{
	publish(c);
	if (has_room(c, size))
		again(c);
}

static void flush_later(struct open_channel *c)
{
	if (!c->in_turn)
		event_active(c->flush_due, EV_TIMEOUT, 0);
}

static bool post_answer(struct open_channel *c, uint32_t ticket, const void *payload, size_t size)
{
	struct iovec part = { .iov_base = (void *)(uintptr_t)payload, .iov_len = size };
	uint32_t before = c->out.published;
	enum ring_result result = ring_write(&c->out, VMBUS_PACKET_COMPLETION, 0,
					     channel_transaction(&c->channel, ticket), NULL, 0,
					     &part, 1);

	if (result == RING_FULL)
		return false;
	if (result != RING_OK)
		channel_broken(&c->channel, "no answer of %zu bytes fits its ring", size);
	journal_answer(&c->journal, ticket, before);
	return true;
}

static bool keep_answer(struct open_channel *c, uint32_t ticket, const void *payload, size_t size)
{
	struct answer *answer;

	if (!c->waiting)
		c->waiting = calloc(CHANNEL_TICKETS, sizeof(*c->waiting));
	if (!c->waiting)
		return false;
	answer = &c->waiting[(c->waiting_first + c->waiting_count++) % CHANNEL_TICKETS];
	answer->ticket = ticket;
	answer->size = (uint32_t)size;
	if (size)
		memcpy(answer->bytes, payload, size);
	c->waits[ticket] = true;
	return true;
}

void channel_answer(struct channel *channel, uint32_t ticket, const void *payload, size_t size)
{
	struct open_channel *c = of(channel);

	if (c->broken || c->closing || size > CHANNEL_ANSWER_MAX ||
	    !journal_is_taken(&c->journal, ticket) || c->waits[ticket])
		return;
	if (c->waiting_count || !post_answer(c, ticket, payload, size)) {
		if (!keep_answer(c, ticket, payload, size)) {
			channel_broken(channel, "no memory for answers that it does not read");
			return;
		}
		/* The first one's is less than a packet of the provider's may wait for. */
		if (c->waiting_count == 1)
			want_room(c, ring_packet_size(0, size));
	}
	flush_later(c);
}

uint64_t channel_transaction(const struct channel *channel, uint32_t ticket)
{
	const struct open_channel *c = of(channel);
	const struct vmbus_packet *packet;

	if (!journal_is_taken(&c->journal, ticket))
		return 0;
	packet = (const void *)(c->journal.packets + (size_t)ticket * c->journal.file->packet_max);
	return packet->transaction;
}

enum channel_send channel_send(struct channel *channel, uint16_t type, uint16_t flags,
			       uint64_t transaction, const void *extra, size_t extra_size,
			       const struct iovec *parts, unsigned int part_count)
{
	struct open_channel *c = of(channel);
	size_t size = 0;

	if (c->broken || c->closing)
		return CHANNEL_DEAD;
	for (unsigned int i = 0; i < part_count; i++)
		size += parts[i].iov_len;
	/* Answers go first. */
	switch (c->waiting_count ? RING_FULL :
				   ring_write(&c->out, type, flags, transaction, extra, extra_size,
					      parts, part_count)) {
	case RING_OK:
		flush_later(c);
		return CHANNEL_SENT;
	case RING_FULL:
		c->send_wanted = ring_packet_size(extra_size, size);
		if (!c->waiting_count)
			want_room(c, c->send_wanted);
		return CHANNEL_FULL;
	default:
		return CHANNEL_DEAD;
	}
}

void channel_flush(struct channel *channel)
{
	struct open_channel *c = of(channel);

	if (!c->in_turn && !c->broken && !c->closing)
		publish(c);
}

void channel_signal(struct channel *channel)
{
	struct open_channel *c = of(channel);

	if (c->closing)
		return;
	if (c->in_turn)
		c->signal_due = true;
	else
		signal_guest(c);
}

static void on_flush_due(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	channel_flush(context);
}

/* The guest has read something, perhaps. */
static void use_room(struct open_channel *c)
{
	if (!c->room_wanted || !has_room(c, c->room_wanted))
		return;
	c->room_wanted = 0;
	while (c->waiting_count) {
		const struct answer *answer = &c->waiting[c->waiting_first];

		if (!post_answer(c, answer->ticket, answer->bytes, answer->size)) {
			want_room(c, ring_packet_size(0, answer->size));
			return;
		}
		c->waits[answer->ticket] = false;
		c->waiting_first = (c->waiting_first + 1) % CHANNEL_TICKETS;
		c->waiting_count--;
	}
	if (!c->send_wanted || !has_room(c, c->send_wanted))
		return;
	c->room_wanted = c->send_wanted = 0;
	if (c->channel.ops->ready)
		c->channel.ops->ready(&c->channel);
}

/* ---- taking ---- */

/* The page numbers of one range, after which *at points to the next. */
static bool next_range(const uint8_t **at, const uint8_t *end, struct packet_range *range)
{
	struct vmbus_gpa_range raw;
	uint64_t pages;

	if ((size_t)(end - *at) < sizeof(raw))
		return false;
	memcpy(&raw, *at, sizeof(raw));
	pages = ((uint64_t)raw.offset + raw.length + VMBUS_PAGE_SIZE - 1) / VMBUS_PAGE_SIZE;
	*at += sizeof(raw);
	if (!raw.length || raw.offset >= VMBUS_PAGE_SIZE || pages > (size_t)(end - *at) / 8)
		return false;
	*range = (struct packet_range){
		.length = raw.length,
		.offset = raw.offset,
		.pfns = (const void *)*at,
		.pfn_count = (uint32_t)pages,
	};
	*at += pages * 8;
	return true;
}

static bool read_ranges(struct open_channel *c, const struct ring_packet *raw,
			struct packet *packet)
{
	const uint8_t *at = raw->extra, *end = raw->extra + raw->extra_size;
	struct vmbus_gpa_direct head;

	if (raw->extra_size < sizeof(head))
		return false;
	memcpy(&head, at, sizeof(head));
	at += sizeof(head);
	if (head.range_count > RANGES_MAX)
		return false;
	for (uint32_t i = 0; i < head.range_count; i++) {
		if (!next_range(&at, end, &c->ranges[i]))
			return false;
	}
	packet->ranges = c->ranges;
	packet->range_count = head.range_count;
	return true;
}

/* False: no driver sends such a packet. */
static bool give(struct open_channel *c, const struct ring_packet *raw, uint32_t slot,
		 bool replayed)
{
	struct packet packet = {
		.type = raw->type,
		.ticket = CHANNEL_NO_TICKET,
		.replayed = replayed,
		.transaction = raw->transaction,
		.payload = raw->payload,
		.size = raw->payload_size,
	};

	switch (raw->type) {
	case VMBUS_PACKET_GPA_DIRECT:
		if (!read_ranges(c, raw, &packet))
			return false;
		break;
	case VMBUS_PACKET_INBAND:
	case VMBUS_PACKET_COMPLETION:
		break;
	default:
		return false;
	}
	if (raw->type != VMBUS_PACKET_COMPLETION && (raw->flags & VMBUS_PACKET_ANSWER_WANTED)) {
		packet.ticket = slot;
		if (!replayed)
			journal_take(&c->journal, slot);
	}
	c->channel.ops->packet(&c->channel, &packet);
	return true;
}

/* A packet that lies in its slot since an earlier process took it. */
static bool give_again(struct open_channel *c, const uint8_t *bytes, uint32_t slot)
{
	struct vmbus_packet head;
	struct ring_packet raw;
	uint32_t header_size, size, max = c->journal.file->packet_max;

	memcpy(&head, bytes, sizeof(head));
	header_size = head.header_size * 8u;
	size = head.size * 8u;
	if (header_size < sizeof(head) || size < header_size || size > max)
		return false;
	raw = (struct ring_packet){
		.type = head.type,
		.flags = head.flags,
		.transaction = head.transaction,
		.extra = bytes + sizeof(head),
		.extra_size = header_size - (uint32_t)sizeof(head),
		.payload = bytes + header_size,
		.payload_size = size - header_size,
	};
	return give(c, &raw, slot, true);
}

/* The next one of those. False: there are no more. */
static bool replay_one(struct open_channel *c)
{
	uint32_t slot;
	const void *old = journal_replay(&c->journal, &c->replayed, &slot);

	if (old && !give_again(c, old, slot))
		channel_broken(&c->channel, "a kept packet is none");
	return old;
}

/* Takes one packet. False: no more in this turn. */
static bool take_one(struct open_channel *c, bool *drained)
{
	struct ring_packet raw;
	uint32_t slot;
	void *room;

	if (c->replaying && replay_one(c))
		return true;
	c->replaying = false;
	room = journal_room(&c->journal, &slot);
	if (!room) {
		c->starved = true;
		return false;
	}
	switch (ring_read(&c->in, room, c->journal.file->packet_max, &raw)) {
	case RING_OK:
		if (!give(c, &raw, slot, false))
			channel_broken(&c->channel, "a packet of type %u that is malformed",
				       raw.type);
		return true;
	case RING_EMPTY:
		*drained = true;
		return false;
	case RING_TOO_LARGE:
		channel_broken(&c->channel, "a packet of more than %u bytes",
			       c->journal.file->packet_max);
		return false;
	default:
		channel_broken(&c->channel, "indices or sizes in its ring that cannot be");
		return false;
	}
}

static void turn(struct open_channel *c)
{
	bool drained = false;
	unsigned int n = 0;

	ring_mask(&c->in);
	c->starved = c->turn_over = false;
	while (n < CHANNEL_TURN && !c->paused && !c->broken && !c->turn_over &&
	       take_one(c, &drained))
		n++;
	if (n && c->channel.ops->turn)
		c->channel.ops->turn(&c->channel);
	publish(c);
	if (c->broken)
		return;
	if (drained ? ring_unmask(&c->in) : n == CHANNEL_TURN || c->turn_over)
		again(c);
}

static void on_due(evutil_socket_t fd, short what, void *context)
{
	struct open_channel *c = context;

	(void)fd, (void)what;
	if (c->broken)
		return;
	c->in_turn = true;
	use_room(c);
	turn(c);
	c->in_turn = false;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct open_channel *c = context;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) == sizeof(count))
		c->signals_in += count;
	on_due(fd, what, context);
}

void channel_end_turn(struct channel *channel)
{
	of(channel)->turn_over = true;
}

void channel_pause(struct channel *channel, bool pause)
{
	struct open_channel *c = of(channel);

	if (c->paused && !pause)
		again(c);
	c->paused = pause;
}

/* ---- open and close ---- */

static void free_events(struct open_channel *c)
{
	struct event **events[] = { &c->readable, &c->due, &c->flush_due, &c->room };

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (*events[i])
			event_free(*events[i]);
		*events[i] = NULL;
	}
}

static void destroy(struct open_channel *c)
{
	free_events(c);
	journal_close(&c->journal);
	guest_unmap_pages(c->up, c->up_pages, 1);
	guest_unmap_pages(c->down, c->down_pages, 1);
	free(c->waiting);
	free(c);
}

/* Maps both rings, the data of each twice in a row. */
static bool map_rings(struct open_channel *c, const struct channel_parts *parts)
{
	uint32_t up = parts->downstream, down = parts->pfn_count - parts->downstream;

	c->up_pages = up;
	c->down_pages = down;
	if (up < 2 || parts->downstream > parts->pfn_count || down < 2) {
		errno = EINVAL;
		return false;
	}
	c->up = guest_map_pages(parts->guest, parts->pfns, up, 1);
	c->down = c->up ? guest_map_pages(parts->guest, parts->pfns + up, down, 1) : NULL;
	return c->down;
}

static bool init_rings(struct open_channel *c)
{
	bool ok = ring_reader_init(&c->in, c->up, c->up + VMBUS_PAGE_SIZE,
				   (c->up_pages - 1) * VMBUS_PAGE_SIZE) &&
		  ring_writer_init(&c->out, c->down, c->down + VMBUS_PAGE_SIZE,
				   (c->down_pages - 1) * VMBUS_PAGE_SIZE);

	errno = EINVAL;
	if (ok) {
		ring_offer_room_signals(&c->in);
		ring_want_room(&c->out, 0);
	}
	return ok;
}

static bool make_events(struct open_channel *c, const struct channel_parts *parts)
{
	c->readable =
		event_new(parts->base, parts->signal_in, EV_READ | EV_PERSIST, on_readable, c);
	c->due = event_new(parts->base, -1, 0, on_due, c);
	c->flush_due = event_new(parts->base, -1, 0, on_flush_due, c);
	c->room = event_new(parts->base, -1, 0, on_due, c);
	errno = ENOMEM;
	return c->readable && c->due && c->flush_due && c->room &&
	       event_add(c->readable, NULL) == 0;
}

static bool make(struct open_channel *c, const struct channel_parts *parts)
{
	return map_rings(c, parts) && init_rings(c) &&
	       journal_open(&c->journal, parts->journal, device_packet_max(parts->device),
			    c->in.published, c->out.published) &&
	       make_events(c, parts);
}

struct channel *channel_open(const struct channel_parts *parts, const struct channel_owner *owner)
{
	struct open_channel *c = calloc(1, sizeof(*c));
	int error;

	if (!c)
		return NULL;
	c->owner = owner;
	c->signal_out = parts->signal_out;
	c->replaying = true;
	c->channel = (struct channel){
		.device = parts->device,
		.base = parts->base,
		.guest = parts->guest,
		.sub = parts->sub,
		.vp = parts->vp,
		.resumed = parts->resumed,
	};
	if (make(c, parts)) {
		c->channel.memo = c->journal.file->memo;
		if (parts->device->ops->open(parts->device, &c->channel)) {
			/* Something may be there already. And a process that has ended may
			 * have owed the guest a signal. */
			again(c);
			if (parts->resumed)
				signal_guest(c);
			return &c->channel;
		}
		errno = EACCES;
	}
	error = errno;
	destroy(c);
	errno = error;
	return NULL;
}

static void finish(struct open_channel *c)
{
	const struct channel_owner *owner = c->owner;
	struct device *device = c->channel.device;
	uint32_t sub = c->channel.sub;

	destroy(c);
	owner->closed(device, sub);
}

void channel_close(struct channel *channel)
{
	struct open_channel *c = of(channel);

	/* What was answered is the guest's, also if it does not look any more. */
	if (!c->broken)
		publish(c);
	c->closing = true;
	/* Who holds the channel may outlive the loop. */
	free_events(c);
	c->in_close = true;
	if (channel->device->ops->close)
		channel->device->ops->close(channel->device, channel);
	c->in_close = false;
	if (!channel->held)
		finish(c);
}

void channel_let_go(struct channel *channel)
{
	if (of(channel)->in_close)
		channel->held = false;
	else
		finish(of(channel));
}

void channel_set_vp(struct channel *channel, uint32_t vp)
{
	channel->vp = vp;
}

uint32_t channel_gpadl(struct channel *channel, uint32_t gpadl, uint64_t **pfns, uint32_t *offset,
		       uint32_t *length)
{
	return of(channel)->owner->gpadl(channel, gpadl, pfns, offset, length);
}

bool channel_offer_subs(struct channel *channel, uint32_t count)
{
	return of(channel)->owner->offer_subs(channel, count);
}

void channel_replaces(struct channel *channel, const struct vmbus_guid *instance)
{
	const struct channel_owner *owner = of(channel)->owner;

	if (owner->replaces)
		owner->replaces(channel, instance);
}

void channel_count(const struct channel *channel, struct channel_counters *counters)
{
	const struct open_channel *c = of(channel);

	*counters = (struct channel_counters){
		.packets_in = c->in.counters.packets,
		.bytes_in = c->in.counters.bytes,
		.packets_out = c->out.counters.packets,
		.bytes_out = c->out.counters.bytes,
		.signals_in = c->signals_in,
		.signals_out = c->signals_out,
	};
}
