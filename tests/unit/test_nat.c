/* SPDX-License-Identifier: BSD-3-Clause */
/* NAT: what becomes of packets. Sessions in large numbers are in test_nat_table.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_port.h"
#include "nat_bed.h"

#define SYN 0x02
#define FIN 0x01
#define RST 0x04
#define ACK 0x10

static struct nat_bed bed;

static int
setup(void **state)
{
	nat_bed_setup(&bed, NAT_SESSIONS_MIN, 1);
	nat_bed_snat(&bed, NAT_MAP_ENDPOINT_INDEPENDENT, NAT_FILTER_ADDRESS_PORT, 0, 0);
	return 0;
}

static int
teardown(void **state)
{
	nat_bed_teardown(&bed);
	return 0;
}

static void
assert_ends(const struct packet *pkt, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
	assert_int_equal(packet_src(pkt), src);
	assert_int_equal(packet_sport(pkt), sport);
	assert_int_equal(packet_dst(pkt), dst);
	assert_int_equal(packet_dport(pkt), dport);
	assert_true(packet_ok(pkt));
}

/* A packet from inside; its external port. */
static uint16_t
send_out(uint8_t proto, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
	struct packet pkt;

	packet_l4(&pkt, proto, src, sport, dst, dport, SYN);
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_INSIDE), IP_KEEP);
	assert_int_equal(pkt.meta.nat, IP_NAT_OUT);
	assert_ends(&pkt, EXT, packet_sport(&pkt), dst, dport);
	return packet_sport(&pkt);
}

/* One from outside. */
static bool
comes_in(uint8_t proto, uint32_t src, uint16_t sport, uint16_t ext_port, uint32_t dst,
	 uint16_t dport)
{
	struct packet pkt;

	packet_l4(&pkt, proto, src, sport, EXT, ext_port, ACK);
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_OUTSIDE), IP_KEEP);
	if (pkt.meta.nat == IP_NAT_MISS) {
		assert_ends(&pkt, src, sport, EXT, ext_port);
		return false;
	}
	assert_int_equal(pkt.meta.nat, IP_NAT_IN);
	assert_int_equal(pkt.meta.route_dst, htonl(dst));
	assert_ends(&pkt, src, sport, dst, dport);
	return true;
}

static void
test_there_and_back(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };

	for (unsigned int i = 0; i < RTE_DIM(protos); i++) {
		uint8_t p = protos[i];
		uint16_t port = send_out(p, GUEST_A, 40000, REMOTE, 80), other;

		assert_int_equal(port, 40000); /* kept if it is free */
		assert_true(comes_in(p, REMOTE, 80, port, GUEST_A, 40000));
		assert_int_equal(send_out(p, GUEST_A, 40000, REMOTE, 80), port);
		/* another guest's port is another one outside */
		other = send_out(p, GUEST_B, 40000, REMOTE, 80);
		assert_int_not_equal(other, port);
		if (p == IPPROTO_UDP)
			assert_int_equal(other % 2, 0);
		assert_true(comes_in(p, REMOTE, 80, other, GUEST_B, 40000));
		/* nobody else comes in */
		assert_false(comes_in(p, REMOTE, 81, port, 0, 0));
		assert_false(comes_in(p, REMOTE + 1, 80, port, 0, 0));
		/* well-known ports are not given away */
		assert_true(send_out(p, GUEST_A, 22, REMOTE, 80) >= NAT_PORT_LOW);
	}
	assert_int_equal(nat_count(bed.nat), 6);
}

static void
test_mapping(void **state)
{
	uint16_t port, other;

	/* one inside endpoint, one outside endpoint */
	send_out(IPPROTO_UDP, GUEST_B, 5000, REMOTE, 53);
	port = send_out(IPPROTO_UDP, GUEST_A, 5000, REMOTE, 53);
	assert_int_not_equal(port, 5000);
	assert_int_equal(send_out(IPPROTO_UDP, GUEST_A, 5000, REMOTE + 1, 99), port);
	assert_int_not_equal(send_out(IPPROTO_UDP, GUEST_A, 5002, REMOTE, 53), port);
	/* or as it comes */
	nat_bed_snat(&bed, NAT_MAP_ADDRESS_PORT_DEPENDENT, NAT_FILTER_ADDRESS_PORT, 2000, 2001);
	other = send_out(IPPROTO_TCP, GUEST_A, 2000, REMOTE, 53);
	assert_int_equal(other, 2000);
	assert_int_equal(send_out(IPPROTO_TCP, GUEST_B, 2000, REMOTE, 53), 2001);
	assert_int_equal(send_out(IPPROTO_TCP, GUEST_B, 2000, REMOTE + 1, 53), 2000);
}

