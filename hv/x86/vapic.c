/* SPDX-License-Identifier: GPL-2.0-only */
/* A child's local APIC, see vapic.h. Pure. */
#include "x86/vapic.h"

#include <hyperv/guest.h>

#define REG(v, offset) ((v)->regs.reg[(offset) / 16])

#define VERSION (0x14u | (VAPIC_LVTS - 1) << 16)

/* Read-only status in the ICR (12) and local vectors (12, 14): ignored where
 * other bits that cannot be set fault. */
#define STATUS_BITS (BIT32(12) | BIT32(14))

#define ICR_MODES                                                                          \
	(BIT32(VAPIC_FIXED) | BIT32(VAPIC_LOWEST) | BIT32(VAPIC_NMI) | BIT32(VAPIC_INIT) | \
	 BIT32(VAPIC_SIPI))
#define ICR_LOGICAL BIT32(11)
#define ICR_ASSERT BIT32(14)
#define ICR_LEVEL BIT32(15)

#define DELIVERY(x) (((x) >> 8) & 7)
#define TIMER_PERIODIC BIT32(17)

#define R1 1u /* can be read in xAPIC mode */
#define R2 2u /* in x2APIC mode */
#define W1 4u /* can be written in xAPIC mode */
#define W2 8u
#define RO (R1 | R2)
#define RW (R1 | R2 | W1 | W2)

/* SDM volume 3, tables 11-1 and 11-6. bits: those that a write sets; of one that
 * is only read, those that it can have, or any if its value has another source. */
static const struct {
	u32 bits;
	u32 access;
} registers[64] = {
	[APIC_ID / 16] = { UINT32_MAX, RO },
	[APIC_VERSION / 16] = { UINT32_MAX, RO },
	[APIC_TPR / 16] = { 0xff, RW },
	[APIC_APR / 16] = { 0, R1 },
	[APIC_PPR / 16] = { 0, RO },
	[APIC_EOI / 16] = { 0, R1 | W1 | W2 },
	[APIC_RRD / 16] = { UINT32_MAX, R1 },
	[APIC_LDR / 16] = { UINT32_MAX, RO | W1 },
	[APIC_DFR / 16] = { UINT32_MAX, R1 | W1 },
	[APIC_SVR / 16] = { 0x3ff, RW },
	[APIC_ISR / 16] = { 0xffff0000u, RO },
	[APIC_ISR / 16 + 1 ... APIC_TMR / 16 - 1] = { UINT32_MAX, RO },
	[APIC_TMR / 16] = { 0xffff0000u, RO },
	[APIC_TMR / 16 + 1 ... APIC_IRR / 16 - 1] = { UINT32_MAX, RO },
	[APIC_IRR / 16] = { 0xffff0000u, RO },
	[APIC_IRR / 16 + 1 ... APIC_ESR / 16 - 1] = { UINT32_MAX, RO },
	[APIC_ESR / 16] = { 0xe0, RW },
	[APIC_ERRORS / 16] = { 0xe0, 0 },
	[APIC_LVT_CMCI / 16] = { UINT32_MAX, 0 },
	[APIC_ICR / 16] = { 0xccfff, RW },
	[APIC_ICR2 / 16] = { UINT32_MAX, R1 | W1 },
	[APIC_LVT_TIMER / 16] = { 0x300ff, RW },
	[APIC_LVT_THERMAL / 16] = { 0x107ff, RW },
	[APIC_LVT_PERF / 16] = { 0x107ff, RW },
	[APIC_LVT_LINT0 / 16] = { 0x1a7ff, RW },
	[APIC_LVT_LINT1 / 16] = { 0x1a7ff, RW },
	[APIC_LVT_ERROR / 16] = { 0x100ff, RW },
	[APIC_TMICT / 16] = { UINT32_MAX, RW },
	[APIC_TMCCT / 16] = { UINT32_MAX, RO },
	[APIC_TDCR / 16] = { 0xb, RW },
	[APIC_SELF_IPI / 16] = { 0xff, W2 },
};

