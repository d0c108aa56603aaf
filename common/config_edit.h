/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Saving: have a configuration file say what is configured, and change nothing else in it.
 *
 * How: the file is read as config.h does, which knows the line of each section and key. Lines whose
 * value differs get another value, lines of what is gone go, with the comment that stands right
 * above a section; what is new comes behind the last key of its section, or behind the last section
 * of its kind. Everything else, comments, order and blanks included, stays as it is.
 *
 * Thread-safety: none needed.
 */
#ifndef COMMON_CONFIG_EDIT_H
#define COMMON_CONFIG_EDIT_H

#include "record.h"

struct error;

/**
 * config_edit() - the text of a file that says what is configured
 * @text: of the file as it is; empty: there is none
 * @path: its name, for messages
 * @records: what is configured
 * @ret_text: the new text; free() it. The same bytes as @text if they say it already
 * @err: @text is not a configuration, or no file can say this
 *
 * Return: 0 or -errno. Context: any thread.
 */
int config_edit(const char *text, const char *path, const struct record_list *records,
		char **ret_text, struct error *err);

/** config_text() - a file that says what is configured. Return: free() it. Context: any thread. */
char *config_text(const struct record_list *records);

/**
 * config_parse() - the records of a text
 * @text: of a file
 * @path: its name, for messages
 * @records: get appended
 * @err: the first fault
 *
 * Return: 0 or -errno. Context: any thread.
 */
int config_parse(const char *text, const char *path, struct record_list *records,
		 struct error *err);

#endif
