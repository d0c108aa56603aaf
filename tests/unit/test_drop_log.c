/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers remember of drops: VLANs, exact sums, bounded tables, the first bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drop_log.h"
#include "egress.h"
#include "fake_port.h"

#define MAC_A "02:00:00:00:00:01"
#define MAC_B "02:00:00:00:00:02"
#define BROADCAST "ff:ff:ff:ff:ff:ff"

struct fixture {
	struct fake_switch sw;
	struct fake_port *a, *b;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	assert_int_equal(fake_switch_setup(&f->sw), 0);
	f->a = fake_port_add(&f->sw, 1, 10);
	f->b = fake_port_add(&f->sw, 2, 20);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	fake_assert_balance(&f->sw);
	fake_switch_teardown(&f->sw);
	free(f);
	return 0;
}

/* A row that is looked for, or all of a port and reason. */
struct wanted {
	uint16_t port;
	enum drop_reason reason;
	uint16_t vlan; /* VLAN_NONE: all */
	uint64_t packets;
	uint32_t n_rows;
};

static void
add_wanted(void *arg, uint16_t port_id, const struct drop_count *count)
{
	struct wanted *wanted = arg;

	if (port_id != wanted->port || count->reason != wanted->reason ||
	    (wanted->vlan != VLAN_NONE && count->vlan != wanted->vlan))
		return;
	wanted->packets += count->packets;
	wanted->n_rows++;
}

static struct wanted
rows(const struct fixture *f, uint16_t port, enum drop_reason reason, uint16_t vlan)
{
	struct wanted wanted = { .port = port, .reason = reason, .vlan = vlan };

	drop_log_each(f->sw.worker, add_wanted, &wanted);
	return wanted;
}

static void
drop(struct fixture *f, struct fake_port *fake, enum drop_reason reason, uint16_t vid)
{
	struct rte_mbuf *pkt = fake_frame(&f->sw, MAC_B, MAC_A, vid, 100);

	worker_stats(f->sw.worker, &fake->port)->copies++;
	port_drop(f->sw.worker, &fake->port, pkt, reason);
}

/* --- VLANs --- */

static void
test_vlan_of_each_drop(void **state)
{
	struct fixture *f = *state;
	struct fake_port *c = fake_port_add(&f->sw, 3, 10);

	/* refused: the VLAN that the frame says */
	fake_send(&f->sw, f->a, fake_frame(&f->sw, BROADCAST, MAC_A, 30, 100));
	fake_run(&f->sw);
	assert_int_equal(rows(f, 1, DROP_VLAN_MISMATCH, 30).packets, 1);
	/* alone in its VLAN: the port's, though the frame has no tag */
	fake_send(&f->sw, f->b, fake_frame(&f->sw, BROADCAST, MAC_B, 0, 100));
	fake_run(&f->sw);
	assert_int_equal(rows(f, 2, DROP_NO_DESTINATION, 20).packets, 1);
	/* too large, and no room: the VLAN that it was in, on the port that it was to leave by */
	port_mtu_set(&c->port, 500);
	fake_send(&f->sw, f->a, fake_frame(&f->sw, BROADCAST, MAC_A, 0, 600));
	c->room = 0;
	fake_send(&f->sw, f->a, fake_frame(&f->sw, BROADCAST, MAC_A, 0, 100));
	fake_run(&f->sw);
	assert_int_equal(rows(f, 3, DROP_MTU_EXCEEDED, 10).packets, 1);
	assert_int_equal(rows(f, 3, DROP_TX_FULL, 10).packets, 1);
	assert_int_equal(fake_drops(&f->sw, c, DROP_TX_FULL), 1);
	fake_port_del(&f->sw, c);
}

