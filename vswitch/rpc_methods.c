/* SPDX-License-Identifier: BSD-3-Clause */
#include "rpc_methods.h"

#include <errno.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <rte_version.h>

#include "adopt.h"
#include "bond.h"
#include "drop.h"
#include "error.h"
#include "fdb.h"
#include "port_types.h"
#include "port_vhost.h"
#include "port_vif.h"
#include "rpc_methods_priv.h"
#include "rpc_params.h"
#include "switch.h"
#include "unknown.h"
#include "version.h"

static void
snoop_config_read(const struct object *obj, bool is_new, struct snoop_config *config)
{
	const struct value *values = obj->values;
	struct in_addr addr;

	if (is_new || values[BRIDGE_KEY_SNOOPING].is_set)
		config->snooping = values[BRIDGE_KEY_SNOOPING].number;
	if (is_new || values[BRIDGE_KEY_QUERIER].is_set)
		config->querier = values[BRIDGE_KEY_QUERIER].number;
	if (is_new || values[BRIDGE_KEY_QUERIER_ADDRESS].is_set) {
		/* as checked when it was read, or "none" */
		if (addrs_parse(values[BRIDGE_KEY_QUERIER_ADDRESS].text, &addr, 1) < 0)
			addr.s_addr = INADDR_ANY;
		memcpy(config->querier_address, &addr, sizeof(config->querier_address));
	}
	if (is_new || values[BRIDGE_KEY_QUERY_INTERVAL].is_set)
		config->query_interval = values[BRIDGE_KEY_QUERY_INTERVAL].number * 1000;
	if (is_new || values[BRIDGE_KEY_QUERY_RESPONSE].is_set)
		config->query_response = values[BRIDGE_KEY_QUERY_RESPONSE].number * 1000;
	if (is_new || values[BRIDGE_KEY_LAST_MEMBER].is_set)
		config->last_member_interval = values[BRIDGE_KEY_LAST_MEMBER].number;
	if (is_new || values[BRIDGE_KEY_ROBUSTNESS].is_set)
		config->robustness = values[BRIDGE_KEY_ROBUSTNESS].number;
	if (is_new || values[BRIDGE_KEY_GROUP_LIMIT].is_set)
		config->group_limit = values[BRIDGE_KEY_GROUP_LIMIT].number;
}

/* Take what was given (all, when the bridge is new) over into @config. */
static int
bridge_config_read(const struct object *obj, bool is_new, struct bridge_config *config,
		   struct error *err)
{
	const struct value *values = obj->values;

	if (is_new || values[BRIDGE_KEY_AGEING].is_set)
		config->ageing = values[BRIDGE_KEY_AGEING].number;
	if (is_new || values[BRIDGE_KEY_FDB_LIMIT].is_set)
		config->fdb_limit = values[BRIDGE_KEY_FDB_LIMIT].number;
	if (is_new || values[BRIDGE_KEY_ANNOUNCE].is_set)
		config->announce = values[BRIDGE_KEY_ANNOUNCE].number;
	snoop_config_read(obj, is_new, &config->snoop);
	return rpc_stp_read_bridge(obj, is_new, &config->stp, err);
}

int
rpc_bridge_make(struct vswitch *sw, const struct object *obj, struct error *err)
{
	struct bridge_config config;
	int ret = bridge_config_read(obj, true, &config, err);

	return ret < 0 ? ret : switch_bridge_add(sw, obj->name, &config, err);
}

static int
bridge_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &bridge_schema, VERB_ADD, NAME_REQUIRED, &obj, err);
	return ret < 0 ? ret : rpc_bridge_make(ctx, &obj, err);
}

static int
bridge_del(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &bridge_schema, VERB_DEL, NAME_REQUIRED, &obj, err);
	return ret < 0 ? ret : switch_bridge_del(ctx, obj.name, err);
}

