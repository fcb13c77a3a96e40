// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: who wants to know when something becomes of a partition.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/eventfd.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "watch.h"

struct watch {
	struct list_head list; /* in all_watches */
	struct list_head own; /* in its file's list */
	u64 id; /* 0: every partition */
	struct eventfd_ctx *eventfd;
};

/* A file needs a few; nobody fills memory with them. */
#define WATCHES_MAX 4096
static unsigned int watch_count;

static DEFINE_MUTEX(watch_lock);
static LIST_HEAD(all_watches);

void mullion_watches_init(struct mullion_watches *watches)
{
	INIT_LIST_HEAD(&watches->list);
}

int mullion_watch_add(struct mullion_watches *watches, u64 id, int eventfd)
{
	struct watch *watch = kzalloc(sizeof(*watch), GFP_KERNEL_ACCOUNT);
	int error = 0;

	if (!watch)
		return -ENOMEM;
	watch->id = id;
	watch->eventfd = eventfd_ctx_fdget(eventfd);
	if (IS_ERR(watch->eventfd)) {
		error = PTR_ERR(watch->eventfd);
		kfree(watch);
		return error;
	}
	mutex_lock(&watch_lock);
	if (watch_count < WATCHES_MAX) {
		watch_count++;
		list_add(&watch->list, &all_watches);
		list_add(&watch->own, &watches->list);
	} else {
		error = -EMFILE;
	}
	mutex_unlock(&watch_lock);
	if (error) {
		eventfd_ctx_put(watch->eventfd);
		kfree(watch);
	}
	return error;
}

void mullion_watches_release(struct mullion_watches *watches)
{
	struct watch *watch, *next;

	mutex_lock(&watch_lock);
	list_for_each_entry_safe(watch, next, &watches->list, own)
	{
		list_del(&watch->list);
		eventfd_ctx_put(watch->eventfd);
		kfree(watch);
		watch_count--;
	}
	mutex_unlock(&watch_lock);
}

void mullion_watch_signal(u64 id)
{
	struct watch *watch;

	mutex_lock(&watch_lock);
	list_for_each_entry(watch, &all_watches, list) {
		if (!watch->id || watch->id == id)
			eventfd_signal(watch->eventfd);
	}
	mutex_unlock(&watch_lock);
}
