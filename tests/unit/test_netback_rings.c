/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets from a guest to the switch: all shapes, and what hostile guests do. */
#include "netback_bed.h"

static const struct fake_frontend_config other = { .domid = 2 };

static void
test_frames(void **state)
{
	struct bed *bed = *state;

	for (uint32_t len = 14; len <= 3000; len += 13)
		send_one(bed, len, 0, (uint16_t)(len % 1000));
	send_one(bed, 4096, 0, 0);
	send_one(bed, 4097, 0, 0);
	send_one(bed, 9014, 0, 0);
	send_one(bed, 65535, 0, 0);
	send_one(bed, 65535, 0, 100);
	/* a first fragment that just holds the Ethernet header */
	send_one(bed, 14 * 18, 14, 4082);
}

static void
test_slot_counts(void **state)
{
	struct bed *bed = *state;

	send_one(bed, 100 * 18, 100, 7);
	send_one(bed, 100 * 19, 100, 7);
}

/* Through the ring's end many times, with packets of all sizes in one burst. */
static void
test_wrap(void **state)
{
	struct bed *bed = *state;
	static uint8_t data[16][20000];
	struct rte_mbuf *pkts[VIF_BURST_MAX];
	uint32_t n_sent = 0;

	for (uint32_t round = 0; round < 300; round++) {
		for (uint32_t i = 0; i < 16; i++) {
			uint32_t len = 60 + (round * 16 + i) * 37 % 19000;
			struct fake_frame frame = { .data = data[i],
						    .len = len,
						    .slot_len = (uint16_t)(1100 + i * 100) };

			fill(data[i], len, round + i);
			assert_true(fake_frontend_send(bed->frontend, 0, &frame) > 0);
			n_sent++;
		}
		assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 16);
		for (uint32_t i = 0; i < 16; i++) {
			uint32_t len = 60 + (round * 16 + i) * 37 % 19000;

			assert_packet(pkts[i], data[i], len);
			rte_pktmbuf_free(pkts[i]);
		}
		fake_frontend_reap(bed->frontend, 0);
		assert_null(bed->frontend->broken);
	}
	/* one grant copy call per burst */
	assert_int_equal(fake_hypervisor_counts(bed->host->fake).copy_calls, 300);
	assert_int_equal(n_sent, 4800);
}

/* More packets than a burst takes, and a caller that wants few. */
static void
test_budget(void **state)
{
	struct bed *bed = *state;
	uint8_t data[60] = { 0 };
	struct fake_frame frame = { .data = data, .len = sizeof(data) };
	struct rte_mbuf *pkts[VIF_BURST_MAX];

	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(fake_frontend_send(bed->frontend, 0, &frame), 1);
	assert_int_equal(receive(bed, pkts, 5), 5);
	rte_pktmbuf_free_bulk(pkts, 5);
	assert_int_equal(fake_frontend_reap(bed->frontend, 0), 5);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 64);
	rte_pktmbuf_free_bulk(pkts, 64);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 31);
	rte_pktmbuf_free_bulk(pkts, 31);
	assert_int_equal(fake_frontend_reap(bed->frontend, 0), 95);
}

