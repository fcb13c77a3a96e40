// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: interrupts for a guest: the table of messages that its interrupt
 * lines stand for (MSHV_SET_MSI_ROUTING), and eventfds that raise them (MSHV_IRQFD).
 *
 * An eventfd that is signalled calls us with its own lock held, in any context: what
 * happens then takes no lock that is ever held around the eventfd's. A work unhooks
 * an eventfd that closes or is taken away.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include <hyperv/hypercall.h>
#include "calls.h"
#include "partition.h"

/* A message, as a PCI device would write it. */
struct route {
	u32 address;
	u32 data;
	bool valid;
};

struct irq_routes {
	struct rcu_head rcu;
	u32 count;
	struct route entries[] __counted_by(count); /* by interrupt line */
};

struct irqfd {
	struct list_head list; /* empty: it is being taken away */
	struct mshv_partition *partition;
	u32 gsi;
	struct eventfd_ctx *eventfd;
	struct eventfd_ctx *resample; /* NULL: none */
	wait_queue_entry_t wait;
	poll_table poll;
	struct work_struct shutdown;
};

/* For shutting down: what waits for it flushes it. */
static struct workqueue_struct *shutdown_queue;

void mullion_partition_irqs_init(struct partition_irqs *irqs)
{
	mutex_init(&irqs->lock);
	spin_lock_init(&irqs->irqfds_lock);
	INIT_LIST_HEAD(&irqs->irqfds);
	INIT_LIST_HEAD(&irqs->doorbells);
}

/* Intel SDM volume 3, 11.11: message address and data. */
static u32 route_vector(const struct route *route)
{
	return route->data & 0xff;
}

static bool route_is_level(const struct route *route)
{
	return route->data & BIT(15);
}

static void raise(struct mshv_partition *partition, const struct route *route)
{
	struct hv_input_assert_virtual_interrupt input = {
		.partition_id = partition->id,
		.control = (route->data >> 8 & 7) |
			   (route_is_level(route) ? HV_INTERRUPT_LEVEL_TRIGGERED : 0) |
			   (route->address & BIT(2) ? HV_INTERRUPT_LOGICAL_DESTINATION : 0),
		.destination = route->address >> 12 & 0xff,
		.vector = route_vector(route),
	};

	mullion_call(HVCALL_ASSERT_VIRTUAL_INTERRUPT, &input, sizeof(input), NULL, 0);
}

/* Under RCU. NULL: the line stands for nothing. */
static const struct route *find_route(struct mshv_partition *partition, u32 gsi)
{
	const struct irq_routes *routes = rcu_dereference(partition->irqs.routes);

	if (!routes || gsi >= routes->count || !routes->entries[gsi].valid)
		return NULL;
	return &routes->entries[gsi];
}

static void raise_line(struct irqfd *irqfd)
{
	const struct route *route;

	rcu_read_lock();
	route = find_route(irqfd->partition, irqfd->gsi);
	if (route)
		raise(irqfd->partition, route);
	rcu_read_unlock();
}

static void shutdown_irqfd(struct work_struct *work)
{
	struct irqfd *irqfd = container_of(work, struct irqfd, shutdown);
	u64 count;

	eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
	synchronize_rcu();
	if (irqfd->resample)
		eventfd_ctx_put(irqfd->resample);
	eventfd_ctx_put(irqfd->eventfd);
	kfree(irqfd);
}

/* The lock of the irqfds is held. */
static void take_away(struct irqfd *irqfd)
{
	list_del_rcu(&irqfd->list);
	irqfd->list.prev = NULL;
	queue_work(shutdown_queue, &irqfd->shutdown);
}

static bool is_taken_away(const struct irqfd *irqfd)
{
	return !irqfd->list.prev;
}

/* The eventfd was signalled, or closes. Its lock is held, interrupts are off. */
static int irqfd_wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	struct partition_irqs *irqs = &irqfd->partition->irqs;
	__poll_t events = key_to_poll(key);
	unsigned long flags;
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->eventfd, &count);
		raise_line(irqfd);
	}
	if (events & EPOLLHUP) {
		spin_lock_irqsave(&irqs->irqfds_lock, flags);
		if (!is_taken_away(irqfd))
			take_away(irqfd);
		spin_unlock_irqrestore(&irqs->irqfds_lock, flags);
	}
	return 0;
}

