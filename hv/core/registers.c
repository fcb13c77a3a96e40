/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Most registers lie in struct vp, struct vp_state or struct child and are found by one
 * table; the others, that have rules of their own, by another.
 *
 * A value that the CPU would refuse to run with is refused here where it is known;
 * what is left (a combination) ends the VP with an unrecoverable exception when it
 * is entered.
 */
#include "core/registers.h"

#include <hyperv/status.h>

#include "core/child.h"
#include "core/partition.h"
#include "core/string.h"
#include "x86/asm.h"

/* Where a register lies. */
enum place {
	IN_VP, /* 64 bits in struct vp */
	IN_CHILD, /* 64 bits in struct child */
	IN_PARTITION, /* 64 bits in struct partition */
	IN_STATE, /* 64 bits in struct vp_state */
	SEGMENT, /* struct vp_segment in struct vp_state */
	TABLE, /* the same, base and limit alone */
};

struct field {
	u32 name; /* the first of count */
	u16 count;
	u8 place;
	u16 offset; /* of the first; the others follow */
	u64 mask; /* bits that may be set */
};

#define ANY UINT64_MAX
#define GENERAL(n) offsetof(struct vp, regs.r[n])
#define STATE(f) offsetof(struct vp_state, f)
#define CHILD(f) offsetof(struct child, f)

/* CR0's defined bits; CR4's without VMXE, FSGSBASE and above as the CPU has them. */
#define CR0_MASK 0xe005003ful
#define CR4_MASK 0x00f71fffful
#define RFLAGS_MASK 0x003f7fd7ul
#define EFER_MASK                                                                         \
	(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_LMSLE | EFER_FFXSR | EFER_TCE | \
	 EFER_AIBRSE)

