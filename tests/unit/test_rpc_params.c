/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameters of methods, read by the schema of their kind of object. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"
#include "rpc.h"
#include "rpc_params.h"

static int
bridge_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &bridge_schema, VERB_ADD, NAME_REQUIRED, &obj, err);
	if (ret == 0)
		*ret_result = json_pack("{s:s, s:I}", "name", obj.name, "ageing",
					(json_int_t)obj.values[BRIDGE_KEY_AGEING].number);
	return ret;
}

static const struct rpc_method methods[] = {
	{ "bridge.add", RPC_READS, bridge_add },
};
static const struct rpc_dispatch dispatch = {
	.methods = methods,
	.n_methods = sizeof(methods) / sizeof(methods[0]),
};

static void
expect_params(const char *params, const char *expected)
{
	char request[512], *text;
	json_t *reply;

	snprintf(request, sizeof(request),
		 "{\"jsonrpc\":\"2.0\",\"method\":\"bridge.add\",\"params\":%s,\"id\":1}", params);
	reply = rpc_handle(&dispatch, request, strlen(request));
	text = json_dumps(reply, JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	json_decref(reply);
}

/* A number must be a number. */
static void
expect_type(const char *ageing, const char *type)
{
	char params[64], reply[256];

	snprintf(params, sizeof(params), "{\"name\":\"b\",\"ageing\":%s}", ageing);
	snprintf(reply, sizeof(reply),
		 "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32602,\"message\":\"bridge b: ageing "
		 "must be a number of seconds from 0 to 1000000, not a JSON "
		 "%s\",\"data\":{\"errno\":\"EINVAL\"}},\"id\":1}",
		 type);
	expect_params(params, reply);
}

static void
test_params(void **state)
{
	json_t *json;
	struct object obj;
	struct error err;

	expect_params("{\"name\":\"b\"}",
		      "{\"jsonrpc\":\"2.0\",\"result\":{\"name\":\"b\",\"ageing\":300},\"id\":1}");
	expect_params("{\"ageing\":10,\"name\":\"b\",\"fdb_limit\":7}",
		      "{\"jsonrpc\":\"2.0\",\"result\":{\"name\":\"b\",\"ageing\":10},\"id\":1}");
	expect_type("\"10\"", "string");
	expect_type("true", "boolean");
	expect_type("null", "null");
	expect_type("1.5", "fraction");
	expect_type("[1]", "array");
	expect_type("{}", "object");
	expect_params(
		"{\"name\":\"b\",\"ageing\":9999999}",
		"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32602,\"message\":\"bridge b: ageing: "
		"'9999999' is not a number of seconds from 0 to "
		"1000000\",\"data\":{\"errno\":\"ERANGE\"}},\"id\":1}");
	expect_params("{\"name\":\"b\",\"agein\":[1]}",
		      "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32602,\"message\":\"bridge b: "
		      "unknown key 'agein'; did you mean "
		      "'ageing'?\",\"data\":{\"errno\":\"EINVAL\"}},\"id\":1}");
	expect_params("{}", "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32602,\"message\":\"bridge: "
			    "name is missing\",\"data\":{\"errno\":\"EINVAL\"}},\"id\":1}");
	expect_params(
		"{\"name\":7}",
		"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32602,\"message\":\"bridge: name must "
		"be a string\",\"data\":{\"errno\":\"EINVAL\"}},\"id\":1}");
	expect_params("{\"name\":\"b\",\"fdb-limit\":1,\"fdb_limit\":2}",
		      "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32602,\"message\":\"bridge b: "
		      "fdb-limit is given twice\",\"data\":{\"errno\":\"EINVAL\"}},\"id\":1}");

	json = json_pack("{s:s, s:s, s:n}", "name", "p", "bridge", "b", "vid");
	assert_int_equal(rpc_params_read(json, &port_schema, VERB_ADD, NAME_REQUIRED, &obj, &err),
			 0);
	assert_int_equal(obj.values[PORT_KEY_VID].number, 0);
	assert_true(obj.values[PORT_KEY_VID].is_set);
	json_decref(json);
	json = json_pack("{s:s, s:i}", "name", "p", "bridge", 7);
	assert_int_equal(rpc_params_read(json, &port_schema, VERB_ADD, NAME_REQUIRED, &obj, &err),
			 -EINVAL);
	assert_string_equal(err.msg, "port p: bridge must be a name of 1-15 letters, digits or . _ "
				     "- + @ ~, or none, not a JSON number");
	json_decref(json);
	json = json_pack("{s:s, s:s, s:s}", "name", "p", "bridge", "b", "vid", "none");
	assert_int_equal(rpc_params_read(json, &port_schema, VERB_ADD, NAME_REQUIRED, &obj, &err),
			 0);
	json_decref(json);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_params),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
