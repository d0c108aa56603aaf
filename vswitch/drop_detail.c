/* SPDX-License-Identifier: BSD-3-Clause */
#include "drop_detail.h"

#include <stdio.h>

#include "drop_log.h"
#include "nat_control.h"
#include "netback.h"
#include "port_vif.h"
#include "switch.h"
#include "vlan.h"

#define VLAN_TEXT_MAX 64

/* What they are about. */
struct drops_of {
	const struct switch_port *port;
	uint16_t vlan;
};

/* Leaves @text alone if there is nothing to tell. */
typedef void (*detail_fn)(const struct drops_of *drops, char *text);

static void
tell_vlan(const struct drops_of *drops, char *text)
{
	const struct switch_port *port = drops->port;
	char is[VLAN_TEXT_MAX], what[32] = "";

	switch_vlan_text(&port->config.vlan, is, sizeof(is));
	if (drops->vlan == 0)
		snprintf(what, sizeof(what), "it is untagged, but ");
	else if (drops->vlan != DROP_VLAN_UNKNOWN)
		snprintf(what, sizeof(what), "it is of VLAN %u, but ", drops->vlan);
	snprintf(text, DROP_DETAIL_SIZE, "%sport %s is set to VLAN %s", what, port->config.name,
		 is[0] != '\0' ? is : "(none)");
}

/* Is there a port that frames of the VLAN could have gone to? */
static void
tell_no_destination(const struct drops_of *drops, char *text)
{
	const struct switch_port *port = drops->port, *other;
	bool is_private = false;
	char vlan[32] = "";

	if (port->bridge == NULL || drops->vlan == DROP_VLAN_UNKNOWN)
		return;
	LIST_FOREACH(other, &port->sw->ports, list) {
		if (other == port || other->bridge != port->bridge || !other->dp->up ||
		    !vlan_member(other->dp, drops->vlan))
			continue;
		if (!(port->dp->isolated & other->dp->isolated))
			return;
		is_private = true;
	}
	if (drops->vlan != 0)
		snprintf(vlan, sizeof(vlan), " in VLAN %u", drops->vlan);
	if (is_private)
		snprintf(text, DROP_DETAIL_SIZE,
			 "port %s is isolated, and so are all others of bridge %s that are up%s",
			 port->config.name, port->bridge->name, vlan);
	else
		snprintf(text, DROP_DETAIL_SIZE, "no port of bridge %s but %s is up%s",
			 port->bridge->name, port->config.name, vlan);
}

/* The router counts on the port that they came by. */
static void
tell_mtu(const struct drops_of *drops, char *text)
{
	const struct switch_port *port = drops->port, *other, *widest = NULL;
	int len;

	if (port->config.kind == PORT_KIND_GATEWAY) {
		snprintf(text, DROP_DETAIL_SIZE,
			 "larger than MTU %u of gateway %s; or routed, to a port that takes less, "
			 "as the sender is told by ICMP",
			 port->dp->mtu, port->config.name);
		return;
	}
	if (port->dp->rif != NULL) {
		snprintf(text, DROP_DETAIL_SIZE,
			 "routed: the port that it was to leave by takes less, and the sender is "
			 "told by ICMP");
		return;
	}
	LIST_FOREACH(other, &port->sw->ports, list)
		if (port->bridge != NULL && other->bridge == port->bridge &&
		    other->dp->mtu > port->dp->mtu &&
		    (widest == NULL || other->dp->mtu > widest->dp->mtu))
			widest = other;
	len = snprintf(text, DROP_DETAIL_SIZE, "larger than MTU %u of port %s", port->dp->mtu,
		       port->config.name);
	if (widest != NULL)
		snprintf(text + len, DROP_DETAIL_SIZE - len, "; port %s on bridge %s has %u",
			 widest->config.name, port->bridge->name, widest->dp->mtu);
}

static void
tell_unusable(const struct drops_of *drops, char *text)
{
	if (drops->port->reason[0] != '\0')
		snprintf(text, DROP_DETAIL_SIZE, "port %s: %s", drops->port->config.name,
			 drops->port->reason);
}

static void
tell_guest_sessions(const struct drops_of *drops, char *text)
{
	const struct switch_port *port = drops->port;
	struct nat_guest_info info;

	if (port->sw->nat == NULL || nat_table(port->sw->nat) == NULL)
		return;
	nat_guest_info(nat_table(port->sw->nat), port->dp->id + 1, &info);
	snprintf(text, DROP_DETAIL_SIZE, "port %s has %u NAT sessions, and may have %u",
		 port->config.name, info.sessions, info.max_sessions);
}

/* How full it is, and who has most of it. */
static void
tell_nat_table(const struct drops_of *drops, char *text)
{
	struct vswitch *sw = drops->port->sw;
	const struct switch_port *port, *most = NULL;
	struct nat_guest_info info;
	uint32_t sessions = 0;
	int len;

	if (sw->nat == NULL || nat_table(sw->nat) == NULL)
		return;
	LIST_FOREACH(port, &sw->ports, list) {
		nat_guest_info(nat_table(sw->nat), port->dp->id + 1, &info);
		if (info.sessions > sessions) {
			sessions = info.sessions;
			most = port;
		}
	}
	len = snprintf(text, DROP_DETAIL_SIZE, "%u of %u NAT sessions are in use",
		       nat_count(nat_table(sw->nat)), nat_table_get(sw->nat)->max_sessions);
	if (most != NULL)
		snprintf(text + len, DROP_DETAIL_SIZE - len, ", %u by port %s", sessions,
			 most->config.name);
}

static void
tell_ring(const struct drops_of *drops, char *text)
{
	struct vif_load load;

	if (port_vif_load(drops->port, &load) && load.n_queues > 0 && load.towards >= 100)
		snprintf(text, DROP_DETAIL_SIZE,
			 "the guest of port %s, domain %u %s, gives no buffers now",
			 drops->port->config.name, load.domid, load.guest);
}

static const detail_fn details[DROP_REASONS] = {
	[DROP_VLAN_MISMATCH] = tell_vlan, [DROP_NO_DESTINATION] = tell_no_destination,
	[DROP_MTU_EXCEEDED] = tell_mtu,   [DROP_PORT_DOWN] = tell_unusable,
	[DROP_BLOCKED] = tell_unusable,   [DROP_NAT_SESSIONS] = tell_guest_sessions,
	[DROP_NAT_FULL] = tell_nat_table, [DROP_TX_FULL] = tell_ring,
};

bool
drop_detail(const struct switch_port *port, enum drop_reason reason, uint16_t vlan,
	    char ret_text[DROP_DETAIL_SIZE])
{
	const struct drops_of drops = { .port = port, .vlan = vlan };

	ret_text[0] = '\0';
	if (details[reason] != NULL)
		details[reason](&drops, ret_text);
	return ret_text[0] != '\0';
}

const char *
drop_at_fault(const struct switch_port *port, enum drop_reason reason)
{
	return reason == DROP_MTU_EXCEEDED && port->dp->rif != NULL ? "OTHER" : port->config.name;
}
