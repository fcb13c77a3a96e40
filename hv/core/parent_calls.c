/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parent's calls about partitions: life, properties, memory, ports. Those about
 * VPs are in vp_calls.c.
 */
#include <hyperv/hypercall.h>
#include <hyperv/status.h>
#include <mullion/parent.h>

#include "core/calls.h"
#include "core/cpu.h"
#include "core/frames.h"
#include "core/lock.h"
#include "core/parent.h"
#include "core/partition.h"
#include "core/port.h"
#include "core/string.h"
#include "x86/asm.h"
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

/* The partition that the input names first, as most inputs do, if it is in such a state
 * still that it can be worked with. */
static u16 find(const struct call_frame *f, struct partition **p)
{
	*p = partition_find(f->input[0]);
	if (!*p)
		return HV_STATUS_INVALID_PARTITION_ID;
	if ((*p)->state == MULLION_PARTITION_FINALIZED) {
		partition_put(*p);
		return HV_STATUS_INVALID_PARTITION_STATE;
	}
	return HV_STATUS_SUCCESS;
}

static u16 initialize(struct call_frame *f)
{
	struct partition *p;
	u16 status = find(f, &p);

	if (status)
		return status;
	if (p->state != MULLION_PARTITION_CREATED)
		status = HV_STATUS_INVALID_PARTITION_STATE;
	else if (!partition_make_map(p))
		status = HV_STATUS_INSUFFICIENT_MEMORY;
	else
		p->state = MULLION_PARTITION_ACTIVE;
	partition_put(p);
	return status;
}

static u16 finalize(struct call_frame *f)
{
	struct partition *p = partition_find(f->input[0]);
	bool done;

	if (!p)
		return HV_STATUS_INVALID_PARTITION_ID;
	done = partition_finalize(p);
	partition_put(p);
	return done ? HV_STATUS_SUCCESS : CALL_AGAIN;
}

static u16 delete(struct call_frame *f)
{
	struct partition *p = partition_find(f->input[0]);

	if (!p)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (partition_finalize(p) && partition_delete(p))
		return HV_STATUS_SUCCESS;
	partition_put(p);
	return CALL_AGAIN;
}

/* ---- Properties ---- */

#define SYNTHETIC_FEATURES                                                                     \
	(HV_SYNTHETIC_HYPERVISOR_PRESENT | HV_SYNTHETIC_HV1 | HV_SYNTHETIC_VP_RUNTIME |        \
	 HV_SYNTHETIC_REFERENCE_COUNTER | HV_SYNTHETIC_SYNIC | HV_SYNTHETIC_TIMERS |           \
	 HV_SYNTHETIC_APIC_MSRS | HV_SYNTHETIC_HYPERCALL_MSRS | HV_SYNTHETIC_VP_INDEX |        \
	 HV_SYNTHETIC_REFERENCE_TSC | HV_SYNTHETIC_GUEST_IDLE | HV_SYNTHETIC_FREQUENCY_MSRS |  \
	 HV_SYNTHETIC_EXTENDED_GVA_RANGES | HV_SYNTHETIC_FAST_OUTPUT | HV_SYNTHETIC_START_VP | \
	 HV_SYNTHETIC_DIRECT_TIMERS | HV_SYNTHETIC_EXTENDED_MASKS | HV_SYNTHETIC_TLB_FLUSH |   \
	 HV_SYNTHETIC_CLUSTER_IPI | HV_SYNTHETIC_LONG_SPIN_WAIT | HV_SYNTHETIC_SIGNAL_EVENTS | \
	 HV_SYNTHETIC_RETARGET_INTERRUPT)

static struct spinlock parent_share_lock;

static u64 partition_now(struct partition *p)
{
	return rdtsc() + p->tsc_offset;
}

static bool is_share(u32 code)
{
	return code == HV_PARTITION_PROPERTY_CPU_WEIGHT || code == HV_PARTITION_PROPERTY_CPU_CAP ||
	       code == HV_PARTITION_PROPERTY_CPU_RESERVE;
}

/* p, or the parent with NULL; locked. */
static u64 get_share(const struct partition *p, u32 code)
{
	switch (code) {
	case HV_PARTITION_PROPERTY_CPU_WEIGHT:
		return p ? p->weight : parent.weight;
	case HV_PARTITION_PROPERTY_CPU_CAP:
		return p ? p->cap : parent.cap;
	default:
		return p ? p->reserve : parent.reserve;
	}
}

