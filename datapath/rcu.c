/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdint.h>
#include <stdlib.h>
#include <sys/queue.h>

#include <rte_rcu_qsbr.h>

#include "rcu.h"

struct rcu_item {
	STAILQ_ENTRY(rcu_item) list;
	uint64_t token;
	rcu_fn fn;
	void *arg;
};

struct rcu {
	struct rte_rcu_qsbr *qsbr;
	STAILQ_HEAD(, rcu_item) items; /* oldest first */
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
	STAILQ_INIT(&rcu->items);
	return rcu;
}

static void
rcu_run_first(struct rcu *rcu)
{
	struct rcu_item *item = STAILQ_FIRST(&rcu->items);

	STAILQ_REMOVE_HEAD(&rcu->items, list);
	item->fn(item->arg);
	free(item);
}

void
rcu_destroy(struct rcu *rcu)
{
	if (rcu == NULL)
		return;
	rcu->pending_fn = NULL;
	while (!STAILQ_EMPTY(&rcu->items))
		rcu_run_first(rcu);
	free(rcu);
}

void
rcu_retire(struct rcu *rcu, rcu_fn fn, void *arg)
{
	struct rcu_item *item = malloc(sizeof(*item));
	bool first = STAILQ_EMPTY(&rcu->items);

	if (item == NULL)
		return;
	item->token = rte_rcu_qsbr_start(rcu->qsbr);
	item->fn = fn;
	item->arg = arg;
	STAILQ_INSERT_TAIL(&rcu->items, item, list);
	if (first && rcu->pending_fn != NULL)
		rcu->pending_fn(rcu->pending_arg);
}

bool
rcu_poll(struct rcu *rcu)
{
	while (!STAILQ_EMPTY(&rcu->items)) {
		if (rte_rcu_qsbr_check(rcu->qsbr, STAILQ_FIRST(&rcu->items)->token, false) != 1)
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
