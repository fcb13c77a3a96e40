// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of what waits for RING_TAKEN or RING_RETURNED. It is looked at whenever something
 * comes to it, and by a timer while it is not empty: no interrupt is asked for.
 */
#include "driver.h"

#define LOOK_AGAIN (HZ / 20)

static bool is_over(const struct mgpu *gpu, const struct mgpu_dying *dying, bool all)
{
	if (all || dying->generation != READ_ONCE(gpu->generation))
		return true;
	return dying->number != U64_MAX &&
	       mgpu_number_done(&gpu->own->list[dying->ring], dying->number);
}

static void reap(struct mgpu *gpu, bool all)
{
	struct mgpu_reaper *reaper = &gpu->reaper;
	struct mgpu_dying *dying, *next;
	LIST_HEAD(over);
	bool left;

	spin_lock(&reaper->lock);
	list_for_each_entry_safe(dying, next, &reaper->list, link) if (is_over(gpu, dying, all))
		list_move_tail(&dying->link, &over);
	left = !list_empty(&reaper->list);
	spin_unlock(&reaper->lock);
	list_for_each_entry_safe(dying, next, &over, link)
	{
		list_del(&dying->link);
		dying->end(gpu, dying);
	}
	if (left)
		schedule_delayed_work(&reaper->work, LOOK_AGAIN);
}

void mgpu_reap(struct mgpu *gpu)
{
	reap(gpu, false);
}

void mgpu_reap_all(struct mgpu *gpu)
{
	cancel_delayed_work_sync(&gpu->reaper.work);
	reap(gpu, true);
}

static void reap_work(struct work_struct *work)
{
	reap(container_of(to_delayed_work(work), struct mgpu, reaper.work), false);
}

void mgpu_reap_later(struct mgpu *gpu, struct mgpu_dying *dying, u64 number)
{
	dying->number = number;
	dying->generation = READ_ONCE(gpu->generation);
	spin_lock(&gpu->reaper.lock);
	list_add_tail(&dying->link, &gpu->reaper.list);
	spin_unlock(&gpu->reaper.lock);
	schedule_delayed_work(&gpu->reaper.work, LOOK_AGAIN);
}

void mgpu_reaper_init(struct mgpu *gpu)
{
	spin_lock_init(&gpu->reaper.lock);
	INIT_LIST_HEAD(&gpu->reaper.list);
	INIT_DELAYED_WORK(&gpu->reaper.work, reap_work);
}
