/* SPDX-License-Identifier: GPL-2.0-only */
/* hv/hyperv/synic.c: messages and event flags for a guest, and their interrupts. */
#include "check.h"

#include <hyperv/status.h>

#include "hyperv/synic.h"

#define SIMP_GFN 0x1000u
#define SIEFP_GFN 0x2000u

static struct hv_message_page sim;
static struct hv_event_flags_page sief;
static struct synic_queue *queue;
static bool mapped;

void (*other_side)(void);

static void *get_page(void *ctx, u64 gfn)
{
	CHECK(ctx == &sim);
	if (!mapped)
		return NULL;
	return gfn == SIMP_GFN ? (void *)&sim : gfn == SIEFP_GFN ? (void *)&sief : NULL;
}

static const struct guest_pages pages = { get_page, &sim };

static u64 vector_of(u32 sint)
{
	return 0x30 + sint * 11;
}

static void reset(struct synic *s)
{
	memset(s, 0xa5, sizeof(*s));
	s->lock = (struct spinlock){ 0 };
	s->queue = queue;
	s->pages = &pages;
	memset(queue, 0xa5, sizeof(*queue));
	memset(&sim, 0, sizeof(sim));
	memset(&sief, 0, sizeof(sief));
	mapped = true;
	synic_reset(s);
}

/* As a guest sets it up, each SINT with its vector. */
static void enable(struct synic *s)
{
	reset(s);
	CHECK(synic_write(s, HV_X64_MSR_SIMP, SIMP_GFN << 12 | 1));
	CHECK(synic_write(s, HV_X64_MSR_SIEFP, SIEFP_GFN << 12 | 1));
	CHECK(synic_write(s, HV_X64_MSR_SCONTROL, 1));
	for (u32 i = 0; i < 16; i++)
		CHECK(synic_write(s, HV_X64_MSR_SINT0 + i, vector_of(i)));
}

/* The vectors that have become due since the last call: exactly those of the mask's
 * SINTs? */
static bool due_is(struct synic *s, u32 sints)
{
	struct vector_set want = { { 0 } };
	bool same;

	for (u32 i = 0; i < 16; i++) {
		if (sints >> i & 1)
			want.words[vector_of(i) / 64] |= 1ul << vector_of(i) % 64;
	}
	same = !memcmp(&want, &s->due, sizeof(want));
	memset(&s->due, 0, sizeof(s->due));
	return same;
}

static struct hv_message message(u64 id)
{
	struct hv_message m = { .header.sender = id };

	for (u32 i = 0; i < ARRAY_SIZE(m.payload); i++)
		m.payload[i] = id * 1000 + i;
	m.header.message_type = 1 + (u32)id % 7;
	m.header.payload_size = (u8)(id % 241);
	m.header.message_flags = (u8)id; /* a sender's are not taken */
	return m;
}

static u16 post(struct synic *s, u32 sint, u64 id)
{
	struct hv_message m = message(id);

	return synic_post(s, sint, &m);
}

static bool slot_holds(u32 sint, u64 id)
{
	const struct hv_message *slot = &sim.slots[sint], m = message(id);

	return slot->header.message_type == m.header.message_type &&
	       slot->header.payload_size == m.header.payload_size &&
	       slot->header.sender == m.header.sender &&
	       !memcmp(slot->payload, m.payload, sizeof(m.payload));
}

