/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fences: 64-bit numbers of timelines, that hv-gpu stores in pages which both sides have.
 *
 * Nothing wakes the driver for a fence that nobody waits for: ->signaled reads `done`, and
 * only ->enable_signaling arms the timeline. A fence of a lost timeline is signalled with
 * -EIO at once.
 */
#ifndef MGPU_FENCE_H
#define MGPU_FENCE_H

#include <linux/dma-fence.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/spinlock.h>

#include <mullion/gpu.h>

struct mgpu;
struct drm_file;
struct drm_device;
struct fence_event;

/* The pages, and the lock of all fences. They live as long as a fence does. */
struct mgpu_shared {
	struct kref users;
	spinlock_t lock;
	struct list_head armed; /* timelines that somebody waits on */
	unsigned long taken[4096 / BITS_PER_LONG]; /* slots; channel.lock */
	unsigned long pages[MULLION_GPU_SHARED_PAGES_MAX];
};

#define MGPU_SLOTS ((MULLION_GPU_SHARED_PAGES_MAX - 1) * MULLION_GPU_SLOTS_PER_PAGE)

struct mgpu_timeline {
	struct mgpu_rings *rings;
	struct mullion_gpu_slot *slot;
	u8 ring;
	u64 dma_context;
	u64 last; /* the last number that was given; channel.lock */
	u64 gone; /* up to this they count as done: hv-gpu has forgotten them */
	/* shared->lock: */
	bool lost;
	struct list_head fences; /* not yet seen to be done, in order */
	unsigned int armed_count;
	struct list_head armed;
};

/* The timelines of one context, in slots one behind the other. */
struct mgpu_rings {
	struct kref users;
	struct mgpu_shared *shared;
	unsigned int slot, count;
	bool in_order; /* what is drawn is in the order of the channel, whichever context's */
	struct mgpu_timeline list[];
};

struct mgpu_fence {
	struct dma_fence base;
	struct mgpu_timeline *timeline; /* it holds its rings */
	struct list_head link;
	bool asked; /* somebody wants to be woken */
	bool given; /* a message has it */
	bool armed; /* it counts in armed_count */
};

struct mgpu_shared *mgpu_shared_new(void);
void mgpu_shared_put(struct mgpu_shared *shared);
struct mullion_gpu_shared *mgpu_shared_page(struct mgpu_shared *shared);

/* channel.lock: slots are looked for and given back. */
struct mgpu_rings *mgpu_rings_new(struct mgpu_shared *shared, unsigned int count, bool in_order);
void mgpu_rings_free_slots(struct mgpu_rings *rings);
void mgpu_rings_put(struct mgpu_rings *rings);
/* All that is under way is signalled with the error (0: none), and so is what follows. */
void mgpu_rings_lose(struct mgpu_rings *rings, int error);
/* hv-gpu has forgotten all numbers up to now; channel.lock. Of context 0 only. */
void mgpu_rings_begin_again(struct mgpu_rings *rings);

/* Its number is given when the message is written, under channel.lock. */
struct mgpu_fence *mgpu_fence_new(struct mgpu_timeline *timeline);
void mgpu_fence_give(struct mgpu *gpu, struct mgpu_fence *fence, struct mullion_gpu_header *header);
/* The next number, with no fence: whoever is interested looks. channel.lock. */
u64 mgpu_number_give(struct mgpu_timeline *timeline, struct mullion_gpu_header *header);
bool mgpu_number_done(const struct mgpu_timeline *timeline, u64 number);
/* hv-gpu does what belongs to the fence before whatever is sent from now on. */
bool mgpu_fence_in_order(const struct mgpu_shared *shared, struct dma_fence *fence);
/* An event for the file: an ERR_PTR, or to be freed or given to a fence that a message has,
 * when that is done. */
struct fence_event *mgpu_fence_event_new(struct drm_device *drm, struct drm_file *file);
void mgpu_fence_event_free(struct fence_event *event);
void mgpu_fence_event_at(struct fence_event *event, struct dma_fence *fence);

/* What has been done since: from the channel's callback. */
void mgpu_retire(struct mgpu_shared *shared);

int mgpu_fence_module_init(void);
void mgpu_fence_module_exit(void);

#endif
