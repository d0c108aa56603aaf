/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RCU: free what workers may still look at, later, without waiting.
 *
 * The control thread takes an object out of sight (a release store of another pointer) and hands it
 * to rcu_retire(). rcu_poll(), called from a timer while rcu_pending(), calls the object's function
 * once every worker has passed a quiescent state.
 *
 * Thread-safety: control thread only.
 */
#ifndef DATAPATH_RCU_H
#define DATAPATH_RCU_H

#include <stdbool.h>

struct rcu;
struct rte_rcu_qsbr;

typedef void (*rcu_fn)(void *arg);

/** rcu_create() - a list of retired objects on a QSBR variable. Return: it, or NULL (ENOMEM). */
struct rcu *rcu_create(struct rte_rcu_qsbr *qsbr);

/** rcu_destroy() - run what is left; all workers must have ended. NULL is legal. */
void rcu_destroy(struct rcu *rcu);

/**
 * rcu_retire() - call @fn(@arg) after a grace period. Never fails and never waits: if memory for
 * the note of it is short, the object is kept forever.
 */
void rcu_retire(struct rcu *rcu, rcu_fn fn, void *arg);

/** rcu_poll() - run what has become free. Return: true if something is still pending. */
bool rcu_poll(struct rcu *rcu);

/**
 * rcu_on_pending() - be told when the list stops being empty, to start a timer.
 * @fn: called from rcu_retire().
 */
void rcu_on_pending(struct rcu *rcu, rcu_fn fn, void *arg);

#endif /* DATAPATH_RCU_H */
