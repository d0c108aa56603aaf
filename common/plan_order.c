/* SPDX-License-Identifier: BSD-3-Clause */
/* The steps of a plan, and their order. */
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "plan_priv.h"

/* What comes first, where steps do not depend on each other. */
enum step_rank { RANK_PREPARE, RANK_SET, RANK_DEL, RANK_ADD, RANKS };

struct edge {
	size_t before, after;
};

/* --- steps --- */

static int
step_append(struct plan *plan, const struct change *change, enum schema_verb verb,
	    unsigned int rank)
{
	const struct record *record = change_record(change);

	plan->steps = plan_grow(plan->steps, plan->n_steps, sizeof(*plan->steps));
	plan->steps[plan->n_steps] = (struct step){
		.change = change,
		.verb = verb,
		.rank = rank,
		.keys = record_new(record->schema, record->name),
	};
	return (int)plan->n_steps++;
}

/* Give a step the keys that the new state has set, all of those that @verb takes. */
static void
step_give_all(struct step *step)
{
	const struct record *to = step->change->to;

	for (unsigned int i = 0; i < to->schema->n_keys; i++)
		if (to->schema->keys[i].verbs & step->verb)
			record_set(step->keys, i, to->texts[i]);
}

/* And a `set` those that differ. */
static void
step_give_changed(struct step *step)
{
	const struct object_schema *schema = step->keys->schema;
	const char *was, *is;

	for (unsigned int i = 0; i < schema->n_keys; i++)
		if (change_key(step->change, i, &was, &is))
			record_set(step->keys, i,
				   step->change->to != NULL ?
					   record_effective(step->change->to, i) :
					   record_default(&schema->keys[i]));
}

/* An `addr del` or `neigh del` says where. */
static void
step_give_place(struct step *step)
{
	const struct record *from = step->change->from;

	for (unsigned int i = 0; i < from->schema->n_keys; i++)
		if (from->schema->keys[i].verbs & VERB_DEL)
			record_set(step->keys, i, from->texts[i]);
}

/* Can the port be opened beforehand, on no bridge? */
static bool
may_prepare(const struct change *change)
{
	const struct record *port = change->to;
	char parent[NAME_MAX_LEN + 1];
	unsigned int vid;

	if (change->kind != CHANGE_ADD || port->schema != &port_schema || change->of_bond)
		return false;
	if (port->texts[PORT_KEY_BRIDGE] == NULL || port->texts[PORT_KEY_BRIDGE][0] == '\0')
		return false;
	/* the host would be cut off until it joins */
	if (port->texts[PORT_KEY_ADOPT] != NULL && port->texts[PORT_KEY_ADOPT][0] != '\0')
		return false;
	if (plan_port_type(port) == PORT_TYPE_VIF || plan_port_type(port) == PORT_TYPE_VLAN ||
	    record_is_guests(port))
		return false;
	return vlan_name_parse(port->name, parent, sizeof(parent), &vid) < 0;
}

static void
steps_of_bond_port(struct plan *plan, struct change *change)
{
	bool any = false;

	if (change->kind == CHANGE_NONE || change->kind == CHANGE_DEL)
		return;
	change->set = step_append(plan, change, VERB_SET, RANK_SET);
	if (change->kind == CHANGE_SET)
		step_give_changed(&plan->steps[change->set]);
	else
		step_give_all(&plan->steps[change->set]);
	for (unsigned int i = 0; i < port_schema.n_keys; i++) {
		const char *text = plan->steps[change->set].keys->texts[i];
		const char *def = record_default(&port_schema.keys[i]);

		any |= text != NULL &&
		       (change->kind == CHANGE_SET || def == NULL || strcmp(text, def) != 0);
	}
	if (any)
		return;
	record_free(plan->steps[--plan->n_steps].keys);
	change->set = -1;
}