static void registers(void)
{
	struct synic s;
	u64 value;

	reset(&s);
	for (u32 msr = 0x40000000; msr < 0x40000100; msr++) {
		bool sint = msr >= 0x40000090 && msr <= 0x4000009f;
		bool known = sint || (msr >= 0x40000080 && msr <= 0x40000084);

		CHECK_NOTE("MSR 0x%x", msr);
		value = 0xbad;
		CHECK(synic_read(&s, msr, &value) == known);
		if (!known)
			CHECK(!synic_write(&s, msr, 0));
		else
			CHECK_EQ(value, sint ? 0x10000 : msr == 0x40000081 ? 1 : 0);
	}
	/* Read-only, and write-only. */
	CHECK(!synic_write(&s, HV_X64_MSR_SVERSION, 1));
	CHECK(synic_write(&s, HV_X64_MSR_EOM, 0));
	CHECK(synic_read(&s, HV_X64_MSR_EOM, &value));
	CHECK_EQ(value, 0);
	/* Reserved bits are kept. */
	for (u32 bit = 0; bit < 64; bit++) {
		static const u32 msrs[] = { HV_X64_MSR_SCONTROL, HV_X64_MSR_SIEFP,
					    HV_X64_MSR_SIMP };

		for (u32 i = 0; i < 3; i++) {
			CHECK(synic_write(&s, msrs[i], BIT(bit)));
			CHECK(synic_read(&s, msrs[i], &value));
			CHECK_EQ(value, BIT(bit));
			CHECK(synic_write(&s, msrs[i], 0));
		}
		CHECK(synic_write(&s, HV_X64_MSR_SINT0 + 5, BIT(bit) | 0x80));
		CHECK(synic_read(&s, HV_X64_MSR_SINT0 + 5, &value));
		CHECK_EQ(value, BIT(bit) | 0x80);
	}
}

static void vectors(void)
{
	struct vector_set set;
	struct synic s;
	u64 value;

	reset(&s);
	for (u32 vector = 0; vector < 256; vector++) {
		u32 msr = HV_X64_MSR_SINT0 + vector % 16;

		CHECK_NOTE("vector %u", vector);
		CHECK(synic_write(&s, msr, HV_SINT_MASKED | vector));
		CHECK(synic_write(&s, msr, vector) == (vector >= 16));
		CHECK(synic_write(&s, msr, HV_SINT_POLLING | vector) == (vector >= 16));
		CHECK(synic_read(&s, msr, &value));
		CHECK_EQ(value, vector >= 16 ? HV_SINT_POLLING | vector : HV_SINT_MASKED | vector);
	}
	enable(&s);
	synic_auto_eoi(&s, &set);
	CHECK_EQ(set.words[0] | set.words[1] | set.words[2] | set.words[3], 0);
	CHECK(synic_write(&s, HV_X64_MSR_SINT0 + 3, 0x45 | HV_SINT_AUTO_EOI));
	CHECK(synic_write(&s, HV_X64_MSR_SINT0 + 4, 0xff | HV_SINT_AUTO_EOI));
	CHECK(synic_write(&s, HV_X64_MSR_SINT0 + 5, 0x56 | HV_SINT_AUTO_EOI | HV_SINT_MASKED));
	CHECK(synic_write(&s, HV_X64_MSR_SINT0 + 6, 0x57 | HV_SINT_AUTO_EOI | HV_SINT_POLLING));
	synic_auto_eoi(&s, &set);
	CHECK_EQ(set.words[0], 0);
	CHECK_EQ(set.words[1], BIT(5));
	CHECK_EQ(set.words[2], 0);
	CHECK_EQ(set.words[3], BIT(63));
}

