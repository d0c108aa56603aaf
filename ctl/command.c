/* SPDX-License-Identifier: BSD-3-Clause */
#include "command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adopt_commands.h"
#include "batch.h"
#include "capture.h"
#include "client.h"
#include "config_commands.h"
#include "drops.h"
#include "error.h"
#include "explain.h"
#include "health.h"
#include "monitor.h"
#include "nat_text.h"
#include "show.h"
#include "top.h"
#include "words.h"

#define QUOTE_SIZE 48
#define LIST_SIZE 256

static int
run_change(struct client *client, const struct request *request, struct error *err)
{
	json_t *result;
	int ret;

	ret = request_call(client, request, &result, err);
	json_decref(result);
	return ret;
}

const struct command commands[] = {
	{ NULL, "show", NULL, 0, NAME_NONE, NULL, "overview of bridges, ports and guests",
	  show_overview },
	{ "bridge", "add", &bridge_schema, VERB_ADD, NAME_REQUIRED, "BRIDGE", "make a bridge",
	  run_change },
	{ "bridge", "del", &bridge_schema, VERB_DEL, NAME_REQUIRED, "BRIDGE",
	  "remove a bridge that has no ports", run_change },
	{ "bridge", "set", &bridge_schema, VERB_SET, NAME_REQUIRED, "BRIDGE",
	  "change settings of a bridge", run_change },
	{ "bridge", "show", &bridge_schema, VERB_SHOW, NAME_OPTIONAL, "BRIDGE", "list bridges",
	  show_bridges },
	{ "bridge", "adopt", &bridge_schema, 0, NAME_REQUIRED, "BRIDGE NIC [--confirm SECONDS]",
	  "take a NIC of the host's, whose addresses and routes go to the bridge's own interface",
	  adopt_nic, .takes_words = true },
	{ "bridge", "release", &bridge_schema, 0, NAME_REQUIRED, "BRIDGE NIC [--confirm SECONDS]",
	  "give an adopted NIC back to the host, with all that it had", release_nic,
	  .takes_words = true },
	{ "port", "add", &port_schema, VERB_ADD, NAME_REQUIRED, "PORT", "put a port on a bridge",
	  run_change },
	{ "port", "del", &port_schema, VERB_DEL, NAME_REQUIRED, "PORT",
	  "take a port off its bridge; its interface is free when this returns", run_change },
	{ "port", "set", &port_schema, VERB_SET, NAME_REQUIRED, "PORT", "change settings of a port",
	  run_change },
	{ "port", "show", &port_schema, VERB_SHOW, NAME_OPTIONAL, "PORT", "list ports",
	  show_ports },
	{ "bond", "add", &bond_schema, VERB_ADD, NAME_REQUIRED, "BOND",
	  "make one port of several, its members", run_change },
	{ "bond", "del", &bond_schema, VERB_DEL, NAME_REQUIRED, "BOND", "take a bond apart",
	  run_change },
	{ "bond", "set", &bond_schema, VERB_SET, NAME_REQUIRED, "BOND",
	  "change settings of a bond, its members, or which of them is active", run_change },
	{ "bond", "show", &bond_schema, VERB_SHOW, NAME_OPTIONAL, "BOND",
	  "list bonds, their members and what these carry", show_bonds },
	{ "vif", "show", &vif_schema, VERB_SHOW, NAME_OPTIONAL, "VIF",
	  "list the guests' interfaces and their state", show_vifs },
	{ "fdb", "show", &fdb_schema, VERB_SHOW, NAME_OPTIONAL, "BRIDGE", "list known addresses",
	  show_fdb },
	{ "fdb", "add", &fdb_schema, VERB_ADD, NAME_REQUIRED, "BRIDGE",
	  "add a static address, which does not age or move", run_change },
	{ "fdb", "del", &fdb_schema, VERB_DEL, NAME_REQUIRED, "BRIDGE", "forget an address",
	  run_change },
	{ "fdb", "flush", &fdb_schema, VERB_FLUSH, NAME_REQUIRED, "BRIDGE",
	  "forget all learnt addresses", run_change },
	{ "stp", "show", &stp_schema, VERB_SHOW, NAME_OPTIONAL, "BRIDGE",
	  "show spanning trees: root, roles and states of ports, timers", show_stp },
	{ "group", "show", &group_schema, VERB_SHOW, NAME_OPTIONAL, "BRIDGE",
	  "list the multicast groups that hosts have joined", show_groups },
	{ "querier", "show", &querier_schema, VERB_SHOW, NAME_OPTIONAL, "BRIDGE",
	  "list multicast queriers and routers, by VLAN", show_queriers },
	{ "addr", "show", &addr_schema, VERB_SHOW, NAME_NONE, NULL, "list the router's addresses",
	  show_addrs },
	{ "addr", "add", &addr_schema, VERB_ADD, NAME_REQUIRED, "IP/LEN",
	  "give the router an address on a port or bridge", run_change },
	{ "addr", "del", &addr_schema, VERB_DEL, NAME_REQUIRED, "IP/LEN", "take an address away",
	  run_change },
	{ "route", "show", &route_schema, VERB_SHOW, NAME_NONE, NULL, "list routes", show_routes },
	{ "route", "add", &route_schema, VERB_ADD, NAME_REQUIRED, "IP/LEN", "add a static route",
	  run_change },
	{ "route", "del", &route_schema, VERB_DEL, NAME_REQUIRED, "IP/LEN", "remove a static route",
	  run_change },
	{ "route", "import", &route_import_schema, VERB_SET, NAME_REQUIRED, "kernel|none",
	  "take the routes and neighbours of the host's kernel, or no more", run_change },
	{ "neigh", "show", &neigh_schema, VERB_SHOW, NAME_NONE, NULL,
	  "list the stations that the router knows", show_neighs },
	{ "neigh", "add", &neigh_schema, VERB_ADD, NAME_REQUIRED, "IP",
	  "add a station that is not asked for", run_change },
	{ "neigh", "del", &neigh_schema, VERB_DEL, NAME_REQUIRED, "IP", "forget a station",
	  run_change },
	{ "neigh", "flush", &neigh_schema, VERB_FLUSH, NAME_NONE, NULL,
	  "forget all stations that were not added", run_change },
	{ "nat", "show", &nat_schema, VERB_SHOW, NAME_OPTIONAL, "RULE",
	  "list the rules of NAT, and why one is not active", show_nats },
	{ "nat", "add", &nat_schema, VERB_ADD, NAME_REQUIRED, "RULE",
	  "translate the addresses of guests, or forward to one", run_change },
	{ "nat", "del", &nat_schema, VERB_DEL, NAME_REQUIRED, "RULE", "remove a rule", run_change },
	{ "nat", "set", &nat_schema, VERB_SET, NAME_REQUIRED, "RULE", "change a rule", run_change },
	{ "nat", "sessions", &nat_sessions_schema, VERB_SHOW, NAME_NONE, NULL, "list the sessions",
	  show_nat_sessions },
	{ "nat", "flush", &nat_sessions_schema, VERB_FLUSH, NAME_NONE, NULL,
	  "end all sessions, or those that are meant", run_change },
	{ "nat-table", "show", &nat_table_schema, VERB_SHOW, NAME_NONE, NULL,
	  "show how full the table of sessions is, what was refused, and its settings",
	  show_members },
	{ "nat-table", "set", &nat_table_schema, VERB_SET, NAME_NONE, NULL,
	  "change settings of the table, for sessions that exist, too", run_change },
	{ "network", "show", &network_schema, VERB_SHOW, NAME_OPTIONAL, "IP/LEN",
	  "list networks of guests, and their leases", show_networks },
	{ "network", "add", &network_schema, VERB_ADD, NAME_REQUIRED, "IP/LEN",
	  "say what guests of a network are to be told", run_change },
	{ "network", "set", &network_schema, VERB_SET, NAME_REQUIRED, "IP/LEN",
	  "change what guests of a network are told", run_change },
	{ "network", "del", &network_schema, VERB_DEL, NAME_REQUIRED, "IP/LEN",
	  "tell guests of a network nothing more", run_change },
	{ "mirror", "show", &mirror_schema, VERB_SHOW, NAME_OPTIONAL, "MIRROR",
	  "list mirrors, what they have copied, and why one does not", show_mirrors },
	{ "mirror", "add", &mirror_schema, VERB_ADD, NAME_REQUIRED, "MIRROR",
	  "copy the packets of a port, VLAN or bridge to a port, a tunnel or softflowd",
	  run_change },
	{ "mirror", "set", &mirror_schema, VERB_SET, NAME_REQUIRED, "MIRROR",
	  "change what a mirror copies", run_change },
	{ "mirror", "del", &mirror_schema, VERB_DEL, NAME_REQUIRED, "MIRROR", "copy no more",
	  run_change },
	{ "metrics", "show", &metrics_schema, VERB_SHOW, NAME_NONE, NULL,
	  "where Prometheus finds metrics, and what they cost", show_members },
	{ "metrics", "set", &metrics_schema, VERB_SET, NAME_NONE, NULL,
	  "serve metrics to Prometheus, or no more", run_change },
	{ "stats", "show", &stats_schema, VERB_SHOW, NAME_OPTIONAL, "PORT",
	  "list counters and the reasons of drops", show_stats },
	{ NULL, "drops", NULL, 0, NAME_OPTIONAL, "[last] [PORT|REASON]... [-w FILE]",
	  "what is dropped, why, and what to do about it; or how the last packets began", drops_run,
	  .takes_words = true },
	{ "worker", "show", &worker_schema, VERB_SHOW, NAME_NONE, NULL,
	  "list the threads that forward, and how busy they are", show_workers },
	{ NULL, "health", NULL, 0, NAME_REQUIRED, "[-v]",
	  "what is wrong, and what to do about it; exit status 3: warnings, 4: errors", health_run,
	  .takes_words = true, .options = health_options },
	{ NULL, "top", NULL, 0, NAME_OPTIONAL, "OPTION...",
	  "what passes the ports, what is dropped and what it costs, live", top_run,
	  .takes_words = true, .options = top_options },
	{ "config", "show", &config_schema, VERB_SHOW, NAME_NONE, NULL,
	  "what is configured, as a configuration file", config_show, .takes_words = true },
	{ "config", "check", &config_schema, VERB_SHOW, NAME_REQUIRED, "[FILE]",
	  "find all errors of a file", config_check_file, .takes_words = true, .is_offline = true },
	{ "config", "diff", &config_schema, VERB_SHOW, NAME_REQUIRED, "[FILE]",
	  "what \"config apply\" would change, and whom it touches", config_diff,
	  .takes_words = true },
	{ "config", "apply", &config_schema, VERB_SET, NAME_REQUIRED, "[FILE] [--confirm SECONDS]",
	  "change what differs from a file, all or nothing", config_apply, .takes_words = true },
	{ "config", "save", &config_schema, VERB_SET, NAME_REQUIRED, "[FILE]",
	  "have a file say what is configured", config_save, .takes_words = true },
	{ "config", "confirm", &config_schema, VERB_SET, NAME_NONE, NULL,
	  "what was changed with --confirm stays", config_confirm, .takes_words = true },
	{ "config", "rollback", &config_schema, VERB_SET, NAME_REQUIRED, "[N] [--confirm SECONDS]",
	  "back to number N of the history; default: undo", config_rollback, .takes_words = true },
	{ "config", "history", &config_schema, VERB_SHOW, NAME_REQUIRED, "[N]",
	  "who changed what; or the file of number N", config_history, .takes_words = true },
	{ "event", "show", &event_schema, VERB_SHOW, NAME_REQUIRED, "[KIND|NAME]... [--last N]",
	  "what has happened lately", event_show, .takes_words = true },
	{ NULL, "monitor", NULL, 0, NAME_REQUIRED, "[KIND|NAME]... [--last N]",
	  "what happens, as it happens", monitor_run, .takes_words = true },
	{ NULL, "capture", NULL, 0, NAME_REQUIRED, "PORT|any|bridge BRIDGE [OPTION...] [FILTER...]",
	  "packets as they pass, or are dropped: lines, or a file for Wireshark", capture_run,
	  .takes_words = true, .options = capture_options },
	{ NULL, "explain", NULL, 0, NAME_REQUIRED, "PORT FLOW|FRAME|FILE [-c N]",
	  "what would become of a packet that came in by a port, step by step; nothing is sent",
	  explain_run, .takes_words = true },
	{ NULL, "trace", NULL, 0, NAME_REQUIRED, "[FILTER]... [-c N]",
	  "what becomes of packets as they come in, step by step", trace_run, .takes_words = true },
	{ NULL, "batch", NULL, 0, NAME_REQUIRED, "FILE|- [--confirm SECONDS]",
	  "many commands, one per line, all or nothing", batch_run, .takes_words = true },
	{ NULL, "version", NULL, 0, NAME_NONE, NULL, "versions of vsctl and vswitchd",
	  show_version },
};
const size_t n_commands = sizeof(commands) / sizeof(commands[0]);