static void
test_filtering(void **state)
{
	uint16_t port;

	nat_bed_snat(&bed, NAT_MAP_ENDPOINT_INDEPENDENT, NAT_FILTER_ADDRESS, 0, 0);
	port = send_out(IPPROTO_UDP, GUEST_A, 6000, REMOTE, 53);
	assert_true(comes_in(IPPROTO_UDP, REMOTE, 54, port, GUEST_A, 6000));
	assert_true(comes_in(IPPROTO_UDP, REMOTE, 55, port, GUEST_A, 6000));
	assert_false(comes_in(IPPROTO_UDP, REMOTE + 1, 53, port, 0, 0));
	assert_false(comes_in(IPPROTO_TCP, REMOTE, 53, port, 0, 0));
	nat_bed_snat(&bed, NAT_MAP_ENDPOINT_INDEPENDENT, NAT_FILTER_NONE, 0, 0);
	port = send_out(IPPROTO_UDP, GUEST_A, 6002, REMOTE, 53);
	assert_true(comes_in(IPPROTO_UDP, REMOTE + 1, 1, port, GUEST_A, 6002));
	assert_false(comes_in(IPPROTO_UDP, REMOTE + 1, 1, port + 2, 0, 0));
	/* what began outside goes back by the same ports */
	assert_int_equal(send_out(IPPROTO_UDP, GUEST_A, 6002, REMOTE + 1, 1), port);
}

static void
set_dnat(const struct nat_dnat *dnats, uint32_t n, bool snat)
{
	const uint32_t ext = htonl(EXT);
	const struct nat_snat rule = {
		.inside = htonl(IP(10, 0, 0, 0)),
		.inside_len = 8,
		.guest = NAT_GUEST_ANY,
		.out = NAT_OUT_ANY,
		.ext = &ext,
		.n_ext = 1,
		.port_low = NAT_PORT_LOW,
		.port_high = NAT_PORT_HIGH,
	};
	uint32_t bad;

	assert_int_equal(nat_rules_set(bed.nat, &rule, snat, dnats, n, &bad), 0);
}

static void
test_dnat(void **state)
{
	const struct nat_dnat dnats[] = {
		{ IPPROTO_TCP, htonl(EXT), 8080, 8080, htonl(GUEST_B), 80, 2 },
		{ IPPROTO_UDP, htonl(EXT), 7000, 7009, htonl(GUEST_A), 9000, 1 },
	};
	struct nat_guest_info info;
	struct packet pkt;

	set_dnat(dnats, 2, true);
	assert_true(comes_in(IPPROTO_TCP, REMOTE, 1234, 8080, GUEST_B, 80));
	assert_true(comes_in(IPPROTO_UDP, REMOTE, 1234, 7009, GUEST_A, 9009));
	assert_false(comes_in(IPPROTO_UDP, REMOTE, 1234, 7010, 0, 0));
	assert_false(comes_in(IPPROTO_UDP, REMOTE, 1234, 8080, 0, 0));
	nat_guest_info(bed.nat, 2, &info);
	assert_int_equal(info.sessions, 1);
	/* the answer */
	assert_int_equal(send_out(IPPROTO_TCP, GUEST_B, 80, REMOTE, 1234), 8080);
	/* a port that is forwarded is not given away */
	assert_int_not_equal(send_out(IPPROTO_TCP, GUEST_A, 8080, REMOTE, 1), 8080);
	/* answers leave whatever interface they take */
	packet_l4(&pkt, IPPROTO_TCP, GUEST_B, 80, REMOTE, 1234, ACK);
	nat_bed_parse(&pkt);
	nat_classify(bed.nat, 0, bed.now, NAT_INSIDE, 0, &pkt.meta, 1);
	nat_translate(bed.nat, 0, bed.now, NAT_INSIDE, 0, &pkt.meta, 1);
	assert_ends(&pkt, EXT, 8080, REMOTE, 1234);
}

