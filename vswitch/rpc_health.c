/* SPDX-License-Identifier: BSD-3-Clause */
/* The health method. */
#include <errno.h>

#include "error.h"
#include "health.h"
#include "rpc_methods_priv.h"

int
rpc_health_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	if (json_object_size(params) > 0)
		return error_set(err, EINVAL, "health: takes no parameters");
	health_ask(ctx);
	return 0; /* the result is rpc_health_finish()'s */
}

bool
rpc_health_pending(void *ctx, const json_t *params)
{
	return !health_is_due(ctx);
}

int
rpc_health_finish(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	*ret_result = health_look(ctx);
	return *ret_result != NULL ? 0 : error_set(err, ENOMEM, "no memory to look at all");
}
