/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parent's calls about VPs, and about the CPUs that it lets them run on. Each
 * finds the partition, which comes locked, checks, and acts.
 */
#include <mullion/parent.h>

#include "core/calls.h"
#include "core/child.h"
#include "core/cpu.h"
#include "core/events.h"
#include "core/frames.h"
#include "core/memory.h"
#include "core/parent.h"
#include "core/partition.h"
#include "core/registers.h"
#include "core/run.h"
#include "core/string.h"
#include "hyperv/child_exits.h"
#include "hyperv/override.h"
#include "x86/asm.h"
#include "x86/guest.h"

/* The VP, its partition locked; NULL, nothing locked, with the reason in *status. */
static struct child *find(u64 partition, u64 index, u16 *status)
{
	struct partition *p = partition_find(partition);
	struct vp *vp;

	*status = HV_STATUS_INVALID_PARTITION_ID;
	if (!p)
		return NULL;
	vp = index < VPS_MAX ? p->vps[index] : NULL;
	if (vp)
		return vp->child;
	*status = HV_STATUS_INVALID_VP_INDEX;
	spin_unlock(&p->lock);
	return NULL;
}

/* The same, of a VP that does not run. */
static struct child *find_settled(u64 partition, u64 index, u16 *status)
{
	struct child *c = find(partition, index, status);

	if (!c)
		return NULL;
	if (c->state != MULLION_VP_PAGE_RUN) {
		child_settle(c);
		return c;
	}
	*status = HV_STATUS_INVALID_VP_STATE;
	spin_unlock(&c->partition->lock);
	return NULL;
}

static void done(struct child *c)
{
	spin_unlock(&c->partition->lock);
}

static u16 create_vp(struct call_frame *f)
{
	const struct hv_input_create_vp *in = (void *)f->input;
	struct partition *p;
	u16 status;

	if (in->subnode_id && in->subnode_id != UINT64_MAX)
		return HV_STATUS_INVALID_PARAMETER;
	p = partition_find(in->partition_id);
	if (!p)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (in->vp_index >= VPS_MAX || p->vps[in->vp_index])
		status = HV_STATUS_INVALID_VP_INDEX;
	else if (p->state != MULLION_PARTITION_ACTIVE || !switch_child_xcr0())
		status = HV_STATUS_INVALID_PARTITION_STATE;
	else
		status = child_create(p, in->vp_index);
	spin_unlock(&p->lock);
	return status;
}

static u16 delete_vp(struct call_frame *f)
{
	const struct hv_input_delete_vp *in = (void *)f->input;
	u16 status;
	struct child *c = find(in->partition_id, in->vp_index, &status);
	struct partition *p;

	if (!c)
		return status;
	p = c->partition;
	vp_destroy(p, c->vp);
	spin_unlock(&p->lock);
	return HV_STATUS_SUCCESS;
}

static u16 share_pages(struct child *c, const struct mullion_bind_vp *in)
{
	struct mullion_vp_page *page = frame_share(GPA(in->page_gpa));

	if (!page)
		return HV_STATUS_INVALID_PARAMETER;
	if (in->registers_gpa) {
		c->registers = frame_share(GPA(in->registers_gpa));
		if (!c->registers) {
			frame_unshare(virt_to_phys(page));
			return HV_STATUS_INVALID_PARAMETER;
		}
	}
	c->page = page;
	return HV_STATUS_SUCCESS;
}

static u16 bind_vp(struct call_frame *f)
{
	const struct mullion_bind_vp *in = (void *)f->input;
	u16 status;
	struct child *c = find(in->partition, in->vp, &status);

	if (!c)
		return status;
	if (c->page)
		status = HV_STATUS_INVALID_VP_STATE;
	else if (in->event >= MULLION_EVENTS_MAX)
		status = HV_STATUS_INVALID_PARAMETER;
	else
		status = share_pages(c, in);
	if (!status) {
		c->event = in->event;
		c->event_cpu = f->vp->cpu;
		c->page->state = MULLION_VP_PAGE_SUSPENDED;
		if (c->registers)
			registers_to_page(c);
	}
	done(c);
	return status;
}

