// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: event flags of a guest's SINTs, set by a call (MULLION_IOC_SIGNAL_EVENT)
 * or by an eventfd's signals (MULLION_IOC_BIND_SIGNAL).
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

#include <hyperv/guest.h>
#include <hyperv/hypercall.h>
#include <mullion/uapi.h>
#include "calls.h"
#include "hook.h"
#include "partition.h"

/* An eventfd whose signals set an event flag. */
struct signal {
	struct mullion_hook hook; /* in its file's */
	struct mshv_partition *partition;
	u32 vp;
	u16 sint, flag; /* these three under the eventfd's lock */
};

/* Any context. */
static u16 set_flag(struct mshv_partition *partition, u32 vp, u32 sint, u32 flag)
{
	struct hv_input_signal_event_direct input = {
		.partition_id = partition->id,
		.vp_index = vp,
		.sint = sint,
		.flag_number = flag,
	};
	struct hv_output_signal_event_direct output;

	return hv_status(mullion_call(HVCALL_SIGNAL_EVENT_DIRECT, &input, sizeof(input), &output,
				      sizeof(output)));
}

static bool is_flag(u32 sint, u32 flag)
{
	return sint < HV_SYNIC_SINT_COUNT && flag < HV_EVENT_FLAGS_COUNT;
}

long mullion_signal_event(struct mshv_partition *partition, const void __user *argument)
{
	struct mullion_signal user;

	if (copy_from_user(&user, argument, sizeof(user)))
		return -EFAULT;
	if (user.reserved || !is_flag(user.sint, user.flag))
		return -EINVAL;
	return mullion_errno(set_flag(partition, user.vp, user.sint, user.flag));
}

/* What a guest does not want to hear is lost. Once the partition has ended hv knows its
 * id no more, and no other partition ever has it. */
static void signal_flag(struct mullion_hook *hook)
{
	struct signal *signal = container_of(hook, struct signal, hook);

	set_flag(signal->partition, signal->vp, signal->sint, signal->flag);
}

static void free_signal(struct mullion_hook *hook)
{
	kfree(container_of(hook, struct signal, hook));
}

static void aim(struct signal *signal, const struct mullion_signal_binding *user)
{
	signal->vp = user->vp;
	signal->sint = user->sint;
	signal->flag = user->flag;
}

/* Nobody else changes the list but eventfds that close, which the caller's does not: he
 * has its file. NULL: it is not bound. */
static struct signal *find_signal(struct mullion_hooks *signals, const struct eventfd_ctx *eventfd)
{
	struct mullion_hook *hook;
	struct signal *found = NULL;

	spin_lock_irq(&signals->lock);
	list_for_each_entry(hook, &signals->list, list) {
		if (hook->eventfd == eventfd)
			found = container_of(hook, struct signal, hook);
	}
	spin_unlock_irq(&signals->lock);
	return found;
}

static int new_signal(struct mshv_partition *partition, struct mullion_hooks *signals,
		      const struct mullion_signal_binding *user, struct file *file)
{
	struct signal *signal = kzalloc(sizeof(*signal), GFP_KERNEL_ACCOUNT);
	int error;

	if (!signal)
		return -ENOMEM;
	signal->hook.signalled = signal_flag;
	signal->hook.free = free_signal;
	signal->partition = partition;
	aim(signal, user);
	error = mullion_hook_add(signals, &signal->hook, file, MULLION_SIGNALS_MAX);
	if (error)
		kfree(signal);
	return error;
}

/* Each signal finds the old aim or the new one, and none the old one from now on. */
static void aim_anew(struct signal *signal, const struct mullion_signal_binding *user)
{
	spin_lock_irq(&signal->hook.queue->lock);
	aim(signal, user);
	spin_unlock_irq(&signal->hook.queue->lock);
}

static int bind_file(struct mshv_partition *partition, struct mullion_hooks *signals,
		     const struct mullion_signal_binding *user, struct file *file)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fileget(file);
	struct signal *signal;
	int error = 0;

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	signal = find_signal(signals, eventfd);
	if (signal)
		aim_anew(signal, user);
	else
		error = new_signal(partition, signals, user, file);
	eventfd_ctx_put(eventfd);
	return error;
}

long mullion_signal_bind(struct mshv_partition *partition, struct mullion_hooks *signals,
			 const void __user *argument)
{
	struct mullion_signal_binding user;
	struct file *file;
	int error;

	if (copy_from_user(&user, argument, sizeof(user)))
		return -EFAULT;
	if (user.reserved || !is_flag(user.sint, user.flag) || user.vp >= MSHV_MAX_VPS ||
	    !smp_load_acquire(&partition->vps[user.vp]))
		return -EINVAL;
	file = fget(user.eventfd);
	if (!file)
		return -EBADF;
	error = bind_file(partition, signals, &user, file);
	fput(file);
	return error;
}

static bool is_of_eventfd(const struct mullion_hook *hook, const void *what)
{
	return hook->eventfd == what;
}

long mullion_signal_unbind(struct mullion_hooks *signals, const void __user *argument)
{
	struct mullion_signal_binding user;
	struct eventfd_ctx *eventfd;
	unsigned int count;

	if (copy_from_user(&user, argument, sizeof(user)))
		return -EFAULT;
	if (user.reserved || user.vp || user.sint || user.flag)
		return -EINVAL;
	eventfd = eventfd_ctx_fdget(user.eventfd);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	count = mullion_hooks_remove(signals, is_of_eventfd, eventfd);
	eventfd_ctx_put(eventfd);
	return count ? 0 : -ENOENT;
}