static const struct field fields[] = {
	{ HV_X64_REGISTER_RAX, 16, IN_VP, GENERAL(0), ANY },
	{ HV_X64_REGISTER_RIP, 1, IN_VP, offsetof(struct vp, regs.rip), ANY },
	{ HV_X64_REGISTER_RFLAGS, 1, IN_VP, offsetof(struct vp, regs.rflags), RFLAGS_MASK },
	{ HV_X64_REGISTER_CR0, 1, IN_STATE, STATE(cr0), CR0_MASK },
	{ HV_X64_REGISTER_CR2, 1, IN_STATE, STATE(cr2), ANY },
	{ HV_X64_REGISTER_CR3, 1, IN_STATE, STATE(cr3), ANY },
	{ HV_X64_REGISTER_CR4, 1, IN_STATE, STATE(cr4), CR4_MASK },
	{ HV_X64_REGISTER_DR0, 4, IN_VP, offsetof(struct vp, switched.dr), ANY },
	{ HV_X64_REGISTER_DR6, 1, IN_STATE, STATE(dr6), UINT32_MAX },
	{ HV_X64_REGISTER_DR7, 1, IN_STATE, STATE(dr7), UINT32_MAX },
	{ HV_X64_REGISTER_ES, 1, SEGMENT, STATE(es), 0 },
	{ HV_X64_REGISTER_CS, 1, SEGMENT, STATE(cs), 0 },
	{ HV_X64_REGISTER_SS, 1, SEGMENT, STATE(ss), 0 },
	{ HV_X64_REGISTER_DS, 1, SEGMENT, STATE(ds), 0 },
	{ HV_X64_REGISTER_FS, 1, SEGMENT, STATE(fs), 0 },
	{ HV_X64_REGISTER_GS, 1, SEGMENT, STATE(gs), 0 },
	{ HV_X64_REGISTER_LDTR, 1, SEGMENT, STATE(ldtr), 0 },
	{ HV_X64_REGISTER_TR, 1, SEGMENT, STATE(tr), 0 },
	{ HV_X64_REGISTER_IDTR, 1, TABLE, STATE(idtr), 0 },
	{ HV_X64_REGISTER_GDTR, 1, TABLE, STATE(gdtr), 0 },
	{ HV_X64_REGISTER_EFER, 1, IN_STATE, STATE(efer), EFER_MASK },
	{ HV_X64_REGISTER_KERNEL_GS_BASE, 1, IN_STATE, STATE(kernel_gs_base), ANY },
	{ HV_X64_REGISTER_PAT, 1, IN_STATE, STATE(pat), 0x0707070707070707 },
	{ HV_X64_REGISTER_SYSENTER_CS, 1, IN_STATE, STATE(sysenter_cs), ANY },
	{ HV_X64_REGISTER_SYSENTER_EIP, 1, IN_STATE, STATE(sysenter_eip), ANY },
	{ HV_X64_REGISTER_SYSENTER_ESP, 1, IN_STATE, STATE(sysenter_esp), ANY },
	{ HV_X64_REGISTER_STAR, 1, IN_STATE, STATE(star), ANY },
	{ HV_X64_REGISTER_LSTAR, 1, IN_STATE, STATE(lstar), ANY },
	{ HV_X64_REGISTER_CSTAR, 1, IN_STATE, STATE(cstar), ANY },
	{ HV_X64_REGISTER_SFMASK, 1, IN_STATE, STATE(sfmask), ANY },
	{ HV_X64_REGISTER_TSC_AUX, 1, IN_VP, offsetof(struct vp, switched.tsc_aux), UINT32_MAX },
	{ HV_X64_REGISTER_MSR_MTRR_DEF_TYPE, 1, IN_CHILD, CHILD(msrs.mtrr[MSR_MTRR_DEFAULT]),
	  0xcff },
	{ HV_X64_REGISTER_MSR_MTRR_FIX64K00000, 11, IN_CHILD, CHILD(msrs.mtrr[2 * MSR_MTRR_PAIRS]),
	  ANY },
	{ HV_REGISTER_GUEST_CRASH_P0, 5, IN_CHILD, CHILD(crash.p), ANY },
	{ HV_REGISTER_VP_ASSIST_PAGE, 1, IN_CHILD, CHILD(msrs.assist_page), ANY },
	{ HV_REGISTER_GUEST_OS_ID, 1, IN_PARTITION, offsetof(struct partition, msrs.os_id), ANY },
	{ HV_X64_REGISTER_HYPERCALL, 1, IN_PARTITION, offsetof(struct partition, msrs.hypercall),
	  ANY },
};

static const struct field *find_field(u32 name)
{
	for (u32 i = 0; i < ARRAY_SIZE(fields); i++) {
		if (name - fields[i].name < fields[i].count)
			return &fields[i];
	}
	return NULL;
}

static void *field_at(struct child *c, struct vp_state *s, const struct field *f, u32 name)
{
	void *const bases[] = {
		[IN_VP] = c->vp, [IN_CHILD] = c, [IN_PARTITION] = c->partition,
		[IN_STATE] = s,	 [SEGMENT] = s,	 [TABLE] = s,
	};

	return (u8 *)bases[f->place] + f->offset + 8ul * (name - f->name);
}

static void get_field(const struct field *f, const void *at, union hv_register_value *value)
{
	const struct vp_segment *s = at;

	switch (f->place) {
	case SEGMENT:
		value->segment = (struct hv_x64_segment_register){
			.base = s->base,
			.limit = s->limit,
			.selector = s->selector,
			.attributes = s->attributes,
		};
		break;
	case TABLE:
		value->table = (struct hv_x64_table_register){
			.limit = (u16)s->limit,
			.base = s->base,
		};
		break;
	default:
		memcpy(&value->reg64, at, sizeof(value->reg64));
	}
}

