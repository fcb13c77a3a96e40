/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/x86/vlapic.c: what of the parent's APIC accesses reaches hardware, what hv
 * acts on, and for which CPUs an IPI is meant.
 */
#include "check.h"

#include "x86/vlapic.h"

#define BASE APIC_DEFAULT_BASE
#define EN APIC_BASE_ENABLE
#define X2 APIC_BASE_X2APIC
#define BSP APIC_BASE_BSP

static struct vlapic made(uint32_t id, uint64_t base, bool has_x2apic)
{
	struct vlapic v;

	memset(&v, 0xa5, sizeof(v));
	vlapic_reset(&v, id, base, has_x2apic);
	return v;
}

static void reset(void)
{
	static const struct {
		uint64_t base;
		enum vlapic_mode mode;
		bool bsp;
	} rows[] = {
		{ BASE, VLAPIC_DISABLED, false },
		{ BASE | EN, VLAPIC_XAPIC, false },
		{ BASE | EN | BSP, VLAPIC_XAPIC, true },
		{ BASE | EN | X2, VLAPIC_X2APIC, false },
		{ BASE | EN | X2 | BSP, VLAPIC_X2APIC, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vlapic v = made(7, rows[i].base, true);

		CHECK_NOTE("row %zu", i);
		CHECK_EQ(v.id, 7);
		CHECK_EQ(v.mode, rows[i].mode);
		CHECK_EQ(v.startup, VLAPIC_RUNNING);
		CHECK(v.bsp == rows[i].bsp);
		CHECK_EQ(v.ldr, 0);
		CHECK_EQ(v.dfr, UINT32_MAX);
		CHECK_EQ(v.icr_high, 0);
		CHECK_EQ(vlapic_read_base(&v), rows[i].base);
	}
}

/* Every bit of APIC_BASE from every mode, with and without x2APIC. */
static void base_transitions(void)
{
	static const uint64_t mode_bits[] = {
		[VLAPIC_DISABLED] = 0, [VLAPIC_XAPIC] = EN, [VLAPIC_X2APIC] = EN | X2
	};
	/* Intel SDM volume 3, figure 11-27. Rows: from; columns: to. */
	static const enum vlapic_action ways[3][3] = {
		{ VLAPIC_IGNORE, VLAPIC_PASS, VLAPIC_FAULT },
		{ VLAPIC_PASS, VLAPIC_IGNORE, VLAPIC_PASS },
		{ VLAPIC_PASS, VLAPIC_FAULT, VLAPIC_IGNORE },
	};

	for (int bsp = 0; bsp < 2; bsp++) {
		for (size_t from = 0; from < 3; from++) {
			const uint64_t old = BASE | mode_bits[from] | (bsp ? BSP : 0);

			for (size_t to = 0; to < 3; to++) {
				struct vlapic v = made(3, old, true);
				uint64_t value = (old & ~(EN | X2)) | mode_bits[to];

				CHECK_NOTE("mode %zu to %zu", from, to);
				CHECK_EQ(vlapic_write_base(&v, value), ways[from][to]);
				CHECK_EQ(v.mode, ways[from][to] == VLAPIC_PASS ? to : from);
				CHECK_EQ(vlapic_read_base(&v),
					 ways[from][to] == VLAPIC_PASS ? value : old);
			}
			for (unsigned int bit = 0; bit < 64; bit++) {
				struct vlapic v = made(3, old, true);

				if (BIT(bit) == EN || BIT(bit) == X2)
					continue;
				CHECK_NOTE("mode %zu bit %u", from, bit);
				CHECK_EQ(vlapic_write_base(&v, old ^ BIT(bit)), VLAPIC_FAULT);
				CHECK_EQ(vlapic_read_base(&v), old);
			}
			/* x2APIC without the enable bit is reserved. */
			struct vlapic v = made(3, old, true);

			CHECK_EQ(vlapic_write_base(&v, (old & ~EN) | X2), VLAPIC_FAULT);
			CHECK_EQ(vlapic_read_base(&v), old);
		}
	}
	struct vlapic v = made(3, BASE | EN, false);

	CHECK_EQ(vlapic_write_base(&v, BASE | EN | X2), VLAPIC_FAULT);
	CHECK_EQ(v.mode, VLAPIC_XAPIC);
}

static void startup(void)
{
	struct vlapic v = made(1, BASE | EN, true);

	CHECK(!vlapic_start(&v)); /* a running CPU ignores it */
	CHECK_EQ(v.startup, VLAPIC_RUNNING);
	vlapic_write_xapic(&v, APIC_LDR, 0x02000000);
	vlapic_write_xapic(&v, APIC_DFR, 0x0fffffff);
	vlapic_write_xapic(&v, APIC_ICR2, 0x05000000);
	vlapic_init_signal(&v);
	CHECK_EQ(v.startup, VLAPIC_WAIT_SIPI);
	CHECK_EQ(v.mode, VLAPIC_XAPIC);
	CHECK_EQ(v.id, 1);
	CHECK_EQ(v.ldr, 0);
	CHECK_EQ(v.dfr, UINT32_MAX);
	CHECK_EQ(v.icr_high, 0);
	vlapic_init_signal(&v); /* INIT again: still waiting */
	CHECK(vlapic_start(&v));
	CHECK_EQ(v.startup, VLAPIC_RUNNING);
	CHECK(!vlapic_start(&v)); /* Linux sends two */
	vlapic_init_signal(&v);
	CHECK(vlapic_start(&v));
}

static void icr(void)
{
	enum {
		EDGE = 0,
		ASSERT = 1 << 14,
		LEVEL = 1 << 15,
		LOGICAL = 1 << 11
	};
	static const struct {
		uint32_t low;
		enum vlapic_action action;
	} rows[] = {
		{ 0x00000 | 0x30, VLAPIC_PASS }, /* fixed */
		{ 0x00100 | 0x30, VLAPIC_PASS }, /* lowest priority */
		{ 0x00200, VLAPIC_IGNORE }, /* SMI */
		{ 0x00300, VLAPIC_IGNORE }, /* reserved */
		{ 0x00400, VLAPIC_NMI },
		{ 0x00500, VLAPIC_INIT },
		{ 0x00500 | ASSERT | LEVEL, VLAPIC_INIT },
		{ 0x00500 | ASSERT, VLAPIC_INIT },
		{ 0x00500 | LEVEL, VLAPIC_IGNORE }, /* de-assert */
		{ 0x00600 | 0x9a, VLAPIC_SIPI },
		{ 0x00700, VLAPIC_IGNORE }, /* ExtINT cannot be sent */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (uint32_t shorthand = 0; shorthand < 4; shorthand++) {
			struct vlapic x1 = made(1, BASE | EN, true);
			struct vlapic x2 = made(1, BASE | EN | X2, true);
			uint32_t low = rows[i].low | shorthand << 18 | (i & 1 ? LOGICAL : 0);
			struct vlapic_ipi ipi;

			CHECK_NOTE("row %zu shorthand %u", i, shorthand);
			CHECK_EQ(vlapic_write_xapic(&x1, APIC_ICR2, 0xab123456), VLAPIC_PASS);
			CHECK_EQ(vlapic_write_icr(&x1, low, &ipi), rows[i].action);
			CHECK_EQ(ipi.vector, low & 0xff);
			CHECK_EQ(ipi.shorthand, shorthand);
			CHECK(ipi.logical == (i & 1));
			CHECK_EQ(ipi.dest, 0xab);
			CHECK_EQ(vlapic_write_icr(&x2, 0x89abcdef00000000ul | low, &ipi),
				 rows[i].action);
			CHECK_EQ(ipi.vector, low & 0xff);
			CHECK_EQ(ipi.shorthand, shorthand);
			CHECK(ipi.logical == (i & 1));
			CHECK_EQ(ipi.dest, 0x89abcdef);
		}
	}
}

/* Bits that neither hv nor the parent can set: #GP on hardware, and hv does the
 * writing for the parent. */
static void icr_reserved(void)
{
	for (unsigned int bit = 0; bit < 32; bit++) {
		bool reserved = bit == 13 || bit == 16 || bit == 17 || bit >= 20;
		struct vlapic x1 = made(1, BASE | EN, true);
		struct vlapic x2 = made(1, BASE | EN | X2, true);
		struct vlapic_ipi ipi;

		if (bit >= 8 && bit < 11)
			continue; /* the mode */
		CHECK_NOTE("bit %u", bit);
		CHECK_EQ(vlapic_write_icr(&x1, BIT32(bit), &ipi), VLAPIC_PASS);
		CHECK_EQ(vlapic_write_icr(&x2, BIT32(bit), &ipi),
			 reserved ? VLAPIC_FAULT : VLAPIC_PASS);
	}
}

static void xapic_writes(void)
{
	for (uint32_t offset = 0; offset < 0x1000; offset += 4) {
		struct vlapic v = made(1, BASE | EN, true);
		enum vlapic_action want = VLAPIC_PASS;

		if (offset == APIC_ICR)
			continue; /* vlapic_write_icr's */
		if (offset == APIC_ID)
			want = VLAPIC_IGNORE;
		CHECK_NOTE("offset 0x%x", offset);
		CHECK_EQ(vlapic_write_xapic(&v, offset, 0x12345678), want);
		CHECK_EQ(v.id, 1);
		CHECK_EQ(v.mode, VLAPIC_XAPIC);
		CHECK_EQ(v.ldr, offset == APIC_LDR ? 0x12000000 : 0);
		CHECK_EQ(v.dfr, offset == APIC_DFR ? 0x1fffffff : UINT32_MAX);
		CHECK_EQ(v.icr_high >> 24, offset == APIC_ICR2 ? 0x12 : 0);
	}
}

static void past_hv(void)
{
	struct vlapic v = made(1, BASE | EN, true);

	vlapic_sync(&v, 0x02ffffff, 0x00000000, 0x05123456);
	CHECK_EQ(v.ldr, 0x02000000);
	CHECK_EQ(v.dfr, 0x0fffffff);
	CHECK_EQ(v.icr_high, 0x05123456);
	CHECK_EQ(v.id, 1);
	CHECK_EQ(v.mode, VLAPIC_XAPIC);
}

/* The destinations as the manuals put them, once more and in other words. */
static bool named(const struct vlapic *t, const struct vlapic *s, uint32_t dest, bool logical)
{
	if (s->mode == VLAPIC_X2APIC) {
		if (dest == UINT32_MAX)
			return true;
		if (!logical)
			return dest == t->id;
		/* SDM volume 3, 11.12.10.2: cluster = id[31:4], bit = id[3:0]. */
		return dest >> 16 == t->id / 16 && (dest >> t->id % 16 & 1);
	}
	if (dest == 0xff)
		return true;
	if (!logical)
		return dest == t->id;
	if ((t->dfr & 0xf0000000) == 0xf0000000)
		return (t->ldr & dest << 24) != 0;
	return (t->ldr & 0xf0000000) == (dest << 24 & 0xf0000000) &&
	       (t->ldr & dest << 24 & 0x0f000000) != 0;
}

static void destinations(void)
{
	enum {
		CPUS = 12
	};

	check_seed(0x6970692064657374);
	for (int i = 0; i < 100000; i++) {
		bool x2 = check_below(2);
		struct vlapic cpu[CPUS];
		struct vlapic *sender = &cpu[check_below(CPUS)];
		bool cluster = check_below(2), logical = check_below(2);
		uint32_t dest, shorthand = (uint32_t)check_below(4);
		struct vlapic_ipi ipi;
		uint64_t value;

		for (uint32_t c = 0; c < CPUS; c++) {
			/* IDs with gaps, some beyond what xAPIC can name. */
			uint32_t id = c * 3 + (x2 && c > 6 ? 0x1000 : 0);

			cpu[c] = made(id, BASE | EN | (x2 ? X2 : 0), true);
			if (x2)
				continue;
			vlapic_write_xapic(&cpu[c], APIC_DFR, cluster ? 0x0fffffff : UINT32_MAX);
			vlapic_write_xapic(&cpu[c], APIC_LDR,
					   (cluster ? (c / 4) << 28 | 1u << (24 + c % 4) :
						      1u << (24 + c % 8)));
		}
		dest = check_below(4) ? (uint32_t)check_below(256) : (uint32_t)check_rand();
		if (check_below(8) == 0)
			dest = UINT32_MAX;
		if (x2 && logical && check_below(2))
			dest = (uint32_t)(cpu[check_below(CPUS)].id / 16 << 16 |
					  check_below(65536));
		else if (check_below(3) == 0)
			dest = cpu[check_below(CPUS)].id;
		if (!x2)
			dest &= 0xff;
		value = 0x400 | (logical ? BIT(11) : 0) | (uint64_t)shorthand << 18;
		if (x2)
			value |= (uint64_t)dest << 32;
		else
			vlapic_write_xapic(sender, APIC_ICR2, dest << 24);
		CHECK_EQ(vlapic_write_icr(sender, value, &ipi), VLAPIC_NMI);
		for (uint32_t c = 0; c < CPUS; c++) {
			const struct vlapic *t = &cpu[c];
			bool want[] = { named(t, sender, dest, logical), t == sender, true,
					t != sender };

			CHECK_NOTE("%d: %s %s dest 0x%x shorthand %u cpu %u", i,
				   x2 ? "x2APIC" : "xAPIC", logical ? "logical" : "physical", dest,
				   shorthand, c);
			CHECK(vlapic_ipi_matches(t, sender, &ipi) == want[shorthand]);
		}
	}
}

int main(void)
{
	CHECK_RUN(reset);
	CHECK_RUN(base_transitions);
	CHECK_RUN(startup);
	CHECK_RUN(icr);
	CHECK_RUN(icr_reserved);
	CHECK_RUN(xapic_writes);
	CHECK_RUN(past_hv);
	CHECK_RUN(destinations);
	return check_done();
}
