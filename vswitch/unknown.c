/* SPDX-License-Identifier: BSD-3-Clause */
#include "unknown.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "bond.h"
#include "error.h"
#include "mirrors.h"
#include "nat_control.h"
#include "netback.h"
#include "port_vif.h"
#include "switch.h"
#include "words.h"

/* @otherwise: what is said if none is near. */
static int
unknown(const char *kind, const struct word_search *search, const char *otherwise,
	struct error *err)
{
	char hint[WORD_HINT_SIZE];

	return error_set(err, ENOENT, "%s %s: there is no such %s; %s", kind, search->text,
			 strcmp(kind, "nat") == 0 ? "rule" : kind,
			 word_hint(search->nearest, otherwise, hint, sizeof(hint)));
}

static void
add_bridges(struct vswitch *sw, struct word_search *search)
{
	const struct switch_bridge *bridge;

	LIST_FOREACH(bridge, &sw->bridges, list)
		word_search_add(search, bridge->name);
}

static void
add_ports(struct vswitch *sw, struct word_search *search)
{
	const struct switch_port *port;

	LIST_FOREACH(port, &sw->ports, list)
		word_search_add(search, port->config.name);
}

int
unknown_bridge(struct vswitch *sw, const char *name, struct error *err)
{
	struct word_search search;
	char makes_it[WORD_HINT_SIZE];

	word_search_start(&search, name);
	add_bridges(sw, &search);
	snprintf(makes_it, sizeof(makes_it), "\"vsctl bridge add %.15s\" makes it", name);
	return unknown("bridge", &search, makes_it, err);
}

int
unknown_port(struct vswitch *sw, const char *name, struct error *err)
{
	struct word_search search;

	word_search_start(&search, name);
	add_ports(sw, &search);
	return unknown("port", &search, "see \"vsctl port show\"", err);
}

int
unknown_bond(struct vswitch *sw, const char *name, struct error *err)
{
	struct word_search search;
	const struct bond *bond;

	word_search_start(&search, name);
	LIST_FOREACH(bond, &sw->bonds, list)
		word_search_add(&search, bond->name);
	return unknown("bond", &search, "see \"vsctl bond show\"", err);
}

int
unknown_vif(struct vswitch *sw, const char *name, struct error *err)
{
	char nearest[VIF_NAME_SIZE];
	struct word_search search;
	const void *cursor = NULL;
	struct vif_info info;

	word_search_start(&search, name);
	while (port_vif_info(sw, &cursor, &info)) {
		word_search_add(&search, info.name);
		/* it is gone with the next one */
		if (search.nearest == info.name)
			search.nearest = strcpy(nearest, info.name);
	}
	return unknown("vif", &search, "see \"vsctl vif show\"", err);
}

int
unknown_mirror(struct vswitch *sw, const char *name, struct error *err)
{
	const struct mirror_job *job = NULL;
	struct word_search search;
	struct mirror_info info;

	word_search_start(&search, name);
	while ((job = mirror_next(sw, job)) != NULL) {
		mirror_info(job, &info);
		word_search_add(&search, info.config->name);
	}
	return unknown("mirror", &search, "see \"vsctl mirror show\"", err);
}

int
unknown_nat_rule(struct nat_control *control, const char *name, struct error *err)
{
	struct word_search search;
	const struct nat_rule *rule;

	word_search_start(&search, name);
	TAILQ_FOREACH(rule, nat_rules_all(control), list)
		word_search_add(&search, rule->config.name);
	return unknown("nat", &search, "see \"vsctl nat show\"", err);
}

const char *
unknown_port_hint(struct vswitch *sw, const char *name, bool bridges, char *ret_text)
{
	struct word_search search;

	word_search_start(&search, name);
	add_ports(sw, &search);
	if (bridges)
		add_bridges(sw, &search);
	return word_hint(search.nearest, "see \"vsctl port show\"", ret_text, WORD_HINT_SIZE);
}

const char *
unknown_interface_hint(const char *name, char *ret_text)
{
	struct if_nameindex *all = if_nameindex();
	struct word_search search;

	word_search_start(&search, name);
	for (const struct if_nameindex *one = all; one != NULL && one->if_index != 0; one++)
		word_search_add(&search, one->if_name);
	word_hint(search.nearest, "see \"ip link\"", ret_text, WORD_HINT_SIZE);
	if (all != NULL)
		if_freenameindex(all);
	return ret_text;
}
