/* SPDX-License-Identifier: BSD-3-Clause */
/* Where routes lead: next hops and their numbers in the datapath. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "routing_priv.h"

/* --- numbers --- */

uint32_t
number_new(struct routing *routing, enum next_hop_kind kind, uint16_t rif)
{
	uint32_t number;

	if (routing->n_free > 0)
		number = routing->free_numbers[--routing->n_free];
	else if (routing->next_number < NEXT_HOPS_MAX)
		number = routing->next_number++;
	else
		return NEXT_HOP_NUMBER_NONE;
	routing->dp->next_hops[number] = (struct next_hop){ .kind = kind, .rif = rif };
	return number;
}

static void
number_retired(void *arg)
{
	struct next_hop_slot *slot = arg;
	struct routing *routing = slot->routing;
	const uint32_t number = (uint32_t)(slot - routing->slots);
	struct next_hop *next_hop = &routing->dp->next_hops[number];

	free((void *)(uintptr_t)next_hop->members);
	next_hop->members = NULL;
	routing->free_numbers[routing->n_free++] = number;
}

void
number_free(struct routing *routing, uint32_t number)
{
	struct next_hop_slot *slot = &routing->slots[number];

	if (number == NEXT_HOP_NUMBER_NONE)
		return;
	slot->neighbour = NULL;
	slot->routing = routing;
	rcu_retire(routing->sw->rcu, &slot->retired, number_retired, slot);
}

/* --- targets --- */

struct target *
target_connected(struct switch_rif *rif)
{
	struct target *target = calloc(1, sizeof(*target));

	if (target == NULL)
		return NULL;
	target->kind = NEXT_HOP_CONNECTED;
	target->rif = rif;
	target->number = number_new(rif->routing, NEXT_HOP_CONNECTED, rif->port->dp->id);
	if (target->number != NEXT_HOP_NUMBER_NONE)
		return target;
	free(target);
	return NULL;
}

struct switch_rif *
target_rif(const struct target *target)
{
	if (target->kind == NEXT_HOP_CONNECTED)
		return target->rif;
	if (target->owner != NULL)
		return target->owner->rif;
	for (unsigned int i = 0; i < target->config.n_via; i++)
		if (target->neighbours[i] != NULL)
			return target->neighbours[i]->rif;
	return NULL;
}

/* The rif that a gateway is reached by; NULL with a reason. */
static struct switch_rif *
via_rif(struct routing *routing, const struct route_config *config, const struct ip_addr *via,
	const char **ret_reason)
{
	struct switch_port *port;
	struct switch_rif *rif;

	if (config->port[0] == '\0') {
		rif = rif_gateway(routing, via);
		*ret_reason = rif == NULL ? "gateway is on no network of ours" : NULL;
		return rif;
	}
	port = switch_port_find(routing->sw, config->port);
	rif = port != NULL ? rif_find(routing, port) : NULL;
	*ret_reason = port == NULL ? "there is no such port" :
		      rif == NULL  ? "the port is not a routed one" :
				     NULL;
	return rif;
}

/* May packets be sent by it? Of several gateways those count that answer. */
static bool
member_is_usable(const struct neighbour *neighbour)
{
	return neighbour != NULL && neighbour->rif->port->dp->open && !neighbour->has_failed;
}

/* The members of a group as they are now: those that are usable, or, if none is, all. */
static struct next_hop_members *
group_members(const struct target *target)
{
	struct next_hop_members *members = calloc(1, sizeof(*members));

	for (int any = 0; members != NULL && any < 2 && members->n == 0; any++)
		for (unsigned int i = 0; i < target->config.n_via; i++)
			if (any ? target->neighbours[i] != NULL :
				  member_is_usable(target->neighbours[i]))
				members->next_hops[members->n++] = target->neighbours[i]->number;
	return members;
}

/* Publish a group's members. Return: its number, or NONE. */
static uint32_t
group_renew(struct routing *routing, struct target *target)
{
	struct next_hop_members *members = group_members(target), *old;
	struct next_hop *next_hop;
	uint32_t number = target->owns_number ? target->number : NEXT_HOP_NUMBER_NONE;

	if (members == NULL || members->n == 0) {
		free(members);
		return members == NULL ? number : NEXT_HOP_NUMBER_NONE;
	}
	if (number == NEXT_HOP_NUMBER_NONE)
		number = number_new(routing, NEXT_HOP_GROUP, 0);
	if (number == NEXT_HOP_NUMBER_NONE) {
		free(members);
		return number;
	}
	target->owns_number = true;
	next_hop = &routing->dp->next_hops[number];
	old = (struct next_hop_members *)(uintptr_t)next_hop->members;
	__atomic_store_n(&next_hop->members, members, __ATOMIC_RELEASE);
	if (old != NULL)
		rcu_retire(routing->sw->rcu, &old->retired, free, old);
	return number;
}

