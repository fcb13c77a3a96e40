// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: hv's events.
 *
 * hv shares a page of flags with each CPU and raises a vector there when it has set
 * one. The vector comes from Linux's own allocator: an interrupt for each CPU, of a
 * domain on top of the vector domain, without a device or a message. Linux manages
 * their affinity: with its CPU such an interrupt goes and comes back. On a CPU
 * whose page hv does not have it runs no child.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitops.h>
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/xarray.h>
#include <asm/hw_irq.h>
#include <asm/irqdomain.h>
#include <asm/msr.h>

#include <hyperv/status.h>
#include "calls.h"
#include "events.h"
#include "mullion_root.h"

struct cpu_events {
	struct mullion_cpu_events *page;
	unsigned int irq; /* 0: none */
	int hv_cpu;
};

static DEFINE_PER_CPU(struct cpu_events, cpu_events) = { .hv_cpu = -1 };
static struct irq_domain *domain;
static struct fwnode_handle *domain_node;
static enum cpuhp_state online_state;

/* By number; entries are looked up under RCU. */
static DEFINE_XARRAY_ALLOC(events);

int mullion_event_add(struct mullion_event *event)
{
	return xa_alloc(&events, &event->number, event, XA_LIMIT(0, MULLION_EVENTS_MAX - 1),
			GFP_KERNEL);
}

void mullion_event_remove(struct mullion_event *event)
{
	xa_erase(&events, event->number);
	synchronize_rcu();
}

int mullion_hv_cpu(unsigned int cpu)
{
	return cpu < nr_cpu_ids && cpu_possible(cpu) ? per_cpu(cpu_events, cpu).hv_cpu : -1;
}

/* A flag may outlive the event that had its number. */
static void signal_event(unsigned long number)
{
	struct mullion_event *event;

	rcu_read_lock();
	event = xa_load(&events, number);
	if (event)
		event->signal(event);
	rcu_read_unlock();
}

/* Takes all flags that are set. What is set behind our back raises the vector again. */
static void take_events(struct mullion_cpu_events *page)
{
	unsigned long words, flags;
	unsigned int i, word, bit;

	for (i = 0; i < ARRAY_SIZE(page->summary); i++) {
		if (!READ_ONCE(page->summary[i]))
			continue;
		words = xchg(&page->summary[i], 0);
		for_each_set_bit(word, &words, BITS_PER_LONG)
		{
			if (i * BITS_PER_LONG + word >= MULLION_EVENT_WORDS)
				break;
			flags = xchg(&page->flags[i * BITS_PER_LONG + word], 0);
			for_each_set_bit(bit, &flags, BITS_PER_LONG)
				signal_event((i * BITS_PER_LONG + word) * BITS_PER_LONG + bit);
		}
	}
}

static irqreturn_t events_interrupt(int irq, void *data)
{
	struct mullion_cpu_events *page = this_cpu_read(cpu_events.page);

	take_events(page);
	if (rdtsc() >= READ_ONCE(page->deadline))
		mullion_hypercall(MULLION_CALL_TICK, 0, 0);
	return IRQ_HANDLED;
}

/* On the CPU itself. Its interrupt was started, so it has a vector. */
static int events_online(unsigned int cpu)
{
	struct cpu_events *here = this_cpu_ptr(&cpu_events);
	struct irq_cfg *config = irqd_cfg(irq_get_irq_data(here->irq));
	u64 result;
	u16 status;

	if (!config || !config->vector) {
		pr_err("no vector on CPU %u: no child runs there\n", cpu);
		return 0;
	}
	result = mullion_hypercall_result(MULLION_CALL_GET_CPU, 0, 0);
	if (hv_status(result) == HV_STATUS_SUCCESS)
		here->hv_cpu = result >> 32;
	memset(here->page, 0, sizeof(*here->page));
	here->page->deadline = ~0ull;
	status = mullion_hypercall(MULLION_CALL_SET_EVENTS, virt_to_phys(here->page),
				   config->vector);
	if (status != HV_STATUS_SUCCESS)
		pr_err("hv does not take CPU %u's events, status 0x%x\n", cpu, status);
	return 0;
}

/* What was set before hv let go of the page is still taken. */
static int events_offline(unsigned int cpu)
{
	unsigned long flags;

	mullion_hypercall(MULLION_CALL_SET_EVENTS, 0, 0);
	local_irq_save(flags);
	take_events(this_cpu_read(cpu_events.page));
	local_irq_restore(flags);
	return 0;
}

static struct irq_chip events_chip = {
	.name = "mullion",
	.irq_ack = irq_chip_ack_parent,
	.irq_set_affinity = irq_chip_set_affinity_parent,
	.flags = IRQCHIP_SKIP_SET_WAKE,
};

static int domain_alloc(struct irq_domain *d, unsigned int irq, unsigned int count, void *info)
{
	unsigned int i;
	int error = irq_domain_alloc_irqs_parent(d, irq, count, info);

	if (error)
		return error;
	for (i = irq; i < irq + count; i++)
		irq_domain_set_info(d, i, i, &events_chip, NULL, handle_edge_irq, NULL, "edge");
	return 0;
}

static const struct irq_domain_ops domain_ops = {
	.alloc = domain_alloc,
	.free = irq_domain_free_irqs_common,
};

static int init_cpu(unsigned int cpu)
{
	struct cpu_events *there = per_cpu_ptr(&cpu_events, cpu);
	struct irq_affinity_desc affinity = { .is_managed = 1 };
	struct irq_alloc_info info = {};
	int irq, error;

	there->page = (void *)get_zeroed_page(GFP_KERNEL);
	if (!there->page)
		return -ENOMEM;
	cpumask_set_cpu(cpu, &affinity.mask);
	irq = __irq_domain_alloc_irqs(domain, -1, 1, cpu_to_node(cpu), &info, false, &affinity);
	if (irq < 0)
		return irq;
	error = request_irq(irq, events_interrupt, IRQF_NO_THREAD, "mullion", there);
	if (error) {
		irq_dispose_mapping(irq);
		return error;
	}
	there->irq = irq;
	return 0;
}

static void exit_cpu(unsigned int cpu)
{
	struct cpu_events *there = per_cpu_ptr(&cpu_events, cpu);

	if (there->irq) {
		free_irq(there->irq, there);
		irq_dispose_mapping(there->irq);
		there->irq = 0;
	}
	free_page((unsigned long)there->page);
	there->page = NULL;
}

static void remove_irqs(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) exit_cpu(cpu);
	irq_domain_remove(domain);
	irq_domain_free_fwnode(domain_node);
}

int mullion_events_init(void)
{
	unsigned int cpu;
	int error;

	domain_node = irq_domain_alloc_named_fwnode("mullion");
	if (!domain_node)
		return -ENOMEM;
	domain = irq_domain_create_hierarchy(x86_vector_domain, 0, 0, domain_node, &domain_ops,
					     NULL);
	if (!domain) {
		irq_domain_free_fwnode(domain_node);
		return -ENOMEM;
	}
	for_each_possible_cpu(cpu)
	{
		error = init_cpu(cpu);
		if (error)
			goto no_cpu;
	}
	error = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "mullion:events", events_online,
				  events_offline);
	if (error < 0)
		goto no_cpu;
	online_state = error;
	return 0;

no_cpu:
	remove_irqs();
	return error;
}

void mullion_events_exit(void)
{
	cpuhp_remove_state(online_state);
	remove_irqs();
	xa_destroy(&events);
}
