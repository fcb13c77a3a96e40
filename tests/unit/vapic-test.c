/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/x86/vapic.c: a child's local APIC. Register by register against a table made
 * from the manuals; arrival, priority and service against arrays of booleans; the
 * timer against one that counts tick by tick; posting from two threads.
 */
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "check.h"

#include "x86/vapic.h"

#define BASE APIC_DEFAULT_BASE
#define EN APIC_BASE_ENABLE
#define X2 APIC_BASE_X2APIC
#define BSP APIC_BASE_BSP

#define NEVER UINT64_MAX
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct vapic_out out;

static struct vapic made(uint32_t id, uint64_t base)
{
	struct vapic v;

	memset(&v, 0xa5, sizeof(v));
	vapic_reset(&v, id, base, true);
	return v;
}

/* In either mode, for what is the same in both. */
static uint32_t get(struct vapic *v, uint32_t offset, uint64_t now)
{
	uint64_t value = 0;

	if (v->mode != VLAPIC_X2APIC)
		return vapic_read_xapic(v, offset, now);
	CHECK(vapic_read_msr(v, 0x800 + offset / 16, now, &value));
	return (uint32_t)value;
}

static enum vapic_action set(struct vapic *v, uint32_t offset, uint32_t value, uint64_t now)
{
	if (v->mode != VLAPIC_X2APIC)
		return vapic_write_xapic(v, offset, value, now, &out);
	return vapic_write_msr(v, 0x800 + offset / 16, value, now, &out);
}

static struct vapic ready(uint32_t id, bool x2)
{
	struct vapic v = made(id, BASE | EN | BSP | (x2 ? X2 : 0));

	CHECK_EQ(set(&v, APIC_SVR, 0x1ff, 0), VAPIC_DONE);
	return v;
}

/* TLFS 6.0b, chapter 10: EOI, ICR and TPR by Hyper-V's MSRs, in either mode. */
static void synthetic(void)
{
	uint64_t value;

	for (int x2 = 0; x2 < 2; x2++) {
		struct vapic v = ready(3, x2);

		CHECK_NOTE("x2APIC %d", x2);
		CHECK(!vapic_read_synthetic(&v, 0x40000070, 0, &value));
		CHECK_EQ(vapic_write_synthetic(&v, 0x40000072, 0x45, 0, &out), VAPIC_DONE);
		CHECK(vapic_read_synthetic(&v, 0x40000072, 0, &value) && value == 0x45);
		CHECK_EQ(get(&v, APIC_TPR, 0), 0x45);
		CHECK_EQ(vapic_write_synthetic(&v, 0x40000072, 1ul << 32, 0, &out), VAPIC_FAULT);

		vapic_accept(&v, 0x61, false);
		vapic_take(&v, 0x61);
		CHECK_EQ(vapic_write_synthetic(&v, 0x40000070, 0, 0, &out), VAPIC_EOI);
		CHECK_EQ(out.vector, 0x61);

		value = (x2 ? 7ul : 7ul << 24) << 32 | 0x4041;
		CHECK_EQ(vapic_write_synthetic(&v, 0x40000071, value, 0, &out), VAPIC_IPI);
		CHECK_EQ(out.ipi.dest, 7);
		CHECK_EQ(out.ipi.vector, 0x41);
		CHECK(vapic_read_synthetic(&v, 0x40000071, 0, &value));
		CHECK_EQ(value >> 32, x2 ? 7 : 7 << 24);
		CHECK_EQ((uint32_t)value & 0xff, 0x41);
	}
	for (uint32_t msr = 0x40000070; msr < 0x40000073; msr++) {
		struct vapic v = made(0, BASE);

		CHECK(!vapic_read_synthetic(&v, msr, 0, &value));
		CHECK_EQ(vapic_write_synthetic(&v, msr, 0, 0, &out), VAPIC_FAULT);
	}
}

/* SDM volume 3, tables 11-1 and 11-6. Kept: bits that a write in xAPIC mode sets;
 * allowed: bits that do not fault in x2APIC mode. r, w: xAPIC; R, W: x2APIC. */
static const struct row {
	uint32_t offset;
	const char *access;
	uint32_t reset, kept, allowed;
} rows[] = {
	{ 0x020, "rR", 5u << 24, 0, 0 },
	{ 0x030, "rR", 0x50014, 0, 0 },
	{ 0x080, "rwRW", 0, 0xff, 0xff },
	{ 0x090, "r", 0, 0, 0 },
	{ 0x0a0, "rR", 0, 0, 0 },
	{ 0x0b0, "rwW", 0, 0, 0 },
	{ 0x0c0, "r", 0, 0, 0 },
	{ 0x0d0, "rwR", 0, 0xff000000, 0 },
	{ 0x0e0, "rw", 0xffffffff, 0xf0000000, 0 },
	{ 0x0f0, "rwRW", 0xff, 0x3ff, 0x3ff },
	{ 0x280, "rwRW", 0, 0, 0 },
	{ 0x300, "rwRW", 0, 0xccfff, 0xcdfff },
	{ 0x310, "rw", 0, 0xffffffff, 0 },
	{ 0x320, "rwRW", 0x10000, 0x300ff, 0x350ff },
	{ 0x330, "rwRW", 0x10000, 0x107ff, 0x157ff },
	{ 0x340, "rwRW", 0x10000, 0x107ff, 0x157ff },
	{ 0x350, "rwRW", 0x10000, 0x1a7ff, 0x1f7ff },
	{ 0x360, "rwRW", 0x10000, 0x1a7ff, 0x1f7ff },
	{ 0x370, "rwRW", 0x10000, 0x100ff, 0x150ff },
	{ 0x380, "rwRW", 0, 0xffffffff, 0xffffffff },
	{ 0x390, "rR", 0, 0, 0 },
	{ 0x3e0, "rwRW", 0, 0xb, 0xb },
	{ 0x3f0, "W", 0, 0, 0xff },
};

static struct row row_of(uint32_t offset)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].offset == offset)
			return rows[i];
	}
	if (offset >= 0x100 && offset < 0x280 && offset % 16 == 0)
		return (struct row){ offset, "rR", 0, 0, 0 };
	return (struct row){ offset, "", 0, 0, 0 };
}

static bool may(const struct row *r, char how)
{
	return strchr(r->access, how) != NULL;
}

