/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of VLANs, and names of VLAN ports. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "addr.h"
#include "error.h"
#include "object.h"
#include "vlans.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static void
test_lists(void **state)
{
	static const struct {
		const char *text, *canonical;
	} good[] = {
		{ "10", "10" },         { "0", "0" },
		{ "4094", "4094" },     { "20-30,10", "10,20-30" },
		{ "1,2,3", "1-3" },     { "1-2", "1,2" },
		{ "0010", "10" },       { "63,64", "63,64" },
		{ "all", "all" },       { "1-4094", "all" },
		{ "0-4094", "0-4094" }, { "4093-4094,4092", "4092-4094" },
	};
	static const struct {
		const char *text;
		int ret;
	} bad[] = {
		{ "", -EINVAL },      { ",", -EINVAL },     { "1,", -EINVAL },
		{ ",1", -EINVAL },    { "1-", -EINVAL },    { "-1", -EINVAL },
		{ "2-1", -EINVAL },   { "1,1", -EINVAL },   { "1-5,3", -EINVAL },
		{ "1 ,2", -EINVAL },  { "4095", -ERANGE },  { "1-4095", -ERANGE },
		{ "00001", -ERANGE }, { "99999", -ERANGE }, { "all,1", -EINVAL },
		{ "0x10", -EINVAL },  { "1--2", -EINVAL },  { "1-2-3", -EINVAL },
		{ "1,2;", -EINVAL },
	};
	uint64_t set[VLANS_WORDS], again[VLANS_WORDS];
	char text[VLANS_TEXT_SIZE];

	for (size_t i = 0; i < N_ELEMENTS(good); i++) {
		assert_int_equal(vlans_parse(good[i].text, set), 0);
		assert_string_equal(vlans_format(set, text, sizeof(text)), good[i].canonical);
		assert_int_equal(vlans_parse(text, again), 0);
		assert_memory_equal(set, again, sizeof(set));
	}
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		memset(set, 0x55, sizeof(set));
		memcpy(again, set, sizeof(set));
		assert_int_equal(vlans_parse(bad[i].text, set), bad[i].ret);
		assert_memory_equal(set, again, sizeof(set));
	}
}

/* The longest list there is comes through whole; a short buffer cuts it behind a number. */
static void
test_long_list(void **state)
{
	uint64_t set[VLANS_WORDS] = { 0 }, again[VLANS_WORDS];
	char text[VLANS_TEXT_SIZE];

	for (unsigned int vid = 0; vid <= VLANS_MAX; vid++)
		if (vid % 3 != 2)
			vlans_add(set, vid);
	assert_int_equal(vlans_parse(vlans_format(set, text, sizeof(text)), again), 0);
	assert_memory_equal(set, again, sizeof(set));
	memset(set, 0, sizeof(set));
	assert_string_equal(vlans_format(set, text, sizeof(text)), "");
	vlans_add(set, 1000);
	vlans_add(set, 2000);
	assert_string_equal(vlans_format(set, text, 9), "1000");
	assert_string_equal(vlans_format(set, text, 10), "1000,2000");
}

static void
test_names(void **state)
{
	static const char *const bad[] = {
		"eth0", "eth0.", ".5", "eth0.0", "eth0.4095", "eth0.05", "eth0.x", "eth0.5x", "",
	};
	char parent[8] = "same";
	unsigned int vid = 77;

	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		assert_int_equal(vlan_name_parse(bad[i], parent, sizeof(parent), &vid), -EINVAL);
	assert_int_equal(vlan_name_parse("toolong8.5", parent, sizeof(parent), &vid), -EINVAL);
	assert_string_equal(parent, "same");
	assert_int_equal(vid, 77);
	assert_int_equal(vlan_name_parse("eth0.4094", parent, sizeof(parent), &vid), 0);
	assert_string_equal(parent, "eth0");
	assert_int_equal(vid, 4094);
	assert_int_equal(vlan_name_parse("a.b.7", parent, sizeof(parent), &vid), 0);
	assert_string_equal(parent, "a.b");
}

/* Which VLAN of which port is said once. */
static void
test_parent_keys(void **state)
{
	struct object obj;
	struct error err;

	object_init(&obj, &port_schema);
	object_set_name(&obj, "up", &err);
	object_set(&obj, VERB_ADD, "bridge", "br0", &err);
	object_set(&obj, VERB_ADD, "parent", "eth0", &err);
	assert_int_equal(port_type_resolve(&obj), PORT_TYPE_VLAN);
	assert_int_equal(object_check(&obj, VERB_ADD, &err), -EINVAL);
	assert_string_equal(err.msg,
			    "port up: parent and parent-vid go together; parent-vid is missing");
	object_set(&obj, VERB_ADD, "parent_vid", "7", &err);
	assert_int_equal(object_check(&obj, VERB_ADD, &err), 0);
	object_set(&obj, VERB_ADD, "type", "tap", &err);
	assert_int_equal(object_check(&obj, VERB_ADD, &err), -EINVAL);
	assert_string_equal(err.msg, "port up: parent is for type vlan, not tap");
}

/* A list is read with the words of its key. */
static void
test_key(void **state)
{
	const struct schema_key *key = schema_key_find(&port_schema, "trunk");
	struct value value;
	struct error err;

	assert_int_equal(schema_parse_value(key, "5,1-3", &value, &err), 0);
	assert_string_equal(value.text, "5,1-3");
	assert_int_equal(schema_parse_value(key, "none", &value, &err), 0);
	assert_int_equal(schema_parse_value(key, "5-", &value, &err), -EINVAL);
	assert_string_equal(err.msg, "trunk: '5-' is not a list of VLANs 1-4094, each once, such "
				     "as 10,20-30, or all or none");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),       cmocka_unit_test(test_long_list),
		cmocka_unit_test(test_names),       cmocka_unit_test(test_key),
		cmocka_unit_test(test_parent_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
