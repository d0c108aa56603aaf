/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Merging of TCP segments: what is merged, what must not be, and that cutting a merged packet gives
 * back what came in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_port.h"
#include "gro.h"
#include "l4_frame.h"
#include "offload.h"
#include "test_pool.h"

#define ALL_CAPS (PORT_CAPS_OFFLOAD | PORT_CAP_TAGGED)
#define ACK 0x10
#define PSH 0x08
#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define URG 0x20
#define ECE 0x40
#define CWR 0x80
#define MSS 1000
#define ROUNDS 300

/* A TCP segment: what may differ. All zero: the first of 1000 bytes of flow 0. */
struct spec {
	bool ipv6;
	int tags;
	int tcp_options;
	int ip_options;
	uint32_t flow;
	uint32_t at;     /* offset of its payload in the stream */
	int32_t payload; /* 0: MSS; -1: none */
	uint32_t padding;
	uint8_t flags; /* beside ACK */
	bool no_ack;
	uint32_t more_ack, more_win, more_ttl, more_tos, more_mac, more_vid, more_option,
		more_label;
	uint16_t id; /* at DF: any */
	bool no_df, evil, fragment;
	bool wrong_l4, wrong_ip; /* checksums */
	bool verified;
	uint32_t first; /* bytes in the first mbuf; 0: all that fit */
};

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
	/* the pool that fake_switch_setup() looks for */
	pool = test_pool_create("mbufs", 8191);
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
add(struct l4_frame *f, uint32_t offset, uint32_t more, int bytes)
{
	l4_frame_put(f, offset, l4_frame_be(f, offset, bytes) + more, bytes);
}

static void
build_ip(struct l4_frame *f, const struct spec *spec)
{
	if (spec->ipv6) {
		add(f, f->l3, spec->more_tos << 20 | spec->more_label, 4);
		add(f, f->l3 + 7, spec->more_ttl, 1);
		return;
	}
	add(f, f->l3 + 1, spec->more_tos, 1);
	l4_frame_put(f, f->l3 + 4, spec->id, 2);
	l4_frame_put(f, f->l3 + 6,
		     (spec->no_df ? 0 : 0x4000) | (spec->evil ? 0x8000 : 0) |
			     (spec->fragment ? 0x2000 : 0),
		     2);
	add(f, f->l3 + 8, spec->more_ttl, 1);
}

static void
build(struct l4_frame *f, const struct spec *spec)
{
	*f = (struct l4_frame){
		.tags = spec->tags,
		.ipv6 = spec->ipv6,
		.ip_options = spec->ip_options,
		.tcp_options = spec->tcp_options,
		.tcp_flags = spec->flags | (spec->no_ack ? 0 : ACK),
		.payload = spec->payload == 0 ? MSS :
			   spec->payload < 0  ? 0 :
						spec->payload,
		.padding = spec->padding,
	};
	l4_frame_build(f);
	add(f, 5, spec->more_mac, 1);
	if (spec->tags > 0)
		add(f, 15, spec->more_vid, 1);
	build_ip(f, spec);
	add(f, f->l4, spec->flow, 2);
	add(f, f->l4 + 4, spec->at, 4);
	add(f, f->l4 + 8, spec->more_ack, 4);
	add(f, f->l4 + 14, spec->more_win, 2);
	if (spec->tcp_options > 0)
		add(f, f->data - 1, spec->more_option, 1);
	for (uint32_t i = 0; i < f->payload; i++)
		f->bytes[f->data + i] = (spec->at + i) * 7 + ((spec->at + i) >> 8) + spec->flow;
	l4_frame_seal(f);
	if (spec->wrong_l4)
		f->bytes[f->l4 + 17] ^= 1;
	if (spec->wrong_ip && !spec->ipv6)
		f->bytes[f->l3 + 11] ^= 1;
}

static struct rte_mbuf *
make(const struct spec *spec)
{
	static struct l4_frame f;
	struct rte_mbuf *pkt;

	build(&f, spec);
	pkt = l4_frame_mbuf(&f, pool, spec->first != 0 ? spec->first : 2000, 900);
	assert_non_null(pkt);
	if (spec->verified)
		pkt->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return pkt;
}

