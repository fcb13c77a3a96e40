/* SPDX-License-Identifier: GPL-2.0-only */
/* hv/hyperv/reftime.c: a partition's clock and the page that guests compute it from. */
#include "check.h"

#include <hyperv/guest.h>

#include "hyperv/reftime.h"

typedef unsigned __int128 u128;

#define PAGE_GFN 0x123u

static struct hv_reference_tsc_page page;
static bool mapped;

void (*other_side)(void);

static void *get_page(void *ctx, u64 gfn)
{
	CHECK(ctx == &page);
	return mapped && gfn == PAGE_GFN ? &page : NULL;
}

static const struct guest_pages pages = { get_page, &page };
static const u64 clocks[] = { 10000001, 999999999, 1000000000, 2399998123, 5700000000 };

static u64 page_time(u64 tsc)
{
	return (u64)((u128)tsc * page.scale >> 64) + (u64)page.offset;
}

static struct reftime made(u64 hz, u64 tsc)
{
	struct reftime t;

	memset(&t, 0xa5, sizeof(t));
	memset(&page, 0, sizeof(page));
	mapped = true;
	reftime_init(&t, &pages, hz, tsc);
	return t;
}

/* The sum of exact fractions: how far a clock of hz comes in so many ticks. */
static u64 exact(u64 ticks, u64 hz)
{
	return (u64)((u128)ticks * HV_REFERENCE_HZ / hz);
}

static void scale(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		struct reftime t = made(clocks[i], 0);

		CHECK_NOTE("%" PRIu64 " Hz", clocks[i]);
		CHECK_EQ(t.scale, (u64)(((u128)HV_REFERENCE_HZ << 64) / clocks[i]));
		CHECK_EQ(reftime_read(&t, 0), 0);
		/* A century, within one unit. */
		for (u64 ticks = 1; ticks < clocks[i] * 86400 * 36500 && ticks < 1ul << 63;
		     ticks *= 3) {
			u64 got = reftime_read(&t, ticks), want = exact(ticks, clocks[i]);

			CHECK(got == want || got + 1 == want);
		}
	}
}

/* Runs, stands, is set, has its page moved; compared with a clock that adds up exact
 * pieces and may be wrong by a unit for each of them. */
static void walk(void)
{
	check_seed(0x72656674696d65);
	for (int round = 0; round < 200; round++) {
		u64 hz = clocks[check_below(ARRAY_SIZE(clocks))];
		u64 tsc = check_below(1ul << 50), start = tsc, base = 0, slack = 1, last = 0;
		struct reftime t = made(hz, tsc);
		bool frozen = false, enabled = false;

		for (int step = 0; step < 60; step++) {
			u64 got, want, sequence = page.sequence;
			u64 op = check_below(6);
			bool rewritten = false;

			tsc += check_below(hz * (check_below(8) ? 2 : 1000000));
			want = base + (frozen ? 0 : exact(tsc - start, hz));
			CHECK_NOTE("round %d step %d op %" PRIu64, round, step, op);
			if (op == 0 || op == 1) {
				reftime_freeze(&t, tsc, op);
				base = want, start = tsc, slack++, frozen = op;
				rewritten = enabled && mapped;
			} else if (op == 2 && check_below(4) == 0) {
				base = last = check_below(1ul << 60), start = tsc, slack = 1;
				want = base;
				reftime_set(&t, tsc, base);
				rewritten = enabled && mapped;
			} else if (op == 3) {
				u64 value = PAGE_GFN << 12 | (check_rand() & 0xfff);

				enabled = value & 1;
				reftime_write_msr(&t, value);
				CHECK_EQ(reftime_read_msr(&t), value);
				rewritten = enabled && mapped;
			} else if (op == 4) {
				mapped = check_below(8);
			}
			got = reftime_read(&t, tsc);
			CHECK(got + slack >= want && got <= want + slack);
			CHECK(got >= last);
			last = got;
			if (!rewritten) {
				CHECK_EQ(page.sequence, sequence);
			} else if (frozen) {
				CHECK_EQ(page.sequence, 0);
			} else {
				CHECK(page.sequence != 0 && page.sequence != sequence);
				CHECK_EQ(page_time(tsc), got);
				CHECK_EQ(page_time(tsc + hz), reftime_read(&t, tsc + hz));
			}
		}
	}
}