static int
bridge_set(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct switch_bridge *bridge;
	struct bridge_config config;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &bridge_schema, VERB_SET, NAME_REQUIRED, &obj, err);
	if (ret < 0)
		return ret;
	bridge = switch_bridge_find(ctx, obj.name);
	if (bridge == NULL)
		return unknown_bridge(ctx, obj.name, err);
	config = bridge->config;
	ret = bridge_config_read(&obj, false, &config, err);
	return ret < 0 ? ret : switch_bridge_set(ctx, obj.name, &config, err);
}

static json_t *
snoop_json(const struct snoop_config *config)
{
	static const uint8_t none[4];
	char address[INET_ADDRSTRLEN];

	return json_pack(
		"{s:b, s:b, s:s?, s:I, s:I, s:I, s:I, s:I}", "snooping", (int)config->snooping,
		"querier", (int)config->querier, "querier_address",
		memcmp(config->querier_address, none, sizeof(none)) != 0 ?
			inet_ntop(AF_INET, config->querier_address, address, sizeof(address)) :
			NULL,
		"query_interval", (json_int_t)config->query_interval / 1000, "query_response",
		(json_int_t)config->query_response / 1000, "last_member_interval",
		(json_int_t)config->last_member_interval, "robustness",
		(json_int_t)config->robustness, "group_limit", (json_int_t)config->group_limit);
}

static json_t *
bridge_json(struct vswitch *sw, const struct switch_bridge *bridge)
{
	struct switch_port *port;
	json_t *ports = json_array(), *json;

	LIST_FOREACH(port, &sw->ports, list)
		if (port->bridge == bridge)
			json_array_append_new(ports, json_string(port->config.name));
	json = json_pack("{s:s, s:I, s:I, s:I, s:b, s:o}", "bridge", bridge->name, "ageing",
			 (json_int_t)bridge->config.ageing, "fdb_limit",
			 (json_int_t)bridge->config.fdb_limit, "fdb_entries",
			 (json_int_t)fdb_count(bridge->dp->fdb), "announce",
			 (int)bridge->config.announce, "ports", ports);
	rpc_stp_bridge_json(sw, bridge, json);
	json_object_update_new(json, snoop_json(&bridge->config.snoop));
	return json;
}

static int
bridge_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct vswitch *sw = ctx;
	struct switch_bridge *bridge;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &bridge_schema, VERB_SHOW, NAME_OPTIONAL, &obj, err);
	if (ret < 0)
		return ret;
	if (obj.name[0] != '\0' && switch_bridge_find(sw, obj.name) == NULL)
		return unknown_bridge(ctx, obj.name, err);
	*ret_result = json_array();
	LIST_FOREACH(bridge, &sw->bridges, list)
		if (obj.name[0] == '\0' || strcmp(obj.name, bridge->name) == 0)
			json_array_append_new(*ret_result, bridge_json(sw, bridge));
	return 0;
}

/* Is it, by its name, a VLAN of a port that there is? */
static bool
port_is_vlan(struct vswitch *sw, const struct object *obj)
{
	char parent[SWITCH_NAME_SIZE];
	unsigned int vid;

	return obj->values[PORT_KEY_TYPE].number == PORT_TYPE_AUTO &&
	       vlan_name_parse(obj->name, parent, sizeof(parent), &vid) == 0 &&
	       switch_port_find(sw, parent) != NULL;
}

static enum port_kind
port_kind_of(struct vswitch *sw, const struct object *obj)
{
	if (bond_find(sw, obj->name) != NULL && !obj->values[PORT_KEY_TYPE].is_set)
		return PORT_KIND_BOND;
	switch (port_type_resolve(obj)) {
	case PORT_TYPE_TAP:
		return PORT_KIND_TAP;
	case PORT_TYPE_ETH:
		return PORT_KIND_ETH;
	case PORT_TYPE_VIF:
		return PORT_KIND_VIF;
	case PORT_TYPE_VHOST:
		return PORT_KIND_VHOST;
	case PORT_TYPE_VLAN:
		return PORT_KIND_VLAN;
	default:
		return port_is_vlan(sw, obj) ? PORT_KIND_VLAN : PORT_KIND_NETDEV;
	}
}