/* A tag word that the drop site knows is worth more than the frame; none at all is '-'. */
static void
test_vlan_unknown(void **state)
{
	struct fixture *f = *state;
	struct port_stats *stats = worker_stats(f->sw.worker, &f->a->port);

	stats->copies += 2;
	port_drop_tag(f->sw.worker, &f->a->port, fake_frame(&f->sw, MAC_B, MAC_A, 0, 60),
		      DROP_BLOCKED, 77 | VLAN_TAGGED);
	assert_int_equal(rows(f, 1, DROP_BLOCKED, 77).packets, 1);
	port_drop_tag(f->sw.worker, &f->a->port, NULL, DROP_NO_BUFFER, 78);
	assert_int_equal(rows(f, 1, DROP_NO_BUFFER, 78).packets, 1);
	port_rx_drop(f->sw.worker, &f->a->port, DROP_NO_BUFFER, 5);
	assert_int_equal(rows(f, 1, DROP_NO_BUFFER, VLAN_NONE).packets, 1);
	assert_int_equal(fake_drops(&f->sw, f->a, DROP_NO_BUFFER), 6);
	fake_send(&f->sw, f->a, fake_frame(&f->sw, MAC_B, MAC_A, 0, 10)); /* no header */
	fake_run(&f->sw);
	assert_int_equal(fake_drops(&f->sw, f->a, DROP_BAD_FRAME), 1);
	assert_int_equal(rows(f, 1, DROP_BAD_FRAME, VLAN_NONE).n_rows, 0);
}

/* --- rows --- */

/* More VLANs than a port's due: the counter is right, and other ports have their rows. */
static void
test_overflow(void **state)
{
	struct fixture *f = *state;
	struct wanted wanted;

	for (int round = 0; round < 3; round++)
		for (uint16_t vid = 1; vid <= VLAN_VID_MAX; vid++)
			drop(f, f->a, DROP_VLAN_MISMATCH, vid);
	assert_int_equal(fake_drops(&f->sw, f->a, DROP_VLAN_MISMATCH), 3 * VLAN_VID_MAX);
	wanted = rows(f, 1, DROP_VLAN_MISMATCH, VLAN_NONE);
	assert_in_range(wanted.n_rows, DROP_PORT_ROWS / 2, DROP_PORT_ROWS);
	assert_int_equal(wanted.packets, 3 * wanted.n_rows);
	drop(f, f->b, DROP_VLAN_MISMATCH, 3000);
	assert_int_equal(rows(f, 2, DROP_VLAN_MISMATCH, 3000).packets, 1);
}

/* Random drops against a plain table. */
static void
test_random_sums(void **state)
{
	static uint64_t model[2][DROP_REASONS][64];
	struct fixture *f = *state;
	unsigned int seed = 7;

	memset(model, 0, sizeof(model));
	for (int i = 0; i < 20000; i++) {
		const int r = rand_r(&seed);
		const enum drop_reason reason = (enum drop_reason)(r % DROP_REASONS);
		const uint16_t vid = 100 + r / 64 % 64;

		drop(f, r & 1 << 20 ? f->b : f->a, reason, vid);
		model[!!(r & 1 << 20)][reason][vid - 100]++;
	}
	for (unsigned int reason = 0; reason < DROP_REASONS; reason++)
		for (uint16_t port = 0; port < 2; port++) {
			struct fake_port *fake = port == 0 ? f->a : f->b;
			uint64_t sum = 0;

			for (uint16_t i = 0; i < 64; i++) {
				const struct wanted got =
					rows(f, port + 1, (enum drop_reason)reason, 100 + i);

				sum += model[port][reason][i];
				/* exact, if there is a row */
				if (got.n_rows > 0)
					assert_int_equal(got.packets, model[port][reason][i]);
				assert_in_range(got.n_rows, 0, 1);
			}
			assert_int_equal(fake_drops(&f->sw, fake, (enum drop_reason)reason), sum);
			assert_true(
				rows(f, port + 1, (enum drop_reason)reason, VLAN_NONE).packets <=
				sum);
		}
}

/* What was of a port goes with it, and its rows serve others. */
static void
test_port_goes(void **state)
{
	struct fixture *f = *state;

	for (int round = 1; round <= 40; round++) {
		struct fake_port *c = fake_port_add(&f->sw, 3, 0);
		struct wanted wanted;

		c->port.generation = (uint16_t)round;
		assert_int_equal(rows(f, 3, DROP_SPOOFED, VLAN_NONE).n_rows, 0);
		for (uint16_t vid = 1; vid <= DROP_PORT_ROWS; vid++)
			drop(f, c, DROP_SPOOFED, (uint16_t)(vid * 7 + round) % 4000);
		wanted = rows(f, 3, DROP_SPOOFED, VLAN_NONE);
		/* a full bucket is rare, dead rows or not */
		assert_in_range(wanted.packets, DROP_PORT_ROWS * 9 / 10, DROP_PORT_ROWS);
		fake_port_del(&f->sw, c);
		assert_int_equal(rows(f, 3, DROP_SPOOFED, VLAN_NONE).n_rows, 0);
	}
}

