/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUID as a VMM wants it, see override.h. Pure. */
#include "hyperv/override.h"

#include <hyperv/status.h>

_Static_assert(sizeof(struct overrides) <= PAGE_SIZE, "a page of the pool");

static bool same_place(const struct hv_x64_cpuid_result *a, const struct hv_x64_cpuid_result *b)
{
	return a->eax_in == b->eax_in && a->subleaf_specific == b->subleaf_specific &&
	       (!a->subleaf_specific || a->ecx_in == b->ecx_in);
}

u16 override_register(struct overrides *o, const struct hv_x64_cpuid_result *result)
{
	u32 i = 0;

	if (result->subleaf_specific > 1 || result->always_override > 1 || result->padding)
		return HV_STATUS_INVALID_PARAMETER;
	while (i < o->count && !same_place(&o->cpuid[i], result))
		i++;
	if (i == OVERRIDES_MAX)
		return HV_STATUS_NO_RESOURCES;
	o->cpuid[i] = *result;
	if (i == o->count)
		o->count++;
	return HV_STATUS_SUCCESS;
}

/* The one for this subleaf goes before the one for all. */
static const struct hv_x64_cpuid_result *find(const struct overrides *o, u32 leaf, u32 subleaf)
{
	const struct hv_x64_cpuid_result *found = NULL;

	for (u32 i = 0; i < o->count; i++) {
		const struct hv_x64_cpuid_result *c = &o->cpuid[i];

		if (c->eax_in != leaf || (c->subleaf_specific && c->ecx_in != subleaf))
			continue;
		if (c->subleaf_specific)
			return c;
		found = c;
	}
	return found;
}

void override_apply(const struct overrides *o, u32 leaf, u32 subleaf, u32 r[4])
{
	const struct hv_x64_cpuid_result *c = o ? find(o, leaf, subleaf) : NULL;
	u32 mirrored = leaf == 1 ? BIT32(27) : leaf == 7 && !subleaf ? BIT32(4) : 0;
	u32 ecx_mask;

	if (!c || leaf >> 28 == 4 || leaf == 0xd)
		return;
	if (!c->always_override && (r[0] | r[1] | r[2] | r[3]))
		return;
	r[0] = (r[0] & ~c->eax_mask) | (c->eax & c->eax_mask);
	r[1] = (r[1] & ~c->ebx_mask) | (c->ebx & c->ebx_mask);
	ecx_mask = c->ecx_mask & ~mirrored;
	r[2] = (r[2] & ~ecx_mask) | (c->ecx & ecx_mask);
	r[3] = (r[3] & ~c->edx_mask) | (c->edx & c->edx_mask);
}
