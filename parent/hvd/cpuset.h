/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of CPUs, and how people write them: "0-3,6", "0-7,^3". */
#ifndef HVD_CPUSET_H
#define HVD_CPUSET_H

#include <stdbool.h>
#include <stdint.h>

#define CPUSET_WORDS 4u
#define CPUSET_MAX (64u * CPUSET_WORDS)

/* Bit i of word w: CPU 64 * w + i, as struct mullion_affinity has them. */
struct cpuset {
	uint64_t words[CPUSET_WORDS];
};

/* The longest text that cpuset_format() makes, its end included. */
#define CPUSET_TEXT 1024u

/*
 * Reads text into set: numbers and ranges with commas between, each added in
 * turn, or taken out where ^ stands before it. False when the text is anything
 * else, names a CPU of CPUSET_MAX or above, or leaves the set empty.
 */
bool cpuset_parse(struct cpuset *set, const char *text);

/* Writes set to text, in ascending order. */
void cpuset_format(const struct cpuset *set, char text[static CPUSET_TEXT]);

bool cpuset_has(const struct cpuset *set, unsigned int cpu);
void cpuset_add(struct cpuset *set, unsigned int cpu);
bool cpuset_is_empty(const struct cpuset *set);

/* The first CPU of set that is not in other; CPUSET_MAX when there is none. */
unsigned int cpuset_first_beyond(const struct cpuset *set, const struct cpuset *other);

#endif
