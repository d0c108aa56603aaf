/* SPDX-License-Identifier: BSD-3-Clause */
/* The bond methods. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bond_priv.h"
#include "error.h"
#include "rpc_methods_priv.h"
#include "rpc_params.h"
#include "unknown.h"

#define STATIONS_MAX 1024 /* that are listed; the others are counted */

static const enum lag_hash hashes[BOND_HASH_WORDS] = {
	[BOND_HASH_L2] = LAG_HASH_L2,
	[BOND_HASH_L34] = LAG_HASH_L34,
};

static_assert((int)BOND_MODES == (int)BOND_MODE_WORDS, "modes are as their words");
static_assert(BOND_MEMBERS_MAX == LAG_MEMBERS_MAX, "a slot for each");

/* Return: which settings were given. */
static unsigned int
bond_config_read(const struct object *obj, struct bond_config *config)
{
	static const struct {
		enum bond_key key;
		enum bond_set field;
	} settable[] = {
		{ BOND_KEY_MODE, BOND_SET_MODE },
		{ BOND_KEY_HASH, BOND_SET_HASH },
		{ BOND_KEY_UPDELAY, BOND_SET_UPDELAY },
		{ BOND_KEY_DOWNDELAY, BOND_SET_DOWNDELAY },
		{ BOND_KEY_REBALANCE, BOND_SET_REBALANCE },
		{ BOND_KEY_ARP_TARGETS, BOND_SET_ARP_TARGETS },
		{ BOND_KEY_ARP_INTERVAL, BOND_SET_ARP_INTERVAL },
		{ BOND_KEY_ARP_VID, BOND_SET_ARP_VID },
		{ BOND_KEY_MEMBERS, BOND_SET_MEMBERS },
		{ BOND_KEY_LACP, BOND_SET_LACP },
		{ BOND_KEY_LACP_RATE, BOND_SET_LACP_RATE },
		{ BOND_KEY_MIN_LINKS, BOND_SET_MIN_LINKS },
		{ BOND_KEY_FALLBACK, BOND_SET_FALLBACK },
		{ BOND_KEY_SYSTEM_PRIORITY, BOND_SET_SYSTEM_PRIORITY },
		{ BOND_KEY_PORT_PRIORITY, BOND_SET_PORT_PRIORITY },
	};
	const struct value *values = obj->values;
	unsigned int fields = 0;

	*config = (struct bond_config){
		.mode = (enum bond_mode)values[BOND_KEY_MODE].number,
		.hash = hashes[values[BOND_KEY_HASH].number],
		.updelay = values[BOND_KEY_UPDELAY].number,
		.downdelay = values[BOND_KEY_DOWNDELAY].number,
		.rebalance = values[BOND_KEY_REBALANCE].number,
		.arp_interval = values[BOND_KEY_ARP_INTERVAL].number,
		.arp_vid = values[BOND_KEY_ARP_VID].number,
		.lacp_passive = values[BOND_KEY_LACP].number == LACP_WORD_PASSIVE,
		.lacp_fast = values[BOND_KEY_LACP_RATE].number == LACP_RATE_FAST,
		.lacp_fallback = values[BOND_KEY_FALLBACK].number,
		.min_links = values[BOND_KEY_MIN_LINKS].number,
		.lacp_system_priority = values[BOND_KEY_SYSTEM_PRIORITY].number,
		.lacp_port_priority = values[BOND_KEY_PORT_PRIORITY].number,
	};
	/* checked when they were read; negative for "none" */
	config->n_arp_targets = RTE_MAX(0, addrs_parse(values[BOND_KEY_ARP_TARGETS].text,
						       config->arp_targets, BOND_ARP_TARGETS_MAX));
	if (values[BOND_KEY_MEMBERS].is_set)
		config->n_members = names_parse(values[BOND_KEY_MEMBERS].text, config->members,
						LAG_MEMBERS_MAX);
	for (size_t i = 0; i < RTE_DIM(settable); i++)
		if (values[settable[i].key].is_set)
			fields |= settable[i].field;
	return fields;
}

