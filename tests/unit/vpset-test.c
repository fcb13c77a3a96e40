/* SPDX-License-Identifier: GPL-2.0-only */
/* hv/hyperv/vpset.c: the sets of VPs that guests name. */
#include "check.h"

#include <hyperv/hypercall.h>

#include "hyperv/vpset.h"

#define UNTOUCHED 0x5e75e75e75e75e75u

/* The words that are really there lie at the end of an allocation: one more word is
 * an error that ASan sees. */
static bool decode(u64 format, u64 valid, const u64 *words, u32 count, u64 present, u64 *set)
{
	u64 *banks = malloc(count ? count * sizeof(*banks) : 1);
	bool ok;

	if (count)
		memcpy(banks, words, count * sizeof(*banks));
	*set = UNTOUCHED;
	ok = vpset_decode(format, valid, banks, count, present, set);
	free(banks);
	return ok;
}

static void formats(void)
{
	const u64 words[1] = { 0xf0f };
	u64 set;

	CHECK(decode(HV_GENERIC_SET_SPARSE_4K, 1, words, 1, ~0ul, &set));
	CHECK_EQ(set, 0xf0f);
	CHECK(decode(HV_GENERIC_SET_ALL, 0, NULL, 0, 0x7, &set));
	CHECK_EQ(set, 0x7);
	/* ALL: what else there may be does not count. */
	CHECK(decode(HV_GENERIC_SET_ALL, ~0ul, words, 1, 0x7, &set));
	CHECK_EQ(set, 0x7);
	for (u64 format = 2; format; format <<= 1) {
		CHECK_NOTE("format 0x%" PRIx64, format);
		CHECK(!decode(format, 1, words, 1, ~0ul, &set));
		CHECK(!decode(format | HV_GENERIC_SET_ALL, 1, words, 1, ~0ul, &set));
		CHECK_EQ(set, UNTOUCHED);
	}
	CHECK(vpset_decode(HV_GENERIC_SET_SPARSE_4K, 0, NULL, 0, ~0ul, &set));
	CHECK_EQ(set, 0);
}

/* Every VP that the banks name, looked up bit by bit. */
static bool named(u64 valid, const u64 *words, u32 vp)
{
	u32 index = 0;

	if (!(valid >> vp / 64 & 1))
		return false;
	for (u32 bank = 0; bank < vp / 64; bank++)
		index += (u32)(valid >> bank & 1);
	return words[index] >> vp % 64 & 1;
}

static void against_model(void)
{
	u64 words[64], set;

	check_seed(0x7670736574);
	for (int i = 0; i < 50000; i++) {
		u64 valid = check_rand(), present = check_rand(), want = 0;
		u32 banks = 0, count;

		valid &= check_rand();
		if (check_below(4) == 0)
			valid = check_below(4);
		if (check_below(16) == 0)
			valid = ~0ul;
		for (u32 b = 0; b < 64; b++) {
			words[b] = check_rand();
			banks += (u32)(valid >> b & 1);
		}
		count = check_below(4) ? banks : (u32)check_below(65);
		for (u32 vp = 0; vp < VPS_MAX; vp++) {
			if (named(valid, words, vp))
				want |= BIT(vp) & present;
		}
		CHECK_NOTE("%d: valid 0x%" PRIx64 " count %u", i, valid, count);
		CHECK(decode(HV_GENERIC_SET_SPARSE_4K, valid, words, count, present, &set) ==
		      (count == banks));
		CHECK_EQ(set, count == banks ? want : UNTOUCHED);
	}
}

int main(void)
{
	CHECK_RUN(formats);
	CHECK_RUN(against_model);
	return check_done();
}
