/* SPDX-License-Identifier: BSD-3-Clause */
/* Bonds as objects: their port, their members, their settings. Who takes part: bond_select.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bond_priv.h"
#include "error.h"
#include "lacp_bond.h"
#include "port_types.h"
#include "port_vlan.h"
#include "switch_priv.h"
#include "unknown.h"

const struct bond_protocol *const bond_protocols[BOND_MODES] = {
	[BOND_LACP] = &lacp_bond_protocol,
};

struct bond *
bond_find(struct vswitch *sw, const char *name)
{
	struct bond *bond;

	LIST_FOREACH(bond, &sw->bonds, list)
		if (strcmp(bond->name, name) == 0)
			return bond;
	return NULL;
}

static struct bond *
bond_need(struct vswitch *sw, const char *name, struct error *err)
{
	struct bond *bond = bond_find(sw, name);

	if (bond == NULL)
		unknown_bond(sw, name, err);
	return bond;
}

bool
bond_has_port(const struct switch_port *port)
{
	return port->member != NULL;
}

const uint8_t *
bond_mac(const struct bond *bond)
{
	return bond->port->dp->mac;
}

/* @config: is there something that no bond can have? */
static int
check_config(const struct bond *bond, const struct bond_config *config, struct error *err)
{
	if (config->n_members == 0)
		return error_set(err, EINVAL, "bond %s: members is empty: give 1-%d", bond->name,
				 LAG_MEMBERS_MAX);
	return 0;
}

static void
stop_protocol(struct bond *bond)
{
	if (bond->running == NULL)
		return;
	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++)
		if (bond->members[slot] != NULL)
			bond_member_stop_protocol(bond->members[slot]);
	bond->running->stop(bond);
	bond->running = NULL;
	bond->protocol = NULL;
	bond->fallback = false;
}

/* Start what the mode needs; @bond has the new settings. */
static int
start_protocol(struct bond *bond, struct error *err)
{
	const struct bond_protocol *protocol = bond_protocols[bond->config.mode];
	int ret;

	if (protocol == bond->running) {
		if (protocol != NULL)
			protocol->configured(bond);
		return 0;
	}
	stop_protocol(bond);
	if (protocol == NULL)
		return 0;
	ret = protocol->start(bond, err);
	if (ret < 0)
		return ret;
	bond->running = protocol;
	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++) {
		if (bond->members[slot] == NULL)
			continue;
		bond_member_start_protocol(bond->members[slot]);
		bond_member_tell_protocol(bond->members[slot]);
	}
	return 0;
}

/* Make the members that @config names and that are none yet. @ret_added: NULL where it is one. */
static int
create_members(struct bond *bond, const struct bond_config *config,
	       struct bond_member *ret_added[LAG_MEMBERS_MAX], struct error *err)
{
	struct error local = { 0 };

	err = err != NULL ? err : &local;
	for (uint8_t i = 0; i < config->n_members; i++) {
		if (bond_member_find(bond, config->members[i]) != NULL)
			continue;
		ret_added[i] = bond_member_create(bond, config->members[i], err);
		if (ret_added[i] != NULL)
			continue;
		while (i-- > 0)
			if (ret_added[i] != NULL)
				bond_member_free(ret_added[i]);
		return err->code;
	}
	return 0;
}

static bool
is_listed(const struct bond_config *config, const char *name)
{
	for (uint8_t i = 0; i < config->n_members; i++)
		if (strcmp(config->members[i], name) == 0)
			return true;
	return false;
}

/* The list of members is bond->config's from here on. @ret_removed: those to free later. */
static void
change_members(struct bond *bond, struct bond_member *added[LAG_MEMBERS_MAX],
	       struct bond_member *ret_removed[LAG_MEMBERS_MAX])
{
	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++) {
		ret_removed[slot] = NULL;
		if (bond->members[slot] == NULL ||
		    is_listed(&bond->config, bond->members[slot]->port->config.name))
			continue;
		ret_removed[slot] = bond->members[slot];
		bond_member_leave(bond->members[slot]);
	}
	for (uint8_t i = 0; i < LAG_MEMBERS_MAX; i++)
		if (added[i] != NULL)
			bond_member_join(added[i]);
	bond_refresh(bond);
}

static void
free_members(struct bond_member *members[LAG_MEMBERS_MAX])
{
	for (uint8_t i = 0; i < LAG_MEMBERS_MAX; i++)
		if (members[i] != NULL)
			bond_member_free(members[i]);
}

/* Bring everything in line with bond->config. */
static int
bond_apply(struct bond *bond, struct bond_member *added[LAG_MEMBERS_MAX], const char *reason,
	   struct error *err)
{
	struct bond_member *removed[LAG_MEMBERS_MAX];
	int ret = start_protocol(bond, err);

