/* SPDX-License-Identifier: GPL-2.0-only */
/* See storage-fake.h. */
#include "storage-fake.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned int storage_short, storage_flushes;
bool storage_flush_fails, storage_no_fallocate;

void fake_die(const char *what)
{
	fprintf(stderr, "storage-fake: %s\n", what);
	abort();
}

static struct fake *fake_of(const struct channel *channel)
{
	return (struct fake *)((uintptr_t)channel - offsetof(struct fake, channel));
}

/* ---- Memory ---- */

void *guest_at(const struct guest *guest, uint64_t gpa, uint64_t size)
{
	if (gpa > guest->size || size > guest->size - gpa)
		return NULL;
	return guest->memory + gpa;
}

bool guest_is_pinnable(const struct guest *guest)
{
	(void)guest;
	return true;
}

int guest_iov(const struct guest *guest, const uint64_t *pfns, uint32_t count, uint32_t offset,
	      uint32_t length, struct iovec *iov, int max)
{
	int pieces = 0;

	for (uint32_t i = 0; length; i++) {
		uint32_t now = 4096 - offset < length ? 4096 - offset : length;
		uint8_t *at = NULL;

		if (i < count && pfns[i] < guest->size / 4096)
			at = guest_at(guest, pfns[i] * 4096 + offset, now);
		if (!at)
			return -1;
		if (pieces && (uint8_t *)iov[pieces - 1].iov_base + iov[pieces - 1].iov_len == at) {
			iov[pieces - 1].iov_len += now;
		} else {
			if (pieces == max)
				return -1;
			iov[pieces++] = (struct iovec){ .iov_base = at, .iov_len = now };
		}
		length -= now;
		offset = 0;
	}
	return pieces;
}

/* ---- The channel ---- */

enum channel_send channel_send(struct channel *channel, uint16_t type, uint16_t flags,
			       uint64_t transaction, const void *extra, size_t extra_size,
			       const struct iovec *parts, unsigned int part_count)
{
	struct fake *fake = fake_of(channel);

	if (!fake->is_open)
		fake_die("a packet on a channel that is closed");
	if (type != VMBUS_PACKET_INBAND || flags || transaction || extra || extra_size ||
	    part_count != 1 || parts->iov_len != sizeof(fake->sent))
		fake_die("a packet that no driver expects");
	if (fake->full)
		return CHANNEL_FULL;
	memcpy(&fake->sent, parts->iov_base, sizeof(fake->sent));
	fake->sends++;
	return CHANNEL_SENT;
}

void channel_answer(struct channel *channel, uint32_t ticket, const void *payload, size_t size)
{
	struct fake *fake = fake_of(channel);

	if (!fake->is_open)
		fake_die("an answer on a channel that is closed");
	if (ticket >= FAKE_TICKETS || !fake->outstanding[ticket] || fake->answers[ticket].is)
		fake_die("an answer that nobody waits for");
	if (size > sizeof(struct vstor_packet))
		fake_die("an answer that is larger than its question");
	fake->answers[ticket].is = true;
	fake->answers[ticket].size = (uint32_t)size;
	memset(&fake->answers[ticket].packet, 0, sizeof(fake->answers[ticket].packet));
	memcpy(&fake->answers[ticket].packet, payload, size);
	fake->answered++;
}

void channel_flush(struct channel *channel)
{
	fake_of(channel)->flushes++;
}

void channel_broken(struct channel *channel, const char *format, ...)
{
	char text[200];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fake_of(channel)->broken = true;
}

void channel_let_go(struct channel *channel)
{
	struct fake *fake = fake_of(channel);

	if (fake->is_open || !channel->held || fake->let_go)
		fake_die("let go of what is not held");
	fake->let_go = true;
}

bool channel_offer_subs(struct channel *channel, uint32_t count)
{
	struct fake *fake = fake_of(channel);

	if (fake->no_subs)
		return false;
	fake->subs = count;
	return true;
}

void fake_init(struct fake *fake, uint64_t memory)
{
	memset(fake, 0, sizeof(*fake));
	fake->guest.memory = memory ? calloc(1, memory) : NULL;
	fake->guest.size = memory;
}

void fake_free(struct fake *fake)
{
	free(fake->guest.memory);
	fake->guest.memory = NULL;
}

bool fake_open(struct fake *fake, struct device *device, struct event_base *base, uint32_t sub,
	       bool resumed)
{
	fake->channel = (struct channel){ .device = device,
					  .base = base,
					  .guest = &fake->guest,
					  .sub = sub,
					  .memo = fake->memo,
					  .resumed = resumed };
	if (!resumed)
		memset(fake->memo, 0, sizeof(fake->memo));
	memset(fake->outstanding, 0, sizeof(fake->outstanding));
	memset(fake->answers, 0, sizeof(fake->answers));
	fake->broken = fake->let_go = false;
	fake->is_open = true;
	fake->is_open = device->ops->open(device, &fake->channel);
	return fake->is_open;
}

