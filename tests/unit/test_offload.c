/* SPDX-License-Identifier: BSD-3-Clause */
/* Checksums and segments, against sums computed byte by byte. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_port.h"
#include "l4_frame.h"
#include "offload.h"
#include "test_pool.h"

#define TCP_FLAGS_ALL 0x99 /* CWR, ACK, PSH, FIN */
#define POOL_SIZE 4096
#define ROUNDS 400

static struct rte_mempool *pool;
static uint32_t random_state = 1;

static uint32_t
random_below(uint32_t n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (uint64_t)random_state * n >> 32;
}

static int
setup(void **state)
{
	(void)state;
	fake_eal_start();
	pool = test_pool_create("offload", POOL_SIZE);
	return pool == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	rte_mempool_free(pool);
	return 0;
}

static void
assert_no_leak(void)
{
	assert_int_equal(rte_mempool_avail_count(pool), POOL_SIZE);
}

/* A frame of any shape. */
static void
random_frame(struct l4_frame *f, bool udp, uint32_t max_payload)
{
	f->tags = random_below(3);
	f->ipv6 = random_below(2);
	f->udp = udp;
	f->ip_options = random_below(2) * 8 * random_below(4);
	f->tcp_options = 4 * random_below(11);
	f->tcp_flags = TCP_FLAGS_ALL;
	f->payload = random_below(max_payload);
	f->padding = 0;
	l4_frame_build(f);
}

/* A chain whose headers are in the first mbuf. */
static struct rte_mbuf *
random_chain(const struct l4_frame *f)
{
	return l4_frame_mbuf(f, pool, f->data + random_below(1000),
			     (f->len < 2000 ? 1 : 50) + random_below(2000));
}

static void
assert_right(const struct l4_frame *f)
{
	assert_true(l4_frame_ipv4_ok(f));
	assert_int_equal(l4_frame_field(f), l4_frame_checksum(f));
}

static void
test_complete(void **state)
{
	static struct l4_frame f, out;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct rte_mbuf *pkt;

		random_frame(&f, i % 2, 9000);
		f.padding = random_below(2) * random_below(50);
		l4_frame_build(&f);
		if (!f.ipv6)
			f.bytes[f.l3 + 10] ^= 0xff; /* some senders leave it blank, too */
		pkt = random_chain(&f);
		assert_int_equal(offload_describe(pkt), 0);
		assert_int_equal(pkt->l2_len, f.l3);
		assert_int_equal(pkt->l2_len + pkt->l3_len, f.l4);
		assert_true(pkt->ol_flags & (f.ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4));
		assert_int_equal(pkt->ol_flags & RTE_MBUF_F_TX_L4_MASK,
				 f.udp ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM);
		l4_frame_read(&out, pkt, &f);
		assert_int_equal(l4_frame_field(&out), l4_frame_pseudo(&f));
		assert_true(l4_frame_ipv4_ok(&out));

		assert_int_equal(offload_complete(pkt), 0);
		assert_int_equal(pkt->ol_flags & ~POOL_FLAGS, RTE_MBUF_F_RX_L4_CKSUM_GOOD);
		l4_frame_read(&out, pkt, &f);
		assert_int_equal(out.len, f.len);
		assert_right(&out);
		rte_pktmbuf_free(pkt);
	}
	assert_no_leak();
}

/* A UDP checksum that comes out as 0 is sent as 0xffff (RFC 768). */
static void
test_udp_zero(void **state)
{
	static struct l4_frame f = { .udp = true, .payload = 4 }, out;
	struct rte_mbuf *pkt;
	uint16_t sum;

	(void)state;
	l4_frame_build(&f);
	memset(f.bytes + f.data, 0, 4);
	sum = l4_frame_checksum(&f);
	f.bytes[f.data] = sum >> 8;
	f.bytes[f.data + 1] = sum;
	assert_int_equal(l4_frame_checksum(&f), 0xffff);
	pkt = l4_frame_mbuf(&f, pool, 2000, 1);
	assert_int_equal(offload_describe(pkt), 0);
	assert_int_equal(offload_complete(pkt), 0);
	l4_frame_read(&out, pkt, &f);
	assert_int_equal(l4_frame_field(&out), 0xffff);
	rte_pktmbuf_free(pkt);
}

