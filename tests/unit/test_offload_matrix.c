/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums and segmentation from every kind of source to every kind of port: what crosses the wire
 * is what the sender meant, and only in a form that the port has said it takes.
 *
 * Each packet goes through bridge and egress to 32 ports, one for each set of caps: as a flood, so
 * that all of them share it, and to each alone.
 */
#include <linux/virtio_net.h>
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
#include "vnet_hdr.h"

#define IN 100   /* id of the port that packets come in by */
#define VID 0x65 /* of l4_frame's inner tag */
#define CAPS_SETS (PORT_CAP_TAGGED * 2)
#define MSS 1000
#define GSO_UDP_L4 5 /* VIRTIO_NET_HDR_GSO_UDP_L4, newer than Debian's headers */

/* What a sender says of its checksum. */
enum form {
	FORM_BLANK,    /* somebody is to fill it in */
	FORM_COMPLETE, /* nothing */
	FORM_VERIFIED, /* somebody has found it right */
	FORM_WRONG,    /* nothing, and it is wrong: for the receiver to find out */
	FORM_GSO,      /* blank, and to be cut */
	FORMS
};

enum source {
	SOURCE_GUEST, /* flags and extras of a vif's ring */
	SOURCE_HOST,  /* a vnet header: tap, netdev, vhost */
	SOURCE_WIRE,  /* a NIC */
	SOURCES
};

/* The tags of a frame as it comes in and goes out. */
struct way {
	uint16_t in_vid, out_vid; /* of the ports */
	int in_tags, out_tags;
};

static const struct way ways[] = {
	{ 0, 0, 0, 0 },
	{ 0, 0, 1, 1 },
	{ VID, 0, 0, 1 },
	{ 0, VID, 1, 0 },
};

static const char *const form_names[FORMS] = { "blank", "complete", "verified", "wrong", "gso" };
static const char *const source_names[SOURCES] = { "guest", "host", "wire" };

/* A packet under test. */
struct trial {
	enum source source;
	enum form form;
	const struct way *way;
	struct l4_frame sent;     /* as the sender gave it */
	struct l4_frame received; /* as one whole packet should look behind the switch */
};

static struct trial trial;
static struct fake_port *outs[CAPS_SETS];
static uint32_t caps_under_test;

#define check(condition)                                                                     \
	do {                                                                                 \
		if (!(condition))                                                            \
			fail_msg("%s, %s, %sv%d, tags %d to %d, caps 0x%x: not " #condition, \
				 source_names[trial.source], form_names[trial.form],         \
				 trial.sent.udp ? "UDP" : "TCP", trial.sent.ipv6 ? 6 : 4,    \
				 trial.way->in_tags, trial.way->out_tags, caps_under_test);  \
	} while (0)

static bool
source_has(enum source source, enum form form, bool udp)
{
	if (source == SOURCE_WIRE)
		return form != FORM_BLANK && form != FORM_GSO;
	return !(source == SOURCE_GUEST && form == FORM_GSO && udp);
}

static void
describe_host(struct rte_mbuf *pkt)
{
	const bool udp = trial.sent.udp;
	struct virtio_net_hdr hdr = { 0 };

	if (trial.form == FORM_VERIFIED)
		hdr.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	if (trial.form == FORM_BLANK || trial.form == FORM_GSO) {
		hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		hdr.csum_start = trial.sent.l4;
		hdr.csum_offset = udp ? 6 : 16;
	}
	if (trial.form == FORM_GSO) {
		hdr.gso_type = udp             ? GSO_UDP_L4 :
			       trial.sent.ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 :
						 VIRTIO_NET_HDR_GSO_TCPV4;
		hdr.gso_size = MSS;
		hdr.hdr_len = trial.sent.data;
	}
	assert_int_equal(vnet_hdr_read(pkt, &hdr, 0), 0);
}

static struct rte_mbuf *
make_packet(struct rte_mempool *pool)
{
	struct rte_mbuf *pkt = l4_frame_mbuf(&trial.sent, pool, 300, 700);

	assert_non_null(pkt);
	if (trial.source == SOURCE_HOST)
		describe_host(pkt);
	else if (trial.form == FORM_BLANK)
		assert_int_equal(offload_describe(pkt), 0);
	else if (trial.form == FORM_GSO)
		assert_int_equal(offload_describe_gso(pkt, MSS, trial.sent.ipv6), 0);
	else if (trial.form == FORM_VERIFIED)
		pkt->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return pkt;
}

