/* SPDX-License-Identifier: GPL-2.0-only */
/* Transfers between resources of the renderer's and their pages. */
#include "format.h"
#include "state.h"

/* What the guest can know to be wrong; boxes are the renderer's to check. */
static const char *judge(const struct resource *resource)
{
	if (resource->kind != RESOURCE_DRAWN)
		return "it is not the renderer's";
	return resource->given ? NULL : "it has no pages";
}

void transfer(struct gpu *gpu, struct context *context, const struct message *message)
{
	const struct mullion_gpu_transfer *transfer = message->transfer;
	struct resource *resource = resource_named(gpu, context, message, transfer->resource);
	const char *wrong;

	if (!resource)
		return;
	wrong = judge(resource);
	if (wrong) {
		session_fault(gpu, context, MULLION_GPU_LOST_PROTOCOL, message->header.type,
			      "resource %u: %s", resource->id, wrong);
		return;
	}
	if (gpu->renderer->ops->transfer(
		    gpu->renderer, message->header.type == MULLION_GPU_TRANSFER_TO, transfer)) {
		session_fault(gpu, context, MULLION_GPU_LOST_COMMANDS, message->header.type,
			      "resource %u: a transfer that is refused", resource->id);
		return;
	}
	gpu->statistics.transfers++;
	gpu->statistics.transfer_bytes += (uint64_t)transfer->width * transfer->height *
					  transfer->depth * format_bits(resource->format) / 8;
}