static void registers_xapic(void)
{
	for (uint32_t offset = 0; offset < 0x1000; offset += offset < 0x400 ? 1 : 16) {
		const struct row r = row_of(offset);
		const bool other = offset == 0x280 || offset == 0x300 || !may(&r, 'w');

		CHECK_NOTE("offset 0x%x", offset);
		for (int bit = -1; bit < 32; bit++) {
			struct vapic v = made(5, BASE | EN);
			uint32_t value = bit < 0 ? 0 : 1u << bit;

			if (!CHECK_EQ(vapic_read_xapic(&v, offset, 0), r.reset))
				break;
			set(&v, 0x280, 0, 0);
			CHECK_EQ(vapic_read_xapic(&v, 0x280, 0), may(&r, 'r') ? 0 : 0x80);
			/* While disabled the mask of local vectors stays. */
			CHECK_EQ(vapic_write_xapic(&v, 0xf0, 0x1ff, 0, &out), VAPIC_DONE);
			CHECK(vapic_write_xapic(&v, offset, value, 0, &out) != VAPIC_FAULT);
			if (!other && offset != 0xb0)
				CHECK_EQ(vapic_read_xapic(&v, offset, 0),
					 offset == 0xe0 ? (value & r.kept) | 0xfffffff :
							  value & r.kept);
			if (other && offset != 0x280 && offset != 0x300 && may(&r, 'r'))
				CHECK_EQ(vapic_read_xapic(&v, offset, 0), r.reset);
			if (offset == 0x300)
				continue; /* vector 0 is an error of its own */
			set(&v, 0x280, 0, 0);
			CHECK_EQ(vapic_read_xapic(&v, 0x280, 0),
				 may(&r, 'r') || may(&r, 'w') ? 0 : 0x80);
		}
	}
}

static void registers_x2apic(void)
{
	for (uint32_t msr = 0x800; msr <= 0x8ff; msr++) {
		const struct row r = row_of((msr - 0x800) * 16);
		const bool ldr = msr == 0x80d;

		CHECK_NOTE("MSR 0x%x", msr);
		for (int bit = -1; bit < 64; bit++) {
			struct vapic v = made(0x25, BASE | EN | X2), before;
			uint64_t value = bit < 0 ? 0 : 1ul << bit, got = 0;
			bool allowed = may(&r, 'W') && (!(value & ~(uint64_t)r.allowed) ||
							(msr == 0x830 && bit >= 32));

			CHECK_EQ(vapic_read_msr(&v, msr, 0, &got), may(&r, 'R'));
			if (may(&r, 'R'))
				CHECK_EQ(got, msr == 0x802 ? 0x25 : ldr ? 0x20020 : r.reset);
			CHECK_EQ(vapic_write_msr(&v, 0x80f, 0x1ff, 0, &out), VAPIC_DONE);
			before = v;
			if (!CHECK_EQ(vapic_write_msr(&v, msr, value, 0, &out) == VAPIC_FAULT,
				      !allowed))
				break;
			if (!allowed)
				CHECK_MEM(&v, &before, sizeof(v));
			if (!allowed || !may(&r, 'R') || msr == 0x828)
				continue;
			CHECK(vapic_read_msr(&v, msr, 0, &got));
			CHECK_EQ(got, msr == 0x830 ? value & 0xffffffff000ccffful : value & r.kept);
		}
	}
}

/* In another mode there is no MSR at all. */
static void msrs_by_mode(void)
{
	for (int enabled = 0; enabled < 2; enabled++) {
		for (uint32_t msr = 0x800; msr <= 0x8ff; msr++) {
			struct vapic v = made(1, BASE | (enabled ? EN : 0)), before = v;
			uint64_t got;

			CHECK(!vapic_read_msr(&v, msr, 0, &got));
			CHECK_EQ(vapic_write_msr(&v, msr, 0, 0, &out), VAPIC_FAULT);
			CHECK_MEM(&v, &before, sizeof(v));
		}
	}
}

static void base(void)
{
	static const uint64_t bits[] = { 0, EN, EN | X2 };
	/* Intel SDM volume 3, figure 11-27. Rows: from; columns: to. */
	static const bool ways[3][3] = { { 1, 1, 0 }, { 1, 1, 1 }, { 1, 0, 1 } };

	for (size_t from = 0; from < 3; from++) {
		for (size_t to = 0; to < 3; to++) {
			struct vapic v = made(3, BASE | bits[from]);

			CHECK_NOTE("from %zu to %zu", from, to);
			v.regs.reg[APIC_TPR / 16] = 0x33;
			CHECK_EQ(vapic_write_base(&v, BASE | bits[to]), ways[from][to]);
			CHECK_EQ(vapic_read_base(&v), BASE | bits[ways[from][to] ? to : from]);
			CHECK_EQ(v.regs.reg[APIC_TPR / 16],
				 ways[from][to] && from && !to ? 0 : 0x33);
			v = made(3, BASE | bits[from]);
			v.regs.reg[APIC_TPR / 16] = 0x33;
			CHECK(vapic_set_base(&v, BASE | bits[to] | BSP));
			CHECK_EQ(vapic_read_base(&v), BASE | bits[to] | BSP);
			CHECK_EQ(v.regs.reg[APIC_TPR / 16], to < from ? 0 : 0x33);
			v.has_x2apic = false;
			CHECK_EQ(vapic_set_base(&v, BASE | bits[from]), from != 2);
			CHECK_EQ(vapic_write_base(&v, BASE | bits[from] | X2), false);
		}
		for (int bit = 0; bit < 64; bit++) {
			struct vapic v = made(3, BASE | bits[from]), before = v;

			if ((1ul << bit) & (EN | X2))
				continue;
			CHECK_NOTE("from %zu bit %d", from, bit);
			CHECK(!vapic_write_base(&v, (BASE | bits[from]) ^ (1ul << bit)));
			CHECK_MEM(&v, &before, sizeof(v));
			CHECK_EQ(vapic_set_base(&v, (BASE | bits[from]) ^ (1ul << bit)), bit == 8);
		}
		struct vapic v = made(3, BASE | bits[from]);

		CHECK(!vapic_write_base(&v, BASE | X2));
		CHECK(!vapic_set_base(&v, BASE | X2));
	}
}

/* --- Arrival, priority, service. --- */

struct model {
	bool irr[256], isr[256], tmr[256], posted[256], posted_level[256], auto_eoi[256];
	bool on;
	unsigned int tpr;
	bool illegal;
};

static unsigned int top(const bool *set)
{
	unsigned int vector = 0;

	for (unsigned int i = 0; i < 256; i++) {
		if (set[i])
			vector = i;
	}
	return vector;
}

static unsigned int model_ppr(const struct model *m)
{
	unsigned int isrv = top(m->isr);

	return m->tpr / 16 >= isrv / 16 ? m->tpr : isrv / 16 * 16;
}