static u16 run_vp(struct call_frame *f)
{
	u16 status;
	struct child *c = find(f->rdx, f->r8, &status);
	struct cpu *cpu = f->vp->cpu;

	if (!c)
		return status;
	if (!c->page || c->partition->state != MULLION_PARTITION_ACTIVE) {
		done(c);
		return HV_STATUS_INVALID_VP_STATE;
	}
	c->event_cpu = cpu;
	if (c->state != MULLION_VP_PAGE_RUN) {
		child_settle(c);
		child_resume(c);
	}
	run_yield_to(cpu, c->vp);
	done(c);
	return HV_STATUS_SUCCESS;
}

static u16 stop_vp(struct call_frame *f)
{
	u16 status;
	struct child *c = find(f->rdx, f->r8, &status);

	if (!c)
		return status;
	child_suspend(c);
	done(c);
	return HV_STATUS_SUCCESS;
}

static u16 set_affinity(struct call_frame *f)
{
	const struct mullion_vp_affinity *in = (void *)f->input;
	u16 status;
	struct child *c = find(in->partition, in->vp, &status);
	bool any = false;

	if (!c)
		return status;
	for (u32 i = 0; i < cpu_count; i++)
		any |= in->cpus[i / 64] & BIT(i % 64);
	status = any && !in->reserved && sched_set_affinity(&c->vp->sched, in->cpus, rdtsc()) ?
			 HV_STATUS_SUCCESS :
			 HV_STATUS_INVALID_PARAMETER;
	done(c);
	return status;
}

/* --- The parent's CPUs. --- */

static u16 set_events(struct call_frame *f)
{
	struct cpu *cpu = f->vp->cpu;
	void *page = NULL;

	if (f->rdx && (f->r8 < 32 || f->r8 > 255))
		return HV_STATUS_INVALID_PARAMETER;
	if (!f->rdx && f->r8)
		return HV_STATUS_INVALID_PARAMETER;
	if (f->rdx) {
		page = frame_share(GPA(f->rdx));
		if (!page)
			return HV_STATUS_INVALID_PARAMETER;
	}
	run_withdraw_cpu(cpu);
	if (page) {
		events_use(cpu, page, (u8)f->r8);
		run_offer_cpu(cpu);
	}
	return HV_STATUS_SUCCESS;
}

static u16 tick(struct call_frame *f)
{
	ptimer_fired(&f->vp->cpu->timer);
	f->vp->cpu->resched = true;
	return HV_STATUS_SUCCESS;
}

static u16 get_cpu(struct call_frame *f)
{
	f->high = f->vp->cpu->index;
	return HV_STATUS_SUCCESS;
}

/* --- Registers and state. --- */

static u16 get_registers(struct call_frame *f)
{
	const struct hv_input_get_vp_registers *in = (void *)f->input;
	u16 status;
	struct child *c = find_settled(in->partition_id, in->vp_index, &status);

	if (!c)
		return status;
	for (status = 0; !status && f->next < f->end; f->next += !status) {
		union hv_register_value value;
		u32 name;

		status = call_element(f, f->next, &name);
		if (!status)
			status = register_get(c, name, &value);
		if (!status)
			status = call_output(f, f->next, &value);
	}
	done(c);
	return status;
}

static u16 set_registers(struct call_frame *f)
{
	const struct hv_input_set_vp_registers *in = (void *)f->input;
	u16 status;
	struct child *c = find_settled(in->partition_id, in->vp_index, &status);

	if (!c)
		return status;
	for (status = 0; !status && f->next < f->end; f->next += !status) {
		struct hv_register_assoc element;

		status = call_element(f, f->next, &element);
		if (!status)
			status = register_set(c, element.name, &element.value);
	}
	done(c);
	return status;
}

/* --- Addresses. --- */

#define TRANSLATE_FLAGS                                                              \
	(HV_TRANSLATE_GVA_VALIDATE_READ | HV_TRANSLATE_GVA_VALIDATE_WRITE |          \
	 HV_TRANSLATE_GVA_VALIDATE_EXECUTE | HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT |     \
	 HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS | HV_TRANSLATE_GVA_TLB_FLUSH_INHIBIT | \
	 HV_TRANSLATE_GVA_SUPERVISOR_ACCESS | HV_TRANSLATE_GVA_USER_ACCESS)
#define TRANSLATE_VALIDATES                                                 \
	(HV_TRANSLATE_GVA_VALIDATE_READ | HV_TRANSLATE_GVA_VALIDATE_WRITE | \
	 HV_TRANSLATE_GVA_VALIDATE_EXECUTE)
