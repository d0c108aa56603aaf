/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules of NAT: what an operator says, and what that comes to. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "nat_control_priv.h"
#include "unknown.h"
#include "words.h"

const char *const nat_rule_kind_names[] = {
	[NAT_RULE_MASQUERADE] = "masquerade",
	[NAT_RULE_SNAT] = "snat",
	[NAT_RULE_DNAT] = "dnat",
};

/* --- what a name means --- */

bool
nat_rule_denotes(const char *name, const struct switch_rif *rif)
{
	const struct switch_port *port = rif->port;
	char text[2 * SWITCH_NAME_SIZE];

	if (strcmp(name, port->config.name) == 0)
		return true;
	if (!rif->is_gateway || port->bridge == NULL)
		return false;
	if (port->config.vlan.vid == 0)
		return strcmp(name, port->bridge->name) == 0;
	snprintf(text, sizeof(text), "%s.%u", port->bridge->name, port->config.vlan.vid);
	return strcmp(name, text) == 0;
}

static struct switch_rif *
rif_named(const struct nat_control *control, const char *name)
{
	struct switch_rif *rif = NULL;

	while ((rif = rif_next(control->sw->routing, rif)) != NULL)
		if (nat_rule_denotes(name, rif))
			return rif;
	return NULL;
}

const char *
nat_rule_out(const struct nat_control *control, const struct nat_rule_config *config)
{
	const struct nat_rule *rule;

	if (config->out[0] != '\0')
		return config->out;
	TAILQ_FOREACH(rule, &control->rules, list)
		if (rule->config.kind == NAT_RULE_MASQUERADE)
			return rule->config.out;
	return "";
}

/* Is it a port, a bridge or a VLAN of one; or a guest's, which comes and goes? */
static bool
name_is_known(struct vswitch *sw, const char *name, bool may_be_bridge)
{
	unsigned int domid, devid, vid;
	char bridge[SWITCH_NAME_SIZE];

	if (switch_port_find(sw, name) != NULL || vif_name_parse(name, &domid, &devid) == 0)
		return true;
	if (!may_be_bridge)
		return false;
	return switch_bridge_find(sw, name) != NULL ||
	       (vlan_name_parse(name, bridge, sizeof(bridge), &vid) == 0 &&
		switch_bridge_find(sw, bridge) != NULL);
}

/* --- what rules come to --- */

/* The address that the router has had on an interface for the longest time, or 0. */
static uint32_t
rif_ipv4(const struct switch_rif *rif)
{
	const struct rif_addr *own;
	uint32_t ip = 0;

	LIST_FOREACH(own, &rif->addrs, list)
		if (own->prefix.addr.family == AF_INET)
			memcpy(&ip, own->prefix.addr.bytes, sizeof(ip));
	return ip;
}

static void __attribute__((format(printf, 2, 3)))
inactive(struct nat_rule_state *state, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(state->reason, sizeof(state->reason), fmt, args);
	va_end(args);
}

/* The way out, and the address there. */
static void
resolve_out(const struct nat_control *control, const struct nat_rule_config *config,
	    struct nat_rule_state *state)
{
	const char *name = nat_rule_out(control, config);
	const struct switch_rif *rif = name[0] != '\0' ? rif_named(control, name) : NULL;
	const bool needs_addr =
		config->kind == NAT_RULE_MASQUERADE ||
		(config->kind == NAT_RULE_DNAT && config->dnat.ext.s_addr == INADDR_ANY);

	if (rif != NULL) {
		state->out_port = rif->port->dp->id;
		snprintf(state->out, sizeof(state->out), "%s", rif->port->config.name);
		state->ext = rif_ipv4(rif);
	}
	if (config->kind == NAT_RULE_DNAT && config->dnat.ext.s_addr != INADDR_ANY)
		state->ext = config->dnat.ext.s_addr;
	if (name[0] == '\0')
		inactive(state, "no masquerade names a way out; give out");
	else if (rif == NULL && !name_is_known(control->sw, name, true))
		inactive(state, "there is no port %s", name);
	else if (rif == NULL)
		inactive(state, "%s is not routed: it has no address", name);
	else if (needs_addr && state->ext == 0)
		inactive(state, "%s has no IPv4 address", name);
}

