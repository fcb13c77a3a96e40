/* SPDX-License-Identifier: GPL-2.0-only */
/* hv/hyperv/msr.c: the MSRs of a child, and who answers for each. */
#include "check.h"

#include <hyperv/guest.h>

#include "hyperv/msr.h"

static u8 page[4096];
static struct msr_partition partition;
static struct msr_vp vp;
static struct reftime reftime;
static struct msr_context c;

static void *get_page(void *ctx, u64 gfn)
{
	CHECK(ctx == page);
	return gfn == 7 ? page : NULL;
}

static const struct guest_pages pages = { get_page, page };

static void start(void)
{
	memset(page, 0, sizeof(page));
	partition = (struct msr_partition){ 0 };
	memset(&vp, 0xa5, sizeof(vp));
	msr_reset(&vp);
	reftime_init(&reftime, &pages, 1000000000, 0);
	c = (struct msr_context){
		.partition = &partition,
		.vp = &vp,
		.time = &reftime,
		.pages = &pages,
		.vmcall = (const u8 *)"\x0f\x01\xd9",
		.access = UINT32_MAX,
		.physical_bits = 40,
		.index = 5,
		.tsc = 123000000000,
		.tsc_hz = 1000000000,
		.apic_hz = 200000000,
	};
}

static u64 get(u32 msr)
{
	u64 value = 0xbad;

	CHECK_EQ(msr_read(&c, msr, &value), MSR_DONE);
	return value;
}

static bool set(u32 msr, u64 value)
{
	enum msr_result result = msr_write(&c, msr, value);

	CHECK(result == MSR_DONE || result == MSR_FAULT);
	return result == MSR_DONE;
}

/* Every MSR near one that is known: who answers, by this list and no other. */
static void who(void)
{
	static const struct {
		u32 first, last;
		enum msr_result read, write;
	} rows[] = {
		{ 0x10, 0x10, MSR_DONE, MSR_DONE },
		{ 0x17, 0x17, MSR_DONE, MSR_FAULT },
		{ 0x1b, 0x1b, MSR_TO_APIC, MSR_TO_APIC },
		{ 0x8b, 0x8b, MSR_DONE, MSR_DONE },
		{ 0xce, 0xce, MSR_DONE, MSR_FAULT },
		{ 0xfe, 0xfe, MSR_DONE, MSR_FAULT },
		{ 0x174, 0x176, MSR_TO_VENDOR, MSR_TO_VENDOR },
		{ 0x179, 0x179, MSR_DONE, MSR_FAULT },
		{ 0x17a, 0x17a, MSR_DONE, MSR_DONE },
		{ 0x1a0, 0x1a0, MSR_DONE, MSR_DONE },
		{ 0x1d9, 0x1d9, MSR_DONE, MSR_DONE },
		{ 0x200, 0x20f, MSR_DONE, MSR_DONE },
		{ 0x250, 0x250, MSR_DONE, MSR_DONE },
		{ 0x258, 0x259, MSR_DONE, MSR_DONE },
		{ 0x268, 0x26f, MSR_DONE, MSR_DONE },
		{ 0x277, 0x277, MSR_TO_VENDOR, MSR_TO_VENDOR },
		{ 0x2ff, 0x2ff, MSR_DONE, MSR_DONE },
		{ 0x800, 0x8ff, MSR_TO_APIC, MSR_TO_APIC },
		{ 0xc0000080, 0xc0000084, MSR_TO_VENDOR, MSR_TO_VENDOR },
		{ 0xc0000100, 0xc0000103, MSR_TO_VENDOR, MSR_TO_VENDOR },
		{ 0xc0010010, 0xc0010010, MSR_DONE, MSR_DONE },
		{ 0xc0010015, 0xc0010015, MSR_DONE, MSR_DONE },
		{ 0xc001001a, 0xc001001f, MSR_DONE, MSR_DONE },
		{ 0xc0010055, 0xc0010055, MSR_DONE, MSR_DONE },
		{ 0xc0010058, 0xc0010058, MSR_DONE, MSR_DONE },
		{ 0xc0011022, 0xc0011023, MSR_DONE, MSR_DONE },
		{ 0xc0011029, 0xc001102a, MSR_DONE, MSR_DONE },
		{ 0x40000000, 0x40000001, MSR_DONE, MSR_DONE },
		{ 0x40000002, 0x40000002, MSR_DONE, MSR_FAULT },
		{ 0x40000020, 0x40000020, MSR_DONE, MSR_FAULT },
		{ 0x40000021, 0x40000021, MSR_DONE, MSR_DONE },
		{ 0x40000022, 0x40000023, MSR_DONE, MSR_FAULT },
		{ 0x40000070, 0x40000072, MSR_TO_APIC, MSR_TO_APIC },
		{ 0x40000073, 0x40000073, MSR_DONE, MSR_DONE },
		{ 0x40000080, 0x4000009f, MSR_TO_SYNIC, MSR_TO_SYNIC },
		{ 0x400000b0, 0x400000b7, MSR_TO_STIMER, MSR_TO_STIMER },
		{ 0x400000f0, 0x400000f0, MSR_TO_IDLE, MSR_FAULT },
		{ 0x40000100, 0x40000105, MSR_TO_CRASH, MSR_TO_CRASH },
	};
	static const u32 ranges[] = { 0, 0x40000000, 0xc0000000, 0xc0010000, 0xc0011000 };

	for (size_t r = 0; r < ARRAY_SIZE(ranges); r++) {
		for (u32 msr = ranges[r]; msr < ranges[r] + 0x1000; msr++) {
			enum msr_result read = MSR_UNKNOWN, write = MSR_UNKNOWN;
			u64 value;

			for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
				if (msr >= rows[i].first && msr <= rows[i].last)
					read = rows[i].read, write = rows[i].write;
			}
			start();
			CHECK_NOTE("MSR 0x%x", msr);
			CHECK_EQ(msr_read(&c, msr, &value), read);
			CHECK_EQ(msr_write(&c, msr, 0), write);
			/* Without any privilege Hyper-V's are not there. */
			c.access = 0;
			if (msr >> 28 == 4) {
				CHECK_EQ(msr_read(&c, msr, &value), MSR_UNKNOWN);
				CHECK_EQ(msr_write(&c, msr, 0), MSR_UNKNOWN);
			}
		}
	}
}

