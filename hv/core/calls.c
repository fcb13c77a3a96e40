/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/calls.h"

#include "core/frames.h"
#include "core/parent.h"
#include "core/partition.h"

static const struct call *find_call(const struct call *const *tables, u16 code)
{
	for (; *tables; tables++) {
		for (const struct call *c = *tables; c->code; c++) {
			if (c->code == code)
				return c;
		}
	}
	return NULL;
}

static u32 field(u64 control, u64 mask, u32 shift)
{
	return (u32)((control & mask) >> shift);
}

/* The control word: only what the call knows is set. */
static bool control_fits(const struct call *c, u64 control, u32 count, u32 start)
{
	u64 known = HV_CALL_CODE | (c->flags & CALL_VARIABLE ? HV_CALL_VARIABLE_HEADER : 0);

	if (c->flags & CALL_REP)
		known |= HV_CALL_REP_COUNT | HV_CALL_REP_START;
	return !(control & ~known) && (c->flags & CALL_REP ? start < count : true);
}

/* A structure of size bytes, none with 0, in one page of the parent's. */
static u16 check_gpa(u64 gpa, u64 size)
{
	if (!size)
		return gpa ? HV_STATUS_INVALID_HYPERCALL_INPUT : HV_STATUS_SUCCESS;
	if (gpa % 8 || (gpa & (PAGE_SIZE - 1)) + size > PAGE_SIZE)
		return HV_STATUS_INVALID_ALIGNMENT;
	return frames_visible(gpa, size) ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_PARAMETER;
}

static u16 take_input(struct call_frame *f, u32 count)
{
	const struct call *c = f->call;
	u64 reps = c->flags & CALL_REP ? count : 1;
	u16 status = HV_STATUS_SUCCESS;

	if (!(c->flags & CALL_RDX))
		status = check_gpa(f->rdx, c->input_size + f->variable + reps * c->element_size);
	if (!status && !(c->flags & CALL_R8))
		status = check_gpa(f->r8, reps * c->output_size);
	if (!status && c->input_size && c->input_size <= CALL_INPUT_MAX &&
	    !parent_read(GPA(f->rdx), f->input, c->input_size))
		status = HV_STATUS_INVALID_PARAMETER;
	return status;
}

static u16 run_on_partition(struct call_frame *f)
{
	u64 id = f->input[0];
	u16 status = HV_STATUS_INVALID_PARTITION_STATE;

	if (!(f->call->flags & CALL_PARENT) || (id && id != HV_PARTITION_ID_SELF)) {
		f->p = partition_find(id);
		if (!f->p)
			return HV_STATUS_INVALID_PARTITION_ID;
	}
	if (!f->p || f->p->state != MULLION_PARTITION_FINALIZED ||
	    (f->call->flags & CALL_FINALIZED))
		status = f->call->run(f);
	if (f->p)
		spin_unlock(&f->p->lock);
	return status;
}

static u16 make(struct call_frame *f, u64 control, u32 count)
{
	u16 status;

	if (!f->call)
		return HV_STATUS_INVALID_HYPERCALL_CODE;
	if (!control_fits(f->call, control, count, f->next))
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	status = take_input(f, count);
	if (status)
		return status;
	return f->call->flags & CALL_PARTITION ? run_on_partition(f) : f->call->run(f);
}

bool call_make(const struct call *const *tables, struct vp *vp, u64 *rcx, u64 rdx, u64 r8,
	       u64 *result)
{
	u64 control = *rcx;
	u32 count = field(control, HV_CALL_REP_COUNT, HV_CALL_REP_COUNT_SHIFT);
	u32 start = field(control, HV_CALL_REP_START, HV_CALL_REP_START_SHIFT);
	struct call_frame f = {
		.call = find_call(tables, (u16)control),
		.vp = vp,
		.rdx = rdx,
		.r8 = r8,
		.next = start,
		.end = count - start > CALL_BATCH ? start + CALL_BATCH : count,
		.variable =
			8 * field(control, HV_CALL_VARIABLE_HEADER, HV_CALL_VARIABLE_HEADER_SHIFT),
	};
	u16 status = make(&f, control, count);
	bool rep = f.call && (f.call->flags & CALL_REP);

	if (status == CALL_AGAIN || (rep && !status && f.next < count)) {
		*rcx = (control & ~HV_CALL_REP_START) | (u64)f.next << HV_CALL_REP_START_SHIFT;
		return false;
	}
	*result = status | (u64)(rep ? f.next : f.high) << HV_RESULT_REPS_SHIFT;
	return true;
}

u16 call_element(const struct call_frame *f, u32 i, void *element)
{
	const struct call *c = f->call;
	u64 gpa = f->rdx + c->input_size + f->variable + (u64)i * c->element_size;

	return parent_read(GPA(gpa), element, c->element_size) ? HV_STATUS_SUCCESS :
								 HV_STATUS_INVALID_PARAMETER;
}

u16 call_output(const struct call_frame *f, u32 i, const void *output)
{
	const struct call *c = f->call;
	u64 gpa = f->r8 + (u64)i * c->output_size;

	return parent_write(GPA(gpa), output, c->output_size) ? HV_STATUS_SUCCESS :
								HV_STATUS_INVALID_PARAMETER;
}
