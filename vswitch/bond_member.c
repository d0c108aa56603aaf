/* SPDX-License-Identifier: BSD-3-Clause */
/* Members of bonds: opened, taken in and let go, their links and delays. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "bond_priv.h"
#include "error.h"
#include "log.h"
#include "mirrors.h"
#include "port_types.h"
#include "routing.h"
#include "switch_priv.h"

struct bond_member *
bond_member_find(const struct bond *bond, const char *name)
{
	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++)
		if (bond->members[slot] != NULL &&
		    strcmp(bond->members[slot]->port->config.name, name) == 0)
			return bond->members[slot];
	return NULL;
}

void
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

void
bond_member_tell_protocol(struct bond_member *member)
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
	bond_member_tell_protocol(member);
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
		bond_member_tell_protocol(member); /* perhaps another speed */
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
	if (port->is_mirror_end)
		return mirror_end_is_busy(port, err);
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

int
bond_member_set_mtu(struct bond_member *member, uint32_t mtu, struct error *err)
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

void
bond_member_free(struct bond_member *member)
{
	if (!member->owned && member->mtu_given != 0)
		bond_member_set_mtu(member, 0, NULL);
	if (member->owned)
		switch_port_remove(member->bond->sw, member->port);
	if (member->delay != NULL)
		event_free(member->delay);
	free(member->demux);
	free(member);
}

struct bond_member *
bond_member_create(struct bond *bond, const char *name, struct error *err)
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
		 bond_member_set_mtu(member, bond->port->config.mtu, err) < 0) {
		free(member);
		return NULL;
	}
	member->delay = evtimer_new(bond->sw->base, member_delay_over, member);
	member->demux = lag_member_create(bond->lag, 0);
	if (member->delay == NULL || member->demux == NULL) {
		bond_member_free(member);
		error_set(err, ENOMEM, "bond %s: no memory for member %s", bond->name, name);
		return NULL;
	}
	return member;
}

void
bond_member_set_punts(struct bond_member *member)
{
	uint8_t punts = 0;

	if (member->bond->running != NULL)
		punts |= PORT_PUNT_LINK_LOCAL;
	if (member->bond->config.n_arp_targets > 0)
		punts |= PORT_PUNT_ARP;
	__atomic_store_n(&member->port->dp->punts, punts, __ATOMIC_RELAXED);
}

void
bond_member_start_protocol(struct bond_member *member)
{
	const struct bond_protocol *running = member->bond->running;
	struct error err = { 0 };

	member->collecting = member->distributing = false;
	if (running != NULL && running->member_start(member, &err) < 0)
		log_line(LOG_ERR, "bond %s: member %s: %s", member->bond->name,
			 member->port->config.name, err.msg);
}

void
bond_member_stop_protocol(struct bond_member *member)
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
	const struct bond_member *first = bond_member_find(bond, bond->config.members[0]);
	static const uint8_t none[RTE_ETHER_ADDR_LEN];
	struct port *port = bond->port->dp;

	if (first != NULL && memcmp(port->mac, none, sizeof(none)) == 0)
		memcpy(port->mac, first->port->dp->mac, sizeof(port->mac));
}

void
bond_member_join(struct bond_member *member)
{
	struct bond *bond = member->bond;
	struct port *port = member->port->dp;

	member->slot = member->demux->slot = free_slot(bond);
	bond->members[member->slot] = member;
	member->port->member = member;
	member->carrier = member->linked = port->up;
	member->since = bond_msec();
	take_mac(bond); /* protocols name the system by it */
	bond_member_set_punts(member);
	__atomic_store_n(&port->demux, &member->demux->demux, __ATOMIC_RELEASE);
	port_device_watch(member->port, true);
	bond_arp_link(member);
	bond_member_start_protocol(member);
	bond_member_tell_protocol(member);
	member->usable = member->linked && (bond->arp == NULL || member->arp_answers);
}

void
bond_member_leave(struct bond_member *member)
{
	struct switch_port *port = member->port;
	struct bond *bond = member->bond;

	bond_member_stop_protocol(member);
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
	bond_member_leave(member);
	bond_update(member->bond, reason);
	bond_member_free(member);
}
