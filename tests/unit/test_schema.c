/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"
#include "object.h"

/* Set one key of a fresh object and expect the message of the refusal. */
static void
expect_error(const struct object_schema *schema, enum schema_verb verb, const char *name,
	     const char *key, const char *text, const char *message)
{
	struct object obj;
	struct error err;

	object_init(&obj, schema);
	if (name != NULL)
		assert_int_equal(object_set_name(&obj, name, &err), 0);
	assert_true(object_set(&obj, verb, key, text, &err) < 0);
	assert_string_equal(err.msg, message);
}

static uint64_t
number_of(const struct object_schema *schema, const char *key, const char *text)
{
	struct value value;
	struct error err;

	if (schema_parse_value(schema_key_find(schema, key), text, &value, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(value.is_set);
	return value.number;
}

/* Each table agrees with itself: every default is a legal value, every key can be given somehow. */
static void
test_tables(void **state)
{
	const struct object_schema *schema;
	const struct schema_key *key;
	struct value value;
	struct error err;
	unsigned int i, j;

	for (i = 0; i < OBJECT_SCHEMAS; i++) {
		schema = object_schemas[i];
		assert_ptr_equal(schema_find(schema->kind), schema);
		assert_true(schema->n_keys <= SCHEMA_KEYS_MAX);
		for (j = 0; j < schema->n_keys; j++) {
			key = &schema->keys[j];
			assert_non_null(key->name);
			assert_non_null(key->help);
			assert_non_null(key->metavar);
			assert_ptr_equal(schema_key_find(schema, key->name), key);
			assert_true(key->verbs != 0);
			assert_int_equal(key->required & ~key->verbs, 0);
			assert_true(key->min <= key->max);
			assert_true((key->type == VALUE_ENUM) == (key->words != NULL));
			if (key->def != NULL && schema_parse_value(key, key->def, &value, &err) < 0)
				fail_msg("%s: %s", schema->kind, err.msg);
		}
	}
	assert_null(schema_find("brige"));
}

static void
test_ranges(void **state)
{
	static const struct {
		const struct object_schema *schema;
		const char *key;
		const char *low, *high, *below, *above;
	} ranges[] = {
		{ &bridge_schema, "ageing", "0", "1000000", "-1", "1000001" },
		{ &bridge_schema, "fdb-limit", "1", "4194304", "0", "4194305" },
		{ &port_schema, "vid", "1", "4094", "0", "4095" },
		{ &port_schema, "mtu", "68", "65517", "67", "65518" },
		{ &port_schema, "queues", "1", "16", "0", "17" },
		{ &vswitchd_schema, "workers", "1", "64", "0", "65" },
		{ &vswitchd_schema, "mbufs", "1024", "8388608", "1023", "99999999999999999999" },
	};
	const struct schema_key *key;
	struct value value;
	size_t i;

	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		key = schema_key_find(ranges[i].schema, ranges[i].key);
		assert_int_equal(schema_parse_value(key, ranges[i].low, &value, NULL), 0);
		assert_int_equal(schema_parse_value(key, ranges[i].high, &value, NULL), 0);
		assert_true(schema_parse_value(key, ranges[i].below, &value, NULL) < 0);
		assert_true(schema_parse_value(key, ranges[i].above, &value, NULL) < 0);
	}
}

static void
test_values(void **state)
{
	const struct schema_key flag = { .name = "flag", .type = VALUE_BOOL };
	static const char *const bad_numbers[] = { "", " 1", "1 ", "0x10", "1e3", "+1", "one" };
	struct value value;
	size_t i;

	assert_int_equal(number_of(&port_schema, "vid", "none"), 0);
	assert_int_equal(number_of(&port_schema, "fdb_limit", "bridge"), 0);
	assert_int_equal(number_of(&port_schema, "type", "tap"), PORT_TYPE_TAP);
	assert_int_equal(number_of(&vswitchd_schema, "hugepages", "no"), HUGEPAGES_NO);
	for (i = 0; i < sizeof(bad_numbers) / sizeof(bad_numbers[0]); i++)
		assert_int_equal(schema_parse_value(schema_key_find(&port_schema, "vid"),
						    bad_numbers[i], &value, NULL),
				 -EINVAL);

	assert_int_equal(schema_parse_value(&flag, "On", &value, NULL), 0);
	assert_int_equal(value.number, 1);
	assert_string_equal(value.text, "yes");
	assert_int_equal(schema_parse_value(&flag, "false", &value, NULL), 0);
	assert_int_equal(value.number, 0);
	assert_int_equal(schema_parse_value(&flag, "maybe", &value, NULL), -EINVAL);

	assert_int_equal(schema_parse_value(schema_key_find(&fdb_schema, "mac"),
					    "00-16-3E-00-00-01", &value, NULL),
			 0);
	assert_string_equal(value.text, "00:16:3e:00:00:01");
	assert_int_equal(value.mac[2], 0x3e);
}

static void
test_names(void **state)
{
	static const char *const good[] = {
		"a", "xenbr0", "vif1.0", "eth0.100", "br-lan_2", "0000:03:00.0", "123456789012345",
	};
	static const char *const bad[] = {
		"",     ".",         "..",  "-j", "a b", "a/b", "a:b", "tap%d", "1234567890123456",
		"br\n", "b\xc3\xa4", "[x]",
	};
	struct object obj;
	struct error err;
	size_t i;

	object_init(&obj, &bridge_schema);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(object_set_name(&obj, good[i], &err), 0);
		assert_string_equal(obj.name, good[i]);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(object_set_name(&obj, bad[i], &err), -EINVAL);
	object_set_name(&obj, "br\xc3\xa4nd\n", &err);
	assert_string_equal(
		err.msg, "bridge: 'br??nd?' is not a name of 1-15 letters, digits or . _ - + @ ~");
	object_init(&obj, &vswitchd_schema);
	assert_int_equal(object_set_name(&obj, "x", &err), -EINVAL);
}

static void
test_messages(void **state)
{
	expect_error(&bridge_schema, VERB_ADD, "xenbr0", "ageing", "abc",
		     "bridge xenbr0: ageing: 'abc' is not a number of seconds from 0 to 1000000");
	expect_error(&port_schema, VERB_ADD, "eth1", "vid", "4095",
		     "port eth1: vid: '4095' is not a number from 1 to 4094 or none");
	expect_error(&vswitchd_schema, VERB_CONFIG, NULL, "hugepages", "foo",
		     "vswitchd: hugepages: 'foo' is not one of auto, yes, no");
	expect_error(&bridge_schema, VERB_ADD, "xenbr0", "stp", "rtsp",
		     "bridge xenbr0: stp: 'rtsp' is not one of off, stp, rstp; did you mean "
		     "'rstp'?");
	expect_error(&bond_schema, VERB_SET, "bond0", "mode", "balance-slp",
		     "bond bond0: mode: 'balance-slp' is not one of active-backup, balance-slb, "
		     "balance-xor, lacp; did you mean 'balance-slb'?");
	expect_error(&bridge_schema, VERB_ADD, "xenbr0", "snooping", "yse",
		     "bridge xenbr0: snooping: 'yse' is not yes or no; did you mean 'yes'?");
	expect_error(&port_schema, VERB_SET, "eth1", "mtu", "kepe",
		     "port eth1: mtu: 'kepe' is not a number from 68 to 65517 or keep; did you "
		     "mean 'keep'?");
	expect_error(&fdb_schema, VERB_ADD, "xenbr0", "mac", "zz",
		     "fdb xenbr0: mac: 'zz' is not a MAC address such as 00:16:3e:01:02:03");
	expect_error(&port_schema, VERB_ADD, "eth1", "brigde", "xenbr0",
		     "port eth1: unknown key 'brigde'; did you mean 'bridge'?");
	expect_error(&fdb_schema, VERB_ADD, "xenbr0", "colour", "red",
		     "fdb xenbr0: unknown key 'colour'; known here: mac, vid, port");
	expect_error(&port_schema, VERB_SET, "p0", "devargs", "net_null0",
		     "port p0: devargs can only be given when the object is added");
	expect_error(&fdb_schema, VERB_FLUSH, "xenbr0", "mac", "00:00:00:00:00:01",
		     "fdb xenbr0: mac does not belong here");
	expect_error(&port_schema, VERB_ADD, "p0", "devargs", "",
		     "port p0: devargs: '' is not 1-255 printable characters");
	expect_error(
		&bridge_schema, VERB_ADD, "xenbr0", "ageing",
		"a value so long that nobody would want to read all of it in a message",
		"bridge xenbr0: ageing: 'a value so long that nobody would want to ...' is not "
		"a number of seconds from 0 to 1000000");
}

static void
test_object(void **state)
{
	struct object obj;
	struct error err;

	object_init(&obj, &bridge_schema);
	assert_int_equal(obj.values[BRIDGE_KEY_AGEING].number, 300);
	assert_int_equal(obj.values[BRIDGE_KEY_FDB_LIMIT].number, 65536);
	assert_false(obj.values[BRIDGE_KEY_AGEING].is_set);
	assert_int_equal(object_set(&obj, VERB_ADD, "ageing", "10", &err), 0);
	assert_true(obj.values[BRIDGE_KEY_AGEING].is_set);
	assert_int_equal(object_set(&obj, VERB_ADD, "ageing", "11", &err), -EINVAL);
	assert_int_equal(obj.values[BRIDGE_KEY_AGEING].number, 10);

	object_init(&obj, &port_schema);
	object_set_name(&obj, "eth1", &err);
	assert_int_equal(object_check(&obj, VERB_ADD, &err), -EINVAL);
	assert_string_equal(
		err.msg, "port eth1: bridge is missing: the bridge that the port is on, or none");
	assert_int_equal(object_check(&obj, VERB_SET, &err), 0);
	assert_int_equal(object_set(&obj, VERB_ADD, "bridge", "xenbr0", &err), 0);
	assert_int_equal(object_check(&obj, VERB_ADD, &err), 0);
}

static void
test_port_type(void **state)
{
	struct object obj;
	struct error err;

	object_init(&obj, &port_schema);
	object_set_name(&obj, "vif3.1", &err);
	assert_int_equal(port_type_resolve(&obj), PORT_TYPE_VIF);
	object_set_name(&obj, "eth1", &err);
	assert_int_equal(port_type_resolve(&obj), PORT_TYPE_NETDEV);
	object_set_name(&obj, "0000:03:00.0", &err);
	assert_int_equal(port_type_resolve(&obj), PORT_TYPE_ETH);
	object_set_name(&obj, "p0", &err);
	object_set(&obj, VERB_ADD, "devargs", "net_null0", &err);
	assert_int_equal(port_type_resolve(&obj), PORT_TYPE_ETH);
	assert_int_equal(object_check(&obj, VERB_SET, &err), 0);
	object_set(&obj, VERB_ADD, "type", "tap", &err);
	assert_int_equal(port_type_resolve(&obj), PORT_TYPE_TAP);
	assert_int_equal(object_check(&obj, VERB_SET, &err), -EINVAL);
	assert_string_equal(err.msg, "port p0: devargs are for type eth, not tap");

	object_init(&obj, &port_schema);
	assert_int_equal(object_set_name(&obj, "vif1.0", &err), 0);
	assert_int_equal(object_set(&obj, VERB_ADD, "bridge", "br0", &err), 0);
	assert_int_equal(object_set(&obj, VERB_ADD, "xdp", "off", &err), 0);
	assert_int_equal(object_check(&obj, VERB_ADD, &err), -EINVAL);
	assert_string_equal(err.msg, "port vif1.0: xdp is for type netdev, not vif");
	assert_int_equal(object_set(&obj, VERB_ADD, "type", "netdev", &err), 0);
	assert_int_equal(object_check(&obj, VERB_ADD, &err), 0);
}

/* A guest's rate: words as in xl.cfg; ports that are no guest's have none. */
static void
test_rate(void **state)
{
	const struct schema_key *key = schema_key_find(&port_schema, "rate");
	struct object obj;
	struct value value;
	struct error err;

	assert_int_equal(schema_parse_value(key, "none", &value, &err), 0);
	assert_int_equal(schema_parse_value(key, "20MB/s@20ms", &value, &err), 0);
	assert_string_equal(value.text, "20MB/s@20ms");
	assert_int_equal(schema_parse_value(key, "0b/s", &value, &err), -ERANGE);
	assert_int_equal(schema_parse_value(key, "fast", &value, &err), -EINVAL);
	assert_string_equal(err.msg,
			    "rate: 'fast' is not a rate such as 100Mb/s or 20MB/s@20ms or none");
	object_init(&obj, &port_schema);
	assert_int_equal(object_set_name(&obj, "vif1.0", &err), 0);
	assert_int_equal(object_set(&obj, VERB_SET, "rate", "1Gb/s", &err), 0);
	assert_int_equal(object_check(&obj, VERB_SET, &err), 0);
	assert_int_equal(object_set_name(&obj, "eth0", &err), 0);
	assert_int_equal(object_check(&obj, VERB_SET, &err), -EINVAL);
	assert_string_equal(err.msg,
			    "port eth0: rate is for guests' vifs only, and this port is none");
}

static void
test_cores(void **state)
{
	static const char *const bad[] = { "",    ",", "1,",   "1-",  "-1",
					   "3-1", "a", "1--2", "1;2", "1-2-3" };
	static const char *const twice[] = { "1,1", "1-3,2", "2,1-3", "0-1,1-2" };
	uint16_t cores[8];
	size_t i;

	assert_int_equal(cores_parse("5,1-3", cores, 8), 4);
	assert_int_equal(cores[0], 1);
	assert_int_equal(cores[3], 5);
	assert_int_equal(cores_parse("0-1023", cores, 8), 1024);
	assert_int_equal(cores[7], 7);
	assert_int_equal(cores_parse("1024", NULL, 0), -ERANGE);
	assert_int_equal(cores_parse("0-10240000000", NULL, 0), -ERANGE);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(cores_parse(bad[i], cores, 8) < 0);
	for (i = 0; i < sizeof(twice) / sizeof(twice[0]); i++)
		assert_int_equal(cores_parse(twice[i], cores, 8), -EINVAL);
	expect_error(&vswitchd_schema, VERB_CONFIG, NULL, "cores", "1,1",
		     "vswitchd: cores: '1,1' is not a list of cores 0-1023, each once, such as "
		     "1-3,5");
}

static void
test_lists(void **state)
{
	static const char *const bad_names[] = { "",
						 ",",
						 "a,",
						 ",a",
						 "a,,b",
						 "a b",
						 "a,b,a",
						 "a,eth0123456789abc",
						 "0123456789abcdef" };
	static const char *const bad_addrs[] = {
		"",        "10.0.0.1,", "10.0.0.1 10.0.0.2", "10.0.0",           "::1",
		"0.0.0.0", "224.0.0.1", "255.255.255.255",   "10.0.0.1,10.0.0.1"
	};
	char names[3][NAME_MAX_LEN + 1];
	struct in_addr addrs[3];

	assert_int_equal(names_parse("eth0", names, 3), 1);
	assert_int_equal(names_parse("eth0,0000:03:00.0,eth0123456789a", names, 3), 3);
	assert_string_equal(names[0], "eth0");
	assert_string_equal(names[1], "0000:03:00.0");
	assert_string_equal(names[2], "eth0123456789a");
	assert_int_equal(names_parse("a,b,c,d", names, 3), -ERANGE);
	for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++)
		assert_int_equal(names_parse(bad_names[i], NULL, 8), -EINVAL);
	assert_int_equal(addrs_parse("10.0.0.1,192.168.255.254", addrs, 3), 2);
	assert_int_equal(addrs[1].s_addr, htonl(0xc0a8fffe));
	assert_int_equal(addrs_parse("10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4", addrs, 3), -ERANGE);
	for (size_t i = 0; i < sizeof(bad_addrs) / sizeof(bad_addrs[0]); i++)
		assert_int_equal(addrs_parse(bad_addrs[i], NULL, 8), -EINVAL);
	expect_error(&bond_schema, VERB_ADD, "bond0", "members", "a,a",
		     "bond bond0: members: 'a,a' is not a list of 1-8 names, each once, such as "
		     "eth0,eth1");
	expect_error(&bond_schema, VERB_ADD, "bond0", "arp-targets", "x",
		     "bond bond0: arp-targets: 'x' is not a list of up to 8 IPv4 addresses, each "
		     "once, such as 10.0.0.1,10.0.0.2, or none");
}

