/* SPDX-License-Identifier: BSD-3-Clause */
/* Health of what ports have with each other: MTUs, VLANs, loops. */
#include <stdlib.h>
#include <string.h>

#include "bond.h"
#include "emulated.h"
#include "health_priv.h"

#define LIST_SIZE 160 /* bytes of names of ports in a sentence */
#define LOOP_SEEN_MSEC 60000

/* --- MTU --- */

/* Ports of a bridge with the same MTU and VLANs; they have to do with some of another MTU. */
struct mtu_class {
	const struct vlan_settings *vlan;
	uint32_t mtu;
	bool differs;
};

static bool
vlans_meet(const struct vlan_settings *a, const struct vlan_settings *b)
{
	uint64_t both = 0;

	for (unsigned int i = 0; i < VLAN_WORDS; i++)
		both |= a->allowed[i] & b->allowed[i];
	return both != 0;
}

static int
class_compare(const void *a, const void *b)
{
	const struct mtu_class *left = a, *right = b;

	return left->mtu != right->mtu ? (left->mtu < right->mtu ? -1 : 1) :
					 (left->vlan > right->vlan) - (left->vlan < right->vlan);
}

/* The classes of a bridge's ports, by MTU. Return: how many. */
static uint32_t
classes_find(const struct health_round *round, const struct switch_bridge *bridge,
	     struct mtu_class *classes)
{
	const struct switch_port *port;
	uint32_t n = 0, unique = 0;

	LIST_FOREACH(port, &round->sw->ports, list)
		if (port->bridge == bridge && port->dp->up)
			classes[n++] = (struct mtu_class){ .vlan = vlan_of(port->dp),
							   .mtu = port->dp->mtu };
	qsort(classes, n, sizeof(classes[0]), class_compare);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || class_compare(&classes[unique - 1], &classes[i]) != 0)
			classes[unique++] = classes[i];
	for (uint32_t i = 0; i < unique; i++)
		for (uint32_t j = i + 1; j < unique; j++)
			if (classes[i].mtu != classes[j].mtu &&
			    vlans_meet(classes[i].vlan, classes[j].vlan))
				classes[i].differs = classes[j].differs = true;
	return unique;
}

/* Put a name behind others; of many, how many more. */
static void
list_add(char list[LIST_SIZE], const char *name, unsigned int n)
{
	const size_t len = strlen(list);

	if (n < 4)
		snprintf(list + len, LIST_SIZE - len, "%s%s", n > 0 ? ", " : "", name);
}

static void
list_end(char list[LIST_SIZE], unsigned int n)
{
	const size_t len = strlen(list);

	if (n > 4)
		snprintf(list + len, LIST_SIZE - len, " and %u more", n - 4);
}

/* The ports of an MTU that have to do with another. Return: how many. */
static unsigned int
mtu_ports(const struct health_round *round, const struct switch_bridge *bridge, uint32_t mtu,
	  const struct mtu_class *classes, uint32_t n_classes, char ret_list[LIST_SIZE])
{
	const struct switch_port *port;
	unsigned int n = 0;

	ret_list[0] = '\0';
	LIST_FOREACH(port, &round->sw->ports, list) {
		if (port->bridge != bridge || !port->dp->up || port->dp->mtu != mtu)
			continue;
		for (uint32_t i = 0; i < n_classes; i++)
			if (classes[i].differs && classes[i].mtu == mtu &&
			    classes[i].vlan == vlan_of(port->dp))
				list_add(ret_list, port->config.name, n++);
	}
	list_end(ret_list, n);
	return n;
}

static void
mtu_bridge(struct health_round *round, const struct switch_bridge *bridge,
	   struct mtu_class *classes)
{
	const uint32_t n = classes_find(round, bridge, classes);
	uint32_t smallest = 0, largest = 0;
	char small[LIST_SIZE], large[LIST_SIZE];

	for (uint32_t i = 0; i < n; i++) {
		if (!classes[i].differs)
			continue;
		smallest = smallest == 0 ? classes[i].mtu : smallest;
		largest = classes[i].mtu;
	}
	if (largest == 0)
		return;
	mtu_ports(round, bridge, smallest, classes, n, small);
	mtu_ports(round, bridge, largest, classes, n, large);
	health_found(round, HEALTH_WARNING, bridge->name,
		     json_sprintf("MTU %u at %s, but %u at %s: what is larger than %u does not "
				  "arrive there",
				  largest, large, smallest, small, smallest),
		     json_sprintf("one MTU for all: \"vsctl port set PORT mtu %u\" and in the "
				  "guests behind, or %u",
				  largest, smallest));
}

