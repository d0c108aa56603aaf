/* SPDX-License-Identifier: BSD-3-Clause */
/* Large packets from guest to guest of which something fails, or whose guests go meanwhile. */
#include "direct_bed.h"

/*
 * The sender's pages cannot be read: every slot says so. Nobody gets half a packet, or an error for
 * what another guest has done (NetBSD takes a negative status for a length).
 */
static void
test_source_fails(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;

	start(bed, true);
	for (int to = 1; to >= -1; to -= 2) {
		uint64_t errors = tx(bed, 0)->tx_error;

		forget(bed);
		fake_frontend_reap(bed->guests[0], 0);
		send_frame(bed, 0, frame, make_frame(frame, to, 0, sizeof(frame)));
		ungrant_sent(bed, 1);
		assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), 0);
		assert_int_equal(recv_frame(bed, 2, got, sizeof(got)), 0);
		fake_frontend_reap(bed->guests[0], 0);
		assert_int_equal(tx(bed, 0)->tx_error, errors + 3);
		assert_balance(bed);
	}
	assert_int_equal(drops(bed, 1, DROP_TX_ERROR), 2);
	assert_int_equal(drops(bed, 2, DROP_TX_ERROR), 1);
	assert_int_equal(drops(bed, 0, DROP_RX_ERROR), 1);
	assert_int_equal(sink.n, 0);
	/* not even the headers */
	forget(bed);
	send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
	ungrant_sent(bed, 0);
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), 0);
	fake_frontend_reap(bed->guests[0], 0);
	assert_int_equal(tx(bed, 0)->tx_error, 9);
	assert_int_equal(drops(bed, 0, DROP_RX_ERROR), 2);
	assert_balance(bed);
}

/* A good packet before and one behind a bad one, in a burst: they arrive, without a gap. */
static void
test_source_fails_between(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;
	uint64_t okay;

	start(bed, false);
	fake_frontend_reap(bed->guests[0], 0);
	okay = tx(bed, 0)->tx_okay;
	for (uint32_t i = 0; i < 3; i++)
		send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame) - i));
	ungrant_sent(bed, 4);
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), sizeof(frame));
	assert_memory_equal(got, frame, sizeof(frame));
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), sizeof(frame) - 2);
	assert_memory_equal(got, frame, sizeof(frame) - 2);
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), 0);
	fake_frontend_reap(bed->guests[0], 0);
	assert_int_equal(tx(bed, 0)->tx_okay, okay + 6);
	assert_int_equal(tx(bed, 0)->tx_error, 3);
	assert_int_equal(drops(bed, 1, DROP_TX_ERROR), 1);
	assert_balance(bed);
}

/* All of a batch of copies fails: the sender hears of it, and what is sent next is all right. */
static void
test_call_fails(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;

	start(bed, true);
	for (int i = 0; i < 3; i++) {
		/* that of the headers; all of them */
		forget(bed);
		send_frame(bed, 0, frame, make_frame(frame, -1, 0, sizeof(frame)));
		fake_fail(bed->fake, FAKE_OP_COPY, i == 0 ? 1 : 4, ENOMEM);
		run(bed);
		fake_fail(bed->fake, FAKE_OP_COPY, 0, 0);
		while (fake_frontend_recv(bed->guests[1], 0, got, sizeof(got), NULL) != 0)
			;
		fake_frontend_reap(bed->guests[0], 0);
		assert_int_equal(tx(bed, 0)->tx_error, 3 * (i + 1));
		assert_balance(bed);
	}
	assert_int_equal(sink.n, 0);
	send_frame(bed, 0, frame, make_frame(frame, -1, 0, sizeof(frame)));
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), sizeof(frame));
	assert_int_equal(sink.n, 1);
}

/* A taker whose buffer is bad loses its copy; the other gets its own. */
static void
test_destination_fails(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;
	struct fake_queue *rx;

	start(bed, true);
	rx = &bed->guests[1]->queues[0];
	fake_ungrant(bed->fake, configs[1].domid,
		     rx->rx->ring[(rx->rx_cons + 1) & NETIF_RING_MASK].req.gref);
	send_frame(bed, 0, frame, make_frame(frame, -1, 0, sizeof(frame)));
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), -EIO);
	assert_int_equal(recv_frame(bed, 2, got, sizeof(got)), sizeof(frame));
	assert_memory_equal(got, frame, sizeof(frame));
	assert_int_equal(sink.n, 1);
	assert_bytes(sink.pkts[0], frame, sizeof(frame));
	assert_int_equal(drops(bed, 1, DROP_TX_ERROR), 1);
	assert_int_equal(drops(bed, 0, DROP_RX_ERROR), 0);
	fake_frontend_reap(bed->guests[0], 0);
	assert_int_equal(tx(bed, 0)->tx_error, 0);
	assert_balance(bed);
}

