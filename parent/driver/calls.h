/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mullion_root: hypercalls with structures. A control word is a call code and its
 * flags (hyperv/hypercall.h), repetitions are added here.
 */
#ifndef MULLION_CALLS_H
#define MULLION_CALLS_H

#include <linux/types.h>

/* The most bytes of input, and of output, of a short call. */
#define MULLION_CALL_MAX 2048u

static inline u16 hv_status(u64 result)
{
	return (u16)result;
}

/*
 * A short call: copies input there and, if it succeeds, output back. Returns the
 * result word. Any context but NMIs; it does not sleep.
 */
u64 mullion_call(u64 control, const void *input, size_t input_size, void *output,
		 size_t output_size);

/*
 * The same, made again with more memory deposited for owner (a partition's id, or
 * HV_PARTITION_ID_SELF) as long as hv lacks it. Returns 0 or an errno: of the status
 * (mullion_errno), ENOMEM, EINTR when the caller is being killed. Process context.
 */
int mullion_partition_call(u64 owner, u64 control, const void *input, size_t input_size,
			   void *output, size_t output_size);

/*
 * A call with a list of count elements, from element *done on; input and output (or
 * NULL) are in one page each, of the kernel's linear map. Returns the status and in
 * *done how many are done, those before included.
 */
u16 mullion_rep_call(u64 control, unsigned int count, void *input, void *output,
		     unsigned int *done);

/* All elements, with memory deposited as above. What is left undone when it fails is
 * told by *done. Process context. */
u16 mullion_partition_rep_call(u64 owner, u64 control, unsigned int count, void *input,
			       void *output, unsigned int *done);

/* The errno, negative, that stands for a status. */
int mullion_errno(u16 status);

int mullion_calls_init(void);
void mullion_calls_exit(void);

#endif