/* As checked when it was read; unlimited if it is not given, or "none". */
static struct rate
port_rate(const struct value *values)
{
	struct rate rate = { 0 };

	rate_parse(values[PORT_KEY_RATE].text, &rate);
	return rate;
}

/* By the keys, or by the name: one of them has been checked to say it. */
static void
port_parent(const struct object *obj, struct port_config *config)
{
	const struct value *parent = &obj->values[PORT_KEY_PARENT];
	unsigned int vid = obj->values[PORT_KEY_PARENT_VID].number;

	if (config->kind != PORT_KIND_VLAN)
		return;
	if (parent->is_set)
		snprintf(config->parent, sizeof(config->parent), "%.15s", parent->text);
	else
		vlan_name_parse(obj->name, config->parent, sizeof(config->parent), &vid);
	config->parent_vid = vid;
}

/* The bridge that a port is to be on; NULL: none. */
static const char *
bridge_of(const struct object *obj)
{
	const char *bridge = obj->values[PORT_KEY_BRIDGE].text;

	return *bridge != '\0' ? bridge : NULL;
}

/* @may_wait: a kernel interface that is not there may come later. */
int
rpc_port_make(struct vswitch *sw, const struct object *obj, bool may_wait, struct error *err)
{
	const struct value *values = obj->values;
	struct port_config config = {
		.kind = port_kind_of(sw, obj),
		.mtu = values[PORT_KEY_MTU].number,
		.fdb_limit = values[PORT_KEY_FDB_LIMIT].number,
		.n_queues = values[PORT_KEY_QUEUES].number,
		.may_wait = may_wait,
		.carrier_off = values[PORT_KEY_CARRIER].number == CARRIER_OFF,
		.checksum_full = values[PORT_KEY_CHECKSUM].number == CHECKSUM_FULL,
		.xdp = values[PORT_KEY_XDP].number,
		.mrouter = values[PORT_KEY_MROUTER].number,
		.fast_leave = values[PORT_KEY_FAST_LEAVE].number,
		.group_limit = values[PORT_KEY_GROUP_LIMIT].number,
		.proxy = values[PORT_KEY_PROXY].number,
		.nat_sessions = values[PORT_KEY_NAT_SESSIONS].number,
		.nat_rate = values[PORT_KEY_NAT_RATE].number,
		.has_rate = values[PORT_KEY_RATE].is_set,
		.rate = port_rate(values),
		.sw = sw,
	};

	rpc_vlan_read(values, &config);
	port_parent(obj, &config);
	rpc_stp_read_port(values, true, &config.stp);
	snprintf(config.name, sizeof(config.name), "%.15s", obj->name);
	snprintf(config.devargs, sizeof(config.devargs), "%.255s", values[PORT_KEY_DEVARGS].text);
	snprintf(config.path, sizeof(config.path), "%.107s", values[PORT_KEY_PATH].text);
	snprintf(config.adopt, sizeof(config.adopt), "%.15s", values[PORT_KEY_ADOPT].text);
	rpc_guest_read(values, &config.guest);
	if (config.kind == PORT_KIND_VIF && bridge_of(obj) == NULL &&
	    config.guest.mode == PORT_MODE_BRIDGE)
		return error_set(err, EINVAL,
				 "port %s: bridge is missing: the bridge that it joins",
				 config.name);
	return adopt_port_add(sw, bridge_of(obj), &config, err);
}

static int
port_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct vswitch *sw = ctx;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &port_schema, VERB_ADD, NAME_REQUIRED, &obj, err);
	return ret < 0 ? ret : rpc_port_make(sw, &obj, sw->may_wait, err);
}

static int
port_del(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &port_schema, VERB_DEL, NAME_REQUIRED, &obj, err);
	return ret < 0 ? ret : switch_port_del(ctx, obj.name, err);
}

static bool
port_del_pending(void *ctx, const json_t *params)
{
	return switch_port_closing(ctx, json_string_value(json_object_get(params, "name")));
}

