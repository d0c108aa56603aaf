/* SPDX-License-Identifier: BSD-3-Clause */
/* vsctl's inside: argv to request, help, tables. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "command.h"
#include "config.h"
#include "error.h"
#include "examples.h"
#include "help.h"
#include "table.h"

/* Split a command line at blanks and parse it. */
static int
parse(const char *line, struct request *request, struct error *err)
{
	char text[256], *argv[32] = { NULL }, *word, *save;
	int argc = 0;

	snprintf(text, sizeof(text), "%s", line);
	for (word = strtok_r(text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	return request_parse(argc, argv, request, err);
}

static void
test_requests(void **state)
{
	static const struct {
		const char *line, *method, *params;
	} cases[] = {
		{ "bridge add xenbr0", "bridge.add", "{\"name\":\"xenbr0\"}" },
		{ "bridge add xenbr0 ageing 0 fdb_limit 7", "bridge.add",
		  "{\"name\":\"xenbr0\",\"ageing\":0,\"fdb-limit\":7}" },
		{ "bridge show", "bridge.show", "{}" },
		{ "bridge show xenbr0", "bridge.show", "{\"name\":\"xenbr0\"}" },
		{ "port add vif1.0 bridge xenbr0 vid 10", "port.add",
		  "{\"name\":\"vif1.0\",\"bridge\":\"xenbr0\",\"vid\":10}" },
		{ "port add p0 bridge xenbr0 devargs net_pcap0,rx_pcap=a.pcap,tx_pcap=/b",
		  "port.add",
		  "{\"name\":\"p0\",\"bridge\":\"xenbr0\",\"devargs\":\"net_pcap0,"
		  "rx_pcap=/tmp/a.pcap,tx_pcap=/b\"}" },
		{ "port add xenbr0 bridge xenbr0 type tap", "port.add",
		  "{\"name\":\"xenbr0\",\"bridge\":\"xenbr0\",\"type\":\"tap\"}" },
		{ "port set eth1 vid none mtu keep", "port.set",
		  "{\"name\":\"eth1\",\"vid\":\"none\",\"mtu\":\"keep\"}" },
		{ "port show bridge xenbr0", "port.show", "{\"bridge\":\"xenbr0\"}" },
		{ "port show bridge", "port.show", "{\"name\":\"bridge\"}" },
		{ "fdb add xenbr0 mac 00-16-3E-00-00-01 port eth1 vid 10", "fdb.add",
		  "{\"name\":\"xenbr0\",\"mac\":\"00:16:3e:00:00:01\",\"vid\":10,\"port\":"
		  "\"eth1\"}" },
		{ "fdb show", "fdb.show", "{}" },
		{ "fdb show mac 00:16:3e:00:00:01", "fdb.show", "{\"mac\":\"00:16:3e:00:00:01\"}" },
		{ "fdb show xenbr0 vid 3", "fdb.show", "{\"name\":\"xenbr0\",\"vid\":3}" },
		{ "fdb flush xenbr0 port eth1", "fdb.flush",
		  "{\"name\":\"xenbr0\",\"port\":\"eth1\"}" },
		{ "fdb del xenbr0 mac 00:16:3e:00:00:01", "fdb.del",
		  "{\"name\":\"xenbr0\",\"mac\":\"00:16:3e:00:00:01\"}" },
		{ "stats show eth1", "stats.show", "{\"name\":\"eth1\"}" },
		{ "vif show", "vif.show", "{}" },
		{ "show", "show", "{}" },
		{ "version", "version", "{}" },
		/* short for one word only; a word that there is goes first */
		{ "br sh", "bridge.show", "{}" },
		{ "br sho xenbr0", "bridge.show", "{\"name\":\"xenbr0\"}" },
		{ "bri d xenbr0", "bridge.del", "{\"name\":\"xenbr0\"}" },
		{ "nat sh", "nat.show", "{}" },
		{ "nat- sh", "nat-table.show", "{}" },
		{ "ver", "version", "{}" },
	};
	struct request request;
	char method[32], *text;
	struct error err;
	json_t *params;
	size_t i;

	assert_int_equal(chdir("/tmp"), 0); /* where relative paths start */
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (parse(cases[i].line, &request, &err) < 0)
			fail_msg("%s: %s", cases[i].line, err.msg);
		request_method(&request, method, sizeof(method));
		assert_string_equal(method, cases[i].method);
		params = request_params(&request.object);
		text = json_dumps(params, JSON_COMPACT);
		assert_string_equal(text, cases[i].params);
		free(text);
		json_decref(params);
	}
}

/* -EINVAL: wrong usage; -ERANGE: the grammar is right, a value is not. */
static void
test_errors(void **state)
{
	static const struct {
		const char *line, *message;
		int ret;
	} cases[] = {
		{ "",
		  "a command is missing: show, bridge, port, bond, vif, fdb, stp, group, "
		  "querier, addr, route, neigh, nat, nat-table, network, mirror, metrics, stats, "
		  "drops, worker, health, top, config, event, monitor, capture, explain, trace, "
		  "batch, version, help" },
		{ "brdige add x", "unknown command 'brdige'; did you mean 'bridge'?" },
		{ "b show", "command 'b' is short for more than one: bridge, bond, batch" },
		{ "bridge s", "bridge: verb 's' is short for more than one: set, show" },
		{ "bridge h",
		  "bridge: unknown verb 'h'; known: add, del, set, show, adopt, release, help" },
		{ "bridge add b age 3", "bridge b: unknown key 'age'; did you mean 'ageing'?" },
		{ "interface",
		  "unknown command 'interface'; known: show, bridge, port, bond, vif, fdb, stp, "
		  "group, querier, addr, route, neigh, nat, nat-table, network, mirror, metrics, "
		  "stats, drops, worker, health, top, config, event, monitor, capture, explain, "
		  "trace, batch, "
		  "version, help" },
		{ "bridge", "bridge: a verb is missing: add, del, set, show, adopt, "
			    "release, help" },
		{ "bridge shwo", "bridge: unknown verb 'shwo'; did you mean 'show'?" },
		{ "vif add x", "vif: unknown verb 'add'; known: show, help" },
		{ "bridge add", "bridge add: a name is missing: vsctl bridge add BRIDGE ..." },
		{ "bridge add x/y",
		  "bridge: 'x/y' is not a name of 1-15 letters, digits or . _ - + "
		  "@ ~",
		  -ERANGE },
		{ "bridge add b ageing", "bridge: ageing needs a value: SECONDS" },
		{ "bridge add b agein 3", "bridge b: unknown key 'agein'; did you mean 'ageing'?" },
		{ "bridge add b ageing x",
		  "bridge b: ageing: 'x' is not a number of seconds from 0 "
		  "to 1000000",
		  -ERANGE },
		{ "bridge add b ageing 1000001",
		  "bridge b: ageing: '1000001' is not a number of seconds from 0 to 1000000",
		  -ERANGE },
		{ "bridge add b ageing 1 ageing 2", "bridge b: ageing is given twice" },
		{ "bridge set b", "bridge b: nothing to set: give a key and its value" },
		{ "bridge del b now", "bridge b: unknown key 'now'; there are none here" },
		{ "port add eth1",
		  "port eth1: bridge is missing: the bridge that the port is on, or none" },
		{ "port set eth1 type tab", "port eth1: type can only be given when the object is "
					    "added" },
		{ "port set eth1 type tap", "port eth1: type can only be given when the object is "
					    "added" },
		{ "fdb add b mac 00:00:00:00:00:01", "fdb b: port is missing: the port that the "
						     "address is behind" },
		{ "fdb show cursor 3", "fdb: cursor is for programs" },
		{ "version now", "version takes no arguments, but got 'now'" },
	};
	struct request request;
	struct error err;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].line, &request, &err),
				 cases[i].ret != 0 ? cases[i].ret : -EINVAL);
		assert_string_equal(err.msg, cases[i].message);
	}
}

