/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods of the configuration, and batches of commands. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_edit.h"
#include "emulated.h"
#include "error.h"
#include "guest.h"
#include "history.h"
#include "plan.h"
#include "rpc_methods.h"
#include "rpc_methods_priv.h"
#include "running.h"
#include "switch.h"
#include "transaction.h"

#define WHAT_SIZE 300

static const char *const change_words[] = {
	[CHANGE_ADD] = "add",
	[CHANGE_SET] = "set",
	[CHANGE_DEL] = "del",
	[CHANGE_RENEW] = "renew",
};

/* --- what would change --- */

/* The keys that name it, as its commands have them. */
static json_t *
title_json(const struct record *record)
{
	json_t *keys = json_object();
	struct object object;

	object_init(&object, record->schema);
	if (record->name[0] == '\0' || object_set_title(&object, record->name, NULL) < 0)
		return keys;
	for (unsigned int i = 0; i < record->schema->n_keys; i++)
		if (record->schema->keys[i].in_title && object.values[i].is_set)
			json_object_set_new(keys, record->schema->keys[i].name,
					    json_string(object.values[i].text));
	return keys;
}

static json_t *
change_json(const struct change *change)
{
	const struct record *record = change->to != NULL ? change->to : change->from;
	json_t *keys = title_json(record), *was = json_object();
	const char *before, *now;
	json_t *json;

	for (unsigned int i = 0; i < record->schema->n_keys; i++) {
		const char *key = record->schema->keys[i].name;

		if (change->kind == CHANGE_RENEW && change->to->texts[i] != NULL)
			json_object_set_new(keys, key,
					    json_string(record_word(&record->schema->keys[i],
								    change->to->texts[i])));
		if (!change_key(change, i, &before, &now) || change->kind == CHANGE_DEL)
			continue;
		if (change->kind == CHANGE_ADD && change->to->texts[i] == NULL)
			continue;
		json_object_set_new(keys, key, now != NULL ? json_string(now) : json_null());
		if (change->from != NULL)
			json_object_set_new(was, key,
					    before != NULL ? json_string(before) : json_null());
	}
	json = json_pack("{s:s, s:s, s:o, s:o}", "change", change_words[change->kind], "kind",
			 record->schema->kind, "keys", keys, "was", was);
	if (record->name[0] != '\0') /* without the keys of the title */
		json_object_set_new(json, "name",
				    json_stringn(record->name, strcspn(record->name, " ")));
	return json;
}

/* What is not changed of its own, but goes and comes with the bond that it belongs to. */
static bool
is_told(const struct change *change)
{
	const char *was, *is;

	if (change->kind == CHANGE_NONE || (change->of_bond && change->kind == CHANGE_DEL))
		return false;
	if (!change->of_bond || change->kind == CHANGE_SET)
		return true;
	for (unsigned int i = 0; i < port_schema.n_keys; i++)
		if (change_key(change, i, &was, &is) && is != NULL &&
		    change->to->texts[i] != NULL && strcmp(is, "none") != 0)
			return true;
	return false;
}

static bool
names_bridge(const struct record *record, const char *bridge)
{
	if (record == NULL)
		return false;
	if (record->schema == &bridge_schema)
		return strcmp(record->name, bridge) == 0;
	if (record->schema == &fdb_schema)
		return strcspn(record->name, " ") == strlen(bridge) &&
		       strncmp(record->name, bridge, strlen(bridge)) == 0;
	for (unsigned int i = 0; i < record->schema->n_keys; i++)
		if (record->texts[i] != NULL &&
		    strcmp(record->schema->keys[i].name, "bridge") == 0 &&
		    strcmp(record->texts[i], bridge) == 0)
			return true;
	return false;
}

