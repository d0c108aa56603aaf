/* SPDX-License-Identifier: BSD-3-Clause */
/* What "bond show" says of LACP. */
#include "bond_priv.h"
#include "lacp_bond_priv.h"
#include "rpc_methods_priv.h"

static json_t *
info_json(const struct lacp_info *info)
{
	char words[LACP_WORDS_SIZE];

	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:s}", "system", rpc_mac_json(info->system),
			 "system_priority", (json_int_t)info->system_priority, "key",
			 (json_int_t)info->key, "port", (json_int_t)info->port, "port_priority",
			 (json_int_t)info->port_priority, "state",
			 lacp_state_words(info->state, words));
}

static json_t *
counters_json(const struct lacp_bond *bond, const struct lacp_member *member,
	      const struct lacp_counters *counters)
{
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "rx_lacpdus",
		(json_int_t)counters->rx_pdus, "tx_lacpdus", (json_int_t)counters->tx_pdus,
		"rx_bad", (json_int_t)counters->rx_bad, "rx_markers",
		(json_int_t)counters->rx_markers, "tx_marker_answers",
		(json_int_t)counters->tx_marker_answers, "expiries", (json_int_t)counters->expiries,
		"actor_churns", (json_int_t)counters->actor_churns, "partner_churns",
		(json_int_t)counters->partner_churns, "tx_repeats",
		(json_int_t)lacp_keepalive_repeats(bond->bond->sw->lacp->keepalive, member->kept),
		"tx_failures", (json_int_t)member->tx_failures);
}

/* ms since @when, or null: never. */
static json_t *
age_json(uint64_t when)
{
	return when != 0 ? json_integer(bond_msec() - when) : json_null();
}

json_t *
lacp_member_show(const struct bond_member *member)
{
	const struct lacp_bond *bond = member->bond->protocol;
	const struct lacp_port *port = &bond->lacp.ports[member->slot];
	const bool heard = !(port->actor.state & LACP_DEFAULTED);
	json_t *json;

	json = json_pack("{s:o, s:o, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o}", "actor",
			 info_json(&port->actor), "partner",
			 heard ? info_json(&port->partner) : json_null(), "receive",
			 lacp_rx_names[port->rx], "mux", lacp_mux_names[port->mux], "actor_churn",
			 lacp_churn_names[port->actor_churn], "partner_churn",
			 lacp_churn_names[port->partner_churn], "mbps", (json_int_t)port->speed,
			 "rx_age_ms", age_json(port->last_rx), "tx_age_ms", age_json(port->last_tx),
			 "counters", counters_json(bond, member->protocol, &port->counters));
	if (port->reason != LACP_REASON_NONE)
		json_object_set_new(json, "reason", json_string(lacp_reason_texts[port->reason]));
	return json_pack("{s:o}", "lacp", json);
}

json_t *
lacp_bond_show(const struct bond *bond)
{
	const struct lacp_bond *own = bond->protocol;
	const struct lacp_config *config = &own->lacp.config;
	json_t *partner = json_null();
	unsigned int n_links = 0;

	for (unsigned int i = 0; i < LACP_PORTS_MAX; i++)
		n_links += own->lacp.ports[i].used && own->lacp.ports[i].reported_distributing;
	if (own->lacp.lead >= 0) {
		const struct lacp_info *info = &own->lacp.ports[own->lacp.lead].partner;

		partner = json_pack("{s:o, s:I, s:I}", "system", rpc_mac_json(info->system),
				    "system_priority", (json_int_t)info->system_priority, "key",
				    (json_int_t)info->key);
	}
	return json_pack("{s:{s:s, s:s, s:o, s:I, s:I, s:I, s:b, s:b, s:I, s:o, s:I}}", "lacp",
			 "mode", config->active ? "active" : "passive", "rate",
			 config->fast ? "fast" : "slow", "system", rpc_mac_json(config->system),
			 "system_priority", (json_int_t)config->system_priority, "port_priority",
			 (json_int_t)bond->config.lacp_port_priority, "min_links",
			 (json_int_t)config->min_links, "fallback", (int)config->fallback,
			 "fallback_active", (int)own->lacp.fallback, "links", (json_int_t)n_links,
			 "partner", partner, "timer_late_max_ms", (json_int_t)own->late_max);
}
