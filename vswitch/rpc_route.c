/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods of the router: addr, route, neigh. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "neighbour.h"
#include "route_import.h"
#include "routing.h"
#include "rpc_methods_priv.h"
#include "rpc_params.h"
#include "unknown.h"

static const char *
text_or_null(const struct value *value)
{
	return value->is_set ? value->text : NULL;
}

static int
router_need(const struct vswitch *sw, struct error *err)
{
	return sw->routing != NULL ? 0 : error_set(err, ENOTSUP, "there is no router here");
}

/* --- addresses --- */

/* As it was checked when it was read. */
static struct ip_prefix
prefix_of(const struct object *obj)
{
	struct ip_prefix prefix = { 0 };

	ip_prefix_parse(obj->name, &prefix);
	return prefix;
}

static struct addr_place
place_of(const struct object *obj)
{
	return (struct addr_place){
		.port = text_or_null(&obj->values[ADDR_KEY_PORT]),
		.bridge = text_or_null(&obj->values[ADDR_KEY_BRIDGE]),
		.vid = (uint16_t)obj->values[ADDR_KEY_VID].number,
	};
}

int
rpc_addr_make(struct vswitch *sw, const struct object *obj, struct error *err)
{
	const struct ip_prefix prefix = prefix_of(obj);
	const struct addr_place place = place_of(obj);
	int ret = router_need(sw, err);

	return ret < 0 ? ret : addr_add(sw->routing, &prefix, &place, err);
}

void
rpc_addr_undo(struct vswitch *sw, const struct object *obj)
{
	const struct ip_prefix prefix = prefix_of(obj);
	const struct addr_place place = place_of(obj);

	addr_del(sw->routing, &prefix, &place, NULL);
}

int
rpc_addr_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &addr_schema, VERB_ADD, NAME_REQUIRED, &obj, err);
	return ret < 0 ? ret : rpc_addr_make(ctx, &obj, err);
}

int
rpc_addr_del(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct vswitch *sw = ctx;
	struct ip_prefix prefix;
	struct addr_place place;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &addr_schema, VERB_DEL, NAME_REQUIRED, &obj, err);
	if (ret < 0 || (ret = router_need(sw, err)) < 0)
		return ret;
	prefix = prefix_of(&obj);
	place = place_of(&obj);
	return addr_del(sw->routing, &prefix, &place, err);
}

static json_t *
addr_json(const struct rif_addr *addr)
{
	static const char *const proxies[] = { "no", "guests", "all" };
	const struct switch_rif *rif = addr->rif;
	const struct switch_port *port = rif->port;
	char text[IP_PREFIX_TEXT_SIZE];

	return json_pack("{s:s, s:s, s:s?, s:o, s:o, s:s, s:s, s:I, s:I}", "addr",
			 ip_prefix_format(&addr->prefix, text), "port", port->config.name, "bridge",
			 port->bridge != NULL ? port->bridge->name : NULL, "vid",
			 port->config.vlan.vid != 0 ? json_integer(port->config.vlan.vid) :
						      json_null(),
			 "mac", rpc_mac_json(rif->mac), "link", port->dp->up ? "up" : "down",
			 "proxy", proxies[rif->proxy], "neighbours", (json_int_t)rif->n_neighbours,
			 "conflicts", (json_int_t)rif->conflicts);
}

int
rpc_addr_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	const struct switch_rif *rif = NULL;
	const struct rif_addr *addr;
	struct vswitch *sw = ctx;
	struct addr_place place;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &addr_schema, VERB_SHOW, NAME_NONE, &obj, err);
	if (ret < 0)
		return ret;
	place = place_of(&obj);
	if (place.port != NULL && switch_port_find(sw, place.port) == NULL)
		return unknown_port(ctx, place.port, err);
	if (place.bridge != NULL && switch_bridge_find(sw, place.bridge) == NULL)
		return unknown_bridge(ctx, place.bridge, err);
	*ret_result = json_array();
	while (sw->routing != NULL && (rif = rif_next(sw->routing, rif)) != NULL) {
		const struct switch_port *port = rif->port;

		if (place.port != NULL && strcmp(place.port, port->config.name) != 0)
			continue;
		if (place.bridge != NULL &&
		    (port->bridge == NULL || strcmp(place.bridge, port->bridge->name) != 0))
			continue;
		LIST_FOREACH(addr, &rif->addrs, list)
			json_array_append_new(*ret_result, addr_json(addr));
	}
	return 0;
}