/* Everything of segment @i that must be so. */
static void
check_segment(const struct l4_frame *f, const struct l4_frame *seg, uint16_t mss, int i, int n)
{
	const uint32_t payload = i + 1 < n ? mss : f->payload - i * mss;

	assert_int_equal(seg->len, f->data + payload);
	assert_memory_equal(seg->bytes, f->bytes, f->l3);
	assert_memory_equal(seg->bytes + f->data, f->bytes + f->data + i * mss, payload);
	assert_right(seg);
	if (f->ipv6) {
		assert_int_equal(l4_frame_be(seg, f->l3 + 4, 2), f->data - f->l3 - 40 + payload);
		assert_memory_equal(seg->bytes + f->l3 + 6, f->bytes + f->l3 + 6,
				    f->l4 - f->l3 - 6);
	} else {
		assert_int_equal(l4_frame_be(seg, f->l3 + 2, 2), f->data - f->l3 + payload);
		assert_int_equal(l4_frame_be(seg, f->l3 + 4, 2), (0xfff0 + i) & 0xffff);
		assert_memory_equal(seg->bytes + f->l3 + 12, f->bytes + f->l3 + 12,
				    f->l4 - f->l3 - 12);
	}
	if (f->udp) {
		assert_int_equal(l4_frame_be(seg, f->l4 + 4, 2), 8 + payload);
		return;
	}
	assert_int_equal(l4_frame_be(seg, f->l4 + 4, 4), 0xfffff000u + i * mss);
	assert_int_equal(seg->bytes[f->l4 + 13],
			 0x10 | (i == 0 ? 0x80 : 0) | (i + 1 == n ? 0x09 : 0));
	assert_memory_equal(seg->bytes + f->l4 + 20, f->bytes + f->l4 + 20, f->tcp_options);
}

static void
segment_and_check(const struct l4_frame *f, struct rte_mbuf *pkt, uint16_t mss, bool blank)
{
	static struct rte_mbuf *segments[OFFLOAD_SEGMENTS_MAX];
	static struct l4_frame seg;
	int n = (f->payload + mss - 1) / mss;

	assert_int_equal(offload_segment(pkt, pool, blank, segments, n - 1), -E2BIG);
	assert_int_equal(offload_segment(pkt, pool, blank, segments, OFFLOAD_SEGMENTS_MAX), n);
	assert_int_equal(offload_frame_len(pkt), f->data + mss);
	for (int i = 0; i < n; i++) {
		rte_mbuf_sanity_check(segments[i], 1);
		if (blank) {
			assert_true(offload_wanted(segments[i], 0));
			assert_false(segments[i]->ol_flags & OFFLOAD_SEG_MASK);
			l4_frame_read(&seg, segments[i], f);
			assert_int_equal(l4_frame_field(&seg), l4_frame_pseudo(&seg));
			assert_int_equal(offload_complete(segments[i]), 0);
		}
		assert_int_equal(segments[i]->ol_flags & ~POOL_FLAGS, RTE_MBUF_F_RX_L4_CKSUM_GOOD);
		l4_frame_read(&seg, segments[i], f);
		check_segment(f, &seg, mss, i, n);
		rte_pktmbuf_free(segments[i]);
	}
}

