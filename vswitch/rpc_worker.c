/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker methods. */
#include <rte_cycles.h>

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

static json_t *
worker_json(const struct worker *worker)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "worker", (json_int_t)worker->id,
			 "rx_packets", counter(&worker->busy_packets), "busy_turns",
			 counter(&worker->busy_turns), "busy_cycles", counter(&worker->busy_cycles),
			 "cycles_per_second", (json_int_t)rte_get_tsc_hz(), "sleeps",
			 counter(&worker->sleeps));
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
	*ret_result = json_array();
	for (uint16_t w = 0; w < sw->dp->n_workers; w++)
		json_array_append_new(*ret_result, worker_json(sw->dp->workers[w]));
	return 0;
}