/* Does a change concern a bridge: itself, or what is on it? A bond's port tells of the bond. */
static bool
touches(const struct plan *plan, const char *bridge)
{
	for (size_t i = 0; i < plan->n_changes; i++) {
		const struct change *change = &plan->changes[i];

		if (change->kind == CHANGE_NONE)
			continue;
		if (names_bridge(change->from, bridge) || names_bridge(change->to, bridge))
			return true;
		if ((change->to != NULL ? change->to : change->from)->schema != &bond_schema)
			continue;
		for (size_t j = 0; j < plan->n_changes; j++) {
			const struct change *port = &plan->changes[j];
			const struct record *record = port->to != NULL ? port->to : port->from;

			if (port->of_bond &&
			    strcmp(record->name,
				   (change->to != NULL ? change->to : change->from)->name) == 0 &&
			    (names_bridge(port->from, bridge) || names_bridge(port->to, bridge)))
				return true;
		}
	}
	return false;
}

/* Does a change concern the router? */
static bool
touches_router(const struct plan *plan)
{
	static const struct object_schema *const kinds[] = {
		&addr_schema, &route_schema,     &neigh_schema,
		&nat_schema,  &nat_table_schema, &network_schema,
	};

	for (size_t i = 0; i < plan->n_changes; i++) {
		const struct change *change = &plan->changes[i];
		const struct record *record = change->to != NULL ? change->to : change->from;

		for (size_t j = 0; j < RTE_DIM(kinds); j++)
			if (change->kind != CHANGE_NONE && record->schema == kinds[j])
				return true;
	}
	return false;
}

/* Guests whose bridge, or something on it, is changed; routed ones: the router. */
static json_t *
guests_json(struct vswitch *sw, const struct plan *plan)
{
	const bool router = touches_router(plan);
	const struct switch_port *port;
	json_t *guests = json_array();
	const char *bridge = NULL; /* the last one, */
	bool touched = false;      /* which is changed */

	LIST_FOREACH(port, &sw->ports, list) {
		if (port->config.kind != PORT_KIND_VIF && port->config.kind != PORT_KIND_VHOST &&
		    !guest_is(port))
			continue;
		if (port->bridge != NULL && port->bridge->name != bridge) {
			bridge = port->bridge->name;
			touched = touches(plan, bridge);
		}
		if (port->bridge != NULL ? touched : router && guest_is(port))
			json_array_append_new(guests, json_string(port->config.name));
	}
	return guests;
}

/* Keys of [vswitchd] that are not as they were when it started. */
static json_t *
restart_json(struct vswitch *sw, const struct record_list *target)
{
	const struct record *now = record_find(target, &vswitchd_schema, "");
	const struct record *then = running_started(sw->running);
	struct record *none = record_new(&vswitchd_schema, "");
	struct change change = {
		.from = then != NULL ? then : none,
		.to = now != NULL ? now : none,
	};
	json_t *keys = json_array();
	const char *was, *is;

	for (unsigned int i = 0; i < VSWITCHD_KEYS; i++)
		if (i != VSWITCHD_KEY_ROUTE_IMPORT && change_key(&change, i, &was, &is))
			json_array_append_new(keys, json_string(vswitchd_schema.keys[i].name));
	record_free(none);
	return keys;
}

static json_t *
diff_json(struct vswitch *sw, const struct record_list *target)
{
	struct record_list now = TAILQ_HEAD_INITIALIZER(now);
	json_t *changes = json_array(), *guests;
	struct plan plan;

	running_list(sw->running, false, &now);
	plan_make(&now, target, &plan);
	for (size_t i = 0; i < plan.n_changes; i++)
		if (is_told(&plan.changes[i]))
			json_array_append_new(changes, change_json(&plan.changes[i]));
	guests = guests_json(sw, &plan);
	plan_free(&plan);
	record_list_free(&now);
	return json_pack("{s:o, s:o, s:o}", "changes", changes, "guests", guests, "restart",
			 restart_json(sw, target));
}

/* --- parameters --- */

/* @seen: of those that were read before. */
static int
object_read(const json_t *object, struct record_list *list, json_t *seen, struct error *err)
{
	struct record *record = record_read(object, err);
	char key[OBJECT_NAME_SIZE + 32];

	if (record == NULL)
		return err->code;
	TAILQ_INSERT_TAIL(list, record, list);
	if (record_is_guests(record))
		return error_set(err, EINVAL,
				 "port %s: a guest's port is attached by its xl.cfg, not here",
				 record->name);
	snprintf(key, sizeof(key), "%s %s", record->schema->kind, record->name);
	if (json_object_get(seen, key) != NULL)
		return error_set(err, EINVAL, "%s: is given twice", key);
	json_object_set_new(seen, key, json_true());
	return 0;
}

