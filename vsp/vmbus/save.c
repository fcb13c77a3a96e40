/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A server's state as bytes, for the process that follows: a header, then channels, then
 * GPADLs, each with its page numbers. It is read by the program that has written it or a
 * later one on the same machine, so numbers are the machine's own.
 *
 * What is read is not believed: sizes are looked at first, a sum finds what was changed by
 * accident, and check.c whether such a state can be.
 */
#include <stdlib.h>
#include <string.h>

#include "state.h"

#define MAGIC 0x7375626d762d766dull
/* Of the layout. */
#define IMAGE_VERSION 1u

struct image_header {
	uint64_t magic;
	uint64_t sum; /* of all that follows */
	uint64_t size; /* of all */
	uint32_t image_version;
	uint32_t vps;
	uint32_t state;
	uint32_t version;
	uint32_t vp;
	uint32_t offers_sent;
	uint32_t last_relid;
	uint32_t reason;
	uint32_t contact_version;
	uint32_t channels;
	uint32_t gpadls;
	uint32_t reserved;
};

/* flags of a channel */
#define IS_RESCINDED 0x01u
#define IS_RELEASED 0x02u
#define IS_REOPEN 0x04u
#define IS_MODIFYING 0x08u
#define IS_MODIFY_AGAIN 0x10u
#define IS_ALL 0x1fu

struct image_channel {
	uint32_t slot;
	uint32_t flags; /* IS_* */
	uint32_t sub;
	uint32_t subs;
	uint32_t relid;
	uint32_t flag;
	uint32_t host;
	uint32_t vp_before;
	uint32_t vp_again;
	struct vmbus_device device;
	struct open_request open;
	struct open_request next;
};

struct image_gpadl {
	uint32_t id;
	uint32_t channel;
	uint32_t state;
	uint32_t offset;
	uint32_t length;
	uint32_t filled; /* page numbers that follow */
};

_Static_assert(sizeof(struct image_header) == 72, "no holes");
_Static_assert(sizeof(struct vmbus_device) == 160, "no holes");
_Static_assert(sizeof(struct open_request) == 136, "no holes");
_Static_assert(sizeof(struct image_channel) == 36 + 160 + 2 * 136, "no holes");
_Static_assert(sizeof(struct image_gpadl) == 24, "no holes");

/* FNV-1a, 64 bits: any change of one byte changes it. */
static uint64_t sum_of(const uint8_t *bytes, size_t size)
{
	uint64_t sum = 0xcbf29ce484222325u;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ bytes[i]) * 0x100000001b3u;
	return sum;
}

#define SUM_FROM (offsetof(struct image_header, sum) + sizeof(uint64_t))

/* ---- save ---- */

static void put(uint8_t **to, const void *from, size_t size)
{
	memcpy(*to, from, size);
	*to += size;
}

static size_t image_size(const struct vmbus_server *server)
{
	size_t size = sizeof(struct image_header) +
		      server->counters.channels * sizeof(struct image_channel);

	for (uint32_t i = 0; i < server->gpadls.count; i++)
		size += sizeof(struct image_gpadl) +
			server->gpadls.list[i]->filled * sizeof(uint64_t);
	return size;
}

static void put_channel(uint8_t **to, const struct vmbus_channel *channel, uint32_t slot)
{
	struct image_channel image = {
		.slot = slot,
		.flags = (channel->rescinded ? IS_RESCINDED : 0) |
			 (channel->released ? IS_RELEASED : 0) | (channel->reopen ? IS_REOPEN : 0) |
			 (channel->modifying ? IS_MODIFYING : 0) |
			 (channel->modify_again ? IS_MODIFY_AGAIN : 0),
		.sub = channel->sub,
		.subs = channel->subs,
		.relid = channel->relid,
		.flag = channel->flag,
		.host = channel->host,
		.vp_before = channel->vp_before,
		.vp_again = channel->vp_again,
		.device = channel->device,
		.open = channel->open,
		.next = channel->next,
	};

	put(to, &image, sizeof(image));
}

static void put_gpadl(uint8_t **to, const struct gpadl *gpadl)
{
	struct image_gpadl image = {
		.id = gpadl->id,
		.channel = gpadl->channel,
		.state = gpadl->state,
		.offset = gpadl->offset,
		.length = gpadl->length,
		.filled = gpadl->filled,
	};

	put(to, &image, sizeof(image));
	put(to, gpadl->pfns, gpadl->filled * sizeof(gpadl->pfns[0]));
}

