/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets from the switch to a guest, and guests that do not take them as they should. */
#include <errno.h>

#include "netback_bed.h"

static int
setup_no_sg(void **state)
{
	struct fake_frontend_config config = guest;

	config.no_sg = true;
	return setup_config(state, &config);
}

static void
test_to_guest(void **state)
{
	static const uint32_t lens[] = { 14, 60, 1514, 4095, 4096, 4097, 8192, 9018, 65535 };
	static uint8_t data[65535], buf[65536];
	struct bed *bed = *state;

	for (unsigned int round = 0; round < 50; round++) {
		for (unsigned int i = 0; i < RTE_DIM(lens); i++) {
			struct rte_mbuf *pkt;
			struct fake_packet got;

			fill(data, lens[i], i + round);
			pkt = make_packet(data, lens[i], (uint16_t)(round % 2 == 0 ? 2000 : 1448));
			assert_int_equal(transmit(bed, &pkt, 1), 1);
			assert_int_equal(
				fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), &got),
				lens[i]);
			assert_memory_equal(buf, data, lens[i]);
			assert_int_equal(got.flags & ~NETRXF_more_data, 0);
			assert_null(bed->frontend->broken);
		}
	}
	assert_int_equal(bed->lost.too_big + bed->lost.copy_failed, 0);
}

static void
test_to_guest_flags(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *pkts[3];
	struct fake_packet got;
	uint8_t buf[100];

	for (unsigned int i = 0; i < 3; i++)
		pkts[i] = make_packet(udp_frame, sizeof(udp_frame), 1000);
	pkts[0]->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV4;
	pkts[1]->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	assert_int_equal(transmit(bed, pkts, 3), 3);
	assert_int_equal(fake_hypervisor_counts(bed->host->fake).copy_calls, 1);
	assert_int_equal(fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), &got), 46);
	assert_int_equal(got.flags, NETRXF_csum_blank | NETRXF_data_validated);
	assert_int_equal(fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), &got), 46);
	assert_int_equal(got.flags, NETRXF_data_validated);
	assert_int_equal(fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), &got), 46);
	assert_int_equal(got.flags, 0);
}

/* A shared packet is not written to, and its other owner keeps it. */
static void
test_to_guest_shared(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *pkt = make_packet(udp_frame, sizeof(udp_frame), 1000);
	uint8_t buf[100];

	rte_mbuf_refcnt_update(pkt, 1);
	assert_int_equal(transmit(bed, &pkt, 1), 1);
	assert_int_equal(rte_mbuf_refcnt_read(pkt), 1);
	assert_packet(pkt, udp_frame, sizeof(udp_frame));
	rte_pktmbuf_free(pkt);
	assert_int_equal(fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), NULL), 46);
}

/* The guest posts too few buffers: what does not fit is left to the caller, whole. */
static void
test_to_guest_full(void **state)
{
	static uint8_t data[9000];
	struct bed *bed = *state;
	struct fake_queue *queue = &bed->frontend->queues[0];
	struct rte_mbuf *pkts[VIF_BURST_MAX];
	uint16_t n = 0, taken;
	struct vif_info info;

	/* 256 buffers: 85 packets of three pages, and one buffer is left over */
	for (unsigned int round = 0; round < 2; round++) {
		for (n = 0; n < VIF_BURST_MAX; n++)
			pkts[n] = make_packet(data, sizeof(data), 2000);
		taken = transmit(bed, pkts, VIF_BURST_MAX);
		assert_int_equal(taken, round == 0 ? 64 : 21);
		rte_pktmbuf_free_bulk(&pkts[taken], VIF_BURST_MAX - taken);
	}
	assert_int_equal(queue->rx->rsp_prod, 255);
	pkts[0] = make_packet(data, 4097, 2000);
	pkts[1] = make_packet(data, 60, 2000);
	assert_int_equal(transmit(bed, pkts, 2), 0);
	assert_int_equal(transmit(bed, &pkts[1], 1), 1);
	rte_pktmbuf_free(pkts[0]);
	vif_info(bed->vif, &info);
	assert_int_equal(info.rx_packets, 86);
	assert_int_equal(info.rx_requests, 256);
	assert_int_equal(info.rx_full, 2);
	for (unsigned int i = 0; i < 86; i++)
		assert_true(fake_frontend_recv(bed->frontend, 0, data, sizeof(data), NULL) > 0);
	assert_null(bed->frontend->broken);
}

static void
test_to_guest_no_sg(void **state)
{
	static uint8_t data[9000];
	struct bed *bed = *state;
	struct vif_info info;
	struct rte_mbuf *pkts[3] = {
		make_packet(data, 4096, 2000),
		make_packet(data, 4097, 2000),
		make_packet(data, 60, 2000),
	};

	assert_int_equal(transmit(bed, pkts, 3), 3);
	assert_int_equal(bed->lost.too_big, 1);
	assert_int_equal(bed->lost.too_big_bytes, 4097);
	vif_info(bed->vif, &info);
	assert_int_equal(info.rx_packets, 2);
	assert_int_equal(info.rx_errors, 1);
	assert_int_equal(fake_frontend_recv(bed->frontend, 0, data, sizeof(data), NULL), 4096);
	assert_int_equal(fake_frontend_recv(bed->frontend, 0, data, sizeof(data), NULL), 60);
	assert_int_equal(fake_frontend_recv(bed->frontend, 0, data, sizeof(data), NULL), 0);
}

