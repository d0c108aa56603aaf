/* SPDX-License-Identifier: BSD-3-Clause */
/* Mirrors: who is copied where, what copies look like, that none is copied again, the balance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_port.h"
#include "l4_frame.h"
#include "mirror.h"
#include "offload.h"
#include "egress.h"

#define MAC_A "02:00:00:00:00:01"
#define MAC_B "02:00:00:00:00:02"
#define BROADCAST "ff:ff:ff:ff:ff:ff"
#define MSS 1000

struct fixture {
	struct fake_switch sw;
	struct fake_port *a, *b, *end;
	struct mirror_set *set;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	fake_switch_setup(&f->sw);
	f->a = fake_port_add(&f->sw, 1, 0);
	f->b = fake_port_add(&f->sw, 2, 0);
	f->end = fake_port_add(&f->sw, 3, 0);
	bridge_flood_remove(f->sw.bridge, f->sw.rcu, 3);
	f->end->port.bridge = NULL;
	f->end->port.caps = 0;
	f->set = calloc(1, sizeof(*f->set));
	f->sw.dp->mirrors = f->set;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	fake_assert_balance(&f->sw);
	f->sw.dp->mirrors = NULL;
	for (unsigned int i = 0; i < MIRRORS_MAX; i++)
		free(f->set->mirrors[i].counts);
	free(f->set);
	fake_switch_teardown(&f->sw);
	free(f);
	return 0;
}

/* A mirror of everything to the end, of nobody yet. */
static struct mirror *
mirror_add(struct fixture *f, unsigned int slot)
{
	struct mirror *mirror = &f->set->mirrors[slot];

	*mirror = (struct mirror){
		.out = f->end->port.id,
		.generation = f->end->port.generation,
		.vid = MIRROR_VID_ANY,
		.counts = aligned_alloc(RTE_CACHE_LINE_SIZE, WORKER_MAX * sizeof(*mirror->counts)),
	};
	assert_non_null(mirror->counts);
	memset(mirror->counts, 0, WORKER_MAX * sizeof(*mirror->counts));
	return mirror;
}

static void
look(struct fixture *f, unsigned int slot, enum mirror_way way, const struct fake_port *port)
{
	f->set->wanted[way][port->port.id] |= 1u << slot;
}

static void
send(struct fixture *f, struct fake_port *port, const char *dst, const char *src, uint16_t vid,
     uint32_t len)
{
	fake_send(&f->sw, port, fake_frame(&f->sw, dst, src, vid, len));
}

/* The next packet that came out is this frame, in whatever pieces, with or without a tag now. */
static void
expect_as(struct fixture *f, struct fake_port *port, const char *dst, const char *src, uint16_t vid,
	  uint32_t len, uint16_t now)
{
	struct rte_mbuf *got = fake_take(port), *want = fake_frame(&f->sw, dst, src, vid, len);
	uint8_t bytes[2048];

	if (vid == 0 && now != 0)
		assert_int_equal(vlan_push(want, VLAN_TPID_BE, now), 0);
	if (vid != 0 && now == 0)
		vlan_pop(want);
	assert_non_null(got);
	assert_int_equal(got->pkt_len, want->pkt_len);
	assert_memory_equal(rte_pktmbuf_read(got, 0, got->pkt_len, bytes),
			    rte_pktmbuf_mtod(want, void *), want->pkt_len);
	rte_pktmbuf_free(got);
	rte_pktmbuf_free(want);
}

static void
expect(struct fixture *f, struct fake_port *port, const char *dst, const char *src, uint16_t vid,
       uint32_t len)
{
	expect_as(f, port, dst, src, vid, len, vid);
}

static void
expect_nothing(struct fake_port *port)
{
	assert_null(fake_take(port));
}

static void
assert_counts(const struct mirror *mirror, uint64_t packets, uint64_t bytes, uint64_t lost)
{
	struct mirror_count sum;

	mirror_count(mirror->counts, &sum);
	assert_int_equal(sum.packets, packets);
	assert_int_equal(sum.bytes, bytes);
	assert_int_equal(sum.lost, lost);
}