/* --- kept packets --- */

static unsigned int
kept(const struct fixture *f, enum drop_reason reason, struct drop_kept *all)
{
	unsigned int n = 0;

	for (unsigned int set = 0; set < DROP_KEPT_SETS; set++)
		for (unsigned int i = 0; i < DROP_KEPT; i++)
			n += drop_log_kept(f->sw.worker, reason, set, i, &all[n]);
	return n;
}

static void
test_kept(void **state)
{
	struct fixture *f = *state;
	struct drop_kept all[DROP_KEPT_SETS * DROP_KEPT + 1];
	struct rte_mbuf *pkt;
	uint8_t bytes[300];

	assert_int_equal(kept(f, DROP_VLAN_MISMATCH, all), 0);
	pkt = fake_frame(&f->sw, BROADCAST, MAC_A, 30, sizeof(bytes));
	memset(rte_pktmbuf_mtod_offset(pkt, uint8_t *, 18), 0x5a, sizeof(bytes) - 18);
	memcpy(bytes, rte_pktmbuf_mtod(pkt, const void *), sizeof(bytes));
	fake_send(&f->sw, f->a, pkt);
	fake_run(&f->sw);
	assert_int_equal(kept(f, DROP_VLAN_MISMATCH, all), 1);
	assert_int_equal(all[0].port, 1);
	assert_int_equal(all[0].vlan, 30);
	assert_int_equal(all[0].len, sizeof(bytes));
	assert_int_equal(all[0].data_len, DROP_KEPT_LEN);
	assert_memory_equal(all[0].data, bytes, DROP_KEPT_LEN);
	assert_true(all[0].tsc != 0);

	/* a storm: no more than there is room for, and the other port's stays */
	for (int i = 0; i < 1000; i++)
		drop(f, f->b, DROP_VLAN_MISMATCH, 31);
	assert_int_equal(kept(f, DROP_VLAN_MISMATCH, all), 1 + DROP_KEPT);
	/* one that is being written is nobody's */
	f->sw.worker->drop_log->rings[DROP_VLAN_MISMATCH][1].kept[0].number++;
	assert_int_equal(kept(f, DROP_VLAN_MISMATCH, all), DROP_KEPT);
	f->sw.worker->drop_log->rings[DROP_VLAN_MISMATCH][1].kept[0].number++;
	f->a->port.generation++;
	assert_int_equal(kept(f, DROP_VLAN_MISMATCH, all), DROP_KEPT);
	f->a->port.generation--;
}

/* A storm is sampled: the copies are few, the sums are exact. */
static void
test_storm(void **state)
{
	struct fixture *f = *state;
	uint32_t n;

	f->sw.worker->tsc = 1000 * rte_get_tsc_hz(); /* time stands still */
	for (int i = 0; i < 100000; i++)
		drop(f, f->a, DROP_SAME_PORT, 0);
	n = f->sw.worker->drop_log->rings[DROP_SAME_PORT][1].n;
	assert_in_range(n, 1, 2 * DROP_KEPT);
	f->sw.worker->tsc += rte_get_tsc_hz() / 100;
	for (int i = 0; i < 100000; i++)
		drop(f, f->a, DROP_SAME_PORT, 0);
	assert_in_range(f->sw.worker->drop_log->rings[DROP_SAME_PORT][1].n, n + 1,
			n + 2 * DROP_KEPT);
	assert_int_equal(rows(f, 1, DROP_SAME_PORT, 10).packets, 200000);
	f->sw.worker->tsc = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_vlan_of_each_drop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vlan_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overflow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random_sums, setup, teardown),
		cmocka_unit_test_setup_teardown(test_port_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_storm, setup, teardown),
	};

	fake_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
