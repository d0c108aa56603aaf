/* SPDX-License-Identifier: BSD-3-Clause */
/* Bonds as objects: their port, their members, their settings. Who takes part: bond_select.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "addr.h"
#include "bond_priv.h"
#include "error.h"
#include "lacp_bond.h"
#include "log.h"
#include "port_types.h"
#include "port_vlan.h"
#include "routing.h"
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

/* --- members --- */

static struct bond_member *
member_find(const struct bond *bond, const char *name)
{
	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++)
		if (bond->members[slot] != NULL &&
		    strcmp(bond->members[slot]->port->config.name, name) == 0)
			return bond->members[slot];
	return NULL;
}

/* What the bond's port can carry is what all members can. */
static void
bond_refresh(struct bond *bond)
{
	uint32_t mtu = PORT_MTU_MAX, caps = UINT32_MAX;
	bool any = false;

	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++) {
		if (bond->members[slot] == NULL)
			continue;
		any = true;
		mtu = RTE_MIN(mtu, bond->members[slot]->port->dp->mtu);
		caps &= bond->members[slot]->port->dp->caps;
	}
	if (!any)
		return;
	if (mtu != bond->port->dp->mtu)
		port_mtu_set(bond->port->dp, mtu);
	if (caps != bond->port->caps)
		switch_port_caps(bond->sw, bond->port->dp, caps);
}

static void
member_tell_protocol(struct bond_member *member)
{
	const struct bond_protocol *running = member->bond->running;
	bool full_duplex;
	uint32_t mbps;

	if (running == NULL || member->protocol == NULL)
		return;
	mbps = port_device_speed(member->port, &full_duplex);
	running->member_link(member, member->linked, mbps, full_duplex);
}

/* The link has settled. */
static void
member_settle(struct bond_member *member, const char *what)
{
	char reason[64];

	member->linked = member->carrier;
	snprintf(reason, sizeof(reason), "%s %s", member->port->config.name, what);
	bond_arp_link(member);
	if (!member->linked) /* failover does not wait for the protocol */
		bond_member_judge(member, reason);
	member_tell_protocol(member);
	bond_member_judge(member, reason);
}

static void
member_delay_over(evutil_socket_t fd, short what, void *arg)
{
	struct bond_member *member = arg;

	(void)fd;
	(void)what;
	if (member->linked != member->carrier)
		member_settle(member,
			      member->carrier ? "link up (updelay)" : "link down (downdelay)");
}

/* How long a change of the link is waited with, in ms. */
static uint32_t
member_delay(const struct bond_member *member)
{
	const struct bond *bond = member->bond;

	if (!member->carrier)
		return bond->config.downdelay;
	/* better a link that may be unsteady than none */
	return bond->port->dp->up ? bond->config.updelay : 0;
}

static void
member_carrier_changed(struct bond_member *member)
{
	const uint32_t msec = member_delay(member);
	const struct timeval delay = { .tv_sec = msec / 1000, .tv_usec = msec % 1000 * 1000 };

	evtimer_del(member->delay);
	if (member->carrier == member->linked)
		return;
	if (msec == 0 || evtimer_add(member->delay, &delay) < 0)
		member_settle(member, member->carrier ? "link up" : "link down");
}

void
bond_port_changed(struct switch_port *port)
{
	struct bond_member *member = port->member;

	if (member == NULL)
		return;
	if (member->carrier != port->dp->up) {
		member->carrier = port->dp->up;
		member_carrier_changed(member);
	} else if (member->linked) {
		member_tell_protocol(member); /* perhaps another speed */
	}
	bond_refresh(member->bond);
}

void
bond_member_negotiated(struct bond_member *member, bool collecting, bool distributing,
		       const char *reason)
{
	if (member->collecting == collecting && member->distributing == distributing)
		return;
	member->collecting = collecting;
	member->distributing = distributing;
	bond_update(member->bond, reason);
}

void
bond_fallback(struct bond *bond, bool on, const char *reason)
{
	if (bond->fallback == on)
		return;
	bond->fallback = on;
	bond_update(bond, reason);
}

bool
bond_receive(struct switch_port *port, const uint8_t *frame, uint32_t len)
{
	struct bond_member *member = port->member;

	if (member == NULL || member->bond->running == NULL || member->protocol == NULL)
		return false;
	member->bond->running->receive(member, frame, len);
	return true;
}

/* --- taking members in, and letting them go --- */