static void irqfd_queue(struct file *file, wait_queue_head_t *queue, poll_table *poll)
{
	struct irqfd *irqfd = container_of(poll, struct irqfd, poll);

	add_wait_queue_priority(queue, &irqfd->wait);
}

/* A line with a resampling eventfd must be level-triggered; one eventfd is one line. */
static int check_and_list(struct irqfd *irqfd)
{
	struct partition_irqs *irqs = &irqfd->partition->irqs;
	const struct route *route;
	struct irqfd *other;
	int error = 0;

	spin_lock_irq(&irqs->irqfds_lock);
	rcu_read_lock();
	route = find_route(irqfd->partition, irqfd->gsi);
	if (irqfd->resample && !(route && route_is_level(route)))
		error = -EINVAL;
	rcu_read_unlock();
	list_for_each_entry(other, &irqs->irqfds, list) {
		if (other->eventfd == irqfd->eventfd)
			error = -EBUSY;
	}
	if (!error)
		list_add_rcu(&irqfd->list, &irqs->irqfds);
	spin_unlock_irq(&irqs->irqfds_lock);
	return error;
}

static struct irqfd *new_irqfd(struct mshv_partition *partition, const struct mshv_user_irqfd *user,
			       struct file *file)
{
	struct irqfd *irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	int error;

	if (!irqfd)
		return ERR_PTR(-ENOMEM);
	irqfd->partition = partition;
	irqfd->gsi = user->gsi;
	INIT_WORK(&irqfd->shutdown, shutdown_irqfd);
	init_waitqueue_func_entry(&irqfd->wait, irqfd_wakeup);
	init_poll_funcptr(&irqfd->poll, irqfd_queue);
	irqfd->eventfd = eventfd_ctx_fileget(file);
	if (IS_ERR(irqfd->eventfd)) {
		error = PTR_ERR(irqfd->eventfd);
		goto no_eventfd;
	}
	if (user->flags & 1u << MSHV_IRQFD_BIT_RESAMPLE) {
		irqfd->resample = eventfd_ctx_fdget(user->resamplefd);
		if (IS_ERR(irqfd->resample)) {
			error = PTR_ERR(irqfd->resample);
			goto no_resample;
		}
	}
	return irqfd;

no_resample:
	eventfd_ctx_put(irqfd->eventfd);
no_eventfd:
	kfree(irqfd);
	return ERR_PTR(error);
}

static long assign(struct mshv_partition *partition, const struct mshv_user_irqfd *user)
{
	struct file *file = fget(user->fd);
	struct irqfd *irqfd;
	int error;

	if (!file)
		return -EBADF;
	irqfd = new_irqfd(partition, user, file);
	if (IS_ERR(irqfd)) {
		fput(file);
		return PTR_ERR(irqfd);
	}
	error = check_and_list(irqfd);
	if (error) {
		if (irqfd->resample)
			eventfd_ctx_put(irqfd->resample);
		eventfd_ctx_put(irqfd->eventfd);
		kfree(irqfd);
	} else if (vfs_poll(file, &irqfd->poll) & EPOLLIN) {
		/* It was signalled before we listened. */
		raise_line(irqfd);
	}
	fput(file);
	return error;
}

static long deassign(struct mshv_partition *partition, const struct mshv_user_irqfd *user)
{
	struct partition_irqs *irqs = &partition->irqs;
	struct eventfd_ctx *eventfd = eventfd_ctx_fdget(user->fd);
	struct irqfd *irqfd, *next;

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	spin_lock_irq(&irqs->irqfds_lock);
	list_for_each_entry_safe(irqfd, next, &irqs->irqfds, list)
	{
		if (irqfd->eventfd == eventfd && irqfd->gsi == user->gsi)
			take_away(irqfd);
	}
	spin_unlock_irq(&irqs->irqfds_lock);
	eventfd_ctx_put(eventfd);
	/* It raises nothing any more once this call has returned. */
	flush_workqueue(shutdown_queue);
	return 0;
}

