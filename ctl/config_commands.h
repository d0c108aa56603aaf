/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "vsctl config ...": the configuration as a whole, and files of it.
 *
 * How: files are read, checked and written here, so that all of their errors are found, with their
 * lines, before vswitchd hears of any; what differs from what runs, and how to get there, is
 * vswitchd's. Without FILE it is the one that vswitchd was started with; "-" is stdin.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_CONFIG_COMMANDS_H
#define CTL_CONFIG_COMMANDS_H

#include <jansson.h>

#include "schema.h"

struct client;
struct error;
struct request;

extern const struct object_schema config_schema; /* for the help: no object */

/* Each: Return 0, or -errno with @err filled; -ENOEXEC: wrong usage. */
int config_show(struct client *client, const struct request *request, struct error *err);
int config_check_file(struct client *client, const struct request *request, struct error *err);
int config_diff(struct client *client, const struct request *request, struct error *err);
int config_apply(struct client *client, const struct request *request, struct error *err);
int config_save(struct client *client, const struct request *request, struct error *err);
int config_confirm(struct client *client, const struct request *request, struct error *err);
int config_rollback(struct client *client, const struct request *request, struct error *err);
int config_history(struct client *client, const struct request *request, struct error *err);

/* What stands behind a command: at most one word, and --confirm SECONDS. */
struct config_words {
	const char *word;   /* NULL: none */
	json_int_t confirm; /* 0: not given */
};

/**
 * config_words_read() - read them
 * @max_words: 0 or 1
 * @may_confirm: --confirm is legal
 * Return: 0 or -ENOEXEC.
 */
int config_words_read(const struct request *request, int max_words, bool may_confirm,
		      struct config_words *ret_words, struct error *err);

/** config_print_confirm() - remind of a confirmation that is due, also of what came before. */
void config_print_confirm(const struct config_words *words, const json_t *result);

#endif