static void
test_segment_tcp(void **state)
{
	static struct l4_frame f;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint16_t mss = OFFLOAD_MSS_MIN + random_below(i % 4 == 0 ? 9000 : 1500);
		struct rte_mbuf *pkt;

		random_frame(&f, false, 65000);
		pkt = random_chain(&f);
		assert_int_equal(offload_describe_gso(pkt, mss, f.ipv6), 0);
		assert_true(offload_wanted(pkt, 0));
		assert_false(offload_wanted(pkt, UINT32_MAX));
		assert_int_equal(offload_wanted(pkt, PORT_CAP_CSUM_IPV4 | PORT_CAP_CSUM_IPV6),
				 f.payload > mss);
		if (f.payload > mss)
			segment_and_check(&f, pkt, mss, i % 2);
		else
			assert_false(pkt->ol_flags & OFFLOAD_SEG_MASK);
		rte_pktmbuf_free(pkt);
	}
	assert_no_leak();
}

static void
test_segment_udp(void **state)
{
	static struct l4_frame f;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint16_t size = 1 + random_below(1500);
		struct rte_mbuf *pkt;

		random_frame(&f, true, 65000);
		pkt = random_chain(&f);
		if (f.payload > (uint32_t)size * OFFLOAD_UDP_SEGMENTS_MAX) {
			assert_int_equal(offload_describe_udp_gso(pkt, size), -EBADMSG);
			assert_int_equal(pkt->ol_flags & ~POOL_FLAGS, 0);
		} else {
			assert_int_equal(offload_describe_udp_gso(pkt, size), 0);
			assert_int_equal(offload_wanted(pkt, UINT32_MAX), f.payload > size);
			if (f.payload > size)
				segment_and_check(&f, pkt, size, i % 2);
		}
		rte_pktmbuf_free(pkt);
	}
	assert_no_leak();
}

static void
test_segment_no_buffers(void **state)
{
	static struct l4_frame f = { .payload = 60000 };
	static struct rte_mbuf *segments[OFFLOAD_SEGMENTS_MAX];
	struct rte_mempool *small;
	struct rte_mbuf *pkt;

	(void)state;
	small = rte_pktmbuf_pool_create("small", 30, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					SOCKET_ID_ANY);
	assert_non_null(small);
	l4_frame_build(&f);
	pkt = l4_frame_mbuf(&f, pool, 2000, 2000);
	assert_int_equal(offload_describe_gso(pkt, 1460, false), 0);
	assert_int_equal(offload_segment(pkt, small, false, segments, OFFLOAD_SEGMENTS_MAX),
			 -ENOBUFS);
	rte_pktmbuf_free(pkt);
	pkt = l4_frame_mbuf(&f, pool, 2000, 2000);
	assert_int_equal(offload_describe_gso(pkt, 8960, false), 0); /* seven of five mbufs each */
	assert_int_equal(offload_segment(pkt, small, false, segments, OFFLOAD_SEGMENTS_MAX),
			 -ENOBUFS);
	assert_int_equal(rte_mempool_avail_count(small), 30);
	rte_pktmbuf_free(pkt);
	rte_mempool_free(small);
	assert_no_leak();
}

/* Describe a frame changed by one byte; nothing may be marked if it is refused. */
static int
describe_changed(struct l4_frame *f, uint32_t at, uint8_t value)
{
	struct rte_mbuf *pkt;
	int ret;

	l4_frame_build(f);
	f->bytes[at] = value;
	pkt = l4_frame_mbuf(f, pool, 2000, 2000);
	ret = offload_describe(pkt);
	if (ret != 0)
		assert_int_equal(pkt->ol_flags & ~POOL_FLAGS, 0);
	rte_pktmbuf_free(pkt);
	return ret;
}

