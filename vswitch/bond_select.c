/* SPDX-License-Identifier: BSD-3-Clause */
/* Who takes part in a bond: from the members' state to the table that workers read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "bond_priv.h"
#include "events.h"
#include "log.h"
#include "switch_priv.h"

#define ECHO_SECONDS 2 /* after another member became the active one */

/* Sets of slots. */
static inline bool
has(uint8_t set, uint8_t slot)
{
	return slot < LAG_MEMBERS_MAX && (set >> slot & 1);
}

static uint8_t
usable_set(const struct bond *bond)
{
	uint8_t set = 0;

	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++)
		if (bond->members[slot] != NULL && bond->members[slot]->usable)
			set |= 1 << slot;
	return set;
}

static bool
one_at_a_time(const struct bond *bond)
{
	return bond->config.mode == BOND_ACTIVE_BACKUP || bond->fallback;
}

/* The active member stays as long as it can; else the first that can takes over. */
static struct bond_member *
choose_active(const struct bond *bond, uint8_t able)
{
	if (bond->active != NULL && has(able, bond->active->slot))
		return bond->active;
	for (uint8_t i = 0; i < bond->config.n_members; i++)
		for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++)
			if (has(able, slot) && strcmp(bond->members[slot]->port->config.name,
						      bond->config.members[i]) == 0)
				return bond->members[slot];
	return NULL;
}

/* Which members send and receive. */
static void
choose_sets(struct bond *bond, uint8_t *ret_sending, uint8_t *ret_collecting)
{
	uint8_t usable = usable_set(bond), sending = 0, collecting = 0;

	if (bond->config.mode == BOND_LACP && !bond->fallback) {
		for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++) {
			if (!has(usable, slot))
				continue;
			sending |= bond->members[slot]->distributing << slot;
			collecting |= bond->members[slot]->collecting << slot;
		}
		bond->active = NULL;
	} else {
		bond->active =
			bond->config.mode == BOND_BALANCE_XOR ? NULL : choose_active(bond, usable);
		sending = !one_at_a_time(bond) ? usable :
			  bond->active != NULL ? 1 << bond->active->slot :
						 0;
		collecting = sending;
	}
	*ret_sending = sending;
	*ret_collecting = collecting;
}

/* The slot of @set with the fewest buckets. */
static uint8_t
least_of(uint8_t set, const uint16_t counts[LAG_MEMBERS_MAX])
{
	uint8_t least = LAG_NONE;

	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++)
		if (has(set, slot) && (least == LAG_NONE || counts[slot] < counts[least]))
			least = slot;
	return least;
}

/* Is a slot's member the same as before? */
static inline bool
is_same(const struct lag_table *old, const struct lag_table *table, uint8_t slot)
{
	return slot >= LAG_MEMBERS_MAX || old->ports[slot] == table->ports[slot];
}

/* Buckets stay where they are if they can; what has no member, or is too much, goes elsewhere. */
static void
spread_buckets(const struct lag_table *old, struct lag_table *table, uint8_t sending)
{
	uint16_t counts[LAG_MEMBERS_MAX] = { 0 };
	uint8_t fresh = sending, least;

	for (uint32_t b = 0; b < LAG_BUCKETS; b++) {
		if (!has(sending, old->slots[b]) || !is_same(old, table, old->slots[b]))
			continue; /* LAG_NONE */
		table->slots[b] = old->slots[b];
		counts[old->slots[b]]++;
		fresh &= ~(1 << old->slots[b]);
	}
	for (uint32_t b = 0; b < LAG_BUCKETS && sending != 0; b++) {
		uint8_t *slot = &table->slots[b];

		least = least_of(sending, counts);
		if (*slot != LAG_NONE) {
			/* those that have had buckets may have few of them for a reason: their load
			 */
			if (!has(fresh, least) || counts[*slot] <= counts[least] + 1)
				continue;
			counts[*slot]--;
		}
		*slot = least;
		counts[least]++;
	}
}

/*
 * Note which buckets have moved, and from where frames for them may still come.
 * Return: is there one?
 */
static bool
note_moves(struct bond *bond, const struct lag_table *old, struct lag_table *table,
	   bool ret_moved[LAG_BUCKETS])
{
	bool moved = false;

	for (uint32_t b = 0; b < LAG_BUCKETS; b++) {
		uint8_t before = old->before[b];

		table->moved[b] = old->moved[b];
		ret_moved[b] = false;
		if (table->slots[b] != old->slots[b] || !is_same(old, table, old->slots[b])) {
			table->moved[b] = bond->moves + 1;
			before = old->slots[b];
			ret_moved[b] = moved = true;
		}
		if (table->by_bucket && has(table->collecting, before) &&
		    is_same(old, table, before))
			table->before[b] = before;
	}
	bond->moves += moved;
	return moved;
}

static void
publish(struct bond *bond, struct lag_table *table)
{
	struct lag_table *old = bond->lag->table;

	__atomic_store_n(&bond->lag->table, table, __ATOMIC_RELEASE);
	rcu_retire(bond->sw->rcu, &old->retired, free, old);
}

static void
fill_members(const struct bond *bond, struct lag_table *table, uint8_t sending)
{
	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++)
		if (bond->members[slot] != NULL)
			table->ports[slot] = bond->members[slot]->port->dp->id;
	table->only = __builtin_popcount(sending) == 1 ? __builtin_ctz(sending) : LAG_NONE;
	table->by_bucket = bond->config.mode == BOND_BALANCE_SLB;
	table->hash = table->by_bucket ? LAG_HASH_SOURCE : bond->config.hash;
	table->groups = bond->active != NULL ? bond->active->slot : LAG_NONE;
}

