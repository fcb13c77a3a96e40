/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's end of the GPU channel for tests: memory in a file, the functions of channel.h
 * without rings. What the guest is told is kept in order.
 */
#ifndef GPU_FAKE_H
#define GPU_FAKE_H

#include <linux/types.h>
#include <mullion/gpu.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "channel.h"

#define GPU_GUEST_PAGES 8192u
/* The shared pages; what is behind them is the test's. */
#define GPU_SHARED_PFN 1u
#define GPU_SHARED_PAGES 3u
#define GPU_FREE_PFN 16u
#define GPU_TOLD_MAX 64u
#define GPU_MESSAGE_ROOM 32768u

struct gpu_told {
	uint32_t size;
	_Alignas(8) uint8_t bytes[GPU_MESSAGE_ROOM];
};

struct gpu_guest {
	struct channel channel;
	int file;
	struct guest *guest;
	uint8_t *memory; /* the guest's own mapping */
	uint64_t memo[CHANNEL_MEMO / 8];
	struct gpu_told *told; /* GPU_TOLD_MAX */
	unsigned int told_count;
	unsigned int signals, replaces, refused;
	bool full; /* nothing can be sent */
	bool paused, broken;
	char reason[200]; /* why it is broken */
};

void gpu_guest_new(struct gpu_guest *guest, struct device *device);
void gpu_guest_free(struct gpu_guest *guest);
bool gpu_guest_open(struct gpu_guest *guest, bool resumed);
void gpu_guest_close(struct gpu_guest *guest);

/* A message as it is, in a packet; not taken where the channel is paused or broken. */
void gpu_guest_packet(struct gpu_guest *guest, const void *bytes, size_t size);
/* The turn of packets ends. */
void gpu_guest_turn(struct gpu_guest *guest);

/* A message with its header filled in, and its tail; of size bytes with the header. */
void gpu_guest_say(struct gpu_guest *guest, uint32_t type, uint32_t context, void *message,
		   size_t size);
/* The same with a fence. */
void gpu_guest_ask(struct gpu_guest *guest, uint32_t type, uint32_t context, void *message,
		   size_t size, uint32_t ring, uint64_t fence);
/* With all that is right in it. */
void gpu_guest_hello(struct gpu_guest *guest);

/* The first message of that type that the guest was told and has not seen; NULL: none. It
 * is seen then. */
const void *gpu_guest_told(struct gpu_guest *guest, uint32_t type);

struct mullion_gpu_slot *gpu_guest_slot(struct gpu_guest *guest, uint32_t slot);
void *gpu_guest_page(struct gpu_guest *guest, uint64_t pfn);

#endif
