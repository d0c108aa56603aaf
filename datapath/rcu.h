/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RCU: free what workers may still look at, later, without waiting.
 *
 * The control thread takes an object out of sight (a release store of another pointer) and hands it
 * to rcu_retire(). rcu_poll(), called from a timer while something is pending (rcu_on_pending()),
 * calls the object's function once every worker has passed a quiescent state.
 *
 * The note of it is a struct rcu_item in the object itself, so retiring needs no memory and cannot
 * fail.
 *
 * Thread-safety: control thread only.
 */
#ifndef DATAPATH_RCU_H
#define DATAPATH_RCU_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct rcu;
struct rte_rcu_qsbr;

typedef void (*rcu_fn)(void *arg);

/* The note that something is retired. Needs no initialisation; nobody else's to touch meanwhile. */
struct rcu_item {
	TAILQ_ENTRY(rcu_item) list;
	uint64_t token;
	rcu_fn fn;
	void *arg;
};

TAILQ_HEAD(rcu_item_list, rcu_item);

/** rcu_create() - a list of retired objects on a QSBR variable. Return: it, or NULL (ENOMEM). */
struct rcu *rcu_create(struct rte_rcu_qsbr *qsbr);

/** rcu_destroy() - run what is left; all workers must have ended. NULL is legal. */
void rcu_destroy(struct rcu *rcu);

/**
 * rcu_retire() - call @fn(@arg) after a grace period. Never fails and never waits.
 * @item: not pending; valid until @fn is called, which may free it.
 */
void rcu_retire(struct rcu *rcu, struct rcu_item *item, rcu_fn fn, void *arg);

/** rcu_cancel() - what is pending will not be called. */
void rcu_cancel(struct rcu *rcu, struct rcu_item *item);

/** rcu_poll() - run what has become free. Return: true if something is still pending. */
bool rcu_poll(struct rcu *rcu);

/**
 * rcu_on_pending() - be told when the list stops being empty, to start a timer.
 * @fn: called from rcu_retire().
 */
void rcu_on_pending(struct rcu *rcu, rcu_fn fn, void *arg);

#endif /* DATAPATH_RCU_H */