/* gro_merge(), and check what it says. */
static uint16_t
merge(uint32_t caps, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t before = 0, bytes, after = 0;
	uint16_t left;

	for (uint16_t i = 0; i < n; i++)
		before += pkts[i]->pkt_len;
	bytes = before;
	left = gro_merge(caps, pkts, n, &bytes);
	for (uint16_t i = 0; i < left; i++) {
		rte_mbuf_sanity_check(pkts[i], 1);
		after += pkts[i]->pkt_len;
	}
	assert_int_equal(bytes, after);
	return left;
}

/* A merged packet in canonical form. */
static void
assert_canonical(const struct rte_mbuf *pkt, const struct spec *spec)
{
	static struct l4_frame like, f;

	build(&like, spec);
	l4_frame_read(&f, pkt, &like);
	assert_true(pkt->pkt_len <= 65535);
	assert_int_equal(pkt->ol_flags & ~POOL_FLAGS,
			 RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM |
				 (spec->ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4));
	assert_int_equal(pkt->l2_len, f.l3);
	assert_int_equal(pkt->l2_len + pkt->l3_len, f.l4);
	assert_int_equal(pkt->l2_len + pkt->l3_len + pkt->l4_len, f.data);
	assert_int_equal(pkt->tso_segsz, like.payload);
	assert_int_equal(l4_frame_be(&f, f.l3 + (spec->ipv6 ? 4 : 2), 2),
			 f.len - f.l3 - (spec->ipv6 ? 40 : 0));
	assert_true(l4_frame_ipv4_ok(&f));
	assert_int_equal(l4_frame_field(&f), l4_frame_pseudo(&f));
}