static void
resolve_source(const struct nat_control *control, const struct nat_rule_config *config,
	       struct nat_rule_state *state)
{
	const struct switch_rif *rif;

	state->guest = NAT_GUEST_ANY;
	state->mapping = config->mapping == NAT_MAPPING_TABLE ? (uint8_t)control->config.mapping :
								config->mapping - 1;
	state->filtering = config->filtering == NAT_FILTERING_TABLE ?
				   (uint8_t)control->config.filtering :
				   config->filtering - 1;
	/* what the table says of others' filtering is no order for this mapping */
	if (state->mapping != NAT_MAP_ENDPOINT_INDEPENDENT &&
	    config->filtering == NAT_FILTERING_TABLE)
		state->filtering = NAT_FILTER_ADDRESS_PORT;
	if (config->guest[0] == '\0')
		return;
	rif = rif_named(control, config->guest);
	if (rif != NULL && !rif->keeps_source)
		state->guest = rif->port->dp->id + 1;
	else if (state->reason[0] == '\0')
		inactive(state, rif == NULL ? "guest %s is not there" : "guest %s is in mode route",
			 config->guest);
}

/* Whose sessions they are, and that no packet goes back where it came from. */
static void
resolve_forwarding(const struct nat_control *control, const struct nat_rule_config *config,
		   struct nat_rule_state *state)
{
	const struct ip_addr inside = ip_addr_make(AF_INET, &config->dnat.inside);
	const struct switch_rif *rif = rif_on_link(control->sw->routing, &inside);
	char text[IP_ADDR_TEXT_SIZE];

	state->guest = NAT_GUEST_NONE;
	if (state->reason[0] != '\0')
		return;
	ip_addr_format(&inside, text);
	if (addr_is_own(control->sw->routing, &inside))
		inactive(state, "%s is the router's own", text);
	else if (rif == NULL)
		inactive(state, "no route leads to %s", text);
	else if (rif->port->dp->id == state->out_port)
		inactive(state, "%s is not inside: it is reached by %s", text, state->out);
	else
		state->guest = rif->port->dp->id + 1;
}

void
nat_rule_resolve(const struct nat_control *control, const struct nat_rule_config *config,
		 struct nat_rule_state *ret_state)
{
	*ret_state = (struct nat_rule_state){ .out_port = NAT_OUT_ANY };
	resolve_out(control, config, ret_state);
	if (config->kind == NAT_RULE_DNAT)
		resolve_forwarding(control, config, ret_state);
	else
		resolve_source(control, config, ret_state);
}

/* --- what an operator does --- */

int
nat_rule_agrees(const struct nat_control *control, const struct nat_rule_config *config,
		struct error *err)
{
	struct nat_rule_state state;

	if (config->kind == NAT_RULE_DNAT)
		return 0;
	nat_rule_resolve(control, config, &state);
	if (state.mapping != NAT_MAP_ENDPOINT_INDEPENDENT &&
	    state.filtering != NAT_FILTER_ADDRESS_PORT)
		return error_set(err, EINVAL,
				 "nat %s: filtering: others than address-port-dependent need "
				 "mapping endpoint-independent",
				 config->name);
	return 0;
}

/*
 * Is what it names known? While the daemon starts anything may be missing: it had been there when
 * the rule was made, and a rule that is of no use is no reason to leave guests without a switch.
 */