static void
test_checksum_flags(void **state)
{
	struct bed *bed = *state;
	uint8_t arp[60] = { [12] = 0x08, [13] = 0x06 };
	struct fake_frame frame = { .data = udp_frame, .len = sizeof(udp_frame) };
	struct rte_mbuf *pkts[VIF_BURST_MAX];

	frame.flags = NETTXF_csum_blank | NETTXF_data_validated;
	fake_frontend_send(bed->frontend, 0, &frame);
	frame.flags = NETTXF_csum_blank; /* as NetBSD does */
	fake_frontend_send(bed->frontend, 0, &frame);
	frame.flags = NETTXF_data_validated;
	fake_frontend_send(bed->frontend, 0, &frame);
	frame.flags = 0;
	fake_frontend_send(bed->frontend, 0, &frame);
	/* blank, but neither TCP nor UDP: passes as it is */
	frame = (struct fake_frame){ .data = arp, .len = sizeof(arp), .flags = NETTXF_csum_blank };
	fake_frontend_send(bed->frontend, 0, &frame);
	/* blank, and the headers contradict the length: dropped, but answered */
	frame = (struct fake_frame){ .data = udp_frame, .len = 36, .flags = NETTXF_csum_blank };
	fake_frontend_send(bed->frontend, 0, &frame);

	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 5);
	for (unsigned int i = 0; i < 2; i++) {
		assert_true((pkts[i]->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM);
		assert_true(pkts[i]->ol_flags & RTE_MBUF_F_TX_IPV4);
		assert_int_equal(pkts[i]->l2_len, 14);
		assert_int_equal(pkts[i]->l3_len, 20);
	}
	assert_int_equal(pkts[2]->ol_flags & ~POOL_FLAGS, RTE_MBUF_F_RX_L4_CKSUM_GOOD);
	assert_int_equal(pkts[3]->ol_flags & ~POOL_FLAGS, 0);
	assert_int_equal(pkts[4]->ol_flags & ~POOL_FLAGS, 0);
	rte_pktmbuf_free_bulk(pkts, 5);
	assert_int_equal(bed->lost.bad_frame, 1);
	assert_int_equal(fake_frontend_reap(bed->frontend, 0), 6);
	assert_null(bed->frontend->broken);
}

/* Push, and expect all slots answered with errors, the vif alive and no packet. */
static void
expect_errors(struct bed *bed, uint32_t n)
{
	uint32_t first = bed->frontend->queues[0].tx->rsp_prod;
	uint32_t lost = bed->lost.bad_request;
	struct rte_mbuf *pkts[VIF_BURST_MAX];

	fake_frontend_push(bed->frontend, 0);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 0);
	assert_int_equal(bed->frontend->queues[0].tx->rsp_prod - first, n);
	for (uint32_t i = 0; i < n; i++)
		assert_response(bed, first + i, (int)i, NETIF_RSP_ERROR);
	assert_int_equal(bed->lost.bad_request, lost + 1);
	assert_null(vif_rings_broken(bed->vif->rings));
	bed->frontend->queues[0].tx_cons = bed->frontend->queues[0].tx_prod;
	send_one(bed, 60, 0, 0);
}

/* Push, and expect this vif to be disabled, and no other. */
static void
expect_broken(struct bed *bed)
{
	struct fake_frontend *survivor = fake_host_connect(bed->host, &other);
	struct rte_mbuf *pkts[VIF_BURST_MAX], *pkt;
	struct vif_info info;

	fake_frontend_push(bed->frontend, 0);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 0);
	assert_non_null(vif_rings_broken(bed->vif->rings));
	/* from then on it does nothing at all, in either direction */
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 0);
	pkt = rte_pktmbuf_alloc(pool);
	rte_pktmbuf_append(pkt, 60);
	assert_int_equal(transmit(bed, &pkt, 1), 0);
	rte_pktmbuf_free(pkt);
	assert_false(vif_rx_arm(vif_queue(bed->vif, 0, false)));

	fake_host_settle(bed->host, NULL, 0);
	assert_int_equal(fake_backend_state(bed->host->fake, &guest), XenbusStateClosing);
	assert_int_equal(fake_backend_state(bed->host->fake, &other), XenbusStateConnected);
	assert_null(bed->vif->rings);
	vif_info(bed->vif, &info);
	assert_int_equal(info.ring_errors, 1);
	assert_string_not_equal(info.error, "");
	assert_int_equal(fake_hypervisor_counts(bed->host->fake).maps, 2);
	fake_frontend_destroy(survivor);
}

static void
test_too_many_slots(void **state)
{
	struct bed *bed = *state;
	uint32_t ref = good_ref(bed);

	for (uint16_t n = 20; n <= 21; n++) {
		for (uint16_t i = 0; i < n; i++)
			raw(bed, ref, 0, i + 1 < n ? NETTXF_more_data : 0, i,
			    i == 0 ? (uint16_t)(n * 60) : 60);
		expect_errors(bed, n);
	}
}

