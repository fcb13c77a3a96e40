// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring to hv-gpu. The kernel maps a ring's data twice, one behind the other, so that
 * a message that goes over the end lies in one piece: it is written in place, by us
 * alone (channel.lock), and becomes visible by the write index. hv-gpu is signalled only
 * when it may sleep: its interrupt mask is 0 and it had read all that was before.
 */
#include <linux/hyperv.h>

#include "driver.h"

/* A packet has its size, and at the end where it began. */
#define PACKET_EXTRA (sizeof(struct vmpacket_descriptor) + sizeof(u64))

static struct hv_ring_buffer *ring_of(struct mgpu *gpu)
{
	return gpu->hdev->channel->outbound.ring_buffer;
}

enum mgpu_channel_state mgpu_state(const struct mgpu *gpu)
{
	return READ_ONCE(gpu->channel.state);
}

bool mgpu_ready(const struct mgpu *gpu)
{
	return mgpu_state(gpu) == MGPU_READY;
}

/* Whoever waits for room looks again. */
void mgpu_set_state(struct mgpu *gpu, enum mgpu_channel_state state)
{
	xchg(&gpu->channel.state, state);
	wake_up_all(&gpu->channel.room);
}

bool mgpu_change_state(struct mgpu *gpu, enum mgpu_channel_state from, enum mgpu_channel_state to)
{
	if (cmpxchg(&gpu->channel.state, from, to) != from)
		return false;
	wake_up_all(&gpu->channel.room);
	return true;
}

static int state_error(const struct mgpu *gpu)
{
	switch (mgpu_state(gpu)) {
	case MGPU_READY:
	case MGPU_GREETING:
		return 0;
	case MGPU_RESETTING:
		return -EIO;
	default:
		return -ENODEV;
	}
}

int mgpu_lock(struct mgpu *gpu, enum mgpu_patience patience)
{
	int error = 0;

	if (patience == MGPU_PATIENT)
		mutex_lock(&gpu->channel.lock);
	else
		error = mutex_lock_interruptible(&gpu->channel.lock);
	if (error)
		return -ERESTARTSYS;
	gpu->channel.patient = patience == MGPU_PATIENT;
	if (mgpu_ready(gpu))
		return 0;
	error = state_error(gpu) ?: -EIO;
	mutex_unlock(&gpu->channel.lock);
	return error;
}

void mgpu_lock_any(struct mgpu *gpu)
{
	mutex_lock(&gpu->channel.lock);
	gpu->channel.patient = true;
}

void mgpu_unlock(struct mgpu *gpu)
{
	mutex_unlock(&gpu->channel.lock);
}

static u32 room(struct mgpu *gpu)
{
	return hv_get_bytes_to_write(&gpu->hdev->channel->outbound);
}

static bool room_or_end(struct mgpu *gpu, u32 bytes)
{
	return room(gpu) > bytes || state_error(gpu) || gpu->hdev->channel->rescind;
}

/*
 * The order is: pending_send_sz is set, then room is looked at; hv-gpu moves its index,
 * then looks at pending_send_sz. A rescinded channel gives no sign: hence short waits.
 */
static int wait_for_room(struct mgpu *gpu, u32 bytes)
{
	struct hv_ring_buffer *ring = ring_of(gpu);
	unsigned long limit = jiffies + MGPU_PATIENCE;
	long left = 0;
	int error = 0;

	gpu->statistics.waits++;
	WRITE_ONCE(ring->pending_send_sz, bytes);
	virt_mb();
	while (!room_or_end(gpu, bytes)) {
		if (gpu->channel.patient)
			left = wait_event_timeout(gpu->channel.room, room_or_end(gpu, bytes),
						  HZ / 10);
		else
			left = wait_event_interruptible_timeout(gpu->channel.room,
								room_or_end(gpu, bytes), HZ / 10);
		if (left < 0)
			error = -ERESTARTSYS;
		else if (gpu->channel.patient && time_after(jiffies, limit))
			error = -ETIMEDOUT;
		if (error)
			break;
	}
	WRITE_ONCE(ring->pending_send_sz, 0);
	if (error)
		return error;
	if (gpu->hdev->channel->rescind)
		return -ENODEV;
	return state_error(gpu);
}

void *mgpu_message(struct mgpu *gpu, u16 type, u32 context, u32 size)
{
	struct mgpu_channel *channel = &gpu->channel;
	u32 whole = round_up(size, 8);
	struct mullion_gpu_header *header;
	int error = state_error(gpu);
	u8 *place;

	lockdep_assert_held(&channel->lock);
	if (!error && room(gpu) <= whole + PACKET_EXTRA)
		error = wait_for_room(gpu, whole + PACKET_EXTRA);
	if (error)
		return ERR_PTR(error);
	channel->size = size;
	place = ring_of(gpu)->buffer + channel->write;
	header = (void *)(place + sizeof(struct vmpacket_descriptor));
	/* What is long is filled by its writer in full. */
	memset(header, 0, min_t(u32, whole, 512));
	memset((u8 *)header + whole - 8, 0, 8);
	header->type = type;
	header->context = context;
	header->size = size;
	return header;
}

static void signal_if_asleep(struct mgpu *gpu, u32 before)
{
	struct hv_ring_buffer *ring = ring_of(gpu);

	virt_mb();
	if (READ_ONCE(ring->interrupt_mask) || READ_ONCE(ring->read_index) != before)
		return;
	gpu->statistics.signals++;
	vmbus_setevent(gpu->hdev->channel);
}

void mgpu_send(struct mgpu *gpu)
{
	struct mgpu_channel *channel = &gpu->channel;
	struct hv_ring_buffer *ring = ring_of(gpu);
	u32 data = gpu->hdev->channel->outbound.ring_datasize;
	u32 whole = round_up(channel->size, 8), before = channel->write;
	u8 *place = ring->buffer + before;
	struct vmpacket_descriptor packet = {
		.type = VM_PKT_DATA_INBAND,
		.offset8 = sizeof(packet) / 8,
		.len8 = (sizeof(packet) + whole) / 8,
	};
	u64 began = (u64)before << 32;

	lockdep_assert_held(&channel->lock);
	memcpy(place, &packet, sizeof(packet));
	memcpy(place + sizeof(packet) + whole, &began, sizeof(began));
	channel->write = (before + whole + (u32)PACKET_EXTRA) % data;
	gpu->statistics.messages++;
	gpu->statistics.bytes += channel->size;
	virt_wmb();
	WRITE_ONCE(ring->write_index, channel->write);
	signal_if_asleep(gpu, before);
}

void mgpu_channel_init(struct mgpu *gpu)
{
	mutex_init(&gpu->channel.lock);
	init_waitqueue_head(&gpu->channel.room);
	gpu->channel.state = MGPU_CLOSED;
}

/* The ring is new. */
void mgpu_channel_opened(struct mgpu *gpu)
{
	gpu->channel.write = ring_of(gpu)->write_index;
}