/* Relative paths would be relative to nobody knows what. */
static void
test_devargs_paths(void **state)
{
	static const char *const good[] = {
		"net_pcap0,rx_pcap=/a,tx_pcap=/b",
		"net_pcap0,rx_iface=eth0",
		"0000:03:00.0",
		"net_null0,no-rx=1",
		"net_af_packet0,iface=rx_pcap=x",
	};
	static const char *const bad[] = {
		"net_pcap0,rx_pcap=a.pcap,tx_pcap=/b",
		"net_pcap0,rx_pcap=/b,tx_pcap=a.pcap",
		"net_virtio_user0,path=a.pcap",
	};
	struct object obj;
	struct error err;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		object_init(&obj, &port_schema);
		assert_int_equal(object_set(&obj, VERB_ADD, "bridge", "b", &err), 0);
		assert_int_equal(object_set(&obj, VERB_ADD, "devargs", good[i], &err), 0);
		assert_int_equal(object_check(&obj, VERB_ADD, &err), 0);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		object_init(&obj, &port_schema);
		object_set_name(&obj, "p0", &err);
		assert_int_equal(object_set(&obj, VERB_ADD, "bridge", "b", &err), 0);
		assert_int_equal(object_set(&obj, VERB_ADD, "devargs", bad[i], &err), 0);
		assert_int_equal(object_check(&obj, VERB_ADD, &err), -EINVAL);
		assert_string_equal(err.msg, "port p0: devargs: the path 'a.pcap' is not absolute");
	}
}

/* However many keys there are, a message of them has an end. */
static void
test_unknown_key(void **state)
{
	static const enum schema_verb verbs[] = { VERB_ADD, VERB_SET, VERB_SHOW, VERB_CONFIG };
	struct object obj;
	struct error err;

	for (unsigned int i = 0; i < OBJECT_SCHEMAS; i++) {
		for (unsigned int v = 0; v < sizeof(verbs) / sizeof(verbs[0]); v++) {
			object_init(&obj, object_schemas[i]);
			assert_true(object_set(&obj, verbs[v], "qqqqqqqqqqqqqqqq", "1", &err) < 0);
			assert_true(strlen(err.msg) < sizeof(err.msg));
			assert_non_null(strstr(err.msg, "unknown key 'qqqqqqqqqqqqqqqq'"));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),    cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_values),    cmocka_unit_test(test_names),
		cmocka_unit_test(test_messages),  cmocka_unit_test(test_object),
		cmocka_unit_test(test_port_type), cmocka_unit_test(test_cores),
		cmocka_unit_test(test_rate),      cmocka_unit_test(test_unknown_key),
		cmocka_unit_test(test_lists),     cmocka_unit_test(test_devargs_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
