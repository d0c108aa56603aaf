/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * History: the configurations that were, who changed them, when and how.
 *
 * How: each is a file NUMBER.conf in STATE_DIR/history: a configuration file as any other, with a
 * comment on top that tells what led to it. The last HISTORY_MAX are kept. What cannot be written,
 * as the disk is full, is lacking there; but what was before the last change is known all the same.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_HISTORY_H
#define VSWITCH_HISTORY_H

#include <time.h>

#include <jansson.h>

#include "record.h"

struct error;
struct history;
struct rpc_peer;

#define HISTORY_MAX 100

/** history_open() - the history in a folder, which need not exist yet. Return: it, or NULL. */
struct history *history_open(const char *state_dir);

/** history_close() - NULL is legal. */
void history_close(struct history *history);

/**
 * history_add() - a configuration that runs now; one that is the last already is left out
 * @history: or NULL
 * @who: has changed it; NULL: vswitchd itself
 * @what: one line
 */
void history_add(struct history *history, const struct record_list *records,
		 const struct rpc_peer *who, const char *what);

/** history_json() - [{"number", "time", "uid", "pid", "what"}], the last one last. */
json_t *history_json(const struct history *history);

/**
 * history_text() - the file of a number; 0: what was before the last change
 * @ret_number: its number; 0: it could not be written
 *
 * Return: its text, free() it; or NULL with @err filled.
 */
char *history_text(const struct history *history, unsigned int number, unsigned int *ret_number,
		   struct error *err);

/**
 * history_fault() - has the last change not been written?
 * @history: or NULL
 * @ret_error: -errno, or 0
 *
 * Return: where to; NULL: it has been, as far as is known.
 */
const char *history_fault(const struct history *history, int *ret_error);

/**
 * history_keep_unconfirmed() - note what is to be back if nobody confirms, for the next vswitchd
 * @history: or NULL, as below
 * @end: when, in seconds of CLOCK_REALTIME
 */
void history_keep_unconfirmed(struct history *history, const struct record_list *records,
			      time_t end);

/** history_forget_unconfirmed() - it is confirmed, or undone. */
void history_forget_unconfirmed(struct history *history);

/**
 * history_unconfirmed() - what the vswitchd before has noted
 * @records: gets it
 *
 * Return: 0, -ENOENT: nothing, or -errno with @err filled.
 */
int history_unconfirmed(const struct history *history, struct record_list *records, time_t *ret_end,
			struct error *err);

#endif /* VSWITCH_HISTORY_H */
