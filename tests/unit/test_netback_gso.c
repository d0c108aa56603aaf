/* SPDX-License-Identifier: BSD-3-Clause */
/* Super-packets from a guest and to a guest. */
#include <errno.h>

#include "netback_bed.h"

#include "l4_frame.h"
#include "offload.h"

#define MSS 1448

static int
setup_no_gso(void **state)
{
	struct fake_frontend_config config = guest;

	config.no_gso = true;
	return setup_config(state, &config);
}

static int
setup_no_csum(void **state)
{
	struct fake_frontend_config config = guest;

	config.no_csum_ipv6 = true;
	return setup_config(state, &config);
}

static struct netif_extra_info
gso_extra(bool ipv6, uint16_t mss)
{
	return (struct netif_extra_info){
		.type = XEN_NETIF_EXTRA_TYPE_GSO,
		.u.gso = { .size = mss,
			   .type = ipv6 ? XEN_NETIF_GSO_TYPE_TCPV6 : XEN_NETIF_GSO_TYPE_TCPV4 },
	};
}

static void
put16(struct l4_frame *frame, uint32_t offset, uint16_t value)
{
	frame->bytes[offset] = (uint8_t)(value >> 8);
	frame->bytes[offset + 1] = (uint8_t)value;
}

/* Send a frame with a GSO extra. Return: what came of it, or NULL. */
static struct rte_mbuf *
send_gso(struct bed *bed, const struct l4_frame *frame, const struct netif_extra_info *extra,
	 uint16_t flags)
{
	struct rte_mbuf *pkts[VIF_BURST_MAX];
	struct fake_frame sent = {
		.data = frame->bytes, .len = frame->len, .flags = flags, .extra = extra
	};
	int n_slots = fake_frontend_send(bed->frontend, 0, &sent);
	uint16_t n;

	assert_true(n_slots > 0);
	n = receive(bed, pkts, VIF_BURST_MAX);
	assert_int_equal(fake_frontend_reap(bed->frontend, 0), n_slots);
	assert_null(bed->frontend->broken);
	return n == 1 ? pkts[0] : NULL;
}

/* What a guest sends is marked, whether it says that its checksum is blank or not. */
static void
test_from_guest(void **state)
{
	static struct l4_frame frame, got;
	struct bed *bed = *state;

	for (unsigned int i = 0; i < 4; i++) {
		struct netif_extra_info extra = gso_extra(i & 1, MSS);
		struct rte_mbuf *pkt;

		frame = (struct l4_frame){ .ipv6 = i & 1, .payload = 60000, .tcp_options = 12 };
		l4_frame_build(&frame);
		pkt = send_gso(bed, &frame, &extra,
			       i & 2 ? NETTXF_csum_blank | NETTXF_data_validated : 0);
		assert_non_null(pkt);
		assert_true(pkt->ol_flags & RTE_MBUF_F_TX_TCP_SEG);
		assert_true(pkt->ol_flags & (i & 1 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4));
		assert_int_equal(pkt->tso_segsz, MSS);
		assert_int_equal(pkt->l4_len, 32);
		l4_frame_read(&got, pkt, &frame);
		assert_int_equal(l4_frame_field(&got), l4_frame_pseudo(&frame));
		assert_memory_equal(got.bytes + got.data, frame.bytes + frame.data, 60000);
		rte_pktmbuf_free(pkt);
	}
}

/* One that fits a segment is only checksum-blank. */
static void
test_from_guest_small(void **state)
{
	static struct l4_frame frame = { .payload = MSS };
	struct netif_extra_info extra = gso_extra(false, MSS);
	struct rte_mbuf *pkt;

	l4_frame_build(&frame);
	pkt = send_gso(*state, &frame, &extra, NETTXF_csum_blank);
	assert_non_null(pkt);
	assert_int_equal(pkt->ol_flags & ~POOL_FLAGS, RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4);
	rte_pktmbuf_free(pkt);
}

/* Super-packets that nobody could cut are lost; the vif lives on. */
static void
test_from_guest_bad(void **state)
{
	static struct l4_frame frames[4] = {
		{ .payload = 9000 },               /* segments too small */
		{ .payload = 9000, .ipv6 = true }, /* said to be IPv4 */
		{ .payload = 9000, .udp = true },
		{ .payload = 9000 }, /* header longer than the packet */
	};
	struct bed *bed = *state;

	for (unsigned int i = 0; i < RTE_DIM(frames); i++) {
		struct netif_extra_info extra = gso_extra(false, i == 0 ? 63 : MSS);

		l4_frame_build(&frames[i]);
		if (i == 3)
			put16(&frames[i], frames[i].l3 + 2, 30);
		assert_null(send_gso(bed, &frames[i], &extra, NETTXF_csum_blank));
		assert_int_equal(bed->lost.bad_frame, i + 1);
	}
	assert_null(vif_rings_broken(bed->vif->rings));
	send_one(bed, 60, 0, 0);
}

