/* SPDX-License-Identifier: GPL-2.0-only */
/* hv/hyperv/guestcall.c: hypercalls of a child, decoded. */
#include "check.h"

#include <hyperv/hypercall.h>
#include <hyperv/status.h>

#include "hyperv/guestcall.h"

#define BASE 0x5000ul

static union {
	u8 bytes[4096];
	u64 words[512];
	struct hv_input_post_message post;
	struct hv_input_flush flush;
	struct hv_input_flush_ex flush_ex;
	struct hv_input_send_ipi ipi;
	struct hv_input_send_ipi_ex ipi_ex;
	struct hv_input_signal_event signal;
} memory;
static u32 reads;

/* One page of memory at BASE. What is read has to lie in it, and is read once. */
static bool read_memory(void *ctx, gpa_t address, void *buffer, u64 size)
{
	u64 gpa = address.v;

	CHECK(ctx == &memory);
	CHECK_EQ(gpa % 8, 0);
	CHECK(gpa % 4096 + size <= 4096);
	reads++;
	if (gpa < BASE || gpa >= BASE + 4096)
		return false;
	memcpy(buffer, memory.bytes + (gpa - BASE), size);
	return true;
}

static struct guest_action action;

static u16 call(u64 control, u64 input, u64 output)
{
	struct guest_call in = { control, input, output, 0xf0f0ffff, read_memory, &memory };

	reads = 0;
	memset(&action, 0xa5, sizeof(action));
	guest_call_decode(&in, &action);
	CHECK(reads <= 1);
	if ((u16)action.result)
		CHECK_EQ(action.kind, GUEST_CALL_NOTHING);
	return (u16)action.result;
}

static u64 reps(u64 count, u64 first)
{
	return count << 32 | first << 48;
}

static u64 banks(u64 count)
{
	return count << 17;
}

static void codes(void)
{
	static const u16 known[] = { 2, 3, 8, 0xb, 0x13, 0x14, 0x15, 0x5c, 0x5d };

	memset(&memory, 0, sizeof(memory));
	for (u32 code = 0; code < 0x10000; code++) {
		bool is_known = false;

		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			is_known |= known[i] == code;
		CHECK_NOTE("code 0x%x", code);
		CHECK((call(code, BASE, 0) == HV_STATUS_INVALID_HYPERCALL_CODE) == !is_known);
		if (!is_known)
			CHECK_EQ(reads, 0);
	}
}

