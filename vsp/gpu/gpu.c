/* SPDX-License-Identifier: GPL-2.0-only */
/* The device: made, opened, closed, counted. */
#include "gpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

static void on_packet(struct channel *channel, const struct packet *packet)
{
	session_packet(channel->context, packet);
}

static void on_ready(struct channel *channel)
{
	session_ready(channel->context);
}

static void on_turn(struct channel *channel)
{
	session_turn(channel->context);
}

static const struct channel_ops channel_ops = {
	.packet = on_packet,
	.ready = on_ready,
	.turn = on_turn,
};

static bool on_open(struct device *device, struct channel *channel)
{
	struct gpu *gpu = device->context;

	if (channel->sub || gpu->channel)
		return false;
	channel->ops = &channel_ops;
	channel->context = gpu;
	session_begin(gpu, channel);
	return true;
}

static void on_close(struct device *device, struct channel *channel)
{
	struct gpu *gpu = device->context;
	struct channel_counters counters;

	channel_count(channel, &counters);
	gpu->statistics.signals_in += counters.signals_in;
	gpu->statistics.signals_out += counters.signals_out;
	session_end(gpu);
}

static const struct device_ops device_ops = { .open = on_open, .close = on_close };

struct gpu *gpu_new(const struct gpu_config *config, struct renderer *renderer,
		    const struct gpu_calls *calls, void *context)
{
	struct gpu *gpu = calloc(1, sizeof(*gpu));

	if (!gpu)
		return NULL;
	gpu->device = (struct device){
		.ops = &device_ops,
		.context = gpu,
		.packet_max = CHANNEL_PACKET_GPU,
	};
	gpu->config = *config;
	gpu->renderer = renderer;
	gpu->calls = calls;
	gpu->context = context;
	gpu->unsent_end = &gpu->unsent;
	gpu->orphans_end = &gpu->orphans;
	gpu->leaving_end = &gpu->leaving;
	gpu->displays[0].connected = true;
	gpu->displays[0].width = config->width;
	gpu->displays[0].height = config->height;
	if (renderer) {
		gpu->capset_count = renderer->ops->capsets(renderer, gpu->capsets);
		renderer->listener = (struct renderer_listener){ fence_done, gpu };
	}
	return gpu;
}

void gpu_free(struct gpu *gpu)
{
	if (!gpu)
		return;
	if (gpu->renderer)
		gpu->renderer->listener = (struct renderer_listener){ 0 };
	fence_forget(gpu);
	share_forget(gpu);
	free(gpu);
}

void gpu_look(struct gpu *gpu)
{
	share_look(gpu);
	fence_signal(gpu);
}

struct device *gpu_device(struct gpu *gpu)
{
	return &gpu->device;
}

bool gpu_works(const struct gpu *gpu)
{
	return gpu->state == SESSION_WORKING;
}

void gpu_info(const struct gpu *gpu, struct gpu_info *info)
{
	*info = (struct gpu_info){
		.version = gpu->state == SESSION_WORKING ? MULLION_GPU_VERSION : 0,
		.driver = gpu->driver,
		.kernel = gpu->kernel,
		.problem = gpu->problem,
	};
}

void gpu_statistics(const struct gpu *gpu, struct gpu_statistics *statistics)
{
	struct channel_counters counters = { 0 };

	*statistics = gpu->statistics;
	if (gpu->channel)
		channel_count(gpu->channel, &counters);
	statistics->signals_in += counters.signals_in;
	statistics->signals_out += counters.signals_out;
	statistics->memory = gpu->memory;
	statistics->memory_max = gpu->config.memory_max;
	statistics->contexts = gpu->context_count;
	statistics->resources = gpu->resource_count;
}
