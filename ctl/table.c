/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#define CELL_SIZE 256
#define GAP 2 /* blanks between columns */

static json_int_t
sum_of(json_t *object)
{
	json_int_t sum = 0;
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
		sum += json_integer_value(value);
	return sum;
}

static const char *
join(const json_t *array, char text[CELL_SIZE])
{
	const char *word;
	size_t len = 0, i;

	text[0] = '\0';
	for (i = 0; i < json_array_size(array) && len < CELL_SIZE - 1; i++) {
		word = json_string_value(json_array_get(array, i));
		len += snprintf(text + len, CELL_SIZE - len, "%s%s", i > 0 ? "," : "",
				word != NULL ? word : "?");
	}
	return text[0] != '\0' ? text : "-";
}

/* What a cell says; @text is room for it. */
static const char *
cell(const struct column *column, const json_t *row, char text[CELL_SIZE])
{
	json_t *value = json_object_get(row, column->field);

	if (column->kind == CELL_COUNT && json_is_array(value)) {
		snprintf(text, CELL_SIZE, "%zu", json_array_size(value));
		return text;
	}
	if (column->kind == CELL_SUM && json_is_object(value)) {
		snprintf(text, CELL_SIZE, "%" JSON_INTEGER_FORMAT, sum_of(value));
		return text;
	}
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_integer(value)) {
		snprintf(text, CELL_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return text;
	}
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	if (json_is_array(value))
		return join(value, text);
	return "-";
}

static void
widen(int *width, const char *text)
{
	int len = strlen(text);

	if (*width < len)
		*width = len;
}

void
table_init(struct table *table, const struct column *columns, unsigned int n_columns, int indent)
{
	unsigned int i;

	table->columns = columns;
	table->n_columns = n_columns;
	table->indent = indent;
	for (i = 0; i < n_columns; i++) {
		table->widths[i] = columns[i].width;
		widen(&table->widths[i], columns[i].heading);
	}
}

void
table_measure(struct table *table, const json_t *rows)
{
	char text[CELL_SIZE];
	unsigned int i;
	size_t n;

	for (n = 0; n < json_array_size(rows); n++)
		for (i = 0; i < table->n_columns; i++)
			widen(&table->widths[i],
			      cell(&table->columns[i], json_array_get(rows, n), text));
}

/* Blanks that a cell to the left still owes are paid before the next, so that no line ends in one.
 */
static void
print_cell(const struct table *table, unsigned int i, const char *text, int *owed, FILE *out)
{
	int fill = table->widths[i] - (int)strlen(text);

	if (fill < 0)
		fill = 0;
	if (table->columns[i].kind == CELL_TEXT) {
		fprintf(out, "%*s%s", *owed, "", text);
		*owed = fill + GAP;
	} else {
		fprintf(out, "%*s%s", *owed + fill, "", text);
		*owed = GAP;
	}
}

void
table_head(const struct table *table, FILE *out)
{
	int owed = table->indent;
	unsigned int i;

	for (i = 0; i < table->n_columns; i++)
		print_cell(table, i, table->columns[i].heading, &owed, out);
	fputc('\n', out);
}

void
table_row(const struct table *table, const json_t *row, FILE *out)
{
	int owed = table->indent;
	char text[CELL_SIZE];
	unsigned int i;

	for (i = 0; i < table->n_columns; i++)
		print_cell(table, i, cell(&table->columns[i], row, text), &owed, out);
	fputc('\n', out);
}

void
table_print(struct table *table, const json_t *rows, FILE *out)
{
	size_t n;

	table_measure(table, rows);
	table_head(table, out);
	for (n = 0; n < json_array_size(rows); n++)
		table_row(table, json_array_get(rows, n), out);
}

/* A row and its sort key. */
struct sort_row {
	const char *key;
	size_t place; /* rows with the same key stay in their order */
	json_t *row;
};

static int
compare_rows(const void *a, const void *b)
{
	const struct sort_row *row_a = a, *row_b = b;

	int ret = strverscmp(row_a->key, row_b->key);

	return ret != 0 ? ret : (row_a->place > row_b->place) - (row_a->place < row_b->place);
}

void
rows_sort(json_t *rows, const char *field)
{
	size_t n = json_array_size(rows), i;
	struct sort_row *sorted;
	const char *key;

	sorted = calloc(n > 0 ? n : 1, sizeof(*sorted));
	if (sorted == NULL)
		return; /* unsorted is as true */
	for (i = 0; i < n; i++) {
		sorted[i].row = json_incref(json_array_get(rows, i));
		key = json_string_value(json_object_get(sorted[i].row, field));
		sorted[i].key = key != NULL ? key : "";
		sorted[i].place = i;
	}
	qsort(sorted, n, sizeof(*sorted), compare_rows);
	json_array_clear(rows);
	for (i = 0; i < n; i++)
		json_array_append_new(rows, sorted[i].row);
	free(sorted);
}
