/* SPDX-License-Identifier: BSD-3-Clause */
/* vsctl top: rates of two rounds, order and choice of rows, columns that fit, words. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command.h"
#include "error.h"
#include "top.h"

/* A daemon started at 10 s whose ports, at @sec, are these; its worker was busy for @busy. */
static json_t *
reply(int sec, int busy, json_t *ports)
{
	return json_pack("{s:I, s:I, s:[{s:i, s:s, s:i, s:i}], s:o}", "time_usec",
			 (json_int_t)sec * 1000000, "started_usec", (json_int_t)10000000, "workers",
			 "worker", 0, "state", "polling", "cycles_per_second", 1000, "busy_cycles",
			 busy, "ports", ports);
}

/* Packets of 100 bytes. */
static json_t *
port(const char *name, int instance, int rx, int tx, int cycles, json_t *drops)
{
	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:b, s:i, s:i, s:i, s:i, s:i, s:[{s:i, s:i, "
			 "s:i, s:i}], s:o}",
			 "port", name, "instance", instance, "type", "netdev", "bridge", "br0",
			 "link", "up", "inner", 0, "rx_packets", rx, "rx_bytes", 100 * rx,
			 "tx_packets", tx, "tx_bytes", 100 * tx, "queues", 1, "workers", "worker",
			 0, "queues", 1, "cycles", cycles, "rx_packets", rx, "drops", drops);
}

static void
read_rounds(json_t *before, json_t *after, struct top_round rounds[2])
{
	assert_int_equal(top_round_read(before, NULL, &rounds[0], NULL), 0);
	assert_true(isnan(rounds[0].interval));
	assert_int_equal(top_round_read(after, &rounds[0], &rounds[1], NULL), 0);
}

static void
free_rounds(struct top_round rounds[2])
{
	top_round_free(&rounds[0]);
	top_round_free(&rounds[1]);
}

static double
number(const struct top_round *round, size_t i, enum top_column column)
{
	return round->ports[i].cells[column].number;
}

static void
test_rates(void **state)
{
	struct top_round rounds[2];

	/* the order of ports changes, too */
	read_rounds(reply(20, 1000,
			  json_pack("[o, o]",
				    port("p1", 1, 1000, 0, 300, json_pack("{s:i}", "blocked", 7)),
				    port("p2", 2, 0, 1000, 0, json_object()))),
		    reply(22, 1800,
			  json_pack("[o, o]", port("p2", 2, 100, 1400, 100, json_object()),
				    port("p1", 1, 1400, 100, 600,
					 json_pack("{s:i, s:i, s:i}", "blocked", 8, "spoofed", 50,
						   "port_down", 0)))),
		    rounds);
	assert_true(isnan(number(&rounds[0], 0, TOP_RX_BPS)));
	assert_true(rounds[1].interval == 2);
	assert_true(number(&rounds[1], 1, TOP_RX_BPS) == 400 * 100 * 8 / 2);
	assert_true(number(&rounds[1], 1, TOP_RX_PPS) == 200);
	assert_true(number(&rounds[1], 1, TOP_TX_PPS) == 50);
	assert_true(number(&rounds[1], 1, TOP_DROP_RATE) == 51. / 2);
	assert_string_equal(rounds[1].ports[1].cells[TOP_REASON].text, "spoofed");
	assert_true(number(&rounds[1], 1, TOP_DROPS) == 58);
	assert_true(number(&rounds[1], 0, TOP_RX_PPS) == 50);
	assert_true(number(&rounds[1], 0, TOP_DROP_RATE) == 0);
	assert_null(rounds[1].ports[0].cells[TOP_REASON].text);
	/* 800 of 2000 cycles: 300 and 100 by themselves, what is left by packets, 400 and 100 */
	assert_true(rounds[1].workers[0].busy == 40);
	assert_true(number(&rounds[1], 1, TOP_CPU) == 100 * (300 + 400 * 0.8) / 2000);
	assert_true(number(&rounds[1], 0, TOP_CPU) == 100 * (100 + 400 * 0.2) / 2000);
	assert_true(rounds[1].total.rx_pps == 250);
	assert_true(rounds[1].total.cpu == 40);
	assert_true(rounds[1].total.drop_rate == 51. / 2);
	assert_string_equal(rounds[1].total.reason, "spoofed");
	free_rounds(rounds);
}

/* What is not known is not made up. */
static void
test_unknown_rates(void **state)
{
	struct top_round rounds[2];
	json_t *after;

	/* added again under its name; another one is new; counters of a third went back */
	read_rounds(reply(20, 0,
			  json_pack("[o, o]", port("p1", 1, 5000, 5000, 9, json_object()),
				    port("p3", 3, 100, 100, 0, json_pack("{s:i}", "blocked", 9)))),
		    reply(21, 0,
			  json_pack("[o, o, o]", port("p1", 4, 10, 10, 1, json_object()),
				    port("p2", 5, 1, 1, 0, json_object()),
				    port("p3", 3, 10, 110, 0, json_pack("{s:i}", "blocked", 1)))),
		    rounds);
	for (size_t i = 0; i < 2; i++)
		for (enum top_column column = TOP_RX_BPS; column <= TOP_CPU; column++)
			assert_true(isnan(number(&rounds[1], i, column)));
	assert_true(number(&rounds[1], 0, TOP_RX_PACKETS) == 10);
	assert_true(isnan(number(&rounds[1], 2, TOP_RX_BPS)));
	assert_true(isnan(number(&rounds[1], 2, TOP_BPS)));
	assert_true(number(&rounds[1], 2, TOP_TX_PPS) == 10);
	assert_true(number(&rounds[1], 2, TOP_DROP_RATE) == 0);
	assert_true(rounds[1].total.tx_pps == 10);
	free_rounds(rounds);

	/* another process */
	after = reply(30, 0, json_pack("[o]", port("p1", 1, 6000, 6000, 9, json_object())));
	json_object_set_new(after, "started_usec", json_integer(25000000));
	read_rounds(reply(20, 0, json_pack("[o]", port("p1", 1, 5, 5, 9, json_object()))), after,
		    rounds);
	assert_true(isnan(rounds[1].interval));
	assert_true(isnan(number(&rounds[1], 0, TOP_RX_BPS)));
	assert_true(isnan(rounds[1].total.rx_bps));
	free_rounds(rounds);

	/* not what it should be, but nothing to fall over */
	assert_int_equal(top_round_read(json_pack("[i]", 1), NULL, &rounds[0], NULL), 0);
	assert_int_equal(rounds[0].n_ports, 0);
	assert_int_equal(top_round_read(json_pack("{s:[{}, i, {s:s, s:[{s:i, s:i}]}], s:[i]}",
						  "ports", 1, "port", "x", "workers", "worker", 99,
						  "queues", 1, "workers", 7),
					&rounds[0], &rounds[1], NULL),
			 0);
	assert_int_equal(rounds[1].n_ports, 1);
	free_rounds(rounds);
}

/* A bond's packets are its members' already; its drops are its own. */
static void
test_inner_ports(void **state)
{
	json_t *bond = port("bond0", 2, 0, 0, 0, json_object());
	json_t *later = port("bond0", 2, 100, 0, 0, json_pack("{s:i}", "blocked", 5));
	struct top_round rounds[2];

	json_object_set_new(later, "inner", json_true());
	read_rounds(
		reply(20, 0, json_pack("[o, o]", port("p1", 1, 0, 0, 0, json_object()), bond)),
		reply(21, 0, json_pack("[o, o]", port("p1", 1, 100, 0, 0, json_object()), later)),
		rounds);
	assert_true(number(&rounds[1], 1, TOP_RX_PPS) == 100);
	assert_true(rounds[1].total.rx_pps == 100);
	assert_true(rounds[1].total.drop_rate == 5);
	free_rounds(rounds);
}

static void
test_numbers(void **state)
{
	static const struct {
		double number;
		const char *text;
	} cases[] = {
		{ 0, "0" },          { 0.04, "0.0" },    { 1, "1" },         { 1.25, "1.2" },
		{ 99.94, "99.9" },   { 99.96, "100" },   { 999.4, "999" },   { 999.6, "1.00k" },
		{ 1234, "1.23k" },   { 12345, "12.3k" }, { 123456, "123k" }, { 999499, "999k" },
		{ 999600, "1.00M" }, { 9.4e9, "9.40G" }, { 1e12, "1.00T" },  { 1.8e19, "18.0E" },
		{ 5e22, "50000E" },  { NAN, "-" },
	};
	char text[TOP_NUMBER_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(top_number(cases[i].number, text), cases[i].text);
}

/* --- tables --- */

/* Names of the rows. */
static const char *
names(const struct top_round *round, const struct top_view *view, char text[64])
{
	struct top_table table;

	text[0] = '\0';
	assert_int_equal(top_table_make(&table, round, view, 80), 0);
	for (size_t i = 0; i < table.n_rows; i++) {
		strcat(text, i > 0 ? " " : "");
		strcat(text, table.rows[i]->cells[TOP_PORT].text);
	}
	top_table_free(&table);
	return text;
}

static json_t *
guest_port(const char *name, const char *guest, int instance, int rx)
{
	json_t *json = port(name, instance, rx, 0, 0, json_object());

	json_object_set_new(json, "type", json_string("vif"));
	json_object_set_new(json, "bridge", json_null());
	json_object_set_new(json, "domid", json_integer(instance));
	json_object_set_new(json, "guest", json_string(guest));
	return json;
}

static void
read_five(struct top_round rounds[2])
{
	read_rounds(reply(20, 0,
			  json_pack("[o, o, o, o]", port("eth2", 1, 0, 0, 0, json_object()),
				    port("eth10", 2, 0, 0, 0, json_object()),
				    guest_port("vif3.0", "web", 3, 0),
				    guest_port("vif4.0", "Mail", 4, 0))),
		    reply(21, 0,
			  json_pack("[o, o, o, o, o]", port("eth2", 1, 5, 0, 0, json_object()),
				    port("eth10", 2, 5, 0, 0, json_object()),
				    guest_port("vif3.0", "web", 3, 9),
				    guest_port("vif4.0", "Mail", 4, 1),
				    guest_port("vif5.0", "new", 5, 1000))),
		    rounds);
}

static void
test_order(void **state)
{
	struct top_view view = { .sort = TOP_RX_BPS };
	struct top_round rounds[2];
	char text[64];

	read_five(rounds);
	/* most first, equal ones by name, what is not known last */
	assert_string_equal(names(&rounds[1], &view, text), "vif3.0 eth2 eth10 vif4.0 vif5.0");
	view.reverse = true;
	assert_string_equal(names(&rounds[1], &view, text), "vif4.0 eth2 eth10 vif3.0 vif5.0");
	view = (struct top_view){ .sort = TOP_PORT };
	assert_string_equal(names(&rounds[1], &view, text), "eth2 eth10 vif3.0 vif4.0 vif5.0");
	view = (struct top_view){ .sort = TOP_GUEST, .reverse = true };
	assert_string_equal(names(&rounds[1], &view, text), "vif3.0 vif5.0 vif4.0 eth2 eth10");
	view = (struct top_view){ .sort = TOP_RX_PACKETS };
	assert_string_equal(names(&rounds[1], &view, text), "vif5.0 vif3.0 eth2 eth10 vif4.0");
	free_rounds(rounds);
}

static int
filter(struct top_view *view, const char *line, struct error *err)
{
	char copy[128], *words[8], *word, *rest;
	int n = 0;

	snprintf(copy, sizeof(copy), "%s", line);
	for (word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
		words[n++] = word;
	return top_view_filter(view, n, words, err);
}

static void
test_filter(void **state)
{
	static const struct {
		const char *line, *names;
	} cases[] = {
		{ "", "eth2 eth10 vif3.0 vif4.0 vif5.0" },
		{ "type vif", "vif3.0 vif4.0 vif5.0" },
		{ "bridge br0", "eth2 eth10" },
		{ "bridge br", "" },
		{ "mail", "vif4.0" },
		{ "name ETH", "eth2 eth10" },
		{ "type vif web", "vif3.0" },
		{ "type netdev web", "" },
	}, faults[] = {
		{ "type", "type: its value is missing" },
		{ "type vfi", "type: there is no 'vfi'; did you mean 'vif'?" },
		{ "type auto", "type: there is no 'auto'; known: vif, netdev, tap, eth, vhost, "
			       "bond, vlan, gateway, vxlan" },
		{ "a b", "unexpected 'b': say type TYPE, bridge BRIDGE, or a part of a name" },
		{ "type vif type tap",
		  "unexpected 'tap': say type TYPE, bridge BRIDGE, or a part of a name" },
	};
	struct top_view view = { .sort = TOP_PORT };
	struct top_round rounds[2];
	struct error err;
	char text[64];

	read_five(rounds);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(filter(&view, cases[i].line, &err), 0);
		assert_string_equal(names(&rounds[1], &view, text), cases[i].names);
	}
	assert_int_equal(filter(&view, "web", &err), 0);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		assert_int_equal(filter(&view, faults[i].line, &err), -EINVAL);
		assert_string_equal(err.msg, faults[i].names);
		assert_string_equal(names(&rounds[1], &view, text), "vif3.0");
	}
	free_rounds(rounds);
}

/* The longest line of heading and rows, and the heading. */
static int
widest(const struct top_round *round, int width, char heading[512])
{
	const struct top_view view = { .sort = TOP_PORT };
	struct top_table table;
	char *text, *line, *rest;
	int start, len, most = 0;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(top_table_make(&table, round, &view, width), 0);
	top_table_heading(&table, &start, &len, out);
	assert_int_equal(start, 0);
	for (size_t i = 0; i < table.n_rows; i++)
		top_table_row(&table, table.rows[i], out);
	top_table_free(&table);
	fclose(out);
	for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		assert_int_not_equal(line[strlen(line) - 1], ' ');
		if (line == text)
			snprintf(heading, 512, " %s ", line);
		most = (int)strlen(line) > most ? (int)strlen(line) : most;
	}
	free(text);
	return most;
}

