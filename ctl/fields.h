/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fields: what each show says with -j, as const tables. docs/json.md is written from them, and a
 * field that the daemon has left out because it says nothing is put in by them, so that each is
 * always there.
 *
 * A path leads to a field: "members[].lacp.partner" is the member partner of the object lacp of
 * each element of the array members. What a path has in front of it comes before it in the table.
 *
 * Thread-safety: const tables and pure functions.
 */
#ifndef CTL_FIELDS_H
#define CTL_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct field - a field.
 * @path: from a row.
 * @type: string, integer, number, boolean, object, "map of TYPE" (names that are data), of an array
 *	that of its elements; with a "?" behind it: or null.
 * @unit: "s", or NULL: it has none.
 * @help: what it says.
 */
struct field {
	const char *path;
	const char *type;
	const char *unit;
	const char *help;
};

/**
 * struct show_fields - what a command says.
 * @command: "port show".
 * @is_list: an array of objects with these fields, not one.
 */
struct show_fields {
	const char *command;
	bool is_list;
	const struct field *fields;
	size_t n_fields;
};

extern const struct show_fields show_fields[];
extern const size_t n_show_fields;

/** show_fields_find() - of a command, or NULL. */
const struct show_fields *show_fields_find(const char *command);

#endif
