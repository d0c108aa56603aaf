/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "plan_priv.h"

void *
plan_grow(void *array, size_t n, size_t size)
{
	/* grown by doubling: n is the size whenever it is a power of two */
	if ((n & (n - 1)) != 0)
		return array;
	return memory_need(reallocarray(array, n == 0 ? 1 : 2 * n, size));
}

/* --- bonds' ports --- */

static void
normalise(struct record_list *list)
{
	struct record *bond, *port;

	TAILQ_FOREACH(bond, list, list) {
		if (bond->schema != &bond_schema)
			continue;
		port = record_find(list, &port_schema, bond->name);
		if (port == NULL) {
			port = record_new(&port_schema, bond->name);
			TAILQ_INSERT_AFTER(list, bond, port, list);
		}
		if (port->texts[PORT_KEY_BRIDGE] == NULL)
			record_set(port, PORT_KEY_BRIDGE,
				   bond->texts[BOND_KEY_BRIDGE] != NULL ?
					   bond->texts[BOND_KEY_BRIDGE] :
					   "");
		record_set(bond, BOND_KEY_BRIDGE, NULL);
	}
}

/* --- finding objects --- */

static int
compare_names(const struct object_schema *a, const char *a_name, const struct object_schema *b,
	      const char *b_name)
{
	if (a != b)
		return a < b ? -1 : 1;
	return strcmp(a_name, b_name);
}

static int
compare_changes(const void *a, const void *b)
{
	const struct record *one = change_record(*(struct change *const *)a);
	const struct record *two = change_record(*(struct change *const *)b);

	return compare_names(one->schema, one->name, two->schema, two->name);
}

struct change *
plan_find(const struct planner *p, const struct object_schema *schema, const char *name)
{
	size_t low = 0, high = p->plan->n_changes;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct record *record = change_record(p->index[middle]);
		int ret = compare_names(schema, name, record->schema, record->name);

		if (ret == 0)
			return p->index[middle];
		if (ret < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static int
compare_records(const void *a, const void *b)
{
	const struct record *one = *(struct record *const *)a, *two = *(struct record *const *)b;

	return compare_names(one->schema, one->name, two->schema, two->name);
}

static struct change *
change_append(struct plan *plan, const struct record *from, const struct record *to)
{
	struct change *change;

	plan->changes = plan_grow(plan->changes, plan->n_changes, sizeof(*change));
	change = &plan->changes[plan->n_changes++];
	*change = (struct change){
		.from = from,
		.to = to,
		.del = -1,
		.set = -1,
		.add = -1,
		.prepare = -1,
	};
	return change;
}

/* Pair what is in both, in the order of @to; then what is only in @from. */
static void
changes_pair(struct planner *p)
{
	struct record_list *from = &p->plan->from, *to = &p->plan->to;
	const struct record **sorted = NULL, *record, **found;
	bool *used;
	size_t n = 0;

	TAILQ_FOREACH(record, from, list) {
		sorted = plan_grow(sorted, n, sizeof(*sorted));
		sorted[n++] = record;
	}
	if (n > 0)
		qsort(sorted, n, sizeof(*sorted), compare_records);
	used = memory_need(calloc(n + 1, sizeof(*used)));
	TAILQ_FOREACH(record, to, list) {
		found = n > 0 ? bsearch(&record, sorted, n, sizeof(*sorted), compare_records) :
				NULL;
		change_append(p->plan, found != NULL ? *found : NULL, record);
		if (found != NULL)
			used[found - sorted] = true;
	}
	TAILQ_FOREACH(record, from, list) {
		found = bsearch(&record, sorted, n, sizeof(*sorted), compare_records);
		if (!used[found - sorted])
			change_append(p->plan, record, NULL);
	}
	free(used);
	free(sorted);

	p->index = memory_need(calloc(p->plan->n_changes + 1, sizeof(*p->index)));
	for (n = 0; n < p->plan->n_changes; n++)
		p->index[n] = &p->plan->changes[n];
	qsort(p->index, n, sizeof(*p->index), compare_changes);
}

/* --- what stands on what --- */

static void
name_add(struct name_list *list, const char *name, bool bridge, bool port)
{
	if (*name == '\0' || list->n == NAMES_MAX)
		return;
	snprintf(list->names[list->n].name, sizeof(list->names[0].name), "%.*s", NAME_MAX_LEN,
		 name);
	list->names[list->n].bridge = bridge;
	list->names[list->n++].port = port;
}

/* All names that a record's keys say, or its own name. */
void
plan_names_read(const struct record *record, struct name_list *list)
{
	char names[BOND_MEMBERS_MAX][NAME_MAX_LEN + 1], parent[NAME_MAX_LEN + 1];
	const struct object_schema *schema = record->schema;
	unsigned int vid;

	list->n = 0;
	for (unsigned int i = 0; i < schema->n_keys; i++) {
		const struct schema_key *key = &schema->keys[i];
		const bool bridge = strcmp(key->name, "bridge") == 0;
		int n;

		if (record->texts[i] == NULL)
			continue;
		if (key->type == VALUE_NAME)
			/* a routed one of NAT may be either */
			name_add(list, record->texts[i], bridge || schema == &nat_schema, !bridge);
		if (key->type != VALUE_NAMES)
			continue;
		n = names_parse(record->texts[i], names, BOND_MEMBERS_MAX);
		for (int j = 0; j < n; j++)
			name_add(list, names[j], false, true);
	}
	if (schema == &fdb_schema) {
		snprintf(parent, sizeof(parent), "%.*s", (int)strcspn(record->name, " "),
			 record->name);
		name_add(list, parent, true, false);
	}
	if (schema == &port_schema && record->texts[PORT_KEY_PARENT] == NULL &&
	    vlan_name_parse(record->name, parent, sizeof(parent), &vid) == 0)
		name_add(list, parent, false, true);
}

bool
plan_names_have(const struct name_list *list, const char *name, bool bridge)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->names[i].name, name) == 0 &&
		    (bridge ? list->names[i].bridge : list->names[i].port))
			return true;
	return false;
}

