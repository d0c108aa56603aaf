/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets under way when the backend is killed, and copies that fail as a whole. */
#include <errno.h>

#include "netback_bed.h"

static void
restart(struct bed *bed)
{
	fake_host_stop(bed->host);
	fake_host_start(bed->host);
	fake_host_settle(bed->host, &bed->frontend, 1);
	bed->vif = fake_host_vif(bed->host, &guest);
}

/* After errors that were none of the guest's doing. */
static void
send_frame_again(struct bed *bed)
{
	bed->frontend->queues[0].tx_error = 0;
	send_one(bed, 333, 100, 0);
}

/* The backend goes away and a new one comes, with packets in the ring both ways. */
static void
test_restart(void **state)
{
	struct bed *bed = *state;
	uint64_t errors;
	uint8_t data[10][100], buf[200];
	struct fake_frame frame = { .len = sizeof(data[0]) };
	struct rte_mbuf *pkts[VIF_BURST_MAX], *pkt;

	for (unsigned int i = 0; i < 300; i++)
		send_one(bed, 60 + i, 0, 0);
	for (unsigned int i = 0; i < 10; i++) {
		fill(data[i], sizeof(data[i]), i);
		frame.data = data[i];
		fake_frontend_send(bed->frontend, 0, &frame);
		if (i == 3) {
			assert_int_equal(receive(bed, pkts, 2), 2);
			rte_pktmbuf_free_bulk(pkts, 2);
		}
	}
	pkt = rte_pktmbuf_alloc(pool);
	memcpy(rte_pktmbuf_append(pkt, 100), data[0], 100);
	assert_int_equal(transmit(bed, &pkt, 1), 1);

	restart(bed);
	/* what waited is answered with errors, since it cannot be trusted: see the test below */
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 0);
	errors = bed->frontend->queues[0].tx_error;
	assert_int_equal(fake_frontend_reap(bed->frontend, 0), 10);
	assert_int_equal(bed->frontend->queues[0].tx_error - errors, 8);
	send_frame_again(bed);
	pkt = rte_pktmbuf_alloc(pool);
	memcpy(rte_pktmbuf_append(pkt, 100), data[1], 100);
	assert_int_equal(transmit(bed, &pkt, 1), 1);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), NULL), 100);
		assert_memory_equal(buf, data[i], 100);
	}
	assert_null(bed->frontend->broken);
}

/*
 * Killed in publish(): answers are written, but not published, so that requests name other pages
 * than the guest meant. None of them may be copied.
 */
static void
test_restart_half_answered(void **state)
{
	struct bed *bed = *state;
	struct netif_extra_info hash = { .type = XEN_NETIF_EXTRA_TYPE_HASH };
	struct netif_extra_info mcast = { .type = XEN_NETIF_EXTRA_TYPE_MCAST_ADD,
					  .flags = XEN_NETIF_EXTRA_FLAG_MORE };
	struct netif_tx_sring *ring = bed->frontend->queues[0].tx;
	struct rte_mbuf *pkts[VIF_BURST_MAX];
	uint32_t secret, ref = good_ref(bed);

	/* granted to the same domain for something else; its reference is the packet's id */
	memset(fake_grant(bed->host->fake, guest.domid, &secret), 'S', HYPERVISOR_PAGE_SIZE);
	raw(bed, ref, 0, NETTXF_extra_info | NETTXF_more_data, (uint16_t)secret, 200);
	raw_extra(bed, &hash);
	/* only the first request's extra_info counts */
	raw(bed, ref, 0, NETTXF_extra_info, 7, 100);
	raw(bed, ref, 0, NETTXF_extra_info | NETTXF_more_data, 8, 100);
	raw_extra(bed, &mcast);
	raw_extra(bed, &hash);
	raw(bed, ref, 0, 0, 9, 60);
	ring->ring[0].rsp = (struct netif_tx_response){ .id = (uint16_t)secret };
	(ring->ring + 1)->rsp.status = NETIF_RSP_NULL;
	fake_frontend_push(bed->frontend, 0);
	restart(bed);
	assert_int_equal(ring->rsp_prod, 7);
	assert_response(bed, 0, (int)secret, NETIF_RSP_ERROR);
	assert_response(bed, 1, -1, NETIF_RSP_NULL);
	assert_response(bed, 2, 7, NETIF_RSP_ERROR);
	assert_response(bed, 3, 8, NETIF_RSP_ERROR);
	assert_response(bed, 4, -1, NETIF_RSP_NULL);
	assert_response(bed, 5, -1, NETIF_RSP_NULL);
	assert_response(bed, 6, 9, NETIF_RSP_ERROR);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 0);
	assert_int_equal(fake_hypervisor_counts(bed->host->fake).copies, 0);
	bed->frontend->queues[0].tx_cons = bed->frontend->queues[0].tx_prod;
	send_one(bed, 60, 0, 0);
}

/* The guest's index goes away from where it was checked. */
static void
claim_more(void *arg)
{
	const struct bed *bed = arg;

	bed->frontend->queues[0].tx->req_prod += 1000;
}

/* A guest that claims more requests than fit, once those that wait have been counted. */
static void
test_restart_index_moves(void **state)
{
	struct bed *bed = *state;
	struct netif_tx_sring *ring = bed->frontend->queues[0].tx;

	send_one(bed, 60, 0, 0);
	fake_host_stop(bed->host);
	fake_before(bed->host->fake, FAKE_OP_BIND, claim_more, bed);
	fake_host_start(bed->host);
	netback_process(bed->host->netback);
	assert_int_equal(ring->req_prod, 1001);
	assert_int_equal(ring->rsp_prod, 1);
	fake_host_settle(bed->host, &bed->frontend, 1);
	bed->vif = fake_host_vif(bed->host, &guest);
	assert_null(bed->vif->rings);
	assert_string_equal(bed->vif->error, "more requests than the ring has slots");
}

/* The call fails, not a grant: the packets fail, and an operator is told why. */
static void
test_copy_call_fails(void **state)
{
	struct bed *bed = *state;
	uint8_t data[60] = { 0 };
	struct fake_frame frame = { .data = data, .len = sizeof(data) };
	struct rte_mbuf *pkts[VIF_BURST_MAX];
	struct vif_info info;

	fake_fail(bed->host->fake, FAKE_OP_COPY, 2, ENOMEM);
	for (unsigned int i = 0; i < 2; i++) {
		fake_frontend_send(bed->frontend, 0, &frame);
		assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 0);
	}
	assert_int_equal(bed->lost.copy_failed, 2);
	netback_process(bed->host->netback);
	assert_string_equal(bed->host->message,
			    "vif1.0: grant copies fail: Cannot allocate memory");
	vif_info(bed->vif, &info);
	assert_int_equal(info.copy_failures, 2);
	assert_int_equal(info.copy_errno, ENOMEM);
	assert_string_equal(info.error,
			    "grant copies have failed 2 times, last: Cannot allocate memory");
	assert_string_equal(info.state, "connected");
	assert_int_equal(fake_frontend_reap(bed->frontend, 0), 2);
	send_frame_again(bed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_restart),
		TEST(test_restart_half_answered),
		TEST(test_restart_index_moves),
		TEST(test_copy_call_fails),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