int
rpc_bond_make(struct vswitch *sw, const struct object *obj, struct error *err)
{
	const struct value *bridge = &obj->values[BOND_KEY_BRIDGE];
	struct bond_config config;

	bond_config_read(obj, &config);
	return bond_add(sw, obj->name, bridge->text[0] != '\0' ? bridge->text : NULL, &config, err);
}

int
rpc_bond_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &bond_schema, VERB_ADD, NAME_REQUIRED, &obj, err);
	return ret < 0 ? ret : rpc_bond_make(ctx, &obj, err);
}

int
rpc_bond_del(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &bond_schema, VERB_DEL, NAME_REQUIRED, &obj, err);
	return ret < 0 ? ret : bond_del(ctx, obj.name, err);
}

int
rpc_bond_set(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	const struct value *active;
	struct bond_config config;
	unsigned int fields;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &bond_schema, VERB_SET, NAME_REQUIRED, &obj, err);
	if (ret < 0)
		return ret;
	fields = bond_config_read(&obj, &config);
	active = &obj.values[BOND_KEY_ACTIVE];
	return bond_set(ctx, obj.name, fields, &config, active->is_set ? active->text : NULL, err);
}

bool
rpc_bond_pending(void *ctx, const json_t *params)
{
	return switch_ports_closing(ctx);
}

/* --- show --- */

/* What a member does at present. */
static const char *
member_state(const struct bond_member *member)
{
	const struct bond *bond = member->bond;
	const struct lag_table *table = bond->lag->table;

	if (!member->linked)
		return member->carrier ? "updelay" : "down";
	if (!member->usable)
		return "no-arp-answer";
	if (table->collecting >> member->slot & 1)
		return bond->config.mode == BOND_ACTIVE_BACKUP || bond->fallback ? "active" :
										   "carrying";
	return bond->config.mode == BOND_LACP && !bond->fallback ? "not-agreed" : "backup";
}

static json_t *
member_json(const struct bond_member *member)
{
	const struct bond *bond = member->bond;
	json_int_t n_buckets = 0, bucket_bytes = 0;
	const struct bond_protocol *running = bond->running;
	uint64_t bytes[LAG_BUCKETS];
	struct port_stats stats;
	json_t *json;

	lag_bytes(bond->lag, bytes);
	for (uint32_t b = 0; b < LAG_BUCKETS; b++) {
		if (bond->lag->table->slots[b] != member->slot)
			continue;
		n_buckets++;
		bucket_bytes += bytes[b];
	}
	switch_port_stats(bond->sw, member->port, &stats);
	json = json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "port",
			 member->port->config.name, "link", member->carrier ? "up" : "down",
			 "state", member_state(member), "active", (int)(member == bond->active),
			 "buckets", n_buckets, "bucket_bytes", bucket_bytes, "rx_packets",
			 (json_int_t)stats.rx_packets, "tx_packets", (json_int_t)stats.tx_packets,
			 "tx_bytes", (json_int_t)stats.tx_bytes, "failures",
			 (json_int_t)member->failures, "since_ms",
			 (json_int_t)(bond_msec() - member->since));
	if (member->port->reason[0] != '\0')
		json_object_set_new(json, "reason", json_string(member->port->reason));
	if (bond->arp != NULL)
		json_object_set_new(json, "arp_answers", json_boolean(member->arp_answers));
	if (running != NULL && member->protocol != NULL)
		json_object_update_new(json, running->member_show(member));
	return json;
}

/* The member that a station's packets leave by, or NULL: by several. */
static const struct bond_member *
station_member(const struct bond *bond, const struct bond_station *station)
{
	const struct lag_table *table = bond->lag->table;
	uint8_t slot = table->by_bucket ? table->slots[bond_station_bucket(station)] : table->only;

	return slot < LAG_MEMBERS_MAX ? bond->members[slot] : NULL;
}

