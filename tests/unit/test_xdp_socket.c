/* SPDX-License-Identifier: BSD-3-Clause */
/* The rings of an AF_XDP socket, with the test in the kernel's place. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <xdp/xsk.h>

#include "fake_port.h"
#include "xdp_socket.h"

#define MTU 1500
#define MTU_BIG 3500

/* One ring, as mapped: the counters that both sides see, and the entries. */
struct ring {
	uint32_t producer, consumer, flags;
	uint64_t entries[2 * XDP_RX_FRAMES]; /* the receive and transmit rings' are twice as long */
};

static struct {
	uint8_t *area;
	struct xsk_umem_config umem;
	struct xsk_socket_config socket;
	struct ring fill, done, rx, tx;
	bool busy; /* the NIC takes nothing */
	unsigned int n_wakes_rx, n_wakes_tx;
	uint64_t dropped, ring_full;
	int n_open;
} kernel;

static struct fake_switch sw;
static struct fake_port *fake;
static struct xdp_socket *xsk;

/* --- libxdp and the system calls --- */

static void
ring_prod(struct xsk_ring_prod *prod, struct ring *ring, uint32_t size)
{
	*prod = (struct xsk_ring_prod){ .mask = size - 1,
					.size = size,
					.cached_cons = size,
					.producer = &ring->producer,
					.consumer = &ring->consumer,
					.ring = ring->entries,
					.flags = &ring->flags };
}

static void
ring_cons(struct xsk_ring_cons *cons, struct ring *ring, uint32_t size)
{
	*cons = (struct xsk_ring_cons){ .mask = size - 1,
					.size = size,
					.producer = &ring->producer,
					.consumer = &ring->consumer,
					.ring = ring->entries,
					.flags = &ring->flags };
}

int
xsk_umem__create(struct xsk_umem **umem, void *area, __u64 size, struct xsk_ring_prod *fill,
		 struct xsk_ring_cons *comp, const struct xsk_umem_config *config)
{
	assert_true(size >= (uint64_t)(config->fill_size + config->comp_size) * config->frame_size);
	kernel.area = area;
	kernel.umem = *config;
	ring_prod(fill, &kernel.fill, config->fill_size);
	ring_cons(comp, &kernel.done, config->comp_size);
	*umem = (struct xsk_umem *)&kernel.umem;
	kernel.n_open++;
	return 0;
}

int
xsk_socket__create(struct xsk_socket **socket, const char *ifname, __u32 queue,
		   struct xsk_umem *umem, struct xsk_ring_cons *rx, struct xsk_ring_prod *tx,
		   const struct xsk_socket_config *config)
{
	if (queue > 0)
		return -EINVAL;
	kernel.socket = *config;
	ring_cons(rx, &kernel.rx, config->rx_size);
	ring_prod(tx, &kernel.tx, config->tx_size);
	*socket = (struct xsk_socket *)&kernel.socket;
	kernel.n_open++;
	return 0;
}

int
xsk_umem__delete(struct xsk_umem *umem)
{
	kernel.n_open--;
	return 0;
}

void
xsk_socket__delete(struct xsk_socket *socket)
{
	kernel.n_open--;
}

int
xsk_socket__fd(const struct xsk_socket *socket)
{
	return 12345;
}

int
getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	const struct xdp_statistics stats = { .rx_dropped = kernel.dropped,
					      .rx_ring_full = kernel.ring_full };

	assert_int_equal(name, XDP_STATISTICS);
	memcpy(value, &stats, sizeof(stats));
	return 0;
}

ssize_t
recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addr_len)
{
	kernel.n_wakes_rx++;
	return 0;
}

/* As a copying kernel does it: up to 32 frames in a call. */
ssize_t
sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
       socklen_t addr_len)
{
	kernel.n_wakes_tx++;
	for (int i = 0; i < 32 && !kernel.busy && kernel.tx.consumer != kernel.tx.producer; i++)
		kernel.tx.consumer++;
	if (kernel.tx.consumer == kernel.tx.producer)
		return 0;
	errno = EAGAIN;
	return -1;
}

