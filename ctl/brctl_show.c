/* SPDX-License-Identifier: BSD-3-Clause */
/* brctl's show, showmacs and showstp. */
#include "brctl_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "error.h"

#define NEVER 21474836.47 /* the longest time there is room for: entries that do not age */
#define PORT_NUMBER_MASK 0xfff

static long long
count_of(const json_t *row, const char *field)
{
	return json_integer_value(json_object_get(row, field));
}

static double
real_of(const json_t *row, const char *field)
{
	return json_number_value(json_object_get(row, field));
}

static const char *sort_field;

static int
compare_rows(const void *left, const void *right)
{
	json_t *const *const a = left, *const *const b = right;

	return strcmp(brctl_text(*a, sort_field), brctl_text(*b, sort_field));
}

void
brctl_sort(json_t *rows, const char *field)
{
	size_t n = json_array_size(rows), i;
	json_t **sorted = calloc(n > 0 ? n : 1, sizeof(json_t *));

	if (sorted == NULL)
		return; /* unsorted is as true */
	for (i = 0; i < n; i++)
		sorted[i] = json_incref(json_array_get(rows, i));
	sort_field = field;
	qsort(sorted, n, sizeof(json_t *), compare_rows);
	json_array_clear(rows);
	for (i = 0; i < n; i++)
		json_array_append_new(rows, sorted[i]);
	free(sorted);
}

/* The row whose @field is @name; a borrowed reference, or NULL. */
static json_t *
find(const json_t *rows, const char *field, const char *name)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (strcmp(brctl_text(row, field), name) == 0)
			return row;
	return NULL;
}

static int
no_bridge(struct client *client, const char *name)
{
	if (brctl_no_bridge(client, name) == ENODEV)
		fprintf(stderr, "bridge %s does not exist!\n", name);
	else
		fprintf(stderr, "device %s is not a bridge!\n", name);
	return 1;
}

/* --- show --- */

static void
show_bridge(struct client *client, const json_t *bridge, bool *is_first)
{
	json_t *ports = brctl_ports(client, brctl_text(bridge, "bridge"), NULL), *port;
	size_t i;

	if (*is_first)
		puts("bridge name\tbridge id\t\tSTP enabled\tinterfaces");
	*is_first = false;
	printf("%s\t\t%s\t%s\t\t", brctl_text(bridge, "bridge"), brctl_text(bridge, "id"),
	       strcmp(brctl_text(bridge, "stp"), "off") != 0 ? "yes" : "no");
	json_array_foreach(ports, i, port)
		printf("%s%s\n", i > 0 ? "\t\t\t\t\t\t\t" : "", brctl_text(port, "port"));
	if (json_array_size(ports) == 0)
		putchar('\n');
	json_decref(ports);
}

static void
show_all(struct client *client, bool *is_first)
{
	json_t *bridges = brctl_rows(client, "bridge.show", NULL), *bridge;
	size_t i;

	brctl_sort(bridges, "bridge");
	json_array_foreach(bridges, i, bridge)
		show_bridge(client, bridge, is_first);
	json_decref(bridges);
}

/* A bridge, by the name that it was asked for by. Return: new reference, or NULL. */
static json_t *
bridge_as_asked(struct client *client, const char *name)
{
	json_t *bridge = brctl_bridge(client, name);

	if (bridge != NULL)
		json_object_set_new(bridge, "bridge", json_string(name));
	return bridge;
}

int
brctl_show(struct client *client, char *const *names)
{
	bool is_first = true;
	int status = 0;
	json_t *bridge;

	if (names[0] == NULL)
		show_all(client, &is_first);
	for (; *names != NULL; names++) {
		bridge = bridge_as_asked(client, *names);
		if (bridge != NULL)
			show_bridge(client, bridge, &is_first);
		else
			status = no_bridge(client, *names);
		json_decref(bridge);
	}
	return status;
}

/* --- showmacs --- */

/* Add a row: the port's number, and whether the address is its own. */
static void
add_mac(json_t *macs, const char *mac, const json_t *port, bool is_local, long long age)
{
	json_array_append_new(macs, json_pack("{s:s, s:I, s:b, s:I}", "mac", mac, "number",
					      (json_int_t)count_of(port, "number"), "local",
					      (int)is_local, "age", (json_int_t)age));
}

