// SPDX-License-Identifier: GPL-2.0-only
/*
 * mullion_root: which pages a guest has touched (MSHV_GET_GPAP_ACCESS_BITMAP).
 */
#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include <hyperv/hypercall.h>
#include <hyperv/status.h>
#include "calls.h"
#include "partition.h"

/* Pages that one call asks for; their states lie behind its input. */
#define CHUNK 2048u

static_assert(CHUNK <= HV_CALL_REP_MAX && CHUNK <= PAGE_SIZE / 2);

/* A page that was not accessed is not dirty; a dirty one was accessed. */
static u64 access_flags(u8 type, u8 op)
{
	bool dirty = type == MSHV_GPAP_ACCESS_TYPE_DIRTY;

	switch (op) {
	case MSHV_GPAP_ACCESS_OP_CLEAR:
		return dirty ? HV_GPA_ACCESS_CLEAR_DIRTY :
			       HV_GPA_ACCESS_CLEAR_DIRTY | HV_GPA_ACCESS_CLEAR_ACCESSED;
	case MSHV_GPAP_ACCESS_OP_SET:
		return dirty ? HV_GPA_ACCESS_SET_DIRTY | HV_GPA_ACCESS_SET_ACCESSED :
			       HV_GPA_ACCESS_SET_ACCESSED;
	default:
		return 0;
	}
}

static int get_chunk(struct mshv_partition *partition,
		     struct hv_input_get_gpa_pages_access_states *input, u8 *states,
		     unsigned int count, unsigned long *bitmap, u8 mask)
{
	unsigned int done, i;
	u16 status;

	status = mullion_partition_rep_call(partition->id, HVCALL_GET_GPA_PAGES_ACCESS_STATES,
					    count, input, states, &done);
	if (status != HV_STATUS_SUCCESS)
		return mullion_errno(status);
	bitmap_zero(bitmap, CHUNK);
	for (i = 0; i < done; i++) {
		if (states[i] & mask)
			__set_bit(i, bitmap);
	}
	return 0;
}

static long get_bitmap(struct mshv_partition *partition, const struct mshv_gpap_access_bitmap *user,
		       struct hv_input_get_gpa_pages_access_states *input)
{
	u8 __user *to = (u8 __user *)(unsigned long)user->bitmap_ptr;
	u8 *states = (u8 *)input + PAGE_SIZE / 2;
	DECLARE_BITMAP(bitmap, CHUNK);
	unsigned int count;
	u64 done;
	int error;
	u8 mask;

	mask = user->access_type == MSHV_GPAP_ACCESS_TYPE_DIRTY ? HV_GPA_PAGE_DIRTY :
								  HV_GPA_PAGE_ACCESSED;
	input->partition_id = partition->id;
	input->flags = access_flags(user->access_type, user->access_op);
	for (done = 0; done < user->page_count; done += count) {
		count = min_t(u64, CHUNK, user->page_count - done);
		input->gpa_base = user->gpap_base + done;
		error = get_chunk(partition, input, states, count, bitmap, mask);
		if (error)
			return error;
		if (copy_to_user(to + done / 8, bitmap, DIV_ROUND_UP(count, 8)))
			return -EFAULT;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

long mullion_access_bitmap(struct mshv_partition *partition,
			   const struct mshv_gpap_access_bitmap *user)
{
	struct hv_input_get_gpa_pages_access_states *input;
	u64 end;
	long result;

	if (user->access_type >= MSHV_GPAP_ACCESS_TYPE_COUNT ||
	    user->access_op >= MSHV_GPAP_ACCESS_OP_COUNT ||
	    memchr_inv(user->rsvd, 0, sizeof(user->rsvd)) || !user->page_count ||
	    !user->bitmap_ptr || check_add_overflow(user->gpap_base, user->page_count, &end) ||
	    end > 1ull << (BITS_PER_LONG_LONG - PAGE_SHIFT))
		return -EINVAL;
	if (!access_ok((void __user *)(unsigned long)user->bitmap_ptr,
		       DIV_ROUND_UP(user->page_count, 8)))
		return -EFAULT;
	input = (void *)get_zeroed_page(GFP_KERNEL);
	if (!input)
		return -ENOMEM;
	result = get_bitmap(partition, user, input);
	free_page((unsigned long)input);
	return result;
}
