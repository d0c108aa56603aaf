/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_net_hdr to canonical form and back, and headers that lie. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_port.h"
#include "l4_frame.h"
#include "offload.h"
#include "test_pool.h"
#include "vnet_hdr.h"
#include "vnet_io.h"

#define POOL_SIZE 512
#define GSO_UDP_L4 5 /* VIRTIO_NET_HDR_GSO_UDP_L4, newer than Debian's headers */

static struct rte_mempool *pool;
static struct l4_frame frame, out;

static int
setup(void **state)
{
	(void)state;
	fake_eal_start();
	pool = test_pool_create("vnet", POOL_SIZE);
	return pool == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	rte_mempool_free(pool);
	return 0;
}

static int
assert_no_leak(void **state)
{
	(void)state;
	assert_int_equal(rte_mempool_avail_count(pool), POOL_SIZE);
	return 0;
}

static struct rte_mbuf *
build(struct l4_frame shape)
{
	frame = shape;
	l4_frame_build(&frame);
	return l4_frame_mbuf(&frame, pool, 1500, 2000);
}

static struct virtio_net_hdr
needs_csum(const struct l4_frame *f)
{
	return (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = f->l4,
		.csum_offset = f->udp ? 6 : 16,
	};
}

static void
test_plain(void **state)
{
	struct rte_mbuf *pkt = build((struct l4_frame){ .payload = 100 });
	struct virtio_net_hdr hdr = { 0 }, back;

	(void)state;
	assert_int_equal(vnet_hdr_read(pkt, &hdr, 0), 0);
	assert_int_equal(pkt->ol_flags & ~POOL_FLAGS, 0);
	vnet_hdr_write(pkt, &back);
	assert_memory_equal(&hdr, &back, sizeof(hdr));
	hdr.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	assert_int_equal(vnet_hdr_read(pkt, &hdr, 0), 0);
	assert_int_equal(pkt->ol_flags & ~POOL_FLAGS, RTE_MBUF_F_RX_L4_CKSUM_GOOD);
	l4_frame_read(&out, pkt, &frame);
	assert_memory_equal(out.bytes, frame.bytes, frame.len);
	rte_pktmbuf_free(pkt);
}

static void
test_blank(void **state)
{
	(void)state;
	for (int i = 0; i < 16; i++) {
		struct rte_mbuf *pkt = build((struct l4_frame){
			.tags = i % 3, .ipv6 = i & 4, .udp = i & 8, .payload = 77 + i });
		struct virtio_net_hdr hdr = needs_csum(&frame), back;

		hdr.csum_start -= 4; /* as if one tag had been put in after the fact */
		assert_int_equal(vnet_hdr_read(pkt, &hdr, 4), 0);
		assert_true(pkt->ol_flags & RTE_MBUF_F_TX_L4_MASK);
		hdr.csum_start += 4;
		vnet_hdr_write(pkt, &back);
		assert_memory_equal(&hdr, &back, sizeof(hdr));
		rte_pktmbuf_free(pkt);
	}
}

static void
test_gso(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		struct rte_mbuf *pkt = build((struct l4_frame){ .tags = i & 1,
								.ipv6 = i & 2,
								.payload = 20000,
								.tcp_options = 12,
								.tcp_flags = i & 4 ? 0x90 : 0x10 });
		struct virtio_net_hdr hdr = needs_csum(&frame), back;

		hdr.gso_type = frame.ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		if (i & 4)
			hdr.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
		hdr.gso_size = 1448;
		hdr.hdr_len = frame.data;
		assert_int_equal(vnet_hdr_read(pkt, &hdr, 0), 0);
		assert_true(pkt->ol_flags & RTE_MBUF_F_TX_TCP_SEG);
		assert_int_equal(pkt->tso_segsz, 1448);
		vnet_hdr_write(pkt, &back);
		assert_memory_equal(&hdr, &back, sizeof(hdr));
		rte_pktmbuf_free(pkt);
	}
}

/* The kernel hands rows of datagrams over as they are. */
static void
test_gso_udp(void **state)
{
	struct rte_mbuf *pkt = build((struct l4_frame){ .udp = true, .payload = 5000 });
	struct virtio_net_hdr hdr = needs_csum(&frame);

	(void)state;
	hdr.gso_type = GSO_UDP_L4;
	hdr.gso_size = 1000;
	assert_int_equal(vnet_hdr_read(pkt, &hdr, 0), 0);
	assert_true(pkt->ol_flags & RTE_MBUF_F_TX_UDP_SEG);
	assert_true(offload_wanted(pkt, UINT32_MAX));
	rte_pktmbuf_free(pkt);
}