/* Objects of a list, one after the other. @i: 0 at first. Return: NULL at the end. */
struct change *
plan_names_next(const struct planner *p, const struct name_list *list, size_t *i)
{
	struct change *change = NULL;

	while (change == NULL && *i < 3 * list->n) {
		const size_t n = *i / 3;
		const char *name = list->names[n].name;

		switch ((*i)++ % 3) {
		case 0:
			if (list->names[n].bridge)
				change = plan_find(p, &bridge_schema, name);
			break;
		case 1:
			if (list->names[n].port)
				change = plan_find(p, &port_schema, name);
			break;
		default:
			if (list->names[n].port)
				change = plan_find(p, &bond_schema, name);
			break;
		}
	}
	return change;
}

bool
plan_stands_on(const struct record *record, const struct change *change)
{
	const struct record *other = change_record(change);
	struct name_list list;

	if (record == NULL)
		return false;
	plan_names_read(record, &list);
	return plan_names_have(&list, other->name, other->schema == &bridge_schema);
}

/* --- what kind of change --- */

enum port_type_word
plan_port_type(const struct record *port)
{
	unsigned int domid, devid;

	if (port->texts[PORT_KEY_TYPE] != NULL && strcmp(port->texts[PORT_KEY_TYPE], "auto") != 0) {
		struct value value;

		schema_parse_value(&port_schema.keys[PORT_KEY_TYPE], port->texts[PORT_KEY_TYPE],
				   &value, NULL);
		return (enum port_type_word)value.number;
	}
	if (port->texts[PORT_KEY_DEVARGS] != NULL || pci_addr_is_valid(port->name))
		return PORT_TYPE_ETH;
	if (port->texts[PORT_KEY_PARENT] != NULL || port->texts[PORT_KEY_PARENT_VID] != NULL)
		return PORT_TYPE_VLAN;
	if (vif_name_parse(port->name, &domid, &devid) == 0)
		return PORT_TYPE_VIF;
	return PORT_TYPE_NETDEV;
}

bool
change_key(const struct change *change, unsigned int key, const char **ret_was, const char **ret_is)
{
	const struct schema_key *schema_key = &change_record(change)->schema->keys[key];
	/* what there is one of is always there */
	const char *def = change_record(change)->schema->named ? NULL : record_default(schema_key);
	const char *was = change->from != NULL ? record_effective(change->from, key) : def;
	const char *is = change->to != NULL ? record_effective(change->to, key) : def;
	bool differs;

	differs = was == NULL || is == NULL ? was != is : strcmp(was, is) != 0;
	if (differs && change->from != NULL && change->to != NULL &&
	    schema_key == &port_schema.keys[PORT_KEY_TYPE])
		differs = plan_port_type(change->from) != plan_port_type(change->to);
	*ret_was = was != NULL ? record_word(schema_key, was) : NULL;
	*ret_is = is != NULL ? record_word(schema_key, is) : NULL;
	return differs;
}

static bool
schema_has_set(const struct object_schema *schema)
{
	for (unsigned int i = 0; i < schema->n_keys; i++)
		if (schema->keys[i].verbs & VERB_SET)
			return true;
	return false;
}

static enum change_kind
change_judge(const struct change *change)
{
	const struct object_schema *schema = change_record(change)->schema;
	enum change_kind kind = CHANGE_NONE;
	const char *was, *is;

	if (schema->named && change->from == NULL)
		return CHANGE_ADD;
	if (schema->named && change->to == NULL)
		return CHANGE_DEL;
	for (unsigned int i = 0; i < schema->n_keys; i++) {
		if (!change_key(change, i, &was, &is))
			continue;
		if (!schema->named)
			kind = CHANGE_SET;
		else if (!schema_has_set(schema) || !(schema->keys[i].verbs & VERB_SET) ||
			 is == NULL)
			return CHANGE_RENEW;
		else
			kind = CHANGE_SET;
	}
	return kind;
}

/* Would an address that goes take a neighbour with it? */
static bool
addr_has(const struct change *addr, const struct record *neigh)
{
	struct ip_prefix prefix;
	struct ip_addr ip;

	return ip_prefix_parse(addr->from->name, &prefix) == 0 &&
	       ip_addr_parse(neigh->name, &ip) == 0 && ip_prefix_has(&prefix, &ip);
}

