/* SPDX-License-Identifier: BSD-3-Clause */
/* Health of single ports: links, guests, rings, bonds. */
#include <string.h>

#include "bond.h"
#include "health_priv.h"
#include "lacp.h"
#include "netback.h"
#include "port_vhost.h"
#include "port_vif.h"

#define LIST_SIZE 192     /* bytes of members of a bond, and what is wrong with each */
#define RING_WAITING 50   /* percent of a ring that may wait by chance */
#define TX_FULL_SHARE 100 /* of so many packets one may find no room */

/* Why its type says that it is not up. */
static const char *
why_down(const struct switch_port *port)
{
	return port->link_reason[0] != '\0' ? port->link_reason : "no link";
}

void
health_carrier(struct health_round *round)
{
	const struct switch_port *port;

	LIST_FOREACH(port, &round->sw->ports, list) {
		const char *name = port->config.name;

		if (port->config.carrier_off)
			health_found(round, HEALTH_NOTE, name,
				     json_string("is unplugged by the operator"),
				     json_sprintf("\"vsctl port set %s carrier on\"", name));
		else if (port->link || port->member != NULL)
			continue; /* members: health_bond() */
		else if (port->config.kind == PORT_KIND_ETH)
			/* the host's tools do not know it */
			health_found(round, HEALTH_ERROR, name, json_string(why_down(port)),
				     json_sprintf("look at cable, transceiver and switch port; "
						  "\"vsctl port show %s\" tells of the device",
						  name));
		else if (health_is_nic(port))
			health_found(round, HEALTH_ERROR, name, json_string(why_down(port)),
				     json_sprintf("look at cable and switch port; \"ip link set %s "
						  "up\", \"ethtool %s\"",
						  name, name));
		else if (port->config.kind == PORT_KIND_TAP)
			health_found(round, HEALTH_WARNING, name, json_string(why_down(port)),
				     json_sprintf("\"ip link set %s up\"", name));
	}
}

void
health_guest(struct health_round *round)
{
	const struct switch_port *port;

	LIST_FOREACH(port, &round->sw->ports, list) {
		const char *name = port->config.name;

		if (port->link || port->config.carrier_off)
			continue;
		if (port->config.kind == PORT_KIND_VIF)
			health_found(
				round, HEALTH_NOTE, name, json_string(why_down(port)),
				json_sprintf("see how far it is: \"vsctl vif show %s\"; a guest "
					     "that runs lacks the driver xen-netfront",
					     name));
		else if (port->config.kind == PORT_KIND_VHOST)
			health_found(
				round, HEALTH_NOTE, name, json_string(why_down(port)),
				json_sprintf("start the guest; its socket is in \"vsctl -j port "
					     "show %s\"",
					     name));
	}
	health_drop_rows(round);
}

/* Packets of a port that is on no bridge. */
static void
unbridged(struct health_round *round, const struct switch_port *port)
{
	/* what a switch sends to all, in VLANs that nobody here has */
	if (port->subports != NULL)
		health_drops(round, port, DROP_NO_BRIDGE, HEALTH_NOTE,
			     "untagged, or of a VLAN that no port takes",
			     "\"vsctl drops %s\" tells the VLANs; \"vsctl port add %s.N bridge "
			     "BRIDGE\" takes one");
	/* what listens at a mirror's end may speak, to nobody */
	else if (!port->is_mirror_end)
		health_drops(round, port, DROP_NO_BRIDGE, HEALTH_WARNING,
			     "the port is on no bridge", "\"vsctl port set %s bridge BRIDGE\"");
}

void
health_port(struct health_round *round)
{
	const struct switch_port *port;

	LIST_FOREACH(port, &round->sw->ports, list) {
		unbridged(round, port);
		if (port->link && port->link_reason[0] != '\0')
			health_found(round, HEALTH_WARNING, port->config.name,
				     json_string(port->link_reason),
				     json_sprintf("\"vsctl port show %s\"", port->config.name));
	}
}

/* --- bonds --- */

/*
 * Has LACP had no time yet to agree? Until the partner has given up who was there before (IEEE
 * 802.1AX-2014 6.4.4: Short_Timeout_Time), and both have waited for other links
 * (Aggregate_Wait_Time).
 */
static bool
agrees_soon(const struct bond *bond, const struct bond_member *member)
{
	return bond->config.mode == BOND_LACP && !bond->fallback && member->usable &&
	       switch_usec() / 1000 - member->since < LACP_SHORT_TIMEOUT + 2 * LACP_AGGREGATE_WAIT;
}