/* Change what an object says of a port that there is, by whatever verb. */
int
rpc_port_change(struct vswitch *sw, const struct object *obj, struct error *err)
{
	static const struct {
		enum port_key key;
		enum port_set field;
	} settable[] = {
		{ PORT_KEY_BRIDGE, PORT_SET_BRIDGE },
		{ PORT_KEY_MTU, PORT_SET_MTU },
		{ PORT_KEY_FDB_LIMIT, PORT_SET_FDB_LIMIT },
		{ PORT_KEY_CARRIER, PORT_SET_CARRIER },
		{ PORT_KEY_CHECKSUM, PORT_SET_CHECKSUM },
		{ PORT_KEY_RATE, PORT_SET_RATE },
		{ PORT_KEY_MROUTER, PORT_SET_MROUTER },
		{ PORT_KEY_FAST_LEAVE, PORT_SET_FAST_LEAVE },
		{ PORT_KEY_GROUP_LIMIT, PORT_SET_GROUP_LIMIT },
		{ PORT_KEY_PROXY, PORT_SET_PROXY },
		{ PORT_KEY_NAT_SESSIONS, PORT_SET_NAT },
		{ PORT_KEY_NAT_RATE, PORT_SET_NAT },
	};
	struct port_config config;
	struct switch_port *port;
	unsigned int fields = 0;
	size_t i;

	port = switch_port_find(sw, obj->name);
	if (port == NULL)
		return unknown_port(sw, obj->name, err);
	config = port->config;
	config.mtu = obj->values[PORT_KEY_MTU].number;
	config.fdb_limit = obj->values[PORT_KEY_FDB_LIMIT].number;
	config.carrier_off = obj->values[PORT_KEY_CARRIER].number == CARRIER_OFF;
	config.checksum_full = obj->values[PORT_KEY_CHECKSUM].number == CHECKSUM_FULL;
	config.mrouter = obj->values[PORT_KEY_MROUTER].number;
	config.fast_leave = obj->values[PORT_KEY_FAST_LEAVE].number;
	config.group_limit = obj->values[PORT_KEY_GROUP_LIMIT].number;
	config.rate = port_rate(obj->values);
	config.proxy = obj->values[PORT_KEY_PROXY].number;
	if (obj->values[PORT_KEY_NAT_SESSIONS].is_set)
		config.nat_sessions = obj->values[PORT_KEY_NAT_SESSIONS].number;
	if (obj->values[PORT_KEY_NAT_RATE].is_set)
		config.nat_rate = obj->values[PORT_KEY_NAT_RATE].number;
	fields = rpc_vlan_update(obj->values, &config) |
		 rpc_stp_read_port(obj->values, false, &config.stp) |
		 rpc_guest_read(obj->values, &config.guest);
	for (i = 0; i < RTE_DIM(settable); i++)
		if (obj->values[settable[i].key].is_set)
			fields |= settable[i].field;
	return switch_port_set(sw, obj->name, fields, bridge_of(obj), &config, err);
}

static int
port_set(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &port_schema, VERB_SET, NAME_REQUIRED, &obj, err);
	return ret < 0 ? ret : rpc_port_change(ctx, &obj, err);
}

static void
stats_read(const struct vswitch *sw, const struct switch_port *port, struct port_stats *ret_stats)
{
	switch_port_stats(sw, port, ret_stats);
	port_device_stats(port, ret_stats);
}

static json_int_t
drops_sum(const struct port_stats *stats)
{
	json_int_t sum = 0;
	unsigned int i;

	for (i = 0; i < DROP_REASONS; i++)
		sum += stats->drops[i];
	return sum;
}

static json_t *
stats_json(const struct port_stats *stats)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "rx_packets", (json_int_t)stats->rx_packets,
			 "tx_packets", (json_int_t)stats->tx_packets, "rx_bytes",
			 (json_int_t)stats->rx_bytes, "tx_bytes", (json_int_t)stats->tx_bytes);
}

