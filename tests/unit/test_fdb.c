/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <rte_byteorder.h>
#include <rte_rcu_qsbr.h>

#include "fdb.h"
#include "port.h"
#include "rcu.h"

struct fixture {
	struct rte_rcu_qsbr *qsbr;
	struct rcu *rcu;
	struct fdb_table *table;
	struct fdb *fdb;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->qsbr = aligned_alloc(64, rte_rcu_qsbr_get_memsize(1));
	rte_rcu_qsbr_init(f->qsbr, 1);
	f->rcu = rcu_create(f->qsbr);
	f->fdb = fdb_create(&f->table, f->rcu, FDB_LIMIT_DEFAULT);
	*state = f;
	return f->fdb == NULL;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	fdb_destroy(f->fdb);
	rcu_destroy(f->rcu);
	free(f->qsbr);
	free(f);
	return 0;
}

static uint64_t
mac_of(uint32_t i)
{
	return (uint64_t)i << 16 | 0x02;
}

static const struct fdb_entry *
find(const struct fixture *f, uint64_t key)
{
	return fdb_lookup(f->table, key, fdb_hash(f->table, key));
}

static void
test_learn_move_static(void **state)
{
	struct fixture *f = *state;
	uint64_t key = fdb_key(mac_of(1), 0);

	assert_null(find(f, key));
	assert_int_equal(fdb_set(f->fdb, key, 3, 0, 100), 0);
	assert_int_equal(find(f, key)->dest, 3);
	assert_int_equal(fdb_port_learnt(f->fdb, 3), 1);
	/* the same MAC on another VLAN is another entry */
	assert_null(find(f, fdb_key(mac_of(1), 10)));
	/* moves */
	assert_int_equal(fdb_set(f->fdb, key, 4, 0, 101), 0);
	assert_int_equal(find(f, key)->dest, 4);
	assert_int_equal(fdb_port_learnt(f->fdb, 3), 0);
	assert_int_equal(fdb_port_learnt(f->fdb, 4), 1);
	/* a static entry stays where it is */
	assert_int_equal(fdb_set(f->fdb, key, 5 | FDB_DEST_STATIC, 0, 102), 0);
	assert_int_equal(fdb_set(f->fdb, key, 4, 0, 103), -EEXIST);
	assert_int_equal(find(f, key)->dest & FDB_DEST_PORT, 5);
	assert_int_equal(fdb_port_learnt(f->fdb, 4), 0);
	assert_int_equal(fdb_count(f->fdb), 1);
	assert_int_equal(fdb_remove(f->fdb, key), 0);
	assert_int_equal(fdb_remove(f->fdb, key), -ENOENT);
	assert_int_equal(fdb_count(f->fdb), 0);
}

static void
test_ageing(void **state)
{
	struct fixture *f = *state;
	uint64_t old = fdb_key(mac_of(1), 0), fresh = fdb_key(mac_of(2), 0);
	uint64_t fixed = fdb_key(mac_of(3), 0), ahead = fdb_key(mac_of(4), 0);

	fdb_set(f->fdb, old, 1, 0, 100);
	fdb_set(f->fdb, fresh, 1, 0, 399);
	fdb_set(f->fdb, fixed, 1 | FDB_DEST_STATIC, 0, 100);
	fdb_set(f->fdb, ahead, 1, 0, 401);
	fdb_age(f->fdb, 300, 400);
	assert_null(find(f, old));
	assert_non_null(find(f, fresh));
	assert_non_null(find(f, fixed));
	assert_non_null(find(f, ahead));
	/* 0: never */
	fdb_age(f->fdb, 0, 100000);
	assert_non_null(find(f, fresh));
}

