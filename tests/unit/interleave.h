/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two sides of shared memory in one thread: this file, included ahead of everything
 * else (-include), lets the other side take a step before and after each atomic access
 * of the code under test. So a random test meets the interleavings that matter, and
 * meets them again with the same seed.
 */
#ifndef INTERLEAVE_H
#define INTERLEAVE_H

/* The test's: what the other side does, or NULL. It is not called while it runs. */
extern void (*other_side)(void);

static inline void other_side_steps(void)
{
	void (*step)(void) = other_side;

	if (step) {
		other_side = (void *)0;
		step();
		other_side = step;
	}
}

#define INTERLEAVED(access)                  \
	({                                   \
		__auto_type result = access; \
                                             \
		other_side_steps();          \
		result;                      \
	})

/* A macro is not expanded again in its own text. */
#define __atomic_load_n(p, order) (other_side_steps(), INTERLEAVED(__atomic_load_n(p, order)))
#define __atomic_fetch_or(p, v, order) \
	(other_side_steps(), INTERLEAVED(__atomic_fetch_or(p, v, order)))
#define __atomic_store_n(p, v, order) \
	(other_side_steps(), __atomic_store_n(p, v, order), other_side_steps())

#endif
