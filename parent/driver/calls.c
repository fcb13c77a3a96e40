// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: hypercalls with structures.
 *
 * What a short call says and hears travels in a page of the calling CPU, with
 * interrupts off, so that it can be made from a wake-up or an interrupt. A call
 * with a list brings pages of its own and is interruptible: hv comes back for
 * interrupts in between.
 */
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/percpu.h>
#include <linux/sched/signal.h>
#include <linux/string.h>

#include <hyperv/hypercall.h>
#include <hyperv/status.h>
#include "calls.h"
#include "mullion_root.h"
#include "pool.h"

static DEFINE_PER_CPU(void *, call_page);

u64 mullion_call(u64 control, const void *input, size_t input_size, void *output,
		 size_t output_size)
{
	unsigned long flags;
	u8 *page;
	u64 result;

	if (WARN_ON_ONCE(input_size > MULLION_CALL_MAX || output_size > MULLION_CALL_MAX))
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	local_irq_save(flags);
	page = this_cpu_read(call_page);
	memcpy(page, input, input_size);
	result = mullion_hypercall_result(control, virt_to_phys(page),
					  output_size ? virt_to_phys(page + MULLION_CALL_MAX) : 0);
	if (hv_status(result) == HV_STATUS_SUCCESS)
		memcpy(output, page + MULLION_CALL_MAX, output_size);
	local_irq_restore(flags);
	return result;
}

/*
 * hv says which call lacks memory, not how much: a few pages at a time keep what
 * a partition has close to what it needs.
 */
#define DEPOSIT_PAGES 8

/* Gives the pool's owner more, unless whoever waits for the call is being killed. */
static int deposit_more(u64 owner)
{
	if (fatal_signal_pending(current))
		return -EINTR;
	return mullion_pool_deposit(owner, DEPOSIT_PAGES);
}

int mullion_partition_call(u64 owner, u64 control, const void *input, size_t input_size,
			   void *output, size_t output_size)
{
	u16 status;
	int error;

	for (;;) {
		status = hv_status(mullion_call(control, input, input_size, output, output_size));
		if (status != HV_STATUS_INSUFFICIENT_MEMORY)
			return mullion_errno(status);
		error = deposit_more(owner);
		if (error)
			return error;
	}
}

u16 mullion_rep_call(u64 control, unsigned int count, void *input, void *output, unsigned int *done)
{
	u64 result;

	result = mullion_hypercall_result(control | (u64)count << HV_CALL_REP_COUNT_SHIFT |
						  (u64)*done << HV_CALL_REP_START_SHIFT,
					  virt_to_phys(input), output ? virt_to_phys(output) : 0);
	*done = min_t(u64, (result & HV_RESULT_REPS) >> HV_RESULT_REPS_SHIFT, count);
	return hv_status(result);
}

u16 mullion_partition_rep_call(u64 owner, u64 control, unsigned int count, void *input,
			       void *output, unsigned int *done)
{
	u16 status;

	*done = 0;
	do {
		status = mullion_rep_call(control, count, input, output, done);
	} while (status == HV_STATUS_INSUFFICIENT_MEMORY && !deposit_more(owner));
	return status;
}

/* As Linux's own driver for /dev/mshv answers. */
int mullion_errno(u16 status)
{
	switch (status) {
	case HV_STATUS_SUCCESS:
		return 0;
	case HV_STATUS_INVALID_HYPERCALL_CODE:
	case HV_STATUS_INVALID_HYPERCALL_INPUT:
	case HV_STATUS_INVALID_PARAMETER:
	case HV_STATUS_INVALID_PARTITION_ID:
	case HV_STATUS_INVALID_VP_INDEX:
	case HV_STATUS_INVALID_PORT_ID:
	case HV_STATUS_INVALID_CONNECTION_ID:
	case HV_STATUS_INVALID_LP_INDEX:
		return -EINVAL;
	case HV_STATUS_INSUFFICIENT_MEMORY:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

int mullion_calls_init(void)
{
	unsigned int cpu;
	void *page;

	for_each_possible_cpu(cpu)
	{
		page = (void *)get_zeroed_page(GFP_KERNEL);
		if (!page) {
			mullion_calls_exit();
			return -ENOMEM;
		}
		per_cpu(call_page, cpu) = page;
	}
	return 0;
}

void mullion_calls_exit(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		free_page((unsigned long)per_cpu(call_page, cpu));
		per_cpu(call_page, cpu) = NULL;
	}
}