/* Narrower screens have fewer columns, the least important ones go first. */
static void
test_fit(void **state)
{
	static const char *const order[] = {
		" PORT ", " RX-BPS ",  " TX-BPS ", " RX-PPS ",     " TX-PPS ",     " DROP/S ",
		" CPU% ", " REASON ",  " QUEUES ", " GUEST ",      " BRIDGE ",     " DOMID ",
		" TYPE ", " WORKERS ", " LINK ",   " RX-PACKETS ", " TX-PACKETS ", " DROPS "
	};
	const size_t n = sizeof(order) / sizeof(order[0]);
	struct top_round rounds[2];
	size_t shown, last = 0;
	char heading[512];

	read_five(rounds);
	for (int width = 1; width < 200; width++) {
		const int wide = widest(&rounds[1], width, heading);

		for (shown = 0; shown < n && strstr(heading, order[shown]) != NULL; shown++)
			;
		for (size_t i = shown; i < n; i++)
			assert_null(strstr(heading, order[i]));
		assert_in_range(shown, last, n);
		last = shown;
		if (wide > width)
			assert_int_equal(shown, 1);
		if (width == 80)
			assert_int_equal(shown, 10);
	}
	assert_int_equal(last, n);
	/* nothing is known of rings: they have no column, however wide the screen */
	widest(&rounds[1], TOP_WIDTH_MAX, heading);
	assert_null(strstr(heading, "RING"));
	free_rounds(rounds);
}

