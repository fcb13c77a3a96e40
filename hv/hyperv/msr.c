/* SPDX-License-Identifier: GPL-2.0-only */
/* MSRs of children, see msr.h. Pure. */
#include "hyperv/msr.h"

#include <hyperv/guest.h>

#include "core/string.h"
#include "hyperv/crash.h"
#include "hyperv/stimer.h"
#include "hyperv/synic.h"

#define MTRR_FIXED (2ul * MSR_MTRR_PAIRS) /* the first's place in msr_vp.mtrr */
#define MTRR_ENABLE BIT(11) /* in the default type; in a PHYSMASK: valid */
#define MTRR_ENABLE_FIXED BIT(10)
#define MEMORY_WRITE_BACK 6
#define MEMORY_TYPES 0x73u /* bit t: type t is one */

/* Answers that the table gives itself; value is the answer, or an index or offset. */
enum kind {
	CONSTANT = 64, /* writes are ignored */
	READ_ONLY, /* writes fault */
	CONTEXT, /* the word at this offset of struct msr_context; read-only */
	PARTITION, /* of struct msr_partition */
	TIME,
	ASSIST,
	MTRR, /* from this index on */
};

#define AT(member) offsetof(struct msr_context, member)

/* kind: enum kind or enum msr_result. access: HV_ACCESS_* without which there is no such
 * MSR. */
static const struct row {
	u32 first, last;
	u8 kind;
	u32 access;
	u64 value;
} rows[] = {
	{ 0x10, 0x10, CONTEXT, 0, AT(tsc) },
	{ 0x17, 0x17, READ_ONLY, 0, 0 }, /* platform id */
	{ 0x1b, 0x1b, MSR_TO_APIC, 0, 0 }, /* APIC_BASE */
	{ 0x8b, 0x8b, CONSTANT, 0, 0x101000065 }, /* microcode: Intel's high, AMD's low */
	{ 0xce, 0xce, READ_ONLY, 0, 0 }, /* platform info */
	{ 0xfe, 0xfe, READ_ONLY, 0, MSR_MTRR_CAP },
	{ 0x174, 0x176, MSR_TO_VENDOR, 0, 0 }, /* SYSENTER */
	{ 0x179, 0x179, READ_ONLY, 0, 0 }, /* no machine check banks */
	{ 0x17a, 0x17a, CONSTANT, 0, 0 }, /* machine check status */
	{ 0x1a0, 0x1a0, CONSTANT, 0, 0x1801 }, /* fast strings, no BTS, no PEBS */
	{ 0x1d9, 0x1d9, CONSTANT, 0, 0 }, /* debug control */
	{ 0x200, 0x20f, MTRR, 0, 0 },
	{ 0x250, 0x250, MTRR, 0, MTRR_FIXED },
	{ 0x258, 0x259, MTRR, 0, MTRR_FIXED + 1 },
	{ 0x268, 0x26f, MTRR, 0, MTRR_FIXED + 3 },
	{ 0x277, 0x277, MSR_TO_VENDOR, 0, 0 }, /* PAT */
	{ 0x2ff, 0x2ff, MTRR, 0, MSR_MTRR_DEFAULT },
	{ 0x800, 0x8ff, MSR_TO_APIC, 0, 0 },
	{ 0xc0000080, 0xc0000084, MSR_TO_VENDOR, 0, 0 }, /* EFER, STAR to SFMASK */
	{ 0xc0000100, 0xc0000103, MSR_TO_VENDOR, 0, 0 }, /* FS, GS, KERNEL_GS, TSC_AUX */
	{ 0xc0010010, 0xc0010010, CONSTANT, 0, 0 }, /* SYSCFG */
	{ 0xc0010015, 0xc0010015, CONSTANT, 0, BIT(24) }, /* HWCR: TSC at P0's rate */
	{ 0xc001001a, 0xc001001f, CONSTANT, 0, 0 }, /* TOP_MEM, TOP_MEM2, northbridge */
	{ 0xc0010055, 0xc0010055, CONSTANT, 0, 0 }, /* interrupt pending: no C1E */
	{ 0xc0010058, 0xc0010058, CONSTANT, 0, 0 }, /* PCI configuration space */
	{ 0xc0011022, 0xc0011023, CONSTANT, 0, 0 }, /* data cache, bus unit */
	{ 0xc0011029, 0xc0011029, CONSTANT, 0, BIT(1) }, /* LFENCE serializes */
	{ 0xc001102a, 0xc001102a, CONSTANT, 0, 0 }, /* bus unit 2 */
	{ 0x40000000, 0x40000001, PARTITION, HV_ACCESS_HYPERCALL_MSRS, 0 },
	{ 0x40000002, 0x40000002, CONTEXT, HV_ACCESS_VP_INDEX, AT(index) },
	{ 0x40000020, 0x40000020, TIME, HV_ACCESS_REFERENCE_COUNTER, 0 },
	{ 0x40000021, 0x40000021, TIME, HV_ACCESS_REFERENCE_TSC, 0 },
	{ 0x40000022, 0x40000022, CONTEXT, HV_ACCESS_FREQUENCY_MSRS, AT(tsc_hz) },
	{ 0x40000023, 0x40000023, CONTEXT, HV_ACCESS_FREQUENCY_MSRS, AT(apic_hz) },
	{ 0x40000070, 0x40000072, MSR_TO_APIC, HV_ACCESS_APIC_MSRS, 0 },
	{ 0x40000073, 0x40000073, ASSIST, HV_ACCESS_APIC_MSRS, 0 },
	{ SYNIC_MSR_FIRST, SYNIC_MSR_LAST, MSR_TO_SYNIC, HV_ACCESS_SYNIC, 0 },
	{ STIMER_MSR_FIRST, STIMER_MSR_LAST, MSR_TO_STIMER, HV_ACCESS_SYNTHETIC_TIMERS, 0 },
	{ 0x400000f0, 0x400000f0, MSR_TO_IDLE, HV_ACCESS_GUEST_IDLE, 0 },
	{ CRASH_MSR_FIRST, CRASH_MSR_LAST, MSR_TO_CRASH, HV_ACCESS_HYPERCALL_MSRS, 0 },
};

