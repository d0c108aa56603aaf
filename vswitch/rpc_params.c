/* SPDX-License-Identifier: BSD-3-Clause */
#include "rpc_params.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

#define NUMBER_SIZE 32

/* A JSON value as the text that stands for it on a command line, or NULL. */
static const char *
value_text(const struct object_schema *schema, const char *key_name, const json_t *value,
	   char number[NUMBER_SIZE])
{
	const struct schema_key *key;

	switch (json_typeof(value)) {
	case JSON_STRING:
		return json_string_value(value);
	case JSON_INTEGER:
		snprintf(number, NUMBER_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return number;
	case JSON_TRUE:
		return "yes";
	case JSON_FALSE:
		return "no";
	case JSON_NULL:
		key = schema_key_find(schema, key_name);
		return key != NULL ? key->zero_word : NULL;
	default:
		return NULL;
	}
}

static int
name_read(const json_t *params, enum name_rule rule, struct object *obj, struct error *err)
{
	const json_t *name = json_object_get(params, "name");

	if (name == NULL && rule == NAME_REQUIRED)
		return error_set(err, EINVAL, "%s: name is missing", obj->schema->kind);
	if (name == NULL)
		return 0;
	if (rule == NAME_NONE)
		return error_set(err, EINVAL, "%s: takes no name", obj->schema->kind);
	if (!json_is_string(name))
		return error_set(err, EINVAL, "%s: name must be a string", obj->schema->kind);
	return object_set_name(obj, json_string_value(name), err);
}

int
rpc_params_read(const json_t *params, const struct object_schema *schema, enum schema_verb verb,
		enum name_rule rule, struct object *ret_obj, struct error *err)
{
	char number[NUMBER_SIZE], quoted[NUMBER_SIZE];
	json_t *members, *value;
	const char *key, *text;
	int ret;

	object_init(ret_obj, schema);
	ret = name_read(params, rule, ret_obj, err);
	if (ret < 0)
		return ret;

	/* jansson's iteration has no const, but changes nothing. */
	members = (json_t *)(uintptr_t)params;
	json_object_foreach (members, key, value) {
		if (strcmp(key, "name") == 0)
			continue;
		text = value_text(schema, key, value, number);
		if (text == NULL)
			ret = error_set(err, EINVAL,
					"%s %s: %s must be a string, a number or a boolean",
					schema->kind, ret_obj->name,
					schema_quote(key, quoted, sizeof(quoted)));
		else
			ret = object_set(ret_obj, verb, key, text, err);
		if (ret < 0)
			break;
	}
	return ret < 0 ? ret : object_check(ret_obj, verb, err);
}
