/* SPDX-License-Identifier: BSD-3-Clause */
/* NAT index: growing by linear hashing under the eyes of readers, and shrinking rows. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_common.h>

#include "nat_index.h"

#define SESSIONS 65536u
#define KEPT 2048u /* that are in the table from the beginning on */
#define LISTS 64u  /* of kept sessions, by the lowest bits of their hashes */
#define ROUNDS 8

static struct nat_index table;
static struct nat_session *sessions;
static uint64_t hashes[KEPT + 1];
static uint32_t lists[LISTS][KEPT], n_lists[LISTS];
static bool stop;

static struct nat_key
key_of(uint32_t ref)
{
	return (struct nat_key){ sessions[ref].end[0], sessions[ref].remote };
}

static uint64_t
hash_of(uint32_t ref)
{
	const struct nat_key key = key_of(ref);

	return nat_index_hash(&table, &key);
}

static int
setup(void **state)
{
	sessions = aligned_alloc(64, (SESSIONS + 1) * sizeof(*sessions));
	assert_non_null(sessions);
	memset(sessions, 0, (SESSIONS + 1) * sizeof(*sessions));
	sessions[0].remote = NAT_REMOTE_SHELL;
	for (uint32_t ref = 1; ref <= SESSIONS; ref++) {
		sessions[ref].end[0] =
			nat_end_word(NAT_KEY_INSIDE, IPPROTO_UDP, ref, (uint16_t)(ref * 7));
		sessions[ref].end[1] =
			nat_end_word(NAT_KEY_EXTERNAL, IPPROTO_UDP, ~ref, (uint16_t)(ref * 7));
		sessions[ref].remote = ref % 3 + 1;
	}
	memset(&table, 0, sizeof(table));
	memset(n_lists, 0, sizeof(n_lists));
	assert_int_equal(nat_index_create(&table, SESSIONS, false, sessions), 0);
	for (uint32_t ref = 1; ref <= KEPT; ref++) {
		hashes[ref] = hash_of(ref);
		lists[hashes[ref] % LISTS][n_lists[hashes[ref] % LISTS]++] = ref;
	}
	return 0;
}

static int
teardown(void **state)
{
	nat_index_destroy(&table);
	free(sessions);
	return 0;
}

/* Look for what is kept in the row that is the next to be split. Return: how many were lost. */
static void *
look(void *arg)
{
	uint64_t *lost = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		const uint32_t n = (uint32_t)nat_index_extent(&table);
		const uint32_t bit = 1u << (31 - __builtin_clz(n)), row = n - bit;
		const uint32_t list = row % LISTS;

		for (uint32_t i = 0; i < n_lists[list]; i++) {
			const uint32_t ref = lists[list][i];
			const struct nat_key key = key_of(ref);

			if (((uint32_t)hashes[ref] & (bit - 1)) == row)
				*lost += nat_index_find_sure(&table, &key, hashes[ref]) != ref;
		}
	}
	return NULL;
}

static void
grow_once(void)
{
	uint64_t lost = 0;
	pthread_t thread;

	for (uint32_t ref = 1; ref <= KEPT; ref++)
		nat_index_insert(&table, hashes[ref], ref);
	__atomic_store_n(&stop, false, __ATOMIC_RELEASE);
	assert_int_equal(pthread_create(&thread, NULL, look, &lost), 0);
	for (uint32_t ref = KEPT + 1; ref <= SESSIONS; ref++) {
		const struct nat_key key = key_of(ref);

		assert_true(nat_index_insert_new(&table, &key, hash_of(ref), ref));
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	assert_int_equal(lost, 0);
	assert_true((uint32_t)table.extent > SESSIONS / 8);
}

/* Nobody misses an entry that a split is moving. */
static void
test_growth_is_unseen(void **state)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (i > 0) {
			teardown(state);
			setup(state);
		}
		grow_once();
	}
}

/* All entries are found after growth, can be removed, and hardly a spare bucket is left behind. */
static void
test_removal(void **state)
{
	uint32_t spare, left = 0;

	grow_once();
	for (uint32_t ref = 1; ref <= SESSIONS; ref++) {
		const struct nat_key key = key_of(ref);
		const uint64_t hash = hash_of(ref);

		assert_int_equal(nat_index_find(&table, &key, hash), ref);
		assert_false(nat_index_insert_new(&table, &key, hash, ref));
		spare = nat_index_remove(&table, hash, ref);
		if (spare != 0)
			nat_index_spare_free(&table, spare);
		assert_int_equal(nat_index_find(&table, &key, hash), 0);
	}
	for (uint32_t i = 0; i < table.n_buckets; i++)
		left += nat_bucket_match(&table.buckets[i], 0) != 0xff;
	assert_int_equal(left, 0);
	/* but for some that were empty when their rows were split: those rows will use them */
	assert_true(table.spare_used < SESSIONS / 512);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_growth_is_unseen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removal, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
