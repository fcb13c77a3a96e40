// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: interrupts for a guest: the table of messages that its interrupt
 * lines stand for (MSHV_SET_MSI_ROUTING), and eventfds that raise them (MSHV_IRQFD).
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <hyperv/hypercall.h>
#include "calls.h"
#include "hook.h"
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
	struct mullion_hook hook; /* in the partition's, which are read under RCU */
	struct mshv_partition *partition;
	u32 gsi;
	struct eventfd_ctx *resample; /* NULL: none */
};

void mullion_partition_irqs_init(struct partition_irqs *irqs)
{
	mutex_init(&irqs->lock);
	mullion_hooks_init(&irqs->irqfds);
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

static void raise_line(struct mullion_hook *hook)
{
	struct irqfd *irqfd = container_of(hook, struct irqfd, hook);
	const struct route *route;

	rcu_read_lock();
	route = find_route(irqfd->partition, irqfd->gsi);
	if (route)
		raise(irqfd->partition, route);
	rcu_read_unlock();
}

static void release_irqfd(struct irqfd *irqfd)
{
	if (irqfd->resample)
		eventfd_ctx_put(irqfd->resample);
	kfree(irqfd);
}

/* Who acknowledges an interrupt may still look at it. */
static void free_irqfd(struct mullion_hook *hook)
{
	synchronize_rcu();
	release_irqfd(container_of(hook, struct irqfd, hook));
}

static struct irqfd *new_irqfd(struct mshv_partition *partition, const struct mshv_user_irqfd *user)
{
	struct irqfd *irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	int error;

	if (!irqfd)
		return ERR_PTR(-ENOMEM);
	irqfd->hook.signalled = raise_line;
	irqfd->hook.free = free_irqfd;
	irqfd->partition = partition;
	irqfd->gsi = user->gsi;
	if (user->flags & 1u << MSHV_IRQFD_BIT_RESAMPLE) {
		irqfd->resample = eventfd_ctx_fdget(user->resamplefd);
		if (IS_ERR(irqfd->resample)) {
			error = PTR_ERR(irqfd->resample);
			kfree(irqfd);
			return ERR_PTR(error);
		}
	}
	return irqfd;
}

/* A line with a resampling eventfd must be level-triggered. */
static bool may_resample(const struct irqfd *irqfd)
{
	const struct route *route;
	bool may;

	rcu_read_lock();
	route = find_route(irqfd->partition, irqfd->gsi);
	may = route && route_is_level(route);
	rcu_read_unlock();
	return may;
}

static long assign(struct mshv_partition *partition, const struct mshv_user_irqfd *user)
{
	struct file *file = fget(user->fd);
	struct irqfd *irqfd;
	int error;

	if (!file)
		return -EBADF;
	irqfd = new_irqfd(partition, user);
	if (IS_ERR(irqfd)) {
		fput(file);
		return PTR_ERR(irqfd);
	}
	if (irqfd->resample && !may_resample(irqfd))
		error = -EINVAL;
	else /* one eventfd is one line */
		error = mullion_hook_add(&partition->irqs.irqfds, &irqfd->hook, file, UINT_MAX);
	if (error)
		release_irqfd(irqfd);
	fput(file);
	return error;
}

static bool is_of_line(const struct mullion_hook *hook, const void *what)
{
	const struct irqfd *irqfd = container_of(hook, struct irqfd, hook), *wanted = what;

	return hook->eventfd == wanted->hook.eventfd && irqfd->gsi == wanted->gsi;
}

/* It raises nothing any more once this call has returned. */
static long deassign(struct mshv_partition *partition, const struct mshv_user_irqfd *user)
{
	struct irqfd wanted = { .gsi = user->gsi };

	wanted.hook.eventfd = eventfd_ctx_fdget(user->fd);
	if (IS_ERR(wanted.hook.eventfd))
		return PTR_ERR(wanted.hook.eventfd);
	mullion_hooks_remove(&partition->irqs.irqfds, is_of_line, &wanted);
	eventfd_ctx_put(wanted.hook.eventfd);
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
	list_for_each_entry_rcu(irqfd, &partition->irqs.irqfds.list, hook.list)
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

	mullion_hooks_remove(&irqs->irqfds, NULL, NULL);
	mutex_lock(&irqs->lock);
	swap_routes(irqs, NULL);
	mutex_unlock(&irqs->lock);
}
