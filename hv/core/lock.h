/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A ticket lock. hv runs with interrupts off, so that a holder is never
 * preempted; an NMI or a panic that needs a lock uses spin_trylock.
 */
#ifndef HV_CORE_LOCK_H
#define HV_CORE_LOCK_H

#include "core/types.h"

struct spinlock {
	u32 next;
	u32 serving;
};

static inline void spin_lock(struct spinlock *l)
{
	u32 ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&l->serving, __ATOMIC_ACQUIRE) != ticket)
		__builtin_ia32_pause();
}

static inline bool spin_trylock(struct spinlock *l)
{
	u32 serving = __atomic_load_n(&l->serving, __ATOMIC_ACQUIRE);

	return __atomic_compare_exchange_n(&l->next, &serving, serving + 1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static inline void spin_unlock(struct spinlock *l)
{
	__atomic_store_n(&l->serving, l->serving + 1, __ATOMIC_RELEASE);
}

#endif