static bool set_field(const struct field *f, void *at, const union hv_register_value *value)
{
	struct vp_segment *s = at;

	switch (f->place) {
	case SEGMENT:
		*s = (struct vp_segment){
			.base = value->segment.base,
			.limit = value->segment.limit,
			.selector = value->segment.selector,
			.attributes = value->segment.attributes & (u16)~HV_X64_SEGMENT_RESERVED,
		};
		return true;
	case TABLE:
		*s = (struct vp_segment){ .base = value->table.base, .limit = value->table.limit };
		return true;
	default:
		if (value->reg64 & ~f->mask)
			return false;
		memcpy(at, &value->reg64, sizeof(value->reg64));
		return true;
	}
}

/* --- Registers with rules of their own. --- */

static u64 interrupt_state(const struct vp *vp, const struct vp_state *s)
{
	return (s->shadow ? HV_X64_INTERRUPT_SHADOW : 0) |
	       (vp->nmi_blocked ? HV_X64_NMI_MASKED : 0);
}

static u64 get_pending(const struct vp_state *s)
{
	static const u64 types[] = { HV_X64_PENDING_INTERRUPT, HV_X64_PENDING_NMI,
				     HV_X64_PENDING_EXCEPTION };

	if (!s->event)
		return 0;
	return HV_X64_PENDING_VALID | types[s->event_type] << HV_X64_PENDING_TYPE_SHIFT |
	       (s->event_has_error ? HV_X64_PENDING_ERROR_CODE_VALID : 0) |
	       (u64)s->event_vector << HV_X64_PENDING_VECTOR_SHIFT |
	       (u64)s->event_error << HV_X64_PENDING_ERROR_CODE_SHIFT;
}

static bool set_pending(struct vp_state *s, u64 value)
{
	u64 type = (value & HV_X64_PENDING_TYPE) >> HV_X64_PENDING_TYPE_SHIFT;
	u64 vector = (value & HV_X64_PENDING_VECTOR) >> HV_X64_PENDING_VECTOR_SHIFT;

	s->event = value & HV_X64_PENDING_VALID;
	if (!s->event)
		return true;
	if (vector > 255 || (type != HV_X64_PENDING_INTERRUPT && type != HV_X64_PENDING_NMI &&
			     type != HV_X64_PENDING_EXCEPTION))
		return false;
	if (type == HV_X64_PENDING_EXCEPTION && (vector > 31 || vector == VECTOR_NMI))
		return false;
	s->event_type = type == HV_X64_PENDING_INTERRUPT ? 0 : type == HV_X64_PENDING_NMI ? 1 : 2;
	s->event_vector = (u8)vector;
	s->event_has_error = type == HV_X64_PENDING_EXCEPTION &&
			     (value & HV_X64_PENDING_ERROR_CODE_VALID);
	s->event_error = (u32)(value >> HV_X64_PENDING_ERROR_CODE_SHIFT);
	return true;
}

/* An exception: delivered like one that PENDING_INTERRUPTION names, and read as that. */
static bool set_event(struct vp_state *s, u64 low, u64 parameter)
{
	u64 vector = (low & HV_X64_EVENT_VECTOR) >> HV_X64_EVENT_VECTOR_SHIFT;
	u64 type = (low & HV_X64_EVENT_TYPE) >> HV_X64_EVENT_TYPE_SHIFT;

	if (!(low & HV_X64_EVENT_PENDING))
		return !low;
	if (type != HV_X64_EVENT_TYPE_EXCEPTION || vector > 31 || vector == VECTOR_NMI)
		return false;
	s->event = true;
	s->event_type = 2;
	s->event_vector = (u8)vector;
	s->event_has_error = low & HV_X64_EVENT_ERROR_CODE_VALID;
	s->event_error = (u32)(low >> HV_X64_EVENT_ERROR_CODE_SHIFT);
	if (vector == VECTOR_PF)
		s->cr2 = parameter;
	return true;
}

static u64 get_activity(const struct child *c)
{
	return (c->apic.startup == VLAPIC_WAIT_SIPI ? HV_ACTIVITY_STARTUP_SUSPEND : 0) |
	       (c->vp->halted ? (c->idle ? HV_ACTIVITY_IDLE_SUSPEND : HV_ACTIVITY_HALT_SUSPEND) :
				0);
}

