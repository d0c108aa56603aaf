/* SPDX-License-Identifier: BSD-3-Clause */
#include "show.h"

#include <errno.h>
#include <stdio.h>

#include "client.h"
#include "command.h"
#include "error.h"
#include "json_show.h"
#include "table.h"
#include "version.h"

#define NAME_WIDTH 26
#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static const struct column bridge_columns[] = {
	{ .heading = "BRIDGE", .field = "bridge" },
	{ .heading = "AGEING", .field = "ageing", .kind = CELL_NUMBER },
	{ .heading = "FDB-LIMIT", .field = "fdb_limit", .kind = CELL_NUMBER },
	{ .heading = "FDB-ENTRIES", .field = "fdb_entries", .kind = CELL_NUMBER },
	{ .heading = "ANNOUNCE", .field = "announce" },
	{ .heading = "STP", .field = "stp" },
	{ .heading = "SNOOPING", .field = "snooping" },
	{ .heading = "PORTS", .field = "ports", .kind = CELL_COUNT },
};

static const struct column port_columns[] = {
	{ .heading = "PORT", .field = "port" },
	{ .heading = "BRIDGE", .field = "bridge" },
	{ .heading = "MODE", .field = "mode" },
	{ .heading = "TYPE", .field = "type" },
	{ .heading = "LINK", .field = "link" },
	{ .heading = "STATE", .field = "state" },
	{ .heading = "VLAN", .field = "vlan" },
	{ .heading = "MTU", .field = "mtu", .kind = CELL_NUMBER },
	{ .heading = "MAC", .field = "mac" },
	{ .heading = "RX-PACKETS", .field = "rx_packets", .kind = CELL_NUMBER },
	{ .heading = "TX-PACKETS", .field = "tx_packets", .kind = CELL_NUMBER },
	{ .heading = "DROPS", .field = "drops", .kind = CELL_NUMBER },
	{ .heading = "DRIVER", .field = "driver" },
	{ .heading = "REASON", .field = "reason" },
};

static const struct column vif_columns[] = {
	{ .heading = "VIF", .field = "vif" },
	{ .heading = "BRIDGE", .field = "bridge" },
	{ .heading = "MODE", .field = "mode" },
	{ .heading = "IP", .field = "ip" },
	{ .heading = "MAC", .field = "mac" },
	{ .heading = "STATE", .field = "state" },
	{ .heading = "FRONTEND", .field = "frontend_state" },
	{ .heading = "QUEUES", .field = "queues", .kind = CELL_NUMBER },
	{ .heading = "RATE", .field = "rate" },
	{ .heading = "RX-PACKETS", .field = "rx_packets", .kind = CELL_NUMBER },
	{ .heading = "TX-PACKETS", .field = "tx_packets", .kind = CELL_NUMBER },
	{ .heading = "FEATURES", .field = "features" },
};

static const struct column stats_columns[] = {
	{ .heading = "PORT", .field = "port" },
	{ .heading = "RX-PACKETS", .field = "rx_packets", .kind = CELL_NUMBER },
	{ .heading = "RX-BYTES", .field = "rx_bytes", .kind = CELL_NUMBER },
	{ .heading = "TX-PACKETS", .field = "tx_packets", .kind = CELL_NUMBER },
	{ .heading = "TX-BYTES", .field = "tx_bytes", .kind = CELL_NUMBER },
	{ .heading = "COPIES", .field = "copies", .kind = CELL_NUMBER },
	{ .heading = "MERGED", .field = "merged", .kind = CELL_NUMBER },
	{ .heading = "PUNTED", .field = "punted", .kind = CELL_NUMBER },
	{ .heading = "UNLEARNT", .field = "unlearnt", .kind = CELL_NUMBER },
	{ .heading = "DROPS", .field = "drops", .kind = CELL_SUM },
};

static const struct column drop_columns[] = {
	{ .heading = "PORT", .field = "port" },
	{ .heading = "DROPPED-FOR", .field = "reason" },
	{ .heading = "PACKETS", .field = "packets", .kind = CELL_NUMBER },
};

static const struct column worker_columns[] = {
	{ .heading = "WORKER", .field = "worker", .kind = CELL_NUMBER },
	{ .heading = "STATE", .field = "state" },
	{ .heading = "RX-PACKETS", .field = "rx_packets", .kind = CELL_NUMBER },
	{ .heading = "BUSY-TURNS", .field = "busy_turns", .kind = CELL_NUMBER },
	{ .heading = "BUSY-CYCLES", .field = "busy_cycles", .kind = CELL_NUMBER },
	{ .heading = "SLEEPS", .field = "sleeps", .kind = CELL_NUMBER },
};

