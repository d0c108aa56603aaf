/* SPDX-License-Identifier: BSD-3-Clause */
#include "show.h"

#include <stdio.h>
#include <string.h>

#include "command.h"
#include "error.h"
#include "json_show.h"
#include "table.h"
#include "terminal.h"

static const char *
text_of(const json_t *json, const char *field)
{
	const char *text = json_string_value(json_object_get(json, field));

	return text != NULL ? text : "-";
}

static double
real_of(const json_t *json, const char *field)
{
	return json_number_value(json_object_get(json, field));
}

static long long
count_of(const json_t *json, const char *field)
{
	return json_integer_value(json_object_get(json, field));
}

static const char *
word_of(const json_t *json, const char *field)
{
	return json_is_true(json_object_get(json, field)) ? "yes" : "no";
}

static void
print_port(const json_t *port)
{
	const char *name = text_of(port, "port");

	if (json_object_get(port, "id") == NULL) {
		printf("\n  port %s   in no spanning tree: %s   %s\n", name,
		       strcmp(text_of(port, "role"), "none") == 0 ? "it filters BPDUs" :
								    text_of(port, "role"),
		       text_of(port, "state"));
		return;
	}
	printf("\n  port %s (%s)   %s ", name, text_of(port, "id"), text_of(port, "role"));
	terminal_field("state", text_of(port, "state"));
	printf("\n    cost %lld   %s%s%s%s\n", count_of(port, "cost"), text_of(port, "protocol"),
	       json_is_true(json_object_get(port, "edge")) ? " edge" : "",
	       json_is_true(json_object_get(port, "p2p")) ? " p2p" : " shared",
	       json_is_true(json_object_get(port, "restricted")) ? " restricted" : "");
	printf("    designated root    %s   cost %lld\n", text_of(port, "designated_root"),
	       count_of(port, "designated_cost"));
	printf("    designated bridge  %s   port %s\n", text_of(port, "designated_bridge"),
	       text_of(port, "designated_port"));
	printf("    message age %.2f s   its timer %.2f   forward delay timer %.2f\n",
	       real_of(port, "message_age"), real_of(port, "message_age_timer"),
	       real_of(port, "forward_delay_timer"));
	printf("    hello timer %.2f   topology change timer %.2f\n", real_of(port, "hello_timer"),
	       real_of(port, "topology_change_timer"));
	printf("    proposing %s   agreed %s   topology change %s\n", word_of(port, "proposing"),
	       word_of(port, "agreed"), word_of(port, "topology_change"));
	printf("    became forwarding %lld   disputes %lld\n", count_of(port, "became_forwarding"),
	       count_of(port, "disputes"));
	printf("    rx config %lld tcn %lld rst %lld bad %lld too many %lld\n",
	       count_of(port, "rx_config"), count_of(port, "rx_tcn"), count_of(port, "rx_rst"),
	       count_of(port, "rx_bad"), count_of(port, "rx_too_many"));
	printf("    tx config %lld tcn %lld rst %lld\n", count_of(port, "tx_config"),
	       count_of(port, "tx_tcn"), count_of(port, "tx_rst"));
}

static void
print_bridge(const json_t *bridge)
{
	json_t *ports = json_object_get(bridge, "ports"), *port;
	size_t i;

	fputs("bridge ", stdout);
	terminal_heading(text_of(bridge, "bridge"));
	printf("   %s\n", text_of(bridge, "stp"));
	if (json_object_get(bridge, "id") == NULL)
		return;
	printf("  id    %s\n", text_of(bridge, "id"));
	printf("  root  %s   port %s   cost %lld\n", text_of(bridge, "root"),
	       json_is_null(json_object_get(bridge, "root_port")) ? "none, it is the root" :
								    text_of(bridge, "root_port"),
	       count_of(bridge, "root_cost"));
	printf("  max age %.2f s   hello %.2f s   forward delay %.2f s   ageing %lld s\n",
	       real_of(bridge, "max_age"), real_of(bridge, "hello"),
	       real_of(bridge, "forward_delay"), count_of(bridge, "ageing"));
	printf("  its own: max age %.2f s   hello %.2f s   forward delay %.2f s\n",
	       real_of(bridge, "bridge_max_age"), real_of(bridge, "bridge_hello"),
	       real_of(bridge, "bridge_forward_delay"));
	printf("  topology changes %lld", count_of(bridge, "topology_changes"));
	if (json_is_number(json_object_get(bridge, "since_change")))
		printf(", the last %.1f s ago%s", real_of(bridge, "since_change"),
		       json_is_true(json_object_get(bridge, "topology_change")) ? ", going on" :
										  "");
	putchar('\n');
	rows_sort(ports, "port");
	json_array_foreach(ports, i, port)
		print_port(port);
}

int
show_stp(struct client *client, const struct request *request, struct error *err)
{
	json_t *bridges, *bridge;
	size_t i;
	int ret;

	ret = request_call(client, request, &bridges, err);
	if (ret < 0)
		return ret;
	rows_sort(bridges, "bridge");
	if (request->json) {
		json_show(request->command, bridges);
	} else {
		json_array_foreach(bridges, i, bridge) {
			if (i > 0)
				putchar('\n');
			print_bridge(bridge);
		}
	}
	json_decref(bridges);
	return 0;
}