/* May a port that is there already become a member? */
static int
member_check(const struct bond *bond, const struct switch_port *port, struct error *err)
{
	const char *name = port->config.name;

	if (port->config.kind == PORT_KIND_VIF || port->config.kind == PORT_KIND_BOND ||
	    port->config.kind == PORT_KIND_VLAN)
		return error_set(err, EINVAL, "bond %s: members: %s is a %s, which cannot be one",
				 bond->name, name, port->dp->type->name);
	if (port->member != NULL)
		return error_set(err, EBUSY, "bond %s: members: %s is a member of bond %s",
				 bond->name, name, port->member->bond->name);
	if (port->bridge != NULL)
		return error_set(err, EBUSY,
				 "bond %s: members: %s is on bridge %s; \"vsctl port set %s bridge "
				 "none\" takes it off",
				 bond->name, name, port->bridge->name, name);
	if (port->dp->rif != NULL)
		return error_set(err, EBUSY,
				 "bond %s: members: %s is a routed port; put its addresses on the "
				 "bond",
				 bond->name, name);
	if (port->dp->demux != NULL)
		return error_set(err, EBUSY,
				 "bond %s: members: %s has VLANs of its own as ports; put them on "
				 "the bond",
				 bond->name, name);
	if (port->sw->routing != NULL && rif_find(port->sw->routing, port) != NULL)
		return error_set(err, EBUSY,
				 "bond %s: members: %s is a routed port; take its addresses away "
				 "first",
				 bond->name, name);
	return 0;
}

/* A port for a member that is none yet. */
static struct switch_port *
member_open(struct bond *bond, const char *name, struct error *err)
{
	struct port_config config = {
		.kind = pci_addr_is_valid(name) ? PORT_KIND_ETH : PORT_KIND_NETDEV,
		.n_queues = 1,
		.mtu = bond->port->config.mtu,
		.may_wait = !bond->sw->started || bond->sw->may_wait,
		.stp.priority = STP_PORT_PRIORITY_DEFAULT,
		.sw = bond->sw,
	};

	snprintf(config.name, sizeof(config.name), "%s", name);
	if (switch_port_add(bond->sw, NULL, &config, err) == 0)
		return switch_port_find(bond->sw, name);
	if (err != NULL)
		error_prefix(err, "bond %s: members: ", bond->name);
	return NULL;
}

/* @mtu: 0: as it was before the bond set it. */
static int
member_set_mtu(struct bond_member *member, uint32_t mtu, struct error *err)
{
	struct port_config config = { .mtu = mtu };
	int ret;

	/* who has set it otherwise meanwhile, has his way */
	if (mtu == 0 && member->port->config.mtu != member->mtu_given)
		return 0;
	if (mtu == 0)
		config.mtu = member->mtu_before;
	else if (member->mtu_given == 0)
		member->mtu_before = member->port->config.mtu;
	ret = switch_port_set(member->bond->sw, member->port->config.name, PORT_SET_MTU, NULL,
			      &config, err);
	if (ret == 0)
		member->mtu_given = mtu;
	return ret;
}

static void
member_free(struct bond_member *member)
{
	if (!member->owned && member->mtu_given != 0)
		member_set_mtu(member, 0, NULL);
	if (member->owned)
		switch_port_remove(member->bond->sw, member->port);
	if (member->delay != NULL)
		event_free(member->delay);
	free(member->demux);
	free(member);
}

/* A member that is not one yet: for that nothing can fail later. */
static struct bond_member *
member_create(struct bond *bond, const char *name, struct error *err)
{
	struct switch_port *port = switch_port_find(bond->sw, name);
	struct bond_member *member;
	bool owned = port == NULL;

	if (port != NULL && member_check(bond, port, err) < 0)
		return NULL;
	if (port == NULL && (port = member_open(bond, name, err)) == NULL)
		return NULL;
	member = calloc(1, sizeof(*member));
	if (member == NULL) {
		if (owned)
			switch_port_remove(bond->sw, port);
		error_set(err, ENOMEM, "bond %s: no memory for member %s", bond->name, name);
		return NULL;
	}
	member->bond = bond;
	member->port = port;
	member->owned = owned;
	if (owned)
		member->mtu_given = port->config.mtu;
	else if (bond->port->config.mtu != 0 &&
		 member_set_mtu(member, bond->port->config.mtu, err) < 0) {
		free(member);
		return NULL;
	}
	member->delay = evtimer_new(bond->sw->base, member_delay_over, member);
	member->demux = lag_member_create(bond->lag, 0);
	if (member->delay == NULL || member->demux == NULL) {
		member_free(member);
		error_set(err, ENOMEM, "bond %s: no memory for member %s", bond->name, name);
		return NULL;
	}
	return member;
}

/* What members' packets the control thread wants. */
static void
member_set_punts(struct bond_member *member)
{
	uint8_t punts = 0;

	if (member->bond->running != NULL)
		punts |= PORT_PUNT_LINK_LOCAL;
	if (member->bond->config.n_arp_targets > 0)
		punts |= PORT_PUNT_ARP;
	__atomic_store_n(&member->port->dp->punts, punts, __ATOMIC_RELAXED);
}