static void model_accept(struct model *m, unsigned int vector, bool level)
{
	if (m->on && vector < 16)
		m->illegal = true;
	if (m->on && vector >= 16 && vector < 256) {
		m->irr[vector] = true;
		m->tmr[vector] = level;
	}
}

static void check_sets(struct vapic *v, const struct model *m)
{
	unsigned int irrv = top(m->irr), ppr = model_ppr(m);

	for (uint32_t i = 0; i < 8; i++) {
		uint32_t isr = 0, tmr = 0, irr = 0;

		for (uint32_t k = 0; k < 32; k++) {
			isr |= (uint32_t)m->isr[32 * i + k] << k;
			tmr |= (uint32_t)m->tmr[32 * i + k] << k;
			irr |= (uint32_t)m->irr[32 * i + k] << k;
		}
		CHECK_EQ(get(v, 0x100 + 16 * i, 0), isr);
		CHECK_EQ(get(v, 0x180 + 16 * i, 0), tmr);
		CHECK_EQ(get(v, 0x200 + 16 * i, 0), irr);
	}
	CHECK_EQ(get(v, APIC_PPR, 0), ppr);
	CHECK_EQ(get(v, APIC_TPR, 0), m->tpr);
	CHECK_EQ(vapic_cr8(v), m->tpr / 16);
	CHECK_EQ(vapic_highest(v), irrv / 16 > ppr / 16 ? irrv : 0);
	if (v->mode == VLAPIC_XAPIC)
		CHECK_EQ(get(v, APIC_APR, 0), irrv / 16 > ppr / 16 ? irrv & 0xf0 : ppr);
}

static void model_step(struct vapic *v, struct model *m)
{
	unsigned int vector = (unsigned int)check_below(256), deliverable;
	bool level = check_below(4) == 0, first;
	uint8_t page = 0;

	if (check_below(2)) /* meet often */
		vector = vector & 0x1f ? 0x30 + (vector & 0x23) : vector;
	switch (check_below(12)) {
	case 0:
	case 1:
		vapic_accept(v, (uint8_t)vector, level);
		model_accept(m, vector, level);
		break;
	case 2:
	case 3:
		first = !memchr(m->posted, 1, sizeof(m->posted));
		CHECK_EQ(vapic_post(v, (uint8_t)vector, level), first);
		m->posted[vector] = true;
		m->posted_level[vector] = level;
		break;
	case 4:
		CHECK_EQ(vapic_sync(v, &page), 0);
		for (unsigned int i = 0; i < 256; i++) {
			if (m->posted[i])
				model_accept(m, i, m->posted_level[i]);
			m->posted[i] = false;
		}
		break;
	case 5:
	case 6:
	case 7:
		deliverable = vapic_highest(v);
		if (!deliverable)
			break;
		vapic_take(v, (uint8_t)deliverable);
		m->irr[deliverable] = false;
		m->isr[deliverable] = !m->auto_eoi[deliverable];
		break;
	case 8:
		deliverable = top(m->isr);
		CHECK_EQ(set(v, APIC_EOI, 0, 0), deliverable ? VAPIC_EOI : VAPIC_DONE);
		if (!deliverable)
			break;
		CHECK_EQ(out.vector, deliverable);
		CHECK_EQ(out.level, m->tmr[deliverable]);
		m->isr[deliverable] = false;
		break;
	case 9:
		m->tpr = vector;
		if (check_below(2)) {
			m->tpr &= 0xf0;
			vapic_set_cr8(v, (uint8_t)(vector >> 4));
		} else {
			CHECK_EQ(set(v, APIC_TPR, vector, 0), VAPIC_DONE);
		}
		break;
	case 10:
		vapic_set_auto_eoi(v, (uint8_t)vector, level);
		m->auto_eoi[vector] = level;
		break;
	default:
		m->on = check_below(8);
		CHECK_EQ(set(v, APIC_SVR, m->on ? 0x1ff : 0xff, 0), VAPIC_DONE);
		break;
	}
}

static void walk(void)
{
	check_seed(0x7661706963);
	for (int round = 0; round < 400; round++) {
		struct vapic v = ready(9, round & 1);
		struct model m = { .on = true };

		for (int step = 0; step < 300; step++) {
			CHECK_NOTE("round %d step %d", round, step);
			model_step(&v, &m);
			check_sets(&v, &m);
			if (step % 16 == 0) {
				CHECK_EQ(set(&v, APIC_ESR, 0, 0), VAPIC_DONE);
				CHECK_EQ(get(&v, APIC_ESR, 0), m.illegal ? 0x40 : 0);
				m.illegal = false;
			}
		}
	}
}

/* --- The timer. --- */

struct ticker {
	uint32_t lvt, tmict, tdcr, count;
	uint32_t sub; /* ticks since the count last changed */
	bool on;
	bool due; /* expired unmasked, not yet seen */
	uint64_t due_since;
};

static uint32_t divisor(uint32_t tdcr)
{
	static const uint32_t by_code[] = { 2, 4, 8, 16, 32, 64, 128, 1 };

	return by_code[(tdcr & 3) + (tdcr & 8 ? 4 : 0)];
}

static void tick(struct ticker *t, uint64_t now)
{
	if (!t->count || ++t->sub < divisor(t->tdcr))
		return;
	t->sub = 0;
	if (--t->count)
		return;
	if (!(t->lvt & 0x10000) && !t->due) {
		t->due = true;
		t->due_since = now;
	}
	if (t->lvt & 0x20000)
		t->count = t->tmict;
}

static bool fired(struct vapic *v)
{
	for (uint32_t vector = 0x40; vector < 0x80; vector++) {
		if (v->regs.reg[APIC_IRR / 16 + vector / 32] >> (vector % 32) & 1) {
			v->regs.reg[APIC_IRR / 16 + vector / 32] = 0;
			return true;
		}
	}
	return false;
}

static uint64_t bundled(const struct ticker *t)
{
	uint64_t period = (uint64_t)t->tmict * divisor(t->tdcr);

	return t->lvt & 0x20000 && period < VAPIC_MIN_PERIOD ? VAPIC_MIN_PERIOD + period : 0;
}

