/* SPDX-License-Identifier: GPL-2.0-only */
/* The card: its channels, and when frames are wanted. See nic.h. */
#include "net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nic.h"

struct channel *nic_first(struct net *net)
{
	return net->queues[0].channel;
}

uint32_t nic_channels(const struct net *net)
{
	return net->config.queues;
}

uint32_t nic_frame_size(const struct net *net)
{
	return net->memo->frame_size;
}

/* ---- when frames are wanted ---- */

/* A frame might not go on: any channel may get the next one, and the ring of one is full. */
static bool is_blocked(struct net *net)
{
	for (uint32_t i = 0; i < nic_channels(net); i++) {
		if (net->queues[i].channel && net->queues[i].blocked)
			return true;
	}
	return !nic_first(net);
}

static bool wants_frames(struct net *net)
{
	const struct nic_memo *memo = net->memo;

	return nic_first(net) && net->link && memo->rndis && memo->section_count && memo->filter;
}

void nic_update(struct net *net)
{
	const struct net_backend_ops *ops = net->backend->ops;
	bool running = wants_frames(net);
	bool begins = running && !net->running, on = running && !is_blocked(net);

	net->running = running;
	if (ops->large && net->large != receive_takes_large(net)) {
		net->large = !net->large;
		ops->large(net->backend, net->large);
	}
	for (unsigned int i = 0; i < net->backend->queues; i++) {
		struct nic_queue *queue = &net->queues[i];

		if (begins && ops->discard)
			ops->discard(net->backend, i);
		if (on != queue->receiving)
			ops->receive(net->backend, i, on);
		queue->receiving = on;
	}
}

void nic_blocked(struct nic_queue *queue)
{
	queue->blocked = true;
	nic_update(queue->net);
}

void nic_pump(struct net *net)
{
	if (net->table_due && nic_first(net) && nvsp_send_table(net))
		net->table_due = false;
	rndis_pump(net);
}

/* ---- what was agreed on ---- */

static void forget(struct net *net)
{
	nic_sections_end(net);
	nic_buffer_drop(&net->send_buffer);
	net->table_due = false;
}

void nic_reset(struct net *net)
{
	uint16_t generation = net->memo->generation;
	uint32_t subs = net->memo->subs;

	forget(net);
	memset(net->memo, 0, sizeof(*net->memo));
	net->memo->magic = NIC_MEMO_MAGIC;
	net->memo->generation = generation;
	net->memo->subs = subs; /* they stay as long as the first channel does */
	net->memo->frame_size =
		FRAME_HEADER +
		(net->config.mtu < NET_MTU_DEFAULT ? net->config.mtu : NET_MTU_DEFAULT);
	net->memo->offloads = oid_offloads(net) & NIC_OFFLOADS;
	memcpy(net->memo->mac, net->config.mac, sizeof(net->memo->mac));
}

/* Whether a memo can be of this card. It comes from a process like this one, but may be
 * of another build. */
static bool memo_is_sound(const struct net *net, const struct nic_memo *memo)
{
	if (memo->magic != NIC_MEMO_MAGIC || memo->section_count > NIC_SECTIONS_MAX ||
	    memo->frame_size < FRAME_HEADER || memo->frame_size > net->config.mtu + FRAME_HEADER)
		return false;
	if (memo->section_count &&
	    (memo->section_size < NIC_FRAME_OFFSET + memo->frame_size ||
	     (uint64_t)memo->section_size * memo->section_count > NIC_BUFFER_MAX))
		return false;
	for (uint32_t i = 0; i < NDIS_RSS_TABLE_MAX; i++) {
		if (memo->table[i] >= nic_channels(net))
			return false;
	}
	return !(memo->offloads & ~oid_offloads(net));
}

/* The guest goes on as if nothing had happened. */
static bool resume(struct net *net)
{
	struct nic_memo *memo = net->memo;

	if (memo->section_count && !nic_buffer_take(net, &net->receive_buffer, memo->receive_gpadl,
						    memo->section_size * memo->section_count))
		return false;
	if (memo->has_send && !nic_buffer_take(net, &net->send_buffer, memo->send_gpadl, 1))
		return false;
	nic_sections_begin(net);
	net->table_due = memo->subs != 0;
	/* What waits for the guest was sent while it wanted frames. */
	net->running = wants_frames(net);
	return true;
}

static bool open_first(struct net *net, struct channel *channel)
{
	net->memo = channel->memo;
	if (!channel->resumed || !memo_is_sound(net, net->memo)) {
		bool lost = channel->resumed && net->memo->magic;

		/* Zeros are what a channel begins with: then there is nothing to resume. */
		memset(net->memo, 0, sizeof(*net->memo));
		nic_reset(net);
		return !lost;
	}
	if (resume(net))
		return true;
	nic_reset(net);
	return false;
}

