/* SPDX-License-Identifier: BSD-3-Clause */
#include "running.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "error.h"
#include "neighbour.h"
#include "routing.h"
#include "rpc_methods.h"
#include "rpc_params.h"
#include "switch.h"

struct running {
	struct vswitch *sw;
	struct record_list records;
	struct record *started; /* [vswitchd] */
};

struct running *
running_create(struct vswitch *sw)
{
	struct running *running = calloc(1, sizeof(*running));

	if (running == NULL)
		return NULL;
	running->sw = sw;
	TAILQ_INIT(&running->records);
	return running;
}

void
running_destroy(struct running *running)
{
	if (running == NULL)
		return;
	record_list_free(&running->records);
	record_free(running->started);
	free(running);
}

void
running_load(struct running *running, const struct config *config)
{
	const struct record *vswitchd;

	record_list_of(&running->records, config);
	vswitchd = record_find(&running->records, &vswitchd_schema, "");
	if (vswitchd != NULL)
		running->started = record_copy(vswitchd);
}

const struct record *
running_started(const struct running *running)
{
	return running->started;
}

/* --- what is gone by itself --- */

static bool
neighbour_is_there(const struct vswitch *sw, const char *name)
{
	const struct switch_rif *rif = NULL;
	struct ip_addr addr;

	if (sw->routing == NULL || ip_addr_parse(name, &addr) < 0)
		return false;
	while ((rif = rif_next(sw->routing, rif)) != NULL) {
		const struct neighbour *neighbour = neighbour_find(sw->routing, rif, &addr);

		if (neighbour != NULL && neighbour->state == NEIGHBOUR_PERMANENT)
			return true;
	}
	return false;
}

static bool
station_is_there(struct vswitch *sw, const struct record *record)
{
	const char *port = record->texts[FDB_KEY_PORT];
	struct rte_ether_addr mac;
	struct object object;

	object_init(&object, &fdb_schema);
	if (port == NULL || object_set_title(&object, record->name, NULL) < 0)
		return false;
	memcpy(mac.addr_bytes, object.values[FDB_KEY_MAC].mac, sizeof(mac.addr_bytes));
	return switch_fdb_has(sw, object.name, &mac, object.values[FDB_KEY_VID].number, port);
}

static bool
is_there(const struct running *running, const struct record *record)
{
	const struct switch_port *port;

	if (record->schema == &neigh_schema)
		return neighbour_is_there(running->sw, record->name);
	if (record->schema == &fdb_schema)
		return station_is_there(running->sw, record);
	if (record->schema != &port_schema)
		return true;
	port = switch_port_find(running->sw, record->name);
	if (port == NULL)
		return false;
	return !record_is_guests(record) || record->owner == port->dp->generation;
}

static void
forget_gone(struct running *running)
{
	struct record *record, *next;

	for (record = TAILQ_FIRST(&running->records); record != NULL; record = next) {
		next = TAILQ_NEXT(record, list);
		if (is_there(running, record))
			continue;
		TAILQ_REMOVE(&running->records, record, list);
		record_free(record);
	}
}

void
running_list(struct running *running, bool guests, struct record_list *list)
{
	const struct record *record;

	forget_gone(running);
	TAILQ_FOREACH(record, &running->records, list)
		if (guests || !record_is_guests(record))
			record_list_add(list, record);
}

void
running_replace(struct running *running, const struct record_list *list)
{
	struct record *record, *next;

	for (record = TAILQ_FIRST(&running->records); record != NULL; record = next) {
		next = TAILQ_NEXT(record, list);
		if (record_is_guests(record))
			continue;
		TAILQ_REMOVE(&running->records, record, list);
		record_free(record);
	}
	TAILQ_FOREACH(record, list, list)
		if (!record_is_guests(record))
			record_list_add(&running->records, record);
}

/* --- guests --- */

static const char *
shown_list(const struct schema_key *key, const json_t *values, char *text, size_t size)
{
	const json_t *value;
	size_t len = 0, i;

	json_array_foreach(values, i, value)
		if (len < size && json_is_string(value))
			len += snprintf(text + len, size - len, "%s%s", i > 0 ? "," : "",
					json_string_value(value));
	return len > 0 ? text : key->zero_word;
}