static void timer_write(struct vapic *v, struct ticker *t, uint64_t now)
{
	static const uint32_t codes[] = { 0, 1, 2, 3, 8, 9, 10, 11 };

	switch (check_below(6)) {
	case 0:
	case 1:
		t->tmict = check_below(8) ? (uint32_t)check_below(check_below(2) ? 9 : 3000) :
					    (uint32_t)check_below(60000);
		t->count = t->tmict;
		t->sub = 0;
		CHECK_EQ(set(v, APIC_TMICT, t->tmict, now), VAPIC_DONE);
		break;
	case 2:
		t->tdcr = codes[check_below(8)];
		t->sub = 0;
		CHECK_EQ(set(v, APIC_TDCR, t->tdcr, now), VAPIC_DONE);
		break;
	case 3:
		t->on = check_below(4);
		CHECK_EQ(set(v, APIC_SVR, t->on ? 0x1ff : 0xff, now), VAPIC_DONE);
		t->lvt |= t->on ? 0 : 0x10000;
		break;
	default:
		t->lvt = 0x40 + (uint32_t)check_below(64);
		t->lvt |= (check_below(4) ? 0 : 0x10000) | (check_below(2) ? 0x20000 : 0);
		CHECK_EQ(set(v, APIC_LVT_TIMER, t->lvt, now), VAPIC_DONE);
		t->lvt |= t->on ? 0 : 0x10000;
	}
}

/* Time goes on to where something may happen, or a little, or far. */
static uint64_t timer_next(const struct vapic *v, const struct ticker *t, uint64_t now)
{
	uint64_t deadline = vapic_deadline(v);

	if (deadline != NEVER && deadline > now && deadline - now < 2000000 && check_below(3))
		return deadline - (check_below(4) ? 0 : 1);
	return now + check_below(check_below(3) ? 2 * divisor(t->tdcr) : 100000);
}

static void timer_walk(void)
{
	check_seed(0x74696d6572);
	for (int round = 0; round < 150; round++) {
		struct vapic v = ready(0, round & 1);
		struct ticker t = { .lvt = 0x10000, .on = true };
		uint64_t now = check_below(2) ? check_below(100) : check_rand() >> 2;

		for (int step = 0; step < 60; step++) {
			uint64_t next = timer_next(&v, &t, now), deadline = vapic_deadline(&v);
			bool bundle;

			while (now < next)
				tick(&t, ++now);
			CHECK_NOTE("round %d step %d now %" PRIu64 " lvt %x tmict %u tdcr %x",
				   round, step, now, t.lvt, t.tmict, t.tdcr);
			CHECK_EQ(get(&v, APIC_TMCCT, now), t.count);
			CHECK_EQ(get(&v, APIC_TMICT, now), t.tmict);
			bundle = bundled(&t);
			vapic_expire(&v, now);
			CHECK_EQ(get(&v, APIC_TMCCT, now), t.count);
			if (fired(&v)) {
				CHECK(t.due);
				CHECK(now >= deadline);
				t.due = false;
			} else {
				CHECK(now < deadline);
				CHECK(!t.due || (bundle && now - t.due_since < bundled(&t)));
			}
			CHECK(vapic_deadline(&v) > now);
			CHECK_EQ(vapic_deadline(&v) == NEVER, !t.count || (t.lvt & 0x10000));
			if (check_below(3))
				continue;
			/* What was bundled comes before what a write changes. */
			timer_write(&v, &t, now);
			CHECK_EQ(fired(&v), t.due);
			t.due = false;
		}
	}
}

/* Late by many periods: one interrupt, and the next where it belongs. */
static void timer_late(void)
{
	struct vapic v = ready(0, true);

	set(&v, APIC_LVT_TIMER, 0x20050, 0);
	set(&v, APIC_TDCR, 0xb, 0);
	set(&v, APIC_TMICT, 1000000, 500);
	CHECK_EQ(vapic_deadline(&v), 1000500);
	vapic_expire(&v, 1000499);
	CHECK_EQ(vapic_highest(&v), 0);
	vapic_expire(&v, 77000600);
	CHECK_EQ(vapic_highest(&v), 0x50);
	vapic_take(&v, 0x50);
	vapic_end(&v, &out);
	vapic_expire(&v, 77000600);
	CHECK_EQ(vapic_highest(&v), 0);
	CHECK_EQ(vapic_deadline(&v), 78000500);
	/* A clock that is a little behind. */
	CHECK_EQ(get(&v, APIC_TMCCT, 77000400), 1000000);
	vapic_expire(&v, 77000400);
	CHECK_EQ(vapic_deadline(&v), 78000500);
	CHECK_EQ(vapic_highest(&v), 0);
	/* The shortest period asks for hv no more often than is bounded. */
	set(&v, APIC_TMICT, 1, 80000000);
	CHECK_EQ(vapic_deadline(&v), 80000000 + VAPIC_MIN_PERIOD);
	set(&v, APIC_TMICT, 19999, 80000000);
	CHECK_EQ(vapic_deadline(&v), 80000000 + 2 * 19999);
	set(&v, APIC_TMICT, 20000, 80000000);
	CHECK_EQ(vapic_deadline(&v), 80000000 + 20000);
	/* The longest. */
	set(&v, APIC_TDCR, 0xa, 80000000);
	set(&v, APIC_TMICT, UINT32_MAX, 80000000);
	CHECK_EQ(vapic_deadline(&v), 80000000 + 0xffffffff * 128ul);
	/* Masked when it was due: lost. */
	vapic_take(&v, 0x50);
	set(&v, APIC_LVT_TIMER, 0x10050, 80000000);
	set(&v, APIC_TMICT, 10, 80000000);
	set(&v, APIC_LVT_TIMER, 0x00050, 80002000);
	vapic_expire(&v, 80002000);
	CHECK_EQ(vapic_highest(&v), 0);
	CHECK_EQ(vapic_deadline(&v), NEVER);
}

/* --- Errors and local vectors. --- */