/* Find the neighbours that a target's gateways are. */
static void
target_find_neighbours(struct routing *routing, struct target *target)
{
	const struct route_config *config = &target->config;

	target->reason = NULL;
	for (unsigned int i = 0; i < config->n_via; i++) {
		struct switch_rif *rif = via_rif(routing, config, &config->via[i], &target->reason);
		struct neighbour *old = target->neighbours[i], *new = NULL;

		if (rif != NULL)
			new = neighbour_get(rif, &config->via[i]);
		if (rif != NULL && new == NULL)
			target->reason = "too many neighbours on its port";
		if (new == old)
			continue;
		if (new != NULL)
			neighbour_ref(new);
		if (old != NULL)
			neighbour_unref(old);
		target->neighbours[i] = new;
	}
}

/* See where a target leads now. Return: whether that has changed. */
static bool
target_renew(struct routing *routing, struct target *target)
{
	const uint32_t before = target->number;
	uint32_t number;

	if (!target->has_config)
		return false;
	if (target->config.kind == ROUTE_PORT) {
		target->rif = via_rif(routing, &target->config, NULL, &target->reason);
		number =
			target->rif != NULL ? target->rif->connected->number : NEXT_HOP_NUMBER_NONE;
	} else {
		target_find_neighbours(routing, target);
		if (target->config.n_via > 1)
			number = group_renew(routing, target);
		else
			number = target->neighbours[0] != NULL ? target->neighbours[0]->number :
								 NEXT_HOP_NUMBER_NONE;
	}
	if (number == before)
		return false;
	target->number = number;
	if (target->owns_number && number == NEXT_HOP_NUMBER_NONE) {
		target->owns_number = false;
		routes_renew(routing, target); /* before its number is another's */
		number_free(routing, before);
		return false;
	}
	return true;
}

void
targets_renew(struct routing *routing)
{
	struct target *target;

	LIST_FOREACH(target, &routing->targets, list)
		if (target_renew(routing, target))
			routes_renew(routing, target);
}

static bool
group_has(const struct target *target, const struct neighbour *neighbour)
{
	for (unsigned int i = 0; target->owns_number && i < target->config.n_via; i++)
		if (target->neighbours[i] == neighbour)
			return true;
	return false;
}

void
targets_neighbour_changed(struct routing *routing, const struct neighbour *neighbour)
{
	struct target *target;

	LIST_FOREACH(target, &routing->targets, list)
		if (group_has(target, neighbour))
			group_renew(routing, target);
}

static bool
config_equal(const struct route_config *a, const struct route_config *b)
{
	if (a->kind != b->kind || a->n_via != b->n_via || strcmp(a->port, b->port) != 0)
		return false;
	for (unsigned int i = 0; i < a->n_via; i++)
		if (!ip_addr_equal(&a->via[i], &b->via[i]))
			return false;
	return true;
}

struct target *
target_get(struct routing *routing, const struct route_config *config)
{
	struct target *target;

	if (config->kind == ROUTE_BLACKHOLE || config->kind == ROUTE_UNREACHABLE) {
		target = config->kind == ROUTE_BLACKHOLE ? &routing->blackhole :
							   &routing->unreachable;
		target->refs++;
		return target;
	}
	LIST_FOREACH(target, &routing->targets, list) {
		if (config_equal(&target->config, config)) {
			target->refs++;
			return target;
		}
	}
	target = calloc(1, sizeof(*target));
	if (target == NULL)
		return NULL;
	target->refs = 1;
	target->has_config = true;
	target->config = *config;
	target->kind = config->kind == ROUTE_PORT ? NEXT_HOP_CONNECTED :
		       config->n_via > 1          ? NEXT_HOP_GROUP :
						    NEXT_HOP_NEIGHBOUR;
	LIST_INSERT_HEAD(&routing->targets, target, list);
	target_renew(routing, target);
	return target;
}

void
target_put(struct routing *routing, struct target *target)
{
	if (--target->refs > 0 || !target->has_config)
		return;
	LIST_REMOVE(target, list);
	for (unsigned int i = 0; i < target->config.n_via; i++)
		if (target->neighbours[i] != NULL)
			neighbour_unref(target->neighbours[i]);
	if (target->owns_number)
		number_free(routing, target->number);
	free(target);
}
