/* SPDX-License-Identifier: BSD-3-Clause */
#include "rpc_params.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

#define NUMBER_SIZE 32
#define DESCRIBE_SIZE 128 /* bytes of what would be right */

/* A JSON value as the text that stands for it on a command line, or NULL: it has the wrong type. */
static const char *
value_text(const struct schema_key *key, const json_t *value, char number[NUMBER_SIZE])
{
	const char *text = json_string_value(value);

	if (key->zero_word != NULL &&
	    (json_is_null(value) || (text != NULL && strcmp(text, key->zero_word) == 0)))
		return key->zero_word;
	switch (key->type) {
	case VALUE_UINT:
	case VALUE_SECONDS:
		if (!json_is_integer(value))
			return NULL;
		snprintf(number, NUMBER_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return number;
	case VALUE_BOOL:
	case VALUE_FLAG:
		if (!json_is_boolean(value))
			return NULL;
		return json_is_true(value) ? "yes" : "no";
	default:
		return text;
	}
}

static int
type_error(const struct object *obj, const struct schema_key *key, const json_t *value,
	   struct error *err)
{
	static const char *const types[] = {
		[JSON_OBJECT] = "object",  [JSON_ARRAY] = "array",   [JSON_STRING] = "string",
		[JSON_INTEGER] = "number", [JSON_REAL] = "fraction", [JSON_TRUE] = "boolean",
		[JSON_FALSE] = "boolean",  [JSON_NULL] = "null",
	};
	char right[DESCRIBE_SIZE];

	return error_set(err, EINVAL, "%s %s: %s must be %s, not a JSON %s", obj->schema->kind,
			 obj->name, key->name, schema_describe(key, right, sizeof(right)),
			 types[json_typeof(value)]);
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
	const struct schema_key *key;
	json_t *members, *value;
	char number[NUMBER_SIZE];
	const char *name, *text;
	int ret;

	object_init(ret_obj, schema);
	ret = name_read(params, rule, ret_obj, err);
	if (ret < 0)
		return ret;

	/* jansson's iteration has no const, but changes nothing. */
	members = (json_t *)(uintptr_t)params;
	json_object_foreach(members, name, value) {
		if (strcmp(name, "name") == 0)
			continue;
		key = schema_key_find(schema, name);
		text = key != NULL ? value_text(key, value, number) : "";
		if (text == NULL)
			ret = type_error(ret_obj, key, value, err);
		else
			ret = object_set(ret_obj, verb, name, text, err);
		if (ret < 0)
			break;
	}
	return ret < 0 ? ret : object_check(ret_obj, verb, err);
}