static u16 set_share(struct partition *p, u32 code, u64 value)
{
	bool weight = code == HV_PARTITION_PROPERTY_CPU_WEIGHT;
	u64 v[3] = { get_share(p, HV_PARTITION_PROPERTY_CPU_WEIGHT),
		     get_share(p, HV_PARTITION_PROPERTY_CPU_CAP),
		     get_share(p, HV_PARTITION_PROPERTY_CPU_RESERVE) };

	if (value > (weight ? HV_CPU_WEIGHT_MAX : HV_CPU_SHARE_WHOLE) || (weight && !value))
		return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
	v[weight ? 0 : code == HV_PARTITION_PROPERTY_CPU_CAP ? 1 : 2] = value;
	return partition_set_share(p, (u32)v[0], (u32)v[1], (u32)v[2]) ?
		       HV_STATUS_SUCCESS :
		       HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
}

static u16 get_property_of(struct partition *p, u32 code, u64 *value)
{
	switch (code) {
	case HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES:
		*value = p->synthetic_features;
		break;
	case HV_PARTITION_PROPERTY_TIME_FREEZE:
		*value = p->time.frozen;
		break;
	case HV_PARTITION_PROPERTY_REFERENCE_TIME:
		*value = reftime_read(&p->time, partition_now(p));
		break;
	case HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING:
		*value = p->track_access;
		break;
	case HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION:
		*value = p->ignore_unknown_msrs ?
				 HV_UNIMPLEMENTED_MSR_ACTION_IGNORE_WRITE_READ_ZERO :
				 HV_UNIMPLEMENTED_MSR_ACTION_FAULT;
		break;
	case HV_PARTITION_PROPERTY_PROCESSOR_FEATURES0:
		*value = ~p->disabled_features[0];
		break;
	case HV_PARTITION_PROPERTY_PROCESSOR_FEATURES1:
		*value = ~p->disabled_features[1];
		break;
	default:
		if (!is_share(code))
			return HV_STATUS_UNKNOWN_PROPERTY;
		*value = get_share(p, code);
	}
	return HV_STATUS_SUCCESS;
}

static u16 set_flag(bool *flag, u64 value)
{
	if (value > 1)
		return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
	*flag = value;
	return HV_STATUS_SUCCESS;
}

static u16 set_property_of(struct partition *p, u32 code, u64 value)
{
	bool freeze;
	u16 status;

	switch (code) {
	case HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES:
		if (p->state != MULLION_PARTITION_CREATED)
			return HV_STATUS_INVALID_PARTITION_STATE;
		if (value & ~SYNTHETIC_FEATURES)
			return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
		p->synthetic_features = value;
		return HV_STATUS_SUCCESS;
	case HV_PARTITION_PROPERTY_TIME_FREEZE:
		status = set_flag(&freeze, value);
		if (!status)
			reftime_freeze(&p->time, partition_now(p), freeze);
		return status;
	case HV_PARTITION_PROPERTY_REFERENCE_TIME:
		reftime_set(&p->time, partition_now(p), value);
		return HV_STATUS_SUCCESS;
	case HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING:
		return set_flag(&p->track_access, value);
	case HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION:
		return set_flag(&p->ignore_unknown_msrs, value);
	default:
		return is_share(code) ? set_share(p, code, value) : HV_STATUS_UNKNOWN_PROPERTY;
	}
}

static bool is_parent_id(u64 id)
{
	return !id || id == HV_PARTITION_ID_SELF;
}

static u16 get_property(struct call_frame *f)
{
	const struct hv_input_get_partition_property *in = (const void *)f->input;
	struct hv_output_get_partition_property out = { 0 };
	struct partition *p = NULL;
	u16 status = HV_STATUS_UNKNOWN_PROPERTY;

	if (is_parent_id(in->partition_id)) {
		if (!is_share(in->property_code))
			return status;
		out.property_value = get_share(NULL, in->property_code);
		return call_output(f, 0, &out);
	}
	status = find(f, &p);
	if (status)
		return status;
	status = get_property_of(p, in->property_code, &out.property_value);
	partition_put(p);
	return status ? status : call_output(f, 0, &out);
}

static u16 set_property(struct call_frame *f)
{
	const struct hv_input_set_partition_property *in = (const void *)f->input;
	struct partition *p = NULL;
	u16 status = HV_STATUS_UNKNOWN_PROPERTY;

	if (is_parent_id(in->partition_id)) {
		if (!is_share(in->property_code))
			return status;
		spin_lock(&parent_share_lock);
		status = set_share(NULL, in->property_code, in->property_value);
		spin_unlock(&parent_share_lock);
		return status;
	}
	status = find(f, &p);
	if (status)
		return status;
	status = set_property_of(p, in->property_code, in->property_value);
	partition_put(p);
	return status;
}

/* ---- Memory ---- */

static u16 donate(struct call_frame *f)
{
	if (f->rdx % MULLION_BLOCK_SIZE)
		return HV_STATUS_INVALID_ALIGNMENT;
	if (!parent_donate(GPA(f->rdx)))
		return HV_STATUS_INVALID_PARAMETER;
	return HV_STATUS_SUCCESS;
}

