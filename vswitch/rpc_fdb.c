/* SPDX-License-Identifier: BSD-3-Clause */
/* The fdb methods. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "rpc_methods_priv.h"
#include "rpc_params.h"
#include "switch.h"
#include "unknown.h"

#define FDB_ROWS_MAX 4096 /* most rows of one reply; see the key "limit" */

json_t *
rpc_mac_json(const uint8_t mac[MAC_LEN])
{
	static const uint8_t none[MAC_LEN];
	char text[MAC_TEXT_SIZE];

	if (memcmp(mac, none, MAC_LEN) == 0)
		return json_null();
	return json_string(mac_format(mac, text));
}

static struct rte_ether_addr
ether_addr(const struct value *value)
{
	struct rte_ether_addr addr;

	memcpy(addr.addr_bytes, value->mac, MAC_LEN);
	return addr;
}

int
rpc_fdb_make(struct vswitch *sw, const struct object *obj, struct error *err)
{
	const struct rte_ether_addr mac = ether_addr(&obj->values[FDB_KEY_MAC]);

	return switch_fdb_add(sw, obj->name, &mac, obj->values[FDB_KEY_VID].number,
			      obj->values[FDB_KEY_PORT].text, err);
}

static int
fdb_delete(struct vswitch *sw, const struct object *obj, struct error *err)
{
	const struct rte_ether_addr mac = ether_addr(&obj->values[FDB_KEY_MAC]);
	const struct value *vid = &obj->values[FDB_KEY_VID];

	return switch_fdb_del(sw, obj->name, &mac, vid->is_set ? vid->number : FDB_VID_ANY, err);
}

void
rpc_fdb_undo(struct vswitch *sw, const struct object *obj)
{
	fdb_delete(sw, obj, NULL);
}

int
rpc_fdb_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &fdb_schema, VERB_ADD, NAME_REQUIRED, &obj, err);
	return ret < 0 ? ret : rpc_fdb_make(ctx, &obj, err);
}

int
rpc_fdb_del(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &fdb_schema, VERB_DEL, NAME_REQUIRED, &obj, err);
	return ret < 0 ? ret : fdb_delete(ctx, &obj, err);
}

int
rpc_fdb_flush(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	const struct value *port;
	struct object obj;
	int ret;

	ret = rpc_params_read(params, &fdb_schema, VERB_FLUSH, NAME_REQUIRED, &obj, err);
	if (ret < 0)
		return ret;
	port = &obj.values[FDB_KEY_PORT];
	return switch_fdb_flush(ctx, obj.name, port->is_set ? port->text : NULL, err);
}

static bool
fdb_row_wanted(const struct switch_fdb_row *row, const struct object *filter)
{
	const struct value *values = filter->values;

	if (values[FDB_KEY_MAC].is_set &&
	    memcmp(row->mac.addr_bytes, values[FDB_KEY_MAC].mac, MAC_LEN) != 0)
		return false;
	if (values[FDB_KEY_VID].is_set && row->vid != values[FDB_KEY_VID].number)
		return false;
	if (values[FDB_KEY_PORT].is_set &&
	    (row->port == NULL || strcmp(row->port, values[FDB_KEY_PORT].text) != 0))
		return false;
	return true;
}

static json_t *
fdb_row_json(const char *bridge, const struct switch_fdb_row *row)
{
	char mac[MAC_TEXT_SIZE];

	return json_pack("{s:s, s:o, s:s, s:s?, s:b, s:I}", "bridge", bridge, "vid",
			 row->vid != 0 ? json_integer(row->vid) : json_null(), "mac",
			 mac_format(row->mac.addr_bytes, mac), "port", row->port, "static",
			 row->is_static, "age", (json_int_t)row->age);
}

/* The bridge after @name in the order of names; NULL: the first. Stays true when bridges go. */
static struct switch_bridge *
bridge_after(struct vswitch *sw, const char *name)
{
	struct switch_bridge *bridge, *next = NULL;

	LIST_FOREACH(bridge, &sw->bridges, list) {
		if (name != NULL && strcmp(bridge->name, name) <= 0)
			continue;
		if (next == NULL || strcmp(bridge->name, next->name) < 0)
			next = bridge;
	}
	return next;
}

/* A cursor is "POSITION/BRIDGE". A bridge that is gone leads to the one after it. */
static int
fdb_cursor_read(struct vswitch *sw, const char *text, struct switch_bridge **ret_bridge,
		uint32_t *ret_position, struct error *err)
{
	char name[SWITCH_NAME_SIZE];

	if (sscanf(text, "%" SCNu32 "/%15s", ret_position, name) != 2)
		return error_set(err, EINVAL, "fdb: cursor: it is not from a reply");
	*ret_bridge = switch_bridge_find(sw, name);
	if (*ret_bridge == NULL) {
		*ret_bridge = bridge_after(sw, name);
		*ret_position = 0;
	}
	return 0;
}

int
rpc_fdb_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	static struct switch_fdb_row rows[FDB_ROWS_MAX]; /* control thread only; too big a stack */
	char cursor[SWITCH_NAME_SIZE + 16];
	struct switch_bridge *bridge, *next;
	uint32_t position = 0;
	struct object obj;
	json_t *entries;
	int ret, n, i;

	ret = rpc_params_read(params, &fdb_schema, VERB_SHOW, NAME_OPTIONAL, &obj, err);
	if (ret < 0)
		return ret;
	bridge = obj.name[0] != '\0' ? switch_bridge_find(ctx, obj.name) : bridge_after(ctx, NULL);
	if (obj.name[0] != '\0' && bridge == NULL)
		return unknown_bridge(ctx, obj.name, err);
	if (obj.values[FDB_KEY_PORT].is_set &&
	    switch_port_find(ctx, obj.values[FDB_KEY_PORT].text) == NULL)
		return unknown_port(ctx, obj.values[FDB_KEY_PORT].text, err);
	if (obj.values[FDB_KEY_CURSOR].is_set) {
		ret = fdb_cursor_read(ctx, obj.values[FDB_KEY_CURSOR].text, &bridge, &position,
				      err);
		if (ret < 0)
			return ret;
	}

	entries = json_array();
	next = bridge;
	if (bridge != NULL) {
		n = switch_fdb_read(ctx, bridge->name, &position, rows,
				    obj.values[FDB_KEY_LIMIT].number, err);
		if (n < 0) {
			json_decref(entries);
			return n;
		}
		for (i = 0; i < n; i++)
			if (fdb_row_wanted(&rows[i], &obj))
				json_array_append_new(entries,
						      fdb_row_json(bridge->name, &rows[i]));
		if (position == 0)
			next = obj.name[0] == '\0' ? bridge_after(ctx, bridge->name) : NULL;
	}
	if (next != NULL)
		snprintf(cursor, sizeof(cursor), "%" PRIu32 "/%s", position, next->name);
	*ret_result =
		json_pack("{s:o, s:s?}", "entries", entries, "next", next != NULL ? cursor : NULL);
	return 0;
}