/* What is said of a topic, to be freed; no line is wider than the terminal. */
static char *
help_text(const char *object, const char *verb, int width)
{
	const struct help_topic topic = { .object = object, .verb = verb };
	char *text = NULL;
	struct error err;
	size_t size, len;
	FILE *out = open_memstream(&text, &size);

	if (help_print(&topic, width, out, &err) < 0)
		fail_msg("%s %s: %s", object, verb != NULL ? verb : "", err.msg);
	fclose(out);
	for (const char *line = text; *line != '\0'; line += len + 1) {
		len = strcspn(line, "\n");
		if (len > 79)
			fail_msg("%s %s: %.*s", object, verb != NULL ? verb : "", (int)len, line);
		assert_true(len == 0 || line[len - 1] != ' ');
	}
	return text;
}

/* Help has every command and every key that a user can give. */
static void
test_help(void **state)
{
	const struct object_schema *schema;
	char *text, word[64];

	text = help_text("commands", NULL, 0);
	for (size_t i = 0; i < n_commands; i++) {
		snprintf(word, sizeof(word), "  %s%s%s",
			 commands[i].object != NULL ? commands[i].object : "",
			 commands[i].object != NULL ? " " : "", commands[i].verb);
		assert_non_null(strstr(text, word));
	}
	free(text);

	text = help_text(NULL, NULL, 0);
	/* what is too long for its column has a line of its own */
	snprintf(word, sizeof(word), "\n  --color auto|always|never\n%*s colours; ", 24, "");
	assert_non_null(strstr(text, word));
	for (size_t i = 0; i < n_commands; i++) {
		snprintf(word, sizeof(word), "\n  %s",
			 commands[i].object != NULL ? commands[i].object : commands[i].verb);
		assert_non_null(strstr(text, word));
	}
	free(text);

	for (size_t i = 0; i < n_commands; i++) {
		schema = commands[i].object != NULL ? commands[i].schema : NULL;
		if (schema == NULL)
			continue;
		text = help_text(commands[i].object, NULL, 80);
		assert_non_null(strstr(text, "\nExamples:\n"));
		for (size_t j = 0; j < schema->n_keys; j++) {
			snprintf(word, sizeof(word), "\n  %s ", schema->keys[j].name);
			assert_int_equal(strstr(text, word) == NULL, schema->keys[j].internal);
		}
		free(text);
	}
}