/* --- routes --- */

static struct route_config
route_config_of(const struct object *obj)
{
	const struct value *values = obj->values;
	struct route_config config = { .kind = ROUTE_VIA };

	snprintf(config.port, sizeof(config.port), "%.15s", values[ROUTE_KEY_PORT].text);
	if (values[ROUTE_KEY_BLACKHOLE].number != 0)
		config.kind = ROUTE_BLACKHOLE;
	else if (values[ROUTE_KEY_UNREACHABLE].number != 0)
		config.kind = ROUTE_UNREACHABLE;
	else if (values[ROUTE_KEY_VIA].is_set)
		config.n_via = (unsigned int)ip_addrs_parse(values[ROUTE_KEY_VIA].text, config.via,
							    ROUTE_VIAS_MAX);
	else
		config.kind = ROUTE_PORT;
	return config;
}

int
rpc_route_make(struct vswitch *sw, const struct object *obj, struct error *err)
{
	const struct route_config config = route_config_of(obj);
	const struct ip_prefix prefix = prefix_of(obj);
	int ret = router_need(sw, err);

	return ret < 0 ? ret : route_add(sw->routing, &prefix, ROUTE_STATIC, &config, err);
}

void
rpc_route_undo(struct vswitch *sw, const struct object *obj)
{
	const struct ip_prefix prefix = prefix_of(obj);

	route_del(sw->routing, &prefix, ROUTE_STATIC, NULL);
}

int
rpc_route_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &route_schema, VERB_ADD, NAME_REQUIRED, &obj, err);
	return ret < 0 ? ret : rpc_route_make(ctx, &obj, err);
}

int
rpc_route_del(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct vswitch *sw = ctx;
	struct ip_prefix prefix;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &route_schema, VERB_DEL, NAME_REQUIRED, &obj, err);
	if (ret < 0 || (ret = router_need(sw, err)) < 0)
		return ret;
	prefix = prefix_of(&obj);
	return route_del(sw->routing, &prefix, ROUTE_STATIC, err);
}

static json_t *
route_json(const struct route_info *info)
{
	static const char *const kinds[] = {
		[NEXT_HOP_NONE] = "nowhere",
		[NEXT_HOP_BLACKHOLE] = "blackhole",
		[NEXT_HOP_UNREACHABLE] = "unreachable",
		[NEXT_HOP_LOCAL] = "local",
		[NEXT_HOP_CONNECTED] = "link",
		[NEXT_HOP_NEIGHBOUR] = "station",
		[NEXT_HOP_GROUP] = "stations",
	};
	char prefix[IP_PREFIX_TEXT_SIZE], addr[IP_ADDR_TEXT_SIZE];
	json_t *via = json_array(), *ports = json_array();

	for (unsigned int i = 0; i < info->n_via; i++)
		json_array_append_new(via, json_string(ip_addr_format(&info->via[i], addr)));
	for (unsigned int i = 0; i < RTE_MAX(info->n_via, 1u); i++)
		if (info->ports[i] != NULL)
			json_array_append_new(ports, json_string(info->ports[i]));
	return json_pack("{s:s, s:s, s:s, s:b, s:o, s:o, s:s?}", "route",
			 ip_prefix_format(&info->prefix, prefix), "origin",
			 route_origin_names[info->origin], "kind", kinds[info->kind], "active",
			 (int)info->active, "via", via, "ports", ports, "reason", info->reason);
}

static bool
route_wanted(const struct route_info *info, const char *port)
{
	if (port == NULL)
		return true;
	for (unsigned int i = 0; i < ROUTE_VIAS_MAX; i++)
		if (info->ports[i] != NULL && strcmp(info->ports[i], port) == 0)
			return true;
	return false;
}

