/* SPDX-License-Identifier: BSD-3-Clause */
/* "vsctl bond show": each bond with its members and what they carry. */
#include "show.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "command.h"
#include "error.h"
#include "json_show.h"
#include "table.h"
#include "terminal.h"

#define INDENT 4
#define TIME_SIZE 32
#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static const struct column member_columns[] = {
	{ .heading = "MEMBER", .field = "port" },
	{ .heading = "LINK", .field = "link" },
	{ .heading = "STATE", .field = "state" },
	{ .heading = "BUCKETS", .field = "buckets", .kind = CELL_NUMBER },
	{ .heading = "BUCKET-BYTES", .field = "bucket_bytes", .kind = CELL_NUMBER },
	{ .heading = "RX-PACKETS", .field = "rx_packets", .kind = CELL_NUMBER },
	{ .heading = "TX-PACKETS", .field = "tx_packets", .kind = CELL_NUMBER },
	{ .heading = "FAILURES", .field = "failures", .kind = CELL_NUMBER },
	{ .heading = "REASON", .field = "reason" },
};

static const struct column station_columns[] = {
	{ .heading = "STATION", .field = "mac" },
	{ .heading = "VID", .field = "vid", .kind = CELL_NUMBER },
	{ .heading = "PORT", .field = "port" },
	{ .heading = "BY", .field = "member" },
};

static const struct column lacp_columns[] = {
	{ .heading = "MEMBER", .field = "port" },
	{ .heading = "MUX", .field = "mux" },
	{ .heading = "RECEIVE", .field = "receive" },
	{ .heading = "RX-AGE-MS", .field = "rx_age_ms", .kind = CELL_NUMBER },
	{ .heading = "RX", .field = "rx_lacpdus", .kind = CELL_NUMBER },
	{ .heading = "TX", .field = "tx_lacpdus", .kind = CELL_NUMBER },
	{ .heading = "BAD", .field = "rx_bad", .kind = CELL_NUMBER },
	{ .heading = "EXPIRED", .field = "expiries", .kind = CELL_NUMBER },
	{ .heading = "CHURN", .field = "churn" },
	{ .heading = "REASON", .field = "reason" },
};

static const struct column end_columns[] = {
	{ .heading = "MEMBER", .field = "member" },
	{ .heading = "END", .field = "end" },
	{ .heading = "SYSTEM", .field = "system" },
	{ .heading = "PRIORITY", .field = "system_priority", .kind = CELL_NUMBER },
	{ .heading = "KEY", .field = "key", .kind = CELL_NUMBER },
	{ .heading = "PORT", .field = "port", .kind = CELL_NUMBER },
	{ .heading = "PRIORITY", .field = "port_priority", .kind = CELL_NUMBER },
	{ .heading = "STATE", .field = "state" },
};

static const char *
text_of(const json_t *row, const char *field)
{
	const char *text = json_string_value(json_object_get(row, field));

	return text != NULL ? text : "-";
}

static long long
number_of(const json_t *row, const char *field)
{
	return json_integer_value(json_object_get(row, field));
}

static void
print_settings(const json_t *bond)
{
	const json_t *targets = json_object_get(bond, "arp_targets"), *target;
	size_t i;

	printf("%*smode %s   hash %s   updelay %lld ms   downdelay %lld ms", INDENT, "",
	       text_of(bond, "mode"), text_of(bond, "hash"), number_of(bond, "updelay"),
	       number_of(bond, "downdelay"));
	if (strcmp(text_of(bond, "mode"), "balance-slb") == 0)
		printf("   rebalance %lld s", number_of(bond, "rebalance"));
	putchar('\n');
	if (json_array_size(targets) == 0)
		return;
	printf("%*sarp-targets ", INDENT, "");
	json_array_foreach(targets, i, target)
		printf("%s%s", i > 0 ? "," : "", json_string_value(target));
	printf("   arp-interval %lld ms\n", number_of(bond, "arp_interval"));
}

