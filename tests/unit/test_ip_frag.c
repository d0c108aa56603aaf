/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv4 packets in pieces: put together by the test's own hands, they are what they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fake_port.h"
#include "ip_frag.h"
#include "l4_frame.h"
#include "test_pool.h"

static struct rte_mempool *pool;
static struct l4_frame frame, got;
static struct rte_mbuf *pieces[IP_FRAG_MAX];

/* Cut the frame, check each piece, and compare the data. Return: how many pieces. */
static int
cut(uint32_t mtu, uint32_t first, uint32_t more)
{
	const uint32_t header = (frame.bytes[frame.l3] & 15) * 4u;
	const uint32_t field = l4_frame_be(&frame, frame.l3 + 6, 2);
	struct rte_mbuf *pkt = l4_frame_mbuf(&frame, pool, first, more);
	uint32_t at = 0, end = l4_frame_be(&frame, frame.l3 + 2, 2) - header;
	int n = ip_frag(pkt, (uint16_t)frame.l3, mtu, pool, pieces);

	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		uint32_t data;

		l4_frame_read(&got, pieces[i], &frame);
		assert_int_equal(pieces[i]->pkt_len, got.len);
		data = l4_frame_be(&got, got.l3 + 2, 2) - header;
		assert_int_equal(got.len, got.l3 + header + data);
		assert_true(header + data <= mtu);
		assert_true(l4_frame_ipv4_ok(&got));
		assert_int_equal(l4_frame_be(&got, got.l3 + 6, 2) & 0x1fff,
				 (field & 0x1fff) + at / 8);
		assert_int_equal((l4_frame_be(&got, got.l3 + 6, 2) & 0x2000) != 0,
				 i < n - 1 || (field & 0x2000));
		assert_memory_equal(got.bytes, frame.bytes, frame.l3 + 2);
		assert_memory_equal(got.bytes + got.l3 + 4, frame.bytes + frame.l3 + 4, 2);
		assert_memory_equal(got.bytes + got.l3 + 8, frame.bytes + frame.l3 + 8, 2);
		assert_memory_equal(got.bytes + got.l3 + 12, frame.bytes + frame.l3 + 12, 8);
		assert_memory_equal(got.bytes + got.l3 + header,
				    frame.bytes + frame.l3 + header + at, data);
		at += data;
	}
	assert_int_equal(at, end);
	rte_pktmbuf_free_bulk(pieces, (unsigned int)n);
	rte_pktmbuf_free(pkt);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return n;
}

static void
build(uint32_t payload, uint32_t field)
{
	frame.payload = payload;
	l4_frame_build(&frame);
	l4_frame_put(&frame, frame.l3 + 6, field, 2);
	l4_frame_seal(&frame);
}

static void
test_sizes(void **state)
{
	frame.udp = true;
	for (uint32_t mtu = 68; mtu <= 1500; mtu += 179)
		for (uint32_t payload = 1; payload < 4000; payload += 333) {
			build(payload, 0);
			assert_int_equal(cut(mtu, 256, 1500), (payload + 8 + ((mtu - 20) & ~7u) -
							       1) / ((mtu - 20) & ~7u));
		}
	build(65507, 0);
	assert_int_equal(cut(68, 256, 2000), IP_FRAG_MAX - 1);
	cut(9000, 256, 100);
	cut(65535, 256, 1000);
}

/* A fragment itself: offsets go on from its own, and the last piece is not the packet's last. */
static void
test_fragments(void **state)
{
	build(1000, 0x2000 | 100);
	assert_int_equal(cut(500, 300, 300), 3);
	build(1000, 100);
	assert_int_equal(cut(500, 300, 300), 3);
}

/* What lies behind the packet in its frame is not of it. */
static void
test_padding(void **state)
{
	frame.padding = 37;
	build(1000, 0);
	cut(500, 300, 300);
	frame.padding = 0;
}