/* The registers of struct hv_x64_lapic_state in its order, by offset / 16. */
static const u8 state_registers[] = {
	0x02, 0x03, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19,
	0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,
	0x31, 0x30, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x2f, 0x29, 0x38, 0x39, 0x3e, 0x0c,
};

_Static_assert(sizeof(struct hv_x64_lapic_state) == 4 * sizeof(state_registers), "the whole state");

/* Sets of vectors. */

static bool has(const u32 *set, u8 vector)
{
	return set[vector / 32] >> (vector % 32) & 1;
}

static void assign(u32 *set, u8 vector, bool on)
{
	u32 bit = BIT32(vector % 32);

	set[vector / 32] = (set[vector / 32] & ~bit) | (on ? bit : 0);
}

/* 0 also for none: vectors below 16 are never in a set. */
static u8 highest(const u32 *set)
{
	for (u32 i = 8; i-- > 0;) {
		u32 word = READ_ONCE(set[i]);

		if (word)
			return (u8)(32 * i + 31 - (u32)__builtin_clz(word));
	}
	return 0;
}

/* Arrival and errors. */

static bool enabled(const struct vapic *v)
{
	return v->mode != VLAPIC_DISABLED && (REG(v, APIC_SVR) & APIC_SVR_ENABLE);
}

static void request(struct vapic *v, u8 vector, bool level)
{
	assign(&REG(v, APIC_IRR), vector, true);
	assign(&REG(v, APIC_TMR), vector, level);
}

/* One interrupt for the first error, none until the ESR is written. */
static void error(struct vapic *v, u32 bit)
{
	u32 lvt = REG(v, APIC_LVT_ERROR);
	bool first = !REG(v, APIC_ERRORS);

	REG(v, APIC_ERRORS) |= bit;
	if (!first || (lvt & APIC_LVT_MASKED))
		return;
	if ((u8)lvt < 16)
		REG(v, APIC_ERRORS) |= APIC_ESR_RECEIVE_VECTOR;
	else
		request(v, (u8)lvt, false);
}

void vapic_accept(struct vapic *v, u8 vector, bool level)
{
	if (!enabled(v))
		return;
	if (vector < 16)
		error(v, APIC_ESR_RECEIVE_VECTOR);
	else
		request(v, vector, level);
}

static void local_interrupt(struct vapic *v, u32 lvt)
{
	if (lvt & APIC_LVT_MASKED)
		return;
	if (DELIVERY(lvt) == VAPIC_FIXED)
		vapic_accept(v, (u8)lvt, false);
	else if (DELIVERY(lvt) == VAPIC_NMI)
		v->regs.nmi = true;
}

/* Priority and service. */

static u32 processor_priority(const struct vapic *v)
{
	u32 in_service = highest(&REG(v, APIC_ISR)) & 0xf0u;
	u32 task = READ_ONCE(REG(v, APIC_TPR));

	return (task & 0xf0) >= in_service ? task : in_service;
}

u8 vapic_highest(const struct vapic *v)
{
	u8 vector = highest(&REG(v, APIC_IRR));

	return vector >> 4 > processor_priority(v) >> 4 ? vector : 0;
}

void vapic_take(struct vapic *v, u8 vector)
{
	assign(&REG(v, APIC_IRR), vector, false);
	if (!has(v->auto_eoi, vector))
		assign(&REG(v, APIC_ISR), vector, true);
}

enum vapic_action vapic_end(struct vapic *v, struct vapic_out *out)
{
	out->vector = highest(&REG(v, APIC_ISR));
	if (!out->vector)
		return VAPIC_DONE;
	assign(&REG(v, APIC_ISR), out->vector, false);
	out->level = has(&REG(v, APIC_TMR), out->vector);
	return VAPIC_EOI;
}

bool vapic_ends_unseen(const struct vapic *v)
{
	u8 vector = highest(&REG(v, APIC_ISR));

	return vector && !has(&REG(v, APIC_TMR), vector) && !highest(&REG(v, APIC_IRR));
}