size_t
command_words(const char *object, const char **words, size_t max)
{
	const char *word;
	size_t n = 0, i, j;

	for (i = 0; i < n_commands; i++) {
		if (object == NULL)
			word = commands[i].object != NULL ? commands[i].object : commands[i].verb;
		else if (commands[i].object != NULL && strcmp(commands[i].object, object) == 0)
			word = commands[i].verb;
		else
			continue;
		for (j = 0; j < n && strcmp(words[j], word) != 0; j++)
			;
		if (j == n && n < max)
			words[n++] = word;
	}
	return n;
}

bool
command_has_verbs(const char *object)
{
	const char *verb;

	return command_words(object, &verb, 1) > 0;
}

/* Take the words that begin with @given; all, if it is one of them, but that. Return: how many. */
static size_t
words_short_for(const char *given, const char **words, size_t n)
{
	size_t found = 0, i;

	for (i = 0; i < n; i++)
		if (strcmp(words[i], given) == 0) {
			words[0] = words[i];
			return 1;
		}
	for (i = 0; i < n; i++)
		if (*given != '\0' && strncmp(words[i], given, strlen(given)) == 0)
			words[found++] = words[i];
	return found;
}

const char *
command_word(const char *object, const char *given, struct error *err)
{
	const char *what = object == NULL ? "command" : "verb", *nearest;
	char list[LIST_SIZE], quoted[QUOTE_SIZE], hint[WORD_HINT_SIZE];
	const char *words[COMMAND_WORDS_MAX + 1], *known[COMMAND_WORDS_MAX];
	size_t n = command_words(object, words, COMMAND_WORDS_MAX), found;

	memcpy(known, words, n * sizeof(words[0]));
	found = given != NULL ? words_short_for(given, known, n) : 0;
	if (found == 1)
		return known[0];
	words[n++] = "help";
	nearest = given != NULL && found == 0 ? word_nearest(given, words, n) : NULL;
	words_join(words, n, list, sizeof(list));
	if (given == NULL)
		error_set(err, EINVAL, "a %s is missing: %s", what, list);
	else if (found > 1)
		error_set(err, EINVAL, "%s %s is short for more than one: %s", what,
			  schema_quote(given, quoted, sizeof(quoted)),
			  words_join(known, found, list, sizeof(list)));
	else if (nearest != NULL)
		error_set(err, EINVAL, "unknown %s %s; %s", what,
			  schema_quote(given, quoted, sizeof(quoted)),
			  word_hint(nearest, "", hint, sizeof(hint)));
	else
		error_set(err, EINVAL, "unknown %s %s; known: %s", what,
			  schema_quote(given, quoted, sizeof(quoted)), list);
	if (object != NULL)
		error_prefix(err, "%s: ", object);
	return NULL;
}

