/* SPDX-License-Identifier: BSD-3-Clause */
/* Selection, IEEE 802.1AX-2014 6.4.14: which ports go together, and why the others do not. */
#include <string.h>

#include "lacp_priv.h"

const char *const lacp_reason_texts[LACP_REASONS] = {
	[LACP_REASON_NONE] = "",
	[LACP_REASON_LINK] = "no link",
	[LACP_REASON_SILENT] = "no LACPDU from the partner",
	[LACP_REASON_LOOP] = "its partner is this bond itself: a loop",
	[LACP_REASON_DUPLEX] = "half duplex",
	[LACP_REASON_GROUP] = "its partner or speed is not that of the links in use",
	[LACP_REASON_MIN_LINKS] = "fewer links than min-links",
	[LACP_REASON_WAITING] = "about to be aggregated",
	[LACP_REASON_PARTNER] = "the partner has not agreed yet",
};

uint16_t
port_key(const struct lacp_config *config, const struct lacp_port *port)
{
	static const uint32_t speeds[] = { 0,     10,     100,    1000,   2500,  5000,
					   10000, 14000,  20000,  25000,  40000, 50000,
					   56000, 100000, 200000, 400000, 800000 };
	uint16_t index = 0;

	for (uint16_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
		if (port->speed >= speeds[i])
			index = i;
	return (uint16_t)(config->key << 6 | index << 1 | port->full_duplex);
}

static bool
is_loop(const struct lacp_port *port)
{
	return memcmp(port->actor.system, port->partner.system, sizeof(port->actor.system)) == 0 &&
	       port->actor.key == port->partner.key;
}

/* May it be aggregated, now or when its link and its partner are there again? */
static bool
is_eligible(const struct lacp_port *port)
{
	return port->used && !(port->actor.state & LACP_DEFAULTED) && port->full_duplex &&
	       !is_loop(port);
}

/* Can it carry traffic? A port that is about to be taken over counts, or its group falls apart. */
static bool
is_live(const struct lacp_port *port)
{
	return port->restoring ||
	       (is_eligible(port) && port->enabled && port->rx == LACP_RX_CURRENT);
}

static bool
same_group(const struct lacp_port *a, const struct lacp_port *b)
{
	const struct lacp_info *pa = a->restoring ? &a->saved.partner : &a->partner;
	const struct lacp_info *pb = b->restoring ? &b->saved.partner : &b->partner;
	const uint16_t key_a = a->restoring ? a->saved.actor.key : a->actor.key;
	const uint16_t key_b = b->restoring ? b->saved.actor.key : b->actor.key;

	if (a == b)
		return true;
	return memcmp(pa->system, pb->system, sizeof(pa->system)) == 0 &&
	       pa->system_priority == pb->system_priority && pa->key == pb->key && key_a == key_b &&
	       pa->state & pb->state & LACP_AGGREGATION;
}

/* What speaks for a group. */
struct merit {
	unsigned int n_links;
	uint64_t bandwidth;
	bool attached; /* it has begun to work */
};

static struct merit
group_merit(struct lacp *lacp, const struct lacp_port *lead)
{
	struct merit merit = { 0 };

	FOREACH_USED(port, lacp) {
		if (!is_live(port) || !same_group(port, lead))
			continue;
		merit.n_links++;
		merit.bandwidth += port->speed > 0 ? port->speed : 1;
		merit.attached |= port->restoring || port->mux >= LACP_MUX_ATTACHED;
	}
	return merit;
}

int
partner_compare(const struct lacp_info *a, const struct lacp_info *b)
{
	if (a->system_priority != b->system_priority)
		return a->system_priority < b->system_priority ? -1 : 1;
	return memcmp(a->system, b->system, sizeof(a->system));
}

static bool
group_better(const struct lacp *lacp, const struct lacp_port *a, const struct merit *merit_a,
	     const struct lacp_port *b, const struct merit *merit_b)
{
	const bool enough_a = merit_a->n_links >= lacp->config.min_links;
	const bool enough_b = merit_b->n_links >= lacp->config.min_links;

	if (enough_a != enough_b)
		return enough_a;
	if (merit_a->bandwidth != merit_b->bandwidth)
		return merit_a->bandwidth > merit_b->bandwidth;
	return partner_compare(&a->partner, &b->partner) < 0;
}

/* The port that stands for the group to use, or NULL. */
static const struct lacp_port *
lead_find(struct lacp *lacp)
{
	const struct lacp_port *best = lacp->lead >= 0 ? &lacp->ports[lacp->lead] : NULL;
	struct merit best_merit = { 0 };

	if (best != NULL && is_eligible(best)) {
		best_merit = group_merit(lacp, best);
		if (best_merit.attached && best_merit.n_links >= lacp->config.min_links)
			return best;
	}
	if (best_merit.n_links == 0)
		best = NULL;
	FOREACH_USED(port, lacp) {
		const struct merit merit = group_merit(lacp, port);

		if (!is_live(port) || port->restoring)
			continue;
		if (best == NULL || group_better(lacp, port, &merit, best, &best_merit)) {
			best = port;
			best_merit = merit;
		}
	}
	return best;
}

static enum lacp_selected
port_selection(const struct lacp_port *port, const struct lacp_port *lead, bool enough)
{
	if (!is_eligible(port))
		return LACP_UNSELECTED;
	if (lead == NULL) /* all silent: whoever is heard first goes on */
		return port->rx == LACP_RX_CURRENT ? LACP_UNSELECTED : port->selected;
	if (!same_group(port, lead))
		return LACP_UNSELECTED;
	return enough ? LACP_SELECTED : LACP_STANDBY;
}

bool
select_ports(struct lacp *lacp)
{
	const struct lacp_port *lead = lead_find(lacp);
	const bool enough =
		lead != NULL && group_merit(lacp, lead).n_links >= lacp->config.min_links;
	bool changed = false;

	lacp->lead = lead != NULL ? (int)(lead - lacp->ports) : -1;
	FOREACH_USED(port, lacp) {
		const enum lacp_selected selected = port_selection(port, lead, enough);

		changed |= selected != port->selected;
		port->selected = selected;
	}
	return changed;
}

/* Have all that wait for the aggregator waited long enough? 6.4.15, Ready */
bool
selection_ready(struct lacp *lacp)
{
	FOREACH_USED(port, lacp)
		if (port->enabled && port->mux == LACP_MUX_WAITING &&
		    port->selected == LACP_SELECTED && port->wait_while != LACP_NEVER)
			return false;
	return true;
}

enum lacp_reason
port_reason(const struct lacp_port *port)
{
	if (!port->enabled)
		return LACP_REASON_LINK;
	if (port->rx != LACP_RX_CURRENT)
		return LACP_REASON_SILENT;
	if (is_loop(port))
		return LACP_REASON_LOOP;
	if (!port->full_duplex)
		return LACP_REASON_DUPLEX;
	if (port->selected == LACP_UNSELECTED)
		return LACP_REASON_GROUP;
	if (port->selected == LACP_STANDBY)
		return LACP_REASON_MIN_LINKS;
	if (port->mux < LACP_MUX_ATTACHED)
		return LACP_REASON_WAITING;
	return port->mux < LACP_MUX_DISTRIBUTING ? LACP_REASON_PARTNER : LACP_REASON_NONE;
}