static void
test_canonical(void **state)
{
	struct rte_mbuf *pkts[PORT_BURST_MAX];

	(void)state;
	for (unsigned int kind = 0; kind < 12; kind++) {
		struct spec spec = { .ipv6 = kind % 2,
				     .tags = kind / 2 % 3,
				     .tcp_options = kind / 6 * 12 };
		const struct spec first = spec;

		for (uint16_t i = 0; i < 20; i++, spec.at += MSS)
			pkts[i] = make(&spec);
		assert_int_equal(merge(ALL_CAPS, pkts, 20), 1);
		assert_canonical(pkts[0], &first);
		assert_int_equal(pkts[0]->nb_segs, 20);
		rte_pktmbuf_free(pkts[0]);
	}
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

/* Two segments, the second different in one way: how many packets are left? */
struct rule {
	const char *name;
	struct spec first, second;
	uint16_t left;
};

#define NEXT .at = MSS

static const struct rule rules[] = {
	{ "next", {}, { NEXT }, 1 },
	{ "next, IPv6", { .ipv6 = true }, { NEXT, .ipv6 = true }, 1 },
	{ "gap", {}, { .at = MSS + 1 }, 2 },
	{ "again", {}, { .at = 0 }, 2 },
	{ "shorter", {}, { NEXT, .payload = 1 }, 1 },
	{ "longer", {}, { NEXT, .payload = MSS + 1 }, 2 },
	{ "pure ack", {}, { NEXT, .payload = -1 }, 2 },
	{ "small segments", { .payload = 63 }, { .at = 63, .payload = 63 }, 2 },
	{ "just large enough", { .payload = 64 }, { .at = 64, .payload = 64 }, 1 },
	{ "psh at the end", {}, { NEXT, .flags = PSH }, 1 },
	{ "fin at the end", {}, { NEXT, .flags = PSH | FIN }, 1 },
	{ "psh first", { .flags = PSH }, { NEXT }, 2 },
	{ "fin first", { .flags = FIN }, { NEXT }, 2 },
	{ "syn", { .flags = SYN }, { NEXT, .flags = SYN }, 2 },
	{ "rst", {}, { NEXT, .flags = RST }, 2 },
	{ "urg", { .flags = URG }, { NEXT, .flags = URG }, 2 },
	{ "no ack", { .no_ack = true }, { NEXT, .no_ack = true }, 2 },
	{ "ece", { .flags = ECE }, { NEXT, .flags = ECE }, 1 },
	{ "ece changes", {}, { NEXT, .flags = ECE }, 2 },
	{ "cwr first", { .flags = CWR }, { NEXT }, 1 },
	{ "cwr later", {}, { NEXT, .flags = CWR }, 2 },
	{ "cwr twice", { .flags = CWR }, { NEXT, .flags = CWR }, 2 },
	{ "other ack", {}, { NEXT, .more_ack = 1 }, 2 },
	{ "other window", {}, { NEXT, .more_win = 1 }, 2 },
	{ "other ttl", {}, { NEXT, .more_ttl = 1 }, 2 },
	{ "other hop limit", { .ipv6 = true }, { NEXT, .ipv6 = true, .more_ttl = 1 }, 2 },
	{ "other tos", {}, { NEXT, .more_tos = 1 }, 2 },
	{ "other class", { .ipv6 = true }, { NEXT, .ipv6 = true, .more_tos = 1 }, 2 },
	{ "other label", { .ipv6 = true }, { NEXT, .ipv6 = true, .more_label = 1 }, 2 },
	{ "other port", {}, { NEXT, .flow = 1 }, 2 },
	{ "other mac", {}, { NEXT, .more_mac = 1 }, 2 },
	{ "other vlan", { .tags = 1 }, { NEXT, .tags = 1, .more_vid = 1 }, 2 },
	{ "tag and no tag", {}, { NEXT, .tags = 1 }, 2 },
	{ "options", { .tcp_options = 12 }, { NEXT, .tcp_options = 12 }, 1 },
	{ "other options",
	  { .tcp_options = 12 },
	  { NEXT, .tcp_options = 12, .more_option = 1 },
	  2 },
	{ "more options", { .tcp_options = 8 }, { NEXT, .tcp_options = 12 }, 2 },
	{ "ip options", { .ip_options = 8 }, { NEXT, .ip_options = 8 }, 2 },
	{ "extension header",
	  { .ip_options = 8, .ipv6 = true },
	  { NEXT, .ip_options = 8, .ipv6 = true },
	  2 },
	{ "df, any id", { .id = 7 }, { NEXT, .id = 7 }, 1 },
	{ "next id", { .no_df = true, .id = 0xffff }, { NEXT, .no_df = true, .id = 0 }, 1 },
	{ "same id", { .no_df = true, .id = 7 }, { NEXT, .no_df = true, .id = 7 }, 2 },
	{ "df changes", { .id = 7 }, { NEXT, .no_df = true, .id = 8 }, 2 },
	{ "evil", { .evil = true }, { NEXT, .evil = true }, 2 },
	{ "fragments", { .fragment = true }, { NEXT, .fragment = true }, 2 },
	{ "wrong checksum first", { .wrong_l4 = true }, { NEXT }, 2 },
	{ "wrong checksum", {}, { NEXT, .wrong_l4 = true }, 2 },
	{ "wrong checksum, IPv6", { .ipv6 = true }, { NEXT, .ipv6 = true, .wrong_l4 = true }, 2 },
	{ "wrong ip checksum first", { .wrong_ip = true, .verified = true }, { NEXT }, 2 },
	{ "wrong ip checksum", {}, { NEXT, .wrong_ip = true, .verified = true }, 2 },
	{ "padding", { .padding = 6 }, { NEXT, .payload = 3, .padding = 7 }, 1 },
	{ "padding in pieces", {}, { NEXT, .padding = 7, .first = 600 }, 2 },
	{ "pieces", { .first = 300 }, { NEXT, .first = 500 }, 1 },
	{ "headers alone", { .first = 54 }, { NEXT, .first = 54 }, 2 },
};

static void
test_rules(void **state)
{
	struct rte_mbuf *pkts[2];
	uint16_t left;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(rules); i++) {
		pkts[0] = make(&rules[i].first);
		pkts[1] = make(&rules[i].second);
		left = merge(ALL_CAPS, pkts, 2);
		if (left != rules[i].left)
			fail_msg("%s: %u packets left", rules[i].name, left);
		if (left == 1)
			assert_canonical(pkts[0], &rules[i].first);
		else
			assert_false(pkts[0]->ol_flags & OFFLOAD_BLANK_MASK);
		rte_pktmbuf_free_bulk(pkts, left);
	}
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static void
test_caps(void **state)
{
	static const struct {
		uint32_t caps;
		struct spec spec;
		uint16_t left;
	} cases[] = {
		{ PORT_CAP_TSO_IPV4, {}, 1 },
		{ PORT_CAP_TSO_IPV6, {}, 2 },
		{ PORT_CAP_TSO_IPV4, { .ipv6 = true }, 2 },
		{ PORT_CAP_TSO_IPV6, { .ipv6 = true }, 1 },
		{ PORT_CAPS_OFFLOAD, { .tags = 1 }, 2 },
		{ PORT_CAPS_OFFLOAD | PORT_CAP_TAGGED, { .tags = 2 }, 1 },
	};
	struct rte_mbuf *pkts[2];

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		struct spec next = cases[i].spec;

		next.at = MSS;
		pkts[0] = make(&cases[i].spec);
		pkts[1] = make(&next);
		assert_int_equal(merge(cases[i].caps, pkts, 2), cases[i].left);
		rte_pktmbuf_free_bulk(pkts, cases[i].left);
	}
}

