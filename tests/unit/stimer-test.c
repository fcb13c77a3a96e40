/* SPDX-License-Identifier: GPL-2.0-only */
/* hv/hyperv/stimer.c: a VP's synthetic timers. */
#include "check.h"

#include "hyperv/stimer.h"

#define CONFIG(n) (HV_X64_MSR_STIMER0_CONFIG + 2 * (n))
#define COUNT(n) (HV_X64_MSR_STIMER0_COUNT + 2 * (n))
#define DIRECT(vector) (HV_STIMER_DIRECT_MODE | (u64)(vector) << HV_STIMER_VECTOR_SHIFT)
#define SINT(n) ((u64)(n) << HV_STIMER_SINT_SHIFT)
#define EN HV_STIMER_ENABLE
#define PER HV_STIMER_PERIODIC
#define AUTO HV_STIMER_AUTO_ENABLE

static struct hv_message_page sim;
static struct synic_queue queue;
static struct synic synic;

static void *get_page(void *ctx, u64 gfn)
{
	CHECK(ctx == &sim);
	return gfn == 5 ? &sim : NULL;
}

static const struct guest_pages pages = { get_page, &sim };

static struct stimers made(void)
{
	synic = (struct synic){ .queue = &queue, .pages = &pages };
	memset(&sim, 0, sizeof(sim));
	synic_reset(&synic);
	CHECK(synic_write(&synic, HV_X64_MSR_SIMP, 5 << 12 | 1));
	CHECK(synic_write(&synic, HV_X64_MSR_SCONTROL, 1));
	for (u32 i = 0; i < 16; i++)
		CHECK(synic_write(&synic, HV_X64_MSR_SINT0 + i, 0x40 + i));
	return (struct stimers){ 0 };
}

static u64 get(const struct stimers *t, u32 msr)
{
	u64 value = 0xbad;

	CHECK(stimer_read(t, msr, &value));
	return value;
}

/* Runs, and says whether the vector, and no other, became due. */
static bool fired(struct stimers *t, u64 now, u32 vector)
{
	u64 any = 0;
	bool one;

	stimer_run(t, now, &synic);
	one = synic.due.words[vector / 64] >> vector % 64 & 1;
	synic.due.words[vector / 64] &= ~BIT(vector % 64);
	for (u32 i = 0; i < 4; i++)
		any |= synic.due.words[i];
	CHECK_EQ(any, 0);
	synic.due = (struct vector_set){ 0 };
	return one;
}

static const struct hv_timer_message *told(u32 sint)
{
	const struct hv_message *slot = &sim.slots[sint];

	CHECK_EQ(slot->header.message_type, HVMSG_TIMER_EXPIRED);
	CHECK_EQ(slot->header.payload_size, 24);
	return (const struct hv_timer_message *)slot->payload;
}

static void registers(void)
{
	struct stimers t = made();
	u64 value;

	for (u32 msr = 0x400000a8; msr < 0x400000c0; msr++) {
		bool known = msr >= 0x400000b0 && msr <= 0x400000b7;

		CHECK_NOTE("MSR 0x%x", msr);
		CHECK(stimer_read(&t, msr, &value) == known);
		CHECK(stimer_write(&t, msr, 0, 0) == known);
		if (known)
			CHECK_EQ(get(&t, msr), 0);
	}
	for (u32 bit = 0; bit < 64; bit++) {
		bool reserved = bit >= 20 || (bit >= 13 && bit <= 15);

		CHECK_NOTE("bit %u", bit);
		CHECK(stimer_write(&t, CONFIG(1), 0, 0));
		CHECK(stimer_write(&t, CONFIG(1), BIT(bit), 0) == !reserved);
		/* Enabled without SINT is not enabled. */
		CHECK_EQ(get(&t, CONFIG(1)), reserved || bit == 0 ? 0 : BIT(bit));
		CHECK(stimer_write(&t, COUNT(2), BIT(bit), 0));
		CHECK_EQ(get(&t, COUNT(2)), BIT(bit));
	}
	for (u32 n = 0; n < 4; n++) {
		CHECK(stimer_write(&t, CONFIG(n), SINT(n + 1), 0));
		CHECK(stimer_write(&t, COUNT(n), n + 77, 0));
	}
	for (u32 n = 0; n < 4; n++) {
		CHECK_EQ(get(&t, CONFIG(n)), SINT(n + 1));
		CHECK_EQ(get(&t, COUNT(n)), n + 77);
	}
	CHECK_EQ(stimer_deadline(&t), UINT64_MAX);
}