static void
test_title(void **state)
{
	const struct top_title title = { .host = "dom0", .delay = 0.5, .note = "paused" };
	const struct top_view view = { .sort = TOP_CPU, .reverse = true, .type = "vif" };
	json_t *workers = json_array(), *answer;
	struct top_round rounds[2];
	struct top_table table;
	char *text;
	size_t size;
	int lines;
	FILE *out;

	read_five(rounds);
	answer = json_copy(rounds[1].reply);
	for (int w = 0; w < 40; w++)
		json_array_append_new(workers, json_pack("{s:i, s:s, s:i, s:i}", "worker", w,
							 "state", "sleeping", "cycles_per_second",
							 1000, "busy_cycles", 0));
	json_object_set_new(answer, "time_usec",
			    json_integer((json_int_t)(3 * 86400 + 4000) * 1000000));
	json_object_set_new(answer, "workers", workers);
	top_round_free(&rounds[0]);
	assert_int_equal(top_round_read(answer, &rounds[1], &rounds[0], NULL), 0);
	assert_int_equal(top_table_make(&table, &rounds[0], &view, 80), 0);
	for (int max_lines = 1; max_lines < 30; max_lines += 28) {
		out = open_memstream(&text, &size);
		lines = top_table_title(&table, &title, 80, max_lines, out);
		fclose(out);
		for (char *line = text; (line = strchr(line, '\n')) != NULL; line++)
			lines--;
		assert_int_equal(lines, 0);
		assert_non_null(strstr(text, "vsctl top: dom0 "));
		assert_non_null(strstr(text, ", up 3d 01:06, 3 of 5 ports, every 0.5 s, by cpu "
					     "reversed, paused\n"));
		assert_non_null(strstr(text, "\nworkers busy: 0 0.0% sleeping, 1 sleeping,"));
		assert_true((strstr(text, " ...\n") != NULL) == (max_lines == 1));
		assert_true((strstr(text, " 39 ") != NULL) == (max_lines != 1));
		assert_non_null(strstr(text, "\ntotal: in "));
		free(text);
	}
	top_table_free(&table);
	free_rounds(rounds);
}