/* The one route that packets to an address take. */
static json_t *
route_matching(struct vswitch *sw, const char *text)
{
	json_t *entries = json_array();
	struct route_info info;
	struct ip_addr addr;

	if (sw->routing != NULL && ip_addrs_parse(text, &addr, 1) == 1 &&
	    route_match(sw->routing, &addr, &info))
		json_array_append_new(entries, route_json(&info));
	return json_pack("{s:o, s:n}", "entries", entries, "next");
}

int
rpc_route_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct vswitch *sw = ctx;
	struct route_info info;
	uint64_t cursor = 0, n;
	json_t *entries;
	struct object obj;
	char next[24];
	const char *port;
	int ret;

	ret = rpc_params_read(params, &route_schema, VERB_SHOW, NAME_NONE, &obj, err);
	if (ret < 0)
		return ret;
	port = text_or_null(&obj.values[ROUTE_KEY_PORT]);
	if (port != NULL && switch_port_find(sw, port) == NULL)
		return unknown_port(ctx, port, err);
	if (obj.values[ROUTE_KEY_MATCH].is_set) {
		*ret_result = route_matching(sw, obj.values[ROUTE_KEY_MATCH].text);
		return 0;
	}
	if (obj.values[ROUTE_KEY_CURSOR].is_set &&
	    sscanf(obj.values[ROUTE_KEY_CURSOR].text, "%" SCNu64, &cursor) != 1)
		return error_set(err, EINVAL, "route: cursor: it is not from a reply");
	entries = json_array();
	for (n = 0; n < obj.values[ROUTE_KEY_LIMIT].number; n++) {
		if (sw->routing == NULL || !route_next(sw->routing, &cursor, &info))
			break;
		if (route_wanted(&info, port))
			json_array_append_new(entries, route_json(&info));
	}
	snprintf(next, sizeof(next), "%" PRIu64, cursor);
	*ret_result = json_pack("{s:o, s:s?}", "entries", entries, "next",
				n == obj.values[ROUTE_KEY_LIMIT].number ? next : NULL);
	return 0;
}

int
rpc_route_import(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct vswitch *sw = ctx;
	struct object obj;
	char quoted[48];
	int ret;

	ret = rpc_params_read(params, &route_import_schema, VERB_SET, NAME_REQUIRED, &obj, err);
	if (ret < 0 || (ret = router_need(sw, err)) < 0)
		return ret;
	if (strcmp(obj.name, "kernel") == 0)
		return route_import_start(sw->routing, err);
	if (strcmp(obj.name, "none") != 0)
		return error_set(err, EINVAL, "route import: %s is not kernel or none",
				 schema_quote(obj.name, quoted, sizeof(quoted)));
	route_import_stop(sw->routing);
	return 0;
}

/* --- neighbours --- */

/* The rif that a neighbour is behind: as given, or by its network. */
static struct switch_rif *
neigh_rif(struct vswitch *sw, const struct object *obj, const struct ip_addr *addr,
	  struct error *err)
{
	const char *name = text_or_null(&obj->values[NEIGH_KEY_PORT]);
	struct switch_port *port;
	struct switch_rif *rif;

	if (router_need(sw, err) < 0)
		return NULL;
	if (name == NULL) {
		rif = rif_on_link(sw->routing, addr);
		if (rif == NULL)
			error_set(err, ENOENT, "neigh %s: is on no network of ours; give its port",
				  obj->name);
		return rif;
	}
	port = switch_port_find(sw, name);
	if (port == NULL) {
		unknown_port(sw, name, err);
		return NULL;
	}
	rif = rif_find(sw->routing, port);
	if (rif == NULL)
		error_set(err, EINVAL, "neigh %s: port %s is not a routed one: it has no address",
			  obj->name, name);
	return rif;
}

int
rpc_neigh_make(struct vswitch *sw, const struct object *obj, struct error *err)
{
	struct neighbour *neighbour;
	struct ip_addr addr = { 0 };
	struct switch_rif *rif;

	ip_addr_parse(obj->name, &addr);
	if (!ip_addr_is_station(&addr))
		return error_set(err, EINVAL, "neigh %s: no station can have this address",
				 obj->name);
	rif = neigh_rif(sw, obj, &addr, err);
	if (rif == NULL)
		return err != NULL ? err->code : -ENOENT;
	if (mac_is_group(obj->values[NEIGH_KEY_MAC].mac))
		return error_set(err, EINVAL, "neigh %s: mac is a group's", obj->name);
	neighbour = neighbour_get(rif, &addr);
	if (neighbour == NULL)
		return error_set(err, ENOSPC, "neigh %s: port %s has too many neighbours",
				 obj->name, rif->port->config.name);
	neighbour_set(neighbour, obj->values[NEIGH_KEY_MAC].mac);
	return 0;
}