void vapic_set_auto_eoi(struct vapic *v, u8 vector, bool on)
{
	assign(v->auto_eoi, vector, on);
}

u8 vapic_cr8(const struct vapic *v)
{
	return (u8)(REG(v, APIC_TPR) >> 4);
}

void vapic_set_cr8(struct vapic *v, u8 value)
{
	REG(v, APIC_TPR) = (u32)(value & 15) << 4;
}

/* The timer. */

static bool periodic(const struct vapic *v)
{
	return REG(v, APIC_LVT_TIMER) & TIMER_PERIODIC;
}

/* Nanoseconds for one count, as a power of two. */
static u32 timer_shift(const struct vapic *v)
{
	u32 code = (REG(v, APIC_TDCR) & 3) | (REG(v, APIC_TDCR) & 8) >> 1;

	return (code + 1) & 7;
}

static u64 timer_period(const struct vapic *v)
{
	return (u64)REG(v, APIC_TMICT) << timer_shift(v);
}

/* From start to the next expiry. A period below the least: so many of them that it
 * is long enough. */
static u64 timer_interval(const struct vapic *v, u64 least)
{
	u64 period = timer_period(v);

	if (!periodic(v) || period >= least)
		return period;
	return (least + period - 1) / period * period;
}

/* Since start, which may lie before time 0, or ahead by a difference of clocks. */
static u64 timer_elapsed(const struct vapic *v, u64 now)
{
	s64 elapsed = (s64)(now - v->regs.start);

	return elapsed < 0 ? 0 : (u64)elapsed;
}

static u32 timer_count(const struct vapic *v, u64 now)
{
	u64 elapsed = timer_elapsed(v, now);
	u64 period = timer_period(v);

	if (!v->regs.counting || (elapsed >= period && !periodic(v)))
		return 0;
	return REG(v, APIC_TMICT) - (u32)(elapsed % period >> timer_shift(v));
}

/* Counts on from count, in the divider and period that are set. */
static void timer_continue(struct vapic *v, u64 now, u32 count)
{
	v->regs.counting = count != 0;
	v->regs.start = now - ((u64)(REG(v, APIC_TMICT) - count) << timer_shift(v));
}

u64 vapic_deadline(const struct vapic *v)
{
	if (!v->regs.counting || (REG(v, APIC_LVT_TIMER) & APIC_LVT_MASKED))
		return UINT64_MAX;
	return v->regs.start + timer_interval(v, VAPIC_MIN_PERIOD);
}

static void timer_run(struct vapic *v, u64 now, u64 least)
{
	if (!v->regs.counting || (s64)(now - v->regs.start - timer_interval(v, least)) < 0)
		return;
	if (periodic(v))
		v->regs.start += timer_elapsed(v, now) / timer_period(v) * timer_period(v);
	else
		v->regs.counting = false;
	local_interrupt(v, REG(v, APIC_LVT_TIMER));
}

void vapic_expire(struct vapic *v, u64 now)
{
	timer_run(v, now, VAPIC_MIN_PERIOD);
}

/* IPIs. */

enum vapic_action vapic_write_icr(struct vapic *v, u32 low, struct vapic_out *out)
{
	bool wide = v->mode == VLAPIC_X2APIC;
	u32 shorthand = (low >> 18) & 3, mode = DELIVERY(low);

	REG(v, APIC_ICR) = low & registers[APIC_ICR / 16].bits;
	out->ipi = (struct vapic_ipi){
		.sender = v->id,
		.dest = REG(v, APIC_ICR2) >> (wide ? 0 : 24),
		.mode = mode,
		.shorthand = (enum vlapic_shorthand)shorthand,
		.vector = (u8)low,
		.logical = low & ICR_LOGICAL,
		.wide = wide,
	};
	if (mode <= VAPIC_LOWEST && (u8)low < 16) {
		error(v, APIC_ESR_SEND_VECTOR);
		return VAPIC_DONE;
	}
	/* SMI and what is reserved; INIT de-assert; all but fixed to oneself by
	 * shorthand (SDM, table 11-4). */
	if (!(BIT32(mode) & ICR_MODES) ||
	    (mode == VAPIC_INIT && (low & (ICR_LEVEL | ICR_ASSERT)) == ICR_LEVEL) ||
	    (mode != VAPIC_FIXED && (shorthand == IPI_TO_SELF || shorthand == IPI_TO_ALL)))
		return VAPIC_DONE;
	if (shorthand != IPI_TO_SELF)
		return VAPIC_IPI;
	vapic_accept(v, (u8)low, false);
	return VAPIC_DONE;
}