static void
test_json(void **state)
{
	const struct top_view view = { .sort = TOP_RX_BPS, .name = "vif" };
	const struct top_title title = { .host = "dom0" };
	struct top_round rounds[2];
	struct top_table table;
	json_t *json, *row;

	read_five(rounds);
	assert_int_equal(top_table_make(&table, &rounds[1], &view, 10), 0);
	json = top_table_json(&table, &title);
	assert_int_equal(json_array_size(json_object_get(json, "ports")), 3);
	row = json_array_get(json_object_get(json, "ports"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "guest")), "web");
	assert_true(json_real_value(json_object_get(row, "rx_bits_per_second")) == 9 * 800);
	assert_true(json_is_null(json_object_get(row, "bridge")));
	assert_int_equal(json_integer_value(json_array_get(json_object_get(row, "workers"), 0)), 0);
	row = json_array_get(json_object_get(json, "ports"), 2);
	assert_true(json_is_null(json_object_get(row, "rx_bits_per_second")));
	assert_int_equal(json_integer_value(json_object_get(row, "rx_packets")), 1000);
	json_decref(json);
	top_table_free(&table);
	free_rounds(rounds);
}

/* --- words --- */

static int
options(const char *line, struct top_options *ret_options, struct error *err)
{
	static char copy[128];
	static char *argv[16];
	struct request request;
	char *word, *rest;
	int argc = 0;

	snprintf(copy, sizeof(copy), "top %s", line);
	for (word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	argv[argc] = NULL;
	assert_int_equal(request_parse(argc, argv, &request, err), 0);
	return top_options_read(&request, ret_options, err);
}

static void
test_options(void **state)
{
	static const struct {
		const char *line, *message;
	} faults[] = {
		{ "-d", "top: wrong option or no value for it: 'vsctl help top' explains them" },
		{ "-x", "top: wrong option or no value for it: 'vsctl help top' explains them" },
		{ "-d 0", "top: --delay needs seconds from 0.1 to 3600" },
		{ "-d nan", "top: --delay needs seconds from 0.1 to 3600" },
		{ "-d 1s", "top: --delay needs seconds from 0.1 to 3600" },
		{ "-n 0", "top: --rounds needs a number from 1 to 1000000000" },
		{ "-n -1", "top: --rounds needs a number from 1 to 1000000000" },
		{ "--sort cpus", "top: --sort: no column 'cpus'; did you mean 'cpu'?" },
		{ "type vif 3 4",
		  "top: unexpected '4': say type TYPE, bridge BRIDGE, or a part of a name" },
	};
	struct top_options read;
	struct error err;

	assert_int_equal(options("", &read, &err), 0);
	assert_true(!read.is_batch && !read.is_json && read.rounds == 0 && read.delay == 3);
	assert_int_equal(read.view.sort, TOP_BPS);
	assert_int_equal(options("type vif -b -n5 --delay 0.5 --sort drop/s -r web", &read, &err),
			 0);
	assert_true(read.is_batch && read.rounds == 5 && read.delay == 0.5 && read.view.reverse);
	assert_int_equal(read.view.sort, TOP_DROP_RATE);
	assert_string_equal(read.view.type, "vif");
	assert_string_equal(read.view.name, "web");
	assert_int_equal(options("-j --batch bridge br0", &read, &err), 0);
	assert_true(read.is_json);
	assert_string_equal(read.view.bridge, "br0");
	assert_int_equal(options("--help", &read, &err), 1);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		assert_int_equal(options(faults[i].line, &read, &err), -ENOEXEC);
		assert_string_equal(err.msg, faults[i].message);
	}
}

/* Every key sorts by one column at most, and keys of the screen are none of them. */
static void
test_letters(void **state)
{
	for (enum top_column column = 0; column < TOP_COLUMNS; column++)
		assert_int_equal(top_column_find(top_column_key(column)), column);
	assert_int_equal(top_column_find("no"), TOP_COLUMNS);
	assert_int_equal(top_column_letter('c'), TOP_CPU);
	assert_int_equal(top_column_letter(0), TOP_COLUMNS);
	for (const char *c = "qhr?/<>+- "; *c != '\0'; c++)
		assert_int_equal(top_column_letter(*c), TOP_COLUMNS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates),       cmocka_unit_test(test_unknown_rates),
		cmocka_unit_test(test_inner_ports), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_order),       cmocka_unit_test(test_filter),
		cmocka_unit_test(test_fit),         cmocka_unit_test(test_title),
		cmocka_unit_test(test_json),        cmocka_unit_test(test_options),
		cmocka_unit_test(test_letters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