bool
command_takes_key(const struct command *command, const struct schema_key *key)
{
	return (key->verbs & command->schema_verb) && !key->internal && !command->takes_words;
}

const struct command *
command_find(int argc, char *const *argv, struct error *err)
{
	const char *object = command_word(NULL, argc > 0 ? argv[0] : NULL, err), *verb = NULL;
	size_t i;

	for (i = 0; object != NULL && i < n_commands; i++) {
		if (commands[i].object == NULL && strcmp(commands[i].verb, object) == 0)
			return &commands[i];
		if (commands[i].object == NULL || strcmp(commands[i].object, object) != 0)
			continue;
		if (verb == NULL)
			verb = command_word(object, argc > 1 ? argv[1] : NULL, err);
		if (verb == NULL)
			return NULL;
		if (strcmp(commands[i].verb, verb) == 0)
			return &commands[i];
	}
	return NULL;
}

/* Is it a key, but for a typo? */
static bool
is_nearly_key(const struct command *command, const char *word)
{
	const char *names[SCHEMA_KEYS_MAX];
	size_t n = 0;

	for (unsigned int i = 0; i < command->schema->n_keys; i++)
		if (command->schema->keys[i].verbs & command->schema_verb)
			names[n++] = command->schema->keys[i].name;
	return word_nearest(word, names, n) != NULL;
}

