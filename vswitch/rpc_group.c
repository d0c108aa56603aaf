/* SPDX-License-Identifier: BSD-3-Clause */
/* The group and querier methods, and what ports tell of groups. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "rpc_methods_priv.h"
#include "rpc_params.h"
#include "switch.h"
#include "unknown.h"

#define PROTOCOL_TEXT_SIZE 12

/* Members of a bridge, collected to be sorted. */
struct member_rows {
	struct membership_member_info *rows;
	size_t n;
	size_t size;
	bool failed; /* no memory */
};

static void
member_rows_add(void *arg, const struct membership_member_info *info)
{
	struct member_rows *rows = arg;
	size_t size = rows->size != 0 ? rows->size * 2 : 64;
	void *grown;

	if (rows->failed)
		return;
	if (rows->n == rows->size) {
		grown = realloc(rows->rows, size * sizeof(rows->rows[0]));
		if (grown == NULL) {
			rows->failed = true;
			return;
		}
		rows->rows = grown;
		rows->size = size;
	}
	rows->rows[rows->n++] = *info;
}

static int
compare_members(const void *a, const void *b)
{
	const struct membership_member_info *row_a = a, *row_b = b;
	int ret;

	if (row_a->vid != row_b->vid)
		return row_a->vid < row_b->vid ? -1 : 1;
	if (row_a->family != row_b->family)
		return row_a->family < row_b->family ? -1 : 1;
	ret = memcmp(row_a->group, row_b->group, sizeof(*row_a->group));
	return ret != 0 ? ret : (row_a->port > row_b->port) - (row_a->port < row_b->port);
}

static bool
same_group(const struct membership_member_info *a, const struct membership_member_info *b)
{
	return a->vid == b->vid && a->family == b->family &&
	       memcmp(a->group, b->group, sizeof(*a->group)) == 0;
}

static const char *
protocol_text(enum mcast_family family, uint8_t version, char text[PROTOCOL_TEXT_SIZE])
{
	snprintf(text, PROTOCOL_TEXT_SIZE, "%sv%u", family == MCAST_IPV4 ? "IGMP" : "MLD", version);
	return text;
}

static const char *
addr_text(enum mcast_family family, const struct mcast_addr *addr, char text[INET6_ADDRSTRLEN])
{
	return inet_ntop(family == MCAST_IPV4 ? AF_INET : AF_INET6, addr->bytes, text,
			 INET6_ADDRSTRLEN);
}

static json_t *
vid_json(uint16_t vid)
{
	return vid != 0 ? json_integer(vid) : json_null();
}

static json_t *
port_name_json(const struct vswitch *sw, int id)
{
	const struct switch_port *port = id >= 0 ? sw->owners[id] : NULL;

	return port != NULL ? json_string(port->config.name) : json_null();
}

static json_t *
member_json(const struct vswitch *sw, const struct membership_member_info *member)
{
	char protocol[PROTOCOL_TEXT_SIZE];

	return json_pack("{s:o, s:s, s:I, s:b}", "port", port_name_json(sw, member->port),
			 "protocol", protocol_text(member->family, member->version, protocol),
			 "expires", (json_int_t)(member->expires + 999) / 1000, "leaving",
			 (int)member->leaving);
}

/* A group: the @n rows from @rows on. */
static json_t *
group_json(const struct vswitch *sw, const char *bridge, const struct membership_member_info *rows,
	   size_t n)
{
	json_t *ports = json_array(), *members = json_array();
	char group[INET6_ADDRSTRLEN], mac[MAC_TEXT_SIZE], protocol[PROTOCOL_TEXT_SIZE];
	uint8_t bytes[MAC_LEN], version = UINT8_MAX;
	uint64_t expires = 0;
	size_t i;

	mcast_mac(rows->family, rows->group, bytes);
	for (i = 0; i < n; i++) {
		json_array_append_new(ports, port_name_json(sw, rows[i].port));
		json_array_append_new(members, member_json(sw, &rows[i]));
		expires = RTE_MAX(expires, rows[i].expires);
		version = RTE_MIN(version, rows[i].version);
	}
	return json_pack("{s:s, s:o, s:s, s:s, s:s, s:I, s:o, s:o}", "bridge", bridge, "vid",
			 vid_json(rows->vid), "group", addr_text(rows->family, rows->group, group),
			 "mac", mac_format(bytes, mac), "protocol",
			 protocol_text(rows->family, version, protocol), "expires",
			 (json_int_t)(expires + 999) / 1000, "ports", ports, "members", members);
}

static bool
group_wanted(const struct vswitch *sw, const struct membership_member_info *rows, size_t n,
	     const struct object *filter)
{
	const struct value *port = &filter->values[GROUP_KEY_PORT];
	bool found = !port->is_set;

	if (filter->values[GROUP_KEY_VID].is_set &&
	    filter->values[GROUP_KEY_VID].number != rows->vid)
		return false;
	for (size_t i = 0; i < n && !found; i++)
		found = sw->owners[rows[i].port] != NULL &&
			strcmp(sw->owners[rows[i].port]->config.name, port->text) == 0;
	return found;
}