static u32 x2apic_ldr(u32 id)
{
	return id >> 4 << 16 | BIT32(id & 15);
}

static bool matches_logical(const struct vapic *t, u32 dest)
{
	u32 ldr = READ_ONCE(REG(t, APIC_LDR)) >> 24;

	if (READ_ONCE(t->mode) == VLAPIC_X2APIC)
		return t->id >> 4 == dest >> 16 && (x2apic_ldr(t->id) & dest & 0xffff);
	if (READ_ONCE(REG(t, APIC_DFR)) >> 28 == 0xf) /* flat */
		return dest <= 0xff && (ldr & dest);
	return ldr >> 4 == dest >> 4 && (ldr & dest & 0xf);
}

bool vapic_ipi_matches(const struct vapic *target, const struct vapic_ipi *ipi)
{
	if (READ_ONCE(target->mode) == VLAPIC_DISABLED)
		return false;
	switch (ipi->shorthand) {
	case IPI_TO_SELF:
		return target->id == ipi->sender;
	case IPI_TO_ALL:
		return true;
	case IPI_TO_OTHERS:
		return target->id != ipi->sender;
	default:
		if (ipi->dest == (ipi->wide ? UINT32_MAX : 0xff))
			return true;
		return ipi->logical ? matches_logical(target, ipi->dest) : target->id == ipi->dest;
	}
}

struct vapic *vapic_better(struct vapic *best, struct vapic *candidate)
{
	if (!enabled(candidate))
		return best;
	if (!best || processor_priority(candidate) < processor_priority(best))
		return candidate;
	return best;
}

/* Posting. What is posted is set first and the mark after it; vapic_sync takes the
 * mark first. So nothing is left behind without a mark and a kick. */

static bool post_mark(struct vapic *v)
{
	return !__atomic_exchange_n(&v->posted_any, 1, __ATOMIC_SEQ_CST);
}

bool vapic_post(struct vapic *target, u8 vector, bool level)
{
	u32 bit = BIT32(vector % 32);

	if (level)
		__atomic_fetch_or(&target->posted_level[vector / 32], bit, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&target->posted_level[vector / 32], ~bit, __ATOMIC_SEQ_CST);
	__atomic_fetch_or(&target->posted[vector / 32], bit, __ATOMIC_SEQ_CST);
	return post_mark(target);
}

bool vapic_post_ipi(struct vapic *target, const struct vapic_ipi *ipi)
{
	switch (ipi->mode) {
	case VAPIC_FIXED:
	case VAPIC_LOWEST:
		return vapic_post(target, ipi->vector, ipi->level);
	case VAPIC_INIT: /* ends what a start-up IPI before it began */
		__atomic_fetch_and(&target->posted_events, ~BIT32(VAPIC_SIPI), __ATOMIC_SEQ_CST);
		break;
	case VAPIC_SIPI:
		__atomic_store_n(&target->posted_page, ipi->vector, __ATOMIC_SEQ_CST);
		break;
	case VAPIC_NMI:
	case VAPIC_LINT0:
	case VAPIC_LINT1:
		break;
	default:
		return false;
	}
	__atomic_fetch_or(&target->posted_events, BIT32(ipi->mode), __ATOMIC_SEQ_CST);
	return post_mark(target);
}