/* What "vsctl show" has of a port: a switch may have many. */
static json_t *
port_brief_json(const struct vswitch *sw, const struct switch_port *port)
{
	char vlan[VLAN_TEXT_SIZE];
	struct port_stats stats;
	json_t *json;

	stats_read(sw, port, &stats);
	port_passed_stats(port, &stats);
	switch_vlan_text(&port->config.vlan, vlan, sizeof(vlan));
	json = json_pack(
		"{s:s, s:s?, s:s, s:s, s:s?, s:I, s:I, s:I, s:I, s:s, s:s*, s:s*}", "port",
		port->config.name, "bridge", port->bridge != NULL ? port->bridge->name : NULL,
		"type", port_types[port->config.kind]->name, "link", port->dp->up ? "up" : "down",
		"vlan", vlan[0] != '\0' ? vlan : NULL, "mtu", (json_int_t)port->dp->mtu,
		"rx_packets", (json_int_t)stats.rx_packets, "tx_packets",
		(json_int_t)stats.tx_packets, "drops", drops_sum(&stats), "state",
		rpc_stp_state(port), "bond", port->member != NULL ? port->member->bond->name : NULL,
		"reason", port->reason[0] != '\0' ? port->reason : NULL);
	if (guest_is(port))
		rpc_guest_json(&port->config.guest, json);
	return json;
}

static json_t *
port_json(const struct vswitch *sw, const struct switch_port *port)
{
	char rate_text[RATE_TEXT_SIZE];
	struct port_stats stats;
	struct vhost_info guest;
	struct rate rate;
	json_t *json;

	stats_read(sw, port, &stats);
	port_passed_stats(port, &stats);
	json = json_pack("{s:s, s:s?, s:s, s:s, s:I, s:o}", "port", port->config.name, "bridge",
			 port->bridge != NULL ? port->bridge->name : NULL, "type",
			 port_types[port->config.kind]->name, "link", port->dp->up ? "up" : "down",
			 "mtu", (json_int_t)port->dp->mtu, "mac", rpc_mac_json(port->dp->mac));
	rpc_vlan_json(port, json);
	rpc_stp_port_json(port, json);
	json_object_update_new(json, stats_json(&stats));
	json_object_set_new(json, "drops", json_integer(drops_sum(&stats)));
	json_object_set_new(json, "checksum",
			    json_string(port->config.checksum_full ? "full" : "offload"));
	json_object_set_new(json, "carrier", json_string(port->config.carrier_off ? "off" : "on"));
	rpc_group_port_json(port, json);
	rpc_guest_json(&port->config.guest, json);
	if (port_vif_rate(port, &rate))
		json_object_set_new(json, "rate", json_string(rate_format(&rate, rate_text)));
	if (port_device_mode(port)[0] != '\0')
		json_object_set_new(json, "driver", json_string(port_device_mode(port)));
	if (port->member != NULL)
		json_object_set_new(json, "bond", json_string(port->member->bond->name));
	if (port->config.adopt[0] != '\0')
		json_object_set_new(json, "adopt", json_string(port->config.adopt));
	if (port->reason[0] != '\0')
		json_object_set_new(json, "reason", json_string(port->reason));
	if (port->config.kind == PORT_KIND_VHOST) {
		port_vhost_info(port->dp, &guest);
		json_object_set_new(json, "path", json_string(guest.path));
		json_object_set_new(json, "guest_queues", json_integer(guest.n_queues));
	}
	return json;
}

static int
port_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct vswitch *sw = ctx;
	struct switch_port *port;
	const char *bridge;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &port_schema, VERB_SHOW, NAME_OPTIONAL, &obj, err);
	if (ret < 0)
		return ret;
	bridge = obj.values[PORT_KEY_BRIDGE].text;
	if (obj.name[0] != '\0' && switch_port_find(sw, obj.name) == NULL)
		return unknown_port(ctx, obj.name, err);
	if (*bridge != '\0' && switch_bridge_find(sw, bridge) == NULL)
		return unknown_bridge(ctx, bridge, err);
	*ret_result = json_array();
	LIST_FOREACH(port, &sw->ports, list) {
		if (obj.name[0] != '\0' && strcmp(obj.name, port->config.name) != 0)
			continue;
		if (*bridge != '\0' &&
		    (port->bridge == NULL || strcmp(port->bridge->name, bridge) != 0))
			continue;
		json_array_append_new(*ret_result, obj.values[PORT_KEY_BRIEF].number ?
							   port_brief_json(sw, port) :
							   port_json(sw, port));
	}
	return 0;
}