/* A page of the FDB. */
static void
add_entries(json_t *macs, const json_t *entries, const json_t *ports, const json_t *hosts)
{
	const char *mac;
	json_t *entry, *port;
	size_t i;

	json_array_foreach(entries, i, entry) {
		mac = brctl_text(entry, "mac");
		port = find(ports, "port", brctl_text(entry, "port"));
		/* a port's own is there already; the host's is the bridge's own, which is not told
		 */
		if (find(ports, "mac", mac) == NULL && find(hosts, "mac", mac) == NULL)
			add_mac(macs, mac, port, false,
				json_is_true(json_object_get(entry, "static")) ?
					0 :
					count_of(entry, "age"));
	}
}

/* Return: 0 or errno. */
static int
read_entries(struct client *client, const char *bridge, const json_t *ports, const json_t *hosts,
	     json_t *macs)
{
	json_t *params = json_pack("{s:o}", "name", brctl_name(bridge)), *page, *next;
	struct error err;
	bool more;
	int ret;

	do {
		ret = client_call(client, "fdb.show", json_incref(params), &page, &err);
		if (ret < 0)
			break;
		add_entries(macs, json_object_get(page, "entries"), ports, hosts);
		next = json_object_get(page, "next");
		more = json_is_string(next);
		json_object_set(params, "cursor", next);
		json_decref(page);
	} while (more);
	json_decref(params);
	return -ret;
}

int
brctl_showmacs(struct client *client, char *const *names)
{
	json_t *bridge = brctl_bridge(client, names[0]), *ports, *hosts, *macs = json_array(), *row;
	int error = bridge != NULL ? 0 : brctl_no_bridge(client, names[0]);
	size_t i;

	ports = brctl_ports(client, names[0], &hosts);
	json_array_foreach(ports, i, row)
		if (json_is_string(json_object_get(row, "mac")))
			add_mac(macs, brctl_text(row, "mac"), row, true, 0);
	if (error == 0)
		error = read_entries(client, names[0], ports, hosts, macs);
	if (error != 0) {
		fprintf(stderr, "read of forward table failed: %s\n", strerror(error));
	} else {
		brctl_sort(macs, "mac");
		puts("port no\tmac addr\t\tis local?\tageing timer");
		json_array_foreach(macs, i, row)
			printf("%3lld\t%s\t%s\t\t%4lld.00\n", count_of(row, "number"),
			       brctl_text(row, "mac"),
			       json_is_true(json_object_get(row, "local")) ? "yes" : "no",
			       count_of(row, "age"));
	}
	json_decref(bridge);
	json_decref(ports);
	json_decref(hosts);
	json_decref(macs);
	return error == 0 ? 0 : 1;
}

/* --- showstp --- */

static void
print_time(const char *before, double seconds, const char *after)
{
	long long hundredths = (long long)(seconds * 100 + 0.5);

	printf("%s%4lld.%.2lld%s", before, hundredths / 100, hundredths % 100, after);
}

/* A bridge's spanning tree: what "stp show" tells, or what would be so if there were one. */
struct tree {
	const json_t *bridge; /* row of "bridge show" */
	const json_t *stp;    /* row of "stp show" */
	bool is_on;
	const char *root;
};

static double
tree_time(const struct tree *tree, const char *in_effect, const char *own)
{
	return tree->is_on ? real_of(tree->stp, in_effect) : real_of(tree->bridge, own);
}

/* The bridge's own timers: vswitchd has them by port. */
static double
longest_timer(const struct tree *tree, const char *field)
{
	double longest = 0;
	json_t *port;
	size_t i;

	json_array_foreach(json_object_get(tree->stp, "ports"), i, port)
		if (real_of(port, field) > longest)
			longest = real_of(port, field);
	return longest;
}

static void
print_bridge_flags(const struct tree *tree)
{
	fputs(" flags\t\t\t", stdout);
	if (json_is_true(json_object_get(tree->stp, "topology_change"))) {
		if (!json_is_string(json_object_get(tree->stp, "root_port")))
			fputs("TOPOLOGY_CHANGE ", stdout);
		fputs("TOPOLOGY_CHANGE_DETECTED ", stdout);
	}
	fputs("\n\n\n", stdout);
}