static void
test_one_to_one(void **state)
{
	const struct nat_dnat dnat = { 0, htonl(EXT), 0, 0, htonl(GUEST_B), 0, 0 };
	struct packet pkt;

	set_dnat(&dnat, 1, false);
	assert_true(comes_in(IPPROTO_TCP, REMOTE, 1234, 22, GUEST_B, 22));
	assert_int_equal(send_out(IPPROTO_TCP, GUEST_B, 22, REMOTE, 1234), 22);
	packet_echo(&pkt, REMOTE, EXT, 77, false);
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_OUTSIDE), IP_KEEP);
	assert_ends(&pkt, REMOTE, 77, GUEST_B, 77);
	packet_echo(&pkt, GUEST_B, REMOTE, 77, true);
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_INSIDE), IP_KEEP);
	assert_ends(&pkt, EXT, 77, REMOTE, 77);
	/* a protocol without ports: GRE */
	packet_l4(&pkt, 47, REMOTE, 1, EXT, 2, 0);
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_OUTSIDE), IP_KEEP);
	assert_int_equal(packet_dst(&pkt), GUEST_B);
	assert_int_equal(packet_dport(&pkt), 2);
}

static void
test_hairpin(void **state)
{
	const struct nat_dnat dnat = { IPPROTO_TCP, htonl(EXT), 8080, 8080, htonl(GUEST_B), 80, 0 };
	struct packet pkt;

	set_dnat(&dnat, 1, true);
	for (int i = 0; i < 2; i++) {
		packet_l4(&pkt, IPPROTO_TCP, GUEST_A, 4000, EXT, 8080, i == 0 ? SYN : ACK);
		assert_int_equal(nat_bed_run(&bed, &pkt, NAT_INSIDE), IP_KEEP);
		assert_int_equal(pkt.meta.nat, IP_NAT_HAIRPIN);
		assert_int_equal(pkt.meta.route_dst, htonl(GUEST_B));
		assert_ends(&pkt, EXT, 4000, GUEST_B, 80);
		packet_l4(&pkt, IPPROTO_TCP, GUEST_B, 80, EXT, 4000, ACK);
		assert_int_equal(nat_bed_run(&bed, &pkt, NAT_INSIDE), IP_KEEP);
		assert_int_equal(pkt.meta.route_dst, htonl(GUEST_A));
		assert_ends(&pkt, EXT, 8080, GUEST_A, 4000);
	}
	assert_int_equal(nat_count(bed.nat), 2);
	/* to oneself */
	packet_l4(&pkt, IPPROTO_TCP, GUEST_B, 4001, EXT, 8080, SYN);
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_INSIDE), IP_KEEP);
	assert_ends(&pkt, EXT, 4001, GUEST_B, 80);
	/* what nobody waits for begins nothing */
	packet_l4(&pkt, IPPROTO_TCP, GUEST_A, 4000, EXT, 9, SYN);
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_INSIDE), IP_KEEP);
	assert_int_equal(pkt.meta.nat, IP_NAT_MISS);
	assert_int_equal(nat_count(bed.nat), 4);
}

/* A quoted packet as the error's receiver must see it. */
static void
assert_quotes(const struct packet *error, const struct packet *original, uint32_t len)
{
	assert_true(packet_ok(error));
	assert_memory_equal(error->bytes + PACKET_L3 + 28, original->bytes + PACKET_L3, len);
}

