/* SPDX-License-Identifier: GPL-2.0-only */
/* Tables for people: see table.h. */
#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void add_cell(struct table *table, const char *format, va_list arguments)
{
	char *text;

	if (table->failed)
		return;
	if (table->used == table->allocated) {
		size_t wanted = table->allocated ? 2 * table->allocated : 64;
		char **cells = reallocarray(table->cells, wanted, sizeof(*cells));

		if (!cells) {
			table->failed = true;
			return;
		}
		table->cells = cells;
		table->allocated = wanted;
	}
	if (vasprintf(&text, format, arguments) < 0)
		table->failed = true;
	else
		table->cells[table->used++] = text;
}

void table_column(struct table *table, bool right, const char *format, ...)
{
	va_list arguments;

	if (table->columns == TABLE_MAX_COLUMNS) {
		table->failed = true;
		return;
	}
	table->right[table->columns++] = right;
	va_start(arguments, format);
	add_cell(table, format, arguments);
	va_end(arguments);
}

void table_cell(struct table *table, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_cell(table, format, arguments);
	va_end(arguments);
}

bool table_print(const struct table *table, FILE *out, bool headings)
{
	size_t rows = table->columns ? table->used / table->columns : 0;
	size_t width[TABLE_MAX_COLUMNS] = { 0 };

	if (table->failed)
		return false;
	for (size_t i = headings ? 0 : table->columns; i < rows * table->columns; i++) {
		size_t length = strlen(table->cells[i]);
		size_t *column = &width[i % table->columns];

		*column = length > *column ? length : *column;
	}
	for (size_t row = headings ? 0 : 1; row < rows; row++) {
		for (size_t i = 0; i < table->columns; i++) {
			const char *cell = table->cells[row * table->columns + i];
			const char *gap = i ? "  " : "";

			if (table->right[i])
				fprintf(out, "%s%*s", gap, (int)width[i], cell);
			else if (i + 1 < table->columns)
				fprintf(out, "%s%-*s", gap, (int)width[i], cell);
			else
				fprintf(out, "%s%s", gap, cell);
		}
		fputc('\n', out);
	}
	return true;
}

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->used; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){ 0 };
}
