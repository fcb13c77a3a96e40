/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pages that the parent deposited for a partition. What is not in use is kept
 * in a list that runs through the pages themselves: they are out of the parent's
 * map. Any CPU; the pool's own lock is the innermost but for the frames'.
 */
#ifndef HV_CORE_POOL_H
#define HV_CORE_POOL_H

#include "core/lock.h"
#include "core/types.h"

struct pool {
	struct spinlock lock;
	u64 first; /* physical address of the first free page, 0: none */
	u64 pages; /* deposited */
	u64 free; /* of these not in use */
};

/* Takes a donated page. Returns false, nothing changed, when it is none. */
bool pool_deposit(struct pool *pool, u64 frame);

/* Gives one free page back: it is donated then. Returns false when there is none. */
bool pool_withdraw(struct pool *pool, u64 *frame);

/* A zeroed page, or NULL when none is free. */
void *pool_alloc(struct pool *pool);
void pool_free(struct pool *pool, void *page);

#endif