static void
test_icmp_errors(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };

	for (unsigned int i = 0; i < RTE_DIM(protos); i++) {
		struct packet sent, seen, error;
		uint32_t len = i == 1 ? 28 : 48;

		/* a router far away about what a guest sent, the guest must recognise it */
		if (protos[i] == IPPROTO_ICMP)
			packet_echo(&sent, GUEST_A, REMOTE, 500, false);
		else
			packet_l4(&sent, protos[i], GUEST_A, 500, REMOTE, 80, ACK);
		seen = sent;
		seen.mbuf.buf_addr = seen.bytes;
		assert_int_equal(nat_bed_run(&bed, &seen, NAT_INSIDE), IP_KEEP);
		assert_int_not_equal(packet_sport(&seen), 500);
		packet_error(&error, 11, IP(203, 0, 113, 9), &seen, len);
		assert_int_equal(nat_bed_run(&bed, &error, NAT_OUTSIDE), IP_KEEP);
		assert_int_equal(error.meta.route_dst, htonl(GUEST_A));
		assert_int_equal(packet_dst(&error), GUEST_A);
		assert_int_equal(packet_src(&error), IP(203, 0, 113, 9));
		assert_quotes(&error, &sent, len);
		/* cut before the ports: cannot be told */
		packet_error(&error, 11, REMOTE, &seen, 26);
		assert_int_equal(nat_bed_run(&bed, &error, NAT_OUTSIDE), IP_KEEP);
		assert_int_equal(error.meta.nat, IP_NAT_MISS);
		/* the guest about what it got */
		if (protos[i] == IPPROTO_ICMP)
			packet_echo(&sent, REMOTE, EXT, packet_sport(&seen), true);
		else
			packet_l4(&sent, protos[i], REMOTE, 80, EXT, packet_sport(&seen), ACK);
		seen = sent;
		seen.mbuf.buf_addr = seen.bytes;
		assert_int_equal(nat_bed_run(&bed, &seen, NAT_OUTSIDE), IP_KEEP);
		assert_int_equal(packet_dst(&seen), GUEST_A);
		packet_error(&error, 3, GUEST_A, &seen, len);
		assert_int_equal(nat_bed_run(&bed, &error, NAT_INSIDE), IP_KEEP);
		assert_int_equal(packet_src(&error), EXT);
		assert_int_equal(packet_dst(&error), REMOTE);
		assert_quotes(&error, &sent, len);
	}
	/* an error about nothing */
	struct packet made_up, error;

	packet_l4(&made_up, IPPROTO_UDP, REMOTE, 1, GUEST_A, 2, 0);
	packet_error(&error, 3, GUEST_A, &made_up, 28);
	assert_int_equal(nat_bed_run(&bed, &error, NAT_INSIDE), DROP_NAT_NO_SESSION);
}

static void
test_hairpin_error(void **state)
{
	const struct nat_dnat dnat = { IPPROTO_UDP, htonl(EXT), 8080, 8080, htonl(GUEST_B), 80, 0 };
	struct packet sent, seen, error;

	set_dnat(&dnat, 1, true);
	packet_l4(&sent, IPPROTO_UDP, GUEST_A, 500, EXT, 8080, 0);
	seen = sent;
	seen.mbuf.buf_addr = seen.bytes;
	assert_int_equal(nat_bed_run(&bed, &seen, NAT_INSIDE), IP_KEEP);
	packet_error(&error, 3, GUEST_B, &seen, 48);
	assert_int_equal(nat_bed_run(&bed, &error, NAT_INSIDE), IP_KEEP);
	assert_int_equal(packet_src(&error), EXT);
	assert_int_equal(packet_dst(&error), GUEST_A);
	assert_quotes(&error, &sent, 48);
}

static void
test_echo(void **state)
{
	struct packet pkt;
	uint16_t id;

	packet_echo(&pkt, GUEST_A, REMOTE, 3000, false);
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_INSIDE), IP_KEEP);
	assert_ends(&pkt, EXT, 3000, REMOTE, 3000);
	packet_echo(&pkt, GUEST_B, REMOTE, 3000, false);
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_INSIDE), IP_KEEP);
	id = packet_sport(&pkt);
	assert_int_not_equal(id, 3000);
	packet_echo(&pkt, REMOTE, EXT, id, true);
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_OUTSIDE), IP_KEEP);
	assert_ends(&pkt, REMOTE, 3000, GUEST_B, 3000);
	/* neither query nor error */
	packet_echo(&pkt, GUEST_B, REMOTE, 3000, false);
	pkt.bytes[PACKET_L3 + 20] = 10;
	packet_seal(&pkt);
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_INSIDE), DROP_NAT_BAD);
}