/* Buffers that cannot be written to: the packet fails, all its slots are there. */
static void
test_to_guest_bad_grant(void **state)
{
	static uint8_t data[9000];
	struct bed *bed = *state;
	struct fake_queue *queue = &bed->frontend->queues[0];
	struct rte_mbuf *pkts[2];

	(queue->rx->ring + 1)->req.gref = UINT32_MAX;
	pkts[0] = make_packet(data, sizeof(data), 2000);
	pkts[1] = make_packet(data, 60, 2000);
	assert_int_equal(transmit(bed, pkts, 2), 2);
	assert_int_equal(bed->lost.copy_failed, 1);
	assert_int_equal(bed->lost.copy_failed_bytes, sizeof(data));
	assert_true(queue->rx->ring[0].rsp.status == 4096);
	assert_true((queue->rx->ring + 1)->rsp.status < 0);
	assert_int_equal(fake_frontend_recv(bed->frontend, 0, data, sizeof(data), NULL), -EIO);
	assert_int_equal(fake_frontend_recv(bed->frontend, 0, data, sizeof(data), NULL), 60);
	assert_null(bed->frontend->broken);
}

struct shown {
	struct rte_mbuf *pkts[4];
	enum vif_loss why[4];
	unsigned int n;
};

static void
show(void *arg, struct rte_mbuf *pkt, enum vif_loss why)
{
	struct shown *shown = arg;

	assert_in_range(shown->n, 0, 3);
	assert_int_equal(rte_mbuf_refcnt_read(pkt), 1);
	shown->pkts[shown->n] = pkt;
	shown->why[shown->n++] = why;
}

/* Who captures is shown what the guest does not get, and nothing else. */
static void
test_to_guest_lost_shown(void **state)
{
	static uint8_t data[9000];
	static const uint32_t lens[] = { 4097, 60, 61, 62, 5000 };
	struct shown shown = { .n = 0 };
	struct bed *bed = *state;
	struct rte_mbuf *pkts[5];

	for (unsigned int i = 0; i < 5; i++)
		pkts[i] = make_packet(data, lens[i], 2000);
	(bed->frontend->queues[0].rx->ring + 1)->req.gref = UINT32_MAX;
	bed->lost.show = show;
	bed->lost.arg = &shown;
	assert_int_equal(transmit(bed, pkts, 5), 5);
	assert_int_equal(shown.n, 3);
	assert_ptr_equal(shown.pkts[0], pkts[0]);
	assert_int_equal(shown.why[0], VIF_TOO_BIG);
	assert_ptr_equal(shown.pkts[1], pkts[2]);
	assert_int_equal(shown.why[1], VIF_COPY_FAILED);
	assert_ptr_equal(shown.pkts[2], pkts[4]);
	assert_int_equal(shown.why[2], VIF_TOO_BIG);
	assert_int_equal(bed->lost.too_big, 2);
	assert_int_equal(bed->lost.copy_failed, 1);
	assert_int_equal(fake_frontend_recv(bed->frontend, 0, data, sizeof(data), NULL), 60);
	assert_int_equal(fake_frontend_recv(bed->frontend, 0, data, sizeof(data), NULL), -EIO);
	assert_int_equal(fake_frontend_recv(bed->frontend, 0, data, sizeof(data), NULL), 62);
}

/* NetBSD's ids are arbitrary and looked up: they come back as they were. */
static void
test_to_guest_echoes_id(void **state)
{
	struct bed *bed = *state;
	struct fake_queue *queue = &bed->frontend->queues[0];
	struct rte_mbuf *pkt = make_packet(udp_frame, sizeof(udp_frame), 1000);

	queue->rx->ring[0].req.id = 0xbeef;
	assert_int_equal(transmit(bed, &pkt, 1), 1);
	assert_int_equal(queue->rx->ring[0].rsp.id, 0xbeef);
	assert_int_equal(queue->rx->ring[0].rsp.offset, 0);
}

static void
test_buffers_overflow(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *pkt = make_packet(udp_frame, sizeof(udp_frame), 1000);

	bed->frontend->queues[0].rx->req_prod += 1;
	assert_int_equal(transmit(bed, &pkt, 1), 0);
	rte_pktmbuf_free(pkt);
	assert_non_null(vif_rings_broken(bed->vif->rings));
	fake_host_settle(bed->host, NULL, 0);
	assert_int_equal(fake_backend_state(bed->host->fake, &guest), XenbusStateClosing);
}

static void
test_to_guest_copy_call_fails(void **state)
{
	static uint8_t data[9000];
	struct bed *bed = *state;
	struct rte_mbuf *pkt = make_packet(data, sizeof(data), 2000);
	struct vif_info info;

	fake_fail(bed->host->fake, FAKE_OP_COPY, 1, EFAULT);
	assert_int_equal(transmit(bed, &pkt, 1), 1);
	assert_int_equal(bed->lost.copy_failed, 1);
	assert_int_equal(bed->lost.copy_failed_bytes, sizeof(data));
	netback_process(bed->host->netback);
	assert_string_equal(bed->host->message, "vif1.0: grant copies fail: Bad address");
	vif_info(bed->vif, &info);
	assert_int_equal(info.copy_failures, 1);
	assert_int_equal(info.rx_packets, 0);
	assert_int_equal(info.rx_errors, 1);
	assert_int_equal(fake_frontend_recv(bed->frontend, 0, data, sizeof(data), NULL), -EIO);
	assert_null(bed->frontend->broken);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_to_guest),
		TEST(test_to_guest_flags),
		TEST(test_to_guest_shared),
		TEST(test_to_guest_full),
		cmocka_unit_test_setup_teardown(test_to_guest_no_sg, setup_no_sg, teardown),
		cmocka_unit_test_setup_teardown(test_to_guest_lost_shown, setup_no_sg, teardown),
		TEST(test_to_guest_bad_grant),
		TEST(test_to_guest_echoes_id),
		TEST(test_to_guest_copy_call_fails),
		TEST(test_buffers_overflow),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