static void
test_far_too_many_slots(void **state)
{
	struct bed *bed = *state;
	uint32_t ref = good_ref(bed);

	for (uint16_t i = 0; i < 22; i++)
		raw(bed, ref, 0, i < 21 ? NETTXF_more_data : 0, i, i == 0 ? 22 * 60 : 60);
	expect_broken(bed);
}

static void
test_fragment_larger_than_packet(void **state)
{
	struct bed *bed = *state;
	uint32_t ref = good_ref(bed);

	raw(bed, ref, 0, NETTXF_more_data, 0, 100);
	raw(bed, ref, 0, NETTXF_more_data, 1, 200);
	raw(bed, ref, 0, 0, 2, 10);
	expect_errors(bed, 3);
}

static void
test_short_packets(void **state)
{
	struct bed *bed = *state;
	uint32_t ref = good_ref(bed);

	raw(bed, ref, 0, 0, 0, 13);
	expect_errors(bed, 1);
	raw(bed, ref, 0, 0, 0, 0);
	expect_errors(bed, 1);
	/* the rest for the first fragment is less than an Ethernet header */
	raw(bed, ref, 0, NETTXF_more_data, 0, 100);
	raw(bed, ref, 0, 0, 1, 87);
	expect_errors(bed, 2);
}

static void
test_first_crosses_page(void **state)
{
	struct bed *bed = *state;

	raw(bed, good_ref(bed), 4000, 0, 0, 97);
	expect_broken(bed);
}

static void
test_first_crosses_page_wrapped(void **state)
{
	struct bed *bed = *state;

	raw(bed, good_ref(bed), 65535, 0, 0, 65535);
	expect_broken(bed);
}

static void
test_fragment_crosses_page(void **state)
{
	struct bed *bed = *state;
	uint32_t ref = good_ref(bed);

	raw(bed, ref, 0, NETTXF_more_data, 0, 200);
	raw(bed, ref, 4090, 0, 1, 7);
	expect_broken(bed);
}

static void
test_more_data_missing(void **state)
{
	struct bed *bed = *state;

	raw(bed, good_ref(bed), 0, NETTXF_more_data, 0, 100);
	expect_broken(bed);
}

static void
test_extra_missing(void **state)
{
	struct bed *bed = *state;

	raw(bed, good_ref(bed), 0, NETTXF_extra_info, 0, 100);
	expect_broken(bed);
}

static void
test_extra_chain_missing(void **state)
{
	struct bed *bed = *state;
	struct netif_extra_info extra = { .type = XEN_NETIF_EXTRA_TYPE_HASH,
					  .flags = XEN_NETIF_EXTRA_FLAG_MORE };

	raw(bed, good_ref(bed), 0, NETTXF_extra_info, 0, 100);
	raw_extra(bed, &extra);
	expect_broken(bed);
}

static void
test_extra_unknown(void **state)
{
	struct bed *bed = *state;
	struct netif_extra_info extra = { .type = XEN_NETIF_EXTRA_TYPE_MAX };

	raw(bed, good_ref(bed), 0, NETTXF_extra_info, 0, 100);
	raw_extra(bed, &extra);
	expect_broken(bed);
}

static void
test_extra_none(void **state)
{
	struct bed *bed = *state;
	struct netif_extra_info extra = { .type = XEN_NETIF_EXTRA_TYPE_NONE };

	raw(bed, good_ref(bed), 0, NETTXF_extra_info, 0, 100);
	raw_extra(bed, &extra);
	expect_broken(bed);
}

static void
test_gso_size_0(void **state)
{
	struct bed *bed = *state;
	struct netif_extra_info extra = { .type = XEN_NETIF_EXTRA_TYPE_GSO,
					  .u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4 };

	raw(bed, good_ref(bed), 0, NETTXF_extra_info, 0, 100);
	raw_extra(bed, &extra);
	expect_broken(bed);
}

static void
test_gso_unknown(void **state)
{
	struct bed *bed = *state;
	struct netif_extra_info extra = { .type = XEN_NETIF_EXTRA_TYPE_GSO,
					  .u.gso = { .size = 1448, .type = 3 } };

	raw(bed, good_ref(bed), 0, NETTXF_extra_info, 0, 100);
	raw_extra(bed, &extra);
	expect_broken(bed);
}