static void
mtu_bond(struct health_round *round, const struct bond *bond)
{
	const struct bond_member *member;

	for (unsigned int slot = 0; slot < LAG_MEMBERS_MAX; slot++) {
		member = bond->members[slot];
		if (member == NULL || !member->linked ||
		    member->port->dp->mtu == bond->port->dp->mtu)
			continue;
		health_found(round, HEALTH_WARNING, bond->name,
			     json_sprintf("has MTU %u, the least of its members: %s has %u",
					  bond->port->dp->mtu, member->port->config.name,
					  member->port->dp->mtu),
			     json_sprintf("one MTU for all: \"vsctl port set %s mtu %u\"",
					  bond->name, member->port->dp->mtu));
		return;
	}
}

void
health_mtu(struct health_round *round)
{
	struct mtu_class *classes = calloc(PORT_MAX, sizeof(*classes));
	const struct switch_bridge *bridge;
	const struct switch_port *port;
	const struct bond *bond;
	char why[64];

	LIST_FOREACH(bridge, &round->sw->bridges, list)
		if (classes != NULL)
			mtu_bridge(round, bridge, classes);
	free(classes);
	LIST_FOREACH(bond, &round->sw->bonds, list)
		mtu_bond(round, bond);
	LIST_FOREACH(port, &round->sw->ports, list) {
		snprintf(why, sizeof(why), "larger than the port's MTU of %u", port->dp->mtu);
		/* the router counts on the port that they came by; senders heed what it tells them
		 */
		if (port->dp->rif != NULL)
			health_drops(round, port, DROP_MTU_EXCEEDED, HEALTH_NOTE,
				     "too large for the port that they were routed to, as their "
				     "senders are told (RFC 1191, 8201)",
				     "raise that port's MTU, if what is behind it takes more: "
				     "\"vsctl port set PORT mtu N\"");
		else
			health_drops(round, port, DROP_MTU_EXCEEDED, HEALTH_WARNING, why,
				     "raise it, if what is behind %s takes more: \"vsctl port set "
				     "%s mtu N\"; or lower the senders'");
	}
}

/* --- VLANs --- */

/*
 * Is it in a VLAN, and not just because nobody has said anything of VLANs? A guest without settings
 * takes tags, but has none. A guest's emulated NIC is the guest itself.
 */
static bool
vlan_has(const struct switch_port *port, uint16_t vid)
{
	const struct vlan_config *config = &port->config.vlan;

	if (!vlan_member(port->dp, vid) || emulated_is_named(port))
		return false;
	return config->vid != 0 || config->tunnel != 0 || config->trunk ||
	       !switch_port_is_guest(port);
}

static bool
vlan_has_others(const struct switch_port *port, uint16_t vid)
{
	const struct switch_port *other;

	LIST_FOREACH(other, &port->sw->ports, list)
		if (other != port && other->bridge == port->bridge && vlan_has(other, vid))
			return true;
	return false;
}

/*
 * Not of uplinks' trunks, which may well have VLANs that no guest is in yet, and of guests' only
 * the native VLAN.
 */
void
health_vlan(struct health_round *round)
{
	const struct switch_port *port;

	LIST_FOREACH(port, &round->sw->ports, list) {
		const uint16_t vid = vlan_of(port->dp)->untagged;

		if (port->bridge == NULL || vid == 0 || vid == VLAN_NONE ||
		    (port->config.vlan.trunk && !switch_port_is_guest(port)) ||
		    vlan_has_others(port, vid))
			continue;
		health_found(
			round, HEALTH_WARNING, port->config.name,
			json_sprintf("is the only port in VLAN %u of bridge %s: it reaches "
				     "nobody there",
				     vid, port->bridge->name),
			json_sprintf("correct its VLAN: \"vsctl port set %s vid N\"; or let an "
				     "uplink have it: \"vsctl port set UPLINK trunk LIST\"",
				     port->config.name));
	}
	health_drop_rows(round);
}

/* --- loops --- */

void
health_loop(struct health_round *round)
{
	const uint64_t now = switch_usec() / 1000;
	const struct switch_port *port;

	LIST_FOREACH(port, &round->sw->ports, list) {
		const char *name = port->config.name;

		if (port->loop.blocked)
			health_found(
				round, HEALTH_ERROR, name, json_sprintf("is %s", port->loop.reason),
				json_sprintf("take the second way out: a cable, or a guest that "
					     "bridges two of its interfaces; then \"vsctl port "
					     "set %s carrier on\"",
					     name));
		else if (port->loop.seen > port->loop.freed &&
			 now - port->loop.seen < LOOP_SEEN_MSEC)
			health_found(
				round, HEALTH_WARNING, name,
				json_string("something behind it sends back what it is sent"),
				json_sprintf("look for a loop in the network behind %s", name));
		if (port->shut_reason[0] != '\0')
			health_found(round, HEALTH_ERROR, name,
				     json_sprintf("is out of use: %s", port->shut_reason),
				     json_sprintf("have the other side send no BPDUs, then \"vsctl "
						  "port set %s carrier on\"",
						  name));
	}
}
