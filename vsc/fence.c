// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timelines and their fences.
 *
 * A fence lies in its timeline's list from the message on until it was seen to be done;
 * the list holds no reference, release takes it out. Fences are signalled under
 * shared->lock with a reference that is put behind it: a callback may put the last but
 * one, and release takes that lock.
 *
 * To be woken: `wanted` is stored, (full barrier) `done` is looked at; hv-gpu does it the
 * other way round.
 *
 * A fence holds the module: its operations are called as long as somebody has it. The
 * module is put behind a grace period, and mgpu_fence_module_exit() waits for those.
 */
#include <linux/bitmap.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include <drm/drm_file.h>

#include "driver.h"

static struct kmem_cache *fence_cache;
static const struct dma_fence_ops fence_ops;

static struct mgpu_fence *to_fence(struct dma_fence *fence)
{
	return container_of(fence, struct mgpu_fence, base);
}

/* ---- shared pages ---- */

static void shared_release(struct kref *users)
{
	struct mgpu_shared *shared = container_of(users, struct mgpu_shared, users);

	for (unsigned int i = 0; i < ARRAY_SIZE(shared->pages); i++)
		free_page(shared->pages[i]);
	kfree(shared);
}

struct mgpu_shared *mgpu_shared_new(void)
{
	struct mgpu_shared *shared = kzalloc(sizeof(*shared), GFP_KERNEL);

	BUILD_BUG_ON(sizeof(shared->taken) * 8 != MGPU_SLOTS);
	if (!shared)
		return NULL;
	kref_init(&shared->users);
	spin_lock_init(&shared->lock);
	INIT_LIST_HEAD(&shared->armed);
	for (unsigned int i = 0; i < ARRAY_SIZE(shared->pages); i++) {
		shared->pages[i] = get_zeroed_page(GFP_KERNEL);
		if (!shared->pages[i]) {
			mgpu_shared_put(shared);
			return NULL;
		}
	}
	return shared;
}

void mgpu_shared_put(struct mgpu_shared *shared)
{
	kref_put(&shared->users, shared_release);
}

struct mullion_gpu_shared *mgpu_shared_page(struct mgpu_shared *shared)
{
	return (void *)shared->pages[0];
}

static struct mullion_gpu_slot *slot_of(struct mgpu_shared *shared, unsigned int slot)
{
	struct mullion_gpu_slot *slots =
		(void *)shared->pages[1 + slot / MULLION_GPU_SLOTS_PER_PAGE];

	return &slots[slot % MULLION_GPU_SLOTS_PER_PAGE];
}

/* ---- timelines ---- */

struct mgpu_rings *mgpu_rings_new(struct mgpu_shared *shared, unsigned int count, bool in_order)
{
	struct mgpu_rings *rings;
	unsigned long slot;

	slot = bitmap_find_next_zero_area(shared->taken, MGPU_SLOTS, 0, count, 0);
	if (slot >= MGPU_SLOTS)
		return NULL;
	rings = kzalloc(struct_size(rings, list, count), GFP_KERNEL);
	if (!rings)
		return NULL;
	bitmap_set(shared->taken, slot, count);
	kref_init(&rings->users);
	kref_get(&shared->users);
	rings->shared = shared;
	rings->slot = slot;
	rings->count = count;
	rings->in_order = in_order;
	for (unsigned int i = 0; i < count; i++) {
		struct mgpu_timeline *timeline = &rings->list[i];

		timeline->rings = rings;
		timeline->slot = slot_of(shared, slot + i);
		timeline->ring = i;
		timeline->dma_context = dma_fence_context_alloc(1);
		timeline->last = READ_ONCE(timeline->slot->done);
		WRITE_ONCE(timeline->slot->wanted, 0);
		INIT_LIST_HEAD(&timeline->fences);
		INIT_LIST_HEAD(&timeline->armed);
	}
	return rings;
}

void mgpu_rings_free_slots(struct mgpu_rings *rings)
{
	bitmap_clear(rings->shared->taken, rings->slot, rings->count);
}

static void rings_release(struct kref *users)
{
	struct mgpu_rings *rings = container_of(users, struct mgpu_rings, users);

	mgpu_shared_put(rings->shared);
	kfree(rings);
}

void mgpu_rings_put(struct mgpu_rings *rings)
{
	kref_put(&rings->users, rings_release);
}

static void disarm(struct mgpu_fence *fence)
{
	struct mgpu_timeline *timeline = fence->timeline;

	if (!fence->armed)
		return;
	fence->armed = false;
	if (--timeline->armed_count == 0)
		list_del_init(&timeline->armed);
}

