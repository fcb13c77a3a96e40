/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The GPU of one partition: a device of class MULLION_GPU_CLASS for whoever connects it
 * with the guest, and a renderer that draws what the guest says (mullion/gpu.h).
 *
 * All happens on the event loop's thread. A process that takes up the work of one that
 * ended has nothing of it: the guest is told so and begins anew.
 */
#ifndef VSP_GPU_H
#define VSP_GPU_H

#include <linux/types.h>
#include <mullion/gpu.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vmbus/guid.h>

#include "image.h"

struct device;
struct gpu;
struct renderer;

/* Resources at a time, of both kinds. */
#define GPU_RESOURCES_MAX 65536u
/* What a display may be, pixels each way: as an EDID can say it. */
#define GPU_SIZE_MIN 64u
#define GPU_SIZE_MAX 4095u

struct gpu_config {
	uint64_t memory_max; /* bytes of the renderer's resources */
	uint32_t width, height; /* of the first display */
	/* What is hidden from the guest while its driver of the GPU works. All zeros: nothing. */
	struct vmbus_guid replaces;
};

struct gpu_calls {
	/* The guest's driver of the GPU works now, or does no more. */
	void (*working)(void *context, bool works);
	/* A process before this one had the channel. */
	void (*resumed)(void *context);
	/* One line, also about what was the driver's own fault (id 0). */
	void (*lost)(void *context, uint32_t id, const char *text);
	/* gpu_look() is to be called in GPU_LOOK_MS. */
	void (*look)(void *context);
};

/* renderer: stays the caller's and outlives the GPU; NULL: only PLAIN resources are shown.
 * NULL with errno set. */
struct gpu *gpu_new(const struct gpu_config *config, struct renderer *renderer,
		    const struct gpu_calls *calls, void *context);

/* Its channel is closed already. gpu may be NULL. */
void gpu_free(struct gpu *gpu);

/* To be offered. Lives as long as gpu. */
struct device *gpu_device(struct gpu *gpu);

/* The guest's driver has said HELLO and was welcome. */
bool gpu_works(const struct gpu *gpu);

/* What the guest's screen should be from now on. */
void gpu_set_display(struct gpu *gpu, unsigned int number, bool connected, uint32_t width,
		     uint32_t height);

/* Contexts whose process has ended are lost: to be called once a second or so. */
void gpu_probe(struct gpu *gpu);

/* Looks at what nobody tells of: pages that processes still have. */
#define GPU_LOOK_MS 10
void gpu_look(struct gpu *gpu);

/* How long the renderer has owed the oldest fence, nanoseconds; 0: it owes none. */
uint64_t gpu_oldest_fence(const struct gpu *gpu);
/* The same, but not longer ago than any fence was done: one that is slow goes on. */
uint64_t gpu_without_progress(const struct gpu *gpu);

/* Copies what a display shows, with its cursor. 0, or an errno: ENODATA nothing was shown
 * yet, EOPNOTSUPP pixels of a kind that is not known, ENOMEM, EIO. */
int gpu_picture(struct gpu *gpu, unsigned int display, struct image *image);

struct gpu_display {
	bool connected;
	uint32_t width, height; /* asked for */
	uint32_t shown_width, shown_height; /* 0: nothing is shown */
};
void gpu_display(const struct gpu *gpu, unsigned int number, struct gpu_display *info);

struct gpu_context {
	uint32_t id, capset;
	const char *name;
	const char *lost; /* NULL: it works */
};
/* The one of that number, counted from 0. False: there are not so many. */
bool gpu_context(const struct gpu *gpu, unsigned int number, struct gpu_context *info);

struct gpu_info {
	uint32_t version; /* spoken; 0: the channel is closed, or nothing is spoken */
	const char *driver, *kernel; /* "": not told */
	const char *problem; /* "": none */
};
void gpu_info(const struct gpu *gpu, struct gpu_info *info);

struct gpu_statistics {
	uint64_t messages, submissions, command_bytes, transfers, transfer_bytes;
	uint64_t fences, fence_ns, fence_max_ns;
	uint64_t flushes;
	uint64_t signals_in, signals_out;
	uint64_t memory, memory_max;
	uint64_t contexts, contexts_lost, resources;
};
void gpu_statistics(const struct gpu *gpu, struct gpu_statistics *statistics);

#endif
