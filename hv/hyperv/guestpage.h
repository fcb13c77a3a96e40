/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages of a guest's RAM that hv writes because the guest told it to. Pure. */
#ifndef HV_HYPERV_GUESTPAGE_H
#define HV_HYPERV_GUESTPAGE_H

#include "core/types.h"

/*
 * How a module below comes to a guest's page. The guest writes to it meanwhile,
 * whatever it likes.
 */
struct guest_pages {
	/* hv's own mapping of the page with this number, if the guest may write it;
	 * else NULL. Whoever calls a function that takes a struct guest_pages sees to it
	 * that the mapping stays good until that function returns. */
	void *(*page)(void *ctx, u64 gfn);
	void *ctx;
};

#endif
