/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parent's calls about partitions: life, properties, memory, ports. Those about
 * VPs are in vp_calls.c.
 */
#include <mullion/parent.h>

#include "core/calls.h"
#include "core/cpu.h"
#include "core/frames.h"
#include "core/partition.h"
#include "core/port.h"
#include "core/string.h"
#include "x86/asm.h"
#include "x86/switch.h"
#include "x86/tsc.h"

/* ---- Life ---- */

#define CREATION_FLAGS                                                                         \
	(HV_PARTITION_CREATION_FLAG_GPA_SUPER_PAGES_ENABLED |                                  \
	 HV_PARTITION_CREATION_FLAG_EXO_PARTITION | HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED | \
	 HV_PARTITION_CREATION_FLAG_INTERCEPT_MESSAGE_PAGE_ENABLED |                           \
	 HV_PARTITION_CREATION_FLAG_X2APIC_CAPABLE)

static u16 create(struct call_frame *f)
{
	const struct hv_input_create_partition *in = (const void *)f->input;
	struct hv_output_create_partition out;
	u16 status;

	if ((in->flags & ~CREATION_FLAGS) || in->padding || in->isolation)
		return HV_STATUS_INVALID_PARAMETER;
	status = partition_create(in, tsc_hz, rdtsc(), &out.partition_id);
	return status ? status : call_output(f, 0, &out);
}