static void
test_fragments(void **state)
{
	struct packet first, later, early;
	uint16_t port;

	send_out(IPPROTO_UDP, GUEST_B, 5000, REMOTE, 53);
	packet_fragment(&early, GUEST_A, 5000, REMOTE, 53, 7, false);
	assert_int_equal(nat_bed_run(&bed, &early, NAT_INSIDE), DROP_NAT_FRAGMENT);
	packet_fragment(&first, GUEST_A, 5000, REMOTE, 53, 7, true);
	assert_int_equal(nat_bed_run(&bed, &first, NAT_INSIDE), IP_KEEP);
	port = packet_sport(&first);
	assert_int_not_equal(port, 5000);
	for (int i = 0; i < 3; i++) {
		packet_fragment(&later, GUEST_A, 5000, REMOTE, 53, 7, false);
		assert_int_equal(nat_bed_run(&bed, &later, NAT_INSIDE), IP_KEEP);
		assert_ends(&later, EXT, 5000, REMOTE, 53); /* no ports in there */
	}
	packet_fragment(&later, GUEST_A, 5000, REMOTE, 53, 8, false);
	assert_int_equal(nat_bed_run(&bed, &later, NAT_INSIDE), DROP_NAT_FRAGMENT);
	/* and back */
	packet_fragment(&later, REMOTE, 53, EXT, port, 9, false);
	assert_int_equal(nat_bed_run(&bed, &later, NAT_OUTSIDE), IP_KEEP);
	assert_int_equal(later.meta.nat, IP_NAT_MISS);
	packet_fragment(&first, REMOTE, 53, EXT, port, 9, true);
	assert_int_equal(nat_bed_run(&bed, &first, NAT_OUTSIDE), IP_KEEP);
	assert_int_equal(packet_dport(&first), 5000);
	packet_fragment(&later, REMOTE, 53, EXT, port, 9, false);
	assert_int_equal(nat_bed_run(&bed, &later, NAT_OUTSIDE), IP_KEEP);
	assert_int_equal(later.meta.route_dst, htonl(GUEST_A));
	assert_int_equal(packet_dst(&later), GUEST_A);
	/* first and later in one burst, of a flow that is new */
	struct ip_meta metas[2];

	packet_fragment(&first, GUEST_A, 5100, REMOTE, 53, 10, true);
	packet_fragment(&later, GUEST_A, 5100, REMOTE, 53, 10, false);
	ip_parse(&metas[0], &first.mbuf, PACKET_L3);
	ip_parse(&metas[1], &later.mbuf, PACKET_L3);
	nat_classify(bed.nat, 0, bed.now, NAT_INSIDE, 0, metas, 2);
	metas[0].flags |= IP_SNAT;
	metas[1].flags |= IP_SNAT;
	nat_translate(bed.nat, 0, bed.now, NAT_INSIDE, 0, metas, 2);
	assert_int_equal(metas[1].drop, IP_KEEP);
	assert_int_equal(packet_src(&later), EXT);
	/* forgotten */
	bed.now += 31;
	packet_fragment(&later, GUEST_A, 5000, REMOTE, 53, 7, false);
	assert_int_equal(nat_bed_run(&bed, &later, NAT_INSIDE), DROP_NAT_FRAGMENT);
}

static void
test_checksums(void **state)
{
	struct packet pkt;

	/* blank stays blank, and right */
	packet_l4(&pkt, IPPROTO_TCP, GUEST_A, 100, REMOTE, 80, SYN);
	packet_blank(&pkt);
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_INSIDE), IP_KEEP);
	assert_ends(&pkt, EXT, packet_sport(&pkt), REMOTE, 80);
	packet_l4(&pkt, IPPROTO_TCP, REMOTE, 80, EXT, packet_sport(&pkt), ACK);
	packet_blank(&pkt);
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_OUTSIDE), IP_KEEP);
	assert_ends(&pkt, REMOTE, 80, GUEST_A, 100);
	/* UDP without one */
	packet_l4(&pkt, IPPROTO_UDP, GUEST_A, 100, REMOTE, 80, 0);
	memset(pkt.bytes + PACKET_L3 + 26, 0, 2);
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_INSIDE), IP_KEEP);
	assert_int_equal(pkt.bytes[PACKET_L3 + 26] | pkt.bytes[PACKET_L3 + 27], 0);
	/* wrong stays wrong */
	packet_l4(&pkt, IPPROTO_UDP, GUEST_A, 100, REMOTE, 80, 0);
	pkt.bytes[PACKET_L3 + 27] ^= 1;
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_INSIDE), IP_KEEP);
	assert_false(packet_ok(&pkt));
	/* every payload word: so also the one that makes the sum 0xffff, or 0 */
	for (uint32_t word = 0; word < 65536; word++) {
		packet_l4(&pkt, word & 1 ? IPPROTO_UDP : IPPROTO_TCP, GUEST_A, 100, REMOTE, 80,
			  ACK);
		pkt.bytes[PACKET_L3 + 44] = word >> 8;
		pkt.bytes[PACKET_L3 + 45] = word;
		pkt.bytes[PACKET_L3 + 46] = word >> 9; /* both protocols see all sums */
		packet_seal(&pkt);
		nat_bed_run(&bed, &pkt, NAT_INSIDE);
		if (!packet_ok(&pkt))
			fail_msg("payload word %04x", word);
	}
}