/* Options that are to be copied are in all pieces; the others are in the first one alone. */
static void
test_options(void **state)
{
	/* router alert (copied), record route (not), no-op, source route (copied), end */
	static const uint8_t options[24] = { 0x94, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 1,
					     0x89, 7, 4, 9, 9, 9, 9, 0, 0, 0, 0, 0 };
	static const uint8_t later[24] = { 0x94, 4, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,
					   0x89, 7, 4, 9, 9, 9, 9, 0, 0, 0, 0, 0 };
	struct rte_mbuf *pkt;
	int n;

	frame.ip_options = sizeof(options);
	build(1400, 0);
	memcpy(frame.bytes + frame.l3 + 20, options, sizeof(options));
	l4_frame_seal(&frame);
	pkt = l4_frame_mbuf(&frame, pool, 300, 1500);
	n = ip_frag(pkt, (uint16_t)frame.l3, 600, pool, pieces);
	assert_int_equal(n, 3);
	for (int i = 0; i < n; i++) {
		l4_frame_read(&got, pieces[i], &frame);
		assert_memory_equal(got.bytes + got.l3 + 20, i == 0 ? options : later,
				    sizeof(options));
		assert_true(l4_frame_ipv4_ok(&got));
	}
	rte_pktmbuf_free_bulk(pieces, (unsigned int)n);
	/* options that make no sense: they do no harm */
	for (uint32_t value = 0; value < 256; value++) {
		memset(frame.bytes + frame.l3 + 20, (int)value, sizeof(options));
		l4_frame_seal(&frame);
		rte_pktmbuf_free(pkt);
		pkt = l4_frame_mbuf(&frame, pool, 300, 1500);
		n = ip_frag(pkt, (uint16_t)frame.l3, 600, pool, pieces);
		assert_int_equal(n, 3);
		rte_pktmbuf_free_bulk(pieces, (unsigned int)n);
	}
	rte_pktmbuf_free(pkt);
	frame.ip_options = 0;
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static void
test_refused(void **state)
{
	struct rte_mempool *small = packet_pool_create("small", 4, 0, NULL);
	struct rte_mbuf *pkt;

	build(1000, 0);
	pkt = l4_frame_mbuf(&frame, pool, 1500, 1500);
	assert_int_equal(ip_frag(pkt, (uint16_t)frame.l3, 27, pool, pieces), -EBADMSG);
	assert_int_equal(ip_frag(pkt, (uint16_t)frame.l3, 68, small, pieces), -ENOBUFS);
	assert_int_equal(rte_mempool_in_use_count(small), 0);
	/* a fragment that ends beyond the longest packet; its pieces would be others' fragments */
	rte_pktmbuf_free(pkt);
	build(1000, 8191);
	pkt = l4_frame_mbuf(&frame, pool, 1500, 1500);
	assert_int_equal(ip_frag(pkt, (uint16_t)frame.l3, 500, pool, pieces), -EBADMSG);
	rte_pktmbuf_free(pkt);
	build(1000, 0);
	pkt = l4_frame_mbuf(&frame, pool, 1500, 1500);
	rte_pktmbuf_mtod(pkt, uint8_t *)[frame.l3] = 0x44;
	assert_int_equal(ip_frag(pkt, (uint16_t)frame.l3, 500, pool, pieces), -EBADMSG);
	rte_pktmbuf_mtod(pkt, uint8_t *)[frame.l3] = 0x45;
	rte_pktmbuf_mtod(pkt, uint8_t *)[frame.l3 + 2] = 0xff;
	assert_int_equal(ip_frag(pkt, (uint16_t)frame.l3, 500, pool, pieces), -EBADMSG);
	rte_pktmbuf_free(pkt);
	rte_mempool_free(small);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),   cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_padding), cmocka_unit_test(test_options),
		cmocka_unit_test(test_refused),
	};

	fake_eal_start();
	pool = test_pool_create("mbufs", 4095);
	if (pool == NULL)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
