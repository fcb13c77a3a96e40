/* SPDX-License-Identifier: GPL-2.0-only */
/* See gpu-fake.h. */
#include "gpu-fake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "gpu-fake: %s\n", what);
	abort();
}

#define MUST(condition, what)       \
	do {                        \
		if (!(condition))   \
			fail(what); \
	} while (0)

static struct gpu_guest *of(const struct channel *channel)
{
	return (struct gpu_guest *)(uintptr_t)channel;
}

/* ---- what the GPU calls ---- */

enum channel_send channel_send(struct channel *channel, uint16_t type, uint16_t flags,
			       uint64_t transaction, const void *extra, size_t extra_size,
			       const struct iovec *parts, unsigned int part_count)
{
	struct gpu_guest *guest = of(channel);
	struct gpu_told *told;

	MUST(type == VMBUS_PACKET_INBAND && !flags && !extra && !extra_size && part_count == 1,
	     "not such a packet as the GPU sends");
	(void)transaction;
	if (guest->broken)
		return CHANNEL_DEAD;
	if (guest->full) {
		guest->refused++;
		return CHANNEL_FULL;
	}
	MUST(parts[0].iov_len <= GPU_MESSAGE_ROOM, "a message that is too long");
	/* What the test does not look at is forgotten. */
	if (guest->told_count == GPU_TOLD_MAX)
		guest->told_count = 0;
	told = &guest->told[guest->told_count++];
	told->size = (uint32_t)parts[0].iov_len;
	memcpy(told->bytes, parts[0].iov_base, told->size);
	return CHANNEL_SENT;
}

void channel_flush(struct channel *channel)
{
	(void)channel;
}

void channel_signal(struct channel *channel)
{
	of(channel)->signals++;
}

void channel_replaces(struct channel *channel, const struct vmbus_guid *instance)
{
	(void)instance;
	of(channel)->replaces++;
}

void channel_pause(struct channel *channel, bool pause)
{
	of(channel)->paused = pause;
}

void channel_end_turn(struct channel *channel)
{
	(void)channel;
}

void channel_broken(struct channel *channel, const char *format, ...)
{
	struct gpu_guest *guest = of(channel);
	va_list arguments;

	guest->broken = true;
	va_start(arguments, format);
	vsnprintf(guest->reason, sizeof(guest->reason), format, arguments);
	va_end(arguments);
}

void channel_count(const struct channel *channel, struct channel_counters *counters)
{
	*counters = (struct channel_counters){ .signals_out = of(channel)->signals };
}

/* ---- the guest ---- */

void gpu_guest_new(struct gpu_guest *guest, struct device *device)
{
	const struct guest_range range = { 0, (uint64_t)GPU_GUEST_PAGES * PAGE };

	*guest = (struct gpu_guest){ 0 };
	guest->file = memfd_create("guest", MFD_CLOEXEC);
	MUST(guest->file >= 0 && !ftruncate(guest->file, (off_t)range.size), "memory");
	guest->guest = guest_new(guest->file, &range, 1);
	guest->memory = mmap(NULL, range.size, PROT_READ | PROT_WRITE, MAP_SHARED, guest->file, 0);
	guest->told = calloc(GPU_TOLD_MAX, sizeof(*guest->told));
	MUST(guest->guest && guest->memory != MAP_FAILED && guest->told, "memory");
	guest->channel =
		(struct channel){ .device = device, .guest = guest->guest, .memo = guest->memo };
}

void gpu_guest_free(struct gpu_guest *guest)
{
	munmap(guest->memory, (size_t)GPU_GUEST_PAGES * PAGE);
	guest_free(guest->guest);
	close(guest->file);
	free(guest->told);
}

bool gpu_guest_open(struct gpu_guest *guest, bool resumed)
{
	guest->channel.resumed = resumed;
	guest->broken = guest->paused = guest->full = false;
	return guest->channel.device->ops->open(guest->channel.device, &guest->channel);
}

void gpu_guest_close(struct gpu_guest *guest)
{
	guest->channel.device->ops->close(guest->channel.device, &guest->channel);
	MUST(!guest->channel.held, "a channel that is held");
	guest->told_count = 0;
}

void gpu_guest_packet(struct gpu_guest *guest, const void *bytes, size_t size)
{
	uint32_t whole = (uint32_t)(size + 7) & ~7u;
	/* Of exactly its size, so that ASan sees what is read beyond. */
	uint8_t *copy = calloc(1, whole ? whole : 1);
	struct packet packet = {
		.type = VMBUS_PACKET_INBAND,
		.ticket = CHANNEL_NO_TICKET,
		.payload = copy,
		.size = whole,
	};

	MUST(copy, "memory");
	memcpy(copy, bytes, size);
	if (!guest->paused && !guest->broken)
		guest->channel.ops->packet(&guest->channel, &packet);
	free(copy);
}

void gpu_guest_turn(struct gpu_guest *guest)
{
	guest->channel.ops->turn(&guest->channel);
}

void gpu_guest_say(struct gpu_guest *guest, uint32_t type, uint32_t context, void *message,
		   size_t size)
{
	struct mullion_gpu_header *header = message;

	header->type = (uint16_t)type;
	header->context = context;
	header->size = (uint32_t)size;
	gpu_guest_packet(guest, message, size);
}

void gpu_guest_ask(struct gpu_guest *guest, uint32_t type, uint32_t context, void *message,
		   size_t size, uint32_t ring, uint64_t fence)
{
	struct mullion_gpu_header *header = message;

	header->flags = MULLION_GPU_FENCE;
	header->ring = (uint8_t)ring;
	header->fence = fence;
	gpu_guest_say(guest, type, context, message, size);
}

void gpu_guest_hello(struct gpu_guest *guest)
{
	struct mullion_gpu_hello hello = {
		.version_min = MULLION_GPU_VERSION,
		.version_max = MULLION_GPU_VERSION,
		.features = MULLION_GPU_FEATURE_3D | MULLION_GPU_FEATURE_SHARE,
		.driver_version = 1,
		.page_count = GPU_SHARED_PAGES,
		.driver = "test",
		.kernel = "none",
	};

	for (uint32_t i = 0; i < GPU_SHARED_PAGES; i++)
		hello.pfns[i] = GPU_SHARED_PFN + i;
	gpu_guest_say(guest, MULLION_GPU_HELLO, 0, &hello, sizeof(hello));
	gpu_guest_turn(guest);
}

const void *gpu_guest_told(struct gpu_guest *guest, uint32_t type)
{
	static struct gpu_told seen;

	for (unsigned int i = 0; i < guest->told_count; i++) {
		struct mullion_gpu_header header;

		memcpy(&header, guest->told[i].bytes, sizeof(header));
		if (header.type != type)
			continue;
		seen = guest->told[i];
		guest->told_count--;
		memmove(&guest->told[i], &guest->told[i + 1],
			(guest->told_count - i) * sizeof(seen));
		return seen.bytes;
	}
	return NULL;
}

void *gpu_guest_page(struct gpu_guest *guest, uint64_t pfn)
{
	return guest->memory + pfn * PAGE;
}

struct mullion_gpu_slot *gpu_guest_slot(struct gpu_guest *guest, uint32_t slot)
{
	struct mullion_gpu_slot *slots = gpu_guest_page(guest, GPU_SHARED_PFN + 1);

	return &slots[slot];
}
