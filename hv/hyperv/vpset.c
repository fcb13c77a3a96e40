/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of VPs, see vpset.h. Pure. */
#include "hyperv/vpset.h"

#include <hyperv/hypercall.h>

_Static_assert(VPS_MAX == 64, "VPs beyond the first bank would need its neighbours");

bool vpset_decode(u64 format, u64 valid_banks, const u64 *banks, u32 count, u64 present, u64 *set)
{
	u32 named = 0;

	if (format == HV_GENERIC_SET_ALL) { /* and nothing else is looked at */
		*set = present;
		return true;
	}
	for (u64 left = valid_banks; left; left &= left - 1)
		named++;
	if (format != HV_GENERIC_SET_SPARSE_4K || count != named)
		return false;
	*set = valid_banks & 1 ? banks[0] & present : 0;
	return true;
}
