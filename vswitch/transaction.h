/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transactions: many changes of the configuration, all or nothing.
 *
 * How: a transaction is the steps of a plan (plan.h) or a list of commands. Each step is a method
 * that a client could call, so that both mean the same. They are done in slices of some
 * milliseconds, between which everything else of the control thread has its turn, and which wait
 * where a port must be closed first. If one fails, what was done is taken back: by a plan as well,
 * from what is configured then to what was before. Nobody else changes anything meanwhile: calls
 * are told to try again, which takes a moment.
 *
 * With a confirmation asked for, the configuration from before is kept, and is back when the time
 * is over, by another transaction; and as nobody may be able to come in and help, that one does
 * what can be done of it.
 *
 * Each change of the configuration, by a transaction or a single call, goes into the history.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_TRANSACTION_H
#define VSWITCH_TRANSACTION_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "record.h"
#include "rpc.h"

struct error;
struct history;
struct transactions;
struct vswitch;

#define CONFIRM_SECONDS_MAX 86400

/* What is to be done: @target or @commands. */
struct transaction_request {
	const struct record_list *target; /* the configuration that is to be */
	const json_t *commands;           /* array of {"method", "params"} */
	const char *what;                 /* for log and history */
	unsigned int confirm;             /* seconds; 0: it needs none */
	const json_t *token;              /* whose result it is; NULL: vswitchd does it by itself */
};

/* transactions_create() - for sw->transactions. @history: may be NULL. Return: it, or NULL. */
struct transactions *transactions_create(struct vswitch *sw, struct history *history);

/**
 * transactions_resume() - the switch has started: what the vswitchd before has done and nobody has
 * confirmed is still undone when its time is over, or at once if that is past.
 */
void transactions_resume(struct transactions *transactions);

/** transactions_destroy() - one that is going on is given up where it is. NULL is legal. */
void transactions_destroy(struct transactions *transactions);

/** transaction_start() - begin one. Return: 0, or -EAGAIN: another is going on; -ENOMEM. */
int transaction_start(struct transactions *transactions, const struct transaction_request *request,
		      struct error *err);

/** transaction_pending() - is the one of @token going on? */
bool transaction_pending(const struct transactions *transactions, const json_t *token);

/**
 * transaction_result() - what has come of the one of @token
 * @ret_changes: how many steps were done
 *
 * Return: 0; or -errno with @err filled: nothing has changed.
 */
int transaction_result(struct transactions *transactions, const json_t *token, size_t *ret_changes,
		       struct error *err);

/** transaction_undo() - the other way to begin one: back to what was before the confirmation. */
int transaction_undo(struct transactions *transactions, const char *what, const json_t *token,
		     struct error *err);

/** transaction_confirm() - what was done stays. Return: 0, or -ENOENT: nothing waits for it. */
int transaction_confirm(struct transactions *transactions, struct error *err);

/** transaction_confirm_left() - seconds that there are to confirm; -1: nothing waits for it. */
int transaction_confirm_left(const struct transactions *transactions);

/** transaction_allow() - @peer calls what changes something. Return: 0, or -EAGAIN: not now. */
int transaction_allow(void *ctx, const struct rpc_peer *peer, struct error *err);

/** transaction_done() - it has; @what for the history. @ctx, of both: the struct vswitch. */
void transaction_done(void *ctx, const struct rpc_peer *peer, const char *method,
		      const json_t *params, const char *what);

/** transaction_history() - what was given to transactions_create(). */
struct history *transaction_history(const struct transactions *transactions);

#endif /* VSWITCH_TRANSACTION_H */