/* --- the kernel's moves --- */

static uint32_t
fill_waits(void)
{
	return kernel.fill.producer - kernel.fill.consumer;
}

/* A frame comes in. */
static void
receive(const uint8_t *data, uint32_t len)
{
	struct xdp_desc *descs = (struct xdp_desc *)kernel.rx.entries;
	uint64_t addr;

	assert_true(fill_waits() > 0);
	addr = kernel.fill.entries[kernel.fill.consumer++ % XDP_RX_FRAMES];
	assert_int_equal(addr % kernel.umem.frame_size, 0);
	assert_true(addr / kernel.umem.frame_size < XDP_RX_FRAMES);
	memcpy(kernel.area + addr + 256, data, len);
	descs[kernel.rx.producer++ % XDP_RX_FRAMES] =
		(struct xdp_desc){ .addr = addr + 256, .len = len };
}

/* The oldest frame that was sent and not looked at. */
static const struct xdp_desc *
sent(uint32_t i)
{
	return (const struct xdp_desc *)kernel.tx.entries + i % XDP_TX_FRAMES;
}

/* The NIC is done with the first @n frames in order. */
static void
complete(uint32_t n)
{
	while (n-- > 0) {
		kernel.done.entries[kernel.done.producer % XDP_TX_FRAMES] =
			sent(kernel.done.producer)->addr;
		kernel.done.producer++;
	}
}

static void
pattern(uint8_t *data, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		data[i] = i * 7 + len;
}

/* A packet of @n segments, @len bytes together. */
static struct rte_mbuf *
packet(uint32_t len, unsigned int n)
{
	struct rte_mbuf *pkt = NULL, *m;
	uint8_t data[4096];
	uint32_t at = 0;

	pattern(data, len);
	for (unsigned int i = 0; i < n; i++) {
		uint32_t piece = i + 1 < n ? len / n : len - at;

		m = rte_pktmbuf_alloc(sw.pool);
		assert_non_null(m);
		memcpy(rte_pktmbuf_append(m, piece), data + at, piece);
		at += piece;
		if (pkt == NULL)
			pkt = m;
		else
			assert_int_equal(rte_pktmbuf_chain(pkt, m), 0);
	}
	return pkt;
}

static uint16_t
rx(struct rte_mbuf **pkts, uint16_t n)
{
	return xdp_socket_rx(sw.worker, &fake->port, xsk, pkts, n);
}

static uint16_t
tx(struct rte_mbuf **pkts, uint16_t n)
{
	return xdp_socket_tx(sw.worker, &fake->port, xsk, pkts, n);
}

static struct port_stats *
stats(void)
{
	return worker_stats(sw.worker, &fake->port);
}

static int
start(uint32_t mtu, bool zero_copy)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.tx.flags = XDP_RING_NEED_WAKEUP;
	return xdp_socket_open("eth9", 0, mtu, zero_copy, &xsk);
}

static int
group_setup(void **state)
{
	fake_eal_start();
	return 0;
}

static int
setup(void **state)
{
	if (fake_switch_setup(&sw) < 0)
		return -1;
	fake = fake_port_add(&sw, 1, 0);
	return start(MTU, false);
}

static int
teardown(void **state)
{
	unsigned int all = sw.pool->size;

	xdp_socket_close(xsk);
	assert_int_equal(kernel.n_open, 0);
	fake_port_del(&sw, fake);
	assert_int_equal(rte_mempool_avail_count(sw.pool), all);
	fake_switch_teardown(&sw);
	return 0;
}

/* --- the cases --- */