/* Widths that fit nearly all, since pages are printed before the next is known. */
static const struct column fdb_columns[] = {
	{ .heading = "BRIDGE", .field = "bridge", .width = 8 },
	{ .heading = "VID", .field = "vid", .kind = CELL_NUMBER, .width = 4 },
	{ .heading = "MAC", .field = "mac", .width = MAC_TEXT_SIZE - 1 },
	{ .heading = "PORT", .field = "port", .width = 8 },
	{ .heading = "STATIC", .field = "static" },
	{ .heading = "AGE", .field = "age", .kind = CELL_NUMBER },
};

static const struct column group_columns[] = {
	{ .heading = "BRIDGE", .field = "bridge" },
	{ .heading = "VID", .field = "vid", .kind = CELL_NUMBER },
	{ .heading = "GROUP", .field = "group" },
	{ .heading = "PROTOCOL", .field = "protocol" },
	{ .heading = "EXPIRES", .field = "expires", .kind = CELL_NUMBER },
	{ .heading = "PORTS", .field = "ports" },
};

static const struct column querier_columns[] = {
	{ .heading = "BRIDGE", .field = "bridge" },
	{ .heading = "VID", .field = "vid", .kind = CELL_NUMBER },
	{ .heading = "FAMILY", .field = "family" },
	{ .heading = "QUERIER", .field = "querier" },
	{ .heading = "PROTOCOL", .field = "protocol" },
	{ .heading = "ADDRESS", .field = "address" },
	{ .heading = "PORT", .field = "port" },
	{ .heading = "EXPIRES", .field = "expires", .kind = CELL_NUMBER },
	{ .heading = "ACTIVE", .field = "active" },
	{ .heading = "GROUPS", .field = "groups", .kind = CELL_NUMBER },
	{ .heading = "ROUTERS", .field = "routers" },
};

static const struct column addr_columns[] = {
	{ .heading = "ADDR", .field = "addr" },
	{ .heading = "PORT", .field = "port" },
	{ .heading = "BRIDGE", .field = "bridge" },
	{ .heading = "VID", .field = "vid", .kind = CELL_NUMBER },
	{ .heading = "MAC", .field = "mac" },
	{ .heading = "LINK", .field = "link" },
	{ .heading = "PROXY", .field = "proxy" },
	{ .heading = "NEIGHBOURS", .field = "neighbours", .kind = CELL_NUMBER },
	{ .heading = "CONFLICTS", .field = "conflicts", .kind = CELL_NUMBER },
};

static const struct column route_columns[] = {
	{ .heading = "ROUTE", .field = "route", .width = 18 },
	{ .heading = "ORIGIN", .field = "origin", .width = 9 },
	{ .heading = "LEADS", .field = "kind", .width = 11 },
	{ .heading = "VIA", .field = "via", .width = 12 },
	{ .heading = "PORT", .field = "ports", .width = 8 },
	{ .heading = "REASON", .field = "reason" },
};

static const struct column nat_columns[] = {
	{ .heading = "RULE", .field = "nat" },
	{ .heading = "KIND", .field = "kind" },
	{ .heading = "OUT", .field = "out" },
	{ .heading = "FROM", .field = "from" },
	{ .heading = "GUEST", .field = "guest" },
	{ .heading = "TO", .field = "to" },
	{ .heading = "PORTS", .field = "ports" },
	{ .heading = "MAPPING", .field = "mapping" },
	{ .heading = "FILTERING", .field = "filtering" },
	{ .heading = "REASON", .field = "reason" },
};

static const struct column nat_session_columns[] = {
	{ .heading = "PROTO", .field = "proto", .width = 5 },
	{ .heading = "INSIDE", .field = "inside", .width = 15 },
	{ .heading = "PORT", .field = "inside_port", .kind = CELL_NUMBER, .width = 5 },
	{ .heading = "EXTERNAL", .field = "ext", .width = 15 },
	{ .heading = "PORT", .field = "ext_port", .kind = CELL_NUMBER, .width = 5 },
	{ .heading = "REMOTE", .field = "remote", .width = 15 },
	{ .heading = "PORT", .field = "remote_port", .kind = CELL_NUMBER, .width = 5 },
	{ .heading = "STATE", .field = "state", .width = 11 },
	{ .heading = "GUEST", .field = "guest", .width = 8 },
	{ .heading = "AGE", .field = "age", .kind = CELL_NUMBER, .width = 6 },
	{ .heading = "EXPIRES", .field = "expires", .kind = CELL_NUMBER },
};

