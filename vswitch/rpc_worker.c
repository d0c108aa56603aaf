/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker methods. */
#include <rte_cycles.h>
#include <rte_rcu_qsbr.h>

#include "object.h"
#include "rpc_methods_priv.h"
#include "rpc_params.h"
#include "switch.h"

/* A counter of a worker, who goes on counting. */
static json_int_t
counter(const uint64_t *value)
{
	return __atomic_load_n(value, __ATOMIC_RELAXED);
}

/* Right now. A thread that sleeps is offline to RCU. */
static const char *
worker_state(const struct worker *worker)
{
	const struct rte_rcu_qsbr_cnt *online = &worker->dp->qsbr->qsbr_cnt[worker->id];

	if (__atomic_load_n(&online->cnt, __ATOMIC_RELAXED) != 0)
		return "polling";
	return __atomic_load_n(&worker->n_active, __ATOMIC_RELAXED) > 0 ? "napping" : "sleeping";
}

static json_t *
worker_json(const struct worker *worker)
{
	return json_pack("{s:I, s:s, s:I, s:I, s:I, s:I, s:I}", "worker", (json_int_t)worker->id,
			 "state", worker_state(worker), "rx_packets",
			 counter(&worker->busy_packets), "busy_turns", counter(&worker->busy_turns),
			 "busy_cycles", counter(&worker->busy_cycles), "cycles_per_second",
			 (json_int_t)rte_get_tsc_hz(), "sleeps", counter(&worker->sleeps));
}

json_t *
rpc_workers_json(const struct vswitch *sw)
{
	json_t *rows = json_array();

	for (uint16_t w = 0; w < sw->dp->n_workers; w++)
		json_array_append_new(rows, worker_json(sw->dp->workers[w]));
	return rows;
}

int
rpc_worker_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	const struct vswitch *sw = ctx;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &worker_schema, VERB_SHOW, NAME_NONE, &obj, err);
	if (ret < 0)
		return ret;
	*ret_result = rpc_workers_json(sw);
	return 0;
}
