/* SPDX-License-Identifier: BSD-3-Clause */
/* What "vif show" says of guests is what its table of fields says, as docs/json.md has it. */
#include "vif_bed.h"

#include <jansson.h>

#include "fields.h"
#include "rpc.h"
#include "rpc_methods.h"

static const struct fake_frontend_config configs[GUESTS] = {
	{ .domid = 1 },
	{ .domid = 2 },
	{ .domid = 3 },
};

/* The path of a field as the table has it: arrays with brackets. */
static const struct field *
field_find(const struct show_fields *show, const char *name, const json_t *value)
{
	char path[64];

	snprintf(path, sizeof(path), "%s%s", name, json_is_array(value) ? "[]" : "");
	for (size_t i = 0; i < show->n_fields; i++)
		if (strcmp(show->fields[i].path, path) == 0)
			return &show->fields[i];
	return NULL;
}

static bool
has_type(const json_t *value, const char *type)
{
	if (json_is_array(value))
		return json_array_size(value) == 0 || has_type(json_array_get(value, 0), type);
	if (json_is_null(value))
		return strchr(type, '?') != NULL;
	return (json_is_string(value) && strncmp(type, "string", 6) == 0) ||
	       (json_is_integer(value) && strncmp(type, "integer", 7) == 0) ||
	       (json_is_boolean(value) && strncmp(type, "boolean", 7) == 0);
}

static json_t *
show(struct bed *bed, const char *method)
{
	const struct rpc_dispatch dispatch = { rpc_methods, n_rpc_methods, bed->sw };
	char line[128];
	json_t *reply, *rows;
	int len =
		snprintf(line, sizeof(line),
			 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{}}", method);

	reply = rpc_handle(&dispatch, line, (size_t)len);
	rows = json_incref(json_object_get(reply, "result"));
	json_decref(reply);
	assert_int_equal(json_array_size(rows), GUESTS);
	return rows;
}

/* Each member is in the table. */
static void
check_members(const char *command, json_t *row)
{
	const struct show_fields *fields = show_fields_find(command);
	const struct field *field;
	const char *name;
	json_t *value;

	json_object_foreach(row, name, value) {
		field = field_find(fields, name, value);
		if (field == NULL)
			fail_msg("%s: %s is not documented", command, name);
		else if (!has_type(value, field->type))
			fail_msg("%s: %s is not %s", command, name, field->type);
	}
}

static void
test_fields(void **state)
{
	const struct show_fields *fields = show_fields_find("vif show");
	struct bed *bed = *state;
	json_t *vifs, *ports, *row;
	char name[64];

	start_guests(bed);
	vifs = show(bed, "vif.show");
	ports = show(bed, "port.show");
	row = json_array_get(vifs, 0);
	check_members("vif show", row);
	check_members("port show", json_array_get(ports, 0));
	assert_string_equal(json_string_value(json_object_get(json_array_get(ports, 0), "rate")),
			    "none");
	/* and the other way round; nothing is wrong with it */
	for (size_t i = 0; i < fields->n_fields; i++) {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(fields->fields[i].path, "["),
			 fields->fields[i].path);
		if (json_object_get(row, name) == NULL && strcmp(name, "reason") != 0)
			fail_msg("vif show: there is no %s", name);
	}
	json_decref(vifs);
	json_decref(ports);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