static void enabling(void)
{
	static const struct {
		u64 config;
		bool enabled;
	} rows[] = {
		{ EN | SINT(1), true },
		{ EN | SINT(0), false },
		{ EN | SINT(0) | DIRECT(16), true },
		{ EN | SINT(3) | DIRECT(15), false },
		{ EN | SINT(3) | DIRECT(0), false },
		{ EN | DIRECT(255), true },
		{ EN | (0x33ul << HV_STIMER_VECTOR_SHIFT), false },
		{ AUTO | SINT(1), false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct stimers t = made();

		CHECK_NOTE("row %zu", i);
		CHECK(stimer_write(&t, COUNT(0), 1000, 0));
		CHECK_EQ(stimer_deadline(&t), UINT64_MAX);
		CHECK(stimer_write(&t, CONFIG(0), rows[i].config, 0));
		CHECK_EQ(get(&t, CONFIG(0)) & EN, rows[i].enabled ? EN : 0);
		CHECK_EQ(stimer_deadline(&t), rows[i].enabled ? 1000 : UINT64_MAX);
		/* Writing the count enables by itself only with the bit for that. */
		CHECK(stimer_write(&t, COUNT(0), 2000, 0));
		CHECK_EQ(stimer_deadline(&t),
			 rows[i].enabled || rows[i].config & AUTO ? 2000 : UINT64_MAX);
		/* And 0 stops it, whatever the bit says. */
		CHECK(stimer_write(&t, COUNT(0), 0, 0));
		CHECK_EQ(get(&t, CONFIG(0)) & EN, 0);
		CHECK_EQ(stimer_deadline(&t), UINT64_MAX);
	}
}

/* As Linux does it: enabled by the configuration, started by the count. */
static void one_shot(void)
{
	struct stimers t = made();

	CHECK(stimer_write(&t, CONFIG(0), EN | AUTO | DIRECT(0xed), 50));
	CHECK_EQ(stimer_deadline(&t), UINT64_MAX);
	CHECK(!fired(&t, 60, 0xed));
	for (u64 when = 1000; when < 5000; when += 1000) {
		CHECK(stimer_write(&t, COUNT(0), when, when - 500));
		CHECK_EQ(stimer_deadline(&t), when);
		CHECK(!fired(&t, when - 1, 0xed));
		CHECK(fired(&t, when + when / 2000, 0xed));
		CHECK_EQ(get(&t, CONFIG(0)) & EN, 0);
		CHECK_EQ(get(&t, COUNT(0)), when);
		CHECK(!fired(&t, when + 1000000, 0xed));
		CHECK_EQ(stimer_deadline(&t), UINT64_MAX);
	}
	/* In the past: at once. */
	CHECK(stimer_write(&t, COUNT(0), 1, 9000));
	CHECK(fired(&t, 9000, 0xed));
	CHECK(stimer_write(&t, COUNT(0), UINT64_MAX, 9000));
	CHECK_EQ(stimer_deadline(&t), UINT64_MAX);
	CHECK(!fired(&t, UINT64_MAX - 1, 0xed));
}

/* XSA-504: a period of 0 is no period; and none so short that hv does nothing else. */
static void short_periods(void)
{
	struct stimers t = made();

	CHECK(stimer_write(&t, CONFIG(0), EN | PER | SINT(2), 0));
	CHECK_EQ(stimer_deadline(&t), UINT64_MAX);
	CHECK(!fired(&t, 1000000, 0x42));
	CHECK(stimer_write(&t, COUNT(0), 0, 0));
	CHECK(stimer_write(&t, CONFIG(0), EN | PER | SINT(2), 0));
	CHECK(!fired(&t, 2000000, 0x42));
	CHECK(stimer_write(&t, COUNT(0), 1, 3000000));
	CHECK_EQ(stimer_deadline(&t), 3000000 + STIMER_MIN_PERIOD);
	CHECK(fired(&t, 3500000, 0x42));
	CHECK_EQ(stimer_deadline(&t), 3500000 + STIMER_MIN_PERIOD);
	/* Longer than time itself. */
	CHECK(stimer_write(&t, COUNT(0), UINT64_MAX, 4000000));
	CHECK_EQ(stimer_deadline(&t), UINT64_MAX);
	CHECK(stimer_write(&t, COUNT(0), 1ul << 63, (1ul << 63) - 5));
	CHECK_EQ(stimer_deadline(&t), UINT64_MAX - 4);
	sim.slots[2].header.message_type = 0;
	CHECK(fired(&t, UINT64_MAX - 1, 0x42));
	CHECK_EQ(stimer_deadline(&t), UINT64_MAX);
}

static void undelivered(void)
{
	struct hv_message m = { .header.message_type = 7 };
	struct stimers t = made();

	sim.slots[3].header.message_type = 1; /* someone else's message */
	CHECK(stimer_write(&t, CONFIG(1), EN | SINT(3), 0));
	CHECK(stimer_write(&t, COUNT(1), 100, 0));
	CHECK(!fired(&t, 110, 0x43));
	CHECK_EQ(sim.slots[3].header.message_flags, HV_MESSAGE_PENDING);
	CHECK_EQ(stimer_deadline(&t), UINT64_MAX);
	CHECK(!fired(&t, 200, 0x43));
	/* What was posted and queued comes first. */
	CHECK_EQ(synic_post(&synic, 3, &m), 0);
	sim.slots[3].header.message_type = 0;
	CHECK(fired(&t, 300, 0x43));
	CHECK_EQ(sim.slots[3].header.message_type, 7);
	sim.slots[3].header.message_type = 0;
	CHECK(fired(&t, 400, 0x43));
	CHECK_EQ(told(3)->timer_index, 1);
	CHECK_EQ(told(3)->reserved, 0);
	CHECK_EQ(told(3)->expiration_time, 100);
	CHECK_EQ(told(3)->delivery_time, 400);
	sim.slots[3].header.message_type = 0;
	CHECK(!fired(&t, 500, 0x43));
	/* A periodic one goes on meanwhile and tells of the first that was missed. */
	sim.slots[3].header.message_type = 1;
	CHECK(stimer_write(&t, COUNT(1), 2000, 1000));
	CHECK(stimer_write(&t, CONFIG(1), EN | PER | SINT(3), 1000));
	CHECK(!fired(&t, 3001, 0x43));
	CHECK(!fired(&t, 5002, 0x43));
	CHECK_EQ(stimer_deadline(&t), 7000);
	sim.slots[3].header.message_type = 0;
	CHECK(fired(&t, 5003, 0x43));
	CHECK_EQ(told(3)->expiration_time, 3000);
	/* Set anew, what waits is gone. */
	CHECK(!fired(&t, 7000, 0x43));
	CHECK(stimer_write(&t, CONFIG(1), 0, 7001));
	sim.slots[3].header.message_type = 0;
	CHECK(!fired(&t, 9000, 0x43));
}

/* All four at once against clocks that are stepped unit by unit in their own words. */
static void walk(void)
{
	check_seed(0x7374696d657273);
	for (int round = 0; round < 300; round++) {
		struct stimers t = made();
		u64 config[4] = { 0 }, start[4], step[4], done[4] = { 0 };
		bool on[4] = { false };
		u64 now = check_below(1000000);

		for (int i = 0; i < 60; i++) {
			u32 n = (u32)check_below(4);
			u64 deadline = UINT64_MAX;

			CHECK_NOTE("round %d step %d", round, i);
			if (check_below(3) == 0) {
				bool periodic = check_below(2);

				step[n] = check_below(5000) + 1;
				start[n] = now;
				if (!periodic)
					step[n] += now - min_u64(now, 2500);
				config[n] = EN | DIRECT(0x80 + n) | (periodic ? PER : 0) |
					    (check_below(2) ? HV_STIMER_LAZY : 0);
				CHECK(stimer_write(&t, CONFIG(n), 0, now));
				CHECK(stimer_write(&t, COUNT(n), step[n], now));
				CHECK(stimer_write(&t, CONFIG(n), config[n], now));
				on[n] = true;
				done[n] = 0;
				if (periodic && step[n] < 1000)
					step[n] = 1000;
			}
			now += check_below(4000);
			stimer_run(&t, now, &synic);
			for (n = 0; n < 4; n++) {
				bool got = synic.due.words[2] >> n & 1, want = false;

				if (on[n] && config[n] & PER) {
					u64 periods = (now - start[n]) / step[n];

					want = periods > done[n];
					done[n] = periods;
					deadline = min_u64(deadline,
							   start[n] + (periods + 1) * step[n]);
				} else if (on[n]) {
					want = now >= step[n];
					on[n] = !want;
					if (!want)
						deadline = min_u64(deadline, step[n]);
				}
				CHECK(got == want);
			}
			synic.due = (struct vector_set){ 0 };
			CHECK_EQ(stimer_deadline(&t), deadline);
		}
	}
}

int main(void)
{
	CHECK_RUN(registers);
	CHECK_RUN(enabling);
	CHECK_RUN(one_shot);
	CHECK_RUN(short_periods);
	CHECK_RUN(undelivered);
	CHECK_RUN(walk);
	return check_done();
}