/*
 * Out of its timeline, signalled; to the list `done` with a reference, to be put without
 * the lock. One that is being released already needs nothing more.
 */
static void finish(struct mgpu_fence *fence, int error, struct list_head *done)
{
	disarm(fence);
	list_del_init(&fence->link);
	if (!dma_fence_get_rcu(&fence->base))
		return;
	list_add_tail(&fence->link, done);
	if (error && !test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &fence->base.flags))
		dma_fence_set_error(&fence->base, error);
	dma_fence_signal_locked(&fence->base);
}

static void put_all(struct list_head *done)
{
	struct mgpu_fence *fence, *next;

	list_for_each_entry_safe(fence, next, done, link)
	{
		list_del_init(&fence->link);
		dma_fence_put(&fence->base);
	}
}

static u64 first_armed(const struct mgpu_timeline *timeline)
{
	struct mgpu_fence *fence;

	if (timeline->armed_count)
		list_for_each_entry(fence, &timeline->fences, link)
			if (fence->armed)
				return fence->base.seqno;
	return 0;
}

static void retire(struct mgpu_timeline *timeline, struct list_head *finished)
{
	struct mgpu_fence *fence, *next;
	u64 done, wanted;

	do {
		done = READ_ONCE(timeline->slot->done);
		list_for_each_entry_safe(fence, next, &timeline->fences, link)
		{
			if (fence->base.seqno > done)
				break;
			finish(fence, 0, finished);
		}
		wanted = first_armed(timeline);
		WRITE_ONCE(timeline->slot->wanted, wanted);
		virt_mb();
	} while (wanted && READ_ONCE(timeline->slot->done) >= wanted);
}

void mgpu_retire(struct mgpu_shared *shared)
{
	struct mgpu_timeline *timeline, *next;
	LIST_HEAD(done);
	unsigned long flags;

	spin_lock_irqsave(&shared->lock, flags);
	list_for_each_entry_safe(timeline, next, &shared->armed, armed) retire(timeline, &done);
	spin_unlock_irqrestore(&shared->lock, flags);
	put_all(&done);
}

static void signal_all(struct mgpu_rings *rings, int error, bool lost)
{
	struct mgpu_fence *fence, *next;
	LIST_HEAD(done);
	unsigned long flags;

	spin_lock_irqsave(&rings->shared->lock, flags);
	for (unsigned int i = 0; i < rings->count; i++) {
		rings->list[i].lost |= lost;
		list_for_each_entry_safe(fence, next, &rings->list[i].fences, link)
			finish(fence, error, &done);
	}
	spin_unlock_irqrestore(&rings->shared->lock, flags);
	put_all(&done);
}

void mgpu_rings_lose(struct mgpu_rings *rings, int error)
{
	signal_all(rings, error, true);
}

void mgpu_rings_begin_again(struct mgpu_rings *rings)
{
	for (unsigned int i = 0; i < rings->count; i++)
		WRITE_ONCE(rings->list[i].gone, rings->list[i].last);
	signal_all(rings, -EIO, false);
}

/* ---- fences ---- */

static const char *fence_driver_name(struct dma_fence *fence)
{
	return "mullion_gpu";
}

static const char *fence_timeline_name(struct dma_fence *fence)
{
	return "ring";
}

static bool fence_signaled(struct dma_fence *fence)
{
	return READ_ONCE(to_fence(fence)->timeline->slot->done) >= fence->seqno && fence->seqno;
}

/*
 * False: it is done by now. Its number may then stay in `wanted`, before that of a fence
 * that is armed: hv-gpu signals for it with the next `done`, and retire() puts it right.
 */
static bool arm(struct mgpu_fence *fence)
{
	struct mgpu_timeline *timeline = fence->timeline;
	bool first = timeline->armed_count++ == 0;

	fence->armed = true;
	if (first)
		list_add_tail(&timeline->armed, &timeline->rings->shared->armed);
	/* What the last one has left there says nothing. */
	if (first || READ_ONCE(timeline->slot->wanted) > fence->base.seqno)
		WRITE_ONCE(timeline->slot->wanted, fence->base.seqno);
	virt_mb();
	return READ_ONCE(timeline->slot->done) < fence->base.seqno;
}

/* Under shared->lock. One that no message has yet is armed by mgpu_fence_give(). */
static bool fence_enable_signaling(struct dma_fence *base)
{
	struct mgpu_fence *fence = to_fence(base);

	fence->asked = true;
	if (!fence->given || arm(fence))
		return true;
	disarm(fence);
	return false;
}

static void fence_free(struct rcu_head *rcu)
{
	struct mgpu_fence *fence = to_fence(container_of(rcu, struct dma_fence, rcu));

	mgpu_rings_put(fence->timeline->rings);
	kmem_cache_free(fence_cache, fence);
	module_put(THIS_MODULE);
}

