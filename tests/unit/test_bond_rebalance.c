/* SPDX-License-Identifier: BSD-3-Clause */
/* Which buckets of a balance-slb bond move when members are unevenly loaded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bond_priv.h"

#define MB UINT64_C(1000000)

/* Members by slot, of which three are there and the last is down. */
static struct bond_member members[3] = { { .usable = true }, { .usable = true }, { .slot = 2 } };

struct round {
	struct bond bond;
	uint64_t loads[LAG_BUCKETS];
	uint8_t slots[LAG_BUCKETS];
};

static void
start(struct round *round)
{
	memset(round, 0, sizeof(*round));
	for (int i = 0; i < 3; i++)
		round->bond.members[i] = &members[i];
	for (uint32_t b = 0; b < LAG_BUCKETS; b++)
		round->slots[b] = b % 2;
}

static unsigned int
plan(struct round *round)
{
	return bond_rebalance_plan(&round->bond, round->loads, round->slots);
}

static void
test_even(void **state)
{
	struct round round;

	start(&round);
	assert_int_equal(plan(&round), 0);
	/* evenly loaded, or nearly; and too little to matter */
	round.loads[0] = 100 * MB;
	round.loads[1] = 102 * MB;
	assert_int_equal(plan(&round), 0);
	round.loads[0] = 90000;
	round.loads[1] = 0;
	assert_int_equal(plan(&round), 0);
}

/* One station that is all of the load is nobody's gain elsewhere. */
static void
test_one_heavy(void **state)
{
	struct round round;

	start(&round);
	round.loads[0] = 100 * MB;
	assert_int_equal(plan(&round), 0);
	round.loads[2] = 10 * MB;
	assert_int_equal(plan(&round), 1);
	assert_int_equal(round.slots[2], 1);
	assert_int_equal(round.slots[0], 0);
}

static void
test_many(void **state)
{
	uint64_t sums[3] = { 0 };
	struct round round;

	start(&round);
	for (uint32_t b = 0; b < LAG_BUCKETS; b += 2)
		round.loads[b] = (1 + b % 7) * MB;
	assert_in_range(plan(&round), 8, 16);
	for (uint32_t b = 0; b < LAG_BUCKETS; b++)
		sums[round.slots[b]] += round.loads[b];
	assert_true(sums[1] > 0);
	assert_int_equal(sums[2], 0);
	/* after some rounds it is even, and stays so */
	for (int i = 0; i < 20; i++)
		plan(&round);
	memset(sums, 0, sizeof(sums));
	for (uint32_t b = 0; b < LAG_BUCKETS; b++)
		sums[round.slots[b]] += round.loads[b];
	assert_in_range(sums[0] * 100 / sums[1], 90, 110);
	assert_int_equal(plan(&round), 0);
}

static void
test_alone(void **state)
{
	struct round round;

	start(&round);
	round.bond.members[1] = NULL;
	round.loads[0] = 100 * MB;
	round.loads[2] = 100 * MB;
	assert_int_equal(plan(&round), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_even),
		cmocka_unit_test(test_one_heavy),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
