/* SPDX-License-Identifier: GPL-2.0-only */
/* The EOI without an exit, see assist.h. Pure. */
#include "hyperv/assist.h"

#include <hyperv/guest.h>

#define NO_EOI_REQUIRED 1u

static u32 *find(const struct guest_pages *pages, u64 msr)
{
	struct hv_vp_assist_page *page;

	if (!(msr & HV_MSR_PAGE_ENABLE))
		return NULL;
	page = pages->page(pages->ctx, msr >> PAGE_SHIFT);
	return page ? &page->apic_assist : NULL;
}

bool assist_enter(const struct guest_pages *pages, u64 msr, const struct vapic *apic)
{
	u32 *assist = vapic_ends_unseen(apic) ? find(pages, msr) : NULL;

	if (!assist)
		return false;
	__atomic_fetch_or(assist, NO_EOI_REQUIRED, __ATOMIC_RELAXED);
	return true;
}

void assist_leave(const struct guest_pages *pages, u64 msr, struct vapic *apic)
{
	u32 *assist = find(pages, msr);
	struct vapic_out out;

	if (assist &&
	    !(__atomic_fetch_and(assist, ~NO_EOI_REQUIRED, __ATOMIC_RELAXED) & NO_EOI_REQUIRED))
		vapic_end(apic, &out);
}