static void
test_refused(void **state)
{
	static struct l4_frame v4 = { .payload = 100 }, v6 = { .ipv6 = true, .payload = 100 };
	static struct l4_frame udp = { .udp = true, .payload = 100 };
	static struct l4_frame ext = { .ipv6 = true, .ip_options = 8, .payload = 100 };

	(void)state;
	l4_frame_build(&v4);
	l4_frame_build(&v6);
	l4_frame_build(&udp);
	l4_frame_build(&ext);
	assert_int_equal(describe_changed(&v4, 12, 0x09), -EPROTONOSUPPORT);        /* no IP */
	assert_int_equal(describe_changed(&v4, v4.l3 + 9, 1), -EPROTONOSUPPORT);    /* ICMP */
	assert_int_equal(describe_changed(&v4, v4.l3 + 6, 0x20), -EPROTONOSUPPORT); /* MF */
	assert_int_equal(describe_changed(&v4, v4.l3 + 7, 0x01), -EPROTONOSUPPORT); /* offset */
	assert_int_equal(describe_changed(&v4, v4.l3, 0x44), -EBADMSG);             /* IHL 16 */
	assert_int_equal(describe_changed(&v4, v4.l3, 0x65), -EBADMSG);             /* version */
	assert_int_equal(describe_changed(&v4, v4.l3 + 2, 0xff), -EBADMSG);         /* too long */
	assert_int_equal(describe_changed(&v4, v4.l3 + 3, 30), -EBADMSG);           /* cuts TCP */
	assert_int_equal(describe_changed(&v4, v4.l4 + 12, 0x40), -EBADMSG);        /* doff 16 */
	assert_int_equal(describe_changed(&udp, udp.l4 + 5, 7), -EBADMSG);
	assert_int_equal(describe_changed(&udp, udp.l4 + 5, 200), -EBADMSG);
	assert_int_equal(describe_changed(&v6, v6.l3, 0x40), -EBADMSG);
	assert_int_equal(describe_changed(&v6, v6.l3 + 4, 0x10), -EBADMSG);
	assert_int_equal(describe_changed(&v6, v6.l3 + 6, 59), -EPROTONOSUPPORT); /* none */
	assert_int_equal(describe_changed(&v6, v6.l3 + 6, 44), -EPROTONOSUPPORT); /* fragment */
	assert_int_equal(describe_changed(&ext, ext.l3 + 41, 255), -EBADMSG);     /* ends behind */
	assert_int_equal(describe_changed(&ext, ext.l3 + 40, 60), -EBADMSG);      /* TCP as one */
	assert_no_leak();
}

/* Headers cut off at every length, with the packet or in the first mbuf only. */
static void
test_truncated(void **state)
{
	static struct l4_frame f = { .tags = 2, .ipv6 = true, .ip_options = 16, .payload = 10 };

	(void)state;
	l4_frame_build(&f);
	for (uint32_t len = 1; len < f.data; len++) {
		struct rte_mbuf *pkt = l4_frame_mbuf(&f, pool, len, 2000);

		assert_true(offload_describe(pkt) != 0);
		assert_int_equal(pkt->ol_flags & ~POOL_FLAGS, 0);
		rte_pktmbuf_free(pkt);
		f.len = len;
		pkt = l4_frame_mbuf(&f, pool, len, 2000);
		assert_int_equal(offload_describe(pkt), -EBADMSG);
		assert_int_equal(offload_describe_gso(pkt, 64, true), -EBADMSG);
		assert_int_equal(pkt->ol_flags & ~POOL_FLAGS, 0);
		rte_pktmbuf_free(pkt);
		l4_frame_build(&f);
	}
	assert_no_leak();
}

static void
test_gso_refused(void **state)
{
	static struct l4_frame f = { .payload = 3000 };
	struct rte_mbuf *pkt;

	(void)state;
	l4_frame_build(&f);
	pkt = l4_frame_mbuf(&f, pool, 2000, 2000);
	assert_int_equal(offload_describe_gso(pkt, OFFLOAD_MSS_MIN - 1, false), -EBADMSG);
	assert_int_equal(offload_describe_gso(pkt, 1000, true), -EBADMSG);
	assert_int_equal(offload_describe_udp_gso(pkt, 1000), -EBADMSG);
	assert_int_equal(offload_describe_udp_gso(pkt, 0), -EBADMSG);
	assert_int_equal(pkt->ol_flags & ~POOL_FLAGS, 0);
	rte_pktmbuf_free(pkt);
	assert_no_leak();
}

