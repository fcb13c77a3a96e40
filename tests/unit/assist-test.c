/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/hyperv/assist.c: EOIs that need no exit. A guest takes interrupts in random order,
 * nested, and ends them as Linux does: by the bit if it is set, else by the MSR. What
 * is in service must be at each exit what a guest that always writes the MSR would have.
 */
#include "check.h"

#include <hyperv/guest.h>

#include "hyperv/assist.h"

#define GFN 0x123u
#define MSR (GFN << 12 | HV_MSR_PAGE_ENABLE)

static struct hv_vp_assist_page page;
static bool mapped;

static void *get_page(void *ctx, u64 gfn)
{
	(void)ctx;
	return mapped && gfn == GFN ? &page : NULL;
}

static const struct guest_pages pages = { get_page, NULL };

static struct vapic ready(void)
{
	struct vapic v;
	struct vapic_out out;

	vapic_reset(&v, 0, APIC_DEFAULT_BASE | APIC_BASE_ENABLE, true);
	CHECK_EQ(vapic_write_xapic(&v, APIC_SVR, 0x1ff, 0, &out), VAPIC_DONE);
	memset(&page, 0, sizeof(page));
	mapped = true;
	return v;
}

static void take(struct vapic *v, u8 vector, bool level)
{
	vapic_accept(v, vector, level);
	CHECK_EQ(vapic_highest(v), vector);
	vapic_take(v, vector);
}

static u32 in_service(struct vapic *v, u8 vector)
{
	return vapic_read_xapic(v, APIC_ISR + vector / 32u * 16, 0) >> vector % 32 & 1;
}

static void once(void)
{
	struct vapic v = ready();

	page.apic_assist = 0xfffffffe; /* the other bits are not hv's */
	CHECK(!assist_enter(&pages, MSR, &v)); /* nothing in service */
	CHECK_EQ(page.apic_assist, 0xfffffffe);
	take(&v, 0x51, false);
	CHECK(!assist_enter(&pages, MSR & ~HV_MSR_PAGE_ENABLE, &v)); /* not enabled */
	CHECK_EQ(page.apic_assist, 0xfffffffe);
	CHECK(assist_enter(&pages, MSR, &v));
	CHECK_EQ(page.apic_assist, 0xffffffff);
	assist_leave(&pages, MSR, &v);
	CHECK_EQ(page.apic_assist, 0xfffffffe);
	CHECK(in_service(&v, 0x51)); /* not ended yet */
	CHECK(assist_enter(&pages, MSR, &v));
	page.apic_assist = 0;
	assist_leave(&pages, MSR, &v);
	CHECK(!in_service(&v, 0x51));
	CHECK_EQ(page.apic_assist, 0);
}

static void somebody_waits(void)
{
	struct vapic v = ready();

	take(&v, 0x51, true); /* the device is told */
	CHECK(!assist_enter(&pages, MSR, &v));
	v = ready();
	take(&v, 0x51, false);
	vapic_accept(&v, 0x41, false); /* comes after it */
	CHECK(!assist_enter(&pages, MSR, &v));
	CHECK_EQ(page.apic_assist, 0);
}

static void page_gone(void)
{
	struct vapic v = ready();

	take(&v, 0x51, false);
	mapped = false;
	CHECK(!assist_enter(&pages, MSR, &v));
	mapped = true;
	CHECK(assist_enter(&pages, MSR, &v));
	mapped = false;
	assist_leave(&pages, MSR, &v);
	CHECK(in_service(&v, 0x51));
}

static void walk(void)
{
	unsigned int saved = 0;

	check_seed(0x1e01);
	for (unsigned int round = 0; round < 2000; round++) {
		struct vapic v = ready(), model = ready();
		struct vapic_out out;
		bool assisted;
		u32 depth = 0;

		for (unsigned int step = 0; step < 40; step++) {
			u8 vector = (u8)(0x20 + check_below(0xd0));

			/* An exit: new ones arrive, the highest is delivered. */
			if (check_below(2)) {
				vapic_accept(&v, vector, false);
				vapic_accept(&model, vector, false);
			}
			vector = vapic_highest(&v);
			CHECK_EQ(vapic_highest(&model), vector);
			if (vector) {
				vapic_take(&v, vector);
				vapic_take(&model, vector);
				depth++;
			}
			assisted = assist_enter(&pages, MSR, &v);
			/* The guest runs on, and may end one, or two. */
			for (u32 n = (u32)check_below(3); n && depth; n--, depth--) {
				vapic_end(&model, &out);
				if (__atomic_exchange_n(&page.apic_assist, 0, __ATOMIC_RELAXED) &
				    1) {
					saved++;
					continue;
				}
				if (assisted)
					assist_leave(&pages, MSR, &v);
				vapic_end(&v, &out);
				assisted = assist_enter(&pages, MSR, &v);
			}
			if (assisted)
				assist_leave(&pages, MSR, &v);
			for (u32 offset = APIC_ISR; offset < APIC_ISR + 0x80; offset += 16)
				CHECK_EQ(vapic_read_xapic(&v, offset, 0),
					 vapic_read_xapic(&model, offset, 0));
			CHECK_EQ(page.apic_assist & 1, 0);
		}
	}
	CHECK(saved > 0);
}

int main(void)
{
	CHECK_RUN(once);
	CHECK_RUN(somebody_waits);
	CHECK_RUN(page_gone);
	CHECK_RUN(walk);
	return check_done();
}