static const struct row *find(const struct msr_context *c, u32 msr)
{
	static const struct row none = { .kind = MSR_UNKNOWN };

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		if (msr >= rows[i].first && msr <= rows[i].last && !(rows[i].access & ~c->access))
			return &rows[i];
	}
	return &none;
}

void msr_reset(struct msr_vp *vp)
{
	*vp = (struct msr_vp){ .mtrr[MSR_MTRR_DEFAULT] = MTRR_ENABLE | MEMORY_WRITE_BACK };
}

enum msr_result msr_read(const struct msr_context *c, u32 msr, u64 *value)
{
	const struct row *row = find(c, msr);

	switch (row->kind) {
	case CONSTANT:
	case READ_ONLY:
		*value = row->value;
		break;
	case CONTEXT:
		*value = *(const u64 *)((const u8 *)c + row->value);
		break;
	case PARTITION:
		*value = READ_ONCE(*(msr & 1 ? &c->partition->hypercall : &c->partition->os_id));
		break;
	case TIME:
		*value = msr & 1 ? reftime_read_msr(c->time) : reftime_read(c->time, c->tsc);
		break;
	case ASSIST:
		*value = c->vp->assist_page;
		break;
	case MTRR:
		*value = c->vp->mtrr[row->value + (msr - row->first)];
		break;
	default:
		return row->kind;
	}
	return MSR_DONE;
}

/* Is each byte a memory type? (0 is one.) */
static bool types_valid(u64 value)
{
	for (; value; value >>= 8) {
		if ((u8)value > 7 || !(MEMORY_TYPES >> (u8)value & 1))
			return false;
	}
	return true;
}

/* Intel SDM volume 3, 12.11.2: no reserved bits, no address that is too large. */
static enum msr_result write_mtrr(const struct msr_context *c, u32 index, u64 value)
{
	u64 address = (BIT(c->physical_bits) - 1) & PAGE_MASK;
	u64 flags = index == MSR_MTRR_DEFAULT ? MTRR_ENABLE | MTRR_ENABLE_FIXED : address;
	bool valid;

	if (index < MTRR_FIXED && index % 2)
		valid = !(value & ~(address | MTRR_ENABLE));
	else if (index < MTRR_FIXED || index == MSR_MTRR_DEFAULT)
		valid = !(value & ~(flags | 7)) && types_valid(value & 7);
	else
		valid = types_valid(value);
	if (valid)
		c->vp->mtrr[index] = value;
	return valid ? MSR_DONE : MSR_FAULT;
}

/* Who does not say what it is gets no page. Code that enters hv is written into one of
 * the guest's own. */
static enum msr_result write_hypercall(const struct msr_context *c, u64 value)
{
	u8 code[8] = { 0xf3, 0x0f, 0x1e, 0xfa, 0, 0, 0, 0xc3 }; /* endbr64; vmcall; ret */
	void *page = NULL;

	if (READ_ONCE(c->partition->hypercall) & HV_HYPERCALL_LOCKED)
		return MSR_DONE;
	if (!READ_ONCE(c->partition->os_id))
		value &= ~HV_MSR_PAGE_ENABLE;
	if (value & HV_MSR_PAGE_ENABLE) {
		page = c->pages->page(c->pages->ctx, value >> PAGE_SHIFT);
		if (!page)
			return MSR_FAULT;
		memcpy(code + 4, c->vmcall, 3);
		memcpy(page, code, sizeof(code));
	}
	WRITE_ONCE(c->partition->hypercall, value);
	return MSR_DONE;
}

enum msr_result msr_write(const struct msr_context *c, u32 msr, u64 value)
{
	const struct row *row = find(c, msr);

	switch (row->kind) {
	case CONSTANT:
		return MSR_DONE;
	case CONTEXT: /* the TSC stays: all clocks of the partition hang on it */
		return row->value == AT(tsc) ? MSR_DONE : MSR_FAULT;
	case READ_ONLY:
		return MSR_FAULT;
	case PARTITION:
		if (msr & 1)
			return write_hypercall(c, value);
		WRITE_ONCE(c->partition->os_id, value);
		if (!value)
			WRITE_ONCE(c->partition->hypercall, 0);
		return MSR_DONE;
	case TIME:
		if (!(msr & 1))
			return MSR_FAULT;
		reftime_write_msr(c->time, value);
		return MSR_DONE;
	case ASSIST:
		c->vp->assist_page = value;
		return MSR_DONE;
	case MTRR:
		return write_mtrr(c, (u32)row->value + (msr - row->first), value);
	case MSR_TO_IDLE:
		return MSR_FAULT;
	default:
		return row->kind;
	}
}
