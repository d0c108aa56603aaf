/* SPDX-License-Identifier: BSD-3-Clause */
#include "brctl_priv.h"

#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "error.h"

#define BRIDGE_UTILS_VERSION "1.7"

/* A subcommand; @n_args: those that it must have, of which more are no mistake. */
struct subcommand {
	const char *name;
	int n_args;
	int (*run)(struct client *client, char *const *args);
	const char *help;
};

int
brctl_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	putc('\n', stderr);
	return 1;
}

/* --- what there is --- */

json_t *
brctl_name(const char *name)
{
	return json_stringn(name, strnlen(name, IFNAMSIZ - 1));
}

json_t *
brctl_rows(struct client *client, const char *method, const char *name)
{
	json_t *params = name != NULL ? json_pack("{s:s}", "name", name) : json_object(), *rows;
	struct error err;

	if (params == NULL)
		return NULL; /* what is no text is nobody's name */
	return client_call(client, method, params, &rows, &err) == 0 ? rows : NULL;
}

json_t *
brctl_row(struct client *client, const char *method, const char *name)
{
	json_t *rows = brctl_rows(client, method, name), *row;

	row = json_incref(json_array_get(rows, 0));
	json_decref(rows);
	return row;
}

json_t *
brctl_bridge_row(struct client *client, const char *method, const char *name)
{
	char known[IFNAMSIZ];

	snprintf(known, sizeof(known), "%s", name);
	return brctl_row(client, method, known);
}

json_t *
brctl_bridge(struct client *client, const char *name)
{
	return brctl_bridge_row(client, "bridge.show", name);
}

bool
brctl_bridge_exists(struct client *client, const char *name)
{
	json_t *row = brctl_bridge(client, name);
	bool exists = row != NULL;

	json_decref(row);
	return exists;
}

bool
brctl_interface_exists(struct client *client, const char *name)
{
	json_t *row = NULL;
	bool exists = if_nametoindex(name) != 0;

	if (!exists)
		row = brctl_row(client, "bridge.show", name);
	if (!exists && row == NULL)
		row = brctl_row(client, "port.show", name);
	exists |= row != NULL;
	json_decref(row);
	return exists;
}

int
brctl_no_bridge(struct client *client, const char *name)
{
	return brctl_interface_exists(client, name) ? EOPNOTSUPP : ENODEV;
}

const char *
brctl_text(const json_t *row, const char *field)
{
	const char *text = json_string_value(json_object_get(row, field));

	return text != NULL ? text : "";
}

bool
brctl_is_host(const json_t *port)
{
	const char *type = brctl_text(port, "type");

	return strcmp(type, "gateway") == 0 ||
	       (strcmp(type, "tap") == 0 &&
		strcmp(brctl_text(port, "port"), brctl_text(port, "bridge")) == 0);
}

json_t *
brctl_ports(struct client *client, const char *bridge, json_t **ret_hosts)
{
	json_t *rows = NULL, *ports = json_array(), *port;
	struct error err;
	size_t i;

	if (ret_hosts != NULL)
		*ret_hosts = json_array();
	if (client_call(client, "port.show", json_pack("{s:o}", "bridge", brctl_name(bridge)),
			&rows, &err) < 0)
		return ports;
	json_array_foreach(rows, i, port) {
		if (!brctl_is_host(port))
			json_array_append(ports, port);
		else if (ret_hosts != NULL)
			json_array_append(*ret_hosts, port);
	}
	json_decref(rows);
	brctl_sort(ports, "port");
	return ports;
}

/* --- the command line --- */

static const struct subcommand subcommands[] = {
	{ "addbr", 1, brctl_addbr, "<bridge>\t\tadd bridge" },
	{ "delbr", 1, brctl_delbr, "<bridge>\t\tdelete bridge" },
	{ "addif", 2, brctl_addif, "<bridge> <device>\tadd interface to bridge" },
	{ "delif", 2, brctl_delif, "<bridge> <device>\tdelete interface from bridge" },
	{ "hairpin", 3, brctl_hairpin, "<bridge> <port> {on|off}\tturn hairpin on/off" },
	{ "setageing", 2, brctl_setageing, "<bridge> <time>\t\tset ageing time" },
	{ "setbridgeprio", 2, brctl_setbridgeprio, "<bridge> <prio>\t\tset bridge priority" },
	{ "setfd", 2, brctl_setfd, "<bridge> <time>\t\tset bridge forward delay" },
	{ "sethello", 2, brctl_sethello, "<bridge> <time>\t\tset hello time" },
	{ "setmaxage", 2, brctl_setmaxage, "<bridge> <time>\t\tset max message age" },
	{ "setpathcost", 3, brctl_setpathcost, "<bridge> <port> <cost>\tset path cost" },
	{ "setportprio", 3, brctl_setportprio, "<bridge> <port> <prio>\tset port priority" },
	{ "show", 0, brctl_show, "[ <bridge> ]\t\tshow a list of bridges" },
	{ "showmacs", 1, brctl_showmacs, "<bridge>\t\tshow a list of mac addrs" },
	{ "showstp", 1, brctl_showstp, "<bridge>\t\tshow bridge stp info" },
	{ "stp", 2, brctl_stp, "<bridge> {on|off}\tturn stp on/off" },
};

#define N_SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))

static void
print_usage(void)
{
	fputs("Usage: brctl [commands]\ncommands:\n", stdout);
	for (size_t i = 0; i < N_SUBCOMMANDS; i++)
		printf("\t%-10s\t%s\n", subcommands[i].name, subcommands[i].help);
}

static const struct subcommand *
subcommand_find(const char *name)
{
	for (size_t i = 0; i < N_SUBCOMMANDS; i++)
		if (strcmp(subcommands[i].name, name) == 0)
			return &subcommands[i];
	return NULL;
}

static int
run(int argc, char *const *argv, const char *path)
{
	const struct subcommand *subcommand = subcommand_find(argv[0]);
	struct client *client;
	struct error err;
	int status;

	if (subcommand == NULL) {
		brctl_fail("never heard of command [%s]", argv[0]);
		print_usage();
		return 1;
	}
	if (argc < subcommand->n_args + 1) {
		printf("Incorrect number of arguments for command\nUsage: brctl %s %s\n",
		       subcommand->name, subcommand->help);
		return 1;
	}
	client = client_open(path, &err);
	if (client == NULL)
		return brctl_fail("can't setup bridge control: %s", err.msg);
	status = subcommand->run(client, argv + 1);
	client_close(client);
	return status;
}

const char *
brctl_usage(size_t number, const char **ret_arguments)
{
	if (number >= N_SUBCOMMANDS)
		return NULL;
	*ret_arguments = subcommands[number].help;
	return subcommands[number].name;
}

bool
brctl_is_called(const char *program)
{
	const char *slash = strrchr(program, '/');

	return strcmp(slash != NULL ? slash + 1 : program, "brctl") == 0;
}

int
brctl_main(int argc, char **argv, const char *socket)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	optind = 0; /* from the start, in GNU's getopt */
	while ((option = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			print_usage();
			return 0;
		case 'V':
			puts("bridge-utils, " BRIDGE_UTILS_VERSION);
			return 0;
		default:
			brctl_fail("Unknown option '%c'", option);
			print_usage();
			return 1;
		}
	}
	if (optind == argc) {
		print_usage();
		return 1;
	}
	return run(argc - optind, argv + optind, socket);
}
