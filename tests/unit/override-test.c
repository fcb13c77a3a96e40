/* SPDX-License-Identifier: GPL-2.0-only */
/* hv/hyperv/override.c: CPUID as a VMM wants it. */
#include "check.h"

#include <hyperv/status.h>

#include "hyperv/override.h"

static struct overrides o;
static u32 r[4];

/* All of the answer, for every subleaf; the values tell the registers apart. */
static struct hv_x64_cpuid_result whole(u32 leaf, u32 value)
{
	return (struct hv_x64_cpuid_result){
		.eax_in = leaf,
		.always_override = 1,
		.eax = value,
		.eax_mask = UINT32_MAX,
		.ebx = value + 1,
		.ebx_mask = UINT32_MAX,
		.ecx = value + 2,
		.ecx_mask = UINT32_MAX,
		.edx = value + 3,
		.edx_mask = UINT32_MAX,
	};
}

static struct hv_x64_cpuid_result whole_of(u32 leaf, u32 subleaf, u32 value)
{
	struct hv_x64_cpuid_result result = whole(leaf, value);

	result.ecx_in = subleaf;
	result.subleaf_specific = 1;
	return result;
}

static u16 add(struct hv_x64_cpuid_result result)
{
	return override_register(&o, &result);
}

static void answer(u32 leaf, u32 subleaf, u32 own)
{
	for (u32 i = 0; i < 4; i++)
		r[i] = own;
	override_apply(&o, leaf, subleaf, r);
}

static bool answers(u32 leaf, u32 subleaf, u32 value)
{
	answer(leaf, subleaf, 0x5a5a5a5a);
	return r[0] == value && r[1] == value + 1 && r[2] == value + 2 && r[3] == value + 3;
}

static bool own(u32 leaf, u32 subleaf)
{
	answer(leaf, subleaf, 0x5a5a5a5a);
	return r[0] == 0x5a5a5a5a && r[1] == r[0] && r[2] == r[0] && r[3] == r[0];
}

static void places(void)
{
	memset(&o, 0, sizeof(o));
	override_apply(NULL, 1, 0, r);
	CHECK(own(4, 0));
	CHECK_EQ(add(whole(4, 100)), 0);
	CHECK(answers(4, 0, 100));
	CHECK(answers(4, 77, 100));
	CHECK(own(5, 0));
	CHECK_EQ(add(whole_of(4, 3, 200)), 0);
	CHECK(answers(4, 3, 200));
	CHECK(answers(4, 2, 100));
	CHECK_EQ(add(whole_of(0xb, 1, 300)), 0); /* there is none for all */
	CHECK(own(0xb, 0));
	CHECK(answers(0xb, 1, 300));
	/* Again: the new one. */
	CHECK_EQ(add(whole(4, 400)), 0);
	CHECK_EQ(add(whole_of(4, 3, 500)), 0);
	CHECK_EQ(o.count, 3);
	CHECK(answers(4, 3, 500));
	CHECK(answers(4, 4, 400));
}

static void bits(void)
{
	struct hv_x64_cpuid_result result = {
		.eax_in = 7,
		.always_override = 1,
		.eax = 0xff,
		.eax_mask = 0xf0,
		.ebx = 0,
		.ebx_mask = 0xf0,
		.edx = 0xff,
		.edx_mask = 0,
	};

	memset(&o, 0, sizeof(o));
	CHECK_EQ(add(result), 0);
	answer(7, 1, 0x12345678);
	CHECK_EQ(r[0], 0x123456f8);
	CHECK_EQ(r[1], 0x12345608);
	CHECK_EQ(r[2], 0x12345678);
	CHECK_EQ(r[3], 0x12345678);
	/* Only where hv has nothing to tell. */
	result.always_override = 0;
	CHECK_EQ(add(result), 0);
	CHECK(own(7, 1));
	answer(7, 1, 0);
	CHECK_EQ(r[0], 0xf0);
}

/* What hv alone knows. */
static void not_to_be_had(void)
{
	memset(&o, 0, sizeof(o));
	CHECK_EQ(add(whole(1, 0)), 0);
	CHECK_EQ(add(whole(7, 0)), 0);
	CHECK_EQ(add(whole(0xd, 0)), 0);
	CHECK_EQ(add(whole(0x40000000, 0)), 0);
	CHECK_EQ(add(whole(0x4fffffff, 0)), 0);
	CHECK_EQ(add(whole(0x80000001, 0)), 0);
	answer(1, 0, UINT32_MAX);
	CHECK_EQ(r[2], 2 | 1u << 27);
	answer(7, 0, UINT32_MAX);
	CHECK_EQ(r[2], 2 | 1u << 4);
	CHECK(answers(7, 1, 0));
	CHECK(own(0xd, 0));
	CHECK(own(0x40000000, 0));
	CHECK(own(0x4fffffff, 0));
	CHECK(answers(0x80000001, 0, 0));
}

static void refused(void)
{
	struct hv_x64_cpuid_result result = whole(1, 0);

	memset(&o, 0, sizeof(o));
	result.padding = 1;
	CHECK_EQ(add(result), HV_STATUS_INVALID_PARAMETER);
	result.padding = 0;
	result.subleaf_specific = 2;
	CHECK_EQ(add(result), HV_STATUS_INVALID_PARAMETER);
	result.subleaf_specific = 0;
	result.always_override = 255;
	CHECK_EQ(add(result), HV_STATUS_INVALID_PARAMETER);
	CHECK_EQ(o.count, 0);
	for (u32 i = 0; i < OVERRIDES_MAX; i++)
		CHECK_EQ(add(whole(0x80000000 + i, 1000 * i)), 0);
	CHECK_EQ(add(whole(1, 0)), HV_STATUS_NO_RESOURCES);
	CHECK_EQ(add(whole(0x80000000, 7)), 0); /* it is there already */
	CHECK_EQ(o.count, OVERRIDES_MAX);
	CHECK(answers(0x80000000, 0, 7));
	CHECK(answers(0x80000000 + OVERRIDES_MAX - 1, 0, 1000 * (OVERRIDES_MAX - 1)));
}

int main(void)
{
	CHECK_RUN(places);
	CHECK_RUN(bits);
	CHECK_RUN(not_to_be_had);
	CHECK_RUN(refused);
	return check_done();
}