/*
 * Does a name stand before the keys? Where it is optional, the first word is a key only if it
 * reads as one, or should, and the words pair up.
 */
static bool
name_is_given(const struct command *command, int argc, char *const *argv)
{
	if (command->name == NAME_NONE || argc == 0)
		return false;
	if (command->name == NAME_REQUIRED || argc % 2 != 0)
		return true;
	if (schema_key_find(command->schema, argv[0]) != NULL)
		return false;
	return schema_key_find(command->schema, argv[1]) != NULL ||
	       !is_nearly_key(command, argv[0]);
}

/* Paths in devargs are the user's, in whose folder the daemon is not. */
static int
devargs_here(const char *devargs, char *ret_text, size_t size, struct error *err)
{
	char cwd[PATH_MAX];
	size_t len = 0;
	const char *path;

	while (len < size && (path = devargs_next_path(devargs)) != NULL) {
		if (*path != '/' && getcwd(cwd, sizeof(cwd)) == NULL)
			return error_set(err, errno, "current directory: %s", strerror(errno));
		len += snprintf(ret_text + len, size - len, "%.*s%s%s", (int)(path - devargs),
				devargs, *path != '/' ? cwd : "", *path != '/' ? "/" : "");
		devargs = path;
	}
	if (len < size)
		len += snprintf(ret_text + len, size - len, "%s", devargs);
	if (len >= size)
		return error_set(err, ENAMETOOLONG, "port: devargs are too long");
	return 0;
}