static void
test_limits(void **state)
{
	struct fixture *f = *state;

	fdb_set_limit(f->fdb, 4);
	assert_int_equal(fdb_set(f->fdb, fdb_key(mac_of(1), 0), 1, 2, 0), 0);
	assert_int_equal(fdb_set(f->fdb, fdb_key(mac_of(2), 0), 1, 2, 0), 0);
	assert_int_equal(fdb_set(f->fdb, fdb_key(mac_of(3), 0), 1, 2, 0), -ENOSPC);
	/* the limit of one port is no other port's */
	assert_int_equal(fdb_set(f->fdb, fdb_key(mac_of(3), 0), 2, 2, 0), 0);
	/* moving to a port that is full is refused too, and changes nothing */
	assert_int_equal(fdb_set(f->fdb, fdb_key(mac_of(3), 0), 1, 2, 0), -ENOSPC);
	assert_int_equal(find(f, fdb_key(mac_of(3), 0))->dest, 2);
	assert_int_equal(fdb_set(f->fdb, fdb_key(mac_of(4), 0), 3, 0, 0), 0);
	assert_int_equal(fdb_set(f->fdb, fdb_key(mac_of(5), 0), 3, 0, 0), -ENOSPC);
	assert_int_equal(fdb_count(f->fdb), 4);
	fdb_flush(f->fdb, 1, false);
	assert_int_equal(fdb_count(f->fdb), 2);
	assert_int_equal(fdb_port_learnt(f->fdb, 1), 0);
}

/* Learnt entries of some ports go, at once; static ones and others' stay. */
static void
test_flush_ports(void **state)
{
	static bool ports[PORT_MAX];
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 3000; i++)
		assert_int_equal(fdb_set(f->fdb, fdb_key(mac_of(i), 0), i % 5, 0, 0), 0);
	assert_int_equal(fdb_set(f->fdb, fdb_key(mac_of(5000), 0), 1 | FDB_DEST_STATIC, 0, 0), 0);
	ports[1] = ports[3] = true;
	fdb_flush_ports(f->fdb, ports);
	assert_int_equal(fdb_count(f->fdb), 3 * 600 + 1);
	for (uint32_t port = 0; port < 5; port++)
		assert_int_equal(fdb_port_learnt(f->fdb, port), ports[port] ? 0 : 600);
	assert_non_null(find(f, fdb_key(mac_of(5000), 0)));
	assert_non_null(find(f, fdb_key(mac_of(2), 0)));
	assert_null(find(f, fdb_key(mac_of(1), 0)));
}

/*
 * MACs in a series, as a vendor numbers them, must spread as chance would have it under every seed:
 * at half full 3.7 % do not fit their first bucket.
 */
static void
test_spread(void **state)
{
	struct fixture *f = *state;

	for (int seed = 0; seed < 50; seed++) {
		struct fdb_table *table = NULL;
		struct fdb *fdb = fdb_create(&table, f->rcu, FDB_LIMIT_DEFAULT);
		unsigned int second = 0, n = 16384;

		assert_non_null(fdb);
		for (uint32_t i = 0; i < n; i++)
			fdb_set(fdb, fdb_key((uint64_t)rte_bswap32(i) << 16 | 0x1600, 0), 1, 0, 7);
		for (uint32_t i = 0; i < n; i++) {
			uint64_t key = fdb_key((uint64_t)rte_bswap32(i) << 16 | 0x1600, 0);
			uint64_t hash = fdb_hash(table, key);

			second += fdb_bucket_find(fdb_bucket_first(table, hash), key) == NULL;
		}
		assert_true(second < n * 6 / 100);
		fdb_destroy(fdb);
	}
}

static void
test_million(void **state)
{
	struct fixture *f = *state;
	const uint32_t n = 1000000;
	uint32_t cursor = 0, seen = 0;
	uint64_t key;

	fdb_set_limit(f->fdb, n);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(fdb_set(f->fdb, fdb_key(mac_of(i), i % 4095), i % 100, 0, 7), 0);
	assert_int_equal(fdb_count(f->fdb), n);
	for (uint32_t i = 0; i < n; i++) {
		const struct fdb_entry *entry = find(f, fdb_key(mac_of(i), i % 4095));

		if (entry == NULL || entry->dest != i % 100)
			fail_msg("entry %u is wrong", i);
	}
	while (fdb_next(f->fdb, &cursor, &key) != NULL)
		seen++;
	assert_int_equal(seen, n);
	fdb_flush(f->fdb, FDB_DEST_NONE, true);
	assert_int_equal(fdb_count(f->fdb), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_learn_move_static, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ageing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flush_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_million, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