static void
test_short_headers(void **state)
{
	struct packet pkt;

	packet_l4(&pkt, IPPROTO_TCP, GUEST_A, 100, REMOTE, 80, SYN);
	pkt.bytes[PACKET_L3 + 3] = 36; /* 16 bytes of TCP */
	packet_seal(&pkt);
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_INSIDE), DROP_NAT_BAD);
	packet_l4(&pkt, IPPROTO_TCP, GUEST_A, 100, REMOTE, 80, SYN);
	pkt.bytes[PACKET_L3 + 10] ^= 1;
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_INSIDE), DROP_BAD_CHECKSUM);
	packet_l4(&pkt, IPPROTO_TCP, GUEST_A, 100, REMOTE, 80, SYN);
	pkt.mbuf.data_len = pkt.mbuf.pkt_len = PACKET_L3 + 19;
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_INSIDE), DROP_BAD_FRAME);
	/* not a packet for NAT: as it came */
	packet_l4(&pkt, IPPROTO_TCP, IP(172, 16, 0, 1), 100, REMOTE, 80, SYN);
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_INSIDE), IP_KEEP);
	assert_int_equal(pkt.meta.nat, IP_NAT_NONE);
	assert_ends(&pkt, IP(172, 16, 0, 1), 100, REMOTE, 80);
}

/* The state of the one session. */
static struct nat_session_info
only_session(void)
{
	const struct nat_filter all = { 0 };
	struct nat_session_info info;
	uint32_t cursor = 0;

	assert_int_equal(nat_session_next(bed.nat, &cursor, &all, bed.now, &info), 1);
	return info;
}

static void
tcp(enum nat_side side, uint8_t flags)
{
	struct packet pkt;

	if (side == NAT_INSIDE)
		packet_l4(&pkt, IPPROTO_TCP, GUEST_A, 4000, REMOTE, 80, flags);
	else
		packet_l4(&pkt, IPPROTO_TCP, REMOTE, 80, EXT, 4000, flags);
	assert_int_equal(nat_bed_run(&bed, &pkt, side), IP_KEEP);
	assert_int_not_equal(pkt.meta.session, 0);
}

static void
test_tcp_states(void **state)
{
	tcp(NAT_INSIDE, SYN);
	assert_string_equal(only_session().state, "opening");
	assert_int_equal(only_session().expires, 240);
	tcp(NAT_OUTSIDE, SYN | ACK);
	tcp(NAT_INSIDE, ACK);
	assert_string_equal(only_session().state, "opening"); /* data of one side only */
	tcp(NAT_OUTSIDE, ACK);
	assert_string_equal(only_session().state, "established");
	assert_int_equal(only_session().expires, 7440);
	tcp(NAT_OUTSIDE, FIN | ACK);
	assert_string_equal(only_session().state, "closing");
	assert_int_equal(only_session().expires, 7440); /* half-closed is not closed */
	tcp(NAT_INSIDE, FIN | ACK);
	assert_string_equal(only_session().state, "closed");
	assert_int_equal(only_session().expires, 240);
	tcp(NAT_OUTSIDE, ACK);
	assert_string_equal(only_session().state, "closed");
	/* the same ports again */
	tcp(NAT_INSIDE, SYN);
	assert_string_equal(only_session().state, "opening");
	tcp(NAT_OUTSIDE, SYN | ACK);
	tcp(NAT_INSIDE, ACK);
	tcp(NAT_OUTSIDE, ACK);
	/* a reset, and one that was none */
	tcp(NAT_OUTSIDE, RST);
	assert_string_equal(only_session().state, "reset");
	assert_int_equal(only_session().expires, 240);
	tcp(NAT_INSIDE, ACK);
	assert_string_equal(only_session().state, "established");
	assert_int_equal(nat_count(bed.nat), 1);
}