/* Of one command: the keys that it takes, and no others. */
static void
test_help_verbs(void **state)
{
	const struct object_schema *schema;
	char *text, word[64];

	for (size_t i = 0; i < n_commands; i++) {
		text = help_text(commands[i].object != NULL ? commands[i].object : commands[i].verb,
				 commands[i].object != NULL ? commands[i].verb : NULL, 80);
		assert_non_null(strstr(text, "  vsctl "));
		assert_non_null(strstr(text, commands[i].verb));
		schema = commands[i].schema;
		for (size_t j = 0; schema != NULL && j < schema->n_keys; j++) {
			const struct schema_key *key = &schema->keys[j];

			snprintf(word, sizeof(word), "\n  %s ", key->name);
			assert_int_equal(strstr(text, word) != NULL,
					 !key->internal && (key->verbs & commands[i].schema_verb));
		}
		free(text);
	}
	/* which others take it does not matter there, and is wrong of a filter */
	text = help_text("bond", "show", 80);
	assert_non_null(strstr(text, "\n  bridge BRIDGE "));
	assert_null(strstr(text, "added)"));
	free(text);
	text = help_text("br", "sh", 0);
	assert_ptr_equal(strstr(text, "  vsctl bridge show [BRIDGE]\n      list bridges\n"), text);
	free(text);
}

static void
test_help_errors(void **state)
{
	static const struct {
		struct help_topic topic;
		const char *message;
	} cases[] = {
		{ { "brigde", NULL }, "unknown command 'brigde'; did you mean 'bridge'?" },
		{ { "bridge", "sohw" }, "bridge: unknown verb 'sohw'; did you mean 'show'?" },
		{ { "n", NULL },
		  "command 'n' is short for more than one: neigh, nat, nat-table, network" },
	};
	struct error err;
	char *text = NULL;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(help_print(&cases[i].topic, 0, out, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].message);
	}
	fclose(out);
	assert_int_equal(size, 0);
	free(text);
}