static void
test_requests_overflow(void **state)
{
	struct bed *bed = *state;

	bed->frontend->queues[0].tx_prod += NETIF_RING_SLOTS + 1;
	expect_broken(bed);
}

static void
test_requests_backwards(void **state)
{
	struct bed *bed = *state;

	send_one(bed, 60, 0, 0);
	bed->frontend->queues[0].tx_prod -= 1;
	bed->frontend->queues[0].tx->req_prod = bed->frontend->queues[0].tx_prod;
	expect_broken(bed);
}

/* What precedes the broken request in the same burst is still delivered and answered. */
static void
test_broken_after_good(void **state)
{
	struct bed *bed = *state;
	uint8_t data[60] = { 0 };
	struct fake_frame frame = { .data = data, .len = sizeof(data) };
	struct rte_mbuf *pkts[VIF_BURST_MAX];

	fake_frontend_send(bed->frontend, 0, &frame);
	raw(bed, good_ref(bed), 4000, 0, 0, 97);
	fake_frontend_push(bed->frontend, 0);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 1);
	rte_pktmbuf_free(pkts[0]);
	assert_non_null(vif_rings_broken(bed->vif->rings));
	assert_int_equal(fake_frontend_reap(bed->frontend, 0), 1);
}

/* Extras that are not offered: refused, and the vif lives on. Their slots answer NULL. */
static void
test_extras_multicast(void **state)
{
	static const struct netif_extra_info extras[] = {
		{ .type = XEN_NETIF_EXTRA_TYPE_MCAST_ADD, .u.mcast.addr = { 1, 0, 0x5e, 0, 0, 1 } },
		{ .type = XEN_NETIF_EXTRA_TYPE_MCAST_DEL, .u.mcast.addr = { 1, 0, 0x5e, 0, 0, 1 } },
	};
	struct bed *bed = *state;

	for (unsigned int i = 0; i < RTE_DIM(extras); i++) {
		uint32_t first = bed->frontend->queues[0].tx->rsp_prod;
		struct rte_mbuf *pkts[VIF_BURST_MAX];

		/* the dummy request of a multicast message has no grant */
		raw(bed, 0, 0, NETTXF_extra_info, 9, 100);
		raw_extra(bed, &extras[i]);
		fake_frontend_push(bed->frontend, 0);
		assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 0);
		assert_int_equal(bed->frontend->queues[0].tx->rsp_prod - first, 2);
		assert_response(bed, first, 9, NETIF_RSP_OKAY);
		assert_response(bed, first + 1, -1, NETIF_RSP_NULL);
		bed->frontend->queues[0].tx_cons = bed->frontend->queues[0].tx_prod;
	}
	assert_int_equal(bed->lost.bad_request, 0); /* they are no packets */
	assert_int_equal(fake_hypervisor_counts(bed->host->fake).copies, 0);
	send_one(bed, 60, 0, 0);
}

/* A hash is taken note of and ignored: the packet passes, with its NULL in the right place. */
static void
test_extra_hash(void **state)
{
	struct netif_extra_info extra = { .type = XEN_NETIF_EXTRA_TYPE_HASH };
	struct bed *bed = *state;
	uint8_t data[300];
	struct fake_frame frame = {
		.data = data, .len = sizeof(data), .slot_len = 100, .extra = &extra
	};
	struct rte_mbuf *pkts[VIF_BURST_MAX];

	fill(data, sizeof(data), 3);
	assert_int_equal(fake_frontend_send(bed->frontend, 0, &frame), 4);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 1);
	assert_packet(pkts[0], data, sizeof(data));
	rte_pktmbuf_free(pkts[0]);
	assert_int_equal(fake_frontend_reap(bed->frontend, 0), 4);
	assert_null(bed->frontend->broken);
	assert_int_equal(bed->frontend->queues[0].tx_null, 1);
}

