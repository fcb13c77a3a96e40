/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mullion_root: eventfds whose signals call this module back.
 *
 * Whoever hooks them keeps them in a list of his own, one hook for each eventfd. A
 * hook ends when it is taken away, or by itself when the eventfd's last file closes.
 */
#ifndef MULLION_HOOK_H
#define MULLION_HOOK_H

#include <linux/list.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct eventfd_ctx;
struct file;

struct mullion_hooks {
	spinlock_t lock; /* count, list; taken inside of an eventfd's lock too */
	unsigned int count;
	struct list_head list; /* of struct mullion_hook; may be read under RCU */
};

struct mullion_hook {
	/* Set by the owner. The eventfd's lock is held and interrupts are off: takes no
	 * lock that is ever held around an eventfd's. Called once for one or several
	 * signals, now and then for none. */
	void (*signalled)(struct mullion_hook *hook);
	/* Set by the owner. Nobody calls or will call signalled: frees the hook. Readers
	 * under RCU are for the owner to wait for. Process context. */
	void (*free)(struct mullion_hook *hook);

	struct list_head list; /* prev is NULL: it is being taken away */
	struct mullion_hooks *hooks;
	struct eventfd_ctx *eventfd;
	wait_queue_head_t *queue; /* the eventfd's */
	wait_queue_entry_t wait;
	poll_table poll;
	struct work_struct end;
};

void mullion_hooks_init(struct mullion_hooks *hooks);

/*
 * Hooks the eventfd that file is; a signal that it holds already is told at once. At
 * most max hooks are in the list. -EINVAL: it is no eventfd; -EBUSY: it is hooked
 * here; -ENOSPC. The hook is the caller's to free then. One caller for each list at
 * a time, process context.
 */
int mullion_hook_add(struct mullion_hooks *hooks, struct mullion_hook *hook, struct file *file,
		     unsigned int max);

/* Takes away those that wanted says, or all if it is NULL. When it returns their free
 * has been called. Returns how many there were. Process context. */
unsigned int mullion_hooks_remove(struct mullion_hooks *hooks,
				  bool (*wanted)(const struct mullion_hook *hook, const void *what),
				  const void *what);

int mullion_hooks_setup(void);
void mullion_hooks_exit(void);

#endif
