/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's large buffers, and the receive buffer's sections.
 *
 * A section is free, or taken (filled here), or busy (the guest has it, and it is taken
 * too). Busy sections are in the memo, so that a next process does not write to what the
 * guest still reads. A run of sections goes to the guest under one transaction, which
 * says which they are: first section, count and the buffer's generation.
 */
#include <stdlib.h>
#include <string.h>

#include "nic.h"

bool nic_buffer_take(struct net *net, struct nic_buffer *buffer, uint32_t gpadl, uint32_t least)
{
	nic_buffer_drop(buffer);
	buffer->pfn_count = channel_gpadl(nic_first(net), gpadl, &buffer->pfns, &buffer->offset,
					  &buffer->length);
	if (!buffer->pfn_count)
		buffer->pfns = NULL;
	if (buffer->pfns && buffer->length >= least && buffer->length <= NIC_BUFFER_MAX &&
	    buffer->offset < VMBUS_PAGE_SIZE &&
	    (uint64_t)buffer->pfn_count * VMBUS_PAGE_SIZE >=
		    (uint64_t)buffer->offset + buffer->length)
		return true;
	nic_buffer_drop(buffer);
	return false;
}

void nic_buffer_drop(struct nic_buffer *buffer)
{
	free(buffer->pfns);
	memset(buffer, 0, sizeof(*buffer));
}

int nic_buffer_iov(struct net *net, const struct nic_buffer *buffer, uint64_t offset, uint32_t size,
		   struct iovec *iov, int max)
{
	struct channel *channel = nic_first(net);
	uint64_t at = offset + buffer->offset;
	uint32_t page = (uint32_t)(at / VMBUS_PAGE_SIZE);

	if (!channel || !buffer->pfns || offset > buffer->length || size > buffer->length - offset)
		return -1;
	if (!size)
		return 0;
	return guest_iov(channel->guest, buffer->pfns + page, buffer->pfn_count - page,
			 (uint32_t)(at % VMBUS_PAGE_SIZE), size, iov, max);
}

static uint32_t count_bits(const uint64_t *bits, uint32_t count)
{
	uint32_t set = 0;

	for (uint32_t i = 0; i < count; i++)
		set += (uint32_t)(bits[i / 64] >> i % 64 & 1);
	return set;
}

static bool bit(const uint64_t *bits, uint32_t at)
{
	return bits[at / 64] >> at % 64 & 1;
}

static void set_bit(uint64_t *bits, uint32_t at, bool on)
{
	uint64_t mask = 1ull << at % 64;

	bits[at / 64] = on ? bits[at / 64] | mask : bits[at / 64] & ~mask;
}

void nic_sections_begin(struct net *net)
{
	memcpy(net->taken, net->memo->busy, sizeof(net->taken));
	net->free_count =
		net->memo->section_count - count_bits(net->taken, net->memo->section_count);
	net->cursor = 0;
}

void nic_sections_end(struct net *net)
{
	for (uint32_t i = 0; i < NET_QUEUES_MAX; i++)
		receive_close(&net->queues[i]);
	rndis_give_up(net);
	nic_buffer_drop(&net->receive_buffer);
	net->memo->section_count = 0;
	net->free_count = 0;
	memset(net->memo->busy, 0, sizeof(net->memo->busy));
	memset(net->taken, 0, sizeof(net->taken));
}

bool nic_section_take(struct net *net, bool spare, uint32_t *section)
{
	uint32_t count = net->memo->section_count, at = net->cursor;
	uint32_t keep = spare || count <= 4 * NIC_SECTIONS_SPARE ? 0 : NIC_SECTIONS_SPARE;

	if (net->free_count <= keep)
		return false;
	/* One is free: the search ends. Words that are full are passed over at once. */
	for (uint32_t steps = 0; steps < 2 * NIC_SECTIONS_MAX; steps++) {
		if (at >= count)
			at = 0;
		if (!(at % 64) && net->taken[at / 64] == UINT64_MAX) {
			at += 64;
			continue;
		}
		if (!bit(net->taken, at)) {
			set_bit(net->taken, at, true);
			net->free_count--;
			net->cursor = at + 1;
			*section = at;
			return true;
		}
		at++;
	}
	return false;
}