static void
test_rules_refused(void **state)
{
	const uint32_t ext = htonl(EXT);
	struct nat_snat snat = {
		.guest = NAT_GUEST_ANY, .ext = &ext, .n_ext = 1, .port_low = 1, .port_high = 2
	};
	struct nat_dnat dnats[2] = {
		{ IPPROTO_TCP, ext, 80, 90, htonl(GUEST_A), 80, 0 },
		{ IPPROTO_TCP, ext, 90, 91, htonl(GUEST_A), 80, 0 },
	};
	uint32_t bad;

	assert_int_equal(nat_rules_set(bed.nat, &snat, 1, dnats, 2, &bad), -EEXIST);
	assert_int_equal(bad, 2);
	dnats[1].ext_low = 91;
	assert_int_equal(nat_rules_set(bed.nat, &snat, 1, dnats, 2, &bad), 0);
	dnats[1].inside_low = 65535;
	dnats[1].ext_high = 92;
	assert_int_equal(nat_rules_set(bed.nat, &snat, 1, dnats, 2, &bad), -EINVAL);
	assert_int_equal(bad, 2);
	snat.port_low = 0;
	assert_int_equal(nat_rules_set(bed.nat, &snat, 1, NULL, 0, &bad), -EINVAL);
	assert_int_equal(bad, 0);
	snat.port_low = 1;
	snat.mapping = NAT_MAP_ADDRESS_PORT_DEPENDENT;
	snat.filtering = NAT_FILTER_NONE;
	assert_int_equal(nat_rules_set(bed.nat, &snat, 1, NULL, 0, &bad), -EINVAL);
	assert_true(nat_is_external(bed.nat, ext));
	assert_false(nat_is_external(bed.nat, ext + 1));
}

static void
test_rule_order(void **state)
{
	const uint32_t ext[3] = { htonl(EXT), htonl(EXT + 1), htonl(EXT + 2) };
	struct nat_snat snats[3] = {
		{ htonl(IP(10, 0, 0, 0)), 8, NAT_GUEST_ANY, NAT_OUT_ANY, &ext[0], 1, 1024, 65535 },
		{ htonl(GUEST_A), 32, NAT_GUEST_ANY, 5, &ext[1], 1, 1024, 65535 },
		{ 0, 0, 3, NAT_OUT_ANY, &ext[2], 1, 1024, 2047 },
	};
	struct packet pkt;
	uint32_t bad;

	assert_int_equal(nat_rules_set(bed.nat, snats, 3, NULL, 0, &bad), 0);
	/* `out` is 0 here: not interface 5 */
	packet_l4(&pkt, IPPROTO_TCP, GUEST_A, 4000, REMOTE, 80, SYN);
	nat_bed_run(&bed, &pkt, NAT_INSIDE);
	assert_int_equal(packet_src(&pkt), EXT);
	snats[1].out = 0;
	assert_int_equal(nat_rules_set(bed.nat, snats, 3, NULL, 0, &bad), 0);
	packet_l4(&pkt, IPPROTO_TCP, GUEST_A, 4001, REMOTE, 80, SYN);
	nat_bed_run(&bed, &pkt, NAT_INSIDE);
	assert_int_equal(packet_src(&pkt), EXT + 1);
	bed.guest = 3;
	packet_l4(&pkt, IPPROTO_TCP, GUEST_A, 4002, REMOTE, 80, SYN);
	nat_bed_run(&bed, &pkt, NAT_INSIDE);
	assert_int_equal(packet_src(&pkt), EXT + 2);
	assert_in_range(packet_sport(&pkt), 1024, 2047);
}