#define TRANSLATE_AS_SUPERVISOR \
	(HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT | HV_TRANSLATE_GVA_SUPERVISOR_ACCESS)

/* GUEST_*, of a VP at this CPL. */
static u32 access_of(u64 flags, u8 cpl)
{
	bool user = cpl == 3 || (flags & HV_TRANSLATE_GVA_USER_ACCESS);

	if (!(flags & TRANSLATE_VALIDATES) || (flags & TRANSLATE_AS_SUPERVISOR))
		user = false;
	return (flags & HV_TRANSLATE_GVA_VALIDATE_WRITE ? GUEST_WRITE : 0) |
	       (flags & HV_TRANSLATE_GVA_VALIDATE_EXECUTE ? GUEST_EXECUTE : 0) |
	       (flags & HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS ? GUEST_MARK : 0) |
	       (user ? GUEST_USER : 0);
}

static u16 translate(struct call_frame *f)
{
	const struct hv_input_translate_virtual_address *in = (void *)f->input;
	struct hv_output_translate_virtual_address out = { .cache_type = HV_CACHE_TYPE_WRITE_BACK };
	struct guest_memory memory = { .read = partition_read, .mark = partition_mark };
	struct vp_mode mode;
	struct child *c;
	gpa_t gpa;
	u16 status;

	if (in->padding || (in->control_flags & ~TRANSLATE_FLAGS) ||
	    ((in->control_flags & TRANSLATE_AS_SUPERVISOR) &&
	     (in->control_flags & HV_TRANSLATE_GVA_USER_ACCESS)) ||
	    in->gva_page > UINT64_MAX >> PAGE_SHIFT)
		return HV_STATUS_INVALID_PARAMETER;
	c = find_settled(in->partition_id, in->vp_index, &status);
	if (!c)
		return status;
	memory.ctx = c->partition;
	vendor->get_mode(c->vp, &mode);
	out.result_code = guest_translate(&memory, &mode, in->gva_page << PAGE_SHIFT,
					  access_of(in->control_flags, mode.cpl), &gpa);
	if (out.result_code == HV_TRANSLATE_GVA_SUCCESS)
		out.gpa_page = gpa.v >> PAGE_SHIFT;
	done(c);
	return call_output(f, 0, &out);
}

/* --- CPUID. --- */

static u16 register_cpuid(struct child *c, const struct hv_x64_cpuid_result *result)
{
	if (!c->overrides)
		c->overrides = pool_alloc(&c->partition->pool);
	return c->overrides ? override_register(c->overrides, result) :
			      HV_STATUS_INSUFFICIENT_MEMORY;
}

static u16 register_result(struct call_frame *f)
{
	const struct hv_input_register_intercept_result *in = (void *)f->input;
	u32 first = in->vp_index, last = in->vp_index;
	u16 status = HV_STATUS_INVALID_VP_INDEX;

	if (in->intercept_type != HV_INTERCEPT_TYPE_X64_CPUID)
		return HV_STATUS_INVALID_PARAMETER;
	if (in->vp_index == HV_ANY_VP) {
		first = 0;
		last = VPS_MAX - 1;
	}
	for (u32 i = first; i <= last; i++) {
		struct child *c = find_settled(in->partition_id, i, &status);

		if (!c && first != last && status == HV_STATUS_INVALID_VP_INDEX)
			continue;
		if (!c)
			return status;
		status = register_cpuid(c, &in->cpuid);
		done(c);
		if (status)
			return status;
	}
	return first != last ? HV_STATUS_SUCCESS : status;
}

static u16 cpuid_values(struct call_frame *f)
{
	const struct hv_input_get_vp_cpuid_values *in = (void *)f->input;
	u16 status;
	struct child *c;

	if (in->reserved || in->padding ||
	    (in->flags & ~(HV_CPUID_VALUES_OF_VP_XFEM | HV_CPUID_VALUES_REGISTERED)))
		return HV_STATUS_INVALID_PARAMETER;
	c = find_settled(in->partition_id, in->vp_index, &status);
	if (!c)
		return status;
	for (status = 0; !status && f->next < f->end; f->next += !status) {
		struct hv_cpuid_leaf_info element;
		u32 r[4];

		status = call_element(f, f->next, &element);
		if (status)
			break;
		if (in->flags & HV_CPUID_VALUES_OF_VP_XFEM)
			element.xfem = c->vp->switched.xcr0;
		child_cpuid(c, element.eax, element.ecx, element.xfem,
			    in->flags & HV_CPUID_VALUES_REGISTERED, r);
		status = call_output(f, f->next, r);
	}
	done(c);
	return status;
}