static void
print_history(const json_t *bond)
{
	time_t when = number_of(bond, "last_change");
	char text[TIME_SIZE] = "";
	struct tm tm;

	if (when != 0 && localtime_r(&when, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	printf("%*sfailovers %lld   announced %lld   buckets moved %lld   last: %s%s%s\n", INDENT,
	       "", number_of(bond, "failovers"), number_of(bond, "announced"),
	       number_of(bond, "bucket_moves"), text_of(bond, "last_reason"),
	       text[0] != '\0' ? ", " : "", text);
}

static void
print_lacp(const json_t *lacp)
{
	const json_t *partner = json_object_get(lacp, "partner");

	printf("%*slacp %s   rate %s   system %s,%lld   min-links %lld   fallback %s%s   links "
	       "%lld\n",
	       INDENT, "", text_of(lacp, "mode"), text_of(lacp, "rate"), text_of(lacp, "system"),
	       number_of(lacp, "system_priority"), number_of(lacp, "min_links"),
	       json_is_true(json_object_get(lacp, "fallback")) ? "yes" : "no",
	       json_is_true(json_object_get(lacp, "fallback_active")) ? " (in use)" : "",
	       number_of(lacp, "links"));
	if (json_is_object(partner))
		printf("%*spartner %s,%lld   key %lld\n", INDENT, "", text_of(partner, "system"),
		       number_of(partner, "system_priority"), number_of(partner, "key"));
}

/* Both ends of a member's link, as rows. */
static void
add_ends(json_t *ends, const json_t *member, const json_t *lacp)
{
	static const char *const names[] = { "actor", "partner" };

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		json_t *row =
			json_pack("{s:s, s:s}", "member", text_of(member, "port"), "end", names[i]);

		json_object_update(row, json_object_get(lacp, names[i]));
		json_array_append_new(ends, row);
	}
}

static json_t *
lacp_row(const json_t *member, const json_t *lacp)
{
	const char *actor = text_of(lacp, "actor_churn"), *partner = text_of(lacp, "partner_churn");
	json_t *row = json_pack("{s:s}", "port", text_of(member, "port"));

	json_object_update(row, (json_t *)(uintptr_t)lacp);
	json_object_update(row, json_object_get(lacp, "counters"));
	json_object_set_new(row, "churn",
			    strcmp(actor, "churn") == 0 && strcmp(partner, "churn") == 0 ?
				    json_string("both") :
			    strcmp(actor, "churn") == 0   ? json_string("actor") :
			    strcmp(partner, "churn") == 0 ? json_string("partner") :
							    json_null());
	return row;
}

/* How each member gets on with its partner. */
static void
print_lacp_members(const json_t *members)
{
	json_t *rows = json_array(), *ends = json_array();
	const json_t *member, *lacp;
	struct table table;
	size_t i;

	json_array_foreach(members, i, member) {
		lacp = json_object_get(member, "lacp");
		if (lacp == NULL)
			continue;
		json_array_append_new(rows, lacp_row(member, lacp));
		add_ends(ends, member, lacp);
	}
	putchar('\n');
	table_init(&table, lacp_columns, N_ELEMENTS(lacp_columns), INDENT);
	table_print(&table, rows, stdout);
	putchar('\n');
	table_init(&table, end_columns, N_ELEMENTS(end_columns), INDENT);
	table_print(&table, ends, stdout);
	json_decref(rows);
	json_decref(ends);
}

/* @stations: list them, too. */
static void
print_bond(const json_t *bond, bool stations)
{
	const json_t *lacp = json_object_get(bond, "lacp");
	json_t *members = json_object_get(bond, "members");
	json_t *rows = json_object_get(bond, "stations");
	struct table table;

	fputs("bond ", stdout);
	terminal_heading(text_of(bond, "bond"));
	fputs("   ", stdout);
	terminal_field("link", text_of(bond, "link"));
	printf("   bridge %s   mtu %lld   mac %s   active %s\n", text_of(bond, "bridge"),
	       number_of(bond, "mtu"), text_of(bond, "mac"), text_of(bond, "active"));
	print_settings(bond);
	if (lacp != NULL)
		print_lacp(lacp);
	print_history(bond);
	table_init(&table, member_columns, N_ELEMENTS(member_columns), INDENT);
	table_print(&table, members, stdout);
	if (lacp != NULL && stations)
		print_lacp_members(members);
	if (!stations || json_array_size(rows) == 0) {
		printf("%*s%lld station(s)\n", INDENT, "", number_of(bond, "n_stations"));
		return;
	}
	putchar('\n');
	rows_sort(rows, "mac");
	table_init(&table, station_columns, N_ELEMENTS(station_columns), INDENT);
	table_print(&table, rows, stdout);
	if (number_of(bond, "n_stations") > (long long)json_array_size(rows))
		printf("%*sand %lld more\n", INDENT, "",
		       number_of(bond, "n_stations") - (long long)json_array_size(rows));
}

int
show_bonds(struct client *client, const struct request *request, struct error *err)
{
	json_t *bonds, *bond;
	size_t i;
	int ret;

	ret = request_call(client, request, &bonds, err);
	if (ret < 0)
		return ret;
	rows_sort(bonds, "bond");
	if (request->json) {
		json_show(request->command, bonds);
	} else {
		json_array_foreach(bonds, i, bond) {
			if (i > 0)
				putchar('\n');
			print_bond(bond, request->object.name[0] != '\0');
		}
		if (json_array_size(bonds) == 0)
			puts("no bonds; make one: vsctl bond add bond0 members eth0,eth1 bridge "
			     "xenbr0");
	}
	json_decref(bonds);
	return 0;
}
