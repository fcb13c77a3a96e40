// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: eventfds whose signals call this module back.
 *
 * An eventfd that is signalled calls us with its own lock held, in any context. Who
 * wants a hook gone, and an eventfd that closes, only takes it out of its list: a work
 * unhooks it, since the eventfd's lock must not be held then.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/eventfd.h>
#include <linux/rculist.h>

#include "hook.h"

/* For unhooking: what waits for it flushes it. */
static struct workqueue_struct *end_queue;

void mullion_hooks_init(struct mullion_hooks *hooks)
{
	spin_lock_init(&hooks->lock);
	hooks->count = 0;
	INIT_LIST_HEAD(&hooks->list);
}

static void end_hook(struct work_struct *work)
{
	struct mullion_hook *hook = container_of(work, struct mullion_hook, end);
	struct eventfd_ctx *eventfd = hook->eventfd;
	u64 count;

	eventfd_ctx_remove_wait_queue(eventfd, &hook->wait, &count);
	hook->free(hook);
	eventfd_ctx_put(eventfd);
}

/* The lock of the hooks is held. */
static void take_away(struct mullion_hook *hook)
{
	list_del_rcu(&hook->list);
	hook->list.prev = NULL;
	hook->hooks->count--;
	queue_work(end_queue, &hook->end);
}

static bool is_taken_away(const struct mullion_hook *hook)
{
	return !hook->list.prev;
}

/* The eventfd was signalled, or closes. Its lock is held, interrupts are off. */
static int hook_wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct mullion_hook *hook = container_of(wait, struct mullion_hook, wait);
	__poll_t events = key_to_poll(key);
	unsigned long flags;
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(hook->eventfd, &count);
		hook->signalled(hook);
	}
	if (events & EPOLLHUP) {
		spin_lock_irqsave(&hook->hooks->lock, flags);
		if (!is_taken_away(hook))
			take_away(hook);
		spin_unlock_irqrestore(&hook->hooks->lock, flags);
	}
	return 0;
}

static void hook_queue(struct file *file, wait_queue_head_t *queue, poll_table *poll)
{
	struct mullion_hook *hook = container_of(poll, struct mullion_hook, poll);

	hook->queue = queue;
	add_wait_queue_priority(queue, &hook->wait);
}

static int enter(struct mullion_hooks *hooks, struct mullion_hook *hook, unsigned int max)
{
	struct mullion_hook *other;
	int error = 0;

	spin_lock_irq(&hooks->lock);
	if (hooks->count >= max)
		error = -ENOSPC;
	list_for_each_entry(other, &hooks->list, list) {
		if (other->eventfd == hook->eventfd)
			error = -EBUSY;
	}
	if (!error) {
		hooks->count++;
		list_add_rcu(&hook->list, &hooks->list);
	}
	spin_unlock_irq(&hooks->lock);
	return error;
}

/* It was signalled before we listened. */
static void take_earlier(struct mullion_hook *hook)
{
	u64 count;

	spin_lock_irq(&hook->queue->lock);
	eventfd_ctx_do_read(hook->eventfd, &count);
	hook->signalled(hook);
	spin_unlock_irq(&hook->queue->lock);
}

int mullion_hook_add(struct mullion_hooks *hooks, struct mullion_hook *hook, struct file *file,
		     unsigned int max)
{
	int error;

	hook->hooks = hooks;
	INIT_WORK(&hook->end, end_hook);
	init_waitqueue_func_entry(&hook->wait, hook_wakeup);
	init_poll_funcptr(&hook->poll, hook_queue);
	hook->eventfd = eventfd_ctx_fileget(file);
	if (IS_ERR(hook->eventfd))
		return PTR_ERR(hook->eventfd);
	error = enter(hooks, hook, max);
	if (error) {
		eventfd_ctx_put(hook->eventfd);
		return error;
	}
	/* The caller holds the file: it does not close meanwhile. */
	if (vfs_poll(file, &hook->poll) & EPOLLIN)
		take_earlier(hook);
	return 0;
}

unsigned int mullion_hooks_remove(struct mullion_hooks *hooks,
				  bool (*wanted)(const struct mullion_hook *hook, const void *what),
				  const void *what)
{
	struct mullion_hook *hook, *next;
	unsigned int count = 0;

	spin_lock_irq(&hooks->lock);
	list_for_each_entry_safe(hook, next, &hooks->list, list)
	{
		if (!wanted || wanted(hook, what)) {
			take_away(hook);
			count++;
		}
	}
	spin_unlock_irq(&hooks->lock);
	/* Those whose eventfd has closed too. */
	flush_workqueue(end_queue);
	return count;
}

int mullion_hooks_setup(void)
{
	end_queue = alloc_workqueue("mullion_hook", 0, 0);
	return end_queue ? 0 : -ENOMEM;
}

void mullion_hooks_exit(void)
{
	destroy_workqueue(end_queue);
}