long mullion_irqfd(struct mshv_partition *partition, const struct mshv_user_irqfd *user)
{
	long result;

	if (user->flags & ~MSHV_IRQFD_FLAGS_MASK || user->gsi >= MSHV_MAX_GUEST_IRQS)
		return -EINVAL;
	if (mutex_lock_killable(&partition->irqs.lock))
		return -EINTR;
	if (user->flags & 1u << MSHV_IRQFD_BIT_DEASSIGN)
		result = deassign(partition, user);
	else
		result = assign(partition, user);
	mutex_unlock(&partition->irqs.lock);
	return result;
}

bool mullion_irq_acknowledged(struct mshv_partition *partition, u32 vector)
{
	const struct route *route;
	struct irqfd *irqfd;
	bool found = false;

	rcu_read_lock();
	list_for_each_entry_rcu(irqfd, &partition->irqs.irqfds, list)
	{
		route = find_route(partition, irqfd->gsi);
		if (irqfd->resample && route && route_vector(route) == vector) {
			eventfd_signal(irqfd->resample);
			found = true;
		}
	}
	rcu_read_unlock();
	return found;
}

/* NULL stands for a table without entries. */
static struct irq_routes *new_routes(const struct mshv_user_irq_entry *entries, u32 nr)
{
	struct irq_routes *routes;
	u32 i, count = 0;

	for (i = 0; i < nr; i++) {
		if (entries[i].gsi >= MSHV_MAX_GUEST_IRQS || entries[i].address_hi)
			return ERR_PTR(-EINVAL);
		count = max(count, entries[i].gsi + 1);
	}
	if (!count)
		return NULL;
	routes = kvzalloc(struct_size(routes, entries, count), GFP_KERNEL_ACCOUNT);
	if (!routes)
		return ERR_PTR(-ENOMEM);
	routes->count = count;
	for (i = 0; i < nr; i++) {
		struct route *route = &routes->entries[entries[i].gsi];

		if (route->valid) {
			kvfree(routes);
			return ERR_PTR(-EINVAL);
		}
		*route = (struct route){ .address = entries[i].address_lo,
					 .data = entries[i].data,
					 .valid = true };
	}
	return routes;
}

static void swap_routes(struct partition_irqs *irqs, struct irq_routes *routes)
{
	routes = rcu_replace_pointer(irqs->routes, routes, lockdep_is_held(&irqs->lock));
	if (routes)
		kvfree_rcu(routes, rcu);
}

long mullion_msi_routing(struct mshv_partition *partition, struct mshv_user_irq_table __user *user)
{
	struct mshv_user_irq_entry *entries = NULL;
	struct mshv_user_irq_table table;
	struct irq_routes *routes;

	if (copy_from_user(&table, user, sizeof(table)))
		return -EFAULT;
	if (table.nr > MSHV_MAX_GUEST_IRQS || table.rsvd)
		return -EINVAL;
	if (table.nr) {
		entries = vmemdup_user(user->entries, array_size(table.nr, sizeof(*entries)));
		if (IS_ERR(entries))
			return PTR_ERR(entries);
	}
	routes = new_routes(entries, table.nr);
	kvfree(entries);
	if (IS_ERR(routes))
		return PTR_ERR(routes);
	mutex_lock(&partition->irqs.lock);
	swap_routes(&partition->irqs, routes);
	mutex_unlock(&partition->irqs.lock);
	return 0;
}

void mullion_partition_irqs_release(struct mshv_partition *partition)
{
	struct partition_irqs *irqs = &partition->irqs;
	struct irqfd *irqfd, *next;

	spin_lock_irq(&irqs->irqfds_lock);
	list_for_each_entry_safe(irqfd, next, &irqs->irqfds, list) take_away(irqfd);
	spin_unlock_irq(&irqs->irqfds_lock);
	flush_workqueue(shutdown_queue);
	mutex_lock(&irqs->lock);
	swap_routes(irqs, NULL);
	mutex_unlock(&irqs->lock);
}

int mullion_irqs_init(void)
{
	shutdown_queue = alloc_workqueue("mullion_irqfd", 0, 0);
	return shutdown_queue ? 0 : -ENOMEM;
}

void mullion_irqs_exit(void)
{
	destroy_workqueue(shutdown_queue);
}