static int
objects_read(const json_t *params, struct record_list *list, struct error *err)
{
	const json_t *objects = json_object_get(params, "objects"), *object;
	json_t *seen;
	int ret = 0;
	size_t i;

	if (!json_is_array(objects))
		return error_set(err, EINVAL, "config: objects must be an array");
	seen = json_object();
	json_array_foreach(objects, i, object) {
		ret = object_read(object, list, seen, err);
		if (ret < 0)
			break;
	}
	json_decref(seen);
	return ret;
}

int
rpc_confirm_read(const json_t *params, unsigned int *ret_seconds, struct error *err)
{
	const json_t *confirm = json_object_get(params, "confirm");
	const json_int_t seconds = json_integer_value(confirm);

	*ret_seconds = 0;
	if (confirm == NULL)
		return 0;
	if (!json_is_integer(confirm) || seconds < 1 || seconds > CONFIRM_SECONDS_MAX)
		return error_set(err, EINVAL, "confirm is not a number of seconds from 1 to %d",
				 CONFIRM_SECONDS_MAX);
	*ret_seconds = (unsigned int)seconds;
	return 0;
}

void
rpc_confirm_tell(struct vswitch *sw, json_t *result)
{
	const int left = transaction_confirm_left(sw->transactions);

	if (left >= 0)
		json_object_set_new(result, "confirm", json_integer(left));
}

/* Of the history; 0: none is given. */
static int
number_read(const json_t *params, unsigned int *ret_number, struct error *err)
{
	const json_t *wanted = json_object_get(params, "number");
	const json_int_t number = json_integer_value(wanted);

	*ret_number = 0;
	if (wanted == NULL)
		return 0;
	if (!json_is_integer(wanted) || number < 1 || number > INT_MAX)
		return error_set(err, EINVAL, "config: number is none of the history");
	*ret_number = (unsigned int)number;
	return 0;
}

static const char *
source_of(const json_t *params)
{
	const char *source = json_string_value(json_object_get(params, "source"));

	return source != NULL ? source : "?";
}

/* --- methods --- */

int
rpc_config_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct record_list list = TAILQ_HEAD_INITIALIZER(list);
	json_t *objects = json_array();
	const struct record *record;
	struct vswitch *sw = ctx;

	(void)params;
	(void)err;
	running_list(sw->running, false, &list);
	TAILQ_FOREACH(record, &list, list)
		json_array_append_new(objects, record_json(record));
	record_list_free(&list);
	*ret_result = json_pack("{s:s, s:o}", "path", sw->config_path, "objects", objects);
	rpc_confirm_tell(sw, *ret_result);
	return 0;
}

int
rpc_config_diff(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct record_list list = TAILQ_HEAD_INITIALIZER(list);
	int ret = objects_read(params, &list, err);

	if (ret == 0)
		*ret_result = diff_json(ctx, &list);
	record_list_free(&list);
	return ret;
}

/* Begin a transaction that leads to @list; what it changes is kept with the parameters. */
static int
apply(struct vswitch *sw, const json_t *params, const struct record_list *list, const char *what,
      struct error *err)
{
	struct transaction_request request = {
		.target = list,
		.what = what,
		.token = params,
	};
	json_t *diff;
	int ret = rpc_confirm_read(params, &request.confirm, err);

	if (ret < 0)
		return ret;
	diff = diff_json(sw, list);
	ret = transaction_start(sw->transactions, &request, err);
	if (ret == 0)
		json_object_set_new((json_t *)(uintptr_t)params, "diff", diff);
	else
		json_decref(diff);
	return ret;
}

int
rpc_config_apply(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct record_list list = TAILQ_HEAD_INITIALIZER(list);
	char what[WHAT_SIZE];
	int ret = objects_read(params, &list, err);

	(void)ret_result;
	snprintf(what, sizeof(what), "config apply %.250s", source_of(params));
	if (ret == 0)
		ret = apply(ctx, params, &list, what, err);
	record_list_free(&list);
	return ret;
}