static bool set_activity(struct child *c, u64 value)
{
	if (value &
	    ~(HV_ACTIVITY_STARTUP_SUSPEND | HV_ACTIVITY_HALT_SUSPEND | HV_ACTIVITY_IDLE_SUSPEND))
		return false;
	c->apic.startup = value & HV_ACTIVITY_STARTUP_SUSPEND ? VLAPIC_WAIT_SIPI : VLAPIC_RUNNING;
	c->idle = value & HV_ACTIVITY_IDLE_SUSPEND;
	c->vp->halted = value & (HV_ACTIVITY_HALT_SUSPEND | HV_ACTIVITY_IDLE_SUSPEND);
	return true;
}

static bool set_tsc(struct child *c, u64 value)
{
	/* Setting what was read a moment ago must not turn the clock back. */
	u64 late = rdtsc() + c->tsc_offset - value;

	if (value == c->tsc_read && late < BIT(40))
		return true;
	c->tsc_offset = value - rdtsc();
	vendor->set_tsc_offset(c->vp, c->tsc_offset);
	return true;
}

static bool set_xcr0(struct child *c, u64 value)
{
	if (!switch_xcr0_valid(value))
		return false;
	c->vp->switched.xcr0 = value;
	c->vp->switched.on = NULL;
	return true;
}

static bool get_special(struct child *c, const struct vp_state *s, u32 name, u64 *value)
{
	switch (name) {
	case HV_REGISTER_EXPLICIT_SUSPEND:
		*value = c->state == MULLION_VP_PAGE_SUSPENDED;
		return true;
	case HV_REGISTER_INTERCEPT_SUSPEND:
		*value = c->state == MULLION_VP_PAGE_MESSAGE;
		return true;
	case HV_REGISTER_INTERNAL_ACTIVITY_STATE:
		*value = get_activity(c);
		return true;
	case HV_REGISTER_PENDING_INTERRUPTION:
		*value = get_pending(s);
		return true;
	case HV_REGISTER_INTERRUPT_STATE:
		*value = interrupt_state(c->vp, s);
		return true;
	case HV_REGISTER_PENDING_EVENT0:
	case HV_REGISTER_PENDING_EVENT1:
	case HV_REGISTER_DELIVERABILITY_NOTIFICATIONS:
	case HV_X64_REGISTER_DEBUG_CTL:
		*value = 0;
		return true;
	case HV_X64_REGISTER_CR8:
		*value = vapic_cr8(&c->apic);
		return true;
	case HV_X64_REGISTER_XFEM:
		*value = c->vp->switched.xcr0;
		return true;
	case HV_X64_REGISTER_APIC_BASE:
		*value = vapic_read_base(&c->apic);
		return true;
	case HV_X64_REGISTER_INITIAL_APIC_ID:
	case HV_REGISTER_VP_INDEX:
		*value = c->vp->index;
		return true;
	case HV_X64_REGISTER_TSC:
		c->tsc_read = rdtsc() + c->tsc_offset;
		*value = c->tsc_read;
		return true;
	case HV_X64_REGISTER_MSR_MTRR_CAP:
		*value = MSR_MTRR_CAP;
		return true;
	case HV_REGISTER_TIME_REF_COUNT:
		*value = child_time(c);
		return true;
	case HV_REGISTER_REFERENCE_TSC:
		*value = reftime_read_msr(&c->partition->time);
		return true;
	default:
		return false;
	}
}

