/* SPDX-License-Identifier: GPL-2.0-only */
/* Channels and guest memory on ordinary memory: see net-fake.h. */
#include "net-fake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE VMBUS_PAGE_SIZE

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "the card broke a rule of channel.h: %s\n", what);
	abort();
}

#define MUST(condition, what)       \
	do {                        \
		if (!(condition))   \
			fail(what); \
	} while (0)

/* ---- the guest's memory ---- */

struct guest *fake_guest_new(uint64_t size)
{
	struct guest *guest = malloc(sizeof(*guest));

	MUST(guest, "memory");
	guest->memory = calloc(1, size);
	MUST(guest->memory, "memory");
	guest->size = size;
	return guest;
}

void fake_guest_free(struct guest *guest)
{
	free(guest->memory);
	free(guest);
}

void *guest_at(const struct guest *guest, uint64_t gpa, uint64_t size)
{
	if (gpa > guest->size || size > guest->size - gpa)
		return NULL;
	return guest->memory + gpa;
}

int guest_iov(const struct guest *guest, const uint64_t *pfns, uint32_t count, uint32_t offset,
	      uint32_t length, struct iovec *iov, int max)
{
	int used = 0;

	for (uint32_t page = 0; length; page++, offset = 0) {
		uint32_t n = PAGE - offset < length ? PAGE - offset : length;
		uint8_t *at;

		if (page == count || pfns[page] >= guest->size / PAGE)
			return -1;
		at = guest_at(guest, pfns[page] * PAGE + offset, n);
		length -= n;
		if (used && (uint8_t *)iov[used - 1].iov_base + iov[used - 1].iov_len == at) {
			iov[used - 1].iov_len += n;
			continue;
		}
		if (used == max)
			return -1;
		iov[used++] = (struct iovec){ at, n };
	}
	return used;
}

/* ---- what the card calls ---- */

static struct fake_channel *to_fake(const struct channel *channel)
{
	return (struct fake_channel *)(uintptr_t)channel;
}

static struct fake_sent *new_sent(struct fake_channel *fake)
{
	static struct fake_sent nowhere;

	if (!fake->keep) {
		fake->sent_count++;
		return &nowhere;
	}
	MUST(fake->sent_count < FAKE_SENT_MAX, "more packets than the test looks at");
	return &fake->sent[fake->sent_count++];
}

enum channel_send channel_send(struct channel *channel, uint16_t type, uint16_t flags,
			       uint64_t transaction, const void *extra, size_t extra_size,
			       const struct iovec *parts, unsigned int part_count)
{
	struct fake_channel *fake = to_fake(channel);
	struct fake_sent *sent;

	MUST(extra_size % 8 == 0 && extra_size <= FAKE_BYTES, "extra");
	if (fake->broken)
		return CHANNEL_DEAD;
	if (fake->full)
		return CHANNEL_FULL;
	sent = new_sent(fake);
	memset(sent, 0, sizeof(*sent));
	sent->type = type;
	sent->flags = flags;
	sent->transaction = transaction;
	sent->extra_size = (uint32_t)extra_size;
	memcpy(sent->extra, extra ? extra : "", extra_size);
	for (unsigned int i = 0; i < part_count; i++) {
		MUST(parts[i].iov_len <= FAKE_BYTES - sent->size, "payload");
		memcpy(sent->payload + sent->size, parts[i].iov_base, parts[i].iov_len);
		sent->size += (uint32_t)parts[i].iov_len;
	}
	return CHANNEL_SENT;
}

void channel_answer(struct channel *channel, uint32_t ticket, const void *payload, size_t size)
{
	struct fake_channel *fake = to_fake(channel);
	struct fake_sent *sent;

	MUST(ticket < CHANNEL_TICKETS && fake->open[ticket], "a ticket that is not open");
	MUST(size <= CHANNEL_ANSWER_MAX, "an answer that is too long");
	fake->open[ticket] = false;
	fake->open_count--;
	sent = new_sent(fake);
	memset(sent, 0, sizeof(*sent));
	sent->type = VMBUS_PACKET_COMPLETION;
	sent->transaction = fake->transactions[ticket];
	sent->size = (uint32_t)size;
	memcpy(sent->payload, payload ? payload : "", size);
}

uint64_t channel_transaction(const struct channel *channel, uint32_t ticket)
{
	return to_fake(channel)->transactions[ticket];
}

