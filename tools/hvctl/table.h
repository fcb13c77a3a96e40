/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table for people: columns as wide as their widest cell, two blanks between
 * them, none at the end of a line.
 */
#ifndef HVCTL_TABLE_H
#define HVCTL_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#define TABLE_MAX_COLUMNS 16

struct table {
	size_t columns;
	bool right[TABLE_MAX_COLUMNS]; /* numbers stand at the right */
	char **cells; /* rows of columns; the first row is the headings */
	size_t used;
	size_t allocated;
	bool failed; /* out of memory: table_print() says so */
};

/* Begins with { 0 }. First the columns, then cell after cell, row after row. */
__attribute__((format(printf, 3, 4))) void table_column(struct table *table, bool right,
							const char *format, ...);
__attribute__((format(printf, 2, 3))) void table_cell(struct table *table, const char *format, ...);

/* Prints the whole rows, the headings first if wanted. False: out of memory. */
bool table_print(const struct table *table, FILE *out, bool headings);

/* Frees the cells; the table may be used anew. */
void table_free(struct table *table);

#endif
