/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mullion_root: the memory that hv's pools are made of.
 */
#ifndef MULLION_POOL_H
#define MULLION_POOL_H

#include <linux/types.h>

/*
 * Deposits count pages, at most 256, into the pool of a partition (or of
 * HV_PARTITION_ID_SELF). -ENOMEM when there are none to be had, -EIO when hv does not
 * take them; some may have been deposited then. Process context.
 */
int mullion_pool_deposit(u64 owner, unsigned int count);

/* Takes back every page that is free in the owner's pool. Process context. */
void mullion_pool_withdraw(u64 owner);

/* Says so if there are blocks left: hv keeps their pages. Nobody uses the pool. */
void mullion_pool_exit(void);

#endif