static bool set_special(struct child *c, struct vp_state *s, u32 name, u64 value)
{
	switch (name) {
	case HV_REGISTER_EXPLICIT_SUSPEND:
	case HV_REGISTER_INTERCEPT_SUSPEND: /* RUN_VP does it */
	case HV_X64_REGISTER_INITIAL_APIC_ID:
		return true;
	case HV_REGISTER_INTERNAL_ACTIVITY_STATE:
		return set_activity(c, value);
	case HV_REGISTER_PENDING_INTERRUPTION:
		return set_pending(s, value);
	case HV_REGISTER_INTERRUPT_STATE:
		s->shadow = value & HV_X64_INTERRUPT_SHADOW;
		c->vp->nmi_blocked = value & HV_X64_NMI_MASKED;
		vendor->nmi_block_changed(c->vp);
		return true;
	case HV_REGISTER_PENDING_EVENT1:
	case HV_REGISTER_DELIVERABILITY_NOTIFICATIONS:
	case HV_X64_REGISTER_DEBUG_CTL:
		return !value;
	case HV_X64_REGISTER_CR8:
		vapic_set_cr8(&c->apic, value & 15);
		return value < 16;
	case HV_X64_REGISTER_XFEM:
		return set_xcr0(c, value);
	case HV_X64_REGISTER_APIC_BASE:
		return vapic_set_base(&c->apic, value);
	case HV_X64_REGISTER_TSC:
		return set_tsc(c, value);
	case HV_REGISTER_REFERENCE_TSC:
		reftime_write_msr(&c->partition->time, value);
		return true;
	default:
		return false;
	}
}

/* MTRR bases and masks come in pairs: BASE n and MASK n are two numbers each of
 * their own row, and lie side by side. */
static u64 *mtrr_pair(struct child *c, u32 name)
{
	if (name - HV_X64_REGISTER_MSR_MTRR_PHYS_BASE0 < 8)
		return &c->msrs.mtrr[2ul * (name - HV_X64_REGISTER_MSR_MTRR_PHYS_BASE0)];
	if (name - HV_X64_REGISTER_MSR_MTRR_PHYS_MASK0 < 8)
		return &c->msrs.mtrr[2ul * (name - HV_X64_REGISTER_MSR_MTRR_PHYS_MASK0) + 1];
	return NULL;
}

/* x87 and SSE registers, where FXSAVE puts them. Returns their size, 0: none of
 * these. */
static u32 find_legacy(u32 name, u32 *offset)
{
	if (name - HV_X64_REGISTER_XMM0 < 16) {
		*offset = 160 + 16 * (name - HV_X64_REGISTER_XMM0);
		return 16;
	}
	if (name - HV_X64_REGISTER_FP_MMX0 < 8) {
		*offset = 32 + 16 * (name - HV_X64_REGISTER_FP_MMX0);
		return 10;
	}
	*offset = name == HV_X64_REGISTER_FP_CONTROL_STATUS ? 0 : 16;
	return name == HV_X64_REGISTER_FP_CONTROL_STATUS ||
			       name == HV_X64_REGISTER_XMM_CONTROL_STATUS ?
		       16 :
		       0;
}

u16 register_get(struct child *c, u32 name, union hv_register_value *value)
{
	const struct field *f = find_field(name);
	struct vp_state s;
	u32 offset, size = find_legacy(name, &offset);

	memset(value, 0, sizeof(*value));
	vendor->get_state(c->vp, &s);
	if (f) {
		get_field(f, field_at(c, &s, f, name), value);
		return HV_STATUS_SUCCESS;
	}
	if (size) {
		memcpy(value, (u8 *)c->vp->switched.area + offset, size);
		return HV_STATUS_SUCCESS;
	}
	if (mtrr_pair(c, name)) {
		value->reg64 = *mtrr_pair(c, name);
		return HV_STATUS_SUCCESS;
	}
	return get_special(c, &s, name, &value->reg64) ? HV_STATUS_SUCCESS :
							 HV_STATUS_INVALID_PARAMETER;
}