/* Dropped before anybody took it: the sender need not know. */
static void
test_dropped(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;
	uint64_t okay;

	start(bed, false);
	okay = tx(bed, 0)->tx_okay;
	port_mtu_set(vif_dp(bed, 1), 1500);
	send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
	send_frame(bed, 0, frame, make_frame(frame, 0, 0, sizeof(frame)));
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), 0);
	fake_frontend_reap(bed->guests[0], 0);
	assert_int_equal(tx(bed, 0)->tx_okay, okay + 6);
	assert_int_equal(drops(bed, 1, DROP_MTU_EXCEEDED), 1);
	assert_int_equal(drops(bed, 0, DROP_SAME_PORT), 1);
	/* a taker without buffers */
	port_mtu_set(vif_dp(bed, 1), MTU);
	for (int i = 0; i < 90; i++) {
		send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
		run_once(bed);
		fake_frontend_reap(bed->guests[0], 0);
	}
	assert_int_equal(drops(bed, 1, DROP_TX_FULL), 90 - NETIF_RING_SLOTS / 3);
	assert_int_equal(tx(bed, 0)->tx_error, 0);
	assert_balance(bed);
}

/* No mbufs for the data to come: an error, and nothing is left behind. */
static void
test_no_mbufs(void **state)
{
	static struct rte_mbuf *all[4096];
	static uint8_t frame[60000], got[60000];
	struct bed *bed = *state;
	unsigned int n = 0;

	start(bed, false);
	while ((all[n] = rte_pktmbuf_alloc(pool)) != NULL)
		n++;
	for (unsigned int i = 0; i < 10; i++)
		rte_pktmbuf_free(all[--n]);
	send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), 0);
	rte_pktmbuf_free_bulk(all, n);
	assert_int_equal(drops(bed, 0, DROP_NO_BUFFER), 1);
	fake_frontend_reap(bed->guests[0], 0);
	assert_true(tx(bed, 0)->tx_error > 0);
	send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), sizeof(frame));
	assert_memory_equal(got, frame, sizeof(frame));
}

/*
 * Killed in the middle of a turn, with answers written and not published: the next backend answers
 * them, with errors and with the right ids, and the guest goes on.
 */
static void
test_takeover(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;
	struct rte_mbuf *pkts[PORT_BURST_MAX];
	struct vif_lost lost = { 0 };
	struct vif *vif;
	uint16_t n;

	start(bed, false);
	vif = netback_find(bed->sw->netback, "vif1.0");
	for (int i = 0; i < 5; i++)
		send_frame(bed, 0, frame, make_frame(frame, 1, 0, i & 1 ? 60 : 9014));
	n = vif_rx_burst(bed->worker->hypervisor, vif_queue(vif, 0, false), pool, pkts,
			 PORT_BURST_MAX, &lost);
	assert_int_equal(n, 5);
	rte_pktmbuf_free_bulk(pkts, n);
	assert_int_equal(fake_frontend_reap(bed->guests[0], 0), 0);
	stop_switch(bed);
	start_switch(bed);
	add_bridge(bed, "xenbr0");
	for (int try = 0; try < TRIES && !all_connected(bed); try++)
		wait_once(bed);
	assert_true(all_connected(bed));
	run(bed);
	assert_int_equal(fake_frontend_reap(bed->guests[0], 0), 3 * 3 + 2);
	assert_int_equal(tx(bed, 0)->tx_error, 3 * 3 + 2);
	assert_null(bed->guests[0]->broken);
	for (int i = 0; i < GUESTS; i++)
		port_mtu_set(vif_dp(bed, i), MTU);
	send_frame(bed, 0, frame, make_frame(frame, 1, 0, sizeof(frame)));
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), sizeof(frame));
	assert_memory_equal(got, frame, sizeof(frame));
}

/* The sender's connection goes while its packets are under way: the turn ends as any other. */
static void
test_source_gone(void **state)
{
	static uint8_t frame[9014], got[9014];
	struct bed *bed = *state;

	start(bed, true);
	sink.force = true;
	send_frame(bed, 0, frame, make_frame(frame, -1, 0, sizeof(frame)));
	run_once(bed);
	assert_int_equal(sink.n, 1);
	sink.force = false;
	assert_int_equal(tx(bed, 0)->tx->rsp_prod, tx(bed, 0)->tx_prod);
	fake_toolstack_remove(bed->fake, &configs[0]);
	run(bed);
	assert_int_equal(fake_hypervisor_counts(bed->fake).maps, 2 * 2);
	fake_frontend_destroy(bed->guests[0]);
	bed->guests[0] = bed->guests[2];
	bed->guests[2] = NULL;
	make_frame(frame, 1, 2, sizeof(frame));
	send_frame(bed, 0, frame, sizeof(frame));
	while (recv_frame(bed, 1, got, sizeof(got)) > 0)
		;
	assert_memory_equal(got, frame, sizeof(frame));
	assert_balance(bed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_source_fails), TEST(test_source_fails_between),
		TEST(test_call_fails),   TEST(test_destination_fails),
		TEST(test_dropped),      TEST(test_no_mbufs),
		TEST(test_takeover),     TEST(test_source_gone),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
