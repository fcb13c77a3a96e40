/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/x86/vapic.c: two local APICs of one partition. Their guest writes registers in
 * either mode, they send each other interrupts, a VMM reads and sets their state, time
 * passes.
 */
#include "fuzz.h"

#include "x86/vapic.h"

static struct vapic apics[2];
static u64 now;

static const u32 *words(const struct vapic *v, u32 offset)
{
	return &v->regs.reg[offset / 16];
}

static void check(const struct vapic *v)
{
	u8 highest = vapic_highest(v);

	FUZZ_CHECK(!(*words(v, APIC_IRR) & 0xffff) && !(*words(v, APIC_ISR) & 0xffff));
	FUZZ_CHECK(!highest || (highest >= 16 && highest / 16 > vapic_cr8(v)));
	FUZZ_CHECK(v->id == (u32)(v - apics));
	FUZZ_CHECK(v->mode == VLAPIC_DISABLED || v->mode == VLAPIC_XAPIC ||
		   v->mode == VLAPIC_X2APIC);
	/* The first one never waits for a start-up IPI. */
	FUZZ_CHECK(v->id || v->startup == VLAPIC_RUNNING);
}

static void send(const struct vapic_ipi *ipi)
{
	struct vapic *best = NULL;

	FUZZ_CHECK(ipi->mode <= VAPIC_SIPI && ipi->mode != 2 && ipi->mode != 3);
	FUZZ_CHECK(ipi->mode > VAPIC_LOWEST || ipi->vector >= 16);
	for (u32 i = 0; i < 2; i++) {
		if (!vapic_ipi_matches(&apics[i], ipi))
			continue;
		if (ipi->mode == VAPIC_LOWEST)
			best = vapic_better(best, &apics[i]);
		else
			vapic_post_ipi(&apics[i], ipi);
	}
	if (best)
		vapic_post_ipi(best, ipi);
}

static void done(enum vapic_action action, const struct vapic_out *out)
{
	if (action == VAPIC_IPI)
		send(&out->ipi);
	if (action == VAPIC_EOI)
		FUZZ_CHECK(out->vector >= 16);
}

/* Setting what was read changes nothing. */
static void state(struct vapic *v, const uint8_t **data, size_t *size, bool strange)
{
	struct hv_x64_lapic_state before, after;

	vapic_export(v, now, &before);
	if (strange) {
		after = before;
		((u32 *)&after)[fuzz_u64(data, size, 1) % (sizeof(after) / 4)] =
			(u32)fuzz_u64(data, size, 4);
		/* What was pending below 16 cannot be. */
		vapic_import(v, now, &after);
		return;
	}
	FUZZ_CHECK(vapic_import(v, now, &before));
	vapic_export(v, now, &after);
	FUZZ_CHECK(!memcmp(&before, &after, sizeof(before)));
}

static void enter(struct vapic *v)
{
	u8 page, vector;

	vapic_sync(v, &page);
	vapic_expire(v, now);
	FUZZ_CHECK(vapic_deadline(v) > now);
	vector = vapic_highest(v);
	if (vector)
		vapic_take(v, vector);
	FUZZ_CHECK(!vector || vapic_highest(v) != vector);
}

static void step(const uint8_t **data, size_t *size)
{
	u64 op = fuzz_u64(data, size, 1), where = fuzz_u64(data, size, 1);
	struct vapic *v = &apics[op >> 7];
	struct vapic_out out = { 0 };
	u64 value;

	switch (op % 12) {
	case 0:
	case 1:
		value = fuzz_u64(data, size, op & 16 ? 8 : 2);
		done(vapic_write_msr(v, APIC_MSR_FIRST + (u32)where % 64, value, now, &out), &out);
		break;
	case 2:
	case 3:
		if (v->mode == VLAPIC_XAPIC)
			done(vapic_write_xapic(v, (u32)where * 16 + (op & 16 ? 4 : 0),
					       (u32)fuzz_u64(data, size, 4), now, &out),
			     &out);
		break;
	case 4:
		vapic_read_msr(v, APIC_MSR_FIRST + (u32)where, now, &value);
		if (v->mode == VLAPIC_XAPIC)
			vapic_read_xapic(v, (u32)where * 16, now);
		break;
	case 5:
		vapic_write_base(v, vapic_read_base(v) ^ (where & 0xf) << 8);
		break;
	case 6:
		now += fuzz_u64(data, size, op & 16 ? 5 : 2);
		break;
	case 7:
		vapic_post(v, (u8)(16 + where % 240), op & 16);
		break;
	case 8:
		done(vapic_end(v, &out), &out);
		break;
	case 9:
		state(v, data, size, op & 16);
		break;
	case 10:
		vapic_set_auto_eoi(v, (u8)(16 + where % 240), op & 16);
		break;
	default:
		enter(v);
	}
	check(&apics[0]);
	check(&apics[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	now = 1000000000;
	for (u32 i = 0; i < 2; i++)
		vapic_reset(&apics[i], i,
			    APIC_DEFAULT_BASE | APIC_BASE_ENABLE | (i ? 0 : APIC_BASE_BSP), true);
	while (size)
		step(&data, &size);
	return 0;
}