/* Of the control word each field that the call does not have, and each reserved bit. */
static void control(void)
{
	static const struct {
		u16 code;
		u32 size;
		bool set, list, fast;
	} rows[] = {
		{ 0x02, 24, false, false, false }, { 0x03, 24, false, true, false },
		{ 0x08, 8, false, false, true },   { 0x0b, 16, false, false, true },
		{ 0x13, 32, true, false, false },  { 0x14, 32, true, true, false },
		{ 0x15, 24, true, false, false },  { 0x5c, 256, false, false, false },
		{ 0x5d, 8, false, false, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 good = rows[i].code | (rows[i].list ? reps(3, 1) : 0);
		u32 size = rows[i].size + (rows[i].list ? 24 : 0);

		CHECK_NOTE("call 0x%x", rows[i].code);
		memset(&memory, 0, sizeof(memory));
		memory.words[0] = 0x20; /* a vector; an address space; a connection */
		if (rows[i].code == 0x5c)
			memory.post.message_type = 1;
		CHECK_EQ(call(good, BASE, 0), HV_STATUS_SUCCESS);
		CHECK_EQ(action.result, rows[i].list ? 3ul << 32 : 0);
		CHECK_EQ(reads, 1);
		CHECK_EQ(call(good, BASE + 4096, 0), HV_STATUS_INVALID_HYPERCALL_INPUT);
		for (u32 bit = 16; bit < 64; bit++) {
			bool field = (bit >= 32 && bit < 44) || (bit >= 48 && bit < 60) ||
				     (bit >= 17 && bit < 27) || bit == 16;

			CHECK_NOTE("call 0x%x bit %u", rows[i].code, bit);
			if (!field)
				CHECK_EQ(call(good | BIT(bit), BASE, 0),
					 HV_STATUS_INVALID_HYPERCALL_INPUT);
			else if (!rows[i].list && bit >= 32)
				CHECK_EQ(call(good | BIT(bit), BASE, 0),
					 HV_STATUS_INVALID_HYPERCALL_INPUT);
			else if (!rows[i].set && bit > 16 && bit < 27)
				CHECK_EQ(call(good | BIT(bit), BASE, 0),
					 HV_STATUS_INVALID_HYPERCALL_INPUT);
		}
		if (rows[i].list) {
			CHECK_EQ(call(rows[i].code, BASE, 0), HV_STATUS_INVALID_HYPERCALL_INPUT);
			CHECK_EQ(call(rows[i].code | reps(3, 3), BASE, 0),
				 HV_STATUS_INVALID_HYPERCALL_INPUT);
			CHECK_EQ(call(rows[i].code | reps(3, 2), BASE, 0), HV_STATUS_SUCCESS);
		}
		CHECK_EQ(call(good | HV_CALL_FAST, 0x20, 0) == HV_STATUS_SUCCESS, rows[i].fast);
		CHECK_EQ(reads, 0);
		for (u32 offset = 1; offset < 8; offset++)
			CHECK_EQ(call(good, BASE + offset, 0), HV_STATUS_INVALID_ALIGNMENT);
		/* To the end of the page, and no further. */
		memcpy(memory.bytes + 4096 - size, memory.bytes, rows[i].size);
		CHECK_EQ(call(good, BASE + 4096 - size, 0), HV_STATUS_SUCCESS);
		if (size > 8) {
			CHECK_EQ(call(good, BASE + 4096 - size + 8, 0),
				 HV_STATUS_INVALID_ALIGNMENT);
			CHECK_EQ(reads, 0);
		}
	}
	CHECK_EQ(call(0x15 | banks(65), BASE, 0), HV_STATUS_INVALID_HYPERCALL_INPUT);
	CHECK_EQ(call(0x15 | banks(1023), BASE, 0), HV_STATUS_INVALID_HYPERCALL_INPUT);
	CHECK_EQ(call(0x03 | reps(4095, 0), BASE, 0), HV_STATUS_INVALID_ALIGNMENT);
}

static void messages(void)
{
	memset(&memory, 0, sizeof(memory));
	for (u32 i = 0; i < 240; i++)
		memory.post.payload[i] = (u8)(i + 1);
	memory.post.connection_id = 0x123456;
	memory.post.message_type = 0x7fffffff;
	for (u32 size = 0; size < 400; size++) {
		CHECK_NOTE("size %u", size);
		memory.post.payload_size = size;
		CHECK_EQ(call(0x5c, BASE, 0),
			 size > 240 ? HV_STATUS_INVALID_PARAMETER : HV_STATUS_SUCCESS);
		if (size > 240)
			continue;
		CHECK_EQ(action.kind, GUEST_CALL_POST);
		CHECK_EQ(action.connection, 0x123456);
		CHECK_EQ(action.message.header.message_type, 0x7fffffff);
		CHECK_EQ(action.message.header.payload_size, size);
		CHECK_EQ(action.message.header.message_flags, 0);
		CHECK_EQ(action.message.header.sender, 0);
		for (u32 i = 0; i < 240; i++)
			CHECK_EQ(action.message.bytes[i], i < size ? (u8)(i + 1) : 0);
	}
	memory.post.payload_size = UINT32_MAX;
	CHECK_EQ(call(0x5c, BASE, 0), HV_STATUS_INVALID_PARAMETER);
	memory.post.payload_size = 8;
	memory.post.message_type = 0;
	CHECK_EQ(call(0x5c, BASE, 0), HV_STATUS_INVALID_PARAMETER);
	memory.post.message_type = 0x80000000;
	CHECK_EQ(call(0x5c, BASE, 0), HV_STATUS_INVALID_PARAMETER);
	memory.post.message_type = 1;
	memory.post.connection_id = 0x1000000;
	CHECK_EQ(call(0x5c, BASE, 0), HV_STATUS_INVALID_CONNECTION_ID);
}

static void events(void)
{
	memset(&memory, 0, sizeof(memory));
	memory.signal.connection_id = 0xabcdef;
	memory.signal.flag_number = 0x1234;
	memory.signal.reserved = 0x5678;
	for (int fast = 0; fast < 2; fast++) {
		CHECK_EQ(fast ? call(0x1005d, memory.words[0], ~0ul) : call(0x5d, BASE, ~0ul), 0);
		CHECK_EQ(action.kind, GUEST_CALL_SIGNAL);
		CHECK_EQ(action.connection, 0xabcdef);
		CHECK_EQ(action.flag, 0x1234);
	}
	CHECK_EQ(call(0x1005d, 0x1000000, 0), HV_STATUS_INVALID_CONNECTION_ID);
}

static void flushes(void)
{
	memset(&memory, 0, sizeof(memory));
	memory.flush.processor_mask = 0xff00ff00ff00ff00;
	CHECK_EQ(call(0x02, BASE, 0), 0);
	CHECK_EQ(action.kind, GUEST_CALL_FLUSH);
	CHECK_EQ(action.vps, 0xf000ff00);
	CHECK_EQ(call(0x03 | reps(5, 0), BASE, 0), 0);
	CHECK_EQ(action.vps, 0xf000ff00);
	CHECK_EQ(action.result, 5ul << 32);
	for (u32 bit = 0; bit < 64; bit++) {
		memory.flush.flags = BIT(bit);
		CHECK_EQ(call(0x02, BASE, 0), bit < 4 ? 0 : HV_STATUS_INVALID_PARAMETER);
		if (bit == 0)
			CHECK_EQ(action.vps, 0xf0f0ffff);
	}
	memset(&memory, 0, sizeof(memory));
	memory.flush_ex.set_valid_bank_mask = 5;
	memory.flush_ex.banks[0] = 0x10000ff;
	memory.flush_ex.banks[1] = ~0ul;
	CHECK_EQ(call(0x13 | banks(2), BASE, 0), 0);
	CHECK_EQ(action.vps, 0xff);
	CHECK_EQ(call(0x13 | banks(1), BASE, 0), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(call(0x14 | banks(2) | reps(2, 1), BASE, 0), 0);
	CHECK_EQ(action.result, 2ul << 32);
	CHECK_EQ(action.vps, 0xff);
	memory.flush_ex.set_format = HV_GENERIC_SET_ALL;
	CHECK_EQ(call(0x13, BASE, 0), 0);
	CHECK_EQ(action.vps, 0xf0f0ffff);
	memory.flush_ex.set_format = 2;
	CHECK_EQ(call(0x13 | banks(2), BASE, 0), HV_STATUS_INVALID_PARAMETER);
	/* Two lists of the largest size: they fit into a page, or the call is refused. */
	memset(&memory, 0, sizeof(memory));
	memory.flush_ex.set_valid_bank_mask = ~0ul;
	memory.flush_ex.banks[0] = 3;
	CHECK_EQ(call(0x14 | banks(64) | reps(444, 0), BASE, 0), 0);
	CHECK_EQ(action.vps, 3);
	CHECK_EQ(call(0x14 | banks(64) | reps(445, 0), BASE, 0), HV_STATUS_INVALID_ALIGNMENT);
}

static void ipis(void)
{
	for (u32 vector = 0; vector < 300; vector++) {
		u16 want = vector < 16 || vector > 255 ? HV_STATUS_INVALID_PARAMETER : 0;

		CHECK_NOTE("vector %u", vector);
		memset(&memory, 0, sizeof(memory));
		memory.ipi.vector = vector;
		memory.ipi.processor_mask = 0x100000003;
		CHECK_EQ(call(0x0b, BASE, 0), want);
		CHECK_EQ(call(0x1000b, vector, 0x100000003), want);
		if (!want) {
			CHECK_EQ(action.kind, GUEST_CALL_IPI);
			CHECK_EQ(action.vector, vector);
			CHECK_EQ(action.vps, 3);
		}
		memset(&memory, 0, sizeof(memory));
		memory.ipi_ex.vector = vector;
		memory.ipi_ex.set_valid_bank_mask = 1;
		memory.ipi_ex.banks[0] = 0x8000;
		CHECK_EQ(call(0x15 | banks(1), BASE, 0), want);
		if (!want)
			CHECK_EQ(action.vps, 0x8000);
	}
	CHECK_EQ(call(0x1000b, 0x100000020, 1), HV_STATUS_INVALID_PARAMETER); /* another VTL */
	CHECK_EQ(call(0x10008, 0x1234, 0), 0);
	CHECK_EQ(action.kind, GUEST_CALL_YIELD);
}

int main(void)
{
	CHECK_RUN(codes);
	CHECK_RUN(control);
	CHECK_RUN(messages);
	CHECK_RUN(events);
	CHECK_RUN(flushes);
	CHECK_RUN(ipis);
	return check_done();
}