/* A checksum inside a tunnel is computed, and the outer one is left alone. */
static void
test_inner_checksum(void **state)
{
	struct rte_mbuf *pkt = build((struct l4_frame){ .udp = true, .payload = 300 });
	struct virtio_net_hdr hdr = needs_csum(&frame);
	uint32_t sum = 0;

	(void)state;
	hdr.csum_start = frame.data + 20;
	assert_int_equal(vnet_hdr_read(pkt, &hdr, 0), 0);
	assert_int_equal(pkt->ol_flags & ~POOL_FLAGS, 0);
	l4_frame_read(&out, pkt, &frame);
	assert_int_equal(l4_frame_field(&out), 0xdead);
	for (uint32_t i = 0; i < 280; i++)
		sum += out.bytes[frame.data + 20 + i] << (i % 2 ? 0 : 8);
	sum -= l4_frame_be(&out, frame.data + 26, 2);
	sum += l4_frame_be(&frame, frame.data + 26, 2); /* what was in the field counts, too */
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(l4_frame_be(&out, frame.data + 26, 2), 0xffff & ~sum);
	rte_pktmbuf_free(pkt);
}

static void
test_lies(void **state)
{
	static const struct {
		struct virtio_net_hdr hdr;
		bool ipv6, udp;
	} lies[] = {
		{ .hdr = { .flags = 1, .csum_start = 65535, .csum_offset = 65535 } },
		{ .hdr = { .flags = 1, .csum_start = 34, .csum_offset = 65000 } },
		{ .hdr = { .flags = 1, .csum_start = 1513, .csum_offset = 0 } },
		{ .hdr = { .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 0 } },
		{ .hdr = { .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1 } },
		{ .hdr = { .gso_type = VIRTIO_NET_HDR_GSO_TCPV6, .gso_size = 1000 } },
		{ .hdr = { .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1000 }, .ipv6 = true },
		{ .hdr = { .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1000 }, .udp = true },
		{ .hdr = { .flags = 1,
			   .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
			   .gso_size = 1000,
			   .csum_start = 35,
			   .csum_offset = 16 } },
		{ .hdr = { .gso_type = VIRTIO_NET_HDR_GSO_UDP, .gso_size = 1000 }, .udp = true },
		{ .hdr = { .gso_type = GSO_UDP_L4, .gso_size = 0 }, .udp = true },
		{ .hdr = { .gso_type = GSO_UDP_L4, .gso_size = 1000 } },
		{ .hdr = { .gso_type = 0x42, .gso_size = 1000 } },
		{ .hdr = { .gso_type = VIRTIO_NET_HDR_GSO_ECN, .gso_size = 1000 } },
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(lies); i++) {
		struct rte_mbuf *pkt = build((struct l4_frame){
			.payload = 3000, .ipv6 = lies[i].ipv6, .udp = lies[i].udp });

		assert_int_equal(vnet_hdr_read(pkt, &lies[i].hdr, 0), -EBADMSG);
		assert_int_equal(pkt->ol_flags & ~POOL_FLAGS, 0);
		rte_pktmbuf_free(pkt);
	}
}

/* A burst of mbufs, whatever lies in the worker's overflow, and the packets made of both. */
static void
test_overflow(void **state)
{
	static struct fake_switch sw;
	struct iovec iov[VNET_RX_IOV], tx[64];
	struct virtio_net_hdr hdr;
	struct rte_mbuf *pkt;
	uint32_t room, at = 0;

	(void)state;
	assert_int_equal(fake_switch_setup(&sw), 0);
	for (uint32_t len = 60; len < 66000; len += 4999) {
		frame = (struct l4_frame){ .payload = RTE_MIN(len, 65400u) };
		l4_frame_build(&frame);
		pkt = rte_pktmbuf_alloc(pool);
		vnet_rx_iov(sw.worker, 3, &hdr, pkt, iov);
		room = iov[1].iov_len;
		memcpy(iov[1].iov_base, frame.bytes, RTE_MIN(room, frame.len));
		if (frame.len > room)
			memcpy(iov[2].iov_base, frame.bytes + room, frame.len - room);
		assert_int_equal(vnet_rx_finish(sw.worker, 3, pkt, frame.len), 0);
		rte_mbuf_sanity_check(pkt, 1);
		l4_frame_read(&out, pkt, &frame);
		assert_int_equal(out.len, frame.len);
		assert_memory_equal(out.bytes, frame.bytes, frame.len);

		assert_int_equal(vnet_tx_iov(pkt, &hdr, tx, pkt->nb_segs), 0); /* one too few */
		assert_int_equal(vnet_tx_iov(pkt, &hdr, tx, RTE_DIM(tx)), pkt->nb_segs + 1);
		at = 0;
		for (uint32_t i = 1; i <= pkt->nb_segs; at += tx[i++].iov_len)
			assert_memory_equal(tx[i].iov_base, frame.bytes + at, tx[i].iov_len);
		assert_int_equal(at, frame.len);
		rte_pktmbuf_free(pkt);
	}
	fake_switch_teardown(&sw);
}