/* --- Interrupts. --- */

static u16 assert_interrupt(struct call_frame *f)
{
	const struct hv_input_assert_virtual_interrupt *in = (void *)f->input;
	static const u64 control = UINT32_MAX | HV_INTERRUPT_LEVEL_TRIGGERED |
				   HV_INTERRUPT_LOGICAL_DESTINATION;
	struct vapic_ipi ipi = {
		.sender = VAPIC_NO_SENDER,
		.dest = (u32)in->destination,
		.mode = (u32)in->control,
		.shorthand = IPI_TO_DEST,
		.vector = (u8)in->vector,
		.logical = in->control & HV_INTERRUPT_LOGICAL_DESTINATION,
		.wide = in->destination > 0xff,
		.level = in->control & HV_INTERRUPT_LEVEL_TRIGGERED,
	};
	struct partition *p;

	if ((in->control & ~control) || in->target_vtl || in->vector > 255 ||
	    in->destination > UINT32_MAX)
		return HV_STATUS_INVALID_PARAMETER;
	if ((ipi.mode == VAPIC_FIXED || ipi.mode == VAPIC_LOWEST) && in->vector < 16)
		return HV_STATUS_INVALID_PARAMETER;
	p = partition_find(in->partition_id);
	if (!p)
		return HV_STATUS_INVALID_PARTITION_ID;
	child_send_ipi(p, &ipi);
	spin_unlock(&p->lock);
	return HV_STATUS_SUCCESS;
}

static u16 signal_event(struct call_frame *f)
{
	const struct hv_input_signal_event_direct *in = (void *)f->input;
	struct hv_output_signal_event_direct out = { 0 };
	u16 status;
	struct child *c = find(in->partition_id, in->vp_index, &status);
	bool newly = false;

	if (!c)
		return status;
	spin_lock(&c->synic.lock);
	status = synic_signal(&c->synic, in->sint, in->flag_number, &newly);
	child_deliver_due(c);
	spin_unlock(&c->synic.lock);
	done(c);
	out.newly_signaled = newly;
	return status ? status : call_output(f, 0, &out);
}

static u16 post_message(struct call_frame *f)
{
	const struct hv_input_post_message_direct *in = (void *)f->input;
	struct hv_message message;
	u16 status;
	struct child *c = find(in->partition_id, in->vp_index, &status);

	if (!c)
		return status;
	memcpy(&message, in->message, sizeof(message));
	spin_lock(&c->synic.lock);
	status = synic_post(&c->synic, in->sint, &message);
	child_deliver_due(c);
	spin_unlock(&c->synic.lock);
	done(c);
	return status;
}

/* --- The states that are more than registers. --- */

/* The page that the list names. */
static u16 state_page(const struct call_frame *f, u64 *gpa)
{
	u64 frame;

	if (f->variable != sizeof(frame))
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (!parent_read(GPA(f->rdx + f->call->input_size), &frame, sizeof(frame)) ||
	    frame > UINT64_MAX >> PAGE_SHIFT)
		return HV_STATUS_INVALID_PARAMETER;
	*gpa = frame << PAGE_SHIFT;
	return HV_STATUS_SUCCESS;
}

static u16 get_lapic(struct child *c, u64 gpa)
{
	struct hv_x64_lapic_state state;

	vapic_export(&c->apic, child_time(c) * 100, &state);
	return parent_write(GPA(gpa), &state, sizeof(state)) ? HV_STATUS_SUCCESS :
							       HV_STATUS_INVALID_PARAMETER;
}

static u16 set_lapic(struct child *c, u64 gpa)
{
	struct hv_x64_lapic_state state;

	if (!parent_read(GPA(gpa), &state, sizeof(state)) ||
	    !vapic_import(&c->apic, child_time(c) * 100, &state))
		return HV_STATUS_INVALID_PARAMETER;
	return HV_STATUS_SUCCESS;
}

static u16 get_xsave(struct child *c, u64 gpa)
{
	return parent_write(GPA(gpa), c->vp->switched.area, PAGE_SIZE) ?
		       HV_STATUS_SUCCESS :
		       HV_STATUS_INVALID_PARAMETER;
}

