// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: the hypercalls that a VMM may make itself (MSHV_ROOT_HVCALL).
 *
 * Only calls whose input begins with a partition id, which is put there here, and
 * that can do nothing to anybody but that partition.
 */
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/uaccess.h>

#include <hyperv/hypercall.h>
#include <hyperv/status.h>
#include "calls.h"
#include "partition.h"

static bool is_allowed(u16 code)
{
	switch (code) {
	case HVCALL_GET_PARTITION_PROPERTY:
	case HVCALL_SET_PARTITION_PROPERTY:
	case HVCALL_INSTALL_INTERCEPT:
	case HVCALL_GET_VP_REGISTERS:
	case HVCALL_SET_VP_REGISTERS:
	case HVCALL_TRANSLATE_VIRTUAL_ADDRESS:
	case HVCALL_CLEAR_VIRTUAL_INTERRUPT:
	case HVCALL_REGISTER_INTERCEPT_RESULT:
	case HVCALL_ASSERT_VIRTUAL_INTERRUPT:
	case HVCALL_SIGNAL_EVENT_DIRECT:
	case HVCALL_POST_MESSAGE_DIRECT:
	case HVCALL_GET_GPA_PAGES_ACCESS_STATES:
	case HVCALL_GET_VP_CPUID_VALUES:
	case HVCALL_GET_PARTITION_PROPERTY_EX:
		return true;
	default:
		return false;
	}
}

/* A partition's share of the CPUs is not for its VMM to say. */
static bool may_set(const struct hv_input_set_partition_property *input)
{
	switch (input->property_code) {
	case HV_PARTITION_PROPERTY_CPU_RESERVE:
	case HV_PARTITION_PROPERTY_CPU_CAP:
	case HV_PARTITION_PROPERTY_CPU_WEIGHT:
	case HV_PARTITION_PROPERTY_CPU_GROUP_ID:
		return capable(CAP_SYS_ADMIN);
	default:
		return true;
	}
}

/* Status, repetitions and output are told of a call that failed too. */
static long call_and_copy(struct mshv_partition *partition, struct mshv_root_hvcall __user *user,
			  struct mshv_root_hvcall *args, void *input, void *output)
{
	unsigned int done;

	if (copy_from_user(input, (void __user *)(unsigned long)args->in_ptr, args->in_sz))
		return -EFAULT;
	if (args->code == HVCALL_SET_PARTITION_PROPERTY && !may_set(input))
		return -EPERM;
	*(u64 *)input = partition->id;
	args->status = mullion_partition_rep_call(partition->id, args->code, args->reps, input,
						  output, &done);
	args->reps = done;
	if (output &&
	    copy_to_user((void __user *)(unsigned long)args->out_ptr, output, args->out_sz))
		return -EFAULT;
	if (copy_to_user(user, args, sizeof(*args)))
		return -EFAULT;
	return mullion_errno(args->status);
}

long mullion_root_hvcall(struct mshv_partition *partition, struct mshv_root_hvcall __user *user,
			 bool of_vp)
{
	struct mshv_root_hvcall args;
	void *input, *output = NULL;
	long result = -ENOMEM;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	if (args.status || memchr_inv(args.rsvd, 0, sizeof(args.rsvd)) || !args.in_ptr ||
	    args.in_sz < sizeof(u64) || args.in_sz > MSHV_HV_PAGE_SIZE ||
	    args.out_sz > MSHV_HV_PAGE_SIZE || !args.out_ptr != !args.out_sz ||
	    args.reps > HV_CALL_REP_MAX || !is_allowed(args.code) ||
	    (of_vp && args.code == HVCALL_SET_PARTITION_PROPERTY))
		return -EINVAL;
	input = (void *)get_zeroed_page(GFP_KERNEL);
	if (args.out_ptr)
		output = (void *)get_zeroed_page(GFP_KERNEL);
	if (input && (output || !args.out_ptr))
		result = call_and_copy(partition, user, &args, input, output);
	free_page((unsigned long)output);
	free_page((unsigned long)input);
	return result;
}