static struct rte_mbuf *
super_packet(struct l4_frame *frame, bool ipv6)
{
	struct rte_mbuf *pkt;

	*frame = (struct l4_frame){ .ipv6 = ipv6, .payload = 50000 };
	l4_frame_build(frame);
	put16(frame, frame->l4 + 16, l4_frame_pseudo(frame));
	pkt = l4_frame_mbuf(frame, pool, 256, 2000);
	assert_int_equal(offload_describe_gso(pkt, MSS, ipv6), 0);
	return pkt;
}

/* To a guest that takes them they go whole, with plain packets before and behind them. */
static void
test_to_guest(void **state)
{
	static struct l4_frame frame;
	static uint8_t buf[65536];
	struct bed *bed = *state;

	/* the extra comes to lie at each place of the ring, its end included */
	for (unsigned int i = 0; i < 60; i++) {
		struct rte_mbuf *pkts[3];
		struct fake_packet got;

		pkts[0] = make_packet(udp_frame, sizeof(udp_frame), 1000);
		pkts[1] = super_packet(&frame, i & 1);
		pkts[2] = make_packet(udp_frame, sizeof(udp_frame), 1000);
		assert_int_equal(transmit(bed, pkts, 3), 3);
		assert_int_equal(fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), &got),
				 sizeof(udp_frame));
		assert_int_equal(got.mss, 0);
		assert_int_equal(fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), &got),
				 frame.len);
		assert_memory_equal(buf, frame.bytes, frame.len);
		assert_int_equal(got.mss, MSS);
		assert_int_equal(got.gso,
				 i & 1 ? XEN_NETIF_GSO_TYPE_TCPV6 : XEN_NETIF_GSO_TYPE_TCPV4);
		assert_int_equal(fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), &got),
				 sizeof(udp_frame));
		assert_null(bed->frontend->broken);
	}
	assert_int_equal(bed->lost.copy_failed + bed->lost.too_big, 0);
}

/* It needs a buffer more than it has pages: with none for that one it is left to the caller. */
static void
test_to_guest_full(void **state)
{
	static struct l4_frame frame;
	static uint8_t buf[65536];
	struct bed *bed = *state;
	struct rte_mbuf *pkt = super_packet(&frame, false), *plain;
	uint32_t n_pages = (frame.len + 4095) / 4096;

	for (uint32_t i = 0; i < NETIF_RING_SLOTS - n_pages; i++) {
		plain = make_packet(udp_frame, sizeof(udp_frame), 1000);
		assert_int_equal(transmit(bed, &plain, 1), 1);
	}
	assert_int_equal(transmit(bed, &pkt, 1), 0);
	assert_true(fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), NULL) > 0);
	assert_int_equal(transmit(bed, &pkt, 1), 1);
	while (fake_frontend_recv(bed->frontend, 0, buf, sizeof(buf), NULL) > 0)
		;
	assert_memory_equal(buf, frame.bytes, frame.len);
	assert_null(bed->frontend->broken);
}

/*
 * What a backend that was killed between writing its answers and publishing them leaves where a
 * buffer was posted: an extra_info, whose last bytes read as a grant. It must not be copied to.
 */
static void
test_to_guest_reserved_grant(void **state)
{
	struct bed *bed = *state;
	struct netif_extra_info extra = gso_extra(false, MSS);
	struct rte_mbuf *pkt = make_packet(udp_frame, sizeof(udp_frame), 1000);

	memcpy(&bed->frontend->queues[0].rx->ring[0], &extra, sizeof(extra));
	assert_int_equal(bed->frontend->queues[0].rx->ring[0].req.gref, 1);
	assert_int_equal(transmit(bed, &pkt, 1), 1);
	assert_int_equal(bed->lost.copy_failed, 1);
	assert_int_equal(fake_hypervisor_counts(bed->host->fake).copy_reserved, 0);
}

static void
test_features(void **state)
{
	struct bed *bed = *state;
	struct vif_info info;

	vif_info(bed->vif, &info);
	assert_true(info.gso_ipv4 && info.gso_ipv6);
}

static void
test_features_none(void **state)
{
	struct bed *bed = *state;
	struct vif_info info;

	vif_info(bed->vif, &info);
	assert_false(info.gso_ipv4 || info.gso_ipv6);
}

/* A guest that takes no blank checksums cannot be given super-packets, whatever it says. */
static void
test_features_no_csum(void **state)
{
	struct bed *bed = *state;
	struct vif_info info;

	vif_info(bed->vif, &info);
	assert_true(info.gso_ipv4);
	assert_false(info.gso_ipv6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_from_guest),
		TEST(test_from_guest_small),
		TEST(test_from_guest_bad),
		TEST(test_to_guest),
		TEST(test_to_guest_full),
		TEST(test_to_guest_reserved_grant),
		TEST(test_features),
		cmocka_unit_test_setup_teardown(test_features_none, setup_no_gso, teardown),
		cmocka_unit_test_setup_teardown(test_features_no_csum, setup_no_csum, teardown),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