void fake_close(struct fake *fake, struct device *device)
{
	fake->is_open = false;
	device->ops->close(device, &fake->channel);
}

static void *exact_copy(const void *from, size_t size)
{
	void *to = malloc(size ? size : 1);

	if (!to)
		fake_die("no memory");
	memcpy(to, from, size);
	return to;
}

uint32_t fake_packet(struct fake *fake, const void *payload, uint32_t size,
		     const struct fake_range *ranges, uint32_t range_count, bool replayed)
{
	struct packet_range copies[8] = { 0 };
	struct packet packet = { .type = range_count ? VMBUS_PACKET_GPA_DIRECT :
						       VMBUS_PACKET_INBAND,
				 .replayed = replayed,
				 .transaction = 1,
				 .size = size,
				 .ranges = copies,
				 .range_count = range_count };
	uint32_t ticket = 0;
	void *copy;

	while (ticket < FAKE_TICKETS && fake->outstanding[ticket])
		ticket++;
	if (ticket == FAKE_TICKETS || range_count > 8)
		return FAKE_TICKETS;
	fake->outstanding[ticket] = true;
	fake->answers[ticket].is = false;
	packet.ticket = ticket;
	packet.payload = copy = exact_copy(payload, size);
	for (uint32_t i = 0; i < range_count; i++)
		copies[i] = (struct packet_range){
			.length = ranges[i].length,
			.offset = ranges[i].offset,
			.pfn_count = ranges[i].count,
			.pfns = exact_copy(ranges[i].pfns, ranges[i].count * sizeof(uint64_t)),
		};
	fake->channel.ops->packet(&fake->channel, &packet);
	for (uint32_t i = 0; i < range_count; i++)
		free((void *)(uintptr_t)copies[i].pfns);
	free(copy);
	return ticket;
}

const struct vstor_packet *fake_answer(struct fake *fake, uint32_t ticket)
{
	if (ticket >= FAKE_TICKETS || !fake->answers[ticket].is)
		return NULL;
	fake->outstanding[ticket] = false;
	fake->answers[ticket].is = false;
	return &fake->answers[ticket].packet;
}

/* ---- The disk in memory ---- */

static void ram_do(struct ram *ram, struct backend_io *io)
{
	uint8_t *at = ram->bytes + io->offset;
	int error = ram->errors[io->op];

	if (io->op != BACKEND_FLUSH &&
	    (io->offset > ram->size || io->length > ram->size - io->offset))
		fake_die("an operation behind the disk's end");
	if (error) {
		io->done(io, error);
		return;
	}
	if (io->op == BACKEND_READ || io->op == BACKEND_WRITE) {
		uint64_t left = io->length;

		for (int i = 0; i < io->iov_count; i++) {
			const struct iovec *iov = &io->iov[i];

			if (io->op == BACKEND_READ)
				memcpy(iov->iov_base, at, iov->iov_len);
			else
				memcpy(at, iov->iov_base, iov->iov_len);
			at += iov->iov_len;
			left -= iov->iov_len;
		}
		if (left)
			fake_die("pieces that do not make up the length");
	} else if (io->op != BACKEND_FLUSH) {
		memset(at, 0, io->length);
	}
	io->done(io, 0);
}

static void ram_start(struct backend *backend, struct backend_io *io)
{
	struct ram *ram = (struct ram *)backend;

	ram->ops[io->op]++;
	ram->durable += io->durable;
	if (!ram->wait) {
		ram_do(ram, io);
		return;
	}
	if (ram->waiting_count == sizeof(ram->waiting) / sizeof(ram->waiting[0]))
		fake_die("too many operations");
	ram->waiting[ram->waiting_count++] = io;
}

bool ram_go(struct ram *ram, uint64_t which)
{
	struct backend_io *io;

	if (!ram->waiting_count)
		return false;
	which %= ram->waiting_count;
	io = ram->waiting[which];
	ram->waiting[which] = ram->waiting[--ram->waiting_count];
	ram_do(ram, io);
	return true;
}

static int ram_size(struct backend *backend, uint64_t *bytes)
{
	*bytes = ((struct ram *)backend)->size;
	return 0;
}

static void ram_free(struct backend *backend)
{
	struct ram *ram = (struct ram *)backend;

	if (ram->waiting_count)
		fake_die("freed with operations under way");
	if (ram->freed)
		*ram->freed = true;
	free(ram->bytes);
	free(ram);
}

struct ram *ram_new(uint64_t size)
{
	static const struct backend_ops ops = { .start = ram_start,
						.size = ram_size,
						.free = ram_free };
	struct ram *ram = calloc(1, sizeof(*ram));

	if (!ram)
		fake_die("no memory");
	ram->backend.ops = &ops;
	ram->backend.discard_zeroes = true;
	ram->size = size;
	ram->bytes = calloc(1, size);
	if (!ram->bytes)
		fake_die("no memory");
	return ram;
}