static void
test_open(void **state)
{
	struct xdp_socket *other;

	assert_int_equal(fill_waits(), XDP_RX_FRAMES);
	assert_int_equal(kernel.umem.frame_size, 2048);
	assert_true(kernel.socket.bind_flags & XDP_COPY);
	assert_true(kernel.socket.bind_flags & XDP_USE_NEED_WAKEUP);
	assert_true(xdp_socket_mtu(xsk) >= 1500 && xdp_socket_mtu(xsk) < 2048);
	assert_int_equal(xdp_socket_open("eth9", 1, MTU, true, &other), -EINVAL);
	assert_int_equal(kernel.n_open, 2);
	xdp_socket_close(xsk);
	assert_int_equal(start(MTU_BIG, true), 0);
	assert_int_equal(kernel.umem.frame_size, 4096);
	assert_true(kernel.socket.bind_flags & XDP_ZEROCOPY);
	assert_int_equal(xdp_socket_mtu(xsk), xdp_socket_mtu_max());
}

static void
test_receive(void **state)
{
	static const uint32_t lengths[] = { 14, 60, 1514, 1522 };
	struct rte_mbuf *pkts[PORT_BURST_MAX];
	uint8_t data[2048];

	assert_int_equal(rx(pkts, PORT_BURST_MAX), 0);
	for (unsigned int i = 0; i < RTE_DIM(lengths); i++) {
		pattern(data, lengths[i]);
		receive(data, lengths[i]);
	}
	assert_int_equal(rx(pkts, PORT_BURST_MAX), RTE_DIM(lengths));
	for (unsigned int i = 0; i < RTE_DIM(lengths); i++) {
		assert_int_equal(pkts[i]->pkt_len, lengths[i]);
		assert_int_equal(pkts[i]->nb_segs, 1);
		assert_int_equal(pkts[i]->ol_flags, 0);
		pattern(data, lengths[i]);
		assert_memory_equal(rte_pktmbuf_mtod(pkts[i], void *), data, lengths[i]);
		rte_pktmbuf_free(pkts[i]);
	}
	assert_int_equal(fill_waits(), XDP_RX_FRAMES);
}

static void
test_receive_many_times(void **state)
{
	struct rte_mbuf *pkts[PORT_BURST_MAX];
	uint8_t data[64] = { 0 };
	uint16_t n;

	for (uint32_t round = 0; round < 300; round++) {
		for (uint32_t i = 0; i < 50; i++) {
			data[20] = i;
			data[21] = round;
			receive(data, sizeof(data));
		}
		/* a burst is what the caller has room for */
		n = rx(pkts, 20);
		assert_int_equal(n, 20);
		n += rx(pkts + n, PORT_BURST_MAX - n);
		assert_int_equal(n, 50);
		for (uint32_t i = 0; i < n; i++) {
			const uint8_t *got = rte_pktmbuf_mtod(pkts[i], const uint8_t *);

			assert_int_equal(got[20], i);
			assert_int_equal(got[21], (uint8_t)round);
		}
		rte_pktmbuf_free_bulk(pkts, n);
		assert_int_equal(fill_waits(), XDP_RX_FRAMES);
	}
}

/* More than an mbuf holds. */
static void
test_receive_big(void **state)
{
	struct rte_mbuf *pkts[PORT_BURST_MAX];
	uint8_t data[3514], copy[3514];

	xdp_socket_close(xsk);
	assert_int_equal(start(MTU_BIG, false), 0);
	pattern(data, sizeof(data));
	receive(data, sizeof(data));
	assert_int_equal(rx(pkts, PORT_BURST_MAX), 1);
	assert_int_equal(pkts[0]->pkt_len, sizeof(data));
	assert_int_equal(pkts[0]->nb_segs, 2);
	assert_int_equal(rte_pktmbuf_data_len(pkts[0]) + rte_pktmbuf_data_len(pkts[0]->next),
			 sizeof(data));
	assert_memory_equal(rte_pktmbuf_read(pkts[0], 0, sizeof(data), copy), data, sizeof(data));
	rte_pktmbuf_free(pkts[0]);
}