static void
member_start_protocol(struct bond_member *member)
{
	const struct bond_protocol *running = member->bond->running;
	struct error err = { 0 };

	member->collecting = member->distributing = false;
	if (running != NULL && running->member_start(member, &err) < 0)
		log_line(LOG_ERR, "bond %s: member %s: %s", member->bond->name,
			 member->port->config.name, err.msg);
}

static void
member_stop_protocol(struct bond_member *member)
{
	if (member->bond->running != NULL && member->protocol != NULL)
		member->bond->running->member_stop(member);
	member->protocol = NULL;
}

static uint8_t
free_slot(const struct bond *bond)
{
	uint8_t slot = 0;

	while (slot < LAG_MEMBERS_MAX - 1 && bond->members[slot] != NULL)
		slot++;
	return slot;
}

/* The bond's MAC is that of the first member that it ever had. */
static void
take_mac(struct bond *bond)
{
	const struct bond_member *first = member_find(bond, bond->config.members[0]);
	static const uint8_t none[RTE_ETHER_ADDR_LEN];
	struct port *port = bond->port->dp;

	if (first != NULL && memcmp(port->mac, none, sizeof(none)) == 0)
		memcpy(port->mac, first->port->dp->mac, sizeof(port->mac));
}

/* From here on it is a member; bond_update() is to follow. */
static void
member_join(struct bond_member *member)
{
	struct bond *bond = member->bond;
	struct port *port = member->port->dp;

	member->slot = member->demux->slot = free_slot(bond);
	bond->members[member->slot] = member;
	member->port->member = member;
	member->carrier = member->linked = port->up;
	member->since = bond_msec();
	take_mac(bond); /* protocols name the system by it */
	member_set_punts(member);
	__atomic_store_n(&port->demux, &member->demux->demux, __ATOMIC_RELEASE);
	port_device_watch(member->port, true);
	bond_arp_link(member);
	member_start_protocol(member);
	member_tell_protocol(member);
	member->usable = member->linked && (bond->arp == NULL || member->arp_answers);
}

/* It receives no more, and is not chosen any more; bond_update() and member_free() are to follow.
 */
static void
member_leave(struct bond_member *member)
{
	struct switch_port *port = member->port;
	struct bond *bond = member->bond;

	member_stop_protocol(member);
	port_device_watch(port, false);
	port->member = NULL;
	__atomic_store_n(&port->dp->punts, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&port->dp->demux, NULL, __ATOMIC_RELEASE);
	rcu_retire(bond->sw->rcu, &member->demux->retired, free, member->demux);
	member->demux = NULL;
	bond->members[member->slot] = NULL;
	if (bond->active == member)
		bond->active = NULL;
}

void
bond_port_removed(struct switch_port *port)
{
	struct bond_member *member = port->member;
	char reason[64];

	if (member == NULL)
		return;
	member->owned = false; /* the caller removes it */
	snprintf(reason, sizeof(reason), "%s is gone", port->config.name);
	member_leave(member);
	bond_update(member->bond, reason);
	member_free(member);
}

/* --- the bond --- */

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
			member_stop_protocol(bond->members[slot]);
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
		member_start_protocol(bond->members[slot]);
		member_tell_protocol(bond->members[slot]);
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
		if (member_find(bond, config->members[i]) != NULL)
			continue;
		ret_added[i] = member_create(bond, config->members[i], err);
		if (ret_added[i] != NULL)
			continue;
		while (i-- > 0)
			if (ret_added[i] != NULL)
				member_free(ret_added[i]);
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
		member_leave(bond->members[slot]);
	}
	for (uint8_t i = 0; i < LAG_MEMBERS_MAX; i++)
		if (added[i] != NULL)
			member_join(added[i]);
	bond_refresh(bond);
}

static void
free_members(struct bond_member *members[LAG_MEMBERS_MAX])
{
	for (uint8_t i = 0; i < LAG_MEMBERS_MAX; i++)
		if (members[i] != NULL)
			member_free(members[i]);
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
		member_set_punts(member);
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
	const struct bond_member *member = member_find(bond, name);

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
		bond->active = member_find(bond, active);
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
		ret = member_set_mtu(bond->members[n], mtu, err);
	}
	while (ret < 0 && n-- > 0)
		if (bond->members[n] != NULL)
			member_set_mtu(bond->members[n], before[n], NULL);
	return ret;
}

const struct port_type port_type_bond = {
	.name = "bond",
	.wait = PORT_WAIT_NONE,
	.takes_pending = true,
	.open = port_bond_open,
	.close = port_bond_close,
	.set_mtu = port_bond_set_mtu,
	.rx_burst = lag_rx_burst,
	.tx_burst = lag_tx_burst,
};