/* What keeps a member from carrying packets; NULL: nothing. */
static const char *
member_fault(const struct bond *bond, const struct bond_member *member)
{
	if (!member->carrier)
		return member->port->reason[0] != '\0' ? member->port->reason : "no link";
	if (!member->linked)
		return "updelay is not over";
	if (!member->usable)
		return "no answer from arp-targets";
	if (bond->config.mode == BOND_LACP && !bond->fallback && !member->distributing)
		return agrees_soon(bond, member) ? "no agreement with its LACP partner yet" :
						   "no agreement with its LACP partner";
	return NULL;
}

void
health_bond(struct health_round *round)
{
	const struct bond *bond;
	const char *fault;

	LIST_FOREACH(bond, &round->sw->bonds, list) {
		unsigned int n = 0, live = 0, soon = 0;
		char faults[LIST_SIZE] = "";

		for (unsigned int slot = 0; slot < LAG_MEMBERS_MAX; slot++) {
			const struct bond_member *member = bond->members[slot];
			const size_t len = strlen(faults);

			if (member == NULL)
				continue;
			n++;
			fault = member_fault(bond, member);
			if (fault == NULL) {
				live++;
				continue;
			}
			soon += agrees_soon(bond, member);
			snprintf(faults + len, sizeof(faults) - len, "%s%s: %s",
				 len > 0 ? "; " : "", member->port->config.name, fault);
		}
		if (live < n)
			health_found(
				round,
				live + soon == n ? HEALTH_NOTE :
				live + soon == 0 ? HEALTH_ERROR :
						   HEALTH_WARNING,
				bond->name,
				json_sprintf("%u of %u members carry packets; %s", live, n, faults),
				json_sprintf("mend the link, or the other side's bond; \"vsctl "
					     "bond show %s\"",
					     bond->name));
		else if (n == 1)
			health_found(
				round, HEALTH_NOTE, bond->name,
				json_string("has one member: nothing takes over when that fails"),
				json_sprintf("\"vsctl bond set %s members LIST\"", bond->name));
		if (bond->fallback)
			health_found(round, HEALTH_WARNING, bond->name,
				     json_string("no LACP partner answers: it goes on as "
						 "active-backup"),
				     json_string("turn on LACP on the switch's ports"));
	}
}

/* --- rings --- */

/* A guest that has let go of its ring. Return: is it one? */
static bool
ring_stands(struct health_round *round, const struct switch_port *port,
	    const struct port_stats *recent)
{
	const char *name = port->config.name;
	struct vif_load load;

	if (!port_vif_load(port, &load) || load.n_queues == 0)
		return false;
	/* of a moment, but in all of the time nothing has passed */
	if (load.from >= RING_WAITING && recent->rx_packets == 0)
		health_found(
			round, HEALTH_ERROR, name,
			json_sprintf("%u %% of its ring are packets of its guest, and none was "
				     "taken %s",
				     load.from, round->span),
			json_sprintf("see who has no time: \"vsctl worker show\"; and its rate: "
				     "\"vsctl port show %s\"",
				     name));
	if (load.towards < 100 || recent->tx_packets > 0)
		return false;
	health_found(round, HEALTH_ERROR, name,
		     json_sprintf("its guest has stalled: it has given no buffers %s, and %llu "
				  "packets for it were dropped",
				  round->span, (unsigned long long)recent->drops[DROP_TX_FULL]),
		     json_sprintf("is domain %u paused, hung, or at 100 %% CPU? \"xl list %u\", "
				  "\"xl console %u\"",
				  load.domid, load.domid, load.domid));
	return true;
}

static void
ring_full(struct health_round *round, const struct switch_port *port,
	  const struct port_stats *recent)
{
	const unsigned long long full = recent->drops[DROP_TX_FULL];
	const bool few = full < recent->tx_packets / TX_FULL_SHARE;

	if (full == 0)
		return;
	if (recent->tx_packets == 0)
		health_found(
			round, HEALTH_ERROR, port->config.name,
			json_sprintf("has stalled: it took none of %llu packets %s", full,
				     round->span),
			json_sprintf("look at what is behind %s: a guest that hangs, a NIC that "
				     "is paused",
				     port->config.name));
	else
		health_found(
			round, few ? HEALTH_NOTE : HEALTH_WARNING, port->config.name,
			json_sprintf("found no room for %llu packets %s, and took %llu", full,
				     round->span, (unsigned long long)recent->tx_packets),
			json_string("what is behind it is too slow: give a guest more CPUs, or "
				    "let its senders send less"));
}

void
health_ring(struct health_round *round)
{
	const struct switch_port *port;
	struct port_stats sum, recent;

	LIST_FOREACH(port, &round->sw->ports, list) {
		if (!port->dp->up)
			continue;
		health_stats(round, port, &sum, &recent);
		if (!ring_stands(round, port, &recent))
			ring_full(round, port, &recent);
	}
}