	if (ret == 0)
		ret = bond_arp_start(bond);
	if (ret == 0)
		ret = bond_rebalance_start(bond);
	if (ret < 0)
		return error_set(err, ret, "bond %s: no memory", bond->name);
	change_members(bond, added, removed);
	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++) {
		struct bond_member *member = bond->members[slot];

		if (member == NULL)
			continue;
		bond_member_set_punts(member);
		member->usable = member->linked && (bond->arp == NULL || member->arp_answers);
	}
	bond_update(bond, reason);
	free_members(removed);
	return 0;
}

static void
bond_free(struct bond *bond)
{
	bond_rebalance_stop(bond);
	bond_announcer_destroy(bond->announcer);
	if (bond->port != NULL) {
		bond->port->bond = NULL;
		switch_port_remove(bond->sw, bond->port); /* frees bond->lag later */
	}
	LIST_REMOVE(bond, list);
	free(bond);
}

static void
bond_destroy(struct bond *bond)
{
	struct bond_member *removed[LAG_MEMBERS_MAX];
	struct bond_member *added[LAG_MEMBERS_MAX] = { NULL };

	bond_arp_stop(bond);
	bond->config.n_members = 0;
	change_members(bond, added, removed);
	stop_protocol(bond);
	bond_update(bond, "bond deleted");
	free_members(removed);
	bond_free(bond);
}

/* A bond with its port, and no members. */
static struct bond *
bond_create(struct vswitch *sw, const char *name, const char *bridge,
	    const struct bond_config *config, struct error *err)
{
	struct port_config port = {
		.kind = PORT_KIND_BOND,
		.n_queues = 1,
		.stp.priority = STP_PORT_PRIORITY_DEFAULT,
		.sw = sw,
	};
	struct bond *bond = calloc(1, sizeof(*bond));

	if (bond == NULL) {
		error_set(err, ENOMEM, "bond %s: no memory", name);
		return NULL;
	}
	bond->sw = sw;
	bond->config = *config;
	snprintf(bond->name, sizeof(bond->name), "%s", name);
	snprintf(port.name, sizeof(port.name), "%s", name);
	LIST_INSERT_HEAD(&sw->bonds, bond, list);
	bond->announcer = bond_announcer_create(bond);
	if (bond->announcer == NULL) {
		error_set(err, ENOMEM, "bond %s: no memory", name);
		bond_free(bond);
		return NULL;
	}
	if (switch_port_add(sw, bridge, &port, err) < 0) {
		bond_free(bond);
		return NULL;
	}
	bond->port = switch_port_find(sw, name);
	bond->port->bond = bond;
	return bond;
}

int
bond_add(struct vswitch *sw, const char *name, const char *bridge, const struct bond_config *config,
	 struct error *err)
{
	struct bond_member *added[LAG_MEMBERS_MAX] = { NULL };
	struct error local = { 0 };
	struct bond *bond;
	int ret;

	err = err != NULL ? err : &local;
	if (bond_find(sw, name) != NULL)
		return error_set(err, EEXIST, "bond %s: exists already", name);
	if (switch_port_find(sw, name) != NULL)
		return error_set(err, EEXIST, "bond %s: there is a port of this name", name);
	bond = bond_create(sw, name, bridge, config, err);
	if (bond == NULL)
		return err->code;
	ret = check_config(bond, config, err);
	if (ret == 0)
		ret = create_members(bond, config, added, err);
	if (ret == 0 && (ret = bond_apply(bond, added, "bond made", err)) < 0)
		free_members(added);
	if (ret < 0)
		bond_destroy(bond);
	return ret;
}

int
bond_del(struct vswitch *sw, const char *name, struct error *err)
{
	struct bond *bond = bond_need(sw, name, err);

	int ret;

	if (bond == NULL)
		return -ENOENT;
	ret = port_vlan_may_go(bond->port, err);
	if (ret < 0)
		return ret;
	bond_destroy(bond);
	return 0;
}

static void
merge_config(struct bond_config *to, unsigned int fields, const struct bond_config *from)
{
	if (fields & BOND_SET_MODE)
		to->mode = from->mode;
	if (fields & BOND_SET_HASH)
		to->hash = from->hash;
	if (fields & BOND_SET_UPDELAY)
		to->updelay = from->updelay;
	if (fields & BOND_SET_DOWNDELAY)
		to->downdelay = from->downdelay;
	if (fields & BOND_SET_REBALANCE)
		to->rebalance = from->rebalance;
	if (fields & BOND_SET_ARP_TARGETS) {
		to->n_arp_targets = from->n_arp_targets;
		memcpy(to->arp_targets, from->arp_targets, sizeof(to->arp_targets));
	}
	if (fields & BOND_SET_ARP_INTERVAL)
		to->arp_interval = from->arp_interval;
	if (fields & BOND_SET_ARP_VID)
		to->arp_vid = from->arp_vid;
	if (fields & BOND_SET_LACP)
		to->lacp_passive = from->lacp_passive;
	if (fields & BOND_SET_LACP_RATE)
		to->lacp_fast = from->lacp_fast;
	if (fields & BOND_SET_MIN_LINKS)
		to->min_links = from->min_links;
	if (fields & BOND_SET_FALLBACK)
		to->lacp_fallback = from->lacp_fallback;
	if (fields & BOND_SET_SYSTEM_PRIORITY)
		to->lacp_system_priority = from->lacp_system_priority;
	if (fields & BOND_SET_PORT_PRIORITY)
		to->lacp_port_priority = from->lacp_port_priority;
	if (fields & BOND_SET_MEMBERS) {
		to->n_members = from->n_members;
		memcpy(to->members, from->members, sizeof(to->members));
	}
}