void channel_flush(struct channel *channel)
{
	to_fake(channel)->flushes++;
}

void channel_pause(struct channel *channel, bool pause)
{
	to_fake(channel)->paused = pause;
}

void channel_broken(struct channel *channel, const char *format, ...)
{
	struct fake_channel *fake = to_fake(channel);
	va_list args;

	va_start(args, format);
	vsnprintf(fake->reason, sizeof(fake->reason), format, args);
	va_end(args);
	fake->broken = true;
}

void channel_let_go(struct channel *channel)
{
	to_fake(channel)->let_go = true;
}

uint32_t channel_gpadl(struct channel *channel, uint32_t gpadl, uint64_t **pfns, uint32_t *offset,
		       uint32_t *length)
{
	struct fake_channel *fake = to_fake(channel);

	for (unsigned int i = 0; i < FAKE_GPADLS; i++) {
		const struct fake_gpadl *known = &fake->gpadls[i];

		if (!gpadl || known->id != gpadl)
			continue;
		*pfns = malloc(known->count * sizeof(**pfns));
		MUST(*pfns, "memory");
		memcpy(*pfns, known->pfns, known->count * sizeof(**pfns));
		*offset = known->offset;
		*length = known->length;
		return known->count;
	}
	return 0;
}

bool channel_offer_subs(struct channel *channel, uint32_t count)
{
	MUST(count > to_fake(channel)->subs, "sub-channels: only more than before");
	to_fake(channel)->subs = count;
	return true;
}

void channel_count(const struct channel *channel, struct channel_counters *counters)
{
	memset(counters, 0, sizeof(*counters));
	counters->signals_in = 3;
	counters->signals_out = to_fake(channel)->flushes;
}

/* ---- what the test calls ---- */

struct fake_channel *fake_channel_new(struct device *device, struct event_base *base,
				      const struct guest *guest, uint32_t sub)
{
	struct fake_channel *fake = calloc(1, sizeof(*fake));

	MUST(fake, "memory");
	fake->sent = calloc(FAKE_SENT_MAX, sizeof(*fake->sent));
	MUST(fake->sent, "memory");
	fake->keep = true;
	fake->channel.device = device;
	fake->channel.base = base;
	fake->channel.guest = guest;
	fake->channel.sub = sub;
	fake->channel.memo = fake->memo;
	return fake;
}

bool fake_open(struct fake_channel *fake, bool resumed)
{
	struct device *device = fake->channel.device;

	fake->channel.resumed = resumed;
	return device->ops->open(device, &fake->channel);
}

void fake_close(struct fake_channel *fake)
{
	struct device *device = fake->channel.device;

	device->ops->close(device, &fake->channel);
	MUST(!fake->channel.held, "held by a card");
	memset(fake->open, 0, sizeof(fake->open));
	fake->open_count = 0;
}

void fake_channel_free(struct fake_channel *fake)
{
	if (!fake)
		return;
	free(fake->sent);
	free(fake);
}

static uint32_t take_ticket(struct fake_channel *fake, uint64_t transaction)
{
	for (uint32_t i = 0; i < CHANNEL_TICKETS; i++) {
		if (fake->open[i])
			continue;
		fake->open[i] = true;
		fake->open_count++;
		fake->transactions[i] = transaction;
		return i;
	}
	return CHANNEL_NO_TICKET;
}

uint32_t fake_packet(struct fake_channel *fake, const struct fake_packet *from)
{
	uint32_t ticket = CHANNEL_NO_TICKET, size = (from->size + 7u) & ~7u;
	/* Of exactly its size, so that ASan sees what is read beyond. */
	uint8_t *payload = calloc(1, size ? size : 1);
	struct packet packet;

	MUST(payload, "memory");
	memcpy(payload, from->payload ? from->payload : "", from->size);
	if (from->answer)
		ticket = take_ticket(fake, from->transaction);
	packet = (struct packet){
		.type = from->type,
		.ticket = ticket,
		.replayed = from->replayed,
		.transaction = from->transaction,
		.payload = payload,
		.size = size,
		.ranges = from->ranges,
		.range_count = from->range_count,
	};
	if (!fake->broken && (!from->answer || ticket != CHANNEL_NO_TICKET))
		fake->channel.ops->packet(&fake->channel, &packet);
	free(payload);
	return ticket;
}

void fake_ready(struct fake_channel *fake)
{
	fake->full = false;
	fake->channel.ops->ready(&fake->channel);
}
