/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plan: how to get from one configuration to another by changing only what differs.
 *
 * How: each object of either configuration is one of: new, gone, changed by `set`, or renewed (del
 * and add: where a key differs that only `add` takes, or something it stands on is renewed). From
 * these follow steps - one add, del or set each - and which of them must come before which: what
 * stands on something comes after it and goes before it. What can be made ready without touching
 * what runs comes first: a new port is opened on no bridge, and joins when all else is ready.
 *
 * A bond's port is a [port] section of its own, or its bridge is a key of the bond: both are the
 * same here. It comes and goes with the bond, and is only ever set.
 *
 * Thread-safety: a plan belongs to its caller.
 */
#ifndef COMMON_PLAN_H
#define COMMON_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "record.h"

enum change_kind { CHANGE_NONE, CHANGE_ADD, CHANGE_SET, CHANGE_DEL, CHANGE_RENEW };

/* An object of one configuration or both. */
struct change {
	enum change_kind kind;
	const struct record *from;  /* NULL: it is new */
	const struct record *to;    /* NULL: it is gone */
	bool of_bond;               /* the port of a bond */
	int del, set, add, prepare; /* its steps; negative: none */
};

/* What is done to an object. */
struct step {
	const struct change *change;
	enum schema_verb verb; /* VERB_ADD, VERB_DEL, VERB_SET */
	struct record *keys;   /* its name, and what to give; texts are canonical */
	bool prepares;         /* it may be left to the last step of this change, which has all */
	unsigned int rank;     /* lower: earlier, where nothing else says so */
	size_t first_dep, n_deps; /* in plan->deps: steps that come before */
};

struct plan {
	struct record_list from, to; /* copies; bonds' ports are records of their own */
	struct change *changes;      /* in the order of @to, then of @from */
	size_t n_changes;
	struct step *steps;
	size_t n_steps;
	size_t *deps;
	size_t *order; /* of steps */
};

/**
 * plan_make() - compare two configurations
 * @from: what is
 * @to: what is to be
 * @ret_plan: plan_free() it
 *
 * Context: any thread.
 */
void plan_make(const struct record_list *from, const struct record_list *to, struct plan *ret_plan);

/** plan_free() - free what plan_make() made; the plan is empty afterwards. Context: any thread. */
void plan_free(struct plan *plan);

/** plan_is_empty() - is there nothing to do? Context: any thread. */
bool plan_is_empty(const struct plan *plan);

/**
 * change_key() - does a change concern a key?
 * @ret_was, @ret_is: its words before and after; NULL: not set and without default
 *
 * Return: whether it differs. Context: any thread.
 */
bool change_key(const struct change *change, unsigned int key, const char **ret_was,
		const char **ret_is);

#endif