/* A value of "port.show" as a text that the key takes; NULL: it is none. */
static const char *
shown_text(const struct schema_key *key, const json_t *shown, char *text, size_t size)
{
	char field[32];
	const json_t *value;

	snprintf(field, sizeof(field), "%s", key->name);
	for (char *c = field; *c != '\0'; c++)
		*c = *c == '-' ? '_' : *c;
	value = json_object_get(shown, field);
	if (json_is_null(value))
		return key->zero_word;
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	if (json_is_array(value))
		return shown_list(key, value, text, size);
	if (!json_is_integer(value))
		return json_string_value(value);
	snprintf(text, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return text;
}

static struct record *
shown_record(const char *name, const json_t *shown)
{
	struct record *record = record_new(&port_schema, name);
	struct value value;

	for (unsigned int i = 0; i < PORT_KEYS; i++) {
		const struct schema_key *key = &port_schema.keys[i];
		char buffer[VALUE_TEXT_SIZE];
		const char *text;

		/* the MTU that it has says nothing of the one that is set */
		if (!(key->verbs & VERB_SET) || !(key->verbs & VERB_CONFIG) || i == PORT_KEY_MTU)
			continue;
		text = shown_text(key, shown, buffer, sizeof(buffer));
		if (text == NULL || schema_parse_value(key, text, &value, NULL) < 0)
			continue;
		if (i == PORT_KEY_BRIDGE || record_default(key) == NULL ||
		    strcmp(value.text, record_default(key)) != 0)
			record_set(record, i, value.text);
	}
	return record;
}

void
running_see_guest(struct running *running, const char *name)
{
	const struct switch_port *port = switch_port_find(running->sw, name);
	struct record *record = record_find(&running->records, &port_schema, name);
	json_t *params, *shown = NULL;

	if (!record_name_is_guests(&port_schema, name))
		return;
	if (record != NULL) {
		TAILQ_REMOVE(&running->records, record, list);
		record_free(record);
	}
	if (port == NULL || (port->bridge == NULL && !guest_is(port)))
		return;
	params = json_pack("{s:s}", "name", name);
	for (size_t i = 0; i < n_rpc_methods; i++)
		if (strcmp(rpc_methods[i].name, "port.show") == 0)
			rpc_methods[i].fn(running->sw, params, &shown, NULL);
	json_decref(params);
	record = shown_record(name, json_array_get(shown, 0));
	json_decref(shown);
	record->owner = port->dp->generation;
	TAILQ_INSERT_TAIL(&running->records, record, list);
}

/* --- noting --- */

static void
forget(struct running *running, const struct object_schema *schema, const char *name)
{
	struct record *record = record_find(&running->records, schema, name);

	if (record == NULL)
		return;
	TAILQ_REMOVE(&running->records, record, list);
	record_free(record);
}

static struct record *
find_or_make(struct running *running, const struct object_schema *schema, const char *name)
{
	struct record *record = record_find(&running->records, schema, name);

	if (record != NULL)
		return record;
	record = record_new(schema, name);
	TAILQ_INSERT_TAIL(&running->records, record, list);
	return record;
}

/* The bridge of a port that has none in its record: its bond's, or none, as a file says it. */
static void
port_complete(struct running *running, struct record *port)
{
	struct record *bond = record_find(&running->records, &bond_schema, port->name);
	const char *bridge = "";

	if (bond != NULL && bond->texts[BOND_KEY_BRIDGE] != NULL)
		bridge = bond->texts[BOND_KEY_BRIDGE];
	if (port->texts[PORT_KEY_BRIDGE] == NULL)
		record_set(port, PORT_KEY_BRIDGE, bridge);
	if (bond != NULL)
		record_set(bond, BOND_KEY_BRIDGE, NULL);
}

static void
note_port(struct running *running, struct record *record)
{
	const struct switch_port *port = switch_port_find(running->sw, record->name);

	if (record_is_guests(record) && port != NULL)
		record->owner = port->dp->generation;
	else
		port_complete(running, record);
}

static void
note_change(struct running *running, const struct object *object, bool is_new)
{
	char title[OBJECT_NAME_SIZE];
	struct record *record;

	if (is_new && object->schema == &port_schema &&
	    record_find(&running->records, &bond_schema, object->name) == NULL)
		forget(running, object->schema, object->name);
	record = find_or_make(running, object->schema, object_title(object, title));
	record_merge(record, object);
	if (object->schema == &port_schema)
		note_port(running, record);
}

static void
note_del(struct running *running, const struct object *object)
{
	struct record *bond = record_find(&running->records, &bond_schema, object->name);
	char title[OBJECT_NAME_SIZE];

	forget(running, object->schema, object_title(object, title));
	if (object->schema == &bond_schema)
		forget(running, &port_schema, object->name);
	if (object->schema == &port_schema && bond != NULL)
		record_set(bond, BOND_KEY_BRIDGE, NULL);
}

static bool
note_import(struct running *running, const json_t *params)
{
	const char *whose = json_string_value(json_object_get(params, "name"));
	struct record *record = find_or_make(running, &vswitchd_schema, "");

	if (whose != NULL)
		record_set(record, VSWITCHD_KEY_ROUTE_IMPORT, whose);
	return whose != NULL;
}

/* Does it come and go with a guest? */
static bool
object_is_guests(const struct object *object)
{
	return record_name_is_guests(object->schema, object->name) ||
	       (object->schema == &fdb_schema &&
		record_name_is_guests(&port_schema, object->values[FDB_KEY_PORT].text));
}

bool
running_note(struct running *running, const char *method, const json_t *params)
{
	static const struct {
		const char *word;
		enum schema_verb verb;
	} verbs[] = { { "add", VERB_ADD }, { "set", VERB_SET }, { "del", VERB_DEL } };
	const char *dot = strchr(method, '.');
	const struct object_schema *schema;
	struct object object;
	char kind[32];
	size_t i;

	if (strcmp(method, "route.import") == 0)
		return note_import(running, params);
	if (dot == NULL)
		return false;
	snprintf(kind, sizeof(kind), "%.*s", (int)(dot - method), method);
	schema = schema_find(kind);
	for (i = 0; i < RTE_DIM(verbs) && strcmp(verbs[i].word, dot + 1) != 0; i++)
		;
	if (schema == NULL || !schema->in_config || i == RTE_DIM(verbs) ||
	    rpc_params_read(params, schema, verbs[i].verb, NAME_OPTIONAL, &object, NULL) < 0)
		return false;
	if (verbs[i].verb == VERB_DEL)
		note_del(running, &object);
	else
		note_change(running, &object, verbs[i].verb == VERB_ADD);
	return !object_is_guests(&object);
}

/* --- JSON --- */

static json_t *
text_json(const struct schema_key *key, const char *text)
{
	if (key->zero_word != NULL && strcmp(text, key->zero_word) == 0)
		return json_string(text);
	switch (key->type) {
	case VALUE_BOOL:
	case VALUE_FLAG:
		return json_boolean(strcmp(text, "yes") == 0);
	case VALUE_UINT:
	case VALUE_SECONDS:
		return json_integer(strtoll(text, NULL, 10));
	default:
		return json_string(record_word(key, text));
	}
}

static json_t *
keys_json(const struct record *record)
{
	json_t *keys = json_object();

	for (unsigned int i = 0; i < record->schema->n_keys; i++)
		if (record->texts[i] != NULL)
			json_object_set_new(keys, record->schema->keys[i].name,
					    text_json(&record->schema->keys[i], record->texts[i]));
	return keys;
}

json_t *
record_params(const struct record *record)
{
	const struct object_schema *schema = record->schema;
	json_t *params = keys_json(record);
	struct object object;

	object_init(&object, schema);
	if (record->name[0] == '\0' || object_set_title(&object, record->name, NULL) < 0)
		return params;
	json_object_set_new(params, "name", json_string(object.name));
	for (unsigned int i = 0; i < schema->n_keys; i++)
		if (schema->keys[i].in_title && object.values[i].is_set)
			json_object_set_new(params, schema->keys[i].name,
					    text_json(&schema->keys[i], object.values[i].text));
	return params;
}

json_t *
record_json(const struct record *record)
{
	return json_pack("{s:s, s:s*, s:o}", "kind", record->schema->kind, "name",
			 record->name[0] != '\0' ? record->name : NULL, "keys", keys_json(record));
}

struct record *
record_read(const json_t *json, struct error *err)
{
	const char *kind = json_string_value(json_object_get(json, "kind"));
	const struct object_schema *schema = kind != NULL ? schema_find(kind) : NULL;
	json_t *keys, *name = json_object_get(json, "name");
	char title[OBJECT_NAME_SIZE];
	struct object object, named;
	struct record *record;
	int ret;

	if (schema == NULL || !schema->in_config) {
		error_set(err, EINVAL, "config: kind is not one of the configuration file's");
		return NULL;
	}
	object_init(&named, schema);
	if (schema->named && json_is_string(name) &&
	    object_set_title(&named, json_string_value(name), err) < 0)
		return NULL;
	keys = json_copy(json_object_get(json, "keys"));
	if (keys == NULL)
		keys = json_object();
	if (named.name[0] != '\0')
		json_object_set_new(keys, "name", json_string(named.name));
	else if (name != NULL)
		json_object_set(keys, "name", name);
	ret = rpc_params_read(keys, schema, VERB_CONFIG, schema->named ? NAME_REQUIRED : NAME_NONE,
			      &object, err);
	json_decref(keys);
	if (ret < 0)
		return NULL;
	record = record_new(schema, object_title(&named, title));
	record_merge(record, &object);
	return record;
}