/* The words of a forwarding as one. Return: how many they were, or -EINVAL. */
static int
forwarding_join(char *const *words, int n, char *ret_text, size_t size, struct error *err)
{
	size_t len = 0;

	n = nat_dnat_words(words, n);
	if (n < 0)
		return error_set(err, EINVAL,
				 "nat: dnat: the shell has taken the > of -> away, and has written "
				 "to a file instead: say \"to\", or quote it: dnat \"tcp 8080 -> "
				 "10.0.0.2:80\"");
	ret_text[0] = '\0';
	for (int i = 0; i < n && len < size; i++)
		len += snprintf(ret_text + len, size - len, "%s%s", i > 0 ? " " : "", words[i]);
	return n;
}

/* Was it the value that object_set() refused, and not the key? */
static bool
value_is_wrong(const struct schema_key *key, enum schema_verb verb, const char *text)
{
	struct value value;

	return key != NULL && (key->verbs & verb) &&
	       schema_parse_value(key, text, &value, NULL) < 0;
}

static int
keys_parse(struct request *request, int argc, char *const *argv, struct error *err)
{
	const struct object_schema *schema = request->command->schema;
	enum schema_verb verb = request->command->schema_verb;
	char devargs[2 * PATH_MAX], joined[LIST_SIZE], metavar[METAVAR_SIZE];
	const struct schema_key *key;
	const char *text;
	int i, ret;

	for (i = 0; i < argc; i++) {
		const char *name = argv[i];

		key = schema_key_find(schema, name);
		if (key != NULL && key->internal)
			return error_set(err, EINVAL, "%s: %s is for programs", schema->kind,
					 key->name);
		/* An unknown key is worth more words than a missing value. */
		if (key != NULL && key->type != VALUE_FLAG && i + 1 == argc)
			return error_set(err, EINVAL, "%s: %s needs a value: %s", schema->kind,
					 key->name, schema_metavar(key, metavar));
		if (key != NULL && key->type == VALUE_FLAG) {
			text = "yes";
		} else if (key != NULL && key->type == VALUE_DNAT) {
			ret = forwarding_join(&argv[i + 1], argc - i - 1, joined, sizeof(joined),
					      err);
			if (ret < 0)
				return -EINVAL;
			i += ret;
			text = joined;
		} else {
			text = ++i < argc ? argv[i] : "";
		}
		if (key == &port_schema.keys[PORT_KEY_DEVARGS]) {
			ret = devargs_here(text, devargs, sizeof(devargs), err);
			if (ret < 0)
				return -ERANGE;
			text = devargs;
		}
		ret = object_set(&request->object, verb, name, text, err);
		if (ret < 0)
			return value_is_wrong(key, verb, text) ? -ERANGE : -EINVAL;
	}
	return object_check(&request->object, verb, err);
}