static const struct column neigh_columns[] = {
	{ .heading = "NEIGHBOUR", .field = "neighbour" },
	{ .heading = "PORT", .field = "port" },
	{ .heading = "MAC", .field = "mac" },
	{ .heading = "STATE", .field = "state" },
	{ .heading = "WAITING", .field = "waiting", .kind = CELL_NUMBER },
	{ .heading = "ROUTES", .field = "routes", .kind = CELL_NUMBER },
};

/* Call the method, sort the rows, and print them if JSON is wanted. True: text is to be printed. */
static bool
get_rows(struct client *client, const struct request *request, const char *sort_field,
	 json_t **ret_rows, int *ret, struct error *err)
{
	*ret = request_call(client, request, ret_rows, err);
	if (*ret < 0)
		return false;
	rows_sort(*ret_rows, sort_field);
	if (request->json)
		json_show(request->command, *ret_rows);
	return !request->json;
}

static int
show_rows(struct client *client, const struct request *request, const struct column *columns,
	  unsigned int n_columns, struct error *err)
{
	struct table table;
	json_t *rows;
	int ret;

	if (get_rows(client, request, columns[0].field, &rows, &ret, err)) {
		table_init(&table, columns, n_columns, 0);
		table_print(&table, rows, stdout);
	}
	json_decref(rows);
	return ret;
}

int
show_bridges(struct client *client, const struct request *request, struct error *err)
{
	return show_rows(client, request, bridge_columns, N_ELEMENTS(bridge_columns), err);
}

int
show_ports(struct client *client, const struct request *request, struct error *err)
{
	return show_rows(client, request, port_columns, N_ELEMENTS(port_columns), err);
}

int
show_vifs(struct client *client, const struct request *request, struct error *err)
{
	return show_rows(client, request, vif_columns, N_ELEMENTS(vif_columns), err);
}

int
show_groups(struct client *client, const struct request *request, struct error *err)
{
	return show_rows(client, request, group_columns, N_ELEMENTS(group_columns), err);
}

int
show_queriers(struct client *client, const struct request *request, struct error *err)
{
	return show_rows(client, request, querier_columns, N_ELEMENTS(querier_columns), err);
}

int
show_workers(struct client *client, const struct request *request, struct error *err)
{
	return show_rows(client, request, worker_columns, N_ELEMENTS(worker_columns), err);
}

/* A row for each port and reason that counted something. */
static json_t *
drop_rows(const json_t *ports)
{
	json_t *rows = json_array(), *port, *packets;
	const char *reason;
	size_t i;

	json_array_foreach(ports, i, port)
		json_object_foreach(json_object_get(port, "drops"), reason, packets)
			if (json_integer_value(packets) != 0)
				json_array_append_new(rows, json_pack("{s:O, s:s, s:O}", "port",
								      json_object_get(port, "port"),
								      "reason", reason, "packets",
								      packets));
	return rows;
}

int
show_stats(struct client *client, const struct request *request, struct error *err)
{
	struct table table;
	json_t *rows, *drops;
	int ret;

	if (get_rows(client, request, "port", &rows, &ret, err)) {
		table_init(&table, stats_columns, N_ELEMENTS(stats_columns), 0);
		table_print(&table, rows, stdout);
		drops = drop_rows(rows);
		if (json_array_size(drops) > 0) {
			putchar('\n');
			table_init(&table, drop_columns, N_ELEMENTS(drop_columns), 0);
			table_print(&table, drops, stdout);
		}
		json_decref(drops);
	}
	json_decref(rows);
	return ret;
}

/* One array out of many pages. */
static void
print_json_page(const struct command *command, const json_t *entries, bool *first)
{
	json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry) {
		fputs(*first ? "[\n  " : ",\n  ", stdout);
		json_row(command, entry);
		*first = false;
	}
}