static json_t *
stats_row_json(const char *name, const struct port_stats *stats, uint64_t learn_refused)
{
	json_t *json, *drops = json_object();

	for (unsigned int i = 0; i < DROP_REASONS; i++)
		if (stats->drops[i] != 0)
			json_object_set_new(drops, drop_reason_names[i],
					    json_integer(stats->drops[i]));
	json = json_pack("{s:s}", "port", name);
	json_object_update_new(json, stats_json(stats));
	json_object_set_new(json, "copies", json_integer(stats->copies));
	json_object_set_new(json, "merged", json_integer(stats->merged));
	json_object_set_new(json, "punted", json_integer(stats->punted));
	json_object_set_new(json, "unlearnt", json_integer(stats->learn_lost + learn_refused));
	json_object_set_new(json, "drops", drops);
	return json;
}

static json_t *
port_stats_json(const struct vswitch *sw, const struct switch_port *port)
{
	struct port_stats stats;

	stats_read(sw, port, &stats);
	return stats_row_json(port->config.name, &stats, port->learn_refused);
}

#define STATS_REMOVED_PORTS "(removed)" /* no port can have this name */

static int
stats_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct vswitch *sw = ctx;
	struct switch_port *port;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &stats_schema, VERB_SHOW, NAME_OPTIONAL, &obj, err);
	if (ret < 0)
		return ret;
	if (obj.name[0] != '\0' && switch_port_find(sw, obj.name) == NULL)
		return unknown_port(ctx, obj.name, err);
	*ret_result = json_array();
	LIST_FOREACH(port, &sw->ports, list)
		if (obj.name[0] == '\0' || strcmp(obj.name, port->config.name) == 0)
			json_array_append_new(*ret_result, port_stats_json(sw, port));
	/* what ports that are gone have sent to, or got from, those that are still here */
	if (obj.name[0] == '\0' && (sw->removed.rx_packets != 0 || sw->removed.tx_packets != 0))
		json_array_append_new(*ret_result,
				      stats_row_json(STATS_REMOVED_PORTS, &sw->removed, 0));
	return 0;
}

static int
version(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	if (json_object_size(params) > 0)
		return error_set(err, EINVAL, "version: takes no parameters");
	*ret_result = json_pack("{s:s, s:s}", "version", VSWITCH_VERSION, "dpdk", rte_version());
	return 0;
}