/* One way, the other, both; nobody else's. */
static void
test_in_and_out(void **state)
{
	struct fixture *f = *state;
	const struct mirror *in = mirror_add(f, 0), *out = mirror_add(f, 31);

	look(f, 0, MIRROR_IN, f->a);
	look(f, 31, MIRROR_OUT, f->a);
	send(f, f->a, BROADCAST, MAC_A, 0, 100);
	send(f, f->b, BROADCAST, MAC_B, 7, 200);
	fake_run(&f->sw);
	expect(f, f->b, BROADCAST, MAC_A, 0, 100);
	expect(f, f->a, BROADCAST, MAC_B, 7, 200);
	expect(f, f->end, BROADCAST, MAC_A, 0, 100);
	expect(f, f->end, BROADCAST, MAC_B, 7, 200);
	expect_nothing(f->end);
	assert_counts(in, 1, 100, 0);
	assert_counts(out, 1, 200, 0);
}

/* What a port does not take has not left by it. */
static void
test_not_sent(void **state)
{
	struct fixture *f = *state;
	const struct mirror *out = mirror_add(f, 0);

	look(f, 0, MIRROR_OUT, f->b);
	f->b->room = 2;
	for (uint32_t len = 100; len < 105; len++)
		send(f, f->a, BROADCAST, MAC_A, 0, len);
	fake_run(&f->sw);
	expect(f, f->end, BROADCAST, MAC_A, 0, 100);
	expect(f, f->end, BROADCAST, MAC_A, 0, 101);
	expect_nothing(f->end);
	assert_counts(out, 2, 201, 0);
	assert_int_equal(fake_drops(&f->sw, f->b, DROP_TX_FULL), 3);
}