/* Page by page, so that a million rows need no memory. */
static int
show_pages(struct client *client, const struct request *request, const struct column *columns,
	   unsigned int n_columns, const char *sort_field, struct error *err)
{
	json_t *params, *page, *entries, *next, *entry;
	struct table table;
	char method[32];
	bool first = true;
	size_t i;
	int ret;

	request_method(request, method, sizeof(method));
	table_init(&table, columns, n_columns, 0);
	table.more = true;
	params = request_params(&request->object);
	do {
		ret = client_call(client, method, json_incref(params), &page, err);
		if (ret < 0)
			break;
		entries = json_object_get(page, "entries");
		next = json_object_get(page, "next");
		if (request->json) {
			print_json_page(request->command, entries, &first);
		} else {
			table_measure(&table, entries);
			rows_sort(entries, sort_field);
			if (first)
				table_head(&table, stdout);
			first = false;
			json_array_foreach(entries, i, entry)
				table_row(&table, entry, stdout);
		}
		json_object_set(params, "cursor", next);
		next = json_is_string(next) ? next : NULL;
		json_decref(page);
	} while (next != NULL && !ferror(stdout));
	json_decref(params);
	if (ret == 0 && request->json)
		puts(first ? "[]" : "\n]");
	return ret;
}

int
show_fdb(struct client *client, const struct request *request, struct error *err)
{
	return show_pages(client, request, fdb_columns, N_ELEMENTS(fdb_columns), "mac", err);
}

int
show_routes(struct client *client, const struct request *request, struct error *err)
{
	return show_pages(client, request, route_columns, N_ELEMENTS(route_columns), "route", err);
}

int
show_addrs(struct client *client, const struct request *request, struct error *err)
{
	return show_rows(client, request, addr_columns, N_ELEMENTS(addr_columns), err);
}

int
show_neighs(struct client *client, const struct request *request, struct error *err)
{
	return show_rows(client, request, neigh_columns, N_ELEMENTS(neigh_columns), err);
}

int
show_nats(struct client *client, const struct request *request, struct error *err)
{
	struct table table;
	json_t *rows;
	int ret = request_call(client, request, &rows, err);

	if (ret < 0)
		return ret;
	/* not sorted: their order means something */
	if (request->json) {
		json_show(request->command, rows);
	} else {
		table_init(&table, nat_columns, N_ELEMENTS(nat_columns), 0);
		table_print(&table, rows, stdout);
	}
	json_decref(rows);
	return 0;
}

int
show_nat_sessions(struct client *client, const struct request *request, struct error *err)
{
	return show_pages(client, request, nat_session_columns, N_ELEMENTS(nat_session_columns),
			  "inside", err);
}

/* A field as the key that sets it is called. */
static void
print_name(const char *field)
{
	int len = 0;

	for (; *field != '\0'; field++, len++)
		putchar(*field == '_' ? '-' : *field);
	printf("%*s ", len < NAME_WIDTH ? NAME_WIDTH - len : 0, "");
}

static void
print_member(const char *name, const json_t *value)
{
	if (json_is_object(value)) {
		const char *part;
		json_t *member;
		char full[64];

		json_object_foreach((json_t *)(uintptr_t)value, part, member) {
			snprintf(full, sizeof(full), "%s %s", name, part);
			print_member(full, member);
		}
		return;
	}
	print_name(name);
	if (json_is_string(value))
		puts(json_string_value(value));
	else if (json_is_real(value))
		printf("%.1f\n", json_real_value(value));
	else if (json_is_integer(value))
		printf("%" JSON_INTEGER_FORMAT "\n", json_integer_value(value));
	else
		puts("none");
}

int
show_members(struct client *client, const struct request *request, struct error *err)
{
	json_t *table, *value;
	const char *name;
	int ret = request_call(client, request, &table, err);

	if (ret < 0)
		return ret;
	if (request->json)
		json_show(request->command, table);
	else
		json_object_foreach(table, name, value)
			print_member(name, value);
	json_decref(table);
	return 0;
}

int
show_version(struct client *client, const struct request *request, struct error *err)
{
	json_t *daemon;
	int ret;

	if (!request->json)
		printf("vsctl    %s\n", VSWITCH_VERSION);
	ret = request_call(client, request, &daemon, err);
	if (ret < 0)
		return ret;
	if (request->json) {
		json_object_set_new(daemon, "vsctl", json_string(VSWITCH_VERSION));
		json_show(request->command, daemon);
	} else {
		printf("vswitchd %s (%s)\n", json_string_value(json_object_get(daemon, "version")),
		       json_string_value(json_object_get(daemon, "dpdk")));
	}
	json_decref(daemon);
	return 0;
}