/* XSA-448: a later fragment of no bytes is legal, and its grant is nobody's business. */
static void
test_empty_fragment(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *pkts[VIF_BURST_MAX];
	uint32_t ref = good_ref(bed);

	raw(bed, ref, 0, NETTXF_more_data, 5, 200);
	raw(bed, UINT32_MAX, 4096, NETTXF_more_data, 6, 0);
	raw(bed, ref, 0, 0, 7, 100);
	fake_frontend_push(bed->frontend, 0);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 1);
	assert_int_equal(pkts[0]->pkt_len, 200);
	rte_pktmbuf_free(pkts[0]);
	assert_int_equal(fake_hypervisor_counts(bed->host->fake).copies, 2);
	for (uint32_t i = 0; i < 3; i++)
		assert_response(bed, i, (int)i + 5, NETIF_RSP_OKAY);
}

/* A grant that is not there: this packet fails, those around it do not. */
static void
test_bad_grant(void **state)
{
	struct bed *bed = *state;
	uint8_t data[60] = { 0 };
	struct fake_frame frame = { .data = data, .len = sizeof(data) };
	struct rte_mbuf *pkts[VIF_BURST_MAX];
	uint32_t ref = good_ref(bed);

	fake_frontend_send(bed->frontend, 0, &frame);
	raw(bed, ref, 0, NETTXF_more_data, 300, 200);
	raw(bed, 3, 0, 0, 301, 100);
	fake_frontend_send(bed->frontend, 0, &frame);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 2);
	rte_pktmbuf_free_bulk(pkts, 2);
	assert_response(bed, 0, 0, NETIF_RSP_OKAY);
	assert_response(bed, 1, 300, NETIF_RSP_ERROR);
	assert_response(bed, 2, 301, NETIF_RSP_ERROR);
	assert_response(bed, 3, 1, NETIF_RSP_OKAY);
	assert_int_equal(bed->lost.copy_failed, 1);
}

static void
test_no_buffers(void **state)
{
	struct bed *bed = *state;
	static struct rte_mbuf *all[8192], *pkts[VIF_BURST_MAX];
	uint8_t data[60] = { 0 };
	struct fake_frame frame = { .data = data, .len = sizeof(data) };
	uint32_t n = 0;

	while ((all[n] = rte_pktmbuf_alloc(pool)) != NULL)
		n++;
	/* one mbuf is not enough for the second packet */
	rte_pktmbuf_free(all[--n]);
	frame.len = 60;
	fake_frontend_send(bed->frontend, 0, &frame);
	raw(bed, good_ref(bed), 0, 0, 200, 4096);
	fake_frontend_push(bed->frontend, 0);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 1);
	assert_int_equal(bed->lost.no_buffer, 1);
	assert_response(bed, 1, 200, NETIF_RSP_ERROR);
	rte_pktmbuf_free(pkts[0]);
	rte_pktmbuf_free_bulk(all, n);
	bed->frontend->queues[0].tx_cons = bed->frontend->queues[0].tx_prod;
	bed->frontend->queues[0].tx_busy[0] = false;
	send_one(bed, 60, 0, 0);
}