static void
test_receive_runt(void **state)
{
	struct rte_mbuf *pkts[PORT_BURST_MAX];
	const uint8_t data[64] = { 0 };

	receive(data, 13);
	receive(data, 0);
	receive(data, 60);
	assert_int_equal(rx(pkts, PORT_BURST_MAX), 1);
	rte_pktmbuf_free(pkts[0]);
	assert_int_equal(stats()->drops[DROP_RX_ERROR], 2);
	assert_int_equal(stats()->rx_packets, 2); /* what is returned is counted by the caller */
	assert_int_equal(fill_waits(), XDP_RX_FRAMES);
}

/* Without mbufs the driver gets its frames back all the same. */
static void
test_receive_without_buffers(void **state)
{
	struct rte_mbuf *hoard[65536], *pkts[PORT_BURST_MAX];
	const uint8_t data[1514] = { 0 };
	uint32_t n = 0;

	while (n < RTE_DIM(hoard) && (hoard[n] = rte_pktmbuf_alloc(sw.pool)) != NULL)
		n++;
	rte_pktmbuf_free(hoard[--n]);
	for (int i = 0; i < 40; i++)
		receive(data, sizeof(data));
	assert_int_equal(rx(pkts, PORT_BURST_MAX), 1);
	assert_int_equal(stats()->drops[DROP_NO_BUFFER], 39);
	assert_int_equal(fill_waits(), XDP_RX_FRAMES);
	rte_pktmbuf_free(pkts[0]);
	rte_pktmbuf_free_bulk(hoard, n);
}

static void
test_wake_receiver(void **state)
{
	struct rte_mbuf *pkts[PORT_BURST_MAX];

	rx(pkts, PORT_BURST_MAX);
	assert_int_equal(kernel.n_wakes_rx, 0);
	kernel.fill.flags = XDP_RING_NEED_WAKEUP;
	rx(pkts, PORT_BURST_MAX);
	assert_int_equal(kernel.n_wakes_rx, 1);
}

static void
test_send(void **state)
{
	struct rte_mbuf *pkts[] = { packet(60, 1), packet(1514, 1), packet(1522, 5),
				    packet(42, 2) };
	static const uint32_t lengths[] = { 60, 1514, 1522, 42 };
	const uint8_t zeroes[18] = { 0 };
	uint8_t data[2048];

	/* what was there before must not be sent along */
	memset(kernel.area, 0xee, (size_t)(XDP_RX_FRAMES + XDP_TX_FRAMES) * 2048);
	assert_int_equal(tx(pkts, RTE_DIM(pkts)), RTE_DIM(pkts));
	assert_int_equal(kernel.tx.producer, RTE_DIM(pkts));
	assert_int_equal(kernel.n_wakes_tx, 1);
	for (unsigned int i = 0; i < RTE_DIM(lengths); i++) {
		const struct xdp_desc *desc = sent(i);

		assert_true(desc->addr / 2048 >= XDP_RX_FRAMES);
		assert_int_equal(desc->options, 0);
		assert_int_equal(desc->len, RTE_MAX(lengths[i], 60U));
		pattern(data, lengths[i]);
		assert_memory_equal(kernel.area + desc->addr, data, lengths[i]);
	}
	assert_memory_equal(kernel.area + sent(3)->addr + 42, zeroes, sizeof(zeroes));
}

/* A packet that others have as well is read only. */
static void
test_send_shared(void **state)
{
	struct rte_mbuf *pkt = packet(100, 1);

	rte_mbuf_refcnt_update(pkt, 1);
	assert_int_equal(tx(&pkt, 1), 1);
	assert_int_equal(rte_mbuf_refcnt_read(pkt), 1);
	rte_pktmbuf_free(pkt);
}

