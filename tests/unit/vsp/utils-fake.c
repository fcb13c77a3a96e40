/* SPDX-License-Identifier: GPL-2.0-only */
/* A channel without rings: see utils-fake.h. */
#include "utils-fake.h"

#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition)                                                                         \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

static struct fake *fake_of(struct channel *channel)
{
	return (struct fake *)channel;
}

/* ---- What channel.h has, for the provider ---- */

enum channel_send channel_send(struct channel *channel, uint16_t type, uint16_t flags,
			       uint64_t transaction, const void *extra, size_t extra_size,
			       const struct iovec *parts, unsigned int part_count)
{
	struct fake *fake = fake_of(channel);
	struct fake_packet *packet;
	size_t size = 0;

	(void)extra;
	MUST(fake->open && !extra_size);
	if (fake->broken)
		return CHANNEL_DEAD;
	for (unsigned int i = 0; i < part_count; i++)
		size += parts[i].iov_len;
	if (size > FAKE_PACKET)
		return CHANNEL_DEAD;
	if (!fake->room || fake->count == FAKE_PACKETS) {
		fake->wants_room = true;
		return CHANNEL_FULL;
	}
	fake->room--;
	packet = &fake->packets[(fake->first + fake->count++) % FAKE_PACKETS];
	memset(packet, 0, sizeof(*packet));
	packet->type = type;
	packet->flags = flags;
	packet->transaction = transaction;
	for (unsigned int i = 0; i < part_count; i++) {
		memcpy(packet->bytes + packet->size, parts[i].iov_base, parts[i].iov_len);
		packet->size += (uint32_t)parts[i].iov_len;
	}
	packet->size = (packet->size + 7) & ~7u;
	return CHANNEL_SENT;
}

void channel_answer(struct channel *channel, uint32_t ticket, const void *payload, size_t size)
{
	struct fake *fake = fake_of(channel);

	(void)payload;
	MUST(fake->open && size <= CHANNEL_ANSWER_MAX);
	MUST(ticket < FAKE_TICKETS && fake->tickets[ticket]);
	fake->tickets[ticket] = false;
	fake->answers++;
}

void channel_flush(struct channel *channel)
{
	MUST(fake_of(channel)->open);
	fake_of(channel)->flushes++;
}

void channel_broken(struct channel *channel, const char *format, ...)
{
	struct fake *fake = fake_of(channel);
	va_list args;

	MUST(fake->open && !fake->broken);
	fake->broken = true;
	va_start(args, format);
	vsnprintf(fake->why, sizeof(fake->why), format, args);
	va_end(args);
}

/* ---- What the guest does ---- */

bool fake_open(struct fake *fake, struct event_base *base, struct device *device, bool resumed)
{
	MUST(!fake->open);
	if (!fake->packets)
		fake->packets = calloc(FAKE_PACKETS, sizeof(*fake->packets));
	MUST(fake->packets);
	if (!resumed)
		memset(fake->memo, 0, sizeof(fake->memo));
	memset(&fake->channel, 0, sizeof(fake->channel));
	fake->channel.device = device;
	fake->channel.base = base;
	fake->channel.memo = fake->memo;
	fake->channel.resumed = resumed;
	fake->room = FAKE_PACKETS;
	fake->broken = fake->wants_room = false;
	fake->why[0] = '\0';
	fake->first = fake->count = 0;
	memset(fake->tickets, 0, sizeof(fake->tickets));
	fake->answers = fake->flushes = 0;
	if (!device->ops->open(device, &fake->channel))
		return false;
	fake->open = true;
	MUST(fake->channel.ops && fake->channel.ops->packet && !fake->count);
	return true;
}

void fake_close(struct fake *fake)
{
	if (!fake->open)
		return;
	fake->open = false;
	fake->channel.device->ops->close(fake->channel.device, &fake->channel);
	MUST(!fake->channel.held);
}

void fake_end(struct fake *fake)
{
	fake_close(fake);
	free(fake->packets);
	fake->packets = NULL;
}

void fake_put_type(struct fake *fake, uint16_t type, const void *payload, size_t size, bool ticket)
{
	struct packet packet = { .type = type, .ticket = CHANNEL_NO_TICKET, .transaction = 1 };
	uint64_t *copy;

	if (!fake->open || fake->broken)
		return;
	packet.size = (uint32_t)((size + 7) & ~(size_t)7);
	/* Of the size that it has, for the sanitizer. */
	copy = calloc(packet.size ? packet.size / sizeof(*copy) : 1, sizeof(*copy));
	MUST(copy);
	if (size)
		memcpy(copy, payload, size);
	packet.payload = (const uint8_t *)copy;
	for (uint32_t i = 0; ticket && i < FAKE_TICKETS; i++) {
		if (fake->tickets[i])
			continue;
		fake->tickets[i] = true;
		packet.ticket = i;
		break;
	}
	fake->channel.ops->packet(&fake->channel, &packet);
	free(copy);
}

void fake_put(struct fake *fake, const void *payload, size_t size)
{
	fake_put_type(fake, VMBUS_PACKET_INBAND, payload, size, false);
}

const struct fake_packet *fake_take(struct fake *fake)
{
	const struct fake_packet *packet = &fake->packets[fake->first];

	if (!fake->count)
		return NULL;
	fake->first = (fake->first + 1) % FAKE_PACKETS;
	fake->count--;
	return packet;
}

void fake_room(struct fake *fake, unsigned int packets)
{
	fake->room = packets;
	if (!fake->wants_room || !packets || !fake->open || fake->broken)
		return;
	fake->wants_room = false;
	fake->channel.ops->ready(&fake->channel);
}

void fake_run(struct event_base *base, unsigned int milliseconds)
{
	struct timeval time = {
		.tv_sec = milliseconds / 1000,
		.tv_usec = (suseconds_t)(milliseconds % 1000) * 1000,
	};

	event_base_loopexit(base, &time);
	event_base_dispatch(base);
}

const struct fake_packet *fake_wait(struct fake *fake, unsigned int milliseconds)
{
	for (unsigned int i = 0; !fake->count && i < milliseconds; i++)
		fake_run(fake->channel.base, 1);
	return fake_take(fake);
}