static void sequence_wraps(void)
{
	struct reftime t = made(1000000000, 0);

	t.sequence = UINT32_MAX - 2;
	reftime_write_msr(&t, PAGE_GFN << 12 | 1);
	CHECK_EQ(page.sequence, UINT32_MAX - 1);
	reftime_set(&t, 0, 5);
	CHECK_EQ(page.sequence, 1);
	/* A page that is not the guest's is not touched. */
	memset(&page, 0xee, sizeof(page));
	reftime_write_msr(&t, (PAGE_GFN + 1) << 12 | 1);
	reftime_set(&t, 0, 7);
	reftime_write_msr(&t, PAGE_GFN << 12);
	reftime_set(&t, 0, 9);
	CHECK_EQ(page.sequence, 0xeeeeeeee);
	CHECK_EQ(page.scale, 0xeeeeeeeeeeeeeeee);
}

static void deadlines(void)
{
	check_seed(0x646561646c696e65);
	for (int i = 0; i < 100000; i++) {
		u64 hz = clocks[check_below(ARRAY_SIZE(clocks))];
		u64 tsc = check_below(1ul << 52);
		struct reftime t = made(hz, check_below(tsc + 1));
		u64 now = reftime_read(&t, tsc);
		u64 time = now + check_below(1ul << check_below(50)), when;

		CHECK_NOTE("%d: %" PRIu64 " Hz", i, hz);
		when = reftime_to_tsc(&t, tsc, time);
		CHECK(when >= tsc && when < UINT64_MAX);
		CHECK(reftime_read(&t, when) >= time);
		CHECK(reftime_read(&t, when) <= time + 3);
		CHECK_EQ(reftime_to_tsc(&t, tsc, check_below(now + 1)), tsc);
		CHECK_EQ(reftime_to_tsc(&t, tsc, UINT64_MAX), UINT64_MAX);
		reftime_freeze(&t, tsc, true);
		CHECK_EQ(reftime_to_tsc(&t, tsc, now), tsc);
		CHECK_EQ(reftime_to_tsc(&t, tsc, now + 1), UINT64_MAX);
	}
}

/* A guest reads the page while hv writes it: equal sequences mean one content. It is
 * so slow that hv may be in any place of any later change. */
static struct {
	int step;
	u32 sequence;
	u64 scale, offset;
	u32 good;
} reader;

static void read_step(void)
{
	switch (reader.step++) {
	case 0:
		reader.sequence = page.sequence;
		break;
	case 1:
		reader.scale = page.scale;
		break;
	case 2:
		reader.offset = (u64)page.offset;
		break;
	default:
		reader.step = 0;
		if (reader.sequence == 0 || reader.sequence != page.sequence)
			break;
		CHECK_EQ(reader.scale, reader.offset);
		reader.good++;
	}
}

static void read_page(void)
{
	while (check_below(2))
		read_step();
}

static void read_while_written(void)
{
	struct reftime t = made(1000000000, 0);

	check_seed(0x746f726e);
	other_side = read_page;
	for (u64 i = 1; i < 200000; i++) {
		t.scale = i;
		t.msr = PAGE_GFN << 12 | 1;
		reftime_set(&t, 0, i); /* offset i, as the TSC is 0 */
	}
	other_side = NULL;
	CHECK(reader.good > 1000);
}

int main(void)
{
	CHECK_RUN(scale);
	CHECK_RUN(walk);
	CHECK_RUN(sequence_wraps);
	CHECK_RUN(deadlines);
	CHECK_RUN(read_while_written);
	return check_done();
}