static void errors(void)
{
	struct vapic v = ready(2, true);

	set(&v, APIC_LVT_ERROR, 0x71, 0);
	vapic_accept(&v, 15, false);
	CHECK_EQ(vapic_highest(&v), 0x71);
	CHECK_EQ(get(&v, APIC_ESR, 0), 0); /* until it is written */
	vapic_take(&v, 0x71);
	vapic_end(&v, &out);
	CHECK_EQ(vapic_write_msr(&v, 0x830, 0x0f, 0, &out), VAPIC_DONE);
	CHECK_EQ(vapic_highest(&v), 0); /* the second does not interrupt */
	set(&v, APIC_ESR, 0, 0);
	CHECK_EQ(get(&v, APIC_ESR, 0), 0x60);
	set(&v, APIC_ESR, 0, 0);
	CHECK_EQ(get(&v, APIC_ESR, 0), 0);
	set(&v, APIC_SELF_IPI, 3, 0);
	CHECK_EQ(vapic_highest(&v), 0x71);
	vapic_take(&v, 0x71);
	vapic_end(&v, &out);
	set(&v, APIC_ESR, 0, 0);
	CHECK_EQ(get(&v, APIC_ESR, 0), 0x20);
	set(&v, APIC_LVT_ERROR, 0x05, 0); /* its own vector is illegal */
	set(&v, APIC_SELF_IPI, 3, 0);
	set(&v, APIC_ESR, 0, 0);
	CHECK_EQ(get(&v, APIC_ESR, 0), 0x60);
	CHECK_EQ(vapic_highest(&v), 0);
	/* The lowest vector that there is. */
	set(&v, APIC_SELF_IPI, 16, 0);
	CHECK_EQ(vapic_highest(&v), 16);
	/* By post too. */
	vapic_post(&v, 15, true);
	vapic_post(&v, 16, true);
	uint8_t page;
	vapic_sync(&v, &page);
	set(&v, APIC_ESR, 0, 0);
	CHECK_EQ(get(&v, APIC_ESR, 0), 0x40);
	CHECK_EQ(get(&v, APIC_IRR, 0), 1u << 16);
	CHECK_EQ(get(&v, APIC_TMR, 0), 1u << 16);
}

static void software_disable(void)
{
	for (int x2 = 0; x2 < 2; x2++) {
		struct vapic v = ready(2, x2);

		for (uint32_t lvt = 0x320; lvt <= 0x370; lvt += 16)
			set(&v, lvt, 0x40, 0);
		vapic_accept(&v, 0x90, false);
		set(&v, APIC_SVR, 0xff, 0);
		for (uint32_t lvt = 0x320; lvt <= 0x370; lvt += 16) {
			CHECK_EQ(get(&v, lvt, 0), 0x10040);
			set(&v, lvt, 0x41, 0);
			CHECK_EQ(get(&v, lvt, 0), 0x10041);
		}
		/* What is there stays, what comes is lost. */
		vapic_accept(&v, 0xa0, false);
		CHECK_EQ(vapic_highest(&v), 0x90);
		set(&v, APIC_SVR, 0x1ff, 0);
		CHECK_EQ(get(&v, 0x320, 0), 0x10041);
	}
}

static void pins(void)
{
	static const struct {
		uint32_t lvt;
		uint8_t vector;
		bool nmi;
	} cases[] = {
		{ 0x00041, 0x41, false }, { 0x10041, 0, false }, { 0x00400, 0, true },
		{ 0x10400, 0, false },	  { 0x00700, 0, false }, /* ExtINT: no 8259 */
		{ 0x00500, 0, false },	  { 0x00200, 0, false },
	};

	for (uint32_t pin = 0; pin < 2; pin++) {
		for (size_t i = 0; i < COUNT(cases); i++) {
			struct vapic v = ready(2, true);
			struct vapic_ipi ipi = { .mode = pin ? VAPIC_LINT1 : VAPIC_LINT0 };
			uint8_t page;

			CHECK_NOTE("pin %u case %zu", pin, i);
			CHECK_EQ(set(&v, 0x350 + 16 * pin, cases[i].lvt, 0), VAPIC_DONE);
			CHECK(vapic_post_ipi(&v, &ipi));
			CHECK_EQ(vapic_sync(&v, &page), 0);
			CHECK_EQ(vapic_highest(&v), cases[i].vector);
			CHECK_EQ(v.regs.nmi, cases[i].nmi);
		}
	}
}

/* --- IPIs. --- */

static void icr(void)
{
	static const uint32_t vectors[] = { 0, 15, 16, 0x80, 255 };

	for (uint32_t bits = 0; bits < 1u << 10; bits++) {
		for (size_t k = 0; k < COUNT(vectors); k++) {
			const uint32_t mode = bits & 7, shorthand = bits >> 3 & 3;
			const bool logical = bits >> 5 & 1, assert = bits >> 6 & 1;
			const bool level = bits >> 7 & 1, x2 = bits >> 8 & 1, own = bits >> 9 & 1;
			const uint32_t low = vectors[k] | mode << 8 | (uint32_t)logical << 11 |
					     (uint32_t)assert << 14 | (uint32_t)level << 15 |
					     shorthand << 18;
			const uint32_t dest = own ? 0x17 : 0x2c;
			struct vapic v = ready(0x17, x2);
			bool sent = false, illegal = false;
			enum vapic_action action;

			CHECK_NOTE("ICR 0x%x, x2APIC %d", low, x2);
			if (x2) {
				action = vapic_write_msr(&v, 0x830, (0xab00ul | dest) << 32 | low,
							 0, &out);
			} else {
				set(&v, APIC_ICR2, dest << 24 | 0x123456, 0);
				action = set(&v, APIC_ICR, low, 0);
				CHECK_EQ(get(&v, APIC_ICR2, 0), dest << 24 | 0x123456);
			}
			CHECK_EQ(get(&v, APIC_ICR, 0), low);
			if (mode == 0 || mode == 1)
				illegal = vectors[k] < 16;
			switch (mode) {
			case 0:
				sent = !illegal && shorthand != 1;
				break;
			case 1:
				sent = !illegal && (shorthand == 0 || shorthand == 3);
				break;
			case 4:
			case 6:
				sent = shorthand == 0 || shorthand == 3;
				break;
			case 5:
				sent = (shorthand == 0 || shorthand == 3) && (assert || !level);
				break;
			default:
				break;
			}
			CHECK_EQ(action, sent ? VAPIC_IPI : VAPIC_DONE);
			CHECK_EQ(vapic_highest(&v),
				 mode == 0 && shorthand == 1 && !illegal ? vectors[k] : 0);
			set(&v, APIC_ESR, 0, 0);
			CHECK_EQ(get(&v, APIC_ESR, 0), illegal ? 0x20 : 0);
			if (!sent)
				continue;
			CHECK_EQ(out.ipi.mode, mode);
			CHECK_EQ(out.ipi.vector, vectors[k]);
			CHECK_EQ(out.ipi.shorthand, shorthand);
			CHECK_EQ(out.ipi.logical, logical);
			CHECK_EQ(out.ipi.wide, x2);
			CHECK_EQ(out.ipi.sender, 0x17);
			CHECK_EQ(out.ipi.dest, x2 ? 0xab00 | dest : dest);
			CHECK_EQ(out.ipi.level, false);
		}
	}
}

