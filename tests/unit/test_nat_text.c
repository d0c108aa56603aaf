/* SPDX-License-Identifier: BSD-3-Clause */
/* What an operator writes of NAT: pools, ports, networks, forwardings. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"
#include "nat_text.h"
#include "object.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static void
test_pools(void **state)
{
	static const struct {
		const char *text, *first, *last;
		int n;
	} good[] = {
		{ "192.0.2.1", "192.0.2.1", "192.0.2.1", 1 },
		{ "192.0.2.1-192.0.2.1", "192.0.2.1", "192.0.2.1", 1 },
		{ "192.0.2.250-192.0.3.5", "192.0.2.250", "192.0.3.5", 12 },
		{ "192.0.2.9,192.0.2.1-192.0.2.3", "192.0.2.9", "192.0.2.3", 4 },
		{ "10.0.0.1-10.0.4.0", "10.0.0.1", "10.0.4.0", NAT_POOL_MAX },
	};
	static const struct {
		const char *text;
		int ret;
	} bad[] = {
		{ "", -EINVAL },
		{ ",", -EINVAL },
		{ "192.0.2.1,", -EINVAL },
		{ "192.0.2", -EINVAL },
		{ "192.0.2.256", -EINVAL },
		{ "192.0.2.2-192.0.2.1", -EINVAL },
		{ "192.0.2.1-", -EINVAL },
		{ "-192.0.2.1", -EINVAL },
		{ "192.0.2.1-9", -EINVAL },
		{ "192.0.2.1,192.0.2.1", -EINVAL },
		{ "192.0.2.1-192.0.2.5,192.0.2.4", -EINVAL },
		{ "192.0.2.1 ", -EINVAL },
		{ "0.0.0.0", -EINVAL },
		{ "127.0.0.1", -EINVAL },
		{ "224.0.0.1", -EINVAL },
		{ "255.255.255.255", -EINVAL },
		{ "fd00::1", -EINVAL },
		{ "10.0.0.1-10.0.4.1", -E2BIG },
		{ "1.0.0.0-223.255.255.255", -E2BIG },
		{ "10.0.0.1-10.0.4.0,10.9.9.9", -E2BIG },
		{ "192.0.2.1111111111111111111111111111111111111111111111111111111111", -EINVAL },
	};
	struct in_addr addrs[NAT_POOL_MAX];

	for (size_t i = 0; i < N_ELEMENTS(good); i++) {
		assert_int_equal(nat_pool_parse(good[i].text, addrs), good[i].n);
		assert_string_equal(inet_ntoa(addrs[0]), good[i].first);
		assert_string_equal(inet_ntoa(addrs[good[i].n - 1]), good[i].last);
		assert_int_equal(nat_pool_parse(good[i].text, NULL), good[i].n);
	}
	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		assert_int_equal(nat_pool_parse(bad[i].text, NULL), bad[i].ret);
}

static void
test_ports(void **state)
{
	static const char *const bad[] = {
		"",   "0",  "65536", "1-65536", "0-1", "2-1", "1-",     "-1", "1--2",    "1-2-3",
		"01", "1 ", "x",     "1,2",     "+1",  "0x1", "100000", "-",  "1-99999",
	};
	uint16_t low = 7, high = 8;

	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		assert_int_equal(nat_ports_parse(bad[i], &low, &high), -EINVAL);
	assert_true(low == 7 && high == 8);
	assert_int_equal(nat_ports_parse("1-65535", &low, &high), 0);
	assert_true(low == 1 && high == 65535);
	assert_int_equal(nat_ports_parse("4000", &low, &high), 0);
	assert_true(low == 4000 && high == 4000);
}

static void
test_nets(void **state)
{
	static const char *const bad[] = {
		"", "10.0.0.1/24", "fd00::/64", "10.0.0.0/33", "10.0.0.0/24,", "x", "10.0.0.0/",
	};
	struct ip_prefix nets[2];

	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		assert_int_equal(nat_nets_parse(bad[i], nets, 2), -EINVAL);
	assert_int_equal(nat_nets_parse("10.0.0.0/24,10.1.0.1", nets, 2), 2);
	assert_true(nets[0].len == 24 && nets[1].len == 32);
	assert_int_equal(nat_nets_parse("default", nets, 1), 1);
	assert_int_equal(nets[0].len, 0);
	assert_int_equal(nat_nets_parse("10.0.0.0/24,10.1.0.1", NULL, 1), -E2BIG);
}

static void
test_forwardings(void **state)
{
	static const struct {
		const char *text, *canonical;
	} good[] = {
		{ "tcp 8080 -> 10.0.0.2:80", "tcp 8080 -> 10.0.0.2:80" },
		{ "tcp  8080\tto  10.0.0.2", "tcp 8080 -> 10.0.0.2:8080" },
		{ "udp 192.0.2.1:53-60 -> 10.0.0.2:1053", "udp 192.0.2.1:53-60 -> 10.0.0.2:1053" },
		{ "tcp 192.0.2.1 -> 10.0.0.2", "tcp 192.0.2.1 -> 10.0.0.2" },
		{ "tcp 1-65535 -> 10.0.0.2", "tcp 1-65535 -> 10.0.0.2:1" },
		{ "udp 65535 -> 10.0.0.2:1", "udp 65535 -> 10.0.0.2:1" },
		{ "udp 1-2 -> 10.0.0.2:65534", "udp 1-2 -> 10.0.0.2:65534" },
		{ "icmp to 10.0.0.2", "icmp -> 10.0.0.2" },
		{ "icmp 192.0.2.1 -> 10.0.0.2", "icmp 192.0.2.1 -> 10.0.0.2" },
		{ "any 192.0.2.1 -> 10.0.0.2", "any 192.0.2.1 -> 10.0.0.2" },
		{ " any -> 10.0.0.2 ", "any -> 10.0.0.2" },
	};
	static const char *const bad[] = {
		"",
		"tcp",
		"tcp 80",
		"tcp 80 ->",
		"tcp -> 10.0.0.2:80",
		"TCP 80 -> 10.0.0.2",
		"sctp 80 -> 10.0.0.2",
		"6 80 -> 10.0.0.2",
		"tcp 80 10.0.0.2",
		"tcp 80 -> 10.0.0.2 80",
		"tcp 80 => 10.0.0.2",
		"tcp 0 -> 10.0.0.2",
		"tcp 65536 -> 10.0.0.2",
		"tcp 80-70 -> 10.0.0.2",
		"tcp 80: -> 10.0.0.2",
		"tcp :80 -> 10.0.0.2",
		"tcp 192.0.2.1: -> 10.0.0.2",
		"tcp 192.0.2:80 -> 10.0.0.2",
		"tcp 192.0.2.1 -> 10.0.0.2:80",
		"tcp 80-90 -> 10.0.0.2:65530",
		"tcp 80 -> 10.0.0.2:",
		"tcp 80 -> 10.0.0.2:0",
		"tcp 80 -> 10.0.0.2:80-90",
		"tcp 80 -> 224.0.0.1",
		"tcp 80 -> 0.0.0.0",
		"tcp 80 -> fd00::2",
		"tcp 80 -> host",
		"icmp 8 -> 10.0.0.2",
		"icmp 192.0.2.1:8 -> 10.0.0.2",
		"icmp -> 10.0.0.2:8",
		"any 80 -> 10.0.0.2",
		"any 224.0.0.1 -> 10.0.0.2",
		"tcp 80 -> 10.0.0.2222222222222222222222222222222222222222222222222222222",
		"tcp 111111111111111111111111111111111111111111111111111111111 -> 10.0.0.2",
	};
	char text[NAT_DNAT_TEXT_SIZE];
	struct nat_dnat_text dnat, again;

	for (size_t i = 0; i < N_ELEMENTS(good); i++) {
		const char *fault = NULL;

		assert_int_equal(nat_dnat_parse(good[i].text, &dnat, &fault), 0);
		assert_null(fault);
		assert_string_equal(nat_dnat_format(&dnat, text), good[i].canonical);
		assert_int_equal(nat_dnat_parse(text, &again, &fault), 0);
		assert_memory_equal(&dnat, &again, sizeof(dnat));
	}
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		const char *fault = NULL;

		memset(&dnat, 0x55, sizeof(dnat));
		again = dnat;
		assert_int_equal(nat_dnat_parse(bad[i], &dnat, &fault), -EINVAL);
		assert_non_null(fault);
		assert_memory_equal(&dnat, &again, sizeof(dnat));
	}
}

static void
test_words(void **state)
{
	static const struct {
		const char *words[6];
		int n;
	} cases[] = {
		{ { "tcp", "80", "->", "10.0.0.2" }, 4 },
		{ { "tcp", "80", "to", "10.0.0.2", "out", "p1" }, 4 },
		{ { "icmp", "to", "10.0.0.2", "out", "p1" }, 3 },
		{ { "tcp 80 -> 10.0.0.2", "out", "p1" }, 1 },
		{ { "tcp", "80", "-" }, -EINVAL },
		{ { "tcp", "80", "-", "out", "p1" }, -EINVAL },
		{ { "tcp", "80" }, 2 },
		{ { "tcp", "80", "to" }, 3 },
		{ { "tcp", "80", "10.0.0.2", "out", "p1" }, 4 },
		{ { NULL }, 0 },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		char *words[6];
		int n = 0;

		for (; n < 6 && cases[i].words[n] != NULL; n++)
			words[n] = strdup(cases[i].words[n]);
		assert_int_equal(nat_dnat_words(words, n), cases[i].n);
		while (n-- > 0)
			free(words[n]);
	}
}

/* What the keys of a rule say together. */
static void
test_rules(void **state)
{
	static const struct {
		const char *keys[3][2];
		const char *fault; /* NULL: none */
	} cases[] = {
		{ { { "masquerade", "eth0" }, { "from", "10.0.0.0/24" } }, NULL },
		{ { { "snat", "192.0.2.1" }, { "out", "eth0" }, { "guest", "vif1.0" } }, NULL },
		{ { { "dnat", "tcp 80 to 10.0.0.2" }, { "out", "eth0" } }, NULL },
		{ { { "out", "eth0" } }, "what does it do" },
		{ { { "masquerade", "eth0" }, { "snat", "192.0.2.1" } }, "rules of their own" },
		{ { { "masquerade", "eth0" }, { "out", "eth0" } }, "out is not for masquerade" },
		{ { { "dnat", "tcp 80 to 10.0.0.2" }, { "ports", "1-2" } }, "ports is for source" },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct object obj;
		struct error err = { 0 };

		object_init(&obj, &nat_schema);
		assert_int_equal(object_set_name(&obj, "rule", &err), 0);
		for (size_t k = 0; k < 3 && cases[i].keys[k][0] != NULL; k++)
			assert_int_equal(object_set(&obj, VERB_CONFIG, cases[i].keys[k][0],
						    cases[i].keys[k][1], &err),
					 0);
		assert_int_equal(object_check(&obj, VERB_CONFIG, &err),
				 cases[i].fault != NULL ? -EINVAL : 0);
		if (cases[i].fault != NULL)
			assert_non_null(strstr(err.msg, cases[i].fault));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pools), cmocka_unit_test(test_ports),
		cmocka_unit_test(test_nets),  cmocka_unit_test(test_forwardings),
		cmocka_unit_test(test_words), cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