/* A port that takes all packets, and loses the first one. */
static uint16_t
lossy_tx(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts,
	 uint16_t n)
{
	(void)queue;
	port_drop_seen(worker, port, pkts[0], DROP_TX_ERROR);
	port_tx_lost(worker, port, DROP_TX_ERROR, 1, pkts[0]->pkt_len);
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

/* What the port drops itself has not left, and is not copied. */
static void
test_dropped_by_port(void **state)
{
	struct fixture *f = *state;
	struct port_type lossy = *f->b->port.type;
	const struct mirror *mirror = mirror_add(f, 0);

	lossy.tx_burst = lossy_tx;
	f->b->port.type = &lossy;
	look(f, 0, MIRROR_OUT, f->b);
	for (uint32_t len = 100; len < 103; len++)
		send(f, f->a, BROADCAST, MAC_A, 0, len);
	fake_run(&f->sw);
	for (uint32_t len = 101; len < 103; len++)
		expect(f, f->end, BROADCAST, MAC_A, 0, len);
	expect_nothing(f->end);
	assert_counts(mirror, 2, 101 + 102, 0);
}

/* The end is full, down, or gone: its own matter, and counted there. */
static void
test_end(void **state)
{
	struct fixture *f = *state;

	mirror_add(f, 0);
	look(f, 0, MIRROR_IN, f->a);
	f->end->room = 1;
	for (uint32_t len = 100; len < 103; len++)
		send(f, f->a, BROADCAST, MAC_A, 0, len);
	fake_run(&f->sw);
	assert_int_equal(fake_drops(&f->sw, f->end, DROP_TX_FULL), 2);
	f->end->room = UINT32_MAX;
	port_state_set(&f->end->port, false, PORT_FORWARDING);
	send(f, f->a, BROADCAST, MAC_A, 0, 100);
	fake_run(&f->sw);
	assert_int_equal(fake_drops(&f->sw, f->end, DROP_PORT_DOWN), 1);
	port_state_set(&f->end->port, true, PORT_FORWARDING);
	send(f, f->a, BROADCAST, MAC_A, 0, 1515);
	fake_run(&f->sw);
	assert_int_equal(fake_drops(&f->sw, f->end, DROP_MTU_EXCEEDED), 1);
	f->set->mirrors[0].generation++;
	send(f, f->a, BROADCAST, MAC_A, 0, 100);
	fake_run(&f->sw);
	assert_int_equal(f->end->n_out, 1);
}

/* VLANs by what they are on the port, tagged there or not. */
static void
test_vlan(void **state)
{
	struct fixture *f = *state;
	struct fake_port *access = fake_port_add(&f->sw, 4, 7);
	struct mirror *seven = mirror_add(f, 0);

	seven->vid = 7;
	look(f, 0, MIRROR_IN, f->a);
	look(f, 0, MIRROR_OUT, access);
	send(f, f->a, BROADCAST, MAC_A, 0, 100);
	send(f, f->a, BROADCAST, MAC_A, 7, 101);
	send(f, f->a, BROADCAST, MAC_A, 8, 102);
	fake_run(&f->sw);
	expect(f, f->end, BROADCAST, MAC_A, 7, 101);
	expect_as(f, f->end, BROADCAST, MAC_A, 7, 101, 0); /* as it is on access' wire */
	expect_nothing(f->end);
}

/* A bridge: each packet once, tagged if it is of a VLAN; not those that it refuses. */
static void
test_bridge(void **state)
{
	struct fixture *f = *state;
	struct fake_port *access = fake_port_add(&f->sw, 4, 7);
	struct mirror *mirror = mirror_add(f, 0);

	mirror->is_bridge = true;
	look(f, 0, MIRROR_IN, f->a);
	look(f, 0, MIRROR_IN, f->b);
	look(f, 0, MIRROR_IN, access);
	send(f, f->a, BROADCAST, MAC_A, 0, 100);
	send(f, f->b, BROADCAST, MAC_B, 9, 110);
	send(f, access, BROADCAST, "02:00:00:00:00:04", 0, 120);
	send(f, access, BROADCAST, "02:00:00:00:00:04", 8, 130);
	fake_run(&f->sw);
	expect(f, f->end, BROADCAST, MAC_A, 0, 100);
	expect(f, f->end, BROADCAST, MAC_B, 9, 110);
	expect_as(f, f->end, BROADCAST, "02:00:00:00:00:04", 0, 120, 7);
	expect_nothing(f->end);
	assert_int_equal(fake_drops(&f->sw, access, DROP_VLAN_MISMATCH), 1);
}

static void
test_cut(void **state)
{
	struct fixture *f = *state;
	struct rte_mbuf *frame = fake_frame(&f->sw, BROADCAST, MAC_A, 0, 256), *tail, *got;

	mirror_add(f, 0)->length = 300;
	look(f, 0, MIRROR_IN, f->a);
	tail = rte_pktmbuf_alloc(f->sw.pool);
	memset(rte_pktmbuf_append(tail, 300), 0xab, 300);
	assert_int_equal(rte_pktmbuf_chain(frame, tail), 0);
	fake_send(&f->sw, f->a, frame);
	send(f, f->a, BROADCAST, MAC_A, 0, 300);
	fake_run(&f->sw);
	got = fake_take(f->end);
	assert_int_equal(got->pkt_len, 300);
	assert_int_equal(got->nb_segs, rte_pktmbuf_is_contiguous(got) ? 1 : 2);
	rte_pktmbuf_free(got);
	expect(f, f->end, BROADCAST, MAC_A, 0, 300);
	got = fake_take(f->b);
	assert_int_equal(got->pkt_len, 556);
	rte_pktmbuf_free(got);
}

/* A super-packet is as it would be on a wire: its segments, with their checksums; cut or not. */
static void
test_super(void **state)
{
	static struct l4_frame shape = { .payload = 3500 }, got;
	static const uint32_t lengths[] = { 0, 100 };
	struct fixture *f = *state;
	struct rte_mbuf *pkt;

	mirror_add(f, 0);
	look(f, 0, MIRROR_IN, f->a);
	f->b->port.caps = PORT_CAPS_OFFLOAD | PORT_CAP_TAGGED;
	l4_frame_build(&shape);
	for (size_t i = 0; i < RTE_DIM(lengths); i++) {
		f->set->mirrors[0].length = lengths[i];
		pkt = l4_frame_mbuf(&shape, f->sw.pool, 300, 1500);
		assert_int_equal(offload_describe_gso(pkt, MSS, false), 0);
		fake_send(&f->sw, f->a, pkt);
		fake_run(&f->sw);
		/* the receiver's is whole, and still to be cut */
		pkt = fake_take(f->b);
		assert_true(pkt->ol_flags & RTE_MBUF_F_TX_TCP_SEG);
		assert_int_equal(pkt->pkt_len, shape.len);
		rte_pktmbuf_free(pkt);
		for (uint32_t left = shape.payload; left > 0; left -= RTE_MIN(left, MSS)) {
			pkt = fake_take(f->end);
			assert_non_null(pkt);
			assert_int_equal(pkt->ol_flags & OFFLOAD_BLANK_MASK, 0);
			if (lengths[i] != 0) {
				assert_int_equal(pkt->pkt_len, lengths[i]);
			} else {
				assert_int_equal(pkt->pkt_len, shape.data + RTE_MIN(left, MSS));
				l4_frame_read(&got, pkt, &shape);
				assert_int_equal(l4_frame_field(&got), l4_frame_checksum(&got));
			}
			rte_pktmbuf_free(pkt);
		}
		expect_nothing(f->end);
	}
}

/* What is checksum-blank is completed in the copy alone. */
static void
test_blank(void **state)
{
	static struct l4_frame shape = { .payload = 500, .udp = true }, got;
	struct fixture *f = *state;
	struct rte_mbuf *pkt;

	mirror_add(f, 0);
	look(f, 0, MIRROR_IN, f->a);
	f->b->port.caps = PORT_CAPS_OFFLOAD;
	l4_frame_build(&shape);
	pkt = l4_frame_mbuf(&shape, f->sw.pool, 300, 1500);
	assert_int_equal(offload_describe(pkt), 0);
	fake_send(&f->sw, f->a, pkt);
	fake_run(&f->sw);
	pkt = fake_take(f->b);
	assert_true(pkt->ol_flags & RTE_MBUF_F_TX_UDP_CKSUM);
	l4_frame_read(&got, pkt, &shape);
	assert_int_equal(l4_frame_field(&got), l4_frame_pseudo(&got));
	rte_pktmbuf_free(pkt);
	pkt = fake_take(f->end);
	assert_int_equal(pkt->ol_flags & OFFLOAD_BLANK_MASK, 0);
	l4_frame_read(&got, pkt, &shape);
	assert_int_equal(l4_frame_field(&got), l4_frame_checksum(&got));
	rte_pktmbuf_free(pkt);
}

/* --- copies that go on by another port --- */

/* As a VLAN of a NIC, or a tunnel: gives all to port a. */
static uint16_t
onward_tx(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts,
	  uint16_t n)
{
	struct port *to = datapath_port(worker->dp, 1);
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < n; i++) {
		bytes += pkts[i]->pkt_len;
		egress_copy(worker, to, pkts[i]);
	}
	port_tx_handed_on(worker, n, bytes);
	return n;
}