/* ---- channels ---- */

static void on_packet(struct channel *channel, const struct packet *packet)
{
	struct nic_queue *queue = channel->context;

	nvsp_packet(queue, packet);
	nic_pump(queue->net);
}

static void on_ready(struct channel *channel)
{
	struct nic_queue *queue = channel->context;

	queue->blocked = false;
	receive_flush(queue);
	nic_pump(queue->net);
	nic_update(queue->net);
}

static const struct channel_ops channel_ops = { .packet = on_packet, .ready = on_ready };

static bool on_open(struct device *device, struct channel *channel)
{
	struct net *net = device->context;
	struct nic_queue *queue;

	if (channel->sub >= nic_channels(net))
		return false;
	queue = &net->queues[channel->sub];
	if (queue->channel)
		return false;
	queue->channel = channel;
	queue->blocked = false;
	channel->ops = &channel_ops;
	channel->context = queue;
	if (!channel->sub && !open_first(net, channel)) {
		queue->channel = NULL;
		net->memo = &net->idle;
		return false;
	}
	net->open++;
	net->table_due |= channel->sub != 0;
	nic_pump(net);
	nic_update(net);
	return true;
}

static void on_close(struct device *device, struct channel *channel)
{
	struct net *net = device->context;
	struct nic_queue *queue = channel->context;
	struct channel_counters counters;

	channel_count(channel, &counters);
	net->statistics.signals_in += counters.signals_in;
	net->statistics.signals_out += counters.signals_out;
	transmit_close(queue);
	receive_close(queue);
	net->open--;
	if (channel->sub) {
		queue->channel = NULL;
		net->table_due = true;
		nic_pump(net);
	} else {
		/* The memo stays as it is: the next process may have to go on with it. */
		net->memo = &net->idle;
		queue->channel = NULL;
		net->memo->subs = 0;
		nic_reset(net);
	}
	nic_update(net);
}

static const struct device_ops device_ops = { on_open, on_close };

/* ---- from outside ---- */

static bool config_is_valid(const struct net_config *config)
{
	return config->mtu >= NET_MTU_MIN && config->mtu <= NET_MTU_MAX && config->queues &&
	       config->queues <= NET_QUEUES_MAX && !(config->mac[0] & 1);
}

struct net *net_new(const struct net_config *config, struct net_backend *backend)
{
	struct net *net = calloc(1, sizeof(*net));

	if (!net) {
		net_backend_free(backend);
		errno = ENOMEM;
		return NULL;
	}
	net->config = *config;
	net->config.mtu = config->mtu ? config->mtu : NET_MTU_DEFAULT;
	net->config.queues = config->queues ? config->queues : backend->queues;
	net->config.speed = config->speed ? config->speed : 10000000000u;
	if (!config_is_valid(&net->config) || backend->queues > NET_QUEUES_MAX) {
		free(net);
		net_backend_free(backend);
		errno = EINVAL;
		return NULL;
	}
	net->device = (struct device){ .ops = &device_ops, .context = net };
	net->backend = backend;
	net->link = true;
	net->memo = &net->idle;
	for (uint32_t i = 0; i < NET_QUEUES_MAX; i++) {
		net->queues[i].net = net;
		net->queues[i].index = i;
		net->queues[i].held_end = &net->queues[i].held;
	}
	nic_reset(net);
	backend->net = net;
	return net;
}

void net_free(struct net *net)
{
	if (!net)
		return;
	net_backend_free(net->backend);
	for (uint32_t i = 0; i < NET_QUEUES_MAX; i++)
		transmit_close(&net->queues[i]);
	forget(net);
	free(net);
}

struct device *net_device(struct net *net)
{
	return &net->device;
}

void net_link(struct net *net, bool up)
{
	net->link = up;
	nic_pump(net);
	nic_update(net);
	if (nic_first(net))
		channel_flush(nic_first(net));
}

void net_statistics(const struct net *net, struct net_statistics *statistics)
{
	*statistics = net->statistics;
	for (uint32_t i = 0; i < NET_QUEUES_MAX; i++) {
		struct channel_counters counters;

		if (!net->queues[i].channel)
			continue;
		channel_count(net->queues[i].channel, &counters);
		statistics->signals_in += counters.signals_in;
		statistics->signals_out += counters.signals_out;
	}
}

void net_state(const struct net *net, struct net_state *state)
{
	memset(state, 0, sizeof(*state));
	state->version = net->memo->version;
	state->channels = net->open;
	state->mtu = net->memo->frame_size - FRAME_HEADER;
	memcpy(state->mac, net->memo->mac, sizeof(state->mac));
	state->link = net->link;
	state->receiving = net->running;
}

void net_backend_free(struct net_backend *backend)
{
	if (backend)
		backend->ops->free(backend);
}