static int
groups_add(const struct vswitch *sw, const struct switch_bridge *bridge,
	   const struct object *filter, json_t *result)
{
	struct member_rows rows = { 0 };
	const struct membership *m;
	size_t i, n;
	uint64_t now;

	m = snoop_membership(bridge, &now);
	if (m == NULL)
		return 0;
	membership_each_member(m, now, member_rows_add, &rows);
	if (rows.n > 0)
		qsort(rows.rows, rows.n, sizeof(rows.rows[0]), compare_members);
	for (i = 0; i < rows.n && !rows.failed; i += n) {
		for (n = 1; i + n < rows.n && same_group(&rows.rows[i], &rows.rows[i + n]); n++)
			;
		if (group_wanted(sw, &rows.rows[i], n, filter))
			json_array_append_new(result,
					      group_json(sw, bridge->name, &rows.rows[i], n));
	}
	free(rows.rows);
	return rows.failed ? -ENOMEM : 0;
}

int
rpc_group_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct vswitch *sw = ctx;
	struct switch_bridge *bridge;
	const struct value *port;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &group_schema, VERB_SHOW, NAME_OPTIONAL, &obj, err);
	if (ret < 0)
		return ret;
	if (obj.name[0] != '\0' && switch_bridge_find(sw, obj.name) == NULL)
		return unknown_bridge(ctx, obj.name, err);
	port = &obj.values[GROUP_KEY_PORT];
	if (port->is_set && switch_port_find(sw, port->text) == NULL)
		return unknown_port(ctx, port->text, err);
	*ret_result = json_array();
	LIST_FOREACH(bridge, &sw->bridges, list) {
		if (obj.name[0] != '\0' && strcmp(obj.name, bridge->name) != 0)
			continue;
		if (groups_add(sw, bridge, &obj, *ret_result) < 0)
			return error_set(err, ENOMEM, "group: no memory for the reply");
	}
	return 0;
}

/* What querier_add() needs to know. */
struct querier_rows {
	const struct vswitch *sw;
	const struct switch_bridge *bridge;
	const struct membership *membership;
	json_t *result;
};

static json_t *
routers_json(const struct querier_rows *rows, const struct membership_domain_info *info)
{
	static uint16_t ids[PORT_MAX]; /* control thread only; too big a stack */
	json_t *routers = json_array();
	uint32_t n =
		membership_routers(rows->membership, info->vid, info->family, NULL, ids, PORT_MAX);

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(routers, port_name_json(rows->sw, ids[i]));
	return routers;
}

static void
querier_add(void *arg, const struct membership_domain_info *info)
{
	static const char *const words[] = {
		[MEMBERSHIP_QUERIER_NONE] = "none",
		[MEMBERSHIP_QUERIER_SELF] = "self",
		[MEMBERSHIP_QUERIER_OTHER] = "other",
	};
	const struct querier_rows *rows = arg;
	bool any = info->querier != MEMBERSHIP_QUERIER_NONE;
	char address[INET6_ADDRSTRLEN], protocol[PROTOCOL_TEXT_SIZE];
	json_t *json;

	json = json_pack("{s:s, s:o, s:s, s:s, s:s?, s:s?, s:o, s:b, s:I, s:o}", "bridge",
			 rows->bridge->name, "vid", vid_json(info->vid), "family",
			 info->family == MCAST_IPV4 ? "ipv4" : "ipv6", "querier",
			 words[info->querier], "protocol",
			 any ? protocol_text(info->family, info->version, protocol) : NULL,
			 "address", any ? addr_text(info->family, &info->address, address) : NULL,
			 "port", port_name_json(rows->sw, info->port), "active", (int)info->active,
			 "groups", (json_int_t)info->n_groups, "routers", routers_json(rows, info));
	if (info->querier == MEMBERSHIP_QUERIER_OTHER)
		json_object_set_new(json, "expires", json_integer((info->expires + 999) / 1000));
	if (info->interval != 0)
		json_object_set_new(json, "interval", json_integer(info->interval / 1000));
	json_array_append_new(rows->result, json);
}

int
rpc_querier_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct querier_rows rows = { .sw = ctx };
	struct vswitch *sw = ctx;
	struct object obj;
	uint64_t now;
	int ret;

	ret = rpc_params_read(params, &querier_schema, VERB_SHOW, NAME_OPTIONAL, &obj, err);
	if (ret < 0)
		return ret;
	if (obj.name[0] != '\0' && switch_bridge_find(sw, obj.name) == NULL)
		return unknown_bridge(ctx, obj.name, err);
	rows.result = *ret_result = json_array();
	LIST_FOREACH(rows.bridge, &sw->bridges, list) {
		if (obj.name[0] != '\0' && strcmp(obj.name, rows.bridge->name) != 0)
			continue;
		rows.membership = snoop_membership(rows.bridge, &now);
		if (rows.membership != NULL)
			membership_each_domain(rows.membership, now, querier_add, &rows);
	}
	return 0;
}

void
rpc_group_port_json(const struct switch_port *port, json_t *json)
{
	static const char *const words[] = {
		[MEMBERSHIP_ROUTER_AUTO] = "auto",
		[MEMBERSHIP_ROUTER_YES] = "yes",
		[MEMBERSHIP_ROUTER_NO] = "no",
	};
	struct membership_port_info info;

	json_object_set_new(json, "mrouter", json_string(words[port->config.mrouter]));
	json_object_set_new(json, "fast_leave", json_boolean(port->config.fast_leave));
	json_object_set_new(json, "group_limit",
			    port->config.group_limit != 0 ? json_integer(port->config.group_limit) :
							    json_null());
	if (!snoop_port_info(port, &info))
		return;
	json_object_set_new(json, "groups", json_integer(info.n_groups));
	json_object_set_new(json, "multicast_router", json_boolean(info.router));
	json_object_set_new(json, "all_groups", json_boolean(info.all));
	json_object_set_new(json, "groups_refused", json_integer(info.refused));
	json_object_set_new(json, "group_messages_invalid", json_integer(info.invalid));
}