bool nic_sections_take(struct net *net, uint32_t count, uint32_t *first)
{
	uint32_t all = net->memo->section_count, at = net->cursor, run = 0;

	if (net->free_count < count + NIC_SECTIONS_SPARE)
		return false;
	for (uint32_t steps = 0; steps < all + count; steps++, at++) {
		if (at >= all)
			at = run = 0;
		run = bit(net->taken, at) ? 0 : run + 1;
		if (run < count)
			continue;
		*first = at + 1 - count;
		for (uint32_t i = *first; i <= at; i++)
			set_bit(net->taken, i, true);
		net->free_count -= count;
		net->cursor = at + 1;
		return true;
	}
	return false;
}

void nic_section_drop(struct net *net, uint32_t section)
{
	if (section >= net->memo->section_count || !bit(net->taken, section))
		return;
	set_bit(net->taken, section, false);
	set_bit(net->memo->busy, section, false);
	net->free_count++;
}

bool nic_section_write(struct net *net, uint32_t section, const void *bytes, uint32_t size)
{
	struct iovec iov[FRAME_MAX / VMBUS_PAGE_SIZE + 3];
	const uint8_t *from = bytes;
	int count;

	if (size > net->memo->section_size)
		return false;
	count = nic_buffer_iov(net, &net->receive_buffer,
			       (uint64_t)section * net->memo->section_size, size, iov,
			       (int)(sizeof(iov) / sizeof(iov[0])));
	for (int i = 0; i < count; i++) {
		memcpy(iov[i].iov_base, from, iov[i].iov_len);
		from += iov[i].iov_len;
	}
	return count > 0;
}

static uint64_t transaction(uint32_t first, uint32_t count, uint16_t generation)
{
	return (uint64_t)generation << 48 | (uint64_t)count << 32 | first;
}

enum channel_send nic_sections_send(struct net *net, struct channel *channel, uint32_t kind,
				    uint32_t first, const uint32_t *sizes, uint32_t count)
{
	uint64_t room[1 + NIC_BATCH]; /* a header, and ranges of the same size */
	struct vmbus_transfer_pages *extra = (struct vmbus_transfer_pages *)room;
	struct nvsp_rndis rndis = { kind, NVSP_NO_SECTION, 0 };
	uint32_t type = NVSP_RNDIS;
	struct iovec parts[2] = { { &type, sizeof(type) }, { &rndis, sizeof(rndis) } };
	enum channel_send sent;

	memset(room, 0, sizeof(room));
	extra->buffer = net->memo->receive_id;
	extra->range_count = count;
	for (uint32_t i = 0; i < count; i++) {
		extra->ranges[i].length = sizes[i];
		extra->ranges[i].offset = (first + i) * net->memo->section_size;
		/* Before the guest can know of it: rather lost than used twice. */
		set_bit(net->memo->busy, first + i, true);
	}
	sent = channel_send(channel, VMBUS_PACKET_TRANSFER_PAGES, VMBUS_PACKET_ANSWER_WANTED,
			    transaction(first, count, net->memo->generation), extra,
			    (1 + count) * sizeof(room[0]), parts, 2);
	for (uint32_t i = 0; sent != CHANNEL_SENT && i < count; i++)
		set_bit(net->memo->busy, first + i, false);
	return sent;
}

void nic_sections_back(struct net *net, uint64_t id)
{
	uint32_t first = (uint32_t)id, count = (uint32_t)(id >> 32) & 0xffff;

	/* The guest may say anything: only what it has can be given back. */
	if (id >> 48 != net->memo->generation || first >= net->memo->section_count ||
	    count > net->memo->section_count - first)
		return;
	for (uint32_t i = first; i < first + count; i++) {
		if (bit(net->memo->busy, i))
			nic_section_drop(net, i);
	}
}