/* 64 segments of 1448 bytes: 45 of them fit a packet. */
static void
test_limits(void **state)
{
	struct rte_mbuf *pkts[PORT_BURST_MAX];
	struct spec spec = { .payload = 1448 };

	(void)state;
	for (unsigned int i = 0; i < PORT_BURST_MAX; i++, spec.at += 1448)
		pkts[i] = make(&spec);
	assert_int_equal(merge(ALL_CAPS, pkts, PORT_BURST_MAX), 2);
	assert_int_equal(pkts[0]->pkt_len, 54 + 45 * 1448);
	assert_int_equal(pkts[1]->pkt_len, 54 + 19 * 1448);
	rte_pktmbuf_free_bulk(pkts, 2);
	/* four mbufs each */
	spec = (struct spec){ .first = 70, .payload = 900 + 900 + 16 };
	for (unsigned int i = 0; i < 40; i++, spec.at += spec.payload)
		pkts[i] = make(&spec);
	assert_int_equal(pkts[0]->nb_segs, 3);
	spec.payload = 901;
	assert_int_equal(merge(ALL_CAPS, pkts, 40), 2);
	assert_true(pkts[0]->nb_segs <= GRO_MBUFS_MAX);
	rte_pktmbuf_free_bulk(pkts, 2);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

/* What others have as well stays as it is; what one of them does is not for the others to see. */
static void
test_shared(void **state)
{
	struct spec spec[3] = { {}, { .at = MSS }, { .at = 2 * MSS } };
	static struct l4_frame f, like;
	struct rte_mbuf *pkts[3], *shared;

	(void)state;
	for (unsigned int who = 0; who < 3; who++) {
		for (unsigned int i = 0; i < 3; i++)
			pkts[i] = make(&spec[i]);
		shared = pkts[who];
		rte_mbuf_refcnt_update(shared, 1);
		assert_int_equal(merge(ALL_CAPS, pkts, 3), who == 1 ? 3 : 2);
		build(&like, &spec[who]);
		l4_frame_read(&f, shared, &like);
		assert_int_equal(f.len, like.len);
		assert_memory_equal(f.bytes, like.bytes, like.len);
		rte_pktmbuf_free(shared);
		rte_pktmbuf_free_bulk(pkts, who == 1 ? 3 : 2);
	}
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

/* Flows that alternate are merged, as long as they are not too many. */
static void
test_flows(void **state)
{
	struct rte_mbuf *pkts[PORT_BURST_MAX];

	(void)state;
	for (unsigned int n = 1; n <= 16; n++) {
		for (unsigned int i = 0; i < PORT_BURST_MAX; i++) {
			struct spec spec = { .flow = i % n, .at = i / n * MSS, .ipv6 = i % n % 2 };

			pkts[i] = make(&spec);
		}
		uint16_t left = merge(ALL_CAPS, pkts, PORT_BURST_MAX);

		if (n <= GRO_FLOWS)
			assert_int_equal(left, n);
		else
			assert_true(left > n && left <= PORT_BURST_MAX);
		rte_pktmbuf_free_bulk(pkts, left);
	}
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

/* Nothing overtakes: neither a fragment, nor a packet of the flow that cannot be appended. */
static void
test_order(void **state)
{
	static const struct spec between[] = {
		{ .flow = 1, .fragment = true },
		{ .at = MSS, .payload = -1, .more_win = 1 },
		{ .at = MSS, .ip_options = 4 },
		{ .at = MSS, .flags = RST, .payload = -1 },
	};
	struct spec first = {}, next = { .at = MSS };
	struct rte_mbuf *pkts[3], *udp;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(between); i++) {
		struct rte_mbuf *const sent[3] = { make(&first), make(&between[i]), make(&next) };

		memcpy(pkts, sent, sizeof(pkts));
		assert_int_equal(merge(ALL_CAPS, pkts, 3), 3);
		assert_memory_equal(pkts, sent, sizeof(pkts));
		rte_pktmbuf_free_bulk(pkts, 3);
	}
	/* UDP is of none of the flows */
	pkts[0] = make(&first);
	pkts[2] = make(&next);
	udp = make(&first);
	*rte_pktmbuf_mtod_offset(udp, uint8_t *, 14 + 9) = 17;
	pkts[1] = udp;
	assert_int_equal(merge(ALL_CAPS, pkts, 3), 2);
	assert_ptr_equal(pkts[1], udp);
	rte_pktmbuf_free_bulk(pkts, 2);
}

/* --- any batch: cut again, it is what it was --- */

static void
random_spec(struct spec *spec, uint32_t *at)
{
	uint32_t flow = random_below(12);

	*spec = (struct spec){
		.flow = flow,
		.ipv6 = flow % 2,
		.tags = flow % 3,
		.tcp_options = flow % 4 * 4,
		.at = at[flow],
		.id = at[flow] / 100,
		.no_df = flow % 5 == 0,
		.payload = 100,
		.verified = random_below(2),
		.first = random_below(4) == 0 ? 100 + random_below(60) : 0,
	};
	switch (random_below(40)) {
	case 0:
		spec->at += random_below(3) * 100;
		break;
	case 1:
		spec->payload = 1 + random_below(150);
		break;
	case 2:
		spec->payload = -1;
		break;
	case 3:
		spec->flags = 1 << random_below(8);
		break;
	case 4:
		spec->more_ack = 1;
		break;
	case 5:
		spec->more_ttl = 1;
		break;
	case 6:
		spec->more_tos = 1;
		break;
	case 7:
		spec->more_option = 1;
		break;
	case 8:
		spec->wrong_l4 = true, spec->verified = false;
		break;
	case 9:
		spec->wrong_ip = true;
		break;
	case 10:
		spec->ip_options = 8;
		break;
	case 11:
		spec->fragment = !spec->ipv6;
		break;
	case 12:
		spec->padding = random_below(40);
		break;
	case 13:
		spec->flags = PSH | random_below(2) * FIN;
		break;
	case 14:
		spec->id += 5;
		break;
	case 15:
		spec->more_mac = 1;
		break;
	default:
		break;
	}
	at[flow] = spec->at + (spec->payload > 0 ? spec->payload : 0);
}

/* Two frames are the same, but for what may change: the id where it says nothing, padding. */
static bool
same_frame(const struct spec *spec, const struct rte_mbuf *pkt)
{
	static struct l4_frame want, got;
	uint32_t len;

	build(&want, spec);
	l4_frame_read(&got, pkt, &want);
	len = want.len - want.padding;
	if (got.len != want.len && got.len != len)
		return false;
	if (!spec->ipv6 && !spec->no_df && !spec->fragment && !spec->wrong_ip) {
		l4_frame_put(&want, want.l3 + 4, 0, 2);
		l4_frame_put(&got, got.l3 + 4, 0, 2);
		if (!spec->wrong_l4) {
			l4_frame_seal(&want);
			l4_frame_put(&got, got.l3 + 10, l4_frame_be(&want, want.l3 + 10, 2), 2);
		}
		l4_frame_put(&want, want.l3 + 10, 0, 2);
		l4_frame_put(&got, got.l3 + 10, 0, 2);
	}
	return memcmp(want.bytes, got.bytes, len) == 0;
}

/* The packets that a batch becomes on a wire. */
static uint32_t
cut_all(struct rte_mbuf **pkts, uint16_t n, struct rte_mbuf **ret_cut)
{
	uint32_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		int cut;

		if (!(pkts[i]->ol_flags & RTE_MBUF_F_TX_TCP_SEG)) {
			ret_cut[k++] = pkts[i];
			continue;
		}
		cut = offload_segment(pkts[i], pool, false, &ret_cut[k], PORT_BURST_MAX - k);
		assert_true(cut > 1);
		k += cut;
		rte_pktmbuf_free(pkts[i]);
	}
	return k;
}

static void
test_any_batch(void **state)
{
	struct rte_mbuf *pkts[PORT_BURST_MAX], *cut[PORT_BURST_MAX];
	struct spec specs[PORT_BURST_MAX];
	unsigned int merged = 0;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		bool found[PORT_BURST_MAX] = { false };
		uint32_t at[12] = { 0 };
		uint16_t left;

		for (unsigned int i = 0; i < PORT_BURST_MAX; i++) {
			random_spec(&specs[i], at);
			pkts[i] = make(&specs[i]);
		}
		left = merge(ALL_CAPS, pkts, PORT_BURST_MAX);
		merged += PORT_BURST_MAX - left;
		assert_int_equal(cut_all(pkts, left, cut), PORT_BURST_MAX);
		/* each is the first of its flow that was sent and has not come */
		for (unsigned int i = 0; i < PORT_BURST_MAX; i++) {
			unsigned int k;
			bool same = false;

			for (k = 0; k < PORT_BURST_MAX && !same; k++)
				if (!found[k] && same_frame(&specs[k], cut[i]))
					same = found[k] = true;
			if (!same)
				fail_msg("round %d: packet %u was never sent", round, i);
			for (unsigned int before = 0; before + 1 < k; before++)
				if (!found[before] && specs[before].flow == specs[k - 1].flow)
					fail_msg("round %d: %u overtook %u", round, k - 1, before);
		}
		rte_pktmbuf_free_bulk(cut, PORT_BURST_MAX);
	}
	assert_true(merged > 5000);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

/* --- in the switch --- */

static int
switch_setup(void **state)
{
	struct fake_switch *sw = calloc(1, sizeof(*sw));

	assert_non_null(sw);
	*state = sw;
	return fake_switch_setup(sw);
}

static int
switch_teardown(void **state)
{
	fake_switch_teardown(*state);
	free(*state);
	return 0;
}

static void
send_segments(struct fake_switch *sw, struct fake_port *from, unsigned int n)
{
	struct spec spec = {};

	for (unsigned int i = 0; i < n; i++, spec.at += MSS)
		fake_send(sw, from, make(&spec));
	fake_run(sw);
}

static void
test_egress(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *wire = fake_port_add(sw, 1, 0), *guest = fake_port_add(sw, 2, 0);
	const struct port_stats *stats = &sw->worker->stats[2];
	struct rte_mbuf *pkt;

	wire->port.wire = true;
	guest->port.caps = PORT_CAPS_OFFLOAD;
	send_segments(sw, wire, 10);
	assert_int_equal(guest->n_out, 1);
	assert_int_equal(guest->out[0]->pkt_len, 54 + 10 * MSS);
	assert_int_equal(stats->tx_packets, 1);
	assert_int_equal(stats->merged, 9);
	assert_int_equal(stats->tx_bytes, 54 + 10 * MSS);
	fake_assert_balance(sw);
	while ((pkt = fake_take(guest)) != NULL)
		rte_pktmbuf_free(pkt);
	/* a full ring takes it or leaves it, as one packet */
	guest->room = 0;
	send_segments(sw, wire, 10);
	assert_int_equal(fake_drops(sw, guest, DROP_TX_FULL), 1);
	fake_assert_balance(sw);
	guest->room = UINT32_MAX;
	/* not from a guest, not to another wire, not to one that does not take it */
	wire->port.wire = false;
	send_segments(sw, wire, 10);
	assert_int_equal(guest->n_out, 10);
	wire->port.wire = true;
	guest->port.wire = true;
	send_segments(sw, wire, 10);
	assert_int_equal(guest->n_out, 20);
	guest->port.wire = false;
	guest->port.caps = 0;
	send_segments(sw, wire, 10);
	assert_int_equal(guest->n_out, 30);
	assert_int_equal(stats->merged, 18);
	fake_assert_balance(sw);
}

/* A flood is one packet for several ports: no port may change it. */
static void
test_flood(void **state)
{
	struct fake_switch *sw = *state;
	struct fake_port *wire = fake_port_add(sw, 1, 0),
			 *guests[2] = { fake_port_add(sw, 2, 0), fake_port_add(sw, 3, 0) };

	wire->port.wire = true;
	for (unsigned int i = 0; i < 2; i++)
		guests[i]->port.caps = PORT_CAPS_OFFLOAD;
	send_segments(sw, wire, 5);
	/* the first port sends while the second has them still; then they are the second's alone */
	assert_int_equal(guests[0]->n_out + guests[1]->n_out, 5 + 1);
	fake_assert_balance(sw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_flows),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_any_batch),
		cmocka_unit_test_setup_teardown(test_egress, switch_setup, switch_teardown),
		cmocka_unit_test_setup_teardown(test_flood, switch_setup, switch_teardown),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
