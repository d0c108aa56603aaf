/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include <rte_rcu_qsbr.h>

#include "rcu.h"

struct rcu {
	struct rte_rcu_qsbr *qsbr;
	struct rcu_item_list items; /* oldest first */
	rcu_fn pending_fn;
	void *pending_arg;
};

struct rcu *
rcu_create(struct rte_rcu_qsbr *qsbr)
{
	struct rcu *rcu = calloc(1, sizeof(*rcu));

	if (rcu == NULL)
		return NULL;
	rcu->qsbr = qsbr;
	TAILQ_INIT(&rcu->items);
	return rcu;
}

static void
rcu_run_first(struct rcu *rcu)
{
	struct rcu_item *item = TAILQ_FIRST(&rcu->items);

	TAILQ_REMOVE(&rcu->items, item, list);
	item->fn(item->arg);
}

void
rcu_destroy(struct rcu *rcu)
{
	if (rcu == NULL)
		return;
	rcu->pending_fn = NULL;
	while (!TAILQ_EMPTY(&rcu->items))
		rcu_run_first(rcu);
	free(rcu);
}

void
rcu_retire(struct rcu *rcu, struct rcu_item *item, rcu_fn fn, void *arg)
{
	bool first = TAILQ_EMPTY(&rcu->items);

	item->token = rte_rcu_qsbr_start(rcu->qsbr);
	item->fn = fn;
	item->arg = arg;
	TAILQ_INSERT_TAIL(&rcu->items, item, list);
	if (first && rcu->pending_fn != NULL)
		rcu->pending_fn(rcu->pending_arg);
}

void
rcu_cancel(struct rcu *rcu, struct rcu_item *item)
{
	TAILQ_REMOVE(&rcu->items, item, list);
}

bool
rcu_poll(struct rcu *rcu)
{
	while (!TAILQ_EMPTY(&rcu->items)) {
		if (rte_rcu_qsbr_check(rcu->qsbr, TAILQ_FIRST(&rcu->items)->token, false) != 1)
			return true;
		rcu_run_first(rcu);
	}
	return false;
}

void
rcu_on_pending(struct rcu *rcu, rcu_fn fn, void *arg)
{
	rcu->pending_fn = fn;
	rcu->pending_arg = arg;
}
