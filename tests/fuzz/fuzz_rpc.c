/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of any form, through the dispatcher, the parameters of every kind of object, and
 * filters. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <event2/event.h>

#include "error.h"
#include "events.h"
#include "rpc.h"
#include "rpc_methods_priv.h"
#include "rpc_params.h"
#include "switch.h"

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

/* Of a switch that has nothing but events. */
static int
event_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	static struct vswitch sw;

	if (sw.events == NULL) {
		sw.events = events_create(event_base_new());
		events_emit(sw.events, EVENT_LINK, "eth0", json_pack("{s:s}", "bridge", "br0"),
			    "is up");
	}
	return rpc_event_show(&sw, params, ret_result, err);
}

static const struct rpc_method methods[] = {
	{ "all", RPC_READS, read_all },
	{ "event.show", RPC_READS, event_show },
};
static const struct rpc_dispatch dispatch = { .methods = methods, .n_methods = 2 };

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