/* The guest is told of responses if it asked, and only then. */
static void
test_notifications(void **state)
{
	struct bed *bed = *state;
	struct fake_queue *queue = &bed->frontend->queues[0];
	uint32_t events[VIF_BURST_MAX];
	struct vif_thread *thread = bed->host->threads[0];
	struct hypervisor_thread *hvt = thread->hvt;
	uint8_t data[60] = { 0 };
	struct fake_frame frame = { .data = data, .len = sizeof(data) };
	struct rte_mbuf *pkts[VIF_BURST_MAX];

	/* binding made both channels fire once; the one for buffers has nobody to tell */
	assert_int_equal(thread->hv->ops->events(hvt, events, 64), 1);
	assert_int_equal(events[0], 1 << 8);

	fake_frontend_send(bed->frontend, 0, &frame);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 1);
	rte_pktmbuf_free(pkts[0]);
	assert_int_equal(fake_channel_take(bed->host->fake, 1, queue->tx_port), 1);
	assert_int_equal(fake_channel_take(bed->host->fake, 1, queue->rx_port), 0);
	fake_frontend_reap(bed->frontend, 0);
	queue->tx->rsp_event = queue->tx_cons + 3;
	for (unsigned int i = 0; i < 3; i++) {
		fake_frontend_send(bed->frontend, 0, &frame);
		assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 1);
		rte_pktmbuf_free(pkts[0]);
		assert_int_equal(fake_channel_take(bed->host->fake, 1, queue->tx_port), i == 2);
	}
	fake_frontend_reap(bed->frontend, 0);

	/* polled: the guest's sends make no events; what came at bind is still masked */
	assert_int_equal(thread->hv->ops->events(hvt, events, 64), 0);
	/* armed with a request waiting: stay */
	fake_frontend_send(bed->frontend, 0, &frame);
	assert_true(vif_rx_arm(vif_queue(bed->vif, 0, false)));
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 1);
	rte_pktmbuf_free(pkts[0]);
	/* the guest's first request of all kicks in any case: that one waited at the masked port */
	assert_false(vif_rx_arm(vif_queue(bed->vif, 0, false)));
	assert_int_equal(thread->hv->ops->events(hvt, events, 64), 1);
	assert_false(vif_rx_arm(vif_queue(bed->vif, 0, false)));
	assert_int_equal(thread->hv->ops->events(hvt, events, 64), 0);
	fake_frontend_send(bed->frontend, 0, &frame);
	assert_int_equal(thread->hv->ops->events(hvt, events, 64), 1);
	assert_int_equal(events[0], 1 << 8);
	/* masked until armed again: a storm of kicks is one event */
	for (unsigned int i = 0; i < 10; i++)
		fake_channel_notify(bed->host->fake, 1, queue->tx_port);
	assert_int_equal(thread->hv->ops->events(hvt, events, 64), 0);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 1);
	rte_pktmbuf_free(pkts[0]);
}

/* A blank checksum that nobody could fill in later is not let through. */
static void
test_blank_unreachable(void **state)
{
	static const uint8_t passes[][60] = {
		/* ICMP, first fragment of it, ICMPv6, and none of them */
		{ [12] = 0x08, [14] = 0x45, [17] = 40, [23] = 1 },
		{ [12] = 0x08, [14] = 0x45, [17] = 40, [20] = 0x20, [23] = 1 },
		{ [12] = 0x86, [13] = 0xdd, [14] = 0x60, [19] = 6, [20] = 58 },
		{ [12] = 0x86, [13] = 0xdd, [14] = 0x60, [19] = 6, [20] = 44, [54] = 58 },
		{ [12] = 0x88, [13] = 0xcc },
	};
	static const uint8_t drops[][60] = {
		/* fragments of UDP and TCP; a chain of headers; three tags */
		{ [12] = 0x08, [14] = 0x45, [17] = 40, [20] = 0x20, [23] = 17 },
		{ [12] = 0x08, [14] = 0x45, [17] = 40, [21] = 1, [23] = 6 },
		{ [12] = 0x86, [13] = 0xdd, [14] = 0x60, [19] = 6, [20] = 44, [54] = 17 },
		{ [12] = 0x86, [13] = 0xdd, [14] = 0x60, [19] = 6, [20] = 44, [54] = 60 },
		{ [12] = 0x81, [16] = 0x81, [20] = 0x81, [24] = 0x08 },
	};
	struct bed *bed = *state;
	struct fake_frame frame = { .len = 60, .flags = NETTXF_csum_blank };
	struct rte_mbuf *pkts[VIF_BURST_MAX];

	for (unsigned int i = 0; i < RTE_DIM(passes); i++) {
		frame.data = passes[i];
		fake_frontend_send(bed->frontend, 0, &frame);
		assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 1);
		assert_int_equal(pkts[0]->ol_flags & ~POOL_FLAGS, 0);
		rte_pktmbuf_free(pkts[0]);
	}
	assert_int_equal(bed->lost.bad_frame, 0);
	for (unsigned int i = 0; i < RTE_DIM(drops); i++) {
		frame.data = drops[i];
		fake_frontend_send(bed->frontend, 0, &frame);
		assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 0);
		assert_int_equal(bed->lost.bad_frame, i + 1);
	}
	assert_int_equal(fake_frontend_reap(bed->frontend, 0), RTE_DIM(passes) + RTE_DIM(drops));
	assert_null(bed->frontend->broken);
}

