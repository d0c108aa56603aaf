/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of plans (plan.c: what differs; plan_order.c: the steps and their order) share
 * with each other alone.
 *
 * Thread-safety: a planner belongs to its caller.
 */
#ifndef COMMON_PLAN_PRIV_H
#define COMMON_PLAN_PRIV_H

#include "plan.h"

#define NAMES_MAX 64 /* that one object stands on */

struct planner {
	struct plan *plan;
	struct change **index; /* changes, sorted by kind and name */
	struct edge *edges;
	size_t n_edges;
	bool bonds_renewed; /* where bonds hand members round in a ring */
};

/* Names that an object stands on: bridges, or ports and bonds. */
struct name_list {
	struct {
		char name[NAME_MAX_LEN + 1];
		bool bridge, port;
	} names[NAMES_MAX];
	size_t n;
};

/* Either of the two. */
static inline const struct record *
change_record(const struct change *change)
{
	return change->to != NULL ? change->to : change->from;
}

/** plan_grow() - room for one more element of an array that has @n, by doubling. */
void *plan_grow(void *array, size_t n, size_t size);

/** plan_find() - the change of an object, or NULL. */
struct change *plan_find(const struct planner *p, const struct object_schema *schema,
			 const char *name);

/** plan_names_read() - all names that a record's keys say, or its own name. */
void plan_names_read(const struct record *record, struct name_list *list);

/** plan_names_have() - is it among them, as a bridge's or as a port's? */
bool plan_names_have(const struct name_list *list, const char *name, bool bridge);

/** plan_names_next() - the objects one after the other. @i: 0 at first. Return: NULL at the end. */
struct change *plan_names_next(const struct planner *p, const struct name_list *list, size_t *i);

/** plan_stands_on() - does a record (or NULL) name that object? */
bool plan_stands_on(const struct record *record, const struct change *change);

/** plan_port_type() - the type of a port, as port_type_resolve() has it. */
enum port_type_word plan_port_type(const struct record *port);

/** plan_steps() - make the steps of all changes, and say what must come before what. */
void plan_steps(struct planner *p);

/** plan_order() - put them in order. Return: false if some wait for each other in a ring. */
bool plan_order(struct planner *p);

#endif