static u16 set_xsave(struct child *c, u64 gpa)
{
	return switch_import(&c->vp->switched, gpa) ? HV_STATUS_SUCCESS :
						      HV_STATUS_INVALID_PARAMETER;
}

static u16 vp_state(struct call_frame *f)
{
	const struct hv_input_vp_state *in = (void *)f->input;
	bool get = f->call->code == HVCALL_GET_VP_STATE;
	u32 type = in->type;
	struct child *c;
	u16 status;
	u64 gpa;

	if (type != HV_VP_STATE_LAPIC && type != HV_VP_STATE_XSAVE)
		return HV_STATUS_INVALID_PARAMETER;
	status = state_page(f, &gpa);
	if (status)
		return status;
	c = find_settled(in->partition_id, in->vp_index, &status);
	if (!c)
		return status;
	if (type == HV_VP_STATE_LAPIC)
		status = get ? get_lapic(c, gpa) : set_lapic(c, gpa);
	else
		status = get ? get_xsave(c, gpa) : set_xsave(c, gpa);
	done(c);
	return status;
}

#define REGISTER_RESULT_SIZE offsetof(struct hv_input_register_intercept_result, padding)

const struct call vp_calls[] = {
	{ HVCALL_CREATE_VP, 0, 0, sizeof(struct hv_input_create_vp), 0, create_vp },
	{ HVCALL_DELETE_VP, 0, 0, sizeof(struct hv_input_delete_vp), 0, delete_vp },
	{ HVCALL_GET_VP_REGISTERS, CALL_REP, sizeof(u32), sizeof(struct hv_input_get_vp_registers),
	  sizeof(union hv_register_value), get_registers },
	{ HVCALL_SET_VP_REGISTERS, CALL_REP, sizeof(struct hv_register_assoc),
	  sizeof(struct hv_input_set_vp_registers), 0, set_registers },
	{ HVCALL_GET_VP_STATE, CALL_VARIABLE, 0, sizeof(struct hv_input_vp_state), 0, vp_state },
	{ HVCALL_SET_VP_STATE, CALL_VARIABLE, 0, sizeof(struct hv_input_vp_state), 0, vp_state },
	{ HVCALL_TRANSLATE_VIRTUAL_ADDRESS, 0, 0, sizeof(struct hv_input_translate_virtual_address),
	  sizeof(struct hv_output_translate_virtual_address), translate },
	{ HVCALL_REGISTER_INTERCEPT_RESULT, 0, 0, REGISTER_RESULT_SIZE, 0, register_result },
	{ HVCALL_GET_VP_CPUID_VALUES, CALL_REP, sizeof(struct hv_cpuid_leaf_info),
	  sizeof(struct hv_input_get_vp_cpuid_values), sizeof(struct hv_output_get_vp_cpuid_values),
	  cpuid_values },
	{ HVCALL_ASSERT_VIRTUAL_INTERRUPT, 0, 0, sizeof(struct hv_input_assert_virtual_interrupt),
	  0, assert_interrupt },
	{ HVCALL_SIGNAL_EVENT_DIRECT, 0, 0, sizeof(struct hv_input_signal_event_direct),
	  sizeof(struct hv_output_signal_event_direct), signal_event },
	{ HVCALL_POST_MESSAGE_DIRECT, 0, 0, sizeof(struct hv_input_post_message_direct), 0,
	  post_message },
	{ MULLION_CALL_BIND_VP, 0, 0, sizeof(struct mullion_bind_vp), 0, bind_vp },
	{ MULLION_CALL_RUN_VP, CALL_RDX | CALL_R8, 0, 0, 0, run_vp },
	{ MULLION_CALL_STOP_VP, CALL_RDX | CALL_R8, 0, 0, 0, stop_vp },
	{ MULLION_CALL_SET_AFFINITY, 0, 0, sizeof(struct mullion_vp_affinity), 0, set_affinity },
	{ MULLION_CALL_SET_EVENTS, CALL_RDX | CALL_R8, 0, 0, 0, set_events },
	{ MULLION_CALL_TICK, 0, 0, 0, 0, tick },
	{ MULLION_CALL_GET_CPU, 0, 0, 0, 0, get_cpu },
	{ 0 },
};
