/* SPDX-License-Identifier: BSD-3-Clause */
/* Longest-prefix match against a list that is searched from end to end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_eal.h>

#include "fib.h"

#define ROUTES 200
#define SEEDS 12
#define STEPS 1500
#define NEXT_HOPS 5 /* few, so that routes often lead where the one around them does */
#define GROUPS 8192

struct known_route {
	uint8_t prefix[16];
	uint8_t len;
	uint32_t next_hop; /* 0: none */
};

static struct known_route routes[ROUTES];

static bool
covers(const struct known_route *route, const uint8_t *addr)
{
	for (unsigned int bit = 0; bit < route->len; bit++)
		if ((addr[bit / 8] ^ route->prefix[bit / 8]) & (0x80 >> bit % 8))
			return false;
	return true;
}

static uint32_t
best(const uint8_t *addr)
{
	const struct known_route *found = NULL;

	for (unsigned int i = 0; i < ROUTES; i++)
		if (routes[i].next_hop != 0 && covers(&routes[i], addr) &&
		    (found == NULL || routes[i].len > found->len))
			found = &routes[i];
	return found != NULL ? found->next_hop : FIB_NEXT_HOP_NONE;
}

static uint32_t
lookup(const struct fib *fib, const uint8_t *addr)
{
	uint64_t value = 0;
	uint8_t ip6[1][16];
	uint32_t ip4;

	memcpy(&ip4, addr, 4);
	ip4 = rte_be_to_cpu_32(ip4);
	memcpy(ip6[0], addr, 16);
	if (fib->family == AF_INET)
		fib_lookup4(fib, &ip4, &value, 1);
	else
		fib_lookup6(fib, ip6, &value, 1);
	return FIB_NEXT_HOP(value);
}

/* Prefixes that lie within each other, next to each other, and at the ends of the address space. */
static void
choose(int family, struct known_route *route)
{
	static const uint8_t lens4[] = { 0, 1, 2, 3, 4, 8, 15, 16, 23, 24, 25, 31, 32, 32 };
	static const uint8_t lens6[] = { 0, 1, 2, 7, 8, 24, 25, 32, 48, 63, 64, 127, 128, 128 };
	uint8_t *prefix = route->prefix;

	route->len =
		family == AF_INET ? lens4[rand() % RTE_DIM(lens4)] : lens6[rand() % RTE_DIM(lens6)];
	memset(prefix, rand() % 3 == 0 ? 0xff : 0, sizeof(route->prefix));
	if (rand() % 2)
		prefix[0] = rand() % 2 ? 0x0a : (uint8_t)rand();
	for (unsigned int i = 1; i < sizeof(route->prefix); i++)
		if (rand() % 4 == 0)
			prefix[i] = (uint8_t)(rand() % 4);
	for (unsigned int bit = route->len; bit < 128; bit++)
		prefix[bit / 8] &= ~(0x80 >> bit % 8);
	for (unsigned int i = 0; i < ROUTES; i++)
		if (&routes[i] != route && routes[i].next_hop != 0 && routes[i].len == route->len &&
		    memcmp(routes[i].prefix, prefix, sizeof(route->prefix)) == 0)
			return;
	route->next_hop = 1 + rand() % NEXT_HOPS;
}

static void
change(struct fib *fib)
{
	struct known_route *route = &routes[rand() % ROUTES];

	if (route->next_hop == 0) {
		choose(fib->family, route);
	} else if (rand() % 2) {
		route->next_hop = 1 + rand() % NEXT_HOPS;
	} else {
		route->next_hop = 0;
		assert_int_equal(fib_remove(fib, route->prefix, route->len), 0);
	}
	if (route->next_hop != 0)
		assert_int_equal(fib_set(fib, route->prefix, route->len, route->next_hop), 0);
}

/* The ends of routes, and what is next to them. */
static void
check(const struct fib *fib)
{
	const unsigned int last = fib->family == AF_INET ? 3 : 15;
	const uint8_t beyond = fib->family == AF_INET ? 224 : 255;
	uint8_t addr[16];

	for (unsigned int i = 0; i < ROUTES; i++) {
		for (unsigned int which = 0; which < 3; which++) {
			memcpy(addr, routes[i].prefix, sizeof(addr));
			for (unsigned int bit = routes[i].len; which == 1 && bit < 128; bit++)
				addr[bit / 8] |= 0x80 >> bit % 8;
			if (which == 2)
				addr[last]++;
			if (addr[0] < beyond)
				assert_int_equal(lookup(fib, addr), best(addr));
		}
	}
}

