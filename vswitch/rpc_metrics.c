/* SPDX-License-Identifier: BSD-3-Clause */
/* The metrics methods. */
#include <errno.h>

#include "error.h"
#include "metrics_server.h"
#include "object.h"
#include "rpc_methods_priv.h"
#include "rpc_params.h"
#include "switch.h"

int
rpc_metrics_make(struct vswitch *sw, const struct object *obj, bool may_wait, struct error *err)
{
	const struct value *listen = &obj->values[METRICS_KEY_LISTEN];

	if (!listen->is_set)
		return 0;
	if (sw->metrics == NULL)
		return error_set(err, ENOTSUP, "metrics: not in this program");
	return metrics_listen(sw->metrics, listen->text, may_wait, err);
}

int
rpc_metrics_set(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &metrics_schema, VERB_SET, NAME_NONE, &obj, err);
	return ret < 0 ? ret : rpc_metrics_make(ctx, &obj, false, err);
}

int
rpc_metrics_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	const struct vswitch *sw = ctx;
	struct metrics_status status;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &metrics_schema, VERB_SHOW, NAME_NONE, &obj, err);
	if (ret < 0)
		return ret;
	metrics_status(sw->metrics, &status);
	*ret_result = json_pack("{s:s?, s:i, s:I, s:I, s:I, s:I, s:I}", "listen", status.listen,
				"clients", (int)status.clients, "requests",
				(json_int_t)status.requests, "renders", (json_int_t)status.renders,
				"render_usec", (json_int_t)(status.render_nsec / 1000), "last_usec",
				(json_int_t)(status.last_nsec / 1000), "last_bytes",
				(json_int_t)status.last_size);
	if (status.reason[0] != '\0')
		json_object_set_new(*ret_result, "reason", json_string(status.reason));
	return 0;
}
