// SPDX-License-Identifier: GPL-2.0-only
/*
 * What hv-gpu sends, in the channel's callback (a tasklet): it is copied out of the ring
 * by the kernel, checked here, and kept for others to act upon. A signal without a message
 * says that a number was passed which somebody waits for.
 */
#include "context.h"
#include "driver.h"

static void welcome(struct mgpu *gpu, const struct mullion_gpu_welcome *message)
{
	if (mgpu_state(gpu) != MGPU_GREETING || completion_done(&gpu->welcomed))
		return;
	gpu->welcome = *message;
	complete(&gpu->welcomed);
}

static void reset(struct mgpu *gpu)
{
	if (!mgpu_change_state(gpu, MGPU_READY, MGPU_RESETTING) &&
	    !mgpu_change_state(gpu, MGPU_GREETING, MGPU_RESETTING))
		return;
	gpu->statistics.resets++;
	mgpu_lose_all(gpu);
	complete_all(&gpu->welcomed);
	schedule_work(&gpu->reset_work);
}

static const char *reason_of(u32 reason)
{
	static const char *const names[] = {
		[MULLION_GPU_LOST_PROTOCOL] = "a wrong message",
		[MULLION_GPU_LOST_COMMANDS] = "wrong commands",
		[MULLION_GPU_LOST_MEMORY] = "too much memory",
		[MULLION_GPU_LOST_TIMEOUT] = "it took too long",
		[MULLION_GPU_LOST_RENDERER] = "its renderer has ended",
	};

	return reason < ARRAY_SIZE(names) && names[reason] ? names[reason] : "unknown";
}

static void lost(struct mgpu *gpu, const struct mullion_gpu_lost *message)
{
	u32 context = message->header.context;

	if (context)
		mgpu_context_lost(gpu, context);
	if (printk_ratelimit())
		dev_notice(&gpu->pdev->dev, "context %u is lost: %s (message %u): %.*s\n", context,
			   reason_of(message->reason), message->type,
			   (int)sizeof(message->text) - 1, message->text);
}

#define IS(structure) (size == sizeof(struct structure))

static void take(struct mgpu *gpu, const struct mullion_gpu_header *header, u32 size)
{
	switch (header->type) {
	case MULLION_GPU_WELCOME:
		if (IS(mullion_gpu_welcome))
			welcome(gpu, (const void *)header);
		break;
	case MULLION_GPU_CAPSET:
		if (size >= sizeof(struct mullion_gpu_capset))
			mgpu_capset_answer(gpu, (const void *)header, size);
		break;
	case MULLION_GPU_DISPLAY:
		if (IS(mullion_gpu_display))
			mgpu_display_told(gpu, (const void *)header);
		break;
	case MULLION_GPU_CONTEXT_LOST:
		if (IS(mullion_gpu_lost))
			lost(gpu, (const void *)header);
		break;
	case MULLION_GPU_RESET:
		reset(gpu);
		break;
	default:
		break;
	}
}

void mgpu_receive(void *context)
{
	struct mgpu *gpu = context;
	const struct vmpacket_descriptor *packet;

	gpu->statistics.wakes++;
	foreach_vmbus_pkt(packet, gpu->hdev->channel)
	{
		const struct mullion_gpu_header *header = hv_pkt_data(packet);
		u32 size = hv_pkt_datalen(packet);

		if (packet->type == VM_PKT_DATA_INBAND && size >= sizeof(*header) &&
		    header->size >= sizeof(*header) && header->size <= size)
			take(gpu, header, header->size);
	}
	mgpu_retire(gpu->shared);
	wake_up(&gpu->channel.room);
}