static void
print_bridge(const struct tree *tree, const json_t *ports)
{
	const json_t *root_port = find(ports, "port", brctl_text(tree->stp, "root_port"));
	const long long ageing = count_of(tree->bridge, "ageing");

	printf("%s\n bridge id\t\t%s\n designated root\t%s\n", brctl_text(tree->bridge, "bridge"),
	       brctl_text(tree->bridge, "id"), tree->root);
	printf(" root port\t\t%4lld\t\t\tpath cost\t\t%4lld\n", count_of(root_port, "number"),
	       count_of(tree->stp, "root_cost"));
	print_time(" max age\t\t", tree_time(tree, "max_age", "max_age"), "");
	print_time("\t\t\tbridge max age\t\t", real_of(tree->bridge, "max_age"), "\n");
	print_time(" hello time\t\t", tree_time(tree, "hello", "hello"), "");
	print_time("\t\t\tbridge hello time\t", real_of(tree->bridge, "hello"), "\n");
	print_time(" forward delay\t\t", tree_time(tree, "forward_delay", "forward_delay"), "");
	print_time("\t\t\tbridge forward delay\t", real_of(tree->bridge, "forward_delay"), "\n");
	print_time(" ageing time\t\t", ageing != 0 ? ageing : NEVER, "\n");
	print_time(" hello timer\t\t", longest_timer(tree, "hello_timer"), "");
	print_time("\t\t\ttcn timer\t\t", 0, "\n");
	print_time(" topology change timer\t", longest_timer(tree, "topology_change_timer"), "");
	print_time("\t\t\tgc timer\t\t", 0, "\n");
	print_bridge_flags(tree);
}

static const char *
port_state(const json_t *port, const json_t *stp)
{
	const char *role = brctl_text(stp, "role"), *state = brctl_text(port, "state");

	if (strcmp(brctl_text(port, "link"), "up") != 0)
		return "disabled";
	if (strcmp(state, "blocked") != 0)
		return state;
	/* on its way to forwarding, or not */
	return strcmp(role, "designated") == 0 || strcmp(role, "root") == 0 ? "listening" :
									      "blocking";
}

static void
print_port(const struct tree *tree, const json_t *port)
{
	const json_t *stp =
		find(json_object_get(tree->stp, "ports"), "port", brctl_text(port, "port"));
	const bool in_tree = json_is_string(json_object_get(stp, "id"));
	const unsigned int id = (unsigned int)(count_of(port, "stp_priority") << 8 |
					       (count_of(port, "number") & PORT_NUMBER_MASK));
	char own_id[16];

	snprintf(own_id, sizeof(own_id), "%.4x", id);
	printf("%s (%lld)\n port id\t\t%s\t\t\tstate\t\t%15s\n", brctl_text(port, "port"),
	       count_of(port, "number"), own_id, port_state(port, stp));
	printf(" designated root\t%s\tpath cost\t\t%4lld\n",
	       in_tree ? brctl_text(stp, "designated_root") : tree->root, count_of(stp, "cost"));
	printf(" designated bridge\t%s\tmessage age timer\t",
	       in_tree ? brctl_text(stp, "designated_bridge") : brctl_text(tree->bridge, "id"));
	print_time("", real_of(stp, "message_age_timer"), "\n");
	printf(" designated port\t%s\t\t\tforward delay timer\t",
	       in_tree ? brctl_text(stp, "designated_port") : own_id);
	print_time("", real_of(stp, "forward_delay_timer"), "\n");
	printf(" designated cost\t%4lld\t\t\thold timer\t\t", count_of(stp, "designated_cost"));
	print_time("", 0, "\n");
	puts(" flags\t\t\t");
	if (json_is_true(json_object_get(port, "hairpin")))
		printf(" hairpin mode\t\t%4i\n", 1);
	putchar('\n');
}

int
brctl_showstp(struct client *client, char *const *names)
{
	json_t *bridge = bridge_as_asked(client, names[0]), *stp, *ports, *port;
	struct tree tree = { .bridge = bridge };
	size_t i;

	if (bridge == NULL)
		return no_bridge(client, names[0]);
	tree.stp = stp = brctl_bridge_row(client, "stp.show", names[0]);
	ports = brctl_ports(client, names[0], NULL);
	tree.is_on = json_is_string(json_object_get(tree.stp, "root"));
	tree.root = tree.is_on ? brctl_text(tree.stp, "root") : brctl_text(bridge, "id");
	print_bridge(&tree, ports);
	json_array_foreach(ports, i, port)
		print_port(&tree, port);
	json_decref(ports);
	json_decref(stp);
	json_decref(bridge);
	return 0;
}