static void take_posted(struct vapic *v)
{
	for (u32 i = 0; i < 8; i++) {
		u32 bits = __atomic_exchange_n(&v->posted[i], 0, __ATOMIC_SEQ_CST);
		u32 level = __atomic_load_n(&v->posted_level[i], __ATOMIC_SEQ_CST);
		u32 *tmr = &REG(v, APIC_TMR) + i;

		if (!enabled(v))
			continue;
		if (i == 0 && (bits & 0xffff))
			error(v, APIC_ESR_RECEIVE_VECTOR);
		bits &= i == 0 ? 0xffff0000u : UINT32_MAX;
		(&REG(v, APIC_IRR))[i] |= bits;
		*tmr = (*tmr & ~bits) | (level & bits);
	}
}

static void reset_registers(struct vapic *v)
{
	v->regs = (struct vapic_regs){ 0 };
	REG(v, APIC_DFR) = UINT32_MAX;
	REG(v, APIC_SVR) = 0xff;
	REG(v, APIC_LVT_CMCI) = APIC_LVT_MASKED;
	for (u32 lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 16)
		REG(v, lvt) = APIC_LVT_MASKED;
}

u32 vapic_sync(struct vapic *v, u8 *page)
{
	u32 events, done = 0;

	if (!READ_ONCE(v->posted_any))
		return 0;
	__atomic_store_n(&v->posted_any, 0, __ATOMIC_SEQ_CST);
	take_posted(v);
	events = __atomic_exchange_n(&v->posted_events, 0, __ATOMIC_SEQ_CST);
	if (events & BIT32(VAPIC_LINT0))
		local_interrupt(v, REG(v, APIC_LVT_LINT0));
	if (events & BIT32(VAPIC_LINT1))
		local_interrupt(v, REG(v, APIC_LVT_LINT1));
	if (events & BIT32(VAPIC_NMI))
		v->regs.nmi = true;
	if (events & BIT32(VAPIC_INIT)) {
		reset_registers(v);
		v->startup = v->bsp ? VLAPIC_RUNNING : VLAPIC_WAIT_SIPI;
		done |= BIT32(VAPIC_INIT);
	}
	if (v->startup != VLAPIC_WAIT_SIPI)
		return done;
	v->regs.nmi = false; /* a CPU that waits for its start takes none */
	if (events & BIT32(VAPIC_SIPI)) {
		*page = (u8)__atomic_load_n(&v->posted_page, __ATOMIC_SEQ_CST);
		v->startup = VLAPIC_RUNNING;
		done |= BIT32(VAPIC_SIPI);
	}
	return done;
}

/* Modes. */

static enum vlapic_mode base_mode(u64 base)
{
	if (!(base & APIC_BASE_ENABLE))
		return VLAPIC_DISABLED;
	return base & APIC_BASE_X2APIC ? VLAPIC_X2APIC : VLAPIC_XAPIC;
}

void vapic_reset(struct vapic *v, u32 id, u64 base, bool has_x2apic)
{
	*v = (struct vapic){
		.id = id,
		.mode = base_mode(base),
		.bsp = base & APIC_BASE_BSP,
		.startup = base & APIC_BASE_BSP ? VLAPIC_RUNNING : VLAPIC_WAIT_SIPI,
		.has_x2apic = has_x2apic,
	};
	reset_registers(v);
}

u64 vapic_read_base(const struct vapic *v)
{
	return APIC_DEFAULT_BASE | (v->bsp ? APIC_BASE_BSP : 0) |
	       (v->mode != VLAPIC_DISABLED ? APIC_BASE_ENABLE : 0) |
	       (v->mode == VLAPIC_X2APIC ? APIC_BASE_X2APIC : 0);
}

bool vapic_set_base(struct vapic *v, u64 value)
{
	u64 flags = value ^ APIC_DEFAULT_BASE;
	enum vlapic_mode to = base_mode(value);

	if ((flags & ~(APIC_BASE_BSP | APIC_BASE_ENABLE | APIC_BASE_X2APIC)) ||
	    ((flags & APIC_BASE_X2APIC) && (!v->has_x2apic || !(flags & APIC_BASE_ENABLE))))
		return false;
	/* The guest gets out of x2APIC mode only by disabling the APIC. */
	if (to != v->mode && (to == VLAPIC_DISABLED || v->mode == VLAPIC_X2APIC))
		reset_registers(v);
	v->mode = to;
	v->bsp = value & APIC_BASE_BSP;
	return true;
}

