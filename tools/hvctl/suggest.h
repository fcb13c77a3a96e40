/* SPDX-License-Identifier: GPL-2.0-only */
/* "Did you mean": the one of some names that is closest to a mistyped word. */
#ifndef HVCTL_SUGGEST_H
#define HVCTL_SUGGEST_H

#include <stddef.h>

/* Begin with { .word = WORD }; word and names must outlive it. */
struct suggest {
	const char *word;
	const char *best;
	size_t distance; /* of best */
};

void suggest_add(struct suggest *suggest, const char *name);

/* The closest name, or NULL when none is close. */
const char *suggest_best(const struct suggest *suggest);

/*
 * Letters inserted, deleted, replaced or swapped with their neighbour to turn
 * a into b (optimal string alignment). SIZE_MAX when one is longer than a name
 * of ours ever is.
 */
size_t suggest_distance(const char *a, const char *b);

#endif