/* Is it nothing to frames that pass, so that it may come, or fail, before they are touched? */
static bool
adds_early(const struct change *change)
{
	static const struct object_schema *const kinds[] = {
		&bridge_schema,
		&addr_schema,
		&route_schema,
		&neigh_schema,
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (change_record(change)->schema == kinds[i])
			return true;
	return false;
}

static void
steps_of(struct plan *plan, struct change *change, bool prepares)
{
	if (change->of_bond) {
		steps_of_bond_port(plan, change);
		return;
	}
	if (change->kind == CHANGE_SET) {
		change->set = step_append(plan, change, VERB_SET, RANK_SET);
		step_give_changed(&plan->steps[change->set]);
	}
	if (change->kind == CHANGE_DEL || change->kind == CHANGE_RENEW) {
		change->del = step_append(plan, change, VERB_DEL, RANK_DEL);
		step_give_place(&plan->steps[change->del]);
	}
	if (prepares && may_prepare(change)) {
		change->prepare = step_append(plan, change, VERB_ADD, RANK_PREPARE);
		step_give_all(&plan->steps[change->prepare]);
		record_set(plan->steps[change->prepare].keys, PORT_KEY_BRIDGE, "");
		plan->steps[change->prepare].prepares = true;
	}
	if (change->kind == CHANGE_ADD || change->kind == CHANGE_RENEW) {
		change->add = step_append(plan, change, VERB_ADD,
					  adds_early(change) ? RANK_PREPARE : RANK_ADD);
		step_give_all(&plan->steps[change->add]);
	}
}

static void
steps_make(struct planner *p)
{
	bool prepares = false;

	/* where nothing runs that could be disturbed, ports need not be opened beforehand */
	for (size_t i = 0; i < p->plan->n_changes; i++)
		prepares |= p->plan->changes[i].kind != CHANGE_NONE &&
			    p->plan->changes[i].kind != CHANGE_ADD;
	for (size_t i = 0; i < p->plan->n_changes; i++)
		steps_of(p->plan, &p->plan->changes[i], prepares);
}

/* --- order --- */

static void
edge_add(struct planner *p, int before, int after)
{
	if (before < 0 || after < 0 || before == after)
		return;
	p->edges = plan_grow(p->edges, p->n_edges, sizeof(*p->edges));
	p->edges[p->n_edges++] = (struct edge){ (size_t)before, (size_t)after };
}

/* The step after which an object is as it was no more. */
static int
drop_of(const struct planner *p, const struct change *change)
{
	const struct change *bond;

	if (change->del >= 0)
		return change->del;
	if (change->of_bond) {
		bond = plan_find(p, &bond_schema, change_record(change)->name);
		if (bond != NULL && bond->del >= 0)
			return bond->del;
	}
	return change->set;
}

/* The step after which it is as it is to be. */
static int
make_of(const struct change *change)
{
	return change->add >= 0 ? change->add : change->set;
}

/* Who takes a port for a member must wait until others have let go of it, and of what it was. */
static void
order_members(struct planner *p, const struct change *bond)
{
	struct name_list now, before, after;

	plan_names_read(bond->to, &now);
	for (size_t i = 0; i < p->plan->n_changes; i++) {
		const struct change *other = &p->plan->changes[i];

		if (other == bond || other->from == NULL || other->from->schema != &bond_schema)
			continue;
		plan_names_read(other->from, &before);
		after.n = 0;
		if (other->to != NULL)
			plan_names_read(other->to, &after);
		for (size_t j = 0; j < now.n; j++)
			if (plan_names_have(&before, now.names[j].name, false) &&
			    (other->del >= 0 || !plan_names_have(&after, now.names[j].name, false)))
				edge_add(p, drop_of(p, other), make_of(bond));
	}
	for (size_t j = 0; j < now.n; j++) {
		const struct change *port = plan_find(p, &port_schema, now.names[j].name);

		if (port != NULL && port->to == NULL)
			edge_add(p, port->del, make_of(bond));
	}
}

/* A member that the bond had opened itself becomes a port of its own. */
static void
order_released(struct planner *p, const struct change *bond)
{
	struct name_list before;

	plan_names_read(bond->from, &before);
	for (size_t j = 0; j < before.n; j++) {
		const struct change *port = plan_find(p, &port_schema, before.names[j].name);

		if (port == NULL || port->from != NULL)
			continue;
		edge_add(p, drop_of(p, bond), port->prepare);
		edge_add(p, drop_of(p, bond), port->add);
	}
}

/* What is set of a bridge is nothing to what is on it. */
static bool
is_bridge(const struct change *change)
{
	return change_record(change)->schema == &bridge_schema;
}

static void
order_change(struct planner *p, const struct change *change)
{
	const struct change *other;
	struct name_list list;
	size_t i = 0;

	edge_add(p, change->del, change->add);
	edge_add(p, change->prepare, change->add);
	if (change->of_bond) {
		other = plan_find(p, &bond_schema, change_record(change)->name);
		edge_add(p, make_of(other), change->set);
	}
	if (change->to != NULL) {
		plan_names_read(change->to, &list);
		while ((other = plan_names_next(p, &list, &i)) != NULL) {
			if (other == change)
				continue;
			edge_add(p, is_bridge(other) ? other->add : make_of(other),
				 make_of(change));
			edge_add(p, other->prepare, make_of(change));
		}
	}
	i = 0;
	/* a rule of NAT bears that what it names is gone, but not to be made without it */
	if (change->from != NULL && change->from->schema != &nat_schema) {
		plan_names_read(change->from, &list);
		while ((other = plan_names_next(p, &list, &i)) != NULL) {
			if (other == change)
				continue;
			edge_add(p, drop_of(p, change), other->del);
			if (!is_bridge(other) &&
			    (change->del >= 0 || !plan_stands_on(change->to, other)))
				edge_add(p, drop_of(p, change), other->set);
		}
	}
}

/* Is its way out that of the first masquerade? Others that masquerade lack it, too. */
static bool
lacks_out(const struct record *rule)
{
	const char *out = rule->texts[NAT_RULE_KEY_OUT];

	return out == NULL || out[0] == '\0';
}

/*
 * The size of the table of sessions is changed while there are no rules. What lacks a way out is
 * not to be made before there is a masquerade; by the first of the file it is the same one as after
 * a restart. A rule bears that the masquerade goes.
 */
static void
order_nat(struct planner *p)
{
	const struct change *table = plan_find(p, &nat_table_schema, ""), *first = NULL;

	for (size_t i = 0; i < p->plan->n_changes && first == NULL; i++) {
		const struct record *to = p->plan->changes[i].to;

		if (to != NULL && to->schema == &nat_schema &&
		    to->texts[NAT_RULE_KEY_MASQUERADE] != NULL)
			first = &p->plan->changes[i];
	}
	for (size_t i = 0; i < p->plan->n_changes; i++) {
		const struct change *change = &p->plan->changes[i];

		if (change_record(change)->schema != &nat_schema)
			continue;
		if (table != NULL) {
			edge_add(p, change->del, table->set);
			edge_add(p, table->set, change->add);
		}
		if (first != NULL && change->to != NULL && lacks_out(change->to))
			edge_add(p, first->add, change->add);
	}
}

/* Addresses before what needs their networks. */
static void
order_neighbours(struct planner *p)
{
	int last_add = -1, first_del = -1;

	for (size_t i = 0; i < p->plan->n_changes; i++) {
		const struct change *change = &p->plan->changes[i];

		if (change_record(change)->schema != &addr_schema)
			continue;
		if (change->add >= 0) {
			edge_add(p, last_add, change->add);
			last_add = change->add;
		}
		if (change->del >= 0 && first_del < 0)
			first_del = change->del;
	}
	for (size_t i = 0; i < p->plan->n_changes; i++) {
		const struct change *change = &p->plan->changes[i];

		if (change_record(change)->schema != &neigh_schema)
			continue;
		edge_add(p, last_add, change->add);
		edge_add(p, change->del, first_del);
	}
}

static void
edges_make(struct planner *p)
{
	for (size_t i = 0; i < p->plan->n_changes; i++) {
		const struct change *change = &p->plan->changes[i];
		const bool bond = change_record(change)->schema == &bond_schema;

		order_change(p, change);
		if (bond && change->to != NULL)
			order_members(p, change);
		if (bond && change->from != NULL)
			order_released(p, change);
	}
	order_nat(p);
	order_neighbours(p);
}

/* Each step's dependencies in a row. */
static void
deps_make(struct planner *p)
{
	struct plan *plan = p->plan;
	size_t at = 0;

	for (size_t i = 0; i < plan->n_steps; i++)
		plan->steps[i].n_deps = 0;
	for (size_t i = 0; i < p->n_edges; i++)
		plan->steps[p->edges[i].after].n_deps++;
	for (size_t i = 0; i < plan->n_steps; i++) {
		plan->steps[i].first_dep = at;
		at += plan->steps[i].n_deps;
		plan->steps[i].n_deps = 0;
	}
	plan->deps = memory_need(calloc(p->n_edges + 1, sizeof(*plan->deps)));
	for (size_t i = 0; i < p->n_edges; i++) {
		struct step *step = &plan->steps[p->edges[i].after];

		plan->deps[step->first_dep + step->n_deps++] = p->edges[i].before;
	}
}

static bool
step_is_ready(const struct plan *plan, const struct step *step, const bool *done)
{
	for (size_t i = 0; i < step->n_deps; i++)
		if (!done[plan->deps[step->first_dep + i]])
			return false;
	return true;
}

/* The steps one after the other, by rank where they may choose. Return: false: in a ring. */
bool
plan_order(struct planner *p)
{
	struct plan *plan = p->plan;
	bool *done = memory_need(calloc(plan->n_steps + 1, sizeof(*done)));
	size_t n = 0;
	bool ring = false;

	free(plan->order);
	plan->order = memory_need(calloc(plan->n_steps + 1, sizeof(*plan->order)));
	while (n < plan->n_steps) {
		const size_t before = n;

		/* the next rank's turn is when no step of this one is left that is ready */
		for (unsigned int rank = 0; rank < RANKS && n == before; rank++)
			for (size_t i = 0; i < plan->n_steps; i++) {
				if (done[i] || plan->steps[i].rank != rank ||
				    !step_is_ready(plan, &plan->steps[i], done))
					continue;
				done[i] = true;
				plan->order[n++] = i;
			}
		if (n > before)
			continue;
		ring = true;
		for (size_t i = 0; i < plan->n_steps && n == before; i++)
			if (!done[i]) {
				done[i] = true;
				plan->order[n++] = i;
			}
	}
	free(done);
	return !ring;
}

void
plan_steps(struct planner *p)
{
	steps_make(p);
	edges_make(p);
	deps_make(p);
}
