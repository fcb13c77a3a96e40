// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: state of a VP that is more than registers (MSHV_GET_VP_STATE,
 * MSHV_SET_VP_STATE). hv reads and writes a page of this module; the VMM's buffer is
 * only copied from and to.
 */
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include <hyperv/hypercall.h>
#include <hyperv/status.h>
#include "calls.h"
#include "partition.h"

/* What hv calls each state of the VMM's, and how long it is. XSAVE's area is never larger
 * than a page; hv has it in the standard form. */
static const struct {
	u32 type;
	u32 size;
} states[MSHV_VP_STATE_COUNT] = {
	[MSHV_VP_STATE_LAPIC] = { HV_VP_STATE_LAPIC, PAGE_SIZE },
	[MSHV_VP_STATE_XSAVE] = { HV_VP_STATE_XSAVE, PAGE_SIZE },
	[MSHV_VP_STATE_SIMP] = { HV_VP_STATE_SIM_PAGE, PAGE_SIZE },
	[MSHV_VP_STATE_SIEFP] = { HV_VP_STATE_SIEF_PAGE, PAGE_SIZE },
	[MSHV_VP_STATE_SYNTHETIC_TIMERS] = { HV_VP_STATE_SYNTHETIC_TIMERS, 200 },
};

struct state_call {
	struct hv_input_vp_state input;
	u64 rest[25]; /* the list of one page, or the data itself */
};

static long exchange(struct mshv_vp *vp, struct state_call *call, void *data, u32 size, bool set)
{
	u64 control = set ? HVCALL_SET_VP_STATE : HVCALL_GET_VP_STATE;
	u64 words = 1;

	if (call->input.type & HV_VP_STATE_TYPE_PAGES) {
		call->rest[0] = virt_to_phys(data) / PAGE_SIZE;
		return mullion_partition_call(vp->partition->id,
					      control | words << HV_CALL_VARIABLE_HEADER_SHIFT,
					      call, sizeof(*call), NULL, 0);
	}
	if (set) {
		words = DIV_ROUND_UP(size, sizeof(u64));
		memcpy(call->rest, data, size);
		return mullion_partition_call(vp->partition->id,
					      control | words << HV_CALL_VARIABLE_HEADER_SHIFT,
					      call, sizeof(*call), NULL, 0);
	}
	return mullion_partition_call(vp->partition->id, control, &call->input, sizeof(call->input),
				      data, size);
}

long mullion_vp_state(struct mshv_vp *vp, struct mshv_get_set_vp_state __user *user, bool set)
{
	struct state_call call = {};
	struct mshv_get_set_vp_state args;
	void __user *buffer;
	void *data;
	long result;
	u32 size;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	if (args.type >= MSHV_VP_STATE_COUNT || memchr_inv(args.rsvd, 0, sizeof(args.rsvd)) ||
	    !args.buf_sz || !PAGE_ALIGNED(args.buf_sz) || !PAGE_ALIGNED(args.buf_ptr))
		return -EINVAL;
	buffer = (void __user *)(unsigned long)args.buf_ptr;
	call.input.partition_id = vp->partition->id;
	call.input.vp_index = vp->index;
	call.input.type = states[args.type].type;
	size = states[args.type].size;
	call.input.xsave_states = ~0ull; /* all that there are */
	if (put_user(size, &user->buf_sz))
		return -EFAULT;
	if (size > args.buf_sz || size > PAGE_SIZE)
		return -EINVAL;
	data = (void *)get_zeroed_page(GFP_KERNEL);
	if (!data)
		return -ENOMEM;
	if (set && copy_from_user(data, buffer, size))
		result = -EFAULT;
	else
		result = exchange(vp, &call, data, size, set);
	if (!result && !set && copy_to_user(buffer, data, size))
		result = -EFAULT;
	free_page((unsigned long)data);
	return result;
}