int
rpc_config_rollback(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct record_list list = TAILQ_HEAD_INITIALIZER(list);
	struct vswitch *sw = ctx;
	char what[WHAT_SIZE], *text;
	unsigned int number;
	int ret = number_read(params, &number, err);

	(void)ret_result;
	if (ret < 0)
		return ret;
	/* while one waits to be confirmed, there is no doubt what is meant */
	if (number == 0 && transaction_confirm_left(sw->transactions) >= 0)
		return transaction_undo(sw->transactions, "config rollback", params, err);
	text = history_text(transaction_history(sw->transactions), number, &number, err);
	if (text == NULL)
		return err->code;
	if (number > 0)
		snprintf(what, sizeof(what), "config rollback %u", number);
	else
		snprintf(what, sizeof(what), "config rollback");
	ret = config_parse(text, what, &list, err);
	free(text);
	if (ret == 0)
		ret = apply(sw, params, &list, what, err);
	record_list_free(&list);
	return ret;
}

/* What can be taken back. */
static int
command_check(const json_t *command, struct error *err)
{
	const char *method = json_string_value(json_object_get(command, "method"));
	const char *dot = method != NULL ? strchr(method, '.') : NULL;
	const struct object_schema *schema;
	char kind[32];

	if (dot == NULL || !json_is_object(json_object_get(command, "params")))
		return error_set(err, EINVAL, "batch: a command is {\"method\", \"params\"}");
	if (strcmp(method, "route.import") == 0)
		return 0;
	snprintf(kind, sizeof(kind), "%.*s", (int)(dot - method), method);
	schema = schema_find(kind);
	if (schema != NULL && schema->in_config &&
	    (strcmp(dot, ".add") == 0 || strcmp(dot, ".set") == 0 || strcmp(dot, ".del") == 0))
		return 0;
	return error_set(err, EINVAL, "batch: %.64s could not be taken back; give it by itself",
			 method);
}

int
rpc_batch_run(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	const json_t *commands = json_object_get(params, "commands"), *command;
	struct transaction_request request = { .commands = commands, .token = params };
	struct vswitch *sw = ctx;
	char what[WHAT_SIZE];
	size_t i;
	int ret = rpc_confirm_read(params, &request.confirm, err);

	(void)ret_result;
	if (ret < 0)
		return ret;
	if (!json_is_array(commands))
		return error_set(err, EINVAL, "batch: commands must be an array");
	json_array_foreach(commands, i, command) {
		ret = command_check(command, err);
		if (ret < 0)
			return ret;
	}
	snprintf(what, sizeof(what), "batch %.250s", source_of(params));
	request.what = what;
	return transaction_start(sw->transactions, &request, err);
}

bool
rpc_config_pending(void *ctx, const json_t *params)
{
	const struct vswitch *sw = ctx;

	return transaction_pending(sw->transactions, params);
}

int
rpc_config_finish(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct vswitch *sw = ctx;
	json_t *diff = json_object_get(params, "diff");
	size_t n_done = 0;
	int ret = transaction_result(sw->transactions, params, &n_done, err);

	if (ret < 0)
		return ret;
	*ret_result = diff != NULL ? json_incref(diff) : json_object();
	json_object_set_new(*ret_result, "done", json_integer((json_int_t)n_done));
	rpc_confirm_tell(sw, *ret_result);
	return 0;
}

int
rpc_config_confirm(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct vswitch *sw = ctx;

	(void)params;
	(void)ret_result;
	return transaction_confirm(sw->transactions, err);
}

int
rpc_config_history(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct vswitch *sw = ctx;
	unsigned int number;
	char *text;
	int ret = number_read(params, &number, err);

	if (ret < 0)
		return ret;
	if (number == 0) {
		*ret_result = history_json(transaction_history(sw->transactions));
		return 0;
	}
	text = history_text(transaction_history(sw->transactions), number, &number, err);
	if (text == NULL)
		return err->code;
	*ret_result = json_string(text);
	free(text);
	return 0;
}