size_t vmbus_server_save(const struct vmbus_server *server, void *buffer, size_t size)
{
	struct image_header header = {
		.magic = MAGIC,
		.size = image_size(server),
		.image_version = IMAGE_VERSION,
		.vps = server->vps,
		.state = server->state,
		.version = server->version,
		.vp = server->vp,
		.offers_sent = server->offers_sent,
		.last_relid = server->last_relid,
		.reason = server->reason,
		.contact_version = server->contact_version,
		.channels = server->counters.channels,
		.gpadls = server->gpadls.count,
	};
	uint8_t *to = buffer, *begin = buffer;

	if (size < header.size)
		return header.size;
	put(&to, &header, sizeof(header));
	for (uint32_t i = 0; i < VMBUS_CHANNELS_MAX; i++)
		if (server->channels[i].used)
			put_channel(&to, &server->channels[i], i);
	for (uint32_t i = 0; i < server->gpadls.count; i++)
		put_gpadl(&to, server->gpadls.list[i]);
	header.sum = sum_of(begin + SUM_FROM, header.size - SUM_FROM);
	memcpy(begin, &header, sizeof(header));
	return header.size;
}

/* ---- load ---- */

struct source {
	const uint8_t *bytes;
	size_t left;
};

static const void *get(struct source *from, size_t size)
{
	const void *bytes = from->bytes;

	if (size > from->left)
		return NULL;
	from->bytes += size;
	from->left -= size;
	return bytes;
}

static bool get_struct(struct source *from, void *to, size_t size)
{
	const void *bytes = get(from, size);

	if (bytes)
		memcpy(to, bytes, size);
	return bytes;
}

static bool get_header(struct vmbus_server *server, struct source *from,
		       struct image_header *header)
{
	size_t size = from->left;
	const uint8_t *begin = from->bytes;

	if (!get_struct(from, header, sizeof(*header)) || header->magic != MAGIC ||
	    header->image_version != IMAGE_VERSION || header->size != size ||
	    header->sum != sum_of(begin + SUM_FROM, size - SUM_FROM) ||
	    header->vps != server->vps || header->offers_sent > 1 || header->reserved)
		return false;
	server->state = header->state;
	server->version = header->version;
	server->vp = header->vp;
	server->offers_sent = header->offers_sent;
	server->last_relid = header->last_relid;
	server->reason = header->reason;
	server->contact_version = header->contact_version;
	return true;
}

static bool get_channel(struct vmbus_server *server, struct source *from)
{
	struct image_channel image;
	struct vmbus_channel *channel;

	if (!get_struct(from, &image, sizeof(image)) || image.slot >= VMBUS_CHANNELS_MAX ||
	    image.flags & ~IS_ALL || server->channels[image.slot].used)
		return false;
	channel = &server->channels[image.slot];
	*channel = (struct vmbus_channel){
		.used = true,
		.rescinded = image.flags & IS_RESCINDED,
		.released = image.flags & IS_RELEASED,
		.sub = image.sub,
		.device = image.device,
		.subs = image.subs,
		.relid = image.relid,
		.flag = image.flag,
		.host = image.host,
		.open = image.open,
		.reopen = image.flags & IS_REOPEN,
		.next = image.next,
		.modifying = image.flags & IS_MODIFYING,
		.vp_before = image.vp_before,
		.modify_again = image.flags & IS_MODIFY_AGAIN,
		.vp_again = image.vp_again,
	};
	server->counters.channels++;
	return true;
}

static bool get_gpadl(struct vmbus_server *server, struct source *from)
{
	struct image_gpadl image;
	const void *pfns;
	struct gpadl *gpadl;

	if (!get_struct(from, &image, sizeof(image)))
		return false;
	pfns = get(from, image.filled * sizeof(uint64_t));
	if (!pfns || image.channel >= VMBUS_CHANNELS_MAX)
		return false;
	gpadl = vmbus_gpadl_add(&server->gpadls, image.id, image.channel, image.offset,
				image.length);
	if (!gpadl || !vmbus_gpadl_fill(gpadl, pfns, image.filled * sizeof(uint64_t)))
		return false;
	if (gpadl->state == GPADL_LIVE && image.state == GPADL_RELEASING)
		gpadl->state = GPADL_RELEASING;
	return gpadl->state == image.state;
}

static bool get_server(struct vmbus_server *server, struct source *from)
{
	struct image_header header;

	if (!get_header(server, from, &header) || header.channels > VMBUS_CHANNELS_MAX ||
	    header.gpadls > VMBUS_GPADLS_MAX)
		return false;
	for (uint32_t i = 0; i < header.channels; i++)
		if (!get_channel(server, from))
			return false;
	for (uint32_t i = 0; i < header.gpadls; i++)
		if (!get_gpadl(server, from))
			return false;
	return !from->left && vmbus_server_valid(server);
}

struct vmbus_server *vmbus_server_load(const void *image, size_t size, uint32_t vps)
{
	struct vmbus_server *server = vmbus_server_new(vps);
	struct source from = { .bytes = image, .left = size };

	if (server && !get_server(server, &from)) {
		vmbus_server_free(server);
		server = NULL;
	}
	return server;
}
