/* SPDX-License-Identifier: GPL-2.0-only */
/* hv/hyperv/guestcall.c: whatever a guest calls, what comes out is in its bounds. */
#include "fuzz.h"

#include <hyperv/message.h>

#include "hyperv/guestcall.h"

struct memory {
	const uint8_t *data;
	size_t size;
	unsigned int reads;
};

/* The guest's memory is what is left of the input, again and again. */
static bool read_memory(void *ctx, gpa_t gpa, void *buffer, u64 size)
{
	struct memory *m = ctx;

	FUZZ_CHECK(gpa.v % 8 == 0 && size && gpa.v % 4096 + size <= 4096);
	FUZZ_CHECK(++m->reads == 1);
	if (!m->size)
		return false;
	for (u64 i = 0; i < size; i++)
		((u8 *)buffer)[i] = m->data[i % m->size];
	return true;
}

/* Mostly calls that there are, with few reserved bits set. */
static u64 control(const uint8_t **data, size_t *size)
{
	static const u16 codes[] = { 2, 3, 8, 0xb, 0x13, 0x14, 0x15, 0x5c, 0x5d, 0x7e };
	u64 code = codes[fuzz_u64(data, size, 1) % ARRAY_SIZE(codes)];
	u64 form = fuzz_u64(data, size, 1);
	u64 banks = fuzz_u64(data, size, 1), count = fuzz_u64(data, size, 1);
	u64 start = form & 2 ? fuzz_u64(data, size, 1) : 0;
	u64 flip = form & 4 ? 1ul << form / 8 * 2 : 0;

	return (code | (form & 1) << 16 | banks << 17 | count << 32 | start << 48) ^ flip;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory memory = { 0 };
	struct guest_call call = {
		.control = control(&data, &size),
		.input = fuzz_u64(&data, &size, 2) * 4,
		.output = fuzz_u64(&data, &size, 8),
		.present = fuzz_u64(&data, &size, 8),
		.read = read_memory,
		.ctx = &memory,
	};
	struct guest_action a;

	memory.data = data;
	memory.size = size;
	memset(&a, 0xa5, sizeof(a));
	guest_call_decode(&call, &a);
	FUZZ_CHECK(a.kind <= GUEST_CALL_YIELD);
	FUZZ_CHECK(!(a.result >> 44));
	if ((u16)a.result)
		FUZZ_CHECK(a.kind == GUEST_CALL_NOTHING);
	else
		FUZZ_CHECK(a.kind != GUEST_CALL_NOTHING);
	FUZZ_CHECK(!(a.vps & ~call.present));
	FUZZ_CHECK(a.kind != GUEST_CALL_IPI || a.vector >= 16);
	if (a.kind == GUEST_CALL_POST || a.kind == GUEST_CALL_SIGNAL)
		FUZZ_CHECK(!(a.connection >> 24));
	if (a.kind == GUEST_CALL_POST) {
		FUZZ_CHECK(a.message.header.payload_size <= HV_MESSAGE_PAYLOAD_SIZE);
		FUZZ_CHECK(a.message.header.message_type - 1 < HVMSG_HYPERVISOR - 1);
	}
	return 0;
}
