/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of any form, through the dispatcher and the parameters of every kind of object. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "error.h"
#include "rpc.h"
#include "rpc_params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
read_all(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	static const enum schema_verb verbs[] = { VERB_ADD,  VERB_DEL,   VERB_SET,
						  VERB_SHOW, VERB_FLUSH, VERB_CONFIG };
	struct object obj;
	size_t i, j;
	int ret = 0;

	for (i = 0; i < OBJECT_SCHEMAS; i++)
		for (j = 0; j < sizeof(verbs) / sizeof(verbs[0]); j++)
			if (rpc_params_read(params, object_schemas[i], verbs[j], NAME_OPTIONAL,
					    &obj, err) < 0)
				ret = err->code;
	return ret;
}

static const struct rpc_method methods[] = { { "all", RPC_READS, read_all } };
static const struct rpc_dispatch dispatch = { .methods = methods, .n_methods = 1 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *reply = rpc_handle(&dispatch, (const char *)data, size);
	char *text;

	if (reply == NULL)
		return 0;
	/* Whatever came in, what goes out is JSON. */
	text = json_dumps(reply, JSON_COMPACT);
	if (text == NULL)
		abort();
	free(text);
	json_decref(reply);
	return 0;
}