/* The same type of extra twice; a multicast message that announces fragments it has not. */
static void
test_extras_repeated(void **state)
{
	struct bed *bed = *state;
	struct netif_extra_info hash = { .type = XEN_NETIF_EXTRA_TYPE_HASH,
					 .flags = XEN_NETIF_EXTRA_FLAG_MORE };
	struct netif_extra_info mcast = { .type = XEN_NETIF_EXTRA_TYPE_MCAST_ADD };
	struct rte_mbuf *pkts[VIF_BURST_MAX];
	uint32_t ref = good_ref(bed);

	raw(bed, ref, 0, NETTXF_extra_info, 1, 60);
	raw_extra(bed, &hash);
	hash.flags = 0;
	raw_extra(bed, &hash);
	raw(bed, 0, 0, NETTXF_extra_info | NETTXF_more_data, 2, 0);
	raw_extra(bed, &mcast);
	raw(bed, ref, 0, 0, 3, 60);
	fake_frontend_push(bed->frontend, 0);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 2);
	rte_pktmbuf_free_bulk(pkts, 2);
	assert_response(bed, 0, 1, NETIF_RSP_OKAY);
	assert_response(bed, 1, -1, NETIF_RSP_NULL);
	assert_response(bed, 2, -1, NETIF_RSP_NULL);
	assert_response(bed, 3, 2, NETIF_RSP_OKAY);
	assert_response(bed, 4, -1, NETIF_RSP_NULL);
	assert_response(bed, 5, 3, NETIF_RSP_OKAY);
	assert_null(vif_rings_broken(bed->vif->rings));
}

/* Grants of the rings' own pages, and one page for several packets: the guest's affair alone. */
static void
test_strange_grants(void **state)
{
	struct bed *bed = *state;
	const struct fake_queue *queue = &bed->frontend->queues[0];
	struct rte_mbuf *pkts[VIF_BURST_MAX];
	uint32_t ref = good_ref(bed);

	raw(bed, queue->tx_ref, 0, 0, 1, 200);
	raw(bed, queue->rx_ref, 0, 0, 2, 4096);
	raw(bed, ref, 0, NETTXF_more_data, 3, 200);
	raw(bed, ref, 0, 0, 4, 100);
	raw(bed, ref, 0, 0, 5, 60);
	fake_frontend_push(bed->frontend, 0);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 4);
	rte_pktmbuf_free_bulk(pkts, 4);
	for (uint32_t i = 0; i < 5; i++)
		assert_response(bed, i, (int)i + 1, NETIF_RSP_OKAY);
	assert_null(vif_rings_broken(bed->vif->rings));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_frames),
		TEST(test_slot_counts),
		TEST(test_wrap),
		TEST(test_budget),
		TEST(test_checksum_flags),
		TEST(test_too_many_slots),
		TEST(test_far_too_many_slots),
		TEST(test_fragment_larger_than_packet),
		TEST(test_short_packets),
		TEST(test_first_crosses_page),
		TEST(test_first_crosses_page_wrapped),
		TEST(test_fragment_crosses_page),
		TEST(test_more_data_missing),
		TEST(test_extra_missing),
		TEST(test_extra_chain_missing),
		TEST(test_extra_unknown),
		TEST(test_extra_none),
		TEST(test_gso_size_0),
		TEST(test_gso_unknown),
		TEST(test_requests_overflow),
		TEST(test_requests_backwards),
		TEST(test_broken_after_good),
		TEST(test_extras_multicast),
		TEST(test_extra_hash),
		TEST(test_empty_fragment),
		TEST(test_bad_grant),
		TEST(test_no_buffers),
		TEST(test_notifications),
		TEST(test_blank_unreachable),
		TEST(test_extras_repeated),
		TEST(test_strange_grants),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