static int
neigh_del(struct vswitch *sw, const struct object *obj, struct error *err)
{
	struct neighbour *neighbour;
	struct ip_addr addr = { 0 };
	struct switch_rif *rif;

	ip_addr_parse(obj->name, &addr);
	rif = neigh_rif(sw, obj, &addr, err);
	if (rif == NULL)
		return err != NULL ? err->code : -ENOENT;
	neighbour = neighbour_find(sw->routing, rif, &addr);
	if (neighbour == NULL)
		return error_set(err, ENOENT,
				 "neigh %s: there is no such neighbour; see \"vsctl neigh show\"",
				 obj->name);
	neighbour_del(neighbour);
	return 0;
}

void
rpc_neigh_undo(struct vswitch *sw, const struct object *obj)
{
	neigh_del(sw, obj, NULL);
}

int
rpc_neigh_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &neigh_schema, VERB_ADD, NAME_REQUIRED, &obj, err);
	return ret < 0 ? ret : rpc_neigh_make(ctx, &obj, err);
}

int
rpc_neigh_del(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &neigh_schema, VERB_DEL, NAME_REQUIRED, &obj, err);
	return ret < 0 ? ret : neigh_del(ctx, &obj, err);
}

static json_t *
neigh_json(const struct neighbour *neighbour)
{
	char text[IP_ADDR_TEXT_SIZE];

	return json_pack("{s:s, s:s, s:o, s:s, s:I, s:I}", "neighbour",
			 ip_addr_format(&neighbour->addr, text), "port",
			 neighbour->rif->port->config.name, "mac",
			 neighbour_is_known(neighbour) ? rpc_mac_json(neighbour->mac) : json_null(),
			 "state", neighbour_state_names[neighbour->state], "waiting",
			 (json_int_t)neighbour->n_queued, "routes", (json_int_t)neighbour->refs);
}

/* The rifs that show and flush are about. */
static int
neigh_port(struct vswitch *sw, const struct object *obj, const char **ret_name, struct error *err)
{
	*ret_name = text_or_null(&obj->values[NEIGH_KEY_PORT]);
	return *ret_name == NULL || switch_port_find(sw, *ret_name) != NULL ?
		       0 :
		       unknown_port(sw, *ret_name, err);
}

int
rpc_neigh_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	const struct neighbour *neighbour;
	struct switch_rif *rif = NULL;
	struct vswitch *sw = ctx;
	struct object obj;
	const char *name;
	int ret;

	ret = rpc_params_read(params, &neigh_schema, VERB_SHOW, NAME_NONE, &obj, err);
	if (ret < 0 || (ret = neigh_port(sw, &obj, &name, err)) < 0)
		return ret;
	*ret_result = json_array();
	while (sw->routing != NULL && (rif = rif_next(sw->routing, rif)) != NULL) {
		if (name != NULL && strcmp(name, rif->port->config.name) != 0)
			continue;
		LIST_FOREACH(neighbour, &rif->neighbours, list)
			json_array_append_new(*ret_result, neigh_json(neighbour));
	}
	return 0;
}

int
rpc_neigh_flush(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct switch_rif *rif = NULL;
	struct vswitch *sw = ctx;
	struct object obj;
	const char *name;
	int ret;

	ret = rpc_params_read(params, &neigh_schema, VERB_FLUSH, NAME_NONE, &obj, err);
	if (ret < 0 || (ret = neigh_port(sw, &obj, &name, err)) < 0)
		return ret;
	while (sw->routing != NULL && (rif = rif_next(sw->routing, rif)) != NULL)
		if (name == NULL || strcmp(name, rif->port->config.name) == 0)
			neighbours_flush(rif, false);
	return 0;
}
