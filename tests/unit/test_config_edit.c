/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that are edited, all errors of one, and plans from one configuration to another. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"
#include "config_edit.h"
#include "error.h"
#include "plan.h"

static void
parse(const char *text, struct record_list *list)
{
	struct error err;

	TAILQ_INIT(list);
	if (config_parse(text, "x.conf", list, &err) < 0)
		fail_msg("%s", err.msg);
}

/* --- saving --- */

static void
edit(const char *file, const char *running, const char *expected)
{
	struct record_list list;
	struct error err;
	char *text;

	parse(running, &list);
	if (config_edit(file, "x.conf", &list, &text, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(text, expected);
	free(text);
	/* whatever was there, it says what runs, and saying it again changes nothing */
	if (config_edit(expected, "x.conf", &list, &text, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(text, expected);
	free(text);
	record_list_free(&list);
}

static void
test_edit(void **state)
{
	static const char file[] = "# about the file\n"
				   "[vswitchd]\n"
				   "workers=2 ; two\n"
				   "\n"
				   "; of the bridge\n"
				   "[ bridge  br0 ]\t# main\n"
				   "\tageing : 0300 ; five minutes\r\n"
				   "\n"
				   "# uplink\n"
				   "[port p1]\n"
				   "bridge = br0\n"
				   "  mtu = 9000\n"
				   "# spare\n"
				   "\n"
				   "# not in use\n"
				   "[port p2]\n"
				   "bridge = br0\n"
				   "\n"
				   "# the end";

	/* other spellings and orders are no change */
	edit(file,
	     "[port p2]\nbridge=br0\n[port p1]\nmtu=9000\nbridge=br0\n[bridge br0]\nageing=300\n"
	     "[vswitchd]\nworkers=2\n",
	     file);
	edit(file,
	     "[vswitchd]\nworkers=auto\n[bridge br0]\nageing=10\n[bridge br1]\n[port p1]\n"
	     "bridge=br1\nvid=5\n[addr 10.0.0.1/8]\nbridge=br0\n",
	     "# about the file\n"
	     "[vswitchd]\n"
	     "workers=auto ; two\n"
	     "\n"
	     "; of the bridge\n"
	     "[ bridge  br0 ]\t# main\n"
	     "\tageing : 10 ; five minutes\r\n"
	     "\n"
	     "[bridge br1]\n"
	     "\n"
	     "# uplink\n"
	     "[port p1]\n"
	     "bridge = br1\n"
	     "  vid = 5\n"
	     "# spare\n"
	     "\n"
	     "# the end\n"
	     "\n"
	     "[addr 10.0.0.1/8]\n"
	     "bridge = br0\n");
	edit("", "[bridge br0]\nageing=7\n[port p]\nbridge=none\n",
	     "[bridge br0]\nageing = 7\n\n[port p]\nbridge = none\n");
	edit("# nothing\n", "[bridge br0]\n", "# nothing\n\n[bridge br0]\n");
	edit("[bridge br0]", "[bridge br0]\nageing=7\n", "[bridge br0]\nageing = 7\n");
	edit("# top\n[bridge br0]\n", "", "# top\n");
	edit("[bridge b]\nageing = 1", "[bridge b]\n[port p]\nbridge=b\n",
	     "[bridge b]\n\n[port p]\nbridge = b\n");
}

static void
test_edit_refuses(void **state)
{
	struct record_list list;
	struct error err;
	char *text;

	parse("[bridge br0]\n[port p]\nbridge=br0\ndevargs=net_null0\n", &list);
	assert_int_equal(config_edit("[brigde b]\n", "x.conf", &list, &text, &err), -EINVAL);
	assert_string_equal(err.msg, "x.conf:1: unknown section 'brigde'; did you mean 'bridge'?");
	/* no file can have this */
	record_set(record_find(&list, &port_schema, "p"), PORT_KEY_DEVARGS, "net_null0 ;x");
	assert_int_equal(config_edit("", "x.conf", &list, &text, &err), -EILSEQ);
	record_list_free(&list);
}

/* --- all errors --- */

static void
test_faults(void **state)
{
	static const char text[] = "x = 1\ny = 2\n"
				   "[bridge br0]\nagein = 1\nageing = x\nageing = 5\n"
				   "[nothing]\nkey = 3\n"
				   "[port p1\n"
				   "[port p2]\nbridge = br7\nhello\n"
				   "[port p3]\n"
				   "[port p2]\n";
	static const char *const messages[] = {
		"f:1: a key needs a section above it, such as [bridge NAME]",
		"f:4: bridge br0: unknown key 'agein'; did you mean 'ageing'?",
		"f:5: bridge br0: ageing: 'x' is not a number of seconds from 0 to 1000000",
		"f:7: unknown section 'nothing'; known: ",
		"f:9: ']' is missing after the section's name",
		"f:12: this is neither KEY = VALUE nor a [section]",
		"f:14: [port p2] is given twice, first in line 10",
		"f:13: port p3: bridge is missing: the bridge that the port is on, or none",
	};
	struct config_faults faults = { .n = 0 };
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

	assert_int_equal(config_check(file, "f", CONFIG_CARE_ALL, NULL, &faults), -EINVAL);
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		assert_true(i < faults.n);
		assert_memory_equal(faults.errors[i].msg, messages[i], strlen(messages[i]));
	}
	assert_int_equal(faults.n, sizeof(messages) / sizeof(messages[0]));
	config_faults_free(&faults);
	fclose(file);
}

static void
test_many_faults(void **state)
{
	struct config_faults faults = { .n = 0 };
	struct config config = { .n_sections = 7 };
	FILE *file = tmpfile();

	fputs("[bridge b]\n", file);
	for (int i = 0; i < 2 * CONFIG_FAULTS_MAX; i++)
		fputs("nonsense\n", file);
	rewind(file);
	assert_int_equal(config_check(file, "f", CONFIG_CARE_ALL, &config, &faults), -EINVAL);
	assert_int_equal(faults.n, CONFIG_FAULTS_MAX);
	assert_int_equal(faults.n_more, CONFIG_FAULTS_MAX);
	assert_int_equal(config.n_sections, 7);
	config_faults_free(&faults);
	fclose(file);
}

/* --- plans --- */

/* "+port:p1" and so on, in the order of the plan; "!" for what is opened beforehand. */
static void
plan(const char *from_text, const char *to_text, const char *expected)
{
	struct record_list from, to;
	char got[1024] = "";
	struct plan plan;

	parse(from_text, &from);
	parse(to_text, &to);
	plan_make(&from, &to, &plan);
	for (size_t i = 0; i < plan.n_steps; i++) {
		const struct step *step = &plan.steps[plan.order[i]];

		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s%s:%s",
			 i > 0 ? " " : "",
			 step->prepares         ? "!" :
			 step->verb == VERB_ADD ? "+" :
			 step->verb == VERB_DEL ? "-" :
						  "~",
			 step->keys->schema->kind, step->keys->name);
	}
	assert_string_equal(got, expected);
	assert_int_equal(plan_is_empty(&plan), *expected == '\0');
	plan_free(&plan);
	record_list_free(&from);
	record_list_free(&to);
}

static void
test_plan(void **state)
{
	plan("", "", "");
	plan("[bridge b]\nageing=300\n", "[bridge b]\n", "");
	plan("[bridge b]\n[port p]\nbridge=b\ntype=netdev\n", "[bridge b]\n[port p]\nbridge=b\n",
	     "");
	/* bridges first, whatever the file's order */
	plan("", "[port p]\nbridge=b\n[bridge b]\n", "+bridge:b +port:p");
	plan("[port p]\nbridge=b\n[bridge b]\n", "", "-port:p -bridge:b");
	plan("[bridge b]\n", "[bridge b]\nageing=3\n", "~bridge:b");
	/* what only add takes, and what stands on it */
	plan("[bridge b]\n[port p]\nbridge=none\n[port p.5]\nbridge=b\n",
	     "[bridge b]\n[port p]\nbridge=none\nqueues=2\n[port p.5]\nbridge=b\n",
	     "-port:p.5 -port:p +port:p +port:p.5");
	/* a port moves before its bridge goes */
	plan("[bridge a]\n[port p]\nbridge=a\n", "[bridge b]\n[port p]\nbridge=b\n",
	     "+bridge:b ~port:p -bridge:a");
	/* a new port is opened while the old one runs */
	plan("[bridge a]\n[port p]\nbridge=a\n", "[bridge a]\n[port q]\nbridge=a\n",
	     "!port:q -port:p +port:q");
}

static void
test_plan_bonds(void **state)
{
	/* the bridge of a bond is that of its port */
	plan("[bridge a]\n[bond o]\nmembers=p\nbridge=a\n",
	     "[bridge a]\n[bond o]\nmembers=p\n[port o]\nbridge=a\n", "");
	plan("[bridge a]\n[bond o]\nmembers=p\nbridge=a\n", "[bridge a]\n[bond o]\nmembers=p\n",
	     "~port:o");
	plan("[bridge a]\n", "[bridge a]\n[bond o]\nmembers=p\nbridge=a\n", "+bond:o ~port:o");
	plan("[bridge a]\n[bond o]\nmembers=p\nbridge=a\n", "", "-bond:o -bridge:a");
	/* a port becomes a member, and a member a port */
	plan("[bridge a]\n[port p]\nbridge=a\n", "[bond o]\nmembers=p\n",
	     "-port:p -bridge:a +bond:o");
	plan("[bond o]\nmembers=p,q\n", "[bridge a]\n[bond o]\nmembers=q\n[port p]\nbridge=a\n",
	     "+bridge:a ~bond:o !port:p +port:p");
	plan("[bond o]\nmembers=p\n", "[bond o]\nmembers=p\n[port p]\nbridge=none\n",
	     "-bond:o +port:p +bond:o");
	/* what there is one of is always there */
	plan("[nat-table]\nudp=60\n[vswitchd]\nworkers=1\n", "", "~nat-table: ~vswitchd:");
	plan("", "[nat-table]\nudp=60\n", "~nat-table:");
	plan("[nat-table]\nudp=300\n", "", "");
	/* two that swap members cannot both be set */
	plan("[bond o]\nmembers=p\n[bond r]\nmembers=q\n",
	     "[bond o]\nmembers=q\n[bond r]\nmembers=p\n", "-bond:o -bond:r +bond:o +bond:r");
}

static void
test_plan_router(void **state)
{
	plan("",
	     "[neigh 10.0.0.2]\nmac=02:00:00:00:00:01\n[addr 10.0.0.1/24]\nport=p\n"
	     "[port p]\nbridge=none\n",
	     "+port:p +addr:10.0.0.1/24 +neigh:10.0.0.2");
	/* who has no way out of its own needs the first masquerade, and that its port */
	plan("[port q]\nbridge=none\n",
	     "[nat web]\ndnat=tcp 80 -> 10.0.0.2\n[nat own]\ndnat=tcp 81 -> 10.0.0.2\nout=q\n"
	     "[nat host]\nmasquerade=p\n[nat other]\nmasquerade=q\n[port p]\nbridge=none\n"
	     "[port q]\nbridge=none\n",
	     "+nat:own +port:p +nat:host +nat:other +nat:web");
	plan("[port p]\nbridge=none\n[nat web]\ndnat=tcp 80 -> 10.0.0.2\nout=p\n",
	     "[port p]\nbridge=none\n[nat web]\ndnat=tcp 80 -> 10.0.0.2\n"
	     "[nat host]\nmasquerade=p\n",
	     "-nat:web +nat:host +nat:web");
}

/* What stands in the table of the plan is in order: nothing comes before what it needs. */
static void
test_plan_order(void **state)
{
	struct record_list from, to;
	struct plan plan;
	bool done[64] = { false };

	parse("[bridge a]\n[port p]\nbridge=a\n[port q]\nbridge=none\n[addr 10.0.0.1/24]\nport=q\n"
	      "[neigh 10.0.0.2]\nmac=02:00:00:00:00:01\n[bond o]\nmembers=r,s\nbridge=a\n",
	      &from);
	parse("[bridge b]\n[port q]\nbridge=b\n[port r]\nbridge=none\n[addr 10.0.0.1/24]\nport=r\n"
	      "[neigh 10.0.0.2]\nmac=02:00:00:00:00:01\n[bond o]\nmembers=p,s\nbridge=b\n",
	      &to);
	plan_make(&from, &to, &plan);
	assert_in_range(plan.n_steps, 8, 64);
	for (size_t i = 0; i < plan.n_steps; i++) {
		const struct step *step = &plan.steps[plan.order[i]];

		for (size_t j = 0; j < step->n_deps; j++)
			assert_true(done[plan.deps[step->first_dep + j]]);
		assert_false(done[plan.order[i]]);
		done[plan.order[i]] = true;
	}
	plan_free(&plan);
	record_list_free(&from);
	record_list_free(&to);
}

static void
test_guests(void **state)
{
	assert_true(record_name_is_guests(&port_schema, "vif3.0"));
	assert_true(record_name_is_guests(&port_schema, "vif3.0-emu"));
	assert_true(record_name_is_guests(&port_schema, "vif12.1.100"));
	assert_false(record_name_is_guests(&port_schema, "vif3"));
	assert_false(record_name_is_guests(&port_schema, "vif3.0x"));
	assert_false(record_name_is_guests(&bridge_schema, "vif3.0"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edit),        cmocka_unit_test(test_edit_refuses),
		cmocka_unit_test(test_faults),      cmocka_unit_test(test_many_faults),
		cmocka_unit_test(test_plan),        cmocka_unit_test(test_plan_bonds),
		cmocka_unit_test(test_plan_router), cmocka_unit_test(test_plan_order),
		cmocka_unit_test(test_guests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
