/* SPDX-License-Identifier: BSD-3-Clause */
/* "vsctl mirror show": what is copied where to. */
#include "show.h"

#include "client.h"
#include "command.h"
#include "error.h"
#include "json_show.h"
#include "table.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static const struct column mirror_columns[] = {
	{ .heading = "MIRROR", .field = "mirror" },
	{ .heading = "OF", .field = "of" },
	{ .heading = "VLAN", .field = "vlan", .kind = CELL_NUMBER },
	{ .heading = "WAY", .field = "direction" },
	{ .heading = "TO", .field = "goes" },
	{ .heading = "SNAPLEN", .field = "snaplen", .kind = CELL_NUMBER },
	{ .heading = "PACKETS", .field = "packets", .kind = CELL_NUMBER },
	{ .heading = "DROPS", .field = "drops", .kind = CELL_SUM },
	{ .heading = "REASON", .field = "reason" },
};

/* Add what a row says in one word of who it is of, and where it goes. */
static void
row_complete(json_t *row)
{
	const char *ipfix = json_string_value(json_object_get(row, "ipfix"));
	const char *vxlan = json_string_value(json_object_get(row, "vxlan"));
	json_t *of = json_object_get(row, "port");
	json_t *goes = json_incref(json_object_get(row, "to"));

	if (json_is_null(of))
		of = json_object_get(row, "bridge");
	json_object_set(row, "of", of);
	if (vxlan != NULL || ipfix != NULL)
		json_decref(goes);
	if (vxlan != NULL)
		goes = json_sprintf("vxlan %s %lld", vxlan,
				    (long long)json_integer_value(json_object_get(row, "vni")));
	else if (ipfix != NULL)
		goes = json_sprintf("ipfix %s", ipfix);
	json_object_set_new(row, "goes", goes);
}

int
show_mirrors(struct client *client, const struct request *request, struct error *err)
{
	struct table table;
	json_t *rows, *row;
	size_t i;
	int ret = request_call(client, request, &rows, err);

	if (ret < 0)
		return ret;
	if (request->json) {
		json_show(request->command, rows);
	} else {
		json_array_foreach(rows, i, row)
			row_complete(row);
		rows_sort(rows, "mirror");
		table_init(&table, mirror_columns, N_ELEMENTS(mirror_columns), 0);
		table_print(&table, rows, stdout);
	}
	json_decref(rows);
	return 0;
}