/* Behind a routing header with segments left, the sender knows the last hop, and we do not: the
 * sum in the packet is kept, and only the length in it changes. */
static void
test_routing_header(void **state)
{
	static struct l4_frame f = { .ipv6 = true, .ip_options = 8, .payload = 2000 }, out;
	struct rte_mbuf *segments[2], *pkt;
	uint32_t sum;

	(void)state;
	l4_frame_build(&f);
	f.bytes[f.l3 + 6] = 43;
	f.bytes[f.l3 + 43] = 1;
	f.bytes[f.l4 + 16] = 0x12;
	f.bytes[f.l4 + 17] = 0x34;
	pkt = l4_frame_mbuf(&f, pool, 2000, 2000);
	assert_int_equal(offload_describe_gso(pkt, 1000, true), 0);
	l4_frame_read(&out, pkt, &f);
	assert_int_equal(l4_frame_field(&out), 0x1234);
	assert_int_equal(offload_segment(pkt, pool, true, segments, 2), 2);
	l4_frame_read(&out, segments[1], &f);
	sum = 0x1234 + (0xffff - 2020) + 1020;
	assert_int_equal(l4_frame_field(&out), (sum & 0xffff) + (sum >> 16));
	rte_pktmbuf_free_bulk(segments, 2);
	rte_pktmbuf_free(pkt);
	assert_no_leak();
}

/* CRC32c of "123456789" is 0xe3069283 (RFC 3720 B.4 has more); here over a real SCTP packet's form.
 */
static uint32_t
crc32c(const uint8_t *p, uint32_t len)
{
	uint32_t crc = UINT32_MAX;

	for (uint32_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static void
test_complete_at(void **state)
{
	static struct l4_frame f = { .udp = true, .payload = 3001 }, out;
	struct rte_mbuf *pkt;
	uint32_t crc;

	(void)state;
	assert_int_equal(crc32c((const uint8_t *)"123456789", 9), 0xe3069283);
	/* a UDP header treated as unknown: the field holds the pseudo header's sum */
	l4_frame_build(&f);
	f.bytes[f.l4 + 6] = l4_frame_pseudo(&f) >> 8;
	f.bytes[f.l4 + 7] = l4_frame_pseudo(&f);
	pkt = l4_frame_mbuf(&f, pool, 700, 333);
	assert_int_equal(offload_complete_at(pkt, f.l4, 6), 0);
	l4_frame_read(&out, pkt, &f);
	assert_int_equal(l4_frame_field(&out), l4_frame_checksum(&f));
	assert_int_equal(offload_complete_at(pkt, f.l4, 65535), -EBADMSG);
	assert_int_equal(offload_complete_at(pkt, 65535, 6), -EBADMSG);
	assert_int_equal(offload_complete_at(pkt, 699, 0), -EBADMSG);
	rte_pktmbuf_free(pkt);

	l4_frame_build(&f);
	f.bytes[f.l3 + 9] = 132;
	pkt = l4_frame_mbuf(&f, pool, 700, 333);
	assert_int_equal(offload_complete_at(pkt, f.l4, 8), 0);
	memset(f.bytes + f.l4 + 8, 0, 4);
	crc = crc32c(f.bytes + f.l4, f.len - f.l4);
	l4_frame_read(&out, pkt, &f);
	assert_int_equal(l4_frame_be(&out, f.l4 + 8, 4), rte_bswap32(crc));
	rte_pktmbuf_free(pkt);
	assert_no_leak();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete),           cmocka_unit_test(test_udp_zero),
		cmocka_unit_test(test_segment_tcp),        cmocka_unit_test(test_segment_udp),
		cmocka_unit_test(test_segment_no_buffers), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_truncated),          cmocka_unit_test(test_gso_refused),
		cmocka_unit_test(test_routing_header),     cmocka_unit_test(test_complete_at),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
