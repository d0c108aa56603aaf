/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "vsctl batch": many commands as one transaction.
 *
 * How: each line is what stands behind "vsctl" on a command line; quotes keep words together, '#'
 * begins a comment. All lines are read before any is carried out, and all of their errors told;
 * then vswitchd does all of them or none.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_BATCH_H
#define CTL_BATCH_H

struct client;
struct error;
struct request;

/** batch_run() - Return: 0, or -errno with @err filled; -ENOEXEC: wrong usage. */
int batch_run(struct client *client, const struct request *request, struct error *err);

/**
 * words_split() - split a line as a shell would, but for variables and the like
 * @line: is changed
 * @ret_words: the words, which are in @line
 * @max: room at @ret_words
 *
 * Return: how many; -EINVAL: a quote is not closed; -E2BIG.
 */
int words_split(char *line, char **ret_words, int max);

#endif