static void refusals(void)
{
	struct hv_message m = message(1);
	struct synic s;
	bool newly;

	enable(&s);
	CHECK_EQ(post(&s, 16, 1), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(post(&s, UINT32_MAX, 1), HV_STATUS_INVALID_PARAMETER);
	m.header.payload_size = 241;
	CHECK_EQ(synic_post(&s, 2, &m), HV_STATUS_INVALID_PARAMETER);
	m.header.payload_size = 240;
	m.header.message_type = HVMSG_NONE;
	CHECK_EQ(synic_post(&s, 2, &m), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(synic_signal(&s, 16, 0, &newly), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(synic_signal(&s, 2, 2048, &newly), HV_STATUS_INVALID_PARAMETER);
	for (int off = 0; off < 3; off++) {
		enable(&s);
		if (off != 1)
			CHECK(synic_write(&s, off ? HV_X64_MSR_SIMP : HV_X64_MSR_SCONTROL, 0));
		if (off == 1)
			CHECK(synic_write(&s, HV_X64_MSR_SIEFP, SIEFP_GFN << 12));
		CHECK_NOTE("off %d", off);
		CHECK_EQ(post(&s, 2, 1),
			 off == 1 ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_SYNIC_STATE);
		CHECK_EQ(synic_signal(&s, 2, 7, &newly),
			 off == 2 ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_SYNIC_STATE);
		CHECK(newly == (off == 2));
		CHECK_EQ(sief.flags[2][0], off == 2 ? 0x80 : 0);
		CHECK_EQ(sim.slots[2].header.message_type, off == 1 ? 2 : 0);
	}
	/* A page that is not there: messages wait for it, flags cannot. */
	enable(&s);
	mapped = false;
	CHECK_EQ(post(&s, 2, 1), HV_STATUS_SUCCESS);
	CHECK(!synic_try_post(&s, 2, &m));
	CHECK_EQ(synic_signal(&s, 2, 7, &newly), HV_STATUS_INVALID_SYNIC_STATE);
	CHECK(due_is(&s, 0));
	mapped = true;
	CHECK(synic_write(&s, HV_X64_MSR_EOM, 0));
	CHECK(slot_holds(2, 1));
	CHECK(due_is(&s, 1 << 2));
}

static void masked_and_polled(void)
{
	struct synic s;
	bool newly;

	for (int polled = 0; polled < 2; polled++) {
		u64 bit = polled ? HV_SINT_POLLING : HV_SINT_MASKED;

		CHECK_NOTE("polled %d", polled);
		enable(&s);
		CHECK(synic_write(&s, HV_X64_MSR_SINT0 + 4, bit | vector_of(4)));
		CHECK_EQ(post(&s, 4, 9), HV_STATUS_SUCCESS);
		CHECK(slot_holds(4, 9));
		CHECK_EQ(synic_signal(&s, 4, 2047, &newly),
			 polled ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_SYNIC_STATE);
		CHECK(newly);
		CHECK_EQ(sief.flags[4][31], BIT(63));
		CHECK(due_is(&s, 0));
	}
}

static void flags(void)
{
	struct synic s;
	bool newly;

	check_seed(0x666c616773);
	enable(&s);
	for (int i = 0; i < 100000; i++) {
		u32 sint = (u32)check_below(16), flag = (u32)check_below(2048);
		u8 *byte = (u8 *)&sief + sint * 256ul + flag / 8;
		struct hv_event_flags_page before = sief;
		bool set = *byte >> flag % 8 & 1;

		CHECK_NOTE("%d: SINT %u flag %u", i, sint, flag);
		CHECK_EQ(synic_signal(&s, sint, flag, &newly), HV_STATUS_SUCCESS);
		CHECK(newly == !set);
		CHECK(due_is(&s, set ? 0 : 1u << sint));
		((u8 *)&before)[byte - (u8 *)&sief] |= (u8)(1 << flag % 8);
		CHECK(!memcmp(&before, &sief, sizeof(sief)));
		if (check_below(3) == 0)
			*byte &= (u8)check_rand();
	}
}

/* What is posted, per SINT, against queues of numbers. The guest empties slots and
 * writes EOM when it sees the flag, or when it likes. */
static void messages(void)
{
	static u64 fifo[16][100000];
	u64 head[16] = { 0 }, tail[16] = { 0 }, id = 1;
	bool full[16] = { false }; /* the slot */
	u32 waiting = 0, refused = 0;
	struct synic s;

	check_seed(0x6d65737361676573);
	enable(&s);
	for (int i = 0; i < 100000; i++) {
		u32 sint = (u32)check_below(check_below(2) ? 2 : 16), due = 0;
		bool eom = false;

		CHECK_NOTE("%d: SINT %u, %u wait", i, sint, waiting);
		switch (check_below(4)) {
		case 0:
		case 1: {
			u16 status = post(&s, sint, id);
			u32 room = waiting;

			/* A post delivers what can be delivered first. */
			for (u32 n = 0; n < 16; n++)
				room -= !full[n] && head[n] != tail[n];
			eom = true;
			if (room == SYNIC_QUEUED_MAX) {
				CHECK_EQ(status, HV_STATUS_INSUFFICIENT_BUFFERS);
				refused++;
				break;
			}
			CHECK_EQ(status, HV_STATUS_SUCCESS);
			fifo[sint][tail[sint]++] = id++;
			waiting++;
			break;
		}
		case 2:
			if (full[sint]) {
				full[sint] = false;
				sim.slots[sint].header.message_type = 0;
				eom = sim.slots[sint].header.message_flags & HV_MESSAGE_PENDING;
				/* Without the flag nothing waits for this slot. */
				CHECK(eom || head[sint] == tail[sint]);
				if (eom && check_below(2))
					CHECK(synic_write(&s, HV_X64_MSR_EOM, 0));
				else
					eom = false;
			}
			break;
		default: {
			/* A sender with a buffer of its own takes its turn. */
			struct hv_message m = message(id);
			bool room = !full[sint] && head[sint] == tail[sint];

			m.header.message_flags = 0;
			CHECK(synic_try_post(&s, sint, &m) == room);
			if (room) {
				fifo[sint][tail[sint]++] = id++;
				waiting++;
			}
			eom = true;
			break;
		}
		}
		for (u32 n = 0; n < 16; n++) {
			if (eom && !full[n] && head[n] != tail[n]) {
				CHECK(slot_holds(n, fifo[n][head[n]++]));
				CHECK_EQ(sim.slots[n].header.message_flags & ~HV_MESSAGE_PENDING,
					 0);
				full[n] = true;
				due |= 1u << n;
				waiting--;
			}
			if (!full[n])
				CHECK_EQ(sim.slots[n].header.message_type, 0);
		}
		CHECK(due_is(&s, due));
	}
	CHECK(refused > 100);
}

/* The same with a guest that takes its steps between any two of hv's, and writes EOM
 * only when the flag says so: neither side may wait for the other for ever. */
static struct {
	enum {
		LOOK,
		EMPTY,
		ASK
	} step;
	u64 got;
	bool eom;
} guest;

static void guest_step(void)
{
	struct hv_message *slot = &sim.slots[2];

	switch (guest.step) {
	case LOOK:
		if (!slot->header.message_type)
			break;
		guest.got++;
		for (u32 i = 0; i < 30; i++)
			CHECK_EQ(slot->payload[i], guest.got * 100 + i);
		guest.step = EMPTY;
		break;
	case EMPTY:
		slot->header.message_type = 0;
		guest.step = ASK;
		break;
	case ASK:
		guest.eom |= slot->header.message_flags & HV_MESSAGE_PENDING;
		guest.step = LOOK;
		break;
	}
}

static void guest_steps(void)
{
	while (check_below(3) == 0)
		guest_step();
}

static void guest_runs(void)
{
	struct hv_message m = { .header.message_type = 1, .header.payload_size = 240 };
	struct synic s;
	u64 posted = 0;

	check_seed(0x67756573745f7275);
	enable(&s);
	other_side = guest_steps;
	for (int i = 0; i < 100000; i++) {
		CHECK_NOTE("%d", i);
		if (guest.eom && check_below(2)) {
			guest.eom = false;
			CHECK(synic_write(&s, HV_X64_MSR_EOM, 0));
		} else {
			for (u32 n = 0; n < 30; n++)
				m.payload[n] = (posted + 1) * 100 + n;
			if (check_below(4) == 0)
				posted += synic_try_post(&s, 2, &m);
			else if (check_below(2))
				posted += synic_post(&s, 2, &m) == HV_STATUS_SUCCESS;
		}
		other_side_steps();
		if (guest.step == LOOK && !sim.slots[2].header.message_type && !guest.eom)
			CHECK_EQ(queue->count, 0);
		CHECK_EQ(guest.got + queue->count +
				 (guest.step != EMPTY && sim.slots[2].header.message_type),
			 posted);
	}
	other_side = NULL;
	CHECK(posted > 10000);
}

int main(void)
{
	queue = malloc(sizeof(*queue));
	CHECK_RUN(registers);
	CHECK_RUN(vectors);
	CHECK_RUN(refusals);
	CHECK_RUN(masked_and_polled);
	CHECK_RUN(flags);
	CHECK_RUN(messages);
	CHECK_RUN(guest_runs);
	free(queue);
	return check_done();
}
