/* SPDX-License-Identifier: BSD-3-Clause */
/* "vsctl show": everything that a screen can hold. */
#include "show.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "command.h"
#include "error.h"
#include "json_show.h"
#include "table.h"
#include "terminal.h"

#define INDENT 4
#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static const struct column columns[] = {
	{ .heading = "PORT", .field = "port" },
	{ .heading = "TYPE", .field = "type" },
	{ .heading = "LINK", .field = "link" },
	{ .heading = "VLAN", .field = "vlan" },
	{ .heading = "MTU", .field = "mtu", .kind = CELL_NUMBER },
	{ .heading = "RX-PACKETS", .field = "rx_packets", .kind = CELL_NUMBER },
	{ .heading = "TX-PACKETS", .field = "tx_packets", .kind = CELL_NUMBER },
	{ .heading = "DROPS", .field = "drops", .kind = CELL_NUMBER },
	{ .heading = "STATE", .field = "state" },
};

/* Of guests in route or NAT mode. */
static const struct column routed_columns[] = {
	{ .heading = "PORT", .field = "port" },
	{ .heading = "TYPE", .field = "type" },
	{ .heading = "LINK", .field = "link" },
	{ .heading = "MODE", .field = "mode" },
	{ .heading = "IP", .field = "ip" },
	{ .heading = "RX-PACKETS", .field = "rx_packets", .kind = CELL_NUMBER },
	{ .heading = "TX-PACKETS", .field = "tx_packets", .kind = CELL_NUMBER },
	{ .heading = "DROPS", .field = "drops", .kind = CELL_NUMBER },
	{ .heading = "STATE", .field = "state" },
};

/* All that is shown; each an array of rows. */
struct overview {
	json_t *bridges;
	json_t *ports;
	json_t *vifs;
};

static const char *
text_of(const json_t *row, const char *field)
{
	return json_string_value(json_object_get(row, field));
}

static const char *
text_or_none(const json_t *row, const char *field)
{
	const char *text = text_of(row, field);

	return text != NULL ? text : "";
}

static json_t *
row_find(const json_t *rows, const char *field, const char *name)
{
	const char *text;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		text = text_of(row, field);
		if (text != NULL && strcmp(text, name) == 0)
			return row;
	}
	return NULL;
}

/*
 * The state of a port: why it does not work, what the spanning tree does not let it do, how far its
 * guest is, or whose member it is.
 */
static void
ports_add_state(const struct overview *overview)
{
	json_t *port, *vif, *state;
	char member[64];
	size_t i;

	json_array_foreach(overview->ports, i, port) {
		vif = row_find(overview->vifs, "vif", text_of(port, "port"));
		state = json_object_get(port, "reason");
		if (state == NULL && strcmp(text_or_none(port, "state"), "forwarding") != 0)
			continue;
		if (state == NULL)
			state = json_object_get(vif, "state");
		if (state == NULL && text_of(port, "bond") != NULL) {
			snprintf(member, sizeof(member), "member of %s", text_of(port, "bond"));
			json_object_set_new(port, "state", json_string(member));
			continue;
		}
		if (state != NULL)
			json_object_set(port, "state", state);
		else
			json_object_del(port, "state");
	}
}

static bool
is_routed(const json_t *port)
{
	const char *mode = text_of(port, "mode");

	return mode != NULL && strcmp(mode, "bridge") != 0;
}

static json_t *
ports_routed(const struct overview *overview)
{
	json_t *rows = json_array(), *row;
	size_t i;

	json_array_foreach(overview->ports, i, row)
		if (is_routed(row))
			json_array_append(rows, row);
	return rows;
}

/* A guest's interface that no script has put on a bridge, and so is no port of one. */
static json_t *
ports_of_none(const struct overview *overview)
{
	json_t *rows = json_array(), *row;
	size_t i;

	json_array_foreach(overview->ports, i, row)
		if (text_of(row, "bridge") == NULL && !is_routed(row))
			json_array_append(rows, row);
	json_array_foreach(overview->vifs, i, row)
		if (row_find(overview->ports, "port", text_of(row, "vif")) == NULL)
			json_array_append_new(rows,
					      json_pack("{s:O, s:s, s:O*}", "port",
							json_object_get(row, "vif"), "type", "vif",
							"state", json_object_get(row, "state")));
	return rows;
}

static void
print_ports(struct table *table, const json_t *rows, const char *bridge)
{
	bool first = true;
	const char *name;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		name = text_of(row, "bridge");
		if (bridge != NULL && (name == NULL || strcmp(name, bridge) != 0))
			continue;
		if (first)
			table_head(table, stdout);
		first = false;
		table_row(table, row, stdout);
	}
	if (first)
		printf("%*sno ports; put one on it: vsctl port add PORT bridge %s\n", INDENT, "",
		       bridge);
}

static void
print_overview(const struct overview *overview)
{
	json_t *bridge, *rest, *routed;
	struct table table;
	size_t i;

	ports_add_state(overview);
	rest = ports_of_none(overview);
	routed = ports_routed(overview);
	table_init(&table, columns, N_ELEMENTS(columns), INDENT);
	table_measure(&table, overview->ports);
	table_measure(&table, rest);

	json_array_foreach(overview->bridges, i, bridge) {
		fputs(i > 0 ? "\nbridge " : "bridge ", stdout);
		terminal_heading(text_of(bridge, "bridge"));
		printf("   ageing %lld s   fdb %lld of %lld\n",
		       json_integer_value(json_object_get(bridge, "ageing")),
		       json_integer_value(json_object_get(bridge, "fdb_entries")),
		       json_integer_value(json_object_get(bridge, "fdb_limit")));
		print_ports(&table, overview->ports, text_of(bridge, "bridge"));
	}
	if (json_array_size(overview->bridges) == 0)
		puts("no bridges; make one: vsctl bridge add xenbr0");
	if (json_array_size(rest) > 0) {
		puts("\non no bridge");
		print_ports(&table, rest, NULL);
	}
	if (json_array_size(routed) > 0) {
		table_init(&table, routed_columns, N_ELEMENTS(routed_columns), INDENT);
		table_measure(&table, routed);
		puts("\nrouted");
		print_ports(&table, routed, NULL);
	}
	json_decref(rest);
	json_decref(routed);
}

static int
get(struct client *client, const char *method, json_t *params, const char *sort_field,
    json_t **ret_rows, struct error *err)
{
	int ret;

	ret = client_call(client, method, params, ret_rows, err);
	if (ret == 0)
		rows_sort(*ret_rows, sort_field);
	return ret;
}

int
show_overview(struct client *client, const struct request *request, struct error *err)
{
	struct overview overview = { NULL };
	json_t *json;
	int ret;

	ret = get(client, "bridge.show", json_object(), "bridge", &overview.bridges, err);
	if (ret == 0)
		ret = get(client, "port.show",
			  request->json ? json_object() : json_pack("{s:b}", "brief", 1), "port",
			  &overview.ports, err);
	if (ret == 0)
		ret = get(client, "vif.show", json_object(), "vif", &overview.vifs, err);
	if (ret == 0 && request->json) {
		json = json_pack("{s:O, s:O, s:O}", "bridges", overview.bridges, "ports",
				 overview.ports, "vifs", overview.vifs);
		json_show(request->command, json);
		json_decref(json);
	} else if (ret == 0) {
		print_overview(&overview);
	}
	json_decref(overview.bridges);
	json_decref(overview.ports);
	json_decref(overview.vifs);
	return ret;
}