static u16 initialize(struct call_frame *f)
{
	if (f->p->state != MULLION_PARTITION_CREATED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (!partition_make_map(f->p))
		return HV_STATUS_INSUFFICIENT_MEMORY;
	f->p->state = MULLION_PARTITION_ACTIVE;
	return HV_STATUS_SUCCESS;
}

static u16 finalize(struct call_frame *f)
{
	return partition_finalize(f->p) ? HV_STATUS_SUCCESS : CALL_AGAIN;
}

static u16 delete(struct call_frame *f)
{
	if (!partition_finalize(f->p) || !partition_delete(f->p))
		return CALL_AGAIN;
	f->p = NULL;
	return HV_STATUS_SUCCESS;
}

/* ---- Properties ---- */

/* The TSC as p's VPs have it. */
static u64 guest_tsc(const struct partition *p)
{
	return rdtsc() + p->tsc_offset;
}

/* enum share, or SHARES when the property is another. */
static u32 share_of(u32 code)
{
	u32 which = code - HV_PARTITION_PROPERTY_CPU_RESERVE;

	return which < SHARES ? which : SHARES;
}

static bool read_property(struct partition *p, u32 code, u64 *value)
{
	if (share_of(code) < SHARES) {
		*value = p ? p->share[share_of(code)] : parent.share[share_of(code)];
		return true;
	}
	if (!p)
		return false;
	if (code == HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES)
		*value = p->synthetic_features;
	else if (code == HV_PARTITION_PROPERTY_TIME_FREEZE)
		*value = p->time.frozen;
	else if (code == HV_PARTITION_PROPERTY_REFERENCE_TIME)
		*value = reftime_read(&p->time, guest_tsc(p));
	else if (code == HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING)
		*value = p->track_access;
	else if (code == HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION)
		*value = p->ignore_unknown_msrs;
	else if (code == HV_PARTITION_PROPERTY_XSAVE_STATES)
		*value = switch_child_xcr0();
	else if (code == HV_PARTITION_PROPERTY_MAX_XSAVE_DATA_SIZE)
		*value = PAGE_SIZE; /* a child has no components that need more */
	else if (code == HV_PARTITION_PROPERTY_PROCESSOR_FEATURES0)
		*value = ~p->disabled_features[0];
	else if (code == HV_PARTITION_PROPERTY_PROCESSOR_FEATURES1)
		*value = ~p->disabled_features[1];
	else
		return false;
	return true;
}

static u16 get_property(struct call_frame *f)
{
	const struct hv_input_get_partition_property *in = (const void *)f->input;
	struct hv_output_get_partition_property out;

	if (!read_property(f->p, in->property_code, &out.property_value))
		return HV_STATUS_UNKNOWN_PROPERTY;
	return call_output(f, 0, &out);
}

static u16 set_share(struct partition *p, u32 which, u64 value)
{
	u64 max = which == SHARE_WEIGHT ? HV_CPU_WEIGHT_MAX : HV_CPU_SHARE_WHOLE;

	if (value > max || (which == SHARE_WEIGHT && !value) ||
	    !partition_set_share(p, which, (u32)value))
		return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
	return HV_STATUS_SUCCESS;
}

static u16 set_flag(struct partition *p, u32 code, u64 value)
{
	if (value > 1)
		return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
	if (code == HV_PARTITION_PROPERTY_TIME_FREEZE)
		reftime_freeze(&p->time, guest_tsc(p), value);
	else if (code == HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING)
		p->track_access = value;
	else
		p->ignore_unknown_msrs = value;
	return HV_STATUS_SUCCESS;
}

/* Features that hv does not know are kept, and not shown to the guest. */
static u16 set_property(struct call_frame *f)
{
	const struct hv_input_set_partition_property *in = (const void *)f->input;
	struct partition *p = f->p;
	u32 share = share_of(in->property_code);

	if (share < SHARES)
		return set_share(p, share, in->property_value);
	if (!p)
		return HV_STATUS_UNKNOWN_PROPERTY;
	switch (in->property_code) {
	case HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES:
		if (p->state != MULLION_PARTITION_CREATED)
			return HV_STATUS_INVALID_PARTITION_STATE;
		p->synthetic_features = in->property_value;
		return HV_STATUS_SUCCESS;
	case HV_PARTITION_PROPERTY_REFERENCE_TIME:
		reftime_set(&p->time, guest_tsc(p), in->property_value);
		return HV_STATUS_SUCCESS;
	case HV_PARTITION_PROPERTY_TIME_FREEZE:
	case HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING:
	case HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION:
		return set_flag(p, in->property_code, in->property_value);
	default:
		return HV_STATUS_UNKNOWN_PROPERTY;
	}
}

/* ---- Memory ---- */

static u16 move_block(struct call_frame *f)
{
	bool donate = f->call->code == MULLION_CALL_DONATE;

	if (f->rdx % MULLION_BLOCK_SIZE)
		return HV_STATUS_INVALID_ALIGNMENT;
	return (donate ? parent_donate : parent_reclaim)(GPA(f->rdx)) ? HV_STATUS_SUCCESS :
									HV_STATUS_INVALID_PARAMETER;
}

static u16 deposit(struct call_frame *f)
{
	u64 frame;
	u16 status;

	for (; f->next < f->end; f->next++) {
		status = call_element(f, f->next, &frame);
		if (status)
			return status;
		if (!pool_deposit(f->p ? &f->p->pool : &parent.pool, frame))
			return HV_STATUS_INVALID_PARAMETER;
	}
	return HV_STATUS_SUCCESS;
}

/* A page whose number cannot be told any more stays in the pool. */
static u16 withdraw(struct call_frame *f)
{
	struct pool *pool = f->p ? &f->p->pool : &parent.pool;
	u64 frame;
	u16 status;

	for (; f->next < f->end; f->next++) {
		if (!pool_withdraw(pool, &frame))
			return HV_STATUS_NO_RESOURCES;
		status = call_output(f, f->next, &frame);
		if (status) {
			pool_deposit(pool, frame);
			return status;
		}
	}
	return HV_STATUS_SUCCESS;
}

static u16 map(struct call_frame *f)
{
	const struct hv_input_map_gpa_pages *in = (const void *)f->input;
	u32 rights = in->map_flags & ~(HV_MAP_GPA_LARGE_PAGE | HV_MAP_GPA_ADJUSTABLE);
	bool large = in->map_flags & HV_MAP_GPA_LARGE_PAGE;
	u64 size = large ? LARGE_FRAMES : 1, frame;
	u16 status = HV_STATUS_SUCCESS;

	if (in->padding || in->target_gpa_base >= GFN_END)
		return HV_STATUS_INVALID_PARAMETER;
	if (!partition_make_map(f->p))
		return HV_STATUS_INSUFFICIENT_MEMORY;
	for (; !status && f->next < f->end; f->next += !status) {
		status = call_element(f, f->next, &frame);
		if (!status)
			status = gpamap_map(&f->p->map, in->target_gpa_base + f->next * size, frame,
					    large, rights);
	}
	return status;
}

static u16 unmap(struct call_frame *f)
{
	const struct hv_input_unmap_gpa_pages *in = (const void *)f->input;
	u64 size = in->unmap_flags & HV_UNMAP_GPA_LARGE_PAGE ? LARGE_FRAMES : 1;
	u64 first = in->target_gpa_base + f->next * size;
	u64 count = (f->end - f->next) * size;

	if ((in->unmap_flags & ~HV_UNMAP_GPA_LARGE_PAGE) || in->padding || first % size ||
	    in->target_gpa_base >= GFN_END || count > GFN_END - first)
		return HV_STATUS_INVALID_PARAMETER;
	if (f->p->map.pt.root && !gpamap_unmap(&f->p->map, first, count))
		return HV_STATUS_INSUFFICIENT_MEMORY;
	f->next = f->end;
	return HV_STATUS_SUCCESS;
}

static u16 access_states(struct call_frame *f)
{
	const struct hv_input_get_gpa_pages_access_states *in = (const void *)f->input;
	u16 status = HV_STATUS_SUCCESS;

	if ((in->flags & ~HV_GPA_ACCESS_MASK) || in->gpa_base >= GFN_END)
		return HV_STATUS_INVALID_PARAMETER;
	if (!f->p->map.pt.root)
		return HV_STATUS_INVALID_PARTITION_STATE;
	for (; !status && f->next < f->end; f->next += !status) {
		u8 state = gpamap_access(&f->p->map, in->gpa_base + f->next, in->flags);

		status = call_output(f, f->next, &state);
	}
	/* What was cleared must be seen to be set again. */
	if (in->flags & (HV_GPA_ACCESS_CLEAR_ACCESSED | HV_GPA_ACCESS_CLEAR_DIRTY))
		partition_flush(f->p);
	return status;
}

/* ---- What partitions are and have ---- */

static void describe_parent(struct mullion_partition_info *info)
{
	info->state = MULLION_PARTITION_ACTIVE;
	info->vp_count = cpu_count;
	info->pool_free = frames_count(FRAME_DONATED);
	info->pool_pages = info->pool_free + frames_count(FRAME_POOL);
	info->mapped_pages = frames_count(FRAME_MAPPED);
}

static void describe(const struct partition *p, struct mullion_partition_info *info)
{
	info->state = p->state;
	info->id = p->id;
	memcpy(info->uuid, p->uuid, sizeof(info->uuid));
	memcpy(info->name, p->name, sizeof(info->name));
	info->vp_count = p->vp_count;
	info->pool_pages = p->pool.pages;
	info->pool_free = READ_ONCE(p->pool.free);
	info->mapped_pages = p->map.mapped_pages;
	info->table_pages = p->map.pt.tables;
	info->crashed = __atomic_load_n(&p->crashed, __ATOMIC_ACQUIRE);
	if (info->crashed) {
		memcpy(info->crash, p->crash, sizeof(info->crash));
		memcpy(info->crash_text, p->crash_text, sizeof(info->crash_text));
	}
	memcpy(info->reason, p->reason, sizeof(info->reason));
}

static u16 get_partition(struct call_frame *f)
{
	struct partition *p = f->rdx ? partition_find_from(f->rdx) : NULL;
	const u32 *share = p ? p->share : parent.share;
	/* Not on the stack: too large for it. */
	static struct mullion_partition_info info;
	static struct spinlock lock;
	u16 status;

	if (f->rdx && !p)
		return HV_STATUS_INVALID_PARTITION_ID;
	spin_lock(&lock);
	memset(&info, 0, sizeof(info));
	info.size = sizeof(info);
	info.weight = share[SHARE_WEIGHT];
	info.cap = share[SHARE_CAP];
	info.reserve = share[SHARE_RESERVE];
	if (p) {
		describe(p, &info);
		spin_unlock(&p->lock);
	} else {
		describe_parent(&info);
	}
	status = call_output(f, 0, &info);
	spin_unlock(&lock);
	return status;
}

static u16 set_name(struct call_frame *f)
{
	const struct mullion_partition_name *in = (const void *)f->input;

	if (in->name[MULLION_NAME_MAX - 1])
		return HV_STATUS_INVALID_PARAMETER;
	memcpy(f->p->uuid, in->uuid, sizeof(in->uuid));
	memcpy(f->p->name, in->name, sizeof(in->name));
	return HV_STATUS_SUCCESS;
}

static u16 bind_port(struct call_frame *f)
{
	return port_bind(f->p, (const void *)f->input);
}

static u16 unbind_port(struct call_frame *f)
{
	const struct mullion_bind_port *in = (const void *)f->input;

	return port_unbind(f->p, in->connection);
}

#define ON CALL_PARTITION
#define IN(call) sizeof(struct hv_input_##call)
#define OUT(call) sizeof(struct hv_output_##call)
#define PORT sizeof(struct mullion_bind_port)
#define NAME sizeof(struct mullion_partition_name)
#define INFO sizeof(struct mullion_partition_info)

const struct call partition_calls[] = {
	{ HVCALL_CREATE_PARTITION, 0, 0, IN(create_partition), OUT(create_partition), create },
	{ HVCALL_INITIALIZE_PARTITION, ON, 0, IN(partition), 0, initialize },
	{ HVCALL_FINALIZE_PARTITION, ON | CALL_FINALIZED, 0, IN(partition), 0, finalize },
	{ HVCALL_DELETE_PARTITION, ON | CALL_FINALIZED, 0, IN(partition), 0, delete },
	{ HVCALL_GET_PARTITION_PROPERTY, ON | CALL_PARENT, 0, IN(get_partition_property),
	  OUT(get_partition_property), get_property },
	{ HVCALL_SET_PARTITION_PROPERTY, ON | CALL_PARENT, 0, IN(set_partition_property), 0,
	  set_property },
	{ HVCALL_DEPOSIT_MEMORY, ON | CALL_PARENT | CALL_REP, 8, IN(deposit_memory), 0, deposit },
	{ HVCALL_WITHDRAW_MEMORY, ON | CALL_PARENT | CALL_FINALIZED | CALL_REP, 0,
	  IN(withdraw_memory), 8, withdraw },
	{ HVCALL_MAP_GPA_PAGES, ON | CALL_REP, 8, IN(map_gpa_pages), 0, map },
	{ HVCALL_UNMAP_GPA_PAGES, ON | CALL_REP, 0, IN(unmap_gpa_pages), 0, unmap },
	{ HVCALL_GET_GPA_PAGES_ACCESS_STATES, ON | CALL_REP, 0, IN(get_gpa_pages_access_states), 1,
	  access_states },
	{ MULLION_CALL_DONATE, CALL_RDX, 0, 0, 0, move_block },
	{ MULLION_CALL_RECLAIM, CALL_RDX, 0, 0, 0, move_block },
	{ MULLION_CALL_GET_PARTITION, CALL_RDX, 0, 0, INFO, get_partition },
	{ MULLION_CALL_SET_NAME, ON, 0, NAME, 0, set_name },
	{ MULLION_CALL_BIND_PORT, ON, 0, PORT, 0, bind_port },
	{ MULLION_CALL_UNBIND_PORT, ON, 0, PORT, 0, unbind_port },
	{ 0 },
};