/* May @name become the active member of a bond that has these settings? */
static int
check_active(const struct bond *bond, const struct bond_config *config, const char *name,
	     struct error *err)
{
	const struct bond_member *member = bond_member_find(bond, name);

	if (config->mode == BOND_BALANCE_XOR || config->mode == BOND_LACP)
		return error_set(err, EINVAL,
				 "bond %s: active: its mode has no active member: all of them are",
				 bond->name);
	if (member == NULL || !is_listed(config, name))
		return error_set(err, EINVAL, "bond %s: active: %s is not a member of it",
				 bond->name, name);
	if (!member->usable)
		return error_set(err, EINVAL, "bond %s: active: member %s is down", bond->name,
				 name);
	return 0;
}

int
bond_set(struct vswitch *sw, const char *name, unsigned int fields,
	 const struct bond_config *config, const char *active, struct error *err)
{
	struct bond_member *added[LAG_MEMBERS_MAX] = { NULL };
	struct bond *bond = bond_need(sw, name, err);
	struct bond_config merged, before;
	int ret;

	if (bond == NULL)
		return -ENOENT;
	before = merged = bond->config;
	merge_config(&merged, fields, config);
	ret = check_config(bond, &merged, err);
	if (ret == 0 && active != NULL)
		ret = check_active(bond, &merged, active, err);
	if (ret == 0)
		ret = create_members(bond, &merged, added, err);
	if (ret < 0)
		return ret;
	bond->config = merged;
	if (active != NULL)
		bond->active = bond_member_find(bond, active);
	ret = bond_apply(bond, added, active != NULL ? "active member set" : "settings changed",
			 err);
	if (ret < 0) {
		bond->config = before;
		free_members(added);
	}
	return ret;
}

void
bonds_destroy(struct vswitch *sw)
{
	while (!LIST_EMPTY(&sw->bonds))
		bond_destroy(LIST_FIRST(&sw->bonds));
}

void
bond_sum_members(const struct bond *bond, struct port_stats *stats)
{
	struct port_stats member;

	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++) {
		if (bond->members[slot] == NULL)
			continue;
		switch_port_stats(bond->sw, bond->members[slot]->port, &member);
		stats->rx_packets += member.rx_packets;
		stats->rx_bytes += member.rx_bytes;
		stats->tx_packets += member.tx_packets;
		stats->tx_bytes += member.tx_bytes;
	}
}

/* --- the type of a bond's port --- */

static int
port_bond_open(struct port *port, const struct port_config *config, struct error *err)
{
	struct bond *bond = bond_find(config->sw, config->name);

	bond->lag = lag_create(port, config->sw->dp->n_workers);
	if (bond->lag == NULL)
		return error_set(err, ENOMEM, "bond %s: no memory", config->name);
	bond->lag->owner = bond;
	port->priv = bond->lag;
	port->n_rxq = 0;
	port->n_txq = RTE_MIN(config->sw->dp->n_workers, PORT_QUEUES_MAX);
	port->echo = &bond->lag->echo;
	return 0;
}

static void
port_bond_close(struct port *port)
{
	lag_destroy(port->priv);
	port->priv = NULL;
}

/* All members, or none: those that have agreed go back if one refuses. */
static int
port_bond_set_mtu(struct port *port, uint32_t mtu, struct error *err)
{
	const struct lag *lag = port->priv;
	struct bond *bond = lag->owner;
	uint32_t before[LAG_MEMBERS_MAX];
	int ret = 0;
	uint8_t n;

	for (n = 0; n < LAG_MEMBERS_MAX && ret == 0; n++) {
		if (bond->members[n] == NULL)
			continue;
		before[n] = bond->members[n]->mtu_given;
		ret = bond_member_set_mtu(bond->members[n], mtu, err);
	}
	while (ret < 0 && n-- > 0)
		if (bond->members[n] != NULL)
			bond_member_set_mtu(bond->members[n], before[n], NULL);
	return ret;
}

const struct port_type port_type_bond = {
	.name = "bond",
	.wait = PORT_WAIT_NONE,
	.takes_pending = true,
	.hands_on = true,
	.open = port_bond_open,
	.close = port_bond_close,
	.set_mtu = port_bond_set_mtu,
	.rx_burst = lag_rx_burst,
	.tx_burst = lag_tx_burst,
};
