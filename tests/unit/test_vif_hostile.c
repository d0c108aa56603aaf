/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a hostile guest costs the others on its worker: all that counts is counted - packets, mbufs,
 * events -, none of it is time. See test_netback_hostile.c for what else hostile guests do.
 */
#include "vif_bed.h"

#include <time.h>

#define HOSTILE 2 /* the others behave */
#define TURNS 2000

static const struct fake_frontend_config configs[GUESTS] = {
	{ .domid = 1, .split = true },
	{ .domid = 2 },
	{ .domid = 3, .split = true },
};

/* All know where everybody is, and nobody has anything to do. */
static void
start(struct bed *bed)
{
	uint8_t frame[60], got[60];

	start_guests(bed);
	for (int i = 0; i < GUESTS; i++) {
		send_frame(bed, i, frame, make_frame(frame, -1, i, 60));
		for (int k = 0; k < GUESTS; k++)
			if (k != i)
				assert_int_equal(recv_frame(bed, k, got, sizeof(got)), 60);
	}
	for (unsigned int i = 0; i < 4; i++)
		run(bed);
	assert_int_equal(bed->worker->n_active, 0);
}

static uint64_t
drops(struct bed *bed, int guest, enum drop_reason reason)
{
	struct port_stats stats;
	char name[SWITCH_NAME_SIZE];

	snprintf(name, sizeof(name), "vif%u.0", configs[guest].domid);
	switch_port_stats(bed->sw, switch_port_find(bed->sw, name), &stats);
	return stats.drops[reason];
}

/* One packet each way between those that behave, in one turn of the worker. */
static void
turn_with_traffic(struct bed *bed, unsigned int turn)
{
	uint8_t frames[2][1514], got[1514];
	uint32_t len = 60 + turn * 7 % 1400;

	for (int i = 0; i < 2; i++) {
		make_frame(frames[i], 1 - i, i, len);
		frames[i][20] = (uint8_t)turn;
		send_frame(bed, i, frames[i], len);
	}
	run_once(bed);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fake_frontend_recv(bed->guests[1 - i], 0, got, sizeof(got), NULL),
				 len);
		assert_memory_equal(got, frames[i], len);
		fake_frontend_reap(bed->guests[i], 0);
		assert_null(bed->guests[i]->broken);
	}
	/* not one packet is kept from one turn to the next */
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

/* A guest that never takes its packets gets a ring full of them, and nothing is kept for it. */
static void
test_hoarder(void **state)
{
	struct bed *bed = *state;
	struct fake_queue *ring;
	uint8_t frame[3000];
	uint64_t delivered;

	start(bed);
	ring = &bed->guests[HOSTILE]->queues[0];
	delivered = ring->rx->rsp_prod;
	for (unsigned int turn = 0; turn < TURNS; turn++) {
		send_frame(bed, 0, frame, make_frame(frame, HOSTILE, 0, 60 + turn % 2 * 1400));
		turn_with_traffic(bed, turn);
	}
	delivered = ring->rx->rsp_prod - delivered;
	assert_int_equal(delivered, NETIF_RING_SLOTS);
	assert_int_equal(drops(bed, HOSTILE, DROP_TX_FULL), TURNS - delivered);
}

/* Events without anything behind them: one is taken per 32 looks at the ring, whatever comes. */
static void
test_event_flood(void **state)
{
	struct bed *bed = *state;
	struct fake_queue *ring;
	uint64_t unmasks, copies;

	start(bed);
	ring = &bed->guests[HOSTILE]->queues[0];
	unmasks = fake_hypervisor_counts(bed->fake).unmasks;
	copies = fake_hypervisor_counts(bed->fake).copy_calls;
	for (unsigned int turn = 0; turn < TURNS; turn++) {
		for (unsigned int i = 0; i < 100; i++)
			fake_channel_notify(bed->fake, configs[HOSTILE].domid,
					    i % 2 ? ring->tx_port : ring->rx_port);
		turn_with_traffic(bed, turn);
	}
	unmasks = fake_hypervisor_counts(bed->fake).unmasks - unmasks;
	copies = fake_hypervisor_counts(bed->fake).copy_calls - copies;
	/* those that behave are polled all the time */
	assert_true(unmasks <= TURNS / 32 + 1);
	/* one for each burst of theirs, from and to them */
	assert_int_equal(copies, TURNS * 4);
	/* when it stops, so does the worker */
	for (unsigned int i = 0; i < 2; i++)
		run(bed);
	assert_int_equal(bed->worker->n_active, 0);
}

/* A guest whose ring is always full gets one burst in each turn, and the others get theirs. */
static void
test_ring_flood(void **state)
{
	struct bed *bed = *state;
	struct fake_frontend *hostile;
	uint8_t frame[1000];
	uint32_t taken;
	uint64_t calls;

	start(bed);
	hostile = bed->guests[HOSTILE];
	taken = hostile->queues[0].tx->rsp_prod;
	calls = fake_hypervisor_counts(bed->fake).copy_calls;
	/* to itself: it goes nowhere */
	make_frame(frame, HOSTILE, HOSTILE, sizeof(frame));
	for (unsigned int turn = 0; turn < TURNS; turn++) {
		struct fake_frame f = {
			.data = frame,
			.len = sizeof(frame),
			/* in few slots, and in many */
			.slot_len = turn % 2 ? 60 : 0,
		};

		fake_frontend_reap(hostile, 0);
		while (fake_frontend_send(hostile, 0, &f) > 0)
			;
		turn_with_traffic(bed, turn);
		assert_true(hostile->queues[0].tx->rsp_prod - taken <=
			    PORT_BURST_MAX * (1 + XEN_NETIF_NR_SLOTS_MIN));
		assert_true(hostile->queues[0].tx->rsp_prod - taken > 0);
		taken = hostile->queues[0].tx->rsp_prod;
	}
	assert_null(hostile->broken);
	assert_int_equal(fake_hypervisor_counts(bed->fake).copy_calls - calls, TURNS * 5);
}

static uint64_t
now_msec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* A guest that breaks its ring and connects again, for ever: once a second. */
static void
test_breaks_for_ever(void **state)
{
	struct bed *bed = *state;
	struct fake_frontend *hostile;
	unsigned int n_connected = 0;
	uint64_t begin;

	start(bed);
	hostile = bed->guests[HOSTILE];
	begin = now_msec();
	for (unsigned int turn = 0; turn < TURNS; turn++) {
		struct netif_tx_request bad = { .offset = 4095, .size = 100 };

		if (hostile->state == XenbusStateConnected && !hostile->reset &&
		    fake_backend_state(bed->fake, &configs[HOSTILE]) == XenbusStateConnected) {
			fake_frontend_raw(hostile, 0, &bad);
			fake_frontend_push(hostile, 0);
			n_connected++;
			turn_with_traffic(bed, turn);
			fake_frontend_reset(hostile);
		}
		turn_with_traffic(bed, turn);
	}
	assert_in_range(n_connected, 1, 2 + (now_msec() - begin) / 1000);
	assert_int_equal(drops(bed, 0, DROP_TX_FULL) + drops(bed, 1, DROP_TX_FULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hoarder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_event_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ring_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_breaks_for_ever, setup, teardown),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