int
request_parse(int argc, char *const *argv, struct request *ret_request, struct error *err)
{
	const struct command *command;
	char quoted[QUOTE_SIZE];
	int ret;

	memset(ret_request, 0, sizeof(*ret_request));
	command = command_find(argc, argv, err);
	if (command == NULL)
		return err->code;
	ret_request->command = command;
	argc -= command->object != NULL ? 2 : 1;
	argv += command->object != NULL ? 2 : 1;
	ret_request->argc = argc;
	ret_request->argv = argv;
	if (command->takes_words)
		return 0;
	if (command->schema == NULL && argc > 0)
		return error_set(err, EINVAL, "%s takes no arguments, but got %s", command->verb,
				 schema_quote(argv[0], quoted, sizeof(quoted)));
	if (command->schema == NULL)
		return 0;

	object_init(&ret_request->object, command->schema);
	if (name_is_given(command, argc, argv)) {
		ret = object_set_name(&ret_request->object, argv[0], err);
		if (ret < 0)
			return -ERANGE;
		argc--;
		argv++;
	} else if (command->name == NAME_REQUIRED) {
		return error_set(err, EINVAL, "%s %s: a name is missing: vsctl %s %s %s ...",
				 command->object, command->verb, command->object, command->verb,
				 command->metavar);
	}
	if (command->schema_verb == VERB_SET && argc == 0 && command->schema->n_keys > 0)
		return error_set(err, EINVAL, "%s%s%s: nothing to set: give a key and its value",
				 command->object, command->name == NAME_NONE ? "" : " ",
				 ret_request->object.name);
	return keys_parse(ret_request, argc, argv, err);
}

bool
request_is_change(const struct request *request)
{
	return request->command->run == run_change;
}

void
request_method(const struct request *request, char *ret_name, size_t size)
{
	const struct command *command = request->command;

	snprintf(ret_name, size, "%s%s%s", command->object != NULL ? command->object : "",
		 command->object != NULL ? "." : "", command->verb);
}

static json_t *
value_json(const struct schema_key *key, const struct value *value)
{
	switch (key->type) {
	case VALUE_BOOL:
	case VALUE_FLAG:
		return json_boolean(value->number);
	case VALUE_UINT:
	case VALUE_SECONDS:
		if (value->number != 0 || key->zero_word == NULL)
			return json_integer(value->number);
		break;
	case VALUE_NAME:
		if (value->text[0] == '\0')
			return json_null();
		break;
	default:
		break;
	}
	return json_string(value->text);
}

json_t *
request_params(const struct object *object)
{
	json_t *params = json_object();
	unsigned int i;

	if (object->name[0] != '\0')
		json_object_set_new(params, "name", json_string(object->name));
	for (i = 0; object->schema != NULL && i < object->schema->n_keys; i++)
		if (object->values[i].is_set)
			json_object_set_new(
				params, object->schema->keys[i].name,
				value_json(&object->schema->keys[i], &object->values[i]));
	return params;
}

int
request_call(struct client *client, const struct request *request, json_t **ret_result,
	     struct error *err)
{
	char method[32];

	request_method(request, method, sizeof(method));
	return client_call(client, method, request_params(&request->object), ret_result, err);
}
