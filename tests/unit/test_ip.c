/* SPDX-License-Identifier: BSD-3-Clause */
/* What ip_parse() reads out of packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_port.h"
#include "nat_bed.h"

#define IP_AT (pkt.bytes + PACKET_L3)

static struct packet pkt;

static uint8_t
parse(void)
{
	nat_bed_parse(&pkt);
	return pkt.meta.drop;
}

static void
cut(uint32_t len)
{
	pkt.mbuf.data_len = len;
	pkt.mbuf.pkt_len = len;
}

static void
test_plain(void **state)
{
	packet_l4(&pkt, IPPROTO_TCP, GUEST_A, 1000, REMOTE, 80, 0x12);
	assert_int_equal(parse(), IP_KEEP);
	assert_int_equal(pkt.meta.src, htonl(GUEST_A));
	assert_int_equal(pkt.meta.dst, htonl(REMOTE));
	assert_int_equal(pkt.meta.route_dst, htonl(REMOTE));
	assert_int_equal(pkt.meta.sport, htons(1000));
	assert_int_equal(pkt.meta.dport, htons(80));
	assert_int_equal(pkt.meta.l4, PACKET_L3 + 20);
	assert_int_equal(pkt.meta.l4_len, 40);
	assert_int_equal(pkt.meta.kind, IP_L4_TCP);
	assert_int_equal(pkt.meta.tcp_flags, 0x12);
	assert_int_equal(pkt.meta.ttl, 64);
	assert_int_equal(pkt.meta.flags, 0);
	/* every packet is read anew */
	packet_echo(&pkt, GUEST_A, REMOTE, 77, false);
	assert_int_equal(parse(), IP_KEEP);
	assert_int_equal(pkt.meta.kind, IP_L4_ICMP);
	assert_int_equal(pkt.meta.sport, htons(77));
	assert_int_equal(pkt.meta.dport, htons(77));
	assert_int_equal(pkt.meta.tcp_flags, 0);
}

/* Every length that a frame can have been cut to: bad, without reading beyond. */
static void
test_lengths(void **state)
{
	for (uint32_t len = PACKET_L3; len < PACKET_L3 + 60; len++) {
		packet_l4(&pkt, IPPROTO_TCP, GUEST_A, 1000, REMOTE, 80, 0);
		cut(len);
		assert_int_equal(parse(), DROP_BAD_FRAME);
	}
	/* padding is not the packet's */
	packet_l4(&pkt, IPPROTO_UDP, GUEST_A, 1000, REMOTE, 80, 0);
	cut(pkt.len + 30);
	assert_int_equal(parse(), IP_KEEP);
	assert_int_equal(pkt.meta.l4_len, 28);
	/* a packet that is shorter than its transport header */
	IP_AT[3] = 27;
	packet_seal(&pkt);
	assert_int_equal(parse(), IP_KEEP);
	assert_int_equal(pkt.meta.flags, IP_NO_L4);
	assert_int_equal(pkt.meta.kind, IP_L4_NONE);
	/* headers that contradict themselves */
	IP_AT[3] = 19;
	packet_seal(&pkt);
	assert_int_equal(parse(), DROP_BAD_FRAME);
	IP_AT[0] = 0x44;
	assert_int_equal(parse(), DROP_BAD_FRAME);
	IP_AT[0] = 0x55;
	assert_int_equal(parse(), DROP_BAD_FRAME);
}

static void
test_options(void **state)
{
	packet_l4(&pkt, IPPROTO_UDP, GUEST_A, 1000, REMOTE, 80, 0);
	memmove(IP_AT + 24, IP_AT + 20, 28);
	memset(IP_AT + 20, 1, 4); /* no operation */
	IP_AT[0] = 0x46;
	IP_AT[3] += 4;
	cut(pkt.len + 4);
	assert_int_equal(parse(), DROP_BAD_CHECKSUM);
	/* the checksum of a header of 24 bytes */
	struct csum csum = { 0 };
	uint16_t sum;

	memset(IP_AT + 10, 0, 2);
	csum_add(&csum, IP_AT, 24);
	sum = ~csum_fold(csum.sum);
	memcpy(IP_AT + 10, &sum, 2);
	assert_int_equal(parse(), IP_KEEP);
	assert_int_equal(pkt.meta.flags, IP_HAS_OPTIONS);
	assert_int_equal(pkt.meta.sport, htons(1000));
	assert_int_equal(pkt.meta.l4, PACKET_L3 + 24);
	assert_int_equal(pkt.meta.l4_len, 28);
}

static void
test_fragments_and_errors(void **state)
{
	struct packet quoted;

	packet_fragment(&pkt, GUEST_A, 1000, REMOTE, 80, 1, true);
	assert_int_equal(parse(), IP_KEEP);
	assert_int_equal(pkt.meta.flags, IP_FRAG_FIRST);
	assert_int_equal(pkt.meta.sport, htons(1000));
	packet_fragment(&pkt, GUEST_A, 1000, REMOTE, 80, 1, false);
	assert_int_equal(parse(), IP_KEEP);
	assert_int_equal(pkt.meta.flags, IP_FRAG_LATER);
	assert_int_equal(pkt.meta.kind, IP_L4_NONE);
	assert_int_equal(pkt.meta.sport, 0);
	packet_l4(&quoted, IPPROTO_UDP, GUEST_A, 1, REMOTE, 2, 0);
	packet_error(&pkt, 3, REMOTE, &quoted, 28);
	assert_int_equal(parse(), IP_KEEP);
	assert_int_equal(pkt.meta.flags, IP_ICMP_ERROR);
	assert_int_equal(pkt.meta.kind, IP_L4_NONE);
}

static void
test_ipv6(void **state)
{
	packet_l4(&pkt, IPPROTO_TCP, GUEST_A, 1000, REMOTE, 80, 0x02);
	memmove(IP_AT + 40, IP_AT + 20, 40);
	memset(IP_AT, 0, 40);
	pkt.bytes[12] = 0x86;
	pkt.bytes[13] = 0xdd;
	IP_AT[0] = 0x61;
	IP_AT[1] = 0x20;
	IP_AT[5] = 40;
	IP_AT[6] = IPPROTO_TCP;
	IP_AT[7] = 3;
	cut(PACKET_L3 + 80);
	assert_int_equal(parse(), IP_KEEP);
	assert_int_equal(pkt.meta.flags, IP_IS_IPV6);
	assert_int_equal(pkt.meta.kind, IP_L4_TCP);
	assert_int_equal(pkt.meta.dport, htons(80));
	assert_int_equal(pkt.meta.tcp_flags, 0x02);
	assert_int_equal(pkt.meta.ttl, 3);
	assert_int_equal(pkt.meta.tos, 0x12);
	assert_int_equal(pkt.meta.l4, PACKET_L3 + 40);
	cut(PACKET_L3 + 79);
	assert_int_equal(parse(), DROP_BAD_FRAME);
	cut(PACKET_L3 + 39);
	assert_int_equal(parse(), DROP_BAD_FRAME);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),   cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_options), cmocka_unit_test(test_fragments_and_errors),
		cmocka_unit_test(test_ipv6),
	};

	fake_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