static bool model_matches(const struct vapic *t, const struct vapic_ipi *i)
{
	uint32_t ldr = t->regs.reg[APIC_LDR / 16] >> 24;

	if (t->mode == VLAPIC_DISABLED)
		return false;
	if (i->shorthand)
		return i->shorthand == IPI_TO_ALL ||
		       (i->shorthand == IPI_TO_SELF) == (t->id == i->sender);
	if ((i->wide && i->dest == 0xffffffff) || (!i->wide && i->dest == 0xff))
		return true;
	if (!i->logical)
		return t->id == i->dest;
	if (t->mode == VLAPIC_X2APIC) {
		for (uint32_t bit = 0; bit < 16; bit++) {
			if ((i->dest & 1u << bit) && t->id == (i->dest >> 16) * 16 + bit)
				return true;
		}
		return false;
	}
	if (i->dest > 0xff)
		return false;
	if (t->regs.reg[APIC_DFR / 16] == 0xffffffff)
		return (ldr & i->dest) != 0;
	return (ldr & 0xf0) == (i->dest & 0xf0) && (ldr & i->dest & 0x0f);
}

static void matches(void)
{
	unsigned int hits = 0;

	check_seed(0x697069);
	for (int i = 0; i < 400000; i++) {
		static const uint64_t modes[] = { 0, EN, EN, EN | X2, EN | X2 };
		uint32_t id = (uint32_t)check_below(check_below(2) ? 20 : 700);
		struct vapic v = made(id, BASE | modes[check_below(5)]);
		struct vapic_ipi ipi = {
			.sender = check_below(2) ? id : (uint32_t)check_below(300),
			.wide = check_below(2),
			.logical = check_below(2),
			.shorthand = check_below(4) ? IPI_TO_DEST :
						      (enum vlapic_shorthand)check_below(4),
		};

		if (v.mode == VLAPIC_XAPIC) {
			set(&v, APIC_LDR, (uint32_t)check_rand(), 0);
			set(&v, APIC_DFR, check_below(2) ? 0xffffffff : 0x0fffffff, 0);
		}
		switch (check_below(5)) {
		case 0:
			ipi.dest = id;
			break;
		case 1:
			ipi.dest = id / 16 << 16 | (uint32_t)check_below(0x10000);
			break;
		case 2:
			ipi.dest = (uint32_t)check_below(256);
			break;
		case 3:
			ipi.dest = check_below(2) ? 0xff : 0xffffffff;
			break;
		default:
			ipi.dest = (uint32_t)check_rand();
		}
		ipi.dest &= ipi.wide ? 0xffffffff : 0xff;
		CHECK_NOTE("%d: id %u mode %d dest %x logical %d wide %d", i, id, (int)v.mode,
			   ipi.dest, ipi.logical, ipi.wide);
		CHECK_EQ(vapic_ipi_matches(&v, &ipi), model_matches(&v, &ipi));
		hits += vapic_ipi_matches(&v, &ipi);
	}
	CHECK(hits > 50000 && hits < 350000);
}

static void lowest(void)
{
	struct vapic a = ready(0, true), b = ready(1, true), off = made(2, BASE | EN);

	CHECK(vapic_better(NULL, &off) == NULL);
	CHECK(vapic_better(NULL, &a) == &a);
	CHECK(vapic_better(&a, &off) == &a);
	CHECK(vapic_better(&a, &b) == &a);
	set(&a, APIC_TPR, 0x20, 0);
	CHECK(vapic_better(&a, &b) == &b);
	vapic_accept(&b, 0x31, false);
	vapic_take(&b, 0x31); /* in service counts as well */
	CHECK(vapic_better(&a, &b) == &a);
	CHECK(vapic_better(&b, &a) == &a);
}

/* --- Start-up. --- */

static uint32_t signals(struct vapic *v, const char *modes, uint8_t *page)
{
	for (; *modes; modes++) {
		struct vapic_ipi ipi = { .mode = (uint32_t)(*modes - '0'), .vector = *page };

		vapic_post_ipi(v, &ipi);
	}
	*page = 0;
	return vapic_sync(v, page);
}

static void startup(void)
{
	const uint32_t init = BIT32(VAPIC_INIT), sipi = BIT32(VAPIC_SIPI);
	struct vapic v = made(6, BASE | EN | X2), fresh;
	struct vapic_ipi smi = { .mode = 2 };
	uint8_t page = 0x9a;

	CHECK_EQ(v.startup, VLAPIC_WAIT_SIPI);
	CHECK_EQ(signals(&v, "4", &page), 0);
	CHECK(!v.regs.nmi);
	page = 0x9a;
	CHECK_EQ(signals(&v, "6", &page), sipi);
	CHECK_EQ(page, 0x9a);
	CHECK_EQ(v.startup, VLAPIC_RUNNING);
	CHECK_EQ(signals(&v, "6", &page), 0); /* the second means nothing */
	CHECK_EQ(signals(&v, "4", &page), 0);
	CHECK(v.regs.nmi);
	fresh = v;
	set(&v, APIC_SVR, 0x1ff, 0);
	set(&v, APIC_TPR, 0x10, 0);
	set(&v, APIC_LVT_TIMER, 0x20030, 0);
	set(&v, APIC_TMICT, 100000, 0);
	vapic_accept(&v, 0x44, true);
	vapic_take(&v, 0x44);
	vapic_post(&v, 0x55, true);
	page = 0x11;
	CHECK_EQ(signals(&v, "565", &page), init); /* the start-up was for before */
	CHECK_EQ(v.startup, VLAPIC_WAIT_SIPI);
	fresh.regs.nmi = false;
	CHECK_MEM(&v.regs, &fresh.regs, sizeof(v.regs));
	CHECK_EQ(v.id, 6);
	CHECK_EQ(vapic_read_base(&v), BASE | EN | X2);
	page = 0x22;
	CHECK_EQ(signals(&v, "56", &page), init | sipi);
	CHECK_EQ(page, 0x22);
	CHECK_EQ(v.startup, VLAPIC_RUNNING);
	/* The BSP does not wait. */
	v = ready(0, true);
	CHECK_EQ(v.startup, VLAPIC_RUNNING);
	CHECK_EQ(signals(&v, "56", &page), init);
	CHECK_EQ(v.startup, VLAPIC_RUNNING);
	/* Kick once; nothing for what there is not. */
	CHECK(!vapic_post_ipi(&v, &smi));
	CHECK_EQ(vapic_sync(&v, &page), 0);
	CHECK(vapic_post(&v, 0x30, false));
	CHECK(!vapic_post(&v, 0x31, false));
	vapic_sync(&v, &page);
	CHECK(vapic_post(&v, 0x30, false));
}

/* --- The whole state. --- */

