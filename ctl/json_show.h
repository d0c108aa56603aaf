/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON of the shows: what the daemon said, and every field that it left out (fields.h): one without
 * a value is null, and an array without elements is empty.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_JSON_SHOW_H
#define CTL_JSON_SHOW_H

#include <jansson.h>

struct command;

/** json_complete() - put in what a command's output lacks. @json: an array of rows, or one row. */
void json_complete(const char *command, json_t *json);

/** json_show() - the same, and print it. */
void json_show(const struct command *command, json_t *json);

/** json_row() - complete a row of a command, and print it on one line, without its end. */
void json_row(const struct command *command, json_t *row);

#endif
