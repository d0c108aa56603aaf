/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_start.h"

#include <string.h>

#include "bond.h"
#include "config.h"
#include "error.h"
#include "mirrors.h"
#include "rpc_methods_priv.h"
#include "switch.h"

/* What is made, in this order. */
enum config_step {
	STEP_BRIDGES,
	STEP_PORTS,
	STEP_BONDS,
	STEP_BOND_PORTS, /* sections [port NAME] of bonds */
	STEP_VLAN_PORTS, /* VLANs of all of these, and what is named like one */
	STEP_FDB,
	STEP_ADDRS,
	STEP_ROUTES,
	STEP_NEIGHS,
	STEP_NAT_TABLE,
	STEP_NATS,
	STEP_NETWORKS,
	STEP_MIRRORS,
	STEP_METRICS,
	STEPS
};

static const struct object_schema *const step_schemas[STEPS] = {
	[STEP_BRIDGES] = &bridge_schema,  [STEP_PORTS] = &port_schema,
	[STEP_BONDS] = &bond_schema,      [STEP_BOND_PORTS] = &port_schema,
	[STEP_VLAN_PORTS] = &port_schema, [STEP_FDB] = &fdb_schema,
	[STEP_ADDRS] = &addr_schema,      [STEP_ROUTES] = &route_schema,
	[STEP_NEIGHS] = &neigh_schema,    [STEP_NAT_TABLE] = &nat_table_schema,
	[STEP_NATS] = &nat_schema,        [STEP_NETWORKS] = &network_schema,
	[STEP_MIRRORS] = &mirror_schema,  [STEP_METRICS] = &metrics_schema,
};

static bool
section_is_bond(const struct config *config, const struct config_section *port)
{
	const struct config_section *section = NULL;

	while ((section = config_next(config, &bond_schema, section)) != NULL)
		if (strcmp(section->object.name, port->object.name) == 0)
			return true;
	return false;
}

static bool
section_is_vlan(const struct object *port)
{
	char parent[SWITCH_NAME_SIZE];
	unsigned int vid;

	return port_type_resolve(port) == PORT_TYPE_VLAN ||
	       vlan_name_parse(port->name, parent, sizeof(parent), &vid) == 0;
}

/* When a section [port NAME] has its turn. */
static enum config_step
port_step(const struct config *config, const struct config_section *section)
{
	if (section_is_bond(config, section))
		return STEP_BOND_PORTS;
	return section_is_vlan(&section->object) ? STEP_VLAN_PORTS : STEP_PORTS;
}

/* The next section of a step. */
static const struct config_section *
step_next(const struct config *config, enum config_step step, const struct config_section *section)
{
	while ((section = config_next(config, step_schemas[step], section)) != NULL)
		if (step_schemas[step] != &port_schema || port_step(config, section) == step)
			return section;
	return NULL;
}

static int
step_make(struct vswitch *sw, enum config_step step, const struct object *obj, struct error *err)
{
	switch (step) {
	case STEP_BRIDGES:
		return rpc_bridge_make(sw, obj, err);
	case STEP_BONDS:
		return rpc_bond_make(sw, obj, err);
	case STEP_BOND_PORTS:
		return rpc_port_change(sw, obj, err);
	case STEP_FDB:
		return rpc_fdb_make(sw, obj, err);
	case STEP_ADDRS:
		return rpc_addr_make(sw, obj, err);
	case STEP_ROUTES:
		return rpc_route_make(sw, obj, err);
	case STEP_NEIGHS:
		return rpc_neigh_make(sw, obj, err);
	case STEP_NAT_TABLE:
		return rpc_nat_table_make(sw, obj, err);
	case STEP_NATS:
		return rpc_nat_make(sw, obj, err);
	case STEP_NETWORKS:
		return rpc_network_make(sw, obj, err);
	case STEP_MIRRORS:
		return rpc_mirror_make(sw, obj, err);
	case STEP_METRICS: /* guests need their network, whoever else listens there */
		return rpc_metrics_make(sw, obj, true, err);
	default:
		return rpc_port_make(sw, obj, true, err);
	}
}

static void
step_undo(struct vswitch *sw, enum config_step step, const struct object *obj)
{
	switch (step) {
	case STEP_BRIDGES:
		switch_bridge_del(sw, obj->name, NULL);
		break;
	case STEP_BONDS:
		bond_del(sw, obj->name, NULL);
		break;
	case STEP_FDB:
		rpc_fdb_undo(sw, obj);
		break;
	case STEP_ADDRS:
		rpc_addr_undo(sw, obj);
		break;
	case STEP_ROUTES:
		rpc_route_undo(sw, obj);
		break;
	case STEP_NEIGHS:
		rpc_neigh_undo(sw, obj);
		break;
	case STEP_NAT_TABLE: /* settings harm nobody */
	case STEP_METRICS:
		break;
	case STEP_NATS:
		rpc_nat_undo(sw, obj);
		break;
	case STEP_NETWORKS:
		rpc_network_undo(sw, obj);
		break;
	case STEP_MIRRORS:
		mirror_del(sw, obj->name, NULL);
		break;
	default:
		switch_port_del(sw, obj->name, NULL);
		break;
	}
}

/* Undo what config_apply() did up to section @end of @step, in the reverse order of steps. */
static void
config_undo(const struct config *config, int step, const struct config_section *end,
	    struct vswitch *sw)
{
	for (; step >= 0; step--, end = NULL) {
		const struct config_section *section = NULL;

		while ((section = step_next(config, step, section)) != end && section != NULL)
			step_undo(sw, step, &section->object);
	}
}

int
config_apply(const struct config *config, struct vswitch *sw, struct error *err)
{
	for (int step = 0; step < STEPS; step++) {
		const struct config_section *section = NULL;

		while ((section = step_next(config, step, section)) != NULL) {
			int ret = step_make(sw, step, &section->object, err);

			if (ret < 0) {
				config_undo(config, step, section, sw);
				config_fault(config, section, CONFIG_NO_KEY, err);
				return ret;
			}
		}
	}
	return 0;
}
