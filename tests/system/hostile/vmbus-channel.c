/* SPDX-License-Identifier: GPL-2.0-only */
/* Channels and their rings: see vmbus.h. */
#include "vmbus.h"

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);

void channel_find(struct channel *channel)
{
	const struct vmbus_msg_offer *offer = bus_find(channel->class);

	if (offer) {
		channel->relid = offer->relid;
		channel->connection = offer->connection;
	} else {
		die("FAILED: a device is not offered", bus_offer_count);
	}
	if (!channel->rings)
		channel->rings = memory_take(RINGS_PAGES);
	channel->out = (void *)channel->rings;
	channel->out_data = channel->rings + PAGE;
	channel->in = (void *)(channel->out_data + RING_SIZE);
	channel->in_data = (uint8_t *)channel->in + PAGE;
}

uint32_t channel_try_open(struct channel *channel, uint32_t gpadl, uint32_t downstream, uint32_t vp)
{
	struct vmbus_msg_open open = {
		.header = { .type = VMBUS_MSG_OPEN_CHANNEL },
		.relid = channel->relid,
		.open = gpadl,
		.gpadl = gpadl,
		.vp = vp,
		.downstream = downstream,
	};
	struct message message;

	memset(channel->rings, 0, (size_t)RINGS_PAGES * PAGE);
	channel->in->features = VMBUS_RING_PENDING_SEND_SIZE;
	bus_post(&open, sizeof(open));
	bus_expect(&message, VMBUS_MSG_OPEN_RESULT);
	expect("number of the open", message.open_result.open, gpadl);
	return message.open_result.status;
}

void channel_open(struct channel *channel)
{
	uint64_t pfns[RINGS_PAGES];

	memory_pfns(channel->rings, RINGS_PAGES, pfns);
	channel->gpadl = gpadl_id();
	expect("GPADL of the rings", gpadl_make(channel->relid, channel->gpadl, pfns, RINGS_PAGES),
	       VMBUS_STATUS_OK);
	expect("a channel opens", channel_try_open(channel, channel->gpadl, RING_PAGES + 1, 0),
	       VMBUS_STATUS_OK);
}

void channel_close(struct channel *channel)
{
	struct vmbus_msg_relid close = {
		.header = { .type = VMBUS_MSG_CLOSE_CHANNEL },
		.relid = channel->relid,
	};

	bus_post(&close, sizeof(close));
	gpadl_teardown(channel->relid, channel->gpadl);
}

uint64_t channel_signal(const struct channel *channel)
{
	return hypercall(HVCALL_SIGNAL_EVENT | HV_CALL_FAST, channel->connection, 0) & 0xffff;
}

/* ---- To the host ---- */

static uint32_t put(struct channel *channel, uint32_t at, const void *from, uint32_t size)
{
	const uint8_t *bytes = from;

	for (; size; size--) {
		channel->out_data[at] = *bytes++;
		at = (at + 1) % RING_SIZE;
	}
	return at;
}

bool channel_send(struct channel *channel, uint16_t type, uint16_t flags, uint64_t transaction,
		  const void *extra, uint32_t extra_size, const void *payload, uint32_t size)
{
	uint32_t write = channel->out->write_index, padding = -size % 8;
	uint32_t read = __atomic_load_n(&channel->out->read_index, __ATOMIC_ACQUIRE);
	uint32_t bytes = 16 + extra_size + size + padding;
	struct vmbus_packet head = {
		.type = type,
		.header_size = (uint16_t)((16 + extra_size) / 8),
		.size = (uint16_t)(bytes / 8),
		.flags = flags,
		.transaction = transaction,
	};
	static const uint64_t zero;
	uint8_t raw[sizeof(head)];
	uint32_t at;

	expect("read index of the host", read < RING_SIZE && read % 8 == 0, true);
	if (bytes + 8 >= RING_SIZE - (write + RING_SIZE - read) % RING_SIZE)
		return false;
	memcpy(raw, &head, sizeof(raw));
	at = put(channel, write, raw, sizeof(raw));
	at = put(channel, at, extra, extra_size);
	at = put(channel, at, payload, size);
	at = put(channel, at, &zero, padding);
	at = put(channel, at, &zero, 8);
	__atomic_store_n(&channel->out->write_index, at, __ATOMIC_SEQ_CST);
	channel_signal(channel);
	return true;
}

/* ---- From the host ---- */

static void get(const struct channel *channel, uint32_t at, void *to, uint32_t size)
{
	uint8_t *bytes = to;

	for (uint32_t i = 0; i < size; i++)
		bytes[i] = channel->in_data[(at + i) % RING_SIZE];
}

bool channel_take(struct channel *channel, struct packet *packet)
{
	uint32_t write = __atomic_load_n(&channel->in->write_index, __ATOMIC_ACQUIRE);
	uint32_t read = channel->in->read_index, whole, head;

	expect("write index of the host", write < RING_SIZE && write % 8 == 0, true);
	if (write == read)
		return false;
	get(channel, read, &packet->head, sizeof(packet->head));
	head = packet->head.header_size * 8u;
	whole = packet->head.size * 8u;
	expect("sizes of a packet of the host",
	       head >= 16 && whole >= head && whole + 8 <= (write + RING_SIZE - read) % RING_SIZE,
	       true);
	get(channel, read, packet->bytes, whole);
	packet->extra = packet->bytes + 16;
	packet->extra_size = head - 16;
	packet->payload = packet->bytes + head;
	packet->size = whole - head;
	__atomic_store_n(&channel->in->read_index, (read + whole + 8) % RING_SIZE,
			 __ATOMIC_SEQ_CST);
	/* Whether it waits for room is not looked at. */
	if (channel->in->pending_send_size)
		channel_signal(channel);
	return true;
}

bool channel_wait(struct channel *channel, struct packet *packet, uint64_t ms)
{
	uint64_t until = now_ms() + ms;

	while (!channel_take(channel, packet)) {
		if (now_ms() > until)
			return false;
		nap();
	}
	return true;
}

void channel_expect(struct channel *channel, struct packet *packet, uint64_t transaction)
{
	do {
		if (!channel_wait(channel, packet, PATIENCE_MS)) {
			print(channel->name);
			die("FAILED: no answer to a packet", transaction);
		}
	} while (packet->head.type != VMBUS_PACKET_COMPLETION ||
		 packet->head.transaction != transaction);
}