/* What was received into a chain, of the spares that the worker keeps. */
static void
test_chain(void **state)
{
	static struct fake_switch sw;
	struct iovec iov[VNET_CHAIN_IOV];
	struct virtio_net_hdr hdr;
	struct rte_mbuf *pkt;
	uint16_t n;

	(void)state;
	assert_int_equal(fake_switch_setup(&sw), 0);
	for (uint32_t len = 60; len < 66000; len += 1111) {
		uint32_t at = 0;

		frame = (struct l4_frame){ .payload = RTE_MIN(len, 65400u) };
		l4_frame_build(&frame);
		pkt = rte_pktmbuf_alloc(sw.pool);
		n = vnet_chain_iov(sw.worker, &hdr, pkt, iov);
		assert_true(n > 2);
		assert_int_equal(sw.worker->n_spares, n - 2);
		for (uint16_t i = 1; i < n; at += iov[i++].iov_len)
			memcpy(iov[i].iov_base, frame.bytes + RTE_MIN(at, frame.len),
			       RTE_MIN(iov[i].iov_len, frame.len - RTE_MIN(at, frame.len)));
		assert_true(at >= WORKER_OVERFLOW_SIZE);
		vnet_chain_finish(sw.worker, pkt, frame.len);
		rte_mbuf_sanity_check(pkt, 1);
		assert_int_equal(sw.worker->n_spares, n - 2 - (pkt->nb_segs - 1));
		l4_frame_read(&out, pkt, &frame);
		assert_int_equal(out.len, frame.len);
		assert_memory_equal(out.bytes, frame.bytes, frame.len);
		rte_pktmbuf_free(pkt);
	}
	/* they go with the worker: nothing is missing from the pool */
	fake_switch_teardown(&sw);
}

/* Without buffers, what waits is read off and counted, or the worker would find it for ever. */
static void
test_no_buffers(void **state)
{
	static struct fake_switch sw;
	struct rte_mbuf *all[POOL_SIZE], *pkts[PORT_BURST_MAX];
	struct rte_mempool *switch_pool;
	struct port port = { .id = 7 };
	const struct port_stats *stats;
	char frame_bytes[100] = "";
	int fds[2];

	(void)state;
	assert_int_equal(fake_switch_setup(&sw), 0);
	switch_pool = sw.worker->pool;
	sw.worker->pool = pool;
	stats = worker_stats(sw.worker, &port);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(write(fds[1], frame_bytes, sizeof(frame_bytes)),
				 sizeof(frame_bytes));

	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, all, POOL_SIZE - 10), 0);
	assert_int_equal(vnet_rx_alloc(sw.worker, pkts, 32), 8); /* the first half that fits */
	assert_int_equal(vnet_rx_alloc(sw.worker, &pkts[8], 2), 2);
	assert_int_equal(vnet_rx_alloc(sw.worker, &pkts[10], 32), 0);
	vnet_rx_discard(sw.worker, &port, fds[0]);
	assert_int_equal(read(fds[0], frame_bytes, sizeof(frame_bytes)), -1);
	assert_int_equal(stats->rx_packets, 5);
	assert_int_equal(stats->drops[DROP_NO_BUFFER], 5);
	vnet_rx_discard(sw.worker, &port, fds[0]);
	assert_int_equal(stats->rx_packets, 5);

	rte_pktmbuf_free_bulk(pkts, 10);
	rte_pktmbuf_free_bulk(all, POOL_SIZE - 10);
	close(fds[0]);
	close(fds[1]);
	sw.worker->pool = switch_pool;
	fake_switch_teardown(&sw);
}

/* A packet that the kernel can never send is dropped for what it is, and counted once. */
static void
test_refused(void **state)
{
	struct fake_switch sw;
	struct fake_port *fake;
	struct rte_mbuf *pkt;

	(void)state;
	assert_int_equal(fake_switch_setup(&sw), 0);
	fake = fake_port_add(&sw, 1, 0);
	pkt = fake_frame(&sw, "02:00:00:00:00:01", "02:00:00:00:00:02", 0, 100);
	assert_true(vnet_tx_refused(sw.worker, &fake->port, pkt, EMSGSIZE));
	assert_true(vnet_tx_refused(sw.worker, &fake->port, pkt, EMSGSIZE));
	assert_true(vnet_tx_refused(sw.worker, &fake->port, pkt, EINVAL));
	assert_false(vnet_tx_refused(sw.worker, &fake->port, pkt, EAGAIN));
	assert_false(vnet_tx_refused(sw.worker, &fake->port, pkt, ENETDOWN));
	assert_int_equal(fake_drops(&sw, fake, DROP_MTU_EXCEEDED), 2);
	assert_int_equal(fake_drops(&sw, fake, DROP_OFFLOAD), 1);
	assert_int_equal(sw.worker->tx_lost, 3);
	assert_int_equal(sw.worker->tx_lost_bytes, 300);
	rte_pktmbuf_free(pkt);
	fake_switch_teardown(&sw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_plain, assert_no_leak),
		cmocka_unit_test_teardown(test_blank, assert_no_leak),
		cmocka_unit_test_teardown(test_gso, assert_no_leak),
		cmocka_unit_test_teardown(test_gso_udp, assert_no_leak),
		cmocka_unit_test_teardown(test_inner_checksum, assert_no_leak),
		cmocka_unit_test_teardown(test_lies, assert_no_leak),
		cmocka_unit_test_teardown(test_overflow, assert_no_leak),
		cmocka_unit_test_teardown(test_chain, assert_no_leak),
		cmocka_unit_test_teardown(test_no_buffers, assert_no_leak),
		cmocka_unit_test_teardown(test_refused, assert_no_leak),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