static int
names_check(const struct nat_control *control, const struct nat_rule_config *config,
	    const struct nat_rule_config *old, struct error *err)
{
	const bool new_out = old == NULL || strcmp(config->out, old->out) != 0;
	const bool new_guest = old == NULL || strcmp(config->guest, old->guest) != 0;
	char hint[WORD_HINT_SIZE];

	if (!control->sw->started)
		return 0;
	if (new_out && config->out[0] != '\0' && !name_is_known(control->sw, config->out, true))
		return error_set(err, ENOENT, "nat %s: %s: there is no port %s; %s", config->name,
				 config->kind == NAT_RULE_MASQUERADE ? "masquerade" : "out",
				 config->out,
				 unknown_port_hint(control->sw, config->out, true, hint));
	if (new_guest && config->guest[0] != '\0' &&
	    !name_is_known(control->sw, config->guest, false))
		return error_set(err, ENOENT, "nat %s: guest: there is no port %s; %s",
				 config->name, config->guest,
				 unknown_port_hint(control->sw, config->guest, false, hint));
	if (old == NULL && nat_rule_out(control, config)[0] == '\0')
		return error_set(err, EINVAL,
				 "nat %s: out is missing: the routed port, or bridge, on the "
				 "outside",
				 config->name);
	return 0;
}

/*
 * Is what it names known, and does it go together with the table?
 * @old: what it was; names that it had may have become unknown since. NULL: it is new.
 */
static int
rule_check(const struct nat_control *control, const struct nat_rule_config *config,
	   const struct nat_rule_config *old, struct error *err)
{
	int ret = names_check(control, config, old, err);

	return ret < 0 ? ret : nat_rule_agrees(control, config, err);
}

struct nat_rule *
nat_rule_find(struct nat_control *control, const char *name)
{
	struct nat_rule *rule;

	TAILQ_FOREACH(rule, &control->rules, list)
		if (strcmp(rule->config.name, name) == 0)
			return rule;
	return NULL;
}

const struct nat_rule_list *
nat_rules_all(struct nat_control *control)
{
	nat_control_renew(control, NULL, NULL);
	return &control->rules;
}

int
nat_rule_add(struct nat_control *control, const struct nat_rule_config *config, struct error *err)
{
	struct nat_rule *rule;
	int ret;

	if (nat_rule_find(control, config->name) != NULL)
		return error_set(err, EEXIST, "nat %s: exists already", config->name);
	if (control->n_rules == NAT_RULES_MAX)
		return error_set(err, ENOSPC, "nat %s: there are %u rules already", config->name,
				 NAT_RULES_MAX);
	ret = rule_check(control, config, NULL, err);
	if (ret < 0)
		return ret;
	rule = calloc(1, sizeof(*rule));
	if (rule == NULL)
		return error_set(err, ENOMEM, "nat %s: no memory for it", config->name);
	rule->config = *config;
	TAILQ_INSERT_TAIL(&control->rules, rule, list);
	control->n_rules++;
	ret = nat_control_renew(control, rule, err);
	if (ret == 0)
		return 0;
	TAILQ_REMOVE(&control->rules, rule, list);
	control->n_rules--;
	free(rule);
	nat_control_renew(control, NULL, NULL);
	return ret;
}

int
nat_rule_set(struct nat_control *control, const struct nat_rule_config *config, struct error *err)
{
	struct nat_rule *rule = nat_rule_find(control, config->name);
	struct nat_rule_config old;
	int ret;

	if (rule == NULL)
		return unknown_nat_rule(control, config->name, err);
	ret = rule_check(control, config, &rule->config, err);
	if (ret < 0)
		return ret;
	old = rule->config;
	rule->config = *config;
	ret = nat_control_renew(control, rule, err);
	if (ret < 0) {
		rule->config = old;
		nat_control_renew(control, NULL, NULL);
	}
	return ret;
}

int
nat_rule_del(struct nat_control *control, const char *name, struct error *err)
{
	struct nat_rule *rule = nat_rule_find(control, name);

	if (rule == NULL)
		return unknown_nat_rule(control, name, err);
	TAILQ_REMOVE(&control->rules, rule, list);
	control->n_rules--;
	free(rule);
	/* without memory for that, workers have it for a while longer */
	nat_control_renew(control, NULL, NULL);
	return 0;
}
