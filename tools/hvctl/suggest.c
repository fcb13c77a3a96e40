/* SPDX-License-Identifier: GPL-2.0-only */
/* "Did you mean", see suggest.h. */
#include "suggest.h"

#include <stdint.h>
#include <string.h>

#define MAX_LENGTH 40

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t suggest_distance(const char *a, const char *b)
{
	/* row[i][j]: from the first i letters of a to the first j of b; the last three i. */
	size_t rows[3][MAX_LENGTH + 1];
	size_t a_length = strlen(a), b_length = strlen(b);

	if (a_length > MAX_LENGTH || b_length > MAX_LENGTH)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i - 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			row[j] = above[j - 1] + (a[i - 1] != b[j - 1]);
			row[j] = least(row[j], least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], rows[(i - 2) % 3][j - 2] + 1);
		}
	}
	return rows[a_length % 3][b_length];
}

void suggest_add(struct suggest *suggest, const char *name)
{
	size_t distance = suggest_distance(suggest->word, name);

	if (!suggest->best || distance < suggest->distance) {
		suggest->best = name;
		suggest->distance = distance;
	}
}

const char *suggest_best(const struct suggest *suggest)
{
	/* One slip in three letters; a word of one letter resembles nothing. */
	if (!suggest->best || suggest->distance > (strlen(suggest->word) + 1) / 3)
		return NULL;
	return suggest->best;
}