static u16 reclaim(struct call_frame *f)
{
	if (f->rdx % MULLION_BLOCK_SIZE)
		return HV_STATUS_INVALID_ALIGNMENT;
	if (!parent_reclaim(GPA(f->rdx)))
		return HV_STATUS_INVALID_PARAMETER;
	return HV_STATUS_SUCCESS;
}

/* The pool that the input names: a partition's, then *p is to be put, or the parent's. */
static u16 find_pool(const struct call_frame *f, struct partition **p, struct pool **pool)
{
	*p = is_parent_id(f->input[0]) ? NULL : partition_find(f->input[0]);
	if (!*p && !is_parent_id(f->input[0]))
		return HV_STATUS_INVALID_PARTITION_ID;
	*pool = *p ? &(*p)->pool : &parent.pool;
	return HV_STATUS_SUCCESS;
}

static void put_pool(struct partition *p)
{
	if (p)
		partition_put(p);
}

static u16 deposit(struct call_frame *f)
{
	struct partition *p;
	struct pool *pool;
	u64 frame;
	u16 status = find_pool(f, &p, &pool);

	if (status)
		return status;
	if (p && p->state == MULLION_PARTITION_FINALIZED)
		status = HV_STATUS_INVALID_PARTITION_STATE;
	while (!status && f->next < f->end) {
		status = call_element(f, f->next, &frame);
		if (!status && !pool_deposit(pool, frame))
			status = HV_STATUS_INVALID_PARAMETER;
		if (!status)
			f->next++;
	}
	put_pool(p);
	return status;
}

/* A page whose number cannot be told any more stays in the pool. */
static u16 withdraw(struct call_frame *f)
{
	struct partition *p;
	struct pool *pool;
	u64 frame;
	u16 status = find_pool(f, &p, &pool);

	if (status)
		return status;
	while (!status && f->next < f->end) {
		if (!pool_withdraw(pool, &frame)) {
			status = HV_STATUS_NO_RESOURCES;
			break;
		}
		status = call_output(f, f->next, &frame);
		if (status)
			pool_deposit(pool, frame);
		else
			f->next++;
	}
	put_pool(p);
	return status;
}

static u16 map(struct call_frame *f)
{
	const struct hv_input_map_gpa_pages *in = (const void *)f->input;
	u32 rights = in->map_flags & ~(HV_MAP_GPA_LARGE_PAGE | HV_MAP_GPA_ADJUSTABLE);
	bool large = in->map_flags & HV_MAP_GPA_LARGE_PAGE;
	u64 size = large ? LARGE_FRAMES : 1, frame;
	struct partition *p;
	u16 status;

	if (in->padding || in->target_gpa_base >= GFN_END)
		return HV_STATUS_INVALID_PARAMETER;
	status = find(f, &p);
	if (status)
		return status;
	if (!partition_make_map(p))
		status = HV_STATUS_INSUFFICIENT_MEMORY;
	while (!status && f->next < f->end) {
		status = call_element(f, f->next, &frame);
		if (!status)
			status = gpamap_map(&p->map, in->target_gpa_base + f->next * size, frame,
					    large, rights);
		if (!status)
			f->next++;
	}
	partition_put(p);
	return status;
}

static u16 unmap(struct call_frame *f)
{
	const struct hv_input_unmap_gpa_pages *in = (const void *)f->input;
	u64 size = in->unmap_flags & HV_UNMAP_GPA_LARGE_PAGE ? LARGE_FRAMES : 1;
	u64 first = in->target_gpa_base + f->next * size;
	u64 count = (f->end - f->next) * size;
	struct partition *p;
	u16 status;

	if ((in->unmap_flags & ~HV_UNMAP_GPA_LARGE_PAGE) || in->padding ||
	    in->target_gpa_base % size || in->target_gpa_base >= GFN_END || first >= GFN_END ||
	    count > GFN_END - first)
		return HV_STATUS_INVALID_PARAMETER;
	status = find(f, &p);
	if (status)
		return status;
	if (p->map.pt.root && !gpamap_unmap(&p->map, first, count))
		status = HV_STATUS_INSUFFICIENT_MEMORY;
	else
		f->next = f->end;
	partition_put(p);
	return status;
}

static u16 access_states(struct call_frame *f)
{
	const struct hv_input_get_gpa_pages_access_states *in = (const void *)f->input;
	struct partition *p;
	u16 status;

	if ((in->flags & ~HV_GPA_ACCESS_MASK) || in->gpa_base >= GFN_END)
		return HV_STATUS_INVALID_PARAMETER;
	status = find(f, &p);
	if (status)
		return status;
	if (!p->map.pt.root)
		status = HV_STATUS_INVALID_PARTITION_STATE;
	while (!status && f->next < f->end) {
		u8 state = gpamap_access(&p->map, in->gpa_base + f->next, in->flags);

		status = call_output(f, f->next, &state);
		if (!status)
			f->next++;
	}
	/* What was cleared must be seen to be set again. */
	if (in->flags & (HV_GPA_ACCESS_CLEAR_ACCESSED | HV_GPA_ACCESS_CLEAR_DIRTY))
		partition_flush(p);
	partition_put(p);
	return status;
}