u16 register_set(struct child *c, u32 name, const union hv_register_value *value)
{
	const struct field *f = find_field(name);
	u32 offset, size = find_legacy(name, &offset);
	struct vp_state s;
	bool done;

	vendor->get_state(c->vp, &s);
	if (f) {
		done = set_field(f, field_at(c, &s, f, name), value);
	} else if (size) {
		done = switch_set_legacy(&c->vp->switched, offset, value, size);
	} else if (mtrr_pair(c, name)) {
		*mtrr_pair(c, name) = value->reg64;
		done = true;
	} else if (name == HV_REGISTER_PENDING_EVENT0) {
		done = set_event(&s, value->reg128.low, value->reg128.high);
	} else {
		done = set_special(c, &s, name, value->reg64);
	}
	if (!done)
		return HV_STATUS_INVALID_PARAMETER;
	if (name == HV_X64_REGISTER_RIP)
		c->dead = false;
	c->vp->regs.rflags |= RFLAGS_FIXED;
	c->vp->switched.on = NULL; /* debug registers */
	vendor->set_state(c->vp, &s);
	return HV_STATUS_SUCCESS;
}

/* --- The register page. --- */

static void segment_out(struct hv_x64_segment_register *to, const struct vp_segment *from)
{
	*to = (struct hv_x64_segment_register){ from->base, from->limit, from->selector,
						from->attributes };
}

void registers_to_page(struct child *c)
{
	struct hv_vp_register_page *page = c->registers;
	const struct vp *vp = c->vp;
	struct vp_state s;

	vendor->get_state(vp, &s);
	page->version = HV_VP_REGISTER_PAGE_VERSION_1;
	page->dirty = 0;
	memcpy(page->gp_registers, vp->regs.r, sizeof(vp->regs.r));
	page->rip = vp->regs.rip;
	page->rflags = vp->regs.rflags;
	segment_out(&page->es, &s.es);
	segment_out(&page->cs, &s.cs);
	segment_out(&page->ss, &s.ss);
	segment_out(&page->ds, &s.ds);
	segment_out(&page->fs, &s.fs);
	segment_out(&page->gs, &s.gs);
	page->cr0 = s.cr0;
	page->cr3 = s.cr3;
	page->cr4 = s.cr4;
	page->cr8 = vapic_cr8(&c->apic);
	page->efer = s.efer;
	page->dr7 = s.dr7;
	page->pending_interruption = get_pending(&s);
	page->interrupt_state = interrupt_state(vp, &s);
	page->xfem = vp->switched.xcr0;
	WRITE_ONCE(page->isvalid, 1);
}

/* The page is the runner's to scribble on: what it says is copied, then looked at. */
void registers_from_page(struct child *c)
{
	struct hv_vp_register_page *page = c->registers;
	u32 dirty = READ_ONCE(page->dirty) & HV_X64_REGISTER_CLASS_MASK;
	struct vp *vp = c->vp;

	if (!dirty)
		return;
	page->dirty = 0;
	if (dirty & BIT32(HV_X64_REGISTER_CLASS_GENERAL))
		memcpy(vp->regs.r, page->gp_registers, sizeof(vp->regs.r));
	if (dirty & BIT32(HV_X64_REGISTER_CLASS_IP))
		vp->regs.rip = READ_ONCE(page->rip);
	if (dirty & BIT32(HV_X64_REGISTER_CLASS_FLAGS))
		vp->regs.rflags = (READ_ONCE(page->rflags) & RFLAGS_MASK) | RFLAGS_FIXED;
	if (dirty & BIT32(HV_X64_REGISTER_CLASS_SEGMENT)) {
		for (u32 i = 0; i < ARRAY_SIZE(page->segments); i++) {
			union hv_register_value value = { .segment = page->segments[i] };

			register_set(c, HV_X64_REGISTER_ES + i, &value);
		}
	}
	/* A RIP that is set behind an instruction ends its shadow. */
	if (dirty & BIT32(HV_X64_REGISTER_CLASS_IP))
		vendor->end_shadow(vp);
}