/* Who carries whom. */
static void
stations_json(const struct bond *bond, json_t *json)
{
	const struct bond_member *member;
	struct bond_cursor cursor = { 0 };
	struct bond_station station;
	json_t *rows = json_array();
	char mac[MAC_TEXT_SIZE];
	json_int_t n = 0;

	while (bond_station_next(bond, &cursor, &station)) {
		if (n++ >= STATIONS_MAX)
			continue;
		member = station_member(bond, &station);
		json_array_append_new(
			rows,
			json_pack("{s:s, s:o, s:s, s:s?}", "mac", mac_format(station.mac, mac),
				  "vid", station.vid != 0 ? json_integer(station.vid) : json_null(),
				  "port", station.at->config.name, "member",
				  member != NULL ? member->port->config.name : NULL));
	}
	json_object_set_new(json, "n_stations", json_integer(n));
	json_object_set_new(json, "stations", rows);
}

static json_t *
targets_json(const struct bond_config *config)
{
	json_t *targets = json_array();
	char text[INET_ADDRSTRLEN];

	for (uint8_t i = 0; i < config->n_arp_targets; i++)
		json_array_append_new(targets,
				      json_string(inet_ntop(AF_INET, &config->arp_targets[i], text,
							    sizeof(text))));
	return targets;
}

static void
config_json(const struct bond *bond, json_t *json)
{
	const struct bond_config *config = &bond->config;

	json_object_update_new(
		json,
		json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:I, s:o}", "mode",
			  bond_schema.keys[BOND_KEY_MODE].words[config->mode], "hash",
			  config->mode == BOND_BALANCE_SLB ? "source" :
			  config->hash == LAG_HASH_L2      ? "l2" :
							     "l3+4",
			  "updelay", (json_int_t)config->updelay, "downdelay",
			  (json_int_t)config->downdelay, "rebalance", (json_int_t)config->rebalance,
			  "arp_targets", targets_json(config), "arp_interval",
			  (json_int_t)config->arp_interval, "arp_vid",
			  config->arp_vid != 0 ? json_integer(config->arp_vid) : json_null()));
}

static json_t *
bond_json(const struct bond *bond)
{
	const struct switch_port *port = bond->port;
	json_t *members = json_array(), *json;

	json = json_pack("{s:s, s:s?, s:s, s:o, s:I, s:s?}", "bond", bond->name, "bridge",
			 port->bridge != NULL ? port->bridge->name : NULL, "link",
			 port->dp->up ? "up" : "down", "mac", rpc_mac_json(bond_mac(bond)), "mtu",
			 (json_int_t)port->dp->mtu, "active",
			 bond->active != NULL ? bond->active->port->config.name : NULL);
	config_json(bond, json);
	json_object_update_new(
		json,
		json_pack("{s:I, s:s?, s:o, s:I, s:I}", "failovers", (json_int_t)bond->failovers,
			  "last_reason", bond->last_reason[0] != '\0' ? bond->last_reason : NULL,
			  "last_change",
			  bond->last_change != 0 ? json_integer(bond->last_change) : json_null(),
			  "bucket_moves", (json_int_t)bond->bucket_moves, "announced",
			  (json_int_t)bond_announced(bond->announcer)));
	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++)
		if (bond->members[slot] != NULL)
			json_array_append_new(members, member_json(bond->members[slot]));
	json_object_set_new(json, "members", members);
	stations_json(bond, json);
	if (bond->running != NULL)
		json_object_update_new(json, bond->running->show(bond));
	return json;
}

int
rpc_bond_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct vswitch *sw = ctx;
	const struct value *bridge;
	struct bond *bond;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &bond_schema, VERB_SHOW, NAME_OPTIONAL, &obj, err);
	if (ret < 0)
		return ret;
	bridge = &obj.values[BOND_KEY_BRIDGE];
	if (obj.name[0] != '\0' && bond_find(sw, obj.name) == NULL)
		return unknown_bond(sw, obj.name, err);
	if (bridge->is_set && switch_bridge_find(sw, bridge->text) == NULL)
		return unknown_bridge(sw, bridge->text, err);
	*ret_result = json_array();
	LIST_FOREACH(bond, &sw->bonds, list) {
		if (obj.name[0] != '\0' && strcmp(obj.name, bond->name) != 0)
			continue;
		if (bridge->is_set && (bond->port->bridge == NULL ||
				       strcmp(bond->port->bridge->name, bridge->text) != 0))
			continue;
		json_array_append_new(*ret_result, bond_json(bond));
	}
	return 0;
}
