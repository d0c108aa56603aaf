/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tables: rows of JSON objects as aligned text.
 *
 * How: a const array of columns says which member each column shows. Widths are measured over all
 * rows first, so that the rows of several tables can share them.
 *
 * Where a table is wider than the terminal, in this order and as far as needed: columns in which no
 * row says anything are left out; words of a cell or heading go below each other, at blanks,
 * commas and hyphens; what is still too much goes to a second line of each row. Nothing that a row
 * says is ever cut off.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#define TABLE_COLUMNS_MAX 16

enum cell_kind {
	CELL_TEXT,   /* to the left; arrays of strings joined by commas */
	CELL_NUMBER, /* to the right */
	CELL_COUNT,  /* how many elements an array has */
	CELL_SUM,    /* sum of an object's numbers */
};

struct column {
	const char *heading;
	const char *field;
	enum cell_kind kind;
	int width; /* least width */
};

/* Of a column in this table. */
struct table_column {
	int width;
	int whole;     /* as wide as nothing need be broken */
	int least;     /* the longest word in it, and of its heading; text a little more */
	int narrow;    /* the same of text, and hardly readable */
	int line;      /* of each row, from 0 */
	bool has_data; /* some row says something */
	bool left_out;
};

struct table {
	const struct column *columns;
	unsigned int n_columns;
	int indent;
	int max_width; /* of the terminal; 0: there is no limit */
	bool more;     /* rows may come that were not measured: all columns stay */
	bool fitted;
	int n_lines; /* of each row */
	struct table_column own[TABLE_COLUMNS_MAX];
};

/**
 * table_init() - start a table
 * @table: the table
 * @columns: its columns
 * @n_columns: at most TABLE_COLUMNS_MAX
 * @indent: blanks in front of every line
 */
void table_init(struct table *table, const struct column *columns, unsigned int n_columns,
		int indent);

/**
 * table_measure() - make room for rows
 * @table: the table
 * @rows: array of objects
 */
void table_measure(struct table *table, const json_t *rows);

/**
 * table_head() - print the headings, fitted to the terminal
 * @table: measured; what is measured later does not make it wider any more, if there is a limit
 * @out: where to
 */
void table_head(struct table *table, FILE *out);

/**
 * table_row() - print one row
 * @table: its heading is printed
 * @row: object; a member that is absent or null shows as "-"
 * @out: where to
 */
void table_row(const struct table *table, const json_t *row, FILE *out);

/**
 * table_print() - measure and print a whole table
 * @table: fresh from table_init()
 * @rows: array of objects
 * @out: where to
 */
void table_print(struct table *table, const json_t *rows, FILE *out);

/**
 * rows_sort() - sort rows by a member, numbers inside names by their value (vif2.0 before vif10.0)
 * @rows: array of objects; changed
 * @field: a member that is a string
 */
void rows_sort(json_t *rows, const char *field);

#endif