static void fence_release(struct dma_fence *base)
{
	struct mgpu_fence *fence = to_fence(base);
	struct mgpu_shared *shared = fence->timeline->rings->shared;
	unsigned long flags;

	spin_lock_irqsave(&shared->lock, flags);
	if (fence->given) {
		disarm(fence);
		list_del_init(&fence->link);
	}
	spin_unlock_irqrestore(&shared->lock, flags);
	call_rcu(&base->rcu, fence_free);
}

static const struct dma_fence_ops fence_ops = {
	.get_driver_name = fence_driver_name,
	.get_timeline_name = fence_timeline_name,
	.signaled = fence_signaled,
	.enable_signaling = fence_enable_signaling,
	.release = fence_release,
};

struct mgpu_fence *mgpu_fence_new(struct mgpu_timeline *timeline)
{
	struct mgpu_fence *fence = kmem_cache_zalloc(fence_cache, GFP_KERNEL);

	if (!fence)
		return NULL;
	__module_get(THIS_MODULE);
	kref_get(&timeline->rings->users);
	fence->timeline = timeline;
	INIT_LIST_HEAD(&fence->link);
	dma_fence_init(&fence->base, &fence_ops, &timeline->rings->shared->lock,
		       timeline->dma_context, 0);
	return fence;
}

u64 mgpu_number_give(struct mgpu_timeline *timeline, struct mullion_gpu_header *header)
{
	header->flags |= MULLION_GPU_FENCE;
	header->ring = timeline->ring;
	header->fence = ++timeline->last;
	return timeline->last;
}

void mgpu_fence_give(struct mgpu *gpu, struct mgpu_fence *fence, struct mullion_gpu_header *header)
{
	struct mgpu_timeline *timeline = fence->timeline;
	struct mgpu_shared *shared = timeline->rings->shared;
	bool lost, done = false;

	gpu->statistics.fences++;
	spin_lock_irq(&shared->lock);
	fence->base.seqno = mgpu_number_give(timeline, header);
	fence->given = true;
	list_add_tail(&fence->link, &timeline->fences);
	lost = timeline->lost;
	if (fence->asked && !lost)
		done = !arm(fence);
	spin_unlock_irq(&shared->lock);
	if (lost)
		mgpu_rings_lose(timeline->rings, -EIO);
	else if (done)
		mgpu_retire(shared);
}

bool mgpu_number_done(const struct mgpu_timeline *timeline, u64 number)
{
	return number <= READ_ONCE(timeline->gone) || number <= READ_ONCE(timeline->slot->done);
}

bool mgpu_fence_in_order(const struct mgpu_shared *shared, struct dma_fence *fence)
{
	return mgpu_fence_operations(fence) == &fence_ops &&
	       to_fence(fence)->timeline->rings->shared == shared &&
	       to_fence(fence)->timeline->rings->in_order;
}

/* ---- events ---- */

struct fence_event {
	struct drm_pending_event base;
	struct drm_event event;
	struct dma_fence_cb callback;
	struct drm_device *drm;
};

static void send_event(struct dma_fence *fence, struct dma_fence_cb *callback)
{
	struct fence_event *event = container_of(callback, struct fence_event, callback);

	drm_send_event(event->drm, &event->base);
	/* The event's own; whoever signals has another. */
	dma_fence_put(fence);
}

struct fence_event *mgpu_fence_event_new(struct drm_device *drm, struct drm_file *file)
{
	struct fence_event *event = kzalloc(sizeof(*event), GFP_KERNEL);
	int error;

	if (!event)
		return ERR_PTR(-ENOMEM);
	event->drm = drm;
	event->event.type = VIRTGPU_EVENT_FENCE_SIGNALED;
	event->event.length = sizeof(event->event);
	error = drm_event_reserve_init(drm, file, &event->base, &event->event);
	if (error) {
		kfree(event);
		return ERR_PTR(error);
	}
	return event;
}

void mgpu_fence_event_free(struct fence_event *event)
{
	drm_event_cancel_free(event->drm, &event->base);
}

void mgpu_fence_event_at(struct fence_event *event, struct dma_fence *fence)
{
	dma_fence_get(fence);
	if (dma_fence_add_callback(fence, &event->callback, send_event))
		send_event(fence, &event->callback);
}

int mgpu_fence_module_init(void)
{
	fence_cache = KMEM_CACHE(mgpu_fence, 0);
	return fence_cache ? 0 : -ENOMEM;
}

void mgpu_fence_module_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(fence_cache);
}