static void
compare(int family)
{
	for (unsigned int seed = 0; seed < SEEDS; seed++) {
		struct fib *fib = fib_create(family, ROUTES, GROUPS);

		assert_non_null(fib);
		srand(seed);
		memset(routes, 0, sizeof(routes));
		for (unsigned int step = 0; step < STEPS; step++) {
			change(fib);
			if (step % 16 == 0)
				check(fib);
		}
		fib_destroy(fib);
	}
}

static void
test_ipv4(void **state)
{
	compare(AF_INET);
}

static void
test_ipv6(void **state)
{
	compare(AF_INET6);
}

/* A full table and back, where routes lead the same way as those around them. */
static void
test_same_way(void **state)
{
	static const int families[] = { AF_INET, AF_INET6 };
	static const uint8_t lens[][2] = { { 8, 32 }, { 32, 64 } };

	for (unsigned int f = 0; f < RTE_DIM(families); f++) {
		struct fib *fib = fib_create(families[f], 64, 1024);
		uint8_t prefix[16] = { 10 };

		assert_int_equal(fib_set(fib, prefix, lens[f][0], 1), 0);
		for (unsigned int round = 0; round < 3; round++) {
			for (uint8_t i = 1; i < 16; i++) {
				prefix[2] = prefix[7] = i;
				assert_int_equal(fib_set(fib, prefix, lens[f][1], 1), 0);
			}
			for (uint8_t i = 1; i < 16; i++) {
				prefix[2] = prefix[7] = i;
				assert_int_equal(fib_remove(fib, prefix, lens[f][1]), 0);
			}
		}
		prefix[2] = prefix[7] = 77;
		assert_int_equal(fib_set(fib, prefix, lens[f][1], 2), 0);
		assert_int_equal(lookup(fib, prefix), 2);
		fib_destroy(fib);
	}
}

/* Stations that come and go, many times more than there is room for at once. */
static void
test_churn(void **state)
{
	static const int families[] = { AF_INET, AF_INET6 };
	static const uint8_t lens[][2] = { { 16, 32 }, { 64, 128 } };

	for (unsigned int f = 0; f < RTE_DIM(families); f++) {
		struct fib *fib = fib_create(families[f], 64, 256);
		uint8_t prefix[16] = { 10 };

		assert_int_equal(fib_set(fib, prefix, lens[f][0], 1), 0);
		for (uint32_t i = 0; i < 10000; i++) {
			memcpy(&prefix[2], &(uint16_t){ (uint16_t)(i * 40503) }, 2);
			if (families[f] == AF_INET6) {
				prefix[2] = prefix[3] = 0;
				memcpy(&prefix[9], &(uint32_t){ i * 2654435761u }, 4);
			}
			assert_int_equal(fib_set(fib, prefix, lens[f][1], 2), 0);
			assert_int_equal(lookup(fib, prefix), 2);
			assert_int_equal(fib_remove(fib, prefix, lens[f][1]), 0);
			assert_int_equal(lookup(fib, prefix), 1);
		}
		fib_destroy(fib);
	}
}

/* Two halves, as VPNs have them, and all that nobody should use; then the default route. */
static void
test_ends(void **state)
{
	static const uint8_t low[16] = { 0 }, high[16] = { 128 }, groups[16] = { 224 },
			     above[16] = { 240 }, own[16] = { 192, 168, 7, 0 },
			     host[16] = { 192, 168, 7, 1 }, other[16] = { 200 };
	struct fib *fib = fib_create(AF_INET, 64, 16);

	assert_int_equal(fib_set(fib, own, 24, 1), 0);
	assert_int_equal(fib_set(fib, low, 1, 2), 0);
	assert_int_equal(fib_set(fib, high, 1, 3), 0);
	assert_int_equal(fib_set(fib, groups, 4, 4), 0);
	assert_int_equal(fib_set(fib, above, 4, 4), 0);
	assert_int_equal(fib_set(fib, low, 0, 5), 0);
	assert_int_equal(lookup(fib, host), 1);
	assert_int_equal(lookup(fib, other), 3);
	assert_int_equal(lookup(fib, low), 2);
	assert_int_equal(fib_remove(fib, high, 1), 0);
	assert_int_equal(fib_remove(fib, high, 1), -ENOENT);
	assert_int_equal(lookup(fib, host), 1);
	assert_int_equal(lookup(fib, other), 5);
	assert_int_equal(lookup(fib, low), 2);
	assert_int_equal(fib_remove(fib, low, 0), 0);
	assert_int_equal(lookup(fib, other), FIB_NEXT_HOP_NONE);
	fib_destroy(fib);
}

int
main(int argc, char **argv)
{
	const char *args[] = {
		argv[0],       "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry",
		"--log-level", "error",     "-m",          "256"
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),     cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_same_way), cmocka_unit_test(test_churn),
		cmocka_unit_test(test_ends),
	};

	if (rte_eal_init((int)RTE_DIM(args), (char **)(uintptr_t)args) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