static struct vapic random_apic(uint64_t *now)
{
	struct vapic v = ready((uint32_t)check_below(300), check_below(2));

	for (int i = 0; i < 40; i++) {
		const struct row r = rows[check_below(COUNT(rows))];

		vapic_accept(&v, (uint8_t)check_rand(), check_below(2));
		if (check_below(2) && vapic_highest(&v))
			vapic_take(&v, vapic_highest(&v));
		set(&v, r.offset, (uint32_t)check_rand() & r.kept, *now);
		if (check_below(2))
			set(&v, APIC_SVR, 0x1ff, *now);
		*now += check_below(100000);
	}
	return v;
}

static void state_kept(void)
{
	unsigned int counting = 0;

	check_seed(0x7374617465);
	CHECK_EQ(sizeof(struct hv_x64_lapic_state), 176);
	for (int i = 0; i < 20000; i++) {
		uint64_t now = check_rand() >> 3, value;
		struct vapic v = random_apic(&now), before, other;
		struct hv_x64_lapic_state state, again;

		CHECK_NOTE("%d", i);
		vapic_export(&v, now, &state);
		counting += v.regs.counting;
		/* Setting what was read changes nothing, whatever time it takes. */
		before = v;
		CHECK(vapic_import(&v, now + check_below(1000), &state));
		vapic_export(&v, now, &again);
		CHECK_MEM(&again, &state, sizeof(state));
		CHECK_EQ(vapic_deadline(&v), vapic_deadline(&before));
		CHECK_EQ(v.regs.counting, before.regs.counting);
		CHECK_EQ(v.regs.start, before.regs.start);
		/* Another APIC takes it over. */
		other = made(v.id, vapic_read_base(&v));
		now += 12345678;
		REQUIRE(vapic_import(&other, now, &state));
		vapic_export(&other, now, &again);
		CHECK_MEM(&again, &state, sizeof(state));
		for (uint32_t msr = 0x800; v.mode == VLAPIC_X2APIC && msr < 0x840; msr++) {
			uint64_t copy;

			if (msr == 0x808 || msr == 0x80a || msr == 0x839) /* not in it */
				continue;
			if (vapic_read_msr(&v, msr, now, &value)) {
				CHECK(vapic_read_msr(&other, msr, now, &copy));
				CHECK_EQ(copy, value);
			}
		}
	}
	CHECK(counting > 1000);
}

static void state_fields(void)
{
	struct vapic v = ready(7, false);
	struct hv_x64_lapic_state s;
	uint64_t now = 1000000;

	set(&v, APIC_LDR, 0x80000000, now);
	set(&v, APIC_DFR, 0x0fffffff, now);
	for (uint32_t i = 0; i < 6; i++)
		set(&v, APIC_LVT_TIMER + 16 * i, 0x41 + i, now);
	set(&v, APIC_ICR2, 0x3000000, now);
	set(&v, APIC_ICR, 0xc4500, now);
	set(&v, APIC_TDCR, 0xb, now);
	set(&v, APIC_TMICT, 9000, now);
	vapic_accept(&v, 0x21, true);
	vapic_take(&v, 0x21);
	vapic_accept(&v, 0xfe, false);
	vapic_accept(&v, 3, false);
	set(&v, APIC_ESR, 0, now);
	set(&v, 0x1000 - 16, 0, now);
	vapic_export(&v, now + 1000, &s);
	CHECK_EQ(s.id, 7u << 24);
	CHECK_EQ(s.version, 0x50014);
	CHECK_EQ(s.ldr, 0x80000000);
	CHECK_EQ(s.dfr, 0x0fffffff);
	CHECK_EQ(s.spurious, 0x1ff);
	CHECK_EQ(s.isr[1], 1u << 1);
	CHECK_EQ(s.tmr[1], 1u << 1);
	CHECK_EQ(s.irr[7], 1u << 30);
	CHECK_EQ(s.irr[1], 0);
	CHECK_EQ(s.esr, 0x40);
	CHECK_EQ(s.error_status, 0x80);
	CHECK_EQ(s.icr_high, 0x3000000);
	CHECK_EQ(s.icr_low, 0xc4500);
	CHECK_EQ(s.lvt_timer, 0x41);
	CHECK_EQ(s.lvt_thermal, 0x42);
	CHECK_EQ(s.lvt_perfmon, 0x43);
	CHECK_EQ(s.lvt_lint0, 0x44);
	CHECK_EQ(s.lvt_lint1, 0x45);
	CHECK_EQ(s.lvt_error, 0x46);
	CHECK_EQ(s.lvt_cmci, 0x10000);
	CHECK_EQ(s.initial_count, 9000);
	CHECK_EQ(s.counter_value, 8000);
	CHECK_EQ(s.divide_configuration, 0xb);
	CHECK_EQ(s.remote_read, 0);
	/* What firmware would have done, a VMM does before the first instruction. */
	v = made(1, BASE | EN);
	vapic_export(&v, now, &s);
	s.lvt_lint0 = (s.lvt_lint0 & ~0x700u) | 0x700;
	s.lvt_lint1 = (s.lvt_lint1 & ~0x700u) | 0x400;
	CHECK(vapic_import(&v, now, &s));
	CHECK_EQ(get(&v, APIC_LVT_LINT0, now), 0x10700);
	CHECK_EQ(get(&v, APIC_LVT_LINT1, now), 0x10400);
	/* The rest of a count. */
	s.spurious = 0x1ff;
	s.lvt_timer = 0x50;
	s.initial_count = 1000;
	s.counter_value = 400;
	s.divide_configuration = 0xb;
	CHECK(vapic_import(&v, now, &s));
	CHECK_EQ(vapic_deadline(&v), now + 400);
	s.counter_value = 1001;
	CHECK(!vapic_import(&v, now, &s));
	s.counter_value = 0;
	CHECK(vapic_import(&v, now, &s));
	CHECK_EQ(vapic_deadline(&v), NEVER);
}