const struct rpc_method rpc_methods[] = {
	{ "bridge.add", RPC_CHANGES, bridge_add },
	{ "bridge.del", RPC_CHANGES, bridge_del },
	{ "bridge.set", RPC_CHANGES, bridge_set },
	{ "bridge.show", RPC_READS, bridge_show },
	{ "bridge.adopt", RPC_CHANGES, rpc_bridge_adopt, rpc_config_pending, rpc_adopt_finish },
	{ "bridge.release", RPC_CHANGES, rpc_bridge_release, rpc_config_pending, rpc_adopt_finish },
	{ "port.add", RPC_CHANGES, port_add },
	{ "port.del", RPC_CHANGES, port_del, port_del_pending },
	{ "port.set", RPC_CHANGES, port_set },
	{ "port.show", RPC_READS, port_show },
	{ "bond.add", RPC_CHANGES, rpc_bond_add },
	{ "bond.del", RPC_CHANGES, rpc_bond_del, rpc_bond_pending },
	{ "bond.set", RPC_CHANGES, rpc_bond_set, rpc_bond_pending },
	{ "bond.show", RPC_READS, rpc_bond_show },
	{ "vif.show", RPC_READS, rpc_vif_show },
	{ "fdb.add", RPC_CHANGES, rpc_fdb_add },
	{ "fdb.del", RPC_CHANGES, rpc_fdb_del },
	{ "fdb.flush", RPC_CHANGES, rpc_fdb_flush },
	{ "fdb.show", RPC_READS, rpc_fdb_show },
	{ "stp.show", RPC_READS, rpc_stp_show },
	{ "group.show", RPC_READS, rpc_group_show },
	{ "querier.show", RPC_READS, rpc_querier_show },
	{ "addr.add", RPC_CHANGES, rpc_addr_add },
	{ "addr.del", RPC_CHANGES, rpc_addr_del },
	{ "addr.show", RPC_READS, rpc_addr_show },
	{ "route.add", RPC_CHANGES, rpc_route_add },
	{ "route.del", RPC_CHANGES, rpc_route_del },
	{ "route.show", RPC_READS, rpc_route_show },
	{ "route.import", RPC_CHANGES, rpc_route_import },
	{ "neigh.add", RPC_CHANGES, rpc_neigh_add },
	{ "neigh.del", RPC_CHANGES, rpc_neigh_del },
	{ "neigh.show", RPC_READS, rpc_neigh_show },
	{ "neigh.flush", RPC_CHANGES, rpc_neigh_flush },
	{ "nat.add", RPC_CHANGES, rpc_nat_add },
	{ "nat.del", RPC_CHANGES, rpc_nat_del },
	{ "nat.set", RPC_CHANGES, rpc_nat_set },
	{ "nat.show", RPC_READS, rpc_nat_show },
	{ "nat.sessions", RPC_READS, rpc_nat_sessions },
	{ "nat.flush", RPC_CHANGES, rpc_nat_flush, rpc_nat_flush_pending },
	{ "nat-table.set", RPC_CHANGES, rpc_nat_table_set },
	{ "nat-table.show", RPC_READS, rpc_nat_table_show },
	{ "metrics.set", RPC_CHANGES, rpc_metrics_set },
	{ "metrics.show", RPC_READS, rpc_metrics_show },
	{ "network.add", RPC_CHANGES, rpc_network_add },
	{ "network.del", RPC_CHANGES, rpc_network_del },
	{ "network.set", RPC_CHANGES, rpc_network_set },
	{ "network.show", RPC_READS, rpc_network_show },
	{ "mirror.add", RPC_CHANGES, rpc_mirror_add },
	{ "mirror.del", RPC_CHANGES, rpc_mirror_del },
	{ "mirror.set", RPC_CHANGES, rpc_mirror_set },
	{ "mirror.show", RPC_READS, rpc_mirror_show },
	{ "config.show", RPC_READS, rpc_config_show },
	{ "config.diff", RPC_READS, rpc_config_diff },
	{ "config.apply", RPC_CHANGES, rpc_config_apply, rpc_config_pending, rpc_config_finish },
	{ "config.confirm", RPC_CHANGES, rpc_config_confirm },
	{ "config.rollback", RPC_CHANGES, rpc_config_rollback, rpc_config_pending,
	  rpc_config_finish },
	{ "config.history", RPC_READS, rpc_config_history },
	{ "batch.run", RPC_CHANGES, rpc_batch_run, rpc_config_pending, rpc_config_finish },
	{ "capture.start", RPC_LISTENS, .follow = rpc_capture_start },
	{ "capture.show", RPC_READS, rpc_capture_show },
	{ "drops.show", RPC_READS, rpc_drops_show },
	{ "drops.last", RPC_LISTENS, rpc_drops_last },
	{ "packet.explain", RPC_READS, rpc_packet_explain },
	{ "trace.follow", RPC_LISTENS, .follow = rpc_trace_follow },
	{ "trace.show", RPC_READS, rpc_trace_show },
	{ "event.show", RPC_READS, rpc_event_show },
	{ "event.follow", RPC_READS, .follow = rpc_event_follow },
	{ "health.show", RPC_READS, rpc_health_show, rpc_health_pending, rpc_health_finish },
	{ "stats.show", RPC_READS, stats_show },
	{ "worker.show", RPC_READS, rpc_worker_show },
	{ "top.show", RPC_READS, rpc_top_show },
	{ "version", RPC_READS, version },
};
const size_t n_rpc_methods = RTE_DIM(rpc_methods);
