/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * balance-slb: load decides which member a bucket is on.
 *
 * Each round compares what the members have sent (decaying: a round counts half as much as the one
 * after it) and moves buckets from the busiest to the idlest, as long as that makes a difference
 * worth the unrest: OVERLOAD_MIN_PART of the load, and OVERLOAD_MIN bytes a round. The stations of
 * a bucket to be moved are announced where they are first (a switch that had forgotten them would
 * flood, and a flood comes by both members), and PAUSE_USEC
 * later, when they have moved, where they are
 * then.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "bond_priv.h"

#define OVERLOAD_MIN_PART 32 /* of the idlest member's load: less is evenness enough */
#define OVERLOAD_MIN 100000  /* bytes */
#define MOVES_MAX 16         /* of one round */
#define PAUSE_USEC 100000

struct bond_rebalancer {
	struct bond *bond;
	struct event *round;
	struct event *move;
	uint64_t loads[LAG_BUCKETS];   /* bytes per round, decaying */
	uint64_t counted[LAG_BUCKETS]; /* lag_bytes() at the last round */
	uint8_t slots[LAG_BUCKETS];    /* where the buckets will be */
	unsigned int n_moves;
};

static void
count_loads(struct bond_rebalancer *rebalancer)
{
	uint64_t bytes[LAG_BUCKETS];

	lag_bytes(rebalancer->bond->lag, bytes);
	for (uint32_t b = 0; b < LAG_BUCKETS; b++) {
		rebalancer->loads[b] =
			rebalancer->loads[b] / 2 + (bytes[b] - rebalancer->counted[b]);
		rebalancer->counted[b] = bytes[b];
	}
}

/* The load of each member. Return: false: there are not two of them. */
static bool
find_extremes(const struct bond *bond, const uint64_t loads[LAG_BUCKETS],
	      const uint8_t slots[LAG_BUCKETS], uint64_t ret_loads[LAG_MEMBERS_MAX],
	      uint8_t *ret_most, uint8_t *ret_least)
{
	uint8_t n = 0;

	memset(ret_loads, 0, LAG_MEMBERS_MAX * sizeof(ret_loads[0]));
	for (uint32_t b = 0; b < LAG_BUCKETS; b++)
		if (slots[b] < LAG_MEMBERS_MAX)
			ret_loads[slots[b]] += loads[b];
	*ret_most = *ret_least = LAG_NONE;
	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++) {
		if (bond->members[slot] == NULL || !bond->members[slot]->usable)
			continue;
		n++;
		if (*ret_most == LAG_NONE || ret_loads[slot] > ret_loads[*ret_most])
			*ret_most = slot;
		if (*ret_least == LAG_NONE || ret_loads[slot] < ret_loads[*ret_least])
			*ret_least = slot;
	}
	return n >= 2 && *ret_most != *ret_least;
}

/* The bucket on @slot whose move would even out @overload best; LAG_BUCKETS: none would. */
static uint32_t
choose_bucket(const uint64_t loads[LAG_BUCKETS], const uint8_t slots[LAG_BUCKETS], uint8_t slot,
	      uint64_t overload)
{
	uint64_t best_rest = overload - OVERLOAD_MIN;
	uint32_t best = LAG_BUCKETS;

	for (uint32_t b = 0; b < LAG_BUCKETS; b++) {
		const uint64_t twice = 2 * loads[b];
		const uint64_t rest = twice > overload ? twice - overload : overload - twice;

		if (slots[b] != slot || twice == 0)
			continue;
		/* of two that do the same, the one with less traffic */
		if (rest < best_rest ||
		    (rest == best_rest && best != LAG_BUCKETS && loads[b] < loads[best])) {
			best_rest = rest;
			best = b;
		}
	}
	return best;
}

unsigned int
bond_rebalance_plan(const struct bond *bond, const uint64_t loads[LAG_BUCKETS],
		    uint8_t slots[LAG_BUCKETS])
{
	uint64_t sums[LAG_MEMBERS_MAX], overload;
	unsigned int n_moves = 0;
	uint8_t most, least;
	uint32_t bucket;

	while (n_moves < MOVES_MAX && find_extremes(bond, loads, slots, sums, &most, &least)) {
		overload = sums[most] - sums[least];
		if (overload < OVERLOAD_MIN || overload < sums[least] / OVERLOAD_MIN_PART)
			break;
		bucket = choose_bucket(loads, slots, most, overload);
		if (bucket == LAG_BUCKETS)
			break;
		slots[bucket] = least;
		n_moves++;
	}
	return n_moves;
}

static void
rebalance_round(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval pause = { .tv_usec = PAUSE_USEC };
	struct bond_rebalancer *rebalancer = arg;
	const struct lag_table *table = rebalancer->bond->lag->table;
	bool buckets[LAG_BUCKETS];

	(void)fd;
	(void)what;
	count_loads(rebalancer);
	memcpy(rebalancer->slots, table->slots, sizeof(rebalancer->slots));
	rebalancer->n_moves =
		bond_rebalance_plan(rebalancer->bond, rebalancer->loads, rebalancer->slots);
	if (rebalancer->n_moves == 0)
		return;
	for (uint32_t b = 0; b < LAG_BUCKETS; b++)
		buckets[b] = rebalancer->slots[b] != table->slots[b];
	bond_announce(rebalancer->bond->announcer, buckets);
	evtimer_add(rebalancer->move, &pause);
}

static void
rebalance_move(evutil_socket_t fd, short what, void *arg)
{
	struct bond_rebalancer *rebalancer = arg;
	char reason[64];

	(void)fd;
	(void)what;
	rebalancer->bond->bucket_moves += rebalancer->n_moves;
	snprintf(reason, sizeof(reason), "%u bucket(s) moved to even out the load",
		 rebalancer->n_moves);
	bond_assign(rebalancer->bond, rebalancer->slots, reason);
}

void
bond_rebalance_cancel(struct bond *bond)
{
	if (bond->rebalancer != NULL)
		evtimer_del(bond->rebalancer->move);
}

void
bond_rebalance_stop(struct bond *bond)
{
	struct bond_rebalancer *rebalancer = bond->rebalancer;

	if (rebalancer == NULL)
		return;
	if (rebalancer->round != NULL)
		event_free(rebalancer->round);
	if (rebalancer->move != NULL)
		event_free(rebalancer->move);
	free(rebalancer);
	bond->rebalancer = NULL;
}

int
bond_rebalance_start(struct bond *bond)
{
	const struct timeval interval = { .tv_sec = bond->config.rebalance };
	struct bond_rebalancer *rebalancer;

	bond_rebalance_stop(bond);
	if (bond->config.mode != BOND_BALANCE_SLB || bond->config.rebalance == 0)
		return 0;
	rebalancer = calloc(1, sizeof(*rebalancer));
	if (rebalancer == NULL)
		return -ENOMEM;
	bond->rebalancer = rebalancer;
	rebalancer->bond = bond;
	lag_bytes(bond->lag, rebalancer->counted);
	rebalancer->round = event_new(bond->sw->base, -1, EV_PERSIST, rebalance_round, rebalancer);
	rebalancer->move = evtimer_new(bond->sw->base, rebalance_move, rebalancer);
	if (rebalancer->round != NULL && rebalancer->move != NULL &&
	    event_add(rebalancer->round, &interval) == 0)
		return 0;
	bond_rebalance_stop(bond);
	return -ENOMEM;
}