static void
test_help_wanted(void **state)
{
	static const struct {
		const char *line;
		bool wanted;
		const char *object, *verb;
	} cases[] = {
		{ "help", true, NULL, NULL },
		{ "help bridge", true, "bridge", NULL },
		{ "help bridge add", true, "bridge", "add" },
		/* a whole command behind it */
		{ "help bridge add xenbr0 ageing 3", true, "bridge", "add" },
		{ "bridge help add xenbr0", true, "bridge", "add" },
		{ "bridge help", true, "bridge", NULL },
		{ "bridge help add", true, "bridge", "add" },
		{ "br help", true, "br", NULL },
		{ "bridge --help", true, "bridge", NULL },
		{ "bridge add --help", true, "bridge", "add" },
		{ "bridge add xenbr0 ageing -h", true, "bridge", "add" },
		{ "batch --help", true, "batch", NULL },
		{ "brigde help", true, "brigde", NULL },
		{ "batch help", false },      /* a file */
		{ "bridge add help", false }, /* a bridge */
		{ "bridge show help", false },
		{ "show", false },
		{ "", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[64], *argv[8] = { NULL }, *save, *word;
		struct help_topic topic;
		int argc = 0;

		snprintf(text, sizeof(text), "%s", cases[i].line);
		for (word = strtok_r(text, " ", &save); word != NULL;
		     word = strtok_r(NULL, " ", &save))
			argv[argc++] = word;
		assert_int_equal(help_wanted(argc, argv, &topic), cases[i].wanted);
		if (!cases[i].wanted)
			continue;
		assert_string_equal(topic.object != NULL ? topic.object : "",
				    cases[i].object != NULL ? cases[i].object : "");
		assert_string_equal(topic.verb != NULL ? topic.verb : "",
				    cases[i].verb != NULL ? cases[i].verb : "");
	}
}

/* All examples can be typed, and each command word has one. */
static void
test_examples(void **state)
{
	const char *words[COMMAND_WORDS_MAX], *rest;
	const size_t n = command_words(NULL, words, COMMAND_WORDS_MAX);
	char line[EXAMPLE_LINE_SIZE];
	struct request request;
	struct error err;
	size_t i, j;

	for (i = 0; i < n_examples; i++) {
		rest = examples[i].commands;
		while (example_line(&rest, line)) {
			const char *command = *line == '-' ? line + 3 : line; /* -j, -w */

			assert_true(strlen(line) < 70);
			if (parse(command, &request, &err) < 0)
				fail_msg("%s: %s", line, err.msg);
		}
	}
	for (i = 0; i < n; i++) {
		for (j = 0; j < n_examples && !example_is_about(&examples[j], words[i], NULL); j++)
			;
		if (j == n_examples)
			fail_msg("there is no example of %s", words[i]);
	}
}

/* Of a VLAN's port, the file has the port whose VLAN it is. */
static void
check_parent(const struct config *config, const char *name)
{
	const size_t len = strcspn(name, ".");
	bool found = name[len] == '\0';

	for (size_t i = 0; i < config->n_sections && !found; i++) {
		const char *other = config->sections[i].object.name;

		found = strlen(other) == len && strncmp(other, name, len) == 0;
	}
	if (!found)
		fail_msg("nothing is called as %s is before the dot", name);
}

/* What the man page shows of the file is a file. */
static void
test_config_examples(void **state)
{
	struct config config;
	struct error err;
	char text[1024];
	FILE *file;

	for (size_t i = 0; i < n_config_examples; i++) {
		snprintf(text, sizeof(text), "%s\n", config_examples[i].commands);
		file = fmemopen(text, strlen(text), "r");
		if (config_read(file, config_examples[i].purpose, &config, &err) < 0)
			fail_msg("%s", err.msg);
		fclose(file);
		assert_true(config.n_sections >= 3);
		for (size_t j = 0; j < config.n_sections; j++)
			if (config.sections[j].object.schema == &port_schema)
				check_parent(&config, config.sections[j].object.name);
		config_free(&config);
	}
}

static void
test_table(void **state)
{
	static const struct column columns[] = {
		{ .heading = "PORT", .field = "port" },
		{ .heading = "MTU", .field = "mtu", .kind = CELL_NUMBER },
		{ .heading = "N", .field = "list", .kind = CELL_COUNT },
		{ .heading = "SUM", .field = "drops", .kind = CELL_SUM },
		{ .heading = "LIST", .field = "list" },
	};
	json_t *rows = json_loads("[{\"port\":\"vif10.0\",\"mtu\":1500,\"list\":[\"a\",\"b\"],"
				  "\"drops\":{\"x\":1,\"y\":41}},"
				  "{\"port\":\"vif2.0\",\"mtu\":null,\"list\":[],\"drops\":{}}]",
				  0, NULL);
	struct table table;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	rows_sort(rows, "port");
	table_init(&table, columns, 5, 2);
	table_print(&table, rows, out);
	fclose(out);
	assert_string_equal(text, "  PORT      MTU  N  SUM  LIST\n"
				  "  vif2.0      -  0    0  -\n"
				  "  vif10.0  1500  2   42  a,b\n");
	free(text);
	json_decref(rows);
}

/* The same rows at different widths of the terminal. */
static void
expect_fitted(int max_width, const char *expected)
{
	static const struct column columns[] = {
		{ .heading = "PORT", .field = "port" },
		{ .heading = "VLAN", .field = "vlan" },
		{ .heading = "RX-PACKETS", .field = "rx", .kind = CELL_NUMBER },
		{ .heading = "PORTS", .field = "ports" },
		{ .heading = "REASON", .field = "reason" },
	};
	json_t *rows = json_loads("[{\"port\":\"a-long-name-1\",\"rx\":7,\"vlan\":null,"
				  "\"ports\":[\"eth0\",\"vif1.0-emu\",\"vif12.0\"],"
				  "\"reason\":\"it is not\\u001b there, and never was\"},"
				  "{\"port\":\"b\",\"rx\":123456789012,\"ports\":[],"
				  "\"reason\":null}]",
				  0, NULL);
	struct table table;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	table_init(&table, columns, 5, 0);
	table.max_width = max_width;
	table_print(&table, rows, out);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
	json_decref(rows);
}

static void
test_table_fits(void **state)
{
	/* no terminal, or room for it */
	const char *whole =
		"PORT           VLAN    RX-PACKETS  PORTS                    REASON\n"
		"a-long-name-1  -                7  eth0,vif1.0-emu,vif12.0  it is not? there, and "
		"never was\n"
		"b              -     123456789012  -                        -\n";

	expect_fitted(0, whole);
	expect_fitted(200, whole);
	expect_fitted(93, whole);
	/* less columns that say nothing, and words below each other */
	expect_fitted(70, "PORT             RX-PACKETS  PORTS                REASON\n"
			  "a-long-name-1             7  eth0,vif1.0-emu,     it is not? there,\n"
			  "                             vif12.0              and never was\n"
			  "b              123456789012  -                    -\n");
	/* a second line of each row; names and numbers stay whole */
	expect_fitted(40, "PORT             RX-PACKETS\n"
			  "    PORTS               REASON\n"
			  "a-long-name-1             7\n"
			  "    eth0,vif1.0-emu,    it is not?\n"
			  "    vif12.0             there, and never\n"
			  "                        was\n"
			  "b              123456789012\n"
			  "    -                   -\n");
	expect_fitted(20, "PORT\n"
			  "      RX-PACKETS\n"
			  "    PORTS\n"
			  "    REASON\n"
			  "a-long-name-1\n"
			  "               7\n"
			  "    eth0,vif1.0-emu,\n"
			  "    vif12.0\n"
			  "    it is not?\n"
			  "    there, and never\n"
			  "    was\n"
			  "b\n"
			  "    123456789012\n"
			  "    -\n"
			  "    -\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),    cmocka_unit_test(test_errors),
		cmocka_unit_test(test_help),        cmocka_unit_test(test_help_verbs),
		cmocka_unit_test(test_help_errors), cmocka_unit_test(test_help_wanted),
		cmocka_unit_test(test_examples),    cmocka_unit_test(test_config_examples),
		cmocka_unit_test(test_table),       cmocka_unit_test(test_table_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