static void
build(struct l4_frame *f, int tags, bool udp, bool ipv6, uint32_t payload)
{
	*f = (struct l4_frame){
		.tags = tags,
		.ipv6 = ipv6,
		.udp = udp,
		.tcp_options = 12,
		.tcp_flags = 0x19,
		.payload = payload,
	};
	l4_frame_build(f);
	if (trial.form == FORM_COMPLETE || trial.form == FORM_VERIFIED)
		l4_frame_seal(f);
}

static bool
in_caps(uint32_t v4, uint32_t v6)
{
	if (trial.way->out_tags > 0 && !(caps_under_test & PORT_CAP_TAGGED))
		return false;
	return caps_under_test & (trial.sent.ipv6 ? v6 : v4);
}

static bool
takes_blank(void)
{
	return in_caps(PORT_CAP_CSUM_IPV4, PORT_CAP_CSUM_IPV6);
}

static bool
takes_super(void)
{
	return !trial.sent.udp && in_caps(PORT_CAP_TSO_IPV4, PORT_CAP_TSO_IPV6);
}

/* The checksum field of a packet, by what is said of it. */
static void
check_checksum(const struct rte_mbuf *pkt, const struct l4_frame *f)
{
	check(l4_frame_ipv4_ok(f));
	if (pkt->ol_flags & OFFLOAD_BLANK_MASK) {
		check((pkt->ol_flags & RTE_MBUF_F_TX_L4_MASK) ==
		      (f->udp ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM));
		check(pkt->ol_flags & (f->ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4));
		check(!(pkt->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_GOOD));
		check(pkt->l2_len == f->l3 && pkt->l2_len + pkt->l3_len == f->l4);
		check(l4_frame_field(f) == l4_frame_pseudo(f));
		return;
	}
	if (trial.form == FORM_WRONG) {
		check(l4_frame_field(f) == 0xdead);
		check((pkt->ol_flags & ~POOL_FLAGS) == 0);
		return;
	}
	check(l4_frame_field(f) == l4_frame_checksum(f));
	check(!(pkt->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_GOOD) == (trial.form == FORM_COMPLETE));
}

/* Everything but the transport checksum. */
static void
check_bytes(const struct l4_frame *f)
{
	const struct l4_frame *want = &trial.received;
	const uint32_t field = want->l4 + (want->udp ? 6 : 16);

	check(f->len == want->len);
	check(memcmp(f->bytes, want->bytes, field) == 0);
	check(memcmp(f->bytes + field + 2, want->bytes + field + 2, f->len - field - 2) == 0);
}

/* One of the packets that a super-packet was cut into. */
static void
check_segment(const struct l4_frame *f, uint32_t i)
{
	const struct l4_frame *want = &trial.received;
	const uint32_t done = i * MSS, len = RTE_MIN(want->payload - done, (uint32_t)MSS);
	const uint32_t ip_len = f->len - f->l3 - (f->ipv6 ? 40 : 0);

	check(f->len == f->data + len);
	check(memcmp(f->bytes, want->bytes, f->l3) == 0);
	check(memcmp(f->bytes + f->data, want->bytes + want->data + done, len) == 0);
	check(l4_frame_be(f, f->l3 + (f->ipv6 ? 4 : 2), 2) == ip_len);
	if (f->udp) {
		check(l4_frame_be(f, f->l4 + 4, 2) == 8 + len);
		return;
	}
	check(l4_frame_be(f, f->l4 + 4, 4) == l4_frame_be(want, want->l4 + 4, 4) + done);
	check(f->bytes[f->l4 + 13] == (done + len == want->payload ? 0x19 : 0x10));
}

