/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parent's hypercalls: decoding, what every call has checked before it runs, and
 * how a long one is done in parts (TLFS 6.0b, chapter 3). Pure.
 */
#ifndef HV_CORE_CALLS_H
#define HV_CORE_CALLS_H

#include <hyperv/hypercall.h>
#include <hyperv/status.h>

#include "core/types.h"

struct vp;
struct call;
struct partition;

#define CALL_INPUT_MAX 288u /* bytes of an input without its list */

/* Repetitions that are done before interrupts get a chance. */
#define CALL_BATCH 64

/* What run returns when it did a part: the instruction is executed again. */
#define CALL_AGAIN 0xffffu

/* A call while it is made. */
struct call_frame {
	const struct call *call;
	struct vp *vp; /* the parent's, that makes it */
	struct partition *p; /* CALL_PARTITION: locked until run returns; NULL: the parent */
	u64 rdx, r8; /* GPAs of input and output, or values */
	u32 next; /* the repetition to do, or done last and one */
	u32 end; /* the one before which run stops */
	u32 variable; /* CALL_VARIABLE: bytes of the variable header */
	u32 high; /* bits 63:32 of the result of a call without repetitions */
	u64 input[CALL_INPUT_MAX / 8]; /* the input; a larger one run reads itself */
};

enum call_flags {
	CALL_REP = 1,
	CALL_RDX = 2, /* RDX is not a GPA but a value, R8 the same */
	CALL_R8 = 4,
	CALL_VARIABLE = 8, /* may have a variable header */
	CALL_PARTITION = 16, /* the input begins with the id of a partition */
	CALL_FINALIZED = 32, /* ... which may be finalized */
	CALL_PARENT = 64, /* ... or the parent, as 0 or HV_PARTITION_ID_SELF */
};

struct call {
	u16 code;
	u8 flags; /* enum call_flags */
	u8 element_size; /* CALL_REP: bytes of each element behind the input, 0: no list */
	u16 input_size; /* bytes at RDX, without list and variable header; 0: RDX is 0 */
	u16 output_size; /* bytes at R8, with CALL_REP for each repetition; 0: R8 is 0 */
	/*
	 * Returns an HV_STATUS, or CALL_AGAIN. With CALL_REP it does the repetitions
	 * from next up to end and moves next on by each that is done; a failure is that
	 * of repetition next. The memory that it is told of was the parent's when it
	 * was checked; access is by the functions below.
	 */
	u16 (*run)(struct call_frame *f);
};

/* Tables of calls end with an entry without a code, a list of tables with NULL. */
extern const struct call partition_calls[]; /* parent_calls.c */
extern const struct call vp_calls[]; /* vp_calls.c */

/*
 * Makes the call that RCX, RDX and R8 name. Returns true with RAX in *result, or
 * false when the instruction is to be executed again, with *rcx.
 */
bool call_make(const struct call *const *tables, struct vp *vp, u64 *rcx, u64 rdx, u64 r8,
	       u64 *result);

/* For run: element i of the list; what comes out of repetition i, or of the call (i is
 * 0). INVALID_PARAMETER when the memory is not the parent's any more. */
u16 call_element(const struct call_frame *f, u32 i, void *element);
u16 call_output(const struct call_frame *f, u32 i, const void *output);

#endif