/* A port that is looked at carries the copies, too: they are not copied again. */
static void
test_no_loop(void **state)
{
	static struct l4_frame shape = { .payload = 3500 };
	struct fixture *f = *state;
	struct port_type onward = *f->end->port.type;
	const struct port_type *type = f->end->port.type;
	struct mirror *mirror = mirror_add(f, 0);
	struct rte_mbuf *pkt;

	onward.hands_on = true;
	onward.tx_burst = onward_tx;
	f->end->port.type = &onward;
	mirror->marks = true;
	look(f, 0, MIRROR_IN, f->b);
	look(f, 0, MIRROR_OUT, f->a);
	send(f, f->b, BROADCAST, MAC_B, 0, 100);
	fake_run(&f->sw);
	/* the packet, a copy of it as it came in, and one as it left */
	for (unsigned int i = 0; i < 3; i++)
		expect(f, f->a, BROADCAST, MAC_B, 0, 100);
	expect_nothing(f->a);
	assert_counts(mirror, 2, 200, 0);

	/* nor are segments of copies */
	f->set->wanted[MIRROR_IN][f->b->port.id] = 0;
	l4_frame_build(&shape);
	pkt = l4_frame_mbuf(&shape, f->sw.pool, 300, 1500);
	assert_int_equal(offload_describe_gso(pkt, MSS, false), 0);
	f->a->port.caps = PORT_CAPS_OFFLOAD;
	fake_send(&f->sw, f->b, pkt);
	fake_run(&f->sw);
	assert_counts(mirror, 3, 200 + shape.len, 0);
	f->end->port.type = type;
}

/* A burst's worth and more at once, whose copies fill batches while others are being sent. */
static void
test_many(void **state)
{
	struct fixture *f = *state;
	const struct mirror *mirror = mirror_add(f, 0);

	look(f, 0, MIRROR_IN, f->a);
	look(f, 0, MIRROR_OUT, f->b);
	for (uint32_t i = 0; i < 300; i++)
		send(f, f->a, BROADCAST, MAC_A, 0, 60 + i);
	fake_run(&f->sw);
	assert_int_equal(f->end->n_out, 600);
	assert_int_equal(f->b->n_out, 300);
	assert_counts(mirror, 600, 2 * (300 * 60 + 300 * 299 / 2), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_and_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dropped_by_port, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vlan, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bridge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_super, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blank, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_loop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
	};

	fake_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