/* What came out of a port. */
static void
check_out(struct fake_port *out)
{
	const uint32_t n = (trial.received.payload + MSS - 1) / MSS;
	const bool may_blank = trial.form == FORM_BLANK || trial.form == FORM_GSO;
	static struct l4_frame f;
	bool is_cut;

	caps_under_test = out->port.caps;
	is_cut = trial.form == FORM_GSO && !takes_super();
	check(out->n_out == (is_cut ? n : 1));
	for (uint32_t i = 0; i < out->n_out; i++) {
		const struct rte_mbuf *pkt = out->out[i];
		const bool super = pkt->ol_flags & OFFLOAD_SEG_MASK;

		l4_frame_read(&f, pkt, &trial.received);
		check(super == (trial.form == FORM_GSO && !is_cut));
		if (super)
			check(pkt->tso_segsz == MSS &&
			      (uint32_t)pkt->l2_len + pkt->l3_len + pkt->l4_len == f.data);
		else
			check(!(pkt->ol_flags & OFFLOAD_BLANK_MASK) ==
			      !(may_blank && takes_blank()));
		if (is_cut)
			check_segment(&f, i);
		else
			check_bytes(&f);
		check_checksum(pkt, &f);
	}
	for (struct rte_mbuf *pkt = fake_take(out); pkt != NULL; pkt = fake_take(out))
		rte_pktmbuf_free(pkt);
}

/* To all ports at once, then to each alone. */
static void
run_trial(struct fake_switch *sw, struct fake_port *in)
{
	const struct way *way = trial.way;
	const uint16_t vid = way->in_vid | way->out_vid | (way->in_tags > 0 ? VID : 0);
	uint64_t dst = 0;

	in->port.vlan = fake_vlan(way->in_vid);
	memcpy(&dst, trial.sent.bytes, 6);
	for (uint32_t caps = 0; caps < CAPS_SETS; caps++)
		outs[caps]->port.vlan = fake_vlan(way->out_vid);
	fake_send(sw, in, make_packet(sw->pool));
	fake_run(sw);
	for (uint32_t caps = 0; caps < CAPS_SETS; caps++)
		check_out(outs[caps]);
	for (uint32_t caps = 0; caps < CAPS_SETS; caps++) {
		assert_int_equal(fdb_set(sw->bridge->fdb, fdb_key(dst, vid), outs[caps]->port.id, 0,
					 sw->worker->now),
				 0);
		fake_send(sw, in, make_packet(sw->pool));
		fake_run(sw);
		check_out(outs[caps]);
	}
	fdb_remove(sw->bridge->fdb, fdb_key(dst, vid));
	fake_assert_balance(sw);
}

static void
test_matrix(void **state)
{
	static const uint32_t payloads[] = { 1, 999, 1400 }, gso_payloads[] = { 1001, 5000, 20001 };
	struct fake_switch *sw = *state;
	struct fake_port *in = fake_port_add(sw, IN, 0);
	unsigned int n = 0;

	for (uint32_t caps = 0; caps < CAPS_SETS; caps++) {
		outs[caps] = fake_port_add(sw, caps, 0);
		outs[caps]->port.caps = caps;
	}
	for (unsigned int i = 0; i < SOURCES * FORMS * RTE_DIM(ways) * 4 * 3; i++) {
		const unsigned int kind = i / 3 % 4, rest = i / 12;
		const bool udp = kind & 1, ipv6 = kind & 2;
		uint32_t payload;

		trial.source = rest % SOURCES;
		trial.form = rest / SOURCES % FORMS;
		trial.way = &ways[rest / SOURCES / FORMS];
		if (!source_has(trial.source, trial.form, udp))
			continue;
		payload = (trial.form == FORM_GSO ? gso_payloads : payloads)[i % 3];
		build(&trial.sent, trial.way->in_tags, udp, ipv6, payload);
		build(&trial.received, trial.way->out_tags, udp, ipv6, payload);
		/* a tag that the switch writes has no priority */
		if (trial.way->out_tags > trial.way->in_tags)
			l4_frame_put(&trial.received, 14, VID, 2);
		run_trial(sw, in);
		n++;
	}
	assert_int_equal(n, 4 * 3 * (4 * (5 + 5 + 3) - 2));
}

static int
setup(void **state)
{
	struct fake_switch *sw = calloc(1, sizeof(*sw));

	assert_non_null(sw);
	*state = sw;
	return fake_switch_setup(sw);
}

static int
teardown(void **state)
{
	fake_switch_teardown(*state);
	free(*state);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_matrix, setup, teardown),
	};

	fake_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