/* ---- What partitions are and have ---- */

static void describe_parent(struct mullion_partition_info *info)
{
	info->state = MULLION_PARTITION_ACTIVE;
	info->vp_count = cpu_count;
	info->weight = parent.weight;
	info->cap = parent.cap;
	info->reserve = parent.reserve;
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
	info->weight = p->weight;
	info->cap = p->cap;
	info->reserve = p->reserve;
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
	struct mullion_partition_info info = { .size = sizeof(info) };
	struct partition *p = f->rdx ? partition_find_from(f->rdx) : NULL;

	if (f->rdx && !p)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (p) {
		describe(p, &info);
		partition_put(p);
	} else {
		describe_parent(&info);
	}
	return call_output(f, 0, &info);
}

static u16 set_name(struct call_frame *f)
{
	const struct mullion_partition_name *in = (const void *)f->input;
	struct partition *p;
	u16 status;

	if (in->name[MULLION_NAME_MAX - 1])
		return HV_STATUS_INVALID_PARAMETER;
	status = find(f, &p);
	if (status)
		return status;
	memcpy(p->uuid, in->uuid, sizeof(p->uuid));
	memcpy(p->name, in->name, sizeof(p->name));
	partition_put(p);
	return HV_STATUS_SUCCESS;
}

static u16 bind_port(struct call_frame *f)
{
	struct partition *p;
	u16 status = find(f, &p);

	if (status)
		return status;
	status = port_bind(p, (const void *)f->input);
	partition_put(p);
	return status;
}

static u16 unbind_port(struct call_frame *f)
{
	const struct mullion_bind_port *in = (const void *)f->input;
	struct partition *p;
	u16 status = find(f, &p);

	if (status)
		return status;
	status = port_unbind(p, in->connection);
	partition_put(p);
	return status;
}

const struct call partition_calls[] = {
	{ HVCALL_CREATE_PARTITION, 0, 0, sizeof(struct hv_input_create_partition),
	  sizeof(struct hv_output_create_partition), create },
	{ HVCALL_INITIALIZE_PARTITION, 0, 0, sizeof(struct hv_input_partition), 0, initialize },
	{ HVCALL_FINALIZE_PARTITION, 0, 0, sizeof(struct hv_input_partition), 0, finalize },
	{ HVCALL_DELETE_PARTITION, 0, 0, sizeof(struct hv_input_partition), 0, delete },
	{ HVCALL_GET_PARTITION_PROPERTY, 0, 0, sizeof(struct hv_input_get_partition_property),
	  sizeof(struct hv_output_get_partition_property), get_property },
	{ HVCALL_SET_PARTITION_PROPERTY, 0, 0, sizeof(struct hv_input_set_partition_property), 0,
	  set_property },
	{ HVCALL_DEPOSIT_MEMORY, CALL_REP, 8, sizeof(struct hv_input_deposit_memory), 0, deposit },
	{ HVCALL_WITHDRAW_MEMORY, CALL_REP, 0, sizeof(struct hv_input_withdraw_memory), 8,
	  withdraw },
	{ HVCALL_MAP_GPA_PAGES, CALL_REP, 8, sizeof(struct hv_input_map_gpa_pages), 0, map },
	{ HVCALL_UNMAP_GPA_PAGES, CALL_REP, 0, sizeof(struct hv_input_unmap_gpa_pages), 0, unmap },
	{ HVCALL_GET_GPA_PAGES_ACCESS_STATES, CALL_REP, 0,
	  sizeof(struct hv_input_get_gpa_pages_access_states), 1, access_states },
	{ MULLION_CALL_DONATE, CALL_RDX, 0, 0, 0, donate },
	{ MULLION_CALL_RECLAIM, CALL_RDX, 0, 0, 0, reclaim },
	{ MULLION_CALL_GET_PARTITION, CALL_RDX, 0, 0, sizeof(struct mullion_partition_info),
	  get_partition },
	{ MULLION_CALL_SET_NAME, 0, 0, sizeof(struct mullion_partition_name), 0, set_name },
	{ MULLION_CALL_BIND_PORT, 0, 0, sizeof(struct mullion_bind_port), 0, bind_port },
	{ MULLION_CALL_UNBIND_PORT, 0, 0, sizeof(struct mullion_bind_port), 0, unbind_port },
	{ 0 },
};