/*
 * Is a member of no use any more that had something to carry?
 * @ret_failed: one that has failed, and was not taken out.
 */
static bool
is_lost(const struct bond *bond, const struct lag_table *old, const struct lag_table *table,
	bool *ret_failed)
{
	bool lost = false;

	*ret_failed = false;
	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++) {
		const struct bond_member *member = bond->members[slot];

		if (memchr(old->slots, slot, sizeof(old->slots)) == NULL ||
		    (is_same(old, table, slot) && member->usable))
			continue;
		lost = true;
		*ret_failed |= is_same(old, table, slot);
	}
	return lost;
}

/* Say who carries what now. */
static void
tell(struct bond *bond, uint8_t sending, const char *reason)
{
	char names[LAG_MEMBERS_MAX * SWITCH_NAME_SIZE] = "nobody";
	json_t *carried_by = json_array();
	int len = 0;

	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++) {
		if (!has(sending, slot))
			continue;
		len += snprintf(names + len, sizeof(names) - len, "%s%s", len > 0 ? "," : "",
				bond->members[slot]->port->config.name);
		json_array_append_new(carried_by,
				      json_string(bond->members[slot]->port->config.name));
	}
	bond->last_change = time(NULL);
	snprintf(bond->last_reason, sizeof(bond->last_reason), "%s", reason);
	log_limited(&bond->port->log_limit, LOG_NOTICE, "bond %s: %s; carried by %s", bond->name,
		    reason, names);
	events_emit(bond->sw->events, EVENT_FAILOVER, bond->name,
		    json_pack("{s:s, s:o, s:I}", "reason", reason, "carried_by", carried_by,
			      "failovers", (json_int_t)bond->failovers),
		    "%s; carried by %s", reason, names);
}

static void
update_status(struct bond *bond, uint8_t sending)
{
	char reason[64] = "";

	if (sending == 0)
		snprintf(reason, sizeof(reason), "no member of bond %s %s", bond->name,
			 usable_set(bond) == 0 ? "has a link" : "has agreed with its partner");
	switch_port_status(bond->sw, bond->port->dp, sending != 0, reason);
}

/* Until when may a member bring what another has sent? Before workers go by a new table. */
static void
set_echo(struct bond *bond, bool always, const struct bond_member *was_active)
{
	uint32_t *until = &bond->lag->echo.until;

	if (always)
		__atomic_store_n(until, UINT32_MAX, __ATOMIC_RELAXED);
	else if (*until == UINT32_MAX || was_active != bond->active)
		__atomic_store_n(until, switch_now() + ECHO_SECONDS, __ATOMIC_RELAXED);
}

void
bond_update(struct bond *bond, const char *reason)
{
	struct lag_table *old = bond->lag->table, *table = malloc(sizeof(*table));
	const struct bond_member *was_active = bond->active;
	bool lost, failed, moved, was_up = bond->port->dp->up;
	bool buckets[LAG_BUCKETS];
	uint8_t sending, collecting;

	if (table == NULL) {
		log_line(LOG_ERR, "bond %s: no memory to go on without a member", bond->name);
		return;
	}
	lag_table_init(table);
	choose_sets(bond, &sending, &collecting);
	fill_members(bond, table, sending);
	table->collecting = collecting;
	spread_buckets(old, table, sending);
	lost = is_lost(bond, old, table, &failed);
	moved = note_moves(bond, old, table, buckets);
	if (memcmp(old, table, offsetof(struct lag_table, retired)) == 0) {
		free(table);
		update_status(bond, sending);
		return;
	}
	bond_rebalance_cancel(bond);
	set_echo(bond, table->by_bucket, was_active);
	publish(bond, table);
	bond->failovers += failed && sending != 0;
	update_status(bond, sending);
	if (!was_up || (lost && !table->by_bucket) || (moved && one_at_a_time(bond)))
		bond_announce(bond->announcer, NULL);
	else if (moved && table->by_bucket)
		bond_announce(bond->announcer, buckets);
	if (moved || (sending == 0) == was_up)
		tell(bond, sending, reason);
}

void
bond_member_judge(struct bond_member *member, const char *reason)
{
	bool usable = member->linked && (member->bond->arp == NULL || member->arp_answers);

	if (usable == member->usable)
		return;
	member->usable = usable;
	member->since = bond_msec();
	member->failures += !usable;
	bond_update(member->bond, reason);
}

void
bond_assign(struct bond *bond, const uint8_t slots[LAG_BUCKETS], const char *reason)
{
	struct lag_table *old = bond->lag->table, *table = malloc(sizeof(*table));
	bool buckets[LAG_BUCKETS];

	if (table == NULL)
		return; /* it goes on as it is */
	*table = *old;
	memcpy(table->slots, slots, sizeof(table->slots));
	memset(table->before, LAG_NONE, sizeof(table->before));
	if (!note_moves(bond, old, table, buckets)) {
		free(table);
		return;
	}
	publish(bond, table);
	bond_announce(bond->announcer, buckets);
	log_limited(&bond->port->log_limit, LOG_INFO, "bond %s: %s", bond->name, reason);
}