/* Whatever a VMM sets: nothing changes, or what stands there is possible. */
static void state_hostile(void)
{
	unsigned int taken = 0;

	check_seed(0x68);
	for (int i = 0; i < 60000; i++) {
		uint64_t now = check_rand() >> 3;
		struct vapic v = random_apic(&now), before;
		struct hv_x64_lapic_state state;
		uint32_t words[sizeof(state) / 4];
		uint8_t page;

		CHECK_NOTE("%d", i);
		vapic_export(&v, now, &state);
		memcpy(words, &state, sizeof(state));
		for (uint64_t n = check_below(4); n; n--)
			words[check_below(COUNT(words))] =
				(uint32_t)check_rand() &
				(check_below(2) ? 1u << check_below(32) : 0xffffffff);
		memcpy(&state, words, sizeof(state));
		before = v;
		if (!vapic_import(&v, now, &state)) {
			CHECK_MEM(&v, &before, sizeof(v));
			continue;
		}
		taken++;
		CHECK_EQ(get(&v, 0x100, now) & 0xffff, 0);
		CHECK_EQ(get(&v, 0x180, now) & 0xffff, 0);
		CHECK_EQ(get(&v, 0x200, now) & 0xffff, 0);
		CHECK_EQ(get(&v, APIC_VERSION, now), 0x50014);
		CHECK_EQ(get(&v, APIC_ID, now), v.mode == VLAPIC_X2APIC ? v.id : v.id << 24);
		CHECK_EQ(get(&v, APIC_ESR, now) & ~0xe0u, 0);
		CHECK_EQ(v.regs.reg[APIC_DFR / 16] | 0xf0000000, 0xffffffff);
		for (size_t k = 0; k < COUNT(rows); k++) {
			uint32_t offset = rows[k].offset;

			if (offset == 0x080 || offset == 0x0f0 || offset == 0x300 ||
			    offset == 0x3e0 || (offset >= 0x320 && offset <= 0x370))
				CHECK_EQ(get(&v, offset, now) & ~rows[k].kept, 0);
			if (offset >= 0x320 && offset <= 0x370 && !(get(&v, 0xf0, now) & 0x100))
				CHECK(get(&v, offset, now) & 0x10000);
		}
		CHECK(get(&v, APIC_TMCCT, now) <= get(&v, APIC_TMICT, now));
		vapic_expire(&v, now + check_below(1ul << 40));
		CHECK_EQ(vapic_sync(&v, &page), 0);
		CHECK(vapic_highest(&v) == 0 || vapic_highest(&v) >= 16);
	}
	CHECK(taken > 10000 && taken < 55000);
}

/* --- Posting from other threads. --- */

#define POSTS 40000u

static struct {
	struct vapic v;
	unsigned int kicks;
	unsigned int seen[256];
	bool failed;
} shared;

static void post(unsigned int vector)
{
	if (vapic_post(&shared.v, (uint8_t)vector, false))
		__atomic_fetch_add(&shared.kicks, 1, __ATOMIC_SEQ_CST);
}

/* False when the others gave up. */
static bool wait_seen(unsigned int vector, unsigned int times)
{
	while (__atomic_load_n(&shared.seen[vector], __ATOMIC_ACQUIRE) < times) {
		if (__atomic_load_n(&shared.failed, __ATOMIC_RELAXED))
			return false;
		sched_yield();
	}
	return true;
}

/* Each vector is posted anew when the last one has been seen. */
static void *many(void *arg)
{
	const unsigned int first = 16 + 120 * *(unsigned int *)arg;
	unsigned int sent[120] = { 0 };

	for (unsigned int i = 0; i < POSTS; i++) {
		unsigned int k = i * 7 % 120;

		if (!wait_seen(first + k, sent[k]))
			return NULL;
		sent[k]++;
		post(first + k);
	}
	return NULL;
}

/* Two vectors and then silence until both were seen: a kick that is missing for the
 * second is not made up for by a third. Its delay goes through what the other side
 * takes for taking in the first. */
static void *pairs(void *arg)
{
	(void)arg;
	for (unsigned int i = 1; i <= POSTS / 2; i++) {
		post(0xf0);
		for (volatile unsigned int delay = i % 300; delay; delay--)
			;
		post(0x11);
		if (!wait_seen(0xf0, i) || !wait_seen(0x11, i))
			return NULL;
	}
	return NULL;
}

/* Awake all the while: what falls into the middle of vapic_sync comes soon. */
static bool wait_kick(void)
{
	const time_t limit = time(NULL) + 20;

	for (unsigned int i = 1; !__atomic_load_n(&shared.kicks, __ATOMIC_ACQUIRE); i++) {
		if (i % 4096 == 0 && time(NULL) > limit)
			return false;
		if (i % 256 == 0)
			sched_yield();
	}
	__atomic_fetch_sub(&shared.kicks, 1, __ATOMIC_SEQ_CST);
	return true;
}

/* Takes in what it is kicked for, and only then. Returns how many there were. */
static unsigned int consume(unsigned int total)
{
	unsigned int count = 0;
	uint8_t page;

	while (count < total) {
		uint8_t vector;

		if (!CHECK(wait_kick()))
			break;
		vapic_sync(&shared.v, &page);
		while ((vector = vapic_highest(&shared.v))) {
			vapic_take(&shared.v, vector);
			CHECK_EQ(vapic_end(&shared.v, &out), VAPIC_EOI);
			__atomic_fetch_add(&shared.seen[vector], 1, __ATOMIC_RELEASE);
			count++;
		}
	}
	__atomic_store_n(&shared.failed, count < total, __ATOMIC_RELAXED);
	return count;
}

static void posting(void)
{
	static unsigned int numbers[2] = { 0, 1 };
	pthread_t threads[2];

	shared.v = ready(0, true);
	for (int i = 0; i < 2; i++)
		REQUIRE(pthread_create(&threads[i], NULL, many, &numbers[i]) == 0);
	CHECK_EQ(consume(2 * POSTS), 2 * POSTS);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (unsigned int i = 0; i < 240; i++)
		CHECK_EQ(shared.seen[16 + i],
			 POSTS / 120 + ((i % 120) * 103 % 120 < POSTS % 120)); /* 103 is 1/7 */
	memset(shared.seen, 0, sizeof(shared.seen));
	REQUIRE(pthread_create(&threads[0], NULL, pairs, NULL) == 0);
	CHECK_EQ(consume(POSTS), POSTS);
	pthread_join(threads[0], NULL);
}

int main(void)
{
	CHECK_RUN(registers_xapic);
	CHECK_RUN(registers_x2apic);
	CHECK_RUN(msrs_by_mode);
	CHECK_RUN(synthetic);
	CHECK_RUN(base);
	CHECK_RUN(walk);
	CHECK_RUN(timer_walk);
	CHECK_RUN(timer_late);
	CHECK_RUN(errors);
	CHECK_RUN(software_disable);
	CHECK_RUN(pins);
	CHECK_RUN(icr);
	CHECK_RUN(matches);
	CHECK_RUN(lowest);
	CHECK_RUN(startup);
	CHECK_RUN(state_kept);
	CHECK_RUN(state_fields);
	CHECK_RUN(state_hostile);
	CHECK_RUN(posting);
	return check_done();
}
