/* SPDX-License-Identifier: GPL-2.0-only */
/* hv/hyperv/vpset.c: no set names a VP that is not there, or reads a word too many. */
#include "fuzz.h"

#include "hyperv/vpset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	u64 format = fuzz_u64(&data, &size, 1), valid = fuzz_u64(&data, &size, 8);
	u64 present = fuzz_u64(&data, &size, 8), set = ~present;
	u32 count = (u32)(size / 8);
	u64 *banks = malloc(count ? count * sizeof(*banks) : 1);

	if (!banks)
		return 0;
	memcpy(banks, data, count * sizeof(*banks));
	if (vpset_decode(format, valid, banks, count, present, &set))
		FUZZ_CHECK(!(set & ~present));
	else
		FUZZ_CHECK(set == ~present);
	free(banks);
	return 0;
}