/* A rule without addresses: what it matches is left alone, unless a longer prefix is. */
static void
test_exception(void **state)
{
	const uint32_t ext = htonl(EXT);
	const struct nat_snat snats[] = {
		{ 0, 0, 3, NAT_OUT_ANY, NULL, 0, 1024, 65535 },
		{ htonl(IP(10, 0, 0, 0)), 8, NAT_GUEST_ANY, NAT_OUT_ANY, &ext, 1, 1024, 65535 },
		{ htonl(GUEST_B), 32, 3, NAT_OUT_ANY, &ext, 1, 1024, 65535 },
	};
	const struct nat_dnat dnat = {
		IPPROTO_TCP, htonl(EXT), 8080, 8080, htonl(GUEST_A), 80, 3,
	};
	struct packet pkt;
	uint32_t bad;

	assert_int_equal(nat_rules_set(bed.nat, snats, 3, &dnat, 1, &bad), 0);
	bed.guest = 3;
	packet_l4(&pkt, IPPROTO_TCP, GUEST_A, 4000, REMOTE, 80, SYN);
	assert_int_equal(nat_bed_run(&bed, &pkt, NAT_INSIDE), IP_KEEP);
	assert_int_equal(packet_src(&pkt), GUEST_A);
	assert_int_equal(nat_count(bed.nat), 0);
	packet_l4(&pkt, IPPROTO_TCP, GUEST_B, 4000, REMOTE, 80, SYN);
	nat_bed_run(&bed, &pkt, NAT_INSIDE);
	assert_int_equal(packet_src(&pkt), EXT);
	/* it is forwarded to, all the same */
	assert_true(comes_in(IPPROTO_TCP, REMOTE, 1234, 8080, GUEST_A, 80));
	packet_l4(&pkt, IPPROTO_TCP, GUEST_A, 80, REMOTE, 1234, SYN | ACK);
	nat_bed_run(&bed, &pkt, NAT_INSIDE);
	assert_int_equal(packet_src(&pkt), EXT);
	assert_int_equal(packet_sport(&pkt), 8080);
	bed.guest = 4;
	packet_l4(&pkt, IPPROTO_TCP, GUEST_A + 9, 4000, REMOTE, 80, SYN);
	nat_bed_run(&bed, &pkt, NAT_INSIDE);
	assert_int_equal(packet_src(&pkt), EXT);
}

/* One socket, two ways out: each has the address of its own, and one port for all remote ends. */
static void
test_two_uplinks(void **state)
{
	const uint32_t ext[2] = { htonl(EXT), htonl(EXT + 1) };
	const struct nat_snat snats[2] = {
		{ 0, 0, NAT_GUEST_ANY, 1, &ext[0], 1, 1024, 65535 },
		{ 0, 0, NAT_GUEST_ANY, 2, &ext[1], 1, 1024, 65535 },
	};
	uint16_t ports[2] = { 0, 0 };
	struct packet pkt;
	uint32_t bad;

	assert_int_equal(nat_rules_set(bed.nat, snats, 2, NULL, 0, &bad), 0);
	for (uint32_t i = 0; i < 8; i++) {
		const uint16_t out = i % 2;

		packet_l4(&pkt, IPPROTO_UDP, GUEST_A, 4000, REMOTE + i, 53, 0);
		nat_bed_parse(&pkt);
		nat_classify(bed.nat, 0, bed.now, NAT_INSIDE, 0, &pkt.meta, 1);
		pkt.meta.flags |= IP_SNAT;
		pkt.meta.out = 1 + out;
		nat_translate(bed.nat, 0, bed.now, NAT_INSIDE, 0, &pkt.meta, 1);
		assert_int_equal(pkt.meta.drop, IP_KEEP);
		assert_int_equal(packet_src(&pkt), EXT + out);
		assert_true(packet_ok(&pkt));
		if (i < 2)
			ports[out] = packet_sport(&pkt);
		assert_int_equal(packet_sport(&pkt), ports[out]);
		assert_true(comes_in(IPPROTO_UDP, REMOTE + i, 53, packet_sport(&pkt), GUEST_A,
				     4000) == (out == 0));
	}
	/* all ends of both mappings go, whichever was first */
	bed.now += 1000;
	for (int i = 0; i < 4; i++)
		nat_age(bed.nat, bed.now);
	assert_int_equal(nat_count(bed.nat), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mapping, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filtering, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dnat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_to_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hairpin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hairpin_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_icmp_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_echo, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fragments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_checksums, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_headers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tcp_states, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rules_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rule_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exception, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_uplinks, setup, teardown),
	};

	fake_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