static void values(void)
{
	start();
	CHECK_EQ(get(0x10), 123000000000);
	CHECK(set(0x10, 0));
	CHECK_EQ(get(0x10), 123000000000);
	CHECK_EQ(get(0xfe), 0x508);
	CHECK_EQ(get(0x179), 0);
	CHECK_EQ(get(0xc0010015), 1 << 24);
	CHECK_EQ(get(HV_X64_MSR_VP_INDEX), 5);
	CHECK_EQ(get(HV_X64_MSR_TIME_REF_COUNT), 1229999999);
	CHECK_EQ(get(HV_X64_MSR_TSC_FREQUENCY), 1000000000);
	CHECK_EQ(get(HV_X64_MSR_APIC_FREQUENCY), 200000000);
	CHECK(set(HV_X64_MSR_VP_ASSIST_PAGE, 0x12345fff));
	CHECK_EQ(get(HV_X64_MSR_VP_ASSIST_PAGE), 0x12345fff);
	CHECK(set(HV_X64_MSR_REFERENCE_TSC, 7 << 12 | 1));
	CHECK_EQ(get(HV_X64_MSR_REFERENCE_TSC), 7 << 12 | 1);
	CHECK(((struct hv_reference_tsc_page *)page)->sequence != 0);
}

static void hypercall_page(void)
{
	static const u8 code[8] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0x01, 0xd9, 0xc3 };
	u8 zero[8] = { 0 };

	start();
	/* Not without saying who it is. */
	CHECK(set(HV_X64_MSR_HYPERCALL, 7 << 12 | 1));
	CHECK_EQ(get(HV_X64_MSR_HYPERCALL), 7 << 12);
	CHECK_MEM(page, zero, 8);
	CHECK(set(HV_X64_MSR_GUEST_OS_ID, 0x8100000000060c00));
	CHECK_EQ(get(HV_X64_MSR_GUEST_OS_ID), 0x8100000000060c00);
	/* Not where the guest has no memory. */
	CHECK(!set(HV_X64_MSR_HYPERCALL, 8 << 12 | 1));
	CHECK_EQ(get(HV_X64_MSR_HYPERCALL), 7 << 12);
	CHECK(set(HV_X64_MSR_HYPERCALL, 8 << 12));
	CHECK(set(HV_X64_MSR_HYPERCALL, 7 << 12 | 1));
	CHECK_EQ(get(HV_X64_MSR_HYPERCALL), 7 << 12 | 1);
	CHECK_MEM(page, code, 8);
	/* Who takes back its name takes back the page. */
	CHECK(set(HV_X64_MSR_GUEST_OS_ID, 0));
	CHECK_EQ(get(HV_X64_MSR_HYPERCALL), 0);
	/* Locked: for ever. */
	CHECK(set(HV_X64_MSR_GUEST_OS_ID, 1));
	CHECK(set(HV_X64_MSR_HYPERCALL, 7 << 12 | 3));
	CHECK(set(HV_X64_MSR_HYPERCALL, 0));
	CHECK_EQ(get(HV_X64_MSR_HYPERCALL), 7 << 12 | 3);
}