/* Intel SDM volume 3, figure 11-27. */
bool vapic_write_base(struct vapic *v, u64 value)
{
	enum vlapic_mode to = base_mode(value);

	if (((value ^ vapic_read_base(v)) & APIC_BASE_BSP) ||
	    (v->mode == VLAPIC_X2APIC && to == VLAPIC_XAPIC) ||
	    (v->mode == VLAPIC_DISABLED && to == VLAPIC_X2APIC))
		return false;
	return vapic_set_base(v, value);
}

/* Registers. */

static bool is_lvt(u32 offset)
{
	return offset >= APIC_LVT_TIMER && offset <= APIC_LVT_ERROR;
}

static void mask_disabled(struct vapic *v)
{
	for (u32 lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 16)
		REG(v, lvt) |= enabled(v) ? 0 : APIC_LVT_MASKED;
}

/* value has only bits that are kept. */
static enum vapic_action write_register(struct vapic *v, u32 offset, u32 value, u64 now,
					struct vapic_out *out)
{
	u32 count;

	timer_run(v, now, 0); /* what is due comes before what changes */
	count = timer_count(v, now);
	switch (offset) {
	case APIC_EOI:
		return vapic_end(v, out);
	case APIC_LDR:
		value &= 0xff000000u;
		break;
	case APIC_DFR:
		value |= 0x0fffffffu;
		break;
	case APIC_ESR:
		value = REG(v, APIC_ERRORS);
		REG(v, APIC_ERRORS) = 0;
		break;
	case APIC_ICR:
		return vapic_write_icr(v, value, out);
	case APIC_TMICT:
		count = value;
		break;
	case APIC_SELF_IPI:
		if (value < 16)
			error(v, APIC_ESR_SEND_VECTOR);
		else
			vapic_accept(v, (u8)value, false);
		return VAPIC_DONE;
	default:
		break;
	}
	REG(v, offset) = value;
	if (offset == APIC_TMICT || offset == APIC_TDCR)
		timer_continue(v, now, count);
	mask_disabled(v);
	return VAPIC_DONE;
}

static u32 read_register(const struct vapic *v, u32 offset, u64 now)
{
	bool x2 = v->mode == VLAPIC_X2APIC;

	switch (offset) {
	case APIC_ID:
		return x2 ? v->id : v->id << 24;
	case APIC_VERSION:
		return VERSION;
	case APIC_APR:
		return (u32)max_u64(highest(&REG(v, APIC_IRR)) & 0xf0u, processor_priority(v));
	case APIC_PPR:
		return processor_priority(v);
	case APIC_LDR:
		return x2 ? x2apic_ldr(v->id) : REG(v, APIC_LDR);
	case APIC_TMCCT:
		return timer_count(v, now);
	default:
		return REG(v, offset);
	}
}

/* 0 for what is no register. */
static u32 access(u32 offset)
{
	return offset % 16 || offset / 16 >= ARRAY_SIZE(registers) ? 0 :
								     registers[offset / 16].access;
}

u32 vapic_read_xapic(struct vapic *v, u32 offset, u64 now)
{
	if (access(offset) & R1)
		return read_register(v, offset, now);
	error(v, APIC_ESR_REGISTER);
	return 0;
}

enum vapic_action vapic_write_xapic(struct vapic *v, u32 offset, u32 value, u64 now,
				    struct vapic_out *out)
{
	if (access(offset) & W1)
		return write_register(v, offset, value & registers[offset / 16].bits, now, out);
	if (!(access(offset) & R1)) /* else it is read-only */
		error(v, APIC_ESR_REGISTER);
	return VAPIC_DONE;
}

