/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The picture of "vsctl top": which ports, in which order, in which columns; as text and as JSON.
 *
 * How: one const table says of each column its heading, the key to sort by it, its name in JSON,
 * how it is written, and how soon it gives way where the screen is narrow.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_TOP_TABLE_H
#define CTL_TOP_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "top_round.h"

struct error;

#define TOP_WORD_SIZE 32    /* bytes of what is filtered by */
#define TOP_NUMBER_SIZE 16  /* bytes of a number as text */
#define TOP_WIDTH_MAX 65536 /* columns: as good as no limit */

/* What of the ports is to be seen, in which order. */
struct top_view {
	enum top_column sort;
	bool reverse;
	char type[TOP_WORD_SIZE];   /* "": any */
	char bridge[TOP_WORD_SIZE]; /* the same */
	char name[TOP_WORD_SIZE];   /* part of the name of the port or its guest; the same */
};

/* What is around the ports. */
struct top_title {
	const char *host;
	double delay;     /* seconds */
	const char *note; /* "paused"; or NULL */
};

struct top_table {
	const struct top_view *view;
	const struct top_round *round;
	const struct top_port **rows; /* that are wanted, sorted */
	size_t n_rows;
	int widths[TOP_COLUMNS]; /* 0: not shown */
};

/** top_column_key() - what a column is called on the command line: "rx-bps" */
const char *top_column_key(enum top_column column);

/** top_column_find() - a column by this name. Return: TOP_COLUMNS: there is none. */
enum top_column top_column_find(const char *key);

/** top_column_letter() - the column that a key sorts by. Return: TOP_COLUMNS: none. */
enum top_column top_column_letter(int letter);

/** top_types - what ports can be, NULL at the end. */
extern const char *const top_types[];

/**
 * top_view_filter() - which ports are wanted, in words: "type vif bridge xenbr0", or a part of a
 * name by itself
 * @view: its sort stays as it is; nothing is changed on failure
 *
 * Return: 0 or -EINVAL.
 */
int top_view_filter(struct top_view *view, int n_words, char *const *words, struct error *err);

/** top_port_is_named() - has a port, or its guest, this in its name? */
bool top_port_is_named(const struct top_port *port, const char *part);

/**
 * top_number() - a number as people read it: "0", "12.5", "999", "1.23k", "45.6M"
 *
 * Return: @ret_text. NAN is "-".
 */
const char *top_number(double number, char ret_text[TOP_NUMBER_SIZE]);

/**
 * top_table_make() - choose rows and columns
 * @width: columns of the screen
 *
 * Return: 0 or -ENOMEM. The table needs @round and @view until top_table_free().
 */
int top_table_make(struct top_table *table, const struct top_round *round,
		   const struct top_view *view, int width);

/** top_table_free() - NULL rows are legal */
void top_table_free(struct top_table *table);

/**
 * top_table_title() - lines above the table: who, how long; the workers; the total
 * @width: of the screen
 * @max_workers: lines that the workers may have
 *
 * Return: how many lines. They may be longer than @width.
 */
int top_table_title(const struct top_table *table, const struct top_title *title, int width,
		    int max_workers, FILE *out);

/**
 * top_table_heading() - the columns' headings, a line
 * @ret_start, @ret_len: where in it the one is that the table is sorted by; 0: nowhere
 */
void top_table_heading(const struct top_table *table, int *ret_start, int *ret_len, FILE *out);

/** top_table_row() - a port, as a line. No line ends in blanks. */
void top_table_row(const struct top_table *table, const struct top_port *port, FILE *out);

/** top_table_json() - all of it. Return: a new object. */
json_t *top_table_json(const struct top_table *table, const struct top_title *title);

#endif
