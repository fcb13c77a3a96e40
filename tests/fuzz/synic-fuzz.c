/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv/hyperv/synic.c and stimer.c: a guest that writes its registers and pages, others
 * that post and signal, and time that passes, in any order.
 */
#include "fuzz.h"

#include "hyperv/stimer.h"
#include "hyperv/synic.h"

static u8 ram[2][4096] __aligned(4096);

static void *get_page(void *ctx, u64 gfn)
{
	(void)ctx;
	return gfn < 2 ? ram[gfn] : NULL;
}

static const struct guest_pages pages = { get_page, NULL };

static void check(const struct synic *s)
{
	u32 waiting = 0;

	FUZZ_CHECK(s->queue->count <= SYNIC_QUEUED_MAX);
	for (u32 i = 0; i < s->queue->count; i++) {
		u32 index = s->queue->order[i];

		FUZZ_CHECK(index < SYNIC_QUEUED_MAX && s->queue->sint[index] < 16);
		FUZZ_CHECK(!(waiting >> index & 1));
		waiting |= 1u << index;
	}
	FUZZ_CHECK(waiting == s->queue->used);
	FUZZ_CHECK(!(s->due.words[0] & 0xffff));
}

static void step(struct synic *s, struct stimers *t, u64 *now, const uint8_t **data, size_t *size)
{
	u64 op = fuzz_u64(data, size, 1), where = fuzz_u64(data, size, 1), value;
	struct hv_message message;
	bool newly;

	switch (op % 8) {
	case 0:
	case 1:
		value = fuzz_u64(data, size, 8);
		if (op & 16) /* small enough for a SINT, a page, a timer's settings */
			value &= 0xf1fff;
		if (op & 8)
			synic_write(s, SYNIC_MSR_FIRST + where % 32, value);
		else
			stimer_write(t, STIMER_MSR_FIRST + where % 8, value, *now);
		stimer_run(t, *now, s);
		break;
	case 2:
		synic_read(s, (u32)(SYNIC_MSR_FIRST + where), &value);
		stimer_read(t, (u32)(STIMER_MSR_FIRST + where), &value);
		break;
	case 3:
		memset(&message, (int)where, sizeof(message));
		message.header.message_type = (u32)fuzz_u64(data, size, 1);
		message.header.payload_size = (u8)op;
		synic_post(s, (u32)where % 20, &message);
		break;
	case 4:
		synic_signal(s, (u32)where % 20, (u32)fuzz_u64(data, size, 2), &newly);
		break;
	case 5: /* the guest, in its pages */
		value = fuzz_u64(data, size, 4);
		memcpy(&ram[op >> 3 & 1][where * 16], &value, 4);
		break;
	case 6:
		synic_write(s, HV_X64_MSR_EOM, 0);
		stimer_run(t, *now, s);
		break;
	default:
		*now += fuzz_u64(data, size, where % 9);
		stimer_run(t, *now, s);
		FUZZ_CHECK(stimer_deadline(t) > *now || *now == UINT64_MAX);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct synic_queue queue;
	struct synic s = { .queue = &queue, .pages = &pages };
	struct stimers t = { 0 };
	u64 now = 0;

	memset(ram, 0, sizeof(ram));
	synic_reset(&s);
	/* As a guest has it that does what it should. */
	synic_write(&s, HV_X64_MSR_SCONTROL, HV_SCONTROL_ENABLE);
	synic_write(&s, HV_X64_MSR_SIMP, HV_MSR_PAGE_ENABLE);
	synic_write(&s, HV_X64_MSR_SIEFP, 1 << 12 | HV_MSR_PAGE_ENABLE);
	while (size) {
		step(&s, &t, &now, &data, &size);
		check(&s);
	}
	return 0;
}