bool vapic_read_msr(const struct vapic *v, u32 msr, u64 now, u64 *value)
{
	u32 offset = (msr - APIC_MSR_FIRST) * 16;

	if (v->mode != VLAPIC_X2APIC || !(access(offset) & R2))
		return false;
	*value = read_register(v, offset, now);
	if (offset == APIC_ICR)
		*value |= (u64)REG(v, APIC_ICR2) << 32;
	return true;
}

enum vapic_action vapic_write_msr(struct vapic *v, u32 msr, u64 value, u64 now,
				  struct vapic_out *out)
{
	u32 offset = (msr - APIC_MSR_FIRST) * 16;
	bool icr = offset == APIC_ICR;
	u32 bits, ignored = icr || is_lvt(offset) ? STATUS_BITS : 0;

	if (v->mode != VLAPIC_X2APIC || !(access(offset) & W2))
		return VAPIC_FAULT;
	bits = offset == APIC_ESR ? 0 : registers[offset / 16].bits;
	if (((u32)value & ~(bits | ignored)) || (value >> 32 && !icr))
		return VAPIC_FAULT;
	if (icr)
		REG(v, APIC_ICR2) = (u32)(value >> 32);
	return write_register(v, offset, (u32)value & bits, now, out);
}

/* By HV_X64_MSR_EOI, ICR, TPR. */
static u32 synthetic_register(u32 msr)
{
	return msr == HV_X64_MSR_EOI ? APIC_EOI : msr == HV_X64_MSR_ICR ? APIC_ICR : APIC_TPR;
}

bool vapic_read_synthetic(struct vapic *v, u32 msr, u64 now, u64 *value)
{
	u32 offset = synthetic_register(msr);

	if (v->mode == VLAPIC_X2APIC)
		return vapic_read_msr(v, APIC_MSR_FIRST + offset / 16, now, value);
	if (v->mode != VLAPIC_XAPIC || offset == APIC_EOI)
		return false;
	*value = read_register(v, offset, now);
	if (offset == APIC_ICR)
		*value |= (u64)REG(v, APIC_ICR2) << 32;
	return true;
}

enum vapic_action vapic_write_synthetic(struct vapic *v, u32 msr, u64 value, u64 now,
					struct vapic_out *out)
{
	u32 offset = synthetic_register(msr);

	if (v->mode == VLAPIC_X2APIC)
		return vapic_write_msr(v, APIC_MSR_FIRST + offset / 16, value, now, out);
	if (v->mode != VLAPIC_XAPIC || (value >> 32 && offset != APIC_ICR))
		return VAPIC_FAULT;
	if (offset == APIC_ICR)
		REG(v, APIC_ICR2) = (u32)(value >> 32);
	return vapic_write_xapic(v, offset, (u32)value, now, out);
}

/* The whole state. */

void vapic_export(struct vapic *v, u64 now, struct hv_x64_lapic_state *state)
{
	u32 *words = (u32 *)state;

	v->seen_tmcct = timer_count(v, now);
	for (u32 i = 0; i < ARRAY_SIZE(state_registers); i++)
		words[i] = read_register(v, 16u * state_registers[i], now);
}

bool vapic_import(struct vapic *v, u64 now, const struct hv_x64_lapic_state *state)
{
	const u32 *words = (const u32 *)state;
	bool same = state->initial_count == REG(v, APIC_TMICT) &&
		    state->divide_configuration == REG(v, APIC_TDCR) &&
		    state->counter_value == v->seen_tmcct;

	for (u32 i = 0; i < ARRAY_SIZE(state_registers); i++) {
		if (words[i] & ~registers[state_registers[i]].bits)
			return false;
	}
	if (state->counter_value > state->initial_count)
		return false;
	for (u32 i = 0; i < ARRAY_SIZE(state_registers); i++)
		v->regs.reg[state_registers[i]] = words[i];
	REG(v, APIC_DFR) |= 0x0fffffffu;
	v->seen_tmcct = state->counter_value;
	mask_disabled(v);
	if (!same)
		timer_continue(v, now, state->counter_value);
	return true;
}