static void
test_send_what_cannot_be(void **state)
{
	struct rte_mbuf *pkts[] = { packet(2000, 1), packet(60, 1), packet(100, 1) };

	pkts[1]->ol_flags = RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4;
	assert_int_equal(tx(pkts, 3), 3);
	assert_int_equal(kernel.tx.producer, 1);
	assert_int_equal(sent(0)->len, 100);
	assert_int_equal(stats()->drops[DROP_MTU_EXCEEDED], 1);
	assert_int_equal(stats()->drops[DROP_OFFLOAD], 1);
	assert_int_equal(sw.worker->tx_lost, 2);
	assert_int_equal(sw.worker->tx_lost_bytes, 2060);
	sw.worker->tx_lost = 0;
	sw.worker->tx_lost_bytes = 0;
}

/* A burst is more than the kernel takes in one call. */
static void
test_send_burst(void **state)
{
	struct rte_mbuf *pkts[PORT_BURST_MAX];

	for (int i = 0; i < PORT_BURST_MAX; i++)
		pkts[i] = packet(64, 1);
	assert_int_equal(tx(pkts, PORT_BURST_MAX), PORT_BURST_MAX);
	assert_int_equal(kernel.tx.consumer, PORT_BURST_MAX);
	assert_int_equal(kernel.n_wakes_tx, 2);
}

/* No frames left: the rest is not taken; they come back as the NIC completes them. */
static void
test_send_until_full(void **state)
{
	struct rte_mbuf *pkts[PORT_BURST_MAX];
	uint32_t taken = 0;
	uint16_t n;

	kernel.busy = true;
	do {
		for (int i = 0; i < PORT_BURST_MAX; i++)
			pkts[i] = packet(64, 1);
		n = tx(pkts, PORT_BURST_MAX);
		rte_pktmbuf_free_bulk(&pkts[n], PORT_BURST_MAX - n);
		taken += n;
	} while (n > 0);
	assert_int_equal(taken, XDP_TX_FRAMES);
	kernel.busy = false;
	for (uint32_t round = 0; round < 100; round++) {
		complete(50);
		for (int i = 0; i < PORT_BURST_MAX; i++)
			pkts[i] = packet(64, 1);
		/* the ring is drained by the first call after the NIC was busy */
		n = tx(pkts, PORT_BURST_MAX);
		rte_pktmbuf_free_bulk(&pkts[n], PORT_BURST_MAX - n);
		taken += n;
		assert_true(taken <= XDP_TX_FRAMES + kernel.done.producer);
	}
	assert_int_equal(taken, XDP_TX_FRAMES + kernel.done.producer);
}

/* A driver that works by itself, and says whether it must be woken. */
static void
test_send_zero_copy(void **state)
{
	struct rte_mbuf *pkt;

	xdp_socket_close(xsk);
	assert_int_equal(start(MTU, true), 0);
	kernel.busy = true;
	pkt = packet(64, 1);
	assert_int_equal(tx(&pkt, 1), 1);
	assert_int_equal(kernel.n_wakes_tx, 1);
	kernel.tx.flags = 0;
	pkt = packet(64, 1);
	assert_int_equal(tx(&pkt, 1), 1);
	assert_int_equal(kernel.n_wakes_tx, 1);
}

static void
test_losses(void **state)
{
	assert_int_equal(xdp_socket_losses(xsk), 0);
	kernel.dropped = 5;
	kernel.ring_full = 7;
	assert_int_equal(xdp_socket_losses(xsk), 12);
	assert_int_equal(xdp_socket_losses(xsk), 0);
	kernel.ring_full = 8;
	assert_int_equal(xdp_socket_losses(xsk), 1);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_open),
		CASE(test_receive),
		CASE(test_receive_many_times),
		CASE(test_receive_big),
		CASE(test_receive_runt),
		CASE(test_receive_without_buffers),
		CASE(test_wake_receiver),
		CASE(test_send),
		CASE(test_send_shared),
		CASE(test_send_what_cannot_be),
		CASE(test_send_burst),
		CASE(test_send_until_full),
		CASE(test_send_zero_copy),
		CASE(test_losses),
	};

	return cmocka_run_group_tests_name("xdp_socket", tests, group_setup, NULL);
}