/* Intel SDM volume 3, 12.11, in other words: each bit of each register. */
static bool mtrr_takes(u32 msr, u64 value)
{
	bool is_type = value <= 6 && value != 2 && value != 3;

	if (msr == 0x2ff)
		return (value & ~0xc00ul) <= 6 && (value & ~0xc00ul) != 2 &&
		       (value & ~0xc00ul) != 3;
	if (msr > 0x20f) {
		for (u32 i = 0; i < 8; i++) {
			u8 type = ((const u8 *)&value)[i];

			if (type > 6 || type == 2 || type == 3)
				return false;
		}
		return true;
	}
	if (msr % 2)
		return value % 4096 % 2048 == 0 && value >> 40 == 0;
	return (value < 4096 ? is_type : value % 4096 == 0) && value >> 40 == 0;
}

static void mtrrs(void)
{
	static const u32 msrs[] = { 0x200, 0x201, 0x20e, 0x20f, 0x250,
				    0x258, 0x259, 0x268, 0x26f, 0x2ff };

	start();
	CHECK_EQ(get(0x2ff), 0x806);
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		u32 msr = msrs[i];

		CHECK(set(msr, 0));
		for (u32 bit = 0; bit < 64; bit++) {
			CHECK_NOTE("MSR 0x%x bit %u", msr, bit);
			CHECK(set(msr, 1ul << bit) == mtrr_takes(msr, 1ul << bit));
			CHECK_EQ(get(msr), mtrr_takes(msr, 1ul << bit) ? 1ul << bit : 0);
			CHECK(set(msr, 0));
		}
		for (u64 value = 0; value < 256; value++) {
			CHECK_NOTE("MSR 0x%x value %" PRIu64, msr, value);
			CHECK(set(msr, value) == mtrr_takes(msr, value));
		}
	}
	CHECK(set(0x250, 0x0605040100010405));
	CHECK(!set(0x250, 0x0605040100010705));
	CHECK(set(0x200, 0xfffffff006));
	CHECK_EQ(get(0x200), 0xfffffff006);
	/* None lies where another does. */
	for (u32 pass = 0; pass < 2; pass++) {
		for (u32 i = 0; i < 27; i++) {
			u32 msr = i < 16  ? 0x200 + i :
				  i == 16 ? 0x250 :
				  i < 19  ? 0x258 + i - 17 :
					    0x268 + i - 19;
			u64 value = i < 16 ? (u64)i << 12 : i % 2 * 6 + i / 2 % 2 * 256;

			if (pass == 0)
				CHECK(set(msr, value));
			else
				CHECK_EQ(get(msr), value);
		}
	}
}

int main(void)
{
	CHECK_RUN(who);
	CHECK_RUN(values);
	CHECK_RUN(hypercall_page);
	CHECK_RUN(mtrrs);
	return check_done();
}
