/* SPDX-License-Identifier: BSD-3-Clause */
/* "vsctl network show": networks of guests, and who has which address. */
#include "show.h"

#include <stdio.h>
#include <time.h>

#include "client.h"
#include "command.h"
#include "error.h"
#include "json_show.h"
#include "table.h"

#define TIME_SIZE 32
#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static const struct column network_columns[] = {
	{ .heading = "NETWORK", .field = "network" },
	{ .heading = "DHCP", .field = "dhcp" },
	{ .heading = "DOMAIN", .field = "domain" },
	{ .heading = "LEASE", .field = "lease", .kind = CELL_NUMBER },
	{ .heading = "RANGE", .field = "range" },
	{ .heading = "DNS", .field = "dns" },
	{ .heading = "LINKS", .field = "links" },
	{ .heading = "LEASES", .field = "leases", .kind = CELL_COUNT },
	{ .heading = "REASON", .field = "reason" },
};

static const struct column lease_columns[] = {
	{ .heading = "ADDRESS", .field = "address" },
	{ .heading = "MAC", .field = "mac" },
	{ .heading = "NAME", .field = "name" },
	{ .heading = "UNTIL", .field = "until" },
};

/* Rows of all networks, with the time as people write it. */
static json_t *
lease_rows(const json_t *networks)
{
	json_t *rows = json_array(), *network, *lease;
	size_t i, j;

	json_array_foreach(networks, i, network) {
		json_array_foreach(json_object_get(network, "leases"), j, lease) {
			time_t until =
				(time_t)json_integer_value(json_object_get(lease, "expires"));
			char text[TIME_SIZE] = "ever";
			struct tm local;

			if (until != 0 && localtime_r(&until, &local) != NULL)
				strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
			json_object_set_new(lease, "until", json_string(text));
			json_array_append(rows, lease);
		}
	}
	return rows;
}

static void
print_networks(json_t *networks)
{
	struct table table;
	json_t *leases;

	rows_sort(networks, "network");
	table_init(&table, network_columns, N_ELEMENTS(network_columns), 0);
	table_print(&table, networks, stdout);
	leases = lease_rows(networks);
	if (json_array_size(leases) > 0) {
		rows_sort(leases, "address");
		putchar('\n');
		table_init(&table, lease_columns, N_ELEMENTS(lease_columns), 0);
		table_print(&table, leases, stdout);
	}
	json_decref(leases);
}

int
show_networks(struct client *client, const struct request *request, struct error *err)
{
	json_t *networks;
	int ret = request_call(client, request, &networks, err);

	if (ret < 0)
		return ret;
	if (request->json) {
		json_show(request->command, networks);
	} else {
		print_networks(networks);
	}
	json_decref(networks);
	return 0;
}