static bool
table_is_resized(const struct change *table)
{
	const char *was, *is;

	return change_key(table, NAT_TABLE_KEY_SESSIONS_MAX, &was, &is);
}

/* Does a port leave its bridge or a VLAN? Static entries of stations behind it are in its way. */
static bool
port_moves(const struct change *port)
{
	static const enum port_key keys[] = {
		PORT_KEY_BRIDGE, PORT_KEY_VID, PORT_KEY_TRUNK, PORT_KEY_NATIVE, PORT_KEY_TUNNEL,
	};
	const char *was, *is;

	if (change_record(port)->schema != &port_schema || port->kind != CHANGE_SET)
		return false;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (change_key(port, keys[i], &was, &is))
			return true;
	return false;
}

/* Is something renewed or gone that this object, which stays, stands on? */
static bool
is_uprooted(const struct planner *p, const struct change *change)
{
	struct name_list list;
	const struct change *other;
	size_t i = 0;

	if (change->from->schema == &neigh_schema)
		for (size_t j = 0; j < p->plan->n_changes; j++) {
			other = &p->plan->changes[j];
			if (change_record(other)->schema == &addr_schema &&
			    (other->kind == CHANGE_RENEW || other->kind == CHANGE_DEL) &&
			    addr_has(other, change->from))
				return true;
		}
	if (change->from->schema == &nat_schema) {
		other = plan_find(p, &nat_table_schema, "");
		return other != NULL && table_is_resized(other);
	}
	if (change->of_bond) {
		other = plan_find(p, &bond_schema, change->from->name);
		return other != NULL && other->kind == CHANGE_RENEW;
	}
	plan_names_read(change->from, &list);
	while ((other = plan_names_next(p, &list, &i)) != NULL) {
		/* a member is a port of its own now, or no more */
		const bool turns = change->from->schema == &bond_schema &&
				   change_record(other)->schema == &port_schema &&
				   (other->kind == CHANGE_ADD || other->kind == CHANGE_DEL);

		const bool moves = change->from->schema == &fdb_schema && port_moves(other);

		if ((other->kind == CHANGE_RENEW || turns || moves) && other != change &&
		    plan_stands_on(change->to, other))
			return true;
	}
	return false;
}

static void
changes_judge(struct planner *p)
{
	struct plan *plan = p->plan;
	const struct change *bond;
	bool again = true;

	for (size_t i = 0; i < plan->n_changes; i++) {
		struct change *change = &plan->changes[i];

		change->kind = change_judge(change);
		if (change->kind == CHANGE_SET && p->bonds_renewed &&
		    change_record(change)->schema == &bond_schema)
			change->kind = CHANGE_RENEW;
		bond = change_record(change)->schema == &port_schema ?
			       plan_find(p, &bond_schema, change_record(change)->name) :
			       NULL;
		change->of_bond = bond != NULL && (bond->from != NULL) == (change->from != NULL) &&
				  (bond->to != NULL) == (change->to != NULL);
	}
	while (again) {
		again = false;
		for (size_t i = 0; i < plan->n_changes; i++) {
			struct change *change = &plan->changes[i];

			if ((change->kind != CHANGE_NONE && change->kind != CHANGE_SET) ||
			    change->from == NULL || change->to == NULL || !is_uprooted(p, change))
				continue;
			change->kind = CHANGE_RENEW;
			again = true;
		}
	}
}

static void
steps_free(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		record_free(plan->steps[i].keys);
	free(plan->steps);
	free(plan->deps);
	free(plan->order);
	plan->steps = NULL;
	plan->deps = plan->order = NULL;
	plan->n_steps = 0;
	for (size_t i = 0; i < plan->n_changes; i++) {
		struct change *change = &plan->changes[i];

		change->del = change->set = change->add = change->prepare = -1;
	}
}

static bool
plan_try(struct planner *p)
{
	steps_free(p->plan);
	p->n_edges = 0;
	free(p->edges);
	p->edges = NULL;
	changes_judge(p);
	plan_steps(p);
	return plan_order(p);
}

void
plan_make(const struct record_list *from, const struct record_list *to, struct plan *ret_plan)
{
	struct planner p = { .plan = ret_plan };

	*ret_plan = (struct plan){ 0 };
	TAILQ_INIT(&ret_plan->from);
	TAILQ_INIT(&ret_plan->to);
	record_list_copy(&ret_plan->from, from);
	record_list_copy(&ret_plan->to, to);
	normalise(&ret_plan->from);
	normalise(&ret_plan->to);
	changes_pair(&p);
	if (!plan_try(&p)) {
		p.bonds_renewed = true;
		plan_try(&p);
	}
	free(p.edges);
	free(p.index);
}

void
plan_free(struct plan *plan)
{
	steps_free(plan);
	free(plan->changes);
	record_list_free(&plan->from);
	record_list_free(&plan->to);
	*plan = (struct plan){ 0 };
}

bool
plan_is_empty(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_changes; i++)
		if (plan->changes[i].kind != CHANGE_NONE)
			return false;
	return true;
}
